"""Arrays inside declared facts over any kind of numbers, without rounding."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.checking.domains import RATIONAL, draw
from graphc.checking.entrywise import Array, Numbers, eliminated, identity, objects
from graphc.ir.dims import bind
from graphc.ir.expr import Expr

WHOLE = frozenset(("binary", "sign", "integer", "one_hot"))


def filled(
    symbol: Expr, sizes: Mapping[str, int], numbers: Numbers, rng: np.random.Generator, *, prefer: str = ""
) -> Array:
    """An array for `symbol`, with "positive" entries or those of the "unit_interval" where facts allow them."""
    facts = {f.name: f.axis for f in symbol.op.facts(symbol)}
    if symbol.dtype in ("bool", "int64") or WHOLE & facts.keys():
        found = draw(symbol, dict(sizes), RATIONAL, rng, positive=bool(prefer))
        return found if symbol.dtype in ("bool", "int64") else objects(found.astype(int))
    shape = tuple(bind(d, dict(sizes)) for d in symbol.shape)
    known = {*facts, prefer}
    positive = bool(known & {"positive", "nonnegative"})
    entries = _entries(shape, numbers, rng, positive=positive, unit="unit_interval" in known)
    for name in ("simplex", "sums_to_one", "unit_norm"):
        if name in facts:
            axis = facts[name]
            assert axis is not None
            return np.moveaxis(AXIAL[name](np.moveaxis(entries, axis, 0), numbers), 0, axis)
    if "orthogonal" not in facts and not facts.keys() & MATRICES:
        return entries
    return _each(entries, lambda x: _matrix(x, facts.keys(), numbers))


MATRICES = frozenset(("symmetric", "spd", "invertible", "lower_triangular", "upper_triangular", "diagonal"))


def _entries(shape: tuple[int, ...], numbers: Numbers, rng: np.random.Generator, *, positive: bool, unit: bool) -> Any:
    out = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        out[place] = numbers.random(rng, positive=positive, unit=unit)
    return out


def _simplex(x: Array, numbers: Numbers) -> Array:
    """Squares over their sum."""
    inverse = np.frompyfunc(lambda v: numbers.power(v, Fraction(-1)), 1, 1)
    return x * x * inverse(np.sum(x * x, axis=0))


def _sums_to_one(x: Array, numbers: Numbers) -> Array:
    x[0] = x[0] + 1 - np.sum(x, axis=0)
    return x


def _unit_norm(x: Array, numbers: Numbers) -> Array:
    """The unit sphere without roots: (s - 1, 2 u) / (s + 1) for s = sum(u**2)."""
    s = np.sum(x[1:] * x[1:], axis=0)
    inverse = objects(np.frompyfunc(lambda v: numbers.power(v, Fraction(-1)), 1, 1)(s + 1))
    return np.concatenate([objects((s - 1) * inverse)[None], x[1:] * 2 * inverse])


AXIAL = {"simplex": _simplex, "sums_to_one": _sums_to_one, "unit_norm": _unit_norm}


def _matrix(x: Array, facts: Any, numbers: Numbers) -> Array:
    unit = identity(len(x))
    if "orthogonal" in facts:  # Cayley: (I - S)(I + S)**-1 for a skew S
        skew = np.triu(x, 1) - np.triu(x, 1).T
        return eliminated(unit + skew, unit - skew, numbers)[0]
    if "diagonal" in facts:
        return (x * x if "spd" in facts else x) * unit
    if "spd" in facts:
        return x @ x.T + unit
    if "lower_triangular" in facts:
        return np.tril(x)
    if "upper_triangular" in facts:
        return np.triu(x)
    return np.triu(x) + np.triu(x, 1).T if "symmetric" in facts else x


def _each(x: Array, function: Any) -> Array:
    """`function` of each matrix."""
    out = x.copy()
    for place in np.ndindex(*x.shape[:-2]):
        out[place] = function(x[place])
    return out
