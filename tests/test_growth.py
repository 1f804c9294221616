"""Deriving is linear in the depth of a network: calls are counted, not seconds."""

from __future__ import annotations

import cProfile
from collections.abc import Callable

import pytest

import graphc as gc
from graphc.ir.expr import Expr

n, d = gc.dims("n d")
Model = Callable[[int, str], tuple[Expr, list[Expr]]]


def layers(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x, weights = gc.symbol(first, (n, d)), []
    for i in range(depth):
        weights += [gc.parameter(f"W{i}", (d, d)), gc.parameter(f"b{i}", (d,))]
        x = gc.tanh(x @ weights[-2] + weights[-1])
    return gc.mean((x - gc.symbol("T", (n, d))) ** 2), weights


def products(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x, weights = gc.symbol(first, (n, d)), []
    for i in range(depth):
        weights.append(gc.parameter(f"W{i}", (d, d)))
        x = x @ weights[-1]
    return gc.sum(x**2), weights


def calls(f: Expr, weights: list[Expr]) -> int:
    """How many functions are called on the way to the gradients of `f`."""
    profile = cProfile.Profile()
    profile.runcall(gc.grad, f, weights)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("model", [layers, products])
def test_twice_the_layers_take_twice_the_calls(model: Model) -> None:
    calls(*model(3, "A"))
    small, large = calls(*model(20, "B")), calls(*model(40, "C"))
    assert large < 2.2 * small, f"{large / small:.2f} times the calls"


def test_the_depth_of_a_graph_is_no_depth_of_recursion() -> None:
    A, W = gc.symbol("A", (d, d)), gc.parameter("W", (d, d))
    x = A
    for _ in range(600):
        x = gc.tanh(x + 1)
    g = gc.grad(gc.sum((x @ W) ** 2), W)
    assert g.shape == (d, d)
    assert gc.count_ops(g) >= 1200
