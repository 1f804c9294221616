"""Entries that are moved, not changed: axes merged or turned round, and the place of the largest entry.

Each is an array of zeros and ones that a product carries as an atom: M[k, i, j] = [k = i*q + j],
J[i, j] = [i + j = n - 1], T[.., i] = [x[.., i] is the largest]. Their laws are those of permutations:

    M[k, i, j] M[k, a, b] = M[k, i, j] [i = a] [j = b],   sum_k M[k, i, j] = 1,   sum_ij M[k, i, j] = 1,
    J[i, j] J[j, k] = J[i, j] [i = k],   [j >= l] J[i, j] J[k, l] = [k >= i] J[i, j] J[k, l],   sum_i T[i] = 1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, Protocol

from graphc.checking.atoms import Atom
from graphc.checking.labels import Factor, Labels
from graphc.checking.summation import Merged
from graphc.ir.dims import Dim

ONE = Fraction(1)
Key = tuple[int, Labels]


class Mover(NamedTuple):
    """What an atom moves: each of two groups of its axes determines the other, under the axes outside of both.

    Attributes
    ----------
    groups : places of axes; the second is empty where nothing but one entry of the first is marked
    dims : the sizes of the axes
    """

    groups: tuple[Labels, Labels]
    dims: tuple[Dim, ...]


class Moving(Protocol):
    """What the laws need of the algebra."""

    atoms: list[Atom]
    delta: int
    movers: dict[int, Mover]

    def merged(self, factors: list[Factor]) -> Merged:
        """Equal factors by exponent."""
        ...


def settled(algebra: Moving, merged: Merged, bound: dict[int, int]) -> Merged | None:
    """The factors after one law; None where none applies. A label that is summed away is taken out of `bound`."""
    found = [key for key in merged if key[0] in algebra.movers]
    if not found:
        return None
    uses = Counter(x for _, labels in merged for x in labels)
    for key in found:
        for group in filter(None, algebra.movers[key[0]].groups):
            own = [key[1][place] for place in group]
            if all(x < 0 and uses[x] == 1 for x in own):
                for x in own:
                    bound.pop(x)
                return _without(algebra, merged, [key])
    for i, key in enumerate(found):
        for other in found[:i]:
            equal = _same(algebra, key, other) if other[0] == key[0] else None
            if equal:
                pairs = [(algebra.delta, pair, ONE) for pair in equal]
                return _without(algebra, merged, [other], pairs)
    return _turned(algebra, merged, found, uses)


def _same(algebra: Moving, key: Key, other: Key) -> list[Labels]:
    """The labels that must be equal where both atoms are 1."""
    a, b = key[1], other[1]
    first, second = algebra.movers[key[0]].groups
    for x, y in _orders(algebra, key[0], a, b):
        outside = [i for i in range(len(a)) if i not in first + second]
        for given, forced in ((first, second), (second, first)) if second else (((), first),):
            if all(x[i] == y[i] for i in (*outside, *given)):
                return [(x[i], y[i]) for i in forced if x[i] != y[i]]
    return []


def _orders(algebra: Moving, atom: int, a: Labels, b: Labels) -> Iterator[tuple[Labels, Labels]]:
    for p in algebra.atoms[atom].symmetries:
        yield a, tuple(b[i] for i in p)


def _turned(algebra: Moving, merged: Merged, found: list[Key], uses: Counter[int]) -> Merged | None:
    """[j >= l] J[i, j] J[k, l] = [k >= i] J[i, j] J[k, l], where j is summed and used nowhere else."""
    turns = [key for key in found if algebra.atoms[key[0]].kind == "flip"]
    ends = {x: (key, key[1][1 - side]) for key in turns for side, x in enumerate(key[1])}
    orders = [key for key in merged if algebra.atoms[key[0]].kind == "order"] if len(turns) > 1 else []
    for a, (j, m) in orders:
        if j not in ends or m not in ends or ends[j][0] == ends[m][0]:
            continue
        if any(x < 0 and uses[x] == 2 for x in (j, m)):
            turned = (a, (ends[m][1], ends[j][1]), ONE)
            return _without(algebra, merged, [(a, (j, m))], [turned])
    return None


def _without(algebra: Moving, merged: Merged, gone: list[Key], more: list[Factor] | None = None) -> Merged:
    return algebra.merged([*((*k, e) for k, e in merged.items() if k not in gone), *(more or [])])
