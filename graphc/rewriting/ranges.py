"""Where values cannot be negative: |x| is x, sign(x) is 1, relu(x) is x.

    a + b >= 0 for a, b >= 0;   a + b > 0 if one is;   x**2 >= 0;   c a b >= 0 for c > 0 and a, b >= 0;   sums likewise
    1 - u > 0 for u < 1;   x**y > 0 for x > 0

A sum over an axis may be a sum of nothing, and is not taken to be positive.
"""

from __future__ import annotations

from typing import NamedTuple

from graphc.ir.expr import Expr
from graphc.ir.facts import RIGID, Fact
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.ops.defined import SOFTMAX
from graphc.ops.elementwise import absolute, general_power, relu, sign
from graphc.ops.leaves import CONSTANT, PARAMETER, PI, SIZE, SYMBOL, constant
from graphc.rewriting.engine import Engine, Known, law
from graphc.rewriting.powers import nonnegative
from graphc.rewriting.terms import number_of, view

NONNEGATIVE, POSITIVE, UNIT = Fact("nonnegative"), Fact("positive"), Fact("unit_interval")
ABS, RELU, SIGN = (f(constant(2)).op for f in (absolute, relu, sign))
POWER = general_power(constant(2), constant(2)).op
LEVELS = 5  # sums and products in each other that are looked into
BOUNDED = law("ranges", "what is not negative: |x| = x and max(x, 0) = x, and sign(x) = 1 for a positive x")


class Range(NamedTuple):
    """Whether no entry is 0, where none is negative, and the facts of symbols that say so."""

    positive: bool
    facts: tuple[Known, ...] = ()


def settled(engine: Engine, node: Expr) -> Expr | None:
    """An absolute value, a sign or a rectifier of what is not negative; None for what may be."""
    if node.op not in (ABS, RELU, SIGN):
        return None
    (x,) = node.operands
    found = ranged(x, LEVELS)
    if found is None or (node.op is SIGN and not found.positive):
        return None
    result = engine.product(ONE, [], node.shape) if node.op is SIGN else x
    engine.steps.append(BOUNDED.step(node, result, found.facts))
    return result


def ranged(x: Expr, levels: int) -> Range | None:
    """What is known of the values of `x`; None if they may be negative."""
    if x.op is CONSTANT:
        value = x.attributes["value"]
        return Range(value > 0) if value >= 0 else None
    if x.op is ADD and levels:
        return total(x, levels - 1)
    if x.op is CONTRACT and levels:
        return product(x, levels - 1)
    if x.op is PI:
        return Range(True)
    if x.op is SIZE:
        return Range(False) if nonnegative(x) else None
    if x.op is POWER and levels:
        base = ranged(x.operands[0], levels - 1)
        return base if base is not None and base.positive else None
    told = x.op.facts(x)
    if NONNEGATIVE not in told:
        return None
    positive, declared = POSITIVE in told, x.op in (SYMBOL, PARAMETER)
    if declared and not positive and not any(fact.name in RIGID for fact in told):
        return None  # where it is 0, the derivative of its absolute value is taken as 0
    return Range(positive, (Known(POSITIVE if positive else NONNEGATIVE, x),) if declared else ())


def total(x: Expr, levels: int) -> Range | None:
    """A sum of what is not negative, less what a number in it exceeds: 1 - u for u below 1."""
    pairs = list(zip(x.attributes["coefficients"], x.operands, strict=True))
    less = [(c, t) for c, t in pairs if c < 0]
    if not all(UNIT in view(t)[0].op.facts(view(t)[0]) for _, t in less):
        return None
    if less and sum(-c for c, _ in less) > sum(c for c, t in pairs if t.weak and number_of(t) == 1):
        return None
    parts = [ranged(t, levels) for c, t in pairs if c > 0]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    facts = [k for part in known for k in part.facts]
    facts += [Known(UNIT, t) for _, t in less if t.op in (SYMBOL, PARAMETER)]
    if less:  # a softmax along an axis of size 1 is 1
        return Range(all(view(t)[0].op is not SOFTMAX for _, t in less), tuple(dict.fromkeys(facts)))
    return Range(any(part.positive for part in known), tuple(dict.fromkeys(facts)))


def product(x: Expr, levels: int) -> Range | None:
    """A product of even powers and of what is not negative."""
    if x.attributes["coefficient"] < 0:
        return None
    positive, facts = x.attributes["coefficient"] > 0 and not summed(x), list[Known]()
    for f, _, e in factors_of(x):
        part = ranged(f, levels)
        if part is None and (e.denominator != 1 or e % 2):
            return None
        positive = positive and part is not None and part.positive
        facts += part.facts if part is not None else ()
    return Range(positive, tuple(dict.fromkeys(facts)))
