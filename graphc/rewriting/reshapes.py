"""Reshapes inside products: arrays that only regroup axes are taken apart along the axes they were grouped from.

A sum over a merged axis is a sum over its parts where everything that carries the axis was merged from the same parts:
trace(kron(A, B)) is trace(A) trace(B), kron(A, B) @ kron(C, D) is kron(A @ C, B @ D) (Van Loan, "The ubiquitous
Kronecker product", 2000).
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.dims import Dim, Shape, compare
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.reductions import RESHAPE, entries
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import is_number

Block = tuple[Labels, Labels]  # places of axes before and after a reshape that hold the same entries


def blocks(before: Shape, after: Shape) -> list[Block]:
    """The smallest groups of consecutive axes that a reshape maps onto each other; axes of size 1 stand outside."""
    left = [i for i, d in enumerate(before) if d != 1]
    right = [i for i, d in enumerate(after) if d != 1]
    found: list[Block] = []
    while left or right:
        i, j = _prefix([before[x] for x in left], [after[x] for x in right])
        found.append((tuple(left[:i]), tuple(right[:j])))
        left, right = left[i:], right[j:]
    return found


def _prefix(a: list[Dim], b: list[Dim]) -> tuple[int, int]:
    """How many sizes of each side have equal products; all of them where no shorter ones do."""
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if compare(entries(tuple(a[:i])), entries(tuple(b[:j]))) == "equal":
                return i, j
    return len(a), len(b)


def regrouped(factors: list[Factor], before: Shape, after: Shape) -> list[tuple[Factor, Shape]] | None:
    """The factors of a product with the shapes they take when the product is reshaped, under their new labels.

    None where a factor carries some axes of a group and lacks others, as in a Kronecker product.
    """
    groups = blocks(before, after)
    result: list[tuple[Factor, Shape]] = []
    for f, labels, e in factors:
        mine = [(a, b) for a, b in groups if set(a) & set(labels)]
        if -1 in labels or list(labels) != [x for a, _ in mine for x in a]:
            return None
        places = tuple(x for _, b in mine for x in b)
        result.append(((f, places, e), tuple(after[x] for x in places)))
    return result


def regroups(term: Expr) -> bool:
    """Whether a term of a sum is a reshape, or an elementwise product with one."""
    return term.op is RESHAPE or (term.op is CONTRACT and not summed(term) and any(map(regroups, term.operands)))


def joint(total: Expr, reshaped: Callable[[Expr, Shape], Expr]) -> Expr:
    """A sum of reshapes of one shape as one reshape: reshape(A) - reshape(B) is reshape(A - B)."""
    shapes = {t.operands[0].shape if t.op is RESHAPE else t.shape for t in total.operands if not is_number(t)}
    if total.op is not ADD or len(shapes) != 1 or not any(t.op is RESHAPE for t in total.operands):
        return total
    return make(RESHAPE, (reshaped(total, shapes.pop()),), shape=total.shape)


def taken_apart(factors: list[Factor], shape: Shape) -> tuple[list[Factor], Shape] | None:
    """A product with a summed label, and what hangs on it, split into labels of the parts it was merged from.

    Returns
    -------
    factors, shape : with labels below the rank of the new shape for its axes, which a reshape merges again;
        None where no summed label can be split
    """
    for label in sorted({x for _, labels, _ in factors for x in labels if x >= len(shape)}):
        parts = _parts(factors, label)
        if parts:
            return _split(factors, shape, parts)
    return None


def _parts(factors: list[Factor], label: int) -> dict[int, Shape]:
    """The sizes that `label` was merged from, and those of the other merged labels of what carries it.

    Empty where one of these labels is carried by something that was not merged from the same sizes.
    """
    found: dict[int, Shape] = {}
    todo = [label]
    while todo:
        x = todo.pop()
        for f, labels, _ in factors:
            if x not in labels:
                continue
            merged = merges(f, labels)
            if x not in merged or found.setdefault(x, merged[x]) != merged[x]:
                return {}
            todo += [y for y in merged if y not in found and y not in todo]
    return found


def merges(f: Expr, labels: Labels) -> dict[int, Shape]:
    """The sizes that labels of a reshape were merged from; empty where it also splits axes, or merges one twice."""
    if f.op is not RESHAPE:
        return {}
    inner = f.operands[0].shape
    found: dict[int, Shape] = {}
    for a, b in blocks(inner, f.shape):
        if len(b) != 1:
            return {}
        sizes = tuple(inner[i] for i in a)
        if len(a) > 1 and found.setdefault(labels[b[0]], sizes) != sizes:
            return {}
    return found


def _split(factors: list[Factor], shape: Shape, parts: dict[int, Shape]) -> tuple[list[Factor], Shape]:
    """The factors over new labels: those of output axes first, the rest above."""
    split: list[Dim] = []
    rename: dict[int, Labels] = {}
    for i, d in enumerate(shape):
        sizes = parts.get(i, (d,))
        rename[i] = tuple(range(len(split), len(split) + len(sizes)))
        split += sizes
    upcoming = len(split)
    result: list[Factor] = []
    for f, labels, e in factors:
        for x in labels:
            if x != -1 and x not in rename:
                count = len(parts.get(x, (1,)))
                rename[x] = tuple(range(upcoming, upcoming + count))
                upcoming += count
        if not any(x in parts for x in labels):
            result.append((f, tuple(rename[x][0] if x != -1 else -1 for x in labels), e))
            continue
        inner = f.operands[0]
        places = dict.fromkeys(range(inner.ndim), -1)
        for a, b in blocks(inner.shape, f.shape):
            places |= dict(zip(a, rename[labels[b[0]]], strict=True))
        result.append((inner, tuple(places[i] for i in range(inner.ndim)), e))
    return result, tuple(split)


def kronecker(node: Expr) -> tuple[list[Factor], list[Factor]] | None:
    """The factors on either side of a Kronecker product that is written as a reshape of an outer product.

    An axis that one side alone has stands there: kron(a[:, None], eye(n)) is the Jacobian of kron(a, x) by x.
    """
    product = node.operands[0]
    if product.op is not CONTRACT or summed(product) or node.ndim not in (1, 2) or 1 in product.shape:
        return None
    merged = [a for a, _ in blocks(product.shape, node.shape)]
    if len(merged) != node.ndim or not {len(a) for a in merged} <= {1, 2} or {len(a) for a in merged} == {1}:
        return None
    axis = {x: i for i, a in enumerate(merged) for x in a}
    whose = {x: k for a in merged if len(a) == 2 for k, x in enumerate(a)}
    sides: tuple[list[Factor], list[Factor]] = ([], [])
    for f, labels, e in factors_of(product):
        own = {whose[x] for x in labels if x in whose}
        if len(own) > 1 or (labels and not own) or -1 in labels:
            return None
        sides[1 if own == {1} else 0].append((f, tuple(axis[x] for x in labels), e))
    carried = [{x for _, labels, _ in side for x in labels} for side in sides]
    every = {axis[x] for x in whose}
    alone = set(axis.values()) - every
    whole = all(every <= side for side in carried) and alone <= carried[0] ^ carried[1]
    return sides if whole else None
