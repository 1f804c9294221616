"""One numbering of the summed labels of a monomial, whatever order it was put together in.

Labels below 0 are summed, the others are given. Colour refinement first; where it leaves ties, each tied label is
tried in turn and the smallest code wins (individualization and refinement, as in graph canonization).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

Labels = tuple[int, ...]
Factor = tuple[int, Labels, Fraction]  # an atom's number, the labels of its axes, its exponent
LEAVES = 240  # numberings that are compared; beyond this the result is deterministic but perhaps not the smallest

Symmetries = Callable[[int], tuple[Labels, ...]]


def canonical(
    factors: Sequence[Factor], dims: dict[int, int], symmetries: Symmetries
) -> tuple[tuple[Factor, ...], tuple[int, ...]]:
    """The factors sorted, with summed labels -1, -2, ... in canonical order, and the sizes of those labels.

    Parameters
    ----------
    factors : factors with labels; a label below 0 is summed
    dims : the size (a number that stands for it) of each summed label
    symmetries : the axis permutations under which an atom does not change, the identity among them
    """
    if not dims:
        return tuple(sorted((a, _smallest(labels, symmetries(a)), e) for a, labels, e in factors)), ()
    search = _Search(factors, dims, symmetries)
    start: dict[int, tuple[int, ...]] = {x: (0, dims[x]) for x in dims}
    search.descend(start)
    assert search.best is not None
    return search.best


def _smallest(labels: Labels, permutations: tuple[Labels, ...]) -> Labels:
    if len(permutations) == 1:
        return labels
    return min(tuple(labels[i] for i in p) for p in permutations)


class _Search:
    def __init__(self, factors: Sequence[Factor], dims: dict[int, int], symmetries: Symmetries) -> None:
        self.factors = factors
        self.dims = dims
        self.symmetries = symmetries
        self.leaves = 0
        self.best: tuple[tuple[Factor, ...], tuple[int, ...]] | None = None
        self.orbits = {a: _orbits(symmetries(a)) for a, _, _ in factors}

    def descend(self, colours: dict[int, tuple[int, ...]]) -> None:
        ranks = self.refine(colours)
        tied: dict[int, list[int]] = {}
        for label, rank in ranks.items():
            tied.setdefault(rank, []).append(label)
        group = next((tied[r] for r in sorted(tied) if len(tied[r]) > 1), None)
        if group is None:
            self.leaf(ranks)
            return
        for label in group:
            if self.leaves >= LEAVES:
                return
            self.descend({x: (r, int(x != label)) for x, r in ranks.items()})

    def refine(self, colours: dict[int, tuple[int, ...]]) -> dict[int, int]:
        order = {c: i for i, c in enumerate(sorted(set(colours.values())))}
        ranks = {x: order[c] for x, c in colours.items()}
        while True:
            seen: dict[int, list[tuple[object, ...]]] = {x: [] for x in ranks}
            for a, labels, e in self.factors:
                orbit = self.orbits[a]
                around = tuple(sorted((orbit[i], y >= 0, y if y >= 0 else ranks[y]) for i, y in enumerate(labels)))
                for i, x in enumerate(labels):
                    if x < 0:
                        seen[x].append((a, e, orbit[i], around))
            keys = {x: (r, tuple(sorted(seen[x]))) for x, r in ranks.items()}
            places = {k: i for i, k in enumerate(sorted(set(keys.values())))}
            refined = {x: places[keys[x]] for x in ranks}
            if len(places) == len(set(ranks.values())):
                return refined
            ranks = refined

    def leaf(self, ranks: dict[int, int]) -> None:
        self.leaves += 1
        order = sorted(ranks, key=lambda x: ranks[x])
        number = {x: -1 - i for i, x in enumerate(order)}
        code = sorted(
            (a, _smallest(tuple(number.get(x, x) for x in labels), self.symmetries(a)), e)
            for a, labels, e in self.factors
        )
        found = (tuple(code), tuple(self.dims[x] for x in order))
        if self.best is None or found < self.best:
            self.best = found


def _orbits(permutations: tuple[Labels, ...]) -> Labels:
    """For each axis the smallest axis that a symmetry takes it to."""
    return tuple(min(p[i] for p in permutations) for i in range(len(permutations[0])))
