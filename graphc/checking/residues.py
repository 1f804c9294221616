"""Residues modulo primes in which exponentials, logarithms and real powers keep their laws.

In a chain of primes with p[i] = 2 p[i+1] + 1 the squares modulo p[i] are a group of order p[i+1]: exp(x) modulo p[i]
is a power b**x for a random square b and x modulo p[i+1], so that exp(a + b) = exp(a) exp(b), and log goes back.
Squares stand for positive numbers: they have every rational power. A number is known modulo some of the primes: an
exponential not modulo the last one, a logarithm not modulo the first. Every other function is an atom: a random value
for each argument.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.checking.entrywise import NotExactError
from graphc.checking.functions import ODD

CHAIN = (71850239, 35925119, 17962559, 8981279, 4490639, 2245319, 1122659)
SINGLE = (2305843009213655999,)  # a prime of 61 bits, twice another prime and 1; 2, 3, 5, 7, 11, 13 are squares
BASE = 4  # a square, of which every other one is a power


class Residue:
    """A number modulo the primes of a chain (None where it is not known), and bounds of its degrees.

    `top` and `bottom` bound the degrees of numerator and denominator in the entries drawn, in atoms, and in roots and
    exponentials as if those were entries too.
    """

    __slots__ = ("bottom", "numbers", "top", "values")

    def __init__(self, numbers: Residues, values: Sequence[int | None], top: int = 0, bottom: int = 0) -> None:
        if all(v is None for v in values):
            raise NotExactError("known modulo none of the primes")
        self.numbers, self.values, self.top, self.bottom = numbers, tuple(values), top, bottom

    def _with(self, other: Any, step: Callable[[int, int], int], top: int, bottom: int) -> Residue:
        pairs = zip(self.values, other.values, self.numbers.primes, strict=True)
        found = [None if a is None or b is None else step(a, b) % p for a, b, p in pairs]
        return Residue(self.numbers, found, top, bottom)

    def __add__(self, other: Any) -> Residue:
        y = self.numbers.lifted(other)
        top = max(self.top + y.bottom, y.top + self.bottom)
        return self._with(y, operator.add, top, self.bottom + y.bottom)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Residue:
        y = self.numbers.lifted(other)
        return self._with(y, operator.mul, self.top + y.top, self.bottom + y.bottom)

    __rmul__ = __mul__

    def __neg__(self) -> Residue:
        return self * -1

    def __sub__(self, other: Any) -> Residue:
        return self + self.numbers.lifted(other) * -1

    def __rsub__(self, other: Any) -> Residue:
        found: Residue = -self + other
        return found

    def _unordered(self, other: Any = None) -> bool:
        raise NotExactError("residues have no order", final=True)

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _unordered
    __eq__ = __ne__ = _unordered
    __hash__ = None  # type: ignore[assignment]


class Residues:
    """Residues modulo the primes of a chain, the atoms among them drawn by `rng`."""

    ordered = False

    def __init__(self, primes: tuple[int, ...], rng: np.random.Generator) -> None:
        self.primes, self.rng = primes, rng
        self.atoms: dict[object, Residue] = {}
        self.named: set[str] = set()  # the functions whose values are atoms
        self.bases = [int(rng.integers(2, p // 2)) for p in primes]  # e is BASE to this power
        self.branches = False  # whether roots or logarithms were taken: their arguments were squares here

    def lifted(self, x: Any) -> Residue:
        return x if isinstance(x, Residue) else self.exact(Fraction(int(x)))

    def exact(self, value: Fraction) -> Residue:
        return Residue(self, [value.numerator * pow(value.denominator, -1, p) % p for p in self.primes])

    def random(self, rng: np.random.Generator, *, positive: bool = False, unit: bool = False) -> Residue:
        drawn = Residue(self, [int(rng.integers(1, p)) for p in self.primes], 1)
        return self.power(drawn, Fraction(2)) if positive or unit else drawn

    def power(self, x: Any, exponent: Fraction) -> Residue:
        x, whole = self.lifted(x), exponent.denominator == 1
        self.branches |= not whole
        values = [None if v is None else _power(v, exponent, p) for v, p in zip(x.values, self.primes, strict=True)]
        top, bottom = (x.top, x.bottom) if exponent > 0 else (x.bottom, x.top)
        e = math.ceil(abs(exponent))
        return Residue(self, values, top * e, bottom * e)

    def pivot(self, column: Sequence[Residue]) -> int:
        for i, x in enumerate(column):
            if all(x.values[k] != 0 for k in range(len(self.primes))):
                return i
        raise NotExactError("a singular matrix")

    def exp(self, x: Any) -> Residue:
        x = self.lifted(x)
        known = zip([*x.values[1:], None], self.primes, self.bases, strict=True)
        return Residue(self, [None if v is None else pow(BASE, v * b, p) for v, p, b in known], 1)

    def log(self, x: Any) -> Residue:
        x, self.branches = self.lifted(x), True
        known = zip(x.values[:-1], self.primes, self.primes[1:], self.bases, strict=False)
        logs = [(None if v is None else discrete_log(v, p), q, b) for v, p, q, b in known]
        return Residue(self, [None, *(None if v is None else v * pow(b, -1, q) % q for v, q, b in logs)], 1)

    def function(self, name: str, *arguments: Any, **attributes: Any) -> Residue:
        rule = RULES.get(name)
        if rule is not None:
            return rule(self, *map(self.lifted, arguments))
        if name in JUMPS:
            raise NotExactError(f"residues have no {name}", final=True)
        if len(arguments) == 1 and name in ODD_ATOMS:
            x = self.lifted(arguments[0])
            turned = min(x, x * -1, key=lambda v: [part or 0 for part in v.values])
            value = self.atom(name, [turned], attributes)
            return value if turned is x else value * -1
        return self.atom(name, arguments, attributes)

    def atom(self, name: str, arguments: Sequence[Any], attributes: Any) -> Residue:
        """A random value, the same for the same arguments."""
        key = name, tuple(self.lifted(x).values for x in arguments), str(sorted(attributes.items()))
        if key not in self.atoms:
            self.named.add(name)
            self.atoms[key] = self.random(self.rng)
        return self.atoms[key]

    def matrix(self, name: str, *arguments: Any, **attributes: Any) -> Any:
        raise NotExactError(f"residues have no {name}", final=True)


ODD_ATOMS = ODD | {"sin and cos"}
JUMPS = frozenset(("floor", "ceil", "trunc", "round"))


def _power(v: int, exponent: Fraction, p: int) -> int | None:
    """A power modulo p; None where there is none."""
    if v == 0:
        return 0 if exponent > 0 else None
    if exponent.denominator == 1:
        return pow(v, exponent.numerator, p)
    order = (p - 1) // 2
    if pow(v, order, p) != 1 or math.gcd(exponent.denominator, order) != 1:
        return None
    return pow(v, exponent.numerator * pow(exponent.denominator, -1, order) % order, p)


@functools.lru_cache(maxsize=4096)
def discrete_log(v: int, p: int) -> int | None:
    """x with ``BASE**x == v`` modulo p, by baby steps and giant steps; None where v is no square."""
    if v == 0 or pow(v, (p - 1) // 2, p) != 1:
        return None
    table, giant, width = _baby_steps(p)
    for k in range((p - 1) // 2 // width + 1):
        if v in table:
            return table[v] + k * width
        v = v * giant % p
    raise AssertionError("every square is a power of the base")


@functools.lru_cache(maxsize=16)
def _baby_steps(p: int) -> tuple[dict[int, int], int, int]:
    width, table, power = 1 << 14, {}, 1
    for k in range(width):
        table[power] = k
        power = power * BASE % p
    return table, pow(power, -1, p), width


def _inverse(r: Residues, x: Residue) -> Residue:
    return r.power(x, Fraction(-1))


def _sigmoid(r: Residues, x: Residue) -> Residue:
    return _inverse(r, r.exp(x * -1) + 1)


def _half(r: Residues, x: Residue) -> Residue:
    return x * r.exact(Fraction(1, 2))


def _circle(r: Residues, x: Residue) -> tuple[Residue, Residue]:
    """Cosine and sine: a point of the unit circle, from the tangent of half of x, which is odd."""
    t = r.function("sin and cos", x)
    inverse = _inverse(r, t * t + 1)
    return (t * t * -1 + 1) * inverse, t * 2 * inverse


RULES: dict[str, Callable[..., Residue]] = {
    "exp": lambda r, x: r.exp(x),
    "expm1": lambda r, x: r.exp(x) - 1,
    "log": lambda r, x: r.log(x),
    "log1p": lambda r, x: r.log(x + 1),
    "sigmoid": _sigmoid,
    "tanh": lambda r, x: _sigmoid(r, x * 2) * 2 - 1,
    "softplus": lambda r, x: r.log(r.exp(x) + 1),
    "cosh": lambda r, x: _half(r, r.exp(x) + r.exp(x * -1)),
    "sinh": lambda r, x: _half(r, r.exp(x) - r.exp(x * -1)),
    "arctanh": lambda r, x: _half(r, r.log(x + 1) - r.log(x * -1 + 1)),
    "cos": lambda r, x: _circle(r, x)[0],
    "sin": lambda r, x: _circle(r, x)[1],
    "tan": lambda r, x: _circle(r, x)[1] * _inverse(r, _circle(r, x)[0]),
    "general_power": lambda r, x, y: r.exp(y * r.log(x)),
}
