"""All claims of the tables, read: what is declared, the claim, and what must be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import block_claims
import calculus_claims
import further_claims
import layer_claims
import lecture_claims
import likelihood_claims
import loss_claims
import matrix_claims
import model_claims
import network_claims
import textbook_claims
from kinds_of_claims import RIGHT, UNREADABLE, Case, Known

import graphc as gc
from graphc.checking.claims import names_in_play

here = Path(__file__).parent
TABLES: dict[str, dict[str, Case]] = {
    "lecture": lecture_claims.CASES,
    "matrices": matrix_claims.CASES,
    "layers": layer_claims.CASES,
    "losses": loss_claims.CASES,
    "further matrices": further_claims.CASES,
    "networks": network_claims.CASES,
    "calculus": calculus_claims.CASES,
    "textbooks": textbook_claims.CASES,
    "likelihoods": likelihood_claims.CASES,
    "blocks": block_claims.CASES,
    "models": model_claims.CASES,
}

# Right claims for which no proof is found, and wrong ones that are explained otherwise or not at all.
UNPROVED = frozenset((here / "unproved.txt").read_text().splitlines())
MISSED = frozenset((here / "missed.txt").read_text().splitlines())


class Claim(NamedTuple):
    """A claim on the gradient of a function by a variable; `kinds` is empty where it is right."""

    subject: str
    title: str
    formula: str
    shapes: dict[str, Any]
    variable: str
    text: str
    kinds: tuple[str, ...]
    readable: bool

    @property
    def right(self) -> bool:
        return not self.kinds

    @property
    def name(self) -> str:
        return f"{self.title} by {self.variable}: {self.text}"

    def declared(self) -> tuple[gc.Expr, gc.Expr]:
        """The function and the variable."""
        names = {
            name: gc.symbol(name, s.shape, facts=list(s.facts)) if isinstance(s, Known) else s
            for name, s in self.shapes.items()
        }
        f = gc.parse(self.formula, **names)
        return f, names_in_play([f])[self.variable]

    def judged(self) -> gc.Verdict:
        f, x = self.declared()
        return gc.check(f, x, self.text)


def claims() -> Iterator[Claim]:
    for subject, cases in TABLES.items():
        for title, (formula, shapes, rows) in cases.items():
            for variable, text, expected in rows:
                readable = not expected.startswith(UNREADABLE)
                kinds = tuple(expected.removeprefix(UNREADABLE).split("|")) if expected != RIGHT else ()
                yield Claim(subject, title, formula, shapes, variable, text, kinds, readable)


CLAIMS = list(claims())
