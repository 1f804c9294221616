"""Matrix expressions as trees, each operation in one of the ways in which it can be written; and trees that are equal.

A tree is a tuple: ("leaf", name), or the name of an operation and its operands.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import graphc as gc
from graphc.ir.expr import Expr

Tree = tuple[Any, ...]
n = gc.dims("n")
FACTS = {"S": ["symmetric"], "P": ["spd"]}
LEAVES = {name: gc.symbol(name, (n, n), facts=FACTS.get(name, [])) for name in "ABCSP"}
LEAVES |= {name: gc.symbol(name, (n,)) for name in "xy"} | {name: gc.symbol(name) for name in "ab"}

# op: its kind and those of its operands (m matrix, v vector, s scalar), and its spellings
OPS: dict[str, tuple[str, str, list[Callable[..., Expr]]]] = {
    "matmul": ("m", "mm", [lambda p, q: p @ q, lambda p, q: (q.T @ p.T).T, lambda p, q: gc.einsum("bc,ab->ac", q, p)]),
    "turn": ("m", "m", [lambda p: p.T, lambda p: gc.einsum("ij->ji", p)]),
    "hadamard": ("m", "mm", [lambda p, q: p * q, lambda p, q: q * p, lambda p, q: (p.T * q.T).T]),
    "outer": ("m", "vv", [gc.outer, lambda p, q: p[:, None] * q, lambda p, q: gc.outer(q, p).T]),
    "diagonal": ("m", "v", [gc.diag, lambda p: gc.eye(n) * p, lambda p: gc.eye(n) * p[:, None]]),
    "rows": ("m", "vm", [lambda p, q: p[:, None] * q, lambda p, q: gc.diag(p) @ q, lambda p, q: (q.T * p).T]),
    "add m": ("m", "mm", [lambda p, q: p + q, lambda p, q: q + p]),
    "scale m": ("m", "sm", [lambda p, q: p * q, lambda p, q: q * p]),
    "apply": ("v", "mv", [lambda p, q: p @ q, lambda p, q: q @ p.T, lambda p, q: gc.sum(p * q, axis=1)]),
    "product": ("v", "vv", [lambda p, q: p * q, lambda p, q: gc.diag(gc.outer(p, q)), lambda p, q: gc.diag(p) @ q]),
    "entries": ("v", "m", [gc.diag, lambda p: gc.diag(p.T), lambda p: gc.sum(gc.eye(n) * p, axis=0)]),
    "sums": ("v", "m", [lambda p: gc.sum(p, axis=1), lambda p: p @ gc.ones(n), lambda p: gc.sum(p.T, axis=0)]),
    "add v": ("v", "vv", [lambda p, q: p + q, lambda p, q: q + p]),
    "scale v": ("v", "sv", [lambda p, q: p * q, lambda p, q: q * p]),
    "dot": ("s", "vv", [lambda p, q: p @ q, lambda p, q: gc.sum(q * p), lambda p, q: gc.trace(gc.outer(p, q))]),
    "trace": ("s", "m", [gc.trace, lambda p: gc.trace(p.T), lambda p: gc.sum(gc.diag(p))]),
    "add s": ("s", "ss", [lambda p, q: p + q, lambda p, q: q + p]),
    "times": ("s", "ss", [lambda p, q: p * q, lambda p, q: q * p]),
}
NAMES = {"m": "ABCSP", "v": "xy", "s": "ab"}


def drawn(rng: random.Random, kind: str, depth: int) -> Tree:
    """A random tree."""
    ops = [op for op, (own, *_) in OPS.items() if own == kind]
    if not depth or rng.random() < 0.1:
        return ("leaf", rng.choice(NAMES[kind]))
    op = rng.choice(ops)
    return (op, *(drawn(rng, below, depth - 1) for below in OPS[op][1]))


def spelled(tree: Tree, rng: random.Random) -> Expr:
    """The expression of a tree, each operation in one of its spellings."""
    op, *below = tree
    if op == "leaf":
        return LEAVES[below[0]]
    return rng.choice(OPS[op][2])(*(spelled(t, rng) for t in below))


def regrouped(tree: Tree, rng: random.Random) -> Tree:
    """An equal tree: products and sums grouped anew, transposes carried out, traces turned."""
    op, *below = tree
    if op == "leaf":
        return tree
    below = [regrouped(t, rng) for t in below]
    ways = EQUAL.get((op, *(t[0] for t in below)), [])
    return rng.choice(ways)(*below) if ways and rng.random() < 0.6 else (op, *below)


EQUAL: dict[tuple[str, ...], list[Callable[..., Tree]]] = {}


def equal(op: str, place: int, inner: str, way: Callable[..., Tree]) -> None:
    """`way` gives a tree equal to `op` whose operand at `place` is `inner`, whatever the others are."""
    arity = len(OPS[op][1])
    for other in [*OPS, "leaf"]:
        key = (op, *(inner if i == place else other for i in range(arity)))
        if way not in EQUAL.setdefault(key, []):
            EQUAL[key].append(way)


for add in ("add m", "add v", "add s"):
    equal(add, 0, add, lambda p, q: (p[0], p[1], (p[0], p[2], q)))
    equal(add, 1, add, lambda p, q: (q[0], (q[0], p, q[1]), q[2]))
equal("matmul", 0, "matmul", lambda p, q: ("matmul", p[1], ("matmul", p[2], q)))
equal("matmul", 1, "matmul", lambda p, q: ("matmul", ("matmul", p, q[1]), q[2]))
equal("matmul", 0, "outer", lambda p, q: ("outer", p[1], ("apply", ("turn", q), p[2])))
equal("matmul", 0, "scale m", lambda p, q: ("scale m", p[1], ("matmul", p[2], q)))
equal("apply", 0, "matmul", lambda p, q: ("apply", p[1], ("apply", p[2], q)))
equal("apply", 1, "apply", lambda p, q: ("apply", ("matmul", p, q[1]), q[2]))
equal("apply", 0, "outer", lambda p, q: ("scale v", ("dot", p[2], q), p[1]))
equal("turn", 0, "matmul", lambda p: ("matmul", ("turn", p[2]), ("turn", p[1])))
equal("turn", 0, "outer", lambda p: ("outer", p[2], p[1]))
equal("turn", 0, "turn", lambda p: p[1])
equal("trace", 0, "matmul", lambda p: ("trace", ("matmul", p[2], p[1])))
equal("trace", 0, "add m", lambda p: ("add s", ("trace", p[1]), ("trace", p[2])))
equal("entries", 0, "outer", lambda p: ("product", p[1], p[2]))
equal("entries", 0, "add m", lambda p: ("add v", ("entries", p[1]), ("entries", p[2])))
equal("dot", 1, "apply", lambda p, q: ("dot", ("apply", ("turn", q[1]), p), q[2]))
equal("hadamard", 0, "hadamard", lambda p, q: ("hadamard", p[1], ("hadamard", p[2], q)))
