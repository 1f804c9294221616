"""Identities of matrix functions (Petersen and Pedersen, The Matrix Cookbook; Horn and Johnson, Matrix Analysis).

The wildcards of a square rule set have their last two axes equal.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import absolute, exp, log
from graphc.ops.factorizations import cholesky, eigh_vectors, eigvalsh, svd_u, svd_vt, svdvals
from graphc.ops.leaves import eye
from graphc.ops.leaving_out import prod
from graphc.ops.linalg import det, inv, logdet, solve, turned
from graphc.ops.matrix_functions import TERMS, expm, matrix_power, pinv
from graphc.ops.products import diag, matmul, trace
from graphc.ops.products import sum as sum_
from graphc.rewriting.rules import Rule, invertible, orthogonal, positive, rewrite, ruleset, spd


@ruleset(ranks=(2, 3), square=True)
def inverses(x: Expr) -> Iterator[Rule]:
    """Inverses of inverses, and their determinants."""
    yield rewrite(inv(inv(x))).to(x).because("the inverse undoes itself")
    yield rewrite(det(inv(x))).to(1 / det(x)).because("det(X**-1) = 1/det(X)")
    yield rewrite(logdet(inv(x))).to(-logdet(x)).because("log|det(X**-1)| = -log|det(X)|")
    yield rewrite(logdet(expm(x))).to(trace(x)).because("det(exp(X)) = exp(trace(X))")
    yield rewrite(det(expm(x))).to(exp(trace(x))).because("det(exp(X)) = exp(trace(X))")
    yield rewrite(log(det(x))).to(logdet(x)).when(positive(det(x))).because("logdet(X) = log|det(X)|")
    yield rewrite(log(absolute(det(x)))).to(logdet(x)).because("logdet(X) = log|det(X)|")
    yield rewrite(inv(expm(x))).to(expm(-x)).because("exp(X) exp(-X) = I")
    yield rewrite(pinv(inv(x))).to(x).because("the pseudoinverse of an invertible matrix is its inverse")
    yield rewrite(pinv(x)).to(inv(x)).when(invertible(x)).because("the pseudoinverse of an invertible X is X**-1")
    yield rewrite(inv(x)).to(turned(x)).when(orthogonal(x)).because("Q**-1 = Q.T for an orthogonal Q")
    yield rewrite(sum_(eigvalsh(x), axis=-1)).to(trace(x)).because("the eigenvalues add up to the trace")


@ruleset(ranks=(2,), square=True)
def determinants(x: Expr) -> Iterator[Rule]:
    """Determinants from factors and eigenvalues, and of powers."""
    factor, entries, half = cholesky(x), log(diag(cholesky(x))), (x + x.T) / 2
    yield rewrite(logdet(factor)).to(logdet(half) / 2).because("det(A) = det(L)**2 for A = L L.T")
    yield rewrite(det(factor)).to(sqrt(det(half))).because("det(A) = det(L)**2 for A = L L.T")
    yield rewrite(sum_(entries)).to(logdet(half) / 2).because("det(L) is the product of its diagonal")
    yield (
        rewrite(sum_(exp(eigvalsh(x))))
        .to(trace(expm(half)))
        .because("the eigenvalues of exp(A) are their exponentials")
    )
    yield rewrite(sum_(log(eigvalsh(x)))).to(logdet(x)).when(spd(x)).because("det(A) is the product of the eigenvalues")
    yield rewrite(sum_(log(svdvals(x)))).to(logdet(x)).because("|det(A)| is the product of the singular values")
    yield rewrite(prod(svdvals(x))).to(absolute(det(x))).because("|det(A)| is the product of the singular values")
    for k in range(2, TERMS + 1):
        power = matrix_power(x, k)
        yield rewrite(det(power)).to(det(x) ** k).because("det(X**k) = det(X)**k")
        yield rewrite(logdet(power)).to(k * logdet(x)).because("det(X**k) = det(X)**k")
        if k > 2:
            yield rewrite(inv(power)).to(matrix_power(inv(x), k)).because("(X**k)**-1 = (X**-1)**k")


@ruleset(ranks=(2,))
def pseudoinverses(x: Expr) -> Iterator[Rule]:
    """The Moore-Penrose inverse, and the product of a decomposition."""
    y = pinv(x)
    yield rewrite(pinv(y)).to(x).because("the pseudoinverse undoes itself")
    yield rewrite(x @ y @ x).to(x).because("A A+ A = A (Penrose 1955)")
    yield rewrite(x @ (y @ x)).to(x).because("A A+ A = A (Penrose 1955)")
    yield rewrite(y @ x @ y).to(y).because("A+ A A+ = A+ (Penrose 1955)")
    yield rewrite(y @ (x @ y)).to(y).because("A+ A A+ = A+ (Penrose 1955)")
    yield rewrite((svd_u(x) * svdvals(x)) @ svd_vt(x)).to(x).because("X = U diag(s) V.T")


@ruleset(ranks=(2,), square=True)
def decompositions(x: Expr) -> Iterator[Rule]:
    """Products that undo a decomposition; they give the symmetric part of a matrix that is not symmetric."""
    half, v = (x + x.T) / 2, eigh_vectors(x)
    yield rewrite(cholesky(x) @ cholesky(x).T).to(half).because("A = L L.T")
    yield rewrite((v * eigvalsh(x)) @ v.T).to(half).because("A = V diag(w) V.T")
    yield rewrite(inv(cholesky(x)).T @ inv(cholesky(x))).to(inv(half)).because("A**-1 = L**-T L**-1 for A = L L.T")
    yield rewrite((v / eigvalsh(x)) @ v.T).to(inv(half)).because("A**-1 = V diag(1/w) V.T")


@ruleset(ranks=(2,), square=True)
def powers(x: Expr) -> Iterator[Rule]:
    """Products of powers of one matrix, however they are grouped."""
    for total in range(3, TERMS + 1):
        for k in range(1, total):
            product = matmul(matrix_power(x, k), matrix_power(x, total - k))
            whole = matrix_power(x, total)
            yield rewrite(product).to(whole).because("X**j X**k = X**(j + k)")


@ruleset(ranks=(2,), square=True)
def inverted_quotients(x: Expr, y: Expr) -> Iterator[Rule]:
    """Inverses of products with an inverse."""
    for z, undone, w in ((y, inv(x), x), (y.T, inv(x), x), (y, inv(x).T, x.T)):
        yield rewrite(inv(matmul(undone, z))).to(matmul(inv(z), w)).because("(X**-1 Y)**-1 = Y**-1 X")
        yield rewrite(inv(matmul(z, undone))).to(matmul(w, inv(z))).because("(Y X**-1)**-1 = X Y**-1")


@ruleset(ranks=(2,), square=True)
def inverse_exponentials(x: Expr) -> Iterator[Rule]:
    """Products of exponentials that undo each other."""
    for a, b in ((x, -x), (-x, x)):
        yield rewrite(matmul(expm(a), expm(b))).to(eye(x.shape[0])).because("exp(X) exp(-X) = I")


@ruleset(ranks=(2, 3), square=True)
def solutions(x: Expr) -> Iterator[Rule]:
    """Solutions that are known."""
    identity = matmul(x, inv(x))
    yield rewrite(solve(x, x)).to(identity).because("A**-1 A = I")
    yield rewrite(solve(inv(x), x)).to(matmul(x, x)).because("the inverse undoes itself")
