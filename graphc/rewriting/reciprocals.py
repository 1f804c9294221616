"""Sums over a product that is divided by the same product: they meet where the other sum is taken first.

p @ (E.T @ (1/(E @ p))) = (E @ p) @ (1/(E @ p)), a sum of ones, as in the gradients of mixtures and of scalings.
"""

from __future__ import annotations

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.ops.leaves import size
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import Factor, Labels

MET = law("grouping", "p (E.T r) = (E p) r, where r is divided by E p")


def met_reciprocal(engine: Engine, node: Expr) -> Expr | None:
    """A contraction with a factor C that is summed first, where the other factors and one in C make a divisor in C."""
    factors = factors_of(node)
    for place, (c, labels, e) in enumerate(factors):
        if e != 1 or not divides_products(c) or len(set(labels)) < len(labels) or -1 in labels:
            continue
        others = [x for i, x in enumerate(factors) if i != place]
        inside = renamed(c, labels, factors)
        for i, (divisor, own, power) in enumerate(inside):
            if power >= 0 or power.denominator != 1 or divisor.op is not CONTRACT:
                continue
            for j, (m, _, once) in enumerate(inside):
                if once != 1 or m not in divisor.operands:
                    continue
                rest = [x for k, x in enumerate(inside) if k not in (i, j)]
                within = summed_by(engine, [*others, inside[j]], divisor, own, rest)
                if within is None:
                    continue
                left = rest if power == -1 else [*rest, (divisor, own, power + 1)]
                carried = {*within, *(x for _, ls, _ in left for x in ls)}
                sizes = {x: d for f, ls, _ in [*others, *inside] for x, d in zip(ls, f.shape, strict=True)}
                ones: list[Factor] = [
                    (size(d), (), ONE) for x, d in sizes.items() if x >= node.ndim and x not in carried
                ]
                result = engine.product(ONE, [*left, *ones], node.shape)
                engine.steps.append(MET.step(node, result))
                return result
    return None


def divides_products(c: Expr) -> bool:
    """Whether a contraction is over something divided by another contraction."""
    return c.op is CONTRACT and bool(summed(c)) and any(p < 0 and f.op is CONTRACT for f, _, p in factors_of(c))


def renamed(c: Expr, labels: Labels, around: list[Factor]) -> list[Factor]:
    """The factors in C, whose axes have `labels`; what C sums over under labels that are not `around`."""
    fresh = max(x for _, ls, _ in around for x in ls) + 1
    under = dict(enumerate(labels)) | {x: fresh + k for k, x in enumerate(summed(c))} | {-1: -1}
    return [(f, tuple(under[x] for x in ls), e) for f, ls, e in factors_of(c)]


def summed_by(engine: Engine, group: list[Factor], divisor: Expr, own: Labels, rest: list[Factor]) -> set[int] | None:
    """The labels over which the sum of `group` is `divisor` under the labels `own`, if nothing else has them."""
    inner = {x for _, ls, _ in group for x in ls} - {*own, -1}
    if not inner or len(set(own)) < len(own) or -1 in own or any(not inner.isdisjoint(ls) for _, ls, _ in rest):
        return None
    under = {x: i for i, x in enumerate([*own, *sorted(inner)])} | {-1: -1}
    moved = [(f, tuple(under[x] for x in ls), e) for f, ls, e in group]
    return inner if engine.product(ONE, moved, divisor.shape) is divisor else None
