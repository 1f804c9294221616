"""Special functions, inverses of trigonometric ones, statistics, linear algebra: values, derivatives, printed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from test_maps import differences

import graphc as gc
from graphc.ops import kernels

RNG = np.random.default_rng(0)
SIZES = {"n": 3, "m": 2, "k": 2}
NEAR = "X + 4*eye(n)"
VECTOR: dict[str, Any] = {"x": ("n",)}
SQUARE: dict[str, Any] = {"X": ("n", "n")}

# formula, shapes, variable, the same in NumPy
ROWS: list[tuple[str, dict[str, Any], str, Callable[..., Any]]] = [
    ("tan(x)", VECTOR, "x", np.tan),
    ("sinh(x)", VECTOR, "x", np.sinh),
    ("cosh(x)", VECTOR, "x", np.cosh),
    ("arcsin(x/2)", VECTOR, "x", lambda x: np.arcsin(x / 2)),
    ("arccos(x/2)", VECTOR, "x", lambda x: np.arccos(x / 2)),
    ("arctan(x)", VECTOR, "x", np.arctan),
    ("arcsinh(x)", VECTOR, "x", np.arcsinh),
    ("arccosh(x + 3)", VECTOR, "x", lambda x: np.arccosh(x + 3)),
    ("arctanh(x/2)", VECTOR, "x", lambda x: np.arctanh(x / 2)),
    ("erf(x)", VECTOR, "x", lambda x: np.vectorize(mpmath.erf)(x).astype(float)),
    ("lgamma(x + 2)", VECTOR, "x", lambda x: np.vectorize(mpmath.loggamma)(x + 2).astype(float)),
    ("digamma(x + 2)", VECTOR, "x", lambda x: np.vectorize(mpmath.digamma)(x + 2).astype(float)),
    ("polygamma(2, x + 2)", VECTOR, "x", lambda x: np.vectorize(mpmath.polygamma)(2, x + 2).astype(float)),
    ("var(x)", VECTOR, "x", np.var),
    ("var(x, ddof=1)", VECTOR, "x", lambda x: np.var(x, ddof=1)),
    ("std(X, axis=0, keepdims=True)", SQUARE, "X", lambda X: np.std(X, axis=0, keepdims=True)),
    ("clip(x, -1/2, 1/4)", VECTOR, "x", lambda x: np.clip(x, -0.5, 0.25)),
    (f"inv({NEAR})", SQUARE, "X", lambda X: np.linalg.inv(X + 4 * np.eye(3))),
    (f"inv({NEAR})", {"X": ("m", "n", "n")}, "X", lambda X: np.linalg.inv(X + 4 * np.eye(3))),
    (f"det({NEAR})", SQUARE, "X", lambda X: np.linalg.det(X + 4 * np.eye(3))),
    (f"logdet({NEAR})", SQUARE, "X", lambda X: np.linalg.slogdet(X + 4 * np.eye(3))[1]),
    (f"logdet({NEAR})", {"X": ("m", "n", "n")}, "X", lambda X: np.linalg.slogdet(X + 4 * np.eye(3))[1]),
    (f"solve({NEAR}, x)", SQUARE | VECTOR, "X", lambda X, x: np.linalg.solve(X + 4 * np.eye(3), x)),
    (f"solve({NEAR}, x)", SQUARE | VECTOR, "x", lambda X, x: np.linalg.solve(X + 4 * np.eye(3), x)),
    (f"solve({NEAR}, B)", {**SQUARE, "B": ("n", "m")}, "X", lambda X, B: np.linalg.solve(X + 4 * np.eye(3), B)),
    ("kron(A, X)", {"A": ("m", "k"), **SQUARE}, "X", np.kron),
    ("kron(a, x)", {"a": ("m",), **VECTOR}, "x", np.kron),
    (
        "einsum('...ij,...jk->...ik', P, Q)",
        {"P": ("m", "n", "k"), "Q": ("k", "n")},
        "P",
        lambda P, Q: np.einsum("...ij,...jk->...ik", P, Q),
    ),
    ("einsum('...i,i', P, x)", {"P": ("m", "k", "n"), **VECTOR}, "x", lambda P, x: np.einsum("...i,i", P, x)),
    ("einsum('i...->...', P)", {"P": ("m", "k", "n")}, "P", lambda P: np.einsum("i...->...", P)),
]
IDS = [f"{row[0]} by {row[2]} {row[1][row[2]]}" for row in ROWS]


def bound(names: dict[str, Any]) -> dict[str, Any]:
    return {name: RNG.uniform(-0.9, 0.9, [SIZES[s] for s in shape]) for name, shape in names.items()}


@pytest.mark.parametrize(("text", "names", "at", "reference"), ROWS, ids=IDS)
def test_value_and_derivatives(text: str, names: dict[str, Any], at: str, reference: Callable[..., Any]) -> None:
    e = gc.parse(text, **names)
    assert gc.parse(str(e), **gc.names(e)) is e
    symbols = [gc.symbol(name, shape) for name, shape in names.items()]
    x = gc.symbol(at, names[at])
    arrays = bound(names)
    values = arrays | SIZES
    expected = reference(*arrays.values())
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-12, atol=1e-13)
    weights = gc.constant(np.arange(1, 1 + expected.size).reshape(expected.shape) / 8)
    loss = gc.sum(gc.broadcast_to(weights, e.shape) * e) if not e.shape else gc.sum(e**2)
    first = gc.grad(loss, x)
    second = gc.hessian(loss, x)
    slope = differences(lambda moved: gc.evaluate(loss, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(first, values), slope, rtol=1e-6, atol=1e-7)
    bend = differences(lambda moved: gc.evaluate(first, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(second, values), bend, rtol=1e-6, atol=1e-6)
    stack = differences(lambda moved: gc.evaluate(e, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(gc.jacobian(e, x), values), stack, rtol=1e-6, atol=1e-7)
    for result in (first, second):
        assert gc.parse(str(result), **gc.names(result)) is result
    for style in ("readable", "fast"):
        for dtype in (np.float64, np.float32):
            given = [values[str(s.name)].astype(dtype) for s in symbols]
            outputs = gc.compile([e, first], symbols, style=style)(*given)
            assert all(out.dtype == dtype for out in outputs)
            tolerance = 1e-9 if dtype == np.float64 else 2e-4
            for out, wanted in zip(outputs, (expected, slope), strict=True):
                np.testing.assert_allclose(out, wanted, rtol=max(tolerance, 1e-6), atol=10 * tolerance + 1e-7)


@pytest.mark.parametrize("name", ["erf", "lgamma", "digamma"])
def test_special_functions_are_precise_everywhere(name: str) -> None:
    exact = {
        "erf": mpmath.erf,
        "lgamma": lambda v: mpmath.log(abs(mpmath.gamma(v))),
        "digamma": mpmath.digamma,
    }[name]
    points = np.array([-30.5, -3.3, -0.5, -1e-8, 1e-8, 0.1, 0.5, 1.5, 2.4, 2.5, 2.6, 3.7, 9.9, 10, 30, 1e4])
    wanted = np.array([float(exact(mpmath.mpf(float(v)))) for v in points])
    kernel = getattr(kernels, name)
    np.testing.assert_allclose(kernel(points), wanted, rtol=5e-14)
    single = kernel(points.astype(np.float32)[3:])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted[3:], rtol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_polygamma_is_precise(order: int) -> None:
    points = np.array([-3.3, -0.5, 0.1, 1, 2.5, 30, 1e4])
    wanted = [float(mpmath.polygamma(order, mpmath.mpf(float(v)))) for v in points]
    np.testing.assert_allclose(kernels.polygamma(order, points), wanted, rtol=1e-13)


def test_textbook_forms() -> None:
    n = gc.dims("n")
    X, A, a, b = (gc.symbol(name, shape) for name, shape in (("X", (n, n)), ("A", (n, n)), ("a", (n,)), ("b", (n,))))
    forms = {
        "inv(X).T": gc.logdet(X),  # Petersen and Pedersen, The Matrix Cookbook, (57)
        "det(X)*inv(X).T": gc.det(X),  # (49)
        "-outer(a @ inv(X), inv(X) @ b)": a @ gc.inv(X) @ b,  # (61)
        "-inv(X).T @ A.T @ inv(X).T": gc.trace(gc.inv(X) @ A),  # (63) for B = I
        "-outer(solve(X.T, a), solve(X, b))": a @ gc.solve(X, b),
    }
    for text, f in forms.items():
        assert str(gc.grad(f, X)) == text
        assert gc.check(f, X, text).status == "proved"
    assert gc.check(gc.logdet(X), X, "inv(X)").status == "wrong"
    x = gc.symbol("x", (n,))
    assert gc.check(gc.sum(gc.erf(x)), x, "2/sqrt(pi)*exp(-x**2)").status == "proved"
    assert gc.grad(gc.sum(gc.lgamma(x)), x) is gc.digamma(x)
    assert gc.latex(gc.inv(X.T)) == r"\mathbf{X}^{-\top}"


def test_wrong_uses_are_explained() -> None:
    X, x = gc.symbol("X", ("n", "m")), gc.symbol("x", ("n",))
    for use, text in [
        (lambda: gc.inv(X), r"inv\(X\): needs a square matrix, got \(n, m\)"),
        (lambda: gc.solve(X, x), r"solve\(X\): needs a square matrix"),
        (lambda: gc.solve(gc.eye(3), x), "the right side must be"),
        (lambda: gc.kron(X, x), "both must be vectors or both matrices"),
        (lambda: gc.einsum("..i->i", x), "an ellipsis is three dots"),
        (lambda: gc.einsum("...ijk->i", X), "names more axes than its array has"),
        (lambda: gc.var(x, ddof=0.5), "ddof must be a whole number"),  # type: ignore[arg-type]
        (lambda: gc.polygamma(x, x), "polygamma needs a whole number from 0 up"),
    ]:
        with pytest.raises(gc.GraphcError, match=text):
            use()
