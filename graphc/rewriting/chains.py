"""Chains of matrix products, in one association whatever the grouping they were declared with.

    (A B) x    =  A (B x)          vectors first: no product of two matrices is left
    x (A B) y  =  (x A) (B y)
    A (B C)    =  (A B) C          from the left, where all groupings take products of the same kind
    tr(A B C)  =  sum((A B) * C.T)

A factor may be an elementwise product or summed along an axis: A (B (x*y)), (A*B) x, A (B sum(C, axis=1)).

A product that is used elsewhere too is computed once (`sharing`), unless all that use it end in vectors.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from graphc.ir.expr import Expr, rebuild, topological, users_in
from graphc.ops.contraction import CONTRACT, ONE, factors_of
from graphc.ops.matrix_functions import MATRIX_POWER, TERMS
from graphc.rewriting.cost import operations
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor, unnested
from graphc.rewriting.paths import (
    Link,
    alike,
    by_labels,
    has_vector,
    is_path,
    joined,
    label_sets,
    loose_ends,
    reading_key,
    readings,
    times,
    turned,
)

SHORT = 10  # factors up to which chains are compared, and opened in all that use them


class Chains:
    """The chains in a graph, each with the chains among its factors opened.

    A product opens that stands alone in every chain it is in. One that several use opens only if it is short: of
    chains of chains there may be exponentially many factors.
    """

    def __init__(self, forms: Sequence[Expr], fixed: Collection[Expr], *, powers: bool) -> None:
        self.order = topological(forms)
        self.paths = {node for node in self.order if is_path(node)}
        users = users_in(self.order)
        self.opening: set[Expr] = set()
        lengths: dict[Expr, int] = {}
        for node in self.order:
            if node in self.paths:
                lengths[node] = sum(lengths[f] if f in self.opening else 1 for f in node.operands)
            elif powers and is_opened(node):
                lengths[node] = node.attributes["n"]
            else:
                continue
            chained = [u for u in users[node] if u in self.paths]
            short = len(users[node]) == 1 or lengths[node] <= SHORT
            if node not in fixed and chained and short and all(stands_alone(node, u) for u in chained):
                self.opening.add(node)
        self.inner = {f for f in self.opening if self.paths.issuperset(users[f])} - {*forms}

    def groups(self, node: Expr) -> list[list[Factor]]:
        """The links of a chain, each with its factors."""
        return by_labels(opened(node, self.opening)) if node in self.paths else []


def parts(order: list[Expr], kept: Collection[Expr]) -> set[Expr]:
    """The products that are parts of chains: with one use, or with uses in chains that end in vectors alone."""
    users = users_in(order)
    inner: set[Expr] = set()
    ending: set[Expr] = set()  # chains with a vector, where two products with a vector are less than one of matrices
    for node in reversed(order):
        above = users[node]
        if node not in kept and above and is_opened(node):
            alone = all(is_path(u) and stands_alone(node, u) for u in above)
            towards = alone and node.ndim == 2 and all(u in ending for u in above)
            if towards or (alone and len(above) == 1):
                inner.add(node)
            if towards:
                ending.add(node)
        if is_path(node) and node.ndim < 2 and has_vector(by_labels(factors_of(node)), node.ndim):
            ending.add(node)
    return inner


def taken(engine: Engine, groups: list[list[Factor]], done: Mapping[Expr, Expr], node: Expr) -> Expr:
    """A chain over what its factors have become; two links, with what is summed along their ends, in one product."""
    if len(groups) > 2:
        return folded(engine, linked(engine, groups, done, node.ndim), node)
    factors = [(done[f], labels, e) for group in groups for f, labels, e in group]
    return engine.product(node.attributes["coefficient"], factors, node.shape)


def linked(engine: Engine, groups: list[list[Factor]], done: Mapping[Expr, Expr], rank: int) -> list[Link]:
    """The links of a chain over what its factors have become."""
    loose = loose_ends(groups, rank)
    return [joined(engine, group, done, loose) for group in groups]


def stands_alone(f: Expr, user: Expr) -> bool:
    """Whether `f` is no part of an elementwise product among the factors of a chain, nor scales one of its matrices."""
    groups = alike(factors_of(user))
    sets = label_sets(groups)
    own = [(group, labels) for group, labels in zip(groups, sets, strict=True) if any(g is f for g, *_ in group)]
    return all(
        len(group) == 1 and group[0][2] == 1 and (len(labels) == 2 or sum(labels <= x for x in sets) <= 2)
        for group, labels in own
    )


def is_opened(f: Expr) -> bool:
    """Whether a factor of a chain is a chain itself."""
    return is_path(f) or (f.op is MATRIX_POWER and f.ndim == 2 and f.attributes["n"] <= TERMS)


def opened(node: Expr, inner: Collection[Expr]) -> list[Factor]:
    """The factors of a chain under the labels of `node`, those of the products in it under new ones."""
    fresh = itertools.count(max([node.ndim, *(1 + x for labels in node.attributes["labels"] for x in labels)]))
    links: list[Factor] = []
    for f, labels, e in unnested(factors_of(node), fresh, lambda g: g in inner and g.op is CONTRACT):
        if f in inner:  # a power
            between = [labels[0], *itertools.islice(fresh, f.attributes["n"] - 1), labels[1]]
            links += [(f.operands[0], pair, ONE) for pair in itertools.pairwise(between)]
        else:
            links.append((f, labels, e))
    return links


def multiplies_matrices(node: Expr, inner: Collection[Expr]) -> bool:
    """Whether some product of a chain is one of two matrices."""
    stack = [node]
    while stack:
        x = stack.pop()
        if x.op is MATRIX_POWER or (x.ndim == 2 and all(f.ndim == 2 for f in x.operands)):
            return True
        stack += [f for f in x.operands if f in inner]
    return False


def again(engine: Engine, node: Expr, inner: Collection[Expr], done: dict[Expr, Expr]) -> Expr:
    """`node` over what its operands have become, grouped as it was."""
    stack = [node]
    while stack:
        x = stack[-1]
        missing = [o for o in x.operands if o not in done]
        if missing:
            stack += missing
            continue
        over = tuple(done[o] for o in x.operands)
        done[x] = x if over == x.operands else engine.normal(rebuild(x, over))
        stack.pop()
    return done[node]


def folded(engine: Engine, links: list[Link], node: Expr) -> Expr:
    """The product of a chain: from the vectors at its ends, else from the left as it takes the fewest transposes.

    From two vectors it goes to the middle, where x A A^T x becomes the square of A^T x.
    """
    path = collapsed(engine, min(readings(links, node), key=reading_key))
    if len(path) < len(links):
        path = min(readings(path, node), key=reading_key)
    first, last = path[0][0].ndim == 1, path[-1][0].ndim == 1
    left = (len(path) + 1) // 2 if first and last else len(path)
    sides = [path[:left], path[left:][::-1]] if first or not last else [path[::-1]]
    parts = [functools.reduce(functools.partial(times, engine), side) for side in sides if side]
    total, labels = functools.reduce(functools.partial(times, engine), parts)
    coefficient: Fraction = node.attributes["coefficient"]
    return engine.product(coefficient, [(total, labels, ONE)], node.shape)


def collapsed(engine: Engine, path: list[Link]) -> list[Link]:
    """A chain without what is less as a product: A^{-1} A, A A^+ A, L L^T of a decomposition, A^3 without a vector."""
    out = path[:1]
    for link in path[1:]:
        out.append(link)
        while len(out) > 1 and len(path) > 2:
            returns = len(out) > 2 and out[-3][0] is link[0]  # A B A
            for few in (2, 3) if returns else (2,):
                product = functools.reduce(functools.partial(times, engine), out[-few:])
                if operations([product[0]], pairwise=True) <= operations([f for f, _ in out[-few:]], pairwise=True):
                    out[-few:] = [product]
                    break
            else:
                break
    return out if any(f.ndim == 1 for f, _ in out) else with_powers(engine, out)


def with_powers(engine: Engine, path: list[Link]) -> list[Link]:
    """A chain of matrices with three and more equal ones as a power."""
    equal = itertools.groupby(zip(path, turned(path), strict=True), key=lambda x: (x[0][0], x[1]))
    runs = [[link for link, _ in run] for _, run in equal]
    parts = [[functools.reduce(functools.partial(times, engine), run)] if len(run) > 2 else run for run in runs]
    return [link for part in parts for link in part]
