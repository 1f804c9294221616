"""Claims in index notation mended in their own notation: indices in another order, another index, a factor, a sum."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.checking.case import Case, Diagnosis
from graphc.checking.edits import Edit, in_exponents
from graphc.checking.kinds import Kind
from graphc.checking.mistakes import additive, calls, choices, numbers, scaled, sums
from graphc.checking.sides import Side
from graphc.checking.trees import call, flat, name, product, swapped, times, tree_of, written
from graphc.errors import GraphcError
from graphc.ir.expr import Expr

MOST = 900  # edits tried


@dataclass(frozen=True)
class Entry:
    """A claim on one entry: what stands before its formula, as ``df/dW[i,j] = ``, and the formula with its indices."""

    label: str
    side: Side

    def read(self, formula: str) -> Expr | None:
        """The array whose entry a formula is."""
        try:
            return replace(self.side, source=formula).expr
        except GraphcError:
            return None


def mended(case: Case, entry: Entry, sizes: Sequence[str]) -> Diagnosis | None:
    """The first edit of a claim in index notation that verifies."""
    tree = tree_of(entry.side.source)
    if tree is None:
        return None
    seen: set[str] = set()
    shapes = {k: v.ndim for k, v in case.names.items() if isinstance(v, Expr) and v.ndim in (1, 2)}
    for edit in itertools.islice(edits(tree, entry.side.free, sizes, shapes), MOST):
        text = written(edit.tree)
        if text in seen:
            continue
        seen.add(text)
        candidate = entry.read(text)
        if ", " not in entry.side.source:
            text = re.sub(r", (?=[^\[\]()]*\])", ",", text)
        if candidate is not None and case.agrees(candidate) and case.verifies(candidate):
            return Diagnosis(edit.kind, edit.sentence, entry.label + text)
    return None


def edits(tree: ast.expr, free: Sequence[str], sizes: Sequence[str], shapes: Mapping[str, int]) -> Iterator[Edit]:
    """Edits at one place, those of indices first."""
    heads = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    entries = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and id(n) not in heads]
    summed = [i for node in ast.walk(tree) if id(node) in heads for i in _items(node)]
    indices = list(dict.fromkeys([*free, *(written(i) for i in summed)]))
    for node in entries:
        for order in itertools.permutations(_items(node)):
            what = f"the indices of {written(node.value)} are in the wrong order: {written(node)} must be"
            yield _edit(tree, node, Kind.TRANSPOSE, what, order)
    for node in entries:
        for place, old in enumerate(_items(node)):
            for index in indices:
                if index != written(old):
                    order = (*_items(node)[:place], name(index), *_items(node)[place + 1 :])
                    yield _edit(tree, node, Kind.VARIABLE, f"an index is wrong: {written(node)} must be", order)
    for a, b in itertools.combinations(indices, 2):
        yield Edit(Kind.TRANSPOSE, f"the indices {a} and {b} are exchanged", _exchanged(tree, entries, a, b))
    whole, inside = in_exponents(tree)
    for rule in (sums, choices, additive, lambda n: scaled(n, sizes), numbers):
        for part in [p for p in _formulas(tree, heads) if id(p) not in whole]:
            for kind, sentence, new in rule(part):
                yield Edit(Kind.EXPONENT if id(part) in inside else kind, sentence, swapped(tree, part, new))
    for part in _formulas(tree, heads):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Subscript) and len(part.args) == 1:
            what = f"the sum over {written(part.func.slice)} does not belong around {written(part.args[0])}"
            yield Edit(Kind.SUM, what, swapped(tree, part, part.args[0]))
    yield from deltas(tree, free, heads)
    yield from around(tree, heads)
    for part in _formulas(tree, heads):
        yield from widened(tree, part)
    for node in entries if len(free) else ():
        for a, b in itertools.combinations(dict.fromkeys(map(written, _items(node))), 2):
            other = _exchanged(tree, [node], a, b)
            what = f"the term with {written(node.value)} transposed is missing"
            yield Edit(Kind.PATH, what, ast.BinOp(tree, ast.Add(), other))
    for index in sorted({written(i) for node in entries for i in _items(node)} - {*indices}):
        summed_ = ast.Call(ast.Subscript(name("sum"), name(index), ast.Load()), [tree], [])
        yield Edit(Kind.SUM, f"the sum over {index} is missing", summed_)
    inner = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Subscript) and n.args]
    bodies = [tree, *(n.args[0] for n in inner)]
    for body in bodies:
        for factor in entry_factors(shapes, indices):
            what = f"the factor {written(factor)} is missing at {written(body)}"
            yield Edit(Kind.CHAIN, what, swapped(tree, body, times(factor, body)))


def deltas(tree: ast.expr, free: Sequence[str], heads: set[int]) -> Iterator[Edit]:
    """A Kronecker delta in place of a number, or at a part: what is off the diagonal is missing or too much."""
    for a, b in itertools.combinations(free, 2):
        delta = ast.Subscript(name("delta"), ast.Tuple([name(a), name(b)], ast.Load()), ast.Load())
        for part in _formulas(tree, heads):
            if isinstance(part, ast.Constant):
                what = f"{written(delta)} belongs where {written(part)} stands"
                yield Edit(Kind.DIAGONAL, what, swapped(tree, part, delta))
            else:
                what = f"{written(delta)} is missing at {written(part)}"
                yield Edit(Kind.DIAGONAL, what, swapped(tree, part, times(delta, part)))


def around(tree: ast.expr, heads: set[int]) -> Iterator[Edit]:
    """A function that is missing around a part, or one for another."""
    for part in _formulas(tree, heads):
        plain = isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
        for function in AROUND if not isinstance(part, ast.Constant) else ():
            what = f"{function} is missing around {written(part)}"
            yield Edit(Kind.FUNCTION, what, swapped(tree, part, call(function, part)))
        for kind, sentence, new in calls(part) if plain else ():
            yield Edit(kind, sentence, swapped(tree, part, new))


def widened(tree: ast.expr, part: ast.expr) -> Iterator[Edit]:
    """A sum over an index whose bracket ends too early: other factors belong inside."""
    factors = flat(part)
    for whole in factors if len(factors) > 1 else ():
        if isinstance(whole, ast.Call) and isinstance(whole.func, ast.Subscript) and len(whole.args) == 1:
            rest = [f for f in factors if f is not whole and not isinstance(f, ast.Constant)]
            numbers_ = [f for f in factors if isinstance(f, ast.Constant)]
            inner = ast.Call(whole.func, [product([whole.args[0], *rest])], [])
            if rest:
                what = f"{written(product(rest))} belongs inside of {written(whole)}"
                yield Edit(Kind.SUM, what, swapped(tree, part, product([*numbers_, inner])))


AROUND = ("tanh", "sigmoid", "exp", "log", "sqrt", "softmax")


def entry_factors(shapes: Mapping[str, int], indices: Sequence[str]) -> Iterator[ast.expr]:
    """The entries of arrays, given with their numbers of axes."""
    for array, ndim in shapes.items():
        for order in itertools.permutations(indices, ndim):
            inner: ast.expr = ast.Tuple(list(map(name, order)), ast.Load()) if ndim > 1 else name(order[0])
            yield ast.Subscript(name(array), inner, ast.Load())


def _items(node: ast.AST) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _exchanged(tree: ast.expr, entries: Sequence[ast.Subscript], a: str, b: str) -> ast.expr:
    """The formula with two indices exchanged in all its entries."""
    other = {a: b, b: a}
    for node in entries:
        for item in _items(node):
            if written(item) in other:
                tree = swapped(tree, item, name(other[written(item)]))
    return tree


def _edit(tree: ast.expr, node: ast.Subscript, kind: Kind, what: str, order: Sequence[ast.expr]) -> Edit:
    inner = ast.Tuple(list(order), ast.Load()) if len(order) > 1 else order[0]
    new = ast.Subscript(node.value, inner, ast.Load())
    return Edit(kind, f"{what} {written(new)}", swapped(tree, node, new))


def _formulas(tree: ast.expr, heads: set[int]) -> list[ast.expr]:
    """The parts that are numbers of their own, not indices and not the heads of sums."""
    inside = {id(p) for n in ast.walk(tree) if isinstance(n, ast.Subscript) for p in ast.walk(n) if p is not n}
    found = [
        n
        for n in ast.walk(tree)
        if isinstance(n, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.Subscript, ast.Constant))
    ]
    return [n for n in found if id(n) not in inside and id(n) not in heads]
