"""Functions that plans compute with and formulas do not have: they exist for their accuracy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.ir.expr import Expr, make
from graphc.ir.op import Attributes, Inference, Op
from graphc.ops import kernels
from graphc.ops.broadcasting import one_shape
from graphc.ops.elementwise import infer_float
from graphc.ops.products import reduced_shape


def _function(kernel: Callable[..., Any], formula: str, summary: str) -> Op:
    return Op(kernel.__name__, infer_float, kernel=kernel, formula=formula, conditions=one_shape, summary=summary)


LOG1MEXP = _function(kernels.log1mexp, "log(1 - exp(-x))", "The logarithm of 1 - exp(-x), for x > 0.")


def log1mexp(x: Expr) -> Expr:
    return make(LOG1MEXP, (x,))


SECH2 = _function(kernels.sech2, "1 - tanh(x)**2", "The slope of tanh, the square of the hyperbolic secant.")


def sech2(x: Expr) -> Expr:
    return make(SECH2, (x,))


LOGADDEXP = _function(np.logaddexp, "log(exp(x) + exp(y))", "The logarithm of the sum of two exponentials.")


def logaddexp(x: Expr, y: Expr) -> Expr:
    return make(LOGADDEXP, (x, y))


POLYNOMIAL = _function(kernels.polynomial, "polynomial(x)", "The sum of coefficients[k] * x**k.")


def polynomial(x: Expr, coefficients: Sequence[Fraction]) -> Expr:
    return make(POLYNOMIAL, (x,), coefficients=tuple(coefficients))


QUOTIENT = _function(kernels.quotient, "x/y", "x/y, and 0 where x is 0, also over 0.")


def quotient(x: Expr, y: Expr) -> Expr:
    return make(QUOTIENT, (x, y))


LGAMMA_STEP = _function(kernels.lgamma_step, "lgamma(x + y) - lgamma(x)", "The step of lgamma from x to x + y.")
DIGAMMA_STEP = _function(kernels.digamma_step, "digamma(x + y) - digamma(x)", "The step of digamma from x to x + y.")


def lgamma_step(x: Expr, y: Expr) -> Expr:
    return make(LGAMMA_STEP, (x, y))


def digamma_step(x: Expr, y: Expr) -> Expr:
    return make(DIGAMMA_STEP, (x, y))


ERFC = _function(kernels.erfc, "1 - erf(x)", "The complement of the error function.")
ERFCX = _function(kernels.erfcx, "exp(x**2)*(1 - erf(x))", "The complement of the error function, scaled.")
LOG_ERFC = _function(kernels.log_erfc, "log(1 - erf(x))", "The logarithm of the complement of the error function.")


def erfc(x: Expr) -> Expr:
    return make(ERFC, (x,))


def erfcx(x: Expr) -> Expr:
    return make(ERFCX, (x,))


def log_erfc(x: Expr) -> Expr:
    return make(LOG_ERFC, (x,))


def _infer_mean(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return reduced_shape(shape, attributes["axis"], False), dtype


LOGMEANEXP = Op("logmeanexp", _infer_mean, kernel=kernels.logmeanexp, summary="log(mean(exp(x))) over axes.")


def logmeanexp(x: Expr, axis: tuple[int, ...]) -> Expr:
    return make(LOGMEANEXP, (x,), axis=axis)


def _cumulative(kernel: Callable[..., Any], formula: str) -> Op:
    return Op(kernel.__name__, infer_float, kernel=kernel, summary=f"{formula} along an axis.")


LOGCUMSUMEXP = _cumulative(kernels.logcumsumexp, "log(cumsum(exp(x)))")
REVERSE_LOGCUMSUMEXP = _cumulative(kernels.reverse_logcumsumexp, "log(reverse_cumsum(exp(x)))")


def logcumsumexp(x: Expr, axis: int, backward: bool) -> Expr:
    return make(REVERSE_LOGCUMSUMEXP if backward else LOGCUMSUMEXP, (x,), axis=axis)


PEAK = Op("peak", _infer_mean, kernel=kernels.peak, summary="The largest entry over axes; of nothing, -inf.")


def peak(x: Expr, axis: tuple[int, ...]) -> Expr:
    return make(PEAK, (x,), axis=axis)


SOFTMAX_REST = Op("softmax_rest", infer_float, kernel=kernels.softmax_rest, summary="1 - softmax(x) along an axis.")


def softmax_rest(x: Expr, axis: int) -> Expr:
    return make(SOFTMAX_REST, (x,), axis=axis)


LESS_MEAN = Op("less_mean", infer_float, kernel=kernels.less_mean, summary="g - sum(p*g) along an axis, sum(p) = 1.")


def less_mean(p: Expr, g: Expr, axis: int) -> Expr:
    return make(LESS_MEAN, (p, g), axis=axis)


WEIGHTED_SOFTMAX = Op(
    "weighted_softmax", infer_float, kernel=kernels.weighted_softmax, summary="w*exp(x)/sum(w*exp(x)) along an axis."
)


def weighted_softmax(x: Expr, w: Expr, axis: int) -> Expr:
    return make(WEIGHTED_SOFTMAX, (x, w), axis=axis)


def _infer_along(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return reduced_shape(shape, (attributes["axis"],), False), dtype


WEIGHTED_LOGSUMEXP = Op(
    "weighted_logsumexp", _infer_along, kernel=kernels.weighted_logsumexp, summary="log(sum(w*exp(x))) along an axis."
)


def weighted_logsumexp(x: Expr, w: Expr, axis: int) -> Expr:
    return make(WEIGHTED_LOGSUMEXP, (x, w), axis=axis)


LOG_SOFTMAX_REST = Op(
    "log_softmax_rest", infer_float, kernel=kernels.log_softmax_rest, summary="log(1 - softmax(x)) along an axis."
)


def log_softmax_rest(x: Expr, axis: int) -> Expr:
    return make(LOG_SOFTMAX_REST, (x,), axis=axis)
