"""Entries picked by arrays of whole numbers, and the adjoints: entries added up where they were picked.

    take(x, i)[..., a, b, ...]        = x[..., i[a, b], ...]
    scatter_add(g, i, n)[..., j, ...] = sum of g[..., a, b, ...] over all a, b with i[a, b] = j

and the same along an axis, with an index for each entry of the result. All are linear in the picked array, and each
is its adjoint's derivative rule. Indices count from the end below 0, as NumPy's; values out of range are an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphc.errors import DTypeError, IndexRangeError, ShapeError
from graphc.ir.dims import Dim, Shape, as_dim, compare, integer, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import Fact, entrywise
from graphc.ir.op import Acts, Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, leading, normalize_axes
from graphc.ops.contraction import CONTRACT, contract, factors_of, summed
from graphc.ops.leaves import ARRAY, CONSTANT, as_expr, dim_of, promote, symbol
from graphc.ops.notation import notation
from graphc.ops.ranges import floored, plain
from graphc.ops.reductions import flat_for_none

ROWS = {"x": ("n", "d"), "i": symbol("i", ("m",), dtype="int64")}


def as_index(what: str, value: Any) -> Expr:
    """`value` as an array of indices.

    Raises
    ------
    DTypeError
        If its entries are not whole numbers.
    """
    i = as_expr(value)
    whole = whole_literal(i)
    if whole is not None:
        return whole
    if i.dtype == "int64":
        return i
    hint = (
        "a mask picks a number of entries that depends on its values; use where()"
        if i.dtype == "bool"
        else "declare it with dtype='int64'"
    )
    raise DTypeError(
        f"{what}: the indices must be whole numbers, but {brief(i)} has dtype {i.dtype}; {hint}{declared_at()}"
    )


def whole_literal(i: Expr) -> Expr | None:
    """A literal of whole numbers, or one that is stretched, as one of int64."""
    if i.op is ARRAY and all(v.denominator == 1 for v in i.attributes["values"]):
        return make(ARRAY, (), values=i.attributes["values"], shape=i.shape, dtype="int64")
    if i.op is not CONTRACT or len(i.operands) != 1 or i.attributes["coefficient"] != 1 or summed(i):
        return None
    ((f, labels, e),) = factors_of(i)
    inner = whole_literal(f) if e == 1 else None
    return None if inner is None else contract([(inner, labels, e)], i.shape)


def axis_of(what: str, x: Expr, axis: Any) -> int:
    """One axis of `x`, counted from the front."""
    found = normalize_axes(axis, x, what) if x.ndim else ()
    if len(found) != 1:
        raise ShapeError(
            f"{what}({brief(x)}): needs one axis of an array, got axis={axis!r} for shape {shape_text(x.shape)}"
            f"{declared_at()}"
        )
    return found[0]


def in_range(what: str, i: Expr, size: Dim) -> None:
    """Constant indices are held against a known size at once; others when the arrays are known."""
    known = i.attributes["values"] if i.op is ARRAY else (i.attributes["value"],) if i.op is CONSTANT else ()
    if isinstance(size, int):
        for value in known:
            if not -size <= value < size:
                raise IndexRangeError(
                    f"{what}: index {value} is out of range for an axis of size {size}{declared_at()}"
                )


def _picked(node: Expr) -> frozenset[Fact]:
    return entrywise(node.operands[0].op.facts(node.operands[0]))


def _infer_take(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    x, i = operands
    axis: int = attributes["axis"]
    return x.shape[:axis] + i.shape + x.shape[axis + 1 :], x.dtype


def _take_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    (x, i), axis = node.operands, node.attributes["axis"]
    lead = len(leading(node, g))
    return make(SCATTER_ADD, (g, i), size=x.shape[axis], axis=lead + axis), None


def _infer_scatter_add(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    g, i = operands
    axis: int = attributes["axis"]
    dtype = promote((g,))
    return (*g.shape[:axis], attributes["size"], *g.shape[axis + i.ndim :]), dtype


def _scatter_add_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    return make(TAKE, (g, node.operands[1]), axis=len(leading(node, g)) + node.attributes["axis"]), None


def _scatter_add_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    (g, i), axis = node.operands, node.attributes["axis"]
    yield from zip(g.shape[axis : axis + i.ndim], i.shape, strict=True)


def _take_acts(node: Expr) -> Acts:
    axis: int = node.attributes["axis"]
    return Acts((axis,), tuple(range(axis, axis + node.operands[1].ndim)))


def _scatter_add_acts(node: Expr) -> Acts:
    axis: int = node.attributes["axis"]
    return Acts(tuple(range(axis, axis + node.operands[1].ndim)), (axis,))


def _along_acts(node: Expr) -> Acts:
    along = (node.attributes["axis"] % node.ndim,)
    return Acts(along, along, tied=True)


TAKE = register(
    Op(
        "take",
        _infer_take,
        kernel=np.take,
        vjp=_take_vjp,
        facts=_picked,
        acts=_take_acts,
        keeps=(1,),
        domain=((-2.0, 2.0), (0.0, 1.0)),
        defaults={"axis": 0},
        latex=r"{0}_{{[{1}]}}",
        summary="The entries of x at the indices i along an axis.",
        examples=(("take(x, i)", ROWS), ("take(x, i, axis=1)", ROWS), ("take(x, [[0, -1], [-1, 0]])", {"x": ("n", 2)})),
    )
)
SCATTER_ADD = register(
    Op(
        "scatter_add",
        _infer_scatter_add,
        kernel=kernels.scatter_add,
        vjp=_scatter_add_vjp,
        conditions=_scatter_add_conditions,
        acts=_scatter_add_acts,
        keeps=(1,),
        domain=((-2.0, 2.0), (0.0, 1.0)),
        positional=("size",),
        defaults={"axis": 0},
        summary="Zeros with the entries of g added at the indices i along an axis: the adjoint of take.",
        examples=(
            ("scatter_add(g, i, 7)", {**ROWS, "g": ("m", "d")}),
            ("scatter_add(g, i, n, axis=1)", {**ROWS, "g": ("n", "m")}),
        ),
    )
)


@notation
def take(x: Any, i: Any, axis: Any = 0) -> Expr:
    """The entries of `x` at the indices `i` along `axis`, as ``numpy.take``; None takes from the flattened array.

    Parameters
    ----------
    x : Expr of shape (..., n, ...)
    i : Expr of int64, a whole number, or an array or lists of them
        Indices below 0 count from the end.

    Returns
    -------
    Expr
        The shape of x, with the shape of i in the place of the axis.

    Raises
    ------
    DTypeError
        If the indices are not whole numbers.
    ShapeError
        If the axis is out of range.
    IndexRangeError
        If a constant index is out of range; that of a symbol is raised when its values are known.
    """
    array, indices = as_expr(x), as_index("take", i)
    array, axis = flat_for_none(array, axis)
    along = axis_of("take", array, axis)
    in_range(f"take({brief(array)}, {brief(indices)})", indices, array.shape[along])
    return make(TAKE, (array, indices), axis=along)


@notation
def embedding(table: Any, i: Any) -> Expr:
    """The rows of `table` (vocabulary, d) at the indices `i` (...): shape (..., d).

    Raises
    ------
    ShapeError
        If the table has no rows.
    DTypeError
        If the indices are not whole numbers.
    """
    return take(table, as_index("embedding", i))


@notation
def scatter_add(g: Any, i: Any, size: Any, axis: Any = 0) -> Expr:
    """Zeros with the entries of `g` added at the indices `i` along `axis`, which gets the size `size`.

    The adjoint of `take`: ``sum(scatter_add(g, i, n)*x) == sum(g*take(x, i))``. With ones it counts.

    Parameters
    ----------
    g : Expr of shape (..., *i.shape, ...)
    i : Expr of int64, of any shape
    size : int or dimension

    Raises
    ------
    ShapeError
        If the shape of `g` at `axis` is not that of `i`.
    DTypeError
        If the indices are not whole numbers.
    """
    array, indices = as_expr(g), as_index("scatter_add", i)
    target = as_dim(dim_of(size))
    along = axis_of("scatter_add", array, axis) if indices.ndim else _between(array, axis)
    found = array.shape[along : along + indices.ndim]
    if len(found) != indices.ndim or any(
        compare(a, b) == "different" for a, b in zip(found, indices.shape, strict=True)
    ):
        raise ShapeError(
            f"scatter_add({brief(array)}, {brief(indices)}): the axes of g from axis {along} on must be those of the "
            f"indices, {shape_text(indices.shape)}; g is {shape_text(array.shape)}{declared_at()}"
        )
    in_range("scatter_add", indices, target)
    return make(SCATTER_ADD, (array, indices), size=target, axis=along)


def _between(g: Expr, axis: Any) -> int:
    """The place of a new axis: a single index takes no axis of `g`."""
    if isinstance(axis, bool) or not hasattr(axis, "__index__") or not -g.ndim - 1 <= int(axis) <= g.ndim:
        raise ShapeError(f"scatter_add({brief(g)}): axis {axis!r} is out of range{declared_at()}")
    return int(axis) % (g.ndim + 1)


def take_entries(x: Expr, indices: list[Expr], axis: int) -> Expr:
    """``x[i, j, ...]`` for index arrays of one shape on consecutive axes from `axis` on: their axes in that place.

    Axis by axis, so that each index is held against its own size; ``x[arange(n), j]`` takes one entry of each row.
    """
    shape = broadcast_shapes([i.shape for i in indices], [])
    if shape is None:
        given = ", ".join(shape_text(i.shape) for i in indices)
        raise ShapeError(f"{brief(x)}: the index arrays do not broadcast: they are {given}{declared_at()}")
    first, *others = (broadcast(as_index(brief(x), i), shape) for i in indices)
    whole = first.op is ARANGE and first.shape[0] == x.shape[axis]
    rows = x if whole else take(x, first, axis)
    at = axis + len(shape)
    for other in others:
        spread = (*(None,) * axis, *(slice(None),) * len(shape), *(None,) * (rows.ndim - at))
        entry = take_along_axis(rows, behaviour["index"](other, spread), at)
        rows = behaviour["index"](entry, (*(slice(None),) * at, 0))
    return rows


behaviour["take_entries"] = take_entries


def _infer_along(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    x, i = operands
    return i.shape, x.dtype


def _along_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    x, i = node.operands
    along = node.attributes["axis"] % x.ndim
    if node.op is SCATTER_ADD_ALONG_AXIS:
        yield x.shape[along], i.shape[along]
    yield from ((a, b) for k, (a, b) in enumerate(zip(x.shape, i.shape, strict=True)) if k != along)


def _stacked(node: Expr, g: Expr) -> Expr:
    """The indices, the same for each cotangent of a stack."""
    i = node.operands[1]
    return broadcast(i, leading(node, g) + i.shape)


def _take_along_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    axis = node.attributes["axis"]
    size = node.operands[0].shape[axis]
    return make(SCATTER_ADD_ALONG_AXIS, (g, _stacked(node, g)), size=size, axis=axis), None


def _infer_scatter_along(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    g, _ = operands
    along = attributes["axis"] % g.ndim
    return (*g.shape[:along], attributes["size"], *g.shape[along + 1 :]), promote((g,))


ALONG = {"x": ("n", "d"), "i": symbol("i", ("n", "m"), dtype="int64")}

TAKE_ALONG_AXIS = register(
    Op(
        "take_along_axis",
        _infer_along,
        kernel=np.take_along_axis,
        vjp=_take_along_vjp,
        conditions=_along_conditions,
        facts=_picked,
        acts=_along_acts,
        keeps=(1,),
        domain=((-2.0, 2.0), (0.0, 1.0)),
        defaults={"axis": -1},
        summary="One entry of x along an axis for each index.",
        examples=(
            ("take_along_axis(x, i)", ALONG),
            ("take_along_axis(x, i, axis=-2)", {"x": ("n", "d"), "i": symbol("i", ("m", "d"), dtype="int64")}),
        ),
    )
)
SCATTER_ADD_ALONG_AXIS = register(
    Op(
        "scatter_add_along_axis",
        _infer_scatter_along,
        kernel=kernels.scatter_add_along_axis,
        vjp=lambda node, g: (make(TAKE_ALONG_AXIS, (g, _stacked(node, g)), axis=node.attributes["axis"]), None),
        conditions=_along_conditions,
        acts=_along_acts,
        keeps=(1,),
        domain=((-2.0, 2.0), (0.0, 1.0)),
        positional=("size",),
        defaults={"axis": -1},
        summary="Zeros with the entries of g added at the indices along an axis: the adjoint of take_along_axis.",
        examples=(
            ("x + scatter_add_along_axis(g, i, d)", {**ALONG, "g": ("n", "m")}),
            ("scatter_add_along_axis(g, i, n, axis=-2)", {"g": ("n", "m"), "i": ALONG["i"]}),
        ),
    )
)


@notation
def take_along_axis(x: Any, i: Any, axis: Any = -1) -> Expr:
    """One entry of `x` along `axis` for each index, as ``numpy.take_along_axis``.

    Parameters
    ----------
    x : Expr of shape (..., n, ...)
    i : Expr of int64 with as many axes as x
        Its other axes broadcast against those of x. None as the axis takes from the flattened array.

    Raises
    ------
    ShapeError
        If the axes do not fit.
    DTypeError
        If the indices are not whole numbers.
    """
    array, indices = as_expr(x), as_index("take_along_axis", i)
    array, axis = flat_for_none(array, axis)
    along, array, indices = _aligned("take_along_axis", array, indices, axis, same=False)
    in_range("take_along_axis", indices, array.shape[along])
    return make(TAKE_ALONG_AXIS, (array, indices), axis=along)


@notation
def scatter_add_along_axis(g: Any, i: Any, size: Any, axis: Any = -1) -> Expr:
    """Zeros with the entries of `g` added at the indices `i` along `axis`, which gets the size `size`.

    The adjoint of `take_along_axis`; g and i have one shape.

    Raises
    ------
    ShapeError
        If the shapes differ.
    DTypeError
        If the indices are not whole numbers.
    """
    array, indices = as_expr(g), as_index("scatter_add_along_axis", i)
    along, array, indices = _aligned("scatter_add_along_axis", array, indices, axis, same=True)
    target = as_dim(dim_of(size))
    in_range("scatter_add_along_axis", indices, target)
    return make(SCATTER_ADD_ALONG_AXIS, (array, indices), size=target, axis=along)


def _aligned(what: str, x: Expr, i: Expr, axis: Any, *, same: bool) -> tuple[int, Expr, Expr]:
    """The axis, counted from the end, and both arrays stretched to each other on the other axes."""
    along = axis_of(what, x, axis)
    pair: list[Shape] = [s[:along] + s[along + 1 :] for s in (x.shape, i.shape)]
    rest = broadcast_shapes(pair, []) if x.ndim == i.ndim else None
    ends = (x.shape[along], i.shape[along]) if x.ndim == i.ndim else (0, 1)
    if rest is None or (same and compare(*ends) == "different"):
        raise ShapeError(
            f"{what}({brief(x)}, {brief(i)}): the indices must have the axes of the array"
            f"{'' if same else f' but for axis {along}'}, or axes of size 1; got {shape_text(i.shape)} for "
            f"{shape_text(x.shape)}{declared_at()}"
        )
    full = [(*rest[:along], end, *rest[along:]) for end in ends]
    return along - x.ndim, broadcast(x, full[0]), broadcast(i, full[1])


ARANGE = register(
    Op(
        "arange",
        lambda operands, attributes: ((attributes["stop"],), "int64"),
        kernel=np.arange,
        vjp=lambda node, g: (),
        facts=lambda node: frozenset({Fact("nonnegative"), Fact("integer")}),
        literal=True,
        positional=("stop",),
        defaults={},
        summary="The whole numbers below a size, from 0.",
        examples=(("x*arange(n)", {"x": ("n",)}), ("take(x, arange(n) - 1)", {"x": ("n", "d")})),
    )
)


@notation
def arange(start: Any, stop: Any = None, step: Any = 1) -> Expr:
    """The whole numbers from 0 below a size, ``arange(n)``, or from `start` to before `stop`, as ``numpy.arange``.

    Raises
    ------
    ShapeError
        If an argument is no size, or `step` no whole number other than 0.
    """
    first, last = (0, dim_of(start)) if stop is None else (dim_of(start), dim_of(stop))
    by = integer(dim_of(step))
    if not by:
        raise ShapeError(
            f"arange: the step must be a whole number other than 0, got {step!r}; linspace takes others{declared_at()}"
        )
    count = -floored(plain(first - last), by) if by > 0 else -floored(plain(last - first), -by)
    numbers: Expr = make(ARANGE, (), stop=as_dim(max(0, count) if isinstance(count, int) else plain(count)))
    result: Expr = numbers if first == 0 and by == 1 else as_expr(first) + by * numbers
    return result


@notation
def linspace(start: Any, stop: Any, num: Any = 50) -> Expr:
    """`num` numbers at equal distances from `start` to `stop`, both included, as ``numpy.linspace``."""
    found, places = as_expr(start), arange(num)
    steps: Expr = behaviour["maximum"](as_expr(dim_of(num)) - 1, 1)
    result: Expr = found + places / steps * (as_expr(stop) - found)
    return result
