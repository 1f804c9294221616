"""Single edits of a claim, the mistakes that people make undone: each with its kind and a sentence."""

from __future__ import annotations

import ast
import functools
import re
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


def places(claim: ast.expr) -> list[ast.expr]:
    """The parts of the claim that can be edited; not the values of keywords such as ``axis=0``."""
    keywords = {id(k.value) for node in ast.walk(claim) if isinstance(node, ast.Call) for k in node.keywords}
    nodes = [node for node in ast.walk(claim) if isinstance(node, ast.expr) and id(node) not in keywords]
    return [node for node in nodes if not isinstance(node, (ast.Tuple, ast.List, ast.Slice, ast.Starred))]


def order_edits(claim: ast.expr) -> Iterator[Edit]:
    """Transposes and the order of operands, at one place."""
    for node in places(claim):
        for kind, sentence, new in _structural(node):
            yield _edit(kind, sentence, swapped(claim, node, new))


def small_edits(claim: ast.expr) -> Iterator[Edit]:
    """Signs, terms and factors too many, axes, functions taken for one another, constants and exponents."""
    for rule in (_additive, _calls, _numbers):
        for node in places(claim):
            for kind, sentence, new in rule(node):
                yield _edit(kind, sentence, swapped(claim, node, new))


def local_edits(
    claim: ast.expr, factors: Sequence[str], sizes: Sequence[str], names: Sequence[Sequence[str]], around: Sequence[str]
) -> Iterator[Edit]:
    """Other edits at one place inside the claim.

    Parameters
    ----------
    factors : derivatives of activations, as formulas, that may be missing or superfluous
    names : groups of names that stand for arrays of one shape
    around : functions that may be missing around a part
    """
    nodes = places(claim)
    trees = [tree for tree in map(tree_of, factors) if tree is not None]
    for node in nodes:
        for kind, sentence, new in _activations(node, trees):
            yield _edit(kind, sentence, swapped(claim, node, new))
        for kind, sentence, new in _replacements(node, names, around):
            yield _edit(kind, sentence, swapped(claim, node, new))
    for tree in trees:
        for node in nodes:
            if node is claim or not isinstance(node, ast.Constant):
                what = f"the factor {written(tree)} of the chain rule is missing"
                yield _edit("missing factor", what, swapped(claim, node, times(node, tree)))
    for node in nodes:
        if not isinstance(node, ast.Constant):
            for kind, sentence, new in _additions(node, sizes):
                yield _edit(kind, sentence, swapped(claim, node, new))


def _replacements(node: ast.expr, names: Sequence[Sequence[str]], around: Sequence[str]) -> Iterator[Local]:
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


def _additions(node: ast.expr, sizes: Sequence[str]) -> Iterator[Local]:
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


def _structural(node: ast.expr) -> Iterator[Local]:
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


def _additive(node: ast.expr) -> Iterator[Local]:
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


def _numbers(node: ast.expr) -> Iterator[Local]:
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


def _activations(node: ast.expr, factors: Sequence[ast.expr]) -> Iterator[Local]:
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


def flat(node: ast.expr) -> list[ast.expr]:
    """The factors of a product entry by entry."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*flat(node.left), *flat(node.right)]
    return [node]


def product(factors: Sequence[ast.expr]) -> ast.expr:
    return functools.reduce(times, factors)


def _edit(kind: str, sentence: str, tree: ast.expr) -> Edit:
    return Edit(kind, sentence, ast.unparse(tree))


def written(tree: ast.expr) -> str:
    """A formula with the spaces of the notation: none around ``*``, ``/`` and ``**``."""
    return re.sub(r" (\*\*|\*|/) ", r"\1", ast.unparse(tree))


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
    """The transpose, inside a numeric factor, and none of a transpose."""
    if isinstance(a, ast.BinOp) and isinstance(a.op, ast.Mult) and isinstance(a.left, ast.Constant):
        return times(a.left, transposed(a.right))
    return a.value if isinstance(a, ast.Attribute) and a.attr == "T" else ast.Attribute(a, "T", ast.Load())


def call(function: str, x: ast.expr, axis: int | None = None, *, second: ast.expr | None = None) -> ast.expr:
    arguments = [x] if second is None else [x, second]
    return ast.Call(name(function), arguments, [] if axis is None else [ast.keyword("axis", number(axis))])
