"""Matching patterns in normal form, modulo the order of factors and terms and the names of labels.

A product pattern may match some of a product's factors, and also factors inside and outside of one of its sums
together (a factor that does not depend on the summed label may be pushed back into the sum).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from graphc.ir.expr import Expr, make, topological
from graphc.ir.op import Op
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, is_sum, summed
from graphc.rewriting.branches import BRANCHES
from graphc.rewriting.comparisons import COMPARISONS
from graphc.rewriting.effort import unlimited
from graphc.rewriting.engine import Known, Step
from graphc.rewriting.exponents import EXP, EXPONENTS
from graphc.rewriting.gathers import beside, gathered
from graphc.rewriting.layouts import LAYOUTS
from graphc.rewriting.linear import counted, linear, picked
from graphc.rewriting.normal import Normalizer, Rewriter
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.reach import needed, ranks, reach
from graphc.rewriting.rules import Condition, Needs, Rule, RuleSet, is_wildcard, rule_sets
from graphc.rewriting.selects import SELECTIONS
from graphc.rewriting.terms import leading

Binding = dict[Expr, Expr]
_plain = Normalizer(effort=unlimited())
INSIDE = 2  # levels that a pattern may look deeper than itself: a sum among the factors, and powers of exponentials
MANY = 16  # terms from which those that a pattern asks for are looked up
APART = 1000  # keeps the labels summed inside a factor apart from those of the product around it


def match(pattern: Expr, subject: Expr, binding: Binding) -> Iterator[Binding]:
    """Every binding of wildcards that makes `pattern` the same node as `subject`."""
    if pattern is subject:
        yield binding
        return
    if is_wildcard(pattern):
        bound = binding.get(pattern)
        if bound is None and subject.ndim == pattern.ndim and is_square(subject) >= is_square(pattern):
            yield {**binding, pattern: subject}
        elif bound is subject:
            yield binding
        return
    if pattern.op is EXP and subject.op is CONTRACT:
        whole = as_exponential(subject)
        if whole is not None:
            yield from match(pattern, whole, binding)
        return
    if pattern.op is CONTRACT:
        yield from _match_contract(pattern, subject, binding)
        return
    if pattern.op is not subject.op or len(pattern.operands) != len(subject.operands):
        return
    if pattern.op is ADD:
        if sorted(pattern.attributes["coefficients"]) == sorted(subject.attributes["coefficients"]):
            for found, _ in _terms(_pairs(pattern), _pairs(subject), Fraction(1), binding):
                yield found
        return
    if pattern.attributes != subject.attributes:
        return
    yield from _in_order(pattern.operands, subject.operands, binding)


def as_exponential(x: Expr) -> Expr | None:
    """The exponential that a power of one is: exp(2*x) for exp(x)**2."""
    if x.attributes["coefficient"] != 1 or len(x.operands) != 1 or x.operands[0].op is not EXP:
        return None
    ((f, labels, e),) = factors_of(x)
    return multiple(f, e) if labels == aligned(x.shape, x.shape) else None


def multiple(f: Expr, e: Fraction) -> Expr:
    """``exp(e*x)`` for ``f = exp(x)``."""
    (x,) = f.operands
    return make(EXP, (_plain.product(e, [_whole(x)], x.shape),))


def is_square(x: Expr) -> bool:
    return x.ndim > 1 and bool(x.shape[-1] == x.shape[-2])


def _in_order(patterns: tuple[Expr, ...], subjects: tuple[Expr, ...], binding: Binding) -> Iterator[Binding]:
    if not patterns:
        yield binding
        return
    for found in match(patterns[0], subjects[0], binding):
        yield from _in_order(patterns[1:], subjects[1:], found)


def _match_contract(pattern: Expr, subject: Expr, binding: Binding) -> Iterator[Binding]:
    coefficient, core = leading(pattern)
    if coefficient != 1 and core.op is not CONTRACT:  # c*P matches S where P matches S/c
        if not subject.weak:
            yield from match(core, _plain.product(1 / coefficient, [_whole(subject)], subject.shape), binding)
        return
    if subject.op is not CONTRACT or len(subject.operands) != len(pattern.operands):
        return
    if subject.attributes["coefficient"] != coefficient or subject.ndim != pattern.ndim:
        return
    start = {i: i for i in range(pattern.ndim)} | {-1: -1}
    for found, _, _, _ in match_factors(factors_of(pattern), factors_of(subject), binding, start, exact=True):
        yield found


def _whole(node: Expr) -> Factor:
    return node, aligned(node.shape, node.shape), ONE


def _pairs(node: Expr) -> list[tuple[Fraction, Expr]]:
    return list(zip(node.attributes["coefficients"], node.operands, strict=True))


def match_factors(
    pattern: list[Factor], pool: list[Factor], binding: Binding, labels: dict[int, int], *, exact: bool
) -> Iterator[tuple[Binding, dict[int, int], dict[int, Fraction], Fraction]]:
    """Ways to find the pattern's factors in `pool`.

    Yields the binding, the map from pattern labels to pool labels, the exponent taken at each place used, and the
    power to which the pattern occurs (1 if `exact`, else a positive integer found from the exponents).
    """
    ordered = sorted(pattern, key=lambda f: is_wildcard(f[0]))

    def search(
        i: int, binding: Binding, labels: dict[int, int], used: dict[int, Fraction], times: Fraction | None
    ) -> Iterator[tuple[Binding, dict[int, int], dict[int, Fraction], Fraction]]:
        if i == len(ordered):
            yield binding, labels, used, times or ONE
            return
        wanted, places, power = ordered[i]
        alike = None if wanted.op is CONTRACT or is_wildcard(wanted) else wanted.op
        for j, (f, ls, e) in enumerate(pool):
            if (alike is not None and f.op is not alike) or j in used or f.ndim != wanted.ndim:
                continue
            ratio = e if power == 1 else e / power
            if ratio < 1 or (exact and ratio != 1):
                continue
            occurs = min(times or ratio, Fraction(ratio.numerator // ratio.denominator))
            mapped = extend(labels, places, ls)
            if mapped is None:
                continue
            for found in match(wanted, f, binding):
                yield from search(
                    i + 1, found, mapped, {**used, j: power}, Fraction(occurs.numerator // occurs.denominator)
                )
            if wanted.op is EXP and power == 1 and e.denominator == 1 and e > 1:  # exp(x)**2 is an exponential as well
                for found in match(wanted, multiple(f, e), binding):
                    yield from search(i + 1, found, mapped, {**used, j: e}, ONE)

    yield from search(0, binding, labels, {}, None)


def extend(labels: dict[int, int], pattern: Labels, subject: Labels) -> dict[int, int] | None:
    """`labels` with ``pattern -> subject`` added, one to one."""
    grown = dict(labels)
    for p, s in zip(pattern, subject, strict=True):
        if p == -1 or s == -1:
            if p != s:
                return None
        elif p in grown:
            if grown[p] != s:
                return None
        elif s in grown.values():
            return None
        else:
            grown[p] = s
    return grown


def _terms(
    pattern: list[tuple[Fraction, Expr]],
    terms: list[tuple[Fraction, Expr]],
    ratio: Fraction | None,
    binding: Binding,
    used: frozenset[int] = frozenset(),
    places: dict[Expr, int] | None = None,
) -> Iterator[tuple[Binding, tuple[frozenset[int], Fraction]]]:
    """Ways to find a multiple of the pattern's terms among `terms`.

    In long sums a term of which all wildcards are bound is looked up in `places`, not compared with each.
    """
    if not pattern:
        yield binding, (used, ratio or ONE)
        return
    wanted, core = pattern[0]
    bound = binding.get(core)
    if bound is not None and bound.op is ADD and ratio is not None:  # its terms stand among the others
        left = {(t, c): j for j, (c, t) in enumerate(terms) if j not in used}
        found = [left.get((t, ratio * wanted * c)) for c, t in _pairs(bound)]
        if None not in found:
            yield from _terms(pattern[1:], terms, ratio, binding, used | {j for j in found if j is not None}, places)
        return
    if places is None and len(terms) > MANY:
        places = {term: j for j, (_, term) in enumerate(terms)}
    if places is not None and ratio is not None and wildcards(core) <= binding.keys():
        at = places.get(Normalizer(effort=unlimited()).normal(instance(core, binding)))
        if at is not None and at not in used and terms[at][0] == ratio * wanted:
            yield from _terms(pattern[1:], terms, ratio, binding, used | {at}, places)
        return
    for j, (c, term) in enumerate(terms):
        if j in used or (ratio is not None and c != ratio * wanted):
            continue
        for matched in match(core, term, binding):
            yield from _terms(pattern[1:], terms, c / wanted, matched, used | {j}, places)


def instance(pattern: Expr, binding: Binding) -> Expr:
    """A part of a rule over the bound expressions, of which it takes the sizes as well."""
    sizes = {d: size for mark, bound in binding.items() for d, size in zip(mark.shape, bound.shape, strict=True)}
    done = dict(binding)
    for node in topological([pattern], done):
        attributes = dict(node.attributes)
        if node.op is CONTRACT:
            attributes["shape"] = tuple(sizes.get(d, d) for d in node.shape)
        done[node] = make(node.op, tuple(done[o] for o in node.operands), **attributes)
    return done[pattern]


@functools.cache
def wildcards(pattern: Expr) -> frozenset[Expr]:
    """The wildcards in a part of a rule."""
    return frozenset(filter(is_wildcard, topological([pattern])))


class Template(NamedTuple):
    """A rule of a set, over wildcards."""

    rules: RuleSet
    place: int
    axis: int | None
    conditions: tuple[Condition, ...]

    def over(self, binding: Binding) -> Rule | None:
        """The rule over the bound expressions, if its conditions hold."""
        bound = (replace(c, expr=binding[c.expr]) for c in self.conditions if c.expr in binding)
        if not all(c.holds() for c in bound):  # before the rule is built
            return None
        by_name = {mark.attributes["name"][1:]: e for mark, e in binding.items()}
        any_other = next(iter(by_name.values()))
        rule = self.rules.rule(self.place, [by_name.get(w, any_other) for w in self.rules.wildcards], self.axis)
        return rule if all(c.holds() for c in rule.conditions) else None

    def apply(self, normalizer: Normalizer, binding: Binding) -> tuple[Expr, Step] | None:
        """The right side over the bound expressions, in normal form, if the rule's conditions hold."""
        rule = self.over(binding)
        if rule is None:
            return None
        facts = tuple(Known(c.fact, c.expr) for c in rule.conditions if isinstance(c, Needs))
        return normalizer.normal(rule.rhs), Step(self.rules.name, rule.reason, rule.lhs, rule.rhs, facts)


class Entry(NamedTuple):
    """A rule as it is tried at a node, and what must occur in the node down to which level."""

    rewriter: Rewriter
    needs: int
    depth: int


@functools.cache
def table(rank: int) -> dict[tuple[str, str], list[Entry]]:
    """The rules for wildcards of `rank`, by the op they are tried at and an op that must be among its operands."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for rules in rule_sets.values():
        if rank not in rules.ranks:
            continue
        patterns = [
            (Template(rules, index, axis, rule.conditions), _plain.normal(rule.lhs))
            for index, axis, rule in rules.patterns(rank)
        ]
        for template, pattern in sorted(patterns, key=lambda p: -len(p[1].operands)):  # the larger match first
            turned = unturned(pattern)
            scale, core = leading(pattern)
            if turned is not None:
                pattern, attempt = turned, _try_turned  # noqa: PLW2901 - the product itself is what is met
            elif core.op is ADD:  # -(softplus(-x) - softplus(x)) is met as a sum: its terms stand among others
                pattern, attempt = core, functools.partial(_try_sum, scale)  # noqa: PLW2901
            elif pattern.op is CONTRACT and not summed(pattern):
                attempt = _try_product
            else:
                attempt = _try_whole
            key = (pattern.op.name, anchor(pattern))
            rewriter = functools.partial(attempt, template, pattern)
            found.setdefault(key, []).append(Entry(rewriter, needed(pattern), pattern.depth + INSIDE))
    return found


@functools.lru_cache(maxsize=65536)
def meeting(mask: int) -> bool:
    """Whether all ops of some rule for a product of two and more factors are in `mask`, as `reach` writes them."""
    return any(not needs & ~mask for needs in several())


@functools.cache
def several() -> frozenset[int]:
    """What the rules for powers, and for products of two and more factors, ask for: the same for all ranks."""
    found = set()
    for rules in rule_sets.values():
        for _, _, rule in rules.patterns(max(rules.ranks)):
            pattern = _plain.normal(rule.lhs)
            if pattern.op is CONTRACT and not summed(pattern) and pattern.attributes["exponents"] != (ONE,):
                found.add(needed(pattern))
    return frozenset(found)


def anchor(pattern: Expr) -> str:
    """The rarest kind of operand of a pattern; the empty text where any will do."""
    kinds = [o.op.name for o in pattern.operands if not is_wildcard(o)]
    if pattern.op not in (CONTRACT, ADD) or not kinds:
        return ""
    return min(kinds, key=lambda k: (k in ("contract", "add"), k))


def rewriters(node: Expr) -> Iterator[Rewriter]:
    """The rules worth trying at `node`."""
    yield from LAYOUTS.get(node.op.name, ())
    yield from EXPONENTS.get(node.op.name, ())
    yield from COMPARISONS.get(node.op.name, ())
    yield from SELECTIONS.get(node.op.name, ())
    if node.op.acts(node) is not None:
        yield from (linear, picked, counted)
    elif node.op is CONTRACT and any(f.op.acts(f) is not None for f in node.operands):
        yield from (gathered, beside)
    near = {f.op.name for f in node.operands}
    if node.op is CONTRACT and not is_sum(node):
        near |= {g.op.name for f in node.operands if f.op is CONTRACT for g in f.operands}
    elif node.op is ADD:
        near |= {g.op.name for f in node.operands if f.op is CONTRACT for g in f.operands if g.op is EXP}
    kinds = ["", *sorted(near)]
    for rank in ranks(node, 3):
        rules = table(rank)
        for kind in kinds:
            for rewriter, needs, depth in rules.get((node.op.name, kind), ()):
                if not needs & ~reach(node, depth):
                    yield rewriter
    yield from BRANCHES.get(node.op.name, ())


def _try_whole(template: Template, pattern: Expr, normalizer: Normalizer, node: Expr) -> tuple[Expr, Step] | None:
    for binding in match(pattern, node, {}):
        found = template.apply(normalizer, binding)
        if found is not None:
            return found
    return None


def unturned(pattern: Expr) -> Expr | None:
    """The product that a pattern is the transpose of: one product is known under one orientation."""
    if pattern.op is not CONTRACT or pattern.attributes["labels"] != ((1, 0),):
        return None
    (inner,) = pattern.operands
    plain = pattern.attributes["coefficient"] == 1 and pattern.attributes["exponents"] == (1,)
    return inner if plain and inner.op is CONTRACT and summed(inner) else None


def _try_turned(template: Template, pattern: Expr, normalizer: Normalizer, node: Expr) -> tuple[Expr, Step] | None:
    """A rule whose left side is the transpose of `pattern`: the transpose of its right side."""
    found = _try_whole(template, pattern, normalizer, node)
    return found and (normalizer.product(ONE, [(found[0], (1, 0), ONE)], node.shape), found[1])


def _try_sum(
    scale: Fraction, template: Template, pattern: Expr, normalizer: Normalizer, node: Expr
) -> tuple[Expr, Step] | None:
    """A rule whose left side is `scale` times the sum `pattern`."""
    terms = _pairs(node)
    if len(terms) < len(pattern.operands) or not {t.op for t in pattern.operands if not is_wildcard(t)} <= {
        op for _, t in terms for op in (t.op, *(g.op for g in t.operands if g.op is EXP))
    }:
        return None
    ordered = sorted(_pairs(pattern), key=lambda p: is_wildcard(p[1]))
    for binding, (used, ratio) in _terms(ordered, terms, None, {}):
        found = template.apply(normalizer, binding)
        if found is not None and found[0].shape == node.shape:
            rest = [t for j, t in enumerate(terms) if j not in used]
            return normalizer.sum([(ratio / scale, found[0]), *rest], node.shape), found[1]
    return None


def _try_product(template: Template, pattern: Expr, normalizer: Normalizer, node: Expr) -> tuple[Expr, Step] | None:
    wanted = factors_of(pattern)
    for pool, inside in pools(node, {f.op for f, _, _ in wanted if not is_wildcard(f)}):
        for binding, labels, used, times in match_factors(wanted, pool, {}, {-1: -1}, exact=False):
            places = set(used)
            if inside and (places <= inside or not places & inside):
                continue
            if any(i not in labels for i in range(pattern.ndim)):
                continue
            found = template.apply(normalizer, binding)
            if found is not None:
                scale = node.attributes["coefficient"] / pattern.attributes["coefficient"] ** times.numerator
                return replaced(normalizer, node, pool, used, times, labels, found[0], scale), found[1]
    return None


def pools(node: Expr, ops: set[Op]) -> Iterator[tuple[list[Factor], frozenset[int]]]:
    """The factors of a product, then those together with the factors inside each of its sums."""
    own = factors_of(node)
    present = {f.op for f, _, _ in own}
    if ops <= present:
        yield own, frozenset()
    if summed(node):
        return
    for i, (f, labels, e) in enumerate(own):
        if f.op is CONTRACT and e == 1 and ops <= present | {g.op for g in f.operands}:
            inner = [
                (g, tuple(labels[x] if 0 <= x < f.ndim else x + APART if x >= 0 else -1 for x in ls), p)
                for g, ls, p in factors_of(f)
            ]
            yield inner + own[:i] + own[i + 1 :], frozenset(range(len(inner)))


def replaced(
    normalizer: Normalizer,
    node: Expr,
    pool: list[Factor],
    used: dict[int, Fraction],
    times: Fraction,
    labels: dict[int, int],
    result: Expr,
    scale: Fraction,
) -> Expr:
    """`node` with the matched factors divided out and the result multiplied in."""
    left = [(f, ls, e - used.get(j, Fraction(0)) * times) for j, (f, ls, e) in enumerate(pool)]
    at = tuple(labels[i] if d != 1 else -1 for i, d in enumerate(result.shape))
    return normalizer.product(scale, [(result, at, times), *((f, ls, e) for f, ls, e in left if e != 0)], node.shape)
