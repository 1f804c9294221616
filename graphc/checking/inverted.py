"""Inverses of sums under products: with M = inv(B), the lead term L of B gives L M = 1 - (B - L) M.

That proves the push-through identity, inv(1 + A B) A = A inv(1 + B A), and those of Woodbury, Sherman and Morrison. An
equation of matrices may be multiplied by B, which has an inverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from graphc.checking.atoms import Mono, Poly
from graphc.checking.denominators import joined, occurrences, outer_cleared, vanishes
from graphc.checking.labels import Factor, Labels
from graphc.checking.polynomials import Algebra

ROUNDS = 40
TIMES = 3  # factors that an equation is multiplied by


def inverses_vanish(algebra: Algebra, p: Poly) -> bool:
    """Whether `p` is zero by what inverses are. False says nothing."""
    if not any(atom.kind == "inv" for atom in algebra.atoms):
        return False
    p = reduced(algebra, outer_cleared(algebra, p))
    for _ in range(TIMES):
        found = next(_outer(algebra, p), None)
        if not p or found is None:
            break
        p = reduced(algebra, _multiplied(algebra, p, *found))
    return not p or vanishes(algebra, p)


def reduced(algebra: Algebra, p: Poly) -> Poly:
    """`p` with lead terms beside their inverses written away."""
    for _ in range(ROUNDS):
        step = next((found for mono, c in p.items() if (found := _step(algebra, mono, c)) is not None), None)
        if step is None:
            return p
        mono, result = step
        p = algebra.add((1, {m: c for m, c in p.items() if m != mono}), (1, result))
    return p


def _inverses(algebra: Algebra, mono: Mono) -> Iterator[tuple[int, Labels]]:
    for a, labels, e in mono[0]:
        if algebra.atoms[a].kind == "inv" and len(labels) == 2 and e == 1 and algebra.atoms[a].body:
            yield a, labels


def _outer(algebra: Algebra, p: Poly) -> Iterator[tuple[int, int, int]]:
    """An inverse with an axis of the equation: the atom, which of its axes, and the label."""
    for mono in p:
        for a, labels in _inverses(algebra, mono):
            for side, x in enumerate(labels):
                if x >= 0:
                    yield a, side, x


def _multiplied(algebra: Algebra, p: Poly, a: int, side: int, x: int) -> Poly:
    """The equation times the matrix that `a` inverts, over the axis `x`."""
    body = algebra.atoms[a].body
    y = 1 + max((x for m in (*p, *body) for _, ls, _ in m[0] for x in ls), default=0)
    moved = algebra.relabel(p, {x: y})
    matrix = algebra.relabel(body, {0: x, 1: y} if side == 0 else {0: y, 1: x})
    return algebra.summed(algebra.multiply(matrix, moved), {y: algebra.axes[a]})


def _step(algebra: Algebra, mono: Mono, c: Fraction) -> tuple[Mono, Poly] | None:
    """A monomial, and what it is with a lead term beside its inverse written away."""
    every = sorted({x for _, ls, _ in mono[0] for x in ls})
    for a, labels in _inverses(algebra, mono):
        body = algebra.atoms[a].body
        lead = max(body, key=lambda m: (sum(abs(q) for _, _, q in m[0]), m))
        for side in (0, 1):
            inner, outer = labels[side], labels[1 - side]
            if inner >= 0 or any(q <= 0 for _, _, q in lead[0]):
                continue
            beside = [f for f in mono[0] if f[:2] != (a, labels)]
            for k in every:
                axes = (k, inner) if side == 0 else (inner, k)
                for left, bound in occurrences(algebra, lead, axes, (tuple(beside), mono[1])):
                    if k == inner or any(inner in ls for _, ls, _ in left):
                        continue
                    scale = c / body[lead]
                    bound.pop(inner, None)
                    one: list[Factor] = [*left, (algebra.delta, (k, outer), Fraction(1))]
                    whole = algebra.monomial(scale, one, dict(bound))
                    rest = {m: q for m, q in body.items() if m != lead}
                    taken = [*left, (a, labels, Fraction(1))]
                    bound[inner] = mono[1][-1 - inner]
                    return mono, algebra.add((1, whole), (-1, joined(algebra, scale, taken, bound, rest, axes)))
    return None
