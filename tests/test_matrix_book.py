"""Derivatives of scalar functions of matrices as they are published, each proved.

Petersen and Pedersen, The Matrix Cookbook (2012), sections 2 and 5; Magnus and Neudecker, Matrix Differential Calculus
(2019), chapter 9; Golub and Van Loan. Gradients by symmetric matrices are entry by entry.
"""

from __future__ import annotations

from typing import Any

import pytest

import graphc as gc

n, m, k = gc.dims("n m k")
NAMES: dict[str, Any] = {
    **dict.fromkeys("XABC", (n, n)),
    **dict.fromkeys("abcdxs", (n,)),
    **dict.fromkeys("ME", (m, n)),
    "D": (m, m),
    "S": gc.symbol("S", (n, n), facts=["symmetric"]),
    "P": gc.symbol("P", (n, n), facts=["spd"]),
    "Z": gc.symbol("Z", (m, m), facts=["symmetric"]),
    **dict.fromkeys("pq", (m,)),
    "t": (),
    "n": n,
    "m": m,
}
FORMS = [
    ("det(X)", "X", "det(X)*inv(X).T"),
    ("det(A @ X @ B)", "X", "det(A @ X @ B)*inv(X).T"),
    ("det(X.T @ A @ X)", "X", "2*det(X.T @ A @ X)*inv(X).T"),
    ("det(M.T @ Z @ M)", "M", "2*det(M.T @ Z @ M)*(Z @ M @ inv(M.T @ Z @ M))"),
    ("det(M.T @ D @ M)", "M", "det(M.T @ D @ M)*(D @ M @ inv(M.T @ D @ M) + D.T @ M @ inv(M.T @ D.T @ M))"),
    ("logdet(M.T @ M)", "M", "2*M @ inv(M.T @ M)"),
    ("logdet(X)", "X", "inv(X).T"),
    ("log(det(X))", "X", "inv(X).T"),
    ("log(abs(det(X)))", "X", "inv(X).T"),
    ("det(matrix_power(X, 3))", "X", "3*det(X)**3*inv(X).T"),
    ("det(matrix_power(X, 3))", "X", "3*det(matrix_power(X, 3))*inv(X).T"),
    ("a @ inv(X) @ b", "X", "-inv(X).T @ outer(a, b) @ inv(X).T"),
    ("det(inv(X))", "X", "-det(inv(X))*inv(X).T"),
    ("trace(A @ inv(X) @ B)", "X", "-(inv(X) @ B @ A @ inv(X)).T"),
    ("trace(inv(X + A))", "X", "-(inv(X + A) @ inv(X + A)).T"),
    ("trace(inv(X) @ A)", "X", "-inv(X).T @ A.T @ inv(X).T"),
    ("a @ X @ b", "X", "outer(a, b)"),
    ("a @ X.T @ b", "X", "outer(b, a)"),
    ("a @ X @ a", "X", "outer(a, a)"),
    ("b @ X.T @ X @ c", "X", "X @ (outer(b, c) + outer(c, b))"),
    ("(B @ x + b) @ C @ (A @ x + d)", "x", "B.T @ C @ (A @ x + d) + A.T @ C.T @ (B @ x + b)"),
    ("x @ B @ x", "x", "(B + B.T) @ x"),
    ("b @ X.T @ A @ X @ c", "X", "A.T @ X @ outer(b, c) + A @ X @ outer(c, b)"),
    ("(X @ b + c) @ A @ (X @ b + c)", "X", "outer((A + A.T) @ (X @ b + c), b)"),
    ("(x - A @ s) @ S @ (x - A @ s)", "s", "-2*A.T @ S @ (x - A @ s)"),
    ("(x - s) @ S @ (x - s)", "x", "2*S @ (x - s)"),
    ("(x - s) @ S @ (x - s)", "s", "-2*S @ (x - s)"),
    ("(x - A @ s) @ S @ (x - A @ s)", "x", "2*S @ (x - A @ s)"),
    ("(x - A @ s) @ S @ (x - A @ s)", "A", "-2*S @ outer(x - A @ s, s)"),
    ("a @ matrix_power(X, 3) @ b", "X", "outer(a, b) @ (X @ X).T + X.T @ outer(a, b) @ X.T + (X @ X).T @ outer(a, b)"),
    ("trace(X)", "X", "eye(n)"),
    ("trace(X @ A)", "X", "A.T"),
    ("trace(A @ X @ B)", "X", "A.T @ B.T"),
    ("trace(A @ X.T @ B)", "X", "B @ A"),
    ("trace(X.T @ A)", "X", "A"),
    ("trace(A @ X.T)", "X", "A"),
    ("trace(matrix_power(X, 2))", "X", "2*X.T"),
    ("trace(X @ X @ B)", "X", "(X @ B + B @ X).T"),
    ("trace(X.T @ B @ X)", "X", "B @ X + B.T @ X"),
    ("trace(X @ B @ X.T)", "X", "X @ B.T + X @ B"),
    ("trace(B @ X @ X.T)", "X", "B @ X + B.T @ X"),
    ("trace(A @ X @ B @ X)", "X", "A.T @ X.T @ B.T + B.T @ X.T @ A.T"),
    ("trace(M.T @ M)", "M", "2*M"),
    ("trace(M @ M.T)", "M", "2*M"),
    ("trace(B.T @ X.T @ C @ X @ B)", "X", "C.T @ X @ B @ B.T + C @ X @ B @ B.T"),
    ("trace(X.T @ B @ X @ C)", "X", "B @ X @ C + B.T @ X @ C.T"),
    ("trace(A @ X @ B @ X.T @ C)", "X", "A.T @ C.T @ X @ B.T + C @ A @ X @ B"),
    ("trace((A @ X @ B + C) @ (A @ X @ B + C).T)", "X", "2*A.T @ (A @ X @ B + C) @ B.T"),
    ("trace(kron(X, X))", "X", "2*trace(X)*eye(n)"),
    ("trace(matrix_power(X, 5))", "X", "5*matrix_power(X, 4).T"),
    ("trace(A @ matrix_power(X, 3))", "X", "(A @ X @ X + X @ A @ X + X @ X @ A).T"),
    ("trace(matrix_power(X, -2))", "X", "-2*matrix_power(inv(X), 3).T"),
    ("sum((A @ X - B)**2)", "X", "2*A.T @ (A @ X - B)"),
    ("norm(x - a)", "x", "(x - a)/norm(x - a)"),
    ("sum((M @ a - p)**2)", "M", "2*outer(M @ a - p, a)"),
    ("sum(X**2)", "X", "2*X"),
    ("norm(X)", "X", "X/norm(X)"),
    ("sum(svdvals(X))", "X", "svd_u(X) @ svd_vt(X)"),
    ("trace(expm(X))", "X", "expm(X.T)"),
    ("trace(A @ expm(X))", "X", "expm_frechet(X.T, A.T)"),
    ("x @ A @ x / (x @ x)", "x", "((A + A.T) @ x)/(x @ x) - 2*(x @ A @ x)*x/(x @ x)**2"),
    ("log(x @ S @ x)", "x", "2*S @ x/(x @ S @ x)"),
    ("exp(a @ X @ b)", "X", "exp(a @ X @ b)*outer(a, b)"),
    ("sqrt(x @ S @ x)", "x", "S @ x/sqrt(x @ S @ x)"),
    ("logdet(eye(m) + M @ M.T)", "M", "2*inv(eye(m) + M @ M.T) @ M"),
    ("logdet(A + t*B)", "t", "trace(inv(A + t*B) @ B)"),
    ("det(A + t*B)", "t", "det(A + t*B)*trace(inv(A + t*B) @ B)"),
    ("logdet(diag(x))", "x", "1/x"),
    ("trace(inv(diag(x)))", "x", "-1/x**2"),
    ("det(t*X)", "X", "det(t*X)*inv(X).T"),
    ("det(t*X)", "t", "n*det(t*X)/t"),
    ("logdet(t*X)", "t", "n/t"),
    ("logdet(inv(X))", "X", "-inv(X).T"),
    ("logdet(X @ X.T)", "X", "2*inv(X).T"),
    ("logdet(A @ X @ B)", "X", "inv(X).T"),
    ("trace(A @ (X*B))", "X", "A.T*B"),
    ("sum((X*A) @ (X*B).T)", "X", "A*((ones(n,n) @ (X*B))) + B*(ones(n,n) @ (X*A))"),
    ("trace((X*A) @ B @ (X*A).T)", "X", "(((X*A) @ (B + B.T))*A)"),
    ("sum(A*X)", "X", "A"),
    ("sum(A*inv(X))", "X", "-inv(X).T @ A @ inv(X).T"),
    ("trace(kron(A, X))", "X", "trace(A)*eye(n)"),
    ("sum(kron(A, X))", "X", "sum(A)*ones(n,n)"),
    ("det(kron(A, X))", "X", "n*det(kron(A, X))*inv(X).T"),
    ("logdet(kron(A, X))", "X", "n*inv(X).T"),
    ("a @ solve(X, b)", "X", "-outer(solve(X.T, a), solve(X, b))"),
    ("a @ inv(X) @ b", "X", "-outer(solve(X.T, a), solve(X, b))"),
    ("a @ solve(X, b)", "X", "-inv(X).T @ outer(a, b) @ inv(X).T"),
    ("x @ inv(S) @ x", "S", "-outer(inv(S) @ x, inv(S) @ x)"),
    ("logdet(S) + x @ inv(S) @ x", "S", "inv(S) - outer(inv(S) @ x, inv(S) @ x)"),
    ("n*logdet(P) + trace(inv(P) @ A)", "P", "n*inv(P) - inv(P) @ A.T @ inv(P)"),
    ("trace(inv(M.T @ Z @ M) @ A)", "M", "-Z @ M @ inv(M.T @ Z @ M) @ (A + A.T) @ inv(M.T @ Z @ M)"),
    ("sum(log(eigvalsh(P)))", "P", "inv(P)"),
    ("logdet(cholesky(P))", "P", "inv(P)/2"),
    ("trace(X.T @ X @ X.T @ X)", "X", "4*X @ X.T @ X"),
    ("norm(x)**2", "x", "2*x"),
    ("logdet(P)/2 + x @ solve(P, x)/2", "x", "solve(P, x)"),
    ("logdet(P)/2 + x @ solve(P, x)/2", "P", "(inv(P) - outer(solve(P, x), solve(P, x)))/2"),
    ("sum(pinv(M) * E.T)", "E", "pinv(M).T"),
    ("a @ X.T @ matrix_power(X, 2) @ b", "X", "X @ X @ outer(b, a) + X.T @ X @ outer(a, b) + X @ outer(a, b) @ X.T"),
    (
        "trace((X.T @ C @ X) @ inv(X.T @ B @ X))",
        "X",
        "C @ X @ inv(X.T @ B @ X) + C.T @ X @ inv(X.T @ B @ X).T"
        " - B @ X @ inv(X.T @ B @ X) @ X.T @ C @ X @ inv(X.T @ B @ X)"
        " - B.T @ X @ inv(X.T @ B @ X).T @ X.T @ C.T @ X @ inv(X.T @ B @ X).T",
    ),
]


@pytest.mark.parametrize(("formula", "by", "published"), FORMS, ids=[f"{f} by {x}" for f, x, _ in FORMS])
def test_published_derivatives_are_proved(formula: str, by: str, published: str) -> None:
    f = gc.parse(formula, **NAMES)
    declared = NAMES[by]
    x = declared if isinstance(declared, gc.Expr) else gc.symbol(by, declared)
    claim = gc.parse(published, **NAMES)
    verdict = gc.check(f, x, claim)
    assert verdict.status == "proved", f"{gc.grad(f, x)}: {verdict.reason}"
    g = gc.grad(f, x)
    assert gc.parse(str(g), **gc.names(g)) is g


# formula, variable, the gradient as it is printed
PRINTED = [
    ("logdet(M.T @ M)", "M", "2*M @ inv(M.T @ M)"),
    ("logdet(X.T @ X)", "X", "2*inv(X).T"),
    ("logdet(A @ X @ B)", "X", "inv(X).T"),
    ("det(A @ X @ B)", "X", "det(A @ X @ B)*inv(X).T"),
    ("det(M.T @ Z @ M)", "M", "2*det(M.T @ (Z @ M))*(Z @ M @ inv(M.T @ (Z @ M)))"),
    ("trace(inv(X))", "X", "-inv(X).T @ inv(X).T"),
    ("trace(matrix_power(X, 5))", "X", "5*matrix_power(X, 4).T"),
    ("trace(expm(X))", "X", "expm(X).T"),
    ("trace(A @ expm(X))", "X", "expm_frechet(X.T, A.T)"),
    ("sum(svdvals(X))", "X", "svd_u(X) @ svd_vt(X)"),
    ("sum(log(eigvalsh(P)))", "P", "2*inv(P + P.T)"),
    ("logdet(cholesky(P))", "P", "inv(P + P.T)"),
    ("logdet(diag(x))", "x", "1/x"),
    ("logdet(t*X)", "t", "n/t"),
    ("x @ solve(P, x)/2", "x", "solve(P, x)"),
]


@pytest.mark.parametrize(("formula", "by", "text"), PRINTED, ids=[f"{f} by {x}" for f, x, _ in PRINTED])
def test_printed_forms(formula: str, by: str, text: str) -> None:
    declared = NAMES[by]
    x = declared if isinstance(declared, gc.Expr) else gc.symbol(by, declared)
    assert str(gc.grad(gc.parse(formula, **NAMES), x)) == text


IDENTITIES = [
    ("inv(X) @ X", "eye(n)"),
    ("X @ inv(X) @ A", "A"),
    ("inv(X).T @ (X.T @ A)", "A"),
    ("inv(A @ X) @ A", "inv(X)"),
    ("X @ inv(A @ X)", "inv(A)"),
    ("inv(inv(X))", "X"),
    ("inv(X.T)", "inv(X).T"),
    ("inv(2*t*X)", "inv(X)/(2*t)"),
    ("inv(diag(2*a))", "diag(1/(2*a))"),
    ("inv(kron(X, D))", "kron(inv(X), inv(D))"),
    ("trace(inv(X) @ X)", "n"),
    ("X @ solve(X, a)", "a"),
    ("solve(X, X)", "eye(n)"),
    ("solve(3*X, t*a)", "t*solve(X, a)/3"),
    ("det(X.T)", "det(X)"),
    ("det(inv(X))", "1/det(X)"),
    ("det(matrix_power(X, 3))", "det(X)**3"),
    ("logdet(inv(X))", "-logdet(X)"),
    ("logdet(kron(X, D))", "m*logdet(X) + n*logdet(D)"),
    ("logdet(expm(X))", "trace(X)"),
    ("log(abs(det(X)))", "logdet(X)"),
    ("log(det(P))", "logdet(P)"),
    ("2*sum(log(diag(cholesky(P))))", "logdet(P)"),
    ("cholesky(P) @ cholesky(P).T", "P"),
    ("sum(eigvalsh(X))", "trace(X)"),
    ("eigh_vectors(X).T @ eigh_vectors(X)", "eye(n)"),
    ("eigh_vectors(P) @ diag(eigvalsh(P)) @ eigh_vectors(P).T", "P"),
    ("svd_u(M) @ diag(svdvals(M)) @ svd_vt(M)", "M"),
    ("pinv(pinv(M))", "M"),
    ("M @ pinv(M) @ M", "M"),
    ("pinv(M) @ (M @ pinv(M))", "pinv(M)"),
    ("(M @ pinv(M)).T", "M @ pinv(M)"),
    ("inv(X @ P @ X.T) @ X @ P", "inv(X).T"),
    ("solve(X, 2*eye(n))", "2*inv(X)"),
    ("pinv(M.T)", "pinv(M).T"),
    ("pinv(P)", "inv(P)"),
    ("expm(X.T)", "expm(X).T"),
    ("expm(diag(a))", "diag(exp(a))"),
    ("X @ matrix_power(X, 2) @ X", "matrix_power(X, 4)"),
    ("matrix_power(X, -3) @ X", "matrix_power(X, -3) @ X"),
    ("Q.T @ Q", "eye(n)"),
    ("Q @ (Q.T @ A)", "A"),
    ("trace(Q.T @ Q)", "n"),
    ("inv(Q)", "Q.T"),
    ("inv(M.T @ M).T", "inv(M.T @ M)"),
    ("inv(M.T @ Z @ M).T", "inv(M.T @ Z @ M)"),
]


@pytest.mark.parametrize(("left", "right"), IDENTITIES, ids=[left for left, _ in IDENTITIES])
def test_identities_are_applied(left: str, right: str) -> None:
    names = {**NAMES, "Q": gc.symbol("Q", (n, n), facts=["orthogonal"])}
    one, other = (gc.simplify(gc.parse(text, **names)) for text in (left, right))
    assert one is other, f"{one} and {other}"
    assert gc.simplify(one) is one


EQUAL = [
    ("inv(A @ X)", "inv(X) @ inv(A)"),
    ("det(A @ X)", "det(A)*det(X)"),
    ("logdet(A @ X @ B)", "logdet(A) + logdet(B) + logdet(X)"),
    ("det(2*X)", "2**n*det(X)"),
    ("logdet(t*X)", "n*log(abs(t)) + logdet(X)"),
    ("inv(A) @ b", "solve(A, b)"),
    ("inv(A) @ B", "solve(A, B)"),
    ("b @ inv(A)", "solve(A.T, b)"),
    ("matrix_power(X, 5)", "X @ X @ X @ X @ X"),
    ("matrix_power(A @ X, -2)", "inv(X) @ inv(A) @ inv(X) @ inv(A)"),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equalities_are_proved(left: str, right: str) -> None:
    assert gc.check(gc.parse(left, **NAMES), gc.parse(right, **NAMES)).status == "proved"
    assert gc.check(gc.parse(left, **NAMES), gc.parse(f"2*({right})", **NAMES)).status == "wrong"
