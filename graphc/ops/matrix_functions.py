"""Powers, the exponential and the pseudoinverse of matrices, over the last two axes."""

from __future__ import annotations

from numbers import Rational
from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import TYING, Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import matrix_kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, leading, one_shape
from graphc.ops.elementwise import exp, infer_float
from graphc.ops.leaves import as_expr, eye, number, promote
from graphc.ops.linalg import det_sign, inv, logdet, square, turned
from graphc.ops.notation import notation
from graphc.ops.products import diag, matmul

TERMS = 9  # powers whose derivative is written as one sum; that of higher ones goes through their halves


def _matrix_power_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """d X^k = sum of X^i dX X^(k - 1 - i): the sum of (X^T)^i g (X^T)^(k - 1 - i)."""
    (x,), k = node.operands, node.attributes["n"]
    if k > TERMS:  # X^k = X^h X^(k - h)
        h = k // 2
        low, high = matrix_power(x, h), matrix_power(x, k - h)
        through_low = matmul(g, turned(high))
        through_high = matmul(turned(low), g)
        (a,), (b,) = _power_vjp(low, through_low), _power_vjp(high, through_high)
        return (a + b,)
    y = turned(x)
    total = matmul(g, matrix_power(y, k - 1)) + matmul(matrix_power(y, k - 1), g)
    for i in range(1, k - 1):
        total = total + matmul(matmul(matrix_power(y, i), g), matrix_power(y, k - 1 - i))
    return (total,)


def _power_vjp(node: Expr, g: Expr) -> tuple[Expr]:
    (found,) = _matrix_power_vjp(node, g)
    assert found is not None
    return (found,)


MATRIX_POWER = register(
    Op(
        "matrix_power",
        infer_float,
        kernel=np.linalg.matrix_power,
        vjp=_matrix_power_vjp,
        positional=("n",),
        mirror="turns",
        diagonal=lambda node, v: diag(v ** node.attributes["n"]),
        defaults={},
        latex=r"{0}^{{{n}}}",
        facts=lambda node: closure(f for f in node.operands[0].op.facts(node.operands[0]) if f.name in TYING),
        examples=(("matrix_power(X, 3)", {"X": ("n", "n")}), ("matrix_power(X, 5)", {"X": ("m", "n", "n")})),
        summary="A square matrix times itself, three or more times.",
    )
)


@notation
def matrix_power(x: Any, n: Any) -> Expr:
    """The product of n times a square matrix, as ``numpy.linalg.matrix_power``: of the inverse for n < 0.

    Parameters
    ----------
    x : Expr of shape (..., m, m)
    n : int
        A literal whole number. 0 gives the identity, 2 is ``x @ x``.

    Raises
    ------
    ShapeError
        If `x` is not square.
    UnsupportedError
        If `n` is not a whole number.
    """
    base, given = square("matrix_power", x), number(n) if isinstance(n, Expr) else n
    if not isinstance(given, Rational) or isinstance(given, bool) or given.denominator != 1:
        raise UnsupportedError(f"matrix_power: the exponent must be a literal whole number, got {n!s}{declared_at()}")
    k = int(given.numerator)
    if k < 0:
        return matrix_power(inv(base), -k)
    if k == 0:
        return broadcast(eye(base.shape[-1]), base.shape)
    if k == 1:
        return base
    return matmul(base, base) if k == 2 else make(MATRIX_POWER, (base,), n=k)


def _expm_facts(node: Expr) -> frozenset[Fact]:
    """The exponential of a symmetric matrix is positive definite, that of a triangular one is triangular."""
    known = node.operands[0].op.facts(node.operands[0])
    kept = [f for f in known if f.name in ("lower_triangular", "upper_triangular", "diagonal")]
    return closure([*kept, Fact("spd") if Fact("symmetric") in known else Fact("invertible")])


EXPM = register(
    Op(
        "expm",
        infer_float,
        kernel=matrix_kernels.expm,
        vjp=lambda node, g: (expm_frechet(turned(node.operands[0]), g),),
        latex=r"e^{{{0}}}",
        mirror="turns",
        diagonal=lambda node, v: diag(exp(v)),
        facts=_expm_facts,
        examples=(("expm(X)", {"X": ("n", "n")}), ("expm(3*X)", {"X": ("m", "n", "n")})),
        summary="The exponential of a square matrix, the sum of X^k/k!.",
    )
)


@notation
def expm(x: Any) -> Expr:
    """The matrix exponential of a square matrix or of each of a stack, as ``scipy.linalg.expm``.

    Computed by scaling and squaring with a Pade approximant (Higham 2005), in the dtype of `x`.
    """
    return make(EXPM, (square("expm", x),))


def _infer_frechet(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    dtype = promote(operands)
    return operands[0].shape, "float64" if dtype == "int64" else dtype


def _frechet_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """<g, L(A; E1, E2)> = <L(A^T; g, E2^T), E1>, and by A it is <L(A^T; g, E1^T, E2^T), dA>."""
    count, lead = len(node.operands) - 1, leading(node, g)
    y, *flipped = (broadcast(turned(x), lead + x.shape) for x in node.operands)
    by_direction = [expm_frechet(y, *flipped[:i], g, *flipped[i + 1 :]) for i in range(count)]
    return expm_frechet(y, *flipped, g), *by_direction


EXPM_FRECHET = register(
    Op(
        "expm_frechet",
        _infer_frechet,
        kernel=matrix_kernels.expm_frechet,
        vjp=_frechet_vjp,
        conditions=one_shape,
        degrees=(None, 1),
        examples=(
            ("expm_frechet(X, E)", {"X": ("n", "n"), "E": ("n", "n")}),
            ("expm_frechet(X, E, D)", {"X": ("m", "n", "n"), "E": ("m", "n", "n"), "D": ("m", "n", "n")}),
        ),
        summary="The derivative of expm along directions: linear and symmetric in them.",
    )
)


@notation
def expm_frechet(x: Any, *directions: Any) -> Expr:
    """The derivative of ``expm(x + s*E + t*D + ...)`` by s, t, ... at 0: the Frechet derivative of order one or more.

    It is linear in each direction and does not depend on their order. Computed as a block of a larger exponential
    (Mathias 1996). Leading axes broadcast.

    Raises
    ------
    ShapeError
        If an operand is not square, or the shapes differ.
    """
    base = square("expm_frechet", x)
    moves = [as_expr(e) for e in directions]
    shape = broadcast_shapes([base.shape, *(e.shape for e in moves)], [])
    if not moves or shape is None or any(e.ndim < 2 or e.shape[-2:] != base.shape[-2:] for e in moves):
        got = ", ".join(shape_text(e.shape) for e in moves) or "none"
        raise ShapeError(
            f"expm_frechet({brief(base)}, ...): each direction needs the shape {shape_text(base.shape)} of the matrix, "
            f"got {got}{declared_at()}"
        )
    return make(EXPM_FRECHET, [broadcast(o, shape) for o in (base, *moves)])


def _infer_pinv(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return (*shape[:-2], shape[-1], shape[-2]), dtype


def _pinv_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """-P^T g P^T + (I - X P) g^T P P^T + P^T P g^T (I - P X), for matrices near X that keep its rank."""
    (x,), p, h = node.operands, turned(node), turned(g)
    left = matmul(matmul(h, node), p)
    right = matmul(p, matmul(node, h))
    return (left - matmul(x, matmul(node, left)) + right - matmul(matmul(right, node), x) - matmul(matmul(p, g), p),)


PINV = register(
    Op(
        "pinv",
        _infer_pinv,
        kernel=matrix_kernels.pinv,
        vjp=_pinv_vjp,
        latex=r"{0}^{{+}}",
        mirror="turns",
        degrees=(-1,),
        examples=(("pinv(X)", {"X": ("n", 2)}), ("pinv(X)", {"X": ("m", 2, 3)})),
        summary="The Moore-Penrose inverse of a matrix.",
    )
)


@notation
def pinv(x: Any) -> Expr:
    """The Moore-Penrose inverse of a matrix or of each of a stack, (..., m, n) to (..., n, m).

    As ``numpy.linalg.pinv``, with singular values below ``max(m, n)*eps`` of the largest taken as 0. The derivative is
    that of Golub and Pereyra (1973), for matrices that keep their rank.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.
    """
    found = as_expr(x)
    if found.ndim < 2:
        raise ShapeError(f"pinv({brief(found)}): needs a matrix, got {shape_text(found.shape)}{declared_at()}")
    return make(PINV, (found,))


@notation
def lstsq(a: Any, b: Any) -> Expr:
    """The `x` with the least ``norm(a @ x - b)``, of full rank: ``pinv(a) @ b``, the first value of
    ``numpy.linalg.lstsq``; errors as of `pinv` and ``@``."""
    return matmul(pinv(a), b)


@notation
def slogdet(x: Any) -> tuple[Expr, Expr]:
    """The sign and the logarithm of the absolute value of the determinant, as ``numpy.linalg.slogdet``.

    Returns
    -------
    pair of Expr, `det_sign` and `logdet` of `x`
    """
    return det_sign(x), logdet(x)
