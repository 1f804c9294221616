"""Losses of integer labels are those of one-hot targets; an eps makes the gradients at distance 0 finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc

n, k = gc.dims("n k")
x, y, t = gc.symbol("x", (n, k)), gc.symbol("y", (n,), dtype="int64"), gc.symbol("t", (n, k))
SCORES = np.random.default_rng(1).uniform(0.1, 0.9, (4, 3))
LABELS = np.array([2, 0, 1, 2])
VALUES: dict[str, Any] = {"x": SCORES, "y": LABELS, "t": np.eye(3)[LABELS], "k": 3}


@pytest.mark.parametrize("name", ["multiclass_hinge", "nll", "focal"])
def test_labels_are_one_hot_targets(name: str) -> None:
    loss = getattr(gc, name)
    for by_label, by_target in ((loss(x, y), loss(x, t)), (loss(x.T, y, axis=0), loss(x.T, t.T, axis=0))):
        np.testing.assert_allclose(gc.evaluate(by_label, VALUES), gc.evaluate(by_target, VALUES))
        g, h = gc.grad(gc.sum(by_label), x), gc.grad(gc.sum(by_target), x)
        np.testing.assert_allclose(gc.evaluate(g, VALUES), gc.evaluate(h, VALUES))
        assert gc.parse(str(g), **gc.names(g)) is g
        assert gc.parse(str(by_label), **gc.names(by_label)) is by_label
        for style in ("readable", "fast"):
            step = gc.compile([by_label, g], [x, y], style=style)
            value, back = step(SCORES.astype("float32"), LABELS)
            assert value.dtype == back.dtype == np.float32
            np.testing.assert_allclose(back, gc.evaluate(h, VALUES), 1e-5)


@pytest.mark.parametrize("name", ["multiclass_hinge", "nll", "focal"])
def test_labels_that_do_not_fit(name: str) -> None:
    with pytest.raises(gc.ShapeError, match=rf"{name}\(x, z\): the labels must have shape \(n,\), that of x without"):
        getattr(gc, name)(x, gc.symbol("z", (k,), dtype="int64"))


U, V = gc.symbol("U", (n, "h")), gc.symbol("V", ("h", k))
PICKS: list[tuple[gc.Expr, Any]] = [
    (
        gc.einsum("nk,nk,hk->nh", gc.one_hot(y, k), gc.exp(x), V),
        lambda x, V: np.exp(x)[np.arange(4), LABELS][:, None] * V.T[LABELS],
    ),
    (
        gc.grad(-gc.mean(gc.log(gc.take_along_axis(U @ V, y[:, None]))), U),
        lambda U, V: -V.T[LABELS] / (U @ V)[np.arange(4), LABELS][:, None] / 4,
    ),
]


@pytest.mark.parametrize(("expr", "expected"), PICKS, ids=["exponentials", "gradient"])
@pytest.mark.parametrize("style", ["readable", "fast"])
def test_entries_are_picked_before_arrays_of_other_axes_are_multiplied(
    expr: gc.Expr, expected: Any, style: Any
) -> None:
    rng = np.random.default_rng(2)
    inputs = [v for v in (x, U, V) if v in gc.names(expr).values()]
    values = [rng.uniform(0.5, 1.0, {x: (4, 3), U: (4, 5), V: (5, 3)}[v]) for v in inputs]
    found = gc.compile(expr, [*inputs, y], style=style)(*values, LABELS)
    np.testing.assert_allclose(found, expected(*values))
    assert "(n, h, k)" not in gc.emit(expr, [*inputs, y], style="fast")


a, b = gc.symbol("a", (n, k)), gc.symbol("b", (n, k))
AT_ZERO: list[tuple[gc.Expr, Any]] = [
    (gc.cosine_similarity(a, b, eps=1e-8), np.zeros((2, 3))),
    (gc.cosine_embedding(a, b, gc.symbol("s", (n,)), eps=1e-8), np.zeros((2, 3))),
    (gc.triplet(a, b, a * 0 + 1, eps=1e-6), None),
    (gc.contrastive(a, b, gc.symbol("s", (n,)), eps=1e-6), None),
]


@pytest.mark.parametrize(("loss", "expected"), AT_ZERO, ids=lambda v: str(v)[:30])
def test_gradients_at_zero_vectors_are_finite(loss: gc.Expr, expected: Any) -> None:
    g = gc.grad(gc.sum(loss), a)
    values: dict[str, Any] = {"a": np.zeros((2, 3)), "b": np.zeros((2, 3)), "s": np.ones(2)}
    inputs = [v for v in gc.names(g).values() if isinstance(v, gc.Expr)]
    found = [gc.evaluate(g, values)]
    found += [gc.compile(g, inputs, style=s)(*(values[str(v.name)] for v in inputs)) for s in ("readable", "fast")]
    for value in found:
        assert np.all(np.isfinite(value))
        if expected is not None:
            np.testing.assert_array_equal(value, expected)
