"""Single edits of a claim, the mistakes that people make undone: each with its kind and a sentence."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from graphc.checking.activations import activations
from graphc.checking.kinds import Kind
from graphc.checking.mistakes import (
    Local,
    additions,
    additive,
    axes,
    brackets,
    calls,
    choices,
    columns,
    diagonals,
    numbers,
    repeated,
    replacements,
    scaled,
    structural,
    sums,
    terms,
)
from graphc.checking.trees import (
    call,
    matmul,
    name,
    negated,
    number,
    over,
    swapped,
    times,
    transposed,
    tree_of,
    written,
)


class Edit(NamedTuple):
    """A changed formula, the kind of mistake that it undoes, and a sentence on it."""

    kind: Kind
    sentence: str
    tree: ast.expr

    @property
    def text(self) -> str:
        return written(self.tree)


def whole_edits(claim: ast.expr, ndim: int, sizes: Sequence[str]) -> Iterator[Edit]:
    """Edits of the claim as a whole."""
    yield _edit(Kind.TRANSPOSE, "the claim is the transpose of the gradient", transposed(claim))
    negative = "the sign is wrong: the claim is the negative of the gradient"
    yield _edit(Kind.SIGN, negative, negated(claim))
    for node in [node for node in ast.walk(claim) if isinstance(node, ast.Name) and node.id in sizes]:
        for n in sizes:
            if n != node.id:
                what = f"{node.id} stands where {n} belongs"
                yield _edit(Kind.CONSTANT, what, swapped(claim, node, name(n)))
    for factor in (2, 3, 4):
        yield _edit(Kind.CONSTANT, f"the factor {factor} is missing", times(number(factor), claim))
        yield _edit(Kind.CONSTANT, f"the claim is {factor} times too large", over(claim, number(factor)))
    for n in sizes:
        yield _edit(
            Kind.CONSTANT, f"the claim is {n} times too large: the factor 1/{n} is missing", over(claim, name(n))
        )
        yield _edit(
            Kind.CONSTANT, f"the claim is {n} times too small: the factor {n} is missing", times(claim, name(n))
        )
        for other in sizes:
            if n <= other:
                both = times(name(n), name(other))
                yield _edit(Kind.CONSTANT, f"the factor 1/({n}*{other}) is missing", over(claim, both))
        root = call("sqrt", name(n))
        yield _edit(Kind.CONSTANT, f"the factor 1/sqrt({n}) is missing", over(claim, root))
        yield _edit(Kind.CONSTANT, f"the factor sqrt({n}) is missing", times(claim, root))
    for n in sizes:
        for factor in (2, -1, -2):
            c = number(factor)
            yield _edit(Kind.CONSTANT, f"the factor {factor}/{n} is missing", over(times(claim, c), name(n)))
            yield _edit(Kind.CONSTANT, f"the factor {n}/({factor}) is missing", over(times(claim, name(n)), c))
    yield _edit(Kind.CONSTANT, "the factor -2 is missing", times(number(-2), claim))
    yield _edit(Kind.CONSTANT, "the claim is -2 times the gradient", over(claim, number(-2)))
    for axis in range(ndim):
        yield _edit(Kind.SUM, f"the sum over axis {axis} is missing", call("sum", claim, axis))
        yield _edit(Kind.SUM, f"the mean over axis {axis} is missing", call("mean", claim, axis))
    yield _edit(Kind.SUM, "the sum over all entries is missing", call("sum", claim))


def places(claim: ast.expr) -> list[ast.expr]:
    """The parts of the claim that can be edited; not the values of keywords such as ``axis=0``."""
    keywords = {id(k.value) for node in ast.walk(claim) if isinstance(node, ast.Call) for k in node.keywords}
    nodes = [node for node in ast.walk(claim) if isinstance(node, ast.expr) and id(node) not in keywords]
    return [node for node in nodes if not isinstance(node, (ast.Tuple, ast.List, ast.Slice, ast.Starred))]


def sum_edits(claim: ast.expr) -> Iterator[Edit]:
    """Means where sums belong."""
    yield from _by(claim, (sums,))


def shape_edits(claim: ast.expr) -> list[tuple[ast.expr, Local]]:
    """Changes of shapes and orders that may have to be made at two places of a claim that cannot be read."""
    found = []
    for rule in (columns, axes, structural):
        for node in places(claim):
            found += [
                (node, edit) for edit in rule(node) if edit[0] in (Kind.SHAPE, Kind.TRANSPOSE, Kind.ORDER, Kind.SUM)
            ]
    return found


def two_edits(claim: ast.expr, kinds: Sequence[Kind] = tuple(Kind)) -> Iterator[Edit]:
    """Two such changes, of some kinds."""
    found = [edit for edit in shape_edits(claim) if edit[1][0] in kinds]
    for (a, first), (b, second) in itertools.combinations(found, 2):
        if a is not b and not (_within(a, b) or _within(b, a)):
            tree = swapped(swapped(claim, a, first[2]), b, second[2])
            yield _edit(first[0], f"{first[1]}; {second[1]}", tree)


def _within(part: ast.expr, whole: ast.expr) -> bool:
    return any(node is part for node in ast.walk(whole))


def factor_edits(claim: ast.expr, factors: Sequence[ast.expr]) -> Iterator[Edit]:
    """A matrix that is missing beside a term."""
    sums = [n for n in places(claim) if isinstance(n, ast.BinOp) and isinstance(n.op, (ast.Add, ast.Sub))]
    parts = {id(term): term for node in (claim, *sums) for term in (claim, *terms(node))}
    for term in parts.values():
        for factor in factors:
            for side, new in (("after", matmul(term, factor)), ("before", matmul(factor, term))):
                what = f"the factor {written(factor)} is missing {side} {written(term)}"
                yield _edit(Kind.CHAIN, what, swapped(claim, term, new))


def matrix_factors(trees: Sequence[ast.expr]) -> list[ast.expr]:
    """The names, calls and transposes in some formulas, each once."""
    found = [n for tree in trees for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.Call, ast.Attribute))]
    heads = {id(n.func) for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return list({written(n): n for n in found if id(n) not in heads}.values())


def column_edits(claim: ast.expr) -> Iterator[Edit]:
    """Vectors that belong along the rows."""
    yield from _by(claim, (columns,))


def _by(claim: ast.expr, rules: Sequence[Callable[[ast.expr], Iterator[Local]]]) -> Iterator[Edit]:
    for rule in rules:
        for node in places(claim):
            for kind, sentence, new in rule(node):
                yield _edit(kind, sentence, swapped(claim, node, new))


def order_edits(claim: ast.expr) -> Iterator[Edit]:
    """Transposes and the order of operands, at one place."""
    yield from _by(claim, (axes, structural))
    for kind, sentence, new in repeated(claim):
        yield _edit(kind, sentence, new)


def small_edits(claim: ast.expr, sizes: Sequence[str]) -> Iterator[Edit]:
    """Signs, numbers, terms and factors too many, functions taken for one another, constants and exponents."""
    exponents, inside = in_exponents(claim)
    nodes = [node for node in places(claim) if id(node) not in exponents]
    for term in terms(claim):
        if term is not claim:
            for kind, sentence, new in scaled(term, sizes):
                yield _edit(kind, sentence, swapped(claim, term, new))
    for rule in (choices, additive, lambda n: diagonals(n, sizes), calls, numbers):
        for node in nodes:
            for kind, sentence, new in rule(node):
                yield _edit(Kind.EXPONENT if id(node) in inside else kind, sentence, swapped(claim, node, new))


def in_exponents(claim: ast.expr) -> tuple[set[int], set[int]]:
    """The exponents of powers, and all their parts, by identity."""
    powers = [n for n in ast.walk(claim) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)]
    return {id(n.right) for n in powers}, {id(part) for n in powers for part in ast.walk(n.right)}


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
    yield from _by(claim, (brackets,))
    nodes, (_, inside) = places(claim), in_exponents(claim)
    trees = [tree for tree in map(tree_of, factors) if tree is not None]
    for node in nodes:
        for kind, sentence, new in activations(node, trees):
            yield _edit(kind, sentence, swapped(claim, node, new))
        for kind, sentence, new in replacements(node, names, around):
            yield _edit(kind, sentence, swapped(claim, node, new))
    for tree in trees:
        for node in nodes:
            if node is claim or not isinstance(node, ast.Constant):
                mask = isinstance(tree, ast.Compare)
                what = f"the {'mask' if mask else 'factor'} {written(tree)} of the chain rule is missing"
                yield _edit(Kind.MASK if mask else Kind.CHAIN, what, swapped(claim, node, times(node, tree)))
    for node in nodes:
        if not isinstance(node, ast.Constant):
            for kind, sentence, new in additions(node, sizes):
                yield _edit(Kind.EXPONENT if id(node) in inside else kind, sentence, swapped(claim, node, new))


def _edit(kind: Kind, sentence: str, tree: ast.expr) -> Edit:
    return Edit(kind, sentence, tree)
