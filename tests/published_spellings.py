"""Derivatives as they are printed, from other spellings of the functions: index sums, einsum, norms, products, facts.

The rows stand in published_spellings.txt: the kind of derivative and the variables, the function, the printed
derivative, in groups with their source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from published import _symbols, d, k, m, n
from published_problems import PROBLEM_NAMES

SPELLING_NAMES: dict[str, Any] = {
    **PROBLEM_NAMES,
    **_symbols((n, n), "Dg", "diagonal"),
    **_symbols((n, n), "Ad", "nonnegative"),
    **_symbols((n, n), "Sto", "simplex"),
    **_symbols((n, d), "Msk", "binary"),
    **_symbols((n, d), "Un", "unit_norm"),
    **_symbols((m, d), "Ky Vl"),
    **_symbols((n, m), "Bias"),
    **_symbols((n,), "ui", "unit_interval"),
    **_symbols((n, k), "Ui", "unit_interval"),
    **_symbols((n,), "ct", "integer", "nonnegative"),
    **_symbols((n,), "pn", "positive"),
    **_symbols((n, k, d), "X3"),
    **_symbols((k, k), "Wk"),
    **_symbols((k,), "hk"),
}


def _rows() -> list[tuple[str, str, str, str, str]]:
    found, source = [], ""
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            source = line[1:-1]
        elif line and not line.startswith("#"):
            head, function, form = line.split(" | ")
            kind, by = head.split(" ", 1)
            found.append((kind, function, by, form, source))
    return found


SPELLINGS = _rows()
