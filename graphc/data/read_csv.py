"""Reading datasets from comma-separated text."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from graphc.data.checks import make_dataset, require_finite, whole_labels
from graphc.data.dataset import Dataset
from graphc.errors import DataError

# `y` comes apart: it is as often a coordinate beside `x`, and then another column is named as the label.
LABEL_NAMES = ("label", "labels", "target", "class")
WEAK_LABEL_NAME = "y"


@dataclass(frozen=True)
class _Columns:
    """What line 1 says: the width, the label's column, and the names if it is a header."""

    width: int
    label: int
    names: list[str] | None

    def word(self, column: int) -> str:
        named = f" ({self.names[column]!r})" if self.names else ""
        return f"column {column + 1}{named}"


def read_csv(path: Path) -> Dataset:
    """Read a table of numbers; see `graphc.data.load_dataset`."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = _rows(stream, path)
        start = next(rows, None)
        if start is None:
            raise DataError(f"{str(path)!r} is empty; expected lines of comma-separated numbers, the label last")
        first_line, first = start
        columns = _columns(first, first_line, path)
        values, lines = array("d"), array("q")
        if columns.names is None:
            _append(first, first_line, columns, values, path)
            lines.append(first_line)
        for line, cells in rows:
            if len(cells) != columns.width:
                raise DataError(
                    f"{str(path)!r}, line {line}: expected {columns.width} columns as in line {first_line}, but found "
                    f"{len(cells)}; add the missing cells or remove the surplus ones"
                )
            _append(cells, line, columns, values, path)
            lines.append(line)
    if not lines:
        raise DataError(
            f"{str(path)!r} has a header in line {first_line} but no rows after it; add one row of numbers per example"
        )
    table = np.frombuffer(values, dtype=np.float64).reshape(len(lines), columns.width)
    require_finite(table, path, lambda index: f"line {lines[index[0]]}, {columns.word(index[1])}")
    labels = whole_labels(
        table[:, columns.label], path, lambda row: f"line {lines[row]}, {columns.word(columns.label)}"
    )
    return make_dataset(np.delete(table, columns.label, axis=1), labels, path)


def _rows(stream: TextIO, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the number of the line that it starts in."""
    reader = csv.reader(stream, skipinitialspace=True, strict=True)
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DataError(
            f"{str(path)!r} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at or after line {line} "
            f"cannot be read; save the file as 'CSV UTF-8'"
        ) from error
    except csv.Error as error:
        raise DataError(
            f"{str(path)!r}, line {line}: the row cannot be read as comma-separated values ({error}); "
            f"check the quotation marks and line ends"
        ) from error


def _columns(cells: list[str], line: int, path: Path) -> _Columns:
    if len(cells) == 1:
        other = next((mark for mark in (";", "\t", "|") if mark in cells[0]), None)
        remedy = f"replace {other!r} by commas as the separator" if other else "add the missing columns"
        raise DataError(
            f"{str(path)!r}, line {line}: found only one column, but expected at least one feature and the label, "
            f"separated by commas; {remedy}"
        )
    names = [cell.strip() for cell in cells]
    lower = [name.lower() for name in names]
    candidates = [i for i, name in enumerate(lower) if name in LABEL_NAMES]
    candidates = candidates or [i for i, name in enumerate(lower) if name == WEAK_LABEL_NAME]
    texts = [i for i, cell in enumerate(cells) if not _is_number(cell)]
    last = len(cells) - 1
    if not texts:
        return _Columns(len(cells), last, None)
    # A header of numbered columns has a label's name; any other mixture may be an example with a typing error,
    # which must not get lost as a header.
    if not candidates and len(texts) < len(cells):
        column = texts[0]
        raise DataError(
            f"{str(path)!r}, line {line}: column {column + 1} holds {cells[column]!r}, which is not a number, while "
            f"other columns hold numbers; write a number (labels: integers), or, if this line is a header, name the "
            f"label column 'label'"
        )
    if len(candidates) > 1:
        raise DataError(
            f"{str(path)!r}, line {line}: columns {', '.join(f'{i + 1} ({names[i]!r})' for i in candidates)} could "
            f"each be the label; keep one of these names and rename or remove the others"
        )
    return _Columns(len(cells), candidates[0] if candidates else last, names)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    # Python reads 1_000 as 1000; in a data file it is rather a name or a code.
    return "_" not in cell


def _append(cells: list[str], line: int, columns: _Columns, values: array[float], path: Path) -> None:
    # One pass in C over the whole row keeps files of tens of millions of cells within seconds; only a row that
    # fails is looked at cell by cell.
    try:
        values.extend(map(float, cells))
        readable = "_" not in "".join(cells)
    except ValueError:
        readable = False
    if readable:
        return
    column = next(i for i, cell in enumerate(cells) if not _is_number(cell))
    found = f"{cells[column]!r} is not a number" if cells[column].strip() else "the cell is empty"
    remedy = (
        "labels must be integers: number the classes 0, 1, 2, ..."
        if column == columns.label
        else "write a number there or remove the row"
    )
    raise DataError(f"{str(path)!r}, line {line}, {columns.word(column)}: {found}; {remedy}")
