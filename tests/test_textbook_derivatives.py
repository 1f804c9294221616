"""Derivatives as they are published: proved equal, no longer than printed there, and read back."""

from __future__ import annotations

import pytest

import graphc as gc

n, d, k, m, q = gc.dims("n d k m q")
NAMES = {
    "a": gc.symbol("a", (n,)),
    "b": gc.symbol("b", (n,)),
    "c": gc.symbol("c", (n,)),
    "x": gc.symbol("x", (n,)),
    "y": gc.symbol("y", (n,)),
    "u": gc.symbol("u", (d,)),
    "v": gc.symbol("v", (n,)),
    "w": gc.symbol("w", (d,)),
    "A": gc.symbol("A", (n, n)),
    "B": gc.symbol("B", (n, n)),
    "C": gc.symbol("C", (n, n)),
    "X": gc.symbol("X", (n, n)),
    "Q": gc.symbol("Q", (n, n), facts=["symmetric"]),
    "P": gc.symbol("P", (n, n), facts=["spd"]),
    "D": gc.symbol("D", (n, d)),
    "E": gc.symbol("E", (n, d)),
    "F": gc.symbol("F", (d, d)),
    "W": gc.symbol("W", (d, k)),
    "V": gc.symbol("V", (k, d)),
    "Y": gc.symbol("Y", (n, k)),
    "T": gc.symbol("T", (n, k), facts=["one_hot"]),
    "H": gc.symbol("H", (n, k)),
    "U": gc.symbol("U", (n, q)),
    "R": gc.symbol("R", (d, q)),
    "t": gc.symbol("t", (n,), facts=["binary"]),
    "s": gc.symbol("s"),
    "r": gc.symbol("r", facts=["positive"]),
    "lam": gc.symbol("lam", facts=["positive"]),
    "gain": gc.symbol("gain", (d,)),
    "bias": gc.symbol("bias", (k,)),
    "eps": gc.symbol("eps", facts=["positive"]),
}
COOKBOOK = "Petersen, Pedersen: The Matrix Cookbook (2012), section "
PRML = "Bishop: Pattern Recognition and Machine Learning (2006), section "
ESL = "Hastie, Tibshirani, Friedman: The Elements of Statistical Learning (2009), section "
MLAPP = "Murphy: Machine Learning, a Probabilistic Perspective (2012), section "
DL = "Goodfellow, Bengio, Courville: Deep Learning (2016), section "
MAGNUS = "Magnus, Neudecker: Matrix Differential Calculus (2019), chapter "
BOYD = "Boyd, Vandenberghe: Convex Optimization (2004), section "

GRADIENTS: list[tuple[str, str, str, str]] = [
    # function, variable, published gradient, source
    ("det(X)", "X", "det(X)*inv(X).T", COOKBOOK + "2.1"),
    ("logdet(X)", "X", "inv(X).T", COOKBOOK + "2.1"),
    ("a @ inv(X) @ b", "X", "-inv(X).T @ outer(a, b) @ inv(X).T", COOKBOOK + "2.2"),
    ("trace(A @ inv(X) @ B)", "X", "-(inv(X) @ B @ A @ inv(X)).T", COOKBOOK + "2.2"),
    ("trace(inv(X))", "X", "-(inv(X) @ inv(X)).T", COOKBOOK + "2.2"),
    ("trace(inv(X + A))", "X", "-(inv(X + A) @ inv(X + A)).T", COOKBOOK + "2.2"),
    ("x @ a", "x", "a", COOKBOOK + "2.4"),
    ("a @ X @ b", "X", "outer(a, b)", COOKBOOK + "2.4"),
    ("a @ X.T @ b", "X", "outer(b, a)", COOKBOOK + "2.4"),
    ("a @ X @ a", "X", "outer(a, a)", COOKBOOK + "2.4"),
    ("b @ X.T @ X @ c", "X", "X @ (outer(b, c) + outer(c, b))", COOKBOOK + "2.4"),
    ("(B @ x + b) @ C @ (A @ x + a)", "x", "B.T @ C @ (A @ x + a) + A.T @ C.T @ (B @ x + b)", COOKBOOK + "2.4"),
    ("x @ B @ x", "x", "(B + B.T) @ x", COOKBOOK + "2.4"),
    ("x @ B @ x + b @ x", "x", "(B + B.T) @ x + b", COOKBOOK + "2.4"),
    ("b @ X.T @ C @ X @ c", "X", "C.T @ X @ outer(b, c) + C @ X @ outer(c, b)", COOKBOOK + "2.4"),
    ("(x - A @ a) @ Q @ (x - A @ a)", "a", "-2*A.T @ Q @ (x - A @ a)", COOKBOOK + "2.4"),
    ("(x - a) @ Q @ (x - a)", "x", "2*Q @ (x - a)", COOKBOOK + "2.4"),
    ("(x - a) @ Q @ (x - a)", "a", "-2*Q @ (x - a)", COOKBOOK + "2.4"),
    ("(x - A @ a) @ Q @ (x - A @ a)", "A", "-2*outer(Q @ (x - A @ a), a)", COOKBOOK + "2.4"),
    ("trace(X)", "X", "eye(n)", COOKBOOK + "2.5"),
    ("trace(X @ A)", "X", "A.T", COOKBOOK + "2.5"),
    ("trace(A @ X @ B)", "X", "A.T @ B.T", COOKBOOK + "2.5"),
    ("trace(A @ X.T @ B)", "X", "B @ A", COOKBOOK + "2.5"),
    ("trace(X.T @ A)", "X", "A", COOKBOOK + "2.5"),
    ("trace(X @ X)", "X", "2*X.T", COOKBOOK + "2.5"),
    ("trace(X @ X @ B)", "X", "(X @ B + B @ X).T", COOKBOOK + "2.5"),
    ("trace(X.T @ B @ X)", "X", "B @ X + B.T @ X", COOKBOOK + "2.5"),
    ("trace(X @ B @ X.T)", "X", "X @ B.T + X @ B", COOKBOOK + "2.5"),
    ("trace(A @ X @ B @ X)", "X", "A.T @ X.T @ B.T + B.T @ X.T @ A.T", COOKBOOK + "2.5"),
    ("trace(X.T @ X)", "X", "2*X", COOKBOOK + "2.5"),
    ("trace(X.T @ B @ X @ C)", "X", "B @ X @ C + B.T @ X @ C.T", COOKBOOK + "2.5"),
    ("trace(A @ X @ B @ X.T @ C)", "X", "A.T @ C.T @ X @ B.T + C @ A @ X @ B", COOKBOOK + "2.5"),
    ("trace((A @ X @ B + C) @ (A @ X @ B + C).T)", "X", "2*A.T @ (A @ X @ B + C) @ B.T", COOKBOOK + "2.5"),
    ("trace(A @ X @ X)", "X", "(A @ X + X @ A).T", COOKBOOK + "2.5"),
    ("norm(x - a)", "x", "(x - a)/norm(x - a)", COOKBOOK + "2.6"),
    ("norm(x)**2", "x", "2*x", COOKBOOK + "2.6"),
    ("norm(X)**2", "X", "2*X", COOKBOOK + "2.7"),
    ("trace(kron(A, X))", "X", "trace(A)*eye(n)", MAGNUS + "9"),
    ("x @ A @ x/(x @ x)", "x", "((A + A.T) @ x - 2*x*(x @ A @ x)/(x @ x))/(x @ x)", MAGNUS + "17"),
    ("logsumexp(x)", "x", "softmax(x)", BOYD + "3.1"),
    ("log(1 + exp(x @ a))", "x", "sigmoid(x @ a)*a", BOYD + "7.1"),
    ("sum(log(b - A @ x))", "x", "-A.T @ (1/(b - A @ x))", BOYD + "9.2"),
    ("-logdet(X)", "X", "-inv(X).T", BOYD + "A.4"),
    ("norm(D @ w - y)**2/2", "w", "D.T @ (D @ w - y)", PRML + "3.1"),
    ("norm(D @ w - y)**2/2 + lam*norm(w)**2/2", "w", "D.T @ (D @ w - y) + lam*w", PRML + "3.1"),
    ("sum(softplus(D @ w) - t*(D @ w))", "w", "D.T @ (sigmoid(D @ w) - t)", PRML + "4.3"),
    ("-sum(t*log(sigmoid(D @ w)) + (1 - t)*log(1 - sigmoid(D @ w)))", "w", "D.T @ (sigmoid(D @ w) - t)", PRML + "4.3"),
    ("sum(cross_entropy(softmax(D @ W), T))", "W", "D.T @ (softmax(D @ W) - T)", PRML + "4.3"),
    ("mean(cross_entropy(softmax(D @ W + bias), T))", "bias", "mean(softmax(D @ W + bias) - T, axis=0)", PRML + "5.2"),
    ("logdet(P) + (x - a) @ inv(P) @ (x - a)", "a", "-2*inv(P) @ (x - a)", PRML + "2.3"),
    (
        "logdet(P) + (x - a) @ inv(P) @ (x - a)",
        "P",
        "inv(P) - inv(P) @ outer(x - a, x - a) @ inv(P)",
        PRML + "2.3",
    ),
    ("n*log(r) + norm(y - D @ w)**2/(2*r**2)", "w", "D.T @ (D @ w - y)/r**2", PRML + "3.1"),
    ("n*log(r) + norm(y - D @ w)**2/(2*r**2)", "r", "n/r - norm(y - D @ w)**2/r**3", PRML + "3.1"),
    ("norm(D - U @ R.T)**2", "U", "2*(U @ R.T - D) @ R", PRML + "12.1"),
    ("norm(D - U @ R.T)**2", "R", "2*(U @ R.T - D).T @ U", PRML + "12.1"),
    ("norm(tanh(D @ W) @ V - E)**2/2", "V", "tanh(D @ W).T @ (tanh(D @ W) @ V - E)", PRML + "5.3"),
    (
        "norm(tanh(D @ W) @ V - E)**2/2",
        "W",
        "D.T @ (((tanh(D @ W) @ V - E) @ V.T)*(1 - tanh(D @ W)**2))",
        PRML + "5.3",
    ),
    ("sum(exp(D @ w) - y*(D @ w))", "w", "D.T @ (exp(D @ w) - y)", "McCullagh, Nelder: Generalized Linear Models, 6.2"),
    ("sum(y*exp(-(D @ w)) + D @ w)", "w", "D.T @ (1 - y*exp(-(D @ w)))", "McCullagh, Nelder: as above, 8.3"),
    ("mean(abs(D @ w - y))", "w", "D.T @ sign(D @ w - y)/n", ESL + "10.6"),
    ("sum(exp(-y*(D @ w)))", "w", "-D.T @ (y*exp(-y*(D @ w)))", ESL + "10.4"),
    ("sum(log(1 + exp(-y*(D @ w))))", "w", "-D.T @ (y*(1 - sigmoid(y*(D @ w))))", ESL + "10.6"),
    ("sum(log(cosh(D @ w - y)))", "w", "D.T @ tanh(D @ w - y)", ESL + "14.7"),
    ("x @ y/(norm(x)*norm(y))", "x", "(y - x*(x @ y)/norm(x)**2)/(norm(x)*norm(y))", MLAPP + "14.2"),
    ("exp(-norm(x - a)**2/(2*r**2))", "x", "-exp(-norm(x - a)**2/(2*r**2))*(x - a)/r**2", MLAPP + "14.2"),
    ("sum(lgamma(x)) - lgamma(sum(x))", "x", "digamma(x) - digamma(sum(x))", MLAPP + "3.4"),
    ("sum(softmax(x)*y)", "x", "softmax(x)*(y - softmax(x) @ y)", DL + "6.2"),
    ("-sum(softmax(x)*log_softmax(x))", "x", "-softmax(x)*(log_softmax(x) - softmax(x) @ log_softmax(x))", DL + "3.13"),
    ("sum(softplus(x))", "x", "sigmoid(x)", DL + "3.10"),
    ("sum(sigmoid(x))", "x", "sigmoid(x)*(1 - sigmoid(x))", DL + "3.10"),
    ("sum(tanh(x))", "x", "1 - tanh(x)**2", DL + "6.3"),
    (
        "norm(D - D @ W @ W.T)**2",
        "W",
        "-2*(D.T @ ((D - D @ W @ W.T) @ W) + (D - D @ W @ W.T).T @ (D @ W))",
        DL + "2.12",
    ),
    (
        "sum(exp(Y) + H**2 - 1 - Y)/2",
        "Y",
        "(exp(Y) - 1)/2",
        "Kingma, Welling: Auto-Encoding Variational Bayes (2014), appendix B",
    ),
    ("sum(exp(Y) + H**2 - 1 - Y)/2", "H", "H", "Kingma, Welling: as above"),
    (
        "sum(E*gain*(D - mean(D, axis=0))/std(D, axis=0))",
        "gain",
        "sum(E*(D - mean(D, axis=0))/std(D, axis=0), axis=0)",
        "Ioffe, Szegedy: Batch Normalization (2015), section 3",
    ),
    ("std(x)", "x", "(x - mean(x))/(n*std(x))", MAGNUS + "10"),
    ("var(x)", "x", "2*(x - mean(x))/n", MAGNUS + "10"),
    ("-sum(c*(y - log(B @ exp(y))))", "y", "exp(y)*(B.T @ (c/(B @ exp(y)))) - c", "Cox: Regression Models (1972), 3"),
]
HESSIANS: list[tuple[str, str, str, str]] = [
    ("x @ B @ x", "x", "B + B.T", COOKBOOK + "2.4"),
    ("norm(D @ w - y)**2", "w", "2*D.T @ D", PRML + "3.1"),
    ("norm(D @ w - y)**2/2 + lam*norm(w)**2/2", "w", "D.T @ D + lam*eye(d)", PRML + "3.1"),
    (
        "sum(softplus(D @ w) - t*(D @ w))",
        "w",
        "D.T @ ((sigmoid(D @ w)*(1 - sigmoid(D @ w)))[:, None]*D)",
        PRML + "4.3",
    ),
    ("sum(exp(D @ w) - y*(D @ w))", "w", "D.T @ (exp(D @ w)[:, None]*D)", "McCullagh, Nelder: as above, 6.2"),
    ("logsumexp(x)", "x", "diag(softmax(x)) - outer(softmax(x), softmax(x))", BOYD + "3.1"),
    ("norm(x)", "x", "(eye(n) - outer(x, x)/norm(x)**2)/norm(x)", BOYD + "A.4"),
    ("sum(log(x))", "x", "-diag(1/x**2)", BOYD + "9.2"),
    ("sum(x*log(x))", "x", "diag(1/x)", BOYD + "3.1"),
    ("exp(-norm(x)**2/2)", "x", "exp(-norm(x)**2/2)*(outer(x, x) - eye(n))", MLAPP + "14.2"),
    ("norm(D - U @ R.T)**2", "U", "2*einsum('ik,jl->ijkl', eye(n), R.T @ R)", PRML + "12.1"),
    ("logdet(X)", "X", "-einsum('jk,li->ijkl', inv(X), inv(X))", BOYD + "A.4"),
    ("trace(X.T @ B @ X)", "X", "einsum('ik,jl->ijkl', B + B.T, eye(n))", MAGNUS + "10"),
    ("(x - a) @ inv(P) @ (x - a)", "x", "2*inv(P)", COOKBOOK + "8.1"),
    ("var(x)", "x", "2*(eye(n) - 1/n)/n", MAGNUS + "10"),
]
JACOBIANS: list[tuple[str, str, str, str]] = [
    ("A @ x + b", "x", "A", COOKBOOK + "2.4"),
    ("softmax(x)", "x", "diag(softmax(x)) - outer(softmax(x), softmax(x))", DL + "6.2"),
    ("log_softmax(x)", "x", "eye(n) - softmax(x)", DL + "6.2"),
    ("x/norm(x)", "x", "(eye(n) - outer(x, x)/norm(x)**2)/norm(x)", MAGNUS + "9"),
    ("tanh(A @ x + b)", "x", "(1 - tanh(A @ x + b)**2)[:, None]*A", DL + "6.5"),
    ("inv(X)", "X", "-einsum('ik,lj->ijkl', inv(X), inv(X))", COOKBOOK + "2.2"),
    ("X @ A", "X", "einsum('ik,lj->ijkl', eye(n), A)", MAGNUS + "9"),
    ("X.T @ X", "X", "einsum('il,kj->ijkl', eye(n), X) + einsum('ki,jl->ijkl', X, eye(n))", MAGNUS + "9"),
    ("A @ diag(x) @ B", "x", "einsum('ik,kj->ijk', A, B)", MAGNUS + "9"),
    ("x - mean(x)", "x", "eye(n) - 1/n", MAGNUS + "10"),
]
MAPS = {"gradient": gc.grad, "hessian": gc.hessian, "jacobian": gc.jacobian}
CASES = [
    *(("gradient", *row) for row in GRADIENTS),
    *(("hessian", *row) for row in HESSIANS),
    *(("jacobian", *row) for row in JACOBIANS),
]
ROOM = 6  # characters that a form may have more than the published one
MORE = 2  # operations, where a cheaper order (outer(X @ b, c) for X @ outer(b, c)) takes more of them


@pytest.mark.parametrize(
    ("kind", "function", "by", "published", "source"), CASES, ids=[f"{c[0]} of {c[1]} by {c[2]}" for c in CASES]
)
def test_as_published(kind: str, function: str, by: str, published: str, source: str) -> None:
    f, x = gc.parse(function, **NAMES), NAMES[by]
    found = MAPS[kind](f, x)  # type: ignore[operator]
    expected = gc.parse(published, **NAMES)
    assert gc.parse(str(found), **NAMES) is found
    assert found.shape == expected.shape
    assert gc.count_ops(found) <= gc.count_ops(expected) + MORE, f"{found} against {published} ({source})"
    assert len(str(found)) <= len(published) + ROOM, f"{found} against {published} ({source})"
    verdict = gc.check(f, x, expected) if kind == "gradient" else gc.check(found, expected)
    assert verdict.status.value == "proved", f"{source}: {verdict}"


def test_the_table_is_large() -> None:
    assert len(CASES) >= 100
    assert all(source for *_, source in CASES)
