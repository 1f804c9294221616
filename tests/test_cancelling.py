"""What products with inverses, solutions, exponentials and orthogonal matrices cancel, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n, d = gc.dims("n d")
A, B, C = (gc.symbol(name, (n, n)) for name in "ABC")
P = gc.symbol("P", (n, n), facts=["spd"])
O = gc.symbol("O", (n, n), facts=["orthogonal"])  # noqa: E741 - as in papers
D, E, Y = (gc.symbol(name, (n, d)) for name in "DEY")
Q = gc.symbol("Q", (d, d))
x, b = gc.symbol("x", (n,)), gc.symbol("b", (n,))
w = gc.symbol("w", (d,))
u = gc.symbol("u", (n,), facts=["unit_norm"])
q, s = gc.symbol("q", (n,), facts=["positive"]), gc.symbol("s", facts=["positive"])
NAMES = {
    "u": u,
    "s": s,
    "d": d,
    "A": A,
    "B": B,
    "C": C,
    "P": P,
    "O": O,
    "D": D,
    "E": E,
    "Y": Y,
    "Q": Q,
    "x": x,
    "b": b,
    "w": w,
    "q": q,
    "n": n,
}

CASES = [
    ("D @ inv(D.T @ D) @ D.T @ D", "D"),
    ("D @ (inv(D.T @ D) @ (D.T @ (D @ w)))", "D @ w"),
    ("D.T @ (D @ (inv(D.T @ D) @ w))", "w"),
    ("trace(D @ inv(D.T @ D) @ D.T)", "d"),
    ("D @ inv(D.T @ D) @ D.T @ (D @ inv(D.T @ D) @ D.T)", "D @ (inv(D.T @ D) @ D.T)"),  # a projector
    ("(eye(n) - D @ inv(D.T @ D) @ D.T) @ D", "zeros(n, d)"),
    ("inv(D.T @ P @ D) @ (D.T @ P @ D)", "eye(d)"),
    ("D @ inv(D.T*q @ D) @ (D.T*q @ D)", "D"),
    ("inv(E.T @ D) @ E.T @ D", "eye(d)"),
    ("E @ inv(D.T @ E) @ D.T @ E", "E"),
    ("inv(A @ B @ C) @ A @ B @ C", "eye(n)"),
    ("A @ B @ C @ inv(A @ B @ C) @ x", "x"),
    ("inv(A @ P @ A.T) @ A @ P @ A.T", "eye(n)"),
    ("inv(inv(A) @ inv(B))", "B @ A"),
    ("inv(inv(A) @ B)", "inv(B) @ A"),
    ("inv(inv(A).T @ B)", "inv(B) @ A.T"),
    ("inv(A @ inv(B).T)", "B.T @ inv(A)"),
    ("inv(A.T @ inv(B))", "B @ inv(A).T"),
    ("expm(A) @ expm(-A)", "eye(n)"),
    ("expm(A) @ inv(expm(A)) @ x", "x"),
    ("solve(P, P @ x)", "x"),
    ("solve(A, A @ B @ x)", "B @ x"),
    ("solve(D.T @ D, D.T @ D)", "eye(d)"),
    ("solve(D.T @ D, D.T @ (D @ w))", "w"),
    ("solve(A.T @ A, A.T @ b)", "solve(A, b)"),
    ("solve(A @ B, A @ b)", "solve(B, b)"),
    ("norm(O @ x)", "norm(x)"),
    ("norm(O @ D)", "norm(D)"),
    ("norm(A @ O)", "norm(A)"),
    ("norm(O @ (x - b))", "norm(b - x)"),
    ("sum((x @ O)**2)", "sum(x**2)"),
    ("D @ inv(D.T @ D) @ D.T @ (x - D @ inv(D.T @ D) @ (D.T @ x))", "zeros(n)"),
    ("u @ (x - u*(u @ x))", "0"),
    ("u @ (u*(u @ x) - 2*x)", "-u @ x"),
    ("inv(A/s + B)/s", "inv(s*B + A)"),
    ("inv(A/s + B)", "inv(A/s + B)"),
    ("det(eye(n) + outer(x, b))", "b @ x + 1"),
    ("logdet(eye(n) + s*outer(x, b))", "log(abs(s*(b @ x) + 1))"),
    ("det(eye(n) - 2*outer(u, u))", "-1"),
    ("det(eye(n) + A)", "det(A + eye(n))"),
    ("2*sum(log(diag(cholesky(P))))", "logdet(P)"),
    ("det(cholesky(P))", "sqrt(det(P))"),
    ("sum(exp(eigvalsh(A)))", "trace(expm((A + A.T)/2))"),
]
GRADIENTS = [
    ("norm(x - D @ inv(D.T @ D) @ (D.T @ x))**2", x, "2*(x - D @ (inv(D.T @ D) @ (D.T @ x)))"),
    ("norm(x - u*(u @ x))**2", x, "2*(x - u*(u @ x))"),
    (  # variable projection (Golub, Pereyra 1973)
        "norm(x - D @ inv(D.T @ D) @ (D.T @ x))**2",
        D,
        "2*outer(D @ (inv(D.T @ D) @ (D.T @ x)) - x, inv(D.T @ D) @ (D.T @ x))",
    ),
    ("logdet(eye(d) + D.T @ D/s)", D, "2*D @ inv(D.T @ D + s*eye(d))"),
    ("logdet(eye(n) + outer(x, b))", x, "b/(b @ x + 1)"),
    ("sum(log(diag(cholesky(s*P + eye(n)))))", s, "sum(P*inv(s*P + eye(n)))/2"),
    ("norm(w - Q @ inv(D.T @ D) @ (D.T @ x))**2", w, "2*(w - Q @ (inv(D.T @ D) @ (D.T @ x)))"),
]

STAY = [  # what is no whole product, or meets it on the wrong side, or in another order
    "inv(D.T @ D) @ E.T @ D",
    "D @ inv(E.T @ D) @ D.T @ E",
    "inv(A @ B) @ B @ A",
    "inv(A @ B @ C) @ C @ B @ A",
    "D @ inv(D.T @ D + Q) @ D.T @ D",
    "D.T*q @ D @ inv(D.T @ D)",
    "sum((O*A)**2)",
    "sum((O @ x)**4)",
    "norm(O @ x + b)",
    "norm(A @ x)",
    "norm(O @ D, axis=1)",
    "expm(A) @ expm(B)",
    "solve(A, B @ x)",
    "solve(A @ B, B @ b)",
    "solve(D.T @ D, D.T @ E)",
]


def drawn(seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    sizes = {"n": 5, "d": 3}
    values: dict[str, object] = dict(sizes)
    for s in NAMES.values():
        if isinstance(s, gc.Expr):
            values[str(s.name)] = rng.normal(size=[sizes[str(z)] for z in s.shape])
    a = rng.normal(size=(5, 5))
    unit = rng.normal(size=5)
    values |= {"u": unit / np.linalg.norm(unit), "s": np.array(1.7)}
    return values | {"P": a @ a.T + np.eye(5), "O": np.linalg.qr(a)[0], "q": rng.uniform(0.5, 2, 5)}


@pytest.mark.parametrize(("text", "form"), CASES)
def test_what_cancels(text: str, form: str) -> None:
    e = gc.parse(text, **NAMES)
    found = gc.simplify(e)
    assert str(found) == form
    for seed in (1, 2):
        assert np.allclose(gc.evaluate(e, drawn(seed)), gc.evaluate(found, drawn(seed)), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("text", STAY)
def test_what_does_not_cancel(text: str) -> None:
    e = gc.parse(text, **NAMES)
    found = gc.simplify(e)
    assert "inv" not in text or "inv" in str(found)
    for seed in (1, 2):
        assert np.allclose(gc.evaluate(e, drawn(seed)), gc.evaluate(found, drawn(seed)), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("text", "by", "form"), GRADIENTS)
def test_gradients(text: str, by: gc.Expr, form: str) -> None:
    f = gc.parse(text, **NAMES)
    found = gc.grad(f, by)
    assert str(found) == form
    values, h = drawn(3), 1e-6
    at = np.asarray(values[str(by.name)])
    along = np.random.default_rng(4).normal(size=at.shape)
    ahead, behind = (gc.evaluate(f, {**values, str(by.name): at + c * h * along}) for c in (1, -1))
    assert np.allclose(np.sum(gc.evaluate(found, values) * along), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)


def test_gradients_through_what_cancels() -> None:
    f = gc.norm(O @ x) * gc.sum(x)
    derivation = gc.derive(f, x)
    assert str(derivation.result) == "x*sum(x)/norm(x) + norm(x)"
    assert any("orthogonal" in fact for fact in derivation.facts)
    projected = gc.sum(D @ (gc.inv(D.T @ D) @ (D.T @ (D @ w))))
    assert str(gc.grad(projected, w)) == "sum(D, axis=0)"
    assert gc.check(gc.norm(D - D @ gc.inv(D.T @ D) @ D.T @ D), "0").status.value == "proved"
