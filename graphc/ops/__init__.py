"""The vocabulary: every op in one record, in one registry; importing this package fills it."""

from graphc.ops import (
    arithmetic,
    contraction,
    convolution,
    defined,
    elementwise,
    leaves,
    linalg,
    normalization,
    products,
    protocols,
    recurrent,
    reductions,
    special,
    statistics,
    trigonometric,
    windows,
)

__all__ = [
    "arithmetic",
    "contraction",
    "convolution",
    "defined",
    "elementwise",
    "leaves",
    "linalg",
    "normalization",
    "products",
    "protocols",
    "recurrent",
    "reductions",
    "special",
    "statistics",
    "trigonometric",
    "windows",
]
