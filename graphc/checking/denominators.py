"""Denominators cleared, so that two fractions are equal exactly where their difference expands to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from graphc.checking.atoms import Mono, OutOfBudgetError, Poly
from graphc.checking.labels import Factor, Labels
from graphc.checking.polynomials import Algebra

ROUNDS = 60


def vanishes(algebra: Algebra, difference: Poly) -> bool:
    """Whether `difference` is zero after its denominators are cleared. False says nothing.

    Where a denominator is 0 on a diagonal, as x[i] - x[j] is, the diagonal is looked at by itself.
    """
    pair = next(singular(algebra, difference), None)
    if pair is not None:
        i, j = pair
        delta = (algebra.delta, (i, j), Fraction(1))
        off = algebra.add((1, {m: c for m, c in difference.items() if delta not in m[0]}))
        return not algebra.relabel(difference, {j: i}) and _cleared_away(algebra, off)
    return _cleared_away(algebra, difference)


def singular(algebra: Algebra, p: Poly) -> Iterator[tuple[int, int]]:
    """Axes with a delta over them in `p`, where a denominator in it is 0 on their diagonal."""
    deltas = {ls for factors, _ in p for a, ls, _ in factors if a == algebra.delta and min(ls) >= 0}
    for a, labels, e in _sums(algebra, p):
        for i, j in deltas:
            if e < 0 and i in labels and j in labels:
                places = {labels.index(j): labels.index(i)}
                if not algebra.relabel(algebra.atoms[a].body, places):
                    yield i, j


def _cleared_away(algebra: Algebra, difference: Poly) -> bool:
    cleared = outer_cleared(algebra, difference)
    if not cleared:
        return True
    common = inner_aligned(algebra, cleared)
    return not common or not divided(algebra, common)


def outer_cleared(algebra: Algebra, p: Poly) -> Poly:
    """`p` times the sums outside of every index sum that its terms are divided by."""
    for _ in range(ROUNDS):
        lowest: dict[tuple[int, Labels], Fraction] = {}
        for a, labels, e in _sums(algebra, p):
            if e < 0 and min(labels, default=0) >= 0:
                lowest[a, labels] = min(e, lowest.get((a, labels), e))
        if not lowest:
            return p
        (a, labels), e = min(lowest.items())
        p = _times(algebra, p, (a, labels, -e))
    raise OutOfBudgetError("too many denominators")


def inner_aligned(algebra: Algebra, p: Poly) -> Poly:
    """Powers of one sum under index sums brought to the lowest: d**-1 is d * d**-2 where d**-2 occurs."""
    lowest: dict[tuple[int, Fraction], Fraction] = {}
    for a, _, e in _sums(algebra, p):
        key = (a, e % 1)
        lowest[key] = min(e, lowest.get(key, e))
    parts = []
    for mono, c in p.items():
        high = [(a, ls, e - lowest[a, e % 1]) for a, ls, e in _sums(algebra, {mono: c}) if e > lowest[a, e % 1]]
        term: Poly = {mono: c}
        for a, labels, steps in high:
            if any(x < 0 for x in labels):
                term = _multiplied_out(algebra, mono, c, (a, labels, steps))
                break
        parts.append((1, term))
    return algebra.add(*parts)


def _multiplied_out(algebra: Algebra, mono: Mono, c: Fraction, factor: Factor) -> Poly:
    """The monomial with ``d**steps`` written as the power of its sum, and d lowered by as much."""
    a, labels, steps = factor
    lowered = [(b, ls, e - steps if (b, ls) == (a, labels) else e) for b, ls, e in mono[0]]
    bound = {-1 - i: d for i, d in enumerate(mono[1])}
    merged = algebra.merged(lowered)
    return algebra.expanded(c, merged, bound, (a, labels), int(steps))


def divided(algebra: Algebra, p: Poly) -> Poly:
    """Numerators reduced modulo the sums under index sums, and sums modulo their signs.

    With d = x + 1, x/d is 1 - 1/d; with s = sign(x + y), x*s**2 is x + y - y*s**2.
    """
    for _ in range(ROUNDS):
        step = next((found for mono, c in p.items() if (found := _division(algebra, mono, c)) is not None), None)
        if step is None:
            return p
        mono, result = step
        p = algebra.add((1, {m: c for m, c in p.items() if m != mono}), (1, result))
    return p


def _division(algebra: Algebra, mono: Mono, c: Fraction) -> tuple[Mono, Poly] | None:
    """A monomial, and what it becomes when the lead term of a sum in it is written through the sum."""
    for a, labels, e in mono[0]:
        atom = algebra.atoms[a]
        if not ((atom.kind == "power" and e < 0) or (atom.kind == "sign" and e == 2)):
            continue
        body = atom.body
        lead = max(body, key=lambda m: (sum(abs(q) for _, _, q in m[0]), m))
        if not lead[0] or any(q <= 0 for _, _, q in lead[0]):
            continue
        taken = next(occurrences(algebra, lead, labels, mono), None)
        if taken is None:
            continue
        left, bound = taken
        rest = {m: k for m, k in body.items() if m != lead}
        scale = c / body[lead]
        if atom.kind == "power":
            raised = [(b, ls, q + 1 if (b, ls) == (a, labels) else q) for b, ls, q in left]
            whole = algebra.monomial(scale, raised, dict(bound))
        else:
            whole = joined(algebra, scale, [f for f in left if f[:2] != (a, labels)], bound, body, labels)
        return mono, algebra.add((1, whole), (-1, joined(algebra, scale, left, bound, rest, labels)))
    return None


def joined(
    algebra: Algebra, c: Fraction, left: list[Factor], bound: dict[int, int], body: Poly, labels: Labels
) -> Poly:
    """A product of factors and a sum whose axes have `labels` there."""
    lowest = min(bound, default=0)
    parts = []
    for (factors, dims), k in body.items():
        rename = dict(enumerate(labels)) | {-1 - i: lowest - 1 - i for i in range(len(dims))}
        moved = [(b, tuple(rename[x] for x in ls), q) for b, ls, q in factors]
        inner = {lowest - 1 - i: d for i, d in enumerate(dims)}
        parts.append((1, algebra.monomial(c * k, [*left, *moved], {**bound, **inner})))
    return algebra.add(*parts)


def occurrences(
    algebra: Algebra, lead: Mono, labels: Labels, mono: Mono
) -> Iterator[tuple[list[Factor], dict[int, int]]]:
    """Ways to divide `mono` by a lead term over `labels`: the factors and summed labels that are left.

    A label that the lead term sums over must occur in the matched factors alone.
    """
    bound = {-1 - i: d for i, d in enumerate(mono[1])}
    pool = list(mono[0])

    def search(i: int, places: dict[int, int], left: list[Factor]) -> Iterator[tuple[list[Factor], dict[int, int]]]:
        if i == len(lead[0]):
            spent = [places[-1 - k] for k in range(len(lead[1]))]
            remaining = [f for f in left if f[2]]
            if not any(x in spent for _, ls, _ in remaining for x in ls):
                yield remaining, {x: d for x, d in bound.items() if x not in spent}
            return
        a, wanted, e = lead[0][i]
        for j, (b, ls, q) in enumerate(left):
            if b != a or q < e:
                continue
            for order in algebra.symmetries(b):
                grown = dict(places)
                if all(_bind(grown, w, ls[x], lead[1], bound) for w, x in zip(wanted, order, strict=True)):
                    yield from search(i + 1, grown, [*left[:j], (b, ls, q - e), *left[j + 1 :]])

    yield from search(0, dict(enumerate(labels)), pool)


def _bind(places: dict[int, int], wanted: int, x: int, dims: tuple[int, ...], bound: dict[int, int]) -> bool:
    if wanted in places:
        return places[wanted] == x
    if x >= 0 or x in places.values() or bound[x] != dims[-1 - wanted]:
        return False
    places[wanted] = x
    return True


def _sums(algebra: Algebra, p: Poly) -> Iterator[Factor]:
    for factors, _ in p:
        for factor in factors:
            if algebra.atoms[factor[0]].kind == "power":
                yield factor


def _times(algebra: Algebra, p: Poly, factor: Factor) -> Poly:
    return algebra.add(
        *(
            (1, algebra.monomial(c, [*factors, factor], {-1 - i: d for i, d in enumerate(dims)}))
            for (factors, dims), c in p.items()
        )
    )
