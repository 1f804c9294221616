"""A wrong gradient explained by a mistake in its derivation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from graphc.calculus import jacobian
from graphc.calculus.gradients import opened_at, raw_gradients
from graphc.checking import effort
from graphc.checking.case import Case
from graphc.checking.local_variants import wrong_locals
from graphc.checking.prove import Gradient
from graphc.checking.variants import Variant, forgotten, forgotten_pairs, forgotten_uses
from graphc.errors import GraphcError
from graphc.ir.expr import Expr, substitute
from graphc.ops.stopping import overridden, released
from graphc.rewriting.simplify import expand, simplify

MOST = 400  # variants that are tried


def misderived(case: Case, claim: Expr) -> Iterator[tuple[Variant, Expr]]:
    """Mistakes in the derivation of which the claim is the result, with what they come to; screened, not proved."""
    question = case.question
    if not isinstance(question, Gradient) or overridden([question.f]):
        return
    for variant, found in mistaken(question.f, question.x):
        if case.screen.same(found, claim):
            yield variant, found


def mistaken(f: Expr, x: Expr) -> Iterator[tuple[Variant, Expr]]:
    """Mistakes in deriving `f` by `x`, and what they come to."""
    free, opened = opened_at(f, x)
    back = {free: x}
    for variant in itertools.islice(variants(opened, free), MOST):
        if effort.ended():
            return
        try:
            (raw,) = raw_gradients(variant.changed, [free]) if not f.ndim else [jacobian(variant.changed, free)]
            found = substitute(released([raw]), back)[0]
        except GraphcError:
            continue
        local = [substitute([e], back)[0] if e is not None else None for e in (variant.right, variant.wrong)]
        yield variant._replace(right=local[0], wrong=local[1]), found


def variants(f: Expr, x: Expr) -> Iterator[Variant]:
    """The variants of `f` as it is declared, then with its defined functions opened, then in normal form."""
    forms = list(dict.fromkeys((f, expand(f), simplify(f))))
    for form in forms:
        yield from wrong_locals(form, x)
        yield from forgotten(form, x)
    for form in forms:
        yield from forgotten_pairs(form, x)
        yield from forgotten_uses(form, x)
