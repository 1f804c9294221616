"""A wrong claim with what is needed to try explanations of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.checking.points import Values, agree
from graphc.checking.prove import Question, prove
from graphc.errors import GraphcError
from graphc.ir.expr import Expr
from graphc.runtime.evaluate import evaluate


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
        return all(_agrees(candidate, values, right) for values, right in self.points)

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions have the same values at the given points."""
        if a.shape != b.shape:
            return False
        with np.errstate(all="ignore"):
            return all(_agrees(a, values, evaluate(b, values)) for values, _ in self.points)

    def proves(self, candidate: Expr) -> bool:
        """Whether a candidate is the right answer."""
        return self.holds(self.question.claiming(candidate))

    def holds(self, question: Question) -> bool:
        return prove(question) is not None


def _agrees(candidate: Expr, values: Values, right: Any) -> bool:
    """Whether a candidate has a value at a point, and the right one."""
    try:
        with np.errstate(all="ignore"):
            return agree(evaluate(candidate, values), right)
    except GraphcError:
        return False
