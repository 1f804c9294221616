"""Several formulas as one listing: a part that some of them share stands on one line."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from graphc.ir.expr import Expr, behaviour
from graphc.ops.leaves import NAMED
from graphc.visualize.text import printed, shared_parts, written_pieces


def joint_listing(results: Mapping[str, Expr]) -> str:
    """A line ``name = formula`` for each result, after lines for the parts that it needs and no line before has."""
    roots: dict[str, Expr] = {}
    order: list[Expr] = []
    done: set[Expr] = set()
    for name, result in results.items():
        roots[name] = result.operands[0] if result.op is NAMED and result.name == name else result
        new = printed(roots[name], known=done)
        order += new
        done.update(new)
    taken = {*results, *(node.name for node in order if not node.operands or node.op is NAMED)}
    free = (name for i in itertools.count(1) if (name := f"_{i}") not in taken)
    named = dict(zip(shared_parts(list(roots.values()), order), free, strict=False))
    parts = set(named)
    if parts:  # a result that others are made of is written by its own name
        for name, root in roots.items():
            if root.operands and root.op is not NAMED:
                named.setdefault(root, name)
    pieces = written_pieces(order, named)
    lines = {node: f"{named[node]} = {pieces[node][0]}" for node in order if node in parts}
    found: list[str] = []
    place = {node: i for i, node in enumerate(order)}
    below = iter(node for node in order if node in parts)
    waiting = next(below, None)
    for name, root in roots.items():
        while waiting is not None and place[waiting] < place[root]:
            found.append(lines[waiting])
            waiting = next(below, None)
        again = named.get(root, name)
        found.append(f"{name} = {pieces[root][0] if again == name else again}")
    return "\n".join(found)


behaviour["listing"] = joint_listing
