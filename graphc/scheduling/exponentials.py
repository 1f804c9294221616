"""Rational functions of t = exp(x), in factored form.

    c * t**k * product of f(t)**e     with f a polynomial with constant term, of which no power of t divides

Sums are multiplied out over a common denominator and factored again over the rationals, so that what cancels does so
exactly: 1 - tanh(x)**2 = 4 t**2/(1 + t**2)**2, cosh(x) - 1 = (t - 1)**2/(2 t).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import sympy

Polynomial: TypeAlias = tuple[tuple[Fraction, Fraction], ...]  # (exponent, coefficient), exponents ascending from 0
ONE, ZERO = Fraction(1), Fraction(0)
MOST_TERMS = 40


@dataclass(frozen=True)
class Rational:
    """``coefficient * t**power * product f**e``."""

    coefficient: Fraction
    power: Fraction = ZERO
    factors: Mapping[Polynomial, Fraction] = field(default_factory=dict)

    @property
    def low(self) -> Fraction:
        """The power of t that it behaves like where t vanishes."""
        return self.power

    @property
    def high(self) -> Fraction:
        """The power of t that it behaves like where t is large."""
        return self.power + sum((e * degree(f) for f, e in self.factors.items()), ZERO)

    @property
    def zeros(self) -> Fraction:
        """How often it vanishes at t = 1; negative for a pole."""
        return sum((e for f, e in self.factors.items() if not sum(c for _, c in f)), ZERO)

    @property
    def constant(self) -> Fraction | None:
        return None if self.factors or self.power else self.coefficient

    @property
    def monomial(self) -> bool:
        return not self.factors

    @property
    def signed(self) -> int:
        """The sign that it has for every t, or 0 if it is not known to have one."""
        plain = all(positive(f) for f in self.factors)
        return (1 if self.coefficient > 0 else -1) if plain and self.coefficient else 0

    def times(self, other: Rational) -> Rational:
        if not self.coefficient or not other.coefficient:
            return Rational(ZERO)
        factors = dict(self.factors)
        for f, e in other.factors.items():
            factors[f] = factors.get(f, ZERO) + e
        left = {f: e for f, e in factors.items() if e}
        return Rational(self.coefficient * other.coefficient, self.power + other.power, left)

    def scaled(self, number: Fraction) -> Rational:
        return self.times(Rational(number))

    def raised(self, exponent: Fraction) -> Rational | None:
        """The power, if it is one of the factors' powers and the coefficient stays rational."""
        if exponent.denominator != 1 and self.signed != 1:
            return None
        if not self.coefficient and exponent <= 0:
            return None
        number = root(self.coefficient, exponent)
        if number is None:
            return None
        return Rational(number, self.power * exponent, {f: e * exponent for f, e in self.factors.items()})

    def less(self, number: Fraction) -> Rational | None:
        return total([self, Rational(-number)])


UNIT = Rational(ONE)


def root(value: Fraction, exponent: Fraction) -> Fraction | None:
    """``value ** exponent`` if it is rational."""
    if exponent.denominator == 1:
        return value**exponent.numerator if abs(exponent) <= 64 else None
    parts = [round(n ** (1 / exponent.denominator)) for n in (value.numerator, value.denominator)]
    candidate = Fraction(*parts)
    return candidate**exponent.numerator if candidate**exponent.denominator == value else None


def degree(f: Polynomial) -> Fraction:
    return f[-1][0]


def positive(f: Polynomial) -> bool:
    """Whether every coefficient is positive, so that nothing cancels in the sum."""
    return all(c > 0 for _, c in f)


def leading(r: Rational) -> Fraction:
    """c of ``c * x**zeros``, which the function of exp(x) behaves like near x = 0; it has whole powers there."""
    number = abs(r.coefficient)
    for f, e in r.factors.items():
        at = sum((c for _, c in f), ZERO) or sum((p * c for p, c in f), ZERO)
        number *= abs(at) ** int(e)
    return number


def reversed_polynomial(f: Polynomial) -> Polynomial:
    """``t**degree * f(1/t)``."""
    return tuple((degree(f) - e, c) for e, c in reversed(f))


def total(terms: Iterable[Rational]) -> Rational | None:
    """The sum in factored form; None where the common denominator has powers that differ by no whole number."""
    terms = [t for t in terms if t.coefficient]
    if not terms:
        return Rational(ZERO)
    least: dict[Polynomial, Fraction] = {}
    for f in dict.fromkeys(f for t in terms for f in t.factors):
        exponents = [t.factors.get(f, ZERO) for t in terms]
        if any((e - exponents[0]).denominator != 1 for e in exponents):
            return None
        least[f] = min(exponents)
    lowest = min(t.power for t in terms)
    numerator: dict[Fraction, Fraction] = {}
    for t in terms:
        expanded = {t.power - lowest: t.coefficient}
        for f, e in least.items():
            for _ in range(int(t.factors.get(f, ZERO) - e)):
                expanded = _product(expanded, f)
                if len(expanded) > MOST_TERMS:
                    return None
        for e, c in expanded.items():
            numerator[e] = numerator.get(e, ZERO) + c
    found = tuple(sorted((e, c) for e, c in numerator.items() if c))
    rest = Rational(ONE, lowest, {f: e for f, e in least.items() if e})
    return rest.times(_factored(found)) if found else Rational(ZERO)


def _product(a: Mapping[Fraction, Fraction], f: Polynomial) -> dict[Fraction, Fraction]:
    result: dict[Fraction, Fraction] = {}
    for e, c in a.items():
        for d, x in f:
            result[e + d] = result.get(e + d, ZERO) + c * x
    return {e: c for e, c in result.items() if c}


@functools.lru_cache(maxsize=4096)
def _factored(terms: Polynomial) -> Rational:
    """A polynomial of rational exponents as a product, in the coarsest power of t that it is a polynomial of."""
    shift = terms[0][0]
    exponents = [e - shift for e, _ in terms]
    step = step_of(exponents)
    if not step:
        return Rational(terms[0][1], shift)
    t = sympy.Symbol("t")
    whole = {
        (int(e / step),): sympy.Rational(c.numerator, c.denominator) for e, (_, c) in zip(exponents, terms, strict=True)
    }
    number, factors = sympy.Poly(whole, t).factor_list()
    result = Rational(Fraction(int(number.p), int(number.q)), shift)
    for poly, count in factors:
        pairs = sorted((step * i, Fraction(int(c.p), int(c.q))) for (i,), c in poly.terms())
        scale = pairs[-1][1]
        monic = tuple((e, c / scale) for e, c in pairs)
        result = result.times(Rational(scale**count, ZERO, {monic: Fraction(count)}))
    return result


def step_of(exponents: Iterable[Fraction]) -> Fraction:
    """The largest number of which all are whole multiples."""
    exponents = list(exponents)
    below = math.lcm(*(e.denominator for e in exponents)) if exponents else 1
    return Fraction(math.gcd(*(int(e * below) for e in exponents)), below)
