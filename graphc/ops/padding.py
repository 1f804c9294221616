"""Arrays put into larger ones: ``pad`` as NumPy's, and ``place`` at steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, Shape, as_dim, as_shape, dim_text, shape_text
from graphc.ir.expr import Expr, behaviour
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.leaves import as_expr, dim_of, number
from graphc.ops.notation import notation
from graphc.ops.ranges import Span, never, plain, ranged
from graphc.ops.reductions import ones
from graphc.ops.slicing import PLACE, index, place_at

Widths = list[tuple[Dim, Dim]]


@notation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Expr:
    """`x` with entries added before and after each axis, as ``numpy.pad``.

    Parameters
    ----------
    x : Expr of any shape
    pad_width : size, pair of sizes, or a tuple of one pair for each axis
        How many entries are added: one number for all sides, ``(before, after)`` for all axes, or a pair for each.
    mode : "constant", "edge", "reflect", "symmetric" or "wrap"
        What is added: a constant, the entry at the edge, the entries mirrored at the edge (which "symmetric" repeats),
        or those from the other end; no more of them than there are.
    constant_values : number or scalar Expr
        The constant.

    Raises
    ------
    ShapeError
        If a width is no size, or their number is not that of the axes.
    UnsupportedError
        For another mode.
    """
    array = as_expr(x)
    if mode != "constant" and mode not in MODES:
        known = ", ".join(["constant", *MODES])
        raise UnsupportedError(f"pad({brief(array)}): mode must be one of {known}, got {mode!r}{declared_at()}")
    widths = _widths(array, pad_width)
    if mode != "constant":
        return _from_inside(array, widths, mode)
    shape = tuple(as_dim(plain(a + d + b)) for d, (a, b) in zip(array.shape, widths, strict=True))
    spans = tuple(ranged(a, d, 1, s) for d, (a, _), s in zip(array.shape, widths, shape, strict=True))
    value = as_expr(constant_values)
    if value.ndim:
        raise ShapeError(f"pad({brief(array)}): the value must be one number, got shape {shape_text(value.shape)}")
    exact = number(value)
    if exact is None:
        return place_at(array, spans, shape) + value * (1 - place_at(ones(array.shape), spans, shape))
    return place_at(array, spans, shape, exact)


def _part(x: Expr, axis: int, start: Any, stop: Any) -> Expr:
    return index(x, (*[slice(None)] * axis, slice(start, stop)))


def _mirrored(x: Expr, axis: int, start: Any, stop: Any) -> Expr:
    found: Expr = behaviour["flip"](_part(x, axis, start, stop), axis)
    return found


def _repeated(x: Expr, axis: int, place: Any, count: Any) -> Expr:
    return broadcast(_part(x, axis, place, place + 1), (*x.shape[:axis], count, *x.shape[axis + 1 :]))


# What stands before and after an axis of d entries, `before` and `after` of them
MODES: dict[str, Callable[..., tuple[Expr, Expr]]] = {
    "edge": lambda x, i, d, before, after: (_repeated(x, i, 0, before), _repeated(x, i, d - 1, after)),
    "reflect": lambda x, i, d, before, after: (
        _mirrored(x, i, 1, before + 1),
        _mirrored(x, i, d - after - 1, d - 1),
    ),
    "symmetric": lambda x, i, d, before, after: (_mirrored(x, i, 0, before), _mirrored(x, i, d - after, d)),
    "wrap": lambda x, i, d, before, after: (_part(x, i, d - before, d), _part(x, i, 0, after)),
}


def _from_inside(x: Expr, widths: Widths, mode: str) -> Expr:
    """Entries of `x` around it, axis after axis."""
    for axis, (before, after) in enumerate(widths):
        d = x.shape[axis]
        needed = max((w for w in (before, after) if isinstance(w, int)), default=0) + (mode == "reflect")
        if isinstance(d, int) and (needed > d or d == 0) and (before, after) != (0, 0) and mode != "edge":
            raise ShapeError(
                f"pad({brief(x)}, mode={mode!r}): axis {axis} has {d} entries, too few for widths of "
                f"{dim_text(before)} and {dim_text(after)}{declared_at()}"
            )
        first, last = MODES[mode](x, axis, d, before, after)
        parts = [part for part, width in ((first, before), (x, None), (last, after)) if width != 0]
        x = behaviour["concat"](parts, axis) if len(parts) > 1 else x
    return x


def _widths(x: Expr, given: Any) -> Widths:
    """The sizes before and after each axis."""
    if not isinstance(given, (tuple, list)):
        return [(_width(x, given),) * 2] * x.ndim
    pairs = list(given)
    if pairs and not any(isinstance(p, (tuple, list)) for p in pairs):
        pairs = [pairs]
    if len(pairs) == 1:
        pairs *= x.ndim
    sides = [tuple(p) if isinstance(p, (tuple, list)) else (p, p) for p in pairs]
    sides = [s * 2 if len(s) == 1 else s for s in sides]
    if len(sides) != x.ndim or any(len(s) != 2 for s in sides):
        raise ShapeError(
            f"pad({brief(x)}): pad_width is one size, (before, after), or such a pair for each of {x.ndim} axes, "
            f"got {given!r}{declared_at()}"
        )
    return [(_width(x, before), _width(x, after)) for before, after in sides]


def _width(x: Expr, value: Any) -> Dim:
    try:
        return as_dim(dim_of(value))
    except ShapeError as error:
        raise ShapeError(f"pad({brief(x)}): {error}{declared_at()}") from None


@notation
def place(x: Any, shape: Any, start: Any = 0, step: Any = 1) -> Expr:
    """`x` put into zeros of `shape`: ``out[start + step*i] = x[i]`` along each axis, the adjoint of a slice.

    Parameters
    ----------
    x : Expr
    shape : tuple of sizes, as many as `x` has axes
    start, step : size, or a tuple of one for each axis
        Where the first entry goes, and how far the next one is.

    Raises
    ------
    ShapeError
        If the numbers of axes differ, or `x` provably does not fit.
    """
    array, target = as_expr(x), as_shape(shape)
    starts, steps = (_each(array, name, value) for name, value in (("start", start), ("step", step)))
    if len(target) != array.ndim or not all(isinstance(s, int) and s > 0 for s in steps):
        raise ShapeError(
            f"place({brief(array)}): needs one size for each axis of {shape_text(array.shape)}, and whole numbers "
            f"above 0 as steps; got {shape_text(target)} and {step!r}{declared_at()}"
        )
    spans: list[Span] = []
    for count, total, a, s in zip(array.shape, target, starts, steps, strict=True):
        end: Any = a + int(s) * (count - 1) + 1 if count != 0 else a
        if never(plain(total - end)):
            raise ShapeError(
                f"place({brief(array)}): {dim_text(count)} entries from {dim_text(a)} by steps of {s} do not fit into "
                f"{dim_text(total)}{declared_at()}"
            )
        spans.append(ranged(a, count, int(s), total))
    return place_at(array, tuple(spans), target)


def _each(x: Expr, name: str, value: Any) -> list[Dim]:
    values = list(value) if isinstance(value, (tuple, list)) else [value] * x.ndim
    if len(values) != x.ndim:
        raise ShapeError(f"place({brief(x)}): {name} needs one value for each of {x.ndim} axes, got {value!r}")
    return [as_dim(dim_of(v)) for v in values]


def pad_widths(node: Expr) -> Widths | None:
    """The sizes before and after each axis of a place without steps."""
    widths: Widths = []
    shape: Shape = node.attributes["shape"]
    for d, total, span in zip(node.operands[0].shape, shape, node.attributes["ranges"], strict=True):
        if span is None:
            widths.append((0, 0))
        elif span[2] != 1 and d != 0:
            return None
        else:
            widths.append((span[0], plain(total - span[0] - d)))
    if any(isinstance(w, int) and w < 0 for pair in widths for w in pair):
        return None
    options = {"constant_values": node.attributes["value"]} if "value" in node.attributes else {}
    return widths if node.op is PLACE and pad(node.operands[0], tuple(widths), **options) is node else None


def shortest_widths(widths: Widths) -> Any:
    """The widths as short as NumPy reads them."""
    if any(pair != widths[0] for pair in widths):
        return tuple(widths)
    before, after = widths[0]
    return before if before == after else (before, after)
