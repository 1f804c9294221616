"""Absolute values, signs and rectifiers of what cannot be negative, and powers of one base up to a factor."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n = gc.dims("n")
x, y = gc.symbol("x", (n,)), gc.symbol("y", (n,))
q = gc.symbol("q", (n,), facts=["positive"])
c = gc.symbol("c", (n,), facts=["nonnegative"])
t = gc.symbol("t", (n,), facts=["binary"])
p = gc.symbol("p", (n,), facts=["simplex"])
s, a = gc.symbol("s", facts=["positive"]), gc.symbol("a")
NAMES = {"x": x, "y": y, "q": q, "c": c, "t": t, "p": p, "s": s, "a": a, "n": n}

FORMS = [
    ("abs(q)", "q"),
    ("abs(-q)", "q"),
    ("relu(q)", "q"),
    ("maximum(q, 0)", "q"),
    ("sign(q)", "ones(n)"),
    ("abs(exp(x) + 1)", "exp(x) + 1"),
    ("abs(x**2 + 1)", "x**2 + 1"),
    ("abs(sum(x**2) + s)", "s + sum(x**2)"),
    ("abs(norm(x))", "norm(x)"),
    ("abs(abs(x))", "abs(x)"),
    ("relu(relu(x))", "relu(x)"),
    ("abs(p)", "p"),
    ("relu(t)", "t"),
    ("sign(sum(q))", "sign(sum(q))"),  # the sum of nothing is 0
    ("sign(p)", "sign(p)"),
    ("sign(x**2 + 1)", "ones(n)"),
    ("sign(x**2)", "sign(x**2)"),
    ("abs(c)", "abs(c)"),  # whose derivative at 0 is taken as 0
    ("abs(q - 1)", "abs(1 - q)"),
    ("abs(x*q)", "abs(q*x)"),
    ("abs(n - 5)", "abs(n - 5)"),
    ("abs(x**3)", "abs(x**3)"),
    ("log(abs(q))", "log(q)"),
    ("logdet(eye(n) + outer(x, x))", "log(sum(x**2) + 1)"),
    ("(q/2)**a/q", "(q/2)**(a - 1)/2"),
    ("(q/2 + 1)**a/(q + 2)", "(q/2 + 1)**(a - 1)/2"),
    ("(q/2 + 1)**a*(q + 2)**2", "4*(q/2 + 1)**(a + 2)"),
]
GRADIENTS = [
    ("sum(abs(q))", q, "ones(n)"),
    ("sum(abs(x**2 + 1))", x, "2*x"),
    ("abs(norm(x))", x, "x/norm(x)"),
    # rational quadratic kernel (Rasmussen, Williams 2006, (4.19)) and Student's t
    (
        "(1 + norm(x - y)**2/(2*a*s**2))**(-a)",
        x,
        "(sum((y - x)**2)/(2*a*s**2) + 1)**-(a + 1)*(y - x)/s**2",
    ),
    ("sum((1 + x**2/s)**(-(s + 1)/2))", x, "-(s + 1)*x*(x**2/s + 1)**(-(s + 3)/2)/s"),
]


def drawn(seed: int, dtype: str) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=4) for name in "xy"} | {"q": rng.uniform(0.2, 2, 4), "c": rng.uniform(0, 2, 4)}
    values |= {"t": rng.integers(0, 2, 4), "p": rng.dirichlet(np.ones(4)), "s": np.array(1.3), "a": np.array(1.7)}
    return {"n": 4} | {name: np.asarray(value, dtype) for name, value in values.items()}


@pytest.mark.parametrize(("text", "form"), FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forms(text: str, form: str, dtype: str) -> None:
    e = gc.parse(text, **NAMES)
    found = gc.simplify(e)
    assert str(found) == form
    for seed in (1, 2):
        values = drawn(seed, dtype)
        assert np.allclose(gc.evaluate(found, values), gc.evaluate(e, values), rtol=1e-5)


@pytest.mark.parametrize(("text", "by", "form"), GRADIENTS)
def test_gradients(text: str, by: gc.Expr, form: str) -> None:
    f = gc.parse(text, **NAMES)
    found = gc.grad(f, by)
    assert str(found) == form
    values, h = drawn(3, "float64"), 1e-6
    at = np.asarray(values[str(by.name)])
    along = np.random.default_rng(4).normal(size=at.shape)
    ahead, behind = (gc.evaluate(f, {**values, str(by.name): at + k * h * along}) for k in (1, -1))
    assert np.allclose(np.sum(gc.evaluate(found, values) * along), (ahead - behind) / (2 * h), rtol=1e-5)


def test_what_is_used_is_told() -> None:
    derivation = gc.derive(gc.sum(gc.abs(q) * x), x)
    assert any("positive of q" in fact for fact in derivation.facts)
    assert gc.check(gc.abs(q), q).facts
