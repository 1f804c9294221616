"""Scalar functions given as NumPy code: ufuncs, and Python functions that act on arrays entry by entry."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.frontend.derivatives import given_partials
from graphc.frontend.templates import replay
from graphc.ir.expr import Expr
from graphc.ir.op import Op
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import one_shape
from graphc.ops.elementwise import infer_float
from graphc.ops.leaves import symbol


def argument_names(name: str, function: Callable[..., Any]) -> list[str]:
    """The arguments of a function of arrays.

    Raises
    ------
    UnsupportedError
        If it takes none, or any number of them.
    """
    if isinstance(function, np.ufunc):
        return ["x"] if function.nin == 1 else [f"x{i}" for i in range(function.nin)]
    parameters = list(inspect.signature(function).parameters.values())
    named = [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if not named or len(named) < len([p for p in parameters if p.default is p.empty]):
        raise UnsupportedError(f"{name}: a function that acts entry by entry takes arrays, each with a name of its own")
    return named


def numeric(name: str, function: Callable[..., Any], derivative: Any) -> tuple[Op, list[str]]:
    """The record of a function of arrays, and the names of its arguments.

    Without a derivative the function can be evaluated and emitted, and a gradient through it is an error.
    """
    names = argument_names(name, function)
    variables, output = [symbol(v) for v in names], symbol("_".join(["value", *names]))
    partials = () if derivative is None else given_partials(name, derivative, variables, output)

    def slopes(*operands: Expr) -> tuple[Expr | None, ...]:
        values = dict(zip([*variables, output], operands, strict=True))
        return tuple(broadcast(replay(p, values), operands[-1].shape) for p in partials)

    def vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        return tuple(None if d is None else g * d for d in slopes(*node.operands, node))

    record = Op(
        name,
        infer_float,
        kernel=function,
        derivative=slopes if partials else None,
        custom=vjp if partials else None,
        formula=f"{name}({', '.join(names)})",
        conditions=one_shape,
        domain=((-2.0, 2.0),) * len(names),
        summary=f"{name}, entry by entry, given as NumPy code.",
    )
    return record, names
