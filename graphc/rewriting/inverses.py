"""What a product with an inverse, a solution or an orthogonal matrix cancels.

inv(A) A = I,   A inv(A) = I,   inv(A B) A = inv(B),   B inv(A B) = inv(A)   for square factors,
A solve(A, b) = b,   Q Q^T = Q^T Q = I for an orthogonal Q,   |Q x| = |x|,
inv(A B C) A B C = I   for factors of any shape, so that D inv(D^T D) D^T D = D; likewise solve(A B C, A B C x) = x.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.factorizations import EIGH_VECTORS
from graphc.ops.leaves import EYE, PARAMETER, SYMBOL, constant
from graphc.ops.linalg import INV, SOLVE
from graphc.rewriting.beside import beside, flattened
from graphc.rewriting.engine import Known, Law, law
from graphc.rewriting.order import Labels, is_symmetric
from graphc.rewriting.terms import Entries

Key = tuple[Expr, Labels]
ORTHOGONAL, UNIT = Fact("orthogonal"), Fact("unit_norm", -1)

ROWS = law("inverses", "rows of an orthogonal Q have norm 1")
SOLVED = law("inverses", "A solve(A, b) = b")
TURNED = law("inverses", "an orthogonal Q keeps norms: |Q x| = |x|")
INVERSE = law("inverses", "A inv(A) = I")
PART = law("inverses", "inv(A B) = inv(B) inv(A), and A inv(A) = I")
ORTHONORMAL = law("inverses", "Q Q.T = I for an orthogonal Q")


class Cancelled(NamedTuple):
    """Factors over summed labels, and the one that they make; without a result, the contraction to open."""

    labels: tuple[int, ...]
    gone: tuple[Key, ...]
    result: Key | None
    law: Law | None = None
    facts: tuple[Known, ...] = ()
    exponent: Fraction = ONE


def cancelling(entries: Entries) -> Cancelled | None:
    """The first two factors of a product that cancel."""
    for key, e in entries.items():
        f, labels = key
        if e not in (1, 2) or not (f.op in (INV, SOLVE) or is_orthogonal(f)):
            continue
        for at in places(f):
            x = labels[at]
            if x >= -1 or labels.count(x) > 1:
                continue
            if e == 2:
                alone = is_orthogonal(f) and sum(x in ls for _, ls in entries) == 1
                if alone:
                    return Cancelled((x,), (key,), (constant(1), ()), ROWS, known(f))
                continue
            found = met(entries, key, at, x)
            if found is not None:
                return found
    return whole(entries) or turned_around(entries)


def turned_around(entries: Entries) -> Cancelled | None:
    """The square of Q x for an orthogonal Q, summed along the rows of Q: the square of x."""
    for key, e in entries.items():
        f, labels = key
        if e != 2 or f.op is not CONTRACT or not summed(f):
            continue
        for axis, x in enumerate(labels):
            if x >= -1 or sum(ls.count(x) for _, ls in entries) != 1:
                continue
            q, own, _ = next(carriers(f, axis), (f, (), 0))
            if q is f or q.ndim != 2 or not is_orthogonal(q):
                continue
            inner = next(a for a in own if a != axis)
            rest = [(g, ls, p) for g, ls, p in factors_of(f) if (g, ls) != (q, own)]
            if inner < f.ndim or not any(inner in ls for _, ls, _ in rest):
                continue
            moved = [(g, tuple(axis if a == inner else a for a in ls), p) for g, ls, p in rest]
            bare = contract(moved, f.shape, f.attributes["coefficient"])
            return Cancelled((x,), (key,), (bare, labels), TURNED, known(q), e)
    return None


def undoes(f: Expr) -> bool:
    """An inverse, a matrix declared orthogonal, or a vector declared of norm 1."""
    declared = f.op in (SYMBOL, PARAMETER) and bool(f.attributes.get("facts"))
    return f.op is INV or (declared and (is_orthogonal(f) or (f.ndim == 1 and UNIT in f.op.facts(f))))


def is_orthogonal(f: Expr) -> bool:
    told = bool(f.attributes.get("facts")) if f.op in (SYMBOL, PARAMETER) else f.op is EIGH_VECTORS or f.op.mirror
    return bool(told) and f.ndim >= 2 and ORTHOGONAL in f.op.facts(f)


def known(f: Expr) -> tuple[Known, ...]:
    """The fact that says so."""
    return (Known(ORTHOGONAL, f),)


def mirrored(f: Expr) -> tuple[Known, ...]:
    return (Known(Fact("symmetric"), f),)


def places(f: Expr) -> tuple[int, ...]:
    """The axes at which something can cancel, counted from the end."""
    return ((-1,) if f.operands[1].ndim == 1 else (-2,)) if f.op is SOLVE else (-1, -2)


def met(entries: Entries, key: Key, at: int, x: int) -> Cancelled | None:
    """What the factor `key` makes with the only other one that carries its label `x`."""
    others = [(other, e) for other, e in entries.items() if x in other[1] and other != key]
    if len(others) != 1 or others[0][1] != 1 or others[0][0][1].count(x) != 1:
        return None
    ((g, labels),) = (other for other, _ in others)
    made = joined(key, at, (g, labels), labels.index(x) - len(labels))
    if made is not None:
        result, used, facts = made
        return Cancelled((x,), (key, (g, labels)), result, used, facts)
    inside = any(joined(key, at, (h, ls), place) is not None for h, ls, place in carriers(g, labels.index(x)))
    return Cancelled((x,), ((g, labels),), None) if inside and len(key[1]) <= 2 else None


def carriers(g: Expr, axis: int) -> Iterator[tuple[Expr, Labels, int]]:
    """The factors inside a contraction that alone carry one of its axes, from the outside in."""
    while g.op is CONTRACT and summed(g):
        found = [(h, ls) for h, ls, e in factors_of(g) if axis in ls and e == 1 and ls.count(axis) == 1]
        if len(found) != 1 or sum(axis in ls for ls in g.attributes["labels"]) != 1:
            return
        g, labels = found[0]
        axis = labels.index(axis)
        yield g, labels, axis - len(labels)


def joined(key: Key, at: int, other: Key, place: int) -> tuple[Key, Law, tuple[Known, ...]] | None:
    """The factor that two factors make, joined at the axes `at` and `place`, with the labels of its axes."""
    (f, labels), (g, ls) = key, other
    if place < -2 or g.ndim < 2 or ls[:-2] != labels[: len(ls) - 2]:
        return None
    rest = ls[-3 - place]
    if f.op is SOLVE:
        if g is f.operands[0] and (place == -1 or is_symmetric(g)):
            solved = list(labels)
            solved[at] = rest
            return (f.operands[1], tuple(solved)), SOLVED, mirrored(g) if place != -1 else ()
        return None
    own = labels[-3 - at]
    identity = make(EYE, (), dim=f.shape[-1]), (own, rest)
    if f.op is INV:
        a = f.operands[0]
        if g is a and (place != at or is_symmetric(a)):
            return identity, INVERSE, mirrored(a) if place == at else ()
        part = factor_inverse(a, g, at, place, own, rest) if f.ndim == 2 else None
        if part is not None:
            return part, PART, ()
    if g is f and place == at and is_orthogonal(f):
        return identity, ORTHONORMAL, known(f)
    return None


def whole(entries: Entries) -> Cancelled | None:
    """An inverse of a product, or a solution with it, beside all factors of the product, each by itself or in another
    product."""
    if not any(e == 1 and holds_inverse(f) for (f, _), e in entries.items()):
        return None
    factors = flattened(entries)
    for own in factors:
        f, labels, e = own.factor
        if f.op not in (INV, SOLVE) or f.ndim > 2 or e != 1 or not is_inverted(f.operands[0]):
            continue
        a = f.operands[0]
        others = [x for x in factors if x is not own]
        # on the left of a the inverse meets its rows, on the right of it its columns; of a symmetric one, either
        for at, start in itertools.product((0, 1) if f.op is INV else (0,), (0, 1)):
            if (at == start and not is_symmetric(a)) or labels[at] >= -1 or labels.count(labels[at]) > 1:
                continue
            far = labels[1 - at] if f.op is INV else labels[-1] if f.ndim == 2 else -1
            found = beside(a, others, {start: labels[at]}, far)
            if found is None:
                continue
            place, used = found
            nested = next((x.owner for x in (own, *used) if x.owner is not None), None)
            if nested is not None:
                return Cancelled((), (nested,), None)
            facts = mirrored(a) if at == start else ()
            gone = tuple(place[x] for x in place if x != 1 - start)
            keys = ((f, labels), *(x.factor[:2] for x in used))
            if f.op is SOLVE:
                return Cancelled(gone, keys, (f.operands[1], (place[1 - start], *labels[1:])), SOLVED, facts)
            identity = make(EYE, (), dim=f.shape[-1]), (labels[1 - at], place[1 - start])
            return Cancelled(gone, keys, identity, INVERSE, facts)
    return None


def is_inverted(a: Expr) -> bool:
    return a.op is CONTRACT and bool(summed(a)) and a.attributes["coefficient"] == 1


def holds_inverse(f: Expr, levels: int = 4) -> bool:
    """Whether `f` is the inverse of a product or a solution with one, or a product with one."""
    if f.op in (INV, SOLVE):
        return is_inverted(f.operands[0])
    if f.op is not CONTRACT or not summed(f) or levels == 0:
        return False
    if "inverse" not in f.cache:
        f.cache["inverse"] = any(holds_inverse(o, levels - 1) for o in f.operands)
    found: bool = f.cache["inverse"]
    return found


def factor_inverse(a: Expr, g: Expr, at: int, place: int, own: int, rest: int) -> Key | None:
    """What remains of the inverse of the product `a` of two square matrices beside its first or last factor."""
    if a.op is not CONTRACT or not summed(a) or len(a.operands) != 2 or a.attributes["exponents"] != (1, 1):
        return None
    if any(h.ndim != 2 or h.shape[0] != h.shape[1] for h in a.operands):
        return None
    for side in (-1, -2) if is_symmetric(a) else (at,):
        outer = 0 if side == -1 else 1  # inv(a) on the left of g meets the first factor, on the right the last
        for i, (h, labels, _) in enumerate(factors_of(a)):
            other, far = a.operands[1 - i], a.attributes["labels"][1 - i]
            meets = outer in labels and (labels.index(outer) - 2 == place or is_symmetric(g))
            if h is g and meets and 1 - outer in far:
                straight = far.index(1 - outer) == 1 - outer  # the other factor stands in the product as it is
                return make(INV, (other,)), (own, rest) if straight == (side == -1) else (rest, own)
    return None
