"""Trigonometric and hyperbolic functions and their inverses, and rounding."""

from __future__ import annotations

import numpy as np

from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import call, elementwise

INSIDE = ((-0.9, 0.9),)

tan = elementwise(
    "tan", "tan(x)", lambda x, y: 1 + y**2, np.tan, latex=r"\tan {0}", domain=((-1.2, 1.2),), summary="Tangent."
)
sinh = elementwise(
    "sinh", "sinh(x)", lambda x, y: call("cosh", x), np.sinh, latex=r"\sinh {0}", summary="Hyperbolic sine."
)
cosh = elementwise(
    "cosh",
    "cosh(x)",
    lambda x, y: call("sinh", x),
    np.cosh,
    latex=r"\cosh {0}",
    summary="Hyperbolic cosine, at least 1.",
)
arcsin = elementwise(
    "arcsin",
    "asin(x)",
    lambda x, y: 1 / sqrt(1 - x**2),
    np.arcsin,
    latex=r"\arcsin {0}",
    domain=INSIDE,
    summary="Inverse sine, of numbers in [-1, 1].",
)
arccos = elementwise(
    "arccos",
    "acos(x)",
    lambda x, y: -1 / sqrt(1 - x**2),
    np.arccos,
    latex=r"\arccos {0}",
    domain=INSIDE,
    summary="Inverse cosine, of numbers in [-1, 1].",
)
arctan = elementwise(
    "arctan", "atan(x)", lambda x, y: 1 / (1 + x**2), np.arctan, latex=r"\arctan {0}", summary="Inverse tangent."
)
arcsinh = elementwise(
    "arcsinh", "asinh(x)", lambda x, y: 1 / sqrt(1 + x**2), np.arcsinh, summary="Inverse hyperbolic sine."
)
arccosh = elementwise(
    "arccosh",
    "acosh(x)",
    lambda x, y: 1 / sqrt(x**2 - 1),
    np.arccosh,
    domain=((1.2, 3.0),),
    summary="Inverse hyperbolic cosine, of numbers from 1 up.",
)
arctanh = elementwise(
    "arctanh",
    "atanh(x)",
    lambda x, y: 1 / (1 - x**2),
    np.arctanh,
    domain=INSIDE,
    summary="Inverse hyperbolic tangent, of numbers in (-1, 1).",
)
