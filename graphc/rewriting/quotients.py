"""How products are written: coefficient, factors in order, a quotient line, whole numbers."""

from __future__ import annotations

import functools
from fractions import Fraction
from math import lcm

import sympy

from graphc.ir.expr import Expr, make, of_node
from graphc.ops.arithmetic import ADD, divide, multiply, rational_power, scaled
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.forms import form
from graphc.ops.leaves import EYE, NAMED, constant, decimal_text, number, size
from graphc.rewriting.axes import Labels
from graphc.rewriting.powers import nonnegative
from graphc.rewriting.signs import Powers

SHORT = 6  # digits up to which the numbers of a sum are short


def scale_by(scalar: Expr, product: Expr) -> Expr:
    """A scalar factor in front of an array, or its denominator behind."""
    if scalar is constant(1):
        return product
    if (
        scalar.op is CONTRACT
        and form(scalar).kind in ("over", "divide", "power")
        and scalar.attributes["exponents"][-1] == -1
    ):
        top = constant(scalar.attributes["coefficient"]) if len(scalar.operands) == 1 else scalar.operands[0]
        return divide(lead(top, product), scalar.operands[-1])
    return lead(scalar, product)


def spread_denominators(groups: list[Powers]) -> list[Powers]:
    """Denominators over some axes of a matrix of the same product, below that matrix: x/norm(x, axis=1)."""
    for group in groups:
        if all(e < 0 for _, _, e in group):
            axes = {a for _, labels, _ in group for a in labels}
            wider = [g for g in groups if len(g[0][1]) == 2 and axes < set(g[0][1]) and g[0][0].op is not EYE]
            if wider:
                rest = [g for g in groups if g is not group and g is not wider[0]]
                return spread_denominators([*rest, [*wider[0], *group]])
    return groups


def sorted_in(rest: Powers, item: tuple[Expr, Labels, Fraction], place: int) -> Powers:
    """`rest` without cancelled powers, `item` at its place."""
    return [x for x in [*rest[:place], item, *rest[place:]] if x[2] != 0]


def whole_numbers(coefficient: Fraction, powers: Powers) -> tuple[Fraction, dict[Expr, Fraction]]:
    """Sums that a product's coefficient frees of fractions: 2*g*(1/2 - h) is g*(1 - 2*h).

    A sum may stand over several axes, and is freed in all places or in none. Where the numbers become long, a sum
    takes what makes them short: x*(1 + 0.044715*x**2), not 5e-06*x*(200000 + 8943*x**2).
    """
    scales: dict[Expr, Fraction] = {}
    exponents: dict[Expr, list[Fraction]] = {}
    for f, _, e in powers:
        exponents.setdefault(f, []).append(e)
    for f, several in exponents.items():
        if f.op is ADD and all(e.denominator == 1 for e in several):
            scale = common_denominator(f)
            e = sum(several, Fraction(0))
            share = coefficient / Fraction(scale) ** e.numerator
            if scale > 1 and (share.denominator if e > 0 else abs(share.numerator)) <= (
                coefficient.denominator if e > 0 else abs(coefficient.numerator)
            ):
                scales[f] = Fraction(scale)
                coefficient = share
    for f, several in exponents.items():
        if f.op is ADD and several == [ONE]:
            short = shortest_scale(f, coefficient, scales.get(f, ONE))
            coefficient *= scales.get(f, ONE) / short
            scales[f] = short
    return coefficient, {f: scale for f, scale in scales.items() if scale != 1}


@of_node
def common_denominator(total: Expr) -> int:
    """What the coefficients of a sum have to be multiplied by to be whole numbers."""
    return lcm(*(c.denominator for c in total.attributes["coefficients"]))


@of_node
def written_digits(total: Expr) -> int:
    """How long the coefficients of a sum are together."""
    return sum(digits(abs(c)) for c in total.attributes["coefficients"])


def shortest_scale(total: Expr, coefficient: Fraction, scale: Fraction) -> Fraction:
    """What a sum is multiplied by, and its `coefficient` divided by, so that the numbers are not long.

    `scale` where none of them is; else what makes one of the terms, or what stands outside, a bare one.
    """
    terms = total.attributes["coefficients"]

    def numbers(s: Fraction) -> list[Fraction]:
        return [coefficient * scale / s, *(abs(c * s) for c in terms)]

    if scale == 1 and digits(coefficient) + written_digits(total) <= SHORT:
        return scale
    if sum(map(digits, numbers(scale))) <= SHORT:
        return scale
    ways: list[Fraction] = [scale, *(1 / abs(c) for c in terms), abs(coefficient * scale)]
    return min(ways, key=lambda s: sum(map(digits, numbers(s))))


def digits(x: Fraction) -> int:
    """How long the number is that a term or a product is multiplied by; a fraction is longer than a decimal."""
    if abs(x) == 1:
        return 0
    if x.denominator == 1 or decimal_text(x) is None:
        return len(f"{abs(x)}") + (x.denominator != 1)
    return len(repr(float(abs(x))).lstrip("0.").replace(".", ""))


def freed(product: Expr, coefficient: Fraction) -> tuple[int, Expr] | None:
    """A matrix product over a sum that the coefficient frees of fractions, and by what: 2*X.T @ (x + 1/2)."""
    if product.op is not CONTRACT or not summed(product):
        return None
    factors = factors_of(product)
    for i, (f, labels, e) in enumerate(factors):
        if f.op is not ADD or e != 1:
            continue
        numbers = f.attributes["coefficients"]
        scale = common_denominator(f)
        if scale > 1 and (coefficient / scale).denominator <= coefficient.denominator:
            whole = make(ADD, f.operands, coefficients=tuple(c * scale for c in numbers))
            return scale, contract([*factors[:i], (whole, labels, e), *factors[i + 1 :]], product.shape)
    return None


def one_root(group: list[tuple[Expr, Labels]]) -> list[tuple[Expr, Labels]]:
    """Roots of numbers and letters written as one, with the one other root beside them: sqrt(2*pi), sqrt(2*d)."""
    for half in (Fraction(1, 2), Fraction(-1, 2)):
        roots = [(x, ls) for x, ls in group if x.op is CONTRACT and x.attributes["exponents"] == (half,)]
        plain = [x for x, ls in roots if x.attributes["coefficient"] == 1]
        small = [(x, ls) for x, ls in roots if x in plain and is_letter(x.operands[0])]
        large = [(x, ls) for x, ls in roots if x in plain and (x, ls) not in small]
        if len(large) == 1 and not nonnegative(large[0][0].operands[0]):  # no root of a product that may be negative
            small = [(x, ls) for x, ls in small if number(x.operands[0]) is not None]
        joined = [*small, *(large if len(large) == 1 else [])]
        if len(joined) < 2:
            continue
        inside = multiplied_in_order([x.operands[0] for x, _ in joined])
        labels = large[0][1] if len(large) == 1 else ()
        group = [*(g for g in group if g not in joined), (rational_power(inside, half), labels)]
    return group


def is_letter(x: Expr) -> bool:
    """A number, or a scalar symbol or size that is not negative."""
    return not x.operands and not x.ndim and (number(x) is not None or nonnegative(x))


def multiplied_in_order(factors: list[Expr]) -> Expr:
    ordered = [factors[i] for i in written_order(factors)]
    numbers = [x for x in ordered if number(x) is not None]
    total = functools.reduce(multiply, [x for x in ordered if number(x) is None])
    return functools.reduce(lambda x, c: scaled(number(c) or ONE, x), numbers, total)


def whole_terms(node: Expr, coefficient: Fraction) -> bool:
    """Whether a fraction in front of a sum leaves some term whole: (3*a - b)/3 is a - b/3."""
    if node.op is not ADD or coefficient.denominator == 1:
        return False
    return any((coefficient * c).denominator == 1 for c in node.attributes["coefficients"])


def written_order(factors: list[Expr]) -> list[int]:
    """Roots of numbers, scalars that are symbols, then other names by rank, then compounds by rank:
    ``2*alpha*h*(t - y)``. Beside an array, a sum of scalar symbols is a scalar as well: ``(1 - rho)*W``.
    """
    arrays = any(x.ndim for x in factors)

    def key(i: int) -> tuple[bool, int]:
        x = factors[i]
        if x.op is CONTRACT and all(number(o) is not None for o in x.operands):
            return False, -1
        compound = bool(x.operands) and x.op is not NAMED
        return compound and not (arrays and is_coefficient(x)), x.ndim

    return sorted(range(len(factors)), key=key)


def is_coefficient(x: Expr) -> bool:
    """A sum of scalar symbols, scaled or not: ``1 - rho``, ``1 + 2*beta``."""
    return x.op is ADD and not x.ndim and x.depth <= 3 and all(not o.ndim and len(o.operands) < 2 for o in x.operands)


def quotient(
    coefficient: Fraction, numerator: Expr | None, denominator: Expr | None, sizes: list[tuple[Expr, Fraction]]
) -> Expr:
    """``p * sizes * numerator / (q * sizes * denominator)`` in the order a person writes it."""
    above, below = size_product(sizes, 1), size_product(sizes, -1)
    p, q = Fraction(coefficient.numerator), coefficient.denominator
    under = denominator
    if below is not None:
        below = size(below.attributes["dim"] * q)
        under, q = below if denominator is None else multiply(below, denominator), 1
    elif denominator is not None:
        under, q = lead(constant(q), denominator) if q != 1 else denominator, 1
    if above is not None:
        numerator = above if numerator is None else lead(above, numerator)
    if numerator is None:
        return divide(constant(p), under) if under is not None else constant(coefficient)
    if under is not None:
        return divide(lead(constant(p), numerator), under)
    if abs(p) == 1:
        return scaled(Fraction(1, q), lead(constant(p), numerator))
    return lead(constant(p / q), numerator)


def size_product(sizes: list[tuple[Expr, Fraction]], sign: int) -> Expr | None:
    """The sizes with positive (or negative) exponents as one number."""
    chosen = [f.attributes["dim"] ** abs(int(e)) for f, e in sizes if e * sign > 0]
    return size(sympy.Mul(*chosen)) if chosen else None


def lead(scalar: Expr, product: Expr) -> Expr:
    """A scalar in front of the first factor: ``2*a*b`` is ``(2*a)*b``, as Python reads it."""
    if scalar is constant(1):
        return product
    if product.op is CONTRACT and form(product).kind in ("multiply", "divide", "matmul"):
        (a, la, ea), (b, lb, eb) = factors_of(product)
        scaled_a = lead(scalar, a)
        if scaled_a.shape == a.shape:
            return contract([(scaled_a, la, ea), (b, lb, eb)], product.shape)
    return multiply(scalar, product)
