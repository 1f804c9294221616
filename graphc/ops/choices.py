"""Where the largest and smallest entries are, the order of entries, how many are not 0: locally constant integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.elementwise import equal, greater, not_equal
from graphc.ops.gather import axis_of, take_along_axis
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation
from graphc.ops.products import reduced_shape
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import flat_for_none


def _infer_place(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    axis = attributes.get("axis")
    axes = tuple(range(x.ndim)) if axis is None else (axis,)
    return reduced_shape(x.shape, axes, attributes["keepdims"]), "int64"


def _place(name: str, kernel: Any, which: str) -> Op:
    return register(
        Op(
            name,
            _infer_place,
            kernel=kernel,
            vjp=lambda node, g: (None,),
            facts=lambda node: frozenset({Fact("nonnegative"), Fact("integer")}),
            keeps=(0,),
            defaults={"axis": None, "keepdims": False},
            summary=f"The index of the {which} entry along an axis, the first of several.",
            examples=(
                (f"take_along_axis(x, {name}(x, axis=1, keepdims=True))", {"x": ("n", "d")}),
                (f"x[:, None]*{name}(x)", {"x": ("n",)}),
            ),
        )
    )


ARGMAX, ARGMIN = _place("argmax", np.argmax, "largest"), _place("argmin", np.argmin, "smallest")


def _chosen(op: Op, x: Any, axis: Any, keepdims: bool) -> Expr:
    array = as_expr(x)
    along = None if axis is None else axis_of(op.name, array, axis)
    return make(op, (array,), axis=along, keepdims=bool(keepdims))


@notation
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The index of the largest entry along `axis` (of all entries, flattened, by default), as ``numpy.argmax``.

    Raises
    ------
    ShapeError
        If the axis is out of range, or more than one.
    """
    return _chosen(ARGMAX, x, axis, keepdims)


@notation
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The index of the smallest entry along `axis` (of all entries, flattened, by default), as ``numpy.argmin``.

    Raises
    ------
    ShapeError
        If the axis is out of range, or more than one.
    """
    return _chosen(ARGMIN, x, axis, keepdims)


def _infer_order(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return operands[0].shape, "int64"


ARGSORT = register(
    Op(
        "argsort",
        _infer_order,
        kernel=kernels.argsort,
        vjp=lambda node, g: (None,),
        facts=lambda node: frozenset({Fact("nonnegative"), Fact("integer")}),
        keeps=(0,),
        defaults={"axis": -1},
        summary="The indices that sort an array along an axis; equal entries keep their order.",
        examples=(("sort(x)", {"x": ("n",)}), ("take_along_axis(x, argsort(x, axis=-2), axis=0)", {"x": ("n", "m")})),
    )
)


@notation
def argsort(x: Any, axis: Any = -1) -> Expr:
    """The indices that sort `x` along `axis`, as ``numpy.argsort``; equal entries keep their order.

    Raises
    ------
    ShapeError
        If `x` has no such axis.
    """
    array, axis = flat_for_none(as_expr(x), axis)
    return make(ARGSORT, (array,), axis=axis_of("argsort", array, axis) - array.ndim)


@notation
def sort(x: Any, axis: Any = -1) -> Expr:
    """`x` in ascending order along `axis`, as ``numpy.sort``: ``take_along_axis(x, argsort(x))``.

    Raises
    ------
    ShapeError
        If `x` has no such axis.
    """
    array, axis = flat_for_none(as_expr(x), axis)
    return take_along_axis(array, argsort(array, axis), axis)


@notation
def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """How many entries over `axis` (all axes by default) are not 0, as ``numpy.count_nonzero``."""
    return sum_(not_equal(x, 0), axis=axis, keepdims=keepdims) * 1


@notation
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Whether an entry over `axis` (all axes by default) is not 0, as ``numpy.any``."""
    return greater(count_nonzero(x, axis, keepdims), 0)


@notation
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Whether no entry over `axis` (all axes by default) is 0, as ``numpy.all``."""
    return equal(sum_(equal(x, 0), axis=axis, keepdims=keepdims), 0)
