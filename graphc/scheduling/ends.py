"""Sums far from 0 of which exponentials are left where powers and numbers cancel, from their expansions there.

x*sigmoid(x) - x  =  -x*t + x*t**2 - ...      with t = exp(-x), where x is large
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import combine, rational_power
from graphc.ops.elementwise import exp, greater
from graphc.ops.reductions import where
from graphc.scheduling.asymptotics import FEW, MANY, ONE, ZERO, Asymptotic, Asymptotics, added
from graphc.scheduling.bases import Bases
from graphc.scheduling.exponentials import step_of
from graphc.scheduling.functions import polynomial
from graphc.scheduling.recognition import times
from graphc.scheduling.series import DIGITS, numeric

MOST_POWERS, MOST_STEPS = 6, 40
NEGLIGIBLE = 40  # exp(-40) is nothing beside 1


@dataclass(frozen=True)
class Remainder:
    """A function of `x` as the `terms` of its expansion where ``side*x > start``: `step` is between exponentials.

    They are those of multiples of ``w**degree``, w = abs(x).
    """

    x: Expr
    side: int
    start: Fraction
    low: Fraction
    step: Fraction
    degree: int
    rows: Mapping[int, tuple[Fraction, ...]]  # the coefficients of exp(-(low + step*j)*w) by the power of w

    def near(self, x: Expr, elsewhere: Expr, rate: Fraction = ZERO, scale: Expr | None = None) -> Expr:
        """The expansion over ``exp(rate*abs(x) + scale)`` where it holds, `elsewhere` at other places."""
        w = times(self.side, x)
        far = greater(w, self.start)
        inside = where(far, w, self.start)
        power = rational_power(inside, Fraction(self.degree))
        t = exp(times(-self.step, power))
        parts = []
        for k, numbers in self.rows.items():
            lead = next(j for j, c in enumerate(numbers) if c)
            own, slope = polynomial(t, numbers[lead:]), -self.low - self.step * lead
            exponent = [(slope, power)] if slope else []
            exponent += [(-rate, inside)] if rate else []
            exponent += [] if scale is None else [(-ONE, where(far, scale, 0))]
            own = own * exp(combine(exponent)) if exponent else own
            parts.append((ONE, own * rational_power(inside, Fraction(k)) if k else own))
        return where(far, parts[0][1] if len(parts) == 1 else combine(parts), elsewhere)


class Ends:
    """Finds sums of which exponentials are left where powers cancel, at both sides of 0."""

    def __init__(self) -> None:
        self.bases = Bases()
        self.sides = {side: (Asymptotics(FEW, False, side), Asymptotics(MANY, True, side)) for side in (1, -1)}

    def of_sum(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> list[Remainder]:
        if not self.bases.single(groups):
            return []
        found = [self._at(side, groups) for side in self.sides]
        return [r for r in found if r is not None]

    def of_function(self, node: Expr) -> list[Remainder]:
        """The expansions of a function that vanishes far from 0 though its operand does not."""
        found = list[Remainder]()
        for side, (rough, fine) in self.sides.items():
            whole, inner = rough.of(node), rough.of(node.operands[0])
            if whole is None or inner is None or whole[0] is None or not whole[1].terms:
                continue
            if inner[1].low or whole[1].low <= 0:
                continue
            with mpmath.workdps(DIGITS):
                held = fine.of(node)
                own = None if held is None else _remainder(whole[0], side, held[1], fine.degrees.get(whole[0], 1))
            found += [] if own is None else [own]
        return found

    def _at(self, side: int, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> Remainder | None:
        rough, fine = self.sides[side]
        parts: list[Asymptotic] = []
        arrays: set[Expr] = set()
        for group in groups:
            held = [(c, rough.of(t)) for c, t in group]
            known = [(c, h) for c, h in held if h is not None]
            if len(known) < len(held):
                return None
            arrays |= {h[0] for _, h in known if h[0] is not None}
            parts.append(added([h[1].scaled(float(c)) for c, h in known]))
        least = min((a.rank for a in parts if a.terms), default=None)
        whole = added(parts)
        if least is None or len(arrays) != 1 or not whole.terms or whole.rank <= least:
            return None
        if not any(p for a in parts for p, _ in a.terms):
            return None
        with mpmath.workdps(DIGITS):
            terms = [(numeric(c, exact=True), fine.of(t)) for group in groups for c, t in group]
            total = added([h[1].scaled(c) for c, h in terms if h is not None])
        x = arrays.pop()
        whole_known = all(h is not None for _, h in terms)
        return _remainder(x, side, total, fine.degrees.get(x, 1)) if whole_known else None


def _remainder(x: Expr, side: int, total: Asymptotic, degree: int) -> Remainder | None:
    """The expansion where what it leaves out is below the rounding of a float64."""
    while len({k for _, k in total.terms}) > MOST_POWERS:
        order = max(p for p, _ in total.terms)
        total = Asymptotic({key: c for key, c in total.terms.items() if key[0] < order}, order)
    if not total.terms:
        return None
    powers = sorted({k for _, k in total.terms})
    step = step_of([p - total.low for p, _ in total.terms]) or ONE
    reach = total.order - total.low
    steps = int((max(p for p, _ in total.terms) - total.low) / step) + 1
    if steps > MOST_STEPS or reach <= 0:
        return None
    lead = max(abs(c) for (p, _), c in total.terms.items() if p == total.low)
    most = max(abs(c) for c in total.terms.values())
    start = (NEGLIGIBLE + Fraction(float(mpmath.log(most / lead)))) / reach
    rows = {
        k: tuple(Fraction(float(total.terms.get((total.low + step * j, k), 0))) for j in range(steps)) for k in powers
    }
    start = Fraction(float(start) ** (1 / degree))
    return Remainder(x, side, Fraction(int(start * 64) + 64, 64), total.low, step, degree, rows)
