"""Linear functions of a product: factors that the function does not mix stand outside, axes that it only repeats go.

    take(c*x*y[:, None], i, axis=1) = c*y[:, None]*take(x, i, axis=1)      cumsum(2*x) = 2*cumsum(x)

What such a function is of a delta or of ones is a one-hot array.
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.dims import compare
from graphc.ir.expr import Expr, make
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.ops.gather import ARANGE, SCATTER_ADD, SCATTER_ADD_ALONG_AXIS, TAKE, TAKE_ALONG_AXIS
from graphc.ops.labels import ONE_HOT
from graphc.ops.leaves import CONSTANT, EYE, constant, size
from graphc.ops.scans import CUMSUM, REVERSE_CUMSUM
from graphc.rewriting.engine import Engine, Step, law
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import unit_label

OUTSIDE = law("linear", "the function is linear and does not mix what stands outside")
COUNTED = law("linear", "the running sum of ones counts")
PICKED = law("one-hot", "the entries that a delta or ones have at an index are one-hot")


def factored(x: Expr) -> tuple[Fraction, list[Factor]]:
    """`x` as a number times factors: those of a product without sums, else itself."""
    if x.op is CONTRACT and not summed(x):
        return x.attributes["coefficient"], factors_of(x)
    if x.op is CONSTANT:
        return x.attributes["value"], []
    return ONE, [(x, tuple(unit_label(a, d) for a, d in enumerate(x.shape)), ONE)]


def linear(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A linear function of a product, with what it does not mix outside."""
    acts = node.op.acts(node)
    if acts is None:
        return None
    ins, outs, tied = acts
    x = node.operands[0]
    coefficient, factors = factored(x)
    place = _passed(x.ndim, node.ndim, ins, outs)
    stay = [f for f in factors if set(f[1]) & set(ins)]
    outside = [_moved(f, place) for f in factors if not set(f[1]) & set(ins)]
    if node.op is SCATTER_ADD:
        stay, deltas = _met(node, stay, place)
        outside += deltas
    carried = {*ins, *(a for _, labels, _ in stay for a in labels if a >= 0)}
    order = [a for a in range(x.ndim) if tied or a in carried]
    if not stay and node.op in (TAKE, TAKE_ALONG_AXIS):
        result = engine.product(coefficient, outside, node.shape)
    elif coefficient == 1 and len(stay) == len(factors) and len(order) == x.ndim:
        return None
    else:
        result = engine.product(coefficient, [*outside, _smaller(engine, node, stay, order, place)], node.shape)
    return result, OUTSIDE.step(node, result)


def _passed(rank: int, out: int, ins: Labels, outs: Labels) -> dict[int, int]:
    """Where the axes that a function passes through stand in the result."""
    return dict(zip((a for a in range(rank) if a not in ins), (b for b in range(out) if b not in outs), strict=True))


def _moved(factor: Factor, place: dict[int, int]) -> Factor:
    f, labels, e = factor
    return f, tuple(place[a] if a >= 0 else -1 for a in labels), e


def _met(node: Expr, factors: list[Factor], place: dict[int, int]) -> tuple[list[Factor], list[Factor]]:
    """One-hot factors of the same index become deltas: scatter_add(diag(u) @ one_hot(i, n), i, n) is diagonal."""
    acts = node.op.acts(node)
    assert acts is not None
    (out,) = acts.outs
    stay: list[Factor] = []
    deltas: list[Factor] = []
    for f, labels, e in factors:
        hot = f.op is ONE_HOT and e == 1 and labels[:-1] == acts.ins and labels[-1] in place
        if hot and f.operands[0] is node.operands[1] and compare(f.shape[-1], node.shape[out]) == "equal":
            deltas.append((make(EYE, (), dim=f.shape[-1]), (place[labels[-1]], out), ONE))
        else:
            stay.append((f, labels, e))
    return stay, deltas


def _smaller(engine: Engine, node: Expr, stay: list[Factor], order: list[int], place: dict[int, int]) -> Factor:
    """The function of the factors that it mixes, over the axes of `order`, as a factor of the result."""
    x, *others = node.operands
    at = {a: k for k, a in enumerate(order)} | {-1: -1}
    inside = [(f, tuple(at[a] for a in labels), e) for f, labels, e in stay]
    operand = engine.product(ONE, inside, tuple(x.shape[a] for a in order))
    attributes = dict(node.attributes)
    if attributes.get("axis", -1) >= 0:
        attributes["axis"] = sum(a < attributes["axis"] for a in order)
    inner = make(node.op, (operand, *others), **attributes)
    new, old = inner.op.acts(inner), node.op.acts(node)
    assert new is not None
    assert old is not None
    origin = dict(zip(new.outs, old.outs, strict=True))
    origin |= {b: place[order[a]] for a, b in _passed(operand.ndim, inner.ndim, new.ins, new.outs).items()}
    labels = tuple(unit_label(origin[b], d) for b, d in enumerate(inner.shape))
    return engine.rewritten(inner), labels, ONE


def picked(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """What picks from a delta, or adds a delta or ones up, as a one-hot array."""
    if node.op not in (TAKE, SCATTER_ADD, SCATTER_ADD_ALONG_AXIS):
        return None
    x, i = node.operands
    axis = node.attributes["axis"]
    if node.op is TAKE and x.op is EYE:
        hot = make(ONE_HOT, (i,), size=x.shape[1 - axis])
        labels = tuple(range(node.ndim)) if axis == 0 else (*range(1, node.ndim), 0)
    elif node.op is SCATTER_ADD and x.op is EYE and i.ndim == 1:
        hot = make(ONE_HOT, (i,), size=node.shape[axis])
        labels = (0, 1) if axis == 1 else (1, 0)
    elif node.op is SCATTER_ADD and x is constant(1) and not i.ndim:
        hot = make(ONE_HOT, (i,), size=node.shape[0])
        labels = (0,)
    elif node.op is SCATTER_ADD_ALONG_AXIS and x.op is CONTRACT and not x.operands and i.shape[axis] == 1:
        along = axis % node.ndim
        rest = [a for a in range(node.ndim) if a != along]
        squeezed = tuple(unit_label(rest.index(a), i.shape[a]) if a != along else -1 for a in range(node.ndim))
        index = engine.product(ONE, [(i, squeezed, ONE)], tuple(i.shape[a] for a in rest))
        hot = make(ONE_HOT, (index,), size=node.shape[along])
        labels = (*rest, along)
        if x.attributes["coefficient"] != 1:
            return None
    else:
        return None
    placed = tuple(unit_label(a, d) for a, d in zip(labels, hot.shape, strict=True))
    result = engine.product(ONE, [(hot, placed, ONE)], node.shape)
    return result, PICKED.step(node, result)


def counted(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """The running sum of ones."""
    x = node.operands[0]
    if node.op not in (CUMSUM, REVERSE_CUMSUM) or node.ndim != 1 or x.op is not CONTRACT or x.operands:
        return None
    n = x.shape[0]
    before = engine.product(ONE, [(make(ARANGE, (), stop=n), (unit_label(0, n),), ONE)], x.shape)
    whole = engine.product(ONE, [(constant(1) if node.op is CUMSUM else size(n), (), ONE)], x.shape)
    result = engine.sum([(ONE, whole), (ONE if node.op is CUMSUM else -ONE, before)], x.shape)
    return result, COUNTED.step(node, result)
