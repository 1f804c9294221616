"""Ops written through others, as proofs need them: reshapes of sums, minima, products of all entries but one,
entries at the place of the largest."""

from __future__ import annotations

from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.labels import one_hot
from graphc.ops.leaves import NAMED
from graphc.ops.leaving_out import prod
from graphc.ops.products import matmul
from graphc.ops.reductions import max as max_


def rewritten(node: Expr) -> Expr | None:
    """A node through other ops; None where there is nothing to gain."""
    rule = RULES.get(node.op.name)
    return rule(node) if rule is not None else None


def _reshape(node: Expr) -> Expr | None:
    """A reshape of a sum is the sum of reshapes, one of a reshape a single one."""
    x = node.operands[0]
    while x.op is NAMED:
        x = x.operands[0]
    if x.shape == node.shape:
        return x
    if x.op is ADD and all(o.shape == x.shape for o in x.operands):
        moved = [make(node.op, (o,), **node.attributes) for o in x.operands]
        return combine(list(zip(x.attributes["coefficients"], moved, strict=True)))
    if x.op is node.op:
        return make(node.op, x.operands, **node.attributes)
    return make(node.op, (x,), **node.attributes) if x is not node.operands[0] else None


def _least(node: Expr) -> Expr:
    """min(x) is -max(-x)."""
    kept = {k: v for k, v in node.attributes.items() if k in ("axis", "keepdims")}
    return -max_(-node.operands[0], **kept)


def _product_except(node: Expr) -> Expr | None:
    """prod(x)/x, where no entry is 0."""
    if node.attributes.get("order", 1) != 1:
        return None
    x = node.operands[0]
    total = prod(x, axis=-1)
    found: Expr = (total[..., None] if total.ndim else total) / x
    return found


def _of_largest(node: Expr) -> Expr | None:
    """x[argmax(y)] along the first axis is one_hot(argmax(y)) @ x: the index is a place along an axis of that size."""
    x, i = node.operands
    while i.op is NAMED:
        (i,) = i.operands
    if i.op.name not in ("argmax", "argmin") or node.attributes["axis"] != 0 or x.ndim > 2:
        return None
    (y,), axis = i.operands, i.attributes.get("axis")
    axis = 0 if axis is None and y.ndim == 1 else axis
    return matmul(one_hot(i, x.shape[0]), x) if axis is not None and y.shape[axis] == x.shape[0] else None


RULES = {"reshape": _reshape, "min": _least, "prod_except": _product_except, "take": _of_largest}
