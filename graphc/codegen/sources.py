"""The source of kernels, for modules that import NumPy alone."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError

ANNOTATION = re.compile(r"\s*->\s*Any|:\s*Any\b(\s*=\s*)?")


def function_sources(functions: Iterable[Callable[..., Any]]) -> list[str]:
    """The sources of `functions` and of what they call, helpers first, without annotations.

    Raises
    ------
    UnsupportedError
        If the source of a function cannot be found, or is no ``def``.
    """
    found: dict[str, str] = {}
    for function in functions:
        _collect(function, found)
    return list(found.values())


def _collect(function: Callable[..., Any], found: dict[str, str]) -> None:
    name = function.__name__
    if name in found or is_numpy(function):
        return
    assert isinstance(function, FunctionType)
    for used in function.__code__.co_names:
        helper = function.__globals__.get(used)
        if isinstance(helper, FunctionType) and helper is not function:
            _collect(helper, found)
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        source = ""
    if not source.startswith("def "):
        raise UnsupportedError(f"the source of the kernel {name} cannot be emitted; define it with def in a file")
    found[name] = ANNOTATION.sub(lambda match: "=" if match.group(1) else "", source).rstrip()


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
