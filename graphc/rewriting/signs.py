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
    of one, or a product with one. What stands in two factors is a square: (x - m) @ P @ (x - m) keeps its sign.
    """
    single = [
        x for i, x in enumerate(factors) if not any(occurs(x[0], g) for g, _, _ in factors[:i] + factors[i + 1 :])
    ]
    place = sign_place(single)
    if place is not None:
        return factors.index(single[place])
    plain = [i for i, (_, _, e) in enumerate(factors) if e == 1]
    found = [i for i in plain if odd_of_difference(factors[i][0])]
    for i in plain if levels and not found else ():
        bearer = sign_bearer_in(factors[i][0], levels - 1)
        if bearer is not None and not any(occurs(bearer, g) for g, _, _ in factors[:i] + factors[i + 1 :]):
            found.append(i)
    return next(iter(found), None)


def occurs(x: Expr, factor: Expr, levels: int = NESTED) -> bool:
    """Whether `x` is a factor, or one of a product of matrices that is one."""
    if factor is x or not levels or factor.op is not CONTRACT or not summed(factor):
        return factor is x
    return any(occurs(x, g, levels - 1) for g in factor.operands)


def squared(factors: Powers, turned: set[Expr]) -> set[int]:
    """The places of the two factors that have the same one of the differences `turned`: (x - m) @ P @ (x - m)."""
    bearers = [f if absorbs_sign(f, ls, e) else sign_bearer_in(f) if e == 1 else None for f, ls, e in factors]
    return {i for i, b in enumerate(bearers) if b is not None and b in turned and bearers.count(b) == 2}


def sign_bearer_in(node: Expr, levels: int = NESTED) -> Expr | None:
    """The difference in a contraction, or the odd function of one, that a minus sign in front turns around."""
    if node.op is not CONTRACT or not summed(node):
        return None
    place = inner_place(factors_of(node), levels)
    if place is None:
        return None
    f = node.operands[place]
    return sign_bearer_in(f, levels - 1) if f.op is CONTRACT else f
