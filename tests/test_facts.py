"""Facts: what simplification concludes from them, and where they must be put aside."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n, m = gc.dims("n m")


@pytest.mark.parametrize("fact", ["binary", "sign", "integer", "one_hot", "simplex", "unit_norm"])
@pytest.mark.parametrize(("formula", "derivative"), [("sum(x**2)", "2*x"), ("sum(y*x**3)", "3*y*x**2")])
def test_a_derivative_by_a_symbol_puts_aside_what_its_entries_would_break(
    fact: str, formula: str, derivative: str
) -> None:
    x, y = gc.symbol("x", (n,), facts=[fact]), gc.symbol("y", (n,))
    f = gc.parse(formula, x=x, y=y)
    assert gc.simplify(gc.grad(f, x)) is gc.simplify(gc.parse(derivative, x=x, y=y))
    assert gc.derive(f, x).result is gc.grad(f, x)


@pytest.mark.parametrize("fact", ["binary", "sign", "one_hot", "simplex"])
def test_a_gradient_by_a_symbol_can_be_differentiated_by_it_again(fact: str) -> None:
    b, v = gc.symbol("b", (n,), facts=[fact]), gc.symbol("v", (n,))
    first = gc.grad(gc.sum(b**3), b)
    assert str(first) == "3*b**2"
    assert str(gc.grad(gc.sum(first), b)) == "6*b"
    assert gc.grad(gc.sum(gc.grad(gc.sum(first), b) * v), b) is gc.simplify(6 * v)
    assert gc.jacobian(first, b) is gc.hessian(gc.sum(b**3), b)
    assert gc.vjp(first, b, v) is gc.hvp(gc.sum(b**3), b, v)


def test_second_derivatives_by_a_symmetric_matrix_are_entry_by_entry() -> None:
    S, K = gc.symbol("S", (3, 3), facts=["symmetric"]), gc.symbol("K", (3, 3))
    free = gc.symbol("S", (3, 3))
    rng = np.random.default_rng(0)
    a, k = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    values = {"S": a + a.T + 4 * np.eye(3), "K": k}
    for formula in ("logdet(S)", "trace(S @ S @ K)", "sum(inv(S)*K)"):
        second = []
        for matrix in (S, free):
            f = gc.parse(formula, S=matrix, K=K)
            second.append(gc.evaluate(gc.grad(gc.sum(gc.grad(f, matrix) * K), matrix), values))
        np.testing.assert_allclose(*second, 1e-10)


def test_facts_of_other_symbols_are_used() -> None:
    b, s, x = gc.symbol("b", (n,), facts=["binary"]), gc.symbol("s", (n,), facts=["sign"]), gc.symbol("x", (n,))
    assert gc.grad(gc.sum(b**2 * x), x) is b
    assert gc.grad(gc.sum(s**2 * x), x) is gc.ones(n)


SYMMETRIC = [
    ("reshape(S, (1, 9)) + u", "a reshaped matrix is another one"),
    ("einsum('ijkk->ij', Q).T - max(Q, axis=(2, 3))", "the first two axes were not the symmetric ones"),
    ("max(C, axis=2).T", "the largest entries along one of the symmetric axes"),
    ("min(C, axis=2).T @ v", "the smallest ones, in a product"),
    ("einsum('iij->ji', C)", "a diagonal over a leading axis"),
    ("S.T + max(C, axis=0).T", "what remains symmetric"),
]


@pytest.mark.parametrize("formula", [formula for formula, _ in SYMMETRIC])
def test_a_matrix_fact_stays_with_its_matrix(formula: str) -> None:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"S": (3, 3), "C": (3, 3, 3), "Q": (3, 3, 2, 2)}
    symmetric = {name: gc.symbol(name, shape, facts=["symmetric"]) for name, shape in shapes.items()}
    e = gc.parse(formula, **symmetric, u=(1, 9), v=(3,))
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values = {name: x + x.swapaxes(-1, -2) for name, x in values.items()} | {
        "u": np.ones((1, 9)),
        "v": rng.normal(size=3),
    }
    assert np.allclose(gc.evaluate(e, values), gc.evaluate(gc.simplify(e), values))


@pytest.mark.parametrize(
    "formula",
    [
        "sqrt((n - 5)**2)",
        "sqrt((n - 5)*(n - 7))",
        "((n - 5)**2*n)**(3/2)",
        "sqrt((n - 5)*a)",
        "sqrt((5 - n)*n)",
        "1/sqrt(2*n)",
    ],
)
@pytest.mark.parametrize("size", [2, 6, 9])
def test_a_size_under_a_root_may_be_negative(formula: str, size: int) -> None:
    e = gc.parse(formula, n=n, a=()) * gc.sum(gc.symbol("x", (n,)))
    values = {"x": np.ones(size), "a": -2.0}
    with np.errstate(all="ignore"):
        before, after = gc.evaluate(e, values), gc.evaluate(gc.simplify(e), values)
    assert np.allclose(before, after, equal_nan=True)


def test_roots_of_products_have_one_form() -> None:
    p, q = gc.symbol("p", (n,), facts=["positive"]), gc.symbol("q", (n,), facts=["positive"])
    third = gc.parse("1/3")
    assert gc.simplify((p * q) ** third) is gc.simplify(p**third * q**third)
    assert gc.simplify((p**3) ** third) is p


def test_a_derivation_names_the_facts_that_powers_used() -> None:
    b, s = gc.symbol("b", (n,), facts=["binary"]), gc.symbol("s", (n,), facts=["sign"])
    p, x = gc.symbol("p", (n,), facts=["positive"]), gc.symbol("x", (n,))
    derivation = gc.derive(gc.sum((b * x) ** 2 + (s * x) ** 2 + gc.sqrt(p**2 * x**2)), x)
    assert derivation.result is gc.grad(derivation.f, x)
    assert set(derivation.facts) == {"binary of b", "sign of s", "nonnegative of p"}
    assert gc.derive(gc.sum(gc.sqrt(gc.exp(x) * x**2)), x).facts == ()


def test_vectors_of_length_one() -> None:
    n, d = gc.dims("n d")
    w, W = gc.symbol("w", (n,), facts=["unit_norm"]), gc.symbol("W", (n, d), facts=["unit_norm"])
    x = gc.symbol("x", (n,))
    assert str(gc.simplify(gc.norm(w))) == "1"
    assert gc.grad(x @ x / (w @ w), x) is gc.grad(x @ x, x)
    assert gc.derive(x @ x / (w @ w), x).facts == ("unit_norm of w",)
    assert gc.simplify(gc.sum(W**2, axis=1)) is gc.ones(n)
    assert str(gc.simplify(gc.sum(W**2, axis=0))) == "sum(W**2, axis=0)"
    assert str(gc.grad(w @ w, w)) == "2*w"  # entries are free while the derivative is taken


def test_the_row_sums_of_a_symmetric_matrix_are_no_symmetric_matrix() -> None:
    P, v = gc.symbol("P", (n, n), facts=["symmetric"]), gc.symbol("v", (n,))
    a = np.random.default_rng(0).normal(size=(3, 3))
    values = {"P": a + a.T, "v": np.array([1.0, 2.0, 3.0])}
    rows = P - gc.mean(P, axis=0)[:, None]
    for f in (rows.T - rows, (P @ (rows / v[:, None]) @ P).T, gc.broadcast_to(gc.sum(P, axis=0)[:, None], (n, n)).T):
        np.testing.assert_allclose(gc.evaluate(gc.simplify(f), values), gc.evaluate(f, values))
        assert gc.simplify(f) is not gc.simplify(f.T)
    S = gc.symbol("S", (n, n))
    f = gc.sum(gc.sqrt(1 + gc.var(gc.inv(S @ S.T + 2 * gc.eye(n)), axis=1)))
    step = 1e-6 * np.random.default_rng(1).normal(size=(3, 3))
    difference = gc.evaluate(f, {"S": a + step}) - gc.evaluate(f, {"S": a - step})
    assert np.sum(gc.evaluate(gc.grad(f, S), {"S": a}) * step) == pytest.approx(difference / 2, rel=1e-5)
