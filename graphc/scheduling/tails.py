"""Tails of the normal distribution: 1 - erf(x) = erfc(x) for large x, its logarithm, and what is divided by it.

exp(-x**2)/erfc(x)  =  1/erfcx(x)
exp(x**2)*erfc(x)   =  erfcx(x)
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, broadcast, combine, rational_power, scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract
from graphc.ops.elementwise import log
from graphc.ops.leaves import constant
from graphc.rewriting.order import Factor
from graphc.rewriting.simplify import simplify
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import erfc, erfcx, log_erfc
from graphc.scheduling.recognition import EXP, plain, times

ERF = registry["erf"]
Computed: TypeAlias = Callable[[Expr], Expr]
Terms: TypeAlias = list[tuple[Fraction, Expr]]


def tail(node: Expr) -> tuple[Fraction, Expr] | None:
    """A sum ``c*(1 - erf(x))`` as c and x."""
    node = plain(node)
    if node.op is not ADD or len(node.operands) != 2:
        return None
    found = _pair(list(zip(node.attributes["coefficients"], node.operands, strict=True)))
    return None if found is None else found[2:]


def _pair(terms: Terms) -> tuple[int, int, Fraction, Expr] | None:
    """The places of a number and of a multiple of erf that are ``c*(1 - erf(x))``, with c and x."""
    numbers = [(i, a * one) for i, (a, x) in enumerate(terms) if (one := number_of(x)) is not None]
    for i, c in numbers:
        for j, (b, x) in enumerate(terms):
            function, scale = _scaled_erf(x)
            if function is not None and abs(c) == abs(b * scale) != 0:
                return i, j, c, times(1 if c == -b * scale else -1, function.operands[0])
    return None


def without_tail(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first ``c*(1 - erf(x))`` among the terms of a sum, as it is computed, and the other terms."""
    found = _pair(terms)
    if found is None:
        return None
    i, j, c, x = found
    return scaled(c, erfc(computed(x))), [t for k, t in enumerate(terms) if k not in (i, j)]


def _scaled_erf(x: Expr) -> tuple[Expr | None, Fraction]:
    scale = ONE
    x = plain(x)
    while x.op is CONTRACT and len(x.operands) == 1 and x.operands[0].shape == x.shape:
        if x.attributes["exponents"] != (ONE,) or x.attributes["labels"][0] != tuple(range(x.ndim)):
            break
        scale *= x.attributes["coefficient"]
        x = plain(x.operands[0])
    return (x, scale) if x.op is ERF else (None, scale)


def tail_logarithm(node: Expr, computed: Computed) -> Expr | None:
    found = tail(node)
    if found is None or found[0] <= 0:
        return None
    result = log_erfc(computed(found[1]))
    return result if found[0] == 1 else combine([(ONE, result), (ONE, broadcast(log(constant(found[0])), node.shape))])


def hazards(node: Expr, coefficient: Fraction, factors: list[Factor], computed: Computed) -> Expr | None:
    """A product with ``exp(-x**2)`` over ``1 - erf(x)``, which vanish together, or with its reciprocal."""
    found = scaled_tail(factors)
    if found is None or found[4] != found[5]:
        return None
    c, x, e, rest, labels, _ = found
    left: list[Factor] = [(computed(h), q, w) for h, q, w in rest]
    left.append((erfcx(computed(x)), labels, e))
    return contract(left, node.shape, coefficient * c ** int(e))


def scaled_tail(factors: list[Factor]) -> tuple[Fraction, Expr, Fraction, list[Factor], Labels, Labels] | None:
    """``(c*(1 - erf(x)))**e * exp(e*x**2)`` as c, x, e; the other factors, and the labels of the two."""
    if not any(plain(g).op is EXP for g, *_ in factors):
        return None
    for i, (f, labels, e) in enumerate(factors):
        found = tail(f) if e.denominator == 1 else None
        if found is None:
            continue
        c, x = found
        for j, (g, ls, p) in enumerate(factors):
            exponential = plain(g)
            if exponential.op is EXP and p > 0:
                rest = simplify(p * exponential.operands[0] - e * rational_power(x, Fraction(2)))
                if number_of(rest) == 0:
                    return c, x, e, [t for k, t in enumerate(factors) if k not in (i, j)], labels, ls
    return None
