"""Products that are written transposed, and sums whose axes stand in another order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.leaves import EYE
from graphc.rewriting.axes import Labels
from graphc.rewriting.exponents import LOG
from graphc.rewriting.order import is_symmetric
from graphc.rewriting.signs import sign_bearer_in, sign_place


def permuted_term(term: Expr, total: Expr, order: Labels) -> Expr:
    """A term of the sum `total` with the axes of the sum in `order`; a symmetric matrix stays."""
    place = {a: i for i, a in enumerate(order)} | {-1: -1}
    pure = term.op is CONTRACT and not summed(term)
    factors = factors_of(term) if pure else [(term, aligned(term.shape, total.shape), ONE)]
    moved = [(f, tuple(place[a] for a in ls), e) for f, ls, e in factors]
    moved = [(f, tuple(sorted(ls)) if is_symmetric(f) else ls, e) for f, ls, e in moved]
    return contract(moved, tuple(total.shape[a] for a in order), term.attributes["coefficient"] if pure else ONE)


def inserted(total: Expr, order: Labels, natural: Mapping[Expr, tuple[Expr, Labels]]) -> int:
    """How many arrays in the terms of a sum need axes inserted or exchanged, if its axes stand in `order`."""
    count = 0
    for term in total.operands:
        moved = permuted_term(term, total, order)
        if moved in natural and moved.op.formula is not None:  # a function that is written transposed
            count += 1
            continue
        factors = factors_of(moved) if moved.op is CONTRACT else []
        placed = [(f, tuple(ls[i] for i in natural[f][1]) if f in natural else ls) for f, ls, _ in factors if f.ndim]
        groups = {tuple(sorted(ls)) if f.op is EYE else ls for f, ls in placed}
        explicit = sum(ls != tuple(range(len(order) - len(ls), len(order))) for ls in groups)
        count += min(explicit, 2)
    return count


def shared_nodes(forms: Sequence[Expr]) -> frozenset[Expr]:
    """The sums and logarithms, and the products of matrices and stacks, that more than one node below `forms` uses, or
    that are a result too."""
    uses = Counter(o for node in topological(forms) for o in set(node.operands))
    uses.update(forms)
    several = (node for node, count in uses.items() if count > 1)
    return frozenset(x for x in several if x.op in (ADD, LOG) or (x.ndim > 1 and x.op is CONTRACT and summed(x)))


def turned_around(contractions: Sequence[Expr]) -> set[Expr]:
    """The differences that a minus sign in front turns around; even powers of them are written alike."""
    found: set[Expr] = set()
    for node in contractions:
        if node.attributes["coefficient"] < 0 and not summed(node):
            above = [x for x in factors_of(node) if x[2] > 0]
            place = sign_place(above)
            inner = (sign_bearer_in(f) for f, _, e in above if e == 1)
            bearer = above[place][0] if place is not None else next((b for b in inner if b is not None), None)
            if bearer is not None and bearer.op is ADD:
                found.add(bearer)
    return found


def note_faces(nodes: Sequence[Expr], turned: set[Expr], straight: set[Expr]) -> None:
    """Enter the matrices below `nodes`, users last, that are used transposed, and those that are used as they are.

    A product of matrices takes either, unless a matrix that has a name stands beside it under the same labels.
    """
    for node in reversed(nodes):
        over = (straight, turned) if node not in turned or node in straight else (turned, straight)
        if node.op is not CONTRACT:
            over[0].update(o for o in node.operands if o.ndim == 2)
            continue
        factors = factors_of(node)
        named = {labels for f, labels, _ in factors if f.ndim == 2 and not f.operands}
        for f, labels, _ in factors:
            if f.ndim != 2 or not f.operands:
                continue
            if not summed(node):
                over[labels == (1, 0)].add(f)
            elif labels in named or labels[::-1] in named:
                (straight if labels in named else turned).add(f)
