"""Mistakes that people make, undone at one node of a formula: the kind, a sentence, and what belongs there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from graphc.checking.trees import call, flat, matmul, name, number, over, product, times, transposed, tree_of, written

Local = tuple[str, str, ast.expr]


def replacements(node: ast.expr, names: Sequence[Sequence[str]], around: Sequence[str]) -> Iterator[Local]:
    """Another name, or a function around a part."""
    if isinstance(node, ast.Name):
        for group in names:
            if node.id in group:
                for other in group:
                    if other != node.id:
                        yield "wrong variable", f"{node.id} stands where {other} belongs", name(other)
    if not isinstance(node, ast.Constant):
        for function in around:
            yield "missing function", f"{function} is missing around {written(node)}", call(function, node)


def additions(node: ast.expr, sizes: Sequence[str]) -> Iterator[Local]:
    """Signs, sums, sizes and factors 2 that are missing at a part."""
    text = written(node)
    yield "sign", f"the sign of {text} is wrong", ast.UnaryOp(ast.USub(), node)
    for axis in (0, 1, None):
        where = "" if axis is None else f" over axis {axis}"
        for how in ("sum", "mean"):
            yield f"missing {how}", f"the {how}{where} of {text} is missing", call(how, node, axis)
    for n in sizes:
        yield "size factor", f"{text} must be divided by {n}", over(node, name(n))
        yield "size factor", f"{text} must be multiplied by {n}", times(node, name(n))
    yield "constant factor", f"the factor 2 at {text} is missing", times(number(2), node)
    yield "constant factor", f"the factor 1/2 at {text} is missing", over(node, number(2))


def structural(node: ast.expr) -> Iterator[Local]:
    """Transposes and the order of operands."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        a, b = node.left, node.right
        yield "transposed", f"{written(a)} must be transposed", matmul(transposed(a), b)
        yield "transposed", f"{written(b)} must be transposed", matmul(a, transposed(b))
        order = "the operands of @ are in the wrong order"
        for x, y in ((b, a), (transposed(b), a), (b, transposed(a)), (transposed(b), transposed(a))):
            yield "wrong order", order, matmul(x, y)
        yield (
            "transposed",
            f"{written(node)}: both factors must be transposed",
            matmul(transposed(a), transposed(b)),
        )
        yield "wrong product", "an outer product belongs where @ stands", call("outer", a, second=b)
        yield "wrong product", "an outer product belongs where @ stands", call("outer", b, second=a)
        yield "wrong product", "a product entry by entry belongs where @ stands", times(a, b)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        a, b = node.left, node.right
        for x, y in ((a, b), (b, a), (transposed(a), b), (a, transposed(b)), (transposed(b), a), (b, transposed(a))):
            yield "wrong product", "a matrix product belongs where * stands", matmul(x, y)
        yield "wrong product", "an outer product belongs where * stands", call("outer", a, second=b)
        yield "wrong product", "an outer product belongs where * stands", call("outer", b, second=a)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "outer":
        yield (
            "wrong order",
            "the arguments of outer are in the wrong order",
            call("outer", node.args[1], second=node.args[0]),
        )
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transposed", f"{written(node.value)} must not be transposed", node.value
    elif isinstance(node, ast.Name):
        yield "transposed", f"{node.id} must be transposed", transposed(node)


def additive(node: ast.expr) -> Iterator[Local]:
    """Signs, and terms or factors too many."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", f"the sign of {written(node.operand)} is wrong", node.operand
    if not isinstance(node, ast.BinOp):
        return
    a, b = node.left, node.right
    if isinstance(node.op, (ast.Add, ast.Sub)):
        other: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign", f"the sign of {written(b)} is wrong", ast.BinOp(a, other, b)
        if isinstance(node.op, ast.Sub):
            yield "sign", f"{written(node)} has the wrong sign", ast.BinOp(b, ast.Sub(), a)
        yield "wrong operation", f"a product belongs where {written(node)} stands", times(a, b)
        yield "superfluous term", f"the term {written(b)} does not belong here", a
        yield "superfluous term", f"the term {written(a)} does not belong here", b
    elif isinstance(node.op, ast.MatMult):
        yield "superfluous factor", f"{written(b)} does not belong here", a
        yield "superfluous factor", f"{written(a)} does not belong here", b
    elif isinstance(node.op, (ast.Mult, ast.Div)):
        yield "wrong operation", f"a sum belongs where {written(node)} stands", ast.BinOp(a, ast.Add(), b)
        yield _kind_of_factor(b), f"{written(b)} does not belong here", a
        if isinstance(node.op, ast.Mult):
            yield _kind_of_factor(a), f"{written(a)} does not belong here", b
            yield "inverted factor", f"{written(b)} belongs in the denominator", over(a, b)
            yield "inverted factor", f"{written(a)} belongs in the denominator", over(b, a)
        else:
            yield "inverted factor", f"{written(b)} does not belong in the denominator", times(a, b)


def _kind_of_factor(factor: ast.expr) -> str:
    return "constant factor" if isinstance(factor, ast.Constant) else "superfluous factor"


def calls(node: ast.expr) -> Iterator[Local]:
    """Sums and means, their axes, and functions taken for one another."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return
    function, x = node.func.id, node.args[0]
    if function in ("sum", "mean"):
        other = "mean" if function == "sum" else "sum"
        given = [k for k in node.keywords if k.arg == "axis"]
        rest = [k for k in node.keywords if k.arg != "axis"]
        for axis in (None, 0, 1, -1):
            keywords = [*([] if axis is None else [ast.keyword("axis", number(axis))]), *rest]
            where = "all axes" if axis is None else f"axis {axis}"
            yield "wrong axis", f"the {function} must be taken over {where}", ast.Call(node.func, [x], keywords)
        yield (
            f"{function} for {other}",
            f"a {other} belongs where the {function} stands",
            ast.Call(name(other), [x], node.keywords),
        )
        yield f"superfluous {function}", f"the {function} of {written(x)} does not belong here", x
        kept = [*given, ast.keyword("keepdims", ast.Constant(True))]
        yield "missing keepdims", f"the {function} must keep its axis", ast.Call(node.func, [x], kept)
    elif function in FUNCTIONS:
        yield "superfluous function", f"{function} does not belong around {written(x)}", x
        for other in FUNCTIONS:
            if other != function:
                what = f"{other} belongs where {function} stands"
                yield "wrong function", what, ast.Call(name(other), node.args, node.keywords)


FUNCTIONS = ("sigmoid", "tanh", "relu", "exp", "log", "softmax", "sqrt", "abs", "sign", "sin", "cos", "norm")


def numbers(node: ast.expr) -> Iterator[Local]:
    """Constants and exponents."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, e = node.left, node.right
        for text in ("2", "3", "1", "-1", "-2", "1/2", "-1/2", "3/2", "-3/2"):
            exponent = tree_of(f"({text})")
            assert exponent is not None
            yield (
                "exponent",
                f"the exponent of {written(base)} must be {text}",
                ast.BinOp(base, ast.Pow(), exponent),
            )
        yield "exponent", f"the exponent {written(e)} does not belong here", base
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        for value in (node.value + 1, node.value - 1, 2 * node.value, -node.value):
            yield "constant", f"{node.value} must be {value}", number(value)
        yield "constant", f"{node.value} must be {node.value}/2", over(node, number(2))
    elif isinstance(node, (ast.Name, ast.Call)):
        yield "exponent", f"{written(node)} must be squared", ast.BinOp(node, ast.Pow(), number(2))


def activations(node: ast.expr, factors: Sequence[ast.expr]) -> Iterator[Local]:
    """The derivative of an activation where that of another belongs, or written in the wrong variable."""
    parts = flat(node)
    derivatives = [[p] for p in parts if _derivative_like(p)]
    for u in parts:
        other = next((p for p in parts if p is not u and ast.unparse(p) == f"1 - {written(u)}"), None)
        if other is not None:
            derivatives.insert(0, [u, other])
    for found in derivatives:
        rest = [p for p in parts if p not in found]
        was = written(product(found))
        for factor in factors:
            what = f"{written(factor)} belongs where {was} stands"
            yield "wrong activation", what, product([*rest, factor])


def _derivative_like(node: ast.expr) -> bool:
    """``1 - h``, ``1 - h**2`` or a comparison."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return ast.unparse(node.left) == "1"
    return isinstance(node, ast.Compare)
