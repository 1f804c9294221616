"""Logarithms of exponentials, which grow like lines, less such lines.

softplus(z) - t*z            =  (relu(z) - t*z) + log(1 + exp(-|z|))
softplus(z) - z              =  softplus(-z)
softplus(z) - relu(z)        =  log(1 + exp(-|z|))
log(sinh(z)) - log(cosh(z))  =  log(tanh(z))
log(exp(x) + exp(y)) - x     =  softplus(y - x)
softplus(x - y) + y          =  log(exp(x) + exp(y))

At t = 1 and large z, softplus(z) and z agree in nearly all of their digits, relu(z) and z in all.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, combine, scaled
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.ops.elementwise import absolute, exp, log1p, relu, softplus
from graphc.rewriting.terms import number_of
from graphc.scheduling.exponential_forms import logarithm
from graphc.scheduling.exponentials import UNIT, Rational
from graphc.scheduling.functions import LOGADDEXP, logaddexp
from graphc.scheduling.nested import split_factors, unscaled
from graphc.scheduling.recognition import Exponentials, in_place, normalized, plain
from graphc.scheduling.tails import Computed, Terms

RELU, SOFTPLUS, MAXIMUM = registry["relu"], registry["softplus"], registry["maximum"]


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


def joined_logarithms(terms: Terms, exponentials: Exponentials, computed: Computed) -> tuple[Expr, Terms] | None:
    """Logarithms of functions of one exponential, and its exponent, as one logarithm where their slopes cancel."""
    members: dict[Expr, dict[int, Rational]] = defaultdict(dict)
    for i, (c, x) in enumerate(terms):
        number, core = unscaled(x)
        found = exponentials.logarithm(core)
        power = None if found is None else found[1].raised(c * number)
        if found is not None and found[0] is not None and power is not None:
            members[found[0]][i] = power
    for base, logs in members.items():
        for i, (c, x) in enumerate(terms):
            core, factor = normalized(x)
            if core is normalized(base)[0]:
                logs[i] = Rational(Fraction(1), c * factor / normalized(base)[1])
        whole = UNIT
        for r in logs.values():
            whole = whole.times(r)
        level = (not whole.high and any(r.high for r in logs.values())) or (
            not whole.low and any(r.low for r in logs.values())
        )
        level = level or whole.monomial  # a line, which is 0 at 0
        joined = logarithm(computed(base), whole) if level and len(logs) > 1 else None
        if joined is not None:
            return joined, [t for i, t in enumerate(terms) if i not in logs]
    return None


def without_shared(terms: Terms, computed: Computed) -> tuple[Expr, Terms] | None:
    """The logarithm of a sum of two exponentials and a multiple of one exponent, as one; and the other terms."""
    done = [(c, plain(computed(x))) for c, x in terms]
    for i, (c, f) in enumerate(done):
        for j, (d, u) in enumerate(done):
            found = None
            if f.op is LOGADDEXP and c == -d and u in f.operands:
                first, second = f.operands
                found = softplus((second if u is first else first) - u)
            elif f.op is SOFTPLUS and c == -d and _relu_of(u) is f.operands[0]:
                found = log1p(exp(-absolute(f.operands[0])))
            elif f.op is SOFTPLUS and i != j and d == c:
                found = _of_both(f.operands[0], u)
            if found is not None:
                return scaled(c, found), [t for k, t in enumerate(terms) if k not in (i, j)]
    return None


def _relu_of(u: Expr) -> Expr | None:
    """z of relu(z) or maximum(z, 0)."""
    if u.op is RELU or (u.op is MAXIMUM and number_of(u.operands[1]) == 0):
        return u.operands[0]
    return u.operands[1] if u.op is MAXIMUM and number_of(u.operands[0]) == 0 else None


def _of_both(difference: Expr, y: Expr) -> Expr | None:
    """``softplus(x - y) + y``."""
    z = plain(difference)
    if z.op is not ADD:
        return None
    pairs = list(zip(z.attributes["coefficients"], z.operands, strict=True))
    number, core = unscaled(y)
    left = [(c, x) for c, x in pairs if plain(x) is not core or c != -number]
    if len(left) == len(pairs):
        return None
    return logaddexp(left[0][1] if len(left) == 1 and left[0][0] == 1 else combine(left), y)
