"""The Kronecker product: every entry of one array times the whole of the other, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, make
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.defined import defined
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation
from graphc.ops.products import einsum, outer
from graphc.ops.reductions import reshape


def _body(node: Expr) -> Expr:
    a, b = node.operands
    blocks = einsum("ij,kl->ikjl", a, b) if a.ndim == 2 else outer(a, b)
    return reshape(blocks, tuple(p * q for p, q in zip(a.shape, b.shape, strict=True)))


KRON = defined(
    "kron",
    _body,
    kernel=np.kron,
    opens=True,
    latex=r"{0} \otimes {1}",
    domain=((-2.0, 2.0),) * 2,
    summary="The Kronecker product of two vectors or two matrices.",
    examples=(
        ("kron(a, b)", {"a": ("m",), "b": ("n",)}),
        ("kron(A, B)", {"A": ("m", "n"), "B": ("k", "l")}),
    ),
)


@notation
def kron(a: Any, b: Any) -> Expr:
    """The Kronecker product of two vectors or two matrices, as ``numpy.kron``: (m, n) and (k, l) give (m*k, n*l).

    Raises
    ------
    ShapeError
        If the operands are not both vectors or both matrices.
    """
    a, b = as_expr(a), as_expr(b)
    if a.ndim != b.ndim or a.ndim not in (1, 2):
        raise ShapeError(
            f"kron({brief(a)}, {brief(b)}): both must be vectors or both matrices, got {shape_text(a.shape)} and "
            f"{shape_text(b.shape)}{declared_at()}"
        )
    return make(KRON, (a, b))
