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
from graphc.ops.contraction import CONTRACT, ONE, factors_of, is_sum
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import FLATTEN, LONG

MOST = {"add": FLATTEN, "contract": LONG}  # terms, factors up to which nothing is done here


def inner_nodes(order: Sequence[Expr]) -> set[Expr]:
    """The sums and products in `order` (operands before users) that are parts of one long sum or product alone."""
    uses = Counter(o for node in order for o in node.operands)
    single: set[Expr] = set()
    sizes: dict[Expr, int] = {}
    for node in order:
        if not nestable(node):
            continue
        mine = [i for i, o in enumerate(node.operands) if o in sizes and uses[o] == 1 and nests(node, i)]
        single.update(node.operands[i] for i in mine)
        sizes[node] = len(node.operands) + sum(sizes[node.operands[i]] - 1 for i in mine)
    inner: set[Expr] = set()
    for node in reversed(order):
        if node in sizes and (node in inner or (node not in single and sizes[node] > MOST[node.op.name])):
            inner.update(o for o in node.operands if o in single)
    return inner


def nestable(node: Expr) -> bool:
    return node.op is ADD or (node.op is CONTRACT and not is_sum(node))


def nests(node: Expr, place: int) -> bool:
    """Whether the operand at `place` is a sum in a sum, or a product in a product under a whole exponent."""
    inner = node.operands[place]
    if inner.op is not node.op or not nestable(inner):
        return False
    return node.op is ADD or (
        node.attributes["exponents"][place].denominator == 1 and inner.attributes["coefficient"] != 0
    )


def terms_within(node: Expr, inner: set[Expr]) -> list[tuple[Fraction, Expr]]:
    """The terms of a sum, those of sums in `inner` in their place."""
    terms: list[tuple[Fraction, Expr]] = []
    stack = [(ONE, node)]
    while stack:
        c, term = stack.pop()
        if term is node or term in inner:
            pairs = zip(term.attributes["coefficients"], term.operands, strict=True)
            stack += reversed([(c * x, t) for x, t in pairs])
        else:
            terms.append((c, term))
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
            own = [(g, tuple(labels[x] if x >= 0 else -1 for x in ls), p * e) for g, ls, p in factors_of(f)]
            stack += reversed(own)
        else:
            factors.append((f, labels, e))
    return coefficient, factors
