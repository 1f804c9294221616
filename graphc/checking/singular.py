"""Points where a formula divides by zero or takes the logarithm of zero, as ``arctan(1/x)`` does at 0.

It may have a value there, by convention or as a limit on one side; a difference there is no counterexample. What
stands in a branch of `where` is guarded: the other branch may be meant to have the value.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from graphc.checking.points import Judge, Values, agree
from graphc.errors import GraphcError
from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, factors_of
from graphc.rewriting.simplify import expand
from graphc.runtime.evaluate import evaluate_all


def vanishing(exprs: Iterable[Expr]) -> list[Expr]:
    """What must not be 0 below `exprs`: denominators, and arguments of logarithms."""
    found: dict[Expr, None] = {}
    for node in unguarded([form for e in exprs for form in (e, expand(e))]):
        if node.op is CONTRACT:
            below = (base for base, _, power in factors_of(node) if power < 0 and (base.operands or base.shape))
            found.update(dict.fromkeys(below))
        elif node.op.name == "log":
            found[node.operands[0]] = None
    return list(found)


def unguarded(exprs: Iterable[Expr]) -> list[Expr]:
    """The nodes below `exprs` that are used outside of the branches of `where`."""
    seen: dict[Expr, None] = {}
    left = list(exprs)
    while left:
        node = left.pop()
        if node not in seen:
            seen[node] = None
            left += node.operands[:1] if node.op.name == "where" else node.operands
    return list(seen)


def regular(judge: Judge, exprs: Iterable[Expr]) -> Judge:
    """`judge`, without the differences at points where one of the expressions is singular."""
    divisors = vanishing(exprs)

    def judged(values: Values) -> tuple[object, object] | None:
        found = judge(values)
        return found if found is None or agree(*found) or not singular(divisors, values) else None

    return judged if divisors else judge


def singular(divisors: list[Expr], values: Values) -> bool:
    """Whether one of the divisors has an entry 0."""
    try:
        with np.errstate(all="ignore"):
            return any(bool(np.any(np.asarray(v) == 0)) for v in evaluate_all(divisors, values))
    except GraphcError:
        return False
