"""Sizes solved from compound ones."""

from __future__ import annotations

import sympy

from graphc.ir.dims import Dim, dim_symbol


def linear_solution(dim: Dim, name: str, value: sympy.Symbol) -> sympy.Expr | None:
    """The formula for `name` where ``dim == value``; None if `dim` is not linear in it."""
    if isinstance(dim, int) or dim.has(sympy.floor):
        return None
    unknown = dim_symbol(name)
    slope = sympy.diff(dim, unknown)
    if slope.has(unknown) or slope == 0:
        return None
    return (value - dim.subs(unknown, 0)) / slope
