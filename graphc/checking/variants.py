"""Derivations with one mistake in them: the function with a path or a local derivative changed.

A node ``y = g(u)`` is replaced by ``stop(y) + J*(u - stop(u))``, which has its value and the derivative J. What the
chain rule gives then is what someone finds who takes g to have the derivative J; with ``stop(y)`` alone, what someone
finds who takes y for a constant.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from graphc.checking.kinds import Kind
from graphc.ir.expr import Expr, rebuild, substitute, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.broadcasting import brief
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.defined import LOGSUMEXP
from graphc.ops.forms import is_implicit
from graphc.ops.leaves import NAMED
from graphc.ops.stopping import stopped


class Variant(NamedTuple):
    """A changed function, and what is wrong with a claim that is its gradient.

    Attributes
    ----------
    kind, sentence : of the mistake
    changed : the function with the mistake
    right, wrong : the local derivative, and what was taken for it (1 where it is missing); None where a path is cut
    """

    kind: Kind
    sentence: str
    changed: Expr
    right: Expr | None = None
    wrong: Expr | None = None


def active(f: Expr, x: Expr) -> list[Expr]:
    """The nodes of `f` that depend on `x`, without `x`, operands first."""
    depends: set[Expr] = {x}
    found = []
    for node in topological([f]):
        if node is not x and any(o in depends for o in node.operands):
            depends.add(node)
            found.append(node)
    return found


def names_of(f: Expr) -> dict[Expr, Expr]:
    """Named nodes by what they name."""
    return {node.operands[0]: node for node in topological([f]) if node.op is NAMED}


def called(node: Expr, names: dict[Expr, Expr] | None = None) -> str:
    """What a sentence calls an expression: its name, or its formula, shortened; not that it is stretched."""
    node = (names or {}).get(node, node)
    while is_implicit(node) and node.operands:
        node = node.operands[0]
    return node.name or brief(node)


def replaced(f: Expr, node: Expr, new: Expr) -> Expr:
    return substitute([f], {node: new})[0]


def is_statistic(node: Expr) -> bool:
    """A reduction of one array, or a function of such reductions alone: one number for many entries."""
    while node.op is NAMED:
        node = node.operands[0]
    if node.op is CONTRACT and summed(node):
        return len(arrays_in(node)) == 1
    if "axis" in node.attributes:
        return node.ndim < max(o.ndim for o in node.operands) or 1 in node.shape
    inner = [o for o in node.operands if o.operands]
    return bool(inner) and all(is_statistic(o) for o in inner)


def arrays_in(product: Expr) -> set[Expr]:
    """The different factors of a product, those of elementwise products in it one by one."""
    found: set[Expr] = set()
    for f, _, _ in factors_of(product):
        found |= arrays_in(f) if f.op is CONTRACT and not summed(f) else {f}
    return found


def is_term(node: Expr, f: Expr, moving: set[Expr]) -> bool:
    """Whether `f` is a sum of which `node` is a term, at most with a constant factor."""
    current = {node}
    for user in topological([f]):
        if current & set(user.operands):
            through = [e for o, _, e in factors_of(user) if o in moving] if user.op is CONTRACT else []
            if user.op not in (ADD, NAMED) and through != [1]:
                return False
            current.add(user)
    return True


def forgotten(f: Expr, x: Expr) -> Iterator[Variant]:
    """A part of `f` taken for a constant."""
    names = names_of(f)
    nodes = [node for node in active(f, x) if node is not f]
    for node in sorted(nodes, key=lambda node: (not is_statistic(node), node.op is not NAMED)):
        if node not in names:
            yield cut(f, x, [node])


def forgotten_uses(f: Expr, x: Expr) -> Iterator[Variant]:
    """One of several uses of a part of `f` taken for constant, or all but one of them."""
    yield from edges(f, x, [node for node in active(f, x) if node is not f])


def forgotten_pairs(f: Expr, x: Expr) -> Iterator[Variant]:
    """Two statistics or named parts taken for constants."""
    names = names_of(f)
    nodes = [n for n in active(f, x) if n is not f and n not in names and (n.op is NAMED or is_statistic(n))]
    for pair in itertools.combinations(nodes, 2):
        yield cut(f, x, list(pair))


def cut(f: Expr, x: Expr, nodes: list[Expr]) -> Variant:
    what = " and ".join(dict.fromkeys(map(called, nodes)))
    moving = set(active(f, x))
    several = any(is_statistic(node) and (node.op is LOGSUMEXP or not is_term(node, f, moving)) for node in nodes)
    kind = Kind.STATISTIC if several else Kind.PATH
    verb = "depends" if len(nodes) == 1 else "depend"
    changed = substitute([f], {node: stopped(node) for node in nodes})[0]
    return Variant(kind, f"the claim forgets that {what} {verb} on {called(x)}", changed)


def edges(f: Expr, x: Expr, nodes: list[Expr]) -> Iterator[Variant]:
    inner = {x, *nodes}
    uses: dict[Expr, list[tuple[Expr, int]]] = {}
    for node in topological([f]):
        for i, o in enumerate(node.operands):
            if o in inner and node.op is not NAMED:
                uses.setdefault(o, []).append((node, i))
    for operand, found in uses.items():
        what = called(operand)
        for use in found if len(found) > 1 else ():
            user = use[0]
            where = called(user)
            apart = is_statistic(user) and user.operands.count(operand) == 1 and not is_term(user, f, inner)
            kind = Kind.STATISTIC if apart else Kind.PATH
            yield Variant(kind, f"the claim forgets the use of {what} in {where}", held(f, [use]))
            if len(found) > 2:
                only = f"the claim uses {what} in {where} only, and forgets its other uses"
                others = [other for other in found if other != use]
                kind = Kind.STATISTIC if all(is_statistic(user) for user, _ in others) else Kind.PATH
                yield Variant(kind, only, held(f, others))


def held(f: Expr, uses: list[tuple[Expr, int]]) -> Expr:
    """`f` with some operands of some nodes held constant."""
    done: dict[Expr, Expr] = {}
    for node in topological([f]):
        operands = [done[o] for o in node.operands]
        done[node] = rebuild(node, tuple(stopped(o) if (node, i) in uses else o for i, o in enumerate(operands)))
    return done[f]
