"""What the activations mean in plain NumPy, after PyTorch's documentation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy

Function = Callable[..., Any]


def normal_below(x: Any) -> Any:
    return numpy.vectorize(lambda v: float(mpmath.ncdf(float(v))), otypes=[float])(x)


def table(np: Any) -> dict[str, Function]:
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def between(x: Any, low: float, high: float) -> Any:
        return np.minimum(np.maximum(x, low), high)

    def gelu(x: Any, approximate: str = "none") -> Any:
        if approximate == "tanh":
            return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return x * normal_below(x)

    def elu(x: Any, alpha: float = 1.0) -> Any:
        return np.maximum(x, 0.0) + np.minimum(alpha * (np.exp(x) - 1), 0.0)

    def celu(x: Any, alpha: float = 1.0) -> Any:
        return np.maximum(x, 0.0) + np.minimum(alpha * (np.exp(x / alpha) - 1), 0.0)

    def selu(x: Any) -> Any:
        alpha, scale = 1.6732632423543772, 1.0507009873554805
        return scale * (np.maximum(x, 0.0) + np.minimum(alpha * (np.exp(x) - 1), 0.0))

    def softshrink(x: Any, lambd: float = 0.5) -> Any:
        return np.sign(x) * np.maximum(np.abs(x) - lambd, 0.0)

    def prelu(x: Any, weight: Any) -> Any:
        weight = np.reshape(weight, (-1, *[1] * (x.ndim - 2))) if np.size(weight) != 1 else weight
        return np.maximum(x, 0.0) + weight * np.minimum(x, 0.0)

    def softmin(x: Any, axis: int = -1) -> Any:
        return np.exp(-x) / np.sum(np.exp(-x), axis=axis, keepdims=True)

    def glu(x: Any, axis: int = -1) -> Any:
        a, b = np.split(x, 2, axis=axis)
        return a / (1 + np.exp(-b))

    return {
        **{f.__name__: f for f in (gelu, elu, celu, selu, softshrink, prelu, softmin, glu)},
        "silu": lambda x: x * sigmoid(x),
        "swish": lambda x: x * sigmoid(x),
        "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
        "logsigmoid": lambda x: np.log(sigmoid(x)),
        "softsign": lambda x: x / (1 + np.abs(x)),
        "tanhshrink": lambda x: x - np.tanh(x),
        "relu6": lambda x: between(x, 0, 6),
        "hardsigmoid": lambda x: between(x / 6 + 0.5, 0, 1),
        "hardswish": lambda x: x * between(x + 3, 0, 6) / 6,
        "leaky_relu": lambda x, negative_slope=0.01: np.maximum(x, 0.0) + negative_slope * np.minimum(x, 0.0),
        "hardtanh": lambda x, min_val=-1.0, max_val=1.0: between(x, min_val, max_val),
        "hardshrink": lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0.0 * x),
        "threshold": lambda x, threshold, value: np.where(x > threshold, x, 0.0 * x + value),
    }


NOT_COMPLEX = {"elu", "celu", "selu", "softshrink", "prelu", "softsign", "relu6", "hardsigmoid", "hardswish"}
NOT_COMPLEX |= {"leaky_relu", "hardtanh", "hardshrink", "threshold", "gelu"}
NOT_AUTOGRAD = {"gelu"}
