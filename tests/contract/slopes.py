"""Derivatives of a function of one number, from values alone: the oracle of the contract."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

REACH = 5  # points on each side
STEP = 8e-3
PRECISION = (1e-8, 1e-6, 1e-4)  # of the first, second and third derivative


class NoDerivative(Exception):  # noqa: N818 - a finding, not a mistake
    """The differences of two steps disagree: there is a kink, or a pole, nearby."""


@functools.cache
def weights(order: int) -> Any:
    """Weights of the values at -REACH, ..., REACH that give the derivative of `order` (times the step's power)."""
    points = np.arange(-REACH, REACH + 1)
    powers = points ** np.arange(len(points))[:, None]
    unit = np.zeros(len(points))
    unit[order] = factorial(order)
    return np.linalg.solve(powers.astype(float), unit)


def slopes(f: Callable[[float], Any], orders: int = 1, longest: float = STEP) -> list[Any]:
    """The derivatives of `f` at 0, of order 1 up to `orders`.

    Raises
    ------
    NoDerivative
        If a step of half the length gives other numbers.
    """
    found = []
    for step in (longest, longest / 2):
        values = np.stack([np.asarray(f(i * step), dtype=float) for i in range(-REACH, REACH + 1)], axis=-1)
        found.append([values @ weights(order) / step**order for order in range(1, orders + 1)])
    for order, (wide, narrow) in enumerate(zip(*found, strict=True)):
        scale = 1 + np.max(np.abs(narrow), initial=0.0)
        if not np.all(np.abs(wide - narrow) <= PRECISION[order] * scale):
            raise NoDerivative(f"order {order + 1}: {wide} with a step of {longest}, {narrow} with half of it")
    return found[0]


def complex_slope(f: Callable[[complex], Any]) -> Any:
    """The first derivative of an analytic function, to the last digit (Squire and Trapp 1998)."""
    return np.imag(f(1e-30j)) / 1e-30
