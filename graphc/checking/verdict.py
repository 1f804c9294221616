"""What a check comes back with: a status, and everything that a reader needs to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from graphc.checking import page, record
from graphc.checking.equations import equation
from graphc.checking.points import differing
from graphc.checking.prove import Proof
from graphc.checking.replay import Replay, replay, shown
from graphc.checking.snippets import snippet
from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr

SMALLEST = 1e-14  # a relative difference that is more than rounding


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
    differing : truth values, which entries differ: beyond what floating point is judged by, or else beyond rounding;
        all of them where the shapes differ
    """

    sizes: dict[str, int]
    values: dict[str, Any]
    answer: Any
    claim: Any

    @property
    def comparable(self) -> bool:
        """Whether both results have one shape."""
        return bool(np.shape(self.answer) == np.shape(self.claim))

    @property
    def close(self) -> bool:
        """Whether both results are equal to the precision that floating point is judged by."""
        return self.comparable and not differing(self.answer, self.claim).any()

    @property
    def differing(self) -> Any:
        if not self.comparable:
            return np.ones(np.shape(self.claim), dtype=bool)
        return differing(self.answer, self.claim, *((SMALLEST, 0.0) if self.close else ()))


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
    proof : the Proof, for a proved claim
    labels : what the answer and the claim are called on the page
    subject : what the claim is about, where the claim alone does not say
    misnamed : whether it cannot be read because of a name that nothing is called by
    written, formula : the claim as it was written, for a claim in text, and without a label such as ``dW =``
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
    written: str | None = None
    formula: str | None = None
    proof: Proof | None = None
    misnamed: bool = False

    def __bool__(self) -> bool:
        return self.status in (Status.PROVED, Status.EQUAL)

    def __str__(self) -> str:
        return "\n".join([self.headline(), *(f"  {line}".rstrip() for line in self.lines())])

    def __repr__(self) -> str:
        return f"<Verdict {self.status}: {self.reason}>"

    @property
    def claim_text(self) -> str:
        """The claim as it was written, or as graphc writes it."""
        return self.written if self.written is not None else page.text_of(self.claim)

    @property
    def formula_text(self) -> str:
        """The claim as a formula, which a repair is an edit of."""
        return self.formula if self.formula is not None else page.text_of(self.claim)

    def headline(self) -> str:
        """The status and the claim."""
        return page.headline(self)

    def lines(self) -> list[str]:
        """The page below its headline."""
        return page.lines(self)

    def latex(self) -> str:
        r"""The claim and what it should be, as LaTeX for math mode; a wrong claim with ``\neq``."""
        return equation(self.status, self.claim, self.answer)

    def html(self) -> str:
        """The page as HTML: formulas set, entries that differ marked, what a repair changes struck out or inserted."""
        return page.page(self)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data, arrays as nested lists; see docs/checking.md for the keys."""
        return record.document(record.verdict(self))

    def json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON."""
        return record.text(self.to_dict(), indent)

    def _repr_html_(self) -> str:
        return self.html()

    @property
    def normal_form(self) -> str | None:
        """What both sides of a proved claim come to, where the proof ends in one normal form."""
        return shown(self.proof.form) if self.proof is not None and self.proof.form is not None else None

    def replay(self) -> Replay:
        """The proof gone through again: every rewrite with numbers on both of its sides, and the conclusion.

        Raises
        ------
        UnsupportedError
            If the claim is not proved.
        """
        if self.proof is None:
            raise UnsupportedError(f"only a proved claim has a proof to replay; this one is {self.status}")
        return replay(self.proof)

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
        return snippet(self.answer, self.claim, found.values, self.labels, in_full=found.close)
