"""Layers of images and sequences: parameters, closed forms, PyTorch's equations, and training."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad as grad_of

import graphc as gc
from graphc import nn
from graphc.errors import GraphcError
from graphc.ir.expr import Expr

n, c, h, w, d, u = gc.dims("n c h w d u")
IMAGE, ROWS = gc.symbol("x", (n, c, h, w)), gc.symbol("x", (n, d))


def drawn(exprs: list[Expr], seed: int = 0, **sizes: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {str(s.name): rng.normal(size=[a if isinstance(a, int) else sizes[str(a)] for a in s.shape]) for s in exprs}


def test_conv2d_creates_its_parameters() -> None:
    y = nn.conv2d(IMAGE, 8, 3, "1", pad="same", activation="relu")
    W, b = nn.parameters(y)
    assert (W.name, W.shape, W.attributes["init"]) == ("W1", (8, c, 3, 3), "he_normal")
    assert (b.name, b.shape, b.attributes["init"]) == ("b1", (8,), "zeros")
    assert str(y) == "relu(conv2d(x, W1, pad=1) + b1[:, None, None])"
    assert y.shape == (n, 8, h, w)
    assert nn.parameters(nn.conv2d(gc.symbol("x", (n, 4, h, w)), 6, (3, 2), groups=2, bias=False))[0].shape == (
        6,
        2,
        3,
        2,
    )
    assert nn.conv1d(gc.symbol("x", (n, c, "l")), 5, 3, stride=2).shape[:2] == (n, 5)


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lambda: nn.batch_norm(IMAGE), [(c,)] * 2),
        (lambda: nn.batch_norm(ROWS), [(d,)] * 2),
        (lambda: nn.instance_norm(IMAGE), [(c,)] * 2),
        (lambda: nn.group_norm(gc.symbol("x", (n, 4, h, w)), 2), [(4,)] * 2),
        (lambda: nn.layer_norm(ROWS), [(d,)] * 2),
        (lambda: nn.layer_norm(IMAGE, axis=(1, 2, 3)), [(c, h, w)] * 2),
        (lambda: nn.rms_norm(ROWS), [(d,)]),
    ],
)
def test_norms_begin_as_ones_and_zeros(build: Any, shapes: list[Any]) -> None:
    found = nn.parameters(build())
    assert [p.shape for p in found] == shapes
    assert [p.attributes["init"] for p in found] == ["ones", "zeros"][: len(shapes)]


@pytest.mark.parametrize(
    ("y", "axes"),
    [
        (gc.batch_norm(IMAGE, eps=0.1), (0, 2, 3)),
        (gc.instance_norm(IMAGE, eps=0.1), (2, 3)),
        (gc.layer_norm(IMAGE, axis=(1, -1), eps=0.1), (1, 3)),
        (gc.standardize(IMAGE, axis=None, eps=0.1), (0, 1, 2, 3)),
    ],
)
def test_statistics_are_over_the_axes(y: Expr, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    assert np.allclose(gc.evaluate(y, {"x": x}), (x - mean) / np.sqrt(variance + 0.1))


def test_group_norm_takes_channels_together() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3))
    found = gc.evaluate(gc.group_norm(gc.symbol("x", (n, 6, "l")), groups=2), {"x": x})
    blocks = x.reshape(2, 2, 9)
    centred = blocks - blocks.mean(axis=2, keepdims=True)
    assert np.allclose(found, (centred / np.sqrt(blocks.var(axis=2, keepdims=True) + 1e-5)).reshape(x.shape))


def test_batch_norm_has_the_three_term_gradient() -> None:
    gain, bias, G = gc.parameter("gain", (d,)), gc.parameter("bias", (d,)), gc.symbol("G", (n, d))
    y = gc.batch_norm(ROWS, gain, bias)
    xhat = gc.standardize(ROWS, axis=0).named("xhat")
    assert str(gc.vjp(y, gain, G)) == "sum(G*standardize(x, axis=0), axis=0)"
    assert str(gc.vjp(y, bias, G)) == "sum(G, axis=0)"
    dx = gc.vjp(gain * xhat + bias, ROWS, G)
    assert str(dx).startswith("gain*(G - xhat*mean(G*xhat, axis=0) - mean(G, axis=0))/sqrt(")
    assert gc.check(gc.sum(G * y), ROWS, str(dx), xhat=xhat).status == "proved"


def test_rms_norm_is_the_formula() -> None:
    y = nn.rms_norm(ROWS, eps=0.1)
    values = drawn([ROWS, *nn.parameters(y)], n=3, d=4)
    x = values["x"]
    expected = values["gain"] * x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 0.1)
    assert np.allclose(gc.evaluate(y, values), expected)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def test_recurrent_cells_follow_pytorch() -> None:
    state, cell = gc.symbol("s", (n, u)), gc.symbol("q", (n, u))
    rnn, gru = nn.rnn_cell(ROWS, state), nn.gru_cell(ROWS, state)
    out, memory = nn.lstm_cell(ROWS, state, cell)
    v = drawn([ROWS, state, cell, *nn.parameters([rnn, gru, out])], n=2, d=3, u=4)
    x, s = v["x"], v["s"]

    def gate(k: str) -> Any:
        return x @ v[f"W{k}"] + s @ v[f"U{k}"] + v[f"b{k}"]

    assert np.allclose(gc.evaluate(rnn, v), np.tanh(gate("")))
    r, z = sigmoid(gate("r")), sigmoid(gate("z"))
    new = np.tanh(x @ v["Wn"] + v["bn"] + r * (s @ v["Un"] + v["cn"]))
    assert np.allclose(gc.evaluate(gru, v), (1 - z) * new + z * s)
    expected = sigmoid(gate("f")) * v["q"] + sigmoid(gate("i")) * np.tanh(gate("g"))
    assert np.allclose(gc.evaluate(memory, v), expected)
    assert np.allclose(gc.evaluate(out, v), sigmoid(gate("o")) * np.tanh(expected))


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_unrolled_steps_share_parameters(kind: str) -> None:
    steps = [gc.symbol(f"x{i}", (n, d)) for i in range(3)]
    state = cell = gc.zeros(n, 4)
    for x in steps:
        if kind == "lstm":
            state, cell = nn.lstm_cell(x, state, cell)
        else:
            state = getattr(nn, f"{kind}_cell")(x, state)
    weights = nn.parameters(state)
    assert len(weights) == {"rnn": 3, "gru": 10, "lstm": 12}[kind]
    loss = gc.sum(state**2)
    gradient = gc.grad(loss, weights[0])
    values = drawn([*steps, *weights], n=2, d=3)
    move = np.random.default_rng(1).normal(size=values[str(weights[0].name)].shape)
    name = str(weights[0].name)
    up, down = (gc.evaluate(loss, {**values, name: values[name] + s * move}) for s in (1e-6, -1e-6))
    assert np.isclose((up - down) / 2e-6, np.sum(move * gc.evaluate(gradient, values)), rtol=1e-5)


def rnn_loop(p: dict[str, Any], xs: list[Any], s: Any) -> Any:
    for x in xs:
        s = anp.tanh(x @ p["W"] + s @ p["U"] + p["b"])
    return s


def gru_loop(p: dict[str, Any], xs: list[Any], s: Any) -> Any:
    """As ``torch.nn.GRUCell``: the reset gate acts after the product with the state."""
    for x in xs:
        r, z = (1 / (1 + anp.exp(-(x @ p[f"W{k}"] + s @ p[f"U{k}"] + p[f"b{k}"]))) for k in "rz")
        new = anp.tanh(x @ p["Wn"] + p["bn"] + r * (s @ p["Un"] + p["cn"]))
        s = (1 - z) * new + z * s
    return s


def lstm_loop(p: dict[str, Any], xs: list[Any], s: Any) -> Any:
    """As ``torch.nn.LSTMCell``: gates i, f, g, o."""
    c = 0 * s
    for x in xs:
        gates = {k: x @ p[f"W{k}"] + s @ p[f"U{k}"] + p[f"b{k}"] for k in "ifgo"}
        i, f, o = (1 / (1 + anp.exp(-gates[k])) for k in "ifo")
        c = f * c + i * anp.tanh(gates["g"])
        s = o * anp.tanh(c)
    return s


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_five_steps_through_time_agree_with_autograd(kind: str) -> None:
    steps = [gc.symbol(f"x{i}", (n, d)) for i in range(5)]
    start = gc.symbol("s", (n, u))
    state, cell = start, gc.zeros(n, u)
    for x in steps:
        if kind == "lstm":
            state, cell = nn.lstm_cell(x, state, cell)
        else:
            state = getattr(nn, f"{kind}_cell")(x, state)
    loss = gc.sum(state**2)
    weights = nn.parameters(loss)
    values = drawn([*steps, start, *weights], n=2, d=3, u=4)
    loop = {"rnn": rnn_loop, "gru": gru_loop, "lstm": lstm_loop}[kind]

    def by_hand(p: dict[str, Any]) -> Any:
        return anp.sum(loop(p, [values[str(x.name)] for x in steps], p["s"]) ** 2)

    moving = [*weights, start]
    expected = grad_of(by_hand)({str(p.name): values[str(p.name)] for p in moving})
    inputs = [*steps, *moving]
    found = gc.compile([loss, *gc.grad(loss, moving)], inputs)(*(values[str(x.name)] for x in inputs))
    np.testing.assert_allclose(found[0], by_hand(values), rtol=1e-12)
    for p, g in zip(moving, found[1:], strict=True):
        np.testing.assert_allclose(g, expected[str(p.name)], rtol=1e-9, atol=1e-12)


def test_a_sequence_of_symbolic_length_is_not_unrolled() -> None:
    with pytest.raises(GraphcError, match=r"shape \(n, d\) cannot be iterated over; .* unroll a recurrent network"):
        for _ in ROWS:
            pass
    with pytest.raises(GraphcError, match="the size n has no value yet, so it cannot count a Python loop"):
        for _ in range(n):
            pass


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.conv2d(ROWS, 4, 3), "conv2d.x.: needs x of 4 axes"),
        (lambda: nn.conv2d(IMAGE, 4, (3, 3, 3)), "2 sizes of a filter"),
        (lambda: nn.conv2d(IMAGE, 4, 3, groups=2), "c channels cannot be divided into 2 groups"),
        (lambda: nn.conv2d(nn.conv2d(IMAGE, 4, 3), 4, 3), "W of shape .* exists already; give this layer a name"),
        (lambda: nn.conv2d(IMAGE, 4, 3, activation="rely"), "there is no activation 'rely'"),
        (lambda: nn.batch_norm(gc.symbol("v", (n,))), "needs examples and channels"),
        (lambda: gc.batch_norm(ROWS, gc.symbol("g", (n,))), r"the gain must have shape \(d,\)"),
        (lambda: gc.batch_norm(ROWS, bias=gc.symbol("g", (d,))), "a bias needs a gain"),
        (lambda: gc.batch_norm(ROWS, eps=-1), "must not be negative, got -1"),
        (lambda: gc.layer_norm(ROWS, axis=2), "axis 2 is out of range"),
        (lambda: gc.group_norm(IMAGE, groups=2), "c channels are not provably divisible into 2 groups"),
        (lambda: gc.standardize(gc.symbol("a"), axis=None), "needs an axis"),
        (lambda: nn.rnn_cell(gc.symbol("a"), ROWS), "need at least one axis"),
    ],
)
def test_errors(build: Any, message: str) -> None:
    with pytest.raises(GraphcError, match=message):
        build()


def network() -> tuple[Expr, Expr, Expr]:
    """A small convolutional classifier of 8 by 8 images with one channel."""
    x, t = gc.symbol("x", (n, 1, 8, 8)), gc.symbol("t", (n, 3), facts=["one_hot"])
    y = nn.conv2d(x, 4, 3, "1", pad="same", activation="relu")
    y = gc.maxpool2d(nn.batch_norm(y, "1"), 2)
    y = nn.conv2d(y, 6, 3, "2", activation="relu")
    z = nn.dense(gc.reshape(y, (n, 6 * 2 * 2)), 3, "3")
    return gc.mean(gc.cross_entropy(gc.softmax(z), t)), x, t


def test_a_convolutional_network_trains() -> None:
    loss, _, _ = network()
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=60)
    images = 0.3 * rng.normal(size=(60, 1, 8, 8))
    images[np.arange(60), 0, 2 * labels + 1] += 1  # one bright row, whose place is the class
    data = {"x": images, "t": np.eye(3)[labels]}
    losses = gc.train.fit(loss, data, optimizer=gc.optim.Adam(0.02), epochs=8, batch_size=20, seed=0).training_losses
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_the_gradients_of_the_network_are_right(style: str) -> None:
    loss, x, t = network()
    weights = nn.parameters(loss)
    values = drawn([x, *weights], n=5) | {"t": np.eye(3)[[0, 1, 2, 0, 1]]}
    step = gc.compile([loss, *gc.grad(loss, weights)], [x, t, *weights], style=style)
    _, *found = step(*(values[str(s.name)] for s in (x, t, *weights)))
    for p, g in zip(weights, found, strict=True):
        move = np.random.default_rng(1).normal(size=g.shape)
        name = str(p.name)
        up, down = (gc.evaluate(loss, {**values, name: values[name] + s * move}) for s in (1e-6, -1e-6))
        assert np.isclose((up - down) / 2e-6, np.sum(move * g), rtol=1e-4, atol=1e-7), name
