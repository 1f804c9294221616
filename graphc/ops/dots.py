"""NumPy's named products over chosen axes: dot, inner, vdot, tensordot, cross."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.dims import integer, shape_text
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief, declared_at, unify
from graphc.ops.contraction import contract
from graphc.ops.gather import axis_of
from graphc.ops.layout import moveaxis, ravel, stack
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation
from graphc.ops.products import unit
from graphc.ops.slicing import index


@notation
def dot(a: Any, b: Any) -> Expr:
    """The sums of products over the last axis of `a` and the last but one (or the only one) of `b`, as ``numpy.dot``.

    Raises
    ------
    ShapeError
        If the sizes of these axes differ.
    """
    x, y = as_expr(a), as_expr(b)
    if not x.ndim or not y.ndim:
        return x * y
    return _over("dot", x, y, [x.ndim - 1], [max(y.ndim - 2, 0)])


@notation
def inner(a: Any, b: Any) -> Expr:
    """The sums of products over the last axes of both, as ``numpy.inner``.

    Raises
    ------
    ShapeError
        If the sizes of these axes differ.
    """
    x, y = as_expr(a), as_expr(b)
    if not x.ndim or not y.ndim:
        return x * y
    return _over("inner", x, y, [x.ndim - 1], [y.ndim - 1])


@notation
def vdot(a: Any, b: Any) -> Expr:
    """The sum of the products of all entries, in their order, as ``numpy.vdot``; errors as of `dot`."""
    return dot(ravel(a), ravel(b))


@notation
def tensordot(a: Any, b: Any, axes: Any = 2) -> Expr:
    """The sums of products over pairs of axes, as ``numpy.tensordot``.

    Parameters
    ----------
    axes : int, or pair of ints or of sequences of ints
        How many of the last axes of `a` meet the first of `b`; or which of `a`, and which of `b`.

    Raises
    ------
    ShapeError
        If there are no such axes, one is named twice, or the sizes of a pair differ.
    """
    a, b = as_expr(a), as_expr(b)
    count = integer(axes)
    if count is not None:
        if not 0 <= count <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot({brief(a)}, {brief(b)}): there are no {axes} axes in shapes {shape_text(a.shape)} and "
                f"{shape_text(b.shape)}{declared_at()}"
            )
        return _over("tensordot", a, b, list(range(a.ndim - count, a.ndim)), list(range(count)))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise ShapeError(f"tensordot: axes is a whole number or a pair of axes, got {axes!r}{declared_at()}")
    left, right = (list(v) if isinstance(v, (tuple, list)) else [v] for v in axes)
    if len(left) != len(right):
        raise ShapeError(f"tensordot: axes must name as many axes of both arrays, got {axes!r}{declared_at()}")
    places = [[axis_of("tensordot", x, v) for v in given] for x, given in ((a, left), (b, right))]
    if any(len(set(p)) < len(p) for p in places):
        raise ShapeError(f"tensordot: axes names an axis of an array twice, got {axes!r}{declared_at()}")
    return _over("tensordot", a, b, *places)


def _over(what: str, a: Expr, b: Expr, left: Sequence[int], right: Sequence[int]) -> Expr:
    """The product summed over axes of both, the other axes of `a` before those of `b`."""
    for i, j in zip(left, right, strict=True):
        if not unify(a.shape[i], b.shape[j], []):
            raise ShapeError(
                f"{what}({brief(a)}, {brief(b)}): axis {i} of shape {shape_text(a.shape)} must have the size of axis "
                f"{j} of shape {shape_text(b.shape)}{declared_at()}"
            )
    if any((a.shape[i] == 1) != (b.shape[j] == 1) for i, j in zip(left, right, strict=True)):
        raise ShapeError(
            f"{what}({brief(a)}, {brief(b)}): shapes {shape_text(a.shape)} and {shape_text(b.shape)} are not known to "
            f"fit; give both arrays the same size{declared_at()}"
        )
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [j for j in range(b.ndim) if j not in right]
    rank = len(free_a) + len(free_b)
    place_a = {i: p for p, i in enumerate(free_a)} | {i: rank + p for p, i in enumerate(left)}
    place_b = {j: len(free_a) + p for p, j in enumerate(free_b)} | {j: rank + p for p, j in enumerate(right)}
    shape = tuple(a.shape[i] for i in free_a) + tuple(b.shape[j] for j in free_b)
    labels = [tuple(unit(at[i], d) for i, d in enumerate(x.shape)) for x, at in ((a, place_a), (b, place_b))]
    return contract([(a, labels[0], 1), (b, labels[1], 1)], shape)


@notation
def cross(a: Any, b: Any, axis: Any = -1) -> Expr:
    """The cross product of vectors of three entries along `axis`, as ``numpy.cross``.

    Raises
    ------
    ShapeError
        If an array does not have size 3 along the axis.
    """
    found = [as_expr(v) for v in (a, b)]
    for v in found:
        along = axis_of("cross", v, axis)
        if v.shape[along] != 3:
            raise ShapeError(
                f"cross({brief(v)}): needs size 3 along axis {axis}, got shape {shape_text(v.shape)}{declared_at()}"
            )
    (x0, x1, x2), (y0, y1, y2) = ([index(moveaxis(v, axis, -1), (Ellipsis, k)) for k in range(3)] for v in found)
    return stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], axis)
