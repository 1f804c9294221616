"""Powers of factors: what a power of a product is, and which powers the range of values makes redundant."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import sympy

from graphc.ir.expr import Expr
from graphc.ir.facts import Fact
from graphc.ops.contraction import ONE, aligned, contract, factors_of
from graphc.ops.elementwise import absolute
from graphc.ops.leaves import SIZE, constant
from graphc.rewriting.order import Factor

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)  # whose squares leave a root


def open_power(f: Expr, e: Fraction) -> tuple[Fraction, list[Factor]] | None:
    """The factors of ``f**e`` for a pure product f, or None where the power must stay outside.

    A fractional power goes to a factor only if that factor is known not to be negative; an even power under a root
    leaves an absolute value: sqrt(x**2) is abs(x).
    """
    coefficient: Fraction = f.attributes["coefficient"]
    inner = factors_of(f)
    if e.denominator == 1:
        if coefficient == 0 and e < 0:
            return None
        return coefficient**e.numerator, [(g, ls, p * e) for g, ls, p in inner]
    root = rational_root(coefficient, e)
    out: list[Factor] = []
    if root is None:
        if coefficient <= 0:
            return None
        out.append((constant(coefficient), (), e))
    for g, ls, p in inner:
        if nonnegative(g):
            out.append((g, ls, p * e))
        elif p.denominator == 1 and p.numerator % 2 == 0:
            out.append((absolute(g), ls, p * e))
        elif len(inner) == 1 and p == 1:
            out.append((g, ls, e))
        elif root is None:
            return ONE, [out[0], (contract(inner, f.shape), aligned(f.shape, f.shape), e)]
        else:
            return None
    return ONE if root is None else root, out


def settled_root(value: Fraction, e: Fraction) -> tuple[Fraction, Fraction]:
    """``value**e`` as a rational times ``n**e`` for a whole number n, small squares taken out of it."""
    exact = rational_root(value, e)
    if exact is not None:
        return exact, ONE
    if e.denominator != 2:
        return ONE, value
    whole, outside = value.numerator * value.denominator, Fraction(1, value.denominator)
    for p in PRIMES:
        while whole % (p * p) == 0:
            whole, outside = whole // (p * p), outside * p
    return outside**e.numerator, Fraction(whole)


def nonnegative(x: Expr) -> bool:
    """Whether no entry of `x` can be negative; a size such as n - 5 can."""
    if x.op is SIZE:
        return bool(sympy.sympify(x.attributes["dim"]).is_nonnegative)
    return x.dtype == "bool" or Fact("nonnegative") in x.op.facts(x)


def reduce_power(f: Expr, e: Fraction) -> Fraction:
    """Powers that the range of values makes redundant: b**2 is b for b in {0, 1}, s**2 is 1 for s in {-1, 1}."""
    if e.denominator == 1 and abs(e) > 1:
        facts = f.op.facts(f)
        if e > 0 and (f.dtype == "bool" or Fact("binary") in facts):
            return ONE
        if Fact("sign") in facts:
            return Fraction(e.numerator % 2)
    return e


def rational_root(value: Fraction, e: Fraction) -> Fraction | None:
    """``value**e`` if it is rational and small enough to write down."""
    if value == 1:
        return ONE
    if e.denominator == 1:
        if (value == 0 and e < 0) or abs(e) > 4096:
            return None
        return value**e.numerator
    if e.denominator == 2 and value > 0:
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom) ** e.numerator
    return None
