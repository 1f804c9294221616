"""Derivatives as people write them in a formula: ``df/dW``, ``∂L/∂W``, ``dy[i]/dx[j]``, ``d2f/dx[i]dx[j]``.

A quotient is written over, character for character, with a name that stands for the derivative: ``h*dL/dthat`` becomes
``h*dL_dthat``, so that it is one factor and errors still point at the right place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_INDICES = r"(?:\[[^\[\]\n]{0,100}\])?"
_QUOTIENT = re.compile(
    rf"(?<![\w.])d(?P<order>2?)(?P<f>[^\W\d]\w*)(?P<rows>{_INDICES})[ ]*/[ ]*"
    rf"d(?P<x>[^\W\d]\w*)(?P<columns>{_INDICES})(?:[ ]*d(?P<y>[^\W\d]\w*)(?P<more>{_INDICES}))?"
)


class Quotient(NamedTuple):
    """``d2f/dx[i]dy[j]``: the names, and the indices as they are written, brackets included."""

    f: str
    x: str
    y: str | None
    indices: tuple[str, ...]


Derive = Callable[[Quotient], Any]


def plain(text: str) -> str:
    """``∂²f/∂x²`` written as ``d2f/dx2``, other ``∂`` as d; places stay the same."""
    return _SQUARES.sub(r"\g<1>2\g<2>2", text).replace("∂²", "∂2").replace("∂", "d")


_SQUARES = re.compile(r"([∂d])²([^\W\d]\w{0,50}[ ]{0,9}/[ ]{0,9}[∂d][^\W\d][^\W²]{0,50})²")


def alias(quotient: Quotient) -> str:
    """The name that stands for a derivative."""
    return f"d{quotient.f}_d{quotient.x}" if quotient.y is None else f"d2{quotient.f}_d{quotient.x}d{quotient.y}"


def read_quotient(found: re.Match[str], names: Mapping[str, Any]) -> Quotient | None:
    """The derivative that a match is, unless its numerator is a name of its own."""
    order, f, x, y = found["order"], found["f"], found["x"], found["y"]
    if f"d{order}{f}" in names:
        return None
    if order and y is None:
        if found["columns"]:
            return None
        if x not in names and x.endswith("2"):
            x = y = x[:-1]
        else:
            x, y = next(((x[:i], x[i + 1 :]) for i in _splits(x) if x[:i] in names and x[i + 1 :] in names), (x, None))
    if bool(order) != (y is not None):
        return None
    indices = tuple(part for part in (found["rows"], found["columns"], found["more"]) if part)
    return Quotient(f, x, y, indices)


def _splits(text: str) -> list[int]:
    return [i for i, c in enumerate(text) if c == "d" and 0 < i < len(text) - 1]


def written_over(text: str, names: Mapping[str, Any], derive: Derive) -> tuple[str, dict[str, Any]]:
    """`text` with names instead of quotients, and what these stand for.

    `derive` gives the value of a quotient, or None for one that is an ordinary quotient of names.
    """
    values: dict[str, Any] = {}

    def name(found: re.Match[str]) -> str:
        quotient = read_quotient(found, names)
        if quotient is None:
            return found[0]
        key = alias(quotient)
        if key not in values:
            value = derive(quotient)
            if value is None:
                return found[0]
            values[key] = value
        inner = ",".join(part[1:-1] for part in quotient.indices)
        return (key + (f"[{inner}]" if inner else "")).ljust(len(found[0]))

    return _QUOTIENT.sub(name, plain(text)), values


def label_alias(text: Any, names: Mapping[str, Any]) -> str | None:
    """The name that stands for the derivative that a whole left side is, all its entries included."""
    found = _QUOTIENT.fullmatch(plain(text).strip()) if isinstance(text, str) else None
    quotient = read_quotient(found, names) if found else None
    if quotient is None:
        return None
    items = [item.strip() for part in quotient.indices for item in part[1:-1].split(",")]
    return alias(quotient) if len(set(items)) == len(items) and all(i.isidentifier() for i in items) else None
