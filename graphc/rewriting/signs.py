"""Where a minus sign goes: into a difference that it turns around."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.rewriting.axes import Labels
from graphc.rewriting.terms import is_constant

Powers = list[tuple[Expr, Labels, Fraction]]
ODD = frozenset(("sign", "tanh", "sin", "tan", "sinh", "arctan", "arcsin", "arctanh", "arcsinh", "erf"))
NESTED = 3  # products within a product that are looked into for a difference


def absorbs_sign(f: Expr, labels: Labels, e: Fraction) -> bool:
    """Whether a minus sign can turn a difference around: -2*(t - y) is 2*(y - t)."""
    return f.op is ADD and e.denominator == 1 and e % 2 == 1 and any(c < 0 for c in f.attributes["coefficients"])


def sign_place(factors: Powers) -> int | None:
    """The place of a difference that a minus sign turns around, preferably of one without a constant."""
    places = [i for i, x in enumerate(factors) if absorbs_sign(*x)]
    return min(places, key=lambda i: is_constant(factors[i][0].operands[-1]), default=None)


def odd_of_difference(f: Expr) -> bool:
    """An odd function of a difference: -sin(t - y) is sin(y - t)."""
    return f.op.name in ODD and absorbs_sign(f.operands[0], (), ONE)


def inner_place(factors: Powers, levels: int = NESTED) -> int | None:
    """The place of the factor of a contraction that a minus sign in front turns around: a difference, an odd function
    of one, or a product with one."""
    place = sign_place(factors)
    if place is not None:
        return place
    plain = [i for i, (_, _, e) in enumerate(factors) if e == 1]
    found = [i for i in plain if odd_of_difference(factors[i][0])]
    found += [i for i in plain if levels and not found and sign_bearer_in(factors[i][0], levels - 1) is not None]
    return next(iter(found), None)


def sign_bearer_in(node: Expr, levels: int = NESTED) -> Expr | None:
    """The difference in a contraction, or the odd function of one, that a minus sign in front turns around."""
    if node.op is not CONTRACT or not summed(node):
        return None
    place = inner_place(factors_of(node), levels)
    if place is None:
        return None
    f = node.operands[place]
    return sign_bearer_in(f, levels - 1) if f.op is CONTRACT else f
