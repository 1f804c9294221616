"""Maxima and minima of several arrays in one order and grouping, and reductions of reductions as one."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, make
from graphc.ir.op import registry
from graphc.ops.arithmetic import broadcast
from graphc.ops.contraction import ONE, aligned
from graphc.ops.defined import LOGSUMEXP
from graphc.ops.leaves import constant
from graphc.ops.leaving_out import PROD
from graphc.ops.reductions import MAX, MIN, reduced_axes
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import term_key
from graphc.rewriting.terms import FLATTEN, carried_labels, is_even, is_number, leading, moved, through

ORDERED = law("extrema", "max(a, b) = max(b, a), max(a, max(b, c)) = max(max(a, b), c)")
SCALED = law("extrema", "max(c a, c b) = c max(a, b) for c > 0, max(-a, -b) = -min(a, b)")
TOGETHER = law("extrema", "the maximum of the maxima along an axis is the maximum along both axes; likewise products")
MAXIMUM, MINIMUM, RELU = registry["maximum"], registry["minimum"], registry["relu"]
REDUCTIONS = (MAX, MIN, PROD, LOGSUMEXP)


def ordered(engine: Engine, node: Expr) -> Expr | None:
    """The larger or smaller of two and more in one order: the fewest axes first, numbers last; None if it is in that.

    Which operand has the derivative at ties may change, as with |x| for max(x, -x).
    """
    if node.op not in (MAXIMUM, MINIMUM) or any(o.dtype != node.dtype for o in node.operands):
        return None
    first, last = (members(engine, node, o) for o in node.operands)
    if len(first) + len(last) > FLATTEN:
        return None
    scale = common_scale(node, [*first, *last])
    if scale != 1:
        return scaled(engine, node, scale)
    unlike = sorted({*first, *last} - exceeded(node, [*first, *last]), key=place_key)
    if last == unlike[-1:] and {*first} == {*unlike[:-1]}:
        return None
    result = unlike[0]
    for term in unlike[1:]:
        result = engine.normal(make(node.op, (result, term)))
    engine.steps.append(ORDERED.step(node, result))
    return result


def common_scale(node: Expr, terms: list[Expr]) -> Fraction:
    """What all terms are multiplied by, negative where most of them are: max(-2 x, -2 y) is -2 min(x, y)."""
    if any(map(is_number, terms)):  # relu(-x), clip(-x, -1, 1)
        return ONE
    numbers = [leading(t)[0] for t in terms]
    sizes = {abs(c) for c in numbers}
    scale = sizes.pop() if len(sizes) == 1 else ONE
    return -scale if 2 * sum(c < 0 for c in numbers) > len(numbers) else scale


def scaled(engine: Engine, node: Expr, scale: Fraction) -> Expr:
    """An extremum with a number taken out: a negative one turns it into the other."""
    other = {MAXIMUM: MINIMUM, MINIMUM: MAXIMUM, MAX: MIN, MIN: MAX}[node.op] if scale < 0 else node.op
    inner = [engine.product(1 / scale, [(o, aligned(o.shape, o.shape), ONE)], o.shape) for o in node.operands]
    found = engine.normal(make(other, inner, **node.attributes))
    result = engine.product(scale, [(found, aligned(node.shape, node.shape), ONE)], node.shape)
    engine.steps.append(SCALED.step(node, result))
    return result


def unscaled(engine: Engine, node: Expr) -> Expr | None:
    """The maximum along an axis of what is multiplied by a number."""
    scale = leading(node.operands[0])[0]
    return scaled(engine, node, scale) if node.op in (MAX, MIN) and scale not in (0, 1) else None


def place_key(term: Expr) -> tuple[object, ...]:
    """The fewest axes first, numbers last."""
    return is_number(term), len(carried_labels(term)), term_key(term)


def exceeded(node: Expr, terms: list[Expr]) -> set[Expr]:
    """The numbers that another number exceeds, so that they do not count."""
    numbers = sorted((t for t in terms if is_number(t)), key=lambda t: leading(t)[0], reverse=node.op is MAXIMUM)
    return {*numbers[1:]} - {*numbers[:1]}


def members(engine: Engine, node: Expr, operand: Expr) -> list[Expr]:
    """What is compared in an operand of `node`, maxima in it opened, over the axes of `node`."""
    terms: list[Expr] = []
    stack = [(operand, aligned(node.shape, node.shape))]
    while stack:
        term, labels = stack.pop()
        number, core, own = moved(term)
        place = through(own, labels)
        if len(stack) + len(terms) > FLATTEN:
            return [operand]
        if number == 1 and core.op is node.op and is_even(core):
            stack += [(o, place) for o in core.operands]
        elif number == 1 and core.op is RELU and node.op is MAXIMUM:
            stack += [(core.operands[0], place), (broadcast(constant(0), core.shape), place)]
        else:
            terms.append(engine.product(ONE, [(term, labels, ONE)], node.shape))
    return terms


def together(engine: Engine, node: Expr) -> Expr | None:
    """The maximum of the maxima along some axes as the one along all of them."""
    (inner,) = node.operands
    if node.op not in REDUCTIONS or inner.op is not node.op:
        return None
    (x,) = inner.operands
    before = [axis % x.ndim for axis in reduced_axes(inner)]
    left = [axis for axis in range(x.ndim) if axis not in before]
    axes = sorted([*before, *(left[axis % inner.ndim] for axis in reduced_axes(node))])
    result = engine.normal(make(node.op, (x,), **{**inner.attributes, "axis": tuple(axes), "keepdims": False}))
    engine.steps.append(TOGETHER.step(node, result))
    return result
