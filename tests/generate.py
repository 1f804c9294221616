"""Random expressions over the vocabulary, and random arrays for their symbols."""

from __future__ import annotations

import random

import numpy as np

import graphc.visualize.text  # noqa: F401 - printing is entered on import
from graphc.ir.dims import bind, dims
from graphc.ir.expr import Expr, topological
from graphc.ops import notation
from graphc.ops.leaves import PARAMETER, SYMBOL, symbol

N, M = dims("n m")
SIZES = {"n": 3, "m": 4}
F = notation.functions
LEAVES = [
    symbol("a"),
    symbol("b"),
    symbol("x", (N,)),
    symbol("y", (N,)),
    symbol("u", (M,)),
    symbol("A", (N, M)),
    symbol("B", (N, M)),
    symbol("C", (M, N)),
    symbol("S", (N, N)),
    symbol("c", (N, 1)),
    symbol("T", (N, M), facts=["simplex"]),
    symbol("P", (N, M), facts=["positive"]),
]
SMOOTH = ["exp", "tanh", "sigmoid", "sin", "cos", "softplus"]


def expression(rng: random.Random, size: int, smooth: bool = False) -> Expr:
    """A random expression of about `size` operations; without kinks if `smooth`."""
    pool = list(LEAVES)
    for _ in range(size):
        made = step(rng, pool, smooth)
        if made is not None:
            pool += [made, made, made]
    return pool[-1]


def step(rng: random.Random, pool: list[Expr], smooth: bool) -> Expr | None:
    a, b = rng.choice(pool), rng.choice(pool)
    fit = [p for p in pool if p.shape == a.shape]
    same = rng.choice(fit)
    kind = rng.randrange(14)
    if kind == 0:
        return a + same
    if kind == 1:
        return a - same * rng.choice([1, 2, -1])
    if kind == 2:
        return a * same
    if kind == 3:
        return a / (2 + same * same)
    if kind == 4:
        name = rng.choice(SMOOTH if smooth else [*SMOOTH, "relu", "abs", "sign"])
        return F[name](a)
    if kind == 5 and a.ndim and b.ndim:
        inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
        return a @ b if a.shape[-1] == inner else None
    if kind == 6 and a.ndim == 2:
        return a.T
    if kind == 7 and a.ndim:
        axis = rng.choice([None, *range(a.ndim)])
        name = rng.choice(["sum", "mean"] if smooth else ["sum", "mean", "max"])
        return F[name](a, axis=axis, keepdims=rng.random() < 0.5)
    if kind == 8 and a.ndim and a.shape[-1] != 1:
        return F[rng.choice(["softmax", "log_softmax"])](a)
    if kind == 9 and a.ndim == b.ndim == 1:
        return F["outer"](a, b)
    if kind == 10:
        return a * rng.choice([2, -1, 3]) if rng.random() < 0.5 else a / rng.choice([2, 3, N])
    if kind == 11 and a.ndim == 1:
        return rng.choice([F["diag"](a), a[:, None]])
    if kind == 12 and a.ndim == 2 and a.shape[0] == a.shape[1]:
        return rng.choice([F["trace"], F["diag"]])(a)
    if kind == 13:
        if smooth:
            return a**2
        return rng.choice([F["where"](a > same, a, same), F["maximum"](a, same), a * (same > 0), a**2])
    return None


def arrays(exprs: list[Expr], seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, np.ndarray]:
    """Arrays for the symbols of `exprs`, inside their facts."""
    rng = np.random.default_rng(seed)
    values: dict[str, np.ndarray] = {}
    for node in topological(exprs):
        if node.op in (SYMBOL, PARAMETER):
            shape = tuple(bind(d, sizes or SIZES) for d in node.shape)
            value = rng.normal(size=shape)
            facts = {f.name for f in node.op.facts(node)}
            if "simplex" in facts:
                value = np.exp(value) / np.exp(value).sum(-1, keepdims=True)
            elif "nonnegative" in facts:
                value = np.abs(value) + 0.1
            values[str(node.name)] = value
    return values | dict(sizes or SIZES)
