"""Chains of matrix products, in one association whatever the grouping they were declared with.

    (A B) x    =  A (B x)          vectors first: no product of two matrices is left
    x (A B) y  =  (x A) (B y)
    A (B C)    =  (A B) C          from the left, where all groupings take products of the same kind
    tr(A B C)  =  sum((A B) * C.T)

A factor may be an elementwise product or summed along an axis: A (B (x*y)), (A*B) x, A (B sum(C, axis=1)).

A product that is used elsewhere too is a factor of the chains it stands in, so that it is computed once;
unless all that use it end in vectors.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from fractions import Fraction

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.matrix_functions import MATRIX_POWER, TERMS
from graphc.rewriting.cost import operations
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import Factor, Labels, factor_key, is_symmetric, unnested
from graphc.rewriting.terms import is_moved, view

Link = tuple[Expr, Labels]
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
        if self is Which.EVERY or (self is Which.NO_WORSE and of_one_size(groups)):
            return True
        return has_vector(groups, node.ndim) and multiplies_matrices(node, inner)


def of_one_size(groups: Iterable[list[Factor]]) -> bool:
    """Whether all links of a chain are square matrices of the same size."""
    shapes = {f.shape for group in groups for f, labels, _ in group if len(set(labels)) == 2}
    square = all(len(shape) == 2 and shape[0] == shape[1] for shape in shapes)
    return square and len(shapes) == 1 and all(len(set(group[0][1])) == 2 for group in groups)


def associated(engine: Engine, forms: Sequence[Expr], fixed: Collection[Expr], which: Which) -> list[Expr]:
    """Normal forms with the chains in them associated; products in `fixed` stay."""
    order = topological(forms)
    inner = parts(order, {*forms, *fixed})
    done: dict[Expr, Expr] = {}
    for node in order:
        if node in inner:
            continue
        factors = opened(node, inner) if is_path(node) else []
        groups = by_labels(factors)
        if len(groups) > 2 and which.holds(groups, node, inner):
            loose = loose_ends(groups, node.ndim)
            done[node] = folded(engine, [joined(engine, group, done, loose) for group in groups], node)
        else:
            done[node] = again(engine, node, inner, done)
    return [done[form] for form in forms]


def parts(order: list[Expr], kept: Collection[Expr]) -> set[Expr]:
    """The products that are parts of chains: with one use, or with uses in chains that end in vectors alone."""
    users: dict[Expr, list[Expr]] = defaultdict(list)
    for node in order:
        for f in node.operands:
            users[f].append(node)
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


def towards_vectors(order: Sequence[Expr]) -> set[Expr]:
    """The products of matrices in `order` (operands before users), as declared, that all who use them apply to vectors.

    A product and what turns or scales it alone: (A B).T x. With the vectors first no product of two matrices is left.
    """
    users: dict[Expr, list[Expr]] = defaultdict(list)
    for node in order:
        for f in node.operands:
            users[f].append(node)
    ending: set[Expr] = set()
    for node in reversed(order):
        if node.op is not CONTRACT or node.ndim > 2:
            continue
        if node.ndim == 2:
            above = users[node]
            towards = above and all(u in ending and (is_turned(u) or stands_alone(node, u)) for u in above)
            if towards and (is_turned(node) or is_path(node)):
                ending.add(node)
        elif is_path(node) and has_vector(by_labels(factors_of(node)), node.ndim):
            ending.add(node)
    found: set[Expr] = set()
    for node in order:
        if node in ending and node.ndim == 2 and (not is_turned(node) or node.operands[0] in found):
            found.add(node)
    return found


def is_turned(node: Expr) -> bool:
    """A number times a matrix, transposed or not."""
    return is_moved(node) and node.ndim == node.operands[0].ndim and node.attributes["coefficient"] != 0


def vectors_first(engine: Engine, node: Expr, inner: Collection[Expr], done: dict[Expr, Expr]) -> Expr:
    """The normal form of a chain with a vector, over the normal forms of its links."""
    scale, stack = ONE, [f for f in node.operands if f in inner]
    while stack:
        f = stack.pop()
        scale *= f.attributes["coefficient"]
        stack += [g for g in f.operands if g in inner]
    groups = by_labels(opened(node, inner))
    loose = loose_ends(groups, node.ndim)
    whole = folded(engine, [joined(engine, group, done, loose) for group in groups], node)
    return engine.product(scale, [(whole, aligned(node.shape, node.shape), ONE)], node.shape)


def by_labels(factors: Iterable[Factor]) -> list[list[Factor]]:
    """The links of a chain, each with its factors; a vector between two matrices scales one of them."""
    return scaled_links(alike(factors))


def alike(factors: Iterable[Factor]) -> list[list[Factor]]:
    """The factors over the same labels: each group is one matrix or one vector.

    Those whose labels no others have are the two sides of a dot product, one of which may be an elementwise product.
    """
    groups: dict[frozenset[int], list[Factor]] = {}
    for factor in factors:
        groups.setdefault(frozenset(factor[1]), []).append(factor)
    found: list[list[Factor]] = []
    for labels, group in groups.items():
        if len(group) == 1 or any(labels & other for other in groups if other != labels):
            found.append(group)
            continue
        apart = [x for x in group if x[0].op is CONTRACT and x[2] == 1] if len(group) > 2 else group
        rest = [x for x in group if x not in apart]
        found += [*([x] for x in apart), *([rest] if rest else [])]
    return found


def scaled_links(groups: list[list[Factor]]) -> list[list[Factor]]:
    """The groups of a chain with each vector between two matrices in the group of that which comes first in order."""
    matrices = [group for group in groups if len(set(group[0][1])) == 2]
    for vector in [group for group in groups if len(set(group[0][1])) == 1]:
        x = vector[0][1][0]
        beside = [group for group in matrices if x in group[0][1]]
        if len(beside) == 2:
            chosen = min(beside, key=lambda group: (factor_key(group[0][0]), group[0][1].index(x)))
            groups = [[*g, *vector] if g is chosen else g for g in groups if g is not vector]
            matrices = [group for group in groups if len(set(group[0][1])) == 2]
    return groups


def label_sets(groups: Iterable[list[Factor]]) -> list[frozenset[int]]:
    return [frozenset(group[0][1]) for group in groups]


def joined(engine: Engine, group: list[Factor], done: dict[Expr, Expr], loose: set[int]) -> Link:
    """A group of factors over the same labels as one: the matrix A*B, the vector x*diag(A), the sum along `loose`."""
    f, labels, e = group[0]
    if len(group) == 1 and e == 1 and len(set(labels)) == len(labels) and loose.isdisjoint(labels):
        return done[f], labels
    sizes = {x: d for f, ls, _ in group for x, d in zip(ls, f.shape, strict=True)}
    free = tuple(x for x in sizes if x not in loose)
    place = {x: i for i, x in enumerate(dict.fromkeys([*free, *sizes]))}
    factors = [(done[f], tuple(place[x] for x in ls), e) for f, ls, e in group]
    product, own = view(engine.product(ONE, factors, tuple(sizes[x] for x in free)))
    return product, tuple(free[x] for x in own)


def loose_ends(groups: Iterable[list[Factor]], rank: int) -> set[int]:
    """The summed labels that one group alone has: A @ B is summed along its columns."""
    met = Counter(x for labels in label_sets(groups) for x in labels)
    return {x for x, count in met.items() if x >= rank and count == 1}


def stands_alone(f: Expr, user: Expr) -> bool:
    """Whether `f` is no part of an elementwise product among the factors of a chain, nor scales one of its matrices."""
    groups = alike(factors_of(user))
    sets = label_sets(groups)
    own = [(group, labels) for group, labels in zip(groups, sets, strict=True) if any(g is f for g, *_ in group)]
    return all(
        len(group) == 1 and group[0][2] == 1 and (len(labels) == 2 or sum(labels <= x for x in sets) <= 2)
        for group, labels in own
    )


def is_path(node: Expr) -> bool:
    """Whether `node` is a product of matrices and vectors that meet two at a time."""
    if node.op is not CONTRACT or not summed(node) or node.ndim > 2:
        return False
    groups = by_labels(factors_of(node))
    loose = loose_ends(groups, node.ndim)
    met = Counter(x for labels in label_sets(groups) for x in labels)
    return (
        all(labels - loose and len(labels) <= 2 for labels in label_sets(groups))
        and all(count == (1 if x < node.ndim or x in loose else 2) for x, count in met.items())
        and -1 not in met
        and all(x in met for x in range(node.ndim))
    )


def is_opened(f: Expr) -> bool:
    """Whether a factor of a chain is a chain itself."""
    return is_path(f) or (f.op is MATRIX_POWER and f.ndim == 2 and f.attributes["n"] <= TERMS)


def opened(node: Expr, inner: Collection[Expr]) -> list[Factor]:
    """The factors of a chain under the labels of `node`, those of the products in it under new ones."""
    fresh = itertools.count(1 + max(x for labels in node.attributes["labels"] for x in labels))
    links: list[Factor] = []
    for f, labels, e in unnested(factors_of(node), fresh, lambda g: g in inner and g.op is CONTRACT):
        if f in inner:  # a power
            between = [labels[0], *itertools.islice(fresh, f.attributes["n"] - 1), labels[1]]
            links += [(f.operands[0], pair, ONE) for pair in itertools.pairwise(between)]
        else:
            links.append((f, labels, e))
    return links


def has_vector(groups: Sequence[list[Factor]], rank: int) -> bool:
    """Whether one of the groups of a chain's factors is a vector, or is summed to one."""
    loose = loose_ends(groups, rank)
    return any(len(labels - loose) == 1 for labels in label_sets(groups))


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
    """A chain without what is less as a product: A^{-1} A, L L^T of a decomposition, A^3 where no vector is."""
    out = path[:1]
    for link in path[1:]:
        out.append(link)
        while len(out) > 1 and len(path) > 2:
            (f, labels), (g, own) = out[-2:]
            product = times(engine, (f, labels), (g, own))
            if operations([product[0]], pairwise=True) > operations([f, g], pairwise=True):
                break
            out[-2:] = [product]
    return out if any(f.ndim == 1 for f, _ in out) else with_powers(engine, out)


def with_powers(engine: Engine, path: list[Link]) -> list[Link]:
    """A chain of matrices with three and more equal ones as a power."""
    equal = itertools.groupby(zip(path, turned(path), strict=True), key=lambda x: (x[0][0], x[1]))
    runs = [[link for link, _ in run] for _, run in equal]
    parts = [[functools.reduce(functools.partial(times, engine), run)] if len(run) > 2 else run for run in runs]
    return [link for part in parts for link in part]


def times(engine: Engine, left: Link, right: Link) -> Link:
    """The product over the labels that two factors share; each is a node more for the effort to be spent on."""
    engine.effort.renew()
    labels = [*left[1], *right[1]]
    free = [x for x in labels if labels.count(x) == 1]
    place = {x: i for i, x in enumerate(dict.fromkeys([*free, *labels]))}
    sizes = {x: d for f, ls in (left, right) for x, d in zip(ls, f.shape, strict=True)}
    factors = [(f, tuple(place[x] for x in ls), ONE) for f, ls in (left, right)]
    product, own = view(engine.product(ONE, factors, tuple(sizes[x] for x in free)))
    return product, tuple(free[x] for x in own)


def readings(links: list[Link], node: Expr) -> Iterator[list[Link]]:
    """The ways to read a chain: from either end, or from any factor of a cycle in either direction."""
    open_ended = node.ndim > 0 or any(f.ndim == 1 for f, _ in links)
    for start in links:
        entries = [x for x in start[1] if x < node.ndim or not open_ended] if len(start[1]) == 2 else [None]
        for entry in entries:
            yield list(followed(links, start, entry))


def followed(links: list[Link], start: Link, entry: int | None) -> Iterator[Link]:
    """The factors from `start`, which is entered by the label `entry`, each over the label that it shares."""
    at_label: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        for x in link[1]:
            at_label[x].append(link)
    link, at = start, entry
    while True:
        yield link
        at = next((x for x in link[1] if x != at), None)
        beyond = [] if at is None else [x for x in at_label[at] if x is not link]
        if not beyond or beyond[0] is start:
            return
        (link,) = beyond


def reading_key(path: list[Link]) -> tuple[int, list[tuple[object, bool]]]:
    """How many matrices are transposed as the chain is read, and an order among what is alike in that."""
    ways = turned(path)
    count = sum(way and f.op is not CONTRACT for (f, _), way in zip(path, ways, strict=True))
    return count, [(factor_key(f), way) for (f, _), way in zip(path, ways, strict=True)]


def turned(path: list[Link]) -> list[bool]:
    """For each factor of a chain whether it stands transposed there."""
    found, entry = [], None
    for k, (f, labels) in enumerate(path):
        after = path[(k + 1) % len(path)][1]
        leaves = next((x for x in labels if x in after and x != entry), None)
        if leaves is None:  # the last one
            leaves = next((x for x in labels if x != entry), None)
        found.append(len(labels) == 2 and labels[0] == leaves and not is_symmetric(f))
        entry = leaves
    return found
