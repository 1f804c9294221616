"""A wrong gradient explained by a mistake in its derivation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from graphc.calculus import jacobian
from graphc.calculus.gradients import opened_at, raw_gradients
from graphc.checking import effort
from graphc.checking.case import Case
from graphc.checking.local_variants import wrong_everywhere, wrong_locals
from graphc.checking.pairs import MEASURES, matching, row
from graphc.checking.prove import Gradient
from graphc.checking.variants import Variant, forgotten, forgotten_pairs, forgotten_uses
from graphc.errors import GraphcError
from graphc.ir.expr import Expr, substitute
from graphc.ops.stopping import overridden, released
from graphc.rewriting.simplify import expand, simplify

MOST = 400  # variants that are tried
PAIRS = 8  # pairs of mistakes that are tried
Vector = Any


class Misderived:
    """Mistakes in the derivation of which a claim is the result, with what they come to; screened, not proved."""

    def __init__(self, case: Case, claim: Expr) -> None:
        self.case = case
        self.claim = claim
        self.single: list[tuple[Variant, Expr, Vector]] = []

    def alone(self) -> Iterator[tuple[Variant, Expr]]:
        """One mistake."""
        question = self.case.question
        if not isinstance(question, Gradient) or overridden([question.f]):
            return
        for variant, found in mistaken(question.f, question.x):
            if self.case.screen.same(found, self.claim):
                yield variant, found
            values = row(self.case, found) if found.shape == self.claim.shape else None
            if values is not None:
                self.single.append((variant, found, values))

    def together(self) -> Iterator[tuple[Variant, Expr]]:
        """Two mistakes on different paths, whose effects add up, or in different factors, whose effects multiply."""
        right, wanted = row(self.case, self.case.answer), row(self.case, self.claim)
        if right is None or wanted is None:
            return
        rows = [values for *_, values in self.single]
        for measure, joined in zip(MEASURES, (_added, _multiplied), strict=True):
            for i, j in itertools.islice(matching(rows, measure, right, wanted), PAIRS):
                (a, first, _), (b, second, _) = self.single[i], self.single[j]
                found = joined(first, second, self.case.answer)
                if self.case.screen.same(found, self.claim):
                    yield Variant(a.kind, f"{a.sentence}; besides, {b.sentence}", a.changed), found


def _added(a: Expr, b: Expr, answer: Expr) -> Expr:
    return a + b - answer


def _multiplied(a: Expr, b: Expr, answer: Expr) -> Expr:
    return a * b / answer


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
        yield from wrong_everywhere(form, x)
        yield from forgotten_pairs(form, x)
        yield from forgotten_uses(form, x)
