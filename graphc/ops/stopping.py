"""``stop_gradient``: a value that counts as constant wherever a derivative is taken.

Simplification keeps it apart from its argument, also in gradients, so that ``x*stop_gradient(1/x)`` has the gradient
``stop_gradient(1/x)`` and the second derivative 0. Values do not know it: evaluation, emitted code and proofs of
equality see the argument.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ir.op import Op, register
from graphc.ops.leaves import PARAMETER, SYMBOL, as_expr
from graphc.ops.notation import notation

STOP = register(
    Op(
        "stop_gradient",
        lambda operands, attributes: (operands[0].shape, operands[0].dtype),
        vjp=lambda node, g: (None,),
        body=lambda node: node.operands[0],
        facts=lambda node: node.operands[0].op.facts(node.operands[0]),
        latex=r"\operatorname{{sg}}({0})",
        examples=(("x*stop_gradient(exp(x))", {"x": ("n",)}),),
        summary="The value of x, with derivative zero.",
    )
)


@notation
def stop_gradient(x: Any) -> Expr:
    """The value of `x`, constant for every derivative.

    Parameters
    ----------
    x : Expr of any shape

    Returns
    -------
    Expr of the shape of `x`
        In emitted code it costs nothing. A straight-through estimator is ``x + stop_gradient(f(x) - x)``: the value
        of f with the derivative of x (Bengio, Leonard, Courville 2013).
    """
    return stopped(as_expr(x))


def stopped(x: Expr) -> Expr:
    """`x` held constant; a constant is so already, and what is stopped inside `x` needs no mark of its own."""
    (inner,) = released([x])
    return make(STOP, (inner,)) if any(node.op in (SYMBOL, PARAMETER) for node in topological([inner])) else inner


def overridden(roots: list[Expr]) -> bool:
    """Whether a derivative of `roots` may differ from that of their values on purpose."""
    seen: set[Expr] = set()
    todo = list(roots)
    while todo:
        fresh = [node for node in topological(todo) if node not in seen]
        if any(node.op is STOP or node.op.custom is not None for node in fresh):
            return True
        seen.update(fresh)
        todo = [node.op.body(node) for node in fresh if node.op.body is not None]
    return False


def released(roots: list[Expr]) -> list[Expr]:
    """`roots` for their values alone: what is stopped is written as the value it has."""
    marks: dict[Expr, Expr] = {}
    for node in topological(roots):
        if node.op is STOP:
            (marks[node],) = substitute([node.operands[0]], marks)
    return substitute(roots, marks)
