"""Logarithms of sums of exponentials, less one of the exponents or the largest, and logarithms of other sums.

logsumexp(x) - x         =  -log_softmax(x)
logsumexp(x) - max(x)    =  -max(log_softmax(x))
log(sum(sigmoid(x)))     =  m + log(sum(exp(min(x, 0) - m)*sigmoid(abs(x))))     with m = max(min(x, 0))
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, rebuild
from graphc.ops.arithmetic import scaled
from graphc.ops.contraction import CONTRACT, ONE, Labels, factors_of, summed
from graphc.ops.defined import LOGSUMEXP, log_softmax
from graphc.ops.reductions import MAX
from graphc.rewriting.order import Factor
from graphc.scheduling.envelopes import Envelopes
from graphc.scheduling.exponential_forms import slopes
from graphc.scheduling.nested import unscaled
from graphc.scheduling.overflow import Overflow
from graphc.scheduling.recognition import plain
from graphc.scheduling.tails import Computed, Terms


def without_total(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first such difference among the terms of a sum, as one; and the other terms."""
    if len(terms) < 2:
        return None
    read = [(c * number, plain(computed(core))) for c, x in terms for number, core in [unscaled(x)]]
    for i, (c, f) in enumerate(read):
        total = _total(f)
        if total is None:
            continue
        x, axis = total.operands[0], total.attributes["axis"][0] % total.operands[0].ndim
        for j, (d, g) in enumerate(read):
            found = None
            if d == -c and g is plain(x) and _along(f, total, axis) and f.shape == x.shape:
                found = log_softmax(x, axis=axis)
            elif d == -c and f is total and g.op is MAX and _same_axes(g, total) and plain(g.operands[0]) is plain(x):
                found = rebuild(g, (log_softmax(x, axis=axis),))
            if found is not None:
                return scaled(-c, found), [t for k, t in enumerate(terms) if k not in (i, j)]
    return None


def _total(f: Expr) -> Expr | None:
    """The logarithm of a sum along one axis that a term is, perhaps stretched along it."""
    if f.op is CONTRACT and len(f.operands) == 1 and f.attributes["coefficient"] == 1 and not summed(f):
        f = plain(f.operands[0]) if f.attributes["exponents"] == (ONE,) else f
    return f if f.op is LOGSUMEXP and len(f.attributes["axis"]) == 1 else None


def _along(f: Expr, total: Expr, axis: int) -> bool:
    """Whether a total stands where its array does: its axes are in their places."""
    if f is total:
        return total.shape == total.operands[0].shape
    (labels,) = f.attributes["labels"]
    places = [k for k in range(f.ndim) if k != axis or total.attributes["keepdims"]]
    return len(labels) == len(places) and all(x in (-1, k) for x, k in zip(labels, places, strict=True))


def _same_axes(g: Expr, total: Expr) -> bool:
    a, b = g.attributes, total.attributes
    return bool(a["axis"] == b["axis"] and a["keepdims"] == b["keepdims"])


def logarithm_of_sum(node: Expr, envelopes: Envelopes, overflow: Overflow, computed: Computed) -> Expr | None:
    """The logarithm of a sum of functions that vanish like exponentials, all of them perhaps."""
    if node.op is not CONTRACT or not summed(node):
        return None
    rest: list[Factor] = []
    exponents: list[tuple[Expr, Labels, Fraction]] = []
    for f, labels, e in factors_of(node):
        held = envelopes.of(f)
        if held is None or not (held.low or held.high):
            rest.append((computed(f), labels, e))
            continue
        x = computed(held.base)
        rest.append((held.function(x), labels, e))
        exponents.append((slopes(x, held.low * e, held.high * e), labels, ONE))
    return overflow.logarithm(node, rest, exponents) if exponents else None
