"""Opening the defined ops that have no NumPy meaning of their own."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr, rebuild
from graphc.ir.op import Op
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT
from graphc.ops.defined import body_of
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, PARAMETER, PI, SIZE, SYMBOL

BUILT_IN = frozenset((ADD, CONTRACT, ARRAY, CONSTANT, EYE, PARAMETER, PI, SIZE, SYMBOL))


def opened(roots: Iterable[Expr], keep: frozenset[Op] = frozenset()) -> list[Expr]:
    """`roots` with every defined op that lacks a kernel replaced by its body, except those to `keep`.

    Raises
    ------
    UnsupportedError
        For an op with neither a kernel nor a body.
    """
    roots = list(roots)
    done: dict[Expr, Expr] = {}
    stack: list[tuple[Expr, Expr | None]] = [(root, None) for root in roots]
    visited: set[Expr] = set()
    while stack:
        node, body = stack.pop()
        if node in done:
            continue
        if body is not None:
            done[node] = done[body]
        elif node not in visited:
            visited.add(node)
            stack.append((node, None))
            stack.extend((o, None) for o in node.operands if o not in done)
        else:
            rebuilt = rebuild(node, tuple(done[o] for o in node.operands))
            if rebuilt.op in BUILT_IN or rebuilt.op in keep or rebuilt.op.kernel is not None:
                done[node] = done[rebuilt] = rebuilt
            elif rebuilt.op.body is None:
                raise UnsupportedError(f"the op {node.op.name} has no kernel and no body, so it cannot be computed")
            else:
                opening = body_of(rebuilt)
                stack += [(node, opening), (opening, None)]
    return [done[root] for root in roots]
