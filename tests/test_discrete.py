"""Whole numbers and truth values beside derivatives: none by them, and gradients made of them are real numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

n = gc.dims("n")
x, y, c = gc.symbol("x", (n,)), gc.symbol("y", (n,), dtype="int64"), gc.symbol("c", (n,), dtype="bool")
VALUES = {"x": np.array([1.0, -2.0, 3.0]), "y": np.array([3, 0, -1]), "c": np.array([True, False, True])}

BY_DISCRETE: list[Callable[[], Any]] = [
    lambda: gc.grad(gc.sum(x * y), y),
    lambda: gc.grad(gc.sum(x * c), [x, c]),
    lambda: gc.grad(gc.sum(x * (2 * y)), 2 * y),
    lambda: gc.jacobian(x * y, y),
    lambda: gc.hessian(gc.sum(x**2 * y), x, y),
    lambda: gc.vjp(x * y, y, x),
    lambda: gc.jvp(x * c, c, x),
    lambda: gc.hvp(gc.sum(x * y), y, x),
]


@pytest.mark.parametrize("derivative", BY_DISCRETE)
def test_no_derivative_by_whole_numbers_or_truth_values(derivative: Callable[[], Any]) -> None:
    with pytest.raises(gc.DifferentiationError, match=r"holds (whole numbers|truth values).* cannot move by a little"):
        derivative()


REAL: list[tuple[gc.Expr, str, Any]] = [
    (gc.sum(x * y), "as_float(y)", [3, 0, -1]),
    (gc.sum(x) * gc.sum(y), "as_float(broadcast_to(sum(y), (n,)))", [2, 2, 2]),
    (gc.sum(x) * gc.sum(c), "broadcast_to(sum(where(c, 1, 0)), (n,))", [2, 2, 2]),
    (gc.sum(gc.relu(x)), "where(x > 0, 1, 0)", [1, 0, 1]),
    (gc.sum(x**2 * y), "2*x*y", [6, 0, -6]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "text", "expected"), REAL, ids=[text for _, text, _ in REAL])
def test_gradients_are_real_numbers(loss: gc.Expr, text: str, expected: Any, dtype: str) -> None:
    g = gc.grad(loss, x)
    assert str(g) == text
    assert g.dtype == "float64"
    assert gc.parse(text, **({"n": n} | gc.names(g))) is g
    values = VALUES | {"x": VALUES["x"].astype(dtype), "n": 3}
    given = [x, y, c]
    found = [gc.evaluate(g, values)]
    found += [gc.compile(g, given, style=s)(*(values[str(v.name)] for v in given)) for s in ("readable", "fast")]
    for value in found:
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, expected)


def test_real_numbers_may_be_derived_again() -> None:
    g = gc.grad(gc.sum(x * y), x)
    assert str(gc.grad(gc.sum(g * x**2), x)) == "2*x*as_float(y)"
    assert str(gc.grad(gc.sum(gc.as_float(x) ** 2), x)) == "2*x"
    assert "PROVED" in str(gc.check(gc.sum(x * y), x, "y"))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("style", [None, "readable", "fast"])
def test_the_extremum_of_nothing(name: str, style: str | None) -> None:
    f, empty = getattr(gc, name)(x), np.ones(0)
    with pytest.raises(gc.ShapeError, match=rf"{name}\(x\) cannot be computed where x has shape \(0,\)"):
        gc.evaluate(f, {"x": empty}) if style is None else gc.compile(f, [x], style=style)(empty)


@pytest.mark.parametrize(
    "text",
    [
        "argmax(X.T, axis=1)",
        "argmin(X @ W, axis=0)",
        "argmax(X @ W, axis=1, keepdims=True)",
        "argmax(X.T)",
        "W.T[argmax(X @ W, axis=1)]",
    ],
)
def test_the_place_of_the_largest_entry_of_what_is_turned(text: str) -> None:
    f = gc.parse(text, X=("n", "d"), W=("d", "k"))
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(3, 4)), "W": rng.normal(size=(4, 5))}
    simplified = gc.simplify(f)
    assert simplified.shape == f.shape
    assert np.array_equal(gc.evaluate(simplified, values), gc.evaluate(f, values))
