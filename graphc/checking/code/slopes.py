"""Derivatives of NumPy code by numbers: the complex step where the code takes complex arrays, else differences."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

STEPS = (1e-1, 1e-2, 1e-3, 1e-4)  # of the differences; the best pair of neighbours is taken
IMAGINARY = 1e-30  # the complex step; no difference is taken, so that it may be as small as it likes
KINKED = 1e-5  # a jump of the slope above this, relative to its size, is a kink
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Slopes:
    """Derivatives of a scalar function by entries of one array.

    Attributes
    ----------
    values, errors : the derivatives, and estimates of their absolute errors
    low, high : the slopes on both sides; equal to `values` where the function has a derivative
    exact : whether the complex step gave them
    """

    values: Any
    errors: Any
    low: Any
    high: Any
    exact: bool

    @property
    def kinked(self) -> Any:
        """Where the function has no derivative."""
        return self.high > self.low


def slopes(function: Function, x: Any, places: Any) -> Slopes:
    """The derivatives of a scalar `function` at `x` by the entries with the flat numbers `places`.

    The complex step [Squire and Trapp 1998] is used if it agrees with differences along a random direction, which
    it does not where the code takes absolute values or real parts, and where `x` is at a kink.
    """
    if takes_complex(function, x):
        found = np.array([complex_slope(function, x, unit(x, i)) for i in places], dtype=float)
        return Slopes(found, 1e-14 * np.abs(found), found, found, exact=True)
    rough = difference(function, x, np.random.default_rng(0).choice([-1.0, 1.0], x.shape))
    rows = np.array([quick(function, x, unit(x, i), rough.steps) for i in places], dtype=float).reshape(-1, 4)
    return Slopes(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], exact=False)


def unit(x: Any, place: int) -> Any:
    """The direction of one entry."""
    direction = np.zeros_like(x)
    direction.flat[place] = 1
    return direction


def takes_complex(function: Function, x: Any) -> bool:
    """Whether the complex step gives what differences give, along two random directions."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        direction = rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.0, x.shape)
        found = complex_slope(function, x, direction)
        if found is None:
            return False
        rough = difference(function, x, direction)
        if rough.low != rough.high or not abs(found - rough.value) <= 10 * rough.error + 1e-7 * abs(rough.value):
            return False
    return True


def complex_slope(function: Function, x: Any, direction: Any) -> float | None:
    """The derivative along `direction` by a step into the complex plane; None if the code does not take it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            found = complex(function(x + 1j * IMAGINARY * direction))
    except Exception:  # whatever the user's code, made for real numbers, raises at complex ones
        return None
    return found.imag / IMAGINARY if np.isfinite(found) else None


class Difference(NamedTuple):
    """A derivative along a direction: its value and error, the slopes on both sides, the steps that gave it."""

    value: float
    error: float
    low: float
    high: float
    steps: tuple[float, ...]


def quick(function: Function, x: Any, direction: Any, steps: tuple[float, ...]) -> tuple[float, ...]:
    """The derivative by two steps that served elsewhere, or by all where these do not agree."""
    found = difference(function, x, direction, steps)
    if found.error > 1e-7 * abs(found.value) + 1e-9 and steps != STEPS:
        found = difference(function, x, direction)
    return found[:4]


def difference(function: Function, x: Any, direction: Any, steps: tuple[float, ...] = STEPS) -> Difference:
    """The derivative along `direction` by central differences of fourth order."""
    scale = max(1.0, float(np.max(np.abs(x[direction != 0]), initial=0.0)))
    middle = float(function(x))
    found, gaps, sides = [], [], (0.0, 0.0)
    for h in (relative * scale for relative in steps):
        far, near = ([float(function(x + s * k * h * direction)) for s in (1, -1)] for k in (2, 1))
        noise = 4 * np.finfo(float).eps * max(abs(middle), *map(abs, near)) / h
        found.append(((8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * h), noise))
        sides = (near[0] - middle) / h, (middle - near[1]) / h
        gaps.append(abs(sides[0] - sides[1]))
    pairs = [(abs(a - b) + noise, b) for (a, _), (b, noise) in itertools.pairwise(found)]
    place = min(range(len(pairs)), key=lambda i: pairs[i][0] if np.isfinite(pairs[i][0]) else np.inf)
    error, value = pairs[place]
    jump = KINKED * max(map(abs, sides)) + 10 * found[-1][1]
    if gaps[-1] > max(0.5 * gaps[-2], jump):  # for a smooth function the gap shrinks with the step
        return Difference(sum(sides) / 2, error, min(sides), max(sides), STEPS)
    return Difference(value, error, value, value, steps[place : place + 2])
