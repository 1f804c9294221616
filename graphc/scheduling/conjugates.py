"""Differences of square roots by their conjugate, where the squares of both sides cancel in part.

sqrt(1 + x**2) - 1       =  x**2/(sqrt(1 + x**2) + 1)
sqrt(x + 1) - sqrt(x)    =  1/(sqrt(x + 1) + sqrt(x))
1 - x/sqrt(1 + x**2)     =  1/(sqrt(1 + x**2)*(sqrt(1 + x**2) + x))     where x is positive, as it stands elsewhere

p + q = (p**2 - q**2)/(p - q) for p and q of opposite signs: the denominator is a sum of two positive numbers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, combine, scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, summed
from graphc.ops.elementwise import absolute, less
from graphc.ops.leaves import SIZE
from graphc.ops.reductions import where
from graphc.rewriting.order import Factor
from graphc.rewriting.powers import nonnegative
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import quotient
from graphc.scheduling.nested import split_factors, split_terms
from graphc.scheduling.recognition import in_place, plain
from graphc.scheduling.tails import Computed, Terms

Powers: TypeAlias = "dict[tuple[Expr, Labels], Fraction]"
Polynomial: TypeAlias = "dict[frozenset[tuple[tuple[Expr, Labels], Fraction]], Fraction]"  # numbers by their powers
ABSOLUTE = registry["abs"]
HALF = Fraction(1, 2)
MOST = 16  # terms that a square may have


@dataclass(frozen=True)
class Monomial:
    """A number times powers of arrays."""

    coefficient: Fraction
    powers: Powers

    def over(self, common: Powers) -> Monomial:
        left = {k: self.powers.get(k, Fraction(0)) - common.get(k, Fraction(0)) for k in self.powers | common}
        return Monomial(self.coefficient, {k: e for k, e in left.items() if e})

    @property
    def root(self) -> tuple[Expr, Labels] | None:
        """The sum of which it has a square root."""
        roots = [k for k, e in self.powers.items() if e.denominator == 2 and k[0].op is ADD]
        return roots[0] if len(roots) == 1 and self.powers[roots[0]] == HALF else None

    @property
    def sign(self) -> int:
        """The sign that it has everywhere, 0 if that is not known."""
        known = all(_positive(f, e) for (f, _), e in self.powers.items())
        return (1 if self.coefficient > 0 else -1) if known else 0

    def value(self, shape: Shape, computed: Computed) -> Expr:
        return contract([(computed(f), ls, e) for (f, ls), e in self.powers.items()], shape, self.coefficient)


def without_roots(terms: Terms, shape: Shape, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first two terms of a sum that are better computed by their conjugate, as one; and the other terms."""
    read = [_monomial(c, x, shape) for c, x in terms]
    if not any(e.denominator == 2 for m in read if m is not None for e in m.powers.values()):
        return None
    for i, p in enumerate(read):
        for j, q in enumerate(read):
            if i != j and p is not None and q is not None and not (q.root is not None and j < i):
                found = _joined(p, q, [(c, computed(x)) for c, x in (terms[i], terms[j])], shape, computed)
                if found is not None:
                    return found, [t for k, t in enumerate(terms) if k not in (i, j)]
    return None


def _monomial(c: Fraction, x: Expr, shape: Shape) -> Monomial | None:
    number = number_of(x)
    if number is not None:
        return Monomial(c * number, {}) if c * number else None
    x = plain(x)
    if x.shape != shape or x.op is not CONTRACT or summed(x):
        return Monomial(c, {(x, aligned(x.shape, shape)): ONE})
    coefficient, factors = split_factors(x)
    if not c * coefficient or not all(in_place(f, ls, x) or not f.ndim for f, ls, _ in factors):
        return None
    return Monomial(c * coefficient, _collected(factors))


def _collected(factors: list[Factor]) -> Powers:
    powers: Powers = {}
    for f, labels, e in factors:
        powers[plain(f), labels] = powers.get((plain(f), labels), Fraction(0)) + e
    return {k: e for k, e in powers.items() if e}


def _joined(p: Monomial, q: Monomial, pair: Terms, shape: Shape, computed: Computed) -> Expr | None:
    """``p + q``, the sum of a `pair` of terms; p has a root of a sum, and its sign is known."""
    keys = p.powers | q.powers
    common = {k: min(p.powers.get(k, Fraction(0)), q.powers.get(k, Fraction(0))) for k in keys}
    p, q = p.over(common), q.over(common)
    if p.root is None or not p.sign or p.sign == q.sign:
        return None
    one_square, other_square = _squared(p), _squared(q)
    if one_square is None or other_square is None:
        return None
    keys_left = one_square | other_square
    left = {k: one_square.get(k, Fraction(0)) - other_square.get(k, Fraction(0)) for k in keys_left}
    left = {k: c for k, c in left.items() if c}
    if not left or len(left) >= len(one_square) + len(other_square) - 1:
        return None
    squares = [(c, Monomial(ONE, dict(k)).value(shape, computed)) for k, c in left.items()]
    difference = squares[0][1] if len(squares) == 1 and squares[0][0] == 1 else combine(squares)
    one, other = p.value(shape, computed), q.value(shape, computed)
    apart = scaled(Fraction(p.sign), one) + (absolute(other) if not q.sign else scaled(Fraction(q.sign), other))
    scale = contract([(computed(f), ls, e) for (f, ls), e in common.items() if e], shape, Fraction(p.sign))
    above = contract([(scale, aligned(shape, shape), ONE), (difference, aligned(shape, shape), ONE)], shape)
    nonzero = not p.powers or not q.powers or list(left) == [frozenset()]
    found = above / apart if nonzero else quotient(above, apart)
    if q.sign:
        return found
    return where(less(scaled(Fraction(p.sign), other), 0), found, combine(pair))


def _squared(m: Monomial) -> Polynomial | None:
    """The square, its sums multiplied out."""
    found: Polynomial = {frozenset(): m.coefficient**2}
    for (given, labels), e in m.powers.items():
        f = plain(given.operands[0]) if given.op is ABSOLUTE and e.denominator == 1 else given
        whole = f.op is ADD and e in (HALF, ONE)
        part = _terms(f, labels) if whole else {frozenset({((f, labels), 2 * e)}): ONE}
        for _ in range(int(2 * e) if whole else 1):
            if part is None or len(found) * len(part) > MOST:
                return None
            found = _product(found, part)
    return found


def _terms(total: Expr, labels: Labels) -> Polynomial | None:
    found: Polynomial = {}
    for c, t in split_terms(total):
        part = _monomial(c, t, total.shape)
        if part is None or labels not in (aligned(total.shape, total.shape), ()):
            return None
        key = frozenset(part.powers.items())
        found[key] = found.get(key, Fraction(0)) + part.coefficient
    return found


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for (one, c), (other, d) in itertools.product(a.items(), b.items()):
        powers = dict(one)
        for k, e in other:
            powers[k] = powers.get(k, Fraction(0)) + e
        key = frozenset((k, e) for k, e in powers.items() if e)
        found[key] = found.get(key, Fraction(0)) + c * d
    return found


def _positive(f: Expr, e: Fraction) -> bool:
    return e.denominator == 2 or e % 2 == 0 or f.op is SIZE or nonnegative(f)
