"""Chains of matrix products as they are declared, taken in one piece before anything is made of their parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from graphc.ir.expr import Expr, users_in
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of
from graphc.rewriting.chains import SHORT, opened, stands_alone, taken
from graphc.rewriting.engine import Engine
from graphc.rewriting.paths import by_labels, has_vector, is_path
from graphc.rewriting.terms import is_moved


class Declared(NamedTuple):
    """The chains in a graph as it is declared, the parts taken with them, and those parts that nothing else needs."""

    chains: set[Expr]
    parts: set[Expr]
    needless: set[Expr]


def declared_chains(order: Sequence[Expr], everywhere: bool) -> Declared:
    """The products in `order` (operands before users) that are chains, and those that are parts of them.

    Parts are products of matrices that all who use them apply to vectors, with what turns or scales such a product
    alone: (A B).T x; products that one bilinear form uses, x (A (B y)). What others use as well is computed once. With
    `everywhere` also those in products of matrices, A (B C), if they are short or have one user.
    """
    users = users_in(order)
    lengths: dict[Expr, int] = {}
    for node in order:
        if node.op is CONTRACT and (is_turned(node) or is_path(node)):
            lengths[node] = sum(lengths.get(f, 1) for f in node.operands)
    chains: set[Expr] = set()  # and what turns their parts
    ending: set[Expr] = set()  # those that end in vectors
    parts: list[Expr] = []
    bilinear: set[Expr] = set()  # vectors that one number is made of
    for node in reversed(order):
        if node not in lengths:
            continue
        above, turns = users[node], is_turned(node)
        within = [u for u in above if u in chains] if 0 < node.ndim <= 2 else []
        if not all(is_turned(u) or stands_alone(node, u) for u in within):
            within = []
        inside = bool(within) and len(within) == len(above)
        towards = inside and node.ndim == 2 and ending.issuperset(above)
        towards_number = all(u.ndim == 0 or u in bilinear for u in above)
        alone = inside and len(above) == 1 and (everywhere if node.ndim == 2 else towards_number)
        opens = towards or alone or (everywhere and bool(within) and lengths[node] <= SHORT)
        if opens or not turns:
            chains.add(node)
        if towards or (node.ndim < 2 and not turns and has_vector(by_labels(factors_of(node)), node.ndim)):
            ending.add(node)
        if opens:
            parts.append(node)
            if node.ndim == 1 and towards_number:
                bilinear.add(node)
    opening: set[Expr] = set()
    for node in reversed(parts):
        if not is_turned(node) or node.operands[0] in opening:
            opening.add(node)
    chains = {node for node in chains if node in opening or not is_turned(node)}
    return Declared(chains, opening, {node for node in opening if chains.issuperset(users[node])})


def is_turned(node: Expr) -> bool:
    """A number times a matrix, transposed or not."""
    return is_moved(node) and node.ndim == node.operands[0].ndim and node.attributes["coefficient"] != 0


def in_one_piece(engine: Engine, node: Expr, inner: Collection[Expr], done: dict[Expr, Expr]) -> Expr:
    """The normal form of a chain with its parts in `inner`, over the normal forms of its links."""
    scale, stack = ONE, [f for f in node.operands if f in inner]
    while stack:
        f = stack.pop()
        scale *= f.attributes["coefficient"]
        stack += [g for g in f.operands if g in inner]
    whole = taken(engine, by_labels(opened(node, inner)), done, node)
    return engine.product(scale, [(whole, aligned(node.shape, node.shape), ONE)], node.shape)
