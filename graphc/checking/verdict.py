"""What a check comes back with: a status, and everything that a reader needs to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from graphc.checking.page import array_text, equation, page, shown
from graphc.checking.points import SEARCH_ORDER, differing
from graphc.checking.snippets import snippet
from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr


class Status(StrEnum):
    """How a check can end."""

    PROVED = "proved"
    EQUAL = "equal"
    WRONG = "wrong"
    INCOMPARABLE = "incomparable"
    UNDECIDED = "undecided"


ORDER = (Status.WRONG, Status.INCOMPARABLE, Status.UNDECIDED, Status.EQUAL, Status.PROVED)  # the worst first


@dataclass(frozen=True, eq=False)
class Counterexample:
    """A point at which two results differ.

    Attributes
    ----------
    sizes : values of the symbolic sizes
    values : arrays by the names of symbols
    answer, claim : both results (for two expressions: the first and the second)
    differing : truth values, which entries differ; all of them where the shapes differ
    """

    sizes: dict[str, int]
    values: dict[str, Any]
    answer: Any
    claim: Any

    @property
    def differing(self) -> Any:
        if np.shape(self.answer) != np.shape(self.claim):
            return np.ones(np.shape(self.claim), dtype=bool)
        return differing(self.answer, self.claim)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The judgement of one claim; true where it is proved or equal.

    Attributes
    ----------
    status : Status, a string: proved, equal, wrong, incomparable or undecided
    claim : the claim as an expression, or as it was given where it cannot be read as one
    answer : the right gradient; for two expressions, the first
    reason : one or two sentences
    counterexample : the first in the search order, for a wrong claim
    facts : the declared facts without which the proof fails
    steps : the names of the rules that the proof used
    kind : the kind of mistake in a word or two, where it was found and verified
    diagnosis : a sentence on the mistake, confirmed by a proof that the repair makes it right
    repair : the claim made right, in the notation of the claim
    labels : what the answer and the claim are called on the page
    subject : what the claim is about, where the claim alone does not say
    """

    status: Status
    claim: Any
    answer: Expr | None
    reason: str
    counterexample: Counterexample | None = None
    facts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    kind: str | None = None
    diagnosis: str | None = None
    repair: str | None = None
    labels: tuple[str, str] = ("right", "claim")
    subject: str | None = None

    def __bool__(self) -> bool:
        return self.status in (Status.PROVED, Status.EQUAL)

    def __str__(self) -> str:
        return "\n".join([self.headline(), *(f"  {line}".rstrip() for line in self.lines())])

    def __repr__(self) -> str:
        return f"<Verdict {self.status}: {self.reason}>"

    def headline(self) -> str:
        """The status and the claim in one line."""
        return f"{self.status.upper()}: {shown(self.claim)}"

    def lines(self) -> list[str]:
        """The page below its headline."""
        out = [self.reason]
        if self.facts:
            out.append(f"needs: {'; '.join(self.facts)}")
        if self.steps:
            out += ["by:", *(f"  {step}" for step in self.steps)]
        if self.diagnosis:
            out.append(f"what is wrong: {self.diagnosis}")
        if self.repair:
            out.append(f"repaired: {self.repair}")
        if self.answer is not None and not self:
            out.append(f"{self.labels[0]}: {shown(self.answer)}")
        if self.counterexample is not None:
            out += ["", *counterexample_lines(self.counterexample, self.labels)]
        return out

    def latex(self) -> str:
        r"""The claim and what it should be, as LaTeX for math mode; a wrong claim with ``\neq``."""
        return equation(self.status, self.claim, self.answer)

    def html(self) -> str:
        """The page as HTML with the formulas set, entries that differ marked."""
        notes = [(name, text) for name, text in (("needs", "; ".join(self.facts)), ("wrong", self.diagnosis)) if text]
        return page(self.headline(), self.latex(), self.reason, notes, self.repair, self.pairs())

    def _repr_html_(self) -> str:
        return self.html()

    def reproduce(self) -> str:
        """A NumPy script that computes both results at the counterexample; it imports NumPy alone.

        Raises
        ------
        UnsupportedError
            If there is no counterexample, or the claim is a Python function.
        """
        found = self.counterexample
        if found is None or self.answer is None or not isinstance(self.claim, Expr):
            raise UnsupportedError("only a wrong formula has a counterexample to reproduce")
        return snippet(self.answer, self.claim, found.values, self.labels)

    def pairs(self) -> list[tuple[str, Any, Any]]:
        """The arrays of the counterexample: name, value, which entries to mark."""
        found = self.counterexample
        if found is None:
            return []
        same = np.shape(found.answer) == np.shape(found.claim)
        inputs = [(name, value, None) for name, value in (*found.sizes.items(), *found.values.items())]
        results = [
            (self.labels[0], found.answer, found.differing if same else None),
            (self.labels[1], found.claim, found.differing),
        ]
        return [*inputs, *results]


def counterexample_lines(found: Counterexample, labels: tuple[str, str]) -> list[str]:
    """The point and both results, a line each."""
    sizes = ", ".join(f"{name} = {value}" for name, value in found.sizes.items())
    same = np.shape(found.answer) == np.shape(found.claim)
    width = max(map(len, labels))
    return [
        "counterexample" + (f" with {sizes}:" if sizes else ":"),
        *(f"  {name} = {array_text(value)}" for name, value in found.values.items()),
        f"  {labels[0]:<{width}} = {array_text(found.answer, found.differing if same else None)}",
        f"  {labels[1]:<{width}} = {array_text(found.claim, found.differing)}",
        f"  (entries between asterisks differ; the first point found, in this order: {SEARCH_ORDER})",
    ]
