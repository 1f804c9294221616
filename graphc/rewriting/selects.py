"""Terms that conditions guard, gathered into one selection: [c] a + [not c] b is ``where(c, a, b)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import ONE, aligned
from graphc.ops.elementwise import greater, greater_equal, less, less_equal
from graphc.ops.leaves import constant
from graphc.ops.reductions import WHERE
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import entries_of, is_number, is_zero, leading, number_of, view, without

# comparisons as a strict one of their operands, in order or reversed, and whether they are it or its opposite
ORDERED = {"greater": (1, True), "less_equal": (1, False), "less": (-1, True), "greater_equal": (-1, False)}


OPPOSITE = {
    name: comparison(constant(1), constant(2)).op
    for name, comparison in [
        ("less", greater_equal),
        ("greater_equal", less),
        ("greater", less_equal),
        ("less_equal", greater),
    ]
}
STEP = law("steps", "a comparison is 1 where it holds, else 0")


class Guarded(NamedTuple):
    """A term that is 0 unless `guard` is as it must be (`when`); the rest of it; `selects` for one made by where."""

    coefficient: Fraction
    guard: Expr
    when: bool
    rest: tuple[Factor, ...]
    selects: bool

    @property
    def key(self) -> tuple[tuple[Expr, ...], bool]:
        """The condition as a strict comparison, and whether it must hold: x <= y is the opposite of x > y."""
        order, strict = ORDERED.get(self.guard.op.name, (0, True))
        return (self.guard.operands[::order] if order else (self.guard,)), self.when == strict


def stepped(engine: Engine, node: Expr) -> Expr | None:
    """A selection between what differs by 1, with the comparison for that: where(x > y, 1 - t, -t) is (x > y) - t."""
    if node.op is not WHERE or node.operands[0].op.name not in ORDERED or any(map(is_number, node.operands[1:])):
        return None
    guard, a, b = node.operands
    step = number_of(engine.sum([(ONE, a), (-ONE, b)], node.shape))
    if step not in (ONE, -ONE):
        return None
    if count(a) < count(b):
        guard, step, b = make(OPPOSITE[guard.op.name], guard.operands), -step, a
    result = engine.sum([(step, broadcast(engine.normal(guard), node.shape)), (ONE, b)], node.shape)
    engine.steps.append(STEP.step(node, result))
    return result


def count(branch: Expr) -> int:
    """Of how many terms a branch is made."""
    core, _ = view(leading(branch)[1])
    return len(core.operands) if core.op is ADD else 1


def selected(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """The sum with the terms of one condition in one selection, where they belong to both of its branches, or share a
    branch of a selection."""
    guards = {term: list(guarded(term, c, shape)) for term, c in collected.items()}
    if sum(map(bool, guards.values())) < 2:
        return None
    counts = Counter(key for found in guards.values() for key in {g.key for g in found})
    shared = Counter(key for found in guards.values() for key in {g.key for g in found if g.selects})
    both = {what: n + counts[what, False] for (what, holds), n in counts.items() if holds and counts[what, False]}
    same = {what: n for (what, _), n in shared.items() if n > 1}
    if not both and not same:
        return None
    best = both or same
    what = max(best, key=lambda w: best[w])  # the first of the most frequent, in the order of the terms
    found = {t: next((g for g in gs if g.key[0] == what and (both or g.selects)), None) for t, gs in guards.items()}
    inside = sorted((g for g in found.values() if g is not None), key=lambda g: not g.selects)
    guard = inside[0].guard
    holding = inside[0].key[1] == inside[0].when
    branches = [_branch(engine, [g for g in inside if g.key[1] == side], shape) for side in (holding, not holding)]
    choice = make(WHERE, (guard, *branches))
    step = stepped(engine, choice)
    choice = engine.rewritten(choice) if step is None else step
    return engine.sum([(ONE, choice), *((collected[t], t) for t, g in found.items() if g is None)], shape)


def _branch(engine: Engine, terms: list[Guarded], shape: Shape) -> Expr:
    total = engine.sum([(g.coefficient, engine.product(ONE, g.rest, shape)) for g in terms], shape)
    return broadcast(total, shape)


def guarded(term: Expr, coefficient: Fraction, shape: Shape) -> Iterator[Guarded]:
    """The ways to see a term as guarded by a condition on each of its entries."""
    entries = entries_of(term, shape)
    whole = aligned(shape, shape)
    for (f, labels), e in entries.items():
        if e != 1 or f.shape != shape or labels != whole:
            continue
        rest = tuple((*key, power) for key, power in without(entries, {(f, labels): e}).items())
        if f.op.name in ORDERED:
            yield Guarded(coefficient, f, True, rest, False)
        for guard, when, inner in opened(f):
            yield Guarded(coefficient, guard, when, (*rest, (inner, whole, ONE)), True)


def opened(x: Expr) -> Iterator[tuple[Expr, bool, Expr]]:
    """The conditions of selections that else give 0, one in the other: each with `x` as it is where that is met."""
    if x.op is not WHERE or not (is_zero(x.operands[1]) or is_zero(x.operands[2])):
        return
    guard, a, b = x.operands
    when = is_zero(b)
    inner = a if when else b
    yield guard, when, inner
    for deeper, holds, left in opened(inner):
        yield deeper, holds, make(WHERE, (guard, left, b) if when else (guard, a, left))
