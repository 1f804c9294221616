"""The lines of a ``graphc`` block: declarations, definitions, claims, chains.

``W: (m, n); T: (n, k) one_hot``   declares symbols, with facts and dtypes
``q = W @ x - t``                  defines a new name (``:=`` also one that is known); ``q[i] = ...`` by its entries
``df/dW = 2*outer(q, x)``          claims; a line that begins with ``=`` goes on from the one before
``expect wrong: df/dx = W @ q``    a claim that is meant to be wrong
``reset``                          forgets all names
``#``                              begins a comment
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from graphc.checking.chains import parts
from graphc.checking.notes.blocks import Block, Place

Role = Literal["declare", "define", "claim", "reset", "unreadable"]
DECLARATION = re.compile(r"\s*(?P<names>[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*:(?!=)\s*(?P<rest>\(.*)", re.DOTALL)
NAME = re.compile(r"([^\W\d]\w*)\s*(?:\[[^\[\]]*\])?")
EXPECT = re.compile(r"\s*expect\s+wrong\s*:\s*")
HINT = (
    "expected a declaration `W: (m, n)`, a definition `q = W @ x`, a claim `df/dW = ...`, or `reset`; "
    "a line that begins with = goes on from the one before"
)


class Statement(NamedTuple):
    """One statement of a block.

    Attributes
    ----------
    role : what it does
    place : its first line
    equations : for definitions and claims, pairs of sides
    places : the line of each equation
    text : as it is written
    wrong : whether the claim is meant to be wrong
    lines : the lines of the file that it stands in
    """

    role: Role
    place: Place
    text: str
    equations: tuple[tuple[str, str], ...] = ()
    places: tuple[Place, ...] = ()
    wrong: bool = False
    lines: tuple[str, ...] = ()


def statements(block: Block, known: set[str]) -> list[Statement]:
    """The statements of a block; `known` are the names with a meaning, to which it adds its own."""
    found: list[Statement] = []
    for text, place in logical_lines(block):
        first = place.line - block.place.line
        lines = tuple(block.text.split("\n")[first : first + text.count("\n") + 1])
        if parts(text)[0].strip() == "" and len(parts(text)) > 1 and found and found[-1].role == "claim":
            found[-1] = continued(found[-1], text, place, lines)
            continue
        statement = read(text, place, known)._replace(lines=lines)
        found.append(statement)
        known |= _named(statement)
        if statement.role == "reset":
            known.clear()
    return found


def _named(statement: Statement) -> set[str]:
    if statement.role == "declare":
        match = DECLARATION.match(statement.text)
        return set(re.findall(r"\w+", match["names"])) if match else set()
    return {name_of(statement.equations[0][0])} if statement.role == "define" else set()


def name_of(left: str) -> str:
    """The name that a left side ``q`` or ``q[i,j]`` is about; empty for any other."""
    match = NAME.fullmatch(left)
    return match[1] if match else ""


def logical_lines(block: Block) -> Iterator[tuple[str, Place]]:
    """The statements' texts, those on one line apart, those that an open bracket goes on from together."""
    text, start, depth = "", 0, 0
    for i, line in enumerate(block.text.split("\n")):
        bare = line.split("#", 1)[0].rstrip()
        if not depth and not text:
            start = i
        for piece, ends in _pieces(bare, depth):
            text += piece
            depth = max(0, depth + sum(map(piece.count, "([{")) - sum(map(piece.count, ")]}")))
            if ends and not depth:
                if text.strip():
                    yield text, block.place.down(start)
                text, start = "", i
        if depth or text.rstrip().endswith("="):
            text += "\n"
        else:
            if text.strip():
                yield text, block.place.down(start)
            text = ""
    if text.strip():
        yield text, block.place.down(start)


def _pieces(line: str, depth: int) -> Iterator[tuple[str, bool]]:
    """The line cut at the semicolons outside of brackets, and whether one ends each piece."""
    begun = 0
    for i, c in enumerate(line):
        depth += (c in "([{") - (c in ")]}")
        if c == ";" and depth <= 0:
            yield line[begun:i], True
            begun = i + 1
    yield line[begun:], False


def read(text: str, place: Place, known: set[str]) -> Statement:
    """One statement that does not go on from another."""
    if text.strip() == "reset":
        return Statement("reset", place, text)
    if DECLARATION.match(text) and len(parts(DECLARATION.sub("", text))) == 1:
        return Statement("declare", place, text)
    marked = EXPECT.match(text)
    body = text[marked.end() :] if marked else text
    members = [m.strip() for m in parts(body)]
    if len(members) < 2 or not all(members):
        return Statement("unreadable", place, text)
    left = members[0].removesuffix(":").strip()
    name = name_of(left)
    new = bool(name) and name not in known and not (name[0] == "d" and name[1:] in known)
    if (new or members[0].endswith(":")) and not marked:
        rest = tuple(itertools.pairwise(members[1:]))
        return Statement("define", place, text, ((left, members[1]), *rest), (place,) * (len(members) - 1))
    pairs = tuple(itertools.pairwise(members))
    return Statement("claim", place, text, pairs, (place,) * len(pairs), wrong=bool(marked))


def continued(before: Statement, text: str, place: Place, lines: tuple[str, ...]) -> Statement:
    """A claim that goes on in a line that begins with ``=``."""
    members = [before.equations[-1][1], *(m.strip() for m in parts(text)[1:])]
    pairs = tuple(itertools.pairwise(members))
    if not all(members):
        return Statement("unreadable", place, text, lines=lines)
    between = ("",) * (place.line - before.place.line - len(before.lines))
    return before._replace(
        lines=(*before.lines, *between, *lines),
        text=f"{before.text}\n{text}",
        equations=(*before.equations, *pairs),
        places=(*before.places, *(place,) * len(pairs)),
    )
