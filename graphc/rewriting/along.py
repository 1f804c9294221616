"""Functions along an axis, such as softmax and the maximum, of operands that are turned, stretched or shifted."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD
from graphc.ops.choices import ARGMAX, ARGMIN
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.defined import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX
from graphc.ops.leaving_out import PROD
from graphc.ops.reductions import MAX, MIN, reduced_axes
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.extrema import together, unscaled
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import carried_labels, unit_label, view

FORGETS = law("shifts", "softmax does not change when what does not vary along its axis is added")
PASSES = law("shifts", "f(x + c) = f(x) + c for logsumexp and the maximum, where c does not vary along the axis")


KEEPING = (SOFTMAX, LOG_SOFTMAX)  # the result has the operand's axes
PLACING = (ARGMAX, ARGMIN)  # the result is the place along one axis
REDUCING = (LOGSUMEXP, MAX, MIN, PROD, *PLACING)


def along(engine: Engine, node: Expr) -> Expr | None:
    """`node` over an operand that is not turned, stretched or shifted along its axes; None where it is not."""
    if node.op not in KEEPING and node.op not in REDUCING:
        return None
    found = together(engine, node)
    found = unviewed(engine, node) if found is None else found
    found = unscaled(engine, node) if found is None else found
    return unshifted(engine, node) if found is None else found


def unviewed(engine: Engine, node: Expr) -> Expr | None:
    """f(x.T) along one axis is f(x).T along the other."""
    (x,) = node.operands
    inner, labels = view(x)
    axes = {axis % x.ndim for axis in reduced_axes(node)}
    if inner is x or not axes <= set(labels):
        return None
    places = tuple(labels.index(a) for a in sorted(axes))
    if node.op in KEEPING:
        plain = make(node.op, (inner,), axis=places[0] - inner.ndim)
        kept = labels
    elif flattening(node):
        return None
    else:
        plain = make(node.op, (inner,), **{**node.attributes, **along_axes(node, sorted(places)), "keepdims": False})
        order = [a for a in range(x.ndim) if a not in axes]
        kept = tuple(order.index(a) for a in labels if a not in axes)
    placed = tuple(unit_label(a, node.shape[a]) for a in kept)
    return engine.product(ONE, [(engine.normal(plain), placed, ONE)], node.shape)


def flattening(node: Expr) -> bool:
    """Whether the result is a place in the flattened array, which is another one where axes are turned."""
    return node.op in PLACING and node.attributes.get("axis") is None and node.operands[0].ndim > 1


def along_axes(node: Expr, places: Iterable[int]) -> dict[str, Any]:
    """The attribute that says along which axes a reduction like `node` goes."""
    axes = tuple(places)
    return {"axis": axes[0] if node.op in PLACING else axes}


def unshifted(engine: Engine, node: Expr) -> Expr | None:
    """``softmax(a*(x + c))`` as ``softmax(a*x)``, ``logsumexp(a*(x + c))`` as ``logsumexp(a*x) + a*c``."""
    if node.op not in (*KEEPING, LOGSUMEXP, MAX, MIN):
        return None
    (x,) = node.operands
    axes = {axis % x.ndim for axis in reduced_axes(node)}
    number, total, labels, others = scaled_sum(x)
    if total is None or any(a in axes for _, ls, _ in others for a in ls):
        return None
    moving, still = list[tuple[Fraction, Expr]](), list[tuple[Fraction, Expr]]()
    for c, term in zip(total.attributes["coefficients"], total.operands, strict=True):
        varies = any(labels[a] in axes for a in carried_labels(term))
        (moving if varies else still).append((c, term))
    if not moving or not still:
        return None
    inner = engine.product(number, [*others, (engine.sum(moving, total.shape), labels, ONE)], x.shape)
    result = engine.normal(make(node.op, (inner,), **node.attributes))
    if node.op in KEEPING:
        engine.steps.append(FORGETS.step(node, result))
        return result
    shift = engine.product(number, [*others, (engine.sum(still, total.shape), labels, ONE)], x.shape)
    kept = [a for a in range(x.ndim) if a not in axes]
    place = {a: i for i, a in enumerate(kept)} | {-1: -1}
    factors = factors_of(shift) if shift.op is CONTRACT and not summed(shift) else [(shift, (), ONE)]
    scale = shift.attributes["coefficient"] if shift.op is CONTRACT and not summed(shift) else ONE
    outside = engine.product(scale, [(f, tuple(place[a] for a in ls), e) for f, ls, e in factors], node.shape)
    result = engine.sum([(ONE, result), (ONE, outside)], node.shape)
    engine.steps.append(PASSES.step(node, result))
    return result


def scaled_sum(x: Expr) -> tuple[Fraction, Expr | None, Labels, list[Factor]]:
    """A product as its number, its one sum with that sum's labels, and the other factors."""
    if x.op is ADD:
        return ONE, x, aligned(x.shape, x.shape), []
    if x.op is not CONTRACT or summed(x):
        return ONE, None, (), []
    factors = factors_of(x)
    sums = [i for i, (f, _, e) in enumerate(factors) if f.op is ADD and e == 1]
    if len(sums) != 1:
        return ONE, None, (), []
    total, labels, _ = factors[sums[0]]
    return x.attributes["coefficient"], total, labels, [f for i, f in enumerate(factors) if i != sums[0]]
