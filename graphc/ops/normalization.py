"""Normalization layers: entries less their mean over their standard deviation, then a gain and a bias.

Statistics are those of the array itself, as in training. Batch norm: Ioffe, Szegedy 2015; layer norm: Ba, Kiros,
Hinton 2016; instance norm: Ulyanov, Vedaldi, Lempitsky 2016; group norm: Wu, He 2018; RMS norm: Zhang, Sennrich 2019.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import sympy

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, as_dim, compare, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.op import Op
from graphc.ops.arithmetic import sqrt
from graphc.ops.broadcasting import brief, declared_at, normalize_axes
from graphc.ops.defined import defined, mean
from graphc.ops.leaves import as_expr, constant, dim_of, exact
from graphc.ops.notation import notation
from graphc.ops.reductions import reshape

EPS = Fraction(1, 100_000)


def _centred(node: Expr) -> tuple[Expr, Expr]:
    """Entries less their mean, and their standard deviation."""
    (x,) = node.operands
    axes = node.attributes["axis"]
    c = x - mean(x, axis=axes, keepdims=True)
    return c, sqrt(mean(c**2, axis=axes, keepdims=True) + constant(node.attributes["eps"]))


def _standardize_body(node: Expr) -> Expr:
    c, deviation = _centred(node)
    return c / deviation


def _standardize_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """The three-term form, written with the value y: ``(g - mean(g) - y*mean(g*y))/std``."""
    axes = tuple(a - node.ndim for a in normalize_axes(node.attributes["axis"], node, "standardize"))
    _, deviation = _centred(node)
    along = mean(g * node, axis=axes, keepdims=True)
    return ((g - mean(g, axis=axes, keepdims=True) - node * along) / deviation,)


STANDARDIZE = defined(
    "standardize",
    _standardize_body,
    vjp=_standardize_vjp,
    defaults={"axis": -1, "eps": EPS},
    summary="(x - mean(x))/sqrt(var(x) + eps) over axes.",
    examples=(
        ("standardize(x)", {"x": ("n", "d")}),
        ("standardize(x, axis=(0, 2), eps=0.1)", {"x": ("n", "c", "h")}),
    ),
)


@notation
def standardize(x: Any, axis: Any = -1, eps: Any = EPS) -> Expr:
    """``(x - mean(x))/sqrt(var(x) + eps)`` with mean and variance over `axis` (all axes for None).

    Raises
    ------
    ShapeError
        If an axis is out of range.
    UnsupportedError
        If eps is no number, or below 0.
    """
    array = as_expr(x)
    axes = normalize_axes(axis, array, "standardize")
    if not axes:
        raise ShapeError(f"standardize({brief(array)}): needs an axis to take the mean over{declared_at()}")
    return make(STANDARDIZE, (array,), axis=_written(axes, array), eps=_eps("standardize", eps))


def _written(axes: tuple[int, ...], x: Expr) -> int | tuple[int, ...]:
    """Axes as short as they can be written; the last alone is -1."""
    if len(axes) > 1:
        return axes
    return -1 if axes[0] == x.ndim - 1 else axes[0]


def _eps(what: str, eps: Any) -> Fraction:
    value = exact(eps)
    if value < 0:
        raise UnsupportedError(f"{what}: eps is added to a variance and must not be negative, got {eps}{declared_at()}")
    return value


def _affine(y: Expr, scales: Iterable[Expr], axes: tuple[int, ...]) -> Expr:
    """``gain*y + bias`` where gain and bias have the axes `axes` of y."""
    first = min(axes)
    key = tuple(slice(None) if a in axes else None for a in range(first, y.ndim))
    placed = [behaviour["index"](s, key) for s in scales]
    result: Expr = y if not placed else placed[0] * y
    return result if len(placed) < 2 else result + placed[1]


def _operands(what: str, x: Expr, gain: Any, bias: Any, axes: tuple[int, ...]) -> tuple[Expr, ...]:
    """x with the gain and the bias that are given, their shapes checked."""
    if gain is None and bias is not None:
        raise UnsupportedError(f"{what}: a bias needs a gain; give gain=ones(...) for a bias alone{declared_at()}")
    scales = [as_expr(s) for s in (gain, bias) if s is not None]
    wanted = tuple(x.shape[a] for a in axes)
    for role, scale in zip(("gain", "bias"), scales, strict=False):
        pairs = zip(scale.shape, wanted, strict=False)
        if scale.ndim != len(wanted) or any(compare(a, b) == "different" for a, b in pairs):
            raise ShapeError(
                f"{what}({brief(x)}): the {role} must have shape {shape_text(wanted)} for x of shape "
                f"{shape_text(x.shape)}, got {shape_text(scale.shape)}{declared_at()}"
            )
    return (x, *scales)


def _batch_body(node: Expr) -> Expr:
    x, *scales = node.operands
    axes = node.attributes["axis"]
    kept = tuple(a for a in range(x.ndim) if a not in normalize_axes(axes, x, "batch_norm"))
    return _affine(standardize(x, axes, node.attributes["eps"]), scales, kept)


def _layer_body(node: Expr) -> Expr:
    x, *scales = node.operands
    axes = node.attributes["axis"]
    return _affine(standardize(x, axes, node.attributes["eps"]), scales, normalize_axes(axes, x, "layer_norm"))


def _group_body(node: Expr) -> Expr:
    x, *scales = node.operands
    groups = node.attributes["groups"]
    split = reshape(x, (x.shape[0], groups, _channels(x, groups), *x.shape[2:]))
    y = standardize(split, tuple(range(2, split.ndim)), node.attributes["eps"])
    return _affine(reshape(y, x.shape), scales, (1,))


def _channels(x: Expr, groups: Dim) -> Dim:
    """The channels of one group."""
    found = sympy.cancel(sympy.sympify(x.shape[1]) / sympy.sympify(groups))
    if not found.is_integer:
        raise ShapeError(
            f"group_norm({brief(x)}): {x.shape[1]} channels are not provably divisible into {groups} groups"
            f"{declared_at()}"
        )
    return as_dim(found)


def _layer(name: str, body: Any, defaults: dict[str, Any], summary: str, examples: Any) -> Op:
    domain = ((-2.0, 2.0),) * 3
    return defined(
        name,
        body,
        opens=True,
        defaults=defaults,
        domain=domain,
        replaceable=True,
        summary=summary,
        examples=examples,
    )


IMAGES = {"x": ("n", "c", "h", "w"), "gain": ("c",), "bias": ("c",)}
BATCH_NORM = _layer(
    "batch_norm",
    _batch_body,
    {"axis": inspect.Parameter.empty, "eps": EPS},
    "standardize over all axes but one, with gain and bias for that axis.",
    (
        ("batch_norm(x, gain, bias, axis=0)", {"x": ("n", "d"), "gain": ("d",), "bias": ("d",)}),
        ("batch_norm(x, gain, bias, axis=(0, 2, 3), eps=0.1)", IMAGES),
    ),
)
LAYER_NORM = _layer(
    "layer_norm",
    _layer_body,
    {"axis": -1, "eps": EPS},
    "standardize over the last axes, with gain and bias for them.",
    (
        ("layer_norm(x, gain, bias)", {"x": ("n", "t", "d"), "gain": ("d",), "bias": ("d",)}),
        ("layer_norm(x, axis=(-2, -1), eps=0.1)", {"x": ("n", "t", "d")}),
    ),
)
GROUP_NORM = _layer(
    "group_norm",
    _group_body,
    {"groups": inspect.Parameter.empty, "eps": EPS},
    "standardize over each group of channels of one example.",
    (("group_norm(x, gain, bias, groups=2)", {"x": ("n", 4, "h", "w"), "gain": (4,), "bias": (4,)}),),
)
INSTANCE_NORM = _layer(
    "instance_norm",
    lambda node: _affine(
        standardize(node.operands[0], tuple(range(2, node.operands[0].ndim)), node.attributes["eps"]),
        node.operands[1:],
        (1,),
    ),
    {"eps": EPS},
    "standardize over each channel of one example.",
    (("instance_norm(x, gain, bias)", IMAGES),),
)


def _rms_body(node: Expr) -> Expr:
    x, *gains = node.operands
    axes = node.attributes["axis"]
    size = sqrt(mean(x**2, axis=axes, keepdims=True) + constant(node.attributes["eps"]))
    return _affine(x, gains, normalize_axes(axes, x, "rms_norm")) / size


RMS_NORM = _layer(
    "rms_norm",
    _rms_body,
    {"axis": -1, "eps": EPS},
    "x over the root of its mean square over the last axes, with a gain for them.",
    (
        ("rms_norm(x, gain)", {"x": ("n", "t", "d"), "gain": ("d",)}),
        ("rms_norm(x, axis=(-2, -1), eps=0.1)", {"x": ("n", "t", "d")}),
    ),
)


@notation
def rms_norm(x: Any, gain: Any = None, axis: Any = -1, eps: Any = EPS) -> Expr:
    """``gain*x/sqrt(mean(x**2) + eps)``, the mean over `axis`, the last by default (Zhang, Sennrich 2019).

    Parameters
    ----------
    gain : Expr of the shape of those axes, optional

    Errors as of `batch_norm`.
    """
    array = _array("rms_norm", x, 1)
    axes = normalize_axes(axis, array, "rms_norm")
    return make(
        RMS_NORM, _operands("rms_norm", array, gain, None, axes), axis=_written(axes, array), eps=_eps("rms_norm", eps)
    )


@notation
def batch_norm(x: Any, gain: Any = None, bias: Any = None, axis: Any = None, eps: Any = EPS) -> Expr:
    """``gain*(x - mean)/sqrt(var + eps) + bias`` with the statistics of the batch, as in training.

    Parameters
    ----------
    x : Expr of shape (N, C, ...)
    gain, bias : Expr of shape (C,), optional
        With an axis of their own for each that is kept.
    axis : int or tuple
        The axes of the mean; by default all but axis 1: 0 for (N, C), (0, 2, 3) for (N, C, H, W).
    eps : number

    Raises
    ------
    ShapeError
        If an axis is out of range, or gain or bias do not have the shape of what is kept.
    UnsupportedError
        If eps is negative or no number, or a bias comes without a gain.
    """
    array = _array("batch_norm", x, 2 if axis is None else 1)
    axes = normalize_axes(tuple(a for a in range(array.ndim) if a != 1) if axis is None else axis, array, "batch_norm")
    kept = tuple(a for a in range(array.ndim) if a not in axes)
    operands = _operands("batch_norm", array, gain, bias, kept)
    return make(BATCH_NORM, operands, axis=_written(axes, array), eps=_eps("batch_norm", eps))


@notation
def layer_norm(x: Any, gain: Any = None, bias: Any = None, axis: Any = -1, eps: Any = EPS) -> Expr:
    """`standardize` over `axis`, the last by default, with gain and bias of the shape of those axes.

    Errors as of `batch_norm`.
    """
    array = _array("layer_norm", x, 1)
    axes = normalize_axes(axis, array, "layer_norm")
    operands = _operands("layer_norm", array, gain, bias, axes)
    return make(LAYER_NORM, operands, axis=_written(axes, array), eps=_eps("layer_norm", eps))


@notation
def group_norm(x: Any, gain: Any = None, bias: Any = None, *, groups: Any, eps: Any = EPS) -> Expr:
    """`standardize` over each of `groups` groups of channels of x (N, C, ...), with gain and bias of shape (C,).

    Errors as of `batch_norm`, and ShapeError if the channels are not provably divisible into the groups.
    """
    array = _array("group_norm", x, 2)
    operands = _operands("group_norm", array, gain, bias, (1,))
    return make(GROUP_NORM, operands, groups=as_dim(dim_of(groups)), eps=_eps("group_norm", eps))


@notation
def instance_norm(x: Any, gain: Any = None, bias: Any = None, eps: Any = EPS) -> Expr:
    """`standardize` over each channel of each example of x (N, C, L...), with gain and bias of shape (C,).

    Errors as of `batch_norm`.
    """
    array = _array("instance_norm", x, 3)
    return make(INSTANCE_NORM, _operands("instance_norm", array, gain, bias, (1,)), eps=_eps("instance_norm", eps))


def _array(what: str, x: Any, least: int) -> Expr:
    array = as_expr(x)
    if array.ndim < least:
        raise ShapeError(
            f"{what}({brief(array)}): needs an array with at least {least} axes, got {shape_text(array.shape)}"
            f"{declared_at()}"
        )
    return array
