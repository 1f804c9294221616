"""Cholesky, symmetric eigenvalue and singular value decompositions, over the last two axes.

Functions of a symmetric matrix depend on its symmetric part ``(A + A.T)/2`` alone, and so do their derivatives: the
gradient is symmetric, as if both entries of a pair were free and shared what moves them. (NumPy reads the lower
triangle; of a symmetric matrix the values are the same.)

Derivatives: Murray, "Differentiation of the Cholesky decomposition" (2016); Giles, "Collected matrix derivative
results for forward and reverse mode algorithmic differentiation" (2008); Townsend, "Differentiating the singular value
decomposition" (2016). Those of vectors exist where the eigenvalues (singular values) are distinct.
"""

from __future__ import annotations

from typing import Any

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import matrix_kernels
from graphc.ops.arithmetic import multiply, sqrt
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.elementwise import infer_float
from graphc.ops.leaves import as_expr
from graphc.ops.linalg import inv, square, turned
from graphc.ops.notation import notation
from graphc.ops.products import diag, matmul
from graphc.ops.products import sum as sum_
from graphc.ops.slicing import index

WITH = "X @ X.T + eye(n)"


def symmetric_part(x: Expr) -> Expr:
    return (x + turned(x)) / 2


def columns(x: Expr, factors: Expr) -> Expr:
    """Each column of `x` times its factor."""
    return multiply(x, index(factors, (Ellipsis, None, slice(None))))


def rows(factors: Expr, x: Expr) -> Expr:
    """Each row of `x` times its factor."""
    return multiply(index(factors, (Ellipsis, None)), x)


def _gaps_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """d 1/(w_j - w_i) = -(dw_j - dw_i)/(w_j - w_i)**2."""
    share = g * node**2
    return (sum_(share, axis=-1) - sum_(share, axis=-2),)


TRIL_HALF = register(
    Op(
        "tril_half",
        infer_float,
        kernel=matrix_kernels.tril_half,
        vjp=lambda node, g: (tril_half(g),),
        latex=r"\Phi({0})",
        degrees=(1,),
        diagonal=lambda node, v: diag(v / 2),
        examples=(("tril_half(X)", {"X": ("n", "n")}), ("tril_half(X)", {"X": ("m", "n", "n")})),
        summary="The lower triangle with half the diagonal: the Phi of the derivative of cholesky.",
    )
)
RECIPROCAL_GAPS = register(
    Op(
        "reciprocal_gaps",
        lambda operands, attributes: (operands[0].shape + operands[0].shape[-1:], infer_float(operands, attributes)[1]),
        kernel=matrix_kernels.reciprocal_gaps,
        vjp=_gaps_vjp,
        latex=r"\operatorname{{gaps}}^{{-1}}({0})",
        degrees=(-1,),
        examples=(("reciprocal_gaps(w)", {"w": ("n",)}), ("reciprocal_gaps(w)", {"w": ("m", "n")})),
        summary="1/(w[j] - w[i]) off the diagonal, 0 on it: how eigenvectors turn into each other.",
    )
)


@notation
def tril_half(x: Any) -> Expr:
    """The lower triangle of square matrices with half the diagonal; a linear map that is its own adjoint."""
    return make(TRIL_HALF, (square("tril_half", x),))


@notation
def reciprocal_gaps(w: Any) -> Expr:
    """``1/(w[j] - w[i])`` at ``[i, j]`` for the last axis of `w`, and 0 on the diagonal; shape (..., n, n)."""
    values = as_expr(w)
    if not values.ndim:
        raise ShapeError(f"reciprocal_gaps({brief(values)}): needs a vector{declared_at()}")
    return make(RECIPROCAL_GAPS, (values,))


def _cholesky_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """The symmetric part of L^-T Phi(L^T g) L^-1 (Murray 2016, (10))."""
    inverse = inv(node)
    inner = tril_half(matmul(turned(node), g))
    return (symmetric_part(matmul(matmul(turned(inverse), inner), inverse)),)


CHOLESKY = register(
    Op(
        "cholesky",
        infer_float,
        kernel=matrix_kernels.cholesky,
        vjp=_cholesky_vjp,
        facts=lambda node: closure([Fact("invertible"), Fact("lower_triangular")]),
        latex=r"\operatorname{{chol}}({0})",
        mirror="stays",
        diagonal=lambda node, v: diag(sqrt(v)),
        examples=((f"cholesky({WITH})", {"X": ("n", "n")}), ("cholesky(X + 9*eye(n))", {"X": ("m", "n", "n")})),
        summary="The lower triangular L with L @ L.T = A, of a symmetric positive definite A.",
    )
)


@notation
def cholesky(A: Any) -> Expr:
    """The lower triangular L with ``L @ L.T == A``, as ``numpy.linalg.cholesky``; of stacks of matrices too.

    Parameters
    ----------
    A : Expr of shape (..., n, n)
        Symmetric and positive definite; of any other matrix the symmetric part is taken, and the gradient is symmetric
        (Murray 2016, Giles 2008: entries [i, j] and [j, i] share the derivative).

    Raises
    ------
    ShapeError
        If `A` is not square.
    LinearAlgebraError
        On evaluation, if the matrix is not positive definite.
    """
    return make(CHOLESKY, (square("cholesky", A),))


def _infer_values(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return (*shape[:-2], smaller(shape[-2], shape[-1])), dtype


def smaller(m: Dim, n: Dim) -> Dim:
    """The number of singular values of an (m, n) matrix."""
    if m == n:
        return m
    found = sympy.Min(m, n)
    return int(found) if found.is_Integer else found


def mixed(values: Expr, m: Expr) -> Expr:
    """F * (M - M^T) = F * M + (F * M)^T, F[i, j] = 1/(values[j] - values[i])."""
    return reciprocal_gaps(values) * (m - turned(m))


def _eigvalsh_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """V diag(g) V^T."""
    vectors = eigh_vectors(node.operands[0])
    return (matmul(columns(vectors, g), turned(vectors)),)


def _eigh_vectors_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """V (F * (M - M^T)/2) V^T with M = V^T g and F[i, j] = 1/(w[j] - w[i]): the symmetric part of V (F * M) V^T."""
    mixing = mixed(eigvalsh(node.operands[0]), matmul(turned(node), g))
    return (matmul(matmul(node, mixing / 2), turned(node)),)


EIGVALSH = register(
    Op(
        "eigvalsh",
        _infer_values,
        kernel=matrix_kernels.eigvalsh,
        vjp=_eigvalsh_vjp,
        latex=r"\lambda({0})",
        mirror="stays",
        examples=(("eigvalsh(X + X.T)", {"X": ("n", "n")}), ("eigvalsh(X)", {"X": ("m", "n", "n")})),
        summary="The eigenvalues of a symmetric matrix, in ascending order.",
    )
)
EIGH_VECTORS = register(
    Op(
        "eigh_vectors",
        infer_float,
        kernel=matrix_kernels.eigh_vectors,
        vjp=_eigh_vectors_vjp,
        facts=lambda node: closure([Fact("orthogonal")]),
        latex=r"\operatorname{{eigvec}}({0})",
        mirror="stays",
        examples=(("eigh_vectors(X + X.T)", {"X": ("n", "n")}), ("eigh_vectors(X)", {"X": ("m", "n", "n")})),
        summary="The eigenvectors of a symmetric matrix, as columns in the order of eigvalsh.",
    )
)


@notation
def eigvalsh(A: Any) -> Expr:
    """The eigenvalues of a symmetric matrix in ascending order, as ``numpy.linalg.eigvalsh``; shape (..., n).

    Of any other matrix the symmetric part is taken. The gradient by `A` is ``V @ diag(g) @ V.T``.
    """
    return make(EIGVALSH, (square("eigvalsh", A),))


@notation
def eigh_vectors(A: Any) -> Expr:
    """The orthonormal eigenvectors of a symmetric matrix as columns: the V of ``numpy.linalg.eigh``.

    Their signs are NumPy's choice. Derivatives exist where the eigenvalues are distinct.
    """
    return make(EIGH_VECTORS, (square("eigh_vectors", A),))


@notation
def eigh(A: Any) -> tuple[Expr, Expr]:
    """Eigenvalues and eigenvectors of a symmetric matrix, ``A = V @ diag(w) @ V.T``, as ``numpy.linalg.eigh``.

    Returns
    -------
    w, V : `eigvalsh` and `eigh_vectors` of `A`
    """
    return eigvalsh(A), eigh_vectors(A)


def _infer_u(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return (*shape[:-1], smaller(shape[-2], shape[-1])), dtype


def _infer_vt(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape, dtype = infer_float(operands, attributes)
    return (*shape[:-2], smaller(shape[-2], shape[-1]), shape[-1]), dtype


def _svdvals_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """U diag(g) V^T."""
    u, _, vt = svd(node.operands[0])
    return (matmul(columns(u, g), vt),)


def _svd_u_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """U (F * (M - M^T)) S V^T + (I - U U^T) g S^-1 V^T with M = U^T g and F[i, j] = 1/(s[j]**2 - s[i]**2)."""
    u, s, vt = svd(node.operands[0])
    total = matmul(columns(matmul(u, mixed(s**2, matmul(turned(u), g))), s), vt)
    if u.shape[-1] != u.shape[-2]:
        total = total + matmul(columns(g - matmul(u, matmul(turned(u), g)), 1 / s), vt)
    return (total,)


def _svd_vt_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """U S (F * (M - M^T)) V^T + U S^-1 g (I - V V^T) with M = V^T g^T."""
    u, s, vt = svd(node.operands[0])
    total = matmul(matmul(columns(u, s), mixed(s**2, matmul(vt, turned(g)))), vt)
    if vt.shape[-1] != vt.shape[-2]:
        total = total + matmul(columns(u, 1 / s), g - matmul(matmul(g, turned(vt)), vt))
    return (total,)


SHAPES = ({"X": ("n", "n")}, {"X": (3, 2)}, {"X": ("m", 2, 3)})
SVDVALS = register(
    Op(
        "svdvals",
        _infer_values,
        kernel=matrix_kernels.svdvals,
        vjp=_svdvals_vjp,
        facts=lambda node: closure([Fact("nonnegative")]),
        latex=r"\sigma_{{\cdot}}({0})",
        mirror="stays",
        examples=tuple(("svdvals(X)", names) for names in SHAPES),
        summary="The singular values of a matrix, in descending order.",
    )
)
SVD_U = register(
    Op(
        "svd_u",
        _infer_u,
        kernel=matrix_kernels.svd_u,
        vjp=_svd_u_vjp,
        latex=r"\mathbf{{U}}({0})",
        examples=tuple(("svd_u(X)", names) for names in SHAPES),
        summary="The left singular vectors of a matrix, as columns in the order of svdvals.",
    )
)
SVD_VT = register(
    Op(
        "svd_vt",
        _infer_vt,
        kernel=matrix_kernels.svd_vt,
        vjp=_svd_vt_vjp,
        latex=r"\mathbf{{V}}^{{\top}}({0})",
        examples=tuple(("svd_vt(X)", names) for names in SHAPES),
        summary="The right singular vectors of a matrix, as rows in the order of svdvals.",
    )
)


def _matrix(what: str, x: Any) -> Expr:
    found = as_expr(x)
    if found.ndim < 2:
        raise ShapeError(f"{what}({brief(found)}): needs a matrix, got {shape_text(found.shape)}{declared_at()}")
    return found


@notation
def svdvals(x: Any) -> Expr:
    """The singular values of a matrix in descending order, as ``numpy.linalg.svdvals``; ``sum(svdvals(x))`` is the
    nuclear norm.

    Returns
    -------
    Expr of shape (..., k), k the smaller of both sizes (``Min(m, n)`` where neither is known)
    """
    return make(SVDVALS, (_matrix("svdvals", x),))


@notation
def svd_u(x: Any) -> Expr:
    """The left singular vectors as columns, shape (..., m, k): the U of ``numpy.linalg.svd(full_matrices=False)``."""
    return make(SVD_U, (_matrix("svd_u", x),))


@notation
def svd_vt(x: Any) -> Expr:
    """The right singular vectors as rows, shape (..., k, n): the Vh of ``numpy.linalg.svd(full_matrices=False)``."""
    return make(SVD_VT, (_matrix("svd_vt", x),))


@notation
def svd(x: Any) -> tuple[Expr, Expr, Expr]:
    """The reduced singular value decomposition ``x = U @ diag(S) @ Vt``, as ``numpy.linalg.svd(full_matrices=False)``.

    Derivatives of `U` and `Vt` exist where the singular values are distinct (and not 0, where `x` is not square).

    Returns
    -------
    U, S, Vt : `svd_u`, `svdvals` and `svd_vt` of `x`
    """
    return svd_u(x), svdvals(x), svd_vt(x)
