"""Products of two matrices that several chains have in common, taken once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.expr import Expr
from graphc.rewriting.chains import SHORT, Chains, again, folded, linked
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor, factor_key, is_symmetric
from graphc.rewriting.paths import Link, joined, loose_ends, reading_key, readings, times


def sharing(engine: Engine, forms: Sequence[Expr], fixed: Collection[Expr]) -> list[Expr]:
    """Normal forms in which a product of two neighbours that chains have several times is taken once.

    The pair that occurs most often comes first, if one of its chains is one of matrices alone, which takes such a
    product anyway: A B C + B C D is A (B C) + (B C) D; and A B C x with A B beside it is (A B) (C x).
    """
    chains = Chains(forms, fixed, powers=False)
    rows = {node: row for node in chains.order if node not in chains.inner and (row := in_a_row(engine, chains, node))}
    merged: set[Expr] = set()
    while True:
        best = most_frequent(rows.values())
        if best is None:
            break
        for node, row in rows.items():
            shorter = merge(engine, row, best)
            if len(shorter) < len(row):
                rows[node] = shorter
                merged.add(node)
    if not merged:
        return list(forms)
    done: dict[Expr, Expr] = {}
    for node in chains.order:
        if node in merged:
            loose = loose_ends(chains.groups(node), node.ndim)
            done[node] = folded(engine, [piece.over(engine, done, loose) for piece in rows[node]], node)
        elif node not in chains.inner:
            done[node] = again(engine, node, chains.inner, done)
    return [done[form] for form in forms]


@dataclass(frozen=True)
class Piece:
    """A link of a chain, and what it is made of: factors over the same labels, or two neighbours."""

    link: Link
    factors: tuple[Factor, ...] = ()
    neighbours: tuple[Piece, ...] = ()

    def over(self, engine: Engine, done: Mapping[Expr, Expr], loose: set[int]) -> Link:
        """The link over what the factors have become."""
        if self.factors:
            return joined(engine, list(self.factors), done, loose)
        left, right = (piece.over(engine, done, loose) for piece in self.neighbours)
        return times(engine, left, right)


Pair = tuple[tuple[Expr, int], tuple[Expr, int]]  # two neighbours, each with its axis towards the other


def in_a_row(engine: Engine, chains: Chains, node: Expr) -> list[Piece]:
    """The pieces of a chain as it is read; none of one that is long."""
    groups = chains.groups(node)
    if not 1 < len(groups) <= SHORT:
        return []
    links = linked(engine, groups, {f: f for group in groups for f, _, _ in group}, node.ndim)
    pieces = {link: Piece(link, tuple(group)) for link, group in zip(links, groups, strict=True)}
    return [pieces[link] for link in min(readings(links, node), key=reading_key)]


def most_frequent(rows: Iterable[list[Piece]]) -> Pair | None:
    """The pair of matrices that are neighbours most often, one of the chains being one of matrices alone."""
    counts: Counter[Pair] = Counter()
    in_matrices: set[Pair] = set()
    for row in rows:
        alone = all(piece.link[0].ndim == 2 for piece in row)
        before: Pair | None = None
        for left, right in itertools.pairwise(row):
            pair = pair_of(left.link, right.link)
            if pair is None or pair == before:  # of A A A the first two are one
                before = None
                continue
            counts[pair] += 1
            in_matrices |= {pair} if alone else set()
            before = pair
    several = [pair for pair, count in counts.items() if count > 1 and pair in in_matrices]
    return min(several, key=lambda p: (-counts[p], [(factor_key(f), axis) for f, axis in p]), default=None)


def pair_of(left: Link, right: Link) -> Pair | None:
    """Two neighbouring matrices and the axes over which they meet, in an order that transposing does not change."""
    common = [x for x in left[1] if x in right[1]]
    if len(common) != 1 or left[0].ndim != 2 or right[0].ndim != 2:
        return None
    ends = [(f, 0 if is_symmetric(f) else labels.index(common[0])) for f, labels in (left, right)]
    first, second = sorted(ends, key=lambda end: (factor_key(end[0]), end[1]))
    return first, second


def merge(engine: Engine, row: list[Piece], pair: Pair) -> list[Piece]:
    """A chain with the product of `pair` in the place of the two."""
    out: list[Piece] = []
    for piece in row:
        if out and pair_of(out[-1].link, piece.link) == pair:
            left = out.pop()
            out.append(Piece(times(engine, left.link, piece.link), neighbours=(left, piece)))
        else:
            out.append(piece)
    return out
