"""Contractions in a sum that share a factor: A @ B + A @ C = A @ (B + C)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.rewriting.engine import Engine, law, note
from graphc.rewriting.like_terms import collect
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import entries_of

CONTRACTIONS = 3  # contractions of one term that are looked into for shared factors

GATHER = law("factor", "A B + A C = A (B + C)")


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
