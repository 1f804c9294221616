"""Layers: the parameters they create, and what the trainer finds of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc import nn
from graphc.errors import GraphcError, NameConflictError, ShapeError, UnknownNameError, UnsupportedError
from graphc.ir.facts import nonnegative
from graphc.ops.leaves import SYMBOL

n, d = gc.dims("n d")
X = gc.symbol("X", (n, d))


def test_dense_creates_its_parameters() -> None:
    layer = nn.dense(X, 64, "1")
    W, b = nn.parameters(layer)
    assert (W.name, W.shape, W.attributes["init"]) == ("W1", (d, 64), "glorot_uniform")
    assert (b.name, b.shape, b.attributes["init"]) == ("b1", (64,), "zeros")
    assert layer is gc.dense(X, W, b)
    assert layer.shape == (n, 64)


@pytest.mark.parametrize(
    ("options", "shown", "init"),
    [
        ({"activation": "relu"}, "relu(dense(X, Wout, bout))", "he_normal"),
        ({"activation": gc.relu}, "relu(dense(X, Wout, bout))", "he_normal"),
        ({"activation": gc.tanh}, "tanh(dense(X, Wout, bout))", "glorot_uniform"),
        ({"activation": "softmax", "bias": False}, "softmax(dense(X, Wout))", "glorot_uniform"),
        ({"activation": lambda h: h * 2, "init": "normal"}, "2*dense(X, Wout, bout)", "normal"),
    ],
)
def test_dense_options(options: dict[str, Any], shown: str, init: str) -> None:
    layer = nn.dense(X, "k", "out", **options)
    assert str(layer) == shown
    assert layer.shape == (n, gc.dims("k"))
    assert nn.parameters(layer)[0].attributes["init"] == init


def test_parameters_come_in_order_of_appearance_each_once() -> None:
    h = nn.dense(X, 8, "1", activation="relu")
    loss = gc.sum(nn.dense(h, 3, "2")) + gc.sum(h)
    assert [p.name for p in nn.parameters(loss)] == ["W1", "b1", "W2", "b2"]
    assert [p.name for p in nn.parameters([h, loss])] == ["W1", "b1", "W2", "b2"]
    assert nn.parameters(X) == []


def test_dropout_multiplies_by_a_mask_that_carries_its_rate() -> None:
    h = nn.dropout(X, 0.1)
    (mask,) = nn.masks(h)
    assert str(h) == "X*mask"
    assert (mask.op, mask.shape, mask.attributes["dropout"]) == (SYMBOL, X.shape, Fraction(1, 10))
    assert nonnegative in mask.attributes["facts"]
    assert gc.parse(str(h), **gc.names(h)) is h
    assert nn.dropout(X, 0.1) is h
    second = nn.dropout(h, 0.5, "mask2")
    assert [m.name for m in nn.masks([second])] == ["mask", "mask2"]
    assert nn.dropout(X, 0) is X
    assert nn.masks(X) == []


def test_dropout_of_float32_stays_float32() -> None:
    assert nn.dropout(gc.symbol("x", (n,), dtype="float32"), 0.5).dtype == "float32"


def test_a_network_trains_through_its_layers() -> None:
    T = gc.symbol("T", (n, 3), facts=["one_hot"])
    h = nn.dropout(nn.dense(X, 4, "1", activation="relu"), 0.25)
    p = nn.dense(h, 3, "2", activation="softmax").named("p")
    loss = gc.mean(gc.cross_entropy(p, T))
    W1, *_, b2 = nn.parameters(loss)
    assert str(gc.grad(loss, b2)) == "mean(p - T, axis=0)"
    values = {"X": np.ones((2, 5)), "T": np.eye(3)[:2], "mask": np.ones((2, 4)), "b1": np.ones(4), "b2": np.ones(3)}
    values |= {"W1": np.zeros((5, 4)), "W2": np.zeros((4, 3))}
    assert gc.evaluate(loss, values) == pytest.approx(np.log(3))
    assert gc.grad(loss, W1).shape == W1.shape


@pytest.mark.parametrize("rate", [1, -0.1, 1.5, "half", None, float("nan"), X])
def test_dropout_rates_out_of_range(rate: Any) -> None:
    with pytest.raises((GraphcError, ValueError), match="from 0 to below 1"):
        nn.dropout(X, rate)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: nn.dense(gc.symbol("s"), 3),
            ShapeError,
            "needs an array with at least one axis, got a scalar",
        ),
        (lambda: nn.dense(X, -3), ShapeError, "a size cannot be negative"),
        (lambda: nn.dense(X, 2.5), ShapeError, "a size must be"),
        (lambda: nn.dense(X, 3, "a b"), NameConflictError, "a name must be a Python identifier"),
        (lambda: nn.dense(nn.dense(X, 3, "1"), 4, "1"), NameConflictError, "W1 of shape (d, 3) exists already"),
        (lambda: nn.dense(X, 3, activation="rleu"), UnknownNameError, "no activation 'rleu'; did you mean 'relu'?"),
        (lambda: nn.dense(X, 3, activation=3), UnsupportedError, "an activation is a function or the name of one"),
        (lambda: nn.dense(X, 3, init="he"), UnsupportedError, "unknown initializer 'he'"),
        (lambda: nn.dropout(nn.dropout(X, 0.5), 0.5), NameConflictError, "mask is used already"),
        (lambda: nn.dropout(X, 0.5, "X"), NameConflictError, "X is used already"),
        (lambda: nn.dropout(X, 0.5, "a b"), NameConflictError, "a name must be a Python identifier"),
    ],
)
def test_layers_explain_what_is_wrong(make: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error) as found:
        make()
    assert message in str(found.value)
