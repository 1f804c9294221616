"""What a line of a text gives: a name, several, an entry ``q[i]``, or a derivative ``df/dW[i,j]``; or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphc.errors import FormulaError
from graphc.frontend.lexicon import Token, Tokens, error_at, shorten

_BLANK = r"[ \t]{0,40}"
_LIST = rf"\[{_BLANK}\w+(?:{_BLANK},{_BLANK}\w+)*{_BLANK}\]"
_PART = rf"[d∂]\w{{1,50}}{_BLANK}(?:{_LIST})?"
_LABEL = rf"(?P<label>{_PART}{_BLANK}/{_BLANK}{_PART}(?:{_BLANK}{_PART})?){_BLANK}=(?!=)"
_ENTRY = re.compile(rf"\w+{_BLANK}(?P<indices>{_LIST}){_BLANK}=(?!=)")
_DERIVATIVE, _LINE = re.compile(_LABEL), re.compile(rf"^{_BLANK}{_LABEL}", re.MULTILINE)
_ORDER = re.compile(rf"(?P<indices>{_LIST})(?P<equals>{_BLANK}[=:](?!=))?")


class LeftSide(NamedTuple):
    """The names that a line gives, none for a bare formula, and the indices in brackets, None without brackets."""

    names: list[Token]
    free: Sequence[str] | None


def plain(text: str) -> str:
    """`text` with the ``∂`` of a left side written as d; places stay the same."""
    return _LINE.sub(lambda label: label[0].replace("∂", "d"), text) if "∂" in text else text


def left_side(text: str, tokens: Tokens, lookup: Callable[[str], Any]) -> LeftSide:
    """Read the left side of the line that begins here; the tokens go on after its ``=``."""
    start, mark = tokens.upcoming.offset, tokens.mark()
    names = _names(tokens)
    if names and tokens.upcoming.text == "=":
        tokens.next()
        return LeftSide(names, None)
    tokens.back(mark)
    if found := _ENTRY.match(text, start):
        name = tokens.upcoming
        _skip(tokens, found.end())
        return LeftSide([name], _indices(text, found["indices"], found.start("indices")))
    if found := _DERIVATIVE.match(text, start):
        lists = list(re.finditer(_LIST, found["label"]))
        _skip(tokens, found.end())
        return LeftSide([], [n for m in lists for n in _indices(text, m[0], start + m.start())] if lists else None)
    found = _ORDER.match(text, start)
    if found and (found["equals"] or _are_indices(_names_in(found["indices"]), lookup)):
        _skip(tokens, found.end())
        return LeftSide([], _indices(text, found["indices"], start))
    return LeftSide([], None)


def _names(tokens: Tokens) -> list[Token]:
    """The names with commas between them, in brackets or not, up to the first word that is neither."""
    names: list[Token] = []
    bracket = tokens.upcoming.text == "("
    if bracket:
        tokens.next()
    while tokens.upcoming.kind == "name":
        names.append(tokens.next())
        if tokens.upcoming.text == "=":
            return [] if bracket else names
        if bracket and tokens.upcoming.text == ")":
            tokens.next()
            return names
        if tokens.upcoming.text != ",":
            return []
        tokens.next()
    return []


def _names_in(brackets: str) -> list[str]:
    return [name.strip() for name in brackets[1:-1].split(",")]


def _are_indices(names: list[str], lookup: Callable[[str], Any]) -> bool:
    """Whether ``[a, b]`` before a formula is no list of constants."""
    return all(name.isidentifier() for name in names) and any(lookup(name) is None for name in names)


def _indices(text: str, brackets: str, offset: int) -> list[str]:
    """The names in ``[i, j]``, each once."""
    found = _names_in(brackets)
    for name in found:
        if not name.isidentifier() or found.count(name) > 1:
            what = "is named twice" if name.isidentifier() else "is no name"
            reason = f"on the left stand names of indices, each once, as in dW[i,j] = ...; {shorten(name)} {what}"
            raise error_at(FormulaError(reason), text, offset)
    return found


def _skip(tokens: Tokens, end: int) -> None:
    """Go on with the word at `end`."""
    while tokens.upcoming.kind != "end" and tokens.upcoming.offset < end:
        tokens.next()
