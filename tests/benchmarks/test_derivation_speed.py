"""How long deriving takes: cold, with simplification and printing, for all parameters of a network.

``python -m pytest tests/benchmarks/test_derivation_speed.py -s`` prints times in seconds and, for depths, the exponent
with which they grow. The gradients of all parameters are printed as one listing, which takes linear time, and one by
one, where each listing holds the forward pass again. Every model has names of its own, so that nothing of an earlier
one is found again.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

import graphc as gc
from graphc.ir.expr import Expr, topological

n, d, h = gc.dims("n d h")
Model = tuple[Expr, list[Expr]]
fresh = itertools.count()


def parameters(*shapes: Any) -> list[Expr]:
    return [gc.parameter(f"p{next(fresh)}", shape) for shape in shapes]


def layers(depth: int) -> Model:
    x, found = gc.symbol(f"X{next(fresh)}", (n, d)), []
    for _ in range(depth):
        W, b = parameters((d, d), (d,))
        found += [W, b]
        x = gc.tanh(x @ W + b)
    return gc.mean((x - gc.symbol("T", (n, d))) ** 2), found


def transformer(blocks: int) -> Model:
    x, found = gc.symbol(f"X{next(fresh)}", (n, d)), []
    for _ in range(blocks):
        Q, K, V, O, W1, W2 = parameters((d, d), (d, d), (d, d), (d, d), (d, h), (h, d))  # noqa: E741 - as in papers
        g1, c1, g2, c2, b1, b2 = parameters((d,), (d,), (d,), (d,), (h,), (d,))
        y = gc.layer_norm(x, g1, c1)
        x = x + gc.softmax((y @ Q) @ (y @ K).T / gc.sqrt(d)) @ (y @ V) @ O
        x = x + gc.gelu(gc.layer_norm(x, g2, c2) @ W1 + b1) @ W2 + b2
        found += [Q, K, V, O, W1, W2, g1, c1, g2, c2, b1, b2]
    return gc.mean(x**2), found


def batch_norm(_: int) -> Model:
    x = gc.symbol(f"x{next(fresh)}", (n, h))
    gamma, beta = parameters((h,), (h,))
    c = x - gc.mean(x, axis=0)
    y = gamma * c / gc.sqrt(gc.mean(c**2, axis=0) + 1e-5) + beta
    return gc.sum(gc.symbol("G", (n, h)) * y), [x, gamma, beta]


def elementwise(depth: int) -> Model:
    x = first = gc.symbol(f"x{next(fresh)}", (n,))
    for _ in range(depth // 3):
        x = gc.tanh(x * gc.symbol("a", (n,)) + gc.symbol("b", (n,)))
    return gc.sum(x), [first]


def seconds(model: Callable[[int], Model], size: int) -> tuple[float, float, float]:
    """The times to derive and simplify, to print one listing, and to print each gradient."""
    f, wrt = model(size)
    marks = [time.process_time()]
    gradients = gc.grad(f, wrt)
    marks.append(time.process_time())
    assert str(gradients).count("\n") >= len(wrt) - 1
    marks.append(time.process_time())
    assert all(str(g) for g in gradients)
    marks.append(time.process_time())
    derive, show, each = (b - a for a, b in itertools.pairwise(marks))
    return derive, show, each


@pytest.mark.parametrize(
    ("model", "sizes"),
    [(layers, (3, 50, 200)), (transformer, (1, 12)), (batch_norm, (1,)), (elementwise, (1000, 4000))],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_deriving(model: Callable[[int], Model], sizes: tuple[int, ...]) -> None:
    seconds(layers, 2)  # the rules are read once in a process
    times = []
    for size in sizes:
        nodes = len(topological([model(size)[0]]))
        derive, show, each = seconds(model, size)
        times.append((nodes, derive, derive + show, derive + each))
        print(
            f"\n{model.__name__} {size}: {nodes} nodes, {derive:.2f} s to derive, {show:.2f} s to print as one listing"
        )
        print(f"{each:.2f} s to print one by one")
    for (fewer, *short), (more, *long) in itertools.pairwise(times):
        rates = [math.log(b / a) / math.log(more / fewer) for a, b in zip(short, long, strict=True)]
        derive, whole, apart = rates
        print(f"exponent from {fewer} to {more} nodes: {derive:.2f} to derive, {whole:.2f} with one listing,", end=" ")
        print(f"{apart:.2f} with printing one by one")
        assert max(derive, whole) < 1.5
