"""Sums some of whose terms are a multiple of others: a + b + (a + b) c = (a + b) (1 + c), and 1 + a + b + a b.

A cotangent that is a sum, 1 - tanh(f)**2, is opened where a term of the function has the derivative 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import ONE, aligned
from graphc.ops.leaves import SIZE, constant
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import FLATTEN, entries_of, leading, min_power, terms_of, without

Collected = dict[Expr, Fraction]


def beside_its_terms(engine: Engine, collected: Collected, shape: Shape) -> Expr | None:
    """The sum with a factor of one of its terms taken out of that and of its own terms: a + b + (a + b) c."""
    for term, coefficient in collected.items():
        entries = entries_of(term, shape)
        for (f, labels), e in entries.items():
            if f.op is not ADD or e.denominator != 1 or e < 1 or len(f.operands) >= len(collected):
                continue
            whole = ((c, engine.product(ONE, [(t, labels, ONE)], shape)) for c, t in terms_of(f))
            found = times_among(whole, collected, {term})
            if found is None:
                continue
            ratio, taken = found
            rest = [(*key, p) for key, p in without(entries, {(f, labels): ONE}).items()]
            beside = [(coefficient, engine.product(ONE, rest, shape)), (ratio, broadcast(constant(1), shape))]
            return both(engine, [(f, labels, ONE)], beside, collected, {term, *taken}, shape)
    return None


def multiples(engine: Engine, collected: Collected, shape: Shape) -> Expr | None:
    """The sum with the terms that share a factor, and as many others that those are times it, in one product."""
    if not 4 <= len(collected) <= FLATTEN:
        return None
    powers = {t: entries_of(t, shape) for t in collected}
    counts = Counter(key for entries in powers.values() for key, e in entries.items() if e > 0)
    for key, n in counts.items():
        if not 2 <= n <= len(collected) - 2 or key[0].op is SIZE:
            continue
        inside = [t for t in collected if powers[t].get(key, 0) > 0]
        power = min_power([powers[t] for t in inside], key)
        left = [
            (collected[t], engine.product(ONE, [(*k, e) for k, e in without(powers[t], {key: power}).items()], shape))
            for t in inside
        ]
        found = times_among(left, collected, set(inside))
        if found is None:
            continue
        ratio, taken = found
        factor = engine.sum(
            [(ONE, engine.product(ONE, [(*key, power)], shape)), (ratio, broadcast(constant(1), shape))], shape
        )
        return both(engine, [(factor, aligned(shape, shape), ONE)], left, collected, {*inside, *taken}, shape)
    return None


def both(
    engine: Engine,
    factors: list[Factor],
    terms: list[tuple[Fraction, Expr]],
    collected: Collected,
    taken: set[Expr],
    shape: Shape,
) -> Expr:
    """The factors times the sum of the terms, beside what is not taken."""
    product = engine.product(ONE, [*factors, (engine.sum(terms, shape), aligned(shape, shape), ONE)], shape)
    return engine.sum([(ONE, product), *((c, t) for t, c in collected.items() if t not in taken)], shape)


def times_among(
    whole: Iterable[tuple[Fraction, Expr]], collected: Collected, but: set[Expr]
) -> tuple[Fraction, list[Expr]] | None:
    """How many times all terms of a sum stand among the others, and these; None where they do not."""
    ratio: Fraction | None = None
    taken: list[Expr] = []
    for c, t in whole:
        inner, core = leading(t)
        if core in but or core not in collected:
            return None
        own = collected[core] / (c * inner)
        if ratio is not None and own != ratio:
            return None
        ratio = own
        taken.append(core)
    return None if ratio is None else (ratio, taken)
