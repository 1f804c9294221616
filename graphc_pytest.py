"""The pytest plugin of graphc: ``pytest --graphc notes.md`` collects the claims in ``graphc`` blocks as tests.

It stands outside of the package, so that pytest does not import graphc (and SymPy) where the option is not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("graphc", "derivations in Markdown files and notebooks")
    group.addoption(
        "--graphc",
        action="store_true",
        help="collect the claims in ```graphc blocks of Markdown files and notebooks that are given or found",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not parent.config.getoption("--graphc"):
        return None
    from graphc.checking.notes.blocks import SUFFIXES, contains_blocks  # noqa: PLC0415 - only with the option

    if file_path.suffix not in SUFFIXES:
        return None
    given = any(file_path == Path(str(a).split("::")[0]).absolute() for a in parent.config.args)
    collected = given or contains_blocks(file_path)
    return NotesFile.from_parent(parent, path=file_path) if collected else None


class NotesFile(pytest.File):
    """A file whose claims are tests."""

    def collect(self) -> Iterator[pytest.Item]:
        from graphc.checking.notes import Notes  # noqa: PLC0415 - only with the option
        from graphc.errors import DataError  # noqa: PLC0415

        try:
            notes = Notes(self.path)
        except DataError as error:
            raise self.CollectError(str(error)) from None
        seen: dict[str, int] = {}
        for number in notes.claims():
            place = notes.statements[number].place
            name = f"cell{place.cell}-line{place.line}" if place.cell else f"line{place.line}"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name = f"{name}-{seen[name]}"
            yield Claim.from_parent(self, name=name, notes=notes, number=number)


class Claim(pytest.Item):
    """A claim, or a chain of them; it fails with the pages of the verdicts."""

    def __init__(self, *, notes: Any, number: int, **options: Any) -> None:
        super().__init__(**options)
        self.notes = notes
        self.number = number

    def runtest(self) -> None:
        missed = [j for j in self.notes.judge(self.number) if not j.passed]
        if missed:
            raise ClaimError("\n\n".join(j.page() for j in missed))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ClaimError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        statement = self.notes.statements[self.number]
        return self.path, statement.place.line - 1, f"{self.name}: {' '.join(statement.text.split())}"


class ClaimError(Exception):
    """A claim that does not hold; the message is the page."""
