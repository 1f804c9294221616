"""Classes given as whole numbers: one-hot rows, and cross entropy for labels and for distributions."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import as_dim, compare, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_error, broadcast_shapes, declared_at
from graphc.ops.defined import defined, one_axis
from graphc.ops.elementwise import log
from graphc.ops.gather import as_index
from graphc.ops.leaves import as_expr, constant, dim_of, exact, size, symbol
from graphc.ops.notation import notation
from graphc.ops.products import sum as sum_
from graphc.ops.products import transpose

LABELS = symbol("y", ("n",), dtype="int64")


def _infer_one_hot(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return (*operands[0].shape, attributes["size"]), "float64"


ONE_HOT = register(
    Op(
        "one_hot",
        _infer_one_hot,
        kernel=kernels.one_hot,
        vjp=lambda node, g: (None,),
        facts=lambda node: closure([Fact("one_hot", -1)]),
        keeps=(0,),
        domain=((0.0, 1.0),),
        positional=("size",),
        defaults={},
        summary="1 at the index, 0 elsewhere, along a new last axis.",
        examples=(("one_hot(y, n)", {"y": LABELS}), ("x - one_hot([[0, 1], [-1, 2]], 3)", {"x": (2, 2, 3)})),
    )
)


@notation
def one_hot(i: Any, k: Any) -> Expr:
    """1 at the index `i`, 0 at the others, along a new last axis of size `k`.

    Parameters
    ----------
    i : Expr of int64, of any shape
        Indices below 0 count from the end.
    k : int or dimension

    Returns
    -------
    Expr of shape (..., k), known to be one-hot

    Raises
    ------
    DTypeError
        If the indices are not whole numbers.
    """
    return make(ONE_HOT, (as_index("one_hot", i),), size=as_dim(dim_of(k)))


def _cross_entropy_body(node: Expr) -> Expr:
    p, t = node.operands
    axis: int = node.attributes["axis"]
    k = p.shape[axis]
    if t.ndim < p.ndim:
        t = along_axis(t, k, axis)
    a = node.attributes.get("label_smoothing")
    target = t if a is None else (1 - a) * t + constant(a) / size(k)
    result: Expr = -sum_(target * log(p), axis=axis)
    return result


CROSS_ENTROPY = defined(
    "cross_entropy",
    _cross_entropy_body,
    opens=True,
    replaceable=True,
    keeps=(1,),
    domain=((0.05, 0.95), (0.0, 1.0)),
    defaults={"axis": -1, "label_smoothing": None},
    latex=r"\operatorname{{H}}({1}, {0})",
    summary="-sum(t*log(p)) along an axis, for probabilities p and targets t, or -log(p) at a label.",
    examples=(
        ("cross_entropy(softmax(z), softmax(t))", {"z": ("n", "k"), "t": ("n", "k")}),
        ("cross_entropy(softmax(z), y)", {"z": ("n", "k"), "y": LABELS}),
        ("cross_entropy(softmax(z, axis=0), y, axis=0, label_smoothing=0.1)", {"z": ("k", "n"), "y": LABELS}),
    ),
)


@notation
def cross_entropy(p: Any, t: Any, axis: int = -1, label_smoothing: Any = 0) -> Expr:
    """``-sum(t*log(p), axis)``, or ``-log(p)`` at integer labels: one value for each example.

    Parameters
    ----------
    p : Expr of shape (..., k)
        Probabilities, for example of `softmax`; emitted code takes the logarithm of a softmax without overflow.
    t : Expr of the same shape, or of int64 without the axis of the classes
        Target distribution (declare it one-hot or on the simplex to get ``p - t`` as the gradient), or labels.
    label_smoothing : number from 0 to 1
        The share a of the uniform distribution: the target is ``(1 - a)*t + a/k``, as in PyTorch.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    UnsupportedError
        If `label_smoothing` is no number from 0 to 1.
    """
    p, t = as_expr(p), as_expr(t)
    along = one_axis(p, axis, "cross_entropy")
    if t.dtype == "int64" and t.ndim == p.ndim - 1:
        _fitting("cross_entropy", p, t, along)
    else:
        p, t = _pair("cross_entropy", p, t)
    share = exact(label_smoothing)
    if not 0 <= share <= 1:
        raise UnsupportedError(
            f"cross_entropy: label_smoothing must be a number from 0 to 1, got {label_smoothing}{declared_at()}"
        )
    return make(CROSS_ENTROPY, (p, t), axis=along, label_smoothing=share or None)


def along_axis(labels: Expr, k: Any, axis: int) -> Expr:
    """Labels as one-hot rows along `axis`, counted from the end, of `k` classes."""
    rank = labels.ndim
    along = rank + 1 + axis
    return transpose(one_hot(labels, k), (*range(along), rank, *range(along, rank)))


def labels_or_targets(what: str, scores: Any, t: Any, axis: Any) -> Expr:
    """The targets `t` for `scores`, or those of int64 labels without the axis of the classes.

    Raises
    ------
    ShapeError
        If labels do not have the shape of the scores without the classes.
    """
    x, target = as_expr(scores), as_expr(t)
    if target.dtype != "int64" or target.ndim != x.ndim - 1:
        return target
    along = one_axis(x, axis, what)
    _fitting(what, x, target, along)
    return along_axis(target, x.shape[along], along)


def _fitting(what: str, p: Expr, labels: Expr, axis: int) -> None:
    wanted = p.shape[:axis] + p.shape[p.ndim + axis + 1 :]
    if any(compare(a, b) == "different" for a, b in zip(wanted, labels.shape, strict=True)):
        raise ShapeError(
            f"{what}({brief(p)}, {brief(labels)}): the labels must have shape {shape_text(wanted)}, that of {brief(p)} "
            f"without the classes, got {shape_text(labels.shape)}{declared_at()}"
        )


def _pair(operator: str, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    shape = broadcast_shapes([a.shape, b.shape], [])
    if shape is None or shape not in (a.shape, b.shape):
        raise broadcast_error(operator, a, b)
    return broadcast(a, shape), broadcast(b, shape)
