"""Gamma functions next to their pole and far from it, and running sums of exponentials."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gc
from graphc.ops.kernels import digamma_step, lgamma_step


def ways(f: gc.Expr, **arrays: np.ndarray) -> list[Any]:
    given = gc.names(f)
    inputs = [given[k] for k in arrays]
    compiled = [gc.compile(f, inputs, style=style)(**arrays) for style in ("readable", "fast")]
    return [gc.evaluate(f, dict(arrays)), *compiled]


@pytest.mark.parametrize("kernel", [lgamma_step, digamma_step])
def test_steps_of_gamma_functions_keep_their_digits(kernel: Any) -> None:
    f = mpmath.loggamma if kernel is lgamma_step else mpmath.digamma
    a, s = (v.ravel() for v in np.meshgrid([1e-8, 0.5, 3, 9.9, 31, 1e4, 1e8], [1e-8, 0.3, 7, 1e4, -1e-9]))
    with mpmath.workdps(50):
        exact = [float(f(mpmath.mpf(x) + mpmath.mpf(y)) - f(mpmath.mpf(x))) for x, y in zip(a, s, strict=True)]
    np.testing.assert_allclose(kernel(a, s), exact, rtol=1e-13)
    assert kernel(a.astype(np.float32), s.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_lgamma_of_an_exponential_is_right_where_that_underflows(order: int, dtype: Any) -> None:
    x = gc.symbol("x", ("n",))
    f = gc.parse("lgamma(exp(x))", x=x)
    for _ in range(order):
        f = gc.grad(gc.sum(f), x)
    at = np.array([-1e4, -100, -30, -5, 1, 3], dtype)
    with mpmath.workdps(60):
        exact = [float(mpmath.diff(lambda t: mpmath.loggamma(mpmath.exp(t)), mpmath.mpf(float(t)), order)) for t in at]
    rtol = 1e-12 if dtype is np.float64 else 3e-5
    for value in ways(f, x=at):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, exact, rtol=rtol, atol=1e-30)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_negative_binomial_likelihood_keeps_its_digits_where_its_dispersion_is_large(dtype: Any) -> None:
    y, r = np.array([0, 1, 3, 20], dtype), np.array([1e4, 0.5, 1e-8, 30], dtype)
    f = gc.parse("lgamma(y + r) - lgamma(r)", y=("n",), r=("n",))
    slope = gc.grad(gc.sum(f), gc.names(f)["r"])
    with mpmath.workdps(60):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(y, r, strict=True)]
        exact = [float(mpmath.loggamma(a + b) - mpmath.loggamma(b)) for a, b in pairs]
        slopes = [float(mpmath.digamma(a + b) - mpmath.digamma(b)) for a, b in pairs]
    for e, true in ((f, exact), (slope, slopes)):
        for value in ways(e, y=y, r=r):
            np.testing.assert_allclose(value, true, rtol=1e-13 if dtype is np.float64 else 1e-6, atol=1e-30)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("text", ["lgamma(x)", "lgamma(1 + x)", "lgamma(x + 2)", "lgamma(1 - x)"])
def test_lgamma_keeps_its_digits_next_to_its_zeros(text: str, dtype: Any) -> None:
    f = gc.parse(text, x=("n",))
    given = [1e-8, -1e-8, 0.1, -0.12, 0.13, -0.6, 30, 1e4] if "1" in text or "2" in text else []
    at = np.array(given or [1 + 1e-6, 1 - 1e-6, 1.13, 0.9, 2 + 1e-6, 2 - 1e-6, 1.87, 0.3, 1, 2], dtype)
    at = at[at < 1] if "-" in text else at
    offset, sign = (1 if "1" in text else 2 if "2" in text else 0), -1 if "-" in text else 1
    with mpmath.workdps(40):
        exact = [float(mpmath.loggamma(offset + sign * mpmath.mpf(float(t)))) for t in at]
    for value in ways(f, x=at):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, exact, rtol=1e-12 if dtype is np.float64 else 1e-6, atol=1e-300)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_logarithm_of_the_beta_function_keeps_its_smaller_argument(dtype: Any) -> None:
    f = gc.parse("lgamma(x) + lgamma(y) - lgamma(x + y)", x=("n",), y=("n",))
    a, b = (v.ravel().astype(dtype) for v in np.meshgrid([1e-8, 0.5, 3, 30, 1e4], [2e-8, 0.7, 30, 9e3]))
    exact: list[list[float]] = [[], []]
    with mpmath.workdps(60):
        for x, y in ((mpmath.mpf(float(x)), mpmath.mpf(float(y))) for x, y in zip(a, b, strict=True)):
            exact[0].append(float(mpmath.log(mpmath.beta(x, y))))
            exact[1].append(float(mpmath.digamma(x) - mpmath.digamma(x + y)))
    for e, true in ((f, exact[0]), (gc.grad(gc.sum(f), gc.names(f)["x"]), exact[1])):
        for value in ways(e, x=a, y=b):
            assert value.dtype == dtype
            np.testing.assert_allclose(value, true, rtol=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("shift", [1, 2, 5])
def test_differences_of_gamma_functions_by_whole_numbers_are_logarithms(shift: int) -> None:
    at = np.array([1e4, 0.3, -0.7, 1e-8])
    for name in ("lgamma", "digamma"):
        f = gc.parse(f"{name}(x + {shift}) - {name}(x)", x=("n",))
        steps = at[:, None] + np.arange(shift)
        exact = np.sum(np.log(np.abs(steps)) if name == "lgamma" else 1 / steps, axis=1)
        for value in ways(f, x=at):
            np.testing.assert_allclose(value, exact, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(3, 4), (1, 5), (6, 1)])
def test_running_sums_of_exponentials_do_not_overflow(shape: tuple[int, int], axis: int, dtype: Any) -> None:
    rng = np.random.default_rng(shape[0])
    at = (rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-2, 4, shape)).astype(dtype)
    x, b = gc.symbol("x", ("m", "n")), rng.normal(size=shape).astype(dtype)
    f = gc.parse(f"log(cumsum(exp(x), axis={axis}))", x=x)
    ratio = gc.parse(f"cumsum(b*exp(x), axis={axis})/cumsum(exp(x), axis={axis})", x=x, b=("m", "n"))
    slope = gc.grad(gc.sum(f), x)
    logs = np.logaddexp.accumulate(at.astype(float), axis=axis)
    wide, weights = np.moveaxis(at.astype(float), axis, 0), np.moveaxis(b.astype(float), axis, 0)
    low = np.moveaxis(logs, axis, 0)
    k = len(wide)
    mean = np.array([sum(weights[i] * np.exp(wide[i] - low[t]) for i in range(t + 1)) for t in range(k)])
    back = np.array([sum(np.exp(wide[i] - low[t]) for t in range(i, k)) for i in range(k)])
    rtol = 1e-10 if dtype is np.float64 else 2e-3  # an exponential of 1e4 has an error of 1e4 roundings
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for value in ways(f, x=at):
            np.testing.assert_allclose(value, logs, rtol=1e-13 if dtype is np.float64 else 1e-6)
        for value in ways(ratio, x=at, b=b):
            np.testing.assert_allclose(value, np.moveaxis(mean, 0, axis), rtol=rtol, atol=rtol)
        for value in ways(slope, x=at):
            np.testing.assert_allclose(value, np.moveaxis(back, 0, axis), rtol=rtol, atol=rtol)
