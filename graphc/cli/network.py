"""The demo's classifier: two relu layers with dropout, softmax, cross entropy, an L2 penalty on the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import NAMED

HIDDEN = (256, 128)
RATES = (0.3, 0.3)
ALPHA = 1e-4


@dataclass(frozen=True)
class Network:
    """The classifier as expressions.

    Attributes
    ----------
    inputs, targets : X (n, d) and T (n, k), one-hot
    p : class probabilities (n, k)
    loss : scalar
    accuracy : scalar, the share of examples whose class has the largest probability
    weights, biases : parameters
    """

    inputs: Expr
    targets: Expr
    masks: list[Expr]
    p: Expr
    loss: Expr
    accuracy: Expr
    weights: list[Expr]
    biases: list[Expr]

    @property
    def intermediates(self) -> list[Expr]:
        """The named values on the way to the loss, the last first."""
        return [node for node in reversed(topological([self.loss])) if node.op is NAMED]

    @property
    def parameters(self) -> list[Expr]:
        """Layer by layer: W1, b1, W2, ..."""
        return [x for pair in zip(self.weights, self.biases, strict=True) for x in pair]


def declare(features: Any, hidden: tuple[Any, Any], classes: Any) -> Network:
    """The classifier for given sizes, which are numbers or names; the batch size is the symbol n."""
    n = gc.dims("n")
    X = gc.symbol("X", (n, features))
    T = gc.symbol("T", (n, classes), facts=["one_hot"])
    W1 = gc.parameter("W1", (features, hidden[0]), init="he_normal")
    W2 = gc.parameter("W2", (hidden[0], hidden[1]), init="he_normal")
    W3 = gc.parameter("W3", (hidden[1], classes), init="glorot_uniform")
    b1, b2, b3 = (gc.parameter(f"b{i}", W.shape[1:]) for i, W in enumerate((W1, W2, W3), 1))
    h1 = gc.relu(X @ W1 + b1).named("h1")
    d1 = gc.nn.dropout(h1, RATES[0], name="m1").named("d1")
    h2 = gc.relu(d1 @ W2 + b2).named("h2")
    d2 = gc.nn.dropout(h2, RATES[1], name="m2").named("d2")
    p = gc.softmax(d2 @ W3 + b3).named("p")
    loss = gc.mean(gc.cross_entropy(p, T)) + gc.regularize.L2(ALPHA)([W1, W2, W3])
    hit = gc.greater_equal(p, gc.max(p, axis=-1, keepdims=True))
    accuracy = gc.mean(gc.sum(T * hit, axis=-1))
    return Network(X, T, gc.nn.masks(loss), p, loss, accuracy, [W1, W2, W3], [b1, b2, b3])
