"""Minimal syntax colouring of Python for HTML."""

from __future__ import annotations

import io
import keyword
import tokenize
from html import escape

KINDS = {tokenize.COMMENT: "c", tokenize.STRING: "s", tokenize.NUMBER: "n"}


def colored(source: str) -> str:
    """`source` as escaped HTML with comments, strings, numbers, keywords and defined names marked.

    Source that is not valid Python is escaped and left plain.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return escape(source)
    starts = [0]
    for line in io.StringIO(source):
        starts.append(starts[-1] + len(line))
    out: list[str] = []
    at, previous = 0, ""
    for token in tokens:
        kind = _kind(token, previous)
        if token.string.strip():
            previous = token.string
        if not kind:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        out.append(escape(source[at:begin]) + f'<span class="{kind}">{escape(source[begin:end])}</span>')
        at = end
    return "".join(out) + escape(source[at:])


def _kind(token: tokenize.TokenInfo, previous: str) -> str:
    if token.type == tokenize.NAME:
        return "k" if keyword.iskeyword(token.string) else "d" if previous in ("def", "class") else ""
    return KINDS.get(token.type, "s" if tokenize.tok_name[token.type].startswith("FSTRING") else "")
