"""Functions that plans compute with and formulas do not have: they exist for their accuracy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.ir.expr import Expr, make
from graphc.ir.op import Op
from graphc.ops import kernels
from graphc.ops.broadcasting import one_shape
from graphc.ops.elementwise import infer_float


def _function(kernel: Callable[..., Any], formula: str, summary: str) -> Op:
    return Op(kernel.__name__, infer_float, kernel=kernel, formula=formula, conditions=one_shape, summary=summary)


LOG1MEXP = _function(kernels.log1mexp, "log(1 - exp(-x))", "The logarithm of 1 - exp(-x), for x > 0.")


def log1mexp(x: Expr) -> Expr:
    return make(LOG1MEXP, (x,))


LOGADDEXP = _function(np.logaddexp, "log(exp(x) + exp(y))", "The logarithm of the sum of two exponentials.")


def logaddexp(x: Expr, y: Expr) -> Expr:
    return make(LOGADDEXP, (x, y))


POLYNOMIAL = _function(kernels.polynomial, "polynomial(x)", "The sum of coefficients[k] * x**k.")


def polynomial(x: Expr, coefficients: Sequence[Fraction]) -> Expr:
    return make(POLYNOMIAL, (x,), coefficients=tuple(coefficients))
