"""Logarithms of positive values that a sum is written with as one: log(q) - log(r) is log(q/r)."""

from __future__ import annotations

from collections.abc import Container, Iterator
from fractions import Fraction
from typing import NamedTuple

from graphc.ir.expr import Expr
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.ops.leaves import CONSTANT
from graphc.rewriting.exponents import LOG
from graphc.rewriting.ranges import LEVELS, ranged
from graphc.rewriting.signs import Powers
from graphc.rewriting.terms import view

POSITIVE = Fact("positive")


class Logarithm(NamedTuple):
    """``coefficient * log(number * above / below)``, and the places of the terms that it stands for."""

    coefficient: Fraction
    number: Fraction
    above: Powers
    below: Powers
    places: list[int]


def joint_logarithms(terms: list[tuple[Fraction, Expr]], shared: Container[Expr]) -> Iterator[Logarithm]:
    """Terms that are multiples, by one number or its negative, of logarithms that nothing else needs."""
    groups: dict[Fraction, list[int]] = {}
    for i, (c, t) in enumerate(terms):
        if is_joinable(t, shared):
            groups.setdefault(abs(c), []).append(i)
    for size, places in groups.items():
        if len(places) < 2:
            continue
        sign = 1 if any(terms[i][0] > 0 for i in places) else -1
        number, above, below = ONE, Powers(), Powers()
        for i in places:
            c, t = terms[i]
            core, labels = view(t)
            (x,) = core.operands
            if x.op is CONSTANT:
                number *= Fraction(x.attributes["value"]) ** (1 if c * sign > 0 else -1)
            else:
                (above if c * sign > 0 else below).append((x, labels, ONE))
        if above or below:
            yield Logarithm(size * sign, number, above, below, places)


def is_joinable(term: Expr, shared: Container[Expr]) -> bool:
    core, labels = view(term)
    if core.op is not LOG or core in shared or -1 in labels:
        return False
    (x,) = core.operands
    return x.attributes["value"] > 0 if x.op is CONSTANT else is_positive(x)


def is_positive(x: Expr) -> bool:
    """By a fact, or as a sum of such; a sum over an axis may be 0, where both sides are infinite alike."""
    if x.op is CONTRACT and summed(x):
        return ranged(x, LEVELS) is not None
    if x.op is ADD and all(c > 0 for c in x.attributes["coefficients"]):
        return all(POSITIVE in core.op.facts(core) for core, _ in map(view, x.operands))
    return POSITIVE in x.op.facts(x)
