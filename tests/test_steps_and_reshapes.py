"""Selections that are comparisons, what a kink's own factor makes needless, and reshapes that undo each other."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n, m = gc.dims("n m")
x, y, a = (gc.symbol(name, (n,)) for name in "xya")
tau = gc.symbol("tau", facts=["positive"])
A, B, C, X = (gc.symbol(name, (n, n)) for name in "ABCX")
D = gc.symbol("D", (n, m))
w = gc.symbol("w", (m,))
NAMES = {"x": x, "y": y, "a": a, "tau": tau, "A": A, "B": B, "C": C, "X": X, "D": D, "w": w, "n": n, "m": m}

FORMS = [
    ("where(x > y, 1 - tau, -tau)", "(x > y) - tau"),
    ("where(x < y, -tau, 1 - tau)", "(x >= y) - tau"),
    ("where(x < y, tau - 1, tau)", "tau - (x < y)"),
    ("where(x > y, a - 1, a)", "a - (x > y)"),
    ("where(x >= y, a, a + 1)", "(x < y) + a"),
    ("where(x > 0, 1, -1)", "where(x > 0, 1, -1)"),
    ("where(x > 0, 2, 1)", "where(x > 0, 2, 1)"),
    ("where(x > y, a + 2, a)", "where(x > y, a + 2, a)"),
    ("where(x, a + 1, a)", "where(x, a + 1, a)"),  # where x is not 0, which is no number 1
    ("(norm(x) < tau)*relu(tau - norm(x))", "relu(tau - norm(x))"),
    ("(norm(x) < tau)*(tau - norm(x))", "relu(tau - norm(x))"),
    ("(norm(x) > tau)*relu(tau - norm(x))", "(norm(x) > tau)*relu(tau - norm(x))"),
    ("reshape(reshape(X, (n*n,)) - reshape(C, (n*n,)), (n, n))", "X - C"),
    ("reshape(2*reshape(D, (n*m,)) + 1, (n, m))", "2*D + 1"),
    ("sum((reshape(D, (n*m,)) - 1)**2)", "sum((1 - D)**2)"),
    ("reshape(reshape(D, (m, n)) + reshape(D, (m, n))**2, (n, m))", "D*(D + 1)"),
    ("reshape(D + 1, (m, n))", "reshape(D + 1, (m, n))"),
]
GRADIENTS = [
    ("sum(maximum(tau*(y - D @ w), (tau - 1)*(y - D @ w)))", w, "D.T @ ((D @ w > y) - tau)"),
    ("sum(where(y > x, tau*(y - x), (tau - 1)*(y - x)))", x, "(x >= y) - tau"),
    ("maximum(0, tau - norm(x))**2", x, "-2*x*relu(tau - norm(x))/norm(x)"),
    ("norm(kron(A, B) @ ravel(X) - ravel(C))**2", X, "2*A.T @ (A @ X @ B.T - C) @ B"),
    ("norm(ravel(X) - ravel(C))**2", X, "2*(X - C)"),
    ("norm(kron(A, B) @ ravel(X) - kron(x, y))**2", X, "2*A.T @ (A @ X @ B.T - outer(x, y)) @ B"),
    ("sum((1 + x/tau)**(-a))", x, "-a*(x/tau + 1)**-(a + 1)/tau"),
]


def drawn(seed: int, dtype: str) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    sizes = {"n": 4, "m": 3}
    values: dict[str, object] = dict(sizes)
    for s in (x, y, a, A, B, C, X, D, w):
        values[str(s.name)] = np.round(rng.normal(size=[sizes[str(z)] for z in s.shape]), 1).astype(dtype)
    values["x"] = np.where(rng.random(4) < 0.3, values["y"], values["x"])
    return values | {"tau": np.array(1.3, dtype)}


@pytest.mark.parametrize(("text", "form"), FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forms(text: str, form: str, dtype: str) -> None:
    e = gc.parse(text, **NAMES)
    found = gc.simplify(e)
    assert str(found) == form
    assert gc.parse(form, **NAMES) is found
    for seed in range(4):
        values = drawn(seed, dtype)
        assert np.allclose(gc.evaluate(found, values), gc.evaluate(e, values), rtol=1e-5)


@pytest.mark.parametrize(("text", "by", "form"), GRADIENTS)
def test_gradients(text: str, by: gc.Expr, form: str) -> None:
    f = gc.parse(text, **NAMES)
    assert str(gc.grad(f, by)) == form
    verdict = gc.check(f, by, form)
    assert verdict.status.value == "proved", str(verdict)


JACOBIANS = [
    ("kron(a, x)", x, "kron(a[:, None], eye(n))"),
    ("kron(x, a)", x, "kron(eye(n), a[:, None])"),
    ("ravel(outer(x, a))", x, "kron(eye(n), a[:, None])"),
    ("kron(x, x)", x, "kron(eye(n), x[:, None]) + kron(x[:, None], eye(n))"),
    ("kron(D @ w, a)", w, "kron(D, a[:, None])"),
    ("kron(x, x) - kron(a, x)", x, None),
]


@pytest.mark.parametrize(("text", "by", "form"), JACOBIANS)
def test_jacobians_of_kronecker_products(text: str, by: gc.Expr, form: str | None) -> None:
    f = gc.parse(text, **NAMES)
    found = gc.jacobian(f, by)
    assert form is None or str(found) == form
    assert "kron" in str(found) and "n**2" not in str(found)
    assert gc.parse(str(found), **gc.names(found)) is found
    values = drawn(0, "float64")
    at, columns, h = np.asarray(values[str(by.name)]), [], 1e-6
    for direction in np.eye(at.size):
        ahead, behind = ({**values, str(by.name): at + s * h * direction} for s in (1, -1))
        columns.append((gc.evaluate(f, ahead) - gc.evaluate(f, behind)) / (2 * h))
    assert np.allclose(gc.evaluate(found, values), np.stack(columns, axis=1), atol=1e-6)


def test_an_axis_is_counted_from_the_front() -> None:
    assert str(gc.simplify(gc.exp(D) / gc.sum(gc.exp(D), axis=0))) == "softmax(D, axis=0)"
    assert gc.parse("softmax(D, axis=0)", D=D) is gc.softmax(D, axis=-2)
