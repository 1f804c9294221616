"""Inverses and determinants of sums, as proofs need them.

A matrix with a term of rank one (Sherman and Morrison, and the determinant lemma), where B has an inverse at almost all
values:

    inv(B + u v') = inv(B) - inv(B) u v' inv(B) / (1 + v' inv(B) u),   det(B + u v') = det(B) (1 + v' inv(B) u)

Sylvester's identity, for A of shape (n, m):  det(c I + A B) = c**(n - m) det(c I + B A)
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, contract, factors_of, summed
from graphc.ops.elementwise import absolute, log
from graphc.ops.leaves import EYE, NAMED, PARAMETER, SYMBOL, constant, eye, number, size
from graphc.ops.linalg import DET, INV, LOGDET, det, inv, logdet
from graphc.ops.products import matmul, outer
from graphc.rewriting.simplify import simplify

ONE = Fraction(1)
REGULAR = frozenset(("spd", "invertible", "orthogonal"))
HARMLESS = REGULAR | {"symmetric", "diagonal", "lower_triangular", "upper_triangular", "positive", "nonnegative"}
Term = tuple[Fraction, Expr]


def updated(node: Expr) -> Expr | None:
    """An inverse or a determinant of a sum through that of another one; None where no identity applies."""
    if node.op not in (INV, DET, LOGDET) or node.ndim not in (0, 2) or node.operands[0].ndim != 2:
        return None
    found = terms(ONE, node.operands[0])
    if len(found) < 2:
        return None
    changed = rank_one(node, found)
    return sylvester(node, found) if changed is None else changed


def terms(c: Fraction, x: Expr) -> list[Term]:
    """The terms of a sum with their coefficients."""
    x = bare(x)
    if x.op is not ADD:
        return [(c, x)]
    pairs = zip(x.attributes["coefficients"], x.operands, strict=True)
    return [term for k, t in pairs for term in (terms(c * k, t) if t.shape == x.shape else [(c * k, t)])]


def bare(x: Expr) -> Expr:
    while x.op is NAMED:
        x = x.operands[0]
    return x


def rank_one(node: Expr, found: list[Term]) -> Expr | None:
    for i, (c, t) in enumerate(found):
        pair = two_vectors(t)
        rest = [*found[:i], *found[i + 1 :]]
        others = [b for _, b in rest if two_vectors(b) is None]
        if pair is None or len(others) != 1 or not regular(others[0]):
            continue
        base = summed_up(rest)
        u, v = c * pair[0], pair[1]
        inverse = inv(base)
        scale = 1 + v @ matmul(inverse, u)
        if node.op is INV:
            return inverse - outer(matmul(inverse, u), matmul(v, inverse)) / scale
        return det(base) * scale if node.op is DET else logdet(base) + log(absolute(scale))
    return None


def summed_up(rest: list[Term]) -> Expr:
    """A sum, or a multiple."""
    return combine(rest) if len(rest) > 1 else contract([(rest[0][1], (0, 1), 1)], rest[0][1].shape, rest[0][0])


def two_vectors(t: Expr) -> tuple[Expr, Expr] | None:
    """The vectors u and v of which a matrix is the outer product."""
    if t.op is not CONTRACT or t.ndim != 2 or 1 in t.shape:
        return None
    groups = connected([(f, labels, e) for f, labels, e in factors_of(t)])
    first, second = (next((g for g in groups if any(x in ls for _, ls, _ in g)), None) for x in (0, 1))
    if first is None or second is None or first is second:
        return None
    left = [f for g in groups if g is not second for f in g]
    u = contract(left, t.shape[:1], t.attributes["coefficient"])
    v = contract([(f, tuple(0 if x == 1 else x for x in ls), e) for f, ls, e in second], t.shape[1:])
    return u, v


Part = tuple[Expr, tuple[int, ...], Fraction]


def connected(factors: list[Part]) -> list[list[Part]]:
    """Factors in groups that share labels."""
    groups: list[list[Part]] = []
    for f in factors:
        own = {x for x in f[1] if x >= 0}
        touching = [g for g in groups if own & {x for _, ls, _ in g for x in ls}]
        groups = [g for g in groups if not any(g is t for t in touching)]
        groups.append([*(h for g in touching for h in g), f])
    return groups


def regular(x: Expr) -> bool:
    """Whether a matrix has an inverse at almost all values of its symbols."""
    x = bare(x)
    facts = {f.name for f in x.op.facts(x)}
    if x.op in (EYE, INV) or facts & REGULAR:
        return True
    if x.op in (SYMBOL, PARAMETER):
        return facts <= HARMLESS and x.dtype.startswith("float")
    if x.op is not CONTRACT or summed(x):
        return False
    matrices = [(f, ls) for f, ls, e in factors_of(x) if f.ndim and e == 1]
    scalars = [f for f, _, _ in factors_of(x) if not f.ndim]
    if len(matrices) + len(scalars) != len(x.operands) or len(matrices) != 1:
        return False
    ((matrix, labels),) = matrices
    nonzero = all(bare(s).op in (SYMBOL, PARAMETER) or number(s) not in (None, 0) for s in scalars)
    return nonzero and matrix.ndim == 2 and set(labels) == {0, 1} and regular(matrix)


# -- Sylvester ---------------------------------------------------------------------------------------------------


def sylvester(node: Expr, found: list[Term]) -> Expr | None:
    """A determinant over the smallest of the matrices that it can be taken of."""
    if node.op is INV or len(found) != 2:
        return None
    unit = next((i for i, (_, t) in enumerate(found) if scale_of(t) is not None), None)
    if unit is None:
        return None
    (k, one), (c, product) = found[unit], found[1 - unit]
    scale, product = scale_of(one), simplify(product)
    if scale is None or product.op is not CONTRACT or 1 in product.shape:
        return None
    n, ways = product.shape[0], [product, *map(simplify, rotations(product))]
    smaller = min(ways, key=lambda m: (str(m.shape[0]), str(m)))
    m = smaller.shape[0]
    if smaller is product:
        return None
    factor = k * scale
    inside = factor * eye(m) + c * smaller
    if node.op is LOGDET:
        return logdet(inside) if n == m else logdet(inside) + (size(n) - size(m)) * log(absolute(factor))
    return det(inside) if n == m else det(inside) * factor ** (size(n) - size(m))


def scale_of(t: Expr) -> Expr | None:
    """The number or symbol c of ``c*eye(n)``."""
    if t.op is EYE:
        return constant(1)
    if t.op is not CONTRACT or summed(t) or t.ndim != 2:
        return None
    scalars = [(f, ls, e) for f, ls, e in factors_of(t) if not f.ndim]
    units = [f for f, ls, e in factors_of(t) if f.op is EYE and set(ls) == {0, 1}]
    plain = all(bare(f).op in (SYMBOL, PARAMETER) and e == 1 for f, _, e in scalars)
    if len(units) != 1 or len(scalars) + 1 != len(t.operands) or not plain:
        return None
    return contract(scalars, (), t.attributes["coefficient"]) if scalars else constant(t.attributes["coefficient"])


def rotations(product: Expr) -> Iterator[Expr]:
    """B A for every way to write a product as A B."""
    factors, n = factors_of(product), product.shape[0]
    for cut in summed(product):
        groups = connected([(f, tuple(x if x != cut else -1 for x in ls), e) for f, ls, e in factors])
        left = next((g for g in groups if any(0 in ls for _, ls, _ in g)), None)
        right = next((g for g in groups if any(1 in ls for _, ls, _ in g)), None)
        if left is None or right is None or left is right or len(groups) != 2:
            continue
        d = next(f.shape[ls.index(cut)] for f, ls, _ in factors if cut in ls)
        inner = 3 + max(x for _, ls, _ in factors for x in ls)
        a = [(f, _ends(ls, {0: inner, -1: 1}), e) for f, ls, e in left]
        b = [(f, _ends(ls, {1: inner, -1: 0}), e) for f, ls, e in right]
        parts = [*b, *a]
        if n != 1 and d != 1 and not any(-1 in ls for _, ls, _ in factors):
            yield contract(parts, (d, d), product.attributes["coefficient"])


def _ends(labels: tuple[int, ...], new: dict[int, int]) -> tuple[int, ...]:
    return tuple(new.get(x, x + 2 if x > 1 else x) for x in labels)
