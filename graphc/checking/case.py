"""A wrong claim with what is needed to try explanations of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from graphc.checking import effort
from graphc.checking.formulas import Formulas
from graphc.checking.kinds import Kind
from graphc.checking.kinks import kinked
from graphc.checking.points import DRAWN, Point, Values, agree, drawn, judge_of, size_names
from graphc.checking.prove import Equation, Gradient, Question, prove
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr
from graphc.runtime.evaluate import evaluate
from graphc.runtime.incremental import Incremental

PATIENCE = 10  # proofs that may fail before a diagnosis gives up


@dataclass(frozen=True)
class Diagnosis:
    """The kind of mistake, a sentence, and the formula made right."""

    kind: Kind | None
    sentence: str
    repair: str | None


class Screen:
    """Values of candidates at a few points, at which the right result is known."""

    def __init__(self, points: Sequence[tuple[Values, Any]]) -> None:
        self.points = [(Incremental(values), right) for values, right in points]

    def values(self, expr: Expr) -> list[Any] | None:
        """The values of `expr` at the points; None where it has none."""
        try:
            with np.errstate(all="ignore"):
                return [at.value(expr) for at, _ in self.points]
        except (GraphcError, np.linalg.LinAlgError):
            return None

    def right(self, expr: Expr) -> bool:
        """Whether `expr` has the right values."""
        found = self.values(expr)
        return found is not None and all(agree(v, right) for v, (_, right) in zip(found, self.points, strict=True))

    def ratios(self, expr: Expr) -> list[float] | None:
        """The constant by which `expr` exceeds the right values, for each point; None where there is no constant."""
        found = self.values(expr)
        out = []
        for value, (_, right) in zip(found or (), self.points, strict=bool(found)):
            if agree(value, right):
                ratio = 1.0
            else:
                place = np.argmax(np.abs(right))
                ratio = float(np.ravel(value)[place] / (np.ravel(right)[place] or np.nan))
                if not np.isfinite(ratio) or not ratio or not agree(value, ratio * right):
                    return None
            out.append(ratio)
        return out or None

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions have the same values."""
        if a.shape != b.shape:
            return False
        left, right = self.values(a), self.values(b)
        return left is not None and right is not None and all(map(agree, left, right))


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
    failures : how many proofs have failed so far
    """

    question: Question
    answer: Expr
    text: str
    claim: Expr | None
    names: Mapping[str, Any]
    origin: Expr
    points: tuple[tuple[Values, Any], ...]
    failures: list[int] = field(default_factory=lambda: [0])

    @cached_property
    def screen(self) -> Screen:
        return Screen(self.points)

    @cached_property
    def formulas(self) -> Formulas:
        return Formulas(self.names)

    def agrees(self, candidate: Expr) -> bool:
        """Whether a candidate has the right shape and the right values at the given points."""
        return candidate.shape == self.answer.shape and self.screen.right(candidate)

    def proves(self, candidate: Expr) -> bool:
        """Whether a candidate is the right answer."""
        return self.holds(self.question.claiming(candidate))

    def verifies(self, candidate: Expr) -> bool:
        """Whether a candidate agrees with the answer, as `evaluate` computes it, and is proved."""
        return all(_agrees(candidate, values, right) for values, right in self.points) and self.proves(candidate)

    def equal(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions are the same, by algebra alone or under the facts of the question."""
        return self.holds(Equation(a, b, self.question.kinks_of()))

    def holds(self, question: Question) -> bool:
        """Whether a proof is found, while there is patience for proofs that fail."""
        if self.failures[0] >= PATIENCE or effort.ended():
            return False
        found = prove(question) is not None
        self.failures[0] += not found
        return found


def posed(
    question: Question,
    answer: Expr,
    claim: Expr | None,
    text: str,
    names: Mapping[str, Any],
    wrong: Point | None = None,
) -> Case:
    """What a diagnosis starts from, with points to screen candidates at: `wrong`, and others where the claim is wrong.

    Where it is wrong at few points only, as if a branch was forgotten, the others would let anything pass.
    """
    symbols = question.symbols()
    other = claim if claim is not None and claim.shape == answer.shape else answer
    judge = judge_of(answer, other, kinked(question.smooth(), question.kinks_of()))
    points = list(drawn(judge, symbols, size_names([answer, other, *symbols]), DRAWN))
    telling = [p for p in points if not agree(p.left, p.right)]
    chosen = [*telling[:2], *(p for p in points if agree(p.left, p.right))][:2]
    if wrong is not None and np.shape(wrong.left) == np.shape(wrong.right):
        chosen.append(wrong)
    origin = question.f if isinstance(question, Gradient) else answer
    every = [({**p.sizes, **p.values}, p.left) for p in chosen]
    values = tuple(at for at in every if Screen([at]).right(answer))  # where plain evaluation has the value, too
    if claim is not None and not states(text, claim, names, Screen(values)):
        text = str(claim)
    return Case(question, answer, text, claim, names, origin, values)


def states(text: str, claim: Expr, names: Mapping[str, Any], screen: Screen) -> bool:
    """Whether a text is the formula of the claim in the notation, not in that of indices or as code."""
    try:
        found = parse(text, **names)
    except GraphcError:
        return False
    return found is claim or screen.same(found, claim)


def _agrees(candidate: Expr, values: Values, right: Any) -> bool:
    """Whether a candidate has a value at a point, and the right one."""
    try:
        with np.errstate(all="ignore"):
            return agree(evaluate(candidate, values), right)
    except GraphcError:
        return False
