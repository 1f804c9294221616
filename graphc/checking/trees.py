"""Formulas as syntax trees: reading, writing, and changing them at one place."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence


def tree_of(text: str) -> ast.expr | None:
    """A formula of one line as a syntax tree; None for a listing."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None


def flat(node: ast.expr) -> list[ast.expr]:
    """The factors of a product entry by entry."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*flat(node.left), *flat(node.right)]
    return [node]


def product(factors: Sequence[ast.expr]) -> ast.expr:
    return functools.reduce(times, factors)


def written(tree: ast.expr) -> str:
    """A formula with the spaces of the notation: none around ``*``, ``/`` and ``**``."""
    return re.sub(r" (\*\*|\*|/) ", r"\1", ast.unparse(tree))


def swapped(tree: ast.expr, old: ast.expr, new: ast.expr) -> ast.expr:
    """`tree` with one node exchanged; the rest is shared."""

    def copy(node: object) -> object:
        if node is old:
            return new
        if isinstance(node, list):
            copies = [copy(n) for n in node]
            return node if all(a is b for a, b in zip(copies, node, strict=True)) else copies
        if isinstance(node, ast.AST):
            fields = {field: copy(value) for field, value in ast.iter_fields(node)}
            same = all(value is getattr(node, field) for field, value in fields.items())
            return node if same else _subtracted(type(node)(**fields))
        return node

    return copy(tree)  # type: ignore[return-value]


def _subtracted(node: ast.AST) -> ast.AST:
    """``a - b`` for ``a + -b``."""
    match node:
        case ast.BinOp(left, ast.Add(), ast.UnaryOp(ast.USub(), right)):
            return ast.BinOp(left, ast.Sub(), right)
    return node


def name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


def number(value: float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def times(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Mult(), b)


def over(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Div(), b)


def matmul(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.MatMult(), b)


def transposed(a: ast.expr) -> ast.expr:
    """The transpose, inside a numeric factor, and none of a transpose."""
    if isinstance(a, ast.BinOp) and isinstance(a.op, ast.Mult) and isinstance(a.left, ast.Constant):
        return times(a.left, transposed(a.right))
    return a.value if isinstance(a, ast.Attribute) and a.attr == "T" else ast.Attribute(a, "T", ast.Load())


def call(function: str, x: ast.expr, axis: int | None = None, *, second: ast.expr | None = None) -> ast.expr:
    arguments = [x] if second is None else [x, second]
    return ast.Call(name(function), arguments, [] if axis is None else [ast.keyword("axis", number(axis))])
