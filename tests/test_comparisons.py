"""Comparisons have one normal form, are written as people write them, and give the same truth values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphc as gc

n, m = gc.dims("n m")
NAMES = {
    "x": gc.symbol("x", (n,)),
    "y": gc.symbol("y", (n,)),
    "z": gc.symbol("z", (m,)),
    "q": gc.symbol("q", (n,), facts=["positive"]),
    "s": gc.symbol("s"),
    "c": gc.symbol("c", facts=["positive"]),
    "n": n,
}
WAYS = [
    (["x > y", "y < x", "x - y > 0", "0 > y - x", "2*x > 2*y", "c*x > c*y", "x/c > y/c", "q*x > q*y"], "x > y"),
    (["x < 1", "1 > x", "x - 1 < 0", "1 - x > 0", "3*x < 3"], "x < 1"),
    (["x <= -1/2", "x + 1/2 <= 0", "-x >= 1/2"], "x <= -0.5"),
    (["abs(x) <= c", "c >= abs(x)", "abs(x) - c <= 0"], "abs(x) <= c"),
    (["(1 - s)*(x - y) > s*(y - x)", "s*(x - y) + (1 - s)*(x - y) > 0"], "x > y"),
    (["relu(x) > 0", "x > 0", "exp(y)*x > 0", "n*x > 0"], "x > 0"),
    (["x + y > x**2 + 1", "x**2 - x + 1 < y"], "x + y > x**2 + 1"),
    (["x**2 < x", "x*(1 - x) > 0"], "x**2 < x"),
    (["z[:, None] > x", "x - z[:, None] < 0"], "z[:, None] > x"),
    (["x > 0", "minimum(x, 1) > 0", "1 < 1 + minimum(3, 2*x)", "maximum(x, -1) > 0", "-minimum(x, 1) < 0"], "x > 0"),
    (["x <= 2", "maximum(x, 1) <= 2", "relu(x) <= 2", "minimum(x, 3) <= 2", "6 - 3*relu(x) >= 0"], "x <= 2"),
]
SELECTIONS = [
    ("where(x > y, x, y)", "maximum(x, y)"),
    ("where(y <= x, x, y)", "maximum(x, y)"),
    ("where(x < y, x, y)", "minimum(x, y)"),
    ("where(x < 0, -x, x)", "abs(x)"),
    ("where(x >= 0, x, -x)", "abs(x)"),
    ("where(x < 0, 0, x)", "relu(x)"),
    ("relu(x)*(x > 0)", "relu(x)"),
    ("where(relu(x) > -1, x, y)", "x"),
    ("y + x*(minimum(x, 1) > 1)", "y"),
    ("y + x*(maximum(x, 2) < 2)", "y"),
    ("y + x*(minimum(x, 1) <= 1)", "x + y"),
    ("y + x*(relu(x) >= 0)", "x + y"),
    ("where(minimum(x, 1) > 2, x, y)", "y"),
]
MINUS = [
    "where(exp(x) - 1 > trace(A), expm1(x), trace(A))",
    "-where(x > 0, -trace(A), x - 1)",
    "1 - where(x > y, -sum(A), 2)",
]
GRADIENTS = [
    ("sum(maximum(c*(y - x), (c - 1)*(y - x)))", "(x > y) - c"),
    ("sum(maximum(0, 1 - x*y)**2)/2", "-y*relu(1 - x*y)"),
    ("mean(maximum(0, 1 - x))", "-(x < 1)/n"),
]


@pytest.mark.parametrize(("ways", "form"), WAYS, ids=[form for _, form in WAYS])
def test_one_form_however_it_is_written(ways: list[str], form: str) -> None:
    found = {gc.simplify(gc.parse(way, **NAMES)) for way in ways}
    assert [str(f) for f in found] == [form]
    (only,) = found
    assert gc.parse(str(only), **NAMES) is only


@pytest.mark.parametrize(("written", "form"), SELECTIONS)
def test_selections_by_a_comparison_are_the_function_they_are(written: str, form: str) -> None:
    assert str(gc.simplify(gc.parse(written, **NAMES))) == form


@pytest.mark.parametrize("text", MINUS)
def test_selections_of_sums_and_traces_take_a_minus_sign(text: str) -> None:
    names = {"x": gc.symbol("x"), "y": gc.symbol("y"), "A": gc.symbol("A", ("n", "n"))}
    e = gc.parse(text, **names)
    values = {"x": np.array(0.7), "y": np.array(0.3), "A": np.random.default_rng(0).normal(size=(3, 3)), "n": 3}
    assert gc.evaluate(gc.simplify(e), values) == pytest.approx(gc.evaluate(e, values))
    assert gc.evaluate(gc.simplify(-e), values) == pytest.approx(-gc.evaluate(e, values))


@pytest.mark.parametrize(("function", "form"), GRADIENTS)
def test_gradients_hold_the_short_comparison(function: str, form: str) -> None:
    assert str(gc.grad(gc.parse(function, **NAMES), NAMES["x"])) == form


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", [*itertools.chain(*(ways for ways, _ in WAYS)), *(w for w, _ in SELECTIONS)])
def test_values_do_not_change(formula: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    values: dict[str, object] = {k: rng.choice([-1, -0.5, 0, 0.5, 1, 2], size=4).astype(dtype) for k in "xy"}
    values |= {"z": rng.normal(size=3).astype(dtype), "q": rng.uniform(1, 2, 4).astype(dtype), "s": 0.25, "c": 0.5}
    e = gc.parse(formula, **NAMES)
    assert np.array_equal(gc.evaluate(gc.simplify(e), values), gc.evaluate(e, values))


def test_the_facts_used_are_those_of_the_factors_left_out() -> None:
    d = gc.derive(gc.sum(gc.where(gc.parse("c*x > c*y", **NAMES), NAMES["x"], 0)), NAMES["x"])
    assert "positive of c" in str(d)


def test_a_difference_that_something_else_needs_is_computed_once() -> None:
    z = gc.parse("x + s - y", **NAMES)
    loss = gc.sum(gc.relu(z) ** 2 + gc.relu(z))
    f, g = gc.simplify([loss, gc.grad(loss, NAMES["x"])])
    assert "> 0" in str(g)
    assert "s + x > y" in str(gc.grad(gc.sum(gc.relu(z)), NAMES["x"]))
    assert gc.count_ops([f, g]) <= gc.count_ops(f) + 3


def test_named_ramps_come_back_in_their_masks() -> None:
    h = gc.relu(NAMES["x"] * 2 - NAMES["y"]).named("h")
    assert str(gc.grad(gc.sum(h * NAMES["y"]), NAMES["x"])) == "2*y*(h > 0)"


def test_code_takes_the_mask_of_a_ramp_from_its_value() -> None:
    z = NAMES["x"] * NAMES["s"] + NAMES["y"]
    loss = gc.sum(gc.relu(z) * NAMES["y"])
    source = gc.emit([loss, gc.grad(loss, NAMES["x"])], [NAMES[k] for k in "xys"])
    step = gc.compile([loss, gc.grad(loss, NAMES["x"])], [NAMES[k] for k in "xys"])
    assert source.count("np.maximum") == 1
    assert "return s * y * (term > 0)" in source
    _, g = step(np.array([1.0, -1.0]), np.array([1.0, 0.5]), np.array(2.0))
    assert np.array_equal(g, [2.0, 0.0])
