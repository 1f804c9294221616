"""Conditions of an expression: equalities of sizes that algebra could not decide, left for run time."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.dims import Dim
from graphc.ir.expr import Expr, topological
from graphc.ops.broadcasting import unify
from graphc.ops.defined import body_of


def conditions(exprs: Iterable[Expr]) -> list[tuple[Dim, Dim]]:
    """The undecided pairs of sizes that the nodes below `exprs` take to be equal, in a stable order.

    Defined ops of several operands are looked into: their condition lies in their body.
    """
    found: list[tuple[Dim, Dim]] = []
    seen: set[Expr] = set()
    todo = list(exprs)
    while todo:
        fresh = [node for node in topological(todo) if node not in seen]
        seen.update(fresh)
        for node in fresh:
            for a, b in node.op.conditions(node):
                if a is not b:
                    unify(a, b, found)
        todo = [body_of(n) for n in fresh if n.op.body is not None and len(n.operands) > 1]
    return found
