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


def elementwise(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x = start = gc.symbol(first, (n,))
    for _ in range(2 * depth):
        x = gc.tanh(x)
    return gc.sum(x), [start]


def affine(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x = start = gc.symbol(first, (n,))
    for _ in range(depth):
        x = x * gc.symbol("a", (n,)) + gc.symbol("b", (n,))
    return gc.sum(x**2), [start]


def diamonds(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x = start = gc.symbol(first, (n,))
    for _ in range(depth):
        x = gc.sin(x) * gc.cos(x)
    return gc.sum(x), [start]


def inverses(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    x = start = gc.symbol(first, (d, d))
    for _ in range(depth):
        x = gc.inv(x + gc.symbol("W", (d, d)))
    return gc.trace(x), [start]


def terms(depth: int, first: str) -> tuple[Expr, list[Expr]]:
    symbols = [gc.symbol(f"{first}{i}", (n,)) for i in range(20 * depth)]
    x = symbols[0]
    for s in symbols[1:]:
        x = s + x
    return gc.sum(gc.exp(x)), symbols[:2]


@pytest.mark.parametrize(
    ("model", "depth"),
    [
        (layers, 20),
        (products, 20),
        (inverses, 20),
        (elementwise, 50),
        (affine, 50),
        (diamonds, 20),
        (terms, 50),
    ],
)
def test_twice_the_depth_takes_twice_the_calls(model: Model, depth: int) -> None:
    calls(*model(3, "A"))
    small, large = calls(*model(depth, "B")), calls(*model(2 * depth, "C"))
    assert large < 2.3 * small, f"{large / small:.2f} times the calls"


def test_a_hundred_thousand_nodes_are_differentiated_and_shown() -> None:
    x = first = gc.symbol("x", (n,))
    for i in range(50_000):
        x = x + gc.symbol(f"t{i}", (n,))
    f = gc.sum(x**2)
    g = gc.grad(f, first)
    assert g.shape == (n,)
    assert gc.count_ops(g) == 2
    assert str(g).count("t") >= 50_000


def test_the_depth_of_a_graph_is_no_depth_of_recursion() -> None:
    A, W = gc.symbol("A", (d, d)), gc.parameter("W", (d, d))
    x = A
    for _ in range(600):
        x = gc.tanh(x + 1)
    g = gc.grad(gc.sum((x @ W) ** 2), W)
    assert g.shape == (d, d)
    assert gc.count_ops(g) >= 1200
