"""Single edits of a claim, the mistakes that people make undone: each with its kind and a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Local = tuple[str, str, ast.expr]


class Edit(NamedTuple):
    """A changed formula, the kind of mistake that it undoes, and a sentence on it."""

    kind: str
    sentence: str
    text: str


def tree_of(text: str) -> ast.expr | None:
    """A formula of one line as a syntax tree; None for a listing."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None


def whole_edits(claim: ast.expr, axes: int, sizes: Sequence[str]) -> Iterator[Edit]:
    """Edits of the claim as a whole."""
    yield _edit("transposed", "the claim is the transpose of the gradient", transposed(claim))
    yield _edit("sign", "the sign is wrong: the claim is the negative of the gradient", ast.UnaryOp(ast.USub(), claim))
    for factor in (2, 3, 4):
        yield _edit("constant factor", f"the factor {factor} is missing", times(claim, number(factor)))
        yield _edit("constant factor", f"the claim is {factor} times too large", over(claim, number(factor)))
    for n in sizes:
        yield _edit(
            "size factor", f"the claim is {n} times too large: the factor 1/{n} is missing", over(claim, name(n))
        )
        yield _edit(
            "size factor", f"the claim is {n} times too small: the factor {n} is missing", times(claim, name(n))
        )
        for other in sizes:
            if n <= other:
                both = times(name(n), name(other))
                yield _edit("size factor", f"the factor 1/({n}*{other}) is missing", over(claim, both))
    for n in sizes:
        for factor in (2, -1, -2):
            c = number(factor)
            yield _edit("constant factor", f"the factor {factor}/{n} is missing", over(times(claim, c), name(n)))
            yield _edit("constant factor", f"the factor {n}/({factor}) is missing", over(times(claim, name(n)), c))
    yield _edit("constant factor", "the factor -2 is missing", times(claim, number(-2)))
    yield _edit("constant factor", "the claim is -2 times the gradient", over(claim, number(-2)))
    for axis in range(axes):
        yield _edit("missing sum", f"the sum over axis {axis} is missing", call("sum", claim, axis))
        yield _edit("missing mean", f"the mean over axis {axis} is missing", call("mean", claim, axis))
    yield _edit("missing sum", "the sum over all entries is missing", call("sum", claim))


def local_edits(
    claim: ast.expr, factors: Sequence[str], sizes: Sequence[str], names: Sequence[Sequence[str]]
) -> Iterator[Edit]:
    """Edits at one place inside the claim.

    Parameters
    ----------
    factors : derivatives of activations, as formulas, that may be missing or superfluous
    names : groups of names that stand for arrays of one shape
    """
    nodes = [node for node in ast.walk(claim) if isinstance(node, ast.expr) and not _inert(node)]
    keywords = {id(k.value) for node in ast.walk(claim) if isinstance(node, ast.Call) for k in node.keywords}
    nodes = [node for node in nodes if id(node) not in keywords]
    for rule in (_structural, _additive, _calls, _numbers, _activations):
        for node in nodes:
            for kind, sentence, new in rule(node):
                yield _edit(kind, sentence, swapped(claim, node, new))
    for node in nodes:
        for group in names:
            if isinstance(node, ast.Name) and node.id in group:
                for other in group:
                    if other != node.id:
                        what = f"{node.id} stands where {other} belongs"
                        yield _edit("wrong variable", what, swapped(claim, node, name(other)))
    for factor in factors:
        tree = tree_of(factor)
        for node in nodes:
            if tree is not None and not isinstance(node, ast.Constant):
                what = f"the factor {factor} of the chain rule is missing"
                yield _edit("missing factor", what, swapped(claim, node, times(node, tree)))
    for node in nodes:
        if not isinstance(node, ast.Constant):
            text = ast.unparse(node)
            yield _edit("sign", f"the sign of {text} is wrong", swapped(claim, node, ast.UnaryOp(ast.USub(), node)))
            for axis in (0, 1, None):
                where = "" if axis is None else f" over axis {axis}"
                for how in ("sum", "mean"):
                    what = f"the {how}{where} of {text} is missing"
                    yield _edit(f"missing {how}", what, swapped(claim, node, call(how, node, axis)))
            for n in sizes:
                yield _edit("size factor", f"{text} must be divided by {n}", swapped(claim, node, over(node, name(n))))
                yield _edit(
                    "size factor", f"{text} must be multiplied by {n}", swapped(claim, node, times(node, name(n)))
                )
            yield _edit(
                "constant factor", f"the factor 2 at {text} is missing", swapped(claim, node, times(number(2), node))
            )
            yield _edit(
                "constant factor", f"the factor 1/2 at {text} is missing", swapped(claim, node, over(node, number(2)))
            )


def _structural(node: ast.expr) -> Iterator[Local]:
    """Transposes and the order of operands."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        a, b = node.left, node.right
        yield "transposed", f"{ast.unparse(a)} must be transposed", matmul(transposed(a), b)
        yield "transposed", f"{ast.unparse(b)} must be transposed", matmul(a, transposed(b))
        order = "the operands of @ are in the wrong order"
        for x, y in ((b, a), (transposed(b), a), (b, transposed(a)), (transposed(b), transposed(a))):
            yield "wrong order", order, matmul(x, y)
        yield (
            "transposed",
            f"{ast.unparse(node)}: both factors must be transposed",
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
        yield "transposed", f"{ast.unparse(node.value)} must not be transposed", node.value
    elif isinstance(node, ast.Name):
        yield "transposed", f"{node.id} must be transposed", transposed(node)


def _additive(node: ast.expr) -> Iterator[Local]:
    """Signs, and terms or factors too many."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", f"the sign of {ast.unparse(node.operand)} is wrong", node.operand
    if not isinstance(node, ast.BinOp):
        return
    a, b = node.left, node.right
    if isinstance(node.op, (ast.Add, ast.Sub)):
        other: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign", f"the sign of {ast.unparse(b)} is wrong", ast.BinOp(a, other, b)
        if isinstance(node.op, ast.Sub):
            yield "sign", f"{ast.unparse(node)} has the wrong sign", ast.BinOp(b, ast.Sub(), a)
        yield "superfluous term", f"the term {ast.unparse(b)} does not belong here", a
        yield "superfluous term", f"the term {ast.unparse(a)} does not belong here", b
    elif isinstance(node.op, (ast.Mult, ast.Div)):
        yield "superfluous factor", f"{ast.unparse(b)} does not belong here", a
        if isinstance(node.op, ast.Mult):
            yield "superfluous factor", f"{ast.unparse(a)} does not belong here", b
            yield "inverted factor", f"{ast.unparse(b)} belongs in the denominator", over(a, b)
            yield "inverted factor", f"{ast.unparse(a)} belongs in the denominator", over(b, a)
        else:
            yield "inverted factor", f"{ast.unparse(b)} does not belong in the denominator", times(a, b)


def _calls(node: ast.expr) -> Iterator[Local]:
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
        yield f"superfluous {function}", f"the {function} of {ast.unparse(x)} does not belong here", x
        kept = [*given, ast.keyword("keepdims", ast.Constant(True))]
        yield "missing keepdims", f"the {function} must keep its axis", ast.Call(node.func, [x], kept)
    elif function in FUNCTIONS:
        yield "superfluous function", f"{function} does not belong around {ast.unparse(x)}", x
        for other in FUNCTIONS:
            if other != function:
                what = f"{other} belongs where {function} stands"
                yield "wrong function", what, ast.Call(name(other), node.args, node.keywords)


FUNCTIONS = ("sigmoid", "tanh", "relu", "exp", "log", "softmax", "sqrt", "abs", "sign", "sin", "cos", "norm")


def _numbers(node: ast.expr) -> Iterator[Local]:
    """Constants and exponents."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, e = node.left, node.right
        for text in ("2", "3", "1", "-1", "-2", "1/2", "-1/2", "3/2", "-3/2"):
            exponent = tree_of(f"({text})")
            assert exponent is not None
            yield (
                "exponent",
                f"the exponent of {ast.unparse(base)} must be {text}",
                ast.BinOp(base, ast.Pow(), exponent),
            )
        yield "exponent", f"the exponent {ast.unparse(e)} does not belong here", base
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        for value in (node.value + 1, node.value - 1, 2 * node.value, -node.value):
            yield "constant", f"{node.value} must be {value}", number(value)
        yield "constant", f"{node.value} must be {node.value}/2", over(node, number(2))
    elif isinstance(node, (ast.Name, ast.Call)):
        yield "exponent", f"{ast.unparse(node)} must be squared", ast.BinOp(node, ast.Pow(), number(2))


def _activations(node: ast.expr) -> Iterator[Local]:
    """The derivative of one activation where that of another belongs."""
    if not isinstance(node, ast.BinOp):
        return
    found: list[ast.expr] = []
    one = "1"
    if isinstance(node.op, ast.Mult):
        for h, rest in ((node.left, node.right), (node.right, node.left)):
            if (
                isinstance(rest, ast.BinOp)
                and isinstance(rest.op, ast.Sub)
                and ast.unparse(rest) == f"1 - {ast.unparse(h)}"
            ):
                found.append(h)
    square = node.right if isinstance(node.op, ast.Sub) and ast.unparse(node.left) == one else None
    if isinstance(square, ast.BinOp) and isinstance(square.op, ast.Pow) and ast.unparse(square.right) == "2":
        found.append(square.left)
    if isinstance(node.op, ast.Sub) and ast.unparse(node.left) == one:
        found.append(node.right)
    for h in found:
        text = ast.unparse(h)
        for formula in (f"({text})*(1 - ({text}))", f"1 - ({text})**2", f"({text}) > 0"):
            new = tree_of(formula)
            assert new is not None
            yield "wrong activation", f"{ast.unparse(new)} belongs where {ast.unparse(node)} stands", new


def _inert(node: ast.expr) -> bool:
    return isinstance(node, (ast.Tuple, ast.List, ast.Slice, ast.Starred))


def _edit(kind: str, sentence: str, tree: ast.expr) -> Edit:
    return Edit(kind, sentence, ast.unparse(tree))


def swapped(tree: ast.expr, old: ast.expr, new: ast.expr) -> ast.expr:
    """`tree` with one node exchanged; the rest is shared."""

    def copy(node: object) -> object:
        if node is old:
            return new
        if isinstance(node, list):
            return [copy(n) for n in node]
        if isinstance(node, ast.AST):
            return type(node)(**{field: copy(value) for field, value in ast.iter_fields(node)})
        return node

    return copy(tree)  # type: ignore[return-value]


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
    return a.value if isinstance(a, ast.Attribute) and a.attr == "T" else ast.Attribute(a, "T", ast.Load())


def call(function: str, x: ast.expr, axis: int | None = None, *, second: ast.expr | None = None) -> ast.expr:
    arguments = [x] if second is None else [x, second]
    return ast.Call(name(function), arguments, [] if axis is None else [ast.keyword("axis", number(axis))])
