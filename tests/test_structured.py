"""Gradients by structured matrices: entry by entry by default, by the free entries on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.checking.domains import STYLES, draw
from graphc.ir.facts import closure

n = gc.dims("n")
SIZE = 3
A, a = gc.symbol("A", (n, n)), gc.symbol("a", (n,))
RNG = np.random.default_rng(5)

# fact, formula of X, the gradient by the free entries in the notation
ROWS = [
    ("symmetric", "logdet(X + 9*eye(n))", None),
    ("symmetric", "logdet(X)", "2*inv(X) - diag(diag(inv(X)))"),
    ("symmetric", "trace(X @ A)", "A + A.T - diag(diag(A))"),
    ("symmetric", "a @ X @ a", "2*outer(a, a) - diag(a**2)"),
    ("symmetric", "sum(X**3)", None),
    ("spd", "logdet(X) + a @ inv(X) @ a", None),
    ("lower_triangular", "a @ X @ a", "tril(outer(a, a))"),
    ("lower_triangular", "sum((X @ X.T - A)**2)", None),
    ("upper_triangular", "sum(exp(X) * A)", None),
    ("upper_triangular", "a @ X @ a", None),
    ("diagonal", "trace(A @ X @ A.T)", "diag(diag(A.T @ A))"),
    ("diagonal", "sum((X @ A - A)**2)", None),
    ("diagonal", "a @ X @ a", "diag(a**2)"),
]


def moves(fact: str) -> list[Any]:
    """The directions that keep the structure, one for each free entry, with the entries they belong to."""
    found = []
    for i in range(SIZE):
        for j in range(SIZE):
            d = np.zeros((SIZE, SIZE))
            d[i, j] = 1
            if fact in ("symmetric", "spd"):
                d[j, i] = 1
            keeps = {"lower_triangular": i >= j, "upper_triangular": i <= j, "diagonal": i == j}
            if keeps.get(fact, True):
                found.append(((i, j), d))
    return found


def slope(f: Callable[[Any], Any], x: Any, d: Any) -> Any:
    h = 1e-4
    return (8 * (f(x + h * d) - f(x - h * d)) - (f(x + 2 * h * d) - f(x - 2 * h * d))) / (12 * h)


@pytest.mark.parametrize(("fact", "formula", "form"), ROWS, ids=[f"{r[1]} {r[0]}" for r in ROWS])
def test_free_entries(fact: str, formula: str, form: str | None) -> None:
    X = gc.symbol("X", (n, n), facts=[fact])
    f = gc.parse(formula, X=X, A=A, a=a, n=n)
    free, tied = gc.grad(f, X), gc.grad(f, X, structured=True)
    assert gc.parse(str(tied), **gc.names(tied)) is tied
    assert free is not tied
    if form is not None:
        assert tied is gc.simplify(gc.parse(form, X=X, A=A, a=a)), str(tied)
    values = {"X": draw(X, {"n": SIZE}, STYLES[2], RNG), "A": RNG.normal(size=(SIZE, SIZE)), "a": RNG.normal(size=SIZE)}
    if fact == "symmetric":
        values["X"] = values["X"] + 5 * np.eye(SIZE)
    expected = np.zeros((SIZE, SIZE))
    for place, d in moves(fact):
        expected[place] = slope(lambda x: gc.evaluate(f, {**values, "X": x, "n": SIZE}), values["X"], d)
    np.testing.assert_allclose(gc.evaluate(tied, values | {"n": SIZE}), expected, rtol=1e-6, atol=1e-7)
    stack = gc.jacobian(f * gc.constant([1, 2]), X, structured=True)
    np.testing.assert_allclose(gc.evaluate(stack, values | {"n": SIZE})[1], 2 * expected, rtol=1e-6, atol=1e-7)
    bend = gc.hessian(f, X, structured=True)
    second = np.zeros((SIZE,) * 4)
    for place, d in moves(fact):
        moved = slope(lambda x: gc.evaluate(tied, {**values, "X": x, "n": SIZE}), values["X"], d)
        second[:, :, place[0], place[1]] = moved
    np.testing.assert_allclose(gc.evaluate(bend, values | {"n": SIZE}), second, rtol=1e-5, atol=1e-5)


def test_what_facts_imply() -> None:
    facts = gc.facts
    assert closure([facts.diagonal]) == closure([facts.lower_triangular, facts.upper_triangular])
    assert facts.diagonal in closure([facts.symmetric, facts.lower_triangular])
    assert facts.symmetric in closure([facts.diagonal])
    assert facts.lower_triangular not in closure([facts.symmetric])
    with pytest.raises(gc.FactError, match="only a square matrix can be lower_triangular"):
        gc.symbol("L", (n, 2), facts=["lower_triangular"])


@pytest.mark.parametrize("fact", ["lower_triangular", "upper_triangular", "diagonal", "symmetric"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("extra", ["", "invertible"])
def test_points_have_the_structure(fact: str, style: str, extra: str) -> None:
    X = gc.symbol("X", ("m", n, n), facts=[fact, extra] if extra else [fact])
    x = draw(X, {"n": SIZE, "m": 2}, style, RNG)
    projection = {
        "lower_triangular": np.tril(x),
        "upper_triangular": np.triu(x),
        "diagonal": x * np.eye(SIZE),
        "symmetric": x.swapaxes(-1, -2),
    }
    np.testing.assert_array_equal(x, projection[fact])
    if extra:
        assert np.all(np.abs(np.linalg.det(x)) > 0.1)


def test_a_diagonal_matrix_is_its_diagonal() -> None:
    D = gc.symbol("D", (n, n), facts=["diagonal"])
    for left, right in [("trace(D @ A)", "sum(diag(D)*diag(A))"), ("D @ D", "D*D"), ("D @ A", "diag(D)[:, None]*A")]:
        verdict = gc.check(gc.parse(left, D=D, A=A), gc.parse(right, D=D, A=A))
        assert verdict.status == "proved"
        assert verdict.facts == ("D is diagonal",)


def test_an_intermediate_and_a_free_matrix_have_no_structure() -> None:
    f = gc.trace(A @ A)
    assert gc.grad(f, A, structured=True) is gc.grad(f, A)
    assert gc.grad(gc.sum(gc.exp(A)), [A, A], structured=True) == [gc.exp(A)] * 2
