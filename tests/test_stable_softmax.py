"""Gradients of functions of a softmax where one share is next to 1, and quotients of sums of exponentials."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gc

ROWS = np.array([[30.0, -30.0, 1e-8, 2.0], [1e4, 9999.0, -30.0, -1e4], [0.5, -1.0, 2.0, 1e-8]])


def gradient(function: Any, row: np.ndarray) -> list[float]:
    """The gradient of a function of a list, by mpmath."""
    at = [mpmath.mpf(float(t)) for t in row]
    with mpmath.workdps(80):
        units = [tuple(int(i == k) for i in range(len(at))) for k in range(len(at))]
        return [float(mpmath.diff(lambda *t: function(t), tuple(at), unit)) for unit in units]


def shares(x: Any) -> list[Any]:
    top = max(x)
    e = [mpmath.exp(t - top) for t in x]
    return [t / sum(e) for t in e]


WEIGHTS = (1, -2, 3, 5)
FUNCTIONS = {
    "sum(w*softmax(x))": lambda x: sum(a * p for a, p in zip(WEIGHTS, shares(x), strict=True)),
    "sum(w*exp(x)/sum(exp(x)))": lambda x: sum(a * p for a, p in zip(WEIGHTS, shares(x), strict=True)),
    "w @ softmax(x)": lambda x: sum(a * p for a, p in zip(WEIGHTS, shares(x), strict=True)),
    "sum(softmax(x)**2)": lambda x: sum(p * p for p in shares(x)),
    "log(sum(w**2*softmax(x)))": lambda x: mpmath.log(sum(a * a * p for a, p in zip(WEIGHTS, shares(x), strict=True))),
    "sum(w*log(1 - softmax(x)))": lambda x: sum(
        a * mpmath.log(sum(shares(x)[:k] + shares(x)[k + 1 :])) for k, a in enumerate(WEIGHTS)
    ),
    "sum(softmax(x)*(log(softmax(x)) - w))": lambda x: sum(
        p * (mpmath.log(p) - a) for a, p in zip(WEIGHTS, shares(x), strict=True)
    ),
    "sum((softmax(x) - w)**2)": lambda x: sum((p - a) ** 2 for a, p in zip(WEIGHTS, shares(x), strict=True)),
    "sum(x*softmax(x))": lambda x: sum(t * p for t, p in zip(x, shares(x), strict=True)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("formula", FUNCTIONS)
def test_the_gradient_of_a_function_of_a_softmax_keeps_its_digits(formula: str, dtype: Any) -> None:
    x, w = gc.symbol("x", ("n",)), gc.symbol("w", ("n",))
    slope = gc.grad(gc.parse(formula, x=x, w=w), x)
    weights = np.array(WEIGHTS, dtype)
    for row in ROWS.astype(dtype):
        exact = gradient(FUNCTIONS[formula], row)
        given = {"x": row, "w": weights}
        inputs = [s for s in (x, w) if str(s.name) in gc.names(slope)]
        arrays = [given[str(s.name)] for s in inputs]
        for value in (
            gc.evaluate(slope, given),
            *(gc.compile(slope, inputs, style=s)(*arrays) for s in ("readable", "fast")),
        ):
            assert value.dtype == dtype
            np.testing.assert_allclose(value, exact, rtol=1e-11 if dtype is np.float64 else 3e-5, atol=1e-30)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(3, 4), (1, 5), (4, 1), (3, 0), (0, 3)])
def test_the_gradient_of_a_softmax_holds_along_any_axis(shape: tuple[int, int], axis: int) -> None:
    X, W = gc.symbol("X", ("m", "n")), gc.symbol("W", ("m", "n"))
    slope = gc.grad(gc.sum(W * gc.softmax(X, axis=axis)), X)
    rng = np.random.default_rng(sum(shape))
    x, w = 30 * rng.normal(size=shape), rng.normal(size=shape)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    p = e / e.sum(axis=axis, keepdims=True)
    exact = p * (w - np.sum(p * w, axis=axis, keepdims=True))
    values = (
        gc.evaluate(slope, {"X": x, "W": w}),
        *(gc.compile(slope, [X, W], style=s)(x, w) for s in ("readable", "fast")),
    )
    for value in values:
        assert value.shape == shape
        np.testing.assert_allclose(value, exact, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(
    "formula",
    [
        "w - sum(w*p/v)",
        "w/v - sum(w*p)",
        "w/(v*sum(w*p)) - 1",
        "w/v/sum(w*p) - 1",
        "w/sum(w*p/v) - 1",
        "w/sum(2*w*p) - 1",
        "2*w/sum(2*w*p) - 1",
        "w - 2*sum(w*p)",
        "sqrt(v)*w - sum(w*p)",
        "w - sum(w*p*sqrt(v))",
        "w - sum(w*p**2)",
        "w - sum(w*p)",
        "p - sum(p*(p - w)) - w",
        "p - sum(p*(p - w)) - v",
        "p - sum(p*(p - w)) + w",
        "w - v + sum(p*(v - w))",
    ],
)
def test_what_is_no_difference_from_a_mean_stays_what_it_is(formula: str) -> None:
    x, w, v = (gc.symbol(name, ("n",)) for name in "xwv")
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=5), rng.uniform(1, 2, size=5), rng.uniform(1, 2, size=5)
    p = np.exp(a) / np.exp(a).sum()
    exact = eval(formula, {"p": p, "w": b, "v": c, "sum": np.sum, "sqrt": np.sqrt})
    f = gc.parse(formula.replace("p", "softmax(x)"), x=x, w=w, v=v)
    given = {"x": a, "w": b, "v": c}
    inputs = [s for s in (x, w, v) if str(s.name) in gc.names(f)]
    arrays = [given[str(s.name)] for s in inputs]
    for value in (gc.evaluate(f, given), *(gc.compile(f, inputs, style=s)(*arrays) for s in ("readable", "fast"))):
        np.testing.assert_allclose(value, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "formula", ["log(sum(t*softmax(x)))", "-log(t @ softmax(x))", "log(sum(t*exp(x))) - log(sum(exp(x)))"]
)
@pytest.mark.parametrize("weights", [(0, 1, 0, 0), (0, 0, 1, 2), (1, 2, 3, 4)])
def test_weights_may_be_zero_at_the_largest_exponents(weights: Any, formula: str, dtype: Any) -> None:
    x, t = gc.symbol("x", ("n",)), gc.symbol("t", ("n",))
    f, sign = gc.parse(formula, x=x, t=t), -1 if formula.startswith("-") else 1
    for row in ROWS.astype(dtype):
        with mpmath.workdps(60):
            at = [mpmath.mpf(float(v)) for v in row]
            logs = [v + mpmath.log(a) for v, a in zip(at, weights, strict=True) if a]
            top = max(logs)
            value = top + mpmath.log(sum(mpmath.exp(v - top) for v in logs))
            total = max(at) + mpmath.log(sum(mpmath.exp(v - max(at)) for v in at))
            q = [a * mpmath.exp(v - value) for v, a in zip(at, weights, strict=True)]
            p = [mpmath.exp(v - total) for v in at]
            exact = sign * float(value - total), [sign * float(a - b) for a, b in zip(q, p, strict=True)]
        given = {"x": row, "t": np.array(weights, dtype)}
        for e, true in zip((f, gc.grad(f, x)), exact, strict=True):
            with np.errstate(divide="raise", invalid="raise"):
                values = gc.evaluate(e, given), *(gc.compile(e, [x, t], style=s)(**given) for s in ("readable", "fast"))
            for value in values:
                accuracy = 1e-11 if dtype is np.float64 else 5e-4
                np.testing.assert_allclose(value, true, rtol=accuracy, atol=accuracy / 100)


@pytest.mark.parametrize("axis", [0, 1])
def test_weights_stand_along_any_axis(axis: int) -> None:
    x, t = gc.symbol("X", ("m", "n")), gc.symbol("t", (("m", "n")[axis],))
    stretched = t if axis else gc.reshape(t, ("m", 1))
    f = gc.sum(gc.log(gc.sum(stretched * gc.softmax(x, axis=axis), axis=axis)))
    rng = np.random.default_rng(axis)
    at, w = 3 * rng.normal(size=(3, 4)), rng.uniform(size=(3, 4)[axis])
    e, spread = np.exp(at), w if axis else w[:, None]
    exact = spread * e / np.sum(spread * e, axis=axis, keepdims=True) - e / np.sum(e, axis=axis, keepdims=True)
    given = {"X": at, "t": w}
    for g, true in ((f, np.sum(np.log(np.sum(spread * e, axis=axis) / np.sum(e, axis=axis)))), (gc.grad(f, x), exact)):
        for value in (gc.evaluate(g, given), *(gc.compile(g, [x, t], style=s)(**given) for s in ("readable", "fast"))):
            np.testing.assert_allclose(value, true, rtol=1e-9, atol=1e-14)


def test_attention_takes_no_more_steps_for_it() -> None:
    Q, K, V, G = (gc.symbol(name, ("n", "d")) for name in "QKVG")
    slope = gc.grad(gc.sum(G * (gc.softmax(Q @ K.T, axis=1) @ V)), Q)
    assert "less_mean" not in gc.emit(slope, [Q, K, V, G])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_effective_sample_size_of_logarithms_of_weights_does_not_overflow(dtype: Any) -> None:
    x = gc.symbol("x", ("n",))
    f = gc.parse("log(sum(exp(x))**2/sum(exp(2*x)))", x=x)
    for row in ROWS.astype(dtype):
        p = np.array([float(t) for t in shares([mpmath.mpf(float(t)) for t in row])])
        exact, slope = -np.log(np.sum(p**2)), 2 * p - 2 * p**2 / np.sum(p**2)
        for e, true in ((f, exact), (gc.grad(f, x), slope)):
            values = gc.evaluate(e, {"x": row}), *(gc.compile(e, [x], style=s)(row) for s in ("readable", "fast"))
            for value in values:
                np.testing.assert_allclose(value, true, rtol=1e-6, atol=1e-10 if dtype is np.float64 else 2e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_logarithm_of_a_running_product_of_shares_is_finite(dtype: Any) -> None:
    x, at = gc.symbol("x", ("n",)), np.array([30, -1e4, 1e-8, -30, 1e4], dtype)
    exact = np.cumsum(-np.logaddexp(0, -at.astype(float)))
    f = gc.parse("log(cumprod(sigmoid(x)))", x=x)
    for value in (gc.evaluate(f, {"x": at}), *(gc.compile(f, [x], style=s)(at) for s in ("readable", "fast"))):
        np.testing.assert_allclose(value, exact, rtol=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("log(1 - softmax(x)[0])", lambda e: mpmath.log((e[1] + e[2]) / sum(e))),
        ("log(softmax(x)[0]/softmax(x)[1])", lambda e: mpmath.log(e[0] / e[1])),
        (
            "-(1 - softmax(x)[0])**2*log(softmax(x)[0])",
            lambda e: -(((e[1] + e[2]) / sum(e)) ** 2) * mpmath.log(e[0] / sum(e)),
        ),
        ("sum(log(cumsum(softmax(x))))", lambda e: mpmath.log(e[0] / sum(e)) + mpmath.log((e[0] + e[1]) / sum(e))),
    ],
)
def test_logarithms_of_entries_of_a_softmax_keep_their_digits(text: str, exact: Any, dtype: Any) -> None:
    f = gc.parse(text, x=("n",))
    for row in ([30.0, -30.0, 1e-8], [1e4, -1e4, 30.0], [-1e4, 0.5, 1e-8], [0.5, -1.0, 2.0]):
        at = np.array(row, dtype)
        with mpmath.workdps(9000):
            true = float(exact([mpmath.exp(mpmath.mpf(float(t))) for t in at]))
        compiled = [gc.compile(f, [gc.names(f)["x"]], style=style)(at) for style in ("readable", "fast")]
        for value in (gc.evaluate(f, {"x": at}), *compiled):
            np.testing.assert_allclose(value, true, rtol=1e-12 if dtype is np.float64 else 1e-5, atol=1e-37)
