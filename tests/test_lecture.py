"""The lecture's backpropagation examples B1 to B7 come out in the lecture's closed form, from general rules."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr

n, d, m, k = gc.dims("n d m k")


def same(result: Expr, text: str, **names: object) -> None:
    """`result` is the closed form `text`, and prints as what reads back to itself."""
    difference = gc.simplify(result - gc.parse(text, **names))
    assert difference is gc.zeros(result.shape), f"{result} is not {text}"
    assert gc.parse(str(result), **gc.names(result)) is result


def test_b1_values_and_gradients() -> None:
    x, y, z = gc.symbol("x"), gc.symbol("y"), gc.symbol("z")
    q = (x + y).named("q")
    f = q * z
    point = {"x": -2.0, "y": 5.0, "z": -4.0}
    assert gc.evaluate(f, point) == -12
    dq, dz, dx, dy = gc.grad(f, [q, z, x, y])
    assert (dq, dz, dx, dy) == (z, q, z, z)
    assert [float(gc.evaluate(g, point)) for g in (dq, dz, dx, dy)] == [-4, 3, -4, -4]


def test_b1_picture_shows_values_and_gradients() -> None:
    x, y, z = gc.symbol("x"), gc.symbol("y"), gc.symbol("z")
    f = ((x + y).named("q") * z).named("f")
    picture = gc.draw(f, wrt=[x, y, z], values={"x": -2.0, "y": 5.0, "z": -4.0})
    for number in ("-12", "-4", "-2", "5", "3"):
        assert number in picture.dot


W = gc.symbol("W", (m, d))
x = gc.symbol("x", (d,))
q = (W @ x).named("q")


@pytest.mark.parametrize(
    "f",
    [gc.sum(q**2), gc.sum(q * q), q @ q, gc.norm(q) ** 2, gc.sum(gc.norm(q) ** 2), gc.trace(gc.outer(q, q))],
    ids=str,
)
def test_b2_squared_norm_in_every_declaration(f: Expr) -> None:
    dW, dx, dq = gc.grad(f, [W, x, q])
    assert str(dW) == "2*outer(q, x)"
    assert str(dx) == "2*W.T @ q"
    assert str(dq) == "2*q"


def test_b2_numbers() -> None:
    f = gc.sum((W @ x) ** 2)
    values = {"W": np.array([[0.1, 0.5], [-0.3, 0.8]]), "x": np.array([0.2, 0.4])}
    product = values["W"] @ values["x"]
    assert np.isclose(gc.evaluate(f, values), (product**2).sum())
    dW, dx = gc.grad(f, [W, x])
    assert np.allclose(gc.evaluate(dW, values), 2 * np.outer(product, values["x"]))
    assert np.allclose(gc.evaluate(dx, values), 2 * values["W"].T @ product)


@pytest.mark.parametrize(
    ("activation", "local"), [("sigmoid", "h*(1 - h)"), ("tanh", "(1 - h**2)"), ("relu", "(h > 0)")]
)
def test_b3_regression(activation: str, local: str) -> None:
    b, theta, c, t = gc.symbol("b", (m,)), gc.symbol("theta", (m,)), gc.symbol("c"), gc.symbol("t")
    h = getattr(gc, activation)(W @ x + b).named("h")
    that = (theta @ h + c).named("that")
    loss = (that - t) ** 2
    names = {"W": W, "x": x, "b": b, "theta": theta, "c": c, "t": t, "h": h, "that": that}
    dthat, dtheta, dc, dh, dW, db, dx = gc.grad(loss, [that, theta, c, h, W, b, x])
    same(dthat, "2*(that - t)", **names)
    same(dtheta, "2*h*(that - t)", **names)
    same(dc, "2*(that - t)", **names)
    same(dh, "2*theta*(that - t)", **names)
    same(dW, f"outer(2*theta*(that - t)*{local}, x)", **names)
    same(db, f"2*theta*(that - t)*{local}", **names)
    same(dx, f"W.T @ (2*theta*(that - t)*{local})", **names)
    assert gc.count_ops([loss, dtheta, dc, dW, db]) <= 16


FACTS = [["one_hot"], ["simplex"], ["sums_to_one"], []]


@pytest.mark.parametrize("facts", FACTS, ids=str)
@pytest.mark.parametrize("form", ["softmax", "exp", "rewritten"])
def test_b4_classification(facts: list[str], form: str) -> None:
    V, b = gc.symbol("V", (k, d)), gc.symbol("b", (k,))
    t = gc.symbol("t", (k,), facts=facts)
    h = (V @ x + b).named("h")
    if form == "rewritten":
        loss = gc.log(gc.sum(gc.exp(h))) - gc.sum(t * h)
        error = "softmax(h) - t"
    else:
        p = gc.softmax(h) if form == "softmax" else gc.exp(h) / gc.sum(gc.exp(h))
        loss = -gc.sum(t * gc.log(p.named("p")))
        error = "softmax(h) - t" if facts else "softmax(h)*sum(t) - t"
    names = {"V": V, "x": x, "b": b, "t": t, "h": h}
    dh, dV, db, dx = gc.grad(loss, [h, V, b, x])
    same(dh, error, **names)
    same(dV, f"outer({error}, x)", **names)
    same(db, error, **names)
    same(dx, f"V.T @ ({error})", **names)


@pytest.mark.parametrize("facts", FACTS, ids=str)
def test_b4_prints_p_minus_t(facts: list[str]) -> None:
    t = gc.symbol("t", (k,), facts=facts)
    h = gc.symbol("h", (k,))
    p = gc.softmax(h).named("p")
    assert str(gc.grad(-gc.sum(t * gc.log(p)), h)) == ("p - t" if facts else "p*sum(t) - t")


def test_b4_batch() -> None:
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
    V, b = gc.parameter("V", (d, k)), gc.parameter("b", (k,))
    p = gc.softmax(X @ V + b).named("p")
    loss = gc.mean(gc.cross_entropy(p, T))
    dV, db, dX = gc.grad(loss, [V, b, X])
    assert str(dV) == "X.T @ (p - T)/n"
    assert str(dX) == "(p - T) @ V.T/n"
    same(db, "sum(p - T, axis=0)/n", p=p, T=T)


def test_b4_hidden_layer() -> None:
    t = gc.symbol("t", (k,), facts=["one_hot"])
    V, b, c = gc.symbol("V", (k, m)), gc.symbol("b", (m,)), gc.symbol("c", (k,))
    h = gc.sigmoid(W @ x + b).named("h")
    p = gc.softmax(V @ h + c).named("p")
    loss = -gc.sum(t * gc.log(p))
    names = {"W": W, "x": x, "t": t, "V": V, "h": h, "p": p}
    dh, dV, dW = gc.grad(loss, [h, V, W])
    same(dh, "V.T @ (p - t)", **names)
    same(dV, "outer(p - t, h)", **names)
    same(dW, "outer(h*(1 - h)*(V.T @ (p - t)), x)", **names)


def test_b5_linear_layer() -> None:
    b, G = gc.symbol("b", (m,)), gc.symbol("G", (m,))
    h = (W @ x + b).named("h")
    loss = gc.sum(G * h)
    dW, db, dx = gc.grad(loss, [W, b, x])
    assert (str(dW), str(db), str(dx)) == ("outer(G, x)", "G", "W.T @ G")


@pytest.mark.parametrize("formula", ["1/(1 + exp(-x))", "exp(x)/(1 + exp(x))", "1 - 1/(1 + exp(x))", "sigmoid(x)"])
def test_b6_sigmoid_layer_is_written_with_h(formula: str) -> None:
    G = gc.symbol("G", (d,))
    h = gc.parse(formula, x=x).named("h")
    assert str(gc.grad(gc.sum(G * h), x)) == "G*h*(1 - h)"


@pytest.mark.parametrize("formula", ["tanh(x)", "(exp(x) - exp(-x))/(exp(x) + exp(-x))", "2*sigmoid(2*x) - 1"])
def test_b6_tanh_layer_is_written_with_h(formula: str) -> None:
    G = gc.symbol("G", (d,))
    h = gc.parse(formula, x=x).named("h")
    assert str(gc.grad(gc.sum(G * h), x)) == "G*(1 - h**2)"


def network(layers: int) -> tuple[Expr, list[Expr]]:
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
    h, weights = X, []
    for i in range(1, layers):
        weights += [gc.parameter(f"W{i}", (d, d)), gc.parameter(f"b{i}", (d,))]
        h = gc.relu(h @ weights[-2] + weights[-1]).named(f"h{i}")
    weights += [gc.parameter(f"W{layers}", (d, k)), gc.parameter(f"b{layers}", (k,))]
    p = gc.softmax(h @ weights[-2] + weights[-1]).named("p")
    return gc.mean(gc.cross_entropy(p, T)), weights


def test_b7_ten_layers_by_the_local_chain_rule() -> None:
    loss, weights = network(10)
    gradients = gc.grad(loss, weights)
    assert str(gradients[-2]) == "h9.T @ (p - T)/n"
    assert str(gradients[-4]) == "h8.T @ ((h9 > 0)*((p - T) @ W10.T))/n"
    values = {
        w.name: np.random.default_rng(i).normal(size=[3 if s is d else 2 for s in w.shape])
        for i, w in enumerate(weights)
    }
    values |= {"X": np.random.default_rng(0).normal(size=(4, 3)), "T": np.eye(2)[[0, 1, 1, 0]]}
    for w, g in zip(weights[:2], gradients[:2], strict=True):
        step = np.zeros_like(values[w.name])
        step.flat[0] = 1e-6
        up, down = (gc.evaluate(loss, values | {w.name: values[w.name] + s * step}) for s in (1, -1))
        assert np.isclose((up - down) / 2e-6, gc.evaluate(g, values).flat[0], rtol=1e-5, atol=1e-9)


def test_b7_gradient_graph_is_linear_in_the_depth() -> None:
    counts = {}
    for layers in (5, 10, 50, 200):
        loss, weights = network(layers)
        counts[layers] = gc.count_ops([loss, *gc.grad(loss, weights)])
    slope = (counts[10] - counts[5]) / 5
    assert counts[50] - counts[10] == 40 * slope
    assert counts[200] - counts[50] == 150 * slope
    assert slope <= 9
