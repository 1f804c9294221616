"""Windows, convolution and pooling: values against loops, gradients against differences, formulas both ways."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.errors import GraphcError, ShapeError
from graphc.ir.expr import Expr

N, C, H, W, F, KH, KW = gc.dims("N C H W F kh kw")
SIZES = {"n": 2, "c": 3, "f": 4, "h": 4, "w": 3, "d": 5, "t": 2}


def pair(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def naive_conv2d(x: Any, w: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Cross-correlation entry by entry."""
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    x = np.pad(x, [(0, 0), (0, 0), *(pair(p) for p in pair(pad))])
    kh, kw = w.shape[2:]
    high, wide = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1, (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    y = np.zeros((x.shape[0], w.shape[0], high, wide))
    share, units = w.shape[1], w.shape[0] // groups
    for n, f, i, j in itertools.product(*map(range, y.shape)):
        first = f // units * share
        for c, a, b in itertools.product(range(share), range(kh), range(kw)):
            y[n, f, i, j] += x[n, first + c, i * sh + a * dh, j * sw + b * dw] * w[f, c, a, b]
    return y


def drawn(inputs: list[Expr], sizes: dict[str, int] = SIZES, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {str(s.name): rng.normal(size=[d if isinstance(d, int) else sizes[str(d)] for d in s.shape]) for s in inputs}


@given(
    st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 3),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(1, 2),
)
@settings(max_examples=60, deadline=None)
def test_conv2d_is_the_loop(
    shape: tuple[int, ...], filters: tuple[int, ...], stride: int, pad: tuple[int, int], dilation: int
) -> None:
    f, kh, kw = filters
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=shape), rng.normal(size=(f, shape[1], kh, kw))
    symbols = gc.symbol("x", x.shape), gc.symbol("w", w.shape)
    fits = all(h + 2 * p > dilation * (k - 1) for h, p, k in zip(shape[2:], pad, (kh, kw), strict=True))
    if not fits:
        with pytest.raises(ShapeError, match="do not fit into"):
            gc.conv2d(*symbols, stride=stride, pad=pad, dilation=dilation)
        return
    y = gc.conv2d(*symbols, stride=stride, pad=pad, dilation=dilation)
    assert np.allclose(gc.evaluate(y, {"x": x, "w": w}), naive_conv2d(x, w, stride, pad, dilation))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_see_their_share_of_the_channels(groups: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4, 5, 4)), rng.normal(size=(8, 4 // groups, 3, 2))
    y = gc.conv2d(gc.symbol("x", ("n", 4, "h", "w")), gc.symbol("w", w.shape), groups=groups)
    assert np.allclose(gc.evaluate(y, {"x": x, "w": w}), naive_conv2d(x, w, groups=groups))


def test_same_keeps_the_sizes_and_valid_adds_nothing() -> None:
    x = gc.symbol("x", (N, C, H, W))
    for kh, kw in [(3, 3), (2, 4), (KH, KW)]:
        w = gc.symbol("w", (F, C, kh, kw))
        same = gc.conv2d(x, w, pad="same")
        assert same.shape == (N, F, H, W)
        assert gc.parse(str(same), **gc.names(same)) is same
    w = gc.symbol("w", (F, C, 3, 3))
    assert gc.conv2d(x, w, pad="same") is gc.conv2d(x, w, pad=1)
    assert gc.conv2d(x, w, pad="valid") is gc.conv2d(x, w)
    assert str(gc.conv2d(x, gc.symbol("w", (F, C, 2, 3)), pad="same")) == "conv2d(x, w, pad=((0, 1), 1))"


def test_gradients_are_contractions_of_windows() -> None:
    x, w = gc.symbol("x", (N, C, H, W)), gc.parameter("w", (F, C, KH, KW))
    y = gc.conv2d(x, w)
    assert y.shape == (N, F, H - KH + 1, W - KW + 1)
    G = gc.symbol("G", y.shape)
    dx, dw = gc.vjp(y, x, G), gc.vjp(y, w, G)
    assert str(dw) == "einsum('mino,mjnokl->ijkl', G, windows(x, kh, kw))"
    assert gc.count_ops([dx]) <= 3
    assert str(dx).startswith("fold(")


def test_windows_and_fold_are_adjoint() -> None:
    x = gc.symbol("x", ("n", 7, 6))
    view = gc.windows(x, 3, 2, stride=2, pad=1)
    y = gc.symbol("y", view.shape)
    back = gc.fold(y, 7, 6, stride=2, pad=1)
    values = drawn([x, y])
    left, right = gc.evaluate(gc.sum(view * y), values), gc.evaluate(gc.sum(x * back), values)
    assert np.isclose(left, right)


def test_windows_stay_views_of_memory_that_is_not_reused() -> None:
    """The windows of an intermediate are read again by the backward pass, after other buffers were written."""
    x, w = gc.symbol("x", ("n", 2, 6, 6)), gc.parameter("w", (3, 2, 3, 3))
    h = gc.exp(x)
    loss = gc.sum(gc.tanh(gc.conv2d(h, w)) ** 2) + gc.sum(gc.exp(h / 10))
    outputs = [loss, gc.grad(loss, w), gc.grad(loss, x)]
    values = drawn([x, w])
    expected = [gc.evaluate(o, values) for o in outputs]
    for style in ("readable", "fast"):
        step = gc.compile(outputs, [x, w], style=style)
        for _ in range(2):
            for got, want in zip(step(values["x"], values["w"]), expected, strict=True):
                assert np.allclose(got, want)


def test_an_output_of_windows_has_memory_of_its_own() -> None:
    x = gc.symbol("x", ("n", 5))
    given_array = np.arange(10.0).reshape(2, 5)
    for style in ("readable", "fast"):
        result = gc.compile(gc.windows(x, 3), [x], style=style)(given_array)
        result[...] = 0
        assert given_array[1, 4] == 9
    result = gc.evaluate(gc.windows(x, 3), {"x": given_array})
    result[...] = 0
    assert given_array[1, 4] == 9


@pytest.mark.parametrize(("pool", "reduce"), [(gc.maxpool2d, np.max), (gc.avgpool2d, np.mean)])
def test_pooling_reduces_blocks(pool: Any, reduce: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    y = pool(gc.symbol("x", ("n", "c", "h", "w")), (3, 2))
    blocks = x[:, :, :6].reshape(2, 3, 2, 3, 3, 2)
    assert np.allclose(gc.evaluate(y, {"x": x}), reduce(blocks, axis=(3, 5)))


def test_ties_in_a_pool_share_the_derivative() -> None:
    x = gc.symbol("x", (4,))
    gradient = gc.grad(gc.sum(gc.maxpool1d(x, 2)), x)
    assert np.array_equal(gc.evaluate(gradient, {"x": np.array([1.0, 1.0, 0.0, 2.0])}), [0.5, 0.5, 0, 1])


IMAGE, FILTERS = gc.symbol("x", (N, 3, 5, 5)), gc.symbol("w", (4, 3, 2, 2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: gc.conv2d(IMAGE, gc.symbol("w", (4, 2, 2, 2))), "x has 3 channels, the filters take 2"),
        (lambda: gc.conv2d(IMAGE, FILTERS, groups=3), "the filters take 3, in 3 groups"),
        (lambda: gc.conv2d(gc.symbol("x", (3, 5, 5)), FILTERS), r"x must have the axes \(N, C, H, W\)"),
        (lambda: gc.conv2d(IMAGE, gc.symbol("w", (4, 3, 6, 2))), r"windows of \(6, 2\) do not fit into \(5, 5\)"),
        (lambda: gc.conv2d(IMAGE, FILTERS, stride=0), "stride must be at least 1, got 0"),
        (lambda: gc.conv2d(IMAGE, FILTERS, pad=-1), "a size cannot be negative"),
        (lambda: gc.conv2d(IMAGE, FILTERS, pad="full"), "'same' or 'valid', got 'full'"),
        (lambda: gc.conv2d(IMAGE, FILTERS, pad="same", stride=2), "pad='same' needs stride 1"),
        (lambda: gc.conv2d(IMAGE, FILTERS, stride=(1, 2, 3)), "one for each of 2 axes"),
        (lambda: gc.maxpool2d(IMAGE, 6), "do not fit into"),
        (lambda: gc.maxpool2d(IMAGE, (2, 2, 2)), "one for each of 2 axes"),
        (lambda: gc.windows(IMAGE), "needs the sizes of a window"),
        (lambda: gc.windows(gc.symbol("v", (3,)), 2, 2), "at most one for each axis"),
        (lambda: gc.fold(gc.symbol("y", (3, 2)), 5), r"has \(4,\) windows of \(2,\), but y has \(3,\)"),
        (lambda: gc.fold(gc.symbol("y", (3, 2)), 5, 5), "two axes of y for each"),
    ],
)
def test_errors(build: Any, message: str) -> None:
    with pytest.raises(GraphcError, match=message):
        build()
