"""Power series at 0 of functions of one array, entry by entry: they show where the terms of a sum cancel.

    x - sin(x) = x**3/6 - x**5/120 + ...     is computed from its series where x is small, as it stands elsewhere

A series is a lowest power and the coefficients from there on; all have one number of coefficients. Functions of
exp(x) have series in t = exp(x) where x is far below 0, and in t = exp(-x) where it is far above; algebraic functions
have series in 1/abs(x) far from 0, where powers of it need not be whole.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import mpmath  # type: ignore[import-untyped]

from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.ops.elementwise import exp
from graphc.ops.leaves import CONSTANT, NAMED, PI
from graphc.rewriting.order import Factor
from graphc.scheduling.exponentials import Rational, reversed_polynomial
from graphc.scheduling.nested import split_factors
from graphc.scheduling.recognition import EXP, Exponentials, in_place, times
from graphc.scheduling.tails import scaled_tail

Number: TypeAlias = Any  # a float, or a number of mpmath
DIGITS = 50
SMALL = mpmath.mpf(10) ** (10 - DIGITS)

FUNCTIONS: dict[str, Any] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arcsinh": mpmath.asinh,
    "arctanh": mpmath.atanh,
    "erf": mpmath.erf,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
}


@dataclass(frozen=True)
class Series:
    """``x**low * (coefficients[0] + coefficients[1]*x + ...)``; the first coefficient is not 0 unless all are."""

    low: Fraction | int
    coefficients: tuple[Number, ...]

    @property
    def vanishes(self) -> bool:
        return not any(self.coefficients)

    def times(self, other: Series) -> Series:
        return Series(self.low + other.low, tuple(_product(self.coefficients, other.coefficients)))

    def scaled(self, number: Number) -> Series:
        return Series(self.low, tuple(number * c for c in self.coefficients))

    def raised(self, exponent: Fraction) -> Series | None:
        """The power, by the recurrence that follows from y' x = exponent y x'."""
        low, lead = self.low * exponent, self.coefficients[0]
        if not lead or (exponent.denominator != 1 and lead < 0):
            return None
        e = _like(exponent, lead)
        try:
            first = lead**e
        except OverflowError:
            return None
        if not any(self.coefficients[1:]):
            return Series(low, (first, *self.coefficients[1:]))
        found = [first]
        for k in range(1, len(self.coefficients)):
            parts = [(e * i - k + i) * self.coefficients[i] * found[k - i] for i in range(1, k + 1)]
            found.append(_rounded(sum(parts), sum(map(abs, parts))) / (k * lead))
        return Series(low, tuple(found))


def _product(a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    """The first coefficients of a product, as many as the factors have; zeros cost nothing."""
    total = [a[0] * 0] * len(a)
    size = list(total)
    held = [(j, y) for j, y in enumerate(b) if y]
    for i, x in enumerate(a):
        if x:
            for j, y in held:
                if i + j >= len(a):
                    break
                part = x * y
                total[i + j] += part
                size[i + j] += abs(part)
    return [_rounded(t, s) for t, s in zip(total, size, strict=True)]


def _rounded(total: Number, size: Number) -> Number:
    """A sum of terms of the given size together; 0 where it differs from that by rounding alone."""
    small = 1e-10 if isinstance(total, float) else SMALL
    return total if abs(total) > small * size else total * 0


def _like(value: Fraction, number: Number) -> Number:
    if isinstance(number, float):
        return float(value)
    return int(value) if value.denominator == 1 else numeric(value, exact=True)


def numeric(value: Fraction, exact: bool) -> Number:
    """A fraction with many digits, or as a float."""
    return mpmath.mpf(value.numerator) / value.denominator if exact else float(value)


def constant(value: Number, terms: int) -> Series:
    return Series(0, (value, *(value * 0,) * (terms - 1)))


def added(parts: Sequence[Series]) -> Series | None:
    """A sum of series whose powers differ by whole numbers; coefficients that differ from 0 by rounding alone are 0."""
    low = min(s.low for s in parts)
    if any((s.low - low).denominator != 1 for s in parts):
        return None
    terms = len(parts[0].coefficients)
    found = []
    for k in range(terms):
        own = [s.coefficients[int(low - s.low) + k] for s in parts if 0 <= low + k - s.low < terms]
        found.append(_rounded(sum(own), sum(map(abs, own))))
    lead = next((k for k, c in enumerate(found) if c), 0)
    return Series(low + lead, (*found[lead:], *(found[0] * 0,) * lead))


class Expansions:
    """Series of nodes in the one array that they are functions of; nodes are asked for in topological order.

    Parameters
    ----------
    terms : how many coefficients
    exact : whether to compute with many digits, or with floats
    exponentials : if given, series are in an exponential, where they are not in x
    sign : 1 for the series in exp(x), -1 for that in exp(-x)
    far : 1 for the series in 1/abs(x) where x is positive, -1 where it is negative
    """

    def __init__(
        self, terms: int, exact: bool, exponentials: Exponentials | None = None, sign: int = 1, far: int = 0
    ) -> None:
        self.terms, self.exact = terms, exact
        self.exponentials, self.sign, self.far = exponentials, sign, far
        self.memo: dict[Expr, tuple[Expr | None, Series]] = {}

    def of(self, node: Expr) -> tuple[Expr | None, Series]:
        """The array x that a node is a function of (None for a number), and its series in x at 0."""
        for below in topological([node], self.memo):
            self.memo[below] = self._found(below) or (below, self._identity())
        return self.memo[node]

    def _number(self, value: Fraction) -> Number:
        return numeric(value, self.exact)

    def _identity(self) -> Series:
        return Series(-1 if self.far else 1, constant(self._number(Fraction(self.far or 1)), self.terms).coefficients)

    def _found(self, node: Expr) -> tuple[Expr | None, Series] | None:
        if node.op is NAMED:
            return self.memo[node.operands[0]]
        if node.op is CONSTANT:
            return None, constant(self._number(node.attributes["value"]), self.terms)
        if node.op is PI:
            return None, constant(+mpmath.pi if self.exact else float(mpmath.pi), self.terms)
        if node.op is ADD:
            return self._sum(node)
        if node.op is CONTRACT:
            return self._product(node)
        if node.op.name in FUNCTIONS and len(node.operands) == 1 and not node.op.replaceable:
            x, u = self.memo[node.operands[0]]
            if node.op.name == "arctan" and u.low < 0 and x is not None:
                return self._arctan(x, u)
            if self.exponentials is None or (x is not None and x.op is EXP):
                found = composed(node.op.name, u, self.exact)
                return None if found is None else (x, found)
        if self.far and node.op.name in ("abs", "sign"):
            x, u = self.memo[node.operands[0]]
            side = self._number(Fraction(-1 if u.coefficients[0] < 0 else 1))
            if x is not None and u.coefficients[0]:
                return x, u.scaled(side) if node.op.name == "abs" else constant(side, self.terms)
        return self._at_an_end(node) if self.exponentials is not None else None

    def _arctan(self, x: Expr, u: Series) -> tuple[Expr | None, Series] | None:
        """``arctan(u) = sign(u)*pi/2 - arctan(1/u)``."""
        inverse = u.raised(Fraction(-1)) if self.far else None
        rest = None if inverse is None else composed("arctan", inverse, self.exact)
        half = (mpmath.pi if self.exact else float(mpmath.pi)) / (2 if u.coefficients[0] > 0 else -2)
        whole = None if rest is None else added([constant(half, self.terms), rest.scaled(self._number(Fraction(-1)))])
        return None if whole is None else (x, whole)

    def _at_an_end(self, node: Expr) -> tuple[Expr | None, Series] | None:
        """A rational function of an exponential, or the logarithm of one."""
        assert self.exponentials is not None
        found, inner = self.exponentials.of(node), None
        if found is None:
            found, inner = self.exponentials.logarithm(node), "log"
        if found is None or found[0] is None or found[0].op is EXP:
            return None
        series = self._rational(found[1])
        whole = composed(inner, series, self.exact) if series is not None and inner is not None else series
        return None if whole is None else (exp(times(self.sign, found[0])), whole)

    def _rational(self, r: Rational) -> Series | None:
        """The series of a function of t, or of 1/t, that has whole powers of it alone."""
        power = r.power if self.sign > 0 else -r.high
        powers = [power, *(e for f in r.factors for e, _ in f)]
        if any(p.denominator != 1 for p in powers):
            return None
        unit = constant(self._number(Fraction(1)), self.terms)
        total: Series | None = Series(int(power), unit.scaled(self._number(r.coefficient)).coefficients)
        for f, e in r.factors.items():
            numbers = [self._number(Fraction(0))] * self.terms
            for p, c in f if self.sign > 0 else reversed_polynomial(f):
                if p < self.terms:
                    numbers[int(p)] = self._number(c)
            factor = Series(0, tuple(numbers)).raised(e)
            total = None if factor is None or total is None else total.times(factor)
        return total

    def _sum(self, node: Expr) -> tuple[Expr | None, Series] | None:
        parts = [self.memo[o] for o in node.operands]
        arrays = {x for x, _ in parts if x is not None}
        if len(arrays) > 1:
            return None
        scaled = [s.scaled(self._number(c)) for (_, s), c in zip(parts, node.attributes["coefficients"], strict=True)]
        whole = added(scaled)
        return None if whole is None else (next(iter(arrays), None), whole)

    def _product(self, node: Expr) -> tuple[Expr | None, Series] | None:
        if summed(node):
            return None
        coefficient, factors = node.attributes["coefficient"], factors_of(node)
        opened, own = split_factors(node) if self.far else (ONE, [])
        array, total = None, constant(self._number(ONE), self.terms)
        if (scaled := self._scaled_tail(own)) is not None:
            array, total, factors = scaled
            coefficient = opened
        total = total.scaled(self._number(coefficient))
        for f, labels, e in factors:
            x, s = self.memo[f]
            power = s.raised(e)
            moved = x is not None and not in_place(f, labels, node)
            if power is None or moved or (array is not None and x not in (None, array)):
                return None
            if power.low.denominator != 1 and not self.far:
                return None
            array = x if array is None else array
            total = total.times(power)
        return array, total

    def _scaled_tail(self, factors: list[Factor]) -> tuple[Expr, Series, list[Factor]] | None:
        """``exp(z**2)*(1 - erf(z))`` among the factors, by its asymptotic series (DLMF 7.12.1), and the others."""
        found = scaled_tail(factors)
        if found is None:
            return None
        c, z, e, rest, labels, others = found
        if labels != others:
            return None
        x, u = self.of(z)
        inverse = u.raised(Fraction(-1)) if x is not None and u.low < 0 and u.coefficients[0] > 0 else None
        if x is None or inverse is None:
            return None
        step = inverse.times(inverse).scaled(self._number(Fraction(-1, 2)))
        parts, term = [constant(self._number(ONE), self.terms)], constant(self._number(ONE), self.terms)
        for n in range(1, self.terms // 2):
            term = term.times(step).scaled(self._number(Fraction(2 * n - 1)))
            parts.append(term)
        whole, root = added(parts), mpmath.sqrt(mpmath.pi)
        own = (
            None
            if whole is None
            else whole.times(inverse).scaled(self._number(c) / (root if self.exact else float(root)))
        )
        power = None if own is None else own.raised(e)
        return None if power is None else (x, power, rest)


def composed(name: str, u: Series, exact: bool) -> Series | None:
    """A function of a series without negative powers, where it has derivatives."""
    if u.low < 0 or u.low.denominator != 1:
        return None
    terms = len(u.coefficients)
    start = u.coefficients[0] if u.low == 0 else u.coefficients[0] * 0
    numbers = taylor(name, start, terms, exact)
    if numbers is None:
        return None
    zero = start * 0
    rest = ((zero, *u.coefficients[1:]) if u.low == 0 else ((zero,) * int(u.low) + u.coefficients))[:terms]
    steps = [k for k, c in enumerate(rest) if c]
    total: list[Number] = [zero] * terms
    if len(steps) == 1:  # of one power of x
        for k in range((terms - 1) // steps[0] + 1):
            total[k * steps[0]] = numbers[k] * rest[steps[0]] ** k
    else:
        for c in reversed(numbers):
            total = _product(rest, total)
            total[0] = c + zero
    lead = next((k for k, c in enumerate(total) if c), 0)
    return Series(lead, (*total[lead:], *(start * 0,) * lead))


@functools.lru_cache(maxsize=1024)
def taylor(name: str, start: Number, terms: int, exact: bool) -> tuple[Number, ...] | None:
    with mpmath.workdps(DIGITS):
        try:
            found = mpmath.taylor(FUNCTIONS[name], mpmath.mpf(start), terms - 1)
        except (ValueError, ZeroDivisionError, mpmath.libmp.libhyper.NoConvergence):
            return None
        real = [mpmath.re(c) if abs(c) > SMALL else mpmath.mpf(0) for c in found]
    if any(abs(mpmath.im(c)) > SMALL for c in found) or not all(map(mpmath.isfinite, real)):
        return None
    return tuple(real) if exact else tuple(float(c) for c in real)
