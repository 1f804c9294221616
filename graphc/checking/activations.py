"""Derivatives of activations where those of others belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from graphc.checking.kinds import Kind
from graphc.checking.mistakes import Local
from graphc.checking.trees import flat, product, written


def activations(node: ast.expr, factors: Sequence[ast.expr]) -> Iterator[Local]:
    """The derivative of an activation where that of another belongs, or written in the wrong variable."""
    parts = flat(node)
    derivatives = [[p] for p in parts if derivative_like(p)]
    for u in parts:
        other = next((p for p in parts if p is not u and ast.unparse(p) == f"1 - {written(u)}"), None)
        if other is not None:
            derivatives.insert(0, [u, other])
    for found in derivatives:
        rest = [p for p in parts if p not in found]
        was = written(product(found))
        for factor in factors:
            what = f"{written(factor)} belongs where {was} stands"
            kind = Kind.VARIABLE if alike(product(found), factor) else Kind.ACTIVATION
            yield kind, what, product([*rest, factor])


def alike(a: ast.expr, b: ast.expr) -> bool:
    """Whether two formulas differ in their names only, comparisons in what is compared to the same, 1 - u**2 in u."""
    if isinstance(a, ast.Compare) and isinstance(b, ast.Compare):
        return [ast.dump(n) for n in (*a.ops, *a.comparators)] == [ast.dump(n) for n in (*b.ops, *b.comparators)]
    match a, b:
        case ast.BinOp(p, ast.Sub(), ast.BinOp(_, ast.Pow(), e)), ast.BinOp(q, ast.Sub(), ast.BinOp(_, ast.Pow(), f)):
            return derivative_like(a) and [written(p), written(e)] == [written(q), written(f)]
    return _nameless(a) == _nameless(b)


def _nameless(node: ast.expr) -> str:
    return re.sub(r"Name\(id='\w+'", "Name(", ast.dump(node))


def derivative_like(node: ast.expr) -> bool:
    """``1 - h``, ``1 - h**2`` or a comparison."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return ast.unparse(node.left) == "1"
    return isinstance(node, ast.Compare)
