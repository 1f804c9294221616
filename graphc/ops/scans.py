"""Running sums and products along an axis, linear recurrences, and shifts by places.

    y = cumsum(x)        y[t] = x[0] + ... + x[t]       y = reverse_cumsum(x)         y[t] = x[t] + ... + x[-1]
    y = recurrence(b, a) y[t] = b[t] + a[t]*y[t - 1]    y = reverse_recurrence(b, a)  y[t] = b[t] + a[t]*y[t + 1]
    y = shift(x, s)      y[t] = x[t - s], or the fill where there is none

Each is linear in its first operand, and its adjoint is in the list: no loop is unrolled, and lengths stay symbolic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir.dims import integer
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ir.op import Acts, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_error, broadcast_shapes, declared_at, leading, one_shape
from graphc.ops.elementwise import infer_same
from graphc.ops.gather import axis_of
from graphc.ops.leaves import as_expr, exact
from graphc.ops.notation import notation
from graphc.ops.reductions import flat_for_none


def _along(node: Expr) -> Acts:
    along = (node.attributes["axis"],)
    return Acts(along, along, tied=len(node.operands) > 1)


def _moved(node: Expr, g: Expr) -> int:
    """The axis of the scan in a stack of cotangents."""
    return len(leading(node, g)) + int(node.attributes["axis"])


def _signs(node: Expr) -> frozenset[Fact]:
    known = node.operands[0].op.facts(node.operands[0])
    return frozenset(f for f in known if f.name in ("nonnegative", "integer"))


def _scan(name: str, kernel: Callable[..., Any], adjoint: str, summary: str) -> Op:
    return register(
        Op(
            name,
            infer_same,
            kernel=kernel,
            vjp=lambda node, g: (make(_ADJOINTS[adjoint], (g,), axis=_moved(node, g)),),
            acts=_along,
            facts=_signs,
            defaults={"axis": 0},
            summary=summary,
            examples=((f"{name}(x)", {"x": ("n",)}), (f"{name}(x, axis=1)", {"x": ("n", "m")})),
        )
    )


CUMSUM = _scan("cumsum", np.cumsum, "reverse_cumsum", "The sums of each entry and all before it along an axis.")
REVERSE_CUMSUM = _scan(
    "reverse_cumsum", kernels.reverse_cumsum, "cumsum", "The sums of each entry and all after it along an axis."
)
_ADJOINTS = {"cumsum": CUMSUM, "reverse_cumsum": REVERSE_CUMSUM}


def _recurrence_vjp(step: int, adjoint: str) -> Callable[[Expr, Expr], tuple[Expr | None, ...]]:
    """With y = b + a*shift(y, step): b gets u = g + shift(a*u, -step), and a gets u*shift(y, step)."""

    def vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        a = node.operands[1]
        factor = broadcast(shift(a, -step, node.attributes["axis"]), g.shape)
        u = make(_RECURRENCES[adjoint], (g, factor), axis=_moved(node, g))
        return u, u * shift(node, step, node.attributes["axis"])

    return vjp


def _recurrence(name: str, kernel: Callable[..., Any], step: int, adjoint: str, other: str) -> Op:
    pair = {"b": ("n",), "a": ("n",)}
    return register(
        Op(
            name,
            infer_same,
            kernel=kernel,
            vjp=_recurrence_vjp(step, adjoint),
            acts=_along,
            conditions=one_shape,
            domain=((-2.0, 2.0), (-2.0, 2.0)),
            defaults={"axis": 0},
            summary=f"y with y[t] = b[t] + a[t]*y[{other}] along an axis, a loop over a symbolic length.",
            examples=((f"{name}(b, a)", pair), (f"{name}(X, a, axis=1)", {"X": ("m", "n"), "a": ("n",)})),
        )
    )


RECURRENCE = _recurrence("recurrence", kernels.recurrence, 1, "reverse_recurrence", "t - 1")
REVERSE_RECURRENCE = _recurrence("reverse_recurrence", kernels.reverse_recurrence, -1, "recurrence", "t + 1")
_RECURRENCES = {"recurrence": RECURRENCE, "reverse_recurrence": REVERSE_RECURRENCE}


def _shift_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    return (make(SHIFT, (g,), places=-node.attributes["places"], axis=_moved(node, g), fill=exact(0)),)


SHIFT = register(
    Op(
        "shift",
        infer_same,
        kernel=kernels.shift,
        vjp=_shift_vjp,
        acts=lambda node: _along(node) if node.attributes["fill"] == 0 else None,
        positional=("places",),
        defaults={"axis": 0, "fill": exact(0)},
        summary="Entries moved by places along an axis; what comes in is the fill.",
        examples=(
            ("shift(x, 1)", {"x": ("n",)}),
            ("shift(X, -2, axis=1, fill=0.5)", {"X": ("n", "m")}),
        ),
    )
)


def _cumprod_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """y[t] = x[t]*y[t - 1] with y[-1] = 1: x gets u*y[t - 1] with u = g + x[t + 1]*u[t + 1]; entries may be 0."""
    (x,), axis = node.operands, node.attributes["axis"]
    factor = broadcast(shift(x, -1, axis), g.shape)
    u = make(REVERSE_RECURRENCE, (g, factor), axis=_moved(node, g))
    return (u * shift(node, 1, axis, fill=1),)


CUMPROD = register(
    Op(
        "cumprod",
        infer_same,
        kernel=np.cumprod,
        vjp=_cumprod_vjp,
        facts=lambda node: frozenset(
            f
            for f in node.operands[0].op.facts(node.operands[0])
            if f.name in ("positive", "nonnegative", "nonzero", "integer", "binary", "sign", "unit_interval")
        ),
        defaults={"axis": 0},
        summary="The products of each entry and all before it along an axis.",
        examples=(("cumprod(x)", {"x": ("n",)}), ("cumprod(x, axis=1)", {"x": ("n", "m")})),
    )
)


def _scanned(op: Op, x: Any, axis: Any) -> Expr:
    array, axis = flat_for_none(as_expr(x), axis)
    return make(op, (array,), axis=axis_of(op.name, array, axis))


@notation
def cumsum(x: Any, axis: Any = 0) -> Expr:
    """The sums of each entry of `x` and all before it along `axis`; of the flattened array for None.

    Raises
    ------
    ShapeError
        If `x` has no such axis.
    """
    return _scanned(CUMSUM, x, axis)


@notation
def reverse_cumsum(x: Any, axis: Any = 0) -> Expr:
    """The sums of each entry of `x` and all after it along `axis`: the adjoint of `cumsum`.

    Raises
    ------
    ShapeError
        If `x` has no such axis.
    """
    return _scanned(REVERSE_CUMSUM, x, axis)


@notation
def cumprod(x: Any, axis: Any = 0) -> Expr:
    """The products of each entry of `x` and all before it along `axis`; of the flattened array for None.

    Raises
    ------
    ShapeError
        If `x` has no such axis.
    """
    return _scanned(CUMPROD, x, axis)


@notation
def recurrence(b: Any, a: Any, axis: Any = 0) -> Expr:
    """The array y with ``y[t] = b[t] + a[t]*y[t - 1]`` along `axis`, where y[-1] is 0: a loop of symbolic length.

    Parameters
    ----------
    b, a : Expr
        Broadcast against each other; ``a[0]`` has no effect.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast, or there is no such axis.
    """
    return _recurred(RECURRENCE, b, a, axis)


@notation
def reverse_recurrence(b: Any, a: Any, axis: Any = 0) -> Expr:
    """The array y with ``y[t] = b[t] + a[t]*y[t + 1]`` along `axis`, where y is 0 after the end.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast, or there is no such axis.
    """
    return _recurred(REVERSE_RECURRENCE, b, a, axis)


def _recurred(op: Op, b: Any, a: Any, axis: Any) -> Expr:
    b, a = as_expr(b), as_expr(a)
    shape = broadcast_shapes([b.shape, a.shape], [])
    if shape is None:
        raise broadcast_error(op.name, b, a)
    b, a = broadcast(b, shape), broadcast(a, shape)
    return make(op, (b, a), axis=axis_of(op.name, b, axis))


@notation
def shift(x: Any, places: Any, axis: Any = 0, fill: Any = 0) -> Expr:
    """The entries of `x` moved by `places` along `axis`, up for positive ones: ``shift(x, 1)[t] = x[t - 1]``.

    Parameters
    ----------
    places : int
    fill : number
        What comes in at the other end.

    Raises
    ------
    UnsupportedError
        If `places` is no whole number.
    ShapeError
        If `x` has no such axis.
    """
    array = as_expr(x)
    by = integer(places)
    if by is None:
        raise UnsupportedError(f"shift({brief(array)}): places must be a whole number, got {places!r}{declared_at()}")
    along = axis_of("shift", array, axis)
    return make(SHIFT, (array,), places=by, axis=along, fill=exact(fill)) if by else array
