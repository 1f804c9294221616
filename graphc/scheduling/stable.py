"""``stabilized``: nodes as they are computed, the same values without what overflows, vanishes or cancels on the way.

Nothing of this goes back to the algebra: formulas keep the form that people write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

import sympy

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract, factors_of, summed
from graphc.ops.defined import LOGSUMEXP, MEAN, SOFTMAX, body_of, log_softmax
from graphc.ops.elementwise import equal, exp, less, log, log1p
from graphc.ops.leaves import SIZE
from graphc.ops.leaving_out import PROD
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import entries, where
from graphc.ops.special import XLOGY
from graphc.rewriting.logarithms import is_positive
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.cancellation import Cancellation
from graphc.scheduling.conjugates import without_roots
from graphc.scheduling.differences import logarithm_of_difference, without_difference
from graphc.scheduling.envelopes import Envelopes, conflict, rates, separated
from graphc.scheduling.exponential_forms import logarithm, slopes, value
from graphc.scheduling.exponentials import Rational, total
from graphc.scheduling.functions import logmeanexp
from graphc.scheduling.groups import Key, Member, cancels, join_numbers, own_labels
from graphc.scheduling.limits import without_limit
from graphc.scheduling.nested import DEEPEST, split_factors, split_terms, unscaled
from graphc.scheduling.overflow import Overflow, plain
from graphc.scheduling.ramps import joined_logarithms, without_line, without_shared
from graphc.scheduling.recognition import LOG, LOG1P, Exponentials, Found, in_place, joined
from graphc.scheduling.selected import selected
from graphc.scheduling.softmaxes import recognized
from graphc.scheduling.squares import central, over_norms
from graphc.scheduling.tails import hazards, tail, tail_logarithm, without_tail


def stabilized(roots: Iterable[Expr]) -> list[Expr]:
    """`roots` with every node in a form that is accurate wherever its value can be represented."""
    roots = list(roots)
    work = Stabilizer()
    for node in topological(roots):
        work.done[node] = work.computed(node)
    return [work.done[root] for root in roots]


class Stabilizer:
    """Decides node by node, operands first; `done` has the nodes as they are computed."""

    def __init__(self) -> None:
        self.done: dict[Expr, Expr] = {}
        self.softmaxes: dict[Expr, Expr] = {}
        self.nesting: dict[Expr, int] = {}  # how deep sums stand in sums, products in products
        self.exponentials = Exponentials()
        self.envelopes = Envelopes(self.exponentials, self.base)
        self.overflow = Overflow(self.done)
        self.cancellation = Cancellation(self.exponentials)

    def computed(self, node: Expr) -> Expr:
        found = None
        whole = recognized(node)
        if whole is not node:
            self.softmaxes[node] = whole
            node = whole
            for part in topological([whole], self.done):
                self.done[part] = rebuild(part, tuple(self.done[o] for o in part.operands))
            return self.done[whole]
        self.exponentials.of(node)
        self.overflow.of(node)
        if node.op is LOG:
            found = self.log(node.operands[0])
            smooth = found is not None and (found.op is LOG1P or self.exponentials.of(node.operands[0]) is not None)
            expansion = None if smooth else self.cancellation.of_function(node)
            if expansion is not None:
                found = expansion.near(self.base(expansion.x), self._as_it_is(node) if found is None else found)
        elif node.op is LOG1P:
            found = self._log1p(node)
        elif node.op is XLOGY:
            found = self._xlogy(node)
        elif node.op is ADD:
            found = self._sum(node)
        elif node.op is CONTRACT:
            found = self._product(node)
        return over_norms(selected(self._as_it_is(node))) if found is None else found

    def base(self, x: Expr) -> Expr:
        """The argument of an exponential, as it is computed."""
        return self.done[x] if x in self.done else rebuild(x, tuple(map(self.base, x.operands)))

    def log(self, node: Expr) -> Expr | None:
        """The logarithm of a node that may vanish or overflow where its logarithm does not."""
        node = plain(node)
        node = self.softmaxes.get(node, node)
        found = self.exponentials.of(node)
        if found is not None and found[0] is not None:
            result = logarithm(self.base(found[0]), found[1])
            if result is not None:
                return result
        if node.op is MEAN and self.overflow.of(node) is not None:
            node = body_of(node)
            for part in topological([node], self.done):
                self.done[part] = self.computed(part)
        if node.op is SOFTMAX:
            return log_softmax(self.done[node.operands[0]], axis=node.attributes["axis"])
        if node.op is PROD and self._is_positive(node.operands[0]):
            logs = self.log(node.operands[0])
            return None if logs is None else sum_(logs, **node.attributes)
        for special in (tail_logarithm, logarithm_of_difference):
            if (logs := special(node, self.base)) is not None:
                return logs
        product = self._log_of_product(node) if node.op is CONTRACT and not summed(node) else None
        scaled = self.overflow.of(node)
        if product is None and scaled is None and (level := self._log_of_level(node)) is not None:
            return level
        if product is not None or scaled is not None:
            return product if scaled is None or (product is not None and scaled.logarithm is None) else scaled.log
        return self._log_near_one(node) if node.op is ADD else None

    def _is_positive(self, f: Expr) -> bool:
        """Whether all entries are positive, so that a product with them has a sum of logarithms."""
        found, scaled = self.exponentials.of(f), self.overflow.of(f)
        if found is not None and found[0] is not None:
            return found[1].signed > 0
        held = tail(f)
        return (
            f.op is SOFTMAX
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
                found = log(self.done[f])
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
        terms = list(zip(node.attributes["coefficients"], node.operands, strict=True))
        ones = [i for i, (c, x) in enumerate(terms) if number_of(x) is not None and c * (number_of(x) or 0) == 1]
        if len(ones) != 1 or len(terms) < 2:
            return None
        rest = [t for i, t in enumerate(terms) if i != ones[0]]
        over = rest[0][1] if len(rest) == 1 and rest[0][0] == 1 else combine(rest)
        self.exponentials.of(over)
        u = self.computed(over) if over not in self.done else self.done[over]
        found = without_limit(split_terms(node), self.base)
        if found is None or found[1]:
            return log1p(u)
        close = less(found[0], Fraction(1, 2))
        return where(close, log(found[0]), log1p(where(close, 0, u)))

    def _xlogy(self, node: Expr) -> Expr | None:
        y, x = node.operands
        logs = self.log(x) if self._is_positive(plain(x)) else None
        return None if logs is None else where(equal(self.done[y], 0), 0, self.done[y] * logs)

    def _log1p(self, node: Expr) -> Expr | None:
        (u,) = node.operands
        found = joined([self.exponentials.of(u), (None, Rational(ONE))], (ONE, ONE))
        if found is None or found[0] is None:
            return None
        return logarithm(self.base(found[0]), found[1])

    def _sum(self, node: Expr) -> Expr | None:
        """Terms that cancel are computed as one, each group of those with the same other factors."""
        groups: dict[Key, list[Member]] = defaultdict(list)
        depth = 1 + max((self.nesting.get(unscaled(x)[1], 0) for x in node.operands), default=0)
        self.nesting[node] = depth
        terms = split_terms(node, opened=depth <= DEEPEST)
        centred = central(terms, self.base)
        if len(centred) < len(terms):
            return _combined([(c, self.done.get(x, x)) for c, x in centred], node)
        if len(terms) == 2 and (rooted := without_roots(terms, node.shape, self.base)) is not None:
            return rooted[0]
        tailed = (
            joined_logarithms(terms, self.exponentials, self.base)
            or without_shared(terms, self.base)
            or without_tail(terms, self.base)
            or without_limit(terms, self.base)
            or without_line(terms, self.base)
            or without_difference(terms, self.base)
        )
        if tailed is not None:
            return combine([(ONE, tailed[0]), (ONE, self._of(tailed[1], node))]) if tailed[1] else tailed[0]
        for c, x in terms:
            rest, base, r = self._split(x)
            groups[tuple(rest), base].append((r.scaled(c), (c, x)))
        join_numbers(groups)
        result: list[tuple[Fraction, Expr]] = []
        changed = False
        for (others, base), members in groups.items():
            whole = total([r for r, _ in members]) if base is not None and len(members) > 1 else None
            if whole is None or base is None or not cancels([r for r, _ in members], whole):
                result += [(c, self.done[x]) for _, (c, x) in members]
                continue
            changed = True
            if whole.coefficient:
                own = value(self.base(base), whole)
                placed = [(self.done[f], ls, e) for f, ls, e in others]
                result.append(
                    (ONE, own if not others else contract([(own, own_labels(node), ONE), *placed], node.shape))
                )
        found = _combined(result, node) if changed else None
        if len(groups) < 2 or not result:
            return found
        for expansion in self.cancellation.of_sum([[t for _, t in members] for members in groups.values()]):
            found = expansion.near(self.base(expansion.x), self._as_it_is(node) if found is None else found)
        return found

    def _of(self, terms: list[tuple[Fraction, Expr]], node: Expr) -> Expr:
        """A part of the terms of a sum, as it is computed."""
        part = _combined(terms, node)
        return self.done[part] if part in self.done else self.computed(part)

    def _as_it_is(self, node: Expr) -> Expr:
        return rebuild(node, tuple(self.done[o] for o in node.operands))

    def _split(self, x: Expr) -> tuple[list[Factor], Expr | None, Rational]:
        """A term as a function of one exponential times other factors."""
        found = self.exponentials.of(x)
        if found is not None:
            return [], *found
        x = plain(x)
        if x.op is not CONTRACT or summed(x):
            return [(x, own_labels(x), ONE)], None, Rational(ONE)
        rest: list[Factor] = []
        coefficient, factors = split_factors(x)
        held: Found = (None, Rational(coefficient))
        for f, labels, e in factors:
            part = self.exponentials.of(f) if in_place(f, labels, x) else None
            power = None if part is None else part[1].raised(e)
            if part is None or power is None or (held[0] is not None and part[0] not in (None, held[0])):
                rest.append((f, labels, e))
            else:
                held = part[0] if held[0] is None else held[0], held[1].times(power)
        return sorted(rest, key=lambda t: (t[0].digest, t[1], t[2])), *held

    def _product(self, node: Expr) -> Expr | None:
        depth = self.nesting[node] = 1 + max((self.nesting.get(plain(x), 0) for x in node.operands), default=0)
        opened = split_factors(node, opened=depth <= DEEPEST)
        found = hazards(node, *opened, self.base) if len(node.operands) > 1 else None
        return self._bounded(node, opened) if found is None else found

    def _bounded(self, node: Expr, opened: tuple[Fraction, list[Factor]]) -> Expr | None:
        """A product of which no factor overflows where another vanishes; None where it is as it stands."""
        if (level := self._level(node, *opened)) is not None:
            return level
        factors = factors_of(node)
        roots = any(e.denominator != 1 for *_, e in factors)
        grows = any(self._grows(f, e) for f, _, e in (*factors, *opened[1]))
        if self.overflow.of(node) is None and not roots and not grows:
            return None
        found = self.exponentials.of(node)
        if found is not None and found[0] is not None and self._against([(f, e) for f, _, e in factors]):
            return value(self.base(found[0]), found[1])
        if (masked := self._masked(node)) is not None:
            return masked
        deep = len(opened[1]) > len(factors)
        grouped = self._grouped(node, *opened, least=2) if deep else None
        grouped = self._grouped(node, node.attributes["coefficient"], factors) if grouped is None else grouped
        if grouped is not None:
            return grouped
        scaled = self.overflow.of(node)
        return scaled.value if scaled is not None and self.overflow.conflict(node) else None

    def _level(self, node: Expr, coefficient: Fraction, factors: list[Factor]) -> Expr | None:
        """A product with factors that vanish like exponentials, at an end where others grow: the slopes add up."""
        groups = {key: members for key, members in self.envelopes.groups(factors).items() if conflict(members)}
        if not groups:
            return None
        taken = {f for members in groups.values() for f, _ in members}
        placed = [(self.done[f], ls, e) for f, ls, e in factors if (f, ls, e) not in taken]
        for (base, labels), members in groups.items():
            x, (low, high) = self.base(base), rates(members)
            placed += separated(members, x, labels)
            placed += [(exp(slopes(x, low, high)), labels, ONE)] if low or high else []
        return contract(placed, node.shape, coefficient)

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

    def _masked(self, node: Expr) -> Expr | None:
        """``c * exp(x)`` for a truth value c is a selection: 0 where c is 0, also where the exponential overflows."""
        factors = factors_of(node)
        masks = [(f, ls, e) for f, ls, e in factors if f.dtype == "bool" and in_place(f, ls, node)]
        rest = [x for x in factors if x not in masks]
        if len(masks) != 1 or not any(self._grows(f, e) or self.overflow.of(f) is not None for f, _, e in rest):
            return None
        return where(
            self.done[masks[0][0]],
            self._of([(ONE, contract(rest, node.shape, node.attributes["coefficient"]))], node),
            0,
        )

    def _grows(self, f: Expr, e: Fraction = ONE) -> bool:
        found = self.exponentials.of(f)
        return found is not None and found[0] is not None and (found[1].high * e > 0 or found[1].low * e < 0)

    def _against(self, factors: list[tuple[Expr, Fraction]]) -> bool:
        """Whether a factor overflows where another vanishes, a sum that overflows is below the line or under a root."""
        high, low = [], []
        for f, e in factors:
            found = self.exponentials.of(f)
            if found is None or found[0] is None:
                continue
            high.append(found[1].high * e)
            low.append(-found[1].low * e)
            if not found[1].monomial and (e.denominator != 1 or (e < 0 and self._grows(f))):
                return True
        return any(max(ends) > 0 > min(ends) for ends in (high, low) if ends)

    def _grouped(self, node: Expr, coefficient: Fraction, given: list[Factor], least: int = 1) -> Expr | None:
        """The `given` factors, at least so many of one exponential along the same axes as one, where they would work
        against each other."""
        groups: dict[tuple[Expr, Labels], list[Factor]] = defaultdict(list)
        for f, labels, e in given:
            found = self.exponentials.of(f)
            if found is not None and found[0] is not None and found[1].raised(e) is not None:
                groups[found[0], labels].append((f, labels, e))
        replaced: dict[Factor, None] = {}
        factors: list[Factor] = []
        for (base, labels), members in groups.items():
            if len(members) < least or not self._against([(f, e) for f, _, e in members]):
                continue
            whole = Rational(ONE)
            for f, _, e in members:
                found = self.exponentials.of(f)
                power = None if found is None else found[1].raised(e)
                assert power is not None
                whole = whole.times(power)
            factors.append((value(self.base(base), whole), labels, ONE))
            replaced |= dict.fromkeys(members)
        if not factors:
            return None
        kept = [(self.done[f], ls, e) for f, ls, e in given if (f, ls, e) not in replaced]
        return selected(contract([*kept, *factors], node.shape, coefficient))


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


def _combined(terms: list[tuple[Fraction, Expr]], node: Expr) -> Expr:
    if not terms:
        return contract([], node.shape, 0)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)
