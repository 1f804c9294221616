"""Derivations: every step holds numerically, rules have names and reasons, and all three forms can be read."""

from __future__ import annotations

import random
from xml.dom import minidom

import numpy as np
import pytest
from generate import arrays, expression

import graphc as gc
from graphc.calculus.derivation import Derivation
from graphc.ir.expr import Expr, substitute

n, d, k = gc.dims("n d k")
X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
W, b = gc.parameter("W", (d, k)), gc.parameter("b", (k,))
p = gc.softmax(X @ W + b).named("p")
loss = gc.mean(-gc.sum(T * gc.log(p), axis=1))


def check_replay(derivation: Derivation, values: dict[str, np.ndarray]) -> None:
    """Each rewrite keeps the value; each derivative is that of central differences."""
    for step in derivation.steps:
        for rewrite in step.rewrites:
            assert rewrite.reason
            before, after = gc.evaluate(rewrite.before, values), gc.evaluate(rewrite.after, values)
            assert np.allclose(before, after, rtol=1e-8, atol=1e-10), str(rewrite)
        assert step.derivative.shape == step.node.shape
        if step.node.op.name not in ("constant", "size"):
            moved(derivation.f, step.node, step.derivative, values)


def moved(f: Expr, node: Expr, derivative: Expr, values: dict[str, np.ndarray]) -> None:
    """``f`` changes along a direction at `node` as `derivative` says."""
    at = gc.evaluate(node, values)
    direction = np.random.default_rng(1).normal(size=at.shape)
    free = gc.symbol("free", node.shape)
    replaced = substitute([f], {node: free})[0]
    up, down = (gc.evaluate(replaced, {**values, "free": at + h * direction}) for h in (1e-6, -1e-6))
    slope = (gc.evaluate(derivative, values) * direction).sum()
    assert np.isclose((up - down) / 2e-6, slope, rtol=1e-4, atol=1e-6), str(node)


def test_the_steps_of_softmax_cross_entropy_hold() -> None:
    derivation = gc.derive(loss, W)
    assert derivation.result is gc.grad(loss, W)
    values = {
        name: np.random.default_rng(0).normal(size=s) for name, s in {"X": (3, 2), "W": (2, 4), "b": (4,)}.items()
    }
    values |= {"T": np.eye(4)[[0, 2, 1]], "n": 3, "d": 2, "k": 4}
    check_replay(derivation, values)
    assert any(r.rule == "distributions" for s in derivation.steps for r in s.rewrites)
    assert derivation.facts == ("sums_to_one of T",)


@pytest.mark.parametrize("seed", range(12))
def test_random_derivations_replay(seed: int) -> None:
    f = gc.sum(gc.tanh(expression(random.Random(seed), 6, smooth=True)))
    symbols = [s for s in gc.names(f).values() if isinstance(s, Expr)]
    derivation = gc.derive(f, symbols[-1])
    check_replay(derivation, arrays([f], seed))


def test_text_names_the_rules() -> None:
    text = str(gc.derive(loss, W))
    assert text.startswith("L = mean(-sum(T*log(p), axis=1))\n    with p = softmax(X @ W + b)")
    assert "dL/dp = -T/(n*p)   [chain rule through log]" in text
    assert "sum(T, axis=1) = 1   [distributions: the entries sum to one, with sums_to_one of T]" in text
    assert "Result: dL/dW = X.T @ (p - T)/n" in text


def test_latex_and_html() -> None:
    derivation = gc.derive(loss, W)
    assert derivation.latex().startswith("\\begin{align*}\nL &= ")
    assert r"\frac{\partial L}{\partial \mathbf{W}}" in derivation.latex()
    page = minidom.parseString(derivation.html())
    assert len(page.getElementsByTagName("math")) > len(derivation.steps)


def test_bold_greek_letters_are_characters_of_their_own() -> None:
    alpha = gc.parameter("alpha", (k,))
    page = gc.derive(gc.sum(X @ W * alpha), alpha).html()
    assert "𝜶" in page
    assert "mathvariant" not in page  # browsers show no bold by it


def test_an_intermediate_and_a_symbol_with_facts() -> None:
    z = (X @ W + b).named("z")
    f = -gc.sum(T * gc.log(gc.softmax(z)))
    assert str(gc.derive(f, z).result) == "softmax(z) - T"
    by_target = gc.derive(f, T)
    assert by_target.result is gc.grad(f, T)
    assert by_target.facts == ()


def test_long_derivations_fold() -> None:
    h = X
    for i in range(60):
        h = gc.tanh(h).named(f"h{i}")
    text = str(gc.derive(gc.sum(h), X))
    assert "steps more ..." in text
    assert text.count("\n") < 300
