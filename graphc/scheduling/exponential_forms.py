"""How a rational function of t = exp(x) is computed: each factor where it is bounded, no factor against another.

    t**j/(1 + t)**n          = sigmoid(x)**j * sigmoid(-x)**(n - j)
    4 t**2/(1 + t**2)**2     = sech2(x), which is 1 - tanh(x)**2
    (t - 1)/(t + 1)          = tanh(x/2),    t - 1 = expm1(x),    (t + 1/t)/2 = cosh(x)
    any other, with e = exp(-abs(x)): its factors as polynomials in e, times a power of e

and its logarithm: a multiple of abs(x) and logarithms of 1 + p(e), or log1p of the function less 1 where that is small.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import broadcast, combine, rational_power
from graphc.ops.contraction import aligned, contract
from graphc.ops.elementwise import (
    absolute,
    exp,
    expm1,
    greater_equal,
    less,
    log,
    log1p,
    maximum,
    minimum,
    sigmoid,
    sign,
    softplus,
    tanh,
)
from graphc.ops.leaves import constant
from graphc.ops.reductions import where
from graphc.ops.trigonometric import cosh, sinh
from graphc.scheduling.exponentials import (
    ONE,
    ZERO,
    Polynomial,
    Rational,
    degree,
    positive,
    reversed_polynomial,
    step_of,
)
from graphc.scheduling.functions import log1mexp, sech2
from graphc.scheduling.recognition import times

Piece: TypeAlias = "tuple[Expr, Fraction, Fraction]"  # a factor, its exponent, and a number
HALF = Fraction(1, 2)


def value(x: Expr, r: Rational) -> Expr:
    """The function `r` of exp(x), at the entries of x."""
    if r.constant is not None:
        return broadcast(constant(r.constant), x.shape)
    pieces = _named(x, r)
    return _product(_general(x, r) if pieces is None else pieces, x, r.coefficient)


def _product(pieces: list[Piece], x: Expr, coefficient: Fraction) -> Expr:
    own = aligned(x.shape, x.shape)
    counts: dict[Expr, Fraction] = {}
    for p, e, number in pieces:
        counts[p] = counts.get(p, ZERO) + e
        coefficient *= number
    return contract([(p, own, e) for p, e in counts.items()], x.shape, coefficient)


def _kind(f: Polynomial) -> int:
    """1 for t**d + 1, -1 for t**d - 1, 0 for others."""
    return int(f[0][1]) if len(f) == 2 and f[0][1] in (1, -1) else 0


def _named(x: Expr, r: Rational) -> list[Piece] | None:
    """Factors in named functions, of which none vanishes where another overflows; None if there is no such product."""
    factors = dict(r.factors)
    if any(not _kind(f) or e.denominator != 1 for f, e in factors.items()):
        return None
    pieces: list[Piece] = []
    for f, e in list(factors.items()):
        plus = ((ZERO, ONE), (degree(f), ONE))
        pairs = min(e, -factors.get(plus, ZERO)) if _kind(f) < 0 else ZERO
        if pairs > 0:
            pieces.append((tanh(times(degree(f) / 2, x)), pairs, ONE))
            factors[f], factors[plus] = e - pairs, factors[plus] + pairs
    factors = {f: e for f, e in factors.items() if e}
    if len({e > 0 for e in factors.values()}) > 1:
        return None
    rest, up = r.power, any(e > 0 for e in factors.values())
    for f, e in factors.items():
        d, slopes = degree(f), _slopes_of_tanh(r, f, e, rest)
        if slopes:
            pieces.append((sech2(times(d / 2, x)), slopes, Fraction(1, 4) ** slopes.numerator))
            rest -= d * slopes
        for _ in range(int(abs(e + 2 * slopes))):
            taken = -degree(f) if up else degree(f)
            share = min(max(rest / taken, ZERO), ONE)
            if share not in (0, HALF, 1):
                return None
            rest -= share * taken
            pieces.append(_piece(x, f, share, up))
    if rest:
        pieces.append((exp(times(rest, x)), ONE, ONE))
    return pieces


def _slopes_of_tanh(r: Rational, f: Polynomial, e: Fraction, rest: Fraction) -> Fraction:
    """How often the slope of tanh(d*x), 4 t**(2d)/(1 + t**(2d))**2, is in the power `e` of `f` beside t**rest."""
    d, fours = degree(f), 0
    while _kind(f) > 0 and (d / 2).denominator == 1 and r.coefficient % 4 ** (fours + 1) == 0:
        if -e < 2 * (fours + 1) or rest < d * (fours + 1):
            break
        fours += 1
    return Fraction(fours)


def _piece(x: Expr, f: Polynomial, share: Fraction, up: bool) -> Piece:
    """A factor t**d + 1 or t**d - 1 (or its reciprocal) that takes the given share of d of the power of t."""
    d, plus = degree(f), _kind(f) > 0
    if share == HALF:
        return (cosh if plus else sinh)(times(d / 2, x)), ONE if up else -ONE, Fraction(2) if up else HALF
    argument = times(-d if share else d, x)
    if plus:
        return (1 + exp(argument), ONE, ONE) if up else (sigmoid(times(-1, argument)), ONE, ONE)
    return expm1(argument), ONE if up else -ONE, -ONE if share else ONE


def general(x: Expr, r: Rational) -> Expr:
    """The function `r` of exp(x) as the exponential of its slopes times what is bounded."""
    return _product(_general(x, r), x, r.coefficient)


def mantissa(x: Expr, r: Rational) -> Expr:
    """The function `r` of exp(x) over the exponential of its slopes: it is bounded at both ends."""
    return _product(_level(x, r), x, r.coefficient)


def _general(x: Expr, r: Rational) -> list[Piece]:
    """Bounded factors and the exponential of the slopes."""
    own = [(exp(slopes(x, r.low, r.high)), ONE, ONE)] if r.low or r.high else []
    return [*_level(x, r), *own]


def _level(x: Expr, r: Rational) -> list[Piece]:
    """Factors in e = exp(-step*abs(x)): as they are where t is small, divided by t**degree where it is large."""
    if not r.factors:
        return []
    size, right = absolute(x), greater_equal(x, 0)
    e = exp(times(-_step(r), size))
    pieces: list[Piece] = []
    for f, count in r.factors.items():
        if _kind(f) < 0:
            pieces.append((expm1(times(-degree(f), size)), count, ONE))
            if count.denominator == 1 and count % 2:
                pieces[-1] = (pieces[-1][0], count, -ONE)
                pieces.append((sign(x), ONE, ONE))
            continue
        left, turned = _polynomial(f, e, r), _polynomial(reversed_polynomial(f), e, r)
        pieces.append((left if left is turned else where(right, turned, left), count, ONE))
    return pieces


def _step(r: Rational) -> Fraction:
    return step_of([p for f in r.factors for p, _ in f])


def _polynomial(f: Polynomial, e: Expr, r: Rational) -> Expr:
    step = _step(r)
    return combine([(c, rational_power(e, p / step) if p else broadcast(constant(1), e.shape)) for p, c in f])


def slopes(x: Expr, low: Fraction, high: Fraction) -> Expr:
    """``high*x`` where x is positive, ``low*x`` where it is negative."""
    if high == low:
        return times(low, x)
    if high == -low:
        return times(high, absolute(x))
    if not high or not low:
        return times(high or low, (maximum if high else minimum)(x, 0))
    return where(greater_equal(x, 0), *(times(k, x) for k in (high, low)))


def logarithm(x: Expr, r: Rational) -> Expr | None:
    """The logarithm of `r` of exp(x), finite wherever it is; None if `r` may change its sign elsewhere than at 0."""
    if r.coefficient <= 0:
        r = Rational(-r.coefficient, r.power, dict(r.factors))
        odd = [f for f, e in r.factors.items() if _kind(f) < 0 and e % 2]
        if len(odd) != 1:
            return None
        flipped = True
    else:
        flipped = False
    if any(not positive(f) and _kind(f) >= 0 for f in r.factors):
        return None
    if r.monomial:
        return combine([(r.power, x), *_number(x, r.coefficient)]) if r.coefficient != 1 else times(r.power, x)
    simple = None if flipped else _softplus(x, r)
    if simple is not None:
        return simple
    single = _single(x, r, flipped)
    if single is not None:
        return single
    far = _far(x, r, flipped)
    beyond = r.less(ONE) if not flipped and _at_zero(r) == 1 else None
    if far is None or beyond is None:
        return far
    excess = value(x, beyond)
    near = less(absolute(excess), HALF)
    return where(near, log1p(where(near, excess, 0)), far)


def _single(x: Expr, r: Rational, flipped: bool) -> Expr | None:
    """``log(exp(a) - 1)`` or ``log(1 - exp(a))``."""
    if len(r.factors) != 1 or r.coefficient != 1:
        return None
    ((f, e),) = r.factors.items()
    d = degree(f)
    if _kind(f) >= 0 or e != 1 or r.power not in (0, -d):
        return None
    argument = times(-d if flipped else d, x)
    kept = log1mexp(argument)
    return kept if (r.power == 0) == flipped else kept + argument


def _at_zero(r: Rational) -> Fraction | None:
    """The value at x = 0, if it is rational and neither 0 nor infinite."""
    found = r.coefficient
    for f, e in r.factors.items():
        at = sum((c for _, c in f), ZERO)
        if not at or e.denominator != 1:
            return None
        found *= at ** int(e)
    return found


def _softplus(x: Expr, r: Rational) -> Expr | None:
    """Multiples of softplus of one sign, which do not cancel."""
    pieces = _named(x, r) if r.coefficient == 1 and all(_kind(f) > 0 for f in r.factors) else None
    ups = {e > 0 for e in r.factors.values()}
    if pieces is None or len(ups) > 1:
        return None
    terms: list[tuple[Fraction, Expr]] = []
    rest = r.power
    for f, e in r.factors.items():
        d = degree(f) if e < 0 else -degree(f)
        turned = min(max(rest / d, ZERO), abs(e))
        rest -= turned * d
        sides = ((turned, -degree(f)), (abs(e) - turned, degree(f)))
        terms += [(n if e > 0 else -n, softplus(times(s, x))) for n, s in sides if n]
    return None if rest else combine(terms) if len(terms) > 1 or terms[0][0] != 1 else terms[0][1]


def _far(x: Expr, r: Rational, flipped: bool) -> Expr | None:
    """Sums of logarithms, each of 1 + p(e)."""
    size, right = absolute(x), greater_equal(x, 0)
    e = exp(times(-_step(r), size))
    terms: list[tuple[Fraction, Expr]] = []
    low, exact = r.coefficient, True
    if r.low or r.high:
        terms.append((ONE, slopes(x, r.low, r.high)))
    for f, count in r.factors.items():
        if _kind(f) < 0:
            terms.append((count, log1mexp(times(degree(f), size))))
            if count % 2:  # no logarithm of negative numbers
                terms.append((ONE, log(sign(times(-1, x) if flipped else x))))
            continue
        turned = reversed_polynomial(f)
        parts = [log1p(_polynomial(tuple((p, c / g[0][1]) for p, c in g[1:]), e, r)) for g in (f, turned)]
        terms.append((count, parts[0] if parts[0] is parts[1] else where(right, parts[1], parts[0])))
        low *= f[0][1] ** int(count) if count.denominator == 1 else 1
        exact = exact and (f[0][1] == 1 or count.denominator == 1)
    if r.coefficient == low != 1:
        terms += _number(x, low)
    elif r.coefficient != low:
        terms.append((ONE, where(right, log(constant(r.coefficient)), log(constant(low)))))
    return combine([(c, t) for c, t in terms]) if exact else None


def _number(x: Expr, coefficient: Fraction) -> list[tuple[Fraction, Expr]]:
    return [(ONE, broadcast(log(constant(coefficient)), x.shape))]
