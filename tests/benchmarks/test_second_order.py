"""Hessians and their products with vectors: emitted code against NumPy written by hand, in one run.

``python -m pytest tests/benchmarks/test_second_order.py -s`` prints times and ratios; only the ratios carry over to
another machine or day.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

n, d, k, q, h = gc.dims("n d k q h")
RNG = np.random.default_rng(0)


def best(function: Callable[[], Any], seconds: float = 0.05) -> float:
    """The shortest time of a call, in milliseconds."""
    shortest, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        shortest = min(shortest, time.perf_counter() - start)
    return float(shortest * 1e3)


def compared(what: str, mine: Callable[[], Any], other: Callable[[], Any], limit: float) -> None:
    """Assert that `mine` takes at most `limit` times as long as `other`, measured in turns until it does."""
    own = theirs = np.inf
    for turn in range(12):
        own, theirs = min(own, best(mine)), min(theirs, best(other))
        if turn > 1 and own <= limit * theirs:
            break
    print(f"\n{what}: {own:.4f} ms against {theirs:.4f} ms, ratio {own / theirs:.2f}")
    assert own <= limit * theirs


@pytest.mark.parametrize("style", ["fast", "readable"])
def test_hessian_of_a_factorization(style: str) -> None:
    """The Hessian of ||T - U V^T||^2 in U at 200 x 200, rank 5, is 2 I (x) V^T V: at most 3 times the hand's time."""
    T, U, V = gc.symbol("T", (n, k)), gc.symbol("U", (n, q)), gc.symbol("V", (k, q))
    step = gc.compile(gc.hessian(gc.sum((T - U @ V.T) ** 2), U), [T, U, V], style=style)
    t, u, v = RNG.normal(size=(200, 200)), RNG.normal(size=(200, 5)), RNG.normal(size=(200, 5))

    def by_hand() -> Any:
        out = np.zeros((200, 5, 200, 5))
        np.einsum("ijik->ijk", out)[...] = 2 * (v.T @ v)
        return out

    np.testing.assert_allclose(step(t, u, v), by_hand())
    compared(f"factorization, {style}", lambda: step(t, u, v), by_hand, limit=3)


@pytest.mark.parametrize("style", ["fast", "readable"])
def test_hessian_of_logistic_regression(style: str) -> None:
    """X^T D X without an array larger than X."""
    X, y, w = gc.symbol("X", (n, d)), gc.symbol("y", (n,)), gc.symbol("w", (d,))
    step = gc.compile(gc.hessian(gc.mean(gc.softplus(X @ w) - y * (X @ w)), w), [X, y, w], style=style)
    x, t, at = RNG.normal(size=(4000, 100)), RNG.integers(2, size=4000) * 1.0, RNG.normal(size=100) / 10

    def by_hand() -> Any:
        s = 1 / (1 + np.exp(-(x @ at)))
        return x.T @ ((s * (1 - s) / len(x))[:, None] * x)

    np.testing.assert_allclose(step(x, t, at), by_hand(), rtol=1e-9)
    compared(f"logistic regression, {style}", lambda: step(x, t, at), by_hand, limit=3)


def network() -> tuple[gc.Expr, list[gc.Expr], list[Any]]:
    """The loss of a network with two hidden layers, its symbols and arrays."""
    sizes = ((100, 80), (80, 60), (60, 10))
    X, T = gc.symbol("X", (n, 100)), gc.symbol("T", (n, 10), facts=["one_hot"])
    weights = [gc.parameter(f"W{i}", s) for i, s in enumerate(sizes)]
    out = X
    for i, weight in enumerate(weights):
        out = (gc.tanh(out) if i else out) @ weight
    loss = gc.mean(gc.cross_entropy(gc.softmax(out), T))
    arrays = [RNG.normal(size=(256, 100)), np.eye(10)[RNG.integers(10, size=256)]]
    return loss, [X, T, *weights], arrays + [RNG.normal(size=s) / 10 for s in sizes]


def logistic() -> tuple[gc.Expr, list[gc.Expr], list[Any]]:
    X, y, w = gc.symbol("X", (n, d)), gc.symbol("y", (n,)), gc.symbol("w", (d,))
    arrays = [RNG.normal(size=(4000, 100)), RNG.integers(2, size=4000) * 1.0, RNG.normal(size=100) / 10]
    return gc.mean(gc.softplus(X @ w) - y * (X @ w)), [X, y, w], arrays


@pytest.mark.parametrize(("model", "first"), [(network, 2), (logistic, 2)], ids=["network", "logistic"])
def test_hessian_vector_product(model: Any, first: int) -> None:
    """A product of the Hessian with a vector costs about two gradients; 3.5 leaves room for noise."""
    loss, symbols, arrays = model()
    wrt = symbols[first:]
    along = [gc.symbol(f"r{i}", x.shape) for i, x in enumerate(wrt)]
    gradient = gc.compile(gc.grad(loss, wrt), symbols, style="fast")
    product = gc.compile(gc.hvp(loss, wrt, along), [*symbols, *along], style="fast")
    directions = [RNG.normal(size=a.shape) for a in arrays[first:]]
    step = 1e-5
    moved = [[a + s * r for a, r in zip(arrays[first:], directions, strict=True)] for s in (step, -step)]
    ahead, behind = (gradient(*arrays[:first], *at) for at in moved)
    for got, a, b in zip(product(*arrays, *directions), ahead, behind, strict=True):
        np.testing.assert_allclose(got, (a - b) / (2 * step), rtol=1e-4, atol=1e-7)
    compared(model.__name__, lambda: product(*arrays, *directions), lambda: gradient(*arrays), limit=3.5)
