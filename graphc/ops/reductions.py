"""Selection, reductions that are not sums, and reshaping."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, Shape, as_dim, compare, integer, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import entrywise
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops.arguments import flag
from graphc.ops.arithmetic import broadcast_to
from graphc.ops.broadcasting import brief, declared_at, leading, normalize_axes, one_shape
from graphc.ops.elementwise import apply, equal
from graphc.ops.leaves import as_expr, dim_of, promote
from graphc.ops.notation import notation
from graphc.ops.products import reduced_shape
from graphc.ops.products import sum as sum_


def _infer_where(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    literal = all(o.weak for o in operands[1:])
    return operands[1].shape, "float64" if literal else promote(operands[1:])


def _where_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    condition = node.operands[0]
    return None, where(condition, g, 0), where(condition, 0, g)  # the condition is stretched over a stack of g


WHERE = register(
    Op(
        "where",
        _infer_where,
        kernel=np.where,
        vjp=_where_vjp,
        conditions=one_shape,
        keeps=(0,),
        latex=r"\operatorname{{where}}({0}, {1}, {2})",
        domain=((-2.0, 2.0),) * 3,
        summary="x where the condition holds, else y.",
    )
)


@notation
def where(condition: Any, x: Any, y: Any) -> Expr:
    """`x` where `condition` is true (or not 0), else `y`; broadcast as ``numpy.where``."""
    return apply(WHERE, (condition, x, y))


def _infer_reduction(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    return reduced_shape(x.shape, attributes["axis"], attributes["keepdims"]), x.dtype


def reduced_axes(node: Expr) -> tuple[int, ...]:
    """The axes of the first operand that a reduction goes over: one, several, or all for None."""
    axis = node.attributes.get("axis")
    if axis is None:
        return tuple(range(node.operands[0].ndim))
    return axis if isinstance(axis, tuple) else (axis,)


def _extremum_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """Ties share: the cotangent is divided by the number of entries that attain the extremum."""
    (x,) = node.operands
    axes: tuple[int, ...] = node.attributes["axis"]
    kept = reduced_shape(x.shape, axes, keepdims=True)
    hit = equal(x, spread(node, kept))
    return (spread(g, leading(node, g) + kept) * hit / sum_(hit, axis=axes, keepdims=True),)


def spread(x: Expr, kept: Shape) -> Expr:
    """`x` with the reduced axes put back as axes of size 1."""
    if x.ndim == len(kept):
        return x
    open_axes = iter(x.shape)
    key: list[slice | None] = []
    upcoming: Dim | None = next(open_axes, None)
    for d in kept:
        if upcoming is not None and d == upcoming:
            key.append(slice(None))
            upcoming = next(open_axes, None)
        else:
            key.append(None)
    result: Expr = behaviour["index"](x, tuple(key))
    return result


def _extremum(name: str, kernel: Any) -> Op:
    return register(
        Op(
            name,
            _infer_reduction,
            kernel=kernel,
            vjp=_extremum_vjp,
            facts=lambda node: entrywise(node.operands[0].op.facts(node.operands[0])),
            summary=f"The {'largest' if name == 'max' else 'smallest'} entry over axes; ties share the derivative.",
        )
    )


MAX, MIN = _extremum("max", np.max), _extremum("min", np.min)


def _reduce(op: Op, x: Any, axis: Any, keepdims: bool) -> Expr:
    x = as_expr(x)
    axes = normalize_axes(axis, x, op.name)
    return make(op, (x,), axis=axes, keepdims=flag(keepdims, f"{op.name}(keepdims=)")) if axes else x


@notation
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The largest entry over `axis` (all axes by default), as ``numpy.max``; ties share the derivative."""
    return _reduce(MAX, x, axis, keepdims)


@notation
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The smallest entry over `axis` (all axes by default), as ``numpy.min``; ties share the derivative."""
    return _reduce(MIN, x, axis, keepdims)


def _infer_reshape(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return attributes["shape"], operands[0].dtype


def _same_entries(node: Expr) -> list[tuple[Dim, Dim]]:
    return [(entries(node.operands[0].shape), entries(node.shape))]


RESHAPE = register(
    Op(
        "reshape",
        _infer_reshape,
        kernel=np.reshape,
        vjp=lambda node, g: (reshape(g, leading(node, g) + node.operands[0].shape),),
        conditions=_same_entries,
        facts=lambda node: entrywise(node.operands[0].op.facts(node.operands[0])),
        summary="The same entries, in row-major order, under another shape.",
    )
)


@notation
def reshape(x: Any, shape: Any) -> Expr:
    """`x` under another shape with as many entries; one size may be -1, as ``numpy.reshape``.

    Raises
    ------
    ShapeError
        If the numbers of entries provably differ, or the size for -1 cannot be derived.
    """
    array = as_expr(x)
    given = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    values = [dim_of(s) for s in given]
    open_places = [i for i, v in enumerate(values) if integer(v) == -1]
    total = entries(array.shape)
    if len(open_places) > 1:
        raise ShapeError(f"reshape({brief(array)}): only one size can be -1, got {shape!r}{declared_at()}")
    if open_places:
        rest = entries(tuple(as_dim(v) for i, v in enumerate(values) if i not in open_places))
        quotient = _quotient(total, rest)
        if not quotient.is_integer:
            raise ShapeError(
                f"reshape({brief(array)}): {total} entries are not provably divisible by {rest}; "
                f"give the size instead of -1{declared_at()}"
            )
        values[open_places[0]] = quotient
    target = tuple(as_dim(v) for v in values)
    if compare(as_dim(total), as_dim(entries(target))) == "different":
        raise ShapeError(
            f"reshape({brief(array)}): {shape_text(array.shape)} has {total} entries, {shape_text(target)} has "
            f"{entries(target)}{declared_at()}"
        )
    if target == array.shape:
        return array
    if array.op is RESHAPE:
        return reshape(array.operands[0], target)
    return make(RESHAPE, (array,), shape=target)


def flat_for_none(x: Expr, axis: Any) -> tuple[Expr, Any]:
    """`x` and the axis; for None, the entries of `x` in one vector and the only axis of that."""
    return (reshape(x, (-1,)), 0) if axis is None else (x, axis)


@functools.lru_cache(maxsize=4096)
def _quotient(total: Dim, rest: Dim) -> sympy.Expr:
    return sympy.cancel(sympy.sympify(total) / sympy.sympify(rest)) if rest != 0 else sympy.nan


@functools.lru_cache(maxsize=4096)
def entries(shape: Shape) -> Dim:
    """The number of entries of an array of `shape`."""
    product: Any = 1
    for d in shape:
        product = product * d
    return as_dim(product)


@notation
def ones(*shape: Any) -> Expr:
    """All ones: ``ones(m, n)`` or ``ones((m, n))``."""
    return broadcast_to(1, _sizes(shape))


@notation
def zeros(*shape: Any) -> Expr:
    """All zeros: ``zeros(m, n)`` or ``zeros((m, n))``."""
    return broadcast_to(0, _sizes(shape))


@notation
def full(shape: Any, fill: Any) -> Expr:
    """An array of `shape` with one value (or one that is stretched) everywhere, as ``numpy.full``."""
    return broadcast_to(fill, shape)


@notation
def ones_like(x: Any) -> Expr:
    """Ones in the shape of `x`."""
    return broadcast_to(1, as_expr(x).shape)


@notation
def zeros_like(x: Any) -> Expr:
    """Zeros in the shape of `x`."""
    return broadcast_to(0, as_expr(x).shape)


def _sizes(shape: tuple[Any, ...]) -> Shape:
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    return tuple(as_dim(dim_of(s)) for s in given)
