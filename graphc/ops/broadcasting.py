"""Shape rules shared by many ops, and the sentences they fail with."""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import sympy

import graphc.ir.expr as ir
from graphc.errors import ShapeError
from graphc.ir.dims import Dim, Shape, compare, shape_text, whole
from graphc.ir.expr import Expr

PACKAGE = str(Path(ir.__file__).parent.parent) + os.sep
COMMANDS = os.path.join(PACKAGE, "cli", "")
LIBRARIES = tuple({os.path.join(sysconfig.get_path(p), "") for p in ("stdlib", "purelib", "platlib")})


def user_line() -> str:
    """``file.py:12``, the innermost line that the user wrote; empty when there is none, as at the command line."""
    for frame in outwards(sys._getframe(1)):
        name = frame.f_code.co_filename
        if name.startswith(COMMANDS):
            return ""
        if not name.startswith((PACKAGE, *LIBRARIES, "<frozen")):
            return f"{Path(name).name}:{frame.f_lineno}"
    return ""


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """`frame` and those of its callers."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def warn_user(message: str, category: type[Warning]) -> None:
    """A warning that points at the line which called graphc."""
    calls = outwards(sys._getframe(1))
    inside = sum(1 for _ in itertools.takewhile(lambda frame: frame.f_code.co_filename.startswith(PACKAGE), calls))
    warnings.warn(message, category, stacklevel=2 + inside)


def declared_at() -> str:
    line = user_line()
    return f" (written at {line})" if line else ""


def brief(expr: Expr) -> str:
    """`expr` as text, short enough for a message."""
    text = str(expr)
    return text if len(text) <= 60 else text[:57] + "..."


def enclosed(expr: Expr) -> str:
    """`expr` as text that can be an operand: a sum stands in brackets."""
    text = brief(expr)
    return f"({text})" if expr.op.name == "add" else text


def unify(a: Dim, b: Dim, conditions: list[tuple[Dim, Dim]]) -> bool:
    """Whether two sizes can be equal; an undecided pair is added to `conditions`."""
    if a is b:
        return True
    verdict = compare(a, b)
    if verdict == "unknown":
        pair = (a, b) if str(a) <= str(b) else (b, a)
        if pair not in conditions:
            conditions.append(pair)
    return verdict != "different"


def one_shape(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    """The condition of an op whose operands have one shape."""
    for operand in node.operands[1:]:
        yield from zip(node.operands[0].shape, operand.shape, strict=True)


def leading(node: Expr, g: Expr) -> Shape:
    """The axes that a stack of cotangents `g` of `node` has beyond the node's own."""
    return g.shape[: g.ndim - node.ndim]


def broadcast_shapes(shapes: list[Shape], conditions: list[tuple[Dim, Dim]]) -> Shape | None:
    """The common shape under NumPy's rules (only a literal 1 stretches), or None if there is none."""
    rank = max(map(len, shapes), default=0)
    out: list[Dim] = [1] * rank
    for shape in shapes:
        for i, dim in enumerate(shape, rank - len(shape)):
            if dim == 1:
                continue
            if out[i] == 1:
                out[i] = dim
            elif not unify(out[i], dim, conditions):
                return None
    return tuple(out)


def broadcast_error(operator: str, a: Expr, b: Expr) -> ShapeError:
    """The sentence for two operands of an infix operator, or of a function of that name."""
    ta, tb = brief(a), brief(b)
    written = f"{operator}({ta}, {tb})" if operator.isidentifier() else f"{ta} {operator} {tb}"
    return ShapeError(
        f"{written}: the shapes do not broadcast: {ta} is {shape_text(a.shape)}, "
        f"{tb} is {shape_text(b.shape)}; sizes must be equal from the right, or one of them a literal 1{declared_at()}"
    )


def normalize_axes(axis: Any, x: Expr, function: str) -> tuple[int, ...]:
    """Axes of `x` as a sorted tuple of non-negative integers; None means all.

    Raises
    ------
    ShapeError
        For an axis out of range, given twice, or no integer.
    """
    ndim = x.ndim
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = []
    for a in given:
        if isinstance(a, (bool, sympy.Basic)) or not hasattr(a, "__index__"):
            raise ShapeError(
                f"{function}({brief(x)}): axis must be an integer, a tuple of integers or None, got {axis!r}"
                f"{declared_at()}"
            )
        a = whole(a)  # noqa: PLW2901 - the same axis as an int
        if not -ndim <= a < ndim:
            raise ShapeError(
                f"{function}({brief(x)}): axis {a} is out of range for an array with {ndim} axes{declared_at()}"
            )
        found.append(a % ndim)
    if len(set(found)) < len(found):
        raise ShapeError(f"{function}({brief(x)}): axis {axis!r} names an axis twice{declared_at()}")
    return tuple(sorted(found))
