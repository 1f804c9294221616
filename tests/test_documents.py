"""The examples in the README and the documents run, and give what is printed there."""

from __future__ import annotations

from doctest import ELLIPSIS
from pathlib import Path

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_examples_run(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    document = Document.parse(str(path), PythonCodeBlockParser(doctest_optionflags=ELLIPSIS))
    examples = list(document.examples())
    assert examples, f"{path.name} has no examples"
    for example in examples:
        example.evaluate()
