"""The formula that wrong code computes, where the code cannot be traced: one mistake away from the right gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from graphc.calculus import grad
from graphc.checking.claims import names_in_play
from graphc.checking.code.formulas import Formulas, derivative, same
from graphc.checking.code.judged import Sample
from graphc.checking.edits import local_edits, order_edits, small_edits, whole_edits
from graphc.checking.prove import leaves
from graphc.checking.relations import paths
from graphc.checking.trees import tree_of
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr, make, substitute
from graphc.ops.leaves import SIZE, SYMBOL
from graphc.rewriting.simplify import expand

MOST = 400  # formulas that are tried


def guessed(formulas: Formulas, name: str, samples: Sequence[Sample]) -> Expr | None:
    """The first formula with the values of the code at every point."""
    candidates = itertools.chain(partial(formulas, name), mistaken(formulas, name))
    for candidate in itertools.islice(candidates, MOST):
        if all(same(candidate, formulas.values(s), s.comparisons[name].claim) for s in samples):
            return candidate
    return None


def partial(formulas: Formulas, name: str) -> Iterator[Expr]:
    """Gradients that take an intermediate for a constant."""
    x = formulas.symbols[name]
    opened = expand(formulas.loss)
    for f in (formulas.loss,) if opened is formulas.loss else (formulas.loss, opened):
        for parts in paths(f, x):
            frozen = {p: make(SYMBOL, (), name=f"?{i}", shape=p.shape, dtype=p.dtype) for i, p in enumerate(parts)}
            (held,) = substitute([f], frozen)
            if x in leaves([held]):
                yield substitute([grad(held, x)], {symbol: part for part, symbol in frozen.items()})[0]


def mistaken(formulas: Formulas, name: str) -> Iterator[Expr]:
    """The right gradient with one edit."""
    answer = derivative(formulas, name)
    names = names_in_play([formulas.loss, answer])
    tree = tree_of(str(answer))
    if tree is None:
        return
    sizes = [n for n, value in names.items() if not isinstance(value, Expr) or value.op is SIZE]
    whole = whole_edits(tree, answer.ndim, sizes)
    local = local_edits(tree, (), sizes, (), ())
    for edit in itertools.chain(small_edits(tree), whole, order_edits(tree), local):
        try:
            yield parse(edit.text, **names)
        except GraphcError:
            continue
