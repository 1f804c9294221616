"""Windows of the trailing axes, and their adjoint, the sum of overlapping windows.

    windows(x)[..., i, j, a, b] = x[..., s*i + d*a - p, s*j + d*b - p]       (0 outside of x)
    fold(y)[..., u, v]          = sum of y[..., i, j, a, b] over all i, j, a, b that windows takes from u, v

Both are linear, and each is the other's derivative rule. One pair of ops serves any number of axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, Shape, as_dim, compare, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import entrywise
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.kernels import each, margins
from graphc.ops.leaves import as_expr, dim_of
from graphc.ops.notation import notation

DEFAULTS = {"stride": 1, "pad": 0, "dilation": 1}


def count(dim: Dim, size: Dim, stride: Dim, margin: tuple[Dim, Dim], dilation: Dim) -> Dim:
    """How many windows an axis has: ``(dim + margins - dilation*(size - 1) - 1)//stride + 1``."""
    room: Any = dim + margin[0] + margin[1] - dilation * (size - 1) - 1
    if isinstance(room, int) and isinstance(stride, int):
        return room // stride + 1
    found = sympy.floor(sympy.expand(sympy.sympify(room)) / stride) + 1
    return int(found) if found.is_Integer else found


def counts(shape: Shape, size: Shape, attributes: Attributes) -> Shape:
    """The numbers of windows over the trailing axes of an array of `shape`."""
    n = len(size)
    options = zip(
        each(attributes["stride"], n), margins(attributes["pad"], n), each(attributes["dilation"], n), strict=True
    )
    return tuple(count(d, k, *rest) for d, k, rest in zip(shape[len(shape) - n :], size, options, strict=True))


def _options(node: Expr) -> dict[str, Any]:
    return {key: node.attributes[key] for key in DEFAULTS}


def _infer_windows(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    size: Shape = attributes["size"]
    return x.shape[: x.ndim - len(size)] + counts(x.shape, size, attributes) + size, x.dtype


def _windows_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    n = len(node.attributes["size"])
    return (make(FOLD, (g,), shape=node.operands[0].shape[node.operands[0].ndim - n :], **_options(node)),)


def _infer_fold(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (y,) = operands
    shape: Shape = attributes["shape"]
    return y.shape[: y.ndim - 2 * len(shape)] + shape, y.dtype


def _fold_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    n = len(node.attributes["shape"])
    return (make(WINDOWS, (g,), size=node.operands[0].shape[node.operands[0].ndim - n :], **_options(node)),)


def _fold_conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    """There are as many windows as an array of the shape has."""
    (y,) = node.operands
    shape: Shape = node.attributes["shape"]
    n = len(shape)
    expected = counts(shape, y.shape[y.ndim - n :], node.attributes)
    yield from zip(y.shape[y.ndim - 2 * n : y.ndim - n], expected, strict=True)


WINDOWS = register(
    Op(
        "windows",
        _infer_windows,
        kernel=kernels.windows,
        vjp=_windows_vjp,
        views=lambda node: bool(node.attributes["pad"] == 0),
        positional=("*size",),
        defaults=DEFAULTS,
        facts=lambda node: (
            entrywise(node.operands[0].op.facts(node.operands[0])) if node.attributes["pad"] == 0 else frozenset()
        ),
        summary="Every window of the trailing axes, without a copy.",
        examples=(
            ("windows(x, 2, 3)", {"x": ("n", "c", 5, 6)}),
            ("windows(x, 3, 2, stride=(2, 1), pad=1, dilation=(1, 2))", {"x": ("n", 2, 7, 6)}),
            ("windows(x, 3, stride=2, pad=((1, 2),))", {"x": ("n", 7)}),
        ),
    )
)
FOLD = register(
    Op(
        "fold",
        _infer_fold,
        kernel=kernels.fold,
        vjp=_fold_vjp,
        conditions=_fold_conditions,
        positional=("*shape",),
        defaults=DEFAULTS,
        summary="The sum of overlapping windows, each put back where it was taken: the adjoint of windows.",
        examples=(
            ("fold(y, 5, 6)", {"y": ("n", "c", 4, 4, 2, 3)}),
            ("fold(y, 7, 6, stride=(2, 1), pad=1, dilation=(1, 2))", {"y": ("n", 4, 6, 3, 2)}),
            ("fold(y, 7, stride=2, pad=((1, 2),))", {"y": ("n", 4, 3)}),
        ),
    )
)


@notation
def windows(x: Any, *size: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Expr:
    """Every window of the trailing axes: (N, C, H, W) to (N, C, H', W', kh, kw) for ``windows(x, kh, kw)``.

    Parameters
    ----------
    x : Expr of shape (..., H, W)
        With as many trailing axes as sizes are given.
    size : sizes of a window, one for each axis
    stride, dilation : size, or a tuple of one for each axis
        The steps from window to window, and from entry to entry within one.
    pad : size, tuple, or "same" or "valid"
        Zeros before and after each axis; a pair within the tuple gives the two sides of an axis. "same" keeps the
        sizes (with stride 1), "valid" adds none.

    Returns
    -------
    Expr of shape (..., H', W', kh, kw), where ``H' = (H + 2*pad - dilation*(kh - 1) - 1)//stride + 1``

    Raises
    ------
    ShapeError
        If x has too few axes, an option is no size, or a window does not fit into x.
    """
    array = as_expr(x)
    sizes, options = window_options("windows", array, size, stride, pad, dilation)
    return make(WINDOWS, (array,), size=sizes, **options)


@notation
def fold(y: Any, *shape: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Expr:
    """The sum of overlapping windows, (N, C, H', W', kh, kw) to (N, C, H, W) for ``fold(y, H, W)``.

    The adjoint of `windows` with the same options: ``sum(fold(y)*x) == sum(y*windows(x))``.

    Raises
    ------
    ShapeError
        If y has too few axes, an option is no size, or an array of this shape has another number of windows.
    """
    array = as_expr(y)
    n = len(shape)
    if not n or array.ndim < 2 * n:
        raise ShapeError(
            f"fold({brief(array)}): needs the sizes of the result, and two axes of y for each of them; got {n} sizes "
            f"for shape {shape_text(array.shape)}{declared_at()}"
        )
    sizes = array.shape[array.ndim - n :]
    target = tuple(_size("fold", "a size", d, 0) for d in shape)
    _, options = window_options("fold", array, sizes, stride, pad, dilation)
    found, expected = array.shape[array.ndim - 2 * n : array.ndim - n], counts(target, sizes, options)
    if any(compare(a, b) == "different" for a, b in zip(found, expected, strict=True)):
        raise ShapeError(
            f"fold({brief(array)}): an array of shape {shape_text(target)} has {shape_text(expected)} windows of "
            f"{shape_text(sizes)}, but y has {shape_text(found)}{declared_at()}"
        )
    return make(FOLD, (array,), shape=target, **options)


def window_options(what: str, x: Expr, size: Any, stride: Any, pad: Any, dilation: Any) -> tuple[Shape, dict[str, Any]]:
    """The sizes of windows and their options, checked against x, each as short as it can be written."""
    n = len(size)
    if not n or x.ndim < n:
        raise ShapeError(
            f"{what}({brief(x)}): needs the sizes of a window, at most one for each axis; got {n} for shape "
            f"{shape_text(x.shape)}{declared_at()}"
        )
    sizes = tuple(_size(what, "the size of a window", k, 1) for k in size)
    steps = _sizes(what, "stride", stride, n, 1)
    gaps = _sizes(what, "dilation", dilation, n, 1)
    sides = _margins(what, pad, sizes, steps, gaps)
    options = {
        "stride": shortest(steps),
        "pad": shortest(tuple(shortest(s) for s in sides)),
        "dilation": shortest(gaps),
    }
    if what != "fold":
        found = counts(x.shape, sizes, options)
        if any(isinstance(c, int) and c < 1 for c in found):
            raise ShapeError(
                f"{what}({brief(x)}): windows of {shape_text(sizes)} do not fit into "
                f"{shape_text(x.shape[x.ndim - n :])}{declared_at()}"
            )
    return sizes, options


def _size(what: str, role: str, value: Any, least: int) -> Dim:
    found = as_dim(dim_of(value))
    if isinstance(found, int) and found < least:
        raise ShapeError(f"{what}: {role} must be at least {least}, got {found}{declared_at()}")
    return found


def _sizes(what: str, role: str, value: Any, n: int, least: int) -> tuple[Dim, ...]:
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(given) != n:
        raise ShapeError(f"{what}: {role} needs one value, or one for each of {n} axes, got {value!r}{declared_at()}")
    return tuple(_size(what, role, v, least) for v in given)


def _margins(what: str, pad: Any, sizes: Shape, steps: Shape, gaps: Shape) -> list[tuple[Dim, Dim]]:
    """The zeros on both sides of each axis; "same" puts the odd one at the end."""
    n = len(sizes)
    if isinstance(pad, str):
        if pad == "valid":
            return [(0, 0)] * n
        if pad != "same" or any(s != 1 for s in steps):
            rule = "pad='same' needs stride 1" if pad == "same" else f"pad is a size, 'same' or 'valid', got {pad!r}"
            raise ShapeError(f"{what}: {rule}{declared_at()}")
        spans = [g * (k - 1) for g, k in zip(gaps, sizes, strict=True)]
        before = [s // 2 if isinstance(s, int) else sympy.floor(s / 2) for s in spans]
        return [(b, as_dim(s - b)) for b, s in zip(before, spans, strict=True)]
    given = tuple(pad) if isinstance(pad, (tuple, list)) else (pad,) * n
    if len(given) != n:
        raise ShapeError(f"{what}: pad needs one value, or one for each of {n} axes, got {pad!r}{declared_at()}")
    sides = []
    for p in given:
        pair = _sizes(what, "pad", p, 2, 0)
        sides.append((pair[0], pair[1]))
    return sides


def shortest(values: Any) -> Any:
    """One value for all where they are equal."""
    return values[0] if all(v == values[0] for v in values) and not isinstance(values[0], tuple) else tuple(values)
