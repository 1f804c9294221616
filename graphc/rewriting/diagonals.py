"""Diagonal matrices less outer products, as Jacobians of softmax and its relatives are written."""

from __future__ import annotations

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import contract
from graphc.ops.leaves import EYE
from graphc.rewriting.signs import Powers
from graphc.rewriting.terms import entries_of, leading


def is_diagonal_less_columns(powers: Powers) -> bool:
    """Whether a product is a vector times an identity less vectors over the other axis, ``v_j (delta_ij - u_i)``."""
    arrays = [x for x in powers if x[0].ndim]
    totals = [x for x in arrays if x[0].op is ADD and sorted(x[1]) == [0, 1] and x[2] == 1]
    weights = {a for f, labels, _ in arrays if f not in [t for t, _, _ in totals] for a in labels if a >= 0}
    if len(totals) != 1 or len(weights) != 1:
        return False
    (total, labels, _), (axis,) = totals[0], weights
    deltas = 0
    for term in total.operands:
        entries = entries_of(term, total.shape)
        deltas += any(f.op is EYE for f, _ in entries)
        axes = {labels[a] for f, ls in entries if f.op is not EYE for a in ls if a >= 0}
        if axes != (set() if any(f.op is EYE for f, _ in entries) else {1 - axis}):
            return False
    return deltas == 1


def term_by_term(powers: Powers, shape: Shape) -> Expr:
    """Such a product without its scalars as the sum ``diag(v) - outer(u, v)``."""
    total, labels, _ = next(x for x in powers if x[0].op is ADD and sorted(x[1]) == [0, 1])
    weights = [x for x in powers if x[0] is not total and x[0].ndim]
    rows = [(f, tuple(min(a, 0) for a in ls), e) for f, ls, e in weights]  # v_j delta_ij is v_i delta_ij
    terms = []
    for term in total.operands:
        inner = [
            (f, tuple(labels[a] if a >= 0 else -1 for a in ls), e)
            for (f, ls), e in entries_of(term, total.shape).items()
        ]
        terms.append(contract([*(rows if any(f.op is EYE for f, _, _ in inner) else weights), *inner], shape))
    numbers = [c * leading(t)[0] for c, t in zip(total.attributes["coefficients"], total.operands, strict=True)]
    return make(ADD, tuple(terms), coefficients=tuple(numbers))
