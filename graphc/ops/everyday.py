"""Functions of each entry that are short formulas of others, under NumPy's names."""

from __future__ import annotations

from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import equal, greater, log, softplus
from graphc.ops.leaves import as_expr, constant
from graphc.ops.notation import notation
from graphc.ops.reductions import where


@notation
def square(x: Any) -> Expr:
    """``x**2``."""
    return as_expr(x) ** 2


@notation
def reciprocal(x: Any) -> Expr:
    """``1/x``; whole numbers give real ones."""
    return 1 / as_expr(x)


@notation
def exp2(x: Any) -> Expr:
    """``2**x``."""
    return constant(2) ** as_expr(x)


@notation
def log2(x: Any) -> Expr:
    """The logarithm with base 2, ``log(x)/log(2)``."""
    return log(x) / log(2)


@notation
def log10(x: Any) -> Expr:
    """The logarithm with base 10, ``log(x)/log(10)``."""
    return log(x) / log(10)


@notation
def hypot(x: Any, y: Any) -> Expr:
    """``sqrt(x**2 + y**2)``."""
    return sqrt(as_expr(x) ** 2 + as_expr(y) ** 2)


@notation
def logaddexp(x: Any, y: Any) -> Expr:
    """``log(exp(x) + exp(y))`` without overflow: ``y + softplus(x - y)``."""
    found = as_expr(y)
    return found + softplus(as_expr(x) - found)


@notation
def heaviside(x: Any, h: Any) -> Expr:
    """1 where `x` is above 0, 0 where it is below, and `h` where it is 0."""
    found = as_expr(x)
    return where(equal(found, 0), h, where(greater(found, 0), 1, 0))
