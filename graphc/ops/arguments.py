"""What functions of the public face take: expressions, sequences of them, and mappings from names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import SettingError, UnsupportedError
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
    try:
        items = None if isinstance(value, str) else list(value)
    except TypeError:
        items = None
    return [expression(value, function)] if items is None else [expression(v, function) for v in items]


def signature_of(function: Any, what: str) -> inspect.Signature:
    """The parameters of a function that a user gave.

    Raises
    ------
    UnsupportedError
        Where Python does not tell them, as for many built-in classes.
    """
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise UnsupportedError(f"{what}: the parameters of {shown(function)} are not known; give a def") from None


def flag(value: Any, what: str) -> bool:
    """`value`, if it is a truth value (or 0 or 1)."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise UnsupportedError(f"{what} must be True or False, got {shown(value)}")


def assumed_sizes(value: Any, function: str) -> dict[str, int]:
    """Sizes by the names of dimensions, as `compile` and `emit` take them for decisions of cost."""
    if value is None:
        return {}
    given = dict(by_name(value, f"{function}(sizes=)"))
    for name, size in given.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
            raise SettingError(f"{function}(sizes=): the size {name} must be a whole number, got {shown(size)}")
    return {name: int(size) for name, size in given.items()}


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
