"""Differences of two values of one function, which cancel where both are near its limit or near each other.

    sigmoid(u) - sigmoid(v)  =  tanh((u - v)/2) * (sigmoid(u)*sigmoid(-v) + sigmoid(v)*sigmoid(-u))
    tanh(u) - tanh(v)        =  2*(sigmoid(2*u) - sigmoid(2*v))
    erf(u) - erf(v)          =  erfc(v) - erfc(u)     where u + v is positive, the same of -u and -v elsewhere
    log(u) - log(v)          =  log1p((u - v)/v)      where u - v is positive, -log1p((v - u)/u) elsewhere

The last where u and v have terms in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from graphc.ir.expr import Expr, make, substitute
from graphc.ir.op import Op, registry
from graphc.ops.arithmetic import ADD, scaled
from graphc.ops.elementwise import expm1, greater, log, log1p, sigmoid, softplus, tanh
from graphc.ops.leaves import SYMBOL, constant
from graphc.ops.reductions import where
from graphc.rewriting.simplify import simplify
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import erfc, log1mexp
from graphc.scheduling.nested import split_terms, unscaled
from graphc.scheduling.recognition import LOG, LOG1P, SIGMOID, TANH, plain, times
from graphc.scheduling.tails import Computed, Terms

ERF = registry["erf"]
FUNCTIONS = (SIGMOID, TANH, ERF, LOG)
LEVELS = 12  # of two arguments that are looked into for what they have in common


@dataclass(frozen=True)
class Pair:
    """Two terms ``c*f(u) - c*f(v)`` of a sum, c positive; `places` are theirs and that of a number that is in it."""

    op: Op
    c: Fraction
    u: Expr
    v: Expr
    places: tuple[int, ...]


def without_difference(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first two terms of a sum that are such a difference, as one; and the other terms."""
    for pair in _pairs(terms, computed):
        values = _logarithms if pair.op is LOG else _values
        found = values(pair, computed)
        if found is not None:
            return scaled(pair.c, found), [t for k, t in enumerate(terms) if k not in pair.places]
    return None


def _pairs(terms: Terms, computed: Computed) -> Iterator[Pair]:
    """Pairs of terms; ``sigmoid(-v) - 1`` is -sigmoid(v), and ``f(-v)`` is -f(v) for tanh and erf."""
    read = [(k, c * n, f) for k, (c, x) in enumerate(terms) for n, f in [_function(x, computed)] if f is not None]
    if len(read) < 2:
        return
    numbers = {c * n: k for k, (c, x) in enumerate(terms) if (n := number_of(x)) is not None}
    for i, c, f in read:
        for j, d, g in read:
            if i == j or f.op is not g.op or f.shape != g.shape or c <= 0:
                continue
            u, v = f.operands[0], g.operands[0]
            if c == -d:
                yield Pair(f.op, c, u, v, (i, j))
            elif c == d and f.op in (TANH, ERF) and i < j and are_opposite(u, v):
                yield Pair(f.op, c, u, times(-1, v), (i, j))
            elif c == d and f.op is SIGMOID and i < j and -c in numbers:
                yield Pair(f.op, c, u, times(-1, v), (i, j, numbers[-c]))


def are_opposite(u: Expr, v: Expr) -> bool:
    """Whether -v differs from u by no more terms than they have, as h - x does from h + x: not two parts of a network,
    whose sum is no difference.
    """
    parts = [{core: c * n for c, x in split_terms(w) for n, core in [unscaled(x)]} for w in (u, v)]
    cancels = any(number_of(core) is None and c * parts[1].get(core, 0) < 0 for core, c in parts[0].items())
    return cancels and terms_of(nearby(u + v)) <= max(terms_of(u), terms_of(v))


def nearby(difference: Expr) -> Expr:
    """`difference` in closed form, where what is far below counts as given."""
    opened, level = set(), {difference}
    for _ in range(LEVELS):
        opened |= level
        level = {o for node in level for o in node.operands if o not in opened}
    parts = sorted((node for node in level if node.operands), key=lambda node: node.digest)
    given = {
        node: make(SYMBOL, (), name=f"part {i}", shape=node.shape, dtype=node.dtype) for i, node in enumerate(parts)
    }
    return substitute([simplify(substitute([difference], given)[0])], {s: node for node, s in given.items()})[0]


def _function(x: Expr, computed: Computed) -> tuple[Fraction, Expr | None]:
    """A term as a number times a function, as it stands or as it is computed."""
    number, f = unscaled(x)
    found = plain(computed(f))
    if f.op in FUNCTIONS:
        return number, f if found.op in (f.op, LOG1P) else None
    return number, found if found.op in (SIGMOID, TANH) else None


def _values(pair: Pair, computed: Computed) -> Expr:
    left, right = computed(pair.u), computed(pair.v)
    if pair.op is ERF:
        side = where(greater(left + right, 0), 1, -1)
        return side * (erfc(side * right) - erfc(side * left))
    number = 2 if pair.op is TANH else 1
    difference = nearby(pair.u - pair.v)
    half = constant(known * number / 2) if (known := number_of(difference)) else computed(difference)
    half = half if known else times(Fraction(number, 2), half)
    left, right = times(number, left), times(number, right)
    turned = sigmoid(left) * sigmoid(times(-1, right)) + sigmoid(right) * sigmoid(times(-1, left))
    return scaled(Fraction(number), tanh(half) * turned)


def _logarithms(pair: Pair, computed: Computed) -> Expr | None:
    return ratio_logarithm(pair.u, pair.v, computed) if terms_of(pair.u) + terms_of(pair.v) > 2 else None


def terms_of(x: Expr) -> int:
    x = plain(x)
    return len(x.operands) if x.op is ADD else 1


def ratio_logarithm(u: Expr, v: Expr, computed: Computed) -> Expr | None:
    """``log(u/v)`` for positive u and v with terms in common."""
    difference = nearby(u - v)
    if terms_of(difference) >= terms_of(u) + terms_of(v) - 1:
        return None
    number = number_of(difference)
    above = computed(difference)
    more, less = log1p(above / computed(v)), times(-1, log1p(times(-1, above) / computed(u)))
    if number is not None:
        return more if number > 0 else less
    return where(greater(above, 0), more, less)


def logarithm_of_difference(node: Expr, computed: Computed) -> Expr | None:
    """``log(sigmoid(u) - sigmoid(v)) = log(sigmoid(u)) + log(sigmoid(-v)) + log(1 - exp(v - u))`` for u > v."""
    if node.op is not ADD or len(node.operands) > 3:
        return None
    terms = split_terms(node)
    for pair in _pairs(terms, computed):
        if pair.op is SIGMOID and pair.c == 1 and len(pair.places) == len(terms):
            difference = nearby(pair.u - pair.v)
            known = number_of(difference)
            own = log(-expm1(constant(-known))) if known else log1mexp(computed(difference))
            return own - softplus(times(-1, computed(pair.u))) - softplus(computed(pair.v))
    return None
