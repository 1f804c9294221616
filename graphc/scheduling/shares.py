"""Values less their mean under a softmax, from differences to the value of the largest share.

    g - sum(p*g)         =  r - sum(p*r)            with r = g - g[k], k the place of the largest p = softmax(x)
    h/sum(p*h) - 1       =  (h - sum(p*h))/sum(p*h)

Where one share is next to 1 its value and the mean agree in nearly all digits; r is 0 there. Both are the gradients of
sums with softmax.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD, scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, factors_of, summed
from graphc.ops.defined import SOFTMAX
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import less_mean
from graphc.scheduling.nested import split_terms
from graphc.scheduling.recognition import plain
from graphc.scheduling.tails import Computed, Terms

Powers: TypeAlias = "dict[tuple[Expr, Labels], Fraction]"
Product: TypeAlias = "tuple[Fraction, Powers]"  # number, and exponents of the factors


def without_mean(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first such difference among the terms of a sum, as one; and the other terms."""
    if len(terms) < 2:
        return None
    shape = terms[0][1].shape
    if len({x.shape for _, x in terms}) > 1 or not any(_has_share(x) for _, x in terms):
        return None
    read = [(k, c, g) for k, (c, g) in enumerate(terms) if number_of(g) is None and not _multiplies(g)]
    for i, c, g in read:
        own = _product([(g, aligned(shape, shape), ONE)], c)
        for j, (d, f) in enumerate(terms):
            if i == j:
                continue
            found = _from_mean(own, d, f, computed) if number_of(f) is None else _from_one(own, d, f, computed)
            if found is not None:
                return found, [t for k, t in enumerate(terms) if k not in (i, j)]
    for j, (d, f) in enumerate(terms) if len(terms) > 2 else ():
        summands = _from_sum(terms, j, d, f, computed)
        if summands is not None:
            return summands
    return None


def _has_share(x: Expr) -> bool:
    """Whether a sum with a softmax is in a term."""
    return any(f.op is CONTRACT and any(plain(g).op is SOFTMAX for g in _opened(f)) for f in topological([x])[-6:])


def _opened(f: Expr) -> list[Expr]:
    return [h for g in f.operands for h in (g, *(plain(g).operands if plain(g).op is CONTRACT else ()))]


def _multiplies(g: Expr) -> bool:
    """Whether a product of matrices is in a value: such is no nearer to its exact value than the difference."""
    return any(f.op is CONTRACT and summed(f) and f.ndim > 1 and len(f.operands) > 1 for f in topological([g]))


def _product(factors: list[Factor], number: Fraction) -> Product:
    """Number and factors of a product, those of products entry by entry among them."""
    found: Powers = {}
    stack = list(factors)
    while stack:
        f, labels, e = stack.pop()
        f = plain(f)
        if f.op is CONTRACT and not summed(f) and e.denominator == 1:
            number *= f.attributes["coefficient"] ** int(e)
            stack += [(g, tuple(labels[a] if a >= 0 else -1 for a in ls), e * p) for g, ls, p in factors_of(f)]
        else:
            found = _times(found, (f, labels), e)
    return number, found


def _times(powers: Powers, key: tuple[Expr, Labels], e: Fraction) -> Powers:
    """A product times a power of a factor."""
    total = powers.get(key, Fraction(0)) + e
    return {k: p for k, p in (powers | {key: total}).items() if p}


def _under_sum(f: Expr, labels: Labels) -> tuple[Expr, int, Product] | None:
    """A sum along an axis of a softmax times others: the softmax, the axis, and the others where the softmax stands."""
    while plain(f).op is CONTRACT and not summed(plain(f)) and len(plain(f).operands) == 1:
        f = plain(f)
        if f.attributes["coefficient"] != 1 or f.attributes["exponents"] != (ONE,):
            return None
        labels = tuple(labels[a] if a >= 0 else -1 for a in f.attributes["labels"][0])
        (f,) = f.operands
    f = plain(f)
    if f.op is not CONTRACT or len(summed(f)) != 1:
        return None
    along = 1 + max((*labels, f.ndim), default=0)  # the label of the axis that is summed over
    inner = [
        (g, tuple(along if a >= f.ndim else labels[a] if a >= 0 else -1 for a in ls), e) for g, ls, e in factors_of(f)
    ]
    number, found = _product(inner, f.attributes["coefficient"])
    for p, ls in found:
        place = p.attributes["axis"] % p.ndim if p.op is SOFTMAX else None
        if place is None or ls != tuple(along if a == place else a for a in range(p.ndim)):
            continue
        left = _times(found, (p, ls), -ONE)
        turned = {(g, tuple(place if a == along else a for a in at)): e for (g, at), e in left.items()}
        return p, place, (number, turned)
    return None


def _from_sum(terms: Terms, j: int, d: Fraction, f: Expr, computed: Computed) -> tuple[Expr, Terms] | None:
    """A mean of a sum, and the terms of this sum."""
    found = _under_sum(f, tuple(range(f.ndim))) if number_of(f) is None else None
    if found is None or found[0].shape != f.shape or len(found[2][1]) != 1:
        return None
    ((g, labels), e) = next(iter(found[2][1].items()))
    if g.op is not ADD or e != 1 or labels != aligned(g.shape, f.shape) or g.shape != f.shape or _multiplies(g):
        return None
    scale = -d * found[2][0]
    needed = [(scale * c, plain(x)) for c, x in split_terms(g)]
    places = {(c, plain(x)): k for k, (c, x) in enumerate(terms) if k != j}
    taken = {places[t] for t in needed if t in places}
    if len(taken) < len(needed):
        return None
    whole = less_mean(computed(found[0]), scaled(scale, computed(g)), found[1])
    return whole, [t for k, t in enumerate(terms) if k != j and k not in taken]


def _from_mean(own: Product, d: Fraction, f: Expr, computed: Computed) -> Expr | None:
    found = _under_sum(f, tuple(range(f.ndim)))
    if found is None or found[0].shape != f.shape or found[2][1] != own[1] or d * found[2][0] != -own[0]:
        return None
    return less_mean(computed(found[0]), _value(own, found[0], computed), found[1])


def _from_one(own: Product, d: Fraction, f: Expr, computed: Computed) -> Expr | None:
    number = number_of(f)
    for (h, labels), e in own[1].items():
        found = _under_sum(h, labels) if e == -1 else None
        rest = own[0], _times(own[1], (h, labels), ONE)
        if found is None or found[0].shape != f.shape or found[2][1] != rest[1] or number is None:
            continue
        if d * number != -own[0] / found[2][0]:
            continue
        above = less_mean(computed(found[0]), _value(rest, found[0], computed), found[1])
        return contract([(above, aligned(f.shape, f.shape), ONE), (computed(h), labels, -ONE)], f.shape)
    return None


def _value(product: Product, p: Expr, computed: Computed) -> Expr:
    number, found = product
    return contract([(computed(f), ls, e) for (f, ls), e in found.items()], p.shape, number)
