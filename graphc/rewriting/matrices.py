"""Index notation to matrix notation: where a product's factors stand, and which matrix products sum its labels away."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import form
from graphc.ops.products import einsum, matmul, trace
from graphc.ops.products import sum as sum_
from graphc.ops.slicing import index
from graphc.rewriting.axes import (
    LETTERS,
    Labels,
    Placed,
    diagonal,
    dropped,
    lifted,
    permuted_inside,
    placed,
    reciprocal,
    reordered,
    transposed,
    turns,
)
from graphc.rewriting.order import is_symmetric


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
            a.ndim == 2 and b.ndim == 1 and turns(a) > 1 and lifted(b) is None and not is_symmetric(a)
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
        scale = [(placed(vectors, (label,)), (label,))] if len(vectors) > 1 else vectors
        return left + scale, right  # A*v @ B, without an axis inserted into v
    if len(partners) == 1 and vectors:
        ((partner, matrix),) = partners.items()
        reads_on = partner not in out and not any(a >= 0 for a in out)  # a bilinear form, from left to right
        return (vectors, matrix) if reads_on else (matrix, vectors)
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
