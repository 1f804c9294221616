"""What a formula may have after a dot: NumPy's methods and sizes of an array, and NumPy's functions after ``np.``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.frontend.values import Several
from graphc.ir.expr import Expr, behaviour
from graphc.ir.methods import ArrayMethods
from graphc.ops.leaves import as_expr, constant, pi, size
from graphc.ops.notation import functions
from graphc.ops.protocols import ALIASES

NUMPY = ("np", "numpy")
CONSTANTS: Mapping[str, Any] = {"pi": pi, "newaxis": None}
ARITHMETIC = ("add", "subtract", "multiply", "divide", "power", "negative")
PROPERTIES: Mapping[str, Callable[[Expr], Any]] = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "ndim": lambda x: constant(x.ndim),
    "size": lambda x: size(x.size),
    "shape": lambda x: Several(size(d) for d in x.shape),
}


def _method(name: str) -> Callable[..., Expr]:
    @functools.wraps(getattr(ArrayMethods, name))
    def call(x: Any, *arguments: Any, **options: Any) -> Expr:
        found: Expr = getattr(as_expr(x), name)(*arguments, **options)
        return found

    call.__name__ = f".{name}"
    return call


def _numpys(name: str) -> Callable[..., Expr]:
    def call(*arguments: Any, **options: Any) -> Expr:
        found: Expr = behaviour["traced"](name, arguments, options)
        return found

    call.__name__ = f"np.{name}"
    return call


def _known_to_numpy() -> list[str]:
    """NumPy's names of what the notation has."""
    named = {name for name in functions if hasattr(np, name) or hasattr(np.linalg, name)}
    return sorted(named | {name for name, own in ALIASES.items() if own in functions} | {*ARITHMETIC})


@functools.cache
def dotted() -> dict[str, Callable[..., Any]]:
    """The functions that are called after a dot, by how they are written: ``.sum``, ``np.sum``."""
    methods = [name for name, f in vars(ArrayMethods).items() if callable(f) and not name.startswith("_")]
    found: dict[str, Callable[..., Any]] = {f".{name}": _method(name) for name in methods}
    return found | {f"np.{name}": _numpys(name) for name in _known_to_numpy()} | {"np.array": as_expr}
