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
    parameters : W1, b1, W2, b2, W3, b3
    """

    inputs: Expr
    targets: Expr
    masks: list[Expr]
    p: Expr
    loss: Expr
    accuracy: Expr
    parameters: list[Expr]

    @property
    def intermediates(self) -> list[Expr]:
        """The named values on the way to the loss, in order."""
        return [node for node in topological([self.loss]) if node.op is NAMED]

    @property
    def weights(self) -> list[Expr]:
        return [w for w in self.parameters if w.ndim == 2]


def declare(features: Any, hidden: tuple[Any, Any], classes: Any) -> Network:
    """The classifier for given sizes, which are numbers or names; the batch size is the symbol n."""
    n = gc.dims("n")
    X = gc.symbol("X", (n, features))
    T = gc.symbol("T", (n, classes), facts=["one_hot"])
    h1 = gc.nn.dense(X, hidden[0], "1", activation="relu").named("h1")
    d1 = gc.nn.dropout(h1, RATES[0], name="m1").named("d1")
    h2 = gc.nn.dense(d1, hidden[1], "2", activation="relu").named("h2")
    d2 = gc.nn.dropout(h2, RATES[1], name="m2").named("d2")
    p = gc.softmax(gc.nn.dense(d2, classes, "3")).named("p")
    parameters = gc.nn.parameters(p)
    weights = [w for w in parameters if w.ndim == 2]
    loss = gc.mean(gc.cross_entropy(p, T)) + gc.regularize.L2(ALPHA)(weights)
    hit = gc.greater_equal(p, gc.max(p, axis=-1, keepdims=True))
    accuracy = gc.mean(gc.sum(T * hit, axis=-1))
    return Network(X, T, gc.nn.masks(loss), p, loss, accuracy, parameters)
