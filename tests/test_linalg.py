"""Factorizations and functions of matrices: values, derivatives to third order, both emission styles, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from test_maps import differences

import graphc as gc

RNG = np.random.default_rng(3)
SIZES = {"n": 3, "m": 2, "k": 2}
SQUARE, STACK, WIDE, TALL = ("n", "n"), ("m", "n", "n"), ("m", "n"), (3, 2)
SPD = "X @ X.T + eye(n)"
NEAR = "X + 4*eye(n)"


def part(a: Any) -> Any:
    """The symmetric part."""
    return (a + np.swapaxes(a, -1, -2)) / 2


def exponential(a: Any) -> Any:
    """mpmath's exponential of each matrix."""
    flat = [np.array(mpmath.expm(mpmath.matrix(x.tolist())).tolist(), float) for x in a.reshape(-1, *a.shape[-2:])]
    return np.reshape(flat, a.shape)


# formula, shape of X, the same in NumPy
ROWS: list[tuple[str, Any, Callable[[Any], Any]]] = [
    (f"cholesky({SPD})", SQUARE, lambda x: np.linalg.cholesky(x @ x.T + np.eye(3))),
    (f"cholesky({NEAR})", SQUARE, lambda x: np.linalg.cholesky(part(x) + 4 * np.eye(3))),
    (f"cholesky({NEAR})", STACK, lambda x: np.linalg.cholesky(part(x) + 4 * np.eye(3))),
    ("eigvalsh(X)", SQUARE, lambda x: np.linalg.eigvalsh(part(x))),
    ("eigvalsh(X)", STACK, lambda x: np.linalg.eigvalsh(part(x))),
    ("eigh_vectors(X)", SQUARE, lambda x: np.linalg.eigh(part(x))[1]),
    ("eigh_vectors(X)", STACK, lambda x: np.linalg.eigh(part(x))[1]),
    ("svdvals(X)", SQUARE, lambda x: np.linalg.svd(x)[1]),
    ("svdvals(X)", WIDE, lambda x: np.linalg.svd(x)[1]),
    ("svd_u(X)", SQUARE, lambda x: np.linalg.svd(x)[0]),
    ("svd_u(X)", WIDE, lambda x: np.linalg.svd(x, full_matrices=False)[0]),
    ("svd_u(X)", TALL, lambda x: np.linalg.svd(x, full_matrices=False)[0]),
    ("svd_vt(X)", WIDE, lambda x: np.linalg.svd(x, full_matrices=False)[2]),
    ("svd_vt(X)", ("k", 2, 3), lambda x: np.linalg.svd(x, full_matrices=False)[2]),
    ("matrix_power(X, 0)", SQUARE, lambda x: np.eye(3)),
    ("matrix_power(X, 2)", SQUARE, lambda x: x @ x),
    ("matrix_power(X, 4)", STACK, lambda x: np.linalg.matrix_power(x, 4)),
    ("matrix_power(X, 11)", SQUARE, lambda x: np.linalg.matrix_power(x, 11)),
    (f"matrix_power({NEAR}, -3)", SQUARE, lambda x: np.linalg.matrix_power(x + 4 * np.eye(3), -3)),
    ("expm(X)", SQUARE, exponential),
    ("expm(3*X)", STACK, lambda x: exponential(3 * x)),
    ("pinv(X)", WIDE, np.linalg.pinv),
    ("pinv(X)", TALL, np.linalg.pinv),
    ("pinv(X)", ("k", 2, 3), np.linalg.pinv),
]


def size_of(d: Any) -> int:
    return d if isinstance(d, int) else SIZES[d]


@pytest.mark.parametrize(("text", "shape", "reference"), ROWS, ids=[f"{r[0]} {r[1]}" for r in ROWS])
def test_value_and_three_derivatives(text: str, shape: Any, reference: Callable[[Any], Any]) -> None:
    e, x = gc.parse(text, X=shape), gc.symbol("X", shape)
    assert gc.parse(str(e), **gc.names(e)) is e
    array = RNG.uniform(-0.9, 0.9, [size_of(d) for d in shape])
    expected = reference(array)
    G, D = gc.symbol("G", e.shape), gc.symbol("D", x.shape)
    values = {"X": array, "G": RNG.uniform(-1, 1, expected.shape), "D": RNG.uniform(-1, 1, array.shape), **SIZES}
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-10, atol=1e-12)
    loss = gc.sum(G * e) + gc.sum(e**3) / 4
    along = gc.sum(gc.hvp(loss, x, D) * D)
    derivatives = {e: gc.jacobian(e, x), loss: gc.grad(loss, x), along: gc.grad(along, x)}
    derivatives[derivatives[loss]] = gc.hessian(loss, x)
    for f, df in derivatives.items():
        slope = differences(lambda moved, f=f: gc.evaluate(f, moved), values, "X")
        scale = max(1.0, float(np.max(np.abs(slope), initial=0)))
        np.testing.assert_allclose(gc.evaluate(df, values) / scale, slope / scale, rtol=0, atol=1e-6)
        assert gc.parse(str(df), **gc.names(df)) is df
    assert "undefined" not in gc.latex(derivatives[loss])
    gradient = gc.evaluate(derivatives[loss], values)
    for style in ("readable", "fast"):
        for dtype in (np.float64, np.float32):
            step = gc.compile([e, derivatives[loss]], [x, G], style=style)
            outputs = step(array.astype(dtype), values["G"].astype(dtype))
            assert all(out.dtype == dtype for out in outputs)
            tolerance = 1e-9 if dtype == np.float64 else 2e-3
            for out, wanted in zip(outputs, (expected, gradient), strict=True):
                np.testing.assert_allclose(out, wanted, rtol=tolerance, atol=tolerance * (1 + np.max(np.abs(wanted))))


@pytest.mark.parametrize(("text", "shape", "reference"), ROWS, ids=[f"{r[0]} {r[1]}" for r in ROWS])
def test_sizes_zero_and_one(text: str, shape: Any, reference: Callable[[Any], Any]) -> None:
    names = [d for d in dict.fromkeys(shape) if isinstance(d, str)]
    e, x = gc.parse(text, X=shape), gc.symbol("X", shape)
    g = gc.grad(gc.sum(e**2) + gc.sum(e), x)
    step = gc.compile([e, g], [x])
    for sizes in (dict.fromkeys(names, s) for s in (0, 1)):
        array = RNG.uniform(0.5, 0.9, [d if isinstance(d, int) else sizes[d] for d in shape])
        value, gradient = step(array)
        assert value.shape == gc.evaluate(e, {"X": array, **sizes}).shape
        assert gradient.shape == array.shape
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("size", [1e-3, 0.3, 1.0, 3.0, 30.0])
def test_exponential_is_precise(size: float) -> None:
    X = gc.symbol("X", SQUARE)
    array = RNG.uniform(-size, size, (3, 3))
    wanted = exponential(array)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-4)):
        if dtype == np.float32 and size > 3:
            continue
        found = gc.evaluate(gc.expm(X), {"X": array.astype(dtype)})
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.max(np.abs(wanted)))
    nilpotent = np.array([[0, 1e5, 0], [0, 0, 1e5], [0, 0, 0]])
    np.testing.assert_allclose(gc.evaluate(gc.expm(X), {"X": nilpotent})[0], [1, 1e5, 5e9], rtol=1e-10)


def test_pairs_and_triples() -> None:
    S, X = gc.symbol("S", SQUARE, facts=["symmetric"]), gc.symbol("X", (4, 2))
    (w, V), (U, s, Vt) = gc.eigh(S), gc.svd(X)
    values = {"S": part(RNG.normal(size=(3, 3))), "X": RNG.normal(size=(4, 2))}
    np.testing.assert_allclose(gc.evaluate(V @ gc.diag(w) @ V.T, values), values["S"], atol=1e-12)
    np.testing.assert_allclose(gc.evaluate(U @ gc.diag(s) @ Vt, values), values["X"], atol=1e-12)
    nuclear = gc.sum(gc.svdvals(X))
    assert gc.grad(nuclear, X) is gc.svd_u(X) @ gc.svd_vt(X)


def test_matrices_without_the_property_are_explained() -> None:
    X = gc.symbol("X", SQUARE)
    b = gc.symbol("b", ("n",))
    rows = [
        (gc.inv(X) + 1, "singular matrix"),
        (gc.solve(X, b), "singular matrix"),
        (gc.cholesky(X) * 2, "matrix is not positive definite"),
    ]
    values = {"X": np.zeros((2, 2)), "b": np.ones(2)}
    for e, reason in rows:
        with pytest.raises(gc.LinearAlgebraError, match=rf"(inv|solve|cholesky)\(X.*at these values: {reason}"):
            gc.evaluate(e, values)
        for style in ("readable", "fast"):
            step = gc.compile(e, [X, b], style=style)
            with pytest.raises(gc.LinearAlgebraError, match=rf"`.*(inv|solve|cholesky)\(X.*values: {reason}"):
                step(*values.values())
    with pytest.raises(np.linalg.LinAlgError):
        gc.evaluate(gc.inv(X), values)


def test_wrong_uses_are_explained() -> None:
    X, x = gc.symbol("X", WIDE), gc.symbol("x", ("n",))
    S = gc.symbol("S", SQUARE)
    for use, text in [
        (lambda: gc.cholesky(X), r"cholesky\(X\): needs a square matrix, got \(m, n\)"),
        (lambda: gc.eigvalsh(X), r"eigvalsh\(X\): needs a square matrix"),
        (lambda: gc.expm(x), r"expm\(x\): needs a square matrix"),
        (lambda: gc.matrix_power(X, 3), r"matrix_power\(X\): needs a square matrix"),
        (lambda: gc.matrix_power(S, 0.5), "the exponent must be a literal whole number, got 0.5"),
        (lambda: gc.matrix_power(S, gc.sum(x)), "the exponent must be a literal whole number"),
        (lambda: gc.svdvals(x), r"svdvals\(x\): needs a matrix, got \(n,\)"),
        (lambda: gc.pinv(x), r"pinv\(x\): needs a matrix"),
        (lambda: gc.expm_frechet(S, X), r"each direction needs the shape \(n, n\) of the matrix, got \(m, n\)"),
        (lambda: gc.reciprocal_gaps(gc.sum(x)), "needs a vector"),
    ]:
        with pytest.raises(gc.GraphcError, match=text):
            use()


@pytest.mark.parametrize(
    "shapes", [((2, 3, 3), (3,)), ((2, 3, 3), (3, 4)), ((3, 3), (2, 3, 4)), ((5, 1, 3, 3), (2, 3, 1))]
)
def test_right_sides_and_matrices_are_broadcast(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    values = {"A": rng.normal(size=shapes[0]) + 4 * np.eye(3), "b": rng.normal(size=shapes[1])}
    A, b = (gc.symbol(name, value.shape) for name, value in values.items())
    y = gc.solve(A, b)
    wanted = np.linalg.inv(values["A"]) @ values["b"]
    np.testing.assert_allclose(gc.evaluate(y, values), wanted, 1e-10)
    for style in ("readable", "fast"):
        np.testing.assert_allclose(gc.compile(y, [A, b], style=style)(*values.values()), wanted, 1e-10)
    for x in (A, b):
        by_inverse = gc.grad(gc.sum(gc.sin(gc.inv(A) @ b)), x)
        np.testing.assert_allclose(
            gc.evaluate(gc.grad(gc.sum(gc.sin(y)), x), values), gc.evaluate(by_inverse, values), 1e-8, 1e-10
        )


def test_right_sides_of_one_matrix_are_solved_together() -> None:
    A, B = gc.symbol("A", ("n", "n")), gc.symbol("B", ("k", "n", "m"))
    assert "solve(A, reshape(" in str(gc.solve(A, B))
    with pytest.raises(gc.ShapeError, match="leading axes must broadcast"):
        gc.solve(B @ gc.transpose(B, (0, 2, 1)), gc.symbol("C", ("t", "n", "m")))


@pytest.mark.parametrize(
    ("formula", "form"),
    [
        ("A @ pinv(A) @ A @ v", "A @ v"),
        ("u @ A @ pinv(A) @ A @ v", "u @ A @ v"),
        ("pinv(A) @ (A @ (pinv(A) @ u))", "pinv(A) @ u"),
        ("A.T @ pinv(A).T @ A.T @ u", "A.T @ u"),
    ],
)
def test_a_generalized_inverse_leaves_its_matrix_in_a_chain(formula: str, form: str) -> None:
    names = {"A": gc.symbol("A", ("n", "m")), "u": gc.symbol("u", ("n",)), "v": gc.symbol("v", ("m",))}
    assert str(gc.simplify(gc.parse(formula, **names))) == form


@pytest.mark.parametrize(
    ("formula", "form"),
    [
        ("S @ A @ S + (S @ A @ S).T + 2*S", "S @ (A + A.T) @ S + 2*S"),
        ("inv(S) @ A @ inv(S) + inv(S) @ A.T @ inv(S) + B", "inv(S) @ (A + A.T) @ inv(S) + B"),
        ("B @ A @ B.T + B @ A.T @ B.T + S", "B @ (A + A.T) @ B.T + S"),
    ],
)
def test_a_product_and_its_transpose_are_one_product_beside_other_terms(formula: str, form: str) -> None:
    square = {name: gc.symbol(name, ("n", "n")) for name in ("A", "B")}
    names = {**square, "S": gc.symbol("S", ("n", "n"), facts=["symmetric"])}
    assert str(gc.simplify(gc.parse(formula, **names))) == form
