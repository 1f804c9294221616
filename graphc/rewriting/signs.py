"""Where a minus sign goes: into a difference that it turns around."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.rewriting.axes import Labels
from graphc.rewriting.terms import is_constant

Powers = list[tuple[Expr, Labels, Fraction]]


def absorbs_sign(f: Expr, labels: Labels, e: Fraction) -> bool:
    """Whether a minus sign can turn a difference around: -2*(t - y) is 2*(y - t)."""
    return f.op is ADD and e.denominator == 1 and e % 2 == 1 and any(c < 0 for c in f.attributes["coefficients"])


def sign_place(factors: Powers) -> int | None:
    """The place of a difference that a minus sign turns around, preferably of one without a constant."""
    places = [i for i, x in enumerate(factors) if absorbs_sign(*x)]
    return min(places, key=lambda i: is_constant(factors[i][0].operands[-1]), default=None)


def sign_bearer_in(node: Expr) -> Expr | None:
    """The difference in a contraction that a minus sign in front turns around."""
    if node.op is not CONTRACT or not summed(node):
        return None
    place = sign_place(factors_of(node))
    return None if place is None else node.operands[place]
