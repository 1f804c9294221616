"""Sums of squares: 0 over a norm is 0, and a variance is the mean of squares of what is left without the mean.

sum(x*y) - sum(x)*sum(y)/n  =  sum((x - sum(x)/n)*(y - sum(y)/n))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import combine
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, factors_of, summed
from graphc.ops.defined import MEAN, body_of
from graphc.ops.leaves import CONSTANT, SIZE, size
from graphc.ops.reductions import entries
from graphc.rewriting.order import Factor
from graphc.scheduling.functions import quotient
from graphc.scheduling.recognition import in_place, plain


def over_norms(node: Expr) -> Expr:
    """A product over one norm: 0 where the rest is 0, so that the gradient of a norm at 0 is 0."""
    if node.op is not CONTRACT:
        return node
    factors = factors_of(node)
    norms = [k for k, (f, _, e) in enumerate(factors) if degree(f, e) == -1]
    others = [k for k, (f, _, _) in enumerate(factors) if k not in norms and f.op not in (SIZE, CONSTANT)]
    if not norms or not others or len(norms) + len(others) < 2:
        return node
    for k in norms:
        f, labels, e = factors[k]
        along = {x for x in labels if x >= 0}
        beside = [i for i in others if along <= {x for x in factors[i][1] if x >= 0}]
        sums = any(x >= node.ndim for x in along)
        if sums and beside:
            whole = _quotient([factors[i] for i in beside], (f, labels, e))
            rest = [factors[i] for i in range(len(factors)) if i != k and i not in beside]
            return over_norms(contract([*rest, whole], node.shape, node.attributes["coefficient"]))
        if not sums:
            rest = [factors[i] for i in range(len(factors)) if i != k]
            above = over_norms(contract(rest, node.shape, node.attributes["coefficient"]))
            return quotient(above, contract([below_the_line(f, labels, e)], node.shape))
    return node


def _quotient(above: list[Factor], below: Factor) -> Factor:
    """Factors over a norm as one factor, with the labels that they carry."""
    dims = {x: d for f, ls, _ in above for x, d in zip(ls, f.shape, strict=True) if x >= 0}
    carried = sorted(dims)
    place = {x: i for i, x in enumerate(carried)} | {-1: -1}
    shape = tuple(dims[x] for x in carried)
    moved = [(f, tuple(place[x] for x in ls), e) for f, ls, e in above]
    f, labels, e = below_the_line(*below)
    divisor = contract([(f, tuple(place[x] for x in labels), e)], shape)
    return quotient(contract(moved, shape), divisor), tuple(carried), ONE


def below_the_line(f: Expr, labels: Labels, e: Fraction) -> Factor:
    """A factor as it stands in a denominator: x for 1/x, not 1/(1/x)."""
    f = plain(f)
    while f.op is CONTRACT and len(f.operands) == 1 and f.attributes["coefficient"] == 1 and not summed(f):
        ((inner, own, power),) = factors_of(f)
        if inner.shape != f.shape or own != aligned(f.shape, f.shape) or power != -1:
            break
        f, e = plain(inner), -e
    return f, labels, -e


def degree(f: Expr, e: Fraction) -> Fraction | None:
    """The power of its entries that a root of a sum of squares grows with, None for what is none; 0 only with them."""
    f = plain(f)
    if f.op is MEAN:
        f = body_of(f)
    if f.op is not CONTRACT or not f.operands:
        return None
    inner = [(g, p) for g, _, p in factors_of(f) if g.op is not SIZE]
    if len(inner) != 1 or f.attributes["coefficient"] <= 0:
        return None
    ((g, p),) = inner
    if p > 0 and p % 2 == 0:
        return p * e
    below = degree(g, p)
    return None if below is None or (summed(f) and below <= 0) else below * e


@dataclass(frozen=True)
class Total:
    """``number * sizes * sum of x*y``, or of ``x`` times a sum of ``y``: `parts` are x and y with their sums."""

    coefficient: Fraction
    sizes: tuple[tuple[Expr, Fraction], ...]
    parts: tuple[Expr, Expr]
    total: Expr
    product: bool


def central(terms: Sequence[tuple[Fraction, Expr]], computed: Callable[[Expr], Expr]) -> list[tuple[Fraction, Expr]]:
    """The terms of a sum, a pair of them that is a variance or a covariance as one."""
    read = [_read(c, t) for c, t in terms]
    for i, a in enumerate(read):
        for j, b in enumerate(read):
            if a is not None and b is not None and not a.product and b.product and _matches(a, b):
                return [*(t for k, t in enumerate(terms) if k not in (i, j)), (ONE, _centred(a, computed))]
    return list(terms)


def _read(c: Fraction, term: Expr) -> Total | None:
    sizes: list[tuple[Expr, Fraction]] = []
    cores: list[tuple[Expr, Fraction]] = []
    stack = [(term, ONE)]
    while stack:
        f, e = stack.pop()
        f = plain(f)
        f = body_of(f) if f.op is MEAN else f
        if f.op is SIZE:
            sizes.append((f, e))
        elif f.op is CONTRACT and e.denominator == 1 and not summed(f) and _entrywise(f):
            c *= f.attributes["coefficient"] ** int(e)
            stack += [(g, e * p) for g, _, p in factors_of(f)]
        else:
            cores.append((f, e))
    cores = [(f, e) for f, e in cores for _ in range(int(e) if e in (1, 2) else 1)]
    if not cores or len(cores) > 2 or any(f.op is not CONTRACT or not summed(f) or e not in (1, 2) for f, e in cores):
        return None
    found = [_opened(f) for f, _ in cores]
    if any(
        f.attributes["coefficient"] != 1 or len({ls for _, ls, _ in fs}) > 1
        for (f, _), fs in zip(cores, found, strict=True)
    ):
        return None
    key = tuple(sorted(sizes, key=lambda s: (s[0].digest, s[1])))
    if len(cores) == 2:
        if any(len(fs) != 1 or fs[0][2] != 1 for fs in found) or found[0][0][1] != found[1][0][1]:
            return None
        return Total(c, key, (found[0][0][0], found[1][0][0]), cores[0][0], True)
    powers = [f for f, _, e in found[0] for _ in range(int(e) if e in (1, 2) else 3)]
    return Total(c, key, (powers[0], powers[1]), cores[0][0], False) if len(powers) == 2 else None


def _opened(total: Expr) -> list[Factor]:
    """The factors under a sum, with those of a product entry by entry among them."""
    factors: list[Factor] = []
    for f, labels, e in factors_of(total):
        inner = plain(f)
        opens = inner.op is CONTRACT and inner.operands and not summed(inner) and inner.attributes["coefficient"] == 1
        if opens and all(in_place(g, ls, inner) for g, ls, _ in factors_of(inner)):
            factors += [(g, labels, e * p) for g, _, p in factors_of(inner)]
        else:
            factors.append((inner, labels, e))
    return factors


def _entrywise(f: Expr) -> bool:
    """Whether the factors stand as they are, apart from axes of size 1 and numbers."""
    return all(g.shape == f.shape or not g.ndim for g in f.operands)


def _summed_dims(total: Expr) -> Shape:
    (f, labels, _) = factors_of(total)[0]
    return tuple(d for d, x in zip(f.shape, labels, strict=True) if x >= total.ndim)


def _matches(a: Total, b: Total) -> bool:
    """Whether b is -1/n times what a would be with means in the place of entries."""
    if {a.parts[0], a.parts[1]} != {b.parts[0], b.parts[1]} or a.total.shape != b.total.shape:
        return False
    if factors_of(a.total)[0][1] != factors_of(b.total)[0][1]:
        return False
    count: Dim = entries(_summed_dims(a.total))
    return bool(_scale(a) + _scale(b) * count == 0)


def _scale(t: Total) -> Dim:
    value: Dim = sympy.Rational(t.coefficient.numerator, t.coefficient.denominator)
    for s, e in t.sizes:
        value = value * s.attributes["dim"] ** int(e)
    return value


def _centred(a: Total, computed: Callable[[Expr], Expr]) -> Expr:
    (_, labels, _) = factors_of(a.total)[0]
    count = size(entries(_summed_dims(a.total)))
    left = [_less_mean(computed(x), labels, a.total, count) for x in a.parts]
    pair = [(left[0], labels, Fraction(2))] if left[0] is left[1] else [(x, labels, ONE) for x in left]
    scales = [(s, (), e) for s, e in a.sizes]
    whole = contract(pair, a.total.shape)
    return contract([(whole, aligned(whole.shape, whole.shape), ONE), *scales], a.total.shape, a.coefficient)


def _less_mean(x: Expr, labels: Labels, total: Expr, count: Expr) -> Expr:
    whole = contract([(x, labels, ONE)], total.shape)
    mean = contract([(whole, aligned(whole.shape, whole.shape), ONE), (count, (), -ONE)], total.shape)
    kept = tuple(labels.index(i) if d != 1 and i in labels else -1 for i, d in enumerate(total.shape))
    return combine([(ONE, x), (-ONE, contract([(mean, kept, ONE)], x.shape))])
