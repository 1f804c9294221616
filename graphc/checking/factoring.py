"""Sums as products of powers of irreducible ones: 1 + 2 x + x**2 is (1 + x)**2."""

from __future__ import annotations

import functools
from fractions import Fraction
from math import lcm
from typing import Any

import sympy

from graphc.checking.atoms import Poly
from graphc.checking.labels import Factor, Labels

MOST_TERMS, MOST_VARIABLES, HIGHEST = 10, 4, 8
Term = tuple[tuple[int, ...], Fraction]
Shape = tuple[Term, ...]


def factored(p: Poly) -> list[tuple[Poly, int]] | None:
    """The factors of a sum with their powers, the number in the first; None where it has one only, or is too long."""
    if not 2 < len(p) <= MOST_TERMS or any(m[1] for m in p):
        return None
    keys = sorted({f[:2] for m in p for f in m[0]})
    if len(keys) > MOST_VARIABLES:
        return None
    units = {k: lcm(*(e.denominator for m in p for a, ls, e in m[0] if (a, ls) == k)) for k in keys}
    terms = []
    for (factors, _), c in sorted(p.items()):
        found = {(a, ls): e * units[a, ls] for a, ls, e in factors}
        powers = tuple(int(found.get(k, 0)) for k in keys)
        if any(not 0 <= q <= HIGHEST for q in powers):
            return None
        terms.append((powers, c))
    parts = _parts(tuple(terms), len(keys))
    return None if parts is None else [({_mono(q, keys, units): c for q, c in part}, times) for part, times in parts]


def _mono(powers: tuple[int, ...], keys: list[tuple[int, Labels]], units: dict[tuple[int, Labels], int]) -> Any:
    factors: list[Factor] = [(*k, Fraction(q, units[k])) for k, q in zip(keys, powers, strict=True) if q]
    return tuple(sorted(factors)), ()


@functools.lru_cache(maxsize=4096)
def _parts(terms: Shape, count: int) -> list[tuple[Shape, int]] | None:
    variables = sympy.symbols(f"x:{count}")
    poly = sympy.Poly({q: sympy.Rational(c.numerator, c.denominator) for q, c in terms}, *variables, domain="QQ")
    number, found = poly.factor_list()
    if len(found) == 1 and found[0][1] == 1:
        return None
    parts = [(_terms(part), times) for part, times in found]
    one = tuple(0 for _ in variables)
    scale = Fraction(int(number.p), int(number.q))
    return parts if scale == 1 else [(((one, scale),), 1), *parts]


def _terms(poly: Any) -> Shape:
    return tuple((q, Fraction(int(c.p), int(c.q))) for q, c in poly.terms())
