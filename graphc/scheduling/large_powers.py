"""Products of large powers that overflow where the whole does not, from powers of 1/x where x is large.

    x**20/(1 + x**20)   =  1/(1 + z**20)               with z = 1/x where abs(x) > 1
    sqrt(1 + x**20)     =  abs(x)**10*sqrt(1 + z**20)
    log(1 + x**20)      =  20*log(abs(x)) + log(1 + z**20)
    x**20*exp(-x)       =  (x*exp(-x/20))**20

float32 has no numbers beyond 3e38: a tenth power of 1e4 is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr, of_node
from graphc.ops.arithmetic import ADD, broadcast, combine, multiply, rational_power
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, summed
from graphc.ops.elementwise import absolute, exp, greater, log, log1p
from graphc.ops.leaves import constant
from graphc.ops.reductions import where
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.nested import split_factors, split_terms
from graphc.scheduling.recognition import EXP, Exponentials, in_place, plain, times
from graphc.scheduling.tails import Computed

Sum: TypeAlias = "Mapping[Fraction, Fraction]"  # coefficients by powers of one array
LARGE = 9  # 1e4**9 is a number of float32, 1e4**10 is none
ZERO = Fraction(0)


@dataclass(frozen=True)
class Part:
    """A power of a sum of powers of one array, with the factor of a product that it is."""

    factor: Factor
    total: Sum
    exponent: Fraction

    @property
    def high(self) -> Fraction:
        return max(self.total) * self.exponent

    @property
    def low(self) -> Fraction:
        return min(self.total) * self.exponent


def without_large(
    factors: list[Factor], node: Expr, coefficient: Fraction, exponentials: Exponentials, computed: Computed
) -> Expr | None:
    """A product without the overflow of one of its factors where another one vanishes; None if there is none."""
    groups: dict[Expr, list[Part]] = defaultdict(list)
    for f, labels, e in factors:
        found = _read(plain(f), exponentials) if in_place(f, labels, node) else None
        if found is not None:
            groups[found[0]].append(Part((f, labels, e), found[1], e))
    for x, parts in groups.items():
        if _overflows(parts):
            taken = [p.factor for p in parts]
            rest = [(computed(f), ls, e) for f, ls, e in factors if (f, ls, e) not in taken]
            return contract(
                [(_bounded(computed(x), parts), aligned(x.shape, node.shape), ONE), *rest], node.shape, coefficient
            )
    return _under_power(factors, node, coefficient, computed)


def _read(f: Expr, exponentials: Exponentials) -> tuple[Expr, Sum] | None:
    """A node as a sum of powers of one array that is no such sum itself; None for functions of an exponential."""
    return _powers(f) if exponentials.of(f) is None else None


@of_node
def _powers(f: Expr) -> tuple[Expr, Sum] | None:
    if f.op is not ADD:
        held = _monomial(f)
        return None if held is None else (held[0], {held[1]: held[2]})
    total: dict[Fraction, Fraction] = {}
    arrays: set[Expr] = set()
    for c, t in split_terms(f):
        number = number_of(t)
        if number is not None:
            total[ZERO] = total.get(ZERO, ZERO) + c * number
            continue
        held = _monomial(plain(t))
        if held is None or t.shape != f.shape:
            return None
        x, power, own = held
        arrays.add(x)
        total[power] = total.get(power, ZERO) + c * own
    total = {p: c for p, c in total.items() if c}
    return (arrays.pop(), total) if len(arrays) == 1 and len(total) > 1 else None


@of_node
def _monomial(t: Expr) -> tuple[Expr, Fraction, Fraction] | None:
    """``c * x**k`` for a whole k, as x, k and c."""
    if t.op is not CONTRACT:
        return (t, ONE, ONE) if t.op is not ADD else None
    if summed(t):
        return t, ONE, ONE
    coefficient, factors = split_factors(t)
    arrays = {plain(f) for f, *_ in factors}
    power = sum((e for *_, e in factors), ZERO)
    if len(arrays) != 1 or power.denominator != 1 or not all(in_place(f, ls, t) for f, ls, _ in factors):
        return None
    (x,) = arrays
    return (x, power, coefficient) if x.op is not ADD and coefficient else None


def _overflows(parts: list[Part]) -> bool:
    """Whether a factor is larger than the product, beyond what numbers reach, or a sum under a root is."""
    for ends in ([p.high for p in parts], [-p.low for p in parts]):
        if max(ends) > max(sum(ends), ZERO) and max(map(abs, ends)) >= LARGE:
            return True
    roots = [p for p in parts if p.exponent.denominator != 1]
    if any(max(p.total) % 2 or min(p.total) % 2 for p in roots):
        return False
    return any(max(*p.total, -min(p.total)) >= LARGE for p in roots)


def _bounded(x: Expr, parts: list[Part]) -> Expr:
    own = aligned(x.shape, x.shape)
    large = greater(absolute(x), 1)
    z = where(large, rational_power(where(large, x, 1), -ONE), x)
    factors: list[Factor] = []
    for p in parts:
        if len(p.total) > 1:
            factors.append((where(large, *_sides(z, p.total)), own, p.exponent))
        else:
            factors.append((broadcast(constant(next(iter(p.total.values()))), x.shape), own, p.exponent))
    whole, roots = ([p for p in parts if (p.exponent.denominator == 1) is kind] for kind in (True, False))
    high = [-sum((p.high for p in side), ZERO) for side in (whole, roots)]
    low = [sum((p.low for p in side), ZERO) for side in (whole, roots)]
    powers = [_power(z, *high), _power(z, *low)]
    factors.append((where(large, *powers), own, ONE))
    return contract([t for t in factors if number_of(t[0]) != 1], x.shape)


def _power(z: Expr, whole: Fraction, rooted: Fraction) -> Expr:
    """``z**whole * abs(z)**rooted``: of the root of an even power the sign is lost."""
    if rooted % 2 == 0:
        return _raised(z, whole + rooted)
    size = absolute(z)
    return _raised(size, whole + rooted) if whole % 2 == 0 else multiply(z, _raised(size, whole + rooted - 1))


def _raised(z: Expr, power: Fraction) -> Expr:
    return rational_power(z, power) if power else broadcast(constant(1), z.shape)


def _sides(z: Expr, total: Sum) -> tuple[Expr, Expr]:
    """A sum over its highest power in z = 1/x, and over its lowest in z = x."""
    high, low = max(total), min(total)
    return _value(z, {high - p: c for p, c in total.items()}), _value(z, {p - low: c for p, c in total.items()})


def _value(z: Expr, total: Sum) -> Expr:
    return combine([(c, _raised(z, p)) for p, c in sorted(total.items())])


def _under_power(factors: list[Factor], node: Expr, coefficient: Fraction, computed: Computed) -> Expr | None:
    """A large power beside an exponential: the exponential goes under the power."""
    for i, (f, labels, e) in enumerate(factors):
        held = _monomial(plain(f)) if in_place(f, labels, node) and e.denominator == 1 else None
        if held is None or held[0].op is EXP or abs(held[1] * e) < LARGE:
            continue
        x, k, c = held[0], held[1] * e, held[2] ** int(e)
        for j, (g, places, power) in enumerate(factors):
            inner = plain(g)
            if i == j or inner.op is not EXP or not in_place(g, places, node):
                continue
            own = aligned(x.shape, node.shape)
            inside = contract(
                [(computed(x), own, ONE), (exp(times(power / k, computed(inner.operands[0]))), own, ONE)], node.shape
            )
            rest = [(computed(h), ls, q) for n, (h, ls, q) in enumerate(factors) if n not in (i, j)]
            return contract([(inside, own, k), *rest], node.shape, coefficient * c)
    return None


def large_logarithm(node: Expr, exponentials: Exponentials, computed: Computed) -> Expr | None:
    """The logarithm of a large power, or of a sum of powers that is positive everywhere."""
    held = _read(plain(node), exponentials)
    if held is None or any(p % 2 or c < 0 for p, c in held[1].items()):
        return None
    x, total = held
    high, low = max(total), min(total)
    if max(high, -low) < LARGE:
        return None
    x = computed(x)
    size = log(absolute(x))
    if len(total) == 1:
        return _line(size, high, total[high])
    large = greater(absolute(x), 1)
    z = where(large, rational_power(where(large, x, 1), -ONE), x)
    sides = [
        _line(
            size,
            end,
            total[end],
            log1p(_value(z, {abs(end - p): c / total[end] for p, c in total.items() if p != end})),
        )
        for end in (high, low)
    ]
    return where(large, *sides)


def _line(size: Expr, power: Fraction, number: Fraction, rest: Expr | None = None) -> Expr:
    terms = [(power, size)] if power else []
    terms += [] if number == 1 else [(ONE, broadcast(log(constant(number)), size.shape))]
    terms += [] if rest is None else [(ONE, rest)]
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)
