"""Losses of scores or probabilities and classes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.elementwise import relu, sigmoid, softplus
from graphc.ops.labels import LABELS, labels_or_targets
from graphc.ops.losses.record import at_least, fitted, loss, matched, within
from graphc.ops.products import sum as sum_
from graphc.ops.special import xlogy

SIGNED = {"s": ("n",), "t": ("n",)}
CLASSES = {"x": ("n", "k"), "t": ("n", "k")}
LABELLED = {"x": ("n", "k"), "t": LABELS}


@loss("binary_cross_entropy(p, t)")
def binary_cross_entropy(p: Any, t: Any) -> Expr:
    """``-(t*log(p) + (1 - t)*log(1 - p))``, entry by entry, where 0*log(0) is 0.

    Parameters
    ----------
    p : Expr
        Probabilities; those of a `sigmoid` are computed from its argument, without overflow.
    t : Expr
        Targets from 0 to 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or only by stretching both.
    """
    p, t = matched("binary_cross_entropy", p, t)
    return -xlogy(t, p) - xlogy(1 - t, 1 - p)


@loss(
    "binary_cross_entropy_with_logits(z, t)",
    ("binary_cross_entropy_with_logits(z, t, w)", {"z": ("n", "d"), "t": ("n", "d"), "w": ("d",)}),
)
def binary_cross_entropy_with_logits(z: Any, t: Any, pos_weight: Any = None) -> Expr:
    """``t*softplus(-z) + (1 - t)*softplus(z)``: `binary_cross_entropy` of ``sigmoid(z)``, entry by entry.

    Parameters
    ----------
    pos_weight : number or Expr, optional
        A factor of the first term, as PyTorch's: the weight of positive examples.

    Errors as of `binary_cross_entropy`.
    """
    z, t = matched("binary_cross_entropy_with_logits", z, t)
    positive = t * softplus(-z)
    value: Expr = (positive if pos_weight is None else pos_weight * positive) + (1 - t) * softplus(z)
    return value


@loss(("hinge(s, t)", SIGNED), ("hinge(s, t, margin=1/2)", SIGNED))
def hinge(scores: Any, t: Any, margin: Any = 1) -> Expr:
    """``relu(margin - t*scores)`` for classes t that are -1 or 1, entry by entry (Cortes, Vapnik 1995)."""
    scores, t = matched("hinge", scores, t)
    return relu(margin - t * scores)


@loss(("squared_hinge(s, t)", SIGNED))
def squared_hinge(scores: Any, t: Any, margin: Any = 1) -> Expr:
    """``relu(margin - t*scores)**2`` for classes t that are -1 or 1, entry by entry."""
    scores, t = matched("squared_hinge", scores, t)
    return relu(margin - t * scores) ** 2


@loss(("soft_margin(s, t)", SIGNED))
def soft_margin(scores: Any, t: Any) -> Expr:
    """``log(1 + exp(-t*scores))`` for classes t that are -1 or 1, entry by entry: the logistic loss."""
    scores, t = matched("soft_margin", scores, t)
    return softplus(-t * scores)


@loss(
    ("multiclass_hinge(x, t)", CLASSES),
    ("multiclass_hinge(x, t)", LABELLED),
    ("multiclass_hinge(x, t, margin=1/2, axis=0)", CLASSES),
)
def multiclass_hinge(scores: Any, t: Any, margin: Any = 1, axis: Any = -1) -> Expr:
    """The sum of ``relu(margin + s_j - s_y)`` over the classes j other than y; one value for each example.

    Weston, Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", 1999. The target t is one-hot
    along `axis`, or int64 labels without that axis. PyTorch's multi_margin_loss is this divided by the number of
    classes.
    """
    scores, t = fitted("multiclass_hinge", scores, labels_or_targets("multiclass_hinge", scores, t, axis))
    own = sum_(t * scores, axis=axis, keepdims=True)
    return sum_(relu(margin * (1 - t) + scores - own), axis=axis)


@loss(("nll(x, t)", CLASSES), ("nll(x, t)", LABELLED))
def nll(log_p: Any, t: Any, axis: Any = -1) -> Expr:
    """``-sum(t*log_p, axis)`` for log-probabilities, as of `log_softmax`; one value for each example.

    The target t is one-hot, or a distribution, along `axis`, or int64 labels without that axis.
    """
    log_p, t = fitted("nll", log_p, labels_or_targets("nll", log_p, t, axis))
    return -sum_(t * log_p, axis=axis)


@loss(("focal(x, t)", CLASSES), ("focal(x, t)", LABELLED), ("focal(x, t, gamma=1, axis=0)", CLASSES))
def focal(p: Any, t: Any, gamma: Any = 2, axis: Any = -1) -> Expr:
    """``-sum(t*(1 - p)**gamma*log(p), axis)``; one value for each example, `cross_entropy` for gamma = 0.

    Lin, Goyal, Girshick, He, Dollar, "Focal Loss for Dense Object Detection", 2017. Probabilities p and one-hot
    targets t along `axis`, or int64 labels without that axis.
    """
    at_least("focal", 0, gamma=gamma)
    p, t = fitted("focal", p, labels_or_targets("focal", p, t, axis))
    return -sum_((1 - p) ** gamma * xlogy(t, p), axis=axis)


@loss("focal_with_logits(z, t)", "focal_with_logits(z, t, gamma=1, alpha=1/4)")
def focal_with_logits(z: Any, t: Any, gamma: Any = 2, alpha: Any = None) -> Expr:
    """The focal loss of ``p = sigmoid(z)`` for targets 0 and 1, entry by entry, without overflow.

    ``-t*(1 - p)**gamma*log(p) - (1 - t)*p**gamma*log(1 - p)``; with `alpha` the first term is weighted by it, the
    second by ``1 - alpha``. Source as of `focal`.
    """
    at_least("focal_with_logits", 0, gamma=gamma)
    if alpha is not None:
        within("focal_with_logits", 0, 1, alpha=alpha)
    z, t = matched("focal_with_logits", z, t)
    positive, negative = t * sigmoid(-z) ** gamma * softplus(-z), (1 - t) * sigmoid(z) ** gamma * softplus(z)
    value: Expr = positive + negative if alpha is None else alpha * positive + (Fraction(1) - alpha) * negative
    return value
