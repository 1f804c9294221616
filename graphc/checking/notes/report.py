"""What ``graphc check FILE...`` says: a line for each claim, a page for what is wrong, a sum, an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphc.checking import record
from graphc.checking.notes.blocks import find
from graphc.checking.notes.judging import Judgement, Notes
from graphc.errors import DataError

RIGHT, WRONG, UNREADABLE = 0, 1, 2


@dataclass
class Outcome:
    """The judgements of several files, and the files that cannot be read with the reason."""

    judgements: list[Judgement] = field(default_factory=list)
    failures: dict[Path, str] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """1 if a claim is wrong, else 2 if something cannot be read or decided, else 0."""
        missed = [j for j in self.judgements if not j.passed]
        if any(j.outcome in ("wrong", "incomparable") or (j.expected_wrong and j.verdict) for j in missed):
            return WRONG
        return UNREADABLE if missed or self.failures else RIGHT

    def summary(self) -> str:
        """How many claims there are and how many hold, in one line."""
        count, passed = len(self.judgements), sum(j.passed for j in self.judgements)
        if not count and not self.failures:
            return "no claims found: there is no ```graphc block, or no claim in it"
        kinds = {"wrong": 0, "incomparable": 0, "undecided": 0, "unreadable": 0}
        for j in self.judgements:
            if not j.passed:
                kinds[j.outcome if j.outcome in kinds else "wrong"] += 1
        rest = [f"{number} {kind}" for kind, number in kinds.items() if number]
        files = [f"{len(self.failures)} file{'s' * (len(self.failures) > 1)} unreadable"] if self.failures else []
        return f"{count} claim{'s' * (count != 1)}: {', '.join([f'{passed} as they should be', *rest, *files])}"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return record.document(
            {
                "exit_code": self.code,
                "claims": [_claim(j) for j in self.judgements],
                "failures": [{"file": str(path), "error": reason} for path, reason in self.failures.items()],
            }
        )

    def json(self) -> str:
        return record.text(self.to_dict(), 2)


def _claim(judgement: Judgement) -> dict[str, Any]:
    found = judgement.verdict
    return {
        "file": str(judgement.place.path),
        "cell": judgement.place.cell,
        "line": judgement.place.line,
        "statement": " ".join(judgement.text.split()),
        "outcome": judgement.outcome,
        "passed": judgement.passed,
        "expected_wrong": judgement.expected_wrong,
        "error": judgement.error,
        "verdict": None if found is None else record.verdict(found),
    }


def judge_files(targets: Iterable[str | Path], outcome: Outcome) -> Iterator[str]:
    """Judge the blocks of files; the pages come as they are ready, and everything is kept in `outcome`.

    Raises
    ------
    DataError
        If a target does not exist.
    """
    for path in find(targets):
        try:
            notes = Notes(path)
        except DataError as error:
            outcome.failures[path] = str(error)
            yield f"{path}: UNREADABLE: {error}"
            continue
        for judgement in notes.all():
            outcome.judgements.append(judgement)
            yield judgement.page()
