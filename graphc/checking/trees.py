"""Formulas as syntax trees: reading, writing, and changing them at one place."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Sequence


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
    return changed(tree, [old], lambda _: new)


def changed(tree: ast.expr, nodes: Sequence[ast.expr], change: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """`tree` with a change at each of some nodes, inner ones first; the rest is shared."""
    wanted = {id(node) for node in nodes}
    single = len(wanted) == 1

    def copy(node: object) -> object:
        if single and id(node) in wanted:
            return change(node)  # type: ignore[arg-type]
        new = node
        if isinstance(node, list):
            copies = [copy(n) for n in node]
            new = node if all(a is b for a, b in zip(copies, node, strict=True)) else copies
        elif isinstance(node, ast.AST):
            fields = {field: copy(value) for field, value in ast.iter_fields(node)}
            same = all(value is getattr(node, field) for field, value in fields.items())
            new = node if same else _subtracted(type(node)(**fields))
        return change(new) if id(node) in wanted else new  # type: ignore[arg-type]

    return copy(tree)  # type: ignore[return-value]


def _subtracted(node: ast.AST) -> ast.AST:
    """``a - b`` for ``a + -b``, and ``a + b`` for ``a - -b``."""
    match node:
        case ast.BinOp(left, (ast.Add() | ast.Sub()) as op, right):
            positive = _opposite(right)
            if positive is not None:
                return ast.BinOp(left, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), positive)
    return node


def _opposite(node: ast.expr) -> ast.expr | None:
    """A product without the minus sign before its first factor; None where it has none."""
    match node:
        case ast.UnaryOp(ast.USub(), right):
            return right
        case ast.BinOp(left, (ast.Mult() | ast.Div() | ast.MatMult()) as op, right):
            first = _opposite(left)
            return None if first is None else ast.BinOp(first, op, right)
    return None


def name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


def number(value: float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def times(a: ast.expr, b: ast.expr) -> ast.expr:
    """A product, in which a number or a name cancels a division by it, and a number stands before the other factors."""
    return _undivided(b, a) or _undivided(a, b) or _in_front(a, b)


def _in_front(a: ast.expr, b: ast.expr) -> ast.expr:
    if isinstance(a, ast.Constant) and isinstance(b, ast.BinOp) and isinstance(b.op, (ast.Mult, ast.Div, ast.MatMult)):
        return ast.BinOp(_in_front(a, b.left), b.op, b.right)
    return ast.BinOp(a, ast.Mult(), b)


def over(a: ast.expr, b: ast.expr) -> ast.expr:
    """A quotient, in which a number or a name cancels a factor."""
    return _cancelled(a, b) or ast.BinOp(a, ast.Div(), b)


def _cancelled(tree: ast.expr, factor: ast.expr) -> ast.expr | None:
    """A product without a factor that is a number other than 1 or a name; None where it does not have it."""
    if not isinstance(tree, ast.BinOp) or not isinstance(factor, (ast.Constant, ast.Name)):
        return None
    a, op, b = tree.left, tree.op, tree.right
    if isinstance(op, ast.Mult):
        for x, y in ((a, b), (b, a)):
            if written(x) == written(factor):
                return y
        left, right = _cancelled(a, factor), _cancelled(b, factor)
        return ast.BinOp(left, op, b) if left else ast.BinOp(a, op, right) if right else None
    if isinstance(op, (ast.Div, ast.MatMult)):
        left = _cancelled(a, factor)
        return ast.BinOp(left, op, b) if left else None
    return None


def _undivided(tree: ast.expr, factor: ast.expr) -> ast.expr | None:
    """A product or a quotient without a division by a number or a name; None where there is none."""
    if not isinstance(tree, ast.BinOp) or not isinstance(factor, (ast.Constant, ast.Name)):
        return None
    a, op, b = tree.left, tree.op, tree.right
    if isinstance(op, ast.Div) and written(b) == written(factor):
        return a
    if isinstance(op, (ast.Mult, ast.Div, ast.MatMult)):
        left = _undivided(a, factor)
        right = _undivided(b, factor) if isinstance(op, ast.Mult) else None
        return ast.BinOp(left, op, b) if left else ast.BinOp(a, op, right) if right else None
    return None


def negated(tree: ast.expr) -> ast.expr:
    """The opposite, with its sign in front of the first factor."""
    match tree:
        case ast.UnaryOp(ast.USub(), x):
            return x
        case ast.BinOp(x, (ast.Mult() | ast.Div() | ast.MatMult()) as op, y) if not _is_sum(x):
            return ast.BinOp(negated(x), op, y)
        case ast.BinOp(x, ast.Sub(), y):
            return ast.BinOp(y, ast.Sub(), x)
    return ast.UnaryOp(ast.USub(), tree)


def _is_sum(tree: ast.expr) -> bool:
    return isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub))


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
