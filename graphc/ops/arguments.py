"""What functions of the public face take: expressions, sequences of them, and mappings from names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr


def expression(value: Any, function: str) -> Expr:
    """`value`, if it is an expression.

    Raises
    ------
    UnsupportedError
        Naming `function` and what came instead.
    """
    if isinstance(value, Expr):
        return value
    hint = "; read text with gc.parse first" if isinstance(value, str) else ""
    raise UnsupportedError(f"{function} needs an expression, got {shown(value)}{hint}")


def expressions(value: Any, function: str) -> list[Expr]:
    """One expression or a sequence of them, as a list."""
    if isinstance(value, Expr):
        return [value]
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [expression(value, function)]
    return [expression(v, function) for v in value]


def by_name(value: Any, function: str) -> Mapping[str, Any]:
    """`value`, if it is a mapping from names."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise UnsupportedError(f"{function}: the keys must be names, got {shown(key)}; use the symbol's name")
        return value
    raise UnsupportedError(f"{function} needs a mapping from names to values, got {shown(value)}")


def shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} of type {type(value).__name__}"
