"""Long sums of sums and products of products: taken in one piece, whatever way they were grouped.

A chain ``((a + b) + c) + ...`` of many terms is no chain of normal forms, each over the one before, where nothing else
uses the partial sums; then its order and grouping leave no trace either. Short ones are merged by sums and products
themselves, and a long one that is shared stays an operand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, is_sum
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import FLATTEN, LONG, is_even, is_moved, moved, terms_of, through

MOST = {"add": FLATTEN, "contract": LONG}  # terms, factors up to which nothing is done here


def inner_nodes(order: Sequence[Expr], roots: Sequence[Expr]) -> set[Expr]:
    """The sums and products in `order` (operands before users) that are parts of one long sum or product alone, and
    not among the `roots` as well."""
    uses = Counter(o for node in order for o in node.operands)
    uses.update(roots)
    ways: dict[Expr, list[list[Expr]]] = {}
    single: set[Expr] = set()
    sizes: dict[Expr, int] = {}
    for node in order:
        if not nestable(node):
            continue
        found = [way_in(node, i) for i in range(len(node.operands))]
        ways[node] = [way for way in found if way and way[-1] in sizes and all(uses[x] == 1 for x in way)]
        single.update(way[-1] for way in ways[node])
        sizes[node] = len(node.operands) + sum(sizes[way[-1]] - 1 for way in ways[node])
    inner: set[Expr] = set()
    for node in reversed(order):
        if node in sizes and (node in inner or (node not in single and sizes[node] > MOST[node.op.name])):
            inner.update(x for way in ways[node] for x in way)
    return inner


def long_shared(order: Sequence[Expr]) -> list[Expr]:
    """The long sums and products that several nodes in `order` use."""
    uses = Counter(o for node in order for o in node.operands)
    return [x for x, n in uses.items() if n > 1 and nestable(x) and len(x.operands) > MOST[x.op.name]]


def nestable(node: Expr) -> bool:
    return node.op is ADD or (node.op is CONTRACT and not is_sum(node))


def way_in(node: Expr, place: int) -> list[Expr]:
    """From the operand at `place` down to a sum in a sum, be it moved, or to a product under a whole exponent."""
    inner = node.operands[place]
    if node.op is ADD:
        way = [inner]
        while way[-1].op is CONTRACT and is_moved(way[-1]):
            way.append(way[-1].operands[0])
        total = way[-1]
        return way if total.op is ADD and (total is inner or is_even(total)) else []
    whole = inner.op is CONTRACT and nestable(inner) and node.attributes["exponents"][place].denominator == 1
    return [inner] if whole and inner.attributes["coefficient"] != 0 else []


def terms_within(node: Expr, inner: set[Expr]) -> list[tuple[Fraction, Expr, Labels]]:
    """The terms of a sum and how their axes lie, those of sums in `inner` in their place."""
    terms: list[tuple[Fraction, Expr, Labels]] = []
    stack = [(ONE, node, aligned(node.shape, node.shape))]
    while stack:
        c, term, labels = stack.pop()
        if term is not node and term not in inner:
            terms.append((c, term, labels))
            continue
        number, total, own = moved(term)
        seen = through(own, labels)
        stack += reversed([(c * number * x, t, seen) for x, t in terms_of(total)])
    return terms


def factors_within(node: Expr, inner: set[Expr]) -> tuple[Fraction, list[Factor]]:
    """The coefficient and factors of a product, those of products in `inner` in their place."""
    coefficient: Fraction = node.attributes["coefficient"]
    factors: list[Factor] = []
    stack = factors_of(node)[::-1]
    while stack:
        f, labels, e = stack.pop()
        if f in inner:
            coefficient *= f.attributes["coefficient"] ** e.numerator
            own = [(g, through(ls, labels), p * e) for g, ls, p in factors_of(f)]
            stack += reversed(own)
        else:
            factors.append((f, labels, e))
    return coefficient, factors
