"""One mistake made at several places of a claim, undone at all of them; and two parts that stand for each other."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from graphc.checking.activations import derivative_like
from graphc.checking.edits import Edit, places
from graphc.checking.kinds import Kind
from graphc.checking.mistakes import EVEN, FUNCTIONS, OPPOSITES
from graphc.checking.trees import changed, name, negated, number, swapped, times, tree_of, written

REDUCTIONS = ("sum", "mean", "max", "min", "norm", "logsumexp")
EXPONENTS = ("1", "2", "3", "1/2", "3/2")
Change = Callable[[ast.expr], ast.expr]


def everywhere(claim: ast.expr, groups: Sequence[Sequence[str]]) -> Iterator[Edit]:
    """Changes of all parts of one form; `groups` are names that stand for arrays of one shape."""
    parts = places(claim)
    for rule in (axes, functions, exchanged, slopes, powers):
        yield from rule(claim, parts)
    for text, same in several([n for n in parts if isinstance(n, (ast.Name, ast.Call, ast.BinOp))]):
        yield Edit(Kind.SIGN, f"the sign of {text} is wrong at every place", changed(claim, same, negated))
        doubled = changed(claim, same, partial(times, number(2)))
        yield Edit(Kind.CONSTANT, f"the factor 2 at {text} is missing at every place", doubled)
        for other in dict.fromkeys(o for group in groups if text in group for o in group if o != text):
            what = f"{text} stands where {other} belongs, at every place"
            yield Edit(Kind.VARIABLE, what, changed(claim, same, partial(_other, name(other))))


def several(nodes: Sequence[ast.expr]) -> Iterator[tuple[str, list[ast.expr]]]:
    """What is written more than once, with the nodes where it is."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        found.setdefault(written(node), []).append(node)
    yield from ((text, same) for text, same in found.items() if len(same) > 1)


def calls_in(parts: Sequence[ast.expr]) -> list[tuple[str, ast.Call]]:
    """The calls of functions by their names."""
    return [(n.func.id, n) for n in parts if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.args]


def axes(claim: ast.expr, parts: Sequence[ast.expr]) -> Iterator[Edit]:
    """Reductions along one axis that belong along another, and sums for means."""
    calls = calls_in(parts)
    reductions = [n for f, n in calls if f in REDUCTIONS]
    names = " and the ".join(dict.fromkeys(f for f, _ in calls if f in REDUCTIONS))
    for axis, kept in ((0, False), (1, False), (0, True), (1, True), (-1, True), (None, False)):
        keywords = [] if axis is None else [ast.keyword("axis", number(axis))]
        keywords += [ast.keyword("keepdims", ast.Constant(True))] if kept else []
        where = "all entries" if axis is None else f"axis {axis}" + (", which is kept" if kept else "")
        if len(reductions) > 1:
            new = changed(claim, reductions, partial(_along, keywords))
            yield Edit(Kind.SUM, f"the {names} must be taken over {where}, at every place", new)
    for was, other in (("mean", "sum"), ("sum", "mean")):
        same = [n for f, n in calls if f == was]
        if len(same) > 1:
            what = f"a {other} belongs where a {was} stands, at every place"
            yield Edit(Kind.SUM, what, changed(claim, same, partial(_called, other)))


def functions(claim: ast.expr, parts: Sequence[ast.expr]) -> Iterator[Edit]:
    """A function taken for another, or with the opposite argument, at all places."""
    calls = calls_in(parts)
    for f in dict.fromkeys(f for f, _ in calls):
        same = [n for g, n in calls if g == f]
        others = FUNCTIONS if f in FUNCTIONS else (OPPOSITES[f],) if f in OPPOSITES else ()
        for other in others if len(same) > 1 else ():
            if other != f:
                what = f"{other} belongs where {f} stands, at every place"
                yield Edit(Kind.FUNCTION, what, changed(claim, same, partial(_called, other)))
        if len(same) > 1 and f in FUNCTIONS and f not in EVEN:
            yield Edit(Kind.SIGN, f"the sign inside of {f} is wrong at every place", changed(claim, same, _reflected))


def slopes(claim: ast.expr, parts: Sequence[ast.expr]) -> Iterator[Edit]:
    """Derivatives ``1 - u`` and ``1 - u**2`` of activations, one for the other."""
    found = [n for n in parts if isinstance(n, ast.BinOp) and derivative_like(n)]
    squared = [n for n in found if written(n.right).endswith("**2")]
    plain = [n for n in found if n not in squared]
    if len(plain) > 1:
        yield Edit(Kind.ACTIVATION, "the derivatives 1 - u must be 1 - u**2", changed(claim, plain, _squared))
    if len(squared) > 1:
        yield Edit(Kind.ACTIVATION, "the derivatives 1 - u**2 must be 1 - u", changed(claim, squared, _unsquared))


def powers(claim: ast.expr, parts: Sequence[ast.expr]) -> Iterator[Edit]:
    """The same exponent at several places."""
    found = [n for n in parts if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)]
    for old in dict.fromkeys(written(n.right) for n in found):
        same = [n for n in found if written(n.right) == old]
        for new in EXPONENTS if len(same) > 1 else ():
            if new != old:
                what = f"the exponent {old} must be {new} at every place"
                yield Edit(Kind.EXPONENT, what, changed(claim, same, partial(_raised, new)))


def exchanged(claim: ast.expr, parts: Sequence[ast.expr]) -> Iterator[Edit]:
    """Two names or entries, one for the other, at all places; the entries of a list in the opposite order."""
    named = {written(n): n for n in parts if isinstance(n, (ast.Name, ast.Subscript))}
    for a, b in itertools.combinations(named, 2):
        if a not in b and b not in a:
            other = {a: named[b], b: named[a]}
            both = [n for n in parts if written(n) in other]
            yield Edit(Kind.ORDER, f"{a} and {b} are exchanged", changed(claim, both, partial(_looked_up, other)))
    for f, node in calls_in(parts):
        if isinstance(node.args[0], ast.List):
            turned = ast.List(node.args[0].elts[::-1], ast.Load())
            new = ast.Call(node.func, [turned, *node.args[1:]], node.keywords)
            yield Edit(Kind.ORDER, f"the entries of {f} are in the opposite order", swapped(claim, node, new))


# -- what becomes of one node ------------------------------------------------------------------------------------


def _other(new: ast.expr, _: ast.expr) -> ast.expr:
    return new


def _looked_up(other: Mapping[str, ast.expr], node: ast.expr) -> ast.expr:
    return other[written(node)]


def _called(function: str, node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Call)
    return ast.Call(name(function), node.args, node.keywords)


def _along(keywords: list[ast.keyword], node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Call)
    return ast.Call(node.func, node.args[:1], keywords)


def _reflected(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Call)
    return ast.Call(node.func, [negated(node.args[0]), *node.args[1:]], node.keywords)


def _squared(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    return ast.BinOp(node.left, node.op, ast.BinOp(node.right, ast.Pow(), number(2)))


def _unsquared(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp) and isinstance(node.right, ast.BinOp)
    return ast.BinOp(node.left, node.op, node.right.left)


def _raised(exponent: str, node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    new = tree_of(f"({exponent})")
    assert new is not None
    return node.left if exponent == "1" else ast.BinOp(node.left, ast.Pow(), new)
