"""Two independent mistakes, found together from the values that a claim has with each of them undone alone.

If both stand in different terms of a sum, the changes of the claim add up: V_ab - V = (V_a - V) + (V_b - V). If they
stand in different factors of a product entry by entry, they multiply: V_ab/V = (V_a/V)*(V_b/V). So each edit is
evaluated once, and those that go together are looked up by a number that adds up; what is found is evaluated and
proved.
"""

from __future__ import annotations

import ast
import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.checking import effort
from graphc.checking.activations import activations
from graphc.checking.case import Case
from graphc.checking.edits import Edit, in_exponents, places
from graphc.checking.kinds import Kind
from graphc.checking.mistakes import (
    Local,
    additive,
    axes,
    calls,
    choices,
    numbers,
    scaled,
    structural,
    terms,
)
from graphc.checking.trees import swapped, times, tree_of
from graphc.ir.expr import Expr

MOST = 800  # edits that are evaluated alone
CLOSE = 1e-7  # to which the numbers of two edits add up
Vector = Any


@dataclass(frozen=True)
class Alone:
    """One edit: the node that it changes, what it becomes, and the values of the claim with it."""

    node: ast.expr
    local: Local
    values: Vector


def pairs(case: Case, claim: ast.expr, factors: Sequence[str], sizes: Sequence[str]) -> Iterator[Edit]:
    """Pairs of edits that give the claim the right values."""
    before, wanted = row(case, case.formulas.expr(claim)), _right(case)
    if before is None or wanted is None or before.shape != wanted.shape:
        return
    alone = list(evaluated(case, claim, factors, sizes))
    for measure in MEASURES:
        for i, j in matching([a.values for a in alone], measure, before, wanted):
            a, b = alone[i], alone[j]
            if not (within(a.node, b.node) or within(b.node, a.node)):
                tree = swapped(swapped(claim, a.node, a.local[2]), b.node, b.local[2])
                yield Edit(a.local[0], f"{a.local[1]}; besides, {b.local[1]}", tree)


def evaluated(case: Case, claim: ast.expr, factors: Sequence[str], sizes: Sequence[str]) -> Iterator[Alone]:
    """Each edit with the values of the claim with it, as far as it has the right shape."""
    seen: set[tuple[int, Expr]] = set()
    for node, local in itertools.islice(edits(claim, factors, sizes), MOST):
        if effort.ended():
            return
        expr = case.formulas.expr(swapped(claim, node, local[2]))
        if expr is not None and expr.shape == case.answer.shape and (id(node), expr) not in seen:
            seen.add((id(node), expr))
            values = row(case, expr)
            if values is not None:
                yield Alone(node, local, values)


def edits(claim: ast.expr, factors: Sequence[str], sizes: Sequence[str]) -> Iterator[tuple[ast.expr, Local]]:
    """Edits of one part each, the likeliest first."""
    exponents, inside = in_exponents(claim)
    nodes = [n for n in places(claim) if id(n) not in exponents | inside]
    for term in terms(claim):
        yield from ((term, local) for local in scaled(term, sizes))
    for rule in (structural, axes, choices, additive, calls, numbers):
        yield from ((node, local) for node in nodes for local in rule(node))
    trees = [tree for tree in map(tree_of, factors) if tree is not None]
    for node in nodes:
        yield from ((node, local) for local in activations(node, trees))
        for tree in trees if not isinstance(node, ast.Constant) else ():
            what = f"the factor {ast.unparse(tree)} of the chain rule is missing"
            yield node, (Kind.CHAIN, what, times(node, tree))


def within(part: ast.expr, whole: ast.expr) -> bool:
    return any(node is part for node in ast.walk(whole))


def matching(
    after: Sequence[Vector], measure: Callable[[Vector, Vector], float], before: Vector, wanted: Vector
) -> Iterator[tuple[int, int]]:
    """Places of two rows of values whose measures add up to that of the wanted ones, the first ones first."""
    target = measure(before, wanted)
    measured = [(m, i) for i, m in enumerate(measure(before, values) for values in after) if np.isfinite(m) and m]
    if not np.isfinite(target) or not measured:
        return
    ordered = sorted(measured)
    found = []
    for m, i in measured:
        room = CLOSE * (abs(target) + abs(m))
        k = bisect_left(ordered, (target - m - room, -1))
        while k < len(ordered) and ordered[k][0] <= target - m + room:
            if ordered[k][1] > i:
                found.append((i, ordered[k][1]))
            k += 1
    yield from sorted(found, key=sum)


def _weights(n: int) -> Vector:
    return np.random.default_rng(0).uniform(1, 2, n)


def _sum_of_changes(before: Vector, after: Vector) -> float:
    return float(_weights(len(before)) @ (after - before))


def _sum_of_logarithms(before: Vector, after: Vector) -> float:
    with np.errstate(all="ignore"):
        return float(_weights(len(before)) @ np.log(np.abs(after / before)))


MEASURES = (_sum_of_changes, _sum_of_logarithms)


def row(case: Case, expr: Expr | None) -> Vector | None:
    """The values at all points in one row."""
    found = None if expr is None else case.screen.values(expr)
    if found is None:
        return None
    values = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in found])
    return values if np.all(np.isfinite(values)) else None


def _right(case: Case) -> Vector | None:
    return np.concatenate([np.ravel(np.asarray(right, dtype=float)) for _, right in case.points])
