"""Reductions that keep an axis of size 1, computed once with those that drop it: ``mean(x, axis=1)[:, None]``."""

from __future__ import annotations

from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.reductions import WHERE
from graphc.ops.slicing import index


def shared_reductions(roots: list[Expr]) -> list[Expr]:
    """`roots`, where what differs from another node by axes of size 1 alone is that node with these axes put in."""
    order = topological(roots)
    present = set(order)
    dropped: dict[Expr, Expr] = {}
    for node in order:
        found = without_units(node, dropped) if 1 in node.shape else None
        if found is not None:
            dropped[node] = found
    twins: dict[Expr, Expr] = {}
    for node, twin in dropped.items():
        if twin in present or any(o in twins for o in node.operands):  # what is computed from it goes along
            twins[node] = twin
    every = {*order, *topological(list(twins.values()))}
    done: dict[Expr, Expr] = {}
    for node in sorted(every, key=lambda x: (x.depth, x in twins)):  # a twin is no deeper than the node
        if node in twins:
            key = tuple(None if d == 1 else slice(None) for d in node.shape)
            done[node] = index(done[twins[node]], key)
        else:
            done[node] = rebuild(node, tuple(done[o] for o in node.operands))
    return [done[root] for root in roots]


def without_units(node: Expr, dropped: dict[Expr, Expr]) -> Expr | None:
    """`node` without its axes of size 1, where a reduction kept them."""
    shape = tuple(d for d in node.shape if d != 1)
    if node.op is CONTRACT:
        place = {a: i for i, a in enumerate(i for i, d in enumerate(node.shape) if d != 1)}
        factors = []
        for f, labels, e in factors_of(node):
            g = dropped.get(f) if -1 in labels else f
            if g is None or g.ndim != len(labels) - labels.count(-1):
                return None
            factors.append((g, [place.get(x, x + node.ndim) for x in labels if x != -1], e))
        return contract(factors, shape, node.attributes["coefficient"])
    if node.attributes.get("keepdims") is True:
        plain = make(node.op, node.operands, **{**node.attributes, "keepdims": False})
        return plain if plain.shape == shape else None
    entrywise = node.op in (ADD, WHERE) or node.op.formula is not None
    if not entrywise or not node.operands or not all(o in dropped for o in node.operands):
        return None
    return make(node.op, tuple(dropped[o] for o in node.operands), **node.attributes)
