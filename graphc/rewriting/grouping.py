"""Products of square matrices of one size, read from the left: A @ (B @ C) is written A @ B @ C.

Every grouping of such a chain takes the same work, so that only what is computed anyway keeps its brackets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import form
from graphc.ops.leaves import NAMED
from graphc.ops.products import matmul


def from_the_left(exprs: Sequence[Expr], kept: Callable[[Expr], bool]) -> list[Expr]:
    """`exprs` without brackets on the right of a product of matrices, but around what is used again or `kept`."""
    order = topological(exprs)
    if not any(is_square_product(x) and is_square_product(x.operands[1]) for x in order):
        return list(exprs)
    uses = Counter(o for node in order for o in node.operands)
    uses.update(exprs)
    done: dict[Expr, Expr] = {}
    products: dict[Expr, Expr] = {}  # and what they are in `exprs`
    for node in order:
        over = node if node.op is NAMED else rebuild(node, tuple(done[o] for o in node.operands))
        if is_square_product(over):
            total, right = over.operands
            links = [right]
            while is_square_product(links[0]):
                own = products.get(links[0])
                if own is not None and (uses[own] > 1 or kept(own)):
                    break
                links[:1] = links[0].operands
            for link in links:
                total = matmul(total, link)
            over = total
            products[over] = node
        done[node] = over
    return [done[e] for e in exprs]


def is_square_product(x: Expr) -> bool:
    """Whether `x` is the product of two square matrices."""
    if x.op is not CONTRACT or x.ndim != 2 or form(x).kind != "matmul":
        return False
    return all(o.ndim == 2 and o.shape[0] == o.shape[1] for o in x.operands)
