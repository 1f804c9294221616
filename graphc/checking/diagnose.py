"""What is wrong with a claim: the first single edit whose result is proved."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from graphc.checking.case import Case, Diagnosis
from graphc.checking.edits import Edit, local_edits, order_edits, small_edits, whole_edits
from graphc.checking.mistakes import FUNCTIONS
from graphc.checking.relations import assumption, difference, forgotten, quotient
from graphc.checking.trees import tree_of
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import NAMED, PARAMETER, SIZE, SYMBOL
from graphc.rewriting.simplify import simplify

WORK, FEWEST = 40_000, 100  # edits tried times nodes of the answer; but this many at least
SHORT = 2  # operations of a missing factor or term that needs no other explanation


def diagnose(case: Case) -> Diagnosis | None:
    """The first explanation that verifies, or None."""
    if not case.points:
        return None
    simple, local = edits(case)
    comparable = case.claim if case.claim is not None and case.claim.shape == case.answer.shape else None
    found = first(case, simple)
    if found is None and comparable is not None:
        found = assumption(case, comparable) or quotient(case, comparable, SHORT) or difference(case, comparable, SHORT)
        found = found or forgotten(case, comparable)
    if found is None:
        found = first(case, local)
    if found is None and comparable is not None:
        found = quotient(case, comparable) or difference(case, comparable)
    return found


def first(case: Case, candidates: Iterable[Edit]) -> Diagnosis | None:
    """The first edit whose result is proved."""
    seen: set[str] = set()
    most = max(FEWEST, WORK // len(topological([case.answer])))
    for edit in candidates:
        if edit.text not in seen:
            seen.add(edit.text)
            if len(seen) > most:
                return None
            candidate = repaired(case, edit)
            if candidate is not None and case.proves(candidate):
                return Diagnosis(edit.kind, edit.sentence, str(candidate))
    return None


def edits(case: Case) -> tuple[Iterable[Edit], Iterable[Edit]]:
    """Candidates: those that are tried before any other explanation, and those after."""
    tree = tree_of(case.text)
    if tree is None:
        return (), ()
    sizes = [name for name, value in case.names.items() if not isinstance(value, Expr) or value.op is SIZE]
    axes = case.claim.ndim if case.claim is not None else 0
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    shape = shape_text(case.answer.shape)
    hidden = f"each entry is right, but the shape must be {shape}: broadcasting would hide this"
    stretched = Edit("wrong shape", hidden, f"broadcast_to({case.text}, {shape})")
    around = [function for function in FUNCTIONS if f"{function}(" in str(case.answer)]
    local = local_edits(tree, derivative_factors(case), sizes, alike(case.names, used), around)
    simple = itertools.chain([stretched], whole_edits(tree, axes, sizes), order_edits(tree), small_edits(tree))
    return simple, local


def repaired(case: Case, edit: Edit) -> Expr | None:
    """The edited claim, if it can be read and has the right values."""
    try:
        candidate = parse(edit.text, **case.names)
        return candidate if case.agrees(candidate) else None
    except (GraphcError, np.linalg.LinAlgError):
        return None


def derivative_factors(case: Case) -> list[str]:
    """The derivatives of the functions below the origin, as formulas over its named parts."""
    order = topological([case.origin, simplify(case.origin)])
    names = {node.operands[0]: node for node in order if node.op is NAMED}
    found: dict[str, None] = {}
    for node in order:
        if node.op.derivative is not None:
            for d in node.op.derivative(*(names.get(e, e) for e in (*node.operands, node))):
                if d is not None and len(str(d)) < 200:
                    found[str(d)] = None
    found.update(
        (name, None) for name, e in case.names.items() if isinstance(e, Expr) and e.op in (SYMBOL, PARAMETER, NAMED)
    )
    return list(found)


def alike(names: Mapping[str, Any], used: set[str]) -> list[list[str]]:
    """Names grouped by shape, for the shapes of names that the claim uses."""
    groups: dict[Any, list[str]] = {}
    for name, value in names.items():
        if isinstance(value, Expr) and value.op is not SIZE:
            groups.setdefault(value.shape, []).append(name)
    return [group for group in groups.values() if len(group) > 1 and used & set(group)]
