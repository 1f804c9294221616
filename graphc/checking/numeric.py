"""Derivatives by central differences, to hold derived and emitted gradients against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.ir.expr import Expr
from graphc.runtime.evaluate import evaluate

ENTRIES = 64  # entries of one array that are compared; larger arrays are sampled
STENCIL = ((1, 8.0), (2, -1.0))  # the central difference of fourth order, times 12


def difference_quotient(function: Callable[[Any], Any], x: Any, place: Any, step: float) -> Any:
    """The derivative of `function` by one entry of `x`, in float64; `x` is left as it was."""
    kept = x[place]
    total: Any = 0.0
    for k, weight in STENCIL:
        for side in (1, -1):
            x[place] = kept + side * k * step
            total += side * weight * function(x)
    x[place] = kept
    return total / (12 * step)


def finite_difference(f: Expr, x: Expr, values: Mapping[str, Any], /, step: float = 1e-3) -> Any:
    """The derivative of an expression by one of its symbols, by central differences of fourth order.

    Parameters
    ----------
    f : Expr
    x : Expr
        A symbol or parameter.
    values : mapping from names to arrays and numbers
        As `evaluate` takes them.
    step : float
        Relative to entries of size 1.

    Returns
    -------
    numpy.ndarray of the shape of `f` followed by that of ``values[x.name]``
    """
    given = dict(values)
    point = np.array(given[str(x.name)], dtype=np.float64)

    def value(at: Any) -> Any:
        return np.asarray(evaluate(f, {**given, str(x.name): at}), dtype=np.float64)

    result = np.empty((*np.shape(value(point)), *point.shape))
    for place in np.ndindex(point.shape):
        result[(..., *place)] = difference_quotient(value, point, place, step * max(1.0, abs(float(point[place]))))
    return result


def compare_gradients(
    function: Callable[..., Sequence[Any]],
    inputs: Mapping[str, Any],
    wrt: Sequence[str],
    step: float = 1e-6,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """How far the gradients of a compiled function are from central differences of its loss.

    Parameters
    ----------
    function : callable
        Takes `inputs` by name and returns ``[loss, *gradients]``, gradients in the order of `wrt`.
    inputs : dict of arrays
        Real arrays are converted to float64.
    wrt : list of str
        The inputs by which the gradients are taken.
    step : float
        Of the differences, for entries of size 1; larger entries take a larger step.
    seed : int
        For the choice of entries in arrays of more than 64.

    Returns
    -------
    dict
        For each name the largest error, relative to the largest entry of the gradient that was compared.
    """
    rng = np.random.default_rng(seed)
    given = {name: _double(value) for name, value in inputs.items()}
    gradients = dict(zip(wrt, list(function(**given))[1:], strict=True))
    errors = {}
    for name in wrt:
        x = given[name]
        gradient = np.asarray(gradients[name], dtype=np.float64)
        places = np.arange(x.size) if x.size <= ENTRIES else np.sort(rng.choice(x.size, ENTRIES, replace=False))

        def loss(at: Any, name: str = name) -> float:
            return float(function(**{**given, name: at})[0])

        point = x.copy()
        derived, measured = np.empty(len(places)), np.empty(len(places))
        for i, flat in enumerate(places):
            place = np.unravel_index(int(flat), x.shape)
            derived[i] = gradient[place]
            measured[i] = difference_quotient(loss, point, place, step * max(1.0, abs(float(x[place]))))
        scale = max(float(np.max(np.abs(measured), initial=0.0)), float(np.max(np.abs(derived), initial=0.0)), 1e-12)
        errors[name] = float(np.max(np.abs(derived - measured), initial=0.0)) / scale
    return errors


def _double(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
