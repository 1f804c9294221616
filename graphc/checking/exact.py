"""Equality without rounding, where there is no proof: modulo primes, and to many digits."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.checking.entrywise import Array, NotExactError, Numbers, objects, values_of
from graphc.checking.filled import filled
from graphc.checking.points import Judge, Point, Values, larger, size_names
from graphc.checking.precise import DIGITS, Precise
from graphc.checking.residues import CHAIN, SINGLE, Residues
from graphc.errors import GraphcError
from graphc.ir.dims import bind
from graphc.ir.expr import Expr, topological
from graphc.rewriting.simplify import expand

POINTS, ATTEMPTS, FIRST = 8, 60, 20  # points that are compared, those that are tried, and those until the first
MOST_NODES, MOST_ENTRIES = 4000, 200  # of the expressions, and of what is drawn for one point
AGREE = 40  # digits to which equal values agree
MARGIN = 16  # for the degrees of exponentials, whose exponents may have whole factors
TOWERS = frozenset(
    (
        "exp",
        "expm1",
        "log",
        "log1p",
        "sigmoid",
        "tanh",
        "softplus",
        "cosh",
        "sinh",
        "arctanh",
        "general_power",
        "logdet",
    )
)
PREFERRED = ("", "positive", "", "unit_interval")  # in turn: functions are defined where they are
Pair = tuple[Expr, Expr]


@dataclass(frozen=True)
class Compared:
    """How two expressions compare without rounding.

    Attributes
    ----------
    sentence : where they were equal and how surely, or None where they could not be compared
    point : a point at which they differ
    gap : by how much, relative to the largest entry
    """

    sentence: str | None = None
    point: Point | None = None
    gap: float = 0.0


def compared(left: Expr, right: Expr, symbols: Sequence[Expr], judge: Judge) -> Compared:
    """Two expressions modulo primes, and to many digits at points where `judge` has values of both."""
    pair = expand(left), expand(right)
    if len(topological(pair)) > MOST_NODES:
        return Compared()
    names = sorted({*size_names(pair), *size_names(symbols)})
    found = by_digits(pair, symbols, names, judge)
    if found.gap:
        return found
    sentences = [s for s in (by_residues(pair, symbols, names), found.sentence) if s is not None]
    return Compared(", and ".join(sentences) if sentences else None)


def _points(symbols: Sequence[Expr], names: Sequence[str]) -> Iterator[tuple[int, dict[str, int]]]:
    """Seeds and small sizes, the same ones and different ones; larger where those do not go together."""
    ascending = {name: 2 + i for i, name in enumerate(names)}
    descending = {name: 1 + len(names) - i for i, name in enumerate(names)}
    fixed = [dict.fromkeys(names, 2), ascending, dict.fromkeys(names, 3), descending, dict.fromkeys(names, 2)]
    every = [*fixed, *itertools.islice(larger(names, 1), len(fixed) - 1)] if names else [{}]
    for seed in range(ATTEMPTS):
        sizes = every[seed // 2 % len(every)]
        with contextlib.suppress(GraphcError, ValueError):  # sizes that do not go together
            if sum(math.prod(bind(d, sizes) for d in s.shape) for s in symbols) <= MOST_ENTRIES:
                yield seed, sizes


def _drawn(
    pair: Pair, symbols: Sequence[Expr], sizes: dict[str, int], numbers: Numbers, seed: int
) -> tuple[Values, Array, Array]:
    """Arrays, and both results there."""
    rng = np.random.default_rng(seed)
    arrays = {str(s.name): filled(s, sizes, numbers, rng, prefer=PREFERRED[seed % 4]) for s in symbols}
    left, right = values_of(pair, arrays, sizes, numbers)
    return arrays, objects(left), objects(right)


# -- modulo primes -----------------------------------------------------------------------------------------------


def by_residues(pair: Pair, symbols: Sequence[Expr], names: Sequence[str]) -> str | None:
    """What equality modulo primes says; None where residues differ, or have no value."""
    primes = CHAIN if any(node.op.name in TOWERS for node in topological(pair)) else SINGLE
    degree, least, tried = 1, primes[0], 0
    seen: list[dict[str, int]] = []
    atoms: set[str] = set()
    branches = False
    for seed, sizes in _points(symbols, names):
        if tried == FIRST and not seen:
            break
        numbers, tried = Residues(primes, np.random.default_rng(seed + ATTEMPTS)), tried + 1
        try:
            _, left, right = _drawn(pair, symbols, sizes, numbers, seed)
            entries = [numbers.lifted(a) - b for a, b in zip(left.flat, right.flat, strict=True)]
        except NotExactError as error:
            if error.final:
                return None
            continue
        except (GraphcError, ValueError):
            continue
        if any(v for e in entries for v in e.values):
            return None
        degree = max([degree, *(max(e.top, e.bottom) for e in entries)])
        least = min([least, *(p for e in entries for v, p in zip(e.values, primes, strict=True) if v is not None)])
        atoms |= numbers.named
        branches |= numbers.branches
        seen.append(sizes)
        if len(seen) == POINTS:
            break
    chance = len(seen) * math.log10(MARGIN * tried * degree / least)
    return _modulo(primes, seen, math.ceil(chance), atoms, branches) if seen and chance < -1 else None


def _modulo(primes: Sequence[int], seen: Sequence[dict[str, int]], chance: int, atoms: set[str], branches: bool) -> str:
    bits = [p.bit_length() for p in primes]
    modulus = f"a prime of {bits[0]} bits" if len(bits) == 1 else f"primes of {bits[-1]} to {bits[0]} bits"
    text = f"modulo {modulus} at {_places(seen)} (different formulas would agree there with a probability below "
    notes = [f"1e{chance}"]
    if atoms:
        notes.append(f"with values of {', '.join(sorted(atoms))} as variables")
    if branches:
        notes.append("with squares under roots and logarithms")
    return text + ", ".join(notes) + ")"


def _places(seen: Sequence[dict[str, int]]) -> str:
    """How many points there were, and of which sizes."""
    points = f"{len(seen)} random point{'s' if len(seen) > 1 else ''}"
    sizes = {value for found in seen for value in found.values()}
    return f"{points} with sizes from {min(sizes)} to {max(sizes)}" if sizes else points


# -- to many digits ----------------------------------------------------------------------------------------------


def by_digits(pair: Pair, symbols: Sequence[Expr], names: Sequence[str], judge: Judge) -> Compared:
    """Both to many digits: a point at which they differ, or at how many points they are equal."""
    seen: list[dict[str, int]] = []
    for seed, sizes in _points(symbols, names):
        try:
            arrays, left, right = _drawn(pair, symbols, sizes, Precise(), seed)
            values = {name: x.astype(float) if x.dtype == object else x for name, x in arrays.items()}
            found = judge({**sizes, **values})
        except NotExactError as error:
            if error.final:
                return Compared()
            continue
        except (GraphcError, ValueError):
            continue
        if found is None:
            continue
        if _gap(left, right) > 10.0**-AGREE:
            again = _gap(*_drawn(pair, symbols, sizes, Precise(2 * DIGITS), seed)[1:])
            if again > 10.0**-AGREE:
                return Compared(None, Point(sizes, values, *found), again)
            continue
        seen.append(sizes)
        if len(seen) == POINTS:
            break
    return Compared(f"to {AGREE} digits at {_places(seen)}" if seen else None)


def _gap(left: Array, right: Array) -> float:
    """The largest difference of entries, relative to the largest entry."""
    largest = max([abs(v) for v in (*left.flat, *right.flat)], default=0)
    most = max([abs(a - b) for a, b in zip(left.flat, right.flat, strict=True)], default=0)
    return float(most / largest) if largest else 0.0
