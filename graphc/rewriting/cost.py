"""How many operations a joint graph has, whatever way its products and sums are nested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.ir.expr import Expr, topological
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
    return operations([outputs] if isinstance(outputs, Expr) else list(outputs), pairwise=pairwise)


def bare(node: Expr) -> Expr:
    while node.op is NAMED:
        node = node.operands[0]
    return node


def operations(roots: Iterable[Expr], *, pairwise: bool = False) -> int:
    """See `count_ops`."""
    starts = [bare(r) for r in roots]
    counted = set(starts)
    order = topological(starts)
    for node in order:
        for operand in map(bare, node.operands):
            if not (node.op is not NAMED and absorbed(operand, node)):
                counted.add(operand)
    counted = {n for n in counted if n.operands and n.op is not NAMED and not dressing(n)}
    if not pairwise:
        return len(counted)
    return sum(max(1, factor_count(n) - 1) if n.op is CONTRACT else 1 for n in counted)


def absorbed(node: Expr, user: Expr) -> bool:
    """Whether `node` is part of the n-ary product or sum that `user` is."""
    if user.op is ADD:
        return node.op is ADD or node.op is CONTRACT and len(node.operands) <= 1 and relabelled(node)
    return user.op is CONTRACT and node.op is CONTRACT and not summed(node)


def relabelled(node: Expr) -> bool:
    """A single factor, at most scaled, moved or stretched."""
    return not summed(node) and all(e == 1 for e in node.attributes["exponents"])


def dressing(node: Expr) -> bool:
    """A contraction that is only scaled or moved: the scale belongs to the same n-ary product."""
    if node.op is not CONTRACT or summed(node):
        return False
    factors = [(bare(f), e) for f, e in zip(node.operands, node.attributes["exponents"], strict=True)]
    kernel = [(f, e) for f, e in factors if not (f.op is SIZE or scalar_sizes(f))]
    if len(kernel) != 1 or kernel[0][1] != 1 or kernel[0][0].op is not CONTRACT:
        return False
    return bool(summed(kernel[0][0])) or dressing(kernel[0][0])


def scalar_sizes(node: Expr) -> bool:
    """A product of sizes."""
    return node.op is CONTRACT and bool(node.operands) and all(bare(f).op is SIZE for f in node.operands)


def factor_count(node: Expr) -> int:
    count = 0
    for f in map(bare, node.operands):
        count += factor_count(f) if absorbed(f, node) and f.op is CONTRACT else int(not f.weak)
    return count
