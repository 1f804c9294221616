"""The terms of sums as powers of labelled factors, and the sign and content of a sum."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, is_sum, summed
from graphc.ops.leaves import CONSTANT, SIZE, constant
from graphc.rewriting.order import Labels, term_key

FLATTEN = 8  # nested sums up to this many terms are merged; larger shared sums (deep residual nets) stay operands
LONG = 16  # factors up to which a product is merged into the one that uses it; longer ones stay operands

Entries = dict[tuple[Expr, Labels], Fraction]
SMALL = Fraction(1, 1000)  # below it, a constant in a sum is one of those called eps


def unit_label(label: int, dim: Dim) -> int:
    return -1 if dim == 1 else label


def view(x: Expr) -> tuple[Expr, Labels]:
    """`x` as an array under labels: what is stretched, and along which axes it already varies."""
    if x.op is CONTRACT and not summed(x):
        if not x.operands:
            return constant(x.attributes["coefficient"]), ()
        if len(x.operands) == 1 and x.attributes["coefficient"] == 1 and x.attributes["exponents"] == (1,):
            labels = x.attributes["labels"][0]
            same = labels == tuple(range(x.ndim))  # sizes that are equal by a condition alone
            if -1 not in labels and len(set(labels)) == len(labels) and not same:
                return x.operands[0], labels
    return x, tuple(range(x.ndim))


def through(own: Labels, labels: Labels) -> Labels:
    """Labels `own` in terms of axes, as the labels that those axes have."""
    return tuple(labels[x] if x >= 0 else -1 for x in own)


def is_moved(x: Expr) -> bool:
    """A number times one factor, its axes exchanged or stretched along others."""
    if x.op is not CONTRACT or len(x.operands) != 1 or x.attributes["exponents"] != (1,):
        return False
    axes = [a for a in x.attributes["labels"][0] if a >= 0]
    return len(set(axes)) == len(axes) and all(a < x.ndim for a in axes)


def moved(x: Expr) -> tuple[Fraction, Expr, Labels]:
    """`x` as a number times what it only moves, and the labels of that."""
    number, labels = ONE, aligned(x.shape, x.shape)
    while is_moved(x):
        number *= x.attributes["coefficient"]
        labels = through(x.attributes["labels"][0], labels)
        (x,) = x.operands
    return number, x, labels


def is_even(total: Expr) -> bool:
    """Whether the terms of a sum have its shape, none of them sizes that are equal by a condition alone."""
    return all(t.shape == total.shape for t in total.operands)


def terms_of(total: Expr) -> list[tuple[Fraction, Expr]]:
    """The terms of a sum with their coefficients."""
    return list(zip(total.attributes["coefficients"], total.operands, strict=True))


def is_long(x: Expr) -> bool:
    """A product of so many factors that it stays an operand of whatever uses it."""
    return x.op is CONTRACT and len(x.operands) > LONG and not is_sum(x)


def entries_of(term: Expr, shape: Shape) -> Entries:
    """A term of a sum as powers of labelled factors."""
    if term.op is CONTRACT and len(term.operands) <= LONG and not is_sum(term):
        return {(f, labels): e for f, labels, e in factors_of(term)}
    if term.op is CONSTANT:
        return {}
    return {(term, aligned(term.shape, shape)): ONE}


def carried_labels(term: Expr) -> set[int]:
    """The axes along which a term of a sum varies."""
    if term.op is CONSTANT:
        return set()
    used = {x for labels in term.attributes["labels"] for x in labels} if term.op is CONTRACT else {-1}
    if -1 in used or summed(term):
        return set(range(term.ndim))
    return used


def without(entries: Entries, taken: Entries) -> Entries:
    """`entries` divided by `taken`."""
    left = {key: e - taken.get(key, 0) for key, e in entries.items()}
    return {key: e for key, e in left.items() if e != 0}


def min_power(group: list[Entries], key: tuple[Expr, Labels]) -> Fraction:
    return min((entries[key] for entries in group), key=abs)


def cost(entries: Entries) -> int:
    """1 for a term that is a product or a power, 0 for a bare factor, scaled or not."""
    real = [e for (f, _), e in entries.items() if f.op is not SIZE]
    return int(len(real) > 1 or any(e != 1 for e in real))


def leading(term: Expr) -> tuple[Fraction, Expr]:
    """A term as coefficient and core."""
    if term.op is CONSTANT:
        return term.attributes["value"], constant(1)
    if term.op is not CONTRACT or term.attributes["coefficient"] == 1:
        return ONE, term
    factors = factors_of(term)
    if len(factors) == 1:
        f, labels, e = factors[0]
        if e == 1 and f.shape == term.shape and labels == aligned(f.shape, term.shape):
            return term.attributes["coefficient"], f
    return term.attributes["coefficient"], contract(factors, term.shape)


def positive_term(collected: dict[Expr, Fraction], order: list[Expr]) -> Expr:
    """The term of a sum that gets a positive sign, by which ``t - y`` and ``y - t`` have one normal form.

    A constant (1 - h), else the term whose sum or mean is the first one (x - mean(x)), else the first (y - t); among
    first ones that look alike one of the sign that most terms have (mean(x**2) - mean(x)**2 + eps).
    """
    last, first = order[-1], order[0]
    if is_constant(last):
        return last
    if is_reduction(first):
        for other in order[1:]:
            if other.depth < first.depth and other.ndim and contains(first, other):
                return other
    alike = [t for t in order if term_key(t)[:-1] == term_key(first)[:-1]]
    positive = sum(c > 0 for c in collected.values())
    if len(alike) > 1 and 2 * positive != len(collected):
        return next((t for t in alike if (collected[t] > 0) == (2 * positive > len(collected))), first)
    return first


def is_constant(term: Expr) -> bool:
    return term.weak or (term.op is CONTRACT and not term.operands)


def number_of(term: Expr) -> Fraction | None:
    """The value of a plain or stretched number; None for anything else."""
    if term.op is CONSTANT:
        return Fraction(term.attributes["value"])
    return Fraction(term.attributes["coefficient"]) if term.op is CONTRACT and not term.operands else None


def greatest(numbers: list[Fraction]) -> Fraction:
    """The greatest number of which all are whole multiples."""
    return Fraction(gcd(*(c.numerator for c in numbers)), lcm(*(c.denominator for c in numbers)))


def is_zero(term: Expr) -> bool:
    """Whether all entries are the number 0."""
    return number_of(term) == 0


def is_number(term: Expr) -> bool:
    """The exact constant of a sum, stretched or not."""
    return number_of(term) is not None


def is_small(coefficient: Fraction, term: Expr) -> bool:
    """Whether a term is a constant that only keeps a sum away from 0."""
    return is_number(term) and abs(coefficient * leading(term)[0]) < SMALL


def is_reduction(term: Expr) -> bool:
    """A sum over labels, at most divided by sizes and stretched."""
    if term.op is not CONTRACT:
        return False
    if summed(term):
        return True
    inner = [f for f in term.operands if f.op is not SIZE]
    return len(inner) == 1 and inner[0].op is CONTRACT and bool(summed(inner[0]))


def contains(expr: Expr, part: Expr, limit: int = 200) -> bool:
    """Whether `part` occurs in `expr`, looking at `limit` nodes at most."""
    seen = {expr}
    stack = [expr]
    while stack and len(seen) < limit:
        for o in stack.pop().operands:
            if o is part:
                return True
            if o not in seen and o.depth >= part.depth:
                seen.add(o)
                stack.append(o)
    return False


def is_thin(f: Expr, labels: Labels, e: Fraction, rank: int) -> bool:
    """Whether `f` is a sum over three axes and more, some summed, of which no array in it carries all."""
    return e == 1 and f.ndim > 2 and any(x >= rank for x in labels) and of_outer_products(f)


def of_outer_products(total: Expr) -> bool:
    """Whether a sum is one of products of arrays over fewer axes, and of such sums."""
    products = [t for t in total.operands if t.op is CONTRACT and not summed(t)]
    return (
        total.op is ADD
        and len(products) == len(total.operands)
        and all(
            len({x for x in ls if x >= 0}) < total.ndim or (e == 1 and of_outer_products(g))
            for t in products
            for g, ls, e in factors_of(t)
        )
    )


def written(node: Expr, levels: int = 2) -> int:
    """How many factors a product, or a sum of products, is written with, and those of its sums down to some level."""
    if node.op is ADD and levels:
        return sum(written(t, levels - 1) for t in node.operands)
    if node.op is not CONTRACT or is_sum(node):
        return 1
    return sum(written(f, levels) if f.op is ADD else 1 for f in node.operands)
