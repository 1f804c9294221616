"""Index notation to matrix notation: where a product's factors stand, and which matrix products sum its labels away."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

from graphc.ir.expr import Expr, make, rebuild
from graphc.ir.op import Op
from graphc.ops.arithmetic import ADD, broadcast, divide, multiply, rational_power, scaled
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.forms import form
from graphc.ops.leaves import NAMED, constant
from graphc.ops.products import diag, einsum, matmul, outer, trace, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import reduced_axes
from graphc.ops.slicing import index, indexed
from graphc.rewriting.order import is_symmetric

Labels = tuple[int, ...]
Placed = tuple[Expr, Labels]  # an expression and the labels of its axes; -1 for axes of literal size 1
ENTRYWISE = ("scale", "over", "power", "multiply", "divide")
WHOLE = Op(  # stands for a product that is not taken apart, while others are written over it
    "whole",
    lambda operands, attributes: (operands[0].shape, operands[0].dtype),
    facts=lambda node: node.operands[0].op.facts(node.operands[0]),
)
MANY = 10**6  # transposes beyond which they are not counted
LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def transposed(x: Expr) -> Expr:
    """The transpose of a matrix, taken through products: (A @ B).T is B.T @ A.T."""
    if is_symmetric(x):
        return x
    if x.op is CONTRACT:
        kind = form(x).kind
        if kind == "transpose":
            return x.operands[0]
        if kind == "outer":
            return outer(x.operands[1], x.operands[0])
        if kind == "einsum":
            operands, result = form(x).detail.split("->")
            return einsum(f"{','.join(operands.split(',')[::-1])}->{result[::-1]}", *x.operands[::-1])
        if kind == "matmul" and all(o.ndim == 2 for o in x.operands):
            return matmul(transposed(x.operands[1]), transposed(x.operands[0]))
    pushed = permuted_inside(x, (1, 0))
    return transpose(x) if pushed is None else pushed


def permuted_inside(x: Expr, axes: Labels, levels: int = 4) -> Expr | None:
    """The permuted axes of an entrywise expression of transposes, without them; None where that takes new ones."""
    if x.ndim != len(axes) or levels == 0:
        return None
    kind = form(x).kind if x.op is CONTRACT else ""
    if kind == "transpose":
        inner = form(x).detail
        return x.operands[0] if tuple(inner[a] for a in axes) == tuple(range(x.ndim)) else None
    if kind == "fill":
        return broadcast(constant(x.attributes["coefficient"]), tuple(x.shape[a] for a in axes))
    if kind not in ENTRYWISE and x.op is not ADD and x.op.formula is None:
        return None
    inside = [o if o.ndim == 0 else permuted_inside(o, axes, levels - 1) for o in x.operands]
    if any(o is None for o in inside):
        return None
    return over([o for o in inside if o is not None], x, kind)


def permuted(x: Expr, axes: Labels) -> Expr:
    """`x` with its axes permuted, inside an entrywise expression where that saves transposes."""
    if axes == (1, 0):
        return transposed(x)
    if axes == tuple(range(x.ndim)):
        return x
    kind = form(x).kind if x.op is CONTRACT else ""
    if kind == "einsum":
        place = {a: i for i, a in enumerate(axes)}
        moved = [(f, tuple(place.get(a, a) for a in ls), e) for f, ls, e in factors_of(x)]
        return contract(moved, tuple(x.shape[a] for a in axes))
    pushed = permuted_inside(x, axes)
    pushed = turned_stack(x, axes) if pushed is None else pushed
    if pushed is None and kind == "transpose":
        return transpose(x.operands[0], tuple(form(x).detail[a] for a in axes))
    return transpose(x, axes) if pushed is None else pushed


def turned_stack(x: Expr, axes: Labels) -> Expr | None:
    """A product of stacks with the last two axes exchanged, B.T @ A.T, where that takes no more transposes."""
    last = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    if axes != last or x.op is not CONTRACT or form(x).kind != "matmul" or any(o.ndim != x.ndim for o in x.operands):
        return None
    a, b = x.operands
    product = matmul(permuted(b, axes), permuted(a, axes))
    return product if turns(product) <= turns(x) + 2 else None


def placed(factors: Sequence[Placed], order: Labels) -> Expr:
    """The elementwise product of `factors` with its axes in `order`; vectors of different axes give ``outer``."""
    if len(order) == 2 and -1 not in order:
        rows = [g for g in factors if g[1] == order[:1]]
        columns = [g for g in factors if g[1] == order[1:]]
        scalars = [g for g in factors if not g[1]]
        if rows and columns and len(rows) + len(columns) + len(scalars) == len(factors):
            scaled_rows = placed([g for g in factors if g[1] != order[1:]], order[:1])
            scaled_columns = placed(columns, order[1:])
            tall, wide = lifted(scaled_rows), lifted(scaled_columns)
            if tall is not None and wide is not None and tall[1] == wide[1] == 1:
                return matmul(tall[0], transposed(wide[0]))
            return outer(scaled_rows, scaled_columns)
    parts: tuple[list[Expr], list[Expr]] = ([], [])  # above and below the line
    for f, labels in merged(factors, order):
        under = reciprocal(f)
        parts[under is not None].append(align(f if under is None else under, labels, order))
    above, below = (functools.reduce(multiply, side) if side else None for side in parts)
    if below is None:
        assert above is not None
        return above
    return divide(constant(1) if above is None else above, below)


def reciprocal(x: Expr) -> Expr | None:
    """What `x` is one over: y for 1/y, y**2 for y**(-2)."""
    if x.op is not CONTRACT:
        return None
    kind, detail = form(x)
    if kind == "over":
        return x.operands[0] if detail == 1 else None
    return rational_power(x.operands[0], -detail) if kind == "power" and detail < 0 else None


def merged(factors: Sequence[Placed], order: Labels) -> list[Placed]:
    """Factors over the same axes, where these must be moved or added to, as one: (h*(1 - h))[:, None]*X."""
    groups: dict[Labels, list[Placed]] = {}
    for g in factors:
        groups.setdefault(g[1], []).append(g)
    found = []
    for labels, group in groups.items():
        moves = labels and labels != order[len(order) - len(labels) :] and -1 not in labels
        whole = moves and len(group) > 1 and len(set(labels)) == len(labels) < len(order)
        found += [(placed(group, labels), labels)] if whole else group
    return found


def align(x: Expr, labels: Labels, order: Labels) -> Expr:
    """`x` with its axes permuted, and axes of size 1 added or dropped, so that it broadcasts against `order`."""
    if len({a for a in labels if a >= 0}) < len([a for a in labels if a >= 0]):
        x, labels = diagonal(x, labels)
    if len(labels) <= len(order):
        tail = order[len(order) - len(labels) :]
        if all(a in (b, -1) for a, b in zip(labels, tail, strict=True)):
            return x
    if -1 in labels:
        x = reindexed(x, tuple(0 if a == -1 else slice(None) for a in labels))
        labels = tuple(a for a in labels if a != -1)
    if not labels:
        return x
    wanted = sorted(labels, key=order.index)
    x = permuted(x, tuple(labels.index(a) for a in wanted))
    rest = order[order.index(wanted[0]) :]
    added = tuple(i for i, a in enumerate(rest) if a not in wanted)
    if not added:
        return x
    raised = lifted(x)
    if raised is not None and added == (raised[1],):
        return raised[0]
    kept = keep_axes(x, added)
    return kept if kept is not None else index(x, tuple(None if i in added else slice(None) for i in range(len(rest))))


def reindexed(x: Expr, key: tuple[Any, ...]) -> Expr:
    """``x[key]`` for a key of None, 0 and ``:``; an index of added axes is written once."""
    if x.op is not CONTRACT or form(x).kind != "index" or indexed(x) is not None:
        return index(x, key)
    parts: list[Any] = []
    wanted = list(key)
    for part in form(x).detail:
        while part != 0 and wanted[0] is None:
            parts.append(wanted.pop(0))
        own = 0 if part == 0 else wanted.pop(0)
        if part is not None:
            parts.append(own)
        elif own != 0:
            parts.append(None)
    parts += wanted
    return index(x.operands[0], tuple(parts))


def keep_axes(x: Expr, added: tuple[int, ...]) -> Expr | None:
    """`x` with axes of size 1 at `added`, by ``keepdims=True`` in the reductions it is a function of; else None."""
    if x.attributes.get("keepdims") is False and reduced_axes(x) == added:
        return make(x.op, x.operands, **{**x.attributes, "keepdims": True})
    kind = form(x).kind if x.op is CONTRACT else ""
    if kind == "sum" and form(x).detail == (added, False):
        return sum_(x.operands[0], axis=added, keepdims=True)
    if kind not in ENTRYWISE and x.op is not ADD and x.op.formula is None:
        return None
    inner = [o if o.ndim == 0 and not o.operands else keep_axes(o, added) for o in map(stripped, x.operands)]
    if any(o is None for o in inner) or all(o is not None and o.ndim == 0 for o in inner):
        return None
    return over([o for o in inner if o is not None], x, kind)


def stripped(x: Expr) -> Expr:
    """A stretched number or scalar as itself."""
    if x.op is CONTRACT and not x.operands:
        return constant(x.attributes["coefficient"])
    if x.op is CONTRACT and form(x).kind == "broadcast_to" and x.operands[0].ndim == 0:
        return x.operands[0]
    return x


def over(operands: list[Expr], node: Expr, kind: str) -> Expr:
    """`node` rebuilt by its constructor over operands that broadcast to one shape."""
    if kind == "scale":
        return scaled(node.attributes["coefficient"], operands[0])
    if kind == "over":
        return divide(constant(node.attributes["coefficient"]), operands[0])
    if kind == "power":
        return rational_power(operands[0], node.attributes["exponents"][0])
    if kind in ("multiply", "divide"):
        return multiply(*operands) if kind == "multiply" else divide(*operands)
    shape = broadcast_shapes([o.shape for o in operands], [])
    assert shape is not None
    return rebuild(node, tuple(broadcast(o, shape) for o in operands))


def diagonal(x: Expr, labels: Labels) -> Placed:
    """The diagonal along repeated labels."""
    distinct = tuple(dict.fromkeys(a for a in labels if a >= 0))
    if x.ndim == 2:
        return diag(x), distinct
    letters = {a: LETTERS[i] for i, a in enumerate(distinct)}
    units = iter(LETTERS[len(distinct) :])
    text = "".join(letters[a] if a >= 0 else next(units) for a in labels)
    return einsum(f"{text}->{''.join(letters[a] for a in distinct)}", x), distinct


def lifted(x: Expr) -> tuple[Expr, int] | None:
    """The array that `x` is, without one axis of size 1, and that axis: y and 1 for ``2*y[:, 0]`` is 2*y and 1."""
    if x.op is not CONTRACT:
        return None
    kind, detail = form(x)
    if kind == "index" and detail.count(0) == 1 and None not in detail:
        return x.operands[0], detail.index(0)
    scalars = [o for o in x.operands[1:] if o.ndim]
    if kind in ("scale", "multiply", "divide") and not scalars:
        inner = lifted(x.operands[0])
        if inner is not None:
            return over([inner[0], *x.operands[1:]], x, kind), inner[1]
    return None


def dropped(x: Expr, axis: int) -> Expr:
    """`x` without an axis of size 1."""
    return index(x, tuple(0 if i == axis else slice(None) for i in range(x.ndim)))


def contracted(group: list[Placed], out: Labels) -> Placed | None:
    """Sum away every label that is not in `out`, one at a time; None where matrix notation has no form for it.

    The axes of the result are those of `out` in the order that comes naturally.
    """
    free = {a for a in out if a >= 0}
    group = [
        (index(x, tuple(0 if a == -1 else slice(None) for a in ls)), tuple(a for a in ls if a != -1))
        if -1 in ls
        else (x, ls)
        for x, ls in group
    ]
    whole = summed_whole(group) if not free else None
    if whole is not None:
        return whole, ()
    while True:
        bound = sorted({a for _, ls in group for a in ls if a not in free})
        if not bound:
            break
        options = [(found[1], a, found[0]) for a in bound if (found := sum_label(a, group, out)) is not None]
        if not options:
            return None
        group = min(options, key=lambda o: o[:2])[2]
    if len(group) > 1 or len(set(group[0][1])) < len(group[0][1]) or set(group[0][1]) != free:
        return (placed(group, out), out) if {a for _, ls in group for a in ls} == free else None
    return group[0]


def summed_whole(group: list[Placed]) -> Expr | None:
    """The sum of all entries of an elementwise product in which several arrays vary along every axis."""
    every = {a for _, ls in group for a in ls}
    full = [ls for _, ls in group if set(ls) == every]
    if len(every) < 2 or len(full) < 2 or len(full) == len(group) or any(len(set(ls)) < len(ls) for _, ls in group):
        return None
    orders = {full[0], full[0][::-1]} if len(every) == 2 else {full[0]}
    return sum_(min((placed(group, order) for order in sorted(orders)), key=turns))


def arranged(found: Placed, out: Labels) -> Expr:
    """The expression with its axes in the order `out`."""
    x, labels = found
    return x if labels == out else permuted(x, tuple(labels.index(a) for a in out))


def sum_label(label: int, group: list[Placed], out: Labels) -> tuple[list[Placed], tuple[Any, ...]] | None:
    """One label summed by a trace, a matrix product or a sum over axes, with a price to choose by."""
    touching = [g for g in group if label in g[1]]
    others = [g for g in group if label not in g[1]]
    needed = {a for a in out if a >= 0} | {a for _, ls in others for a in ls}
    if len(touching) == 1 and touching[0][1] == (label, label):
        return [*others, (trace(touching[0][0]), ())], (0, 0)
    touching = [diagonal(x, ls) if len({*ls} - {-1}) < len(ls) - ls.count(-1) else (x, ls) for x, ls in touching]
    sides = split_sides(label, touching, out)
    if sides is not None:
        (a, la), (b, lb) = one_side(sides[0], label, last=True), one_side(sides[1], label, last=False)
        labels = tuple(x for x in la + lb if x != label)
        if (
            a.ndim == 2 and b.ndim == 1 and turns(a) > 1 and lifted(b) is None
        ):  # sum_n v_n M_nm, without a transpose of a product
            return [*others, (matmul(b, one_side(sides[0], label, last=False)[0]), labels)], (1, len(labels))
        return [*others, (chained(a, b), labels)], (1, len(labels))
    touching = entrywise(touching)
    joint = jointly(touching, needed, out)
    if joint is not None:
        return [*others, joint], (1, len(joint[1]))
    stacked = batched(label, touching, out)
    if stacked is not None:
        return [*others, stacked], (1, len(stacked[1]))
    largest = max((ls for _, ls in touching), key=len)
    if any(set(ls) - {-1} > set(largest) or not set(ls) - {-1} <= set(largest) for _, ls in touching):
        return None
    product = placed(touching, largest)
    unit = lifted(product)
    if unit is not None:
        tall, at = unit
        kept = [i for i, a in enumerate(largest) if a in needed]
        axes = tuple(i + (i >= at) for i in range(len(largest)) if i not in kept)
        total = sum_(tall, axis=axes)
        place = at - sum(i < at for i in axes)
        return [*others, (dropped(total, place), tuple(largest[i] for i in kept))], (2, len(largest))
    if len(largest) == 2 and -1 not in largest:
        turned = placed(touching, largest[::-1])
        if turns(turned) < turns(product):
            product, largest = turned, largest[::-1]
    axes = tuple(i for i, a in enumerate(largest) if a >= 0 and a not in needed)
    return [*others, (sum_(product, axis=axes), tuple(a for i, a in enumerate(largest) if i not in axes))], (
        2,
        len(largest),
    )


def chained(a: Expr, b: Expr) -> Expr:
    """``a @ b``; a bilinear form reads from left to right: (M.T @ v) @ w is v @ M @ w."""
    if a.ndim == b.ndim == 1:
        if reciprocal(a) is not None or reciprocal(b) is not None:
            return sum_(placed([(a, (0,)), (b, (0,))], (0,)))
        for left, right in ((a, b), (b, a)):
            if left.op is CONTRACT and form(left).kind == "matmul" and left.operands[0].ndim == 2:
                m, v = left.operands
                if m.op is CONTRACT and form(m).kind == "transpose":
                    return matmul(matmul(v, m.operands[0]), right)
        return matmul(a, b)
    tall = lifted(b) if b.ndim == 1 else None
    if tall is not None and tall[1] == 1:
        return dropped(matmul(a, tall[0]), a.ndim - 1)
    tall = lifted(a) if a.ndim == 1 else None
    if tall is not None:
        row = tall[0] if tall[1] == 0 else transposed(tall[0])
        return dropped(matmul(row, b), 0)
    return matmul(a, b)


def turns(x: Expr) -> int:
    """How many transposes stand in the products and sums of `x`; one of a compound counts double."""
    stack = [x]
    while stack:
        node = stack[-1]
        looked_into = node.op is CONTRACT or node.op is ADD or node.op.formula is not None
        below = node.operands if looked_into and node not in _turns else ()
        missing = [o for o in below if o not in _turns]
        stack += missing
        if not missing:
            stack.pop()
            if node not in _turns:
                _turns[node] = min(MANY, own_turns(node) + sum(_turns[o] for o in below))
    return _turns[x]


def own_turns(x: Expr) -> int:
    if x.op is not CONTRACT or form(x).kind != "transpose":
        return 0
    return 1 + int(bool(x.operands[0].operands) and x.operands[0].op not in (NAMED, WHOLE))


_turns: weakref.WeakKeyDictionary[Expr, int] = weakref.WeakKeyDictionary()


def split_sides(label: int, touching: list[Placed], out: Labels) -> tuple[list[Placed], list[Placed]] | None:
    """Factors as the two sides of a matrix product over `label`, each side a vector or a matrix."""
    partners: dict[int, list[Placed]] = {}
    vectors: list[Placed] = []
    for g in touching:
        rest = [a for a in g[1] if a != label]
        if -1 in rest or len(rest) > 1:
            return None
        if rest:
            partners.setdefault(rest[0], []).append(g)
        else:
            vectors.append(g)
    if len(partners) == 2:
        left, right = (
            partners[a] for a in sorted(partners, key=lambda a: (a not in out, a if a not in out else out.index(a)))
        )
        return left, vectors + right
    if len(partners) == 1 and vectors:
        ((partner, matrix),) = partners.items()
        return (matrix, vectors) if partner in out else (vectors, matrix)
    if not partners and len(vectors) == 2:
        return vectors[:1], vectors[1:]
    return None


def one_side(factors: list[Placed], label: int, last: bool) -> Placed:
    """The elementwise product of one side of a matrix product, with `label` as its last (or first) axis."""
    rest = tuple(dict.fromkeys(a for _, ls in factors for a in ls if a != label))
    order = (*rest, label) if last else (label, *rest)
    return placed(factors, order), order


def entrywise(factors: list[Placed]) -> list[Placed]:
    """Factors over the same labels multiplied into one."""
    groups: dict[frozenset[int], list[Placed]] = {}
    for g in factors:
        groups.setdefault(frozenset(g[1]), []).append(g)
    return [g[0] if len(g) == 1 else (placed(g, g[0][1]), g[0][1]) for g in groups.values()]


def jointly(touching: list[Placed], needed: set[int], out: Labels) -> Placed | None:
    """Two factors summed over several labels at once, where one at a time would build what is larger than both.

    So the gradient of a linear layer over (N, L, d) is ``einsum('nld,nlm->dm', x, G)``, with no array for each l.
    """
    if len(touching) != 2:
        return None
    (a, la), (b, lb) = (straightened(*g) for g in touching)
    bound = [x for x in la if x in lb and x not in needed]
    free = sorted((x for x in dict.fromkeys(la + lb) if x in needed), key=rank_in(out))
    if free and free[0] in lb:
        a, la, b, lb = b, lb, a, la
    if len(bound) < 2 or {*la, *lb} != {*bound, *free} or not all((x in la) != (x in lb) for x in free):
        return None
    if {*la, *lb} != {*bound, *free}:  # a label that one of them alone is summed over
        return None
    letters = dict(zip([*bound, *free], LETTERS, strict=False))
    left, right, result = ("".join(letters[x] for x in labels) for labels in (la, lb, free))
    return einsum(f"{left},{right}->{result}", a, b), tuple(free)


def straightened(x: Expr, labels: Labels) -> Placed:
    """A factor without the transposes around or inside it, where all of its parts have the same; its labels follow."""
    for axes in permutations(range(x.ndim)) if x.operands and x.ndim <= 4 else ():
        plain = permuted_inside(x, axes)
        if plain is not None:
            return plain, tuple(labels[a] for a in axes)
    return x, labels


def batched(label: int, touching: list[Placed], out: Labels) -> Placed | None:
    """A product with a stack of matrices: two stacks that share leading axes, or a stack and a matrix or vector."""
    if len(touching) != 2 or max(len(ls) for _, ls in touching) < 3:
        return None
    (a, la), (b, lb) = touching
    shared = sorted((x for x in la if x in lb and x != label), key=lambda x: out.index(x) if x in out else x)
    own = [sorted((x for x in ls if x not in shared and x != label), key=rank_in(out)) for ls in (la, lb)]
    if shared:
        if any(len(x) != 1 for x in own):
            return None
        i, j = own[0][0], own[1][0]
        one = matmul(reordered(a, la, (*shared, i, label)), reordered(b, lb, (*shared, label, j)))
        other = matmul(reordered(b, lb, (*shared, j, label)), reordered(a, la, (*shared, label, i)))
        prefer = (turns(one), rank_in(out)(i)) <= (turns(other), rank_in(out)(j))
        return (one, (*shared, i, j)) if prefer else (other, (*shared, j, i))
    if len(own[0]) == 1 and len(lb) >= 3 and len(la) == 2:  # a matrix on the left of a stack would need a transpose
        (a, la), (b, lb), own = (b, lb), (a, la), own[::-1]
    if len(own[1]) > 1 or len(lb) > 2:
        return None
    return matmul(reordered(a, la, (*own[0], label)), reordered(b, lb, (label, *own[1]))), (*own[0], *own[1])


def rank_in(out: Labels) -> Callable[[int], tuple[bool, int]]:
    """Sorts labels as they stand in `out`, those that are not in it last."""
    return lambda x: (x not in out, out.index(x) if x in out else x)


def reordered(x: Expr, labels: Labels, order: Labels) -> Expr:
    return x if labels == order else permuted(x, tuple(map(labels.index, order)))
