"""Ramps less a line: softplus(z) - t*z as (relu(z) - t*z) + log(1 + exp(-|z|)).

At t = 1 and large z, softplus(z) and z agree in nearly all of their digits, relu(z) and z in all.
"""

from __future__ import annotations

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import combine
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.ops.elementwise import absolute, exp, log1p, relu
from graphc.scheduling.nested import split_factors
from graphc.scheduling.overflow import plain
from graphc.scheduling.recognition import in_place
from graphc.scheduling.tails import Computed, Terms

RELU, SOFTPLUS = registry["relu"], registry["softplus"]


def without_line(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The first ramp among the terms of a sum with the multiples ``t*z`` of its line, as one; and the other terms."""
    for i, (c, ramp) in enumerate(terms):
        f = plain(computed(ramp))
        if f.op not in (RELU, SOFTPLUS) or len(terms) < 3 - (f.op is SOFTPLUS):
            continue
        z = f.operands[0]
        lines = [j for j, (_, x) in enumerate(terms) if j != i and _is_multiple(computed(x), _core(z))]
        if not lines:
            continue
        found = combine([(c, relu(z)), *((terms[j][0], computed(terms[j][1])) for j in lines)])
        if f.op is SOFTPLUS:
            found = combine([(ONE, found), (c, log1p(exp(-absolute(z))))])
        return found, [t for j, t in enumerate(terms) if j != i and j not in lines]
    return None


def _core(u: Expr) -> Expr:
    """z of u = c*z for a number c."""
    u = plain(u)
    if u.op is CONTRACT and not summed(u):
        _, factors = split_factors(u)
        if len(factors) == 1 and factors[0][2] == 1 and in_place(*factors[0][:2], u):
            return plain(factors[0][0])
    return u


def _is_multiple(x: Expr, z: Expr) -> bool:
    """Whether a term is z times something that is no number."""
    x = plain(x)
    if x.op is not CONTRACT or summed(x):
        return False
    _, factors = split_factors(x)
    return len(factors) > 1 and any(e == 1 and in_place(f, labels, x) and plain(f) is z for f, labels, e in factors)
