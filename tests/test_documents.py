"""The examples in the README and the documents run, and give what is printed there."""

from __future__ import annotations

from collections.abc import Iterator
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from graphc.frontend import userops
from graphc.ir.expr import behaviour
from graphc.ir.op import registry
from graphc.ops import notation

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.fixture(autouse=True)
def vocabulary() -> Iterator[None]:
    """Ops that a document defines are forgotten after it."""
    tables: tuple[dict[str, Any], ...] = (registry, notation.functions, behaviour, userops._given)
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_examples_run(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    document = Document.parse(str(path), PythonCodeBlockParser(doctest_optionflags=ELLIPSIS))
    examples = list(document.examples())
    assert examples, f"{path.name} has no examples"
    for example in examples:
        example.evaluate()
