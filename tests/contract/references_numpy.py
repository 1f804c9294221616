"""Functions of NumPy's names and meaning, for ``numpy`` and ``autograd.numpy`` alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

Function = Callable[..., Any]
FLAT = ("floor", "ceil", "trunc", "heaviside", "logical_and", "logical_or", "logical_xor", "logical_not")
NOT_COMPLEX = {*FLAT, "median", "ptp", "average", "lstsq", "as_float", "logaddexp", "cov", "corrcoef", "det_sign"}
NOT_AUTOGRAD = {
    *FLAT,
    "cross",
    "outer(X, y)",
    "median",
    "cov",
    "corrcoef",
    "lstsq",
    "det_sign",
    "as_float",
    "vdot",
    "linspace",
    "hypot",
}


def table(np: Any) -> dict[str, Function]:
    same = ("reciprocal", "exp2", "log2", "log10", "logaddexp", "dot", "inner", "tensordot", "full")
    plain = ("cov", "corrcoef", "linspace", "median", *FLAT)
    return {
        **{name: getattr(np, name) for name in same},
        **{name: getattr(numpy, name) for name in plain},
        "cross": lambda a, b, axis=-1: np.stack(
            [
                np.take(a, i, axis) * np.take(b, j, axis) - np.take(a, j, axis) * np.take(b, i, axis)
                for i, j in ((1, 2), (2, 0), (0, 1))
            ],
            axis,
        ),
        "square": lambda x: x * x,
        "hypot": lambda x, y: np.sqrt(x * x + y * y),
        "vdot": lambda a, b: np.dot(np.ravel(a), np.ravel(b)),
        "ptp": lambda x, axis=None, keepdims=False: (
            np.max(x, axis, keepdims=keepdims) - np.min(x, axis, keepdims=keepdims)
        ),
        "average": average,
        "diff": lambda x, n=1, axis=-1: np.diff(x, n, axis),
        "ones_like": lambda x: numpy.ones(x.shape),
        "zeros_like": lambda x: numpy.zeros(x.shape),
        "identity": numpy.eye,
        "lstsq": lambda a, b: numpy.linalg.pinv(a) @ b,
        "det_sign": lambda x: numpy.linalg.slogdet(x)[0],
        "as_float": lambda x: 1.0 * x,
    }


def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    w = numpy.ones(x.shape) if weights is None else weights
    if w.ndim < x.ndim:
        w = w.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return (x * w).sum(axis, keepdims=keepdims) / (w + 0 * x).sum(axis, keepdims=keepdims)
