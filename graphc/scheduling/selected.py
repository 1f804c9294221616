"""Products with one-hot arrays as the entries that these pick.

    sum over k of one_hot(i, K)[n, k]*y[n, k]  =  y[n, i[n]]
    one_hot(i, K)[n, k]/p[n, k]                =  where(one_hot, 1/p, 0)

Classes beside the label add nothing, also where their logarithm or reciprocal is infinite; and picking an entry
takes less time than a sum over classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ir.op import Op, registry
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.gather import take, take_along_axis
from graphc.ops.labels import ONE_HOT
from graphc.ops.reductions import WHERE, where
from graphc.rewriting.order import Factor, Labels

LOG = registry["log"]


def selected(node: Expr) -> Expr:
    """A contraction without the one-hot factors that pick entries, or mask what may be infinite."""
    if node.op is not CONTRACT:
        return node
    factors: list[Factor] = []
    coefficient = node.attributes["coefficient"]
    for f, labels, e in factors_of(node):
        number, parts = _parts(f, labels, e, node.ndim)
        factors += parts
        coefficient *= number
    for k, (f, labels, e) in enumerate(factors):
        named = [x for x in labels if x >= 0]
        if f.op is not ONE_HOT or e != 1 or labels[-1] < 0 or len(set(named)) < len(named):
            continue
        rest = factors[:k] + factors[k + 1 :]
        found = (
            _picked(f, labels, rest) if labels[-1] >= node.ndim else _masked(f, labels, rest, coefficient, node.shape)
        )
        if found is not None:
            return found if isinstance(found, Expr) else selected(contract(found, node.shape, coefficient))
    return node


def _parts(f: Expr, labels: Labels, e: Fraction, rank: int) -> tuple[Fraction, list[Factor]]:
    """A factor that is a product with a one-hot array, or masked by one under a sum, as its own factors."""
    hot = f.op is CONTRACT and not summed(f) and any(g.op is ONE_HOT for g in f.operands)
    masked = f.op is WHERE and f.operands[0].op is ONE_HOT and f.operands[2].op is CONTRACT
    masked = masked and not f.operands[2].operands and max(labels) >= rank
    if e != 1 or not (hot or masked):
        return ONE, [(f, labels, e)]
    inner = factors_of(f) if hot else [(g, aligned(g.shape, f.shape), ONE) for g in f.operands[:2]]
    placed = [(g, tuple(labels[x] if x >= 0 else -1 for x in ls), p) for g, ls, p in inner]
    return f.attributes["coefficient"] if hot else ONE, placed


def _picked(hot: Expr, labels: Labels, rest: list[Factor]) -> list[Factor] | None:
    """The factors with the entry at the index in the place of those that have the axis of the classes.

    Factors of the same axes are multiplied before, any others after: their product has more entries than they.
    """
    at = labels[-1]
    groups: dict[frozenset[int], list[Factor]] = {}
    for f, ls, e in rest:
        if at in ls:
            if ls.count(at) > 1:
                return None
            groups.setdefault(frozenset(ls) - {-1}, []).append((f, ls, e))
    entries = [_entry(hot, labels, group) for group in groups.values()]
    found = [entry for entry in entries if entry is not None]
    if not groups or len(found) < len(entries):
        return None
    return [*found, *(x for x in rest if at not in x[1])]


def _entry(hot: Expr, labels: Labels, inside: list[Factor]) -> Factor | None:
    """The entry at the index of a product, as a factor."""
    (i,), at = hot.operands, labels[-1]
    sizes = {x: d for f, ls, _ in inside for x, d in zip(ls, f.shape, strict=True) if x >= 0}
    index_labels = [x for x in labels[:-1] if x >= 0]
    shared = [x for x in index_labels if x in sizes]
    if shared and len(shared) < len(index_labels):
        return None
    order = list(sizes) if len(inside) == 1 else [*sorted(x for x in sizes if x != at), at]
    array = _over(inside, order, tuple(sizes[x] for x in order))
    axis = order.index(at)
    functions: list[Op] = []
    while array.op.formula is not None and len(array.operands) == 1:  # of fewer entries
        functions.append(array.op)
        (array,) = array.operands
    if shared:
        single = tuple(sizes[x] if x in shared else 1 for x in order)
        entry = take_along_axis(array, _over([(i, labels[:-1], ONE)], order, single), axis)
        placed = tuple(-1 if x == at else x for x in order)
    else:
        entry = take(array, i, axis)
        placed = (*order[:axis], *labels[:-1], *order[axis + 1 :])
    for function in reversed(functions):
        entry = make(function, (entry,))
    return entry, placed, ONE


def _over(factors: Sequence[Factor], order: Sequence[int], shape: Shape) -> Expr:
    """A product with the labels of `order` as its axes."""
    place = {x: k for k, x in enumerate(order)} | {-1: -1}
    return contract([(f, tuple(place[x] for x in ls), e) for f, ls, e in factors], shape)


def _masked(hot: Expr, labels: Labels, rest: list[Factor], coefficient: Fraction, shape: Shape) -> Expr | None:
    """A product entry by entry, taken where the one-hot array is 1, if it may be infinite elsewhere."""
    if not any(labels[-1] in ls and (e < 0 or f.op is LOG) for f, ls, e in rest):
        return None
    if any(x >= len(shape) for _, ls, _ in [(hot, labels, ONE), *rest] for x in ls):
        return None
    return where(contract([(hot, labels, ONE)], shape), contract(rest, shape, coefficient), 0)
