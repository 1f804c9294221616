"""Mistakes that people make, undone at one node of a formula: the kind, a sentence, and what belongs there."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

from graphc.checking.kinds import Kind
from graphc.checking.trees import (
    call,
    flat,
    matmul,
    name,
    negated,
    number,
    over,
    product,
    swapped,
    times,
    transposed,
    tree_of,
    written,
)

Local = tuple[Kind, str, ast.expr]


def replacements(node: ast.expr, names: Sequence[Sequence[str]], around: Sequence[str]) -> Iterator[Local]:
    """Another name, or a function around a part."""
    if isinstance(node, ast.Name):
        for group in names:
            if node.id in group:
                for other in group:
                    if other != node.id:
                        yield Kind.VARIABLE, f"{node.id} stands where {other} belongs", name(other)
    if not isinstance(node, ast.Constant):
        for function in around:
            kind = Kind.EXPONENT if function == "sqrt" else Kind.FUNCTION if function in FUNCTIONS else Kind.CHAIN
            yield kind, f"{function} is missing around {written(node)}", call(function, node)


def additions(node: ast.expr, sizes: Sequence[str]) -> Iterator[Local]:
    """Signs, sums, sizes and factors 2 that are missing at a part."""
    text = written(node)
    yield from scaled(node, sizes)
    for axis in (0, 1, None):
        where = "" if axis is None else f" over axis {axis}"
        for how in ("sum", "mean"):
            yield Kind.SUM, f"the {how}{where} of {text} is missing", call(how, node, axis)


def diagonals(node: ast.expr, sizes: Sequence[str]) -> Iterator[Local]:
    """A number that is added to a matrix, and belongs on its diagonal alone."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Add, ast.Sub)):
        return
    for n in sizes:
        unit = call("eye", name(n))
        for part in (p for p in (node.right, node.left) if not _is_ones(p)):
            what = f"{written(part)} belongs on the diagonal alone: it is added to every entry"
            yield Kind.SHAPE, what, swapped(node, part, unit if written(part) == "1" else times(part, unit))


def scaled(node: ast.expr, sizes: Sequence[str]) -> Iterator[Local]:
    """Signs, numbers and sizes that are missing at a part."""
    text = written(node)
    yield Kind.SIGN, f"the sign of {text} is wrong", negated(node)
    yield Kind.CONSTANT, f"the factor 2 at {text} is missing", times(number(2), node)
    yield Kind.CONSTANT, f"the factor 1/2 at {text} is missing", over(node, number(2))
    for n in sizes:
        yield Kind.CONSTANT, f"{text} must be divided by {n}", over(node, name(n))
        yield Kind.CONSTANT, f"{text} must be multiplied by {n}", times(node, name(n))


def terms(node: ast.expr) -> list[ast.expr]:
    """The terms of a sum that is written out."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        return [*terms(node.left), *terms(node.right)]
    return terms(node.operand) if isinstance(node, ast.UnaryOp) else [node]


ORDERED = frozenset(("outer", "kron", "solve"))


def structural(node: ast.expr) -> Iterator[Local]:
    """Transposes and the order of operands."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        a, b = node.left, node.right
        yield Kind.TRANSPOSE, f"{written(a)} must be transposed", matmul(transposed(a), b)
        yield Kind.TRANSPOSE, f"{written(b)} must be transposed", matmul(a, transposed(b))
        order = "the operands of @ are in the wrong order"
        for x, y in ((b, a), (transposed(b), a), (b, transposed(a)), (transposed(b), transposed(a))):
            yield Kind.ORDER, order, matmul(x, y)
        if isinstance(a, ast.BinOp) and isinstance(a.op, ast.MatMult):
            what = f"the factors {written(a.right)} and {written(b)} are in the wrong order"
            yield Kind.ORDER, what, matmul(matmul(a.left, b), a.right)
            what = f"the factors {written(a.left)} and {written(b)} are in the wrong order"
            yield Kind.ORDER, what, matmul(outermost_exchanged(a, b), _leftmost(a)[0])
        yield (
            Kind.TRANSPOSE,
            f"{written(node)}: both factors must be transposed",
            matmul(transposed(a), transposed(b)),
        )
        if _is_ones(b):
            yield Kind.SUM, f"the sum of {written(a)} must be taken over axis 0", call("sum", a, 0)
        if _is_ones(a):
            yield Kind.SUM, f"the sum of {written(b)} must be taken over axis 1", call("sum", b, 1)
        yield Kind.OPERATION, "an outer product belongs where @ stands", call("outer", a, second=b)
        yield Kind.OPERATION, "an outer product belongs where @ stands", call("outer", b, second=a)
        yield Kind.OPERATION, "a product entry by entry belongs where @ stands", times(a, b)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        a, b = node.left, node.right
        for x, y in ((a, b), (b, a), (transposed(a), b), (a, transposed(b)), (transposed(b), a), (b, transposed(a))):
            yield Kind.OPERATION, "a matrix product belongs where * stands", matmul(x, y)
        yield Kind.OPERATION, "an outer product belongs where * stands", call("outer", a, second=b)
        yield Kind.OPERATION, "an outer product belongs where * stands", call("outer", b, second=a)
    elif isinstance(node, ast.Call) and written(node.func) in ORDERED and len(node.args) == 2:
        what = f"the arguments of {written(node.func)} are in the wrong order"
        yield Kind.ORDER, what, call(written(node.func), node.args[1], second=node.args[0])
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield Kind.TRANSPOSE, f"{written(node.value)} must not be transposed", node.value
    elif isinstance(node, ast.Name):
        yield Kind.TRANSPOSE, f"{node.id} must be transposed", transposed(node)


def _is_ones(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and written(node.func) == "ones"


def _leftmost(node: ast.expr) -> tuple[ast.expr, ast.expr | None]:
    """The first factor of a matrix product without its number, and that number."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        node = node.left
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
        return node.right, node.left
    return node, None


def outermost_exchanged(a: ast.BinOp, b: ast.expr) -> ast.expr:
    """A matrix product with `b` for its first factor."""
    _, scale = _leftmost(a)
    first = b if scale is None else times(scale, b)
    inner = a.left
    return matmul(outermost_exchanged(inner, b) if _is_product(inner) else first, a.right)  # type: ignore[arg-type]


def _is_product(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)


def repeated(claim: ast.expr) -> Iterator[Local]:
    """A part that must be transposed, or must not be, wherever it stands."""
    parts = [n for n in ast.walk(claim) if isinstance(n, (ast.Name, ast.Call, ast.Attribute))]
    heads = {id(n.func) for n in ast.walk(claim) if isinstance(n, ast.Call)}
    inner = {id(n.value) for n in ast.walk(claim) if isinstance(n, ast.Attribute)}
    texts = [written(n) for n in parts if id(n) not in heads | inner]
    for text in dict.fromkeys(texts):
        if texts.count(text) > 1:
            new = claim
            for n in parts:
                if id(n) not in heads | inner and written(n) == text:
                    new = swapped(new, n, transposed(n))
            yield Kind.TRANSPOSE, f"{text} must be transposed wherever it stands", new


def additive(node: ast.expr) -> Iterator[Local]:
    """Signs, and terms or factors too many."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield Kind.SIGN, f"the sign of {written(node.operand)} is wrong", node.operand
    if not isinstance(node, ast.BinOp):
        return
    a, b = node.left, node.right
    if isinstance(node.op, (ast.Add, ast.Sub)):
        other: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield Kind.SIGN, f"the sign of {written(b)} is wrong", ast.BinOp(a, other, b)
        if isinstance(node.op, ast.Sub):
            yield Kind.SIGN, f"{written(node)} has the wrong sign", ast.BinOp(b, ast.Sub(), a)
        if isinstance(node.op, ast.Sub) and is_number(a):
            yield Kind.ACTIVATION, f"{written(b)} belongs where {written(node)} stands", b
        if not is_number(a):
            yield Kind.TERM, f"the term {written(b)} does not belong here", a
        yield Kind.TERM, f"the term {written(a)} does not belong here", b
        yield Kind.OPERATION, f"a product belongs where {written(node)} stands", times(a, b)
    elif isinstance(node.op, ast.MatMult):
        yield Kind.FACTOR, f"{written(b)} does not belong here", a
        yield Kind.FACTOR, f"{written(a)} does not belong here", b
    elif isinstance(node.op, (ast.Mult, ast.Div)):
        yield Kind.OPERATION, f"a sum belongs where {written(node)} stands", ast.BinOp(a, ast.Add(), b)
        yield _kind_of_factor(b), f"{written(b)} does not belong here", a
        if isinstance(node.op, ast.Mult):
            yield _kind_of_factor(a), f"{written(a)} does not belong here", b
            yield Kind.EXPONENT, f"{written(b)} belongs in the denominator", over(a, b)
            yield Kind.EXPONENT, f"{written(a)} belongs in the denominator", over(b, a)
            yield from superfluous(node)
        else:
            if not is_number(a):
                yield Kind.FACTOR, f"{written(a)} does not belong here", over(number(1), b)
            yield Kind.EXPONENT, f"{written(b)} does not belong in the denominator", times(a, b)


def superfluous(node: ast.expr) -> Iterator[Local]:
    """Two factors too many."""
    parts = flat(node)
    for i, j in itertools.combinations(range(len(parts)) if len(parts) > 2 else (), 2):
        rest = [p for k, p in enumerate(parts) if k not in (i, j)]
        what = f"{written(product([parts[i], parts[j]]))} does not belong here"
        yield Kind.FACTOR, what, product(rest)


def _kind_of_factor(factor: ast.expr) -> Kind:
    return Kind.CONSTANT if isinstance(factor, ast.Constant) else Kind.FACTOR


def axes(node: ast.expr) -> Iterator[Local]:
    """The axes of sums and means."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return
    function, x = node.func.id, node.args[0]
    if function in ("sum", "mean", "max", "min", "logsumexp", "softmax", "norm"):
        rest = [k for k in node.keywords if k.arg not in ("axis", "keepdims")]
        for axis in (None, 0, 1, -1):
            for kept in (False, True) if axis is not None and function != "softmax" else (False,):
                keywords = [*([] if axis is None else [ast.keyword("axis", number(axis))]), *rest]
                keywords += [ast.keyword("keepdims", ast.Constant(True))] if kept else []
                where = "all axes" if axis is None else f"axis {axis}" + (", which is kept" if kept else "")
                yield Kind.SUM, f"the {function} must be taken over {where}", ast.Call(node.func, [x], keywords)


def columns(node: ast.expr) -> Iterator[Local]:
    """A vector that belongs along the rows."""
    if isinstance(node, (ast.Name, ast.Call, ast.BinOp, ast.Attribute)) and not is_number(node):
        yield Kind.SHAPE, f"{written(node)} must be a column: an entry of it belongs to each row", column(node)


def column(node: ast.expr) -> ast.expr:
    return ast.Subscript(node, ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load()), ast.Load())


def sums(node: ast.expr) -> Iterator[Local]:
    """A mean where a sum belongs."""
    if isinstance(node, ast.Call):
        f = node.func
        if isinstance(f, ast.Name) and f.id == "mean":
            what = "a sum belongs where the mean stands"
            yield Kind.SUM, what, ast.Call(name("sum"), node.args, node.keywords)
        if isinstance(f, ast.Subscript) and written(f.value) == "mean":
            what = "a sum belongs where the mean stands"
            yield Kind.SUM, what, ast.Call(ast.Subscript(name("sum"), f.slice, ast.Load()), node.args, [])


def brackets(node: ast.expr) -> Iterator[Local]:
    """A factor of a sum that belongs to its first term alone, or of the first term that belongs to the sum."""
    match node:
        case ast.BinOp(
            a, (ast.Mult() | ast.MatMult() | ast.Div()) as times_, ast.BinOp(b, (ast.Add() | ast.Sub()) as op, c)
        ):
            if not isinstance(times_, ast.Div) and not is_number(b):
                what = f"{written(a)} belongs to {written(b)} alone"
                yield Kind.OPERATION, what, ast.BinOp(ast.BinOp(a, times_, b), op, c)
        case ast.BinOp(ast.BinOp(a, (ast.Mult() | ast.MatMult()) as times_, b), (ast.Add() | ast.Sub()) as op, c):
            what = f"{written(a)} belongs to {written(c)}, too"
            yield Kind.CHAIN, what, ast.BinOp(a, times_, ast.BinOp(b, op, c))


def choices(node: ast.expr) -> Iterator[Local]:
    """Comparisons that point the wrong way, and the branches of where exchanged."""
    if isinstance(node, ast.Compare):
        for old, new in TURNED:
            if isinstance(node.ops[0], old):
                what = f"the comparison {written(node)} points the wrong way"
                yield Kind.SIGN, what, ast.Compare(node.left, [new()], node.comparators)
        for old, new in TIES:
            if isinstance(node.ops[0], old):
                how = "must" if new in (ast.GtE, ast.LtE) else "must not"
                what = f"{written(node)} {how} hold where both sides are equal"
                yield Kind.MASK, what, ast.Compare(node.left, [new()], node.comparators)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "where":
        condition, a, b = node.args
        yield Kind.ORDER, "the branches of where are exchanged", ast.Call(node.func, [condition, b, a], [])


TIES = ((ast.Gt, ast.GtE), (ast.GtE, ast.Gt), (ast.Lt, ast.LtE), (ast.LtE, ast.Lt))
TURNED = ((ast.Gt, ast.Lt), (ast.GtE, ast.LtE), (ast.Lt, ast.Gt), (ast.LtE, ast.GtE))


def calls(node: ast.expr) -> Iterator[Local]:
    """Sums and means, their axes, and functions taken for one another."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return
    function, x = node.func.id, node.args[0]
    if function in ("sum", "mean"):
        other = "mean" if function == "sum" else "sum"
        yield (
            Kind.SUM,
            f"a {other} belongs where the {function} stands",
            ast.Call(name(other), [x], node.keywords),
        )
        yield Kind.SUM, f"the {function} of {written(x)} does not belong here", x
    elif function in OPPOSITES:
        other = OPPOSITES[function]
        yield Kind.FUNCTION, f"{other} belongs where {function} stands", ast.Call(name(other), node.args, node.keywords)
        if len(node.args) == 1:
            yield Kind.FUNCTION, f"{function} does not belong around {written(x)}", x
    elif function == "flip":
        yield Kind.FUNCTION, f"{function} does not belong around {written(x)}", x
    elif function in FUNCTIONS:
        if function not in EVEN:
            what = f"the sign of {written(x)} inside of {function} is wrong"
            yield Kind.SIGN, what, ast.Call(node.func, [negated(x)], node.keywords)
        kind = Kind.EXPONENT if function == "sqrt" else Kind.FUNCTION
        yield kind, f"{function} does not belong around {written(x)}", x
        for other in FUNCTIONS:
            if other != function:
                what = f"{other} belongs where {function} stands"
                yield Kind.FUNCTION, what, ast.Call(name(other), node.args, node.keywords)


PAIRS = (("cumsum", "reverse_cumsum"), ("tril", "triu"), ("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"))
OPPOSITES = {**dict(PAIRS), **{b: a for a, b in PAIRS}}
EVEN = frozenset(("cos", "cosh", "abs", "norm", "inv"))
FUNCTIONS = (
    "sigmoid",
    "tanh",
    "relu",
    "exp",
    "log",
    "softmax",
    "sqrt",
    "abs",
    "sign",
    "sin",
    "cos",
    "sinh",
    "cosh",
    "norm",
    "inv",
)


def numbers(node: ast.expr) -> Iterator[Local]:
    """Constants and exponents."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, e = node.left, node.right
        whole = isinstance(e, ast.Constant) and isinstance(e.value, (int, float))
        nearby = [f"{written(e)} {step}" for step in ("+ 1", "- 1")]
        if whole:
            nearby = [str(ast.literal_eval(e) + step) for step in (1, -1)]
        for text in (*nearby, "2", "3", "1", "-1", "-2", "1/2", "-1/2", "3/2", "-3/2"):
            exponent = tree_of(f"({text})")
            assert exponent is not None
            what = f"the exponent of {written(base)} must be {text}"
            yield Kind.EXPONENT, what, base if text == "1" else ast.BinOp(base, ast.Pow(), exponent)
        yield Kind.EXPONENT, f"the exponent {written(e)} does not belong here", base
        lower = base if written(e) == "2" else ast.BinOp(base, ast.Pow(), ast.BinOp(e, ast.Sub(), number(1)))
        yield Kind.EXPONENT, f"the power {written(node)} must be differentiated", times(e, lower)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from exponentials(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        for value in (node.value + 1, node.value - 1, 2 * node.value, -node.value):
            yield Kind.CONSTANT, f"{node.value} must be {value}", number(value)
        yield Kind.CONSTANT, f"{node.value} must be {node.value}/2", over(node, number(2))
    if isinstance(node, (ast.Name, ast.Call, ast.BinOp)) and not is_number(node):
        yield Kind.EXPONENT, f"{written(node)} must be squared", ast.BinOp(node, ast.Pow(), number(2))
        yield Kind.EXPONENT, f"the root of {written(node)} belongs here", call("sqrt", node)


def exponentials(node: ast.expr) -> Iterator[Local]:
    """The derivative of a power by its base where that by its exponent belongs, and the other way round."""
    parts = flat(node)
    for p in parts:
        if not isinstance(p, ast.BinOp) or not isinstance(p.op, ast.Pow):
            continue
        base, e = p.left, p.right
        for q in parts:
            rest = [r for r in parts if r is not p and r is not q]
            if q is not p and written(e) == f"{written(q)} - 1":
                whole = ast.BinOp(base, ast.Pow(), q)
                what = f"{written(whole)} is differentiated by its exponent, not by its base"
                yield Kind.FUNCTION, what, product([*rest, whole, call("log", base)])
            if written(q) == f"log({written(base)})":
                what = f"{written(p)} is differentiated by its base, not by its exponent"
                lower = ast.BinOp(base, ast.Pow(), ast.BinOp(e, ast.Sub(), number(1)))
                yield Kind.FUNCTION, what, product([*rest, e, lower])


def is_number(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))
