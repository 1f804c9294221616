"""Derivative rules that a user gives for one cotangent, applied to stacks of them."""

from __future__ import annotations

from graphc.autodiff.protocol import Differentiator, Simplifier
from graphc.errors import DifferentiationError
from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.broadcasting import leading
from graphc.ops.contraction import CONTRACT, Labels, contract
from graphc.ops.leaves import EYE, SYMBOL, constant, number
from graphc.ops.linalg import SOLVE


def placeholder(name: str, shape: Shape, dtype: str) -> Expr:
    return make(SYMBOL, (), name=name, shape=shape, dtype=dtype)


def delta(shape: Shape) -> Expr:
    """The identity on arrays of `shape`, of shape ``shape + shape``."""
    rank = len(shape)
    return contract([(make(EYE, (), dim=d), (i, rank + i), 1) for i, d in enumerate(shape) if d != 1], shape * 2)


def custom_vjp(node: Expr, g: Expr, simplifier: Simplifier, differentiate: Differentiator) -> tuple[Expr | None, ...]:
    """The user's rule; for a stack of cotangents, the matrix of the rule as a linear map, times the stack.

    Raises
    ------
    DifferentiationError
        If a stack meets a rule that is not linear in the cotangent.
    """
    rule = node.op.custom
    assert rule is not None
    if not leading(node, g):
        return rule(node, g)
    one = placeholder("?g", node.shape, node.dtype)
    return tuple(None if r is None else _stacked(node, g, one, r, simplifier, differentiate) for r in rule(node, one))


def _stacked(
    node: Expr, g: Expr, one: Expr, result: Expr, simplifier: Simplifier, differentiate: Differentiator
) -> Expr:
    """`result`, linear in the cotangent `one`, for each cotangent of the stack `g`."""
    (matrix,) = differentiate(result, delta(result.shape), [one], simplifier)
    zero = broadcast(constant(0), one.shape)
    (at_zero,) = (simplifier.normal(e) for e in substitute([result], {one: zero}))
    if not vanishes(at_zero) or (matrix is not None and one in topological([matrix])):
        raise DifferentiationError(
            f"the derivative rule of {node.op.name} is not linear in the cotangent, so that it gives gradients of "
            "scalars (grad, vjp), but no Jacobian and no product with one"
        )
    stack = leading(node, g)
    if matrix is None:
        return broadcast(constant(0), stack + result.shape)
    lead, own = len(stack), result.ndim
    rows = _labels(stack, 0) + _labels(node.shape, lead + own)
    columns = _labels(result.shape, lead) + _labels(node.shape, lead + own)
    return contract([(matrix, columns, 1), (g, rows, 1)], stack + result.shape)


def _labels(shape: Shape, first: int) -> Labels:
    return tuple(-1 if d == 1 else i for i, d in enumerate(shape, first))


def vanishes(form: Expr) -> bool:
    """Whether a normal form is 0, or a linear function of what is."""
    zero: set[Expr] = set()
    for node in topological([form]):
        if node.op is CONTRACT and node.operands:
            powers = zip(node.operands, node.attributes["exponents"], strict=True)
            nothing = any(o in zero and e > 0 for o, e in powers)
        elif node.op is ADD:
            nothing = zero.issuperset(node.operands)
        elif node.op is SOLVE:
            nothing = node.operands[1] in zero
        else:
            nothing = is_zero(node) or (node.op.acts(node) is not None and node.operands[0] in zero)
        if nothing:
            zero.add(node)
    return form in zero


def is_zero(form: Expr) -> bool:
    """Whether a normal form is 0, at most stretched."""
    value = form.attributes.get("coefficient") if not form.operands and form.shape else number(form)
    return value is not None and value == 0
