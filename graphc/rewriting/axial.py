"""Factors by the axes that they vary along, and reductions over them, as NumPy writes them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT
from graphc.ops.defined import mean
from graphc.ops.forms import form
from graphc.ops.leaves import EYE, constant
from graphc.ops.statistics import var
from graphc.rewriting.axes import Labels, keep_axes, lifted, reindexed
from graphc.rewriting.signs import Powers


def by_axes(factors: Powers) -> dict[object, Powers]:
    """Factors by the axes they carry; deltas, and diagonals, for themselves."""
    groups: dict[object, Powers] = {}
    for f, labels, e in factors:
        alone = f.op is EYE or len(set(labels)) < len(labels)
        groups.setdefault(labels if alone else frozenset(labels), []).append((f, labels, e))
    return groups


def widest(group: Powers) -> tuple[Expr, Labels, Fraction]:
    """The first factor with the most axes."""
    return max(group, key=lambda x: len(x[1]))


def by_letters(factors: Sequence[tuple[Expr, Labels]], rank: int) -> bool:
    """Whether ``einsum`` says it better than broadcasting: with a delta, or where several factors need new axes."""
    carried = {a for _, labels in factors for a in labels}
    if len(factors) < 2 or carried != set(range(rank)):
        return False
    explicit = sum(labels != tuple(range(rank - len(labels), rank)) for _, labels in factors)
    return explicit > 1 or any(x.op is EYE for x, _ in factors)


def stretched(x: Expr, node: Expr) -> Expr:
    """`x` at the full shape of `node`; leading axes of size 1 by ``keepdims`` where `x` is a reduction over them."""
    added = node.ndim - x.ndim
    raised = lifted(x)
    if raised is not None and raised[0].shape == node.shape:
        return raised[0]
    if added and all(d == 1 for d in node.shape[:added]):
        kept = keep_axes(x, tuple(range(added)))
        if kept is not None:
            return broadcast(kept, node.shape)
        if x.shape == node.shape[added:]:
            return reindexed(x, (None,) * added + (slice(None),) * x.ndim)
    return broadcast(x, node.shape)


def average_of(x: Expr, axes: tuple[int, ...], keepdims: bool) -> Expr:
    """The mean of `x`, as ``var`` where `x` holds squared differences from a mean over the same axes."""
    if x.op is CONTRACT and form(x) == ("power", 2) and x.operands[0].op is ADD:
        difference, first_axes = x.operands[0], axes == tuple(range(len(axes)))
        for y in difference.operands:
            centres = [mean(y, axis=axes, keepdims=True), *([mean(y, axis=axes)] if first_axes else [])]
            if any(difference in (y - centre, centre - y) for centre in centres):
                return var(y, axis=axes, keepdims=keepdims)
    return mean(x, axis=axes, keepdims=keepdims)


def is_square_sum(x: Expr) -> bool:
    """``sum(v**2)`` over some axes."""
    if x.op is not CONTRACT or form(x).kind != "sum":
        return False
    inner = x.operands[0]
    return inner.op is CONTRACT and form(inner) == ("power", 2)


def is_fill(x: Expr) -> bool:
    return x.op is CONTRACT and not x.operands


def refilled(fill: Expr, order: Labels) -> Expr:
    """A stretched constant with its axes in another order."""
    return broadcast(constant(fill.attributes["coefficient"]), tuple(fill.shape[i] for i in order))
