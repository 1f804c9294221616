"""Exponentials of exponentials: what vanishes like exp(-exp(x)) stays 0 beside whatever grows like exp(x).

exp(x - exp(x))          =  exp(x)*exp(-exp(x)), so that exp(-exp(x)) meets other functions of exp(x)
exp(x)*exp(-exp(x))      =  0      where exp(-exp(x)) is 0: the other factor may have overflowed there
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.ops.elementwise import exp
from graphc.rewriting.order import Factor
from graphc.scheduling.exponentials import Rational
from graphc.scheduling.nested import split_factors, split_terms, unscaled
from graphc.scheduling.recognition import COSH, EXP, EXPM1, SINH, Exponentials, Found, joined, plain, raised

GROWING = (EXP, EXPM1, SINH, COSH)


def apart(factors: list[Factor], exponentials: Exponentials) -> list[Factor]:
    """Factors with exponentials of sums as those of their terms that are exponentials themselves, and of the rest."""
    found: list[Factor] = []
    for f, labels, e in factors:
        inner = plain(f)
        u = plain(inner.operands[0]) if inner.op is EXP else inner
        if inner.op is not EXP or unscaled(u)[1].op is not ADD:
            found.append((f, labels, e))
            continue
        terms = split_terms(u)
        own = [t for t in terms if _explodes(t[1], exponentials)]
        rest = [t for t in terms if t not in own]
        parts = [_sum(part) for part in (own, rest) if part] if own and rest else [u]
        found += [(exp(part), labels, e) for part in parts] if len(parts) > 1 else [(f, labels, e)]
    return found


def _sum(terms: list[tuple[Fraction, Expr]]) -> Expr:
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else combine(terms)


def _explodes(b: Expr, exponentials: Exponentials) -> bool:
    """Whether a node grows like an exponential at an end, to infinity of one sign."""
    found = exponentials.of(b)
    return found is not None and found[0] is not None and bool(_ends(found[1]))


def _ends(r: Rational) -> set[int]:
    """The signs of the infinities that a function of exp(x) tends to."""
    found = set[int]()
    if r.high > 0:
        found.add(1 if r.coefficient > 0 else -1)
    if r.low < 0:
        odd = sum(1 for f, e in r.factors.items() if f[0][1] < 0 and e % 2)
        found.add(1 if (r.coefficient > 0) == (odd % 2 == 0) else -1)
    return found


def collapses(f: Expr, e: Fraction, exponentials: Exponentials) -> bool:
    """Whether a factor vanishes like exp(-exp(x)), or is a sum of terms that do."""
    f = plain(f)
    found = exponentials.of(f)
    if found is not None:
        power = raised(found, e)
        return power is not None and _vanishes(power, exponentials)
    if f.op is not ADD or e <= 0:
        return False
    terms = [(c, x) for c, x in split_terms(f) if not _has_such_a_factor(x, exponentials)]
    whole = joined([exponentials.of(x) for _, x in terms], tuple(c for c, _ in terms))
    return whole is not None and (not whole[1].coefficient or _vanishes(whole, exponentials))


def _vanishes(found: Found, exponentials: Exponentials) -> bool:
    base, r = found
    inner = None if base is None else exponentials.of(base)
    if inner is None or inner[0] is None:
        return False
    ends = _ends(inner[1])
    return (1 in ends and r.high < 0) or (-1 in ends and r.low > 0)


def _has_such_a_factor(x: Expr, exponentials: Exponentials) -> bool:
    x = plain(x)
    if x.op is ADD or (x.op is CONTRACT and summed(x)):
        return False
    factors: list[Factor] = split_factors(x)[1] if x.op is CONTRACT else [(x, (), ONE)]
    return any(collapses(g, e, exponentials) for g, _, e in apart(factors, exponentials))


def erupts(f: Expr, exponentials: Exponentials) -> bool:
    """Whether an exponential of an exponential is in a factor: it may outgrow what vanishes."""
    for node in topological([f]):
        found = exponentials.of(node) if node.op in GROWING else None
        if found is not None and found[0] is not None and _explodes(found[0], exponentials):
            return True
    return False
