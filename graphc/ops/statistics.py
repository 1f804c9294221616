"""Variance, standard deviation, clipping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, integer
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact, closure
from graphc.ir.op import Op
from graphc.ops.arguments import flag
from graphc.ops.arithmetic import sqrt
from graphc.ops.broadcasting import brief, declared_at, normalize_axes
from graphc.ops.defined import defined, mean
from graphc.ops.elementwise import maximum, minimum
from graphc.ops.leaves import as_expr, size
from graphc.ops.notation import notation
from graphc.ops.products import sum as sum_
from graphc.ops.ranges import at_most
from graphc.ops.reductions import entries


def _var_body(node: Expr) -> Expr:
    (x,) = node.operands
    axes, keepdims, ddof = node.attributes["axis"], node.attributes["keepdims"], node.attributes.get("ddof", 0)
    squares = sum_((x - mean(x, axis=axes, keepdims=True)) ** 2, axis=axes, keepdims=keepdims)
    result: Expr = squares / (size(_count(node)) - ddof)
    return result


def _count(node: Expr) -> Dim:
    (x,) = node.operands
    return entries(tuple(x.shape[a] for a in node.attributes["axis"]))


def _enough(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    """Less than no entries would be divided by a number below 0."""
    if "ddof" in node.attributes:
        yield from at_most(node.attributes["ddof"], _count(node))


EXAMPLES = (("{0}(x)", {"x": ("n",)}), ("{0}(X, axis=0, keepdims=True)", {"X": ("n", "m")}))

VAR = defined(
    "var",
    _var_body,
    opens=True,
    conditions=_enough,
    facts=lambda node: closure([Fact("nonnegative")]),
    latex=r"\operatorname{{var}}({0})",
    examples=tuple((text.format("var"), names) for text, names in EXAMPLES),
    summary="The mean of the squared differences from the mean.",
)
STD = defined(
    "std",
    lambda node: sqrt(_var_body(node)),
    opens=True,
    conditions=_enough,
    facts=lambda node: closure([Fact("nonnegative")]),
    latex=r"\operatorname{{std}}({0})",
    examples=tuple((text.format("std"), names) for text, names in EXAMPLES),
    summary="The square root of the variance.",
)


def _deviation(op: Op, x: Any, axis: Any, ddof: Any, keepdims: bool) -> Expr:
    x = as_expr(x)
    axes = normalize_axes(axis, x, op.name)
    less = integer(ddof)
    if less is None:
        raise ShapeError(f"{op.name}({brief(x)}): ddof must be a whole number, got {ddof!r}{declared_at()}")
    return (
        make(op, (x,), axis=axes, keepdims=flag(keepdims, f"{op.name}(keepdims=)"), ddof=less or None)
        if axes
        else x * 0
    )


@notation
def var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Expr:
    """The variance over `axis` (default: all), the squares divided by their number less `ddof`, as ``numpy.var``."""
    return _deviation(VAR, x, axis, ddof, keepdims)


@notation
def std(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Expr:
    """The standard deviation over `axis`, the square root of `var`, as ``numpy.std``."""
    return _deviation(STD, x, axis, ddof, keepdims)


@notation
def clip(x: Any, lo: Any, hi: Any) -> Expr:
    """``minimum(maximum(x, lo), hi)``; None leaves a side open. On a bound the derivative is that of `x`."""
    found = as_expr(x)
    if lo is not None:
        found = maximum(found, lo)
    return found if hi is None else minimum(found, hi)
