"""The forms in which a derivation is given, brought to one: a list of equations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphc.errors import FormulaError, UnsupportedError


class Stated(NamedTuple):
    """``left = right`` as given; `defines` where ``:=`` says so."""

    left: Any
    right: Any
    defines: bool = False


def equations(steps: Any) -> list[Stated]:
    """The equations of a derivation.

    Parameters
    ----------
    steps : text, mapping, or sequence
        Lines ``a = b``, ``= c`` (which goes on from the line before); a mapping of left to right sides; pairs; texts
        of one equation each; or the members of a chain ``[a, b, c]``, of which each equals the next.

    Raises
    ------
    FormulaError
        If a line is no equation.
    UnsupportedError
        If the steps are something else.
    """
    if isinstance(steps, str):
        return _of_lines(steps)
    if isinstance(steps, Mapping):
        return [Stated(left, right) for left, right in steps.items()]
    if not isinstance(steps, Sequence) or not steps:
        raise UnsupportedError(f"steps are pairs (left, right), a chain [a, b, ...] or lines of text, got {steps!r}")
    pairs = [isinstance(s, (tuple, list)) and len(s) == 2 for s in steps]
    if all(pairs):
        return [Stated(*pair) for pair in steps]
    if any(pairs):
        raise UnsupportedError("steps are either all pairs (left, right) or the members of one chain [a, b, ...]")
    texts = [s for s in steps if isinstance(s, str)]
    if len(texts) == len(steps) and any(len(parts(t)) > 1 for t in texts):
        return _of_lines("\n".join(texts))
    if len(steps) < 2:
        raise UnsupportedError("a chain has two members or more, each equal to the next")
    return [Stated(a, b) for a, b in itertools.pairwise(steps)]


def _of_lines(text: str) -> list[Stated]:
    found: list[Stated] = []
    for line in logical_lines(text):
        members = parts(line)
        if len(members) < 2:
            raise FormulaError(f"this line is no equation: {line.strip()!r}; write left = right, or = right to go on")
        if not members[0].strip():
            if not found:
                raise FormulaError(f"there is nothing before the first line for it to go on from: {line.strip()!r}")
            members[0] = found[-1].right
        sides = [m.strip() for m in members]
        if not all(sides):
            raise FormulaError(f"a side is missing in {line.strip()!r}")
        defines = sides[0].endswith(":")
        sides[0] = sides[0].removesuffix(":").strip()
        found += [Stated(a, b, defines and i == 0) for i, (a, b) in enumerate(itertools.pairwise(sides))]
    if not found:
        raise FormulaError("there are no steps: write lines such as grad(f, x) = 2*x")
    return found


def logical_lines(text: str) -> list[str]:
    """The lines of a text, those joined that an open bracket or an ``=`` at the end leaves unfinished."""
    found: list[str] = []
    depth, unfinished = 0, False
    for line in text.split("\n"):
        bare = line.split("#", 1)[0].rstrip()
        if not bare.strip() and not depth:
            continue
        if depth > 0 or unfinished:
            found[-1] += "\n" + bare
        else:
            found.append(bare)
        depth += sum(bare.count(c) for c in "([") - sum(bare.count(c) for c in ")]")
        unfinished = bare.endswith("=")
    return found


def parts(text: str) -> list[str]:
    """A text split at its equality signs, those in brackets and those of comparisons left out."""
    found, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "=" and not depth and text[i + 1 : i + 2] != "=" and text[i - 1 : i] not in tuple("=<>!"):
            found.append(text[start:i])
            start = i + 1
    return [*found, text[start:]]
