"""Laws of short closed forms: chains of matrices, exact division, joint logarithms, selections, symmetric sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import published_more
import pytest
from generate import wide_arrays

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import SYMBOL

NAMES: dict[str, Any] = published_more.MORE_NAMES
SIZES = {"n": 3, "d": 2, "k": 4, "m": 5}
FORMS = [
    # products of matrices that begin or end alike
    ("R @ (X @ A) + R @ X @ A.T", None, "R @ X @ (A + A.T)"),
    ("F @ E.T @ D + F @ D.T @ E", None, "F @ (D.T @ E + E.T @ D)"),
    ("A @ B @ C + A @ (X @ C)", None, "A @ (B + X) @ C"),
    ("A @ (B @ x) + (A @ C) @ x", None, "A @ ((B + C) @ x)"),
    ("3*D @ Q @ W - 2*(D @ (L @ W))", None, "D @ (3*Q - 2*L) @ W"),
    ("A @ B + B @ A", None, "A @ B + B @ A"),
    (
        "trace(inv(D.T @ R @ D) @ Q)",
        "D",
        "-(R @ D) @ inv(D.T @ (R @ D)) @ (Q + Q.T) @ inv(D.T @ (R @ D))",
    ),
    # exact division
    ("(x**2 - y**2)/(x - y)", None, "x + y"),
    ("x**2/(x - y) - y**2/(x - y)", None, "x + y"),
    ("a*(x**3 - y**3)/(x - y)", None, "a*(x*y + x**2 + y**2)"),
    ("x*(1 - x)/(x - y) - y*(1 - y)/(x - y)", None, "1 - x - y"),
    ("(x**2 + y**2)/(x + y)", None, "(x**2 + y**2)/(x + y)"),
    # logarithms of positive values as one, where nothing else needs them
    ("log(q) - log(r)", None, "log(q/r)"),
    ("2*log(q) - 2*log(tau) + x", None, "2*log(q/tau) + x"),
    ("log(2*q/(q + r))", None, "log(2*q/(q + r))"),
    ("log(q)*(log(q) - log(r))", None, "log(q)*(log(q) - log(r))"),
    ("log(x) - log(y)", None, "log(x) - log(y)"),
    ("sum(q*log(q/r))", "q", "log(q/r) + 1"),
    # sums of matrices that are symmetric, or turned
    ("(diag(a) - S).T", None, "diag(a) - S"),
    ("(A - B).T + A - B", None, "A + A.T - B - B.T"),
    ("x @ (A - B) @ x", "x", "(A + A.T - B - B.T) @ x"),
    ("trace(D.T @ (diag(sum(S, axis=1)) - S) @ D)", "D", "2*(diag(sum(S, axis=0)) - S) @ D"),
    # sums of sums of which no term varies along all axes, or of which one has a known sum
    ("sum(x[:, None] - y, axis=0)", None, "sum(x) - n*y"),
    ("mean((x[:, None] - x)**2)", "x", "4*(n*x - sum(x))/n**2"),
    ("sum(s*softmax(x) - y)", None, "s - sum(y)"),
    # what an inverse or an orthogonal matrix cancels in a sum
    ("inv(A) @ (A @ x - b)", None, "x - inv(A) @ b"),
    ("O.T @ (O @ X - B)", None, "X - O.T @ B"),
    ("inv(A) @ (B @ x - b)", None, "inv(A) @ (B @ x - b)"),
    ("norm(O @ x - b)**2", "x", "2*(x - O.T @ b)"),
    # rows times columns, and variances
    ("a @ (A*X) @ b", "X", "A*outer(a, b)"),
    ("sqrt(mean((mean(D, axis=0) - D)**2, axis=0) + eps)", None, "sqrt(var(D, axis=0) + eps)"),
    # diagonals of products, and signs
    ("diag(A @ B)", None, "sum(A*B.T, axis=1)"),
    ("sign(x - y) + sign(y - x)", None, "zeros(n)"),
    ("where(x > 0, y - x, x*z) + where(x > 0, x - y, -x*z)", None, "zeros(n)"),
    # rows of an identity matrix
    ("eye(n)[0]", None, "one_hot(0, n)"),
    ("one_hot(n - 1, n)*0 + eye(n)[:, n - 1]", None, "one_hot(-1, n)"),
    ("-log(softmax(U @ h)[0])", "h", "U.T @ (softmax(U @ h) - one_hot(0, n))"),
    # common factors, and scalars in front
    ("1 - (q**2 + (x - y)**2)/r**2", None, "1 - ((x - y)**2 + q**2)/r**2"),
    ("lam*(1 - s)*x + lam*s*sign(x) + y", None, "lam*((1 - s)*x + s*sign(x)) + y"),
    ("exp(a @ X @ b)", "X", "exp(a @ X @ b)*outer(a, b)"),
    ("outer(a, b)/q[:, None]", None, "outer(a/q, b)"),
    ("p - x + s*p*y", None, "s*p*y + p - x"),
    # numbers of sums, and signs of differences
    ("sum(a*x/(1 + exp(-1.702*x)))", "x", "a*sigmoid(1.702*x)*(1.702*x*(1 - sigmoid(1.702*x)) + 1)"),
    ("1.59577*(x + 0.044715*x**3)", None, "1.59577*x*(0.044715*x**2 + 1)"),
    ("0.9*x + 0.1*y", None, "0.1*(9*x + y)"),
    ("norm(A @ x - b)**2/2 + (x - y) @ P @ (x - y)/2", "x", "A.T @ (A @ x - b) + P @ (x - y)"),
    ("x - s*(1 - y)", None, "x - s*(1 - y)"),
    ("sum(x)*sum(y)/n**2 + s", None, "mean(x)*mean(y) + s"),
    ("x*(a - b) - (1 - s)*y", None, "x*(a - b) - (1 - s)*y"),
    ("-x*(a - b)/2 - y", None, "x*(b - a)/2 - y"),
    # quotients of polynomials
    ("(s - 1)/(1 - s**2)", None, "-1/(s + 1)"),
    ("x*(s - l)/(s**2 - l**2)", None, "x/(l + s)"),
    # selections, clipping, signs
    ("where(abs(x) <= eps, 3*x, 3*eps*sign(x))", None, "3*clip(x, -eps, eps)"),
    ("where(2 < abs(y - x), sign(y - x), (y - x)/2)", None, "clip(y - x, -2, 2)/2"),
    ("where(abs(x) <= s, x, s*sign(x))", None, "where(abs(x) <= s, x, s*sign(x))"),
    ("sign(x)**3*(abs(x) > lam)", None, "sign(x)*(abs(x) > lam)"),
    ("sign(x)**2*(abs(x) > s)", None, "sign(x)**2*(abs(x) > s)"),
    ("where(t == 1, 1 - x, -x) + (t == 0)*y", None, "y*(1 - t) + t - x"),
    ("where(g == -1, 0, 1) + where(t == 2, x, y)", None, "where(t == 2, x, y) + g/2 + 0.5"),
    # logarithms of products, angles
    ("log(prod(q**x/r))", None, "sum(x*log(q) - log(r))"),
    ("log(prod(x*q))", None, "log(prod(q*x))"),
    ("-log(prod(sigmoid(x)**t*(1 - sigmoid(x))**(1 - t)))", "x", "sigmoid(x) - t"),
    ("a*cos(x)*sin(y) - a*sin(x)*cos(y)", None, "a*sin(y - x)"),
    # matrices between orthogonal ones, factors that solve one after the other, residuals
    ("logdet(O @ X @ O.T + s*eye(n))", None, "logdet(s*eye(n) + X)"),
    ("inv(2*O.T @ X @ O - eye(n))", None, "-O.T @ inv(eye(n) - 2*X) @ O"),
    ("logdet(X @ O)", None, "logdet(X)"),
    ("det(X @ O)", None, "det(X @ O)"),
    ("(A - X @ O.T) @ O", None, "A @ O - X"),
    ("solve(cholesky(P).T, solve(cholesky(P), x))", None, "solve(P, x)"),
    ("D.T @ (y - D @ solve(D.T @ D, D.T @ y))", None, "zeros(d)"),
    ("sum(log(svdvals(X)))", "X", "inv(X).T"),
    # functions of products as they stand beside named matrices
    ("(sigmoid(D @ W) - Y) @ W.T", None, "(sigmoid(D @ W) - Y) @ W.T"),
    ("(sigmoid(Y @ W.T) - D) @ W", None, "(sigmoid(Y @ W.T) - D) @ W"),
    ("sum(D*exp(Y @ W.T))", "Y", "D*exp(Y @ W.T) @ W"),
    ("sigmoid(W @ Y.T) - D.T", None, "sigmoid(W @ Y.T) - D.T"),
    # sums with what is divided by its norm
    ("x @ (x/norm(x) - a)", None, "norm(x) - a @ x"),
    ("norm(x/norm(x) - a)**2", "x", "2*(x*(a @ x)/norm(x)**2 - a)/norm(x)"),
    (
        "sum((D/norm(D, axis=1, keepdims=True) - E)**2)",
        "D",
        "2*(D*sum(D*E, axis=1, keepdims=True)/norm(D, axis=1, keepdims=True)**2 - E)/norm(D, axis=1, keepdims=True)",
    ),
    # sums of squared differences from a mean
    ("log(var(x))", "x", "2*(x - mean(x))/(n*var(x))"),
    ("a @ (x - mean(x))/std(x)", "x", "(a - a @ (x - mean(x))*(x - mean(x))/(n*var(x)) - mean(a))/std(x)"),
    ("sum(D)/sum((y - mean(y))**2)", None, "sum(D)/(n*var(y))"),
    # sums that meet what they are divided by
    ("q @ (r/(exp(X) @ q) @ exp(X))", None, "sum(r)"),
    ("q @ (r/(exp(X) @ q)**2 @ exp(X))", None, "sum(r/(exp(X) @ q))"),
    ("q @ (r/(exp(X) @ p) @ exp(X))", None, "q @ (r/(exp(X) @ p) @ exp(X))"),
    ("-sum(log(exp(Z) @ softmax(h)))", "h", "softmax(h)*(n - 1/(exp(Z) @ softmax(h)) @ exp(Z))"),
]


def declared(formula: str, by: str | None) -> tuple[Expr, Expr]:
    """The expression as declared (or the gradient that no rule has touched), and its closed form."""
    e = gc.parse(formula, **NAMES)
    if by is None:
        return e, gc.simplify(e)
    (raw,) = gc.calculus.gradients.raw_gradients(e, [NAMES[by]])
    return raw, gc.grad(e, NAMES[by])


@pytest.mark.parametrize(("formula", "by", "form"), FORMS, ids=[f"{f} by {x}" if x else f for f, x, _ in FORMS])
def test_closed_form(formula: str, by: str | None, form: str) -> None:
    raw, found = declared(formula, by)
    assert str(found) == form
    assert gc.parse(str(found), **gc.names(found)) is found
    assert gc.simplify(found) is (found if by else gc.simplify(raw))
    symbols = [s for s in topological([raw, found]) if s.op is SYMBOL]
    values = {**wide_arrays(symbols, SIZES, 5), **SIZES}  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        assert np.allclose(gc.evaluate(found, values), gc.evaluate(raw, values), rtol=1e-8, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", ["log(q*r)", "log(q/r)", "log(q) + log(r)", "log(2*q/(q + r))"])
def test_joint_logarithms_are_computed_where_products_vanish(formula: str, dtype: str) -> None:
    q, r = NAMES["q"], NAMES["r"]
    small = 1e-30 if dtype == "float32" else 1e-200
    values = np.array([small, 1 / small], dtype), np.array([small, small], dtype)
    found = gc.compile(gc.parse(formula, q=q, r=r), [q, r])(*values)
    first, second = (np.log(v.astype(np.float64)) for v in values)
    total = np.logaddexp(first, second)
    true = {"*": first + second, "+": first + second, "/": first - second}
    kind = "2" if formula.startswith("log(2") else next(c for c in "*+/" if c in formula)
    assert np.allclose(found, true.get(kind, np.log(2) + first - total), rtol=1e-6, atol=1e-6)
