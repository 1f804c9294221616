"""Points at which two results are compared, in a stated order: smallest sizes first, then the simplest entries."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from graphc.checking.domains import REAL, STYLES, draw
from graphc.checking.kinks import Kink, clear_of
from graphc.errors import GraphcError, ShapeError
from graphc.ir.dims import dim_names
from graphc.ir.expr import Expr, topological
from graphc.runtime.evaluate import evaluate_all

RELATIVE, ABSOLUTE = 1e-6, 1e-9
LARGEST = 3  # the largest value of each size
ASSIGNMENTS = 40  # combinations of sizes that are tried
ATTEMPTS = 40  # combinations of larger sizes that are tried where none of those fits
SHIFT = 1e-5  # of entries, to see whether a tie stays one
MOST = 400  # points at which two results are compared
DRAWN = 6  # points drawn at random, with larger sizes
SEARCH_ORDER = (
    f"sizes from 1 to {LARGEST} in order of their total; for each, entries that are small whole numbers, "
    "then simple rationals, then random reals, inside the declared facts"
)
Values = dict[str, Any]
Judge = Callable[[Values], "tuple[Any, Any] | None"]


@dataclass(frozen=True)
class Point:
    """Values of symbols and sizes, and both results there."""

    sizes: dict[str, int]
    values: Values
    left: Any
    right: Any


def size_names(exprs: Sequence[Expr]) -> list[str]:
    """The names of the sizes in shapes and attributes below `exprs`."""
    found: set[str] = set()
    for node in topological(exprs):
        found |= dim_names(node.shape)
        for value in node.attributes.values():
            if isinstance(value, (tuple, sympy.Expr)):
                found |= dim_names(value if isinstance(value, tuple) else (value,))
    return sorted(found)


def assignments(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Values of sizes in the stated order; among equal totals those with more different sizes first."""
    if len(names) > 8:
        for low in range(1, LARGEST + 1):
            yield {name: low + (i % 2) for i, name in enumerate(names)}
        return
    every = itertools.product(range(1, LARGEST + 1), repeat=len(names))
    ordered = sorted(every, key=lambda c: (sum(c), -len(set(c)), c))
    chosen = ordered if len(ordered) <= ASSIGNMENTS else [*ordered[: ASSIGNMENTS - 10], *ordered[-10:]]
    for combination in chosen:
        yield dict(zip(names, combination, strict=True))


def larger(names: Sequence[str], seed: int) -> Iterator[dict[str, int]]:
    """Larger sizes, all different where that is possible, for expressions that small ones do not fit."""
    rng = np.random.default_rng(seed)
    for attempt in range(ATTEMPTS):
        most = LARGEST + 1 + attempt % 8
        spread = sorted(rng.choice(np.arange(1, most + 1), len(names), replace=most < len(names)))
        yield dict(zip(names, map(int, rng.permutation(spread)), strict=True))


def candidates(
    symbols: Sequence[Expr], every: Iterable[dict[str, int]], seed: int = 0, tries: int = 4
) -> Iterator[tuple[dict[str, int], Values]]:
    """Sizes and values in the stated order, those within facts that can be met."""
    rng = np.random.default_rng(seed)
    for sizes in every:
        for style in STYLES:
            for k in range(tries if style != STYLES[1] else tries // 2):
                try:
                    values = {str(s.name): draw(s, sizes, style, rng, positive=k % 2 == 1) for s in symbols}
                except (GraphcError, ValueError):  # these sizes do not go together
                    break
                yield sizes, values


def judge_of(left: Expr, right: Expr, kinks: Sequence[Kink] = ()) -> Judge:
    """Both results at given values; None where one is not finite, unsteady, or too near a kink.

    It raises ShapeError where the sizes do not go together: a window larger than its array, a condition that fails.
    """
    arguments = [a for _, operands, _, _ in kinks for a in operands]
    moving = frozenset().union(*(names for *_, names in kinks))

    def judge(values: Values) -> tuple[Any, Any] | None:
        return steady(results, values)

    def results(values: Values) -> tuple[Any, Any] | None:
        try:
            with np.errstate(all="ignore"):
                left_value, right_value, *rest = evaluate_all([left, right, *arguments], values)
                found = by_kink(rest)
                clear = clear_of(kinks, found) or clear_of(
                    kinks, found, by_kink(evaluate_all(arguments, shifted(values, moving)))
                )
        except ShapeError:
            raise
        except (GraphcError, FloatingPointError, np.linalg.LinAlgError):
            return None
        return (left_value, right_value) if clear else None

    def by_kink(flat: Sequence[Any]) -> list[tuple[Any, ...]]:
        left = iter(flat)
        return [tuple(next(left) for _ in kink[1]) for kink in kinks]

    return judge


def shifted(values: Values, names: frozenset[str]) -> Values:
    """The values with the entries of real arrays moved a little, each by an amount of its own."""
    rng = np.random.default_rng(0)
    return {
        k: v + SHIFT * (1 + rng.random(np.shape(v))) if k in names and np.asarray(v).dtype.kind == "f" else v
        for k, v in values.items()
    }


def steady(results: Judge, values: Values) -> tuple[Any, Any] | None:
    """The results, unless rounding of the inputs alone could explain their difference."""
    found = results(values)
    if found is None or not all(np.all(np.isfinite(np.asarray(r, dtype=float))) for r in found):
        return None
    if np.shape(found[0]) != np.shape(found[1]) or agree(*found):
        return found
    nearby = {k: v * (1 + 1e-11) if np.asarray(v).dtype.kind == "f" else v for k, v in values.items()}
    again = results(nearby)
    if again is None:
        return None
    moved = max(float(np.max(np.abs(_real(a) - _real(b)), initial=0.0)) for a, b in zip(found, again, strict=True))
    return found if moved < 0.01 * float(np.max(np.abs(np.subtract(*map(_real, found))), initial=0.0)) else None


def _real(x: Any) -> Any:
    return np.asarray(x, dtype=float)


def agree(left: Any, right: Any) -> bool:
    """Equal to the stated precision, relative to the largest entry."""
    return bool(np.shape(left) == np.shape(right)) and not differing(left, right).any()


def differing(left: Any, right: Any, relative: float = RELATIVE, absolute: float = ABSOLUTE) -> Any:
    """Which entries differ by more than the stated precision."""
    a, b = _real(left), _real(right)
    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    with np.errstate(invalid="ignore"):
        return ~(np.abs(a - b) <= relative * scale + absolute)  # also where one is not a number


def search(judge: Judge, symbols: Sequence[Expr], names: Sequence[str], most: int = MOST) -> tuple[Point | None, int]:
    """The first point in the stated order at which the results differ, and at how many points they were compared.

    Where none of the stated sizes go together, larger ones are tried.
    """
    every = sorted({*names, *size_names(symbols)})
    for sizes in (assignments(every), larger(every, 0)):
        point, compared = _searched(judge, candidates(symbols, sizes), most)
        if compared:
            return point, compared
    return None, 0


def _searched(judge: Judge, points: Iterable[tuple[dict[str, int], Values]], most: int) -> tuple[Point | None, int]:
    compared = judged = 0
    for sizes, group in itertools.groupby(points, key=lambda pair: pair[0]):
        for _, values in group:
            judged += 1
            if judged > most:
                return None, compared
            try:
                found = judge({**sizes, **values})
            except ShapeError:
                break
            if found is None:
                continue
            compared += 1
            if not agree(*found):
                return Point(sizes, values, *found), compared
    return None, compared


def drawn(judge: Judge, symbols: Sequence[Expr], names: Sequence[str], most: int = 2) -> Iterator[Point]:
    """Up to `most` points with real entries and sizes that differ from each other."""
    for seed in range(1, most + 1):
        point = sample(judge, symbols, names, seed)
        if point is None:
            return
        yield point


def sample(judge: Judge, symbols: Sequence[Expr], names: Sequence[str], seed: int = 1, tries: int = 60) -> Point | None:
    """One point with real entries and sizes that differ from each other, where both results exist."""
    rng = np.random.default_rng(seed)
    every = sorted({*names, *size_names(symbols)})
    first = {name: 2 + seed + i for i, name in enumerate(every)}
    for sizes in (first, *larger(every, seed)):
        try:
            for k in range(tries):
                values = {str(s.name): draw(s, sizes, REAL, rng, positive=k % 2 == 1) for s in symbols}
                found = judge({**sizes, **values})
                if found is not None:
                    return Point(sizes, values, *found)
            return None
        except (GraphcError, ValueError):  # these sizes do not go together
            continue
    return None
