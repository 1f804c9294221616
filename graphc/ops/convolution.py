"""Convolution and pooling: defined as contractions, maxima and means of windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.op import Op
from graphc.ops.broadcasting import brief, declared_at, unify
from graphc.ops.defined import defined, mean
from graphc.ops.kernels import each
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation
from graphc.ops.products import einsum
from graphc.ops.reductions import max as max_
from graphc.ops.reductions import reshape
from graphc.ops.windows import DEFAULTS, shortest, window_options, windows

LETTERS = ("ij", "ab")  # of windows, and of the entries of one


def _convolution_body(node: Expr) -> Expr:
    """``y[n,f,i,j] = sum over c, a, b of windows(x)[n,c,i,j,a,b]*w[f,c,a,b]``, group by group of the channels."""
    x, w = node.operands
    options = {key: node.attributes[key] for key in DEFAULTS}
    n = x.ndim - 2
    at, within = (letters[:n] for letters in LETTERS)
    groups = node.attributes["groups"]
    if groups == 1:
        view = windows(x, *w.shape[2:], **options)
        return einsum(f"nc{at}{within},fc{within}->nf{at}", view, w)
    units = _share(w, groups)
    view = windows(reshape(x, (x.shape[0], groups, *w.shape[1:2], *x.shape[2:])), *w.shape[2:], **options)
    product = einsum(f"ngc{at}{within},gfc{within}->ngf{at}", view, reshape(w, (groups, units, *w.shape[1:])))
    return reshape(product, (x.shape[0], w.shape[0], *product.shape[3:]))


def _share(w: Expr, groups: Dim) -> Dim:
    """The filters of one group."""
    found = sympy.cancel(sympy.sympify(w.shape[0]) / sympy.sympify(groups))
    if not found.is_integer:
        raise ShapeError(
            f"convolution: the {w.shape[0]} filters of {brief(w)} are not provably divisible into {groups} groups"
            f"{declared_at()}"
        )
    return int(found) if found.is_Integer else found


def _convolution(name: str, n: int, examples: Any) -> Op:
    return defined(
        name,
        _convolution_body,
        defaults={**DEFAULTS, "groups": 1},
        domain=((-2.0, 2.0),) * 2,
        replaceable=True,
        summary=f"The cross-correlation of channels with filters over {n} {'axes' if n > 1 else 'axis'}.",
        examples=examples,
    )


CONV2D = _convolution(
    "conv2d",
    2,
    (
        ("conv2d(x, w)", {"x": ("n", "c", 5, 6), "w": ("f", "c", 3, 2)}),
        ("conv2d(x, w, stride=2, pad=(1, 0), dilation=(1, 2))", {"x": ("n", 2, 6, 7), "w": ("f", 2, 3, 2)}),
        ("conv2d(x, w, pad='same', groups=2)", {"x": ("n", 4, 4, 5), "w": (6, 2, 3, 2)}),
    ),
)
CONV1D = _convolution(
    "conv1d",
    1,
    (
        ("conv1d(x, w)", {"x": ("n", "c", 6), "w": ("f", "c", 3)}),
        ("conv1d(x, w, stride=2, pad=1)", {"x": ("n", 2, 7), "w": ("f", 2, 3)}),
    ),
)


@notation
def conv2d(x: Any, w: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1, groups: Any = 1) -> Expr:
    """The cross-correlation of (N, C, H, W) with filters (F, C/groups, kh, kw), shape (N, F, H', W').

    Parameters
    ----------
    x, w : Expr
    stride, pad, dilation : size, or a pair of them
        As of `windows`; pad may be "same" (with stride 1) or "valid".
    groups : size
        Each group of the channels is seen by its share of the filters alone.

    Raises
    ------
    ShapeError
        If the arrays do not have four axes, the channels do not fit, or the filters are larger than x.
    """
    return _convolve(CONV2D, 2, x, w, stride, pad, dilation, groups)


@notation
def conv1d(x: Any, w: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1, groups: Any = 1) -> Expr:
    """The cross-correlation of (N, C, L) with filters (F, C/groups, k), shape (N, F, L'); options as of `conv2d`."""
    return _convolve(CONV1D, 1, x, w, stride, pad, dilation, groups)


def _convolve(op: Op, n: int, x: Any, w: Any, stride: Any, pad: Any, dilation: Any, groups: Any) -> Expr:
    x, w = _arrays(op.name, n, x, w)
    _, options = window_options(op.name, x, w.shape[2:], stride, pad, dilation)
    (share,) = window_options(op.name, x, (groups,), 1, 0, 1)[0] if not isinstance(groups, int) or groups != 1 else (1,)
    if not unify(x.shape[1], w.shape[1] * share, []):
        told = f", in {share} groups" if share != 1 else ""
        raise ShapeError(
            f"{op.name}({brief(x)}, {brief(w)}): x has {x.shape[1]} channels, the filters take {w.shape[1]}{told}: "
            f"x is {shape_text(x.shape)}, w is {shape_text(w.shape)}{declared_at()}"
        )
    return make(op, (x, w), **options, groups=share)


def _arrays(what: str, n: int, x: Any, w: Any) -> tuple[Expr, Expr]:
    x, w = as_expr(x), as_expr(w)
    if x.ndim != n + 2 or w.ndim != n + 2:
        axes = ("(N, C, L)", "(F, C, k)") if n == 1 else ("(N, C, H, W)", "(F, C, kh, kw)")
        raise ShapeError(
            f"{what}({brief(x)}, {brief(w)}): x must have the axes {axes[0]} and w the axes {axes[1]}; x is "
            f"{shape_text(x.shape)}, w is {shape_text(w.shape)}{declared_at()}"
        )
    return x, w


def _pool_body(n: int, reduce: Callable[..., Expr]) -> Callable[[Expr], Expr]:
    def body(node: Expr) -> Expr:
        size = node.attributes["size"]
        view = windows(node.operands[0], *each(size, n), stride=node.attributes.get("stride", size))
        return reduce(view, axis=tuple(range(-n, 0)))

    return body


def _pooling(name: str, n: int, reduce: Callable[..., Expr], what: str) -> Op:
    shape = ("n", "c", 6, 4) if n == 2 else ("n", "c", 6)
    return defined(
        name,
        _pool_body(n, reduce),
        positional=("size",),
        defaults={"stride": None},
        replaceable=True,
        summary=f"The {what} of each window of the last {'two axes' if n == 2 else 'axis'}.",
        examples=((f"{name}(x, 2)", {"x": shape}), (f"{name}(x, 3, stride=1)", {"x": shape})),
    )


MAXPOOL1D, MAXPOOL2D = (_pooling(f"maxpool{n}d", n, max_, "largest entry") for n in (1, 2))
AVGPOOL1D, AVGPOOL2D = (_pooling(f"avgpool{n}d", n, mean, "average") for n in (1, 2))


@notation
def maxpool2d(x: Any, k: Any, stride: Any = None) -> Expr:
    """The largest entry of each window of the last two axes, (..., H, W) to (..., H', W'); ties share the derivative.

    Parameters
    ----------
    k : size, or a pair of them
        The sizes of a window.
    stride : size, or a pair of them, optional
        By default k: the windows do not overlap. Rows and columns that fill no window are left out.

    Raises
    ------
    ShapeError
        If x has fewer than two axes, or a window does not fit into x.
    """
    return _pool(MAXPOOL2D, 2, x, k, stride)


@notation
def avgpool2d(x: Any, k: Any, stride: Any = None) -> Expr:
    """The average of each window of the last two axes; sizes as of `maxpool2d`."""
    return _pool(AVGPOOL2D, 2, x, k, stride)


@notation
def maxpool1d(x: Any, k: Any, stride: Any = None) -> Expr:
    """The largest entry of each window of the last axis; sizes as of `maxpool2d`."""
    return _pool(MAXPOOL1D, 1, x, k, stride)


@notation
def avgpool1d(x: Any, k: Any, stride: Any = None) -> Expr:
    """The average of each window of the last axis; sizes as of `maxpool2d`."""
    return _pool(AVGPOOL1D, 1, x, k, stride)


def _pool(op: Op, n: int, x: Any, k: Any, stride: Any) -> Expr:
    x = as_expr(x)
    given = k if isinstance(k, (tuple, list)) else (k,) * n
    if len(given) != n:
        raise ShapeError(f"{op.name}: k needs one size, or one for each of {n} axes, got {k!r}{declared_at()}")
    sizes, options = window_options(op.name, x, given, given if stride is None else stride, 0, 1)
    steps = options["stride"]
    size = shortest(sizes)
    return make(op, (x,), size=size, stride=None if steps == size else steps)
