"""Sums whose terms cancel near 0, computed from their power series there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import rational_power
from graphc.ops.elementwise import absolute, exp, less, minimum
from graphc.ops.reductions import where
from graphc.scheduling.functions import polynomial
from graphc.scheduling.recognition import EXP, Exponentials
from graphc.scheduling.series import DIGITS, Expansions, Series, added

FEW, MANY = 10, 34  # coefficients to find out whether terms cancel, and to compute with
REACH = Fraction(3, 10)  # of the radius of convergence: what is left out is below the rounding of a float64


@dataclass(frozen=True)
class Expansion:
    """A function of the array `x` as ``x**low * (sum of coefficients[k] * x**k)`` where ``abs(x) < radius``."""

    x: Expr
    low: int
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


class Cancellation:
    """Finds sums that are smaller near 0, or far from 0, than their terms."""

    def __init__(self, exponentials: Exponentials) -> None:
        self.at_zero = Place(Expansions(FEW, exact=False), Expansions(MANY, exact=True))
        self.places = [self.at_zero]
        for sign in (1, -1):
            rough, fine = (Expansions(n, n == MANY, exponentials, sign) for n in (FEW, MANY))
            self.places.append(Place(rough, fine))

    def of_sum(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> list[Expansion]:
        """The expansions of a sum of groups of terms where it has a higher lowest power than one of the groups."""
        found = [place.of_sum(groups) for place in self.places]
        return [e for e in found if e is not None]

    def of_function(self, node: Expr) -> Expansion | None:
        """The expansion of a function whose value at 0 is 0 though that of its operand is not."""
        return self.at_zero.of_function(node)


@dataclass(frozen=True)
class Place:
    """Series at one place, `rough` ones to find out whether terms cancel and `fine` ones to compute with."""

    rough: Expansions
    fine: Expansions

    def of_sum(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> Expansion | None:
        terms = [t for group in groups for t in group]
        arrays = {x for _, t in terms for x in [self.rough.of(t)[0]] if x is not None}
        if len(arrays) != 1 or (self.rough.exponentials is not None and next(iter(arrays)).op is not EXP):
            return None
        parts = [added([self.rough.of(t)[1].scaled(float(c)) for c, t in group]) for group in groups]
        whole = added(parts)
        if whole.vanishes or whole.low <= min(p.low for p in parts if not p.vanishes):
            return None
        with mpmath.workdps(DIGITS):
            fine = added([self.fine.of(t)[1].scaled(mpmath.mpf(c.numerator) / c.denominator) for c, t in terms])
            return _expansion(arrays.pop(), fine)

    def of_function(self, node: Expr) -> Expansion | None:
        x, whole = self.rough.of(node)
        if x is None or x is node or whole.vanishes or whole.low < 1 or self.rough.of(node.operands[0])[1].low:
            return None
        with mpmath.workdps(DIGITS):
            return _expansion(x, self.fine.of(node)[1])


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
