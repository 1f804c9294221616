"""Random expressions: evaluation, simplification, both styles of code, text and gradients against each other."""

from __future__ import annotations

import random
from typing import Any

import generate
import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.symbols import symbols_of
from graphc.rewriting.order import is_symmetric
from graphc.rewriting.simplify import normalizer

STEP = 1e-6


def same(found: Any, expected: Any, tolerance: float, what: str) -> None:
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype, what
    scale = float(np.max(np.abs(expected), initial=1.0))
    np.testing.assert_allclose(found, expected, tolerance, tolerance * scale, err_msg=what)


def directional(f: Expr, name: str, values: dict[str, Any], direction: Any, step: float) -> float:
    return sum(one_sided(f, name, values, direction, step)) / 2


def one_sided(f: Expr, name: str, values: dict[str, Any], direction: Any, step: float) -> tuple[float, float]:
    """The slopes ahead and behind, which differ at a kink."""
    at, up, down = (float(gc.evaluate(f, {**values, name: values[name] + s * direction})) for s in (0, step, -step))
    return (up - at) / step, (at - down) / step


@pytest.mark.parametrize("seed", range(48))
def test_random_expressions_agree_with_themselves(seed: int) -> None:
    rng = random.Random(seed)
    e = generate.wide_expression(rng)
    symbols = symbols_of([e])
    sizes = {name: rng.choice([1, 2, 3]) for name in ("n", "m", "k")}
    dtype, tolerance = rng.choice([("float64", 1e-7), ("float32", 5e-3)])
    values: dict[str, Any] = generate.wide_arrays(symbols, sizes, seed)
    values = {name: x.astype(dtype) for name, x in values.items()} | sizes
    with np.errstate(all="ignore"):
        try:
            expected = gc.evaluate(e, values)
        except gc.ShapeError:  # n and n**2, taken to be equal
            return
        if not np.all(np.abs(expected) < 1e6):
            return
        closed = gc.simplify(e)
        same(gc.evaluate(closed, values), expected, tolerance, f"simplify: {e}")
        f = gc.sum(gc.tanh(e))
        x = rng.choice(symbols)
        gradient = gc.grad(f, x)
        slope = gc.evaluate(gradient, values)
        for shown in (e, closed, gradient):
            assert gc.parse(str(shown), **gc.names(shown)) is shown
        for style in ("fast", "readable"):
            step = gc.compile([e, gradient], symbols, style=style)
            for found, value in zip(step(*(values[str(s.name)] for s in symbols)), (expected, slope), strict=True):
                same(found, value, tolerance, f"{style}: {e}")
        if dtype == "float64" and np.all(np.isfinite(slope)):
            direction = np.random.default_rng(1).normal(size=slope.shape)
            near, far = (directional(f, str(x.name), values, direction, k * STEP) for k in (1, 2))
            ahead, behind = one_sided(f, str(x.name), values, direction, STEP)
            smooth = abs(ahead - behind) < 1e-3 * max(1, abs(near))  # an even kink shows here alone
            if smooth and abs(near - far) < 1e-5 * max(1, abs(near)):
                assert np.isclose(near, np.sum(slope * direction), 1e-4, 1e-4), f"{e} by {x}"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_taken_for_symmetric_is(seed: int) -> None:
    e = generate.wide_expression(random.Random(1000 + seed), size=12)
    form = normalizer().normal(e)
    sizes = {"n": 3, "m": 3, "k": 2}
    values: dict[str, Any] = generate.wide_arrays(symbols_of([e]), sizes, seed) | sizes
    for node in topological([form]):
        if is_symmetric(node):
            try:
                value = gc.evaluate(node, values)
            except gc.ShapeError:
                continue
            np.testing.assert_allclose(value, value.T, 1e-8, 1e-8, err_msg=str(node))


def test_a_diagonal_along_one_axis_is_not_symmetric() -> None:
    n = gc.dims("n")
    X, V = gc.symbol("X", (n, n)), gc.symbol("V", (n, n))
    e = gc.diag(gc.softmax(X, axis=0))
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(3, 3)), "V": rng.normal(size=(3, 3))}
    along = np.tensordot(gc.evaluate(gc.jacobian(e, X), values), values["V"], 2)
    np.testing.assert_allclose(along, gc.evaluate(gc.jvp(e, X, V), values), 1e-10)


def test_a_label_that_one_factor_alone_is_summed_over() -> None:
    n = gc.dims("n")
    P, V = gc.symbol("P", (n, n)), gc.symbol("V", (n, n))
    f = gc.sum(gc.tanh(gc.kron(gc.log_softmax(P), gc.log_softmax(P))))
    rng = np.random.default_rng(0)
    values = {"P": rng.normal(size=(2, 2)), "V": rng.normal(size=(2, 2))}
    measured = directional(f, "P", values, values["V"], 1e-6)
    np.testing.assert_allclose(np.sum(gc.evaluate(gc.grad(f, P), values) * values["V"]), measured, 1e-6)
    gc.evaluate(gc.hvp(f, P, V), values)


@pytest.mark.parametrize("style", ["fast", "readable"])
def test_constants_and_truth_values_in_emitted_code(style: str) -> None:
    n = gc.dims("n")
    s, b = gc.symbol("s", (n,), facts=["sign"]), gc.symbol("b", (n,), dtype="bool")
    signs, flags = np.array([1.0, -1, 1]), np.array([True, False, True])
    np.testing.assert_allclose(gc.compile(gc.log_softmax(s * s), [s], style=style)(signs), np.full(3, -np.log(3)))
    np.testing.assert_allclose(gc.compile(b * gc.pi + s, [b, s], style=style)(flags, signs), flags * np.pi + signs)
    assert (b * gc.pi).dtype == "float64"


@pytest.mark.parametrize("style", ["fast", "readable"])
def test_truth_values_are_counted(style: str) -> None:
    n = gc.dims("n")
    a, P = gc.symbol("a"), gc.symbol("P", (n, n))
    count = gc.grad(gc.trace(gc.maximum(a, P)), a)
    assert gc.compile(count, [a, P], style=style)(4.5, np.arange(9.0).reshape(3, 3)) == 2


def test_diagonals_in_index_notation() -> None:
    n = gc.dims("n")
    H, T = gc.symbol("H", (n, n)), gc.symbol("T", (n,))
    e = gc.minimum(gc.diag(1 / (1 + H * H)), T)
    values = {"H": np.arange(4.0).reshape(2, 2), "T": np.array([0.5, 0.05])}
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = 0.0  # the first is not below 0.5, and the derivative by H[0, 0] = 0 is 0
    np.testing.assert_allclose(gc.evaluate(gc.jacobian(e, H), values), expected, atol=1e-12)
    values["T"] = np.array([0.5, 0.5])
    expected[1, 1, 1] = -2 * 3 / 100
    np.testing.assert_allclose(gc.evaluate(gc.jacobian(e, H), values), expected, atol=1e-12)
