"""Claims as people write them: text with or without ``dW =``, an expression, or a NumPy function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from graphc.errors import FormulaError, UnknownNameError, UnsupportedError
from graphc.frontend.parse import parse
from graphc.ir.dims import dim_names, dim_symbol
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL, as_expr

LABEL = re.compile(r"\s*[\w∂∇ ./()]+(?<![=<>!])=(?!=)")
_OPERATION = re.compile(r"[+\-*@]|\w\(")


def names_in_play(exprs: Iterable[Expr]) -> dict[str, Any]:
    """Symbols, named intermediates and sizes below `exprs`, by name, as `parse` takes them."""
    found: dict[str, Any] = {}
    sizes: dict[str, Any] = {}
    for node in topological(exprs):
        if node.op in (SYMBOL, PARAMETER, NAMED):
            found.setdefault(node.attributes["name"], node)
        sizes.update((name, dim_symbol(name)) for name in dim_names(node.shape))
    return {**sizes, **found}


def unlabelled(text: str) -> str:
    """The formula of the last line without a label such as ``dW =`` or ``df/dW =``."""
    *lines, last = text.strip().split("\n")
    found = LABEL.match(last)
    if found and not _OPERATION.search(found[0]):
        last = last[found.end() :].strip()
    return "\n".join([*lines, last])


def read(claim: Any, names: Mapping[str, Any]) -> Expr:
    """A claim as an expression.

    Raises
    ------
    FormulaError, UnknownNameError, ShapeError
        As `parse` raises them.
    UnsupportedError
        For something that is neither text, nor an expression, nor a number or an array.
    """
    if isinstance(claim, Expr):
        return claim
    if isinstance(claim, str):
        return parse(unlabelled(claim), **names)
    if callable(claim):
        raise UnsupportedError("a Python function cannot be read as a formula")
    return as_expr(claim)


def caller(function: Callable[..., Any], names: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Expr]]:
    """A NumPy function, and the expressions whose values its arguments take, by name.

    Raises
    ------
    UnknownNameError
        If an argument is called like nothing in play.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UnsupportedError(f"the arguments of {function!r} cannot be read; wrap it in a def or lambda") from None
    wanted = {}
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise FormulaError(f"{p.name}: a function to be checked needs arguments with the names of symbols")
        if p.name in names:
            wanted[p.name] = as_expr(names[p.name])
        elif p.default is p.empty:
            known = ", ".join(sorted(names))
            raise UnknownNameError(f"the argument {p.name} is called like nothing in play; known names: {known}")

    def call(values: Mapping[str, Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return np.asarray(function(**values), dtype=float)
        except Exception as error:  # whatever the user's function raises
            raise UnsupportedError(
                f"the claim {getattr(function, '__name__', function)} cannot be computed at an example: "
                f"{type(error).__name__}: {error}"
            ) from error

    return call, wanted
