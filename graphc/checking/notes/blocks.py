"""Files with ``graphc`` blocks: finding them, and cutting the blocks out."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from graphc.errors import DataError

SUFFIXES = (".md", ".markdown", ".qmd", ".ipynb")
SKIPPED = ("node_modules", "__pycache__", "site-packages")
FENCE = re.compile(r"^(?P<indent>[ \t>]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
NAME = re.compile(r"\{?\.?graphc\b(?!-)")


@dataclass(frozen=True)
class Place:
    """A line of a file; in a notebook, of a cell, counted from 1 as well."""

    path: Path
    line: int
    cell: int | None = None

    def __str__(self) -> str:
        cell = "" if self.cell is None else f"cell {self.cell}:"
        return f"{self.path}:{cell}{self.line}"

    def down(self, lines: int) -> Place:
        return Place(self.path, self.line + lines, self.cell)


class Block(NamedTuple):
    """The text of one fenced block, and the place of its first line."""

    text: str
    place: Place


def find(targets: Iterable[str | Path]) -> list[Path]:
    """The files that paths, patterns and directories stand for, each once; directories give those with blocks.

    Raises
    ------
    DataError
        If a target is, or matches, nothing.
    """
    found: dict[Path, None] = {}
    for target in targets:
        path = Path(target)
        if path.is_dir():
            found.update(dict.fromkeys(_inside(path)))
        elif path.exists():
            found[path] = None
        else:
            matches = sorted(Path(p) for p in glob.glob(str(target), recursive=True))
            if not matches:
                raise DataError(f"there is no file {str(target)!r}")
            found.update(dict.fromkeys(find(matches)))
    return list(found)


def _inside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in SKIPPED for part in parts)
        if path.suffix in SUFFIXES and not hidden and path.is_file() and contains_blocks(path):
            yield path


def contains_blocks(path: Path) -> bool:
    """Whether a file has a ``graphc`` block; false where it cannot be read."""
    try:
        return bool(blocks(path))
    except DataError:
        return False


def blocks(path: Path) -> list[Block]:
    """The blocks of a file, in order.

    Raises
    ------
    DataError
        If the file cannot be read, or is no notebook.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DataError(f"cannot read {str(path)!r}: {reason}") from error
    if path.suffix != ".ipynb":
        return list(_fenced(content, Place(path, 1)))
    found: list[Block] = []
    for number, cell in enumerate(_cells(content, path), 1):
        if cell.get("cell_type") == "markdown":
            source = cell.get("source", "")
            text = source if isinstance(source, str) else "".join(source)
            found += _fenced(text, Place(path, 1, number))
    return found


def _cells(content: str, path: Path) -> Sequence[dict[str, Any]]:
    try:
        cells = json.loads(content)["cells"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataError(f"{str(path)!r} is no notebook of format 4: {type(error).__name__}: {error}") from error
    return [cell for cell in cells if isinstance(cell, dict)]


def _fenced(content: str, start: Place) -> Iterator[Block]:
    """Blocks by the rules of CommonMark: a fence ends at one of its kind that is as long, or at the end."""
    opened: re.Match[str] | None = None
    begun, taken = 0, list[str]()
    for i, line in enumerate(content.splitlines()):
        match = FENCE.match(line)
        if opened is None:
            if match is not None:
                opened, begun, taken = match, i + 1, []
            continue
        fence = opened["fence"]
        if match is not None and match["fence"].startswith(fence) and not match["info"].strip():
            if NAME.match(opened["info"]):
                yield Block("\n".join(taken), start.down(begun))
            opened = None
            continue
        taken.append(_dedented(line, opened["indent"]))
    if opened is not None and NAME.match(opened["info"]):
        yield Block("\n".join(taken), start.down(begun))


def _dedented(line: str, indent: str) -> str:
    """A line without the indentation, or the quotation marks, that stand before its fence."""
    quote = re.match(r"[ \t]*>[ \t]?" * indent.count(">"), line)
    line = line[quote.end() :] if quote else line
    width = len(indent) - len(indent.lstrip(" \t")) if ">" not in indent else 0
    return line[min(width, len(line) - len(line.lstrip(" \t"))) :]
