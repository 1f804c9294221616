"""Functions of quantities that hold signs and truth values, split by their values.

f(x*sign(x)) is [x > 0] f(x) + [x < 0] f(-x) + [x = 0] f(0), so that abs, relu, max, where and labels in {-1, 1} come
out of functions.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from graphc.checking.atoms import Atom, OutOfBudgetError, Poly
from graphc.checking.frames import Framed
from graphc.checking.labels import Labels

MOST = 3  # quantities that one argument is split by
HALF = Fraction(1, 2)


class Cases(Framed):
    """Polynomials, and functions of them by cases."""

    def by_cases(self, p: Poly, function: Callable[[Poly], Poly]) -> Poly:
        """``function(p)``, by the values of the signs and truth values in `p`."""
        found = self.split_by(p)
        if not found or len(found) > MOST:
            return function(p)
        key = found[0]
        parts = [(1, self.multiply(s, self.by_cases(self.at(p, key, v), function))) for v, s in self.values_of(key)]
        return self.add(*parts)

    def split_by(self, p: Poly) -> list[tuple[int, Labels]]:
        """The atoms of few values in `p`, outside of sums."""
        keys = {(a, ls) for factors, _ in p for a, ls, _ in factors if min(ls, default=0) >= 0}
        return sorted(key for key in keys if self.few(self.atoms[key[0]]))

    def few(self, atom: Atom) -> bool:
        known = {name for name, _ in atom.facts}
        return atom.kind == "sign" or (atom.kind == "symbol" and (atom.binary or bool({"binary", "sign"} & known)))

    def values_of(self, key: tuple[int, Labels]) -> list[tuple[int, Poly]]:
        """The values of an atom, each with the polynomial that is 1 there and 0 elsewhere."""
        atom, s = self.atoms[key[0]], self.single(*key)
        one = self.number(1)
        if atom.kind == "symbol" and ("sign", 0) not in atom.facts:
            return [(1, s), (0, self.add((1, one), (-1, s)))]
        square = self.multiply(s, s)
        cases = [(v, self.add((HALF, square), (v * HALF, s))) for v in (1, -1)]
        nothing = self.add((1, one), (-1, square))
        return [*cases, (0, nothing)] if nothing else cases

    def at(self, p: Poly, key: tuple[int, Labels], value: int) -> Poly:
        """`p` where an atom has a value."""
        parts: list[tuple[Fraction | int, Poly]] = []
        for (factors, dims), c in p.items():
            e = next((q for a, ls, q in factors if (a, ls) == key), Fraction(0))
            if e < 0 and not value:
                raise OutOfBudgetError("a division by zero")
            if e and not value:
                continue
            if e.denominator != 1 and value < 0:
                raise OutOfBudgetError("a root of a negative number")
            scale = c * value**e.numerator if e.denominator == 1 else c
            rest = [f for f in factors if f[:2] != key]
            parts.append((1, self.monomial(scale, rest, {-1 - i: d for i, d in enumerate(dims)})))
        return self.add(*parts)
