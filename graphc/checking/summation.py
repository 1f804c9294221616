"""Facts about sums of entries: distributions, one-hot rows, unit vectors, orthogonal matrices."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Protocol

from graphc.checking.atoms import Atom
from graphc.checking.labels import Factor, Labels

Merged = dict[tuple[int, Labels], Fraction]


class Merging(Protocol):
    """What the rules need of the algebra."""

    atoms: list[Atom]
    delta: int

    def merged(self, factors: list[Factor]) -> Merged:
        """Equal factors by exponent."""
        ...


def shortened(algebra: Merging, merged: Merged, bound: dict[int, int]) -> Merged | None:
    """The factors after one fact about a sum of entries; None where none applies.

    A summed label that vanishes with the fact is taken out of `bound`.
    """
    if not any(algebra.atoms[a].facts for a, _ in merged):
        return None
    uses = Counter(x for _, labels in merged for x in labels)
    for (a, labels), e in merged.items():
        for name, axis in algebra.atoms[a].facts:
            rest = [(*key, p) for key, p in merged.items() if key != (a, labels)]
            alone = name in ALONE and labels[axis] < 0 and uses[labels[axis]] == 1
            if alone and e == ALONE[name]:  # sum_k p[.., k] = 1, sum_k u[.., k]**2 = 1
                bound.pop(labels[axis])
                return algebra.merged(rest)
            if name == "one_hot":
                other = next(
                    (ls for b, ls in merged if b == a and ls != labels and drop(ls, axis) == drop(labels, axis)), None
                )
                if other is not None:  # t[k] t[l] = t[k] delta[k, l]
                    rest = [(b, ls, p) for b, ls, p in rest if (b, ls) != (a, other)]
                    return algebra.merged(
                        [*rest, (a, labels, e), (algebra.delta, (labels[axis], other[axis]), Fraction(1))]
                    )
            if name == "orthogonal" and e in (1, 2):
                found = orthogonal(algebra, merged, bound, uses, (a, labels))
                if found is not None:
                    return found
    return None


ALONE = {"sums_to_one": 1, "unit_norm": 2}


def drop(labels: Labels, axis: int) -> Labels:
    return labels[:axis] + labels[axis + 1 :]


def orthogonal(
    algebra: Merging, merged: Merged, bound: dict[int, int], uses: Counter[int], key: tuple[int, Labels]
) -> Merged | None:
    """sum_j Q[i, j] Q[k, j] = delta[i, k], and the same for columns; leading axes must agree."""
    a, labels = key
    e = merged[key]
    for at, free in ((-1, -2), (-2, -1)):
        x = labels[at]
        if x >= 0 or labels[at] == labels[free]:
            continue
        if e == 2 and uses[x] == 1:  # sum_j Q[i, j]**2 = 1
            bound.pop(x)
            return algebra.merged([(*k, p) for k, p in merged.items() if k != key])
        for (b, ls), p in merged.items():
            same = b == a and ls != labels and ls[at] == x and ls[:-2] == labels[:-2] and ls[free] != x
            if same and e == p == 1 and uses[x] == 2:
                bound.pop(x)
                rest = [(*k, q) for k, q in merged.items() if k not in (key, (b, ls))]
                return algebra.merged([*rest, (algebra.delta, (labels[free], ls[free]), Fraction(1))])
    return None
