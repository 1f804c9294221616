"""Linear algebra: inverse, determinant, solving; over the last two axes, as NumPy's.

The derivatives are those of Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), written in batched products, so that they can be differentiated again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.ir.dims import Shape, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import TYING, Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops.arithmetic import broadcast, multiply
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, leading, unify
from graphc.ops.elementwise import absolute, infer_float, log
from graphc.ops.leaves import as_expr, promote
from graphc.ops.notation import notation
from graphc.ops.products import diag, matmul, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import reshape
from graphc.ops.slicing import index


def logdet_kernel(x: Any) -> Any:
    return np.linalg.slogdet(x)[1]


def det_sign_kernel(x: Any) -> Any:
    return np.linalg.slogdet(x)[0]


def turned(x: Expr) -> Expr:
    """The last two axes exchanged."""
    rank = x.ndim
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def scaled_matrix(g: Expr, x: Expr) -> Expr:
    """A number for each matrix, times the matrix."""
    return multiply(index(g, (Ellipsis, None, None)), x)


def _infer_number(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return shape[:-2], dtype


def _inv_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    y = turned(node)
    return (-matmul(matmul(y, g), y),)


def _inv_facts(node: Expr) -> frozenset[Fact]:
    known = node.operands[0].op.facts(node.operands[0])
    return closure([Fact("invertible"), *(f for f in known if f.name in TYING)])


def _det_facts(node: Expr) -> frozenset[Fact]:
    known = node.operands[0].op.facts(node.operands[0])
    return closure([Fact("positive")] if Fact("spd") in known else [])


INV = register(
    Op(
        "inv",
        infer_float,
        kernel=np.linalg.inv,
        vjp=_inv_vjp,
        facts=_inv_facts,
        mirror="turns",
        degrees=(-1,),
        diagonal=lambda node, v: diag(1 / v),
        latex=r"{0}^{{-1}}",
        examples=(("inv(X + 4*eye(n))", {"X": ("n", "n")}), ("inv(X + 4*eye(n))", {"X": ("m", "n", "n")})),
        summary="The inverse of a square matrix.",
    )
)
DET = register(
    Op(
        "det",
        _infer_number,
        kernel=np.linalg.det,
        vjp=lambda node, g: (scaled_matrix(g * node, turned(inv(node.operands[0]))),),
        latex=r"\det {0}",
        facts=_det_facts,
        mirror="stays",
        examples=(("det(X + 4*eye(n))", {"X": ("n", "n")}), ("det(X + 4*eye(n))", {"X": ("m", "n", "n")})),
        summary="The determinant of a square matrix.",
    )
)
LOGDET = register(
    Op(
        "logdet",
        _infer_number,
        kernel=logdet_kernel,
        vjp=lambda node, g: (scaled_matrix(g, turned(inv(node.operands[0]))),),
        latex=r"\log\left|\det {0}\right|",
        mirror="stays",
        diagonal=lambda node, v: sum_(log(absolute(v))),
        examples=(("logdet(X + 4*eye(n))", {"X": ("n", "n")}), ("logdet(X - 4*eye(n))", {"X": ("m", "n", "n")})),
        summary="The logarithm of the absolute value of the determinant.",
    )
)

DET_SIGN = register(
    Op(
        "det_sign",
        _infer_number,
        kernel=det_sign_kernel,
        vjp=lambda node, g: (None,),
        latex=r"\operatorname{{sign}}\left|{0}\right|",
        mirror="stays",
        examples=(("det_sign(X + 4*eye(n))", {"X": ("n", "n")}), ("det_sign(X - 4*eye(n))", {"X": ("m", "n", "n")})),
        summary="The sign of the determinant; its derivative is taken as 0.",
    )
)


def square(what: str, x: Any) -> Expr:
    found = as_expr(x)
    if found.ndim < 2 or not unify(found.shape[-1], found.shape[-2], []):
        raise ShapeError(f"{what}({brief(found)}): needs a square matrix, got {shape_text(found.shape)}{declared_at()}")
    return found


@notation
def inv(x: Any) -> Expr:
    """The inverse of a square matrix, or of each of a stack of them, as ``numpy.linalg.inv``."""
    return make(INV, (square("inv", x),))


@notation
def det(x: Any) -> Expr:
    """The determinant of a square matrix (shape ()), or of each of a stack of them, as ``numpy.linalg.det``."""
    return make(DET, (square("det", x),))


@notation
def det_sign(x: Any) -> Expr:
    """The sign of the determinant, -1, 0 or 1, without overflow, of a square matrix or of each of a stack of them."""
    return make(DET_SIGN, (square("det_sign", x),))


@notation
def logdet(x: Any) -> Expr:
    """``log|det x|`` without overflow, of a square matrix or of each of a stack of them."""
    return make(LOGDET, (square("logdet", x),))


def _infer_solve(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    a, b = operands
    dtype = promote(operands)
    dtype = "float64" if dtype == "int64" else dtype
    if b.ndim == 1:
        return (*a.shape[:-2], *b.shape), dtype
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]], [])
    assert batch is not None
    return (*batch, *b.shape[-2:]), dtype


def _solve_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """With y = A^-1 b: b gets u = A^-T g, A gets -u y^T."""
    a, b = node.operands
    u = _solved(turned(a), g, leading(node, g))
    if b.ndim > 1:
        return -matmul(u, turned(node)), u
    return -multiply(index(u, (Ellipsis, None)), node), u


def _solved(a: Expr, g: Expr, lead: Shape) -> Expr:
    """``solve`` for a stack of right sides; those of one matrix become the columns of one right side."""
    if not lead:
        return solve(a, g)
    if a.ndim > 2:
        return solve(broadcast(a, lead + a.shape), g)
    count = len(lead)
    front = (count, *range(count), *range(count + 1, g.ndim))
    columns = transpose(g, front)
    flat = solve(a, reshape(columns, (a.shape[0], -1)))
    return transpose(reshape(flat, columns.shape), tuple(front.index(i) for i in range(g.ndim)))


SOLVE = register(
    Op(
        "solve",
        _infer_solve,
        kernel=np.linalg.solve,
        vjp=_solve_vjp,
        latex=r"{0}^{{-1}} {1}",
        degrees=(-1, 1),
        conditions=lambda node: [(node.operands[0].shape[-1], node.operands[1].shape[-2:][0])],
        examples=(
            ("solve(A + 4*eye(n), b)", {"A": ("n", "n"), "b": ("n",)}),
            ("solve(A + 4*eye(n), B)", {"A": ("n", "n"), "B": ("n", "m")}),
            ("solve(A + 4*eye(n), B)", {"A": ("k", "n", "n"), "B": ("k", "n", "m")}),
            ("solve(A + 4*eye(n), B)", {"A": ("k", "n", "n"), "B": ("n", "m")}),
            ("solve(A + 4*eye(n), B)", {"A": ("n", "n"), "B": ("k", "n", "m")}),
            ("solve(A + 4*eye(n), b)", {"A": ("k", "n", "n"), "b": ("n",)}),
        ),
        summary="The solution y of A @ y = b.",
    )
)


@notation
def solve(A: Any, b: Any) -> Expr:
    """The solution of ``A @ y = b``, as ``numpy.linalg.solve``.

    Parameters
    ----------
    A : Expr of shape (..., n, n)
    b : Expr of shape (n,), one vector for all matrices, or (..., n, m); leading axes broadcast against those of `A`

    Raises
    ------
    ShapeError
        If `A` is not square or the sizes differ.
    """
    a, right = square("solve", A), as_expr(b)
    batch = broadcast_shapes([a.shape[:-2], right.shape[:-2]], [])
    if not right.ndim or batch is None or not unify(a.shape[-1], right.shape[-2:][0], []):
        raise ShapeError(
            f"solve({brief(a)}, {brief(right)}): the right side must be (n,) or (..., n, m) for matrices (..., n, n), "
            f"and leading axes must broadcast; got {shape_text(a.shape)} and {shape_text(right.shape)}{declared_at()}"
        )
    if right.ndim == 1 and a.ndim > 2:
        return index(solve(a, index(right, (slice(None), None))), (Ellipsis, 0))
    if a.ndim == 2 and right.ndim > 2:
        return _solved(a, right, right.shape[:-2])
    if right.ndim > 1:
        a, right = broadcast(a, batch + a.shape[-2:]), broadcast(right, batch + right.shape[-2:])
    return make(SOLVE, (a, right))
