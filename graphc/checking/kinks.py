"""Where a function has no derivative: arguments of relu, abs, max and their like, kept away from ties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphc.ir.expr import Expr, topological
from graphc.ops.contraction import CONTRACT
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL, number
from graphc.rewriting.simplify import expand

MARGIN = 1e-3
AT_ZERO = frozenset(("relu", "abs", "sign"))
AT_HALVES = frozenset(("round",))
AT_TIES = frozenset(("maximum", "minimum", "greater", "greater_equal", "less", "less_equal"))
EXTREMA = frozenset(("max", "min"))
ORDERS = frozenset(("sort", "argsort"))
Kink = tuple[str, tuple[Expr, ...], tuple[int, ...], frozenset[str]]


def kinks(expr: Expr, moving: frozenset[str]) -> list[Kink]:
    """The kinked operations below `expr` whose arguments depend on `moving`: kind, arguments, axes, and `moving`."""
    order = topological([expand(expr)])
    depends: set[Expr] = set()
    found: list[Kink] = []
    for node in order:
        if node.op in (SYMBOL, PARAMETER):
            if node.name in moving:
                depends.add(node)
        elif any(o in depends for o in node.operands):
            depends.add(node)
            if node.op.name in AT_ZERO | AT_HALVES | AT_TIES | EXTREMA | ORDERS:
                name = f"flat {node.op.name}" if flat(node) else node.op.name
                found.append((name, node.operands, node.attributes.get("axis", ()), moving))
    return found


def flat(node: Expr) -> bool:
    """Whether the arguments may stay equal as x moves, as in ``relu(x) > 0`` and ``x >= max(x)``."""
    if node.op.name in AT_ZERO:
        return inner(node.operands[0]).op.name == "relu"
    if node.op.name not in AT_TIES:
        return False
    a, b = map(inner, node.operands)
    extremum = any(e.op.name in EXTREMA and inner(e.operands[0]) is x for e, x in ((a, b), (b, a)))
    return extremum or any(e.op.name == "relu" and is_zero(x) for e, x in ((a, b), (b, a)))


def is_zero(x: Expr) -> bool:
    return number(x) == 0 or (x.op is CONTRACT and x.attributes["coefficient"] == 0)


def inner(x: Expr) -> Expr:
    """What is named or stretched."""
    while x.op is NAMED or (x.op is CONTRACT and x.attributes["exponents"] == (1,)):
        x = x.operands[0]
    return x


def kinked(exprs: Iterable[Expr], moving: frozenset[str]) -> list[Kink]:
    """The kinks of all of them."""
    return [kink for e in exprs for kink in kinks(e, moving)] if moving else []


Found = Sequence[tuple[Any, ...]]  # the values of the arguments of each kink


def clear_of(kinks_: Sequence[Kink], found: Found, nearby: Found | None = None) -> bool:
    """Whether the values of the arguments stay away from every tie; ties that are the same `nearby` are none."""
    again = [None] * len(found) if nearby is None else nearby
    return all(_distance(k, v, w) > MARGIN for k, v, w in zip(kinks_, found, again, strict=True))


def _distance(kink: Kink, values: tuple[Any, ...], nearby: tuple[Any, ...] | None) -> float:
    name, _, axes, _ = kink
    if name in AT_HALVES:
        away = np.asarray(values[0], dtype=float) - 0.5
        return float(np.min(np.abs(away - np.rint(away)), initial=np.inf))
    if name in ORDERS:
        ordered = np.sort(values[0], axis=axes if isinstance(axes, int) else -1)
        return float(np.min(np.diff(ordered, axis=axes if isinstance(axes, int) else -1), initial=np.inf))
    if name in EXTREMA:
        return _from_second(name, values[0], axes)
    apart = _apart(values)
    if name.startswith("flat "):
        return float(np.min(apart[apart > 0], initial=np.inf))
    stays = np.zeros_like(apart, dtype=bool) if nearby is None else (apart == 0) & (_apart(nearby) == 0)
    return float(np.min(apart[~stays], initial=np.inf))


def _apart(values: tuple[Any, ...]) -> Any:
    """The distances from a tie; what has no value is not near one."""
    apart = np.abs(np.subtract(values[0], values[1] if len(values) > 1 else 0, dtype=float))
    return np.where(np.isnan(apart), np.inf, apart)


def _from_second(name: str, x: Any, axes: tuple[int, ...]) -> float:
    """The distance of the extremum from the next entry."""
    moved = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*np.delete(np.shape(x), axes), -1)
    if moved.shape[-1] < 2:
        return np.inf
    ordered = np.sort(moved, axis=-1)
    top = ordered[..., -1] - ordered[..., -2] if name == "max" else ordered[..., 1] - ordered[..., 0]
    return float(np.min(top, initial=np.inf))
