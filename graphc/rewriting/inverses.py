"""What a product with an inverse, a solution or an orthogonal matrix cancels.

inv(A) A = I,   A inv(A) = I,   inv(A B) A = inv(B),   B inv(A B) = inv(A)   for square factors,
A solve(A, b) = b,   Q Q^T = Q^T Q = I for an orthogonal Q.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.factorizations import EIGH_VECTORS
from graphc.ops.leaves import EYE, PARAMETER, SYMBOL, constant
from graphc.ops.linalg import INV, SOLVE
from graphc.rewriting.engine import Known, Law, law
from graphc.rewriting.order import Labels, is_symmetric
from graphc.rewriting.terms import Entries

Key = tuple[Expr, Labels]
ORTHOGONAL = Fact("orthogonal")

ROWS = law("inverses", "rows of an orthogonal Q have norm 1")
SOLVED = law("inverses", "A solve(A, b) = b")
INVERSE = law("inverses", "A inv(A) = I")
PART = law("inverses", "inv(A B) = inv(B) inv(A), and A inv(A) = I")
ORTHONORMAL = law("inverses", "Q Q.T = I for an orthogonal Q")


class Cancelled(NamedTuple):
    """Two factors over a summed label, and the one that they make; without a result, the contraction to open."""

    label: int
    gone: tuple[Key, ...]
    result: Key | None
    law: Law | None = None
    facts: tuple[Known, ...] = ()


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
                    return Cancelled(x, (key,), (constant(1), ()), ROWS, known(f))
                continue
            found = met(entries, key, at, x)
            if found is not None:
                return found
    return None


def undoes(f: Expr) -> bool:
    """An inverse, or a matrix declared orthogonal."""
    return f.op is INV or (f.op in (SYMBOL, PARAMETER) and is_orthogonal(f))


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
        return Cancelled(x, (key, (g, labels)), result, used, facts)
    inside = any(joined(key, at, (h, ls), place) is not None for h, ls, place in carriers(g, labels.index(x)))
    return Cancelled(x, ((g, labels),), None) if inside and len(key[1]) <= 2 else None


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
