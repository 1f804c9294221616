"""Formulas as people write them, and their derivatives, have the right value where the formula overflows or cancels.

Every function of one variable is compared with mpmath on the formula itself, at inputs large, moderate and small, in
both precisions, as evaluated and as emitted in both styles.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gc
from graphc.ir.op import registry
from graphc.ops.notation import functions
from graphc.runtime.compile import compile as load

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
    "log(1 + exp(x)) - x": f"{SOFTPLUS} - x",
    "log(sigmoid(x)/(1 - sigmoid(x)))": "1*x",
    "log(cosh(x)) - log(2*cosh(x)/exp(x))": "x - log(2)",
    "log(1 + tanh(x))": "log(2) - maximum(-2*x, 0) - log1p(exp(-2*abs(x)))",
    "x/(exp(x) - 1)": "",
    "x**2*exp(x)/(1 - exp(x))**2": "",
    "maximum(x, 0) + minimum(0, exp(x) - 1)": "",
    "log(log(1 + exp(x)))": "log(log1p(exp(x)))",
    "log(-log(sigmoid(x)))": "log(log1p(exp(-x)))",
    "sqrt(log(1 + exp(x)))": "sqrt(log1p(exp(x)))",
    "log(1 + log(1 + exp(x)))": "log1p(log1p(exp(x)))",
    "log(sinh(x)/x)": "",
    "x/sinh(x)": "",
    "exp(x - exp(x))": "",
    "2**x - 1": "",
    "log(2**x + 1)": "",
    "10**x/(1 + 10**x)": "",
    "sigmoid(x) - sigmoid(x - 1)": "",
    "1/(1 + exp(-x - 1)) - 1/(1 + exp(1 - x))": "",
    "log(sigmoid(x + 1) - sigmoid(x - 1))": "log(1 - exp(-2)) - log1p(exp(-x - 1)) - log1p(exp(x - 1))",
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
    "sqrt(x**2 + 1) - x": "",
    "1 - x/sqrt(1 + x**2)": "",
    "3 - 3/sqrt(1 + 1/x**2)": "3 - 3*abs(x)/sqrt(x**2 + 1)",
    "1 - (x + 2)/sqrt(x**2 + 4*x + 5)": "",
    "sqrt(x**2)": "abs(x)",
    "1 - 1/(1 + x**2)": "",
    "1/tanh(x) - 1/x": "",
    "1/(exp(x) - 1) - 1/x": "",
    "log((exp(x) - 1)/x)": "",
    "log(x/(exp(x) - 1))": "",
    "log(x + sqrt(x**2 + 1))": "asinh(x)",
    "log(sqrt(x**2 + 1) - x)": "-asinh(x)",
    "log(x + 1) - log(x)": "log1p(1/x)",
    "log(x) - log(x + 1)": "-log1p(1/x)",
}
# their derivatives far from 0 are what is left of terms near 1
VALUES = {
    "exp(-abs(x))*cosh(x)": "(1 + exp(-2*abs(x)))/2",
    "exp(-abs(x))*sinh(x)": "sign(x)*(1 - exp(-2*abs(x)))/2",
    "exp(x)/log(1 + exp(x))": "exp(x)/log1p(exp(x))",
    "x*((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1)": "",
    "tanh(x + 1) - tanh(x - 1)": "",
}
TAILS = {
    "1 - erf(x)": "erfc(x)",
    "log(1 + erf(x/sqrt(2)))": "log(erfc(-x/sqrt(2)))",
    "x*(1 + erf(x/sqrt(2)))/2": "x*erfc(-x/sqrt(2))/2",
    "exp(-x**2)/(1 - erf(x))": "exp(-x**2)/erfc(x)",
}


def _where(condition: bool, x: Any, y: Any) -> Any:
    return x if condition else y


SYMPY_NAMES: dict[str, Any] = {
    "Abs": abs,
    "Max": max,
    "Min": min,
    "ceiling": mpmath.ceil,
    "floor": mpmath.floor,
    "round": mpmath.nint,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "asinh": mpmath.asinh,
    "acosh": mpmath.acosh,
    "atanh": mpmath.atanh,
    "loggamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "digamma": mpmath.digamma,
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "minimum": min,
}


NAMES: dict[str, Any] = {
    **{name: getattr(mpmath, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: getattr(mpmath, name) for name in ("log1p", "expm1", "erf", "erfc", "sign", "pi")},
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "maximum": max,
    "where": _where,
    "mpf": mpmath.mpf,
    "Eq": lambda x, y: mpmath.mpf(x == y),
    **SYMPY_NAMES,
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
    if abs(true) < max(float(info.tiny), 1e-100) or (abs(at) > 1000 and abs(true) < 1e-20):
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


def wrong(formula: str, exact: str, dtype: Any, orders: int = 3) -> list[Any]:
    points = np.array(POINTS, dtype)
    found = []
    with np.errstate(all="ignore"):
        ways = computed(formula, points)
    for order in range(orders):
        for i, at in enumerate(points):
            true = reference(exact or formula, float(at), order)
            if true is not None:
                found += [
                    (way, order, float(at), float(v[order][i]), mpmath.nstr(true, 8))
                    for way, v in ways.items()
                    if not agrees(v[order][i], true, dtype, float(at))
                ]
    return found


EXACT = {
    "threshold": "where(x > mpf(1)/2, x, -1)",
    "hardtanh": "minimum(maximum(x, -2), 2)",
    "gelu": "x*erfc(-x/sqrt(2))/2",
    "lgamma": "loggamma(x) if x > 0 and x != 1 else mpf('nan')",
    "digamma": "digamma(x) if x > 0 else mpf('nan')",
}
FLAT = registry["floor"].vjp  # has steps at whole numbers
UNDEFINED = ("as_float", "stop_gradient", "glu")  # no functions of real numbers by a formula


def elementwise_records() -> list[str]:
    """Every function of one array, entry by entry, of the vocabulary."""
    found = [op for op in registry.values() if op.formula is not None and len(op.domain) == 1]
    return sorted(op.name for op in found if op.name in functions and op.name not in UNDEFINED and op.vjp is not FLAT)


@pytest.mark.parametrize("name", elementwise_records())
def test_every_function_of_entries_and_its_derivatives_are_right(name: str) -> None:
    op = registry[name]
    options = {k: v for k, v in (op.defaults or {}).items() if isinstance(v, Fraction)}
    formula = op.formula or ""
    for k, v in options.items():
        formula = re.sub(rf"\b{k}\b", f"(mpf({v.numerator})/{v.denominator})", formula)
    formula = EXACT.get(name, formula)
    needed = {"threshold": "threshold(x, 1/2, -1)", "hardtanh": "hardtanh(x, min_val=-2, max_val=2)"}
    call = needed.get(name, f"{name}(x)")
    for dtype in (np.float64, np.float32):
        assert not wrong(call, formula, dtype), (formula, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("formula", [*EXPONENTIALS, *CANCELLING])
def test_a_formula_and_its_derivatives_have_the_right_value_at_large_and_small_inputs(formula: str, dtype: Any) -> None:
    exact = (EXPONENTIALS | CANCELLING)[formula]
    assert not wrong(formula, exact, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("formula", VALUES)
def test_a_formula_has_the_right_value_and_finite_derivatives(formula: str, dtype: Any) -> None:
    assert not wrong(formula, VALUES[formula], dtype, orders=1)
    with np.errstate(over="ignore"):
        for values in computed(formula, np.array(POINTS, dtype)).values():
            assert all(np.all(np.isfinite(v[1:])) for v in values)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_complementary_log_log_is_right_where_the_inner_exponential_underflows(dtype: Any) -> None:
    x = gc.symbol("x", ("n",))
    f, at = gc.parse("log(1 - exp(-exp(x)))", x=x), np.array([-1e4, -200, -30, -1e-8, 1, 3], dtype)
    with mpmath.workdps(60):
        exact = np.array([mpmath.log(-mpmath.expm1(-mpmath.exp(mpmath.mpf(float(t))))) for t in at], float)
    with np.errstate(divide="ignore", over="ignore"):
        for value in (gc.evaluate(f, {"x": at}), *(gc.compile(f, [x], style=s)(at) for s in ("readable", "fast"))):
            np.testing.assert_allclose(value, exact, rtol=1e-13 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("formula", TAILS)
def test_tails_of_the_normal_distribution_do_not_cancel(formula: str) -> None:
    points = np.array([-30.0, -8.0, -1.0, 1e-8, 1.0, 8.0, 20.0])
    with np.errstate(all="ignore"):
        ways = computed(formula, points)
    for way, values in ways.items():
        for order in range(2):
            for at, value in zip(points, values[order], strict=True):
                true = reference(TAILS[formula], float(at), order)
                assert agrees(value, true, np.float64, float(at)), (way, order, at, float(value), mpmath.nstr(true, 8))


ROWS = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
ZERO_NORMS = {
    "norm(x)": np.zeros(3),
    "sqrt(sum(x**2))": np.zeros(3),
    "sqrt(x @ x)": np.zeros(3),
    "norm(2*x - 2)": np.ones(3),
    "sum(norm(x, axis=1))": ROWS,
    "norm(x)*norm(x)/norm(x)": np.zeros((2, 3)),
    "sqrt(trace(x.T @ x))": np.zeros((2, 3)),
    "std(x)": np.ones(3),
    "sqrt(mean((x - mean(x))**2))": np.ones(3),
    "sqrt(mean(x**2) - mean(x)**2)": np.ones(3),
    "sum(std(x, axis=1))": np.array([[1.0, 1.0], [1.0, 3.0]]),
    "norm(eye(3) @ x - ones(3))": np.ones(3),
}


@pytest.mark.parametrize("formula", ZERO_NORMS)
def test_the_gradient_of_a_norm_at_zero_is_zero(formula: str) -> None:
    at = ZERO_NORMS[formula]
    x = gc.symbol("x", tuple("mnk"[: at.ndim]) if "eye" not in formula else (3,))
    gradient = gc.grad(gc.parse(formula, x=x), x)
    still = at if at.ndim == 1 else at - at[:, :1]
    for value in (
        gc.evaluate(gradient, {"x": at}),
        gc.compile(gradient, [x], style="readable")(at),
        gc.compile(gradient, [x], style="fast")(at),
    ):
        assert np.all(np.isfinite(value))
        assert not np.any(value[~np.any(still, axis=1)] if at.ndim > 1 else value)


def test_a_number_over_a_norm_of_zero_is_infinite() -> None:
    a, x = gc.symbol("a", ()), gc.symbol("x", ("n",))
    for f in (a / gc.norm(x), gc.compile(a / gc.norm(x), [a, x])):
        given = {"a": np.array(2.0), "x": np.zeros(2)}
        with np.errstate(divide="ignore"):
            assert np.isinf(gc.evaluate(f, given) if isinstance(f, gc.Expr) else f(**given))


@pytest.mark.parametrize(
    "formula",
    [
        "mean(x**2) - mean(x)**2",
        "sum(x**2)/n - (sum(x)/n)**2",
        "mean(x*x) - mean(x)*mean(x)",
        "-mean(x)**2 + mean(x**2)",
        "(sum(x**2) - sum(x)**2/n)/n",
    ],
)
def test_a_variance_from_the_mean_of_squares_keeps_its_digits(formula: str) -> None:
    x = gc.symbol("x", ("n",))
    f = gc.parse(formula, x=x)
    at = 1e8 + np.arange(5.0)
    for value in (
        gc.evaluate(f, {"x": at}),
        gc.compile(f, [x], style="readable")(at),
        gc.compile(f, [x], style="fast")(at),
    ):
        assert value == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("formula", ["mean(x**2) - mean(x)**2", "mean(x**2, axis=0) - mean(x, axis=0)**2"])
def test_a_variance_has_the_dtype_of_its_array(formula: str) -> None:
    x = gc.symbol("x", ("n", 2))
    f, at = gc.parse(formula, x=x), np.array([[1, 2], [3, 5], [4, 4]], np.float32)
    exact = np.var(at.astype(float), axis=0 if "axis" in formula else None)
    for value in (gc.evaluate(f, {"x": at}), *(gc.compile(f, [x], style=s)(at) for s in ("readable", "fast"))):
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, exact, rtol=1e-6)


def test_a_covariance_along_an_axis_keeps_its_digits() -> None:
    x, y = gc.symbol("x", ("m", "n")), gc.symbol("y", ("m", "n"))
    f = gc.mean(x * y, axis=0) - gc.mean(x, axis=0) * gc.mean(y, axis=0)
    values = 1e8 + np.arange(6.0).reshape(3, 2), 1e7 + np.arange(6.0).reshape(3, 2) ** 2
    exact = np.mean((values[0] - values[0].mean(0)) * (values[1] - values[1].mean(0)), axis=0)
    np.testing.assert_allclose(gc.evaluate(f, {"x": values[0], "y": values[1]}), exact, rtol=1e-12)
    np.testing.assert_allclose(gc.compile(f, [x, y])(*values), exact, rtol=1e-12)


ROWS_OF_EXPONENTIALS = {
    "log(sum(exp(x), axis=1))": lambda v: [mpmath.log(sum(map(mpmath.exp, row))) for row in v],
    "log(sum(a*exp(x), axis=1))": lambda v: [
        mpmath.log(sum(w * mpmath.exp(t) for w, t in zip((1, 2, 3), row, strict=True))) for row in v
    ],
    "log(mean(exp(-x/2), axis=1))": lambda v: [mpmath.log(sum(mpmath.exp(-t / 2) for t in row) / 3) for row in v],
    "exp(x)/sum(exp(x), axis=1, keepdims=True)": lambda v: [
        [mpmath.exp(t) / sum(map(mpmath.exp, row)) for t in row] for row in v
    ],
    "log(exp(x)/sum(exp(x), axis=1, keepdims=True))": lambda v: [
        [t - mpmath.log(sum(map(mpmath.exp, row))) for t in row] for row in v
    ],
    "sum(a*exp(x), axis=1)/sum(exp(x), axis=1)": lambda v: [
        sum(w * mpmath.exp(t) for w, t in zip((1, 2, 3), row, strict=True)) / sum(map(mpmath.exp, row)) for row in v
    ],
    "exp(x) @ a/(exp(x) @ ones(3))": lambda v: [
        sum(w * mpmath.exp(t) for w, t in zip((1, 2, 3), row, strict=True)) / sum(map(mpmath.exp, row)) for row in v
    ],
    "log(exp(x[:, 0]) + exp(x[:, 1]))": lambda v: [mpmath.log(mpmath.exp(r[0]) + mpmath.exp(r[1])) for r in v],
    "logsumexp(x, axis=1, keepdims=True) - x": lambda v: [
        [mpmath.log(sum(map(mpmath.exp, row))) - t for t in row] for row in v
    ],
    "logsumexp(x, axis=1) - max(x, axis=1)": lambda v: [mpmath.log(sum(map(mpmath.exp, row))) - max(row) for row in v],
    "log(sum(cosh(x), axis=1))": lambda v: [mpmath.log(sum(map(mpmath.cosh, row))) for row in v],
    "log(sum(1/(1 + exp(-x)), axis=1))": lambda v: [
        mpmath.log(sum(1 / (1 + mpmath.exp(-t)) for t in row)) for row in v
    ],
    "log(mean(sigmoid(x), axis=1))": lambda v: [
        mpmath.log(sum(1 / (1 + mpmath.exp(-t)) for t in row) / 3) for row in v
    ],
    "sinh(x)/sum(cosh(x), axis=1, keepdims=True)": lambda v: [
        [mpmath.sinh(t) / sum(map(mpmath.cosh, row)) for t in row] for row in v
    ],
    "sqrt(sum(exp(2*x), axis=1))/sum(exp(x), axis=1)": lambda v: [
        mpmath.sqrt(sum(mpmath.exp(2 * t) for t in row)) / sum(map(mpmath.exp, row)) for row in v
    ],
    "log(prod(sigmoid(x), axis=1))": lambda v: [-sum(mpmath.log(1 + mpmath.exp(-t)) for t in row) for row in v],
}


@pytest.mark.parametrize("formula", ROWS_OF_EXPONENTIALS)
def test_sums_of_exponentials_do_not_overflow(formula: str) -> None:
    x, a = gc.symbol("x", ("m", 3)), gc.symbol("a", (3,), facts=["positive"])
    f = gc.parse(formula, x=x, a=a)
    at = np.array([[1e4, 9990.0, -1e4], [30.0, -30.0, 1e-8], [-1e4, -1e4, -9999.0], [700.0, 1.0, 710.0]])
    with mpmath.workdps(60):
        exact = np.array(ROWS_OF_EXPONENTIALS[formula]([[mpmath.mpf(float(t)) for t in row] for row in at]), float)
    weights = np.array([1.0, 2.0, 3.0])
    for value in (
        gc.evaluate(f, {"x": at, "a": weights}),
        gc.compile(f, [x, a], style="readable")(at, weights),
        gc.compile(f, [x, a], style="fast")(at, weights),
    ):
        np.testing.assert_allclose(value, exact, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_sums_of_no_exponentials_over_axes_apart_have_gradients(style: str) -> None:
    x, g = gc.symbol("x", ("m", "n", "k")), gc.symbol("g", ("n",))
    back = gc.vjp(gc.logsumexp(x, axis=(0, 2)), x, g)
    assert gc.evaluate(back, {"x": np.zeros((2, 3, 0)), "g": np.ones(3)}).shape == (2, 3, 0)
    assert gc.compile(back, [x, g], style=style)(np.zeros((2, 3, 0)), np.ones(3)).shape == (2, 3, 0)


def test_what_one_entry_leaves_of_a_softmax_keeps_its_digits() -> None:
    x = gc.symbol("x", (3,))
    at = np.array([40.0, -5.0, 2.0])
    with mpmath.workdps(60):
        e = [mpmath.exp(mpmath.mpf(t)) for t in at]
        p = [t / sum(e) for t in e]
        others = [sum(p) - t if i else p[1] + p[2] for i, t in enumerate(p)]
        rest, logs = np.array(others, float), np.array([mpmath.log(t) for t in others], float)
        hessian = np.array([[rest[i] * p[i] if i == j else -p[i] * p[j] for j in range(3)] for i in range(3)], float)
    cases = {1 - gc.softmax(x): rest, gc.hessian(gc.logsumexp(x), x): hessian, gc.log(1 - gc.softmax(x)): logs}
    for f, exact in cases.items():
        with np.errstate(divide="raise", invalid="raise"):
            values = [gc.evaluate(f, {"x": at}), *(gc.compile(f, [x], style=s)(at) for s in ("readable", "fast"))]
        for value in values:
            np.testing.assert_allclose(value, exact, rtol=1e-13)


@pytest.mark.parametrize(
    "formula",
    [
        "-(t*log(sigmoid(z)) + (1 - t)*log(1 - sigmoid(z)))",
        "-(t*log(1/(1 + exp(-z))) + (1 - t)*log(1 - 1/(1 + exp(-z))))",
        "binary_cross_entropy(sigmoid(z), t)",
        "binary_cross_entropy_with_logits(z, t)",
        "-log(exp(z)/(exp(z) + exp(0*z)))*t - log(exp(0*z)/(exp(z) + exp(0*z)))*(1 - t)",
    ],
)
def test_the_binary_cross_entropy_is_right_from_probabilities_and_from_logits(formula: str) -> None:
    z, t = gc.symbol("z", ("n",)), gc.symbol("t", ("n",), facts=["binary"])
    f = gc.parse(formula, z=z, t=t)
    at = np.array([1e4, -1e4, 30.0, -30.0, 1e-8, 1e4, -1e4, 30.0, -30.0])
    labels = np.array([1.0, 1, 1, 1, 1, 0, 0, 0, 0])
    exact = np.logaddexp(0, np.where(labels == 1, -at, at))
    for value in (
        gc.evaluate(f, {"z": at, "t": labels}),
        gc.compile(f, [z, t], style="readable")(at, labels),
        gc.compile(f, [z, t], style="fast")(at, labels),
    ):
        np.testing.assert_allclose(value, exact, rtol=1e-13)


@pytest.mark.parametrize(
    "formula", ["softplus(z) - t*z", "relu(z) - z*t + log(1 + exp(-abs(z)))", "log(1 + exp(z)) - z*t"]
)
@pytest.mark.parametrize("t", [0, 1])
def test_cross_entropy_of_logits_keeps_its_digits_at_the_right_label(formula: str, t: int) -> None:
    z = np.array(sorted(POINTS))
    right = [float(mpmath.log1p(mpmath.exp(-p if t else p))) for p in z]
    f = gc.parse(formula, z=("n",), t=("n",))
    values = {"z": z, "t": np.full(len(z), float(t))}
    np.testing.assert_allclose(gc.evaluate(f, values), right, rtol=1e-13)
    np.testing.assert_allclose(gc.compile(f, [gc.names(f)[k] for k in "zt"])(**values), right, rtol=1e-13)


PAIRS = np.array([[a, b] for a in (1e4, -1e4, 30.0, -30.0, 1e-8, 0.7) for b in (1e4, -30.0, 1e-8, -0.4)])
OF_TWO = {
    "logaddexp(x, y)": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "log(exp(x)/(exp(x) + exp(y)))": lambda x, y: -mpmath.log1p(mpmath.exp(y - x)),
    "x - log(exp(x) + exp(y))": lambda x, y: -mpmath.log1p(mpmath.exp(y - x)),
    "sqrt(x**2 + y**2) - abs(x)": lambda x, y: mpmath.sqrt(x**2 + y**2) - abs(x),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("formula", OF_TWO)
def test_functions_of_two_arrays_do_not_cancel(formula: str, dtype: Any) -> None:
    x, y = PAIRS.astype(dtype).T
    with mpmath.workdps(60):
        exact = np.array(
            [OF_TWO[formula](mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)], float
        )
    f = gc.parse(formula, x=("n",), y=("n",))
    inputs = [gc.names(f)[k] for k in "xy"]
    for value in (
        gc.evaluate(f, {"x": x, "y": y}),
        *(gc.compile(f, inputs, style=s)(x, y) for s in ("readable", "fast")),
    ):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, exact, rtol=1e-13 if dtype is np.float64 else 1e-5, atol=1e-37)


@pytest.mark.parametrize("formula", ["sqrt(softmax(x))", "sqrt(sum(exp(2*x)))/sum(exp(x))"])
def test_gradients_of_roots_of_exponentials_are_finite(formula: str) -> None:
    x, w = gc.symbol("x", (3,)), np.array([1.0, 2.0, -1.0])
    y, at = gc.parse(formula, x=x), np.array([1e4, -1e4, 9999.0])
    c = gc.symbol("c", (3,))
    gradient = gc.grad(gc.sum(y * c) if y.ndim else y, x)
    inputs, given = ([x, c], {"x": at, "c": w}) if y.ndim else ([x], {"x": at})
    with mpmath.workdps(60):

        def value(*point: Any) -> Any:
            e = [mpmath.exp(t - 10000) for t in point]
            if not y.ndim:
                return mpmath.sqrt(sum(t**2 for t in e)) / sum(e)
            return sum(float(c) * mpmath.sqrt(t / sum(e)) for c, t in zip(w, e, strict=True))

        exact = [mpmath.diff(value, tuple(map(mpmath.mpf, at)), tuple(int(i == k) for i in range(3))) for k in range(3)]
    with np.errstate(invalid="raise", divide="raise"):
        compiled = [gc.compile(gradient, inputs, style=style)(**given) for style in ("readable", "fast")]
        for got in (gc.evaluate(gradient, given), *compiled):
            np.testing.assert_allclose(got, np.array(exact, float), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_logarithm_of_what_an_entry_leaves_of_a_softmax_is_finite(dtype: Any) -> None:
    x = gc.symbol("x", ("m", 3))
    at = np.array([[1e4, -1e4, 30], [30, -30, 1e-8], [0, 0, 0], [-1e4, 9.0, 9.0]], dtype)
    with mpmath.workdps(9000):
        e = [[mpmath.exp(mpmath.mpf(float(t))) for t in row] for row in at]
        exact = np.array([[mpmath.log((sum(row) - t) / sum(row)) for t in row] for row in e], float)
    f = gc.log(1 - gc.softmax(x, axis=1))
    for value in (gc.evaluate(f, {"x": at}), *(gc.compile(f, [x], style=s)(at) for s in ("readable", "fast"))):
        np.testing.assert_allclose(value, exact, rtol=1e-6 if dtype is np.float32 else 1e-13, atol=1e-37)


def test_the_kink_of_an_exponential_less_1_is_at_0() -> None:
    x = gc.symbol("x", ("n",))
    slope = gc.grad(gc.parse("sum(maximum(x, 0) + minimum(exp(x) - 1, 0))", x=x), x)
    at = np.array([1e-8, -1e-8, 1.0], np.float32)
    for value in (gc.evaluate(slope, {"x": at}), gc.compile(slope, [x])(at)):
        np.testing.assert_allclose(value, 1)


def test_the_logarithm_of_a_sum_of_exponentials_at_infinity_is_that_of_numpy() -> None:
    x, y = (gc.symbol(name, ("n",)) for name in "xy")
    at = np.array([[a, b] for a in (np.inf, -np.inf, 1.0) for b in (np.inf, -np.inf, 2.0)]).T
    for value in (
        gc.evaluate(gc.logaddexp(x, y), {"x": at[0], "y": at[1]}),
        gc.compile(gc.logaddexp(x, y), [x, y])(*at),
    ):
        np.testing.assert_array_equal(value, np.logaddexp(*at))


def test_numbers_of_long_chains_do_not_overflow() -> None:
    x, small = gc.symbol("x", ("n",)), gc.symbol("small", ("n",))
    product = x
    for _ in range(100):  # 4096**100 is beyond float64
        product = product * (4096 * small)
    at = np.array([0.5]), np.array([2.0**-12])
    for style in ("readable", "fast"):
        np.testing.assert_allclose(load([product], [x, small], style=style)(*at)[0], at[0], rtol=1e-9)


def test_a_softmax_over_some_entries_does_not_overflow() -> None:
    x, m = gc.symbol("x", ("n", 4)), gc.symbol("m", ("n", 4))
    at = np.array([[1e4, -30, 3, 2], [1, 2, 3, 1e4], [0.1, 0.2, 0.3, 0.4]])
    mask = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 0, 0, 1.0]])
    shifted = np.where(mask > 0, np.exp(at - np.max(np.where(mask > 0, at, -np.inf), axis=1, keepdims=True)), 0)
    exact = shifted / shifted.sum(axis=1, keepdims=True)
    for taken in ("where(m > 0, exp(x), 0)", "where(m <= 0, 0, exp(x))"):
        whole = gc.parse(f"{taken}/sum({taken}, axis=1, keepdims=True)", x=x, m=m)
        slope = gc.grad(gc.sum(gc.parse(f"log(sum({taken}, axis=1))", x=x, m=m)), x)
        for f in (whole, slope):
            for style in ("readable", "fast"):
                np.testing.assert_allclose(gc.compile(f, [x, m], style=style)(at, mask), exact, rtol=1e-13)


def test_a_difference_of_roots_that_are_0_is_0() -> None:
    x, y = gc.symbol("x", ("n",)), gc.symbol("y", ("n",))
    at = np.array([0.0, 0.0, 3.0]), np.array([0.0, 1.0, 4.0])
    with np.errstate(all="raise"):
        for style in ("readable", "fast"):
            f = gc.compile(gc.sqrt(x**2 + y**2) - gc.abs(x), [x, y], style=style)
            np.testing.assert_array_equal(f(*at), [0, 1, 2])


def test_products_of_exponentials_below_their_peaks_make_no_larger_array() -> None:
    """The Hessian of log(exp(Z) @ w) by w: rows of Z that differ by thousands weigh the same in it."""
    n, k = gc.dims("n k")
    Z, w = gc.symbol("Z", (n, k)), gc.symbol("w", (k,), facts=["positive"])
    hessian = gc.hessian(gc.sum(gc.log(gc.exp(Z) @ w)), w)
    rng = np.random.default_rng(5)
    rows, weights = rng.normal(size=(4, 3)), np.array([0.2, 0.5, 0.3])
    shares = np.exp(rows) / (np.exp(rows) @ weights)[:, None]
    far = rows + np.array([[1e4], [-1e4], [30.0], [0.0]])
    for style in ("readable", "fast"):
        found = gc.compile(hessian, [Z, w], style=style)(far, weights)
        np.testing.assert_allclose(found, -shares.T @ shares, 1e-9)
    assert "(k, k, n)" not in gc.emit(hessian, [Z, w], style="fast")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_power_less_1_keeps_its_digits_where_its_exponent_is_small(dtype: Any) -> None:
    x, y = gc.symbol("x", ("n",), facts=["positive"]), gc.symbol("y", ("n",))
    a, b = (v.ravel().astype(dtype) for v in np.meshgrid([1e-8, 0.5, 2.0, 30.0, 1e4], [1e-8, -1e-8, 0.5, 2.0]))
    with mpmath.workdps(60):
        pairs = [(mpmath.mpf(float(s)), mpmath.mpf(float(t))) for s, t in zip(a, b, strict=True)]
        exact = [float((s**t - 1) / t) for s, t in pairs]
    f = gc.parse("(x**y - 1)/y", x=x, y=y)
    for value in (
        gc.evaluate(f, {"x": a, "y": b}),
        *(gc.compile(f, [x, y], style=s)(a, b) for s in ("readable", "fast")),
    ):
        np.testing.assert_allclose(value, exact, rtol=1e-13 if dtype is np.float64 else 3e-6)


def test_what_overflows_beside_zeros_of_a_frame_leaves_them_0() -> None:
    x = gc.symbol("x", ("n",))
    slope = gc.grad(gc.parse("exp(x[0])*log(1 + exp(-x[1]))", x=x), x)
    at = np.array([1e4, 30.0, 2.0])
    for value in (gc.evaluate(slope, {"x": at}), *(gc.compile(slope, [x], style=s)(at) for s in ("readable", "fast"))):
        assert value[2] == 0
