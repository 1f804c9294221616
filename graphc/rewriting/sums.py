"""Sums in normal form: like terms collected, common factors taken out, coprime coefficients."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import NamedTuple

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.leaves import EYE, SIZE, constant
from graphc.rewriting.common_ends import chained
from graphc.rewriting.cost import excess
from graphc.rewriting.engine import Engine, Law, law
from graphc.rewriting.fractions import over_a_letter, together
from graphc.rewriting.meeting import may_cancel
from graphc.rewriting.order import Factor, Labels, factor_key, is_symmetric, number_labels, term_key, unnested
from graphc.rewriting.selects import selected
from graphc.rewriting.terms import (
    FLATTEN,
    Entries,
    carried_labels,
    cost,
    entries_of,
    greatest,
    is_even,
    is_number,
    is_reduction,
    leading,
    min_power,
    moved,
    positive_term,
    terms_of,
    without,
    written,
)
from graphc.rewriting.wholes import beside_its_terms, multiples

EXPAND = 24  # terms up to which a sum is multiplied out to see whether terms cancel
WHOLE = 1000  # coefficients of a sum are made whole numbers up to this size
NETWORK = 10  # factors up to which chains of products are compared whatever their grouping
CONTRACTIONS = 3  # contractions of one term that are looked into for shared factors
Term = tuple[Entries, Fraction, Expr]  # powers of factors, coefficient, and the term itself
POWER = 4  # powers of sums that are multiplied out for that

FACTOR = law("factor", "a b + a c = a (b + c)")
EXPANDED = law("expand", "(a + b) c = a c + b c, and terms cancel")
ONE_LINE = law("fractions", "a/b + c = (a + b c)/b, and terms cancel")
GATHER = law("factor", "A B + A C = A (B + C)")
CHAINS = law("factor", "A (B C) + (A B) D = A B (C + D)")
SELECT = law("select", "[c] a + [not c] b is a where c, else b")


def total(engine: Engine, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> Expr:
    """The normal form of a sum over terms in normal form: like terms collected, common factors taken out."""
    collected = collect(engine, terms, shape)
    if not collected:
        return broadcast(constant(0), shape)
    carried = {x for term in collected for x in carried_labels(term)}
    if len(carried) < len(shape):
        return narrow(engine, collected, sorted(carried), shape)
    if len(collected) == 1:
        ((core, c),) = collected.items()
        return engine.product(c, [(core, aligned(core.shape, shape), ONE)], shape)
    if turns(collected, (1, 0), shape) > turns(collected, (0, 1), shape):
        return turned(engine, collected, shape)
    may = engine.effort.allows(len(collected))
    for attempt in ATTEMPTS if may else ():
        shorter = attempt(engine, collected, shape)
        if shorter is not None:
            return shorter
    content, bare_sum = primitive(collected)
    node = engine.rewritten(bare_sum) if may else bare_sum
    if content == 1 and node is bare_sum:
        return node
    return engine.product(content, [(node, aligned(shape, shape), ONE)], shape)


def turns(terms: Iterable[Expr], order: Labels, shape: Shape) -> int:
    """How many matrices in the terms of a sum stand with their axes in `order`; symmetric ones and products have none
    of their own."""
    if len(shape) != 2:
        return 0
    return sum(ls == order and is_upright(f) and not is_symmetric(f) for t in terms for f, ls in entries_of(t, shape))


def is_upright(f: Expr) -> bool:
    """Whether `f` is a matrix or a function of one: transposing it takes a transpose."""
    while len(f.operands) == 1 and f.op is not CONTRACT:
        (f,) = f.operands
    return not f.operands and f.op is not EYE


def turned(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr:
    """A sum of transposed matrices is the transpose of a sum: A.T + B.T is (A + B).T."""
    terms = [(c, engine.product(ONE, [(t, (1, 0), ONE)], shape[::-1])) for t, c in collected.items()]
    return engine.product(ONE, [(engine.sum(terms, shape[::-1]), (1, 0), ONE)], shape)


def narrow(engine: Engine, collected: dict[Expr, Fraction], carried: list[int], shape: Shape) -> Expr:
    """A sum in which an axis does not occur: the sum without it, stretched."""
    place = {x: i for i, x in enumerate(carried)}
    small = tuple(shape[x] for x in carried)
    terms = []
    for term, c in collected.items():
        factors = factors_of(term) if term.op is CONTRACT else []
        moved = [(f, tuple(place.get(x, -1) for x in ls), e) for f, ls, e in factors]
        terms.append((c, engine.product(ONE, moved, small)))
    return engine.product(ONE, [(engine.sum(terms, small), tuple(carried), ONE)], shape)


def collect(engine: Engine, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> dict[Expr, Fraction]:
    """Terms by their core (coefficient 1), like terms added, nested sums opened."""
    found: dict[Expr, Fraction] = {}
    stack = list(terms)[::-1]
    while stack:
        c, term = stack.pop()
        c, term = c * leading(term)[0], leading(term)[1]
        number, core, labels = moved(term)
        if core.op is ADD and len(core.operands) <= FLATTEN and (core is term or is_even(core)):
            inner = terms_of(core)[::-1]
            if core is not term:
                inner = [(x, engine.product(ONE, [(t, labels, ONE)], shape)) for x, t in inner]
            stack += [(c * number * x, t) for x, t in inner]
        elif c != 0:
            found[term] = found.get(term, Fraction(0)) + c
    return alike({t: found[t] for t in sorted(found, key=term_key) if found[t] != 0}, shape)


def alike(terms: dict[Expr, Fraction], shape: Shape) -> dict[Expr, Fraction]:
    """Chains of products that differ in grouping alone are like terms: A @ (B @ x) and (A @ B) @ x."""
    nested = [t for t in terms if has_nested(t)]
    if not nested or len(terms) < 2:
        return terms
    groups: dict[object, list[Expr]] = {}
    for term in terms:
        key = network(term, shape)
        groups.setdefault(term if key is None else key, []).append(term)
    merged: dict[Expr, Fraction] = {}
    for group in groups.values():
        kept = functools.reduce(lambda a, b: b if excess(b, a) < 0 else a, sorted(group, key=lambda t: t.digest))
        total = sum(terms[t] for t in group)
        if total:
            merged[kept] = Fraction(total)
    return merged


def has_nested(term: Expr) -> bool:
    """A contraction with a contraction among its factors."""
    inner = [f for f in term.operands if f.op is CONTRACT and summed(f)] if term.op is CONTRACT else []
    return bool(inner) if term.op is CONTRACT and summed(term) else any(has_nested(f) for f in inner)


def network(term: Expr, shape: Shape) -> object:
    """All factors of a term under one sum, numbered canonically; None where there are too many."""
    entries = [(f, labels, e) for (f, labels), e in entries_of(term, shape).items()]
    factors = unnested(entries, itertools.count(-2, -1), most=NETWORK)
    if len(factors) > NETWORK:
        return None
    ordered, free = number_labels(factors)
    return tuple(ordered), free


def primitive(collected: dict[Expr, Fraction]) -> tuple[Fraction, Expr]:
    """A sum as content times a sum whose coefficients, but for the constant's, are coprime integers.

    The constant does not count, so that ``v + eps`` stays as it is for a small rational eps; nor do means, so that
    ``x - sum(x)/5`` stays a difference from a mean. Where whole numbers would be long (``x + 0.044715*x**3``), the
    positive term has coefficient 1 instead.
    """
    order = sorted(collected, key=term_key)
    counted = [c for t, c in collected.items() if not (is_number(t) or is_reduction(t))]
    if counted:
        whole = greatest(counted)
        counted += [c for t, c in collected.items() if is_reduction(t) and not is_mean(t, c / whole)]
    counted = counted or [c for t, c in collected.items() if not is_number(t)] or list(collected.values())
    content = greatest(counted)
    if max(abs(c / content).numerator for c in counted) > WHOLE:
        content = abs(collected[positive_term(collected, order)])
    if collected[positive_term(collected, order)] < 0:
        content = -content
    terms = [(t, collected[t] / content) for t in order]
    return content, make(ADD, tuple(t for t, _ in terms), coefficients=tuple(c for _, c in terms))


def is_mean(term: Expr, coefficient: Fraction) -> bool:
    """A sum over labels, with a whole coefficient or divided by what may be the number of its terms."""
    inner = term if summed(term) else next(f for f in term.operands if f.op is CONTRACT and summed(f))
    sizes = {x: d for f, ls, _ in factors_of(inner) for x, d in zip(ls, f.shape, strict=True) if x >= inner.ndim}
    counts = [int(d) for d in sizes.values() if isinstance(d, int)]
    return prod(counts) % coefficient.denominator == 0


def factor(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Take out factors that all terms share, or one that a group shares where less is written.

    a b x + a c y is a (b x + c y): one product more as a node of many factors, one less of two. Left as they are:
    terms of which one has a higher power, x y + x**2 + y**2, and one beside a name alone, p - t + p q.
    """
    terms = [(entries_of(t, shape), c, t) for t, c in collected.items()]
    counts = Counter((key, e > 0) for entries, _, _ in terms for key, e in entries.items())
    shared = [key for key, n in counts.items() if n == len(terms)]
    if shared and not loses_means(shared, terms):
        common = {
            key: min_power([t[0] for t in terms], key)
            for key, _ in sorted(shared, key=lambda k: (factor_key(k[0][0]), k[0][1]))
        }
        return note(engine, FACTOR, collected, take_out(engine, common, terms, [], shape))
    best: tuple[int, object, tuple[tuple[Expr, Labels], bool]] | None = None
    for (key, positive), n in counts.items():
        if n < 2 or (not key[0].operands and key[0].weak and key[0].op is not EYE):
            continue
        group = [entries for entries, _, _ in terms if key in entries and (entries[key] > 0) == positive]
        saved = sum(cost(e) for e in group) - sum(cost(without(e, {key: min_power(group, key)})) for e in group) - 2
        even = len({e[key] for e in group}) == 1 and key[0].op is not SIZE and sum(map(cost, group)) > 1
        even = even or (saved == -1 and n == 2 and bool(key[0].operands))  # exp(x) y + exp(x) is exp(x) (y + 1)
        even = even or (saved == 0 and n > 2)  # a/s + b/s + c/s**2 is (a + b + c/s)/s
        if (saved > 0 or even) and (best is None or (-saved, factor_key(key[0]), key[1]) < (*best[:2], key[1])):
            best = (-saved, factor_key(key[0]), (key, positive))
    if best is None:
        several = factor_several(engine, collected, terms, shape)
        return factor_means(engine, collected, terms, shape) if several is None else several
    key, positive = best[2]
    inside = [t for t in terms if key in t[0] and (t[0][key] > 0) == positive]
    outside = [t for t in terms if t not in inside]
    taken = {key: min_power([t[0] for t in inside], key)}
    return note(engine, FACTOR, collected, take_out(engine, taken, inside, outside, shape))


def loses_means(shared: list[tuple[tuple[Expr, Labels], bool]], terms: list[Term]) -> bool:
    """Whether terms share sizes alone, of which one would no longer be the mean that it is: var(x) + var(X).

    x/n - sum(x)/n**2 is (x - mean(x))/n, where one becomes a mean.
    """
    if not all(key[0].op is SIZE for key, _ in shared):
        return False
    return any(
        len({t[0][key] for t in terms}) > 1
        and any(is_reduction(t[2]) and t[0][key] == min_power([u[0] for u in terms], key) for t in terms)
        for key, _ in shared
    )


def factor_several(engine: Engine, collected: dict[Expr, Fraction], terms: list[Term], shape: Shape) -> Expr | None:
    """Take out two and more factors that some terms share, where this costs no more: a b x + a b y + z."""
    if len(terms) > FLATTEN:
        return None
    best: tuple[int, Entries, list[Term]] | None = None
    for shared, inside in shared_groups(terms):
        common = {key: e for key, e in shared.items() if all(t[0][key] == e for t in inside)}
        if sum(key[0].op is not SIZE for key in common) < 2:
            continue
        saved = sum(cost(t[0]) for t in inside) - sum(cost(without(t[0], common)) for t in inside) - 2
        if saved >= 0 and (best is None or saved > best[0]):
            best = saved, common, inside
    if best is None:
        return None
    _, common, inside = best
    outside = [t for t in terms if t not in inside]
    return note(engine, FACTOR, collected, take_out(engine, common, inside, outside, shape))


def factor_means(engine: Engine, collected: dict[Expr, Fraction], terms: list[Term], shape: Shape) -> Expr | None:
    """Take out a size by which some terms are divided where sums among them become means.

    x/n - sum(x)/n**2 + z is (x - mean(x))/n + z.
    """
    for key in {key: None for entries, _, _ in terms for key, e in entries.items() if key[0].op is SIZE and e < 0}:
        inside = [t for t in terms if t[0].get(key, 0) < 0]
        power = min_power([t[0] for t in inside], key)
        sums = {t[0][key] for t in inside if is_sum_over(t[2], key[0])}
        if power - 1 in sums and power not in sums and len(inside) < len(terms):  # means arise, and none is lost
            outside = [t for t in terms if t not in inside]
            return note(engine, FACTOR, collected, take_out(engine, {key: power}, inside, outside, shape))
    return None


def is_sum_over(term: Expr, size: Expr) -> bool:
    """Whether a term is a sum along an axis of that size, at most divided by sizes."""
    if not is_reduction(term):
        return False
    inner = term if summed(term) else next(f for f in term.operands if f.op is CONTRACT and summed(f))
    return any(
        d == size.attributes["dim"]
        for f, ls, _ in factors_of(inner)
        for x, d in zip(ls, f.shape, strict=True)
        if x >= inner.ndim
    )


def expanded(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """The sum multiplied out, where terms then cancel and less remains: (a + b)**2 - a**2 - 2*a*b is b**2.

    Like terms alone are no gain: c (a - b)**2 + d has fewer factors than c a (a - 2 b) + c b**2 + d.
    """
    terms = [opening(c, t, shape) for t, c in collected.items()]
    if all(t.key is None for t in terms) or sum(t.size for t in terms) > EXPAND:
        return None
    if not may_cancel(engine, [t.term for t in terms], shape, EXPAND, POWER):
        return None
    plain: list[tuple[Fraction, Expr]] = []
    while terms:
        if len(plain) + sum(t.size for t in terms) > EXPAND:  # before anything is multiplied that comes to nothing
            return None
        widest = max(range(len(terms)), key=lambda i: terms[i].size)
        c, term, entries, key = terms.pop(widest)
        if key is None:
            plain.append((c, term))
            continue
        rest = [(*k, e) for k, e in without(entries, {key: ONE}).items()]
        if not engine.effort.allows(len(key[0].operands) * len(entries)):
            return None
        for inner, part in zip(key[0].attributes["coefficients"], key[0].operands, strict=True):
            product = engine.product(inner, [*rest, (part, key[1], ONE)], shape)
            terms.append(opening(c, product, shape))
    multiplied = collect(engine, plain, shape)
    if len(multiplied) >= len(plain) or multiplied == collected:
        return None
    short = engine.sum([(c, t) for t, c in multiplied.items()], shape)
    whole = make(ADD, tuple(collected), coefficients=tuple(collected.values()))
    if engine.effort.excess(short, whole) >= 0 or written(short) > written(whole):
        return None
    return note(engine, EXPANDED, collected, short)


class Opening(NamedTuple):
    """A term and the sum among its factors that is multiplied out next."""

    coefficient: Fraction
    term: Expr
    entries: Entries
    key: tuple[Expr, Labels] | None

    @property
    def size(self) -> int:
        """How many terms it becomes, at least."""
        return 1 if self.key is None else len(self.key[0].operands)


def opening(coefficient: Fraction, term: Expr, shape: Shape) -> Opening:
    inner, core = leading(term)
    entries = entries_of(core, shape)
    key = next((k for k, e in entries.items() if k[0].op is ADD and e.denominator == 1 and 0 < e <= POWER), None)
    return Opening(coefficient * inner, core, entries, key)


def ungrouped(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Sums over a size, such as (a + b)/n, opened where their terms share more with the others: batch norm's."""
    if len(collected) < 2:
        return None
    flat: list[tuple[Fraction, Expr]] = []
    for term, c in collected.items():
        flat += [(c * x, t) for x, t in size_group(engine, term, shape)]
    if len(flat) == len(collected) or len(flat) > FLATTEN:
        return None
    terms = [(entries_of(t, shape), c, t) for t, c in collect(engine, flat, shape).items()]
    whole = make(ADD, tuple(collected), coefficients=tuple(collected.values()))
    best = whole
    for common, inside in shared_groups(terms):
        shorter = take_out(engine, common, inside, [t for t in terms if t not in inside], shape)
        if (engine.effort.excess(shorter, best), engine.effort.excess(shorter, best, pairwise=True)) < (0, 0):
            best = shorter
    if best is whole:
        return None
    return note(engine, FACTOR, collected, best)


def shared_groups(terms: list[Term]) -> Iterator[tuple[Entries, list[Term]]]:
    """The groups of terms that share a factor, each with all that its terms share."""
    seen: set[frozenset[int]] = set()
    signs = dict.fromkeys(
        (key, e > 0) for entries, _, _ in terms for key, e in entries.items() if key[0].op is not SIZE
    )
    for key, positive in signs:
        inside = [t for t in terms if key in t[0] and (t[0][key] > 0) == positive]
        places = frozenset(map(id, inside))
        if not 2 <= len(inside) < len(terms) or places in seen:
            continue
        seen.add(places)
        shared = [
            k for k, e in inside[0][0].items() if all((t[0].get(k, 0) > 0) == (e > 0) and k in t[0] for t in inside)
        ]
        yield {k: min_power([t[0] for t in inside], k) for k in shared}, inside


def size_group(engine: Engine, term: Expr, shape: Shape) -> list[tuple[Fraction, Expr]]:
    """The terms of a sum that sizes alone multiply or divide; any other term as it is."""
    entries = entries_of(term, shape)
    sums = [key for key, e in entries.items() if key[0].op is ADD and e == 1 and -1 not in key[1]]
    if len(sums) != 1 or not all(f.op is SIZE or (f, ls) == sums[0] for f, ls in entries):
        return [(ONE, term)]
    total, labels = sums[0]
    sizes = [(*key, e) for key, e in entries.items() if key != sums[0]]
    return [
        (c, engine.product(ONE, [*sizes, (t, labels, ONE)], shape))
        for c, t in zip(total.attributes["coefficients"], total.operands, strict=True)
    ]


def over_one_line(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """The sum, or terms that share a denominator and the number beside them, over one, where that is shorter."""
    joined = shorter_over_one_line(engine, collected, shape)
    if joined is not None:
        return note(engine, ONE_LINE, collected, joined)
    if len(collected) > FLATTEN:
        return None
    divided = {t: {key for key, e in entries_of(t, shape).items() if e < 0 and key[0].op is ADD} for t in collected}
    for below, number in itertools.product({key: None for keys in divided.values() for key in keys}, (False, True)):
        inside = {t: c for t, c in collected.items() if below in divided[t] or (number and is_number(t))}
        joined = shorter_over_one_line(engine, inside, shape) if 2 <= len(inside) < len(collected) else None
        if joined is not None:
            left = [(c, t) for t, c in collected.items() if t not in inside]
            return note(engine, ONE_LINE, collected, engine.sum([(ONE, joined), *left], shape))
    return None


def shorter_over_one_line(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    joined = together(engine, collected, shape)
    if joined is None:
        joined = over_a_letter(engine, collected, shape)
        return None if joined is None else note(engine, ONE_LINE, collected, joined)
    whole = make(ADD, tuple(collected), coefficients=tuple(collected.values()))
    return joined if engine.effort.excess(joined, whole) < 0 else None


def gathered(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Contractions that share a factor carrying all their summed labels: A @ B + A @ C is A @ (B + C).

    Scalars in which two terms differ go inside, A @ B + s*(A @ C) is A @ (B + s*C), if no array becomes larger by it,
    and anything else that varies along no further axes if there are then like terms; for no more operations.
    """
    seen: dict[object, list[tuple[Expr, Shared]]] = {}
    for term, c in collected.items():
        for shared in shared_parts(term, c, shape):
            before = seen.setdefault(shared.key(), [])
            for other, first in before:
                if other is term or (first.is_thin() and shared.is_thin()):
                    continue
                joined = brought_together(engine, first, shared, shape)
                if joined is None:
                    continue
                left = [(x, t) for t, x in collected.items() if t not in (term, other)]
                result = engine.sum([(ONE, joined), *left], shape)
                if first.beside != shared.beside:
                    whole = make(ADD, tuple(collected), coefficients=tuple(collected.values()))
                    if engine.effort.excess(result, whole) > 0:
                        continue
                return note(engine, GATHER, collected, result)
            before.append((term, shared))
    return None


def brought_together(engine: Engine, first: Shared, second: Shared, shape: Shape) -> Expr | None:
    """Two terms as the factor that they share times the sum of what stands beside it."""
    common = tuple(x for x in first.beside if x in second.beside)
    rests = [first.rest(engine, common), second.rest(engine, common)]
    inner = engine.sum(rests, first.rest_shape())
    moved = {f for f, _, _ in (*first.beside, *second.beside)} - {f for f, _, _ in common}
    if moved and not (all(f.ndim == 0 for f in moved) and 0 < inner.ndim <= len(shape)):
        whole, *parts = (len(collect(engine, [(ONE, t)], inner.shape)) for t in (inner, *(t for _, t in rests)))
        if whole >= sum(parts):
            return None
    factors = [*common, *first.outside, (first.factor, first.labels, ONE), (inner, first.rest_labels, ONE)]
    return engine.product(ONE, factors, shape)


def regrouped(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Products of many matrices that begin or end alike, however they are grouped."""
    found = chained(engine, collected, shape)
    return None if found is None else note(engine, CHAINS, collected, found)


@dataclass(frozen=True)
class Shared:
    """A term as ``coefficient * outside * sum(factor * others)``, labels named by their places in `factor`.

    Of what stands outside, `beside` varies along the axes of the others alone: it can be multiplied with them.
    """

    coefficient: Fraction
    beside: tuple[Factor, ...]
    outside: tuple[Factor, ...]
    factor: Expr
    labels: Labels
    others: tuple[Factor, ...]
    rest_labels: Labels
    sizes: tuple[tuple[int, Dim], ...]

    def key(self) -> object:
        return frozenset(self.outside), self.factor, self.labels, self.rest_labels

    def rest_shape(self) -> Shape:
        sizes = dict(self.sizes)
        return tuple(sizes[x] for x in self.rest_labels)

    def is_thin(self) -> bool:
        """Whether what stands beside the shared factor is an outer product over three axes and more."""
        axes = set(self.rest_labels)
        return len(axes) > 2 and not any(axes <= set(labels) for _, labels, _ in self.others)

    def rest(self, engine: Engine, common: tuple[Factor, ...]) -> tuple[Fraction, Expr]:
        """What stands beside the shared factor, over `rest_labels`, with what is not `common`."""
        place = {x: i for i, x in enumerate(self.rest_labels)} | {-1: -1}
        factors = [*(x for x in self.beside if x not in common), *self.others]
        moved = [(f, tuple(place[x] for x in ls), e) for f, ls, e in factors]
        return self.coefficient, engine.product(ONE, moved, self.rest_shape())


def shared_parts(term: Expr, coefficient: Fraction, shape: Shape) -> list[Shared]:
    """The ways to see a term as something times one of the factors of one of its contractions."""
    entries = entries_of(term, shape)
    inner = [key for key, e in entries.items() if e == 1 and key[0].op is CONTRACT and summed(key[0])]
    found = []
    for key in inner if len(inner) <= CONTRACTIONS else ():
        around = [(*other, e) for other, e in entries.items() if other != key]
        for factor, labels, others, rest_labels, sizes in split_at_factors(key[0], key[1], len(shape)):
            inside = {-1, *rest_labels}
            beside, outside = (tuple(x for x in around if inside.issuperset(x[1]) is fits) for fits in (True, False))
            found.append(Shared(coefficient, beside, outside, factor, labels, others, rest_labels, sizes))
    return found


def split_at_factors(
    node: Expr, placed: Labels, rank: int
) -> Iterator[tuple[Expr, Labels, tuple[Factor, ...], Labels, tuple[tuple[int, Dim], ...]]]:
    """A contraction as one factor that carries all its summed labels, and the others: the last fields of `Shared`."""
    factors = factors_of(node)
    bound = set(summed(node))
    for i, (f, labels, e) in enumerate(factors):
        if e != 1 or len(factors) < 2 or not bound <= set(labels) or len(set(labels)) < len(labels):
            continue
        rename = {x: placed[x] for x in range(node.ndim)} | {-1: -1}
        rename |= {x: rank + axis for axis, x in enumerate(labels) if x in bound}
        others = tuple((g, tuple(rename[x] for x in ls), p) for j, (g, ls, p) in enumerate(factors) if j != i)
        sizes = {x: d for g, ls, _ in others for x, d in zip(ls, g.shape, strict=True) if x != -1}
        yield f, tuple(rename[x] for x in labels), others, tuple(sorted(sizes)), tuple(sizes.items())


def grouped(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Some of the terms as a product of two sums: a + b + (a + b) c."""
    found = beside_its_terms(engine, collected, shape)
    found = multiples(engine, collected, shape) if found is None else found
    return None if found is None else note(engine, FACTOR, collected, found)


def choices(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Terms guarded by a condition and by its opposite, as one selection."""
    found = selected(engine, collected, shape)
    return found if found is None else note(engine, SELECT, collected, found)


def note(engine: Engine, used: Law, before: dict[Expr, Fraction], after: Expr) -> Expr:
    """Record a step from a sum of terms to `after`."""
    whole = make(ADD, tuple(before), coefficients=tuple(before.values()))
    engine.steps.append(used.step(whole, after))
    return after


def take_out(
    engine: Engine,
    common: Entries,
    inside: list[Term],
    outside: list[Term],
    shape: Shape,
) -> Expr:
    """``common * (what is left of the terms inside) + outside``."""
    left = [(without(entries, common), c) for entries, c, _ in inside]
    used = sorted({x for entries, _ in left for _, ls in entries for x in ls if x >= 0})
    whole = all(x in used or d == 1 for x, d in enumerate(shape))
    labels = aligned(shape, shape) if whole else tuple(used)  # what is left may have fewer axes
    small = shape if whole else tuple(shape[x] for x in used)
    place = {x: x if whole else i for i, x in enumerate(used)} | {-1: -1}
    rest = [
        (ONE, engine.product(c, [(f, tuple(place[x] for x in ls), e) for (f, ls), e in entries.items()], small))
        for entries, c in left
    ]
    inner = engine.sum(rest, small)
    product = engine.product(ONE, [*((*key, e) for key, e in common.items()), (inner, labels, ONE)], shape)
    if not outside:
        return product
    return engine.sum([(ONE, product), *((c, t) for _, c, t in outside)], shape)


ATTEMPTS = (choices, expanded, over_one_line, ungrouped, grouped, factor, gathered, regrouped)
