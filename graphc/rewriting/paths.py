"""A product of matrices and vectors as a path: its factors, each beside those with which it shares a label."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Factor, Labels, factor_key, is_symmetric
from graphc.rewriting.terms import view

Link = tuple[Expr, Labels]


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


def joined(engine: Engine, group: list[Factor], done: Mapping[Expr, Expr], loose: set[int]) -> Link:
    """A group of factors over the same labels as one: the matrix A*B, the vector x*diag(A), the sum along `loose`."""
    f, labels, e = group[0]
    if len(group) == 1 and e == 1 and len(set(labels)) == len(labels) and loose.isdisjoint(labels):
        core, own = view(done[f])
        return (core, tuple(labels[x] for x in own)) if len(own) == len(labels) else (done[f], labels)
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


def has_vector(groups: Sequence[list[Factor]], rank: int) -> bool:
    """Whether one of the groups of a chain's factors is a vector, or is summed to one."""
    loose = loose_ends(groups, rank)
    return any(len(labels - loose) == 1 for labels in label_sets(groups))


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
