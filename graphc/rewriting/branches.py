"""Factors that the branches of a selection share, or that a selection is divided by.

where(c, a x, b x)  =  x where(c, a, b)
where(c, a, 0)/x    =  where(c, a/x, 0)
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make, rebuild
from graphc.ops.arithmetic import broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, is_sum
from graphc.ops.leaves import SIZE, constant
from graphc.ops.reductions import WHERE
from graphc.rewriting.engine import Engine, Step, law
from graphc.rewriting.order import Labels
from graphc.rewriting.powers import nonnegative
from graphc.rewriting.terms import entries_of, greatest, is_number, is_zero, leading, min_power, number_of, without

SHARED = law("select", "where(c, a x, b x) = x where(c, a, b)")
DIVIDED = law("select", "where(c, a, 0)/x = where(c, a/x, 0)")


def shared_by_branches(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A selection between products without the factors that both have: where(c, a x, b x) is x where(c, a, b)."""
    guard, *branches = node.operands
    shape = node.shape
    parts = [(c, entries_of(core, shape)) for c, core in map(leading, branches)]
    zeros = [is_zero(branch) for branch in branches]
    if all(zeros):
        return None
    if any(zeros):
        number, entries = parts[zeros.index(False)]
        common = {key: e for key, e in entries.items() if comes_out(key, e, shape)}
    else:
        number = greatest([c for c, _ in parts]) * (-1 if all(c < 0 for c, _ in parts) else 1)
        (_, first), (_, second) = parts
        common = {
            key: min_power([first, second], key)
            for key, e in first.items()
            if key in second and (second[key] > 0) == (e > 0) and defined_alike(key[0], e, second[key])
        }
    if not common and number == 1:
        return None
    left = [
        branch if zero else engine.product(c / number, [(*k, e) for k, e in without(entries, common).items()], shape)
        for branch, zero, (c, entries) in zip(branches, zeros, parts, strict=True)
    ]
    choice = engine.normal(make(WHERE, (guard, *(broadcast(x, shape) for x in left))))
    outside = [(*key, e) for key, e in common.items()]
    result = engine.product(number, [(choice, aligned(shape, shape), ONE), *outside], shape)
    return result, SHARED.step(node, result)


def defined_alike(f: Expr, one: Fraction, other: Fraction) -> bool:
    """Whether two powers exist at the same places: x**3 does not need that x is positive, and the root of x does."""
    return (one - other).denominator == 1 or nonnegative(f)


def scaled_inside(f: Expr, number: Fraction) -> Expr | None:
    """A selection with a number multiplied into its branches, where fewer numbers are written then."""
    guard, *branches = f.operands
    parts = [leading(b) for b in branches]
    before, after = (sum(abs(scale * c) not in (0, 1) for c, _ in parts) for scale in (ONE, number))
    if after > before and not all(map(is_number, branches)):
        return None
    over = [
        broadcast(constant(number * value), f.shape)
        if (value := number_of(b)) is not None
        else contract([(core, aligned(f.shape, f.shape), ONE)], f.shape, number * c)
        for b, (c, core) in zip(branches, parts, strict=True)
    ]
    return rebuild(f, (guard, *over))


def comes_out(key: tuple[Expr, Labels], e: Fraction, shape: Shape) -> bool:
    """Whether a factor of a branch stands outside of a selection that else gives 0: what has fewer axes.

    The others stay, and so does what the branch is divided by, since the condition may guard against its zeros.
    """
    f, labels = key
    return f.op is SIZE or (e > 0 and {*labels, -1} < {*aligned(shape, shape), -1})


def divided_inside(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A selection that else gives 0, divided inside, where(c, a, 0)/x is where(c, a/x, 0), with what cancels there."""
    if is_sum(node):
        return None
    shape = node.shape
    whole = aligned(shape, shape)
    factors = factors_of(node)
    for place, (f, labels, e) in enumerate(factors):
        if f.op is not WHERE or e != 1 or labels != whole or f.shape != shape or not any(map(is_zero, f.operands[1:])):
            continue
        guard, *branches = f.operands
        under = {key for b in branches for key, p in entries_of(leading(b)[1], shape).items() if p < 0}
        moved = [x for x in factors if x[0].op is not SIZE and (x[2] < 0 or x[:2] in under)]
        if not moved:
            return None
        inner = [b if is_zero(b) else engine.product(ONE, [(b, whole, ONE), *moved], shape) for b in branches]
        choice = engine.normal(make(WHERE, (guard, *inner)))
        rest = [x for i, x in enumerate(factors) if i != place and x not in moved]
        result = engine.product(node.attributes["coefficient"], [(choice, whole, ONE), *rest], shape)
        return result, DIVIDED.step(node, result)
    return None


BRANCHES = {WHERE.name: (shared_by_branches,), CONTRACT.name: (divided_inside,)}
