"""Sums whose terms cancel near 0 or far from it, computed from their power series there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import rational_power
from graphc.ops.elementwise import absolute, exp, greater, less, minimum, sign
from graphc.ops.reductions import where
from graphc.scheduling.bases import Bases
from graphc.scheduling.functions import polynomial
from graphc.scheduling.recognition import EXP, Exponentials, times
from graphc.scheduling.series import DIGITS, Expansions, Series, added, numeric

FEW, MANY = 10, 34  # coefficients to find out whether terms cancel, and to compute with
SOME = 14  # of powers of 1/x, which may be large
REACH = Fraction(3, 10)  # of the radius of convergence: what is left out is below the rounding of a float64


@dataclass(frozen=True)
class Expansion:
    """A function of the array `x` as ``x**low * (sum of coefficients[k] * x**k)`` where ``abs(x) < radius``."""

    x: Expr
    low: Fraction | int
    coefficients: tuple[Fraction, ...]
    radius: Fraction

    def near(self, x: Expr, elsewhere: Expr) -> Expr:
        """The series where `x` is small, `elsewhere` at other places."""
        if x.op is EXP:
            x = exp(minimum(x.operands[0], 0))
        even = not any(self.coefficients[1::2])
        close = less(absolute(x), self.radius)
        inside = where(close, x, 0)  # no power of what is large
        own = polynomial(inside**2, self.coefficients[::2]) if even else polynomial(inside, self.coefficients)
        base = inside if self.low > 0 else x
        return where(close, own * rational_power(base, Fraction(self.low)) if self.low else own, elsewhere)


@dataclass(frozen=True)
class Distant:
    """A function of `x` as ``v**low * (sum of coefficients[k] * v**k)`` with v = 1/abs(x), beyond `start`.

    `side` is 1 or -1 where that holds for the x of this sign alone. On both sides it is a series in 1/x, times sign(x)
    if `odd`.
    """

    x: Expr
    low: Fraction | int
    coefficients: tuple[Fraction, ...]
    start: Fraction
    side: int = 0
    odd: bool = False

    def near(self, x: Expr, elsewhere: Expr) -> Expr:
        """The series where `x` is large, `elsewhere` at other places."""
        far = greater(times(self.side, x) if self.side else absolute(x), self.start)
        inside = where(far, x, self.start if self.side >= 0 else -self.start)
        v = rational_power(times(-1, inside) if self.side < 0 else inside, Fraction(-1))
        even = not any(self.coefficients[1::2])
        own = polynomial(v**2, self.coefficients[::2]) if even else polynomial(v, self.coefficients)
        if self.low:
            own = own * rational_power(v, Fraction(self.low))
        return where(far, sign(inside) * own if self.odd else own, elsewhere)


class Cancellation:
    """Finds sums that are smaller near 0, or far from 0, than their terms."""

    def __init__(self, exponentials: Exponentials) -> None:
        self.bases = Bases()
        self.at_zero = Place(Expansions(FEW, exact=False), Expansions(MANY, exact=True))
        self.places = [self.at_zero]
        for end in (1, -1):
            rough, fine = (Expansions(n, n == MANY, exponentials, end) for n in (FEW, MANY))
            self.places.append(Place(rough, fine))
        self.far = [
            Place(Expansions(SOME, exact=False, far=side), Expansions(MANY, exact=True, far=side), side)
            for side in (1, -1)
        ]

    def of_sum(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> list[Expansion | Distant]:
        """The expansions of a sum of groups of terms where it has a higher lowest power than one of the groups."""
        one = self.bases.single(groups)
        found = [place.of_sum(groups) for place in (self.places if one else self.places[:1])]
        if not one:
            return [e for e in found if e is not None]
        return [*(e for e in found if e is not None), *_both([place.of_sum(groups) for place in self.far])]

    def of_function(self, node: Expr) -> list[Expansion | Distant]:
        """The expansions of a function that vanishes at 0, or far from it, though its operand does not."""
        found = self.at_zero.of_function(node)
        return [*([] if found is None else [found]), *_both([place.of_function(node) for place in self.far])]


def _both(sides: Sequence[Expansion | Distant | None]) -> list[Expansion | Distant]:
    """Expansions on the two sides as one, if they are the same function of x or differ by a sign."""
    found = [e for e in sides if isinstance(e, Distant)]
    if len(found) == 2 and found[0].x is found[1].x and found[0].low == found[1].low and not found[0].low % 1:
        right, left = found
        turned = [c if (k + int(left.low)) % 2 == 0 else -c for k, c in enumerate(left.coefficients)]
        for odd, own in ((False, turned), (True, [-c for c in turned])):
            if tuple(own) == right.coefficients:
                return [replace(right, start=max(right.start, left.start), side=0, odd=odd)]
    return [*found]


@dataclass(frozen=True)
class Place:
    """Series at one place, `rough` ones to find out whether terms cancel and `fine` ones to compute with."""

    rough: Expansions
    fine: Expansions
    side: int = 0  # of the series far from 0

    def of_sum(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> Expansion | Distant | None:
        terms = [t for group in groups for t in group]
        arrays = {x for _, t in terms for x in [self.rough.of(t)[0]] if x is not None}
        if len(arrays) != 1 or (self.rough.exponentials is not None and next(iter(arrays)).op is not EXP):
            return None
        parts = [added([self.rough.of(t)[1].scaled(float(c)) for c, t in group]) for group in groups]
        known = [p for p in parts if p is not None]
        whole = added(known) if len(known) == len(parts) else None
        if whole is None or whole.vanishes or whole.low <= min(p.low for p in known if not p.vanishes):
            return None
        with mpmath.workdps(DIGITS):
            fine = added([self.fine.of(t)[1].scaled(numeric(c, exact=True)) for c, t in terms])
            return None if fine is None else self._expansion(arrays.pop(), fine)

    def of_function(self, node: Expr) -> Expansion | Distant | None:
        x, whole = self.rough.of(node)
        if x is None or x is node or whole.vanishes or whole.low <= 0 or self.rough.of(node.operands[0])[1].low:
            return None
        with mpmath.workdps(DIGITS):
            return self._expansion(x, self.fine.of(node)[1])

    def _expansion(self, x: Expr, series: Series) -> Expansion | Distant | None:
        found = _expansion(x, series)
        if found is None or not self.side:
            return found
        return Distant(x, found.low, found.coefficients, 1 / found.radius, self.side)


def _expansion(x: Expr, series: Series) -> Expansion | None:
    """As many terms as are needed within reach; None where the series is too short for that."""
    lead = series.coefficients[0]
    kept = len(series.coefficients) - 8  # the last were lost in cancelling
    ratios = [abs(c / lead) for c in series.coefficients[:kept]]
    steps = [mpmath.root(r, k) for k, r in enumerate(ratios) if k and r]
    if not lead or not steps:
        return None
    radius = Fraction(float(min(1 / max(steps), 8))) * REACH
    radius = Fraction(int(radius * 1024), 1024) if radius > Fraction(1, 64) else radius
    count = max(k for k, r in enumerate(ratios) if r * mpmath.mpf(float(radius)) ** k > 1e-18) + 1
    numbers = [Fraction(float(c)) for c in series.coefficients[:count]]
    return Expansion(x, series.low, tuple(numbers), radius)
