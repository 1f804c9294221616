"""Arrays side by side, and the same entries in another arrangement: concat, stack, flip, triangles, axes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, Shape, as_dim, dim_text, integer, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import closure, entrywise
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, declared_at, leading, normalize_axes, unify
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.leaves import as_expr, dim_of, promote
from graphc.ops.notation import notation
from graphc.ops.products import transpose
from graphc.ops.ranges import Span, plain, ranged
from graphc.ops.reductions import reshape
from graphc.ops.slicing import KEPT, index, section


def _infer_concat(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    axis: int = attributes["axis"]
    first = operands[0]
    for x in operands[1:]:
        others = zip(first.shape, x.shape, strict=False)
        if x.ndim != first.ndim or not all(i == axis or unify(a, b, []) for i, (a, b) in enumerate(others)):
            raise ShapeError(f"concat: {first} and {x} have shapes {first.shape} and {x.shape}")
    total = as_dim(plain(sum(x.shape[axis] for x in operands)))
    return (*first.shape[:axis], total, *first.shape[axis + 1 :]), promote(operands)


def part_spans(node: Expr) -> Iterator[Span]:
    """Where each operand of a concat stands along its axis."""
    axis: int = node.attributes["axis"]
    start: Any = 0
    for x in node.operands:
        yield ranged(start, x.shape[axis], 1, node.shape[axis])
        start = plain(start + x.shape[axis])


def along(span: Span, axis: int, rank: int) -> tuple[Span, ...]:
    return tuple(span if i == axis else None for i in range(rank))


def _concat_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    axis = node.attributes["axis"] + len(leading(node, g))
    return tuple(section(g, along(span, axis, g.ndim)) for span in part_spans(node))


def _concat_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    for x in node.operands[1:]:
        pairs = zip(node.operands[0].shape, x.shape, strict=True)
        yield from (pair for i, pair in enumerate(pairs) if i != node.attributes["axis"])


CONCAT = register(
    Op(
        "concat",
        _infer_concat,
        kernel=kernels.concat,
        vjp=_concat_vjp,
        conditions=_concat_conditions,
        facts=lambda node: frozenset.intersection(*(entrywise(o.op.facts(o)) for o in node.operands)),
        summary="Arrays one after another along an axis.",
        examples=(
            ("concat([x, y])", {"x": ("n",), "y": ("m",)}),
            ("concat([x, y, x], axis=1)", {"x": ("n", 2), "y": ("n", "m")}),
            ("stack([x, y, x*y], axis=-1)", {"x": ("n",), "y": ("n",)}),
            ("stack([a, b, 2])", {"a": (), "b": ()}),
        ),
    )
)


def _arrays(what: str, arrays: Any) -> list[Expr]:
    if isinstance(arrays, Expr) or not isinstance(arrays, (list, tuple)) or not arrays:
        raise ShapeError(f"{what} takes a list of arrays, as in {what}([a, b]), got {arrays!r}{declared_at()}")
    return [as_expr(a) for a in arrays]


@notation
def concat(arrays: Sequence[Any], axis: int | None = 0) -> Expr:
    """Arrays one after another along `axis`, as ``numpy.concatenate``; with None, their entries in one vector.

    Raises
    ------
    ShapeError
        If there is no array, or their shapes differ along another axis.
    """
    parts = _arrays("concat", arrays)
    if axis is None:
        parts, axis = [reshape(p, (-1,)) for p in parts], 0
    first = parts[0]
    (at,) = normalize_axes(axis, first, "concat") if first.ndim else (None,)
    for x in parts:
        pairs = zip(first.shape, x.shape, strict=False)
        if at is None or x.ndim != first.ndim or not all(i == at or unify(a, b, []) for i, (a, b) in enumerate(pairs)):
            reason = "they must be equal except along the axis" if x.ndim and first.ndim else "use stack() for numbers"
            raise ShapeError(
                f"concat along axis {axis}: {brief(first)} is {shape_text(first.shape)}, {brief(x)} is "
                f"{shape_text(x.shape)}; {reason}{declared_at()}"
            )
    return parts[0] if len(parts) == 1 else make(CONCAT, parts, axis=at)


@notation
def stack(arrays: Sequence[Any], axis: int = 0) -> Expr:
    """Arrays of one shape along a new axis, as ``numpy.stack``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    parts = _arrays("stack", arrays)
    first = parts[0]
    for x in parts:
        if x.ndim != first.ndim or not all(unify(a, b, []) for a, b in zip(first.shape, x.shape, strict=True)):
            raise ShapeError(
                f"stack: all arrays must have one shape, but {brief(first)} is {shape_text(first.shape)} and "
                f"{brief(x)} is {shape_text(x.shape)}{declared_at()}"
            )
    return concat([expand_dims(x, axis) for x in parts], axis)


def stacked(node: Expr) -> list[Expr] | None:
    """The arrays that a concat stacks along a new axis, if it does."""
    axis: int = node.attributes["axis"]
    found = []
    for o in node.operands:
        if o.op is not CONTRACT or len(o.operands) != 1 or o.ndim != o.operands[0].ndim + 1:
            return None
        if index(o.operands[0], (*[slice(None)] * axis, None)) is not o:
            return None
        found.append(o.operands[0])
    return found


def without_axis(x: Expr, axis: int) -> Expr:
    """`x` without an axis of size 1."""
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    if x.op is CONTRACT and not summed(x):
        factors = [(f, tuple(a - (a > axis) for a in labels), e) for f, labels, e in factors_of(x)]
        return contract(factors, shape, x.attributes["coefficient"])
    labels = tuple(-1 if d == 1 else i - (i > axis) for i, d in enumerate(x.shape))
    return contract([(x, labels, ONE)], shape)


# -- triangles ---------------------------------------------------------------------------------------------------------


def _infer_triangle(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return operands[0].shape, operands[0].dtype


def _triangle(name: str, kernel: Any, summary: str) -> Op:
    return register(
        Op(
            name,
            _infer_triangle,
            kernel=kernel,
            vjp=lambda node, g: (make(node.op, (g,), **node.attributes),),
            facts=lambda node: closure(f for f in node.operands[0].op.facts(node.operands[0]) if f.name in KEPT),
            latex=rf"\operatorname{{{{{name}}}}}({{0}})",
            defaults={"k": 0},
            summary=summary,
            examples=((f"{name}(X)", {"X": ("n", "n")}), (f"{name}(X, k=-1)", {"X": ("b", "n", 3)})),
        )
    )


TRIL = _triangle("tril", np.tril, "The entries on and below a diagonal, zeros above.")
TRIU = _triangle("triu", np.triu, "The entries on and above a diagonal, zeros below.")


def _masked(op: Op, x: Any, k: Any) -> Expr:
    array = as_expr(x)
    offset = dim_of(k)
    if isinstance(offset, bool) or not (isinstance(offset, sympy.Expr) or hasattr(offset, "__index__")):
        raise ShapeError(f"{op.name}({brief(array)}): k must be a whole number, got {k!r}{declared_at()}")
    if array.ndim < 2:
        raise ShapeError(
            f"{op.name}({brief(array)}): needs a matrix or a stack of them, got {shape_text(array.shape)}"
            f"{declared_at()}"
        )
    return make(op, (array,), k=offset if isinstance(offset, sympy.Expr) else int(offset))


@notation
def tril(x: Any, k: Any = 0) -> Expr:
    """The entries on and below the `k`-th diagonal of the last two axes, zeros above, as ``numpy.tril``."""
    return _masked(TRIL, x, k)


@notation
def triu(x: Any, k: Any = 0) -> Expr:
    """The entries on and above the `k`-th diagonal of the last two axes, zeros below, as ``numpy.triu``."""
    return _masked(TRIU, x, k)


# -- the order of entries and axes -------------------------------------------------------------------------------------


@notation
def flip(x: Any, axis: Any = None) -> Expr:
    """The entries in reverse order along `axis` (all axes by default), as ``numpy.flip``."""
    array = as_expr(x)
    axes = normalize_axes(axis, array, "flip")
    return index(array, tuple(slice(None, None, -1 if i in axes else None) for i in range(array.ndim)))


@notation
def roll(x: Any, shift: Any, axis: Any = None) -> Expr:
    """The entries moved on by `shift`, those from the end to the front, as ``numpy.roll``.

    A symbolic shift is taken to be between 0 and the size of the axis. Without an axis, the entries are those of one
    vector in row-major order; over several axes, each has its shift, or all have one.
    """
    array = as_expr(x)
    if axis is None:
        return array if array.ndim == 0 else reshape(roll(reshape(array, (-1,)), shift, 0), array.shape)
    if isinstance(shift, (tuple, list)) or isinstance(axis, (tuple, list)):
        shifts, places = (list(v) if isinstance(v, (tuple, list)) else [v] for v in (shift, axis))
        count = max(len(shifts), len(places))
        if not {len(shifts), len(places)} <= {1, count}:
            raise ShapeError(f"roll({brief(array)}): {len(shifts)} shifts for {len(places)} axes{declared_at()}")
        pairs = zip(shifts * (count // len(shifts)), places * (count // len(places)), strict=True)
        return functools.reduce(lambda x, pair: roll(x, *pair), pairs, array)
    axes = normalize_axes(axis, array, "roll")
    size = array.shape[axes[0]]
    by: Any = dim_of(shift)
    if isinstance(size, int) and isinstance(by, int):
        by = by % size if size else 0
    if by == 0:
        return array
    cut: Any = plain(size - by) if not (isinstance(by, int) and by < 0) else -by
    before = tuple(slice(cut if i == axes[0] else None, None) for i in range(array.ndim))
    after = tuple(slice(None, cut if i == axes[0] else None) for i in range(array.ndim))
    return concat([index(array, before), index(array, after)], axes[0])


@notation
def expand_dims(x: Any, axis: Any) -> Expr:
    """`x` with new axes of size 1 at `axis` of the result, as ``numpy.expand_dims``."""
    array = as_expr(x)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = array.ndim + len(given)
    axes = [a for a in map(integer, given) if a is not None and -rank <= a < rank]
    places = {a % rank for a in axes}
    if len(places) < len(given):
        raise ShapeError(f"expand_dims({brief(array)}): axis {axis!r} is no place among {rank} axes{declared_at()}")
    return index(array, tuple(None if i in places else slice(None) for i in range(rank)))


@notation
def squeeze(x: Any, axis: Any = None) -> Expr:
    """`x` without its axes of literal size 1, or without those of them in `axis`, as ``numpy.squeeze``."""
    array = as_expr(x)
    units = tuple(i for i, d in enumerate(array.shape) if d == 1)
    axes = units if axis is None else normalize_axes(axis, array, "squeeze")
    for a in axes:
        if a not in units:
            raise ShapeError(
                f"squeeze({brief(array)}): axis {a} has size {dim_text(array.shape[a])}, not 1{declared_at()}"
            )
    return index(array, tuple(0 if i in axes else slice(None) for i in range(array.ndim)))


@notation
def swapaxes(x: Any, axis1: int, axis2: int) -> Expr:
    """`x` with two axes exchanged, as ``numpy.swapaxes``."""
    array = as_expr(x)
    ((a,), (b,)) = (normalize_axes(axis, array, "swapaxes") for axis in (axis1, axis2))
    order = list(range(array.ndim))
    order[a], order[b] = b, a
    return transpose(array, tuple(order))


@notation
def moveaxis(x: Any, source: Any, destination: Any) -> Expr:
    """`x` with axes moved to other places, the rest in order, as ``numpy.moveaxis``."""
    array = as_expr(x)
    given = [list(v) if isinstance(v, (tuple, list)) else [v] for v in (source, destination)]
    come, go = ([normalize_axes(a, array, "moveaxis")[0] for a in axes] for axes in given)
    if len(come) != len(go) or len(set(come)) < len(come) or len(set(go)) < len(go):
        raise ShapeError(
            f"moveaxis({brief(array)}): {source!r} to {destination!r} does not move different axes to as many "
            f"different places{declared_at()}"
        )
    order = [i for i in range(array.ndim) if i not in come]
    for place, axis in sorted(zip(go, come, strict=True)):
        order.insert(place, axis)
    return transpose(array, tuple(order))


@notation
def ravel(x: Any) -> Expr:
    """All entries in one vector, in row-major order, as ``numpy.ravel``."""
    return reshape(x, (-1,)) if as_expr(x).ndim else expand_dims(x, 0)


@notation
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Expr:
    """Each entry along `axis` `repeats` times in a row, as ``numpy.repeat``; without an axis, of one vector."""
    array = ravel(x) if axis is None else as_expr(x)
    (at,) = normalize_axes(axis or 0, array, "repeat")
    times = _times("repeat", array, repeats)
    shape: Shape = (*array.shape[: at + 1], times, *array.shape[at + 1 :])
    wide = broadcast(expand_dims(array, at + 1), shape)
    size = as_dim(plain(array.shape[at] * times))
    return reshape(wide, (*array.shape[:at], size, *array.shape[at + 1 :]))


@notation
def tile(x: Any, reps: Any) -> Expr:
    """The whole of `x` repeated along each axis, as ``numpy.tile``."""
    array = as_expr(x)
    counts = [_times("tile", array, r) for r in (reps if isinstance(reps, (tuple, list)) else (reps,))]
    rank = max(array.ndim, len(counts))
    counts = [1] * (rank - len(counts)) + counts
    own = (1,) * (rank - array.ndim) + array.shape
    key = [None] * (2 * (rank - array.ndim)) + [None, slice(None)] * array.ndim
    apart = index(array, tuple(key))
    wide = broadcast(apart, tuple(d for pair in zip(counts, own, strict=True) for d in pair))
    return reshape(wide, tuple(as_dim(plain(c * d)) for c, d in zip(counts, own, strict=True)))


def _times(what: str, x: Expr, value: Any) -> Dim:
    if isinstance(value, (list, tuple)):
        raise UnsupportedError(f"{what}({brief(x)}): takes one number for all entries, got {value!r}{declared_at()}")
    return as_dim(dim_of(value))


@notation
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Expr]:
    """`x` cut along `axis` into a list of arrays, as ``numpy.split``: equal parts, or cuts before given indices.

    Raises
    ------
    ShapeError
        If the axis cannot be cut into that many equal parts.
    """
    array = as_expr(x)
    (at,) = normalize_axes(axis, array, "split")
    size = array.shape[at]
    if isinstance(indices_or_sections, (list, tuple)):
        cuts = [0, *indices_or_sections, None]
    else:
        parts = int(indices_or_sections)
        each = plain(sympy.Rational(1, parts) * size) if parts > 0 else None
        if each is None or not (isinstance(each, int) or each.is_integer):
            raise ShapeError(
                f"split({brief(array)}): {dim_text(size)} entries are not provably {parts} equal parts{declared_at()}"
            )
        cuts = [*(each * i for i in range(parts)), None]
    whole = (slice(None),) * at
    return [index(array, (*whole, slice(a, b))) for a, b in itertools.pairwise(cuts)]
