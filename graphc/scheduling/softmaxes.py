"""``exp(u)/sum(exp(u))`` along one axis as softmax, among the factors of a product."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract, factors_of, summed
from graphc.ops.defined import softmax
from graphc.rewriting.order import Factor
from graphc.scheduling.recognition import EXP, plain


def recognized(node: Expr) -> Expr:
    """The same node with softmax for each pair of factors that is one."""
    if node.op is not CONTRACT or len(node.operands) < 2:
        return node
    coefficient, factors = flattened(node)
    found = False
    while (pair := _pair(factors)) is not None:
        found = True
        i, j, axis = pair
        e, labels, _ = factors[i]
        p = softmax(e.operands[0], axis=axis)
        factors = [(p, labels, ONE), *(f for k, f in enumerate(factors) if k not in (i, j))]
    return contract(factors, node.shape, coefficient) if found else node


def flattened(node: Expr) -> tuple[Fraction, list[Factor]]:
    """Coefficient and factors, those of products entry by entry among the factors as factors of their own."""
    coefficient: Fraction = node.attributes["coefficient"]
    factors: list[Factor] = []
    for f, labels, e in factors_of(node):
        inner = plain(f)
        if inner.op is not CONTRACT or summed(inner) or e.denominator != 1 or not inner.operands:
            factors.append((inner if inner.op is EXP or inner.op is CONTRACT else f, labels, e))
            continue
        if not _covers(inner) or not any(plain(g).op is EXP for g in inner.operands):
            factors.append((inner, labels, e))
            continue
        coefficient *= inner.attributes["coefficient"] ** int(e)
        for g, own, power in factors_of(inner):
            moved = tuple(labels[x] if x >= 0 else -1 for x in own)
            factors.append((plain(g) if plain(g).op is EXP else g, moved, power * e))
    return coefficient, factors


def _covers(node: Expr) -> bool:
    """Whether the factors carry every axis of the product, so that none is a broadcast."""
    carried = {x for labels in node.attributes["labels"] for x in labels}
    return all(d == 1 or i in carried for i, d in enumerate(node.shape))


def _pair(factors: list[Factor]) -> tuple[int, int, int] | None:
    """The places of an exponential and of the sum that divides it, and the axis of the sum."""
    for i, (e, labels, power) in enumerate(factors):
        if e.op is not EXP or power != 1:
            continue
        for j, (total, places, down) in enumerate(factors):
            if down == -1 and total.op is CONTRACT and total.operands == (e,):
                axis = _axis(total, places, labels)
                if axis is not None:
                    return i, j, axis
    return None


def _axis(total: Expr, places: Labels, labels: Labels) -> int | None:
    """The only axis that a sum runs over, if it has the other axes of the exponential in their places."""
    plain_sum = total.attributes["coefficient"] == 1 and total.attributes["exponents"] == (ONE,)
    (own,) = total.attributes["labels"]
    axes = [k for k, x in enumerate(own) if x >= total.ndim]
    if not plain_sum or len(axes) != 1 or len(set(own)) < len(own) - own.count(-1):
        return None
    kept = all(x < 0 or k in axes or places[x] == labels[k] for k, x in enumerate(own))
    return axes[0] if kept else None
