"""Formulas as syntax trees that change at one place, and the expressions they stand for."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from graphc.checking.trees import written
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr

PARTS = (ast.Name, ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.Attribute, ast.Subscript)


class Formulas:
    """Reads syntax trees; parts that trees share are read once."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = dict(names)
        self.read: dict[int, tuple[ast.expr, Expr | None]] = {}  # a tree is kept, so that its id stays its own
        self.made: dict[tuple[object, ...], Expr | None] = {}

    def expr(self, tree: ast.expr) -> Expr | None:
        """The expression that a tree stands for; None if it is not in the notation or its shapes do not fit."""
        found = self.read.get(id(tree))
        if found is None:
            found = self.read[id(tree)] = (tree, self._expr(tree))
        return found[1]

    def _expr(self, tree: ast.expr) -> Expr | None:
        if isinstance(tree, (ast.BinOp, ast.UnaryOp)) and type(tree.op) in OPERATORS:
            inner = [tree.left, tree.right] if isinstance(tree, ast.BinOp) else [tree.operand]
            return self._applied(OPERATORS[type(tree.op)], [self.expr(part) for part in inner])
        parts: list[ast.expr] = []
        outline = _outline(tree, tree, parts)
        values = [self.expr(part) for part in parts]
        if any(value is None for value in values):
            return None
        key = (ast.dump(outline), *map(id, values))
        if key not in self.made:
            bound = {**self.names, **{_place(i): value for i, value in enumerate(values)}}
            try:
                self.made[key] = parse(written(outline), **bound)
            except GraphcError:
                self.made[key] = None
        return self.made[key]

    def _applied(self, how: Callable[..., Expr], values: list[Expr | None]) -> Expr | None:
        """An operator between parts, as the notation has it."""
        key = (how, *map(id, values))
        if key not in self.made:
            try:
                self.made[key] = None if None in values else how(*values)
            except (GraphcError, ArithmeticError):
                self.made[key] = None
        return self.made[key]


OPERATORS: dict[type, Callable[..., Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
    ast.USub: operator.neg,
}


def _place(i: int) -> str:
    return f"part{i}_"


def _outline(node: Any, root: ast.expr, parts: list[ast.expr]) -> Any:
    """`root` with a name for each of its parts that is a formula of its own."""
    if isinstance(node, list):
        return [_outline(n, root, parts) for n in node]
    if not isinstance(node, ast.AST):
        return node
    if node is not root and isinstance(node, PARTS):
        parts.append(node)
        return ast.Name(_place(len(parts) - 1), ast.Load())
    if isinstance(node, (ast.Slice, ast.Tuple, ast.keyword)):
        return node
    fields = {
        field: value if isinstance(node, ast.Call) and field == "func" else _outline(value, root, parts)
        for field, value in ast.iter_fields(node)
    }
    return type(node)(**fields)
