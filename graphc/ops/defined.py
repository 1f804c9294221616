"""Defined ops: an op that is its formula in other ops. It keeps its name and opens to its body on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arguments import flag
from graphc.ops.arithmetic import sqrt
from graphc.ops.broadcasting import brief, declared_at, normalize_axes
from graphc.ops.elementwise import exp, infer_float, log
from graphc.ops.leaves import as_expr, exact, size
from graphc.ops.notation import notation
from graphc.ops.products import reduced_shape
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import entries


def body_of(node: Expr) -> Expr:
    """The formula that a defined op stands for, over the node's own operands."""
    assert node.op.body is not None
    return node.op.body(node)


def defined(name: str, body: Callable[[Expr], Expr], infer: Any = None, **fields: Any) -> Op:
    """Register a defined op; its shape is its body's unless `infer` gives it."""

    def infer_from_body(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
        stand_in = object.__new__(Expr)
        stand_in.operands, stand_in.attributes = operands, attributes
        opened = body(stand_in)
        return opened.shape, opened.dtype

    return register(Op(name, infer or infer_from_body, body=body, **fields))


def _axis(node: Expr) -> int:
    axis: int = node.attributes["axis"]
    return axis


def _softmax_body(node: Expr) -> Expr:
    e = exp(node.operands[0])
    return e / sum_(e, axis=_axis(node), keepdims=True)


SOFTMAX = defined(
    "softmax",
    _softmax_body,
    infer_float,
    kernel=kernels.softmax,
    facts=lambda node: closure([Fact("simplex", _axis(node)), Fact("unit_interval")]),
    latex=r"\operatorname{{softmax}}({0})",
    summary="exp(x)/sum(exp(x)) along an axis.",
)
LOG_SOFTMAX = defined(
    "log_softmax",
    lambda node: node.operands[0] - logsumexp(node.operands[0], axis=_axis(node), keepdims=True),
    infer_float,
    kernel=kernels.log_softmax,
    latex=r"\log\operatorname{{softmax}}({0})",
    summary="log(softmax(x)) along an axis, without overflow.",
)


def _infer_logsumexp(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return reduced_shape(shape, attributes["axis"], attributes["keepdims"]), dtype


LOGSUMEXP = defined(
    "logsumexp",
    lambda node: log(sum_(exp(node.operands[0]), axis=_axis(node), keepdims=node.attributes["keepdims"])),
    _infer_logsumexp,
    kernel=kernels.logsumexp,
    latex=r"\log\textstyle\sum e^{{{0}}}",
    summary="log(sum(exp(x))) over axes, without overflow.",
)


def one_axis(x: Expr, axis: Any, what: str) -> int:
    found = normalize_axes(axis, x, what) if x.ndim else ()
    if len(found) != 1 or axis is None:
        raise ShapeError(
            f"{what}({brief(x)}): needs one axis of an array, got axis={axis!r} for shape {shape_text(x.shape)}"
        )
    return found[0] - x.ndim


@notation
def softmax(x: Any, axis: int = -1) -> Expr:
    """``exp(x)/sum(exp(x))`` along `axis`; evaluated with the maximum taken out."""
    x = as_expr(x)
    return make(SOFTMAX, (x,), axis=one_axis(x, axis, "softmax"))


@notation
def log_softmax(x: Any, axis: int = -1) -> Expr:
    """``log(softmax(x))`` along `axis`, without overflow."""
    x = as_expr(x)
    return make(LOG_SOFTMAX, (x,), axis=one_axis(x, axis, "log_softmax"))


@notation
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """``log(sum(exp(x)))`` over `axis` (all axes by default), without overflow."""
    x = as_expr(x)
    axes = normalize_axes(axis, x, "logsumexp")
    return make(LOGSUMEXP, (x,), axis=axes, keepdims=flag(keepdims, "logsumexp(keepdims=)")) if axes else x


def _mean_body(node: Expr) -> Expr:
    (x,) = node.operands
    axes: tuple[int, ...] = node.attributes["axis"]
    total = sum_(x, axis=axes, keepdims=node.attributes["keepdims"])
    return total / size(entries(tuple(x.shape[a] for a in axes)))


MEAN = defined("mean", _mean_body, opens=True, summary="The average over axes.")


@notation
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The average over `axis` (all axes by default), as ``numpy.mean``."""
    x = as_expr(x)
    axes = normalize_axes(axis, x, "mean")
    return make(MEAN, (x,), axis=axes, keepdims=flag(keepdims, "mean(keepdims=)")) if axes else x


def _norm_body(node: Expr) -> Expr:
    (x,) = node.operands
    return sqrt(sum_(x**2, axis=node.attributes["axis"], keepdims=node.attributes["keepdims"]))


NORM = defined(
    "norm",
    _norm_body,
    opens=True,
    latex=r"\left\lVert {0} \right\rVert",
    facts=lambda node: closure([Fact("nonnegative")]),
    summary="The 2-norm over axes.",
)


@notation
def norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = None) -> Expr:
    """The 2-norm over `axis` (all entries by default), or another norm of vectors or matrices.

    Parameters
    ----------
    ord : number, "inf", "-inf" or "fro", optional
        Over one axis ``sum(abs(x)**ord)**(1/ord)``, its limits (the largest and the smallest absolute value), and for
        0 how many entries are not 0. Over two axes, as ``numpy.linalg.norm``, 1 and "inf" are the largest sums of
        absolute values down the first and along the second, "fro" is the 2-norm of all entries; 2 and -2 are the
        largest and the smallest singular value, "nuc" is their sum.

    Raises
    ------
    ShapeError
        If an axis is out of range.
    UnsupportedError
        If there is no such norm over these axes.
    """
    x = as_expr(x)
    axes, keepdims = normalize_axes(axis, x, "norm"), flag(keepdims, "norm(keepdims=)")
    kind = _order(ord)
    if kind is not None:
        return _other_norm(x, axes, keepdims, kind)
    if not axes:
        return behaviour["abs"](x)  # type: ignore[no-any-return]
    return make(NORM, (x,), axis=axes, keepdims=keepdims)


def _order(ord: Any) -> Any:
    """The order of a norm as an exact number or "inf" or "-inf"; None for the 2-norm of all entries."""
    if ord is None or (isinstance(ord, str) and ord == "fro"):
        return None
    if isinstance(ord, (str, float)) and ord in (float("inf"), "inf"):
        return "inf"
    if isinstance(ord, (str, float)) and ord in (-float("inf"), "-inf"):
        return "-inf"
    if isinstance(ord, str):
        if ord != "nuc":
            raise UnsupportedError(f"norm: ord is a number, 'inf', '-inf', 'fro' or 'nuc', got {ord!r}{declared_at()}")
        return ord
    return exact(ord)


def _other_norm(x: Expr, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Expr:
    size_of = behaviour["abs"](x)
    reduce = {"inf": behaviour["max"], "-inf": behaviour["min"]}
    if len(axes) == 2 and ord in (1, -1, "inf", "-inf"):
        first = axes[0] if ord in (1, -1) else axes[1]
        (second,) = (a for a in axes if a != first)
        sums = sum_(size_of, axis=first, keepdims=True)
        largest: Expr = reduce["inf" if ord in (1, "inf") else "-inf"](sums, axis=second, keepdims=True)
        return largest if keepdims else sum_(largest, axis=axes)
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        return _singular_norm(x, axes, keepdims, ord)
    if len(axes) != 1 or ord == "nuc":
        hint = "give two axes of a matrix" if ord == "nuc" else "give one axis, or reshape x to a vector"
        raise UnsupportedError(f"norm({brief(x)}): there is no norm with ord={ord} here: {hint}{declared_at()}")
    if ord in reduce:
        result: Expr = reduce[ord](size_of, axis=axes, keepdims=keepdims)
        return result
    if ord == 2:
        return make(NORM, (x,), axis=axes, keepdims=keepdims)
    if ord == 0:
        return sum_(behaviour["not_equal"](x, 0), axis=axes, keepdims=keepdims) * 1
    total: Expr = sum_(size_of**ord, axis=axes, keepdims=keepdims) ** (1 / ord)
    return total


def _singular_norm(x: Expr, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Expr:
    """The largest, the smallest or the sum of the singular values of matrices over two axes."""
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    values = behaviour["svdvals"](behaviour["transpose"](x, (*kept, *axes)))
    found: Expr = sum_(values, axis=-1) if ord == "nuc" else behaviour["max" if ord == 2 else "min"](values, axis=-1)
    if not keepdims:
        return found
    result: Expr = behaviour["reshape"](found, tuple(1 if i in axes else d for i, d in enumerate(x.shape)))
    return result


def _mse_body(node: Expr) -> Expr:
    prediction, target = node.operands
    return mean((prediction - target) ** 2)


MSE = defined(
    "mse",
    _mse_body,
    opens=True,
    latex=r"\operatorname{{mse}}({0}, {1})",
    domain=((-2.0, 2.0),) * 2,
    replaceable=True,
    summary="The mean of the squared differences.",
)


@notation
def mse(prediction: Any, target: Any) -> Expr:
    """``mean((prediction - target)**2)`` over all entries; both must have one shape."""
    prediction, target = as_expr(prediction), as_expr(target)
    pairs = zip(prediction.shape, target.shape, strict=False)
    if prediction.ndim != target.ndim or any(compare(a, b) == "different" for a, b in pairs):
        raise ShapeError(
            f"mse({brief(prediction)}, {brief(target)}): the shapes differ: {shape_text(prediction.shape)} and "
            f"{shape_text(target.shape)}{declared_at()}"
        )
    return make(MSE, (prediction, target))


def _dense_body(node: Expr) -> Expr:
    product: Expr = node.operands[0] @ node.operands[1]
    return product if len(node.operands) == 2 else product + node.operands[2]


DENSE = defined(
    "dense",
    _dense_body,
    opens=True,
    domain=((-2.0, 2.0),) * 3,
    replaceable=True,
    summary="The linear layer x @ W + b.",
)


@notation
def dense(x: Any, W: Any, b: Any = None) -> Expr:
    """The linear layer ``x @ W + b``; x (..., d), W (d, m), b (m,).

    Raises
    ------
    ShapeError
        If the product or the sum does not fit.
    """
    return make(DENSE, [as_expr(operand) for operand in ((x, W) if b is None else (x, W, b))])
