"""Claims that are read over names in play: the shape that they have, and SymPy's in graphc's notation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphc.checking.claims import labelled
from graphc.checking.prove import derivative, identity
from graphc.checking.sides import Side
from graphc.errors import DTypeError, FreeIndexError, GraphcError, NameConflictError, ShapeError, UnknownNameError
from graphc.frontend.sympytext import notation
from graphc.ir.expr import Expr

UNREADABLE = (ShapeError, UnknownNameError, NameConflictError, DTypeError, FreeIndexError)


def in_text(f: Expr, x: Expr, claim: Any, names: Mapping[str, Any]) -> str | None:
    """A SymPy claim in the notation, where that says the same; None where it does not, or has nothing for it."""
    text = notation(claim)
    if text is None:
        return None
    try:
        label, formula = labelled(text)
        shape = derivative(f, x).shape
        free = (label.items or ()) if label is not None else ()
        given, read = (_value(Side(source, names, free, shape)) for source in (claim, formula))
    except GraphcError:
        return None
    if given is None or read is None:
        return text if given is read and label is None else None
    same = given.shape == read.shape and identity(given, read) is not None
    return text if same else None


def _value(side: Side) -> Expr | None:
    """What a side stands for; None where its shapes or names do not go together."""
    try:
        return readable(side).expr
    except UNREADABLE:
        return None


def readable(side: Side) -> Side:
    """The side; without the shape that the answer has, where its indices run along others."""
    try:
        side.expr  # noqa: B018 - read here, for its errors
    except ShapeError:
        if not side.shape:
            raise
        return readable(replace(side, shape=None))
    return side
