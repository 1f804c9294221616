"""Comparisons in normal form, ``difference > 0``: 2*a > 2*b, b < a and a - b > 0 are one; and how they are written."""

from __future__ import annotations

import operator
from fractions import Fraction

import sympy

from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.elementwise import greater, greater_equal, less, less_equal
from graphc.ops.forms import strip_broadcasts
from graphc.ops.leaves import SIZE, constant
from graphc.rewriting.engine import Engine, Known, Step, law
from graphc.rewriting.fractions import powers_added
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import entries_of, is_number, leading

DIFFERENCE = law("comparisons", "a > b where a - b > 0, and where c (a - b) > 0 for a positive c")
BOUNDED = law("comparisons", "min(x, c) > d where x > d, for c > d; likewise for max and <")
POSITIVE = Fact("positive")
ORDERS = {f(constant(1), constant(2)).op.name: f for f in (greater, greater_equal, less, less_equal)}
MIRRORED = {"greater": less, "greater_equal": less_equal, "less": greater, "less_equal": greater_equal}


def compared(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A comparison as one of a difference with 0, positive factors left out, turned around for a negative one."""
    a, b = node.operands
    if "bool" in (a.dtype, b.dtype):
        return None
    number, core = leading(engine.sum([(ONE, a), (-ONE, b)], node.shape))
    if number == 0 or is_number(core):
        return None
    freed = unbounded(engine, node, number, core)
    if freed is not None:
        return freed, BOUNDED.step(node, freed)
    pure = core.op is CONTRACT and not summed(core)
    factors = factors_of(core) if pure else [(core, aligned(core.shape, core.shape), ONE)]
    kept = [x for x in factors if not is_positive(x[0])]
    if not kept:
        return None
    left = engine.product(ONE, kept, node.shape)
    sign, left = leading(left)
    order = ORDERS[node.op.name] if number * sign > 0 else MIRRORED[node.op.name]
    result = order(left, broadcast(constant(0), node.shape))
    if result is node:
        return None
    return engine.normal(result), DIFFERENCE.step(node, result, used(factors, kept))


def unbounded(engine: Engine, node: Expr, number: Fraction, core: Expr) -> Expr | None:
    """A comparison of the smaller or larger of x and a number with a number, as one of x or a truth value.

    `number` times `core` is the difference that is compared with 0.
    """
    terms = [(c * number, t) for c, t in terms_of(core)] if core.op is ADD else [(number, core)]
    bounded = [(c, t) for c, t in terms if t.op.name in ("minimum", "maximum", "relu")]
    rest = [c * leading(t)[0] for c, t in terms if is_number(t)]
    if len(bounded) != 1 or len(bounded) + len(rest) != len(terms):
        return None
    ((c, m),) = bounded
    inner = [x for x in m.operands if not is_number(x)]
    bounds = [leading(x)[0] for x in m.operands if is_number(x)] if m.op.name != "relu" else [Fraction(0)]
    if len(inner) != 1 or len(bounds) != 1:
        return None
    order = ORDERS[node.op.name] if c > 0 else MIRRORED[node.op.name]
    level = -sum(rest, Fraction(0)) / c  # m is compared with it
    above = order in (greater, greater_equal)
    holds = HOLDS[order](bounds[0], level)
    if holds is above if m.op.name == "minimum" else holds is not above:  # the bound does not decide
        return engine.normal(order(inner[0], broadcast(constant(level), node.shape)))
    return engine.product(Fraction(holds), [], node.shape)


HOLDS = {greater: operator.gt, greater_equal: operator.ge, less: operator.lt, less_equal: operator.le}


def is_positive(x: Expr) -> bool:
    if x.op is SIZE:
        return bool(sympy.sympify(x.attributes["dim"]).is_positive)
    return POSITIVE in x.op.facts(x)


def used(factors: list[Factor], kept: list[Factor]) -> tuple[Known, ...]:
    return tuple(Known(POSITIVE, f) for f, *rest in factors if (f, *rest) not in kept and f.op is not SIZE)


def sides(node: Expr) -> tuple[Expr, Expr] | None:
    """A difference compared with 0 as its positive terms and the others, negated; None where there are no others."""
    total, zero = node.operands
    if not is_number(zero) or leading(zero)[0] != 0:
        return None
    pairs = terms_of(total)
    above, below = [p for p in pairs if p[0] > 0], [(-c, t) for c, t in pairs if c < 0]
    if not below and len(above) > 1 and is_number(above[-1][1]):
        above, below = above[:-1], [(-above[-1][0], above[-1][1])]
    return (of_terms(above), of_terms(below)) if above and below else None


def terms_of(total: Expr) -> list[tuple[Fraction, Expr]]:
    """The terms of a difference, one name in front of it multiplied in: x*(1 - x) > 0 is x > x**2."""
    if total.op is ADD:
        return list(zip(total.attributes["coefficients"], total.operands, strict=True))
    if total.op is not CONTRACT or summed(total) or len(total.operands) != 2:
        return []
    (f, labels, e), (inner, own, power) = sorted(factors_of(total), key=lambda x: x[0].op is ADD)
    if f.operands or e != 1 or power != 1 or own != aligned(inner.shape, total.shape):
        return []
    found = []
    for c, t in terms_of(inner):
        entries = powers_added(entries_of(t, total.shape), {(f, labels): ONE})
        found.append((c * leading(t)[0], contract([(*key, p) for key, p in entries.items()], total.shape)))
    return found


def of_terms(pairs: list[tuple[Fraction, Expr]]) -> Expr:
    return make(ADD, tuple(t for _, t in pairs), coefficients=tuple(c for c, _ in pairs))


def written(name: str, left: Expr, right: Expr) -> Expr:
    """A comparison with a number, or else a lone name, on the right: x < 1, abs(x) <= c, a > b + 1."""
    first, second = map(weight, strip_broadcasts((left, right), left.shape))
    around = first > second
    return MIRRORED[name](right, left) if around else ORDERS[name](left, right)


def weight(side: Expr) -> int:
    """How much a side belongs on the right."""
    numbers = side.op is ADD and any(is_number(t) for t in side.operands)
    return 3 if side.weak else 2 if numbers else int(not side.operands)


COMPARISONS = dict.fromkeys(ORDERS, (compared,))
