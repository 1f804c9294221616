"""A formula and its repair as one marked-up text: what is struck out, and what is inserted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Literal, NamedTuple

TOKEN = re.compile(r"\s*(?:\d+\.?\d*(?:e[+-]?\d+)?|\w+|\*\*|[<>=!]=|:=|\S)|\s+$")
MOSTLY, MOST = 0.5, 4  # tokens that stay, and marks, beyond which both formulas are easier to read than the mark-up
Mark = Literal["kept", "struck", "inserted"]


class Piece(NamedTuple):
    """A part of the mark-up."""

    mark: Mark
    text: str


def marked(before: str, after: str) -> list[Piece] | None:
    """The smallest edit, word by word, from one formula to the other; None where little stays or nothing changes."""
    if before == after or "\n" in before or "\n" in after:
        return None
    a, b = TOKEN.findall(before), TOKEN.findall(after)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < MOSTLY:
        return None
    pieces: list[Piece] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("kept", "".join(a[i:j])))
            continue
        pieces += [Piece("struck", "".join(a[i:j]))] * (j > i) + [Piece("inserted", "".join(b[k:m]))] * (m > k)
    pieces = slid(pieces)
    return pieces if sum(piece.mark != "kept" for piece in pieces) <= MOST else None


def slid(pieces: list[Piece]) -> list[Piece]:
    """The same edit with marks joined: ``h{+*(1 - h+}){+)+}`` is ``h{+*(1 - h)+})``."""
    for i in range(len(pieces) - 2):
        (mark, a), (middle, kept), (other, b) = pieces[i : i + 3]
        if mark == other != "kept" and middle == "kept" and kept in (a, b):
            joined = (
                [Piece(mark, a + kept), Piece("kept", b)] if b == kept else [Piece("kept", a), Piece(mark, kept + b)]
            )
            return slid(merged([*pieces[:i], *joined, *pieces[i + 3 :]]))
    return pieces


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours with the same mark as one piece."""
    out: list[Piece] = []
    for piece in pieces:
        if out and out[-1].mark == piece.mark:
            out[-1] = Piece(piece.mark, out[-1].text + piece.text)
        else:
            out.append(piece)
    return out


def plain(pieces: Sequence[Piece]) -> str:
    """As text: ``X.T @ (p - T){+/n+}``, ``[-2*-]W @ x``."""
    return _joined(pieces, lambda text: f"[-{_apart(text)}-]", lambda text: f"{{+{_apart(text)}+}}", str)


def _apart(text: str) -> str:
    """The text with blanks where it would run into the signs around it."""
    return f" {text} " if text[0] in "+-" or text[-1] in "+-" else text


def html(pieces: Sequence[Piece]) -> str:
    """As HTML, with ``<del>`` and ``<ins>``."""
    return _joined(pieces, lambda text: f"<del>{escape(text)}</del>", lambda text: f"<ins>{escape(text)}</ins>", escape)


def _joined(
    pieces: Sequence[Piece], struck: Callable[[str], str], inserted: Callable[[str], str], kept: Callable[[str], str]
) -> str:
    out = []
    for mark, text in pieces:
        if mark == "kept":
            out.append(kept(text))
            continue
        body = text.lstrip()
        out.append(text[: len(text) - len(body)] + (struck if mark == "struck" else inserted)(body))
    return "".join(out)
