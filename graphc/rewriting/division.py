"""Exact division of polynomials in labelled factors: (p - p**2 - q + q**2)/(p - q) is 1 - p - q."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.rewriting.order import Labels, factor_key

Monomial = frozenset[tuple[tuple[Expr, Labels], Fraction]]
Polynomial = dict[Monomial, Fraction]
STEPS = 24  # terms of a quotient


def quotient(dividend: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """The polynomial that times `divisor` is `dividend`; None where there is none."""
    letters = sorted({x for m in (*dividend, *divisor) for x, _ in m}, key=lambda x: (factor_key(x[0]), x[1]))
    left, found = dict(dividend), Polynomial()
    first = leading(divisor, letters)
    for _ in range(STEPS):
        if not left:
            return found
        top = leading(left, letters)
        part = over(top, first)
        if part is None:
            return None
        share = left[top] / divisor[first]
        found[part] = share
        for monomial, c in divisor.items():
            product = times(part, monomial)
            total = left.get(product, Fraction(0)) - share * c
            if total:
                left[product] = total
            else:
                del left[product]
    return None


def leading(polynomial: Iterable[Monomial], letters: list[tuple[Expr, Labels]]) -> Monomial:
    """The monomial with the highest powers of the first letters."""
    return max(polynomial, key=lambda m: [dict(m).get(x, Fraction(0)) for x in letters])


def over(a: Monomial, b: Monomial) -> Monomial | None:
    powers = dict(a)
    for x, e in b:
        powers[x] = powers.get(x, Fraction(0)) - e
    return None if any(e < 0 for e in powers.values()) else frozenset((x, e) for x, e in powers.items() if e)


def times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for x, e in b:
        powers[x] = powers.get(x, Fraction(0)) + e
    return frozenset(powers.items())
