"""Values that satisfy declared facts: small whole numbers first, then simple rationals, then any reals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphc.ir.dims import bind
from graphc.ir.expr import Expr
from graphc.ir.facts import Fact

WHOLE, RATIONAL, REAL = "small whole numbers", "simple rationals", "real numbers"
STYLES = (WHOLE, RATIONAL, REAL)
Array = Any


def draw(symbol: Expr, sizes: dict[str, int], style: str, rng: np.random.Generator, *, positive: bool = False) -> Array:
    """An array for `symbol` inside its facts.

    Parameters
    ----------
    style : one of `STYLES`
    positive : prefer positive entries, where logarithms and roots exist
    """
    shape = tuple(bind(d, sizes) for d in symbol.shape)
    facts = {f.name: f for f in symbol.op.facts(symbol)}
    if symbol.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if symbol.dtype == "int64" and positive and not facts:  # it may be an index, which is below every size
        return rng.integers(0, max(1, min([3, *sizes.values()])), shape)
    value = _structured(shape, facts, style, rng)
    if value is None:
        value = _entries(shape, facts.keys(), style, rng, positive)
    if symbol.dtype == "int64":
        return np.asarray(np.abs(np.round(value)) if positive else np.round(value), dtype=np.int64)
    return np.asarray(value, dtype=float)


def _entries(
    shape: tuple[int, ...], facts: Iterable[str], style: str, rng: np.random.Generator, positive: bool
) -> Array:
    known = set(facts)
    if "binary" in known:
        return rng.integers(0, 2, shape)
    if "sign" in known:
        return 2 * rng.integers(0, 2, shape) - 1
    if "unit_interval" in known:
        return rng.integers(1, 8, shape) / 8 if style != REAL else rng.uniform(0.05, 0.95, shape)
    lowest = 1 if "positive" in known or positive else 0 if "nonnegative" in known else -2
    nonzero = "nonzero" in known
    if style == WHOLE or "integer" in known:
        whole = rng.integers(lowest, 4, shape)
        return np.where((whole == 0) & nonzero, 3, whole)
    if style == RATIONAL:
        quarters = rng.integers(4 * lowest, 12, shape) / 4
        return np.where((quarters == 0) & nonzero, 0.5, quarters)
    real = rng.uniform(0.1, 2.0, shape) if lowest >= 0 else rng.normal(0.0, 1.0, shape)
    return np.where((np.abs(real) < 0.05) & nonzero, 0.5, real)


def _structured(shape: tuple[int, ...], facts: dict[str, Fact], style: str, rng: np.random.Generator) -> Array | None:
    """Entries tied together by a fact; None where entries are free."""
    if "one_hot" in facts:
        return _one_hot(shape, facts["one_hot"].axis or -1, rng)
    if "simplex" in facts:
        weights = rng.integers(1, 5, shape) if style != REAL else rng.uniform(0.1, 1.0, shape)
        return weights / np.sum(weights, axis=facts["simplex"].axis, keepdims=True)
    if "sums_to_one" in facts:
        axis = facts["sums_to_one"].axis or -1
        value = _entries(shape, (), style, rng, positive=False).astype(float)
        head = (Ellipsis, 0) + (slice(None),) * (-axis - 1)
        value[head] += 1 - np.sum(value, axis=axis)
        return value
    if "unit_norm" in facts:
        axis = facts["unit_norm"].axis or -1
        if style == WHOLE:
            return _one_hot(shape, axis, rng) * np.expand_dims(2 * rng.integers(0, 2, np.delete(shape, axis)) - 1, axis)
        value = rng.normal(0.0, 1.0, shape)
        return value / np.sqrt(np.sum(value**2, axis=axis, keepdims=True))
    return _matrix(shape, facts, style, rng)


def _matrix(shape: tuple[int, ...], facts: dict[str, Fact], style: str, rng: np.random.Generator) -> Array | None:
    if "orthogonal" in facts:
        if style == WHOLE:
            signs = 2 * rng.integers(0, 2, shape[:-1]) - 1
            return np.eye(shape[-1])[rng.permutation(shape[-1])] * signs[..., None]
        return np.linalg.qr(rng.normal(0.0, 1.0, shape))[0]
    plain = _entries(shape, (), style, rng, positive=False)
    identity = np.eye(shape[-1]) if len(shape) >= 2 else np.ones(shape)
    if "diagonal" in facts:
        regular = "spd" in facts or "invertible" in facts
        return (np.abs(plain) + 1 if regular else plain) * identity
    if "spd" in facts:
        return plain @ np.swapaxes(plain, -1, -2) + identity
    triangles = {"lower_triangular": np.tril, "upper_triangular": np.triu}
    for name, triangle in triangles.items():
        if name in facts:
            return triangle(plain + 4 * identity if "invertible" in facts else plain)
    if "symmetric" in facts:
        mirrored = np.triu(plain) + np.swapaxes(np.triu(plain, 1), -1, -2)
        return mirrored + 9 * identity if "invertible" in facts else mirrored
    if "invertible" in facts:
        return plain + 4 * identity
    return None


def _one_hot(shape: tuple[int, ...], axis: int, rng: np.random.Generator) -> Array:
    places = np.argmax(rng.uniform(size=shape), axis=axis, keepdims=True)
    return (np.indices(shape)[axis % len(shape)] == places).astype(float)
