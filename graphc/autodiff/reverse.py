"""Reverse mode, graph in and graph out: one cotangent a node, summed over its users before it is pushed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.autodiff.custom import custom_vjp, placeholder
from graphc.autodiff.protocol import Simplifier
from graphc.errors import DifferentiationError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ops.arithmetic import combine
from graphc.ops.broadcasting import leading
from graphc.ops.contraction import ONE

Observer = Callable[[Expr, list[tuple[Expr, Expr]], Expr], None]


def pullback(
    output: Expr,
    seed: Expr,
    wrt: Sequence[Expr],
    simplifier: Simplifier,
    observe: Observer | None = None,
) -> list[Expr | None]:
    """The cotangents of `wrt` for the cotangent `seed` of `output`; None where `output` does not depend on it.

    Each cotangent is simplified when it is complete, before it is pushed on: that is where ``p - t`` appears.

    Parameters
    ----------
    observe : called with a node, its ``(user, contribution)`` pairs and their simplified sum

    Raises
    ------
    DifferentiationError
        If an op on the way has no derivative rule.
    """
    targets = set(wrt)
    order = topological([output])
    active: set[Expr] = set()
    for node in order:
        if node in targets or any(o in active for o in node.operands):
            active.add(node)
    if output not in active:
        return [None] * len(wrt)
    pending: dict[Expr, list[tuple[Expr, Expr]]] = {output: [(output, seed)]}
    complete: dict[Expr, Expr] = {}
    for node in reversed(order):
        arrived = pending.pop(node, None)
        if arrived is None:
            continue
        total = arrived[0][1] if len(arrived) == 1 else combine([(ONE, g) for _, g in arrived])
        cotangent = simplifier.normal(total)
        complete[node] = cotangent
        if observe is not None:
            observe(node, arrived, cotangent)
        if node in targets and not any(o in active for o in node.operands):
            continue
        for operand, g in zip(node.operands, vjp(node, cotangent, simplifier), strict=True):
            if operand in active and g is not None:
                pending.setdefault(operand, []).append((node, simplifier.normal(g)))
    return [complete.get(x) for x in wrt]


def vjp(node: Expr, g: Expr, simplifier: Simplifier) -> tuple[Expr | None, ...]:
    """The cotangents of the operands of `node`: by the op's rule, or derived from a defined op's body."""
    if node.op.custom is not None:
        return custom_vjp(node, g, simplifier, pullback)
    if node.op.vjp is not None:
        return node.op.vjp(node, g)
    if node.op.body is not None:
        return derived_vjp(node, g, simplifier)
    if not node.operands:
        return ()
    raise DifferentiationError(
        f"the op {node.op.name} of shape {shape_text(node.shape)} has no derivative rule; "
        "give it a vjp or define it by a formula"
    )


_templates: dict[tuple[object, ...], tuple[tuple[Expr, ...], Expr, tuple[Expr | None, ...]]] = {}


def derived_vjp(node: Expr, g: Expr, simplifier: Simplifier) -> tuple[Expr | None, ...]:
    """Reverse mode through the body over placeholders, once for each op, attributes and shapes.

    The result is written with the op itself where its body appears: softmax gives y*(g - sum(g*y)).
    """
    key = (
        type(simplifier),
        node.op,
        tuple(sorted(node.attributes.items())),
        tuple((o.shape, o.dtype) for o in node.operands),
        leading(node, g),
    )
    if key not in _templates:
        inputs = tuple(placeholder(f"?x{i}", o.shape, o.dtype) for i, o in enumerate(node.operands))
        cotangent = placeholder("?g", g.shape, node.dtype)
        stand_in = make(node.op, inputs, **node.attributes)
        assert node.op.body is not None
        body = node.op.body(stand_in)
        found = pullback(body, cotangent, inputs, simplifier.knowing((body, stand_in)))
        _templates[key] = (inputs, cotangent, tuple(found))
    inputs, cotangent, results = _templates[key]
    replacements = {cotangent: g, **dict(zip(inputs, node.operands, strict=True))}
    return tuple(None if r is None else substitute([r], replacements)[0] for r in results)
