"""What is wrong with a claim: the first single edit whose result is proved."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.checking.edits import Edit, local_edits, tree_of, whole_edits
from graphc.checking.points import agree
from graphc.checking.prove import Question, prove
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr, make, topological
from graphc.ir.facts import Fact
from graphc.ops.leaves import NAMED, PARAMETER, SIZE, SYMBOL
from graphc.rewriting.cost import count_ops
from graphc.rewriting.simplify import simplify
from graphc.runtime.evaluate import evaluate

Values = dict[str, Any]


@dataclass(frozen=True)
class Diagnosis:
    """The kind of mistake, a sentence, and the formula made right."""

    kind: str
    sentence: str
    repair: str | None


@dataclass(frozen=True)
class Case:
    """What a diagnosis starts from.

    Attributes
    ----------
    question : what is claimed
    answer : the right result
    text : the claim as text
    claim : the claim as an expression, if it can be read
    names : what names in the text stand for
    origin : what the answer is derived from
    points : values at which candidates are compared before a proof is tried, and the right results there
    """

    question: Question
    answer: Expr
    text: str
    claim: Expr | None
    names: Mapping[str, Any]
    origin: Expr
    points: tuple[tuple[Values, Any], ...]

    def agrees(self, candidate: Expr) -> bool:
        """Whether a candidate has the right shape and the right values at the given points."""
        if candidate.shape != self.answer.shape:
            return False
        with np.errstate(all="ignore"):
            return all(agree(evaluate(candidate, values), right) for values, right in self.points)

    def proves(self, candidate: Expr) -> bool:
        return prove(self.question.claiming(candidate)) is not None


def diagnose(case: Case) -> Diagnosis | None:
    """The first explanation that verifies, or None."""
    if not case.points:
        return None
    for edit in edits(case):
        candidate = repaired(case, edit)
        if candidate is not None and case.proves(candidate):
            return Diagnosis(edit.kind, edit.sentence, str(candidate))
    if case.claim is None or case.claim.shape != case.answer.shape:
        return None
    return assumption(case, case.claim) or quotient(case, case.claim) or difference(case, case.claim)


def edits(case: Case) -> Iterator[Edit]:
    """Candidates, those of the claim as a whole first."""
    tree = tree_of(case.text)
    if tree is None:
        return
    sizes = [name for name, value in case.names.items() if not isinstance(value, Expr) or value.op is SIZE]
    axes = case.claim.ndim if case.claim is not None else 0
    yield from whole_edits(tree, axes, sizes)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    yield from local_edits(tree, derivative_factors(case), sizes, alike(case.names, used))


def repaired(case: Case, edit: Edit) -> Expr | None:
    """The edited claim, if it can be read and has the right values."""
    try:
        candidate = parse(edit.text, **case.names)
        return candidate if case.agrees(candidate) else None
    except (GraphcError, np.linalg.LinAlgError):
        return None


def derivative_factors(case: Case) -> list[str]:
    """The derivatives of the functions below the origin, as formulas over its named parts."""
    order = topological([case.origin])
    names = {node.operands[0]: node for node in order if node.op is NAMED}
    found: dict[str, None] = {}
    for node in order:
        if node.op.derivative is not None and len(node.operands) == 1:
            x, y = (names.get(e, e) for e in (node.operands[0], node))
            for d in node.op.derivative(x, y):
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


def assumption(case: Case, claim: Expr) -> Diagnosis | None:
    """A property of a symbol under which the claim would be right."""
    question = case.question.claiming(claim)
    for s in question.symbols():
        candidates = [Fact("symmetric")] if s.ndim == 2 and s.shape[0] == s.shape[1] else []
        if s.ndim:
            candidates.append(Fact("sums_to_one", -1))
        for fact in candidates:
            known = s.attributes.get("facts", frozenset())
            if fact in s.op.facts(s) or s.dtype == "bool":
                continue
            twin = make(s.op, (), **{**s.attributes, "facts": known | {fact}})
            if prove(question.replaced({s: twin})) is not None:
                says = f"{s.name} is symmetric" if fact.name == "symmetric" else f"the entries of {s.name} sum to one"
                return Diagnosis("assumption", f"the claim holds only if {says}", None)
    return None


def quotient(case: Case, claim: Expr) -> Diagnosis | None:
    """The factor, entry by entry, between the claim and the answer, if it is shorter than the answer."""
    try:
        factor = simplify(case.answer / claim)
        candidate = claim * factor
        if count_ops(factor) >= count_ops(case.answer) or not case.agrees(candidate) or not case.proves(candidate):
            return None
    except GraphcError:
        return None
    return Diagnosis("missing factor", f"the claim must be multiplied by {factor}", str(candidate))


def difference(case: Case, claim: Expr) -> Diagnosis | None:
    """The term by which the claim falls short, if it is shorter than the answer."""
    term = simplify(case.answer - claim)
    candidate = claim + term
    if count_ops(term) >= count_ops(case.answer) or not case.agrees(candidate) or not case.proves(candidate):
        return None
    return Diagnosis("missing term", f"the term {term} is missing", str(candidate))
