"""Small networks with their gradients in closed form, as outputs by name and inputs."""

from __future__ import annotations

import graphc.visualize.text  # noqa: F401 - printing is entered on import
from graphc.ir.dims import dims
from graphc.ir.expr import Expr
from graphc.ops.leaves import parameter, size, symbol
from graphc.ops.notation import functions as fn

N, D, H, K = dims("n d h k")
Network = tuple[dict[str, Expr], list[Expr]]


def logistic() -> Network:
    X, t, w = symbol("X", (N, D)), symbol("t", (N,), facts=["binary"]), parameter("w", (D,))
    z = (X @ w).named("z")
    loss = fn["mean"](fn["softplus"](z) - t * z)
    return {"loss": loss, "dw": X.T @ (fn["sigmoid"](z) - t) / size(N)}, [X, t, w]


def softmax_network() -> Network:
    X, T = symbol("X", (N, D)), symbol("T", (N, K), facts=["one_hot"])
    W1, b1, W2, b2 = parameter("W1", (D, H)), parameter("b1", (H,)), parameter("W2", (H, K)), parameter("b2", (K,))
    h = fn["relu"](X @ W1 + b1).named("h")
    z = (h @ W2 + b2).named("z")
    p = fn["softmax"](z).named("p")
    back = (h > 0) * ((p - T) @ W2.T)
    outputs = {
        "loss": -fn["sum"](T * fn["log_softmax"](z)) / size(N),
        "dW1": X.T @ back / size(N),
        "db1": fn["mean"](back, axis=0),
        "dW2": h.T @ (p - T) / size(N),
        "db2": fn["mean"](p - T, axis=0),
    }
    return outputs, [X, T, W1, b1, W2, b2]


def batch_norm() -> Network:
    x, G = symbol("x", (N, H)), symbol("G", (N, H))
    gamma, beta = parameter("gamma", (H,)), parameter("beta", (H,))
    c = x - fn["mean"](x, axis=0)
    std = fn["sqrt"](fn["mean"](c**2, axis=0) + 1e-5).named("std")
    xhat = (c / std).named("xhat")
    outputs = {
        "loss": fn["sum"](G * (gamma * xhat + beta)),
        "dx": gamma * (G - fn["mean"](G, axis=0) - xhat * fn["mean"](G * xhat, axis=0)) / std,
        "dgamma": fn["sum"](G * xhat, axis=0),
        "dbeta": fn["sum"](G, axis=0),
    }
    return outputs, [x, G, gamma, beta]


NETWORKS = {"logistic": logistic, "softmax_network": softmax_network, "batch_norm": batch_norm}
