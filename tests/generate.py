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


K = dims("k")
WIDE = [
    *LEAVES,
    symbol("h", (N,), facts=["binary"]),
    symbol("s", (N,), facts=["sign"]),
    symbol("Y", (N, N), facts=["symmetric"]),
    symbol("H", (N, M), facts=["one_hot"]),
    symbol("D", (N, N), facts=["spd"]),
    symbol("O", (N, N), facts=["orthogonal"]),
    symbol("v", (N,), facts=["unit_norm"]),
    symbol("X", (N, M, K)),
    symbol("r", (1, M)),
    symbol("line", (N, 2 * K + 3)),
    symbol("image", (1, N, 6, 5)),
    symbol("kernel", (M, N, 2, 2)),
]
REDUCTIONS = ["sum", "mean", "max", "min", "var", "std", "norm", "logsumexp"]


def definite(a: Expr) -> Expr:
    """A positive definite matrix."""
    return a @ a.T + 2 * F["eye"](a.shape[0])


def wide_step(rng: random.Random, pool: list[Expr]) -> Expr:
    """One operation on random members of `pool`; raises what the operation raises where they do not fit."""
    a, b = rng.choice(pool), rng.choice(pool)
    square = rng.choice([p for p in pool if p.shape == (N, N)])
    axis = rng.randrange(a.ndim) if a.ndim else None
    entries = 1
    for d in a.shape:
        entries = entries * d
    made = [
        lambda: rng.choice([a + b, a - 2 * b, a * b, a / (2 + b * b), a @ b, a @ b]),
        lambda: F[rng.choice([*SMOOTH, "relu", "abs", "arctan", "erf", "expm1", "sign"])](a),
        lambda: F[rng.choice(REDUCTIONS)](a, axis=rng.choice([None, axis]), keepdims=rng.random() < 0.4),
        lambda: F[rng.choice(["softmax", "log_softmax"])](a, axis=axis),
        lambda: rng.choice([a.T, a[None], a[..., None], F["reshape"](a, (entries,)), F["reshape"](a, (1, entries))]),
        lambda: rng.choice([F["where"](a > b, a, b), F["maximum"](a, b), F["minimum"](a, b)]),
        lambda: rng.choice([a**2, a**3, F["sqrt"](1 + a * a), (1 + a * a) ** -1.5]),
        lambda: rng.choice([F["outer"](a, b), F["diag"](a), F["kron"](a, b)]),
        lambda: F["einsum"](rng.choice(["ij,ij->i", "ij,kj->ik", "ij,jk->k", "ij,ij->ji"]), a, b),
        lambda: F[rng.choice(["inv", "logdet", "cholesky", "det"])](definite(square)),
        lambda: rng.choice([F["solve"](definite(square), square), F["trace"](square), F["diag"](square)]),
        lambda: F["windows"](WIDE[-3], 3, stride=rng.choice([1, 2])),
        lambda: rng.choice([F["conv2d"](WIDE[-2], WIDE[-1], pad=1), F["maxpool2d"](WIDE[-2], 2)]),
    ]
    return rng.choice(made)()


def wide_expression(rng: random.Random, size: int = 8) -> Expr:
    """A random expression over symbols with facts, windows, linear algebra and axes of size 1."""
    pool = [*rng.sample(WIDE, 7), WIDE[8]]
    for _ in range(size):
        try:
            made = wide_step(rng, pool)
        except (ValueError, TypeError):  # shapes that do not fit
            continue
        if made.ndim <= 4:
            pool += [made, made, made]
    return pool[-1]


def inside(facts: set[str], value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An array near `value` that satisfies the facts."""
    if "one_hot" in facts:
        return np.eye(value.shape[-1])[rng.integers(0, value.shape[-1], value.shape[:-1])]
    if "binary" in facts or "sign" in facts:
        return np.where(value > 0, 1.0, 0.0 if "binary" in facts else -1.0)
    if "orthogonal" in facts:
        return np.linalg.qr(value)[0]
    if "symmetric" in facts:
        return value @ value.T + np.eye(len(value)) if "spd" in facts else value + value.T
    if "simplex" in facts:
        return np.exp(value) / np.exp(value).sum(-1, keepdims=True)
    if "unit_norm" in facts:
        return value / np.linalg.norm(value)
    return np.abs(value) + 0.1 if "nonnegative" in facts else value


def wide_arrays(symbols: list[Expr], sizes: dict[str, int], seed: int) -> dict[str, np.ndarray]:
    """Arrays for `symbols` of given sizes, inside their facts."""
    rng = np.random.default_rng(seed)
    shapes = {s: tuple(bind(d, sizes) for d in s.shape) for s in symbols}
    return {
        str(s.name): np.asarray(inside({f.name for f in s.op.facts(s)}, rng.normal(size=shape), rng))
        for s, shape in shapes.items()
    }
