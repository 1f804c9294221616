"""Values kept between two numbers, ``clip(x, lo, hi)``: how maxima and minima of them are written."""

from __future__ import annotations

from typing import NamedTuple

from graphc.ir.expr import Expr
from graphc.ops.elementwise import maximum, minimum
from graphc.ops.leaves import constant
from graphc.rewriting.terms import carried_labels, leading

MAXIMUM, MINIMUM = (f(constant(1), constant(2)).op for f in (maximum, minimum))


class Clip(NamedTuple):
    """The arguments of ``minimum(maximum(x, lo), hi)``."""

    x: Expr
    lo: Expr
    hi: Expr

    def is_odd(self) -> bool:
        """Whether the bounds are each other's negative: -clip(x, -c, c) is clip(-x, -c, c)."""
        (low, a), (high, b) = leading(self.lo), leading(self.hi)
        return a is b and low == -high


def clip_of(node: Expr) -> Clip | None:
    """The smaller of a bound and of the larger of something and a bound, in whatever order; the bounds are scalars."""
    if node.op is not MINIMUM:
        return None
    for inner, hi in (node.operands, node.operands[::-1]):
        if inner.op is MAXIMUM and is_scalar(hi):
            for x, lo in (inner.operands, inner.operands[::-1]):
                if is_scalar(lo) and not is_scalar(x):
                    return Clip(x, lo, hi)
    return None


def is_scalar(x: Expr) -> bool:
    """One number, stretched or not."""
    return not x.ndim or not carried_labels(x)
