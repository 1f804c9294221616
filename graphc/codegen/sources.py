"""The source of kernels, for modules that import NumPy alone."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError

LITERALS = (int, float, str, tuple, frozenset, type(None))


def function_sources(functions: Iterable[Callable[..., Any]]) -> list[str]:
    """The sources of `functions` and of what they use, helpers and constants first, without annotations.

    Raises
    ------
    UnsupportedError
        If the source of a function cannot be found, is no ``def``, or uses what is neither NumPy nor its own.
    """
    found: dict[str, tuple[Any, str]] = {}
    for function in functions:
        _collect(function, found)
    return [source for _, source in found.values()]


def called(functions: Mapping[str, Callable[..., Any]], lines: Iterable[str]) -> list[Callable[..., Any]]:
    """Those of the functions, by name, that lines of code call."""
    text = "\n".join(lines)
    return [function for name, function in functions.items() if f"{name}(" in text]


def _collect(function: Callable[..., Any], found: dict[str, tuple[Any, str]]) -> None:
    """Add what `function` uses, then its source; `found` has values by name."""
    name = function.__name__
    if is_numpy(function) or _there(name, function, found):
        return
    assert isinstance(function, FunctionType)
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        source = ""
    if not source.startswith("def "):
        raise UnsupportedError(f"the source of the kernel {name} cannot be emitted; define it with def in a file")
    known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    tree = ast.parse(source)
    for used in _names(tree):
        value = known.get(used, np)
        if isinstance(value, FunctionType):
            if value is not function:
                _collect(value, found)
        elif isinstance(value, LITERALS):
            if not _there(used, value, found):
                found[used] = value, f"{used} = {value!r}"
        elif value is not np and getattr(builtins, used, None) is not value:
            raise UnsupportedError(
                f"the source of the kernel {name} cannot be emitted: it uses {used}, which is not NumPy's; "
                "write it with NumPy alone"
            )
    found[name] = function, _bare(source, tree).rstrip()


def _there(name: str, value: Any, found: Mapping[str, tuple[Any, str]]) -> bool:
    """Whether `value` is found already; what is called the same must be the same."""
    if name in found and found[name][0] is not value and found[name][0] != value:
        raise UnsupportedError(f"two things that kernels use are called {name}; rename one of them")
    return name in found


def _bare(source: str, tree: ast.Module) -> str:
    """The source without the annotations of arguments and results."""
    text = source.encode()  # the places of a tree count bytes
    starts = [0, *(i + 1 for i, byte in enumerate(text) if byte == ord("\n"))]
    cuts: list[tuple[int, int, bytes]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            begin = starts[node.lineno - 1] + node.col_offset + len(node.arg.encode())
            end = starts[(node.annotation.end_lineno or 1) - 1] + (node.annotation.end_col_offset or 0)
            default = re.match(rb"\s*=\s*", text[end:])
            cuts.append((begin, end + (default.end() if default else 0), b"=" if default else b""))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            before = text[: starts[node.returns.lineno - 1] + node.returns.col_offset]
            end = starts[(node.returns.end_lineno or 1) - 1] + (node.returns.end_col_offset or 0)
            cuts.append((len(before[: before.rindex(b"->")].rstrip()), end, b""))
    for begin, end, instead in sorted(cuts, reverse=True):
        text = text[:begin] + instead + text[end:]
    return text.decode()


def _names(tree: ast.Module) -> Iterator[str]:
    """The names that a function reads and does not bind itself, annotations left out, each once."""
    stack: list[ast.AST] = [tree]
    read: dict[str, None] = {}
    bound: set[str] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read[node.id] = None
            else:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
            continue
        for field, value in ast.iter_fields(node):
            if field not in ("annotation", "returns"):
                stack += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, ast.AST)]
    return (name for name in read if name not in bound)


def is_numpy(function: Any) -> bool:
    """Whether a function can be called as a function of NumPy."""
    return numpy_name(function) is not None


def numpy_name(function: Any) -> str | None:
    """``np.tril`` or ``np.linalg.inv`` for a function of NumPy, None for any other."""
    name = getattr(function, "__name__", "")
    for prefix, module in (("np", np), ("np.linalg", np.linalg)):
        if name and getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    return None
