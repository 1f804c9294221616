"""Sums in normal form: like terms collected, common factors taken out, coprime coefficients."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction
from math import prod
from typing import NamedTuple

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.leaves import EYE, SIZE, constant
from graphc.rewriting.common_ends import chained
from graphc.rewriting.engine import Engine, law, note
from graphc.rewriting.factoring import FACTOR, factor, shared_groups, take_out
from graphc.rewriting.fractions import over_a_letter, together
from graphc.rewriting.like_terms import collect
from graphc.rewriting.meeting import may_cancel
from graphc.rewriting.order import Labels, is_symmetric, term_key
from graphc.rewriting.selects import selected
from graphc.rewriting.shared_contractions import gathered
from graphc.rewriting.terms import (
    FLATTEN,
    Entries,
    carried_labels,
    entries_of,
    greatest,
    is_number,
    is_reduction,
    leading,
    positive_term,
    without,
    written,
)
from graphc.rewriting.wholes import beside_its_terms, multiples

EXPAND = 24  # terms up to which a sum is multiplied out to see whether terms cancel
WHOLE = 1000  # coefficients of a sum are made whole numbers up to this size
POWER = 4  # powers of sums that are multiplied out for that

EXPANDED = law("expand", "(a + b) c = a c + b c, and terms cancel")
ONE_LINE = law("fractions", "a/b + c = (a + b c)/b, and terms cancel")
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


def regrouped(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Products of many matrices that begin or end alike, however they are grouped."""
    found = chained(engine, collected, shape)
    return None if found is None else note(engine, CHAINS, collected, found)


def grouped(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Some of the terms as a product of two sums: a + b + (a + b) c."""
    found = beside_its_terms(engine, collected, shape)
    found = multiples(engine, collected, shape) if found is None else found
    return None if found is None else note(engine, FACTOR, collected, found)


def choices(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Terms guarded by a condition and by its opposite, as one selection."""
    found = selected(engine, collected, shape)
    return found if found is None else note(engine, SELECT, collected, found)


ATTEMPTS = (choices, expanded, over_one_line, ungrouped, grouped, factor, gathered, regrouped)
