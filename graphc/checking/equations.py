r"""A claim and the right result as LaTeX, what differs between them in colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from graphc.checking.page import text_of
from graphc.ir.expr import Expr
from graphc.visualize.latex import latex

RELATIONS = {"proved": "=", "equal": "=", "wrong": r"\neq", "undecided": r"\overset{?}{=}", "incomparable": r"\not\sim"}
PLAIN = {ord(c): " " for c in "\\{}$&#^_%~<>"}
STRUCK, INSERTED = "red", "teal"
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
BLANKS = re.compile(r"  +")
OPENING = {"{": "}", r"\left": r"\right", r"\begin": r"\end"}


def equation(status: str, claim: Any, answer: Expr | None) -> str:
    r"""``claim = answer``, or with the sign that the status calls for; the parts of a wrong claim that differ in red.

    The colours need the package xcolor in a document; MathJax and KaTeX have them.
    """
    left = latex(claim) if isinstance(claim, Expr) else rf"\text{{{text_of(claim).translate(PLAIN)}}}"
    if answer is None:
        return rf"{left} \quad \text{{({status})}}"
    right = latex(answer)
    if status in ("wrong", "incomparable") and isinstance(claim, Expr):
        left, right = coloured(left, right)
    return rf"{left} {RELATIONS[status]} {right} \quad \text{{({status})}}"


class Unit(NamedTuple):
    """A piece of a formula that is coloured as a whole, unless both formulas have it with other contents.

    Attributes
    ----------
    text : the whole piece
    head : what must be the same for its contents to be compared, such as ``\\frac`` with two arguments
    parts : text between the contents, and the contents, in turn
    """

    text: str
    head: tuple[str, ...]
    parts: tuple[str, ...]


def coloured(before: str, after: str) -> tuple[str, str]:
    """Both formulas, what only the first has in red, what only the second has in green."""
    a, b = units(before), units(after)
    left: list[str] = []
    right: list[str] = []
    matcher = SequenceMatcher(None, [u.text for u in a], [u.text for u in b], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            left += [u.text for u in a[i:j]]
            right += [u.text for u in b[k:m]]
        elif j - i == m - k and all(map(_alike, a[i:j], b[k:m])):
            pairs = list(map(_inside, a[i:j], b[k:m]))
            left += [pair[0] for pair in pairs]
            right += [pair[1] for pair in pairs]
        else:
            left.append(_colour(STRUCK, a[i:j]))
            right.append(_colour(INSERTED, b[k:m]))
    return BLANKS.sub(" ", "".join(left)), BLANKS.sub(" ", "".join(right))


def _alike(u: Unit, v: Unit) -> bool:
    return bool(u.head) and u.head == v.head


def _inside(u: Unit, v: Unit) -> tuple[str, str]:
    """Two units with the same head, their contents compared."""
    pairs = [(p, q) if i % 2 == 0 else coloured(p, q) for i, (p, q) in enumerate(zip(u.parts, v.parts, strict=True))]
    return "".join(p for p, _ in pairs), "".join(q for _, q in pairs)


def _colour(colour: str, found: Sequence[Unit]) -> str:
    text = "".join(u.text for u in found)
    return rf"\textcolor{{{colour}}}{{{text.strip()}}} " if text.strip() else text


def units(text: str) -> list[Unit]:
    """A formula cut into symbols with their scripts, commands with their arguments, brackets with their contents."""
    tokens = TOKEN.findall(text)
    found: list[Unit] = []
    at = 0
    while at < len(tokens):
        start, parts = at, [""]
        at = _taken(tokens, at, parts)
        while at < len(tokens) and (tokens[at] in ("^", "_", "{") or tokens[at].isspace()):
            if tokens[at].isspace() and tokens[at + 1 : at + 2] not in (["^"], ["_"]):
                break
            at = _taken(tokens, at, parts)
        if len(parts) % 2 == 0:
            parts.append("")
        heads = tuple(parts[::2])
        found.append(Unit("".join(tokens[start:at]), heads if len(parts) > 1 else (), tuple(parts)))
    return found


def _taken(tokens: Sequence[str], at: int, parts: list[str]) -> int:
    """Take one token, or a bracket with its contents; a script takes what it stands at."""
    token = tokens[at]
    if token not in OPENING:
        parts[-1] += token
        script = token in ("^", "_") and at + 1 < len(tokens) and tokens[at + 1] != "{"
        return _taken(tokens, at + 1, parts) if script else at + 1
    end = _closing(tokens, at)
    if token == r"\begin":  # matrices and listings are compared as a whole
        close = tokens.index("}", end) if "}" in tokens[end:] else len(tokens) - 1
        parts[-1] += "".join(tokens[at : close + 1])
        return close + 1
    first = at + 1 if token == "{" else at + 2  # after the delimiter that \left has
    parts[-1] += "".join(tokens[at:first])
    parts += ["".join(tokens[first:end]), "".join(tokens[end : end + (first - at)])]
    return end + (first - at)


def _closing(tokens: Sequence[str], at: int) -> int:
    """The place of the bracket that closes the one at `at`."""
    opening, closing = tokens[at], OPENING[tokens[at]]
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i] == opening) - (tokens[i] == closing)
        if not depth:
            return i
    return len(tokens) - 1
