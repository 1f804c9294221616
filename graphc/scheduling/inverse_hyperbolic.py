"""Inverse hyperbolic functions of what overflows, or is near 1, as a function of one exponential.

arctanh(r)  =  log((1 + r)/(1 - r))/2
arcsinh(r)  =  sign(r)*(log(abs(r)) + log(2))             where abs(r) is large
arccosh(r)  =  log1p(d + sqrt(d*(d + 2)))                 with d = r - 1, which may be small
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import scaled, sqrt
from graphc.ops.elementwise import absolute, greater, log, log1p, sign
from graphc.ops.leaves import constant
from graphc.ops.reductions import where
from graphc.ops.trigonometric import arcsinh
from graphc.scheduling.exponential_forms import logarithm, value
from graphc.scheduling.exponentials import UNIT, Rational, total
from graphc.scheduling.recognition import Exponentials
from graphc.scheduling.tails import Computed

ARCSINH, ARCCOSH, ARCTANH = (registry[name] for name in ("arcsinh", "arccosh", "arctanh"))
INVERSES = (ARCSINH, ARCCOSH, ARCTANH)
LARGE = Fraction(10**9)  # the square is a number of float32, and 1 is nothing beside it in float64
HALF = Fraction(1, 2)


def inverse_of_exponentials(node: Expr, exponentials: Exponentials, computed: Computed) -> Expr | None:
    found = exponentials.of(node.operands[0])
    if found is None or found[0] is None:
        return None
    x, r, u = computed(found[0]), found[1], computed(node.operands[0])
    if node.op is ARCTANH:
        return _arctanh(x, r)
    squared = r.raised(Fraction(2))
    far = None if squared is None else logarithm(x, squared)
    if far is None or not (r.high > 0 or r.low < 0):
        return None
    far = scaled(HALF, far) + log(constant(2))
    large = greater(absolute(u), LARGE)
    if node.op is ARCSINH:
        return where(large, sign(u) * far, arcsinh(u))
    beyond = r.less(Fraction(1))
    if beyond is None:
        return None
    d = where(large, 1, value(x, beyond))
    return where(large, far, log1p(d + sqrt(d * (d + 2))))


def _arctanh(x: Expr, r: Rational) -> Expr | None:
    above, below = total([UNIT, r]), total([UNIT, r.scaled(Fraction(-1))])
    inverse = None if below is None or not below.coefficient else below.raised(Fraction(-1))
    if above is None or inverse is None:
        return None
    found = logarithm(x, above.times(inverse))
    return None if found is None else scaled(HALF, found)
