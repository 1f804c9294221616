"""The factors of a product found among those of another one, with the labels that they have there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.rewriting.order import Factor, Labels, is_symmetric
from graphc.rewriting.terms import Entries

Key = tuple[Expr, Labels]
Place = dict[int, int]  # the labels of the product that is looked for, and those that they have
MANY = 24  # factors from which products in a product are not looked into
FRESH = -(10**6)


class Found(NamedTuple):
    """A factor, and the product that it stands in, if it is none of the outer factors."""

    factor: Factor
    owner: Key | None


def beside(a: Expr, others: list[Found], place: Place, far: int) -> tuple[Place, list[Found]] | None:
    """The factors of the contraction `a` among `others`, where the labels in `place` are known.

    What `a` sums over, and the labels in `place`, stand in nothing else; nor does what `a` sums over have the label
    `far`.
    """
    ends = tuple(range(a.ndim))
    found = matched([x.factor for x in flattened({(a, ends): ONE})], others, place, [])
    if found is None:
        return None
    where, used = found
    inner = {where[x] for x in where if x not in ends or x in place}
    rest = {x for o in others if o not in used for x in o.factor[1]}
    return found if all(x < -1 for x in inner) and not inner & {*rest, far} else None


def flattened(entries: Entries) -> list[Found]:
    """The factors of a product, with those of the products among them."""
    fresh = itertools.count(FRESH, -1)
    out: list[Found] = []
    stack: list[Found] = [Found((*own, e), None) for own, e in entries.items()]
    while stack:
        one = stack.pop()
        (f, labels, e), owner = one
        if f.op is not CONTRACT or not summed(f) or e != 1 or len(out) + len(stack) > MANY:
            out.append(one)
            continue
        under = dict(enumerate(labels)) | {x: next(fresh) for x in summed(f)} | {-1: -1}
        whose = owner or (f, labels)
        stack += [Found((g, tuple(under[x] for x in ls), p), whose) for g, ls, p in factors_of(f)]
    return out


def matched(
    wanted: list[Factor], others: list[Found], place: Place, used: list[Found]
) -> tuple[Place, list[Found]] | None:
    """`wanted` among `others` that are not in `used`, each joined to what was found before."""
    if not wanted:
        return place, used
    next_one = next((x for x in wanted if any(a in place for a in x[1])), None)
    if next_one is None:
        return None
    rest = [x for x in wanted if x is not next_one]
    for other in others:
        if other in used or other.factor[0] is not next_one[0] or other.factor[2] != next_one[2]:
            continue
        for labels in readings(other.factor):
            joint = extended(place, next_one[1], labels)
            found = None if joint is None else matched(rest, others, joint, [*used, other])
            if found is not None:
                return found
    return None


def readings(factor: Factor) -> Iterator[Labels]:
    f, labels, _ = factor
    yield labels
    if is_symmetric(f):
        yield (*labels[:-2], labels[-1], labels[-2])


def extended(place: Place, labels: Labels, there: Labels) -> Place | None:
    """`place` with `labels` standing for those `there`, each for one of its own."""
    joint = dict(place)
    for a, b in zip(labels, there, strict=True):
        if joint.setdefault(a, b) != b:
            return None
    return joint if len(set(joint.values())) == len(joint) else None
