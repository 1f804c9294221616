"""The functions of the formula notation: one table, filled where each function is defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from graphc.ir.expr import behaviour

F = TypeVar("F", bound=Callable[..., Any])

functions: dict[str, Callable[..., Any]] = {}  # of an Expr, or of a tuple or list of them


def notation(function: F) -> F:
    """Make `function` readable in text formulas under its own name, and callable by lower layers."""
    functions[function.__name__] = function
    behaviour[function.__name__] = function
    return function
