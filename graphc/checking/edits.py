"""Single edits of a claim, the mistakes that people make undone: each with its kind and a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphc.checking.kinds import Kind
from graphc.checking.mistakes import (
    activations,
    additions,
    additive,
    axes,
    calls,
    choices,
    numbers,
    replacements,
    scaled,
    structural,
    terms,
)
from graphc.checking.trees import call, name, number, over, swapped, times, transposed, tree_of, written


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
    yield _edit(Kind.SIGN, negative, ast.UnaryOp(ast.USub(), claim))
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


def order_edits(claim: ast.expr) -> Iterator[Edit]:
    """Transposes and the order of operands, at one place."""
    for rule in (axes, structural):
        for node in places(claim):
            for kind, sentence, new in rule(node):
                yield _edit(kind, sentence, swapped(claim, node, new))


def small_edits(claim: ast.expr, sizes: Sequence[str]) -> Iterator[Edit]:
    """Signs, numbers, terms and factors too many, functions taken for one another, constants and exponents."""
    exponents = {id(node.right) for node in ast.walk(claim) if isinstance(node, ast.BinOp) and _is_power(node)}
    nodes = [node for node in places(claim) if id(node) not in exponents]
    for term in terms(claim):
        if term is not claim:
            for kind, sentence, new in scaled(term, sizes):
                yield _edit(kind, sentence, swapped(claim, term, new))
    for rule in (choices, additive, calls, numbers):
        for node in nodes:
            for kind, sentence, new in rule(node):
                yield _edit(kind, sentence, swapped(claim, node, new))


def _is_power(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.Pow)


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
        for kind, sentence, new in activations(node, trees):
            yield _edit(kind, sentence, swapped(claim, node, new))
        for kind, sentence, new in replacements(node, names, around):
            yield _edit(kind, sentence, swapped(claim, node, new))
    for tree in trees:
        for node in nodes:
            if node is claim or not isinstance(node, ast.Constant):
                what = f"the factor {written(tree)} of the chain rule is missing"
                yield _edit(Kind.CHAIN, what, swapped(claim, node, times(node, tree)))
    for node in nodes:
        if not isinstance(node, ast.Constant):
            for kind, sentence, new in additions(node, sizes):
                yield _edit(kind, sentence, swapped(claim, node, new))


def _edit(kind: Kind, sentence: str, tree: ast.expr) -> Edit:
    return Edit(kind, sentence, tree)
