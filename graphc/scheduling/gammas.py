"""The logarithm of the gamma function and its derivatives: next to the pole at 0, and differences of two of them.

    lgamma(exp(x))             =  lgamma(1 + exp(x)) - x
    digamma(u)                 =  digamma(1 + u) - 1/u
    lgamma(x + 2) - lgamma(x)  =  log(abs(x)) + log(abs(x + 1))

DLMF 5.5.1, 5.5.2 and 5.15.5. The derivatives of lgamma(exp(x)) are 0 times infinity where exp(x) underflows, and terms
that grow like the argument cancel in a difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, broadcast, combine, rational_power, scaled
from graphc.ops.contraction import ONE
from graphc.ops.elementwise import absolute, log, maximum, minimum
from graphc.ops.leaves import constant
from graphc.ops.special import digamma, lgamma, polygamma
from graphc.rewriting.simplify import simplify
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import digamma_step, lgamma_step
from graphc.scheduling.nested import split_terms, unscaled
from graphc.scheduling.recognition import Exponentials, plain
from graphc.scheduling.tails import Computed, Terms

LGAMMA, DIGAMMA, POLYGAMMA = (registry[name] for name in ("lgamma", "digamma", "polygamma"))
GAMMAS = (LGAMMA, DIGAMMA, POLYGAMMA)
MOST_STEPS = 8


def away_from_pole(roots: Iterable[Expr]) -> list[Expr]:
    """`roots` with gamma functions of what vanishes like an exponential from those of 1 more."""
    roots = list(roots)
    order = topological(roots)
    if not any(node.op in GAMMAS for node in order):
        return roots
    exponentials = Exponentials()
    done: dict[Expr, Expr] = {}
    for node in order:
        exponentials.of(node)
        over = done[node] = rebuild(node, tuple(done[o] for o in node.operands))
        if node.op in GAMMAS and _vanishes(node.operands[-1], exponentials):
            done[node] = _beyond(over)
    found = [done[root] for root in roots]
    return found if all(a is b for a, b in zip(found, roots, strict=True)) else list(simplify(found))


def _vanishes(u: Expr, exponentials: Exponentials) -> bool:
    found = exponentials.of(u)
    return (
        found is not None and found[0] is not None and found[1].signed > 0 and (found[1].low > 0 or found[1].high < 0)
    )


def _beyond(node: Expr) -> Expr:
    u = node.operands[-1]
    if node.op is LGAMMA:
        return lgamma(1 + u) - log(u)
    if node.op is DIGAMMA:
        return digamma(1 + u) - 1 / u
    n = number_of(node.operands[0])
    return node if n is None else polygamma(n, 1 + u) - _pole(int(n), u)


def _pole(n: int, u: Expr) -> Expr:
    """``polygamma(n, 1 + u) - polygamma(n, u) = (-1)**n * n!/u**(n + 1)``."""
    return scaled(Fraction((-1) ** n * math.factorial(n)), rational_power(u, Fraction(-n - 1)))


def next_to_zero(node: Expr, computed: Computed) -> Expr | None:
    """``lgamma(1 + u)`` and ``lgamma(2 + u)``, which vanish with u, from the step u: it may be lost in the sum."""
    (x,) = node.operands
    terms = split_terms(x) if x.op is ADD else []
    numbers = [c * n for c, t in terms if (n := number_of(t)) is not None]
    if len(numbers) != 1 or numbers[0] not in (1, 2):
        return None
    rest = combine([(c, computed(t)) for c, t in terms if number_of(t) is None])
    return lgamma_step(broadcast(constant(numbers[0]), node.shape), rest)


def without_gammas(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first ``c*f(u) - c*f(v)`` of a gamma function among the terms of a sum, as one; and the other terms."""
    read = [(k, c * n, plain(f)) for k, (c, x) in enumerate(terms) for n, f in [unscaled(x)] if plain(f).op in GAMMAS]
    if (whole := _beta(read, terms, computed)) is not None:
        return whole
    for i, c, f in read:
        for j, d, g in read:
            if i == j or f.op is not g.op or f.operands[:-1] != g.operands[:-1] or c != -d or f.shape != g.shape:
                continue
            found = _difference(f, g, computed)
            if found is not None:
                return scaled(c, found), [t for k, t in enumerate(terms) if k not in (i, j)]
    return None


def _beta(read: list[tuple[int, Fraction, Expr]], terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """``lgamma(a) + lgamma(b) - lgamma(a + b)``, the logarithm of the beta function: a step of the smaller one from
    the larger one, next to which it may be lost."""
    found = [(k, c, f) for k, c, f in read if f.op is LGAMMA and number_of(f.operands[0]) is None]
    for k, c, whole in found if len(found) > 2 else ():
        parts = [(i, f.operands[0]) for i, d, f in found if d == -c and f.shape == whole.shape]
        for i, a in parts:
            b = simplify(whole.operands[0] - a)
            j = next((j for j, other in parts if j != i and plain(other) is plain(b)), None)
            if j is None:
                continue
            low, high = minimum(computed(a), computed(b)), maximum(computed(a), computed(b))
            value = combine([(-c, lgamma(low)), (c, lgamma_step(high, low))])
            return value, [t for n, t in enumerate(terms) if n not in (i, j, k)]
    return None


def _difference(f: Expr, g: Expr, computed: Computed) -> Expr | None:
    """``f(u) - f(v)`` where u - v is simpler than u and v."""
    u, v = f.operands[-1], g.operands[-1]
    step = simplify(u - v)
    number = number_of(step)
    if number is not None and number.denominator == 1 and 0 < number <= MOST_STEPS:
        parts = [_once(f, computed(v + k) if k else computed(v)) for k in range(int(number))]
        return parts[0] if len(parts) == 1 else combine([(ONE, p) for p in parts])
    if len(topological([step])) >= max(len(topological([x])) for x in (u, v)) or f.op is POLYGAMMA:
        return None
    if number is not None and number < 0:
        return None
    function = lgamma_step if f.op is LGAMMA else digamma_step
    if number is None and len(topological([u])) < len(topological([v])):  # from what is no sum: it may be lost in one
        return scaled(-ONE, function(computed(u), computed(simplify(v - u))))
    return function(computed(v), computed(step))


def _once(f: Expr, v: Expr) -> Expr:
    """``f(v + 1) - f(v)``."""
    if f.op is LGAMMA:
        return log(absolute(v))
    n = 0 if f.op is DIGAMMA else number_of(f.operands[0])
    assert n is not None
    return _pole(int(n), v)
