"""Signs of sums decided together: a difference is zero if it is in every order that its quantities can have.

The signs of x - y, y - z and x - z are not independent: x > y > z > x cannot be. Each sign is given its values in turn;
an assignment counts only where its inequalities, linear in the monomials, have a solution (Fourier and Motzkin).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from graphc.checking.atoms import UNIT, Mono, Poly
from graphc.checking.cases import Cases
from graphc.checking.labels import Labels

MOST = 8  # signs that are decided together
MOST_INEQUALITIES = 80
Key = tuple[int, Labels]


class Inequality(NamedTuple):
    """``body > 0``, or ``body >= 0``."""

    body: Poly
    strict: bool


class Case(NamedTuple):
    """Values of signs, and what they say: ``body`` has the sign ``value``."""

    values: dict[Key, int]
    says: list[tuple[Poly, int]]


def orders_vanish(algebra: Cases, p: Poly) -> bool:
    """Whether `p` is zero in every order of its quantities. False says nothing."""
    if not any(algebra.atoms[a].kind == "sign" for m in p for a, _, _ in m[0]):
        return False
    groups: dict[tuple[int, ...], Poly] = {}
    for mono, c in p.items():
        groups.setdefault(mono[1], {})[mono] = c
    for dims in groups:
        if len(dims) == 1:
            groups[dims] |= _constant(algebra, dims[0], groups.get((), {}))
    nothing = Case({}, [])
    return all(len(d) <= 1 and _zero(algebra, unsummed(algebra, q), nothing) for d, q in groups.items())


def _constant(algebra: Cases, size: int, p: Poly) -> Poly:
    """The terms that are a multiple of a size, taken out of `p`, as what is summed that many times."""
    number = algebra.numbers.get(("size", algebra.sizes[size]))
    if number is None:
        return {}
    factor = (number, (), Fraction(1))
    found = [m for m in p if factor in m[0]]
    return {(tuple(f for f in m[0] if f != factor), ()): p.pop(m) for m in found}


def unsummed(algebra: Cases, p: Poly) -> Poly:
    """The terms under a sum over one label: where they add up to zero, so does their sum."""
    free = max(1 + x for x in (-1, *(x for m in p for _, ls, _ in m[0] for x in ls)))
    return algebra.add(
        *(
            (1, algebra.monomial(c, [(a, tuple(free if x < 0 else x for x in ls), e) for a, ls, e in factors], {}))
            for (factors, _), c in p.items()
        )
    )


def _zero(algebra: Cases, p: Poly, case: Case) -> bool:
    if not p:
        return True
    key = next(_signs(algebra, p), None)
    if key is None:
        return not _substituted(algebra, p, [body for body, value in case.says if not value])
    if len(case.values) >= MOST:
        return False
    body = _body(algebra, key, case)
    while (inner := next(_signs(algebra, body), None)) is not None:
        key, body = inner, _body(algebra, inner, case)
    for value in (1, -1) if algebra.off_kinks(algebra.atoms[key[0]]) else (1, -1, 0):
        now = Case({**case.values, key: value}, [*case.says, (body, value)])
        if possible(algebra, now.says) and not _zero(algebra, algebra.at(p, key, value), now):
            return False
    return True


def _signs(algebra: Cases, p: Poly) -> Iterator[Key]:
    for factors, _ in p:
        for a, labels, _ in factors:
            if algebra.atoms[a].kind == "sign" and min(labels, default=0) >= 0:
                yield a, labels


def _body(algebra: Cases, key: Key, case: Case) -> Poly:
    """What a sign is of, in this case."""
    body = algebra.relabel(algebra.atoms[key[0]].body, dict(enumerate(key[1])))
    for known, value in case.values.items():
        body = algebra.at(body, known, value)
    return body


def _substituted(algebra: Cases, p: Poly, zeros: list[Poly]) -> Poly:
    """`p` where the polynomials `zeros` are 0, each solved for an atom in which it is linear."""
    left = list(zeros)
    while left:
        body = left.pop(0)
        key = next((k for k in _alone(body)), None)
        if key is None:
            continue
        lead = next(m for m in body if [f[:2] for f in m[0]] == [key])
        value = algebra.add((-1 / body[lead], {m: c for m, c in body.items() if m != lead}))
        p = _put(algebra, p, key, value)
        left = [_put(algebra, other, key, value) for other in left]
    return p


def _alone(p: Poly) -> Iterator[Key]:
    """Atoms that occur in one term, to the first power and by themselves."""
    for factors, dims in p:
        if len(factors) == 1 and not dims and factors[0][2] == 1:
            key = factors[0][:2]
            if sum(f[:2] == key for m in p for f in m[0]) == 1:
                yield key


def _put(algebra: Cases, p: Poly, key: Key, value: Poly) -> Poly:
    parts: list[tuple[Fraction | int, Poly]] = []
    for (factors, dims), c in p.items():
        e = next((q for a, ls, q in factors if (a, ls) == key), Fraction(0))
        whole = e if e.denominator == 1 and 0 < e <= 4 else Fraction(0)
        rest = [f for f in factors if f[:2] != key or not whole]
        term = algebra.monomial(c, rest, {-1 - i: d for i, d in enumerate(dims)})
        parts.append((1, algebra.multiply(term, algebra.whole_power(value, int(whole))) if whole else term))
    return algebra.add(*parts)


def possible(algebra: Cases, says: list[tuple[Poly, int]]) -> bool:
    """Whether there may be numbers for the monomials with these signs. True says nothing."""
    known = []
    for body, value in says:
        turned = [algebra.add((v, body)) for v in ((value,) if value else (1, -1))]
        known += [Inequality(p, bool(value)) for p in turned]
    known += _ranges(algebra, {m for body, _ in says for m in body if m != UNIT})
    while True:
        if any(not p or set(p) == {UNIT} for p, _ in known):
            constants = [(p.get(UNIT, Fraction(0)), strict) for p, strict in known if set(p) <= {UNIT}]
            if any(c < 0 or (strict and c == 0) for c, strict in constants):
                return False
            known = [q for q in known if not set(q.body) <= {UNIT}]
        if not known:
            return True
        known = _without(algebra, known)
        if len(known) > MOST_INEQUALITIES:
            return True


def _ranges(algebra: Cases, monos: set[Mono]) -> Iterator[Inequality]:
    for mono in sorted(monos):
        p: Poly = {mono: Fraction(1)}
        if algebra.is_nonnegative(p):
            yield Inequality(p, algebra.is_positive(p))
        if algebra.is_nonnegative(above := algebra.add((1, algebra.number(1)), (-1, p))):
            yield Inequality(above, algebra.is_positive(above))


def _without(algebra: Cases, known: list[Inequality]) -> list[Inequality]:
    """The inequalities that follow for all monomials but one."""
    monos = {m for p, _ in known for m in p if m != UNIT}

    def growth(m: Mono) -> tuple[int, Mono]:
        signs = [p[m] > 0 for p, _ in known if m in p]
        return sum(signs) * (len(signs) - sum(signs)), m

    gone = min(monos, key=growth)
    low = [q for q in known if q.body.get(gone, 0) > 0]
    high = [q for q in known if q.body.get(gone, 0) < 0]
    algebra.budget -= len(low) * len(high)
    joined = [
        Inequality(algebra.add((1 / a.body[gone], a.body), (-1 / b.body[gone], b.body)), a.strict or b.strict)
        for a, b in itertools.product(low, high)
    ]
    return [q for q in known if gone not in q.body] + joined
