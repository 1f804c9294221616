"""Sums of products of matrices that begin or end alike, however grouped: A (B C) + (A B) D = A B (C + D)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor, Labels, is_symmetric, unnested
from graphc.rewriting.terms import FLATTEN, entries_of

MOST = 10  # matrices in a product that is looked at
Link = tuple[Expr, bool]  # a matrix, and whether it stands transposed; a vector at the end


class Chain(NamedTuple):
    """A term as a product of matrices, with the scalars in front of it; `node` is the product or its transpose."""

    node: Expr
    links: list[Link]
    scalars: frozenset[tuple[tuple[Expr, Labels], Fraction]]


def chained(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """The sum with what two products begin and end with in common taken out, where that takes fewer operations."""
    if not 1 <= len(shape) <= 2 or 1 in shape or not 2 <= len(collected) <= FLATTEN:
        return None
    chains = {term: found for term in collected if (found := chain_of(term, shape)) is not None}
    whole = make(ADD, tuple(collected), coefficients=tuple(collected.values()))
    for one, other in combinations(chains, 2):
        if chains[one].scalars != chains[other].scalars:
            continue
        a, b = chains[one].links, chains[other].links
        before, after = common(a, b)
        if not before and not after:
            continue
        middles = [(collected[t], chains[t].links[before : len(chains[t].links) - after]) for t in (one, other)]
        first, last = a[:before], a[len(a) - after :]
        joined = put_together(engine, first, middles, last)
        if joined is None:
            continue
        scalars = [(*key, e) for key, e in chains[one].scalars]
        term = engine.product(ONE, [*scalars, (joined, tuple(range(len(shape))), ONE)], shape)
        left = [(c, t) for t, c in collected.items() if t not in (one, other)]
        result = engine.sum([(ONE, term), *left], shape)
        turned = chains[one].node is chains[other].node  # S A S + (S A S).T is S (A + A.T) S beside other terms, too
        if engine.effort.excess(result, whole) <= int(turned and before > 0 and after > 0):
            return result
    return None


def common(a: list[Link], b: list[Link]) -> tuple[int, int]:
    """How many matrices two products begin and end with in common, at least one of each left out."""
    room = min(len(a), len(b)) - 1
    before = 0
    while before < room and a[before] == b[before]:
        before += 1
    after = 0
    while before + after < room and a[-1 - after] == b[-1 - after]:
        after += 1
    return before, after


def chain_of(term: Expr, shape: Shape) -> Chain | None:
    """A term whose one contraction is a product of matrices, from the first axis to the last or to a vector."""
    entries = entries_of(term, shape)
    places = [key for key, e in entries.items() if e == 1 and key[0].op is CONTRACT and summed(key[0])]
    if len(places) != 1 or sorted(places[0][1]) != list(range(len(shape))):
        return None
    ((node, placed),) = places
    scalars = frozenset((key, e) for key, e in entries.items() if key != places[0])
    if any(labels for (_, labels), _ in scalars):
        return None
    flat = unnested([(node, placed, ONE)], itertools.count(len(shape)), most=MOST)
    plain = len(flat) <= MOST and all(e == 1 for _, _, e in flat)
    links = in_line(flat, len(shape)) if plain else None
    return None if links is None else Chain(node, links, scalars)


def in_line(factors: list[Factor], rank: int) -> list[Link] | None:
    """Matrices in the order in which their labels follow each other, from label 0; None where they do not."""
    left, label, links = list(factors), 0, list[Link]()
    while left:
        holders = [x for x in left if label in x[1]]
        if len(holders) != 1:
            return None
        f, labels, _ = holders[0]
        left.remove(holders[0])
        if len(labels) == 1 and rank == 1 and not left:
            return [*links, (f, False)]
        if len(labels) != 2 or labels[0] == labels[1] or -1 in labels:
            return None
        turned = labels[1] == label
        links.append((f, turned and not is_symmetric(f)))
        label = labels[0] if turned else labels[1]
    return links if rank == 2 and label == 1 else None


def put_together(
    engine: Engine, first: list[Link], middles: list[tuple[Fraction, list[Link]]], last: list[Link]
) -> Expr | None:
    """``first @ (sum of middles) @ last``; from the right where the last is a vector."""
    inner = [(c, product) for c, links in middles if (product := multiplied(engine, links)) is not None]
    total = engine.sum(inner, inner[0][1].shape)
    if total.op is CONTRACT and not total.operands:
        return None
    return multiplied(engine, [*first, (total, False), *last])


def multiplied(engine: Engine, links: list[Link]) -> Expr:
    """A product of matrices, multiplied from the left, or towards a vector at the end."""
    arrays = list(oriented(engine, links))
    while len(arrays) > 1:
        at = len(arrays) - 2 if arrays[-1].ndim == 1 else 0
        a, b = arrays[at : at + 2]
        rows = (0,) if b.ndim == 1 else (0, 1)
        labels = ((0, len(rows)), (len(rows),) if b.ndim == 1 else (len(rows), 1))
        shape = a.shape[:1] + b.shape[1:]
        arrays[at : at + 2] = [engine.product(ONE, [(a, labels[0], ONE), (b, labels[1], ONE)], shape)]
    return arrays[0]


def oriented(engine: Engine, links: list[Link]) -> Iterator[Expr]:
    for f, turned in links:
        yield engine.product(ONE, [(f, (1, 0), ONE)], f.shape[::-1]) if turned else f
