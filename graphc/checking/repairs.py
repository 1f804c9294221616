"""The smallest change of a claim that mends a mistake in its derivation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from graphc.checking.activations import activations
from graphc.checking.case import Case
from graphc.checking.edits import places
from graphc.checking.mistakes import column
from graphc.checking.relations import missing, unstretched
from graphc.checking.trees import over, swapped, times, tree_of, written
from graphc.checking.variants import Variant
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr


def repaired(case: Case, claim: Expr, tree: ast.expr | None, variant: Variant, found: Expr) -> str:
    """The claim with the right local derivative, or with the missing term, or else the answer.

    `found` is what the claim is, as the mistaken derivation gives it.
    """
    for candidate in changed(tree, variant) if tree is not None else ():
        expr = case.formulas.expr(candidate)
        if expr is not None and case.agrees(expr) and case.verifies(expr):
            return written(candidate)
    if variant.right is None:
        text = added(case, claim, found)
        if text is not None:
            return text
    return str(case.answer)


def changed(tree: ast.expr, variant: Variant) -> Iterator[ast.expr]:
    """The claim with the right local derivative at one place."""
    right = tree_of(str(variant.right)) if variant.right is not None else None
    wrong = tree_of(str(variant.wrong)) if variant.wrong is not None else None
    if right is None:
        return
    for node in places(tree):
        if wrong is not None and written(node) == written(wrong):
            yield swapped(tree, node, right)
        for _, _, new in activations(node, [right]):
            yield swapped(tree, node, new)
    for node in places(tree):
        if wrong is None or isinstance(wrong, ast.Constant):
            yield swapped(tree, node, times(node, right))
            yield swapped(tree, node, times(node, column(right)))
        else:
            yield swapped(tree, node, over(times(node, right), wrong))


def added(case: Case, claim: Expr, found: Expr) -> str | None:
    """The claim and the term that it lacks, where that is not longer than the answer."""
    lacking = {unstretched(missing(case, e)) for e in (claim, found)}
    text = min(map(str, lacking), key=len)
    together = f"{case.text} - {text[1:]}" if text.startswith("-") else f"{case.text} + {text}"
    if len(text) > len(str(case.answer)):
        return None
    try:
        expr = parse(together, **case.names)
    except GraphcError:
        return None
    return together if case.agrees(expr) and case.verifies(expr) else None
