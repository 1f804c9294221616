"""Products with sums that divide by one of the factors: the factor goes into the terms, where it cancels.

p*(a/sqrt(p) - b)  =  a*sqrt(p) - p*b      for p = softmax(x), which may be 0
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, summed
from graphc.ops.defined import SOFTMAX
from graphc.rewriting.order import Factor
from graphc.scheduling.functions import PEAK
from graphc.scheduling.nested import split_factors, split_terms
from graphc.scheduling.overflow import Overflow
from graphc.scheduling.recognition import EXP, plain
from graphc.scheduling.tails import Terms

Spread: TypeAlias = "tuple[Terms, Labels, list[Factor]]"


def spread(factors: list[Factor], overflow: Overflow) -> Spread | None:
    """The terms of the first such sum times the factor that they divide by, where they stand, and the other factors."""
    for i, (f, labels, e) in enumerate(factors):
        if e <= 0 or plain(f).op not in (SOFTMAX, EXP):
            continue
        for j, (g, places, power) in enumerate(factors):
            inner = plain(g)
            if inner.op is not ADD or power != 1 or inner.shape != f.shape or places != labels:
                continue
            terms = split_terms(inner)
            whole = [_times(x, f, e) for _, x in terms]
            divided = any(d for _, d in whole) if plain(f).op is SOFTMAX else any(_falls(x, overflow) for _, x in terms)
            if plain(f).op is EXP and any(overflow.of(h) for k, (h, *_) in enumerate(factors) if k not in (i, j)):
                continue  # they overflow together
            if divided:
                rest = [t for k, t in enumerate(factors) if k not in (i, j)]
                return [(c, x) for (c, _), (x, _) in zip(terms, whole, strict=True)], labels, rest
    return None


def _falls(x: Expr, overflow: Overflow) -> bool:
    """Whether a term divides by a sum of exponentials."""
    held = overflow.of(x)
    return held is not None and any(c < 0 and _is_peak(u) for u, c in held.exponent.items())


def _is_peak(u: Expr) -> bool:
    while u.op is CONTRACT and len(u.operands) == 1:
        (u,) = u.operands
    return u.op is PEAK


def _times(x: Expr, f: Expr, e: Fraction) -> tuple[Expr, bool]:
    """``x * f**e``, and whether f is below the line in x."""
    own = aligned(f.shape, f.shape)
    coefficient, factors = ONE, [(x, own, ONE)]
    if x.op is CONTRACT and not summed(x):
        coefficient, factors = split_factors(x)
    powers: dict[tuple[Expr, Labels], Fraction] = {}
    for g, labels, p in [*factors, (f, own, e)]:
        key = plain(g) if plain(g) is plain(f) else g, labels
        powers[key] = powers.get(key, Fraction(0)) + p
    divided = any(g is plain(f) and labels == own and p < e for (g, labels), p in powers.items())
    return contract([(g, labels, p) for (g, labels), p in powers.items() if p], f.shape, coefficient), divided
