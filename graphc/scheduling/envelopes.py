"""Functions of x that grow or vanish like exponentials at its ends, as an exponential times what is left.

    f(x) = exp(high*max(x, 0) + low*min(x, 0)) * mantissa(x)

    log(1 + exp(x))   low = 1, high = 0     (for x far below 0 it is exp(x))
    cosh(x)           low = -1, high = 1
    exp(-abs(x))      low = 1, high = -1

The slopes of a product add up, so that exp(x)/log(1 + exp(x)) is bounded where x is negative, and exp(-abs(x))*cosh(x)
everywhere; the logarithm of a product is its exponent plus the logarithm of the mantissas.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, Labels, aligned, contract, summed
from graphc.ops.elementwise import absolute, exp, maximum, minimum
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.collapse import apart
from graphc.scheduling.ends import Ends
from graphc.scheduling.exponential_forms import logarithm, mantissa, slopes
from graphc.scheduling.exponentials import ONE, UNIT, ZERO, Rational, step_of
from graphc.scheduling.nested import split_factors, split_terms
from graphc.scheduling.recognition import Exponentials, plain, times
from graphc.scheduling.tails import Computed

ABSOLUTE = registry["abs"]
NEGLIGIBLE = 40  # exp(-40) is nothing beside 1


@dataclass(frozen=True)
class Envelope:
    """The slopes of a function of `base`, and the rational function of its exponential or the logarithm that it is."""

    base: Expr
    low: Fraction
    high: Fraction
    rational: Rational | None  # of exp(base)
    function: Callable[[Expr], Expr]  # the mantissa, of the base as it is computed


Member: TypeAlias = "tuple[Factor, Envelope]"
Groups: TypeAlias = "dict[tuple[Expr, Labels], list[Member]]"


class Envelopes:
    """The envelopes found so far."""

    def __init__(self, exponentials: Exponentials, computed: Computed, ends: Ends) -> None:
        self.exponentials, self.computed, self.ends = exponentials, computed, ends
        self.memo: dict[Expr, Envelope | None] = {}

    def of(self, f: Expr) -> Envelope | None:
        f = plain(f)
        if f not in self.memo:
            self.memo[f] = self._found(f)
        return self.memo[f]

    def _found(self, f: Expr) -> Envelope | None:
        found = self.exponentials.of(f)
        if found is not None and found[0] is not None:
            base, r = found[0], found[1]
            if base.op is not ABSOLUTE:
                return Envelope(base, r.low, r.high, r, lambda x: mantissa(x, r))
            return Envelope(base.operands[0], -r.high, r.high, None, lambda x: mantissa(absolute(x), r))
        if f.op is ADD:
            return self._sum(f)
        held = self.exponentials.logarithm(f) if found is None else None
        return None if held is None or held[0] is None else _of_logarithm(held[0], held[1])

    def _sum(self, f: Expr) -> Envelope | None:
        """A sum grows like the term that grows most: what is left of the others are exponentials below 1."""
        terms: list[tuple[Fraction, list[Factor], list[Member]]] = []
        for c, x in split_terms(f):
            term = self._term(c, plain(x), f)
            if term is None:
                return None
            terms.append(term)
        bases = {h.base for *_, members in terms for _, h in members}
        if len(bases) != 1:
            return None
        ends = [rates(members) for *_, members in terms]
        low, high = min(a for a, _ in ends), max(b for _, b in ends)
        if not low and not high:
            return None
        labels = aligned(f.shape, f.shape)

        def function(x: Expr) -> Expr:
            parts: list[tuple[Fraction, Expr]] = []
            for (c, rest, members), (a, b) in zip(terms, ends, strict=True):
                own = [(self.computed(g), ls, e) for g, ls, e in rest]
                own += separated(members, x, labels)
                if a != low or b != high:
                    own.append((exp(slopes(x, a - low, b - high)), labels, ONE))
                parts.append((ONE, contract(own, f.shape, c)))
            found = combine(parts)
            for end in self.ends.of_sum([[t] for t in split_terms(f)]):
                found = end.near(x, found, high if end.side > 0 else -low)
            return found

        return Envelope(bases.pop(), low, high, None, function)

    def _term(self, c: Fraction, x: Expr, f: Expr) -> tuple[Fraction, list[Factor], list[Member]] | None:
        """A term of a sum as a number, factors and those of its factors that have slopes."""
        number = number_of(x)
        if number is not None:
            return c * number, [], []
        if x.shape != f.shape or (x.op is CONTRACT and summed(x)):
            return None
        coefficient, factors = split_factors(x) if x.op is CONTRACT else (ONE, [(x, aligned(x.shape, x.shape), ONE)])
        rest, members = list[Factor](), list[Member]()
        for g, labels, e in apart(factors, self.exponentials):
            held = self.of(g) if labels == aligned(f.shape, f.shape) else None
            if held is None:
                rest.append((g, labels, e))
            else:
                members.append(((g, labels, e), held))
        return c * coefficient, rest, members

    def groups(self, factors: list[Factor], plain_too: bool = False) -> Groups:
        """The factors that have slopes, by their array; those that are all rational functions only if asked for."""
        found: Groups = defaultdict(list)
        for f, labels, e in factors:
            held = self.of(f)
            if held is not None:
                found[held.base, labels].append(((f, labels, e), held))
        return {k: group for k, group in found.items() if plain_too or any(h.rational is None for _, h in group)}


def rates(members: list[Member]) -> tuple[Fraction, Fraction]:
    """The slopes of a product."""
    return sum((h.low * e for (_, _, e), h in members), ZERO), sum((h.high * e for (_, _, e), h in members), ZERO)


def conflict(members: list[Member]) -> bool:
    """Whether one of the factors vanishes at an end of x where another grows."""
    left, right = [-h.low * e for (_, _, e), h in members], [h.high * e for (_, _, e), h in members]
    return any(max(ends) > 0 > min(ends) for ends in (left, right))


def separated(members: list[Member], x: Expr, labels: Labels) -> list[Factor]:
    """What is left of a product without its slopes, the rational functions in it as one."""
    whole, factors = UNIT, list[Factor]()
    for (_, _, e), h in members:
        power = None if h.rational is None else h.rational.raised(e)
        if power is None:
            factors.append((h.function(x), labels, e))
        else:
            whole = whole.times(power)
    return factors if whole == UNIT else [(mantissa(x, whole), labels, ONE), *factors]


def _of_logarithm(base: Expr, r: Rational) -> Envelope | None:
    """A logarithm vanishes where its argument tends to 1, like their difference."""
    excess = r.less(ONE)
    if excess is None or not excess.coefficient or logarithm(base, r) is None:
        return None
    low, high = max(excess.low, ZERO), min(excess.high, ZERO)
    if not low and not high:
        return None
    reach = NEGLIGIBLE / step_of([*(p for f in (*r.factors, *excess.factors) for p, _ in f), r.power, excess.power])

    def function(x: Expr) -> Expr:
        near = within(x, low, high, reach)
        found = logarithm(near, r)
        assert found is not None
        return found * exp(times(-1, slopes(near, low, high)))

    return Envelope(base, low, high, None, function)


def within(x: Expr, low: Fraction, high: Fraction, reach: Fraction) -> Expr:
    """x no farther than where the function vanishes like an exponential, to all digits."""
    x = maximum(x, -reach) if low else x
    return minimum(x, reach) if high else x
