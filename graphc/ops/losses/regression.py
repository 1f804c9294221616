"""Losses of a prediction and a target that are real numbers; entry by entry but for `mae`, a mean as `mse`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr
from graphc.ops import kernels
from graphc.ops.activations import activation
from graphc.ops.defined import mean
from graphc.ops.elementwise import absolute, apply, call, greater_equal, less, less_equal, log, relu, tanh
from graphc.ops.leaves import as_expr
from graphc.ops.losses.record import at_least, loss, matched, within
from graphc.ops.notation import notation
from graphc.ops.reductions import where


def _difference(name: str, a: Any, b: Any) -> Expr:
    a, b = matched(name, a, b)
    value: Expr = a - b
    return value


@loss("mae(x, t)", latex=r"\operatorname{{mae}}({0}, {1})")
def mae(prediction: Any, target: Any) -> Expr:
    """``mean(abs(prediction - target))`` over all entries, the mean absolute (L1) error; its slope at 0 is 0."""
    return mean(absolute(_difference("mae", prediction, target)))


@loss("huber(x, t)", "huber(x, t, delta=0.3)")
def huber(prediction: Any, target: Any, delta: Any = 1) -> Expr:
    """``r**2/2`` where ``abs(r) <= delta``, else ``delta*(abs(r) - delta/2)``, for ``r = prediction - target``.

    Entry by entry. Huber, "Robust Estimation of a Location Parameter", 1964.

    Raises
    ------
    UnsupportedError
        If the number delta is not above 0.
    ShapeError
        If the shapes do not fit, or only by stretching both.
    """
    at_least("huber", 0, strict=True, delta=delta)
    r = _difference("huber", prediction, target)
    return where(less_equal(absolute(r), delta), r**2 / 2, delta * (absolute(r) - delta / 2))


@loss("smooth_l1(x, t)", "smooth_l1(x, t, beta=0.3)")
def smooth_l1(prediction: Any, target: Any, beta: Any = 1) -> Expr:
    """``r**2/(2*beta)`` where ``abs(r) < beta``, else ``abs(r) - beta/2``; ``abs(r)`` for beta = 0.

    Entry by entry. Girshick, "Fast R-CNN", 2015. Errors as of `huber`.
    """
    at_least("smooth_l1", 0, beta=beta)
    r = _difference("smooth_l1", prediction, target)
    if beta == 0:
        return absolute(r)
    return where(less(absolute(r), beta), r**2 / (2 * beta), absolute(r) - beta / 2)


@loss("pinball(x, t)", "pinball(x, t, quantile=0.9)")
def pinball(prediction: Any, target: Any, quantile: Any = Fraction(1, 2)) -> Expr:
    """``quantile*r`` where ``r = target - prediction`` is 0 or more, else ``(quantile - 1)*r``: the quantile loss.

    Entry by entry. Koenker, Bassett, "Regression Quantiles", 1978. Errors as of `huber`.
    """
    within("pinball", 0, 1, quantile=quantile)
    r = _difference("pinball", target, prediction)
    return where(greater_equal(r, 0), quantile * r, (quantile - 1) * r)


@loss("epsilon_insensitive(x, t)")
def epsilon_insensitive(prediction: Any, target: Any, epsilon: Any = Fraction(1, 10)) -> Expr:
    """``relu(abs(prediction - target) - epsilon)``, the loss of support vector regression.

    Entry by entry. Vapnik, "The Nature of Statistical Learning Theory", 1995. Errors as of `huber`.
    """
    at_least("epsilon_insensitive", 0, epsilon=epsilon)
    return relu(absolute(_difference("epsilon_insensitive", prediction, target)) - epsilon)


def _slope(x: Expr, t: Expr, y: Expr) -> tuple[Expr, Expr]:
    slope = tanh(x - t)
    return slope, -slope


LOG_COSH = activation(
    "log_cosh",
    "log(cosh(x - y))",
    lambda node: log(call("cosh", node.operands[0] - node.operands[1])),
    derivative=_slope,
    kernel=kernels.log_cosh,
    latex=r"\log\cosh ({0} - {1})",
    domain=((-2.0, 2.0),) * 2,
    examples=(("log_cosh(x, t)", {"x": ("n", "d"), "t": ("n", "d")}),),
    summary="log(cosh(x - t)): near 0 half the square, far from it the absolute value less log(2).",
)


@notation
def log_cosh(prediction: Any, target: Any) -> Expr:
    """``log(cosh(prediction - target))``, entry by entry, without overflow. Errors as of `huber`."""
    return apply(LOG_COSH, tuple(matched("log_cosh", as_expr(prediction), as_expr(target))))
