"""Random single changes of formulas, made without the checker's own table of mistakes."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from cases import Case

import graphc as gc
from graphc.errors import GraphcError
from graphc.ir.expr import Expr

FUNCTIONS = ("sigmoid", "tanh", "relu", "exp", "sin", "cos", "log", "sqrt", "abs", "sign")


def mutants(text: str) -> Iterator[str]:
    """Every formula that differs from `text` at one place."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:  # a listing of several lines
        return
    count = sum(1 for _ in ast.walk(tree))
    for i in range(count):
        for change in (swap, transpose, factor, drop, turn, axis, function, exponent):
            changed = copy.deepcopy(tree)
            node = list(ast.walk(changed))[i]
            for new in change(node):
                yield ast.unparse(replaced(copy.deepcopy(changed), i, new))


def replaced(tree: ast.expr, place: int, new: ast.expr) -> ast.expr:
    old = list(ast.walk(tree))[place]
    if old is tree:
        return new
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(v is old for v in value):
                value[next(i for i, v in enumerate(value) if v is old)] = new
    return tree


def swap(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Sub, ast.Div, ast.Pow)):
        yield ast.BinOp(node.right, node.op, node.left)


def transpose(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Attribute):
        yield node.value
    elif isinstance(node, ast.Name) and node.id not in FUNCTIONS:
        yield ast.Attribute(node, "T", ast.Load())


def factor(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        yield from (ast.Constant(v) for v in (node.value + 1, 2 * node.value) if v != node.value)


def drop(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        yield node.left
        if not isinstance(node.op, ast.Div):
            yield node.right


def turn(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield ast.BinOp(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
    if isinstance(node, ast.UnaryOp):
        yield node.operand


def axis(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sum", "mean", "max"):
        other = [k for k in node.keywords if k.arg != "axis"]
        for place in (None, 0, 1):
            keywords = [*other, *([] if place is None else [ast.keyword("axis", ast.Constant(place))])]
            yield ast.Call(node.func, node.args, keywords)
        yield ast.Call(ast.Name("mean" if node.func.id == "sum" else "sum", ast.Load()), node.args, node.keywords)


def function(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        yield from (ast.Call(ast.Name(f, ast.Load()), node.args, []) for f in FUNCTIONS if f != node.func.id)


def exponent(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left
        yield ast.BinOp(node.left, ast.Pow(), ast.BinOp(node.right, ast.Add(), ast.Constant(1)))


def read(text: str, names: dict[str, object], shape: tuple[object, ...]) -> Expr | None:
    """A mutant as an expression of the given shape."""
    try:
        found = gc.parse(text, **names)
    except GraphcError:
        return None
    return found if found.shape == shape else None


def gradients(examples: Iterable[Case]) -> Iterator[tuple[Expr, Expr]]:
    """For each example of an op, a scalar over it and each variable by which it has a gradient."""
    for case in examples:
        f = gc.sum(gc.symbol("G_", case.node.shape) * case.node)
        for x in case.variables if case.node.dtype.startswith("float") else ():
            try:
                gc.grad(f, x)
            except GraphcError:
                continue
            yield f, x


def different(a: Expr, b: Expr, points: Sequence[Mapping[str, object]]) -> bool:
    """Whether two expressions clearly differ at one of some points where both can be computed."""
    for point in points:
        try:
            with np.errstate(all="ignore"):
                left, right = (np.asarray(gc.evaluate(e, point), dtype=float) for e in (a, b))
        except (GraphcError, np.linalg.LinAlgError):
            continue
        scale = 1 + float(np.max(np.abs(left), initial=0.0))
        if np.all(np.isfinite([left, right])) and np.max(np.abs(left - right), initial=0.0) > 1e-3 * scale:
            return True
    return False
