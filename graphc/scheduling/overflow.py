"""Sums and products of exponentials as ``mantissa * exp(exponent)``, so that no exponential is taken of a large number.

    sum over j of a[j]*exp(u[j])  =  sum over j of a[j]*exp(u[j] - m) * exp(m)   with m = max(u)
    exp(a) + exp(b)               =  (exp(a - m) + exp(b - m)) * exp(m)          with m = max(a, b)

Exponents of products add up, those of a quotient cancel, and the logarithm is ``exponent + log(mantissa)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD, broadcast, combine
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract, factors_of, summed
from graphc.ops.defined import MEAN, SOFTMAX, body_of, log_softmax, logsumexp
from graphc.ops.elementwise import absolute, exp, expm1, log, maximum, sign
from graphc.ops.leaves import NAMED, constant
from graphc.ops.reductions import WHERE, where
from graphc.ops.scans import CUMSUM, REVERSE_CUMSUM, recurrence, reverse_recurrence, shift
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import is_zero, number_of
from graphc.scheduling.ends import Ends
from graphc.scheduling.exponential_forms import mantissa as bounded_part
from graphc.scheduling.exponential_forms import slopes
from graphc.scheduling.functions import LOGCUMSUMEXP, PEAK, REVERSE_LOGCUMSUMEXP, logaddexp, logcumsumexp, peak
from graphc.scheduling.recognition import COSH, EXP, SINH, Exponentials, plain

CUMULATIVE = (LOGCUMSUMEXP, REVERSE_LOGCUMSUMEXP)
FAR = -(Fraction(10) ** 30)  # an exponent of which the exponential is 0


@dataclass(frozen=True)
class Scaled:
    """``mantissa * exp(sum of c*x for x, c in exponent)``; `logarithm` is that of the whole where it has a name."""

    mantissa: Expr
    exponent: Mapping[Expr, Fraction]
    logarithm: Expr | None = None

    @property
    def log_scale(self) -> Expr:
        return _sum(self.exponent, self.mantissa)

    @property
    def value(self) -> Expr:
        return exp(self.log_scale) * self.mantissa if self.exponent else self.mantissa

    @property
    def log(self) -> Expr:
        if self.logarithm is not None:
            return self.logarithm
        return self.log_scale + log(self.mantissa) if self.exponent else log(self.mantissa)


def _sum(exponent: Mapping[Expr, Fraction], like: Expr) -> Expr:
    terms = [(c, x) for x, c in exponent.items()]
    if not terms:
        return broadcast(constant(0), like.shape)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)


class Overflow:
    """Which nodes hold exponentials as factors; `done` are the nodes as they are computed."""

    def __init__(self, done: Mapping[Expr, Expr], ends: Ends, exponentials: Exponentials) -> None:
        self.done, self.ends, self.exponentials = done, ends, exponentials
        self.memo: dict[Expr, Scaled | None] = {}

    def of(self, node: Expr) -> Scaled | None:
        """The node with its exponentials apart; nodes are asked for in topological order."""
        if node not in self.memo:
            self.memo[node] = self._found(node)
        return self.memo[node]

    def conflict(self, node: Expr) -> bool:
        """Whether a product has exponentials above and below the line, or a sum of them below."""
        held = [(self.of(f), f, e) for f, _, e in factors_of(node)]
        above = any(e > 0 for s, _, e in held if s)
        falls = sum(s is not None for s, *_ in held) > 1 and any(
            c < 0 or x.op in CUMULATIVE for s, *_ in held if s for x, c in s.exponent.items()
        )
        places = [ls for f, ls, e in factors_of(node) if plain(f).op is EXP]  # exp(x)*exp(-x**2), not yet exp(x - x**2)
        falls = falls or len(set(places)) < len(places)
        return falls or any(e < 0 and (above or plain(f).op is not EXP) for s, f, e in held if s)

    def logarithm(
        self, node: Expr, factors: list[Factor], exponents: list[tuple[Expr, Labels, Fraction]]
    ) -> Expr | None:
        """The logarithm of a sum of products of `factors` and exponentials."""
        if any(len({x for x in ls if x >= 0}) < sum(x >= 0 for x in ls) for _, ls, _ in exponents):
            return None
        sums = {x for _, ls, _ in exponents for x in ls if x >= node.ndim}
        return self._summed(node, ([], factors), exponents, sums).log if sums == set(summed(node)) else None

    def _found(self, node: Expr) -> Scaled | None:
        if node.op is NAMED:
            return self.of(node.operands[0])
        if node.op is MEAN:
            return self._mean(node)
        if node.op is EXP:
            u = self.done[node.operands[0]]
            return Scaled(broadcast(constant(1), node.shape), {u: ONE}, u)
        if node.op in (COSH, SINH):
            size = absolute(self.done[node.operands[0]])
            if node.op is COSH:
                return Scaled((1 + exp(-2 * size)) / 2, {size: ONE})
            return Scaled(sign(self.done[node.operands[0]]) * expm1(-2 * size) / -2, {size: ONE})
        if node.op is WHERE:
            return self._masked(node)
        if node.op in (CUMSUM, REVERSE_CUMSUM):
            return self._cumulative(node)
        if node.op not in (ADD, CONTRACT) or not any(self.of(o) for o in node.operands):
            return None
        return self._sum(node) if node.op is ADD else self._product(node)

    def _mean(self, node: Expr) -> Scaled | None:
        if self.of(node.operands[0]) is None:
            return None
        body = body_of(node)
        for part in (*body.operands, body):
            if part not in self.memo:
                self.memo[part] = self._found(part)
        return self.memo[body]

    def _cumulative(self, node: Expr) -> Scaled | None:
        """``cumsum(b*exp(u)) = exp(L)*y`` with L = log(cumsum(exp(u))) and a recurrence of exponentials below 1.

        y[t] = b[t]*exp(u[t] - L[t]) + exp(L[t - 1] - L[t])*y[t - 1]
        """
        (x,), axis, backward = node.operands, node.attributes["axis"], node.op is REVERSE_CUMSUM
        scaled = self._shares(x)
        if scaled is None or not scaled.exponent:
            return None
        u = scaled.log_scale
        total = logcumsumexp(u, axis, backward)
        if number_of(scaled.mantissa) == 1:
            return Scaled(scaled.mantissa, {total: ONE}, total)
        before = exp(shift(total, -1 if backward else 1, axis, fill=FAR) - total)
        own = scaled.mantissa * exp(u - total)
        return Scaled((reverse_recurrence if backward else recurrence)(own, before, axis=axis), {total: ONE})

    def _shares(self, node: Expr) -> Scaled | None:
        """Those of a softmax are exponentials where some of them are added up: these may all vanish."""
        node = plain(node)
        if node.op is not SOFTMAX:
            return self.of(node)
        logs = log_softmax(self.done[node.operands[0]], axis=node.attributes["axis"])
        return Scaled(broadcast(constant(1), node.shape), {logs: ONE}, logs)

    def _masked(self, node: Expr) -> Scaled | None:
        """``where(c, exp(u), 0)``, as in a softmax over some entries: the largest exponent is of one that is taken."""
        condition, *branches = node.operands
        places = [i for i, x in enumerate(branches) if is_zero(x)]
        scaled = self.of(branches[1 - places[0]]) if len(places) == 1 else None
        if scaled is None or not scaled.exponent:
            return None
        taken = self._computed(condition)
        sides = (scaled.log_scale, FAR) if places == [1] else (FAR, scaled.log_scale)
        mantissa = where(taken, scaled.mantissa, 0) if places == [1] else where(taken, 0, scaled.mantissa)
        return Scaled(mantissa, {where(taken, *sides): ONE})

    def _computed(self, node: Expr) -> Expr:
        return self.done.get(node, node)

    def _sum(self, node: Expr) -> Scaled:
        found = self.exponentials.of(node)
        if (
            found is not None and found[0] is not None and found[0] in self.done and found[1].zeros > 0
        ):  # it cancels where x is small
            x, r = self.done[found[0]], found[1]
            return Scaled(bounded_part(x, r), {slopes(x, r.low, r.high): ONE} if r.low or r.high else {})
        terms = [
            (c, self.of(o) or Scaled(self._computed(o), {}))
            for c, o in zip(node.attributes["coefficients"], node.operands, strict=True)
        ]
        if all(t.exponent == terms[0][1].exponent for _, t in terms):
            mantissa = combine([(c, t.mantissa) for c, t in terms])
            return Scaled(self._at_ends(node, mantissa, terms[0][1].log_scale), terms[0][1].exponent)
        scales = list(dict.fromkeys(t.log_scale for _, t in terms))
        top = scales[0]
        for other in scales[1:]:
            top = maximum(top, other)
        mantissa = combine([(c, exp(t.log_scale - top) * t.mantissa) for c, t in terms])
        return Scaled(self._at_ends(node, mantissa, top), {top: ONE}, _log_of_sum(terms))

    def _at_ends(self, node: Expr, mantissa: Expr, top: Expr) -> Expr:
        """A sum over ``exp(top)``, of which the terms may cancel far from 0."""
        pairs = zip(node.attributes["coefficients"], node.operands, strict=True)
        for end in self.ends.of_sum([[t] for t in pairs]):
            mantissa = end.near(self._computed(end.x), mantissa, scale=top)
        return mantissa

    def _product(self, node: Expr) -> Scaled | None:
        factors: list[Factor] = []
        exponents: list[tuple[Expr, Labels, Fraction]] = []
        first = 0  # the place of the first exponential: exp(C) @ v stays in this order
        for f, labels, e in factors_of(node):
            scaled = self.of(f)
            if scaled is None:
                factors.append((self._computed(f), labels, e))
                continue
            first = first if exponents else len(factors)
            if number_of(scaled.mantissa) != 1:
                factors.append((scaled.mantissa, labels, e))
            exponents += [(x, labels, e * c) for x, c in scaled.exponent.items()]
        if any(len({x for x in ls if x >= 0}) < sum(x >= 0 for x in ls) for _, ls, _ in exponents):
            return None
        sums = {x for _, ls, _ in exponents for x in ls if x >= node.ndim}
        if not sums:
            placed: dict[Expr, Fraction] = {}
            for x, ls, c in exponents:
                at = contract([(x, ls, ONE)], node.shape)
                placed[at] = placed.get(at, Fraction(0)) + c
            rest = contract(factors, node.shape, node.attributes["coefficient"])
            return Scaled(rest, {x: c for x, c in placed.items() if c})
        whole = self._summed(node, (factors[:first], factors[first:]), exponents, sums)
        bounded = below_peaks(exponents)
        if bounded is None:
            return whole
        mantissa = contract([*factors[:first], *bounded, *factors[first:]], node.shape, node.attributes["coefficient"])
        return Scaled(mantissa, {}, whole.log)

    def _summed(
        self,
        node: Expr,
        beside: tuple[list[Factor], list[Factor]],
        exponents: list[tuple[Expr, Labels, Fraction]],
        sums: set[int],
    ) -> Scaled:
        """A sum over axes along which the exponent varies: its largest value is taken out."""
        dims = {x: d for f, ls, _ in exponents for x, d in zip(ls, f.shape, strict=True) if x >= 0}
        carried = sorted(dims)
        place = {x: i for i, x in enumerate(carried)} | {-1: -1}
        shape = tuple(dims[x] for x in carried)
        terms = [(c, contract([(x, tuple(place[a] for a in ls), ONE)], shape)) for x, ls, c in exponents]
        u = terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)
        axes = tuple(place[x] for x in sorted(sums))
        kept = tuple(x for x in carried if x not in sums)
        top = peak(u, axes)
        shifted = combine([*terms, (-ONE, contract([(top, tuple(place[x] for x in kept), ONE)], shape))])
        factors = [*beside[0], (exp(shifted), tuple(carried), ONE), *beside[1]]
        mantissa = contract(factors, node.shape, node.attributes["coefficient"])
        named = None
        coefficient = node.attributes["coefficient"]
        if (
            len(factors) == 1
            and coefficient > 0
            and set(summed(node)) == sums
            and len(kept) == sum(d != 1 for d in node.shape)
        ):
            named = contract([(logsumexp(u, axis=axes), kept, ONE)], node.shape)
            if coefficient != 1:
                named = named + log(constant(coefficient))
        return Scaled(mantissa, {contract([(top, kept, ONE)], node.shape): ONE}, named)


def below_peaks(exponents: list[tuple[Expr, Labels, Fraction]]) -> list[Factor] | None:
    """Exponentials over different axes, each less its own largest exponent: exp(u - m)[j, k]*exp(v - l)[j, i].

    None of them exceeds 1, so that no array over all of j, k and i is needed to find the largest product.
    """
    places = [(*within(x, ls), c) for x, ls, c in exponents]
    tops = [(x, ls, c) for x, ls, c in places if x.op is PEAK]
    own = [(x, ls, c) for x, ls, c in places if x.op is not PEAK]
    needed: dict[tuple[Expr, Labels], Fraction] = {}
    factors: list[Factor] = []
    for x, ls, c in own:
        found = [(m, at) for m, at, _ in tops if m.operands[0] is x and at == outside(ls, m)]
        if c <= 0 or not found:
            return None
        m, at = found[0]
        needed[m, at] = needed.get((m, at), Fraction(0)) - c
        inner = tuple(range(x.ndim))
        stretched = contract([(m, outside(inner, m), ONE)], x.shape)
        factors.append((exp(combine([(c, x), (-c, stretched)])), ls, ONE))
    given: dict[tuple[Expr, Labels], Fraction] = {}
    for m, at, c in tops:
        given[m, at] = given.get((m, at), Fraction(0)) + c
    return factors if len(own) > 1 and given == needed else None


def within(x: Expr, labels: Labels) -> tuple[Expr, Labels]:
    """What is stretched or turned to `x`, and its labels."""
    if x.op is CONTRACT and not summed(x) and len(x.operands) == 1 and x.attributes["exponents"] == (1,):
        ((inner, own, _),) = factors_of(x)
        if x.attributes["coefficient"] == 1:
            return within(inner, tuple(labels[i] if i >= 0 else -1 for i in own))
    return x, labels


def outside(labels: Labels, top: Expr) -> Labels:
    """The labels of the axes along which `top` is no peak."""
    return tuple(x for i, x in enumerate(labels) if i not in top.attributes["axis"])


def _log_of_sum(terms: list[tuple[Fraction, Scaled]]) -> Expr | None:
    """The logarithm of a sum of multiples of exponentials."""
    if any(c <= 0 or number_of(t.mantissa) != 1 for c, t in terms):
        return None
    parts = [t.log_scale if c == 1 else t.log_scale + log(constant(c)) for c, t in terms]
    result = parts[0]
    for part in parts[1:]:
        result = logaddexp(result, part)
    return result
