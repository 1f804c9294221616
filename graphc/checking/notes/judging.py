"""Judging the statements of a file, names shared between its blocks as in a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphc.checking.chains import Stated
from graphc.checking.derivation import Derivation, StepVerdict, define
from graphc.checking.notes.blocks import Place, blocks
from graphc.checking.notes.language import DECLARATION, HINT, Statement, name_of, statements
from graphc.checking.sides import directions
from graphc.checking.verdict import Status
from graphc.errors import FormulaError, GraphcError
from graphc.ir import facts
from graphc.ir.expr import Expr
from graphc.ops.leaves import DTYPES, symbol

WORD = re.compile(r"[^\W\d]\w*(?:\(\s*axis\s*=\s*-?\d+\s*\))?|\S")
POSITION = re.compile(r"( *)line \d+, column (\d+):\n +(.*)\n *\^")
AXIS = re.compile(r"(\w+)\(\s*axis\s*=\s*(-?\d+)\s*\)")


@dataclass(frozen=True)
class Judgement:
    """What became of one equation, or of a statement that cannot be read.

    Attributes
    ----------
    place : the file and the line
    text : the equation
    verdict : the verdict on it; None with an error
    error : why it cannot be read
    expected_wrong : whether it is meant to be wrong
    lines : the lines of the file from which on it stands, for pointing at places
    start : the place of the first of them
    hint : what may be meant instead
    rests_on : the place of a wrong claim that this one is built on
    """

    place: Place
    text: str
    verdict: StepVerdict | None = None
    error: str | None = None
    expected_wrong: bool = False
    lines: tuple[str, ...] = ()
    start: Place | None = None
    hint: str | None = None
    rests_on: Place | None = None

    @property
    def passed(self) -> bool:
        """Whether the claim is right, or wrong where it is meant to be; an unknown name is no such mistake."""
        if self.verdict is None:
            return False
        if self.expected_wrong:
            return self.verdict.status in (Status.WRONG, Status.INCOMPARABLE) and not self.verdict.misnamed
        return bool(self.verdict)

    @property
    def outcome(self) -> str:
        """The status, or ``unreadable``."""
        return "unreadable" if self.verdict is None else str(self.verdict.status)

    def page(self) -> str:
        """The place, the outcome, and below them what is to be said."""
        note = ""
        if self.expected_wrong:
            note = " (as expected)" if self.passed else " (expected to be wrong)"
        head = f"{self.place}: {self.outcome.upper()}{note}: {' '.join(self.text.split())}"
        if self.passed:
            return (
                head
                if self.rests_on is None
                else f"{head}\n    on its own; but it rests on the wrong claim at {self.rests_on}"
            )
        return "\n".join([head, *(f"    {line}".rstrip() for line in self.located(self.details()).split("\n"))])

    def details(self) -> str:
        """What is to be said about a claim that is not as it should be."""
        found = self.verdict
        follows = [f"it rests on the wrong claim at {self.rests_on}"] if self.rests_on is not None else []
        lines = found.lines() if found is not None else [self.error or ""]
        return "\n".join([*follows, *lines, *([self.hint] if self.hint else [])])

    def located(self, text: str) -> str:
        """The text with places in a formula as places in the file."""

        def place(found: re.Match[str]) -> str:
            indent, column, formula = found[1], int(found[2]), found[3]
            for i, line in enumerate(self.lines):
                begin = line.find(formula)
                if begin >= 0 and self.start is not None:
                    column += begin
                    mark = " " * (column - 1) + "^"
                    return f"{indent}{self.start.down(i)}:{column}:\n{indent}  {line}\n{indent}  {mark}"
            return found[0]

        return POSITION.sub(place, text)


class Notes:
    """The statements of one file.

    Raises
    ------
    DataError
        If the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        known: set[str] = set()
        self.path = path
        self.statements = [s for block in blocks(path) for s in statements(block, known)]
        self.places: dict[str, Place] = {}
        self.errors: dict[int, Judgement] = {}
        self.derivations: dict[int, Derivation] = {}  # by the reset that each begins with
        self.steps: dict[int, list[Place]] = {}  # where the steps of each derivation stand
        self.judged: dict[int, list[Judgement]] = {}
        self.scopes: list[dict[str, Any]] = [{}]  # what names stand for before each statement
        for number, statement in enumerate(self.statements):
            self.scopes.append(self._after(number, statement))

    def claims(self) -> list[int]:
        """The numbers of the statements that are judged, and of those that cannot be read."""
        return [i for i, s in enumerate(self.statements) if s.role in ("claim", "unreadable") or i in self.errors]

    def judge(self, number: int) -> list[Judgement]:
        """The judgements of a statement, one for each of its equations.

        Claims before it, back to a reset, are judged first: what it says may rest on them.
        """
        if self.statements[number].role == "unreadable":
            return [self._judgement(number, self.statements[number].place, error=HINT)]
        if number in self.errors:
            return [self.errors[number]]
        begun = max((i for i in range(number) if self.statements[i].role == "reset"), default=-1)
        for i in range(begun + 1, number + 1):
            if self.statements[i].role == "claim" and i not in self.judged:
                self.judged[i] = self._judge(i, self.derivations.setdefault(begun, Derivation({})))
        return self.judged[number]

    def _judge(self, number: int, derivation: Derivation) -> list[Judgement]:
        statement = self.statements[number]
        texts = [side for equation in statement.equations for side in equation]
        scope = self.scopes[number]
        derivation.names = {**directions(texts, scope), **scope}
        found: list[StepVerdict] = []
        for (left, right), place in zip(statement.equations, statement.places, strict=True):
            try:
                derivation.judge(Stated(left, right))
            except GraphcError as error:
                return [self._judgement(number, place, f"{left} = {right}", error=str(error))]
            found.append(derivation.found[-1])
            self.steps.setdefault(id(derivation), []).append(place)
        bad = any(v.status in (Status.WRONG, Status.INCOMPARABLE) for v in found)
        judged = []
        for place, (left, right), verdict in zip(statement.places, statement.equations, found, strict=True):
            expected = statement.wrong and not (bad and bool(verdict))  # in a chain, one wrong equation is enough
            rests_on = None if verdict.follows is None else self.steps[id(derivation)][verdict.follows]
            judged.append(
                self._judgement(
                    number, place, f"{left} = {right}", verdict=verdict, expected_wrong=expected, rests_on=rests_on
                )
            )
        return judged

    def all(self) -> Iterator[Judgement]:
        """The judgements of the whole file, in order."""
        for number in self.claims():
            yield from self.judge(number)

    def _after(self, number: int, statement: Statement) -> dict[str, Any]:
        """What names stand for after a statement."""
        before = self.scopes[number]
        if statement.role == "reset":
            return {}
        try:
            if statement.role == "declare":
                return {**before, **declared(statement.text)}
            if statement.role == "define":
                left, formula = statement.equations[0]
                name = name_of(left)
                self.places[name] = statement.place
                return {**before, name: defined(left, formula, before)}
        except GraphcError as error:
            self.errors[number] = self._unreadable(number, error)
        return before

    def _unreadable(self, number: int, error: GraphcError) -> Judgement:
        statement = self.statements[number]
        return self._judgement(number, statement.place, error=str(error))

    def _judgement(self, number: int, place: Place, text: str | None = None, **result: Any) -> Judgement:
        """A judgement that can point at its lines; where a name is defined twice, with what to write instead."""
        statement = self.statements[number]
        text = statement.text.strip() if text is None else text
        left = text.partition("=")[0].strip()
        defined_at = self.places.get(left)
        hint = None
        if defined_at is not None and left in self.scopes[number]:
            hint = f"{left} is defined at {defined_at}; to define it anew, write {left} := ..., or reset before it"
        return Judgement(place, text, **result, lines=statement.lines, start=statement.place, hint=hint)


def declared(text: str) -> dict[str, Expr]:
    """The symbols of ``W, V: (m, n) fact fact``.

    Raises
    ------
    FormulaError, ShapeError, FactError
        If it cannot be read so.
    """
    match = DECLARATION.match(text)
    assert match is not None
    shape, rest = _bracketed(match["rest"])
    sizes = tuple(int(s) if s.isdigit() else s for s in (part.strip() for part in shape.split(",")) if s)
    known: list[Any] = []
    dtype = "float64"
    for word in WORD.findall(rest):
        axis = AXIS.fullmatch(word)
        if word in DTYPES:
            dtype = word
        elif axis is not None and axis[1] in facts.AXIAL:
            known.append(getattr(facts, axis[1])(axis=int(axis[2])))
        elif word != ",":
            known.append(word)
    return {name: symbol(name, sizes, dtype=dtype, facts=known) for name in re.findall(r"\w+", match["names"])}


def _bracketed(text: str) -> tuple[str, str]:
    """What stands in the bracket that a text begins with, and what follows it."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return text[1:i], text[i + 1 :]
    raise FormulaError("the bracket of the shape is not closed; write for example W: (m, n)")


def defined(left: str, formula: str, scope: dict[str, Any]) -> Expr:
    """The value of a definition, under its name."""
    names = {k: v for k, v in scope.items() if k != name_of(left)}
    define(Stated(left, formula, defines=True), names)
    value: Expr = names[name_of(left)]
    return value
