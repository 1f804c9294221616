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
from graphc.ir.op import Op
from graphc.ops.arithmetic import ADD, scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, factors_of, summed
from graphc.ops.defined import SOFTMAX, log_softmax
from graphc.ops.elementwise import absolute, less
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.ops.reductions import where
from graphc.rewriting.logarithms import is_positive
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import less_mean, weighted_logsumexp, weighted_softmax
from graphc.scheduling.nested import split_terms, unscaled
from graphc.scheduling.recognition import EXP, plain
from graphc.scheduling.tails import Computed, Terms

TINY = Fraction(1, 10**20)
Powers: TypeAlias = "dict[tuple[Expr, Labels], Fraction]"
Product: TypeAlias = "tuple[Fraction, Powers]"  # number, and exponents of the factors


def without_mean(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first such difference among the terms of a sum, as one; and the other terms."""
    if len(terms) < 2:
        return None
    shape = terms[0][1].shape
    if not shape or len({x.shape for _, x in terms}) > 1 or not any(_has_share(x) for _, x in terms):
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
    """Whether a term is a multiple of a sum, stretched over its axis."""
    number, core = unscaled(x)
    while core.op is CONTRACT and not summed(core) and len(core.operands) > 0:
        stretched = [f for f in core.operands if f.ndim < core.ndim or 1 in f.shape]
        if not stretched:
            return any(_sums(f) for f in core.operands)
        if any(_sums(f) for f in stretched):
            return True
        core = plain(stretched[0])
    return bool(number) and _sums(core)


def _sums(f: Expr) -> bool:
    return plain(f).op is CONTRACT and bool(summed(plain(f)))


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


def _under_sum(f: Expr, labels: Labels, op: Op = SOFTMAX) -> tuple[Expr, int, Product] | None:
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
        if p.op is not op or along not in ls:
            continue
        place = p.attributes["axis"] % p.ndim if op is SOFTMAX else ls.index(along)
        if ls != tuple(along if a == place else a for a in range(p.ndim)):
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
    found = _quotient(own, d, f)
    if found is None:
        return None
    p, axis, rest, (h, labels) = found
    above = less_mean(computed(p), _value(rest, p, computed), axis)
    return contract([(above, aligned(f.shape, f.shape), ONE), (computed(h), labels, -ONE)], f.shape)


def _quotient(own: Product, d: Fraction, f: Expr) -> tuple[Expr, int, Product, tuple[Expr, Labels]] | None:
    """``h/sum(p*h)`` less a number that is its mean: p, the axis, h, and the sum."""
    number = number_of(f)
    for (h, labels), e in own[1].items():
        found = _under_sum(h, labels) if e == -1 else None
        rest = own[0], _times(own[1], (h, labels), ONE)
        if found is None or found[0].shape != f.shape or found[2][1] != rest[1] or number is None:
            continue
        if d * number == -own[0] / found[2][0]:
            return found[0], found[1], rest, (h, labels)
    return None


def posterior(node: Expr, factors: list[Factor], coefficient: Fraction, computed: Computed) -> Expr | None:
    """``p*(w/sum(p*w) - 1) = q - p`` with q = w*p/sum(w*p), where the weights may be 0 beside all but small shares."""
    if not any(plain(p).op is SOFTMAX for p, *_ in factors):
        return None
    for i, (p, labels, e) in enumerate(factors):
        for j, (g, places, power) in enumerate(factors):
            total = plain(g)
            if plain(p).op is not SOFTMAX or e != 1 or power != 1 or total.op is not ADD or len(total.operands) != 2:
                continue
            if labels != places or total.shape != p.shape:
                continue
            terms = split_terms(total)
            found = _weighted(terms, plain(p), computed) if len(terms) == 2 else None
            if found is not None:
                rest = [(computed(h), ls, q) for k, (h, ls, q) in enumerate(factors) if k not in (i, j)]
                return contract([(found, labels, ONE), *rest], node.shape, coefficient)
    return None


def _weighted(terms: Terms, p: Expr, computed: Computed) -> Expr | None:
    for (c, g), (d, f) in (terms, terms[::-1]):
        product = _product([(g, aligned(g.shape, p.shape), ONE)], c)
        found = None if number_of(g) is not None or number_of(f) is None else _quotient(product, d, f)
        if found is None or found[0] is not p:
            continue
        _, axis, (number, powers), (h, labels) = found
        weights = next(iter(powers), None)
        if weights is None or len(powers) > 1 or not uncertain(weights[0]) or powers[weights] != 1:
            continue
        w, x = contract([(computed(weights[0]), weights[1], ONE)], p.shape), computed(p.operands[0])
        share, whole = computed(p), computed(h)
        own = aligned(p.shape, p.shape)
        total = contract([(whole, labels, ONE)], p.shape)
        small = less(absolute(total), TINY)
        above = less_mean(share, scaled(number, w), axis)
        near = contract([(share, own, ONE), (above, own, ONE), (where(small, 1, total), own, -ONE)], p.shape)
        far = scaled(-d * (number_of(f) or 0), weighted_softmax(x, w, axis) - share)
        return where(small, far, near)
    return None


def weighted_share(node: Expr, factors: list[Factor], coefficient: Fraction, computed: Computed) -> Expr | None:
    """``w*exp(x)/sum(w*exp(x))``, where the weights may be 0 at the largest x."""
    if not any(plain(p).op is EXP for p, *_ in factors):
        return None
    for i, (total, labels, e) in enumerate(factors):
        found = _under_sum(total, labels, EXP) if e == -1 and labels == aligned(total.shape, node.shape) else None
        if found is None or found[0].shape != node.shape or found[2][0] != 1 or len(found[2][1]) != 1:
            continue
        p, axis, (_, powers) = found
        ((w, places), power) = next(iter(powers.items()))
        own = (p, aligned(p.shape, node.shape), ONE), (w, places, ONE)
        placed = [(plain(f), ls, q) for f, ls, q in factors]
        if not uncertain(w) or power != 1 or any(t not in placed for t in own):
            continue
        q = weighted_softmax(computed(p.operands[0]), contract([(computed(w), places, ONE)], p.shape), axis)
        taken = {i, *(placed.index(t) for t in own)}
        rest = [(computed(f), ls, g) for k, (f, ls, g) in enumerate(factors) if k not in taken]
        return contract([(q, own[0][1], ONE), *rest], node.shape, coefficient)
    return None


def uncertain(w: Expr) -> bool:
    """Whether an array of weights may have zeros."""
    return w.op in (SYMBOL, PARAMETER) and not is_positive(w)


def _value(product: Product, p: Expr, computed: Computed) -> Expr:
    number, found = product
    return contract([(computed(f), ls, e) for (f, ls), e in found.items()], p.shape, number)


def weighted_logarithm(node: Expr, computed: Computed) -> Expr | None:
    """``log(sum(w*exp(x)))`` and ``log(sum(w*softmax(x)))`` along an axis, where weights may be 0 at the largest x."""
    if node.op is not CONTRACT or len(summed(node)) != 1 or node.attributes["coefficient"] != 1:
        return None
    factors = _product([(f, ls, e) for f, ls, e in factors_of(node)], ONE)
    if factors[0] != 1 or len(factors[1]) != 2 or set(factors[1].values()) != {ONE}:
        return None
    (first, a), (second, b) = factors[1]
    (p, labels), (w, places) = ((first, a), (second, b)) if first.op in (EXP, SOFTMAX) else ((second, b), (first, a))
    axes = [k for k, label in enumerate(labels) if label >= node.ndim]
    if p.op not in (EXP, SOFTMAX) or not uncertain(w) or len(axes) != 1:
        return None
    (axis,) = axes
    order = {label: k for k, label in enumerate(labels)}
    in_order = tuple(x for k, x in enumerate(labels) if k != axis) == tuple(range(node.ndim))
    if not in_order or not set(places) <= order.keys() or (p.op is SOFTMAX and p.attributes["axis"] % p.ndim != axis):
        return None
    weights = contract([(computed(w), tuple(order[x] for x in places), ONE)], p.shape)
    x = computed(p.operands[0])
    return weighted_logsumexp(x if p.op is EXP else log_softmax(x, axis=axis), weights, axis)
