"""Arrays for symbols: sizes by name, entries inside the facts and the domain."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.dims import bind, dim_names
from graphc.ir.expr import Expr

SIZES = {"n": 3, "m": 2, "k": 4, "d": 2, "c": 2, "f": 3, "h": 4, "w": 3, "t": 3, "N": 2, "C": 2, "H": 5, "W": 4}


def sizes_for(symbols: list[Expr], given: Any = None) -> dict[str, int]:
    """A size for each name in the shapes: `given`, from the table, or 2 to 4 by the name's letters."""
    names = sorted(set().union(*(dim_names(s.shape) for s in symbols)))
    found = {name: SIZES.get(name, 2 + sum(map(ord, name)) % 3) for name in names}
    return found | {name: size for name, size in (given or {}).items() if name in found}


def drawn(
    symbol: Expr, sizes: dict[str, int], rng: np.random.Generator, domain: tuple[float, float], least: int
) -> Any:
    """An array for `symbol`; integers are indices below `least`."""
    shape = tuple(bind(d, sizes) for d in symbol.shape)
    if symbol.dtype == "int64":
        return rng.integers(0, max(1, least), shape)
    if symbol.dtype == "bool":
        return rng.random(shape) < 0.5
    x = rng.uniform(*domain, size=shape)
    facts = {fact.name: fact.axis for fact in symbol.op.facts(symbol)}
    for name, make in MAKERS.items():
        if name in facts:
            x = make(x, facts[name], rng)
            break
    return x.astype(symbol.dtype)


def _one_hot(x: Any, axis: int, rng: np.random.Generator) -> Any:
    return (x == np.max(x, axis=axis, keepdims=True)).astype(float) if x.size else x


def _spd(x: Any, axis: Any, rng: np.random.Generator) -> Any:
    return x @ np.swapaxes(x, -1, -2) / max(1, x.shape[-1]) + np.eye(x.shape[-1])


MAKERS = {
    "one_hot": _one_hot,
    "simplex": lambda x, axis, rng: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "sums_to_one": lambda x, axis, rng: x + (1 - x.sum(axis, keepdims=True)) / max(1, x.shape[axis]),
    "unit_norm": lambda x, axis, rng: x / np.linalg.norm(x, axis=axis, keepdims=True),
    "spd": _spd,
    "orthogonal": lambda x, axis, rng: np.linalg.qr(rng.normal(size=x.shape))[0],
    "symmetric": lambda x, axis, rng: (x + np.swapaxes(x, -1, -2)) / 2,
    "invertible": lambda x, axis, rng: x + 4 * np.eye(x.shape[-1]),
    "binary": lambda x, axis, rng: (rng.random(x.shape) < 0.5).astype(float),
    "sign": lambda x, axis, rng: rng.choice([-1.0, 1.0], x.shape),
    "unit_interval": lambda x, axis, rng: rng.uniform(0.1, 0.9, x.shape),
    "positive": lambda x, axis, rng: np.abs(x) + 0.2,
    "integer": lambda x, axis, rng: np.round(x),
    "nonnegative": lambda x, axis, rng: np.abs(x) + 0.1,
    "nonzero": lambda x, axis, rng: x + 0.2 * np.sign(x),
}
TIED = ("symmetric", "spd")


def direction(symbol: Expr, like: Any, rng: np.random.Generator) -> Any:
    """A random direction for the entries of `symbol`: symmetric where the array must be."""
    v = rng.uniform(-1, 1, size=like.shape)
    tied = any(fact.name in TIED for fact in symbol.op.facts(symbol))
    return (v + np.swapaxes(v, -1, -2)) / 2 if tied else v
