"""How deriving and writing code grow with the graph, from networks to 100,000 nodes, and what a single hard expression
may take.

``python -m pytest tests/benchmarks/test_large_graphs.py --benchmark-enable -s`` prints seconds of each stage, and the
exponents with which they grow with the number of nodes; without ``--benchmark-enable`` the graphs are smaller and no
time is judged.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import random
import time
import warnings
from collections.abc import Callable

import pytest

import graphc as gc
from graphc.ir.expr import Expr, topological

n, d = gc.dims("n d")
Model = tuple[Expr, list[Expr]]
fresh = itertools.count()


def leaf(*shape: object) -> Expr:
    return gc.symbol(f"s{next(fresh)}", shape)


def residual(depth: int) -> Model:
    x, weights = leaf(n, d), []
    for _ in range(depth):
        weights.append(leaf(d, d))
        x = x + gc.tanh(x @ weights[-1])
    return gc.mean(x**2), weights


def normalized(depth: int) -> Model:
    """Residual blocks behind layer norms, written out with the variance as a difference."""
    x, weights = leaf(n, d), []
    for _ in range(depth):
        gain, shift, W = leaf(d), leaf(d), leaf(d, d)
        weights += [gain, shift, W]
        mean = gc.mean(x, axis=1, keepdims=True)
        variance = gc.mean(x**2, axis=1, keepdims=True) - mean**2
        x = x + gc.relu((gain * (x - mean) / gc.sqrt(variance + 1e-5) + shift) @ W)
    return gc.mean(x**2), weights


def gated(depth: int) -> Model:
    x, weights = leaf(n, d), []
    for _ in range(depth):
        weights.append(leaf(d, d))
        x = gc.gelu(x @ weights[-1])
    return gc.mean(x**2), weights


def exponentials(count: int) -> Model:
    terms = [leaf() for _ in range(count)]
    return gc.log(functools.reduce(operator.add, map(gc.exp, terms))), terms


def deep(count: int) -> Model:
    x = first = leaf(n)
    for _ in range(count):
        x = gc.tanh(x)
    return gc.sum(x), [first]


def wide(count: int) -> Model:
    terms = [leaf(n) for _ in range(count // 4)]
    return functools.reduce(operator.add, (gc.sum(gc.tanh(x)) for x in terms)), terms[:3]


def stages(f: Expr, wrt: list[Expr], names: tuple[str, ...]) -> list[float]:
    """The seconds that each stage takes."""
    found, gradients = [], list[Expr]()
    for name in names:
        start = time.process_time()
        if name == "derive":
            gradients = gc.grad(f, wrt)
        elif name == "simplify":
            assert gc.simplify(f).shape == ()
        elif name == "print":
            assert str(gradients)
        else:
            assert gc.emit([f, *gradients], [x for x in topological([f]) if not x.operands and x.name], style=name)
        found.append(time.process_time() - start)
    return found


@pytest.mark.parametrize(
    ("model", "sizes", "names"),
    [
        (residual, (20, 80), ("simplify", "derive", "print", "readable", "fast")),
        (normalized, (4, 16), ("simplify", "derive", "print", "readable", "fast")),
        (gated, (10, 40), ("simplify", "derive", "print", "readable", "fast")),
        (exponentials, (100, 400), ("simplify", "derive", "print", "readable", "fast")),
        (wide, (10_000, 100_000), ("simplify", "derive", "print")),
        (deep, (5_000, 100_000), ("derive", "print")),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_stages_grow_with_the_graph(
    model: Callable[[int], Model], sizes: tuple[int, ...], names: tuple[str, ...], pytestconfig: pytest.Config
) -> None:
    timed = pytestconfig.getoption("benchmark_enable")
    sizes = sizes if timed else (sizes[0] // 2, sizes[0])
    stages(*model(4), names)  # the rules are read once in a process
    times = []
    for size in sizes:
        f, wrt = model(size)
        times.append((len(topological([f])), stages(f, wrt, names)))
        print(f"\n{model.__name__} {size}: {times[-1][0]} nodes,", end=" ")
        print(", ".join(f"{s:.2f} s to {name}" for name, s in zip(names, times[-1][1], strict=True)))
    for (fewer, short), (more, long) in itertools.pairwise(times):
        rates = [math.log(b / a) / math.log(more / fewer) for a, b in zip(short, long, strict=True) if a > 0.05]
        print(f"exponents from {fewer} to {more} nodes:", ", ".join(f"{rate:.2f}" for rate in rates))
        if timed:
            assert all(rate < 1.5 for rate in rates)


def fractions(size: int) -> Expr:
    """Fractions of fractions that no common denominator shortens."""
    x, y = leaf(), leaf()
    for i in range(size // 6):
        x = (x + y) / (x * y + i + 1)
    return x


def tree(size: int) -> Expr:
    """A random formula of a few letters."""
    rng, letters = random.Random(size), [leaf() for _ in range(8)]
    functions = [gc.exp, gc.tanh, gc.sigmoid, gc.sin, lambda t: gc.sqrt(1 + t**2), lambda t: 1 / (1 + t**2)]
    level = [rng.choice(letters) for _ in range(size // 2)]
    while len(level) > 1:
        i = rng.randrange(len(level) - 1)
        a, b = level[i : i + 2]
        e = rng.choice([operator.add, operator.mul, operator.sub, lambda p, q: p / (1 + q**2)])(a, b)
        level[i : i + 2] = [rng.choice(functions)(e) if rng.random() < 0.3 else e]
    return level[0]


@pytest.mark.parametrize("formula", [fractions, tree])
def test_one_expression_of_200_nodes_takes_seconds_at_most(
    formula: Callable[[int], Expr], pytestconfig: pytest.Config
) -> None:
    f = formula(200)
    wrt = [x for x in topological([f]) if x.op.name == "symbol"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gc.SimplificationBudgetWarning)
        simplify, derive = stages(f, wrt, ("simplify", "derive"))
    print(
        f"\n{formula.__name__}: {len(topological([f]))} nodes, {simplify:.2f} s to simplify, {derive:.2f} s to derive"
    )
    if pytestconfig.getoption("benchmark_enable"):
        assert simplify < 10
