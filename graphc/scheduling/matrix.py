"""A product of two arrays summed over shared labels, as one (batched) matrix product over views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.dims import Shape
from graphc.ops.contraction import Labels
from graphc.ops.reductions import entries

if TYPE_CHECKING:
    from graphc.scheduling.lower import Lowering


def matrix_product(low: Lowering, places: list[int], groups: list[Labels], rank: int) -> int | None:
    """The product over labels below `rank`, its axes in the order of the labels; None if nothing shared is summed."""
    places, groups = _without_private(low, places, groups, rank)
    (a, b), (la, lb) = places, groups
    batch = [x for x in la if x in lb and x < rank]
    inner = [x for x in la if x in lb and x >= rank]
    left, right = [x for x in la if x not in lb], [x for x in lb if x not in la]
    if not inner:
        return None
    if min(right, default=rank) < min(left, default=rank) and right and left:
        a, b, la, lb, left, right = b, a, lb, la, right, left
    batch.sort()
    left.sort()
    right.sort()
    dims = {x: d for place, labels in zip((a, b), (la, lb), strict=True) for x, d in _dims(low, place, labels)}
    first = _grouped(low, a, la, [[x] for x in batch] + [left, inner])
    second = _grouped(low, b, lb, [[x] for x in batch] + [inner, right])
    if batch:  # matrices throughout: a missing side becomes an axis of size 1
        first = first if left else low.build.index(first, (":",) * len(batch) + (None, ":"))
        second = second if right else low.build.index(second, (":",) * (len(batch) + 1) + (None,))
    out = _result_shape(low, first, second)
    product = low.build.emit("matmul", (first, second), out, "float")
    if batch:
        key = (":",) * len(batch) + (":" if left else 0, ":" if right else 0)
        product = low.build.index(product, key)
    order = [*batch, *left, *right]
    if len(left) > 1 or len(right) > 1:
        product = low.build.reshape(product, tuple(dims[x] for x in order))
    return low.build.transpose(product, tuple(sorted(range(len(order)), key=order.__getitem__)))


def _without_private(
    low: Lowering, places: list[int], groups: list[Labels], rank: int
) -> tuple[list[int], list[Labels]]:
    """Sum away the labels that one factor alone carries and the output does not."""
    summed, kept = [], []
    for place, labels, other in zip(places, groups, reversed(groups), strict=True):
        axes = tuple(i for i, x in enumerate(labels) if x >= rank and x not in other)
        summed.append(low.build.reduce("sum", place, axes, False, "float"))
        kept.append(tuple(x for x in labels if x < rank or x in other))
    return summed, kept


def _dims(low: Lowering, place: int, labels: Labels) -> list[tuple[int, object]]:
    return list(zip(labels, low.build[place].shape, strict=True))


def _grouped(low: Lowering, place: int, labels: Labels, groups: list[list[int]]) -> int:
    """`place` transposed to the order of `groups`, each group of several labels folded into one axis."""
    order = [x for group in groups for x in group]
    place = low.build.transpose(place, tuple(labels.index(x) for x in order))
    if all(len(group) <= 1 for group in groups):
        return place
    dims = dict(_dims(low, place, tuple(order)))
    return low.build.reshape(place, tuple(entries(tuple(dims[x] for x in g)) for g in groups if g))


def _result_shape(low: Lowering, first: int, second: int) -> Shape:
    a, b = low.build[first].shape, low.build[second].shape
    rows = a[:-1]
    return rows if len(b) == 1 else rows + b[-1:]
