"""Functions less the limit that they approach: what is left is computed as such.

1 - softmax(x)       the share of the other entries
elu(x) + alpha       alpha*exp(x) where x is negative
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.activations import SELU_LIMIT, SELU_SLOPE
from graphc.ops.arithmetic import scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, aligned, contract, factors_of
from graphc.ops.defined import SOFTMAX
from graphc.ops.elementwise import exp, greater, minimum
from graphc.ops.leaves import EYE
from graphc.ops.reductions import where
from graphc.scheduling.functions import softmax_rest
from graphc.scheduling.overflow import plain
from graphc.scheduling.tails import Computed, Terms, fill

EXPONENTIAL_UNITS = tuple(registry[name] for name in ("elu", "celu", "selu"))


def without_limit(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """A number and a function that approaches it, among the terms of a sum, as one; and the other terms."""
    for i, (k, x) in enumerate(terms):
        number = fill(x)
        for j, (c, f) in enumerate(terms):
            if i == j:
                continue
            found = None if number is None else _remainder(k * number, c, plain(f), computed)
            found = _off_diagonal((k, x), (c, f), computed) if found is None else found
            if found is not None:
                return found, [t for n, t in enumerate(terms) if n not in (i, j)]
    return None


def _remainder(k: Fraction, c: Fraction, f: Expr, computed: Computed) -> Expr | None:
    if f.op is SOFTMAX and k == -c:
        return scaled(k, softmax_rest(computed(f.operands[0]), f.attributes["axis"]))
    if f.op not in EXPONENTIAL_UNITS:
        return None
    given: Any = f.attributes
    alpha = SELU_LIMIT if f.op.name == "selu" else given["alpha"]
    if k != c * alpha or not k:
        return None
    x = computed(f.operands[0])
    slope, width = (SELU_SLOPE if f.op.name == "selu" else ONE), (alpha if f.op.name == "celu" else ONE)
    return where(greater(x, 0), scaled(c * slope, x) + k, scaled(k, exp(scaled(1 / width, minimum(x, 0)))))


def _off_diagonal(identity: tuple[Fraction, Expr], term: tuple[Fraction, Expr], computed: Computed) -> Expr | None:
    """``eye - softmax(x)`` along an axis of the identity."""
    (k, e), (c, f) = identity, term
    delta, p = _single(e, EYE), _single(f, SOFTMAX)
    if delta is None or p is None or k * delta[2] != -c * p[2]:
        return None
    node, labels, _ = p
    if labels[node.attributes["axis"]] not in delta[1] or len(set(delta[1])) < 2:
        return None
    rest = softmax_rest(computed(node.operands[0]), node.attributes["axis"])
    beside = contract([(rest, labels, ONE)], f.shape, k * delta[2])
    return where(greater(contract([(delta[0], delta[1], ONE)], e.shape), 0), beside, scaled(c, computed(f)))


def _single(x: Expr, op: object) -> tuple[Expr, Labels, Fraction] | None:
    """A node of `op`, placed along some axes and multiplied by a number."""
    x = plain(x)
    labels, number = aligned(x.shape, x.shape), ONE
    while x.op is CONTRACT and len(x.operands) == 1:
        f, own, e = factors_of(x)[0]
        if e != 1 or any(label >= x.ndim for label in own):
            return None
        labels = tuple(labels[i] if i >= 0 else -1 for i in own)
        number, x = number * x.attributes["coefficient"], plain(f)
    return (x, labels, number) if x.op is op else None
