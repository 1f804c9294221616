"""Activations: values and derivatives to second order against mpmath, also where a naive formula overflows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import graphc as gc
from graphc import nn
from graphc.ir.op import registry
from graphc.ops import kernels

n, c, d = gc.dims("n c d")
x, g, X = gc.symbol("x", (n,)), gc.symbol("g", (n,)), gc.symbol("X", (n, c, d))
POINTS = np.array(
    [-1e4, -87.5, -30.0, -7.25, -2.75, -1.25, -0.3, -1e-3, 1e-3, 0.4, 0.9, 2.25, 5.5, 6.5, 20.0, 89.0, 1e4]
)


def sigma(v: Any) -> Any:
    return 1 / (1 + mpmath.exp(-v))


def gelu_tanh(v: Any) -> Any:
    return v * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (v + mpf("0.044715") * v**3))) / 2


def kept(v: Any, low: float, high: float) -> Any:
    return min(max(v, mpf(low)), mpf(high))


SLOPE, LIMIT = mpf("1.0507009873554805"), mpf("1.7580993408473766")

# text, the function in mpmath, the gradient as it is printed (None where it is longer than a line)
ROWS: list[tuple[str, Callable[[Any], Any], str | None]] = [
    ("silu(x)", lambda v: v * sigma(v), "sigmoid(x)*(x*(1 - sigmoid(x)) + 1)"),
    (
        "mish(x)",
        lambda v: v * mpmath.tanh(mpmath.log(1 + mpmath.exp(v))),
        "x*sigmoid(x)*(1 - tanh(softplus(x))**2) + tanh(softplus(x))",
    ),
    (
        "gelu(x)",
        lambda v: v * mpmath.erfc(-v / mpmath.sqrt(2)) / 2,
        "x*exp(-x**2/2)/sqrt(2*pi) + erf(x/sqrt(2))/2 + 0.5",
    ),
    ("gelu(x, approximate='tanh')", gelu_tanh, None),
    ("logsigmoid(x)", lambda v: -mpmath.log(1 + mpmath.exp(-v)), "1 - sigmoid(x)"),
    ("softsign(x)", lambda v: v / (1 + abs(v)), "1/(abs(x) + 1)**2"),
    ("tanhshrink(x)", lambda v: v - mpmath.tanh(v), "tanh(x)**2"),
    ("relu6(x)", lambda v: kept(v, 0, 6), "where((x > 0)*(x < 6), 1, 0)"),
    ("hardsigmoid(x)", lambda v: kept(v + 3, 0, 6) / 6, "(x > -3)*(x < 3)/6"),
    ("hardswish(x)", lambda v: v * kept(v + 3, 0, 6) / 6, "where(x <= -3, 0, where(x < 3, x + 1.5, 3))/3"),
    ("elu(x)", lambda v: v if v > 0 else mpmath.expm1(v), "where(x > 0, 1, elu(x) + 1)"),
    (
        "elu(x, alpha=0.3)",
        lambda v: v if v > 0 else mpf("0.3") * mpmath.expm1(v),
        "where(x > 0, 1, elu(x, alpha=0.3) + 0.3)",
    ),
    (
        "celu(x, alpha=2)",
        lambda v: v if v > 0 else 2 * mpmath.expm1(v / 2),
        "where(x > 0, 1, celu(x, alpha=2)/2 + 1)",
    ),
    (
        "selu(x)",
        lambda v: SLOPE * v if v > 0 else LIMIT * mpmath.expm1(v),
        "where(x > 0, 1.0507009873554805, selu(x) + 1.7580993408473766)",
    ),
    ("leaky_relu(x)", lambda v: v if v > 0 else v / 100, "where(x > 0, 1, 0.01)"),
    ("leaky_relu(x, negative_slope=1/3)", lambda v: v if v > 0 else v / 3, "where(x > 0, 1, 1/3)"),
    ("hardtanh(x)", lambda v: kept(v, -1, 1), "where((x > -1)*(x < 1), 1, 0)"),
    ("hardtanh(x, min_val=0, max_val=2)", lambda v: kept(v, 0, 2), "where((x > 0)*(x < 2), 1, 0)"),
    ("softshrink(x)", lambda v: mpmath.sign(v) * max(abs(v) - 0.5, mpf(0)), "where(abs(x) > 0.5, 1, 0)"),
    ("hardshrink(x, lambd=0.35)", lambda v: v if abs(v) > 0.35 else mpf(0), "where(abs(x) > 0.35, 1, 0)"),
    ("threshold(x, threshold=1/2, value=-1)", lambda v: v if v > 0.5 else mpf(-1), "where(x > 0.5, 1, 0)"),
]
IDS = [row[0] for row in ROWS]


def exact(function: Callable[[Any], Any], order: int) -> np.ndarray:
    """The derivative of `order` at the points, from differences in numbers of 120 digits."""
    with mpmath.workdps(120):
        h = mpf(10) ** -30
        steps = {
            0: function,
            1: lambda v: (function(v + h) - function(v - h)) / (2 * h),
            2: lambda v: (function(v + h) - 2 * function(v) + function(v - h)) / h**2,
        }
        return np.array([float(steps[order](mpf(float(v)))) for v in POINTS])


@pytest.mark.parametrize(("text", "function", "form"), ROWS, ids=IDS)
def test_values_and_derivatives_are_right_everywhere(text: str, function: Callable[[Any], Any], form: str) -> None:
    y = gc.parse(text, x=x)
    first = gc.grad(gc.sum(y), x)
    second = gc.grad(gc.sum(first), x)
    assert form is None or str(first) == form
    for order, e in enumerate((y, first, second)):
        assert gc.parse(str(e), **gc.names(e)) is e
        wanted = exact(function, order)
        for dtype, tolerance in ((np.float64, 1e-13), (np.float32, 3e-6)):
            points = POINTS.astype(dtype)
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                results = [gc.evaluate(e, {"x": points, "n": len(points)})]
                results += [gc.compile(e, [x], style=style)(points) for style in ("readable", "fast")]
            for found in results:
                assert found.dtype == dtype or not e.operands
                scale = tolerance * (1 + np.abs(POINTS if order else wanted))
                assert np.all(np.abs(found - wanted) <= scale), (order, dtype, found - wanted)


@pytest.mark.parametrize("text", IDS)
def test_jacobians_and_third_derivatives(text: str) -> None:
    y = gc.parse(text, x=x)
    values = {"x": np.array([-0.7, 0.45, 1.6]), "n": 3}
    diagonal = gc.evaluate(gc.grad(gc.sum(y), x), values)
    np.testing.assert_allclose(gc.evaluate(gc.jacobian(y, x), values), np.diag(diagonal), rtol=1e-12, atol=1e-14)
    bend = gc.grad(gc.sum(g * gc.grad(gc.sum(y), x)), x)
    third = gc.grad(gc.sum(bend), x)
    given: dict[str, Any] = values | {"g": np.array([1.0, -2.0, 0.5])}
    up, down = ({**given, "x": values["x"] + s * 1e-5} for s in (1, -1))
    slope = (gc.evaluate(bend, up) - gc.evaluate(bend, down)) / 2e-5
    np.testing.assert_allclose(gc.evaluate(third, given), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("text", "function", "form"), ROWS, ids=IDS)
def test_the_op_is_its_body_and_can_be_proved(text: str, function: Any, form: str | None) -> None:
    y = gc.parse(text, x=x)
    body = gc.expand(y)
    assert y.op not in {body.op}
    for dtype in ("float64", "float32"):
        z = gc.symbol("x", (n,), dtype=dtype)
        assert gc.parse(text, x=z).dtype == dtype
    if form is not None:
        assert gc.check(gc.sum(body), x, form).status in ("proved", "equal")


def test_kernels_take_single_numbers() -> None:
    for name in ("elu", "celu", "selu"):
        kernel = getattr(kernels, name)
        assert kernel(np.float32(-1)).dtype == np.float32
        assert abs(float(kernel(-1.0)) - float(gc.evaluate(gc.parse(f"{name}(s)", s=()), {"s": -1.0}))) < 1e-15


def test_a_learned_slope() -> None:
    a = gc.symbol("a", (c,))
    y = gc.prelu(X, a)
    assert (y.shape, str(y)) == ((n, c, d), "prelu(X, a[:, None])")
    assert gc.parse(str(y), X=X, a=a) is y
    rng = np.random.default_rng(0)
    v = {"X": rng.normal(size=(2, 3, 4)), "a": np.array([0.1, 0.2, 0.3])}
    expected = np.where(v["X"] > 0, v["X"], v["a"][:, None] * v["X"])
    np.testing.assert_allclose(gc.evaluate(y, v), expected)
    da = gc.grad(gc.sum(y), a)
    np.testing.assert_allclose(gc.evaluate(da, v), np.where(v["X"] > 0, 0, v["X"]).sum((0, 2)))
    assert str(gc.grad(gc.sum(y), X)) == "where(X > 0, 1, a[:, None])"
    one = gc.symbol("a", ())
    assert str(gc.grad(gc.sum(gc.prelu(x, one)), one)) == "sum(where(x > 0, 0, x))"
    assert gc.prelu(x, gc.symbol("a", (1,))).shape == (n,)


def test_gated_units() -> None:
    z = gc.symbol("z", ("n", "2*d"))
    assert str(gc.simplify(gc.glu(z))) == "z[:, :d]*sigmoid(z[:, d:])"
    v = {"z": np.arange(8.0).reshape(2, 4)}
    np.testing.assert_allclose(gc.evaluate(gc.glu(z), v), v["z"][:, :2] / (1 + np.exp(-v["z"][:, 2:])))
    assert gc.glu(z, axis=-1) is gc.parse("glu(z)", z=z)
    with pytest.raises(gc.ShapeError, match=r"glu\(X\): axis -1 of size .* is not provably even"):
        gc.glu(X)


def test_softmin_and_swish() -> None:
    v = {"x": np.array([1e4, 0.0, 1.0])}
    np.testing.assert_allclose(gc.evaluate(gc.softmin(x), v), [0, 1 / (1 + np.exp(-1)), 1 / (1 + np.e)])
    assert str(gc.softmin(X, axis=1)) == "softmin(X, axis=1)"
    assert gc.parse("swish(x)", x=x) is gc.swish(x) is gc.silu(x)


@pytest.mark.parametrize(
    "name", ["gelu", "silu", "swish", "mish", "elu", "selu", "leaky_relu", "hardswish", "softsign"]
)
def test_layers_know_the_activations(name: str) -> None:
    h = nn.dense(gc.symbol("Z", (n, d)), 4, name, activation=name)
    assert h.op is registry["silu" if name == "swish" else name]
    W = gc.nn.parameters(h)[0]
    assert gc.grad(gc.sum(h**2), W).shape == (d, 4)
    assert W.attributes["init"] == ("glorot_uniform" if name in ("selu", "hardswish", "softsign") else "he_normal")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("silu(x) - x*sigmoid(x)", "zeros(n)"),
        ("silu(x)/x", "sigmoid(x)"),
        ("mish(x) + 2*silu(x)", "mish(x) + 2*silu(x)"),
        ("logsigmoid(x) + softplus(-x)", "zeros(n)"),
        ("exp(silu(x))", "exp(silu(x))"),
        ("tanhshrink(x) + tanh(x)", "x"),
    ],
)
def test_a_name_is_kept_unless_opening_it_shortens(text: str, form: str) -> None:
    assert str(gc.simplify(gc.parse(text, x=x))) == form


def test_different_options_are_different_functions() -> None:
    assert gc.check(gc.sum(gc.elu(x)), x, gc.grad(gc.sum(gc.elu(x, 2)), x)).status == "wrong"
    assert gc.simplify(gc.elu(x) - gc.elu(x, 2)).operands


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda: gc.gelu(x, "erf"), "gelu: approximate is 'none' or 'tanh', got 'erf'"),
        (lambda: gc.elu(x, g), "elu: options are numbers, got alpha="),
        (lambda: gc.leaky_relu(x, "a"), "leaky_relu: options are numbers, got negative_slope='a'"),
        (lambda: gc.celu(x, 0), "celu: alpha must be above 0, got 0"),
        (lambda: gc.hardtanh(x, 1, 1), "hardtanh: min_val must be below max_val, got 1 and 1"),
        (lambda: gc.softshrink(x, -1), "softshrink: lambd must not be negative, got -1"),
        (lambda: gc.hardshrink(x, -1), "hardshrink: lambd must not be negative, got -1"),
        (lambda: gc.prelu(X, gc.symbol("a", (d,))), "needs one slope, or one for each entry of axis 1"),
        (lambda: gc.prelu(x, g), "needs one slope, or one for each entry of axis 1"),
        (lambda: gc.softmin(gc.sum(x)), "needs one axis of an array"),
        (lambda: gc.parse("elu(x, beta=1)", x=x), r"elu\(x, alpha=1\)"),
    ],
)
def test_wrong_uses_are_explained(use: Callable[[], Any], text: str) -> None:
    with pytest.raises(gc.GraphcError, match=text):
        use()
