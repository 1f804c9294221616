"""First values of parameters, drawn from a seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from graphc.ir.expr import Expr

Sizes = tuple[int, ...]


def fans(shape: Sizes) -> tuple[int, int]:
    """How many numbers feed one unit, and how many units one number feeds.

    ``(inputs, units)`` for the W of ``x @ W``; ``(filters, channels, height, width)`` for a convolution.
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    if len(shape) == 2:
        return shape
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def he_normal(random: Generator, shape: Sizes) -> Any:
    """N(0, 2/fan_in), which keeps the variance through relu (He et al., 2015)."""
    return random.standard_normal(shape) * math.sqrt(2 / max(1, fans(shape)[0]))


def glorot_uniform(random: Generator, shape: Sizes) -> Any:
    """U(-a, a) with a = sqrt(6/(fan_in + fan_out)) (Glorot, Bengio, 2010)."""
    return random.uniform(-1, 1, shape) * math.sqrt(6 / max(1, sum(fans(shape))))


def normal(random: Generator, shape: Sizes) -> Any:
    """N(0, 0.01**2)."""
    return 0.01 * random.standard_normal(shape)


INITIALIZERS: dict[str, Callable[[Generator, Sizes], Any]] = {
    "he_normal": he_normal,
    "glorot_uniform": glorot_uniform,
    "normal": normal,
    "zeros": lambda random, shape: np.zeros(shape),
    "ones": lambda random, shape: np.ones(shape),
}


def initial(parameter: Expr, shape: Sizes, random: Generator, dtype: Any = np.float64) -> Any:
    """The first value of `parameter`, whose shape has been bound to `shape`."""
    kind = parameter.attributes.get("init") or ("glorot_uniform" if len(shape) >= 2 else "zeros")
    return np.asarray(INITIALIZERS[kind](random, shape), dtype=dtype)
