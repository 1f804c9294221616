"""Loss and all gradients of two classifiers: emitted code against autograd, in one run.

``python -m pytest tests/benchmarks --benchmark-enable --benchmark-only --benchmark-group-by=param:layers``
gives the times; only ratios within one run carry over to another machine or day.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import graphc as gc

LAYERS = {"64-32-10": (32, (64, 32, 10)), "784-256-128-10": (128, (784, 256, 128, 10))}


def arrays(batch: int, widths: tuple[int, ...]) -> list[Any]:
    """Inputs, targets and parameters in float32."""
    rng = np.random.default_rng(0)
    found: list[Any] = [rng.normal(size=(batch, widths[0])), np.eye(widths[-1])[rng.integers(widths[-1], size=batch)]]
    for d, m in pairwise(widths):
        found += [rng.normal(size=(d, m)) / np.sqrt(d), np.zeros(m)]
    return [a.astype(np.float32) for a in found]


def emitted(batch: int, widths: tuple[int, ...], style: str) -> Callable[..., Any]:
    """The compiled step of a relu network with softmax and cross entropy."""
    n = gc.dims("n")
    X, T = gc.symbol("X", (n, widths[0])), gc.symbol("T", (n, widths[-1]), facts=["one_hot"])
    h, parameters = X, []
    for i, (d, m) in enumerate(pairwise(widths)):
        parameters += [gc.parameter(f"W{i}", (d, m)), gc.parameter(f"b{i}", (m,))]
        h = (gc.relu(h) if i else h) @ parameters[-2] + parameters[-1]
    loss = gc.mean(gc.cross_entropy(gc.softmax(h), T))
    step: Callable[..., Any] = gc.compile([loss, *gc.grad(loss, parameters)], [X, T, *parameters], style=style)
    return step


def traced(batch: int, widths: tuple[int, ...]) -> Callable[..., Any]:
    """The same by autograd, written with a stable log-softmax."""

    def loss(parameters: list[Any], X: Any, T: Any) -> Any:
        h = X
        for i in range(0, len(parameters), 2):
            h = (anp.maximum(h, 0) if i else h) @ parameters[i] + parameters[i + 1]
        shifted = h - anp.max(h, axis=1, keepdims=True)
        return -anp.sum(T * (shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True)))) / len(X)

    both = autograd.value_and_grad(loss)

    def step(X: Any, T: Any, *parameters: Any) -> list[Any]:
        value, gradients = both(list(parameters), X, T)
        return [value, *gradients]

    return step


MAKERS: dict[str, Callable[..., Callable[..., Any]]] = {
    "fast": lambda batch, widths: emitted(batch, widths, "fast"),
    "readable": lambda batch, widths: emitted(batch, widths, "readable"),
    "autograd": traced,
}


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("maker", MAKERS)
def test_loss_and_gradients(benchmark: Any, layers: str, maker: str) -> None:
    given = arrays(*LAYERS[layers])
    results = benchmark(MAKERS[maker](*LAYERS[layers]), *given)
    for got, expected in zip(results, traced(*LAYERS[layers])(*given), strict=True):
        assert np.allclose(got, expected, rtol=1e-3, atol=1e-5)
