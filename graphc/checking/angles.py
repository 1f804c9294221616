"""Sines and cosines of sums, through those of the terms: cos(a + b) = cos a cos b - sin a sin b."""

from __future__ import annotations

import math
from fractions import Fraction

import sympy

from graphc.checking.atoms import Mono, Poly
from graphc.checking.frames import Frame
from graphc.checking.functions import Functions
from graphc.checking.polynomials import ONE

TERMS, TIMES = 3, 8  # terms of an angle, and multiples of one, that are taken apart
HALF = Fraction(1, 2)
Circular = tuple[Poly, Poly]  # a cosine and a sine


class Angles(Functions):
    """Functions, with sines and cosines over the smallest parts of their angles."""

    def __init__(self, budget: int = 20_000, off_kinks_of: frozenset[str] = frozenset()) -> None:
        super().__init__(budget, off_kinks_of)
        self.units: dict[object, int] = {}  # the angle m occurs in multiples of m/unit
        self.refined = False  # a unit became smaller after it was used

    def cos(self, p: Poly) -> Poly:
        return self.circular(p)[0]

    def sin(self, p: Poly) -> Poly:
        return self.circular(p)[1]

    def tan(self, p: Poly) -> Poly:
        cos, sin = self.circular(p)
        return self.multiply(sin, self.power(cos, -ONE))

    def circular(self, p: Poly) -> Circular:
        """The cosine and the sine of an angle."""
        if len(p) > TERMS:
            frame = self.frame([p], flip=True)
            cos, sin = self._of_part(frame)
            return cos, self.add((frame.sign, sin))
        total: Circular = self.number(1), {}
        for mono, c in sorted(p.items()):
            total = self._sum(total, self._multiple(mono, c))
        return total

    def _sum(self, a: Circular, b: Circular) -> Circular:
        cos = self.add((1, self.multiply(a[0], b[0])), (-1, self.multiply(a[1], b[1])))
        return cos, self.add((1, self.multiply(a[1], b[0])), (1, self.multiply(a[0], b[1])))

    def _multiple(self, mono: Mono, c: Fraction) -> Circular:
        """Of `c` times a term."""
        known = self._of_pi(mono, c)
        if known is not None:
            return known
        key = self.frame([{mono: ONE}]).key
        unit = math.lcm(self.units.get(key, 1), c.denominator)
        times = abs(c * unit)
        if times > TIMES:
            unit, times = c.denominator, ONE
            part = self._of_part(self.frame([{mono: abs(c)}]))
        else:
            self.refined |= unit != self.units.get(key, unit)
            self.units[key] = unit
            inner = self._inverse(mono) if unit == 1 else None
            part = inner or self._of_part(self.frame([{mono: Fraction(1, unit)}]))
        total = part
        for _ in range(int(times) - 1):
            total = self._sum(total, part)
        return total[0], self.add((1 if c > 0 else -1, total[1]))

    def _of_part(self, frame: Frame) -> Circular:
        cos, sin = self.applied("cos", frame), self.applied("sin", frame)
        self.cosines[sin] = cos
        return self.single(cos, frame.labels), self.single(sin, frame.labels)

    def _of_pi(self, mono: Mono, c: Fraction) -> Circular | None:
        """Of a multiple of pi whose cosine is the root of a rational number."""
        factors, dims = mono
        if dims or len(factors) != 1 or factors[0][2] != 1 or self.atoms[factors[0][0]].kind != "pi":
            return None
        angle = sympy.Rational(c.numerator, c.denominator) * sympy.pi
        found = []
        for value in (sympy.cos(angle), sympy.sin(angle)):
            square = value**2
            if not square.is_Rational:
                return None
            root = self.number_power(Fraction(int(square.p), int(square.q)), HALF) if square else {}
            found.append(self.add((1 if value >= 0 else -1, root)))
        return found[0], found[1]

    def _inverse(self, mono: Mono) -> Circular | None:
        """Of an arcus function, through its argument."""
        factors, dims = mono
        if dims or len(factors) != 1 or factors[0][2] != 1:
            return None
        a, labels, _ = factors[0]
        x = self.relabel(self.atoms[a].body, dict(enumerate(labels)))
        square, one = self.multiply(x, x), self.number(1)
        if self.atoms[a].kind == "arctan":
            cos = self.power(self.add((1, one), (1, square)), -HALF)
            return cos, self.multiply(x, cos)
        if self.atoms[a].kind == "arcsin":
            return self.power(self.add((1, one), (-1, square)), HALF), x
        return None
