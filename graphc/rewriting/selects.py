"""Terms that conditions guard, gathered into one selection: [c] a + [not c] b is ``where(c, a, b)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import ONE, aligned, factors_of
from graphc.ops.elementwise import (
    absolute,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    maximum,
    minimum,
    not_equal,
    sign,
)
from graphc.ops.leaves import constant
from graphc.ops.reductions import WHERE
from graphc.rewriting.engine import Engine, Known, Step, law
from graphc.rewriting.order import Factor
from graphc.rewriting.ranges import LEVELS, ranged
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
EQUAL, NOT_EQUAL = (f(constant(1), constant(2)).op for f in (equal, not_equal))
BINARY, TWO_SIGNS = Fact("binary"), Fact("sign")
ABS, SIGN = absolute(constant(1)).op, sign(constant(1)).op
SIGNED = law("steps", "sign(u)**2 [|u| > y] = [|u| > y], for y >= 0")
CLIPPED = law("steps", "clip(u, -y, y) is u where |u| <= y, else y sign(u), for y >= 0")
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
    """A selection between what differs by 1, with the comparison for that: where(x > y, 1 - t, -t) is (x > y) - t.

    Where the condition asks which of its two values something has, for any difference: where(t == 1, 3, s) is
    (3 - s)*t + s for numbers, and t binary.
    """
    if node.op is not WHERE:
        return None
    guard, a, b = node.operands
    known = indicator(guard)
    if known is None and (guard.op.name not in ORDERED or any(map(is_number, node.operands[1:]))):
        return None
    step = number_of(engine.sum([(ONE, a), (-ONE, b)], node.shape))
    if step is None or (known is None and step not in (ONE, -ONE)):
        return None
    if known is not None:
        entries, facts = engine.normal(known[0]), known[1]
    elif count(a) < count(b):
        entries, facts, step, b = engine.normal(make(OPPOSITE[guard.op.name], guard.operands)), (), -step, a
    else:
        entries, facts = engine.normal(guard), ()
    result = engine.sum([(step, broadcast(entries, node.shape)), (ONE, b)], node.shape)
    engine.steps.append(STEP.step(node, result, facts))
    return result


def clipped(engine: Engine, node: Expr) -> Expr | None:
    """A selection between m*u where |u| <= y and m*y*sign(u) elsewhere, for y >= 0: m clip(u, -y, y)."""
    if node.op is not WHERE or node.operands[0].op.name not in ORDERED:
        return None
    guard, a, b = node.operands
    total, zero = guard.operands
    terms = dict(zip(total.operands, total.attributes["coefficients"], strict=True)) if total.op is ADD else {}
    sized = [t for t in terms if t.op is ABS]
    if len(sized) != 1 or not is_zero(zero) or guard.shape != node.shape:
        return None
    c, (u,) = terms[sized[0]], sized[0].operands
    y = engine.sum([(-x / c, t) for t, x in terms.items() if t is not sized[0]], node.shape)
    inside, outside = (a, b) if (guard.op.name in ("less", "less_equal")) is (c > 0) else (b, a)
    bound = ranged(y, LEVELS)
    if bound is None or is_number(inside):
        return None
    whole = aligned(node.shape, node.shape)
    times = engine.product(ONE, [(inside, whole, ONE), (u, whole, -ONE)], node.shape)
    far = engine.normal(sign(u))
    if engine.product(ONE, [(times, whole, ONE), (y, whole, ONE), (far, whole, ONE)], node.shape) is not outside:
        return None
    kept = engine.normal(minimum(maximum(u, -y), y))
    result = engine.product(ONE, [(times, whole, ONE), (kept, whole, ONE)], node.shape)
    engine.steps.append(CLIPPED.step(node, result, bound.facts))
    return result


def signs_squared(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """The square of sign(u), 1 unless u is 0, goes beside |u| > y for y >= 0, which holds for no 0: as in u > 0."""
    factors = factors_of(node)
    for i, (f, labels, e) in enumerate(factors):
        if f.op is not SIGN or e.denominator != 1 or e < 2:
            continue
        known = next(
            (k for g, ls, p in factors if p > 0 and ls == labels and (k := excludes_zero(engine, g, f)) is not None),
            None,
        )
        if known is None:
            continue
        left = [*factors[:i], *factors[i + 1 :], *([(f, labels, ONE)] if e % 2 else [])]
        result = engine.product(node.attributes["coefficient"], left, node.shape)
        return result, SIGNED.step(node, result, known)
    return None


def excludes_zero(engine: Engine, guard: Expr, signs: Expr) -> tuple[Known, ...] | None:
    """The facts by which a comparison fails wherever the argument of `signs` is 0; None where it may hold."""
    (u,) = signs.operands
    if guard.op.name not in ("greater", "less") or not is_zero(guard.operands[1]):
        return None
    total = guard.operands[0]
    if total is u:
        return ()
    terms = dict(zip(total.operands, total.attributes["coefficients"], strict=True)) if total.op is ADD else {}
    size = next((t for t in terms if t.op is ABS and t.operands[0] is u), None)
    if size is None or (terms[size] > 0) is not (guard.op.name == "greater"):
        return None
    bound = ranged(engine.sum([(-c / terms[size], t) for t, c in terms.items() if t is not size], total.shape), LEVELS)
    return None if bound is None else bound.facts


def indicator(guard: Expr) -> tuple[Expr, tuple[Known, ...]] | None:
    """A comparison of something that has two values with one of them, as a formula: t == 1 is t for t in {0, 1}."""
    if guard.op not in (EQUAL, NOT_EQUAL):
        return None
    x, value = guard.operands if is_number(guard.operands[1]) else guard.operands[::-1]
    number, facts = number_of(value), x.op.facts(x)
    if number is None or is_number(x) or guard.shape != x.shape:
        return None
    if BINARY in facts and number in (0, 1):
        return (x if (number == 1) is (guard.op is EQUAL) else 1 - x), (Known(BINARY, x),)
    if TWO_SIGNS in facts and number in (-1, 1):
        return ((1 + x) / 2 if (number == 1) is (guard.op is EQUAL) else (1 - x) / 2), (Known(TWO_SIGNS, x),)
    return None


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
    shorter = stepped(engine, choice)
    shorter = clipped(engine, choice) if shorter is None else shorter
    choice = engine.rewritten(choice) if shorter is None else shorter
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


SELECTIONS = {"contract": (signs_squared,)}
