"""Logarithms of what vanishes or overflows where its logarithm does not, and the nodes that they are of."""

from __future__ import annotations

from fractions import Fraction

import sympy

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast, combine
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.defined import LOGSUMEXP, MEAN, SOFTMAX, body_of, log_softmax
from graphc.ops.elementwise import equal, less, log, log1p
from graphc.ops.leaves import SIZE, constant
from graphc.ops.leaving_out import PROD
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import entries, where
from graphc.ops.scans import CUMPROD, cumsum
from graphc.rewriting.logarithms import is_positive
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.cancellation import Cancellation
from graphc.scheduling.differences import logarithm_of_difference
from graphc.scheduling.ends import Ends
from graphc.scheduling.envelopes import Envelopes, rates, separated
from graphc.scheduling.exponential_forms import logarithm, slopes
from graphc.scheduling.exponentials import Rational, leading
from graphc.scheduling.functions import SOFTMAX_REST, log_softmax_rest, logmeanexp
from graphc.scheduling.groups import own_labels
from graphc.scheduling.large_powers import large_logarithm
from graphc.scheduling.limits import without_limit
from graphc.scheduling.log_totals import logarithm_of_sum
from graphc.scheduling.nested import split_factors, split_terms
from graphc.scheduling.overflow import Overflow
from graphc.scheduling.parts import entries_of, whole_of
from graphc.scheduling.ramps import without_shared
from graphc.scheduling.recognition import EXP, Exponentials, joined, plain, times
from graphc.scheduling.shares import weighted_logarithm
from graphc.scheduling.tails import tail, tail_logarithm


class Logarithms:
    """`done` has the nodes as they are computed."""

    def __init__(self) -> None:
        self.done: dict[Expr, Expr] = {}
        self.softmaxes: dict[Expr, Expr] = {}
        self.exponentials = Exponentials()
        self.ends = Ends()
        self.envelopes = Envelopes(self.exponentials, self.base, self.ends)
        self.overflow = Overflow(self.done, self.ends, self.exponentials)
        self.cancellation = Cancellation(self.exponentials)

    def computed(self, node: Expr) -> Expr:
        """The node as it is computed."""
        raise NotImplementedError

    def base(self, x: Expr) -> Expr:
        """The argument of an exponential, as it is computed."""
        return self.done[x] if x in self.done else rebuild(x, tuple(map(self.base, x.operands)))

    def fresh(self, x: Expr) -> Expr:
        """A node as it is computed, with what is new in it in a form of its own."""
        for part in topological([x], self.done):
            self.done[part] = self.computed(part)
        return self.done[x]

    def _as_it_is(self, node: Expr) -> Expr:
        return rebuild(node, tuple(self.done[o] for o in node.operands))

    def log(self, node: Expr) -> Expr | None:
        """The logarithm of a node that may vanish or overflow where its logarithm does not."""
        node = plain(node)
        node = self.softmaxes.get(node, node)
        found = self.exponentials.of(node)
        if found is not None and found[0] is not None:
            result = logarithm(self.base(found[0]), found[1])
            if result is not None:
                return self._beyond(found[0], found[1], result)
        if node.op is MEAN and (self.overflow.of(node) is not None or self.envelopes.of(node.operands[0]) is not None):
            node = body_of(node)
            for part in topological([node], self.done):
                self.done[part] = self.computed(part)
        whole, steps = whole_of(node)
        if steps and self._is_positive(whole):
            logs = self.log(whole)
            return None if logs is None else entries_of(logs, steps)
        if node.op is SOFTMAX:
            return log_softmax(self.done[node.operands[0]], axis=node.attributes["axis"])
        if node.op is PROD and self._is_positive(node.operands[0]):
            logs = self.log(node.operands[0])
            return None if logs is None else sum_(logs, **node.attributes)
        if (logs := weighted_logarithm(node, self.base)) is not None:
            return logs
        if node.op is CUMPROD and self._is_positive(node.operands[0]):
            logs = self.log(node.operands[0])
            return None if logs is None else cumsum(logs, **node.attributes)
        if (logs := large_logarithm(node, self.exponentials, self.base)) is not None:
            return logs
        for special in (tail_logarithm, logarithm_of_difference):
            if (logs := special(node, self.base)) is not None:
                return logs
        product = self._log_of_product(node) if node.op is CONTRACT and not summed(node) else None
        scaled = self.overflow.of(node)
        if product is None and scaled is None:
            level = self._log_of_level(node)
            level = logarithm_of_sum(node, self.envelopes, self.overflow, self.base) if level is None else level
            if level is not None:
                return level
        if product is not None or scaled is not None:
            return product if scaled is None or (product is not None and scaled.logarithm is None) else scaled.log
        return self._log_near_one(node) if node.op is ADD else None

    def _beyond(self, y: Expr, r: Rational, found: Expr) -> Expr:
        """``log(1 - exp(-exp(x)))`` is x where exp(x) is next to 0, and may underflow."""
        order, y = r.zeros, plain(y)
        if y.op is not EXP or order.denominator != 1 or order <= 0:
            return found
        small = less(self.base(y), Fraction(1, 10**20))
        lead = times(order, self.base(y.operands[0]))
        if leading(r) != 1:
            lead = combine([(ONE, lead), (ONE, broadcast(log(constant(leading(r))), y.shape))])
        return where(small, lead, found)

    def _is_positive(self, f: Expr) -> bool:
        """Whether all entries are positive, so that a product with them has a sum of logarithms."""
        found, scaled = self.exponentials.of(f), self.overflow.of(f)
        if found is not None and found[0] is not None:
            return found[1].signed > 0
        held = tail(f)
        summands = f.operands if f.op is CONTRACT and summed(f) and f.attributes["coefficient"] > 0 else ()
        return (
            whole_of(f)[0].op is SOFTMAX
            or (len(summands) > 0 and all(map(self._is_positive, summands)))
            or (held is not None and held[0] > 0)
            or (scaled is not None and scaled.logarithm is not None)
        )

    def _log_of_product(self, node: Expr) -> Expr | None:
        """Factors that may vanish have logarithms of their own."""
        rest: list[Factor] = []
        terms: list[tuple[Fraction, Expr]] = []
        for f, labels, e in factors_of(node):
            found = self.log(f) if self._is_positive(plain(f)) else None
            if found is None and is_positive(f):
                scaled = self.overflow.of(f)
                found = log(self.done[f]) if scaled is None else scaled.log
            if found is None and self.overflow.of(f) is not None:
                return None  # of the whole, with its exponentials apart
            if found is None:
                rest.append((self.done[f], labels, e))
            else:
                terms.append((e, contract([(found, labels, ONE)], node.shape)))
        if not terms:
            return None
        if (shared := without_shared(terms, lambda x: x)) is not None:
            terms = [*shared[1], (ONE, shared[0])]
        coefficient = node.attributes["coefficient"]
        mean = _log_of_mean(terms, rest, coefficient)
        if mean is not None:
            return mean
        if rest or coefficient != 1:
            terms.append((ONE, log(contract(rest, node.shape, coefficient))))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)

    def _log_near_one(self, node: Expr) -> Expr | None:
        """``log(1 + u)`` is log1p(u)."""
        over = without_one(node)
        if over is None:
            return None
        self.exponentials.of(over)
        u = self.computed(over) if over not in self.done else self.done[over]
        found = without_limit(split_terms(node), self.base)
        if found is None or found[1]:
            return log1p(u)
        rest, steps = whole_of(found[0])
        if rest.op is SOFTMAX_REST:
            return entries_of(log_softmax_rest(rest.operands[0], rest.attributes["axis"]), steps)
        close = less(found[0], Fraction(1, 2))
        return where(close, log(found[0]), log1p(where(close, 0, u)))

    def xlogy(self, node: Expr) -> Expr | None:
        y, x = node.operands
        logs = self.log(x) if self._is_positive(plain(x)) else None
        return None if logs is None else where(equal(self.done[y], 0), 0, self.done[y] * logs)

    def log1p(self, node: Expr) -> Expr | None:
        (u,) = node.operands
        found = joined([self.exponentials.of(u), (None, Rational(ONE))], (ONE, ONE))
        if found is None or found[0] is None:
            return None
        return logarithm(self.base(found[0]), found[1])

    def _log_of_level(self, node: Expr) -> Expr | None:
        """The logarithm of factors that vanish or grow like exponentials: their slopes and that of what is left."""
        coefficient, factors = split_factors(node) if node.op is CONTRACT else (ONE, [(node, own_labels(node), ONE)])
        groups = self.envelopes.groups(factors, plain_too=True)
        if not groups or (node.op is CONTRACT and (summed(node) or any(ls != own_labels(node) for _, ls in groups))):
            return None
        taken = {f for members in groups.values() for f, _ in members}
        placed = [(self.done[f], ls, e) for f, ls, e in factors if (f, ls, e) not in taken]
        terms: list[tuple[Fraction, Expr]] = []
        for (base, labels), members in groups.items():
            x, (low, high) = self.base(base), rates(members)
            placed += separated(members, x, labels)
            terms += [(ONE, slopes(x, low, high))] if low or high else []
        rest = contract(placed, node.shape, coefficient)
        return combine([*terms, (ONE, log(rest))]) if terms else None


def without_one(node: Expr) -> Expr | None:
    """u of a sum ``1 + u``."""
    if node.op is not ADD:
        return None
    terms = list(zip(node.attributes["coefficients"], node.operands, strict=True))
    ones = [i for i, (c, x) in enumerate(terms) if number_of(x) is not None and c * (number_of(x) or 0) == 1]
    if len(ones) != 1 or len(terms) < 2:
        return None
    rest = [t for i, t in enumerate(terms) if i != ones[0]]
    return rest[0][1] if len(rest) == 1 and rest[0][0] == 1 else combine(rest)


def _log_of_mean(terms: list[tuple[Fraction, Expr]], rest: list[Factor], coefficient: Fraction) -> Expr | None:
    """``log(sum(exp(x))/n)`` over all n entries, from differences to 1: nothing cancels where x is small."""
    if len(terms) != 1 or terms[0][0] != 1 or terms[0][1].op is not LOGSUMEXP:
        return None
    total = terms[0][1]
    (x,), axes = total.operands, total.attributes["axis"]
    if any(f.op is not SIZE or e.denominator != 1 for f, _, e in rest) or total.attributes["keepdims"]:
        return None
    share = sympy.Rational(coefficient.numerator, coefficient.denominator)
    for f, _, e in rest:
        share *= f.attributes["dim"] ** int(e)
    return logmeanexp(x, axes) if share * entries(tuple(x.shape[a] for a in axes)) == 1 else None
