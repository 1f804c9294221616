"""Fully expanded sums of monomials in index notation: the arithmetic in which proofs are made.

A polynomial maps monomials to exact coefficients. A monomial is a product of powers of atoms under index labels,
summed over its labels below 0; labels from 0 up are the axes of the array that the polynomial stands for. Atoms are
symbols, sizes, roots of primes, deltas, function applications keyed by the canonical form of their arguments, and
sums that stand under a negative or fractional exponent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from graphc.checking.atoms import UNIT, Atom, Mono, OutOfBudgetError, Poly
from graphc.checking.labels import Factor, Labels, canonical
from graphc.checking.movers import Mover, settled
from graphc.checking.summation import Merged, shortened
from graphc.ir.dims import Dim

ONE = Fraction(1)
Square = tuple[int, Labels]


class Algebra:
    """Atoms, and exact arithmetic on polynomials over them."""

    def __init__(self, budget: int = 20_000, off_kinks_of: frozenset[str] = frozenset()) -> None:
        self.budget = budget
        self.off_kinks_of = off_kinks_of
        self.atoms: list[Atom] = []
        self.numbers: dict[object, int] = {}
        self.sizes: list[Dim] = []
        self.size_numbers: dict[Dim, int] = {}
        self.cosines: dict[int, int] = {}  # the cosine of what a sine is of
        self.axes: dict[int, Dim] = {}  # the size of the matrix that an atom is the inverse of
        self.movers: dict[int, Mover] = {}
        self.delta = self.atom(
            ("delta",), lambda: Atom("delta", 2, ((0, 1), (1, 0)), {}, nonnegative=True, binary=True, smooth=False)
        )

    def atom(self, key: object, make: Any) -> int:
        """The number of the atom called `key`."""
        if key not in self.numbers:
            self.numbers[key] = len(self.atoms)
            self.atoms.append(make())
        return self.numbers[key]

    def size_number(self, dim: Dim) -> int:
        if dim not in self.size_numbers:
            self.size_numbers[dim] = len(self.sizes)
            self.sizes.append(dim)
        return self.size_numbers[dim]

    def symmetries(self, atom: int) -> tuple[Labels, ...]:
        return self.atoms[atom].symmetries

    # -- arithmetic ----------------------------------------------------------------------------------------------

    def number(self, value: Fraction | int) -> Poly:
        return {UNIT: Fraction(value)} if value else {}

    def single(self, atom: int, labels: Labels = (), exponent: Fraction = ONE) -> Poly:
        return self.monomial(ONE, [(atom, labels, exponent)], {})

    def add(self, *terms: tuple[Fraction | int, Poly]) -> Poly:
        total: Poly = {}
        for c, p in terms:
            for mono, value in p.items():
                total[mono] = total.get(mono, Fraction(0)) + c * value
        return {m: c for m, c in total.items() if c}

    def multiply(self, p: Poly, q: Poly) -> Poly:
        return self.add(
            *(
                (1, self.monomial(c * k, *self.apart(m, n)))
                for (m, c), (n, k) in itertools.product(p.items(), q.items())
            )
        )

    def apart(self, m: Mono, n: Mono) -> tuple[list[Factor], dict[int, int]]:
        """The factors of both, with the summed labels of the second renamed apart."""
        shift = len(m[1])
        moved = [(a, tuple(x - shift if x < 0 else x for x in labels), e) for a, labels, e in n[0]]
        return [*m[0], *moved], {-1 - i: d for i, d in enumerate(m[1] + n[1])}

    def relabel(self, p: Poly, labels: Mapping[int, int]) -> Poly:
        """`p` with its axes renamed; several may get one name (a diagonal)."""
        if all(old == new for old, new in labels.items()):
            return p
        return self.add(
            *(
                (
                    1,
                    self.monomial(
                        c,
                        [(a, tuple(labels.get(x, x) if x >= 0 else x for x in ls), e) for a, ls, e in factors],
                        {-1 - i: d for i, d in enumerate(dims)},
                    ),
                )
                for (factors, dims), c in p.items()
            )
        )

    def summed(self, p: Poly, axes: Mapping[int, Dim]) -> Poly:
        """The sum over the given axes."""
        if not axes:
            return p
        parts = []
        for (factors, dims), c in p.items():
            rename = {x: -1 - len(dims) - i for i, x in enumerate(axes)}
            bound = {-1 - i: d for i, d in enumerate(dims)}
            bound |= {rename[x]: self.size_number(d) for x, d in axes.items()}
            moved = [(a, tuple(rename.get(x, x) for x in ls), e) for a, ls, e in factors]
            parts.append((1, self.monomial(c, moved, bound)))
        return self.add(*parts)

    def size(self, dim: Dim) -> Poly:
        """A size as a polynomial in its names."""
        if isinstance(dim, int):
            return self.number(dim)
        total: Poly = {}
        for term in sympy.Add.make_args(sympy.expand(dim)):
            product = self.number(1)
            for part in sympy.Mul.make_args(term):
                base, power = part.as_base_exp()
                if base.is_Rational and power.is_Integer:
                    value = Fraction(int(base.p), int(base.q)) ** int(power)
                    product = self.multiply(product, self.number(value))
                    continue
                if not power.is_Integer:
                    base, power = part, sympy.Integer(1)
                positive = base.is_Symbol
                atom = self.atom(
                    ("size", base),
                    lambda positive=positive: Atom("size", 0, ((),), {}, positive=positive, nonnegative=True),
                )
                product = self.multiply(product, self.single(atom, (), Fraction(int(power))))
            total = self.add((1, total), (1, product))
        return total

    def whole_power(self, p: Poly, e: int) -> Poly:
        """``p**e`` for e > 0, multiplied out."""
        result = p
        for _ in range(e - 1):
            result = self.multiply(result, p)
        return result

    # -- one monomial --------------------------------------------------------------------------------------------

    def monomial(self, c: Fraction, factors: Iterable[Factor], bound: dict[int, int]) -> Poly:
        """A product with its deltas resolved, facts applied, powers of sums multiplied out, and labels numbered."""
        self.budget -= 1
        if self.budget < 0:
            raise OutOfBudgetError("the expansion grew too large")
        merged = self.merged(factors)
        while True:
            changed = self.unified(merged, bound)
            if changed is None:
                changed = shortened(self, merged, bound)
            if changed is None and self.movers:
                changed = settled(self, merged, bound)
            if changed is None:
                break
            merged = changed
        outside = self.number(1)
        for key, e in list(merged.items()):
            atom = self.atoms[key[0]]
            if atom.kind == "order" and key[1][0] < key[1][1] and max(key[1]) >= 0:
                return self.turned(c, merged, bound, key)
            turn = self.turn(merged, key, e)
            if turn is not None:
                return self.unit_circle(c, merged, bound, *turn)
            if atom.kind == "root" and (e >= 1 or e < 0):
                (value,) = atom.body.values()
                whole = e.numerator // e.denominator
                c *= value**whole
                merged[key] = e - whole
            elif atom.kind == "power" and e >= 1:
                whole = e.numerator // e.denominator
                merged[key] = e - whole
                return self.expanded(c, merged, bound, key, whole)
        carried = {x for _, labels in merged for x in labels}
        for label in [x for x in bound if x not in carried]:
            outside = self.multiply(outside, self.size(self.sizes[bound.pop(label)]))
        items = [(a, labels, e) for (a, labels), e in merged.items() if e]
        mono = canonical(items, bound, self.symmetries)
        if len(outside) == 1 and UNIT in outside:
            return {mono: c * outside[UNIT]}
        return self.multiply({mono: c}, outside)

    def turn(self, merged: Merged, key: tuple[int, Labels], e: Fraction) -> tuple[Square, Square, int] | None:
        """A sine and its cosine to powers that sin**2 + cos**2 = 1 makes smaller: what is to be replaced, and how."""
        if key[0] not in self.cosines or e.denominator != 1:
            return None
        other = (self.cosines[key[0]], key[1])
        f = merged.get(other, Fraction(0))
        if e >= 2:
            return key, other, -1
        if e < 0 and f.denominator == 1 and f >= 2:
            return other, key, -1
        return (key, other, 1) if e < 0 and f.denominator == 1 and f < 0 else None

    def unit_circle(self, c: Fraction, merged: Merged, bound: dict[int, int], a: Square, b: Square, sign: int) -> Poly:
        """a**2 is 1 - b**2 (`sign` -1), and 1 is a**2 + b**2 (`sign` 1)."""
        less = {**merged, a: merged[a] - 2} if sign < 0 else merged
        first = less if sign < 0 else {**less, a: less[a] + 2}
        second = {**less, b: less.get(b, Fraction(0)) + 2}
        parts = ((1, first), (sign, second))
        return self.add(
            *((s, self.monomial(c, [(n, ls, e) for (n, ls), e in m.items() if e], dict(bound))) for s, m in parts)
        )

    def turned(self, c: Fraction, merged: Merged, bound: dict[int, int], key: tuple[int, Labels]) -> Poly:
        """[i >= j] is 1 + [i = j] - [j >= i]."""
        rest = [(a, ls, e) for (a, ls), e in merged.items() if (a, ls) != key]
        same = (self.delta, key[1], ONE)
        other = (key[0], key[1][::-1], ONE)
        parts = [(1, []), (1, [same]), (-1, [other])]
        return self.add(*((sign, self.monomial(c, [*rest, *more], dict(bound))) for sign, more in parts))

    def merged(self, factors: Iterable[Factor]) -> Merged:
        """Equal factors by exponent, each under the smallest of its equivalent label orders."""
        found: Merged = {}
        for a, labels, e in factors:
            permutations = self.atoms[a].symmetries
            key = (a, labels if len(permutations) == 1 else min(tuple(labels[i] for i in p) for p in permutations))
            found[key] = found.get(key, Fraction(0)) + e
        out = {}
        for key, e in found.items():
            power = self.range_power(self.atoms[key[0]], e)
            if power:
                out[key] = power
        return out

    def range_power(self, atom: Atom, e: Fraction) -> Fraction:
        """b**2 is b for b in {0, 1}; s**3 is s for a sign, and s**2 is 1 where it cannot be 0."""
        if e.denominator != 1:
            return e
        if e > 0 and (atom.binary or ("binary", 0) in atom.facts):
            return ONE
        if ("sign", 0) in atom.facts:
            return e % 2
        if atom.kind == "sign" and e:
            return e % 2 if self.off_kinks(atom) else 2 - e % 2
        return e

    def off_kinks(self, sign: Atom) -> bool:
        """Whether the argument of this sign is 0 almost nowhere, and the point is taken away from there."""
        return sign.generic and not self.off_kinks_of.isdisjoint(sign.leaves)

    def unified(self, merged: Merged, bound: dict[int, int]) -> Merged | None:
        """`merged` with one delta resolved; None if there is none to resolve."""
        for (a, labels), e in merged.items():
            if a != self.delta:
                continue
            i, j = sorted(labels)
            rest = [(b, ls, p) for (b, ls), p in merged.items() if (b, ls) != (a, labels)]
            if i == j:
                return self.merged(rest)
            if i < 0:
                bound.pop(i)
                return self.merged((b, tuple(j if x == i else x for x in ls), p) for b, ls, p in rest)
            if any(j in ls for _, ls, _ in rest):
                return self.merged(
                    [(a, labels, e), *((b, tuple(i if x == j else x for x in ls), p) for b, ls, p in rest)]
                )
        return None

    def expanded(self, c: Fraction, merged: Merged, bound: dict[int, int], key: tuple[int, Labels], e: int) -> Poly:
        """A monomial in which the sum `key` stands to the whole power `e`, multiplied out."""
        body = self.whole_power(self.atoms[key[0]].body, e) if e <= 8 else None
        if body is None:
            raise OutOfBudgetError("a sum to a high power")
        lowest = min(bound, default=0)
        parts = []
        for (factors, dims), k in body.items():
            rename = dict(enumerate(key[1])) | {-1 - i: lowest - 1 - i for i in range(len(dims))}
            moved = [(a, tuple(rename[x] for x in ls), p) for a, ls, p in factors]
            own = [(a, ls, p) for (a, ls), p in merged.items() if p]
            inner = {lowest - 1 - i: d for i, d in enumerate(dims)}
            parts.append((1, self.monomial(c * k, [*own, *moved], {**bound, **inner})))
        return self.add(*parts)
