"""Terms that are sums of squares: a product that falls into equal halves, and x @ P @ x for a positive matrix P."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from graphc.checking.atoms import Atom, Mono
from graphc.checking.labels import Factor, Labels, canonical

MOST = 6  # summed labels of a product that is looked at
NONE = 10**6  # no label


class Atoms(Protocol):
    """What is needed of the algebra."""

    atoms: list[Atom]

    def symmetries(self, atom: int) -> tuple[Labels, ...]:
        """The axis permutations under which an atom does not change."""
        ...


def is_square(algebra: Atoms, mono: Mono) -> bool:
    """Whether a product of factors, over its sums, is not negative: for some summed labels it is a square.

    With the labels of a matrix P held that has x @ P @ x >= 0, the rest must be the same function of both.
    """
    factors, dims = mono
    if not dims or len(dims) > MOST:
        return False
    bound = {-1 - i: d for i, d in enumerate(dims)}
    forms = [i for i, (a, _, _) in enumerate(factors) if ("spd", 0) in algebra.atoms[a].facts]
    return any(
        _halves(algebra, factors, bound, held) or any(_form(algebra, factors, bound, held, i) for i in forms)
        for held in (NONE, *bound)
    )


def _halves(algebra: Atoms, factors: Sequence[Factor], bound: dict[int, int], held: int) -> bool:
    """Whether the parts that hang together without the label `held` come in pairs."""
    inner = {x: d for x, d in bound.items() if x != held}
    codes = [
        canonical([_freed(f, {held: 1}) for f in part], _own(part, inner), algebra.symmetries)
        for part in signed_parts(algebra, factors, inner)
    ]
    return all(codes.count(code) % 2 == 0 for code in codes)


def _form(algebra: Atoms, factors: Sequence[Factor], bound: dict[int, int], held: int, place: int) -> bool:
    """Whether the factor at `place` is a positive matrix between two equal parts, all others being squares."""
    _, labels, e = factors[place]
    if e != 1 or len(labels) != 2 or labels[0] == labels[1] or any(x >= 0 or x == held for x in labels):
        return False
    inner = {x: d for x, d in bound.items() if x not in labels and x != held}
    rest = [f for i, f in enumerate(factors) if i != place]
    codes: dict[int, list[object]] = {labels[0]: [], labels[1]: [], NONE: []}
    for part in signed_parts(algebra, rest, inner):
        ends = {x for _, ls, _ in part for x in ls if x in labels}
        if len(ends) > 1:
            return False
        end = next(iter(ends), NONE)
        freed = [_freed(f, {end: 0, held: 1}) for f in part]
        codes[end].append(canonical(freed, _own(part, inner), algebra.symmetries))
    alone = codes.pop(NONE)
    first, second = codes.values()
    return sorted(first, key=repr) == sorted(second, key=repr) and all(alone.count(c) % 2 == 0 for c in alone)


def signed_parts(algebra: Atoms, factors: Sequence[Factor], bound: dict[int, int]) -> list[list[Factor]]:
    """The parts that may be negative, without the factors in them that are not and hang on no summed label."""
    found = [part for part in parts(factors, bound) if not all(_unsigned(algebra, f) for f in part)]
    return [[f for f in part if set(f[1]) & bound.keys() or not _unsigned(algebra, f)] for part in found]


def parts(factors: Sequence[Factor], bound: dict[int, int]) -> list[list[Factor]]:
    """The factors in groups that share summed labels."""
    groups: list[tuple[set[int], list[Factor]]] = []
    for f in factors:
        own = {x for x in f[1] if x in bound}
        touching = [g for g in groups if g[0] & own]
        groups = [g for g in groups if not g[0] & own]
        groups.append((own.union(*(g[0] for g in touching)), [*(h for g in touching for h in g[1]), f]))
    return [group for _, group in groups]


def _freed(factor: Factor, held: dict[int, int]) -> Factor:
    """A factor with labels that are held as the first axes, those of its own axes moved up."""
    a, labels, e = factor
    return a, tuple(held.get(x, x + 2 if x >= 0 else x) for x in labels), e


def _own(part: Sequence[Factor], bound: dict[int, int]) -> dict[int, int]:
    used = {x for _, labels, _ in part for x in labels}
    return {x: d for x, d in bound.items() if x in used}


def _unsigned(algebra: Atoms, factor: Factor) -> bool:
    a, _, e = factor
    return algebra.atoms[a].nonnegative or e.denominator != 1 or e % 2 == 0
