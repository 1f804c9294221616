"""How many operations a joint graph has, whatever way its products and sums are nested."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any, TypeAlias

from graphc.ir.expr import Expr
from graphc.ops.arguments import expressions, flag
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.leaves import NAMED, SIZE

Use: TypeAlias = "tuple[str, Expr]"  # the kind of its user, and a node
BOTH = 3
SIGHT = 200  # nodes that are looked at to compare two forms


def count_ops(outputs: Any, /, *, pairwise: bool = False) -> int:
    """The number of distinct operation nodes of the joint graph of `outputs`, as it stands.

    An n-ary product (coefficient, exponents, labels and index sum included) counts 1, an n-ary sum 1, any other op
    or defined op 1; leaves, sizes and constants 0. With ``pairwise=True`` a product of k factors counts k - 1.

    Parameters
    ----------
    outputs : Expr or sequence of Expr
    """
    return operations(expressions(outputs, "count_ops"), pairwise=flag(pairwise, "count_ops(pairwise=)"))


def bare(node: Expr) -> Expr:
    while node.op is NAMED:
        node = node.operands[0]
    return node


def operations(roots: Iterable[Expr], *, pairwise: bool = False) -> int:
    """See `count_ops`."""
    counted: set[Expr] = set()
    seen: set[Use] = set()
    stack = [("other", bare(root)) for root in roots]
    while stack:
        use = stack.pop()
        if use in seen or not use[1].operands:
            continue
        seen.add(use)
        counts, inner = opened(*use)
        if counts:
            counted.add(use[1])
        stack += inner
    return sum(weight(node, pairwise) for node in counted)


def excess(one: Expr, other: Expr, *, pairwise: bool = False) -> int:
    """``operations([one]) - operations([other])``, from what one of them has and the other lacks.

    Both graphs are looked into from the top, deepest nodes first, and what both have cancels. Of large graphs `SIGHT`
    nodes are looked at, so that two forms of one node are compared in a time that does not grow with the graph below.
    """
    owners: dict[Use, int] = {}
    counted: dict[Expr, int] = {}
    heap: list[tuple[int, int, Use]] = []
    alone = 0  # uses waiting in the heap that belong to one of the two

    def enter(use: Use, owner: int) -> None:
        nonlocal alone
        if not use[1].operands:
            return
        before = owners.get(use, 0)
        owners[use] = before | owner
        if not before:
            heapq.heappush(heap, (-use[1].depth, len(owners), use))
        alone += (owners[use] != BOTH) - (before in (1, 2))

    enter(("other", bare(one)), 1)
    enter(("other", bare(other)), 2)
    for _ in range(SIGHT):
        if not alone:
            break
        use = heapq.heappop(heap)[2]
        owner = owners[use]
        alone -= owner != BOTH
        counts, inner = opened(*use)
        if counts:
            counted[use[1]] = counted.get(use[1], 0) | owner
        for below in inner:
            enter(below, owner)
    return sum(weight(node, pairwise) * (1 if owner == 1 else -1) for node, owner in counted.items() if owner != BOTH)


def opened(user: str, node: Expr) -> tuple[bool, list[Use]]:
    """Whether a node counts for its user (a sum, a product, another op or output), and the uses it makes."""
    if node.op is ADD:
        return user != "sum", [("sum", bare(o)) for o in node.operands]
    if node.op is not CONTRACT:
        return True, [("other", bare(o)) for o in node.operands]
    if summed(node) or user == "product":
        return bool(summed(node)), [("product", bare(o)) for o in node.operands]
    inner = dressed(node)
    if inner is None:
        return True, [("product", bare(o)) for o in node.operands]
    if user == "sum" or inner.op is CONTRACT or relabelled(node):
        return False, [(user, inner)]  # the coefficient belongs to the sum, or to the product inside
    return True, [("product", inner)]


def weight(node: Expr, pairwise: bool) -> int:
    """What a node counts: 1, or the products of two that it takes."""
    return max(1, factor_count(node) - 1) if pairwise and node.op is CONTRACT else 1


def dressed(node: Expr) -> Expr | None:
    """What a product only scales, moves or stretches; None for a real product or power."""
    kernel = [
        (bare(f), e)
        for f, e in zip(node.operands, node.attributes["exponents"], strict=True)
        if not scalar_sizes(bare(f))
    ]
    return kernel[0][0] if len(kernel) == 1 and kernel[0][1] == 1 else None


def relabelled(node: Expr) -> bool:
    """Moved or stretched, not scaled."""
    return node.attributes["coefficient"] == 1 and len(node.operands) == 1


def scalar_sizes(node: Expr) -> bool:
    """A size, or a product of sizes."""
    if node.op is SIZE:
        return True
    return node.op is CONTRACT and bool(node.operands) and all(bare(f).op is SIZE for f in node.operands)


def factor_count(node: Expr) -> int:
    """The factors of an n-ary product that are not numbers."""
    count = 0
    for f in map(bare, node.operands):
        count += factor_count(f) if f.op is CONTRACT and not summed(f) else int(not f.weak)
    return count
