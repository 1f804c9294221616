"""How many operations a joint graph has, whatever way its products and sums are nested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.arguments import expressions, flag
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.leaves import NAMED, SIZE


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
    seen: set[tuple[str, Expr]] = set()
    stack = [("other", root) for root in roots]
    while stack:
        user, node = stack.pop()
        node = bare(node)
        if (user, node) in seen or not node.operands:
            continue
        seen.add((user, node))
        if node.op is ADD:
            if user != "sum":
                counted.add(node)
            stack += [("sum", o) for o in node.operands]
        elif node.op is not CONTRACT:
            counted.add(node)
            stack += [("other", o) for o in node.operands]
        elif summed(node) or user == "product":
            if summed(node):
                counted.add(node)
            stack += [("product", o) for o in node.operands]
        else:
            inner = dressed(node)
            if inner is None:
                counted.add(node)
                stack += [("product", o) for o in node.operands]
            elif user == "sum" or inner.op is CONTRACT or relabelled(node):
                stack.append((user, inner))  # the coefficient belongs to the sum, or to the product inside
            else:
                counted.add(node)
                stack.append(("product", inner))
    if not pairwise:
        return len(counted)
    return sum(max(1, factor_count(n) - 1) if n.op is CONTRACT else 1 for n in counted)


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
