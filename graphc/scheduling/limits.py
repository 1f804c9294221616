"""Functions less the limit that they approach: what is left is computed as such.

1 - softmax(x)       the share of the other entries, of some entries too
x**y - 1             expm1(y*log(x)), as in the Box-Cox transform (x**y - 1)/y
elu(x) + alpha       alpha*exp(x) where x is negative
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.activations import SELU_LIMIT, SELU_SLOPE
from graphc.ops.arithmetic import scaled
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.defined import SOFTMAX
from graphc.ops.elementwise import exp, expm1, greater, log, minimum
from graphc.ops.leaves import EYE
from graphc.ops.reductions import where
from graphc.rewriting.logarithms import is_positive
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import number_of
from graphc.scheduling.functions import softmax_rest
from graphc.scheduling.parts import entries_of, whole_of
from graphc.scheduling.recognition import POWER, plain
from graphc.scheduling.tails import Computed, Terms

EXPONENTIAL_UNITS = tuple(registry[name] for name in ("elu", "celu", "selu"))


def without_limit(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """A number and a function that approaches it, among the terms of a sum, as one; and the other terms."""
    for i, (k, x) in enumerate(terms):
        number = number_of(x)
        identity = number is None and any(f.op is EYE for f, _, _ in _placed(x, x.ndim)[1])
        for j, (c, f) in enumerate(terms if identity or number is not None else ()):
            if i == j:
                continue
            if identity:
                found = _off_diagonal((k, x), (c, f), computed)
            else:
                found = None if number is None else _remainder(k * number, c, plain(f), computed)
            if found is not None:
                return found, [t for n, t in enumerate(terms) if n not in (i, j)]
    return None


def _remainder(k: Fraction, c: Fraction, f: Expr, computed: Computed) -> Expr | None:
    whole, steps = whole_of(f)
    if whole.op is SOFTMAX and k == -c:
        return scaled(k, entries_of(softmax_rest(computed(whole.operands[0]), whole.attributes["axis"]), steps))
    if f.op is POWER and k == -c and is_positive(f.operands[0]):
        x, y = map(computed, f.operands)
        return scaled(c, expm1(y * log(x)))
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
    """``eye - softmax(x)`` along an axis of the identity, both times the same: ``diag(p) - outer(p, p)``."""
    (k, e), (c, f) = identity, term
    rank = max(e.ndim, f.ndim)
    (a, left), (b, right) = _placed(e, rank), _placed(f, rank)
    deltas = [x for x in left if x[0].op is EYE and len(set(x[1])) == 2 and x[2] == 1]
    if len(deltas) != 1 or k * a != -c * b:
        return None
    i, j = deltas[0][1]
    weights = [x for x in left if x is not deltas[0]]
    sizes = {x: d for g, ls, _ in left + right for x, d in zip(ls, g.shape, strict=True)}
    shape = tuple(sizes.get(x, 1) for x in range(rank))
    for place, (p, labels, power) in enumerate(right):
        others = right[:place] + right[place + 1 :]
        along = p.op is SOFTMAX and power == 1 and labels[p.attributes["axis"]] in (i, j)
        if not along or _on_diagonal(others, i, j) != _on_diagonal(weights, i, j):
            continue
        rest = softmax_rest(computed(p.operands[0]), p.attributes["axis"])
        beside = contract([(rest, labels, ONE), *((computed(g), ls, q) for g, ls, q in weights)], shape, k * a)
        return where(greater(contract(deltas, shape), 0), beside, scaled(c, computed(f)))
    return None


def _placed(x: Expr, rank: int) -> tuple[Fraction, list[Factor]]:
    """Number and factors of a term of a sum of `rank` axes."""
    labels = tuple(-1 if d == 1 else i + rank - x.ndim for i, d in enumerate(x.shape))
    number, factors, stack = ONE, list[Factor](), [(x, labels, ONE)]
    while stack:
        f, ls, e = stack.pop()
        f = plain(f)
        if f.op is not CONTRACT or summed(f) or e != 1:
            factors.append((f, ls, e))
            continue
        number *= f.attributes["coefficient"]
        stack += [(g, tuple(ls[a] if a >= 0 else -1 for a in own), q) for g, own, q in factors_of(f)]
    return number, factors


def _on_diagonal(factors: list[Factor], i: int, j: int) -> Counter[Factor]:
    """The factors where the indices `i` and `j` are equal."""
    return Counter((f, tuple(i if x == j else x for x in labels), e) for f, labels, e in factors)
