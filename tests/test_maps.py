"""Jacobians, Hessians and their products with vectors: closed forms, values against differences, shapes, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from generate import SIZES, arrays

import graphc as gc
from graphc.ir.dims import bind
from graphc.ops.symbols import symbols_of
from graphc.scheduling.planning import plan

n, d, m, k = gc.dims("n d m k")
BOUND = {**SIZES, "d": 2, "k": 2}
x, v, b = gc.symbol("x", (n,)), gc.symbol("v", (n,)), gc.symbol("b", (m,))
W, A, S = gc.symbol("W", (m, n)), gc.symbol("A", (n, n)), gc.symbol("S", (n, n), facts=["symmetric"])
X, w, t = gc.symbol("X", (n, d)), gc.symbol("w", (d,)), gc.symbol("t", (n,))
T, U, V = gc.symbol("T", (n, d)), gc.symbol("U", (n, k)), gc.symbol("V", (d, k))
W2, Y = gc.symbol("W", (d, k)), gc.symbol("Y", (n, k), facts=["one_hot"])
column = gc.symbol("column", (n, 1))
logistic = gc.mean(gc.softplus(X @ w) - t * (X @ w))
factorization = gc.sum((T - U @ V.T) ** 2)

JACOBIANS: list[tuple[Any, Any, str | None]] = [
    (W @ x + b, x, "W"),
    (W @ x + b, b, "eye(m)"),
    (gc.tanh(x), x, "diag(1 - tanh(x)**2)"),
    (gc.softmax(x), x, "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
    (gc.log_softmax(x), x, "eye(n) - softmax(x)"),
    (x / gc.norm(x), x, "(eye(n) - outer(x, x)/norm(x)**2)/norm(x)"),
    (gc.trace(A), A, "eye(n)"),
    (gc.tanh(W @ x + b), W, "einsum('i,ij,k->ijk', 1 - tanh(W @ x + b)**2, eye(m), x)"),
    (gc.softmax(X), X, "einsum('ijl,ik,il->ijkl', eye(d) - softmax(X)[:, :, None], eye(n), softmax(X))"),
    (gc.outer(x, gc.sin(x)), x, None),
    (A @ X, X, "einsum('ik,jl->ijkl', A, eye(d))"),
    (X.T, X, "einsum('il,jk->ijkl', eye(d), eye(n))"),
    (X.T @ X, X, "einsum('il,kj->ijkl', eye(d), X) + einsum('ki,jl->ijkl', X, eye(d))"),
    (gc.max(X, axis=1), X, None),
    (gc.mean(X, axis=0, keepdims=True), X, None),
    (gc.relu(x), x, None),
    (gc.diag(x), x, None),
    (gc.reshape(X, (-1,)), X, None),
    (gc.where(X > 0, X**2, X), X, None),
    (S @ x, S, None),
    (gc.exp(X @ w).named("e") * 2, X, None),
    (gc.sum(X, axis=0), A, "zeros(d, n, n)"),
    (X[:, None] * T, X, None),
    (gc.logsumexp(X, axis=0), X, None),
    (gc.mse(X, T), X, None),
    (X - gc.mean(X, axis=0), X, "einsum('ik,jl->ijkl', eye(n) - 1/n, eye(d))"),
    (
        X / gc.norm(X, axis=1, keepdims=True),
        X,
        "einsum('i,ijl,ik->ijkl', 1/norm(X, axis=1), "
        "eye(d) - einsum('ij,ik->ijk', X/norm(X, axis=1, keepdims=True)**2, X), eye(n))",
    ),
    (gc.kron(W, A), A, "reshape(einsum('ik,jm,ln->ijklmn', W, eye(n), eye(n)), (m*n, n**2, n, n))"),
    (gc.reshape(gc.kron(W, A), (-1,)), W, None),
    ((column / (2 + column * column)).T, column, None),
    (gc.where(A > 0, A, 1).T * (A.T > 0), A, None),
    (gc.softmax(gc.sum(Y + Y, axis=1)), X, None),
    (A / n / (2 + gc.maximum(gc.diag(x), gc.diag(x)) ** 2), x, None),
]


def differences(f: Callable[[dict[str, Any]], Any], values: dict[str, Any], name: str) -> Any:
    """The Jacobian by central differences of fourth order; axes of the output first."""
    at = np.asarray(values[name], dtype=float)
    columns = []
    for i in np.ndindex(at.shape):
        total: Any = 0.0
        for step, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            moved = at.copy()
            moved[i] += step * 1e-3
            total = total + weight * f({**values, name: moved})
        columns.append(np.asarray(total) / (12 * 1e-3))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + at.shape)


@pytest.mark.parametrize(("f", "at", "printed"), JACOBIANS, ids=[str(j[0]) for j in JACOBIANS])
def test_jacobians(f: gc.Expr, at: gc.Expr, printed: str | None) -> None:
    result = gc.jacobian(f, at)
    assert result.shape == f.shape + at.shape
    if printed is not None:
        assert str(result) == printed
    assert gc.parse(str(result), **gc.names(result)) is result
    values = arrays([f, at], 3, BOUND)
    found = gc.evaluate(result, values)
    free = {**values, "S": values["S"] + values["S"].T} if "S" in values else values
    expected = differences(lambda moved: gc.evaluate(f, moved), free, str(at.name))
    np.testing.assert_allclose(gc.evaluate(result, free) if "S" in values else found, expected, rtol=1e-6, atol=1e-7)
    if sizes_named(result) <= sizes_of(symbols_of([f, at])):
        inputs = symbols_of([f, at])
        compiled = gc.compile(result, inputs, style="fast")
        got = compiled(*[free[str(symbol.name)] for symbol in inputs])
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def sizes_named(e: gc.Expr) -> set[str]:
    return {str(s) for dim in e.shape for s in getattr(dim, "free_symbols", ())}


def sizes_of(symbols: list[gc.Expr]) -> set[str]:
    """The sizes that arrays determine."""
    return set().union(*(sizes_named(symbol) for symbol in symbols))


HESSIANS = [
    (
        b @ gc.logsumexp(W + x, axis=1),
        x,
        "diag(b @ softmax(W + x)) - softmax(W + x).T*b @ softmax(W + x)",
    ),
    (
        b @ gc.norm(W - x, axis=1),
        x,
        "sum(b/norm(W - x, axis=1))*eye(n) - (W - x).T*(b/norm(W - x, axis=1)**3) @ (W - x)",
    ),
    (gc.sum(W * gc.softmax(W + x)), x, None),
    (gc.sum(gc.logsumexp(-((x - W) ** 2), axis=1)), x, None),
    (logistic, w, "X.T*(sigmoid(X @ w)*(1 - sigmoid(X @ w))) @ X/n"),
    (x @ A @ x, x, "A + A.T"),
    (x @ S @ x, x, "2*S"),
    (gc.sum((X @ w - t) ** 2), w, "2*X.T @ X"),
    (factorization, U, "2*einsum('ik,jl->ijkl', eye(n), V.T @ V)"),
    (gc.sum(gc.exp(x)), x, "diag(exp(x))"),
    (gc.logsumexp(W @ x + b), x, None),
    (gc.sum(gc.softmax(X @ w) * t), w, None),
    (gc.sum(gc.tanh(X) ** 3), X, None),
    (gc.sum(gc.softplus(A)), A, "einsum('ij,ik,jl->ijkl', sigmoid(A)*(1 - sigmoid(A)), eye(n), eye(n))"),
    (
        gc.mean(gc.cross_entropy(gc.softmax(X @ W2), Y)),
        W2,
        "einsum('mi,mk,ml,lmj->ijkl', X, X, softmax(X @ W), eye(k)[:, None, :] - softmax(X @ W))/n",
    ),
    (gc.norm(A @ A.T - S) ** 2, A, None),
    (gc.norm(X - X @ V @ V.T) ** 2, V, None),
    (gc.norm(W @ gc.tanh(A @ x) - b) ** 2, A, None),
    (gc.sum(gc.sqrt(x**2 + 1)), x, "diag(1/(x**2 + 1)**1.5)"),
]


@pytest.mark.parametrize(("f", "at", "printed"), HESSIANS, ids=[str(h[0]) for h in HESSIANS])
def test_hessians(f: gc.Expr, at: gc.Expr, printed: str | None) -> None:
    result = gc.hessian(f, at)
    assert result.shape == at.shape * 2
    if printed is not None:
        assert str(result) == printed
    assert gc.parse(str(result), **gc.names(result)) is result
    values = arrays([f], 5, BOUND)
    if "S" in values:
        values["S"] = values["S"] + values["S"].T
    first = gc.grad(f, at)
    expected = differences(lambda moved: gc.evaluate(first, moved), values, str(at.name))
    np.testing.assert_allclose(gc.evaluate(result, values), expected, rtol=1e-6, atol=1e-7)
    direction = gc.symbol("r", at.shape)
    along = np.random.default_rng(0).normal(size=values[str(at.name)].shape)
    product = gc.evaluate(gc.hvp(f, at, direction), {**values, "r": along})
    rank = at.ndim
    np.testing.assert_allclose(product, np.tensordot(expected, along, rank), rtol=1e-6, atol=1e-7)


def test_mixed_blocks() -> None:
    values = arrays([factorization], 1, BOUND)
    mixed = gc.hessian(factorization, U, V)
    assert mixed.shape == (n, k, d, k)
    expected = differences(lambda moved: gc.evaluate(gc.grad(factorization, U), moved), values, "V")
    np.testing.assert_allclose(gc.evaluate(mixed, values), expected, rtol=1e-6, atol=1e-7)
    blocks = gc.hessian(factorization, [U, V])
    assert blocks[0][0] is gc.hessian(factorization, U)
    assert blocks[0][1].shape == (n, k, d, k)
    assert blocks[1][0].shape == (d, k, n, k)
    transposed = np.transpose(gc.evaluate(blocks[1][0], values), (2, 3, 0, 1))
    np.testing.assert_allclose(transposed, gc.evaluate(mixed, values), rtol=1e-9)
    row = gc.hessian(factorization, U, [U, V])
    assert (row[0], row[1]) == (blocks[0][0], blocks[0][1])
    assert gc.hessian(factorization, U, []) == []


@pytest.mark.parametrize(("f", "at", "printed"), JACOBIANS, ids=[str(j[0]) for j in JACOBIANS])
def test_products_with_vectors(f: gc.Expr, at: gc.Expr, printed: str | None) -> None:
    rng = np.random.default_rng(2)
    values = arrays([f, at], 4, BOUND)
    jacobian = gc.evaluate(gc.jacobian(f, at), values)
    direction, cotangent = gc.symbol("r", at.shape), gc.symbol("q", f.shape)
    r, q = rng.normal(size=jacobian.shape[f.ndim :]), rng.normal(size=jacobian.shape[: f.ndim])
    forward, backward = gc.jvp(f, at, direction), gc.vjp(f, at, cotangent)
    assert (forward.shape, backward.shape) == (f.shape, at.shape)
    more = {**values, "r": r, "q": q}
    np.testing.assert_allclose(gc.evaluate(forward, more), np.tensordot(jacobian, r, at.ndim), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(gc.evaluate(backward, more), np.tensordot(q, jacobian, f.ndim), rtol=1e-9, atol=1e-9)


def test_forms_of_products() -> None:
    assert str(gc.jvp(gc.tanh(W @ x + b), x, v)) == "W @ v*(1 - tanh(W @ x + b)**2)"
    assert str(gc.hvp(x @ A @ x, x, v)) == "(A + A.T) @ v"
    assert str(gc.hvp(factorization, U, gc.symbol("P", (n, k)))) == "2*P @ V.T @ V"
    P, Q = gc.symbol("P", (n, k)), gc.symbol("Q", (d, k))
    both = gc.jvp(U @ V.T, [U, V], [P, Q])
    assert gc.equal(both, P @ V.T + U @ Q.T).shape == (n, d)
    assert gc.simplify(both - P @ V.T - U @ Q.T) is gc.zeros(n, d)
    assert gc.vjp(gc.exp(x), [x], 1) == [gc.exp(x)]


r, P = gc.symbol("r", (n,)), gc.symbol("P", (n, n), facts=["spd"])


@pytest.mark.parametrize(
    ("f", "form"),
    [
        (gc.sqrt(x @ P @ x), "P @ (r - x*(r @ (P @ x))/(x @ (P @ x)))/sqrt(x @ (P @ x))"),
        (gc.log(x @ P @ x), "2*P @ (r - 2*x*(r @ (P @ x))/(x @ (P @ x)))/(x @ (P @ x))"),
        ((x @ P @ x) ** 2, "4*P @ (2*x*(r @ (P @ x)) + r*(x @ (P @ x)))"),
        (gc.exp(-(x @ P @ x) / 2), "exp(-x @ (P @ x)/2)*(P @ (x*(r @ (P @ x)) - r))"),
        ((x @ A @ x) ** 2, "2*(A + A.T) @ (x*(r @ ((A + A.T) @ x)) + r*(x @ A @ x))"),
        (
            x @ v / (gc.norm(x) * gc.norm(v)),
            "(x*(r @ (3*x*(v @ x)/norm(x)**2 - v)) - r*(v @ x) - v*(r @ x))/(norm(v)*norm(x)**3)",
        ),
        (gc.norm(W @ x), "W.T @ (W @ (r - x*(W @ x @ W @ r)/norm(W @ x)**2))/norm(W @ x)"),
    ],
    ids=str,
)
def test_scalars_go_beside_the_vector_that_a_matrix_multiplies(f: gc.Expr, form: str) -> None:
    """P (s x - 2 r) + s P x is 2 P (s x - r), although the two terms differ in the scalar s."""
    product = gc.hvp(f, x, r)
    assert str(product) == form
    values = arrays([f, r], 7, BOUND)
    if "P" in values:
        values["P"] = values["P"] @ values["P"].T + np.eye(len(values["P"]))
    hessian = differences(lambda moved: gc.evaluate(gc.grad(f, x), moved), values, "x")
    np.testing.assert_allclose(gc.evaluate(product, values), hessian @ values["r"], rtol=1e-6, atol=1e-7)


def test_differences_are_written_one_way_round() -> None:
    """A square, (x - v) P (x - v), follows the difference that a minus sign turned around, and keeps its own sign."""
    apart = (x - v) @ P @ (x - v)
    assert str(gc.grad(gc.sqrt(apart), x)) == "P @ (x - v)/sqrt((x - v) @ (P @ (x - v)))"
    assert str(gc.grad(gc.exp(-apart / 2), x)) == "exp(-(v - x) @ (P @ (v - x))/2)*(P @ (v - x))"
    assert str(gc.grad(gc.exp(-apart / 2), v)) == "exp(-(x - v) @ (P @ (x - v))/2)*(P @ (x - v))"


def test_an_inverse_stands_outside_its_derivative() -> None:
    f, direction = gc.logdet(gc.eye(n) + X @ X.T), gc.symbol("R", (n, d))
    product = gc.hvp(f, X, direction)
    inverse = "inv(X @ X.T + eye(n))"
    assert str(product) == f"2*{inverse} @ (R - (R @ X.T + X @ R.T) @ {inverse} @ X)"
    values = arrays([f, direction], 3, BOUND)
    hessian = differences(lambda moved: gc.evaluate(gc.grad(f, X), moved), values, "X")
    expected = np.tensordot(hessian, values["R"], 2)
    np.testing.assert_allclose(gc.evaluate(product, values), expected, rtol=1e-6, atol=1e-7)


def test_third_derivatives() -> None:
    assert gc.evaluate(gc.jacobian(gc.hessian(gc.sum(x**3), x), x), {"x": np.ones(2), "n": 2}).sum() == 12
    second = gc.hessian(gc.logsumexp(x), x)
    third = gc.jacobian(second, x)
    values = {"x": np.array([0.3, -0.2, 0.9])}
    expected = differences(lambda moved: gc.evaluate(second, moved), values, "x")
    np.testing.assert_allclose(gc.evaluate(third, values), expected, rtol=1e-7, atol=1e-9)
    assert gc.parse(str(third), **gc.names(third)) is third


STRUCTURED: list[tuple[gc.Expr, int]] = [
    # a Jacobian or Hessian with identities, and the largest array that may occur on the way, beside the result
    (gc.hessian(factorization, U), 0),
    (gc.hessian(logistic, w), 30 * 4),
    (gc.jacobian(gc.softmax(X), X), 0),
    (gc.jacobian(gc.tanh(W @ x + b), W), 0),
    (gc.jacobian(A * gc.exp(A), A), 0),
    (gc.jacobian(gc.kron(W, A), A), 0),
    (gc.hessian(gc.sum(gc.softplus(A)), A), 0),
    (gc.hessian(gc.sum(gc.exp(x)), x), 0),
    (gc.jacobian(X / gc.norm(X, axis=1, keepdims=True), X), 0),
    (gc.jacobian(gc.trace(A) * A, A), 0),
    (gc.hessian(gc.norm(X - X @ V @ V.T) ** 2, V), 30 * 4),
]


@pytest.mark.parametrize(("result", "beside"), STRUCTURED, ids=[str(e)[:60] for e, _ in STRUCTURED])
def test_no_identity_is_multiplied(result: gc.Expr, beside: int) -> None:
    sizes = {"n": 30, "d": 4, "m": 5, "k": 3}
    found = plan([result], symbols_of([result, T]), sizes=sizes)
    largest = max(entries_at(result.shape, sizes), beside)
    for inst in found.instructions:
        assert entries_at(inst.shape, sizes) <= largest or inst.kind == "input", str(found)
        if inst.kind in ("multiply", "matmul", "einsum", "divide"):
            assert all(found.instructions[found.base(o)].kind != "eye" for o in inst.operands), str(found)


def entries_at(shape: Any, sizes: dict[str, int]) -> int:
    return int(np.prod([bind(d, sizes) for d in shape], dtype=int))


def test_what_is_zero_off_a_diagonal_stays_so() -> None:
    step = gc.compile(gc.jacobian(gc.exp(W @ x), W), [W, x], style="fast")
    namespace: dict[str, Any] = {}
    exec(step.source, namespace)
    rng = np.random.default_rng(0)
    for style in ("first", "second"):
        at, along = rng.normal(size=(3, 2)), rng.normal(size=2)
        expected = np.einsum("i,ij,k->ijk", np.exp(at @ along), np.eye(3), along)
        np.testing.assert_allclose(step(at, along), expected, err_msg=style)
        np.testing.assert_allclose(namespace["step"](at, along, copy=False), expected, err_msg=style)
        given = rng.normal(size=(3, 3, 2))
        namespace["step"](at, along, out=[given])
        np.testing.assert_allclose(given, expected, err_msg=style)
    source = gc.emit(gc.jacobian(gc.exp(W @ x), W), [W, x], style="readable")
    assert 'on_diagonal(np.exp(W @ x)[:, None] * x, "iij->ij")' in source
    assert gc.evaluate(gc.jacobian(x * x, x), {"x": np.zeros(0)}).shape == (0, 0)


def test_wrong_uses_are_explained() -> None:
    with pytest.raises(gc.DifferentiationError, match=r"hessian needs a scalar, but W @ x \+ b has shape \(m,\)"):
        gc.hessian(W @ x + b, x)
    with pytest.raises(gc.ShapeError, match=r"jvp: the direction for x must have its shape \(n,\), got \(m,\)"):
        gc.jvp(W @ x, x, b)
    with pytest.raises(gc.ShapeError, match="vjp: the cotangent for W @ x must have its shape"):
        gc.vjp(W @ x, x, v)
    with pytest.raises(gc.UnsupportedError, match="2 variables need a list of 2 directions"):
        gc.hvp(factorization, [U, V], U)
    with pytest.raises(gc.UnsupportedError, match="jacobian needs an expression"):
        gc.jacobian("x", x)  # type: ignore[call-overload]
