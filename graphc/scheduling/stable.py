"""``stabilized``: nodes as they are computed, the same values without what overflows, vanishes or cancels on the way.

Nothing of this goes back to the algebra: formulas keep the form that people write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast, combine
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract, factors_of, summed
from graphc.ops.elementwise import absolute, equal, exp, less, log1p
from graphc.ops.leaves import constant
from graphc.ops.reductions import where
from graphc.ops.special import XLOGY
from graphc.rewriting.order import Factor
from graphc.scheduling.collapse import apart, collapses, erupts
from graphc.scheduling.conjugates import without_roots
from graphc.scheduling.differences import without_difference
from graphc.scheduling.envelopes import conflict, rates, separated
from graphc.scheduling.exponential_forms import general, slopes, value
from graphc.scheduling.exponentials import Rational, total
from graphc.scheduling.functions import LOG_SOFTMAX_REST
from graphc.scheduling.gammas import LGAMMA, away_from_pole, next_to_zero, without_gammas
from graphc.scheduling.groups import Key, Member, cancels, join_numbers, own_labels
from graphc.scheduling.inverse_hyperbolic import INVERSES, inverse_of_exponentials
from graphc.scheduling.inverses import without_inverses
from graphc.scheduling.large_powers import without_large
from graphc.scheduling.limits import without_limit
from graphc.scheduling.log_totals import without_total
from graphc.scheduling.logs import Logarithms, without_one
from graphc.scheduling.nested import DEEPEST, split_factors, split_terms, unscaled
from graphc.scheduling.parts import inside_zeros, whole_of
from graphc.scheduling.ramps import joined_logarithms, without_line, without_shared
from graphc.scheduling.recognition import LOG, LOG1P, POWER, Found, in_place, joined, plain
from graphc.scheduling.selected import selected
from graphc.scheduling.shares import posterior, weighted_share, without_mean
from graphc.scheduling.softmaxes import recognized
from graphc.scheduling.spreading import spread
from graphc.scheduling.squares import central, over_norms
from graphc.scheduling.tails import hazards, without_tail

COMPARED = frozenset(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"))


def stabilized(roots: Iterable[Expr]) -> list[Expr]:
    """`roots` with every node in a form that is accurate wherever its value can be represented."""
    roots = without_inverses(away_from_pole(roots))
    work = Stabilizer()
    for node in topological(roots):
        work.done[node] = work.computed(node)
    return [work.done[root] for root in roots]


class Stabilizer(Logarithms):
    """Decides node by node, operands first; `done` has the nodes as they are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.nesting: dict[Expr, int] = {}  # how deep sums stand in sums, products in products

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
            smooth = found is not None and (
                whole_of(found)[0].op in (LOG1P, LOG_SOFTMAX_REST) or self.exponentials.of(node.operands[0]) is not None
            )
            for expansion in () if smooth else (*self.cancellation.of_function(node), *self.ends.of_function(node)):
                found = expansion.near(self.base(expansion.x), self._as_it_is(node) if found is None else found)
        elif node.op is LOG1P:
            found = self.log1p(node)
        elif node.op is LGAMMA:
            found = next_to_zero(node, self.base)
        elif node.op is XLOGY:
            found = self.xlogy(node)
        elif node.op is ADD:
            found = self._sum(node)
        elif node.op is CONTRACT:
            found = self._product(node)
        elif node.op is POWER:
            found = self._power_near_one(node)
        elif node.op in INVERSES:
            found = inverse_of_exponentials(node, self.exponentials, self.base)
        elif node.op.name in COMPARED:
            found = self._comparison(node)
        return over_norms(selected(self._as_it_is(node))) if found is None else found

    def _power_near_one(self, node: Expr) -> Expr | None:
        """``(1 + u)**y = exp(y*log1p(u))`` where u is small: the power multiplies the rounding of 1 + u by y."""
        base, y = node.operands
        over = without_one(base) if base.shape == node.shape else None
        if over is None:
            return None
        u = self.fresh(over)
        close = less(absolute(u), Fraction(1, 2))
        return where(close, exp(self.done[y] * log1p(where(close, u, 0))), self._as_it_is(node))

    def _comparison(self, node: Expr) -> Expr | None:
        """``exp(x) <= 1`` where x is small: ``expm1(x) <= 0``."""
        left, right = node.operands
        whole = joined([self.exponentials.of(left), self.exponentials.of(right)], (ONE, -ONE))
        if whole is None or whole[0] is None or whole[1].zeros <= 0 or left.shape != right.shape:
            return None
        difference = value(self.base(whole[0]), whole[1])
        return make(node.op, (difference, broadcast(constant(0), node.shape)), **node.attributes)

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
            or without_difference(terms, self.fresh)
            or without_total(terms, self.base)
            or without_gammas(terms, self.base)
            or without_mean(terms, self.base)
        )
        if tailed is not None:
            return combine([(ONE, tailed[0]), (ONE, self._of(tailed[1], node))]) if tailed[1] else tailed[0]
        if (ramp := without_line(terms, self.base)) is not None:
            joined_ramp = combine([(ONE, ramp[0]), (ONE, self._of(ramp[1], node))]) if ramp[1] else ramp[0]
            for end in self.ends.of_sum([[t] for t in terms]):
                joined_ramp = end.near(self.base(end.x), joined_ramp)
            return joined_ramp
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
        given = [[t for _, t in members] for members in groups.values()]
        for expansion in (*self.cancellation.of_sum(given), *self.ends.of_sum(given)):
            found = expansion.near(self.base(expansion.x), self._as_it_is(node) if found is None else found)
        return found

    def _of(self, terms: list[tuple[Fraction, Expr]], node: Expr) -> Expr:
        """A part of the terms of a sum, as it is computed."""
        part = _combined(terms, node)
        return self.done[part] if part in self.done else self.computed(part)

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
        coefficient, factors = split_factors(node, opened=depth <= DEEPEST)
        opened = coefficient, apart(factors, self.exponentials)
        if any(self._grows(f, e) for f, _, e in factors) and not summed(node):
            block = inside_zeros(node, factors, coefficient)
            if block is not None:
                return rebuild(block[1], (self.fresh(block[0]),))
        found = hazards(node, *opened, self.base) if len(node.operands) > 1 else None
        if found is None and not summed(node):
            found = posterior(node, opened[1], opened[0], self.base)
            found = weighted_share(node, opened[1], opened[0], self.base) if found is None else found
        if found is None and not summed(node):
            found = without_large(opened[1], node, opened[0], self.exponentials, self.base)
        found = self._spread(node, *opened) if found is None else found
        return self._bounded(node, opened) if found is None else found

    def _spread(self, node: Expr, coefficient: Fraction, factors: list[Factor]) -> Expr | None:
        found = spread(factors, self.overflow)
        if found is None:
            return None
        terms, labels, rest = found
        whole = combine([(c, self._of([(ONE, x)], node)) for c, x in terms])
        return contract([(whole, labels, ONE), *((self.base(f), ls, e) for f, ls, e in rest)], node.shape, coefficient)

    def _bounded(self, node: Expr, opened: tuple[Fraction, list[Factor]]) -> Expr | None:
        """A product of which no factor overflows where another vanishes; None where it is as it stands."""
        for way in (self._level, self._guarded):
            if (found := way(node, *opened)) is not None:
                return found
        factors = factors_of(node)
        roots = any(e.denominator != 1 for *_, e in factors)
        grows = any(self._grows(f, e) for f, _, e in (*factors, *opened[1]))
        if self.overflow.of(node) is None and not roots and not grows:
            return None
        whole = self.exponentials.of(node)
        if whole is not None and whole[0] is not None and self._against([(f, e) for f, _, e in factors]):
            return value(self.base(whole[0]), whole[1])
        if (masked := self._masked(node)) is not None:
            return masked
        deep = len(opened[1]) > len(factors)
        grouped = self._grouped(node, *opened, least=2) if deep else None
        grouped = self._grouped(node, node.attributes["coefficient"], factors) if grouped is None else grouped
        if grouped is not None:
            return grouped
        scaled = self.overflow.of(node)
        return scaled.value if scaled is not None and self.overflow.conflict(node) else None

    def _guarded(self, node: Expr, coefficient: Fraction, factors: list[Factor]) -> Expr | None:
        """A product that is 0 where a factor vanishes like exp(-exp(x)), though others overflow like exp(x)."""
        gone = [(f, ls, e) for f, ls, e in factors if collapses(f, e, self.exponentials)]
        rest = [t for t in factors if t not in gone]
        if not gone or summed(node) or not any(self._grows(f, e) or self._grows_inside(f) for f, _, e in rest):
            return None
        if any(erupts(f, self.exponentials) for f, _, _ in rest):
            return None
        parts = [contract(gone, node.shape), contract(rest, node.shape, coefficient)]
        for part in topological(parts, self.done):
            self.done[part] = self.computed(part)
        vanishing, growing = (self.done[part] for part in parts)
        whole = self.exponentials.of(parts[0])
        if whole is not None and whole[0] is not None:  # exactly 0 far out, in whatever form it is elsewhere
            vanishing = general(self.base(whole[0]), whole[1])
        return vanishing * where(equal(vanishing, 0), 0, growing)

    def _level(self, node: Expr, coefficient: Fraction, factors: list[Factor]) -> Expr | None:
        """A product with factors that vanish like exponentials, at an end where others grow: the slopes add up."""
        groups = {key: members for key, members in self.envelopes.groups(factors).items() if conflict(members)}
        if not groups:
            return None
        taken = {f for members in groups.values() for f, _ in members}
        placed = [(self.base(f), ls, e) for f, ls, e in factors if (f, ls, e) not in taken]
        for (base, labels), members in groups.items():
            x, (low, high) = self.base(base), rates(members)
            placed += separated(members, x, labels)
            placed += [(exp(slopes(x, low, high)), labels, ONE)] if low or high else []
        return contract(placed, node.shape, coefficient)

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

    def _grows_inside(self, f: Expr) -> bool:
        """Whether a term of a sum has a factor that grows like an exponential."""
        return plain(f).op is ADD and any(self._grows(g, sign) for g in topological([f]) for sign in (ONE, -ONE))

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
        kept = [(self.base(f), ls, e) for f, ls, e in given if (f, ls, e) not in replaced]
        return selected(contract([*kept, *factors], node.shape, coefficient))


def _combined(terms: list[tuple[Fraction, Expr]], node: Expr) -> Expr:
    if not terms:
        return contract([], node.shape, 0)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)
