"""Gated linear units: one half of an axis lets the other through."""

from __future__ import annotations

from typing import Any

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, as_dim
from graphc.ir.expr import Expr, make
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.defined import defined, one_axis
from graphc.ops.elementwise import sigmoid
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation
from graphc.ops.slicing import index


def _half(x: Expr, axis: int) -> Dim:
    found = sympy.sympify(x.shape[axis]) / 2
    if not found.is_integer:
        raise ShapeError(
            f"glu({brief(x)}): axis {axis} of size {x.shape[axis]} is not provably even, so it has no halves; declare "
            f"it as 2*d{declared_at()}"
        )
    return as_dim(found)


def _body(node: Expr) -> Expr:
    (x,) = node.operands
    axis = node.attributes["axis"]
    half, before = _half(x, axis), (slice(None),) * (x.ndim + axis)
    value, gate = index(x, (*before, slice(None, half))), index(x, (*before, slice(half, None)))
    result: Expr = value * sigmoid(gate)
    return result


GLU = defined(
    "glu",
    _body,
    opens=True,
    defaults={"axis": -1},
    replaceable=True,
    examples=(("glu(x)", {"x": ("n", "2*d")}), ("glu(x, axis=0)", {"x": (4, "n")})),
    summary="The first half along an axis times the sigmoid of the second.",
)


@notation
def glu(x: Any, axis: int = -1) -> Expr:
    """``a*sigmoid(b)`` for the halves a and b of `x` along `axis` (Dauphin et al. 2017; PyTorch's ``glu``).

    Raises
    ------
    ShapeError
        If the size of the axis is not provably even.
    """
    array = as_expr(x)
    place = one_axis(array, axis, "glu")
    _half(array, place)
    return make(GLU, (array,), axis=place)
