"""Terms of sums and factors of products, with those of sums and products in them."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.rewriting.order import Factor
from graphc.scheduling.recognition import in_place, multiple, plain

MOST_FACTORS, MOST_TERMS = 32, 64  # up to which nested products and sums are looked into
DEEPEST = 16  # sums nested deeper than this are taken as they stand, so that long chains take linear time


def split_terms(node: Expr, opened: bool = True) -> list[tuple[Fraction, Expr]]:
    """The terms of a sum, with those of sums in it if these are `opened`."""
    if not opened:
        return list(zip(node.attributes["coefficients"], node.operands, strict=True))
    terms: list[tuple[Fraction, Expr]] = []
    stack = [(ONE, node)]
    while stack:
        c, x = stack.pop()
        number, core = unscaled(x)
        if core.op is ADD and len(terms) + len(stack) < MOST_TERMS:
            pairs = zip(core.attributes["coefficients"], core.operands, strict=True)
            stack += [(c * number * a, t) for a, t in pairs][::-1]
        else:
            terms.append((c, x))
    return terms


def unscaled(x: Expr) -> tuple[Fraction, Expr]:
    """The number that `x` is multiplied by, and what is."""
    number, core = ONE, plain(x)
    while (inner := multiple(core)) is not None:
        number, core = number * inner, plain(core.operands[0])
    return number, core


def split_factors(node: Expr, opened: bool = True) -> tuple[Fraction, list[Factor]]:
    """Coefficient and factors of a product entry by entry, with those of products in it if these are `opened`."""
    coefficient: Fraction = node.attributes["coefficient"]
    if not opened:
        return coefficient, factors_of(node)
    factors: list[Factor] = []
    stack = factors_of(node)[::-1]
    while stack:
        f, labels, e = stack.pop()
        inner = plain(f)
        opens = inner.op is CONTRACT and inner.operands and not summed(inner) and in_place(inner, labels, node)
        if (
            not opens
            or not inner.attributes["coefficient"]
            or e.denominator != 1
            or len(factors) + len(stack) > MOST_FACTORS
        ):
            factors.append((f, labels, e))
            continue
        coefficient *= inner.attributes["coefficient"] ** int(e)
        stack += [(g, ls, p * e) for g, ls, p in factors_of(inner)[::-1]]
    return coefficient, factors
