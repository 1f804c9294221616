"""Conditions of an expression: equalities of sizes that algebra could not decide, left for run time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.broadcasting import unify
from graphc.ops.contraction import CONTRACT
from graphc.ops.defined import body_of
from graphc.ops.reductions import RESHAPE, WHERE, entries


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
            for a, b in _pairs(node):
                if a is not b:
                    unify(a, b, found)
        todo = [body_of(n) for n in fresh if n.op.body is not None and len(n.operands) > 1]
    return found


def _pairs(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    if node.op is CONTRACT:
        sizes = {i: d for i, d in enumerate(node.shape) if d != 1}
        for factor, labels in zip(node.operands, node.attributes["labels"], strict=True):
            for dim, label in zip(factor.shape, labels, strict=True):
                if label >= 0:
                    yield sizes.setdefault(label, dim), dim
    elif node.op is RESHAPE:
        yield entries(node.operands[0].shape), entries(node.shape)
    elif node.op in (ADD, WHERE) or node.op.formula is not None:
        for operand in node.operands[1:]:
            yield from _alike(node.operands[0].shape, operand.shape)


def _alike(a: Shape, b: Shape) -> Iterator[tuple[Dim, Dim]]:
    return zip(a, b, strict=True)
