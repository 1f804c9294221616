"""Arrays put into larger ones: ``pad`` as NumPy's, and ``place`` at steps."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, Shape, as_dim, as_shape, dim_text, shape_text
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.leaves import as_expr, dim_of, number
from graphc.ops.notation import notation
from graphc.ops.ranges import Span, never, plain, ranged
from graphc.ops.reductions import ones
from graphc.ops.slicing import PLACE, place_at

Widths = list[tuple[Dim, Dim]]


@notation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Expr:
    """`x` with entries added before and after each axis, as ``numpy.pad`` in its mode "constant".

    Parameters
    ----------
    x : Expr of any shape
    pad_width : size, pair of sizes, or a tuple of one pair for each axis
        How many entries are added: one number for all sides, ``(before, after)`` for all axes, or a pair for each.
    mode : "constant"
    constant_values : number or scalar Expr
        The value of what is added.

    Raises
    ------
    ShapeError
        If a width is no size, or their number is not that of the axes.
    UnsupportedError
        For another mode.
    """
    array = as_expr(x)
    if mode != "constant":
        raise UnsupportedError(
            f"pad({brief(array)}): only mode='constant' is built, got {mode!r}; concat() of slices such as x[:1] and "
            f"x[::-1] gives the others{declared_at()}"
        )
    widths = _widths(array, pad_width)
    shape = tuple(as_dim(plain(a + d + b)) for d, (a, b) in zip(array.shape, widths, strict=True))
    spans = tuple(ranged(a, d, 1, s) for d, (a, _), s in zip(array.shape, widths, shape, strict=True))
    value = as_expr(constant_values)
    if value.ndim:
        raise ShapeError(f"pad({brief(array)}): the value must be one number, got shape {shape_text(value.shape)}")
    exact = number(value)
    if exact is None:
        return place_at(array, spans, shape) + value * (1 - place_at(ones(array.shape), spans, shape))
    return place_at(array, spans, shape, exact)


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
