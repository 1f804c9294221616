"""Expansions of functions of one array far from 0, in exponentials and powers of it.

    x*sigmoid(x)  =  x - x*t + x*t**2 - ...      with t = exp(-x), where x is large

An expansion has terms ``c * exp(-p*w**q) * w**k`` with w = abs(x) on one side of 0, those with p below an order. The
degree q is that of the first exponential: 2 for those of the normal distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import mpmath  # type: ignore[import-untyped]

from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.leaves import CONSTANT, NAMED, PI
from graphc.ops.reductions import WHERE
from graphc.scheduling.recognition import in_place
from graphc.scheduling.series import FUNCTIONS, SMALL, Number, numeric, taylor

Powers: TypeAlias = "tuple[Fraction, int]"  # p and k of exp(-p*w) * w**k
ZERO, ONE, ENDLESS = Fraction(0), Fraction(1), Fraction(10**6)
FEW, MANY = 3, 10  # levels of p to find out whether terms cancel, and to compute with
MOST_TERMS = 96


@dataclass(frozen=True)
class Asymptotic:
    """Terms by their powers; what is left out vanishes like ``exp(-order*w)``."""

    terms: Mapping[Powers, Number]
    order: Fraction = ENDLESS

    @property
    def low(self) -> Fraction:
        return min((p for p, _ in self.terms), default=self.order)

    def scaled(self, number: Number) -> Asymptotic:
        return replace(self, terms={key: number * c for key, c in self.terms.items()})

    def times(self, other: Asymptotic) -> Asymptotic:
        total: dict[Powers, Number] = {}
        size: dict[Powers, Number] = {}
        order = min(self.order + other.low, other.order + self.low)
        for (p, k), c in self.terms.items():
            for (q, j), d in other.terms.items():
                if p + q < order:
                    key = p + q, k + j
                    total[key] = total.get(key, 0) + c * d
                    size[key] = size.get(key, 0) + abs(c * d)
        return Asymptotic(_rounded(total, size), order)

    @property
    def rank(self) -> tuple[Fraction, int]:
        """How small the largest term is: by its exponential, then by its power."""
        return min(((p, -k) for p, k in self.terms), default=(self.order, 0))

    @property
    def lead(self) -> tuple[Powers, Number] | None:
        """The only term of the lowest exponential."""
        own = [key for key in self.terms if key[0] == self.low]
        return (own[0], self.terms[own[0]]) if len(own) == 1 else None


def added(parts: Sequence[Asymptotic]) -> Asymptotic:
    """A sum; what differs from 0 by rounding alone is 0."""
    order = min(a.order for a in parts)
    total: dict[Powers, Number] = {}
    size: dict[Powers, Number] = {}
    for a in parts:
        for key, c in a.terms.items():
            if key[0] < order:
                total[key] = total.get(key, 0) + c
                size[key] = size.get(key, 0) + abs(c)
    return Asymptotic(_rounded(total, size), order)


def _rounded(total: Mapping[Powers, Number], size: Mapping[Powers, Number]) -> dict[Powers, Number]:
    return {k: c for k, c in total.items() if abs(c) > (1e-10 if isinstance(c, float) else SMALL) * size[k]}


class Asymptotics:
    """Expansions of nodes in the one array that they are functions of, on one side of it.

    Parameters
    ----------
    levels : how many exponentials are kept
    exact : whether to compute with many digits, or with floats
    side : 1 where the array is positive, -1 where it is negative
    """

    def __init__(self, levels: int, exact: bool, side: int) -> None:
        self.levels, self.exact, self.side = levels, exact, side
        self.memo: dict[Expr, tuple[Expr | None, Asymptotic] | None] = {}
        self.degrees: dict[Expr, int] = {}  # of w in the exponentials of each array

    def of(self, node: Expr) -> tuple[Expr | None, Asymptotic] | None:
        """The array x that a node is a function of (None for a number), and its expansion; None if it has none."""
        for below in topological([node], self.memo):
            found = self._found(below)
            self.memo[below] = None if found is None else (found[0], self._cut(found[1]))
        return self.memo[node]

    def _cut(self, a: Asymptotic) -> Asymptotic:
        levels = sorted({p for p, _ in a.terms})
        if len(levels) <= self.levels:
            return a
        order = levels[self.levels]
        return Asymptotic({key: c for key, c in a.terms.items() if key[0] < order}, order)

    def _number(self, value: Fraction) -> Number:
        return numeric(value, self.exact)

    def _constant(self, value: Number) -> Asymptotic:
        return Asymptotic({(ZERO, 0): value} if value else {})

    def _found(self, node: Expr) -> tuple[Expr | None, Asymptotic] | None:
        if node.op is NAMED:
            return self.memo[node.operands[0]]
        if node.op is CONSTANT:
            return None, self._constant(self._number(node.attributes["value"]))
        if node.op is PI:
            return None, self._constant(+mpmath.pi if self.exact else float(mpmath.pi))
        if node.op is ADD:
            return self._sum(node)
        if node.op is CONTRACT:
            return self._product(node)
        if len(node.operands) == 1 and not node.op.replaceable and node.op.name in (*FUNCTIONS, *SIDES):
            held = self.memo[node.operands[0]]
            if held is None or held[0] is None:
                return None
            whole = self.applied(node.op.name, held[1], held[0])
            return None if whole is None else (held[0], whole)
        if node.op.name in COMPARED or node.op.name in ("maximum", "minimum"):
            return self._compared(node)
        if node.op is WHERE:
            condition, *branches = (self.memo[o] for o in node.operands)
            taken = None if condition is None else branches[0 if condition[1].terms else 1]
            if condition is None or taken is None or taken[0] not in (None, condition[0]):
                return None
            return condition[0], taken[1]
        if not node.operands:
            return node, Asymptotic({(ZERO, 1): self._number(Fraction(self.side))})
        return None

    def _compared(self, node: Expr) -> tuple[Expr | None, Asymptotic] | None:
        """A comparison, or the larger or smaller of two, where their difference has its sign."""
        left, right = (self.memo[o] for o in node.operands)
        if left is None or right is None or len({left[0], right[0]} - {None}) > 1:
            return None
        positive = _positive(added([left[1], right[1].scaled(self._number(-ONE))]))
        if positive is None:
            return None
        array, unit = right[0] if left[0] is None else left[0], self._constant(self._number(ONE))
        if node.op.name in COMPARED:
            return array, unit if COMPARED[node.op.name] is positive else Asymptotic({})
        return array, (left if (node.op.name == "maximum") is positive else right)[1]

    def _sum(self, node: Expr) -> tuple[Expr | None, Asymptotic] | None:
        parts = []
        arrays: set[Expr] = set()
        for c, o in zip(node.attributes["coefficients"], node.operands, strict=True):
            held = self.memo[o]
            if held is None:
                return None
            arrays |= set() if held[0] is None else {held[0]}
            parts.append(held[1].scaled(self._number(c)))
        return (next(iter(arrays), None), added(parts)) if len(arrays) < 2 else None

    def _product(self, node: Expr) -> tuple[Expr | None, Asymptotic] | None:
        if summed(node):
            return None
        array, total = None, self._constant(self._number(node.attributes["coefficient"]))
        for f, labels, e in factors_of(node):
            held = self.memo[f]
            if held is None or (held[0] is not None and not in_place(f, labels, node)):
                return None
            x, a = held
            power = a if e == 1 else self.power(a, e)
            if power is None or (array is not None and x not in (None, array)):
                return None
            array = x if array is None else array
            total = total.times(power)
        return array, total

    def applied(self, name: str, u: Asymptotic, x: Expr) -> Asymptotic | None:
        """A function of what has an expansion."""
        unit = self._constant(self._number(ONE))
        minus, two = self._number(-ONE), self._number(ONE * 2)
        if name == "exp":
            return self.exp(u, x)
        if name == "log":
            return self.log(u, x)
        if name in SIDES:
            return SIDES[name](u, unit)
        if name in ("log1p", "softplus"):
            inner = u if name == "log1p" else self.exp(u, x)
            return None if inner is None else self.log(added([unit, inner]), x)
        if name in ("expm1", "sinh", "cosh", "sigmoid", "tanh"):
            grown = self.exp(u.scaled(two) if name == "tanh" else u, x)
            if grown is None or name == "expm1":
                return None if grown is None else added([grown, unit.scaled(minus)])
            if name in ("sigmoid", "tanh"):
                below = self.power(added([unit, grown]), Fraction(-1))
                above = grown if name == "sigmoid" else added([grown, unit.scaled(minus)])
                return None if below is None else above.times(below)
            fallen = self.exp(u.scaled(minus), x)
            half = self._number(ONE / 2)
            signed = None if fallen is None else fallen.scaled(half if name == "cosh" else -half)
            return None if signed is None else added([grown.scaled(half), signed])
        return self.composed(name, u)

    def exp(self, u: Asymptotic, x: Expr) -> Asymptotic | None:
        """``exp(a*w**q + c + ...)``, its first factor an exponential of a power of w."""
        growing = [k for p, k in u.terms if p <= 0 and (p or k)]
        degree = self.degrees.get(x, max(growing, default=1))
        if growing not in ([], [degree]) or degree < 1:
            return None
        key = (ZERO, degree)
        slope = Fraction(float(u.terms.get(key, 0))).limit_denominator(64)
        if abs(u.terms.get(key, 0) - self._number(slope)) > 1e-14 * abs(slope):
            return None
        found = self.composed("exp", Asymptotic({k: c for k, c in u.terms.items() if k != key}, u.order))
        if found is None:
            return None
        if slope:
            self.degrees[x] = degree
        return found.times(Asymptotic({(-slope, 0): self._number(ONE)}))

    def log(self, u: Asymptotic, x: Expr) -> Asymptotic | None:
        """``log(c*exp(-p*w**q)*(1 + ...))``."""
        if u.lead is None or u.lead[0][1] or u.lead[1] <= 0:
            return None
        (p, _), c = u.lead
        rest = self.composed("log", self._over(u, (p, 0), c))
        number = mpmath.log(c) if self.exact else float(mpmath.log(c))
        line = Asymptotic({(ZERO, self.degrees.get(x, 1)): -self._number(p)} if p else {})
        return None if rest is None else added([line, self._constant(number), rest])

    def _over(self, u: Asymptotic, key: Powers, c: Number) -> Asymptotic:
        return u.times(Asymptotic({(-key[0], -key[1]): 1 / c}))

    def power(self, u: Asymptotic, e: Fraction) -> Asymptotic | None:
        """A power of what has one leading term."""
        if u.lead is None:
            return None
        (p, k), c = u.lead
        if (k * e).denominator != 1 or (e.denominator != 1 and c < 0):
            return None
        number = c ** (int(e) if e.denominator == 1 else self._number(e))
        found = self._series(self._over(u, (p, k), c), self._binomial(e))
        return None if found is None else found.times(Asymptotic({(p * e, int(k * e)): number}))

    def _binomial(self, e: Fraction) -> list[Number]:
        numbers = [self._number(ONE)]
        for n in range(self.levels + 1):
            numbers.append(numbers[-1] * self._number((e - n) / (n + 1)))
        return numbers

    def composed(self, name: str, u: Asymptotic) -> Asymptotic | None:
        """A function that has a power series at what `u` tends to."""
        head = [key for key in u.terms if key[0] <= 0]
        if head not in ([], [(ZERO, 0)]):
            return None
        numbers = taylor(name, u.terms.get((ZERO, 0), self._number(ZERO)), self.levels + 2, self.exact)
        return None if numbers is None else self._series(u, numbers)

    def _series(self, u: Asymptotic, numbers: Sequence[Number]) -> Asymptotic | None:
        """The sum of ``numbers[n] * (u - c)**n``, c the number that u tends to."""
        rest = Asymptotic({key: c for key, c in u.terms.items() if key != (ZERO, 0)}, u.order)
        if rest.terms and rest.low <= 0:
            return None
        total, power = self._constant(numbers[0]), self._constant(self._number(ONE))
        bound = min(u.order, rest.low * (self.levels + 1))
        for c in numbers[1 : self.levels + 1]:
            power = self._cut(power.times(rest))
            if not power.terms or len(power.terms) > MOST_TERMS:
                break
            total = added([total, power.scaled(c)]) if c else total
        if rest.terms:
            total = Asymptotic({key: c for key, c in total.terms.items() if key[0] < bound}, min(total.order, bound))
        return replace(total, order=min(total.order, u.order)) if len(power.terms) <= MOST_TERMS else None


def _positive(u: Asymptotic) -> bool | None:
    """Whether a function is positive where w is large, None if that is not known."""
    if not u.terms:
        return None
    return bool(u.terms[min(u.terms, key=lambda key: (key[0], -key[1]))] > 0)


def _absolute(u: Asymptotic, unit: Asymptotic) -> Asymptotic | None:
    positive = _positive(u)
    return None if positive is None else u if positive else u.scaled(-unit.terms[ZERO, 0])


def _sign(u: Asymptotic, unit: Asymptotic) -> Asymptotic | None:
    positive = _positive(u)
    return None if positive is None else unit if positive else unit.scaled(-unit.terms[ZERO, 0])


def _ramp(u: Asymptotic, unit: Asymptotic) -> Asymptotic | None:
    positive = _positive(u)
    return None if positive is None else u if positive else Asymptotic({})


SIDES: dict[str, Callable[[Asymptotic, Asymptotic], Asymptotic | None]] = {
    "abs": _absolute,
    "sign": _sign,
    "relu": _ramp,
}


COMPARED = {"greater": True, "greater_equal": True, "less": False, "less_equal": False}
