"""Arrays on a page: rows below each other, columns in line, entries that differ marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LONGEST = 48  # entries of an array that is shown whole
WIDTH = 100  # characters of a line
LISTED = 6  # entries that differ are listed where the arrays are longer


def number_text(value: Any, digits: int = 6) -> str:
    """A number as short as so many digits show it."""
    return f"{float(value) + 0.0:.{digits}g}"  # -0.0 + 0.0 is 0.0


def texts(value: Any, digits: int = 6) -> Any:
    """The entries as an array of texts."""
    return np.vectorize(lambda v: number_text(v, digits), otypes=[object])(np.asarray(value))


def digits_of(left: Any, right: Any, marks: Any) -> int:
    """How many digits show that marked entries differ: six, or more where those are the same."""
    if np.shape(left) != np.shape(right):
        return 6
    return next((d for d in (6, 9, 12) if (texts(left, d) != texts(right, d))[np.asarray(marks)].all()), 17)


def places(marks: Any) -> Any:
    """The indices of marked entries."""
    return np.argwhere(np.asarray(marks))


def rows(value: Any, marked: Any = None, digits: int = 6) -> list[str]:
    """The lines of an array, in brackets as NumPy's; entries that differ stand between asterisks."""
    array = np.asarray(value)
    marks = np.zeros(array.shape, dtype=bool) if marked is None else np.asarray(marked)
    if array.size == 0:
        return [f"[] of shape {array.shape}"]
    cells = texts(array, digits)
    cells = np.where(marks, "*" + cells + "*", cells)
    if array.ndim == 0:
        return [str(cells)]
    widths = [max(map(len, column)) for column in cells.reshape(-1, cells.shape[-1]).T] if array.ndim > 1 else None
    return _bracketed(cells, widths)


def _bracketed(cells: Any, widths: Sequence[int] | None) -> list[str]:
    if cells.ndim == 1:
        padded = cells if widths is None else [t.rjust(w) for t, w in zip(cells, widths, strict=True)]
        return [f"[{', '.join(padded)}]"]
    out: list[str] = []
    for i, part in enumerate(cells):
        lines = _bracketed(part, widths)
        lines = [("[" if i == 0 and j == 0 else " ") + line for j, line in enumerate(lines)]
        lines[-1] += "]" if i == len(cells) - 1 else ","
        out += lines
    return out


def titled(name: str, lines: Sequence[str]) -> list[str]:
    """``name = `` before the first line, the others in line with it."""
    head = f"{name} = "
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]


def beside(left: Sequence[str], right: Sequence[str], gap: int = 4) -> list[str]:
    """Two blocks of lines next to each other."""
    width = max(map(len, left))
    count = max(len(left), len(right))
    pairs = zip([*left, *[""] * (count - len(left))], [*right, *[""] * (count - len(right))], strict=True)
    return [f"{a:<{width}}{' ' * gap}{b}".rstrip() for a, b in pairs]


def packed(blocks: Sequence[Sequence[str]]) -> list[str]:
    """Blocks of lines, as many next to each other as fit."""
    out: list[str] = []
    line: list[str] = []
    for block in blocks:
        together = beside(line, block, gap=3) if line else list(block)
        if line and max(map(len, together)) > WIDTH:
            out += line
            together = list(block)
        line = together
    return [*out, *line]


def shown(name: str, value: Any) -> list[str]:
    """An input: whole if it is short, else its first and last entries."""
    array = np.asarray(value)
    if array.size <= LONGEST:
        return titled(name, rows(array))
    with np.printoptions(threshold=LONGEST, edgeitems=2, precision=6, suppress=True):
        return titled(name, str(array).splitlines())


def compared(labels: tuple[str, str], left: Any, right: Any, marks: Any) -> list[str]:
    """Two results side by side, or the first entries that differ of long ones."""
    same = np.shape(left) == np.shape(right)
    if np.size(left) > LONGEST or np.size(right) > LONGEST:
        return (
            _listed(labels, left, right, marks)
            if same
            else [f"{a}: shape {np.shape(v)}" for a, v in zip(labels, (left, right), strict=True)]
        )
    digits = digits_of(left, right, marks)
    first = [f"{labels[0]}:", *rows(left, marks if same else None, digits)]
    second = [f"{labels[1]}:", *rows(right, marks, digits)]
    together = beside(first, second)
    if max(map(len, together)) <= WIDTH and np.ndim(right) <= 2:
        return together
    return [*first, *second]


def _listed(labels: tuple[str, str], left: Any, right: Any, marks: Any) -> list[str]:
    found = places(marks)
    digits = digits_of(left, right, marks)
    head = f"{len(found)} of {np.size(right)} entries differ" + (", the first are" if len(found) > LISTED else "")
    table = [["", *labels]]
    for place in map(tuple, found[:LISTED]):
        values = (number_text(np.asarray(v)[place], digits) for v in (left, right))
        table.append([f"[{', '.join(map(str, place))}]", *values])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [head, *("  " + "   ".join(t.rjust(w) for t, w in zip(row, widths, strict=True)) for row in table)]
