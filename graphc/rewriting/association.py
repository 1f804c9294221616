"""One association for the chains of matrix products in normal forms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum

from graphc.ir.expr import Expr, topological
from graphc.rewriting.chains import Chains, again, folded, linked, multiplies_matrices, opened, parts, taken
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import Factor
from graphc.rewriting.paths import by_labels, has_vector, is_path, label_sets, loose_ends
from graphc.rewriting.sharing import sharing

GROUPED = law("grouping", "A (B C) = (A B) C")


class Which(Enum):
    """Which chains are associated: all of them, so that the grouping leaves no trace; or those that take less, or no
    more, whatever the sizes. A product with a vector is less than one of matrices; if all matrices are of one size,
    every grouping takes the same.
    """

    EVERY = "every"
    LESS = "less"
    NO_WORSE = "no worse"

    def holds(self, groups: list[list[Factor]], node: Expr, inner: Collection[Expr]) -> bool:
        """Whether a chain with these links is associated anew."""
        if self is Which.NO_WORSE and of_one_size(groups):
            return True
        return has_vector(groups, node.ndim) and multiplies_matrices(node, inner)


def of_one_size(groups: Iterable[list[Factor]]) -> bool:
    """Whether all links of a chain are square matrices of the same size."""
    shapes = {f.shape for group in groups for f, labels, _ in group if len(set(labels)) == 2}
    square = all(len(shape) == 2 and shape[0] == shape[1] for shape in shapes)
    return square and len(shapes) == 1 and all(len(set(group[0][1])) == 2 for group in groups)


def associated(engine: Engine, forms: Sequence[Expr], fixed: Collection[Expr], which: Which) -> list[Expr]:
    """Normal forms with the chains in them associated; products in `fixed` stay.

    If every chain is, what several have in common is taken once.
    """
    if which is Which.EVERY:
        return sharing(engine, straightened(engine, forms, fixed), fixed)
    order = topological(forms)
    inner = parts(order, {*forms, *fixed})
    done: dict[Expr, Expr] = {}
    for node in order:
        if node in inner:
            continue
        groups = by_labels(opened(node, inner)) if is_path(node) else []
        if len(groups) > 2 and which.holds(groups, node, inner):
            done[node] = taken(engine, groups, done, node)
        elif sums_matrices(groups, node.ndim):
            done[node] = folded(engine, linked(engine, groups, done, node.ndim), node)
        else:
            done[node] = again(engine, node, inner, done)
    return [done[form] for form in forms]


def sums_matrices(groups: list[list[Factor]], rank: int) -> bool:
    """Whether a chain is a summed product of two matrices: their own sums take less, A @ sum(B, axis=1)."""
    return len(groups) == 2 and all(len(x) == 2 for x in label_sets(groups)) and bool(loose_ends(groups, rank))


def straightened(engine: Engine, forms: Sequence[Expr], fixed: Collection[Expr]) -> list[Expr]:
    """Normal forms in which every chain is taken by itself: vectors first, else from the left."""
    chains = Chains(forms, fixed, powers=True)
    done: dict[Expr, Expr] = {}
    for node in chains.order:
        if node not in chains.inner:
            groups = chains.groups(node)
            anew = len(groups) > 2 or (groups and not chains.opening.isdisjoint(node.operands))
            done[node] = taken(engine, groups, done, node) if anew else again(engine, node, chains.inner, done)
    return [done[form] for form in forms]
