"""A notebook and its text file say the same (that notebooks run is tested by nbmake)."""

from __future__ import annotations

from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_pairs_agree(path: Path) -> None:
    notebook, text = jupytext.read(path), jupytext.read(path.with_suffix(".py"))
    assert notebook.cells
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in text.cells]
