"""Fractions of sums: denominators inside a denominator are cleared, and fractions are added where terms then cancel."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, of_node
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import ONE, aligned
from graphc.ops.elementwise import general_power
from graphc.ops.leaves import PARAMETER, SIZE, SYMBOL, constant
from graphc.ops.linalg import INV, inv
from graphc.rewriting.division import Polynomial, quotient
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor, Labels, factor_key
from graphc.rewriting.terms import Entries, entries_of, is_number, leading

TERMS = 6  # sums up to this many terms are brought over one denominator
PARTS = TERMS**2  # products that the numerator may have when it is multiplied out


def denominators(terms: Iterable[Expr], shape: Shape) -> Entries:
    """What terms of a sum are divided by, each factor at its highest power; sizes (of means) do not count."""
    found: Entries = {}
    for term in terms:
        for key, e in entries_of(term, shape).items():
            if e < 0 and e.denominator == 1 and key[0].op is not SIZE:
                found[key] = max(found.get(key, Fraction(0)), -e)
    return found


POWER = general_power(constant(2), constant(2)).op
ZERO = Fraction(0)


@of_node
def divisors_of(total: Expr) -> Entries:
    """What the terms of a sum are divided by."""
    return denominators(total.operands, total.shape)


def cleared(engine: Engine, entries: Entries) -> list[Factor] | None:
    """The factors of a product without fractions inside one of its denominators: 1/(x/y + 1) is y/(x + y)."""
    for (total, labels), e in entries.items():
        if total.op is INV and e == 1 and (found := inverse_cleared(engine, entries, (total, labels))) is not None:
            return found
        if total.op is not ADD or e >= 0 or e.denominator != 1 or -1 in labels:
            continue
        if any(f.op is POWER and leading(f.operands[0])[1] is total for f, _ in entries):  # x**y/x is x**(y - 1)
            continue
        below = divisors_of(total)
        whole = times(engine, total, below) if below else None
        if whole is None or whole.op is not ADD or len(whole.operands) > len(total.operands):
            continue
        if engine.effort.excess(whole, total) > 1:
            continue
        rest = [(*key, p) for key, p in entries.items() if key != (total, labels)]
        outside = [(f, tuple(labels[x] if x >= 0 else -1 for x in ls), -e * p) for (f, ls), p in below.items()]
        return [*rest, (whole, labels, e), *outside]
    return None


def inverse_cleared(engine: Engine, entries: Entries, key: tuple[Expr, Labels]) -> list[Factor] | None:
    """An inverse without the fractions that the product is divided by too: inv(A/s + B)/s is inv(A + s*B)."""
    (total,) = key[0].operands
    below = denominators(total.operands, total.shape) if total.op is ADD else {}
    if not below or any(f.ndim or entries.get((f, ()), ZERO) > -p for (f, _), p in below.items()):
        return None
    whole = times(engine, total, below)
    if whole is None or whole.op is not ADD or len(whole.operands) > len(total.operands):
        return None
    rest = [(*own, p) for own, p in entries.items() if own != key]
    return [*rest, (engine.normal(inv(whole)), key[1], ONE), *((f, (), p) for (f, _), p in below.items())]


def times(engine: Engine, total: Expr, factors: Entries) -> Expr | None:
    """A sum multiplied term by term by its denominators; None where some remain."""
    labels = aligned(total.shape, total.shape)
    by = [(*key, p) for key, p in factors.items()]
    parts = [engine.product(ONE, [(t, labels, ONE), *by], total.shape) for t in total.operands]
    if denominators(parts, total.shape):
        return None
    return engine.sum(zip(total.attributes["coefficients"], parts, strict=True), total.shape)


def together(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Fractions over one denominator where terms of the numerator cancel: 1 - x/(x + y) is y/(x + y)."""
    if not 2 <= len(collected) <= TERMS or not any(divides(t, shape) for t in collected):
        return None
    below = divisors = denominators(collected, shape)
    found: Polynomial = {}
    for term, c in collected.items():
        parts = multiplied_out(c * leading(term)[0], powers_added(entries_of(term, shape), below))
        if parts is None or len(found) + len(parts) > PARTS:
            return None
        for coefficient, entries in parts:
            if any(e < 0 and f.op is not SIZE for (f, _), e in entries.items()):
                return None
            key = frozenset(entries.items())
            found[key] = found.get(key, Fraction(0)) + coefficient
    left, below = cancelled({key: c for key, c in found.items() if c != 0}, below, shape)
    if below == divisors and len(left) >= min(len(collected), len(found)):
        return None
    products = [
        (c, engine.product(ONE, [(*k, e) for k, e in sorted(key, key=in_order)], shape)) for key, c in left.items()
    ]
    numerator = engine.sum(products, shape)
    labels = aligned(shape, shape)
    return engine.product(ONE, [(numerator, labels, ONE), *((f, ls, -p) for (f, ls), p in below.items())], shape)


def over_a_letter(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """A difference of fractions and 1 as one fraction, x/y - 1 as (x - y)/y: it keeps its digits where x is near y."""
    ones = [t for t in collected if is_number(t)]
    rest = [(entries_of(t, shape), t) for t in collected if t not in ones]
    scale = abs(collected[ones[0]]) if ones else ONE
    if len(ones) != 1 or not rest or any((collected[t] / scale).denominator != 1 for _, t in rest):
        return None
    if any((collected[t] > 0) == (collected[ones[0]] > 0) for _, t in rest):
        return None
    below = [{key for key, e in entries.items() if e < 0} for entries, _ in rest]
    if len(below[0]) != 1 or any(keys != below[0] for keys in below):
        return None
    (key,) = below[0]
    f, labels = key
    if not is_letter(f) or any(entries[key] != -1 for entries, _ in rest) or not divides_all(labels, shape):
        return None
    parts = [(collected[t] / scale, [(*k, e) for k, e in entries.items() if k != key]) for entries, t in rest]
    if len(parts) == 1 and not parts[0][1]:
        return None
    parts.append((collected[ones[0]] / scale, [(f, labels, ONE)]))
    above = engine.sum([(c, engine.product(ONE, factors, shape)) for c, factors in parts], shape)
    return engine.product(scale, [(above, aligned(shape, shape), ONE), (f, labels, -ONE)], shape)


def is_over_a_letter(total: Expr, labels: Labels, entries: Entries) -> bool:
    """Whether a difference is divided by one of its terms, and by that alone: (x - y)/y, but not (1 - y)/y."""
    for c, term in zip(total.attributes["coefficients"], total.operands, strict=True):
        powers = entries_of(term, total.shape)
        if len(powers) != 1 or abs(c) != 1:
            continue
        (((f, own), e),) = powers.items()
        placed = tuple(labels[x] if x >= 0 else -1 for x in own)
        if e != 1 or entries.get((f, placed), ONE) >= 0 or not is_letter(f) or not divides_all(own, total.shape):
            continue
        others = [t for t in total.operands if t is not term]
        signs = {x > 0 for x, t in zip(total.attributes["coefficients"], total.operands, strict=True) if t is not term}
        if all(is_number(t) for t in others) or (c > 0) in signs:
            return False
        return not any((f, own) in entries_of(t, total.shape) or denominators([t], total.shape) for t in others)
    return False


def is_letter(f: Expr) -> bool:
    return f.op in (SYMBOL, PARAMETER)


def divides_all(labels: Labels, shape: Shape) -> bool:
    """Whether a factor is a scalar, or has entries along every axis."""
    return not labels or sorted(labels) == [x for x, d in enumerate(shape) if d != 1]


def cancelled(left: Polynomial, below: Entries, shape: Shape) -> tuple[Polynomial, Entries]:
    """A fraction without those of its denominators that divide the numerator."""
    whole = aligned(shape, shape)
    for (total, labels), e in list(below.items()):
        if total.op is not ADD or labels != whole or len(left) < 2:
            continue
        parts = multiplied_out(ONE, {(total, labels): ONE})
        found = None if parts is None else quotient(left, {frozenset(entries.items()): c for c, entries in parts})
        if found is not None:
            left = found
            below = {**below, (total, labels): e - 1}
    return left, {key: e for key, e in below.items() if e}


def divided(engine: Engine, entries: Entries) -> list[Factor] | None:
    """The factors of a product of which a sum is a multiple of one that it is divided by, (x**2 - y**2)/(x - y), or a
    divisor of that: (x - y)/(x**2 - y**2)."""
    sums = [key for key, e in entries.items() if key[0].op is ADD and e.denominator == 1 and -1 not in key[1]]
    for below in (key for key in sums if entries[key] < 0):
        for above in (key for key in sums if entries[key] > 0 and key[1] == below[1]):
            shape = above[0].shape
            parts = [multiplied_out(ONE, {(f, aligned(shape, shape)): ONE}) for f in (above[0], below[0])]
            if None in parts or max(len(above[0].operands), len(below[0].operands)) > TERMS:
                continue
            one, other = ({frozenset(m.items()): c for c, m in part or ()} for part in parts)
            found, power = quotient(one, other), ONE
            if found is None:
                found, power = quotient(other, one), -ONE
            if found is None:
                continue
            terms = [
                (c, engine.product(ONE, [(*key, e) for key, e in sorted(m, key=in_order)], shape))
                for m, c in found.items()
            ]
            rest = powers_added(entries, {above: -ONE, below: ONE})
            return [*((*key, e) for key, e in rest.items()), (engine.sum(terms, shape), above[1], power)]
    return None


def in_order(entry: tuple[tuple[Expr, Labels], Fraction]) -> tuple[object, ...]:
    (f, labels), e = entry
    return (*factor_key(f), labels, e)


def divides(term: Expr, shape: Shape) -> bool:
    """Whether a term is divided by a sum."""
    return any(f.op is ADD and e < 0 and e.denominator == 1 for (f, _), e in entries_of(term, shape).items())


def powers_added(entries: Entries, more: Entries) -> Entries:
    total = {key: entries.get(key, Fraction(0)) + more.get(key, Fraction(0)) for key in {**entries, **more}}
    return {key: e for key, e in total.items() if e != 0}


def multiplied_out(coefficient: Fraction, entries: Entries) -> list[tuple[Fraction, Entries]] | None:
    """A product of sums without fractions, term by term; None where that would be more than `PARTS`."""
    found: list[tuple[Fraction, Entries]] = []
    stack = [(coefficient, entries)]
    while stack:
        if len(found) + len(stack) > PARTS:
            return None
        number, product = stack.pop()
        key = next((k for k, e in product.items() if k[0].op is ADD and e == 1 and -1 not in k[1]), None)
        if key is None or divisors_of(key[0]):
            found.append((number, product))
            continue
        total, labels = key
        rest = {k: e for k, e in product.items() if k != key}
        for c, term in zip(total.attributes["coefficients"], total.operands, strict=True):
            inner = {
                (f, tuple(labels[x] if x >= 0 else -1 for x in ls)): e
                for (f, ls), e in entries_of(term, total.shape).items()
            }
            stack.append((number * c * leading(term)[0], powers_added(rest, inner)))
    return found
