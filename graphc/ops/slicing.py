"""Slices of an array, and their adjoint, a block put into zeros.

    slice:  out[i, ...] = x[start + step*i, ...]        for 0 <= i < count
    place:  out[start + step*i, ...] = x[i, ...]        and the value, 0 by default, elsewhere

Both take one range for each axis (see `ranges`) and each is the other's derivative rule. A place without steps is
``pad``. An integer index is a slice of one entry whose axis is dropped; it is written ``x[0]`` again.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import sympy

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, Shape, compare, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import Fact, closure, entrywise
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, leading
from graphc.ops.contraction import CONTRACT, ONE, contract
from graphc.ops.leaves import ARRAY, constant, dim_of
from graphc.ops.products import unit
from graphc.ops.ranges import Span, ascending, from_front, in_range, never, normalized, plain, ranged

Spans: TypeAlias = "tuple[Span, ...]"
MAX_POWER = 32  # of a size in an index; the algebra of bounds with much larger ones does not end
KEPT = ("nonnegative", "integer", "binary")  # of entries some of which are 0


def _infer_slice(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    spans = attributes["ranges"]
    return tuple(d if r is None else r[1] for d, r in zip(x.shape, spans, strict=True)), x.dtype


def _slice_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    (x,) = node.operands
    lead = leading(node, g)
    return (place_at(g, (None,) * len(lead) + node.attributes["ranges"], lead + x.shape),)


def _infer_place(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    if x.ndim != len(attributes["shape"]):
        raise ShapeError(f"place: {x} has {x.ndim} axes, the result {len(attributes['shape'])}")
    return attributes["shape"], x.dtype


def _place_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    return (section(g, (None,) * len(leading(node, g)) + node.attributes["ranges"]),)


def _slice_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    for dim, span in zip(node.operands[0].shape, node.attributes["ranges"], strict=True):
        yield from in_range(span, dim)


def _place_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    x = node.operands[0]
    for own, dim, span in zip(x.shape, node.shape, node.attributes["ranges"], strict=True):
        yield own, dim if span is None else span[1]
        yield from in_range(span, dim)


def _place_facts(node: Expr) -> frozenset[Fact]:
    known = node.operands[0].op.facts(node.operands[0])
    return closure(f for f in known if f.name in KEPT) if "value" not in node.attributes else frozenset()


SLICE = register(
    Op(
        "slice",
        _infer_slice,
        kernel=kernels.section,
        vjp=_slice_vjp,
        views=lambda node: True,
        conditions=_slice_conditions,
        facts=lambda node: entrywise(node.operands[0].op.facts(node.operands[0])),
        summary="A part of an array along its axes, with steps: x[1:], x[::-1], x[0].",
        examples=(
            ("x[1:]", {"x": ("n",)}),
            ("x[:-1, ::2]", {"x": ("n", "m")}),
            ("x[::-1]", {"x": ("n", 3)}),
            ("x[-1]", {"x": ("n", "m")}),
            ("x[..., 1:4:2, None]", {"x": ("n", 5)}),
        ),
    )
)
PLACE = register(
    Op(
        "place",
        _infer_place,
        kernel=kernels.placed_at,
        vjp=_place_vjp,
        conditions=_place_conditions,
        facts=_place_facts,
        summary="An array put into zeros, at steps: the adjoint of a slice. Without steps it is pad.",
        examples=(
            ("place(x, (2*n + 1, 3), (1, 0), (2, 1))", {"x": ("n", 3)}),
            ("pad(x, ((1, 0), (0, 2)))", {"x": ("n", 3)}),
            ("pad(x, 2, constant_values=1/2)", {"x": ("n",)}),
        ),
    )
)


def section(x: Expr, spans: Spans) -> Expr:
    """The slice of `x` at one range for each axis; the same object where nothing is left out."""
    if all(r is None for r in spans):
        return x
    return make(SLICE, (x,), ranges=tuple(spans))


def place_at(x: Expr, spans: Spans, shape: Shape, value: Any = None) -> Expr:
    """`x` put into an array of `shape` at one range for each axis; ranges that go backwards turn `x` around."""
    turned: list[Span] = []
    for dim, r in zip(x.shape, spans, strict=True):
        backwards = r is not None and r[2] < 0
        turned.append(ranged(plain(dim - 1), dim, -1, dim) if backwards else None)
    x = section(x, tuple(turned))
    straight = tuple(r if r is None else ascending(r) for r in spans)
    at = tuple(None if r is None else ranged(*r, dim) for r, dim in zip(straight, shape, strict=True))
    if all(r is None for r in at):
        return x
    return make(PLACE, (x,), ranges=at, shape=shape, value=value or None)


# -- x[key] ------------------------------------------------------------------------------------------------------------


def index(x: Expr, key: Any) -> Expr:
    """``x[key]`` with NumPy's meaning, for whole numbers, slices, None, an ellipsis, and arrays of whole numbers.

    Symbolic bounds are taken to be in range, and checked when sizes are bound; numbers on an axis whose size is a
    number are clipped as NumPy clips slices.

    Raises
    ------
    ShapeError
        If an index is out of range, or there are more indices than axes.
    UnsupportedError
        For an index that is none of these.
    """
    parts = _parts(x, key)
    if any(isinstance(p, Expr) for p in parts):
        return _gathered(x, parts)
    spans: list[Span] = []
    shape: list[Dim] = []
    labels: list[int] = []
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        dim = x.shape[len(spans)]
        whole = isinstance(part, slice)
        span = _range_of(x, part, len(spans)) if whole else _entry_of(x, part, len(spans))
        spans.append(span)
        size = dim if span is None else span[1]
        labels.append(unit(len(shape), size) if whole else -1)
        if whole:
            shape.append(size)
    found = section(x, tuple(spans))
    return found if tuple(shape) == found.shape else contract([(found, labels, ONE)], tuple(shape))


def _parts(x: Expr, key: Any) -> list[Any]:
    """One part for each axis, and None for new axes: whole numbers and sizes, slices, arrays of whole numbers."""
    parts = [_part(x, p) for p in (key if isinstance(key, tuple) else (key,))]
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise ShapeError(f"{brief(x)}: an index can have only one ellipsis{declared_at()}")
    used = len([p for p in parts if p is not None and p is not Ellipsis])
    if used > x.ndim:
        raise ShapeError(f"{brief(x)} has {x.ndim} axes, but {used} indices were given{declared_at()}")
    at = dots[0] if dots else len(parts)
    parts[at : at + 1] = [slice(None)] * (x.ndim - used)
    return parts


def _part(x: Expr, part: Any) -> Any:
    """A part of an index in its one form."""
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return slice(*(None if b is None else _bound(x, b) for b in (part.start, part.stop, part.step)))
    if isinstance(part, (list, np.ndarray)) and np.asarray(part).dtype.kind in "iu" and np.ndim(part):
        whole = constant(np.asarray(part))
        return make(ARRAY, (), values=whole.attributes["values"], shape=whole.shape, dtype="int64")
    if isinstance(part, Expr) and (part.ndim or not part.weak):
        if part.dtype == "int64":
            return part
        why = "; a mask selects a number of entries that is not known: use where()" if part.dtype == "bool" else ""
        raise UnsupportedError(f"{brief(x)}: an index array must be of int64, got {part.dtype}{why}{declared_at()}")
    return _bound(x, part)


def _bound(x: Expr, value: Any) -> Any:
    """A whole number or a size, which may be negative."""
    found = dim_of(value) if isinstance(value, Expr) else value
    if isinstance(found, sympy.Expr) and found.is_integer:
        if any(p.exp.is_Integer and p.exp > MAX_POWER for p in found.atoms(sympy.Pow)):
            raise ShapeError(
                f"{brief(x)}: an index can hold powers of sizes up to {MAX_POWER}, got {str(found)[:60]}{declared_at()}"
            )
        return plain(found)
    if not isinstance(found, (bool, np.bool_, sympy.Basic, Expr)) and hasattr(found, "__index__"):
        return int(found)
    raise UnsupportedError(
        f"{brief(x)}: an index is a whole number, a size, a slice, None or an ellipsis, got {value!r}{declared_at()}"
    )


def _range_of(x: Expr, part: slice, axis: int) -> Span:
    step = 1 if part.step is None else part.step
    if not isinstance(step, int) or step == 0:
        raise ShapeError(
            f"{brief(x)}: the step of a slice must be a whole number other than 0, got {step}{declared_at()}"
        )
    try:
        return normalized(part.start, part.stop, step, x.shape[axis])
    except ShapeError as error:
        raise ShapeError(f"{brief(x)}: {error}{declared_at()}") from None


def _entry_of(x: Expr, at: Any, axis: int) -> Span:
    dim = x.shape[axis]
    place: Any = from_front(at, dim)
    if never(place) or never(plain(dim - 1 - place)):
        raise ShapeError(
            f"{brief(x)}: the index {at} is out of range for axis {axis} of size {dim}"
            f"; the shape is {shape_text(x.shape)}{declared_at()}"
        )
    return ranged(place, 1, 1, dim)


def _gathered(x: Expr, parts: list[Any]) -> Expr:
    """An index with arrays of whole numbers: the other parts, then entries taken along the arrays' axes."""
    places = [i for i, p in enumerate(parts) if isinstance(p, Expr)]
    chosen = [i for i, p in enumerate(parts) if not isinstance(p, slice) and p is not None]
    if chosen != [*range(chosen[0], chosen[-1] + 1)]:
        return _gathered(*_in_front(x, parts, chosen))
    arrays = [parts[i] for i in places]
    shape = broadcast_shapes([a.shape for a in arrays], [])
    if shape is None:
        shapes = " and ".join(shape_text(a.shape) for a in arrays)
        raise ShapeError(f"{brief(x)}: the index arrays do not broadcast: {shapes}{declared_at()}")
    whole = index(x, tuple(slice(None) if isinstance(p, Expr) else p for p in parts))
    axis = len([p for p in parts[: places[0]] if p is None or isinstance(p, slice)])
    return _together(whole, [broadcast(a, shape) for a in arrays], axis)


def _in_front(x: Expr, parts: list[Any], chosen: list[int]) -> tuple[Expr, list[Any]]:
    """`x` and an index of it with the `chosen` axes first: where NumPy puts the axes of arrays that stand apart."""
    ordered = [*chosen, *(i for i in range(len(parts)) if i not in chosen)]
    axes = [i for i, p in enumerate(parts) if p is not None]
    moved = behaviour["transpose"](x, tuple(axes.index(i) for i in ordered if i in axes))
    return moved, [parts[i] for i in ordered]


def _spread(entries: Expr, key: Any) -> Expr:
    """``entries[key]`` for added axes; a literal stays one."""
    placed = index(entries, key)
    if entries.op is not ARRAY:
        return placed
    return constant(np.array(entries.attributes["values"], dtype=object).reshape(placed.shape))


def _together(x: Expr, arrays: list[Expr], axis: int) -> Expr:
    """``x[..., i, j]`` for arrays of one shape: rows at i, then of each row the entry at j."""
    rows, *rest = arrays
    counts = rows.op.name == "arange" and compare(rows.shape[0], x.shape[axis]) == "equal"  # each row once, in order
    found: Expr = x if counts and rest else behaviour["take"](x, rows, axis=axis)
    at = axis + rows.ndim
    for entries in rest:
        key = (None,) * axis + (slice(None),) * rows.ndim + (None,) * (found.ndim - at)
        found = behaviour["take_along_axis"](found, _spread(entries, key), axis=at)
        found = index(found, (slice(None),) * at + (0,))
    return found


behaviour["index"] = index


# -- the parts of a written index --------------------------------------------------------------------------------------

Part: TypeAlias = "tuple[Any, ...] | None"  # (dim, range) keeps an axis, (dim, start, None) drops it, None adds one

_indices: weakref.WeakKeyDictionary[Expr, tuple[Expr, tuple[Part, ...]] | None] = weakref.WeakKeyDictionary()


def indexed(node: Expr) -> tuple[Expr, tuple[Part, ...]] | None:
    """The array and the parts of the index that give `node`: a slice, or a slice of which axes are dropped or added."""
    if node not in _indices:
        _indices[node] = _indexed(node)
    return _indices[node]


def _indexed(node: Expr) -> tuple[Expr, tuple[Part, ...]] | None:
    if node.op is SLICE:
        (x,) = node.operands
        return x, tuple(zip(x.shape, node.attributes["ranges"], strict=True))
    if node.op is not CONTRACT or len(node.operands) != 1 or node.operands[0].op is not SLICE:
        return None
    if node.attributes["coefficient"] != 1 or node.attributes["exponents"] != (ONE,):
        return None
    (inner,) = node.operands
    (x,) = inner.operands
    (labels,) = node.attributes["labels"]
    kept = [a for a in labels if a != -1]
    added = [i for i in range(node.ndim) if i not in kept]
    if kept != sorted(set(kept)) or max(kept, default=-1) >= node.ndim or any(node.shape[i] != 1 for i in added):
        return None
    parts: list[Part] = []
    position = 0
    for dim, span, label in zip(x.shape, inner.attributes["ranges"], labels, strict=True):
        if label == -1:
            parts.append((dim, 0 if span is None else span[0], None))
            continue
        parts += [None] * (label - position)
        parts.append((dim, span))
        position = label + 1
    return x, (*parts, *[None] * (node.ndim - position))
