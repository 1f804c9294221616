"""Gradients print in the form a textbook prints, from rules that know none of these examples."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n, d, k, m, q = gc.dims("n d k m q")
NAMES = {
    "X": gc.symbol("X", (n, d)),
    "W": gc.parameter("W", (d, k)),
    "b": gc.parameter("b", (k,)),
    "S": gc.symbol("S", (q, n, d)),
    "U": gc.symbol("U", (q, d, k)),
    "A": gc.symbol("A", (n, n)),
    "B": gc.symbol("B", (n, n)),
    "C": gc.symbol("C", (n, n), facts=["symmetric"]),
    "x": gc.symbol("x", (n,)),
    "y": gc.symbol("y", (n,)),
    "w": gc.symbol("w", (d,)),
    "v": gc.symbol("v", (5,)),
    "c": gc.symbol("c", (d, 1)),
    "t": gc.symbol("t", (n, 1)),
    "alpha": gc.symbol("alpha"),
}
FORMS = [
    ("norm(X @ w - y)**2", "w", "2*X.T @ (X @ w - y)"),
    ("norm(X @ w - y)", "w", "X.T @ (X @ w - y)/norm(X @ w - y)"),
    ("mean((X @ w - y)**2) + alpha/2*norm(w)**2", "w", "2*X.T @ (X @ w - y)/n + alpha*w"),
    ("mean(log(1 + exp(-y*(X @ w))))", "w", "X.T @ (y*(sigmoid(y*(X @ w)) - 1))/n"),
    ("mean(-y*log(sigmoid(X @ w)) - (1 - y)*log(1 - sigmoid(X @ w)))", "w", "X.T @ (sigmoid(X @ w) - y)/n"),
    ("mean((X @ c - t)**2)", "c", "2*X.T @ (X @ c - t)/n"),
    ("sum((X @ W + b)**2)", "b", "2*sum(X @ W + b, axis=0)"),
    ("x @ A @ x", "x", "(A + A.T) @ x"),
    ("x @ C @ x", "x", "2*C @ x"),
    ("x @ A @ y", "A", "outer(x, y)"),
    ("trace(A @ B)", "A", "B.T"),
    ("trace(A @ B @ A.T)", "A", "A @ (B + B.T)"),
    ("trace(A @ A)", "A", "2*A.T"),
    ("norm(A @ A.T - eye(n))**2", "A", "4*(A @ A.T - eye(n)) @ A"),
    ("sum(exp(x))", "x", "exp(x)"),
    ("logsumexp(x)", "x", "softmax(x)"),
    ("norm(x)", "x", "x/norm(x)"),
    ("sum(abs(x)**3)", "x", "3*x*abs(x)"),
    ("mean((v - mean(v))**2)", "v", "0.4*(v - mean(v))"),
    ("mean((x - mean(x))**2)", "x", "2*(x - mean(x))/n"),
    ("sum(where(abs(x) < 1, x**2/2, abs(x) - 1/2))", "x", "clip(x, -1, 1)"),
    ("sum(tanh(S @ W))", "S", "(1 - tanh(S @ W)**2) @ W.T"),
    ("sum((S @ U)**2)", "U", "2*transpose(S, (0, 2, 1)) @ (S @ U)"),
    ("sum((S @ U)**2)", "S", "2*S @ U @ transpose(U, (0, 2, 1))"),
    ("sum(where(x > 0, x, 0.01*x))", "x", "where(x > 0, 1, 0.01)"),
    ("sum(y*where(x > 0, x, 0.01*x))", "x", "y*where(x > 0, 1, 0.01)"),
    ("sum(minimum(x, x**2))", "x", "where(x**2 < x, 2*x, 1)"),
    ("sum(where(x > 1, x**2, where(x > 0, x, sin(x))))", "x", "where(x > 1, 2*x, where(x > 0, 1, cos(x)))"),
    ("sum(where(x > 1/2, x - 1/2, where(x < -1/2, x + 1/2, 0)))", "x", "where(x > 0.5, 1, where(x < -0.5, 1, 0))"),
    ("sum(where(x <= 0, x*y, 0) + where(x > 0, x*y**2, 0))", "x", "y*where(x <= 0, 1, y)"),
    (
        "sum(where(abs(x - y) <= alpha, (x - y)**2/2, alpha*abs(x - y)))",
        "x",
        "where(abs(x - y) <= alpha, x - y, alpha*sign(x - y))",
    ),
    ("sum(abs(y - x))", "y", "sign(y - x)"),
    ("sum(relu(x))", "x", "where(x > 0, 1, 0)"),
    ("std(x)", "x", "(x - mean(x))/(n*std(x))"),
    ("sum((X - mean(X, axis=0))/sqrt(var(X, axis=0)))", "X", "zeros(n, d)"),
    ("sum(log(cosh(X @ w - y)))", "w", "X.T @ tanh(X @ w - y)"),
    ("sum(log(cos(x)))", "x", "-tan(x)"),
    ("sum(log(X @ w)**2)", "w", "2*X.T @ (log(X @ w)/(X @ w))"),
    ("x @ A @ x/(x @ B @ x)", "x", "((A + A.T) @ x - x @ A @ x*((B + B.T) @ x)/(x @ B @ x))/(x @ B @ x)"),
    ("sum(arctan(x/y))", "x", "y/(x**2 + y**2)"),
    ("sum(arctan(x/y))", "y", "-x/(x**2 + y**2)"),
    ("sum(x/(x + y))", "x", "y/(x + y)**2"),
    ("sum(log(1 + x/y))", "y", "-x/(y*(x + y))"),
    ("sum(log(x/(1 - x)))", "x", "1/(x*(1 - x))"),
    ("sum(1/x + 1/y)", "x", "-1/x**2"),
    ("sum(x)*(x @ B @ x)", "x", "sum(x)*((B + B.T) @ x) + x @ B @ x"),
    ("norm(x - y)", "x", "(x - y)/norm(x - y)"),
    ("norm(y - x)", "y", "(y - x)/norm(y - x)"),
    ("(x - y) @ inv(A) @ (x - y)", "A", "-outer((x - y) @ inv(A), inv(A) @ (x - y))"),
    ("sum(y*log(A @ x))", "x", "A.T @ (y/(A @ x))"),
    ("sum(sqrt(x)*y)", "x", "y/(2*sqrt(x))"),
    (
        "sum(exp(-sum((X[:, None, :] - X)**2, axis=2)))",
        "X",
        "4*(exp(-sum((X[:, None, :] - X)**2, axis=2)) @ X"
        " - X*sum(exp(-sum((X[:, None, :] - X)**2, axis=2)), axis=0)[:, None])",
    ),
]


@pytest.mark.parametrize(("formula", "by", "form"), FORMS, ids=[f"{f} by {b}" for f, b, _ in FORMS])
def test_textbook_form(formula: str, by: str, form: str) -> None:
    gradient = gc.grad(gc.parse(formula, **NAMES), NAMES[by])
    assert str(gradient) == form
    assert gc.parse(form, **NAMES) is gradient


@pytest.mark.parametrize(
    ("formula", "form"),
    [
        ("sum(X*(X - mean(X, axis=0))/std(X, axis=0))", "sum(X*(X - mean(X, axis=0))/std(X, axis=0))"),
        ("mean((x - mean(x))**2)", "var(x)"),
        ("sqrt(mean((x - mean(x))**2))", "std(x)"),
        ("var(x) + var(A)", "var(A) + var(x)"),  # of n and n**2 entries
        ("mean(x) - mean(A)", "mean(x) - mean(A)"),
        ("C @ (alpha*x - 2*y) + alpha*(C @ x)", "2*C @ (alpha*x - y)"),
        ("X.T @ (X @ w - y) + alpha*(X.T @ x)", "X.T @ (X @ w + alpha*x - y)"),
        ("x*y*sin(x)/alpha - x*exp(y)*cos(y)/alpha", "x*(y*sin(x) - cos(y)*exp(y))/alpha"),
        (
            "sum(X*(t*exp(X) + 1), axis=1, keepdims=True) + t*sum(X*exp(X), axis=1, keepdims=True)",
            "sum(X*(2*t*exp(X) + 1), axis=1, keepdims=True)",
        ),
        ("X.T @ (2*x + 1)/n", "X.T @ (2*x + 1)/n"),
        ("-mean(2*A*x - 3)", "mean(3 - 2*x*A)"),
        ("A @ x - alpha*(B @ x)", "A @ x - alpha*(B @ x)"),  # no matrix is made for it
        ("x @ (alpha*y - A @ y) + alpha*(x @ y)", "x @ (2*alpha*y - A @ y)"),
    ],
)
def test_simplified_form(formula: str, form: str) -> None:
    assert str(gc.simplify(gc.parse(formula, **NAMES))) == form


def test_batch_normalization_in_three_terms() -> None:
    X, G = NAMES["X"], gc.symbol("G", (n, d))
    gamma, eps = gc.symbol("gamma", (d,)), gc.symbol("eps", facts=["positive"])
    mu = gc.mean(X, axis=0).named("mu")
    v = gc.mean((X - mu) ** 2, axis=0).named("v")
    xhat = ((X - mu) / gc.sqrt(v + eps)).named("xhat")
    gradient = gc.grad(gc.sum(G * gamma * xhat), X)
    assert str(gradient) == "gamma*(G - xhat*mean(G*xhat, axis=0) - mean(G, axis=0))/sqrt(v + eps)"


def test_batch_normalization_from_the_mean_of_squares() -> None:
    X, G, eps = NAMES["X"], gc.symbol("G", (n, d)), gc.symbol("eps")
    mu = gc.mean(X, axis=0).named("mu")
    v = (gc.mean(X**2, axis=0) - mu**2).named("v")
    xhat = ((X - mu) / gc.sqrt(v + eps)).named("xhat")
    gradient = gc.grad(gc.sum(G * xhat), X)
    assert str(gradient) == "(G - xhat*mean(G*xhat, axis=0) - mean(G, axis=0))/sqrt(v + eps)"
    bare = (X - gc.mean(X, axis=0)) / gc.sqrt(gc.mean(X**2, axis=0) - gc.mean(X, axis=0) ** 2 + eps)
    assert gc.count_ops(gc.grad(gc.sum(G * bare), X)) <= 12


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "exp"])
def test_named_layers_come_back_without_a_bias(activation: str) -> None:
    h = getattr(gc, activation)(NAMES["X"] @ NAMES["W"]).named("h")
    assert "X @ W" not in str(gc.grad(gc.sum(h**2), NAMES["W"]))
    assert str(gc.grad(gc.sum(h**2), h)) == "2*h"


def test_deep_networks_are_not_transposed() -> None:
    """Delta rules read from left to right at any depth."""
    X, Y = NAMES["X"], gc.symbol("Y", (n, d))
    weights = [gc.parameter(f"W{i}", (d, d)) for i in range(4)]
    h1 = gc.tanh(X @ weights[0]).named("h1")
    h2 = gc.tanh(h1 @ weights[1]).named("h2")
    h3 = gc.tanh(h2 @ weights[2]).named("h3")
    gradient = gc.grad(gc.sum((h3 @ weights[3] - Y) ** 2), weights[0])
    assert str(gradient) == ("2*X.T @ ((1 - h1**2)*((1 - h2**2)*((1 - h3**2)*((h3 @ W3 - Y) @ W3.T) @ W2.T) @ W1.T))")


def test_gradients_are_real_numbers() -> None:
    x = NAMES["x"]
    for f in (gc.sum(gc.relu(x)), gc.sum(x), gc.sum(gc.maximum(x, 2)), gc.sum((x > 1) * x)):
        g = gc.grad(f, x)
        assert g.dtype == "float64"
        assert gc.compile(g, [x])(np.ones(3, np.float32)).dtype == np.float32


def test_joint_softmax_does_not_overflow() -> None:
    g = gc.grad(gc.logsumexp(NAMES["X"]), NAMES["X"])
    assert np.allclose(gc.compile(g, [NAMES["X"]])(np.array([[1e4, 1.0], [2.0, 3.0]])), [[1, 0], [0, 0]])
