"""Formulas as people write them, and their derivatives, have the right value where the formula overflows or cancels.

Every function of one variable is compared with mpmath on the formula itself, at inputs large, moderate and small, in
both precisions, as evaluated and as emitted in both styles.
"""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gc

POINTS = (1e4, -1e4, 30.0, -30.0, 1e-8, -1e-8, 1.0, -1.0, 1e-3, 3.7)
SOFTPLUS = "maximum(x, 0) + log1p(exp(-abs(x)))"
# a formula, and where its logarithm needs too many digits another one for mpmath
EXPONENTIALS = {
    "log(1 + exp(x))": "",
    "log(1 + exp(-x))": "",
    "log1p(exp(2*x))/2": "",
    "1/(1 + exp(-x))": "",
    "exp(x)/(1 + exp(x))": "",
    "(exp(x) - exp(-x))/(exp(x) + exp(-x))": "",
    "(1 - exp(-2*x))/(1 + exp(-2*x))": "",
    "(exp(x) - exp(-x))/2": "",
    "2/(exp(x) + exp(-x))": "",
    "x*tanh(log(1 + exp(x)))": "",
    "x/(1 + exp(-x))": "",
    "log(cosh(x))": "",
    "log(sinh(x))": "",
    "log(exp(x) + exp(-x))": "",
    "log(1 - sigmoid(x))": f"-({SOFTPLUS})",
    "log(sigmoid(x))": f"x - ({SOFTPLUS})",
    "log(1 - tanh(x)**2)": "2*log(2) - 2*abs(x) - 2*log1p(exp(-2*abs(x)))",
    "log(exp(-x)/(1 + exp(-x))**2)": f"x - 2*({SOFTPLUS})",
    "log(exp(x) - 1)": "",
    "log(1 - exp(-x))": "log(-expm1(-x))",
    "1 - sigmoid(x)": "",
    "1 - tanh(x)**2": "",
    "1 - 2*sigmoid(x)": "",
    "sigmoid(x) - 1/2": "",
    "exp(x) - 1": "",
    "cosh(x) - 1": "",
    "1/(exp(x) - 1)": "",
    "exp(-x**2) - 1": "",
    "exp(x)*(1 - sigmoid(x))": "exp(x)/(1 + exp(x))",
    "exp(2*x)/(1 + exp(x))**2": "",
    "log(exp(-x**2/2)/sqrt(2*pi))": "-x**2/2 - log(2*pi)/2",
    "log(1 + exp(x) + exp(2*x))": "",
    "log(3 + exp(x))": "",
    "sqrt(1 - tanh(x)**2)": "",
    "log(1 + exp(x))**2": "",
}
CANCELLING = {
    "log(1 + x)": "",
    "(exp(x) - 1)/x": "",
    "(exp(x) - 1 - x)/x**2": "",
    "1 - cos(x)": "",
    "(1 - cos(x))/x**2": "",
    "sin(x)/x": "",
    "x - sin(x)": "",
    "tanh(x) - x": "",
    "log(1 + x) - x": "",
    "log(sin(x)/x)": "",
    "sqrt(1 + x**2) - 1": "",
    "sqrt(x**2)": "abs(x)",
    "1 - 1/(1 + x**2)": "",
    "1/tanh(x) - 1/x": "",
}


def _where(condition: bool, x: Any, y: Any) -> Any:
    return x if condition else y


NAMES: dict[str, Any] = {
    **{name: getattr(mpmath, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: getattr(mpmath, name) for name in ("log1p", "expm1", "erf", "erfc", "sign", "pi")},
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "maximum": max,
    "where": _where,
    "abs": abs,
}


@functools.cache
def reference(formula: str, at: float, order: int) -> Any:
    """The derivative of a formula at a point by mpmath, None where it is not real."""
    with mpmath.workdps(120):
        try:
            value = mpmath.diff(lambda t: eval(formula, {"x": t, **NAMES}), mpmath.mpf(at), order)
        except (ValueError, ZeroDivisionError):
            return None
        return value if isinstance(value, mpmath.mpf) and mpmath.isfinite(value) else None


def agrees(value: Any, true: Any, dtype: Any, at: float) -> bool:
    """Whether a number is the true one, if the dtype has it; what is too small for it is next to 0."""
    info = np.finfo(dtype)
    if abs(true) > float(info.max):
        return True
    if abs(true) < float(info.tiny) or (abs(at) > 1000 and abs(true) < 1e-20):
        return abs(value) < 1e-30
    return abs(mpmath.mpf(float(value)) / true - 1) < (1e-10 if dtype == np.float64 else 1e-4)


def computed(formula: str, points: np.ndarray) -> dict[str, list[np.ndarray]]:
    """The formula and two derivatives at `points`, by each way of computing them."""
    x = gc.symbol("x", ("n",))
    y = gc.parse(formula, x=x)
    first = gc.grad(gc.sum(y), x)
    results = [y, first, gc.grad(gc.sum(first), x)]
    ways = {style: gc.compile(results, [x], style=style)(points) for style in ("readable", "fast")}
    return {"evaluate": [gc.evaluate(e, {"x": points, "n": len(points)}) for e in results], **ways}


def wrong(formula: str, exact: str, dtype: Any) -> list[Any]:
    points = np.array(POINTS, dtype)
    found = []
    with np.errstate(all="ignore"):
        ways = computed(formula, points)
    for order in range(3):
        for i, at in enumerate(points):
            true = reference(exact or formula, float(at), order)
            if true is not None:
                found += [
                    (way, order, float(at), float(v[order][i]), mpmath.nstr(true, 8))
                    for way, v in ways.items()
                    if not agrees(v[order][i], true, dtype, float(at))
                ]
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("formula", [*EXPONENTIALS, *CANCELLING])
def test_a_formula_and_its_derivatives_have_the_right_value_at_large_and_small_inputs(formula: str, dtype: Any) -> None:
    exact = (EXPONENTIALS | CANCELLING)[formula]
    assert not wrong(formula, exact, dtype)
