"""Sizes: compound ones solved by emitted code, axes of literal size 1, and arrays whose sizes do not go together."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dims import bind

STYLES = ("fast", "readable")
n, m, d = gc.dims("n m d")
SIZES = {"d": 2, "n": 5, "m": 3}
COMPOUND: list[tuple[Any, ...]] = [
    ("2*d",),
    ("n+1",),
    ("n", "2*d"),
    ("2*n", "n+d"),
    ("m*n", "m"),
    ("(n-1)//2", "n"),
    ("n+1", "(n+1)*d"),
]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(COMPOUND, [None, ("2*d",), ("d", "n-d")])))
def test_emitted_code_solves_compound_sizes(first: Any, second: Any) -> None:
    inputs = [gc.symbol("x", first)] + ([gc.symbol("w", second)] if second else [])
    loss = gc.mean(gc.tanh(inputs[0]) ** 2) * (gc.mean(gc.exp(inputs[-1])) if second else 1)
    outputs = [loss, *gc.grad(loss, inputs)]
    rng = np.random.default_rng(0)
    values = {str(s.name): rng.normal(size=tuple(bind(q, SIZES) for q in s.shape)) for s in inputs}
    for wanted in (outputs, outputs[1:]):
        expected = [gc.evaluate(e, values) for e in wanted]
        for style in STYLES:
            namespace: dict[str, Any] = {}
            exec(gc.emit(wanted, inputs, style=style), namespace)
            results = namespace["step"](*values.values())
            for found, value in zip(results if len(wanted) > 1 else [results], expected, strict=True):
                np.testing.assert_allclose(np.squeeze(found), np.squeeze(value), 1e-12)


def test_a_size_that_the_inputs_do_not_determine_is_named() -> None:
    x = gc.symbol("x", ("n+d",))
    with pytest.raises(gc.ValueMissingError, match=r"the size [nd] cannot be read from the inputs x \(d \+ n,\)"):
        gc.emit(gc.sum(x) * d, [x])


UNFIT = [
    ("conv2d(x, w)", {"x": (1, 1, 2, 2), "w": (1, 1, 3, 3)}, r"windows\(x, kh, kw\) cannot be computed where x has"),
    ("maxpool2d(x, 3)", {"x": (1, 1, 2, 2)}, r"windows\(x, 3, 3, stride=3\) cannot be computed where x has shape"),
    ("max(x, axis=3)", {"x": (2, 2, 2, 0)}, r"max\(x, axis=3\) cannot be computed where x has shape \(2, 2, 2, 0\)"),
]


@pytest.mark.parametrize(("text", "shapes", "message"), UNFIT)
def test_what_does_not_fit_at_run_time_is_named(text: str, shapes: dict[str, tuple[int, ...]], message: str) -> None:
    declared = {"x": ("N", "C", "H", "W"), "w": ("F", "C", "kh", "kw")}
    symbols = [gc.symbol(name, declared[name]) for name in shapes]
    e = gc.parse(text, **{str(s.name): s for s in symbols})
    values = {name: np.ones(shape) for name, shape in shapes.items()}
    with pytest.raises(gc.ShapeError, match=message):
        gc.evaluate(e, values)
    for style in STYLES:
        with pytest.raises(gc.ShapeError, match=message):
            gc.compile(e, symbols, style=style)(**values)


def test_sizes_are_told_where_a_window_does_not_fit() -> None:
    x = gc.symbol("x", (n,))
    with pytest.raises(gc.ShapeError, match=r"where x has shape \(2,\), d = 3: window shape cannot be larger"):
        gc.evaluate(gc.windows(x, d), {"x": np.ones(2), "d": 3})


@pytest.mark.parametrize("style", STYLES)
def test_a_mean_of_nothing_is_not_a_number(style: str) -> None:
    X = gc.symbol("X", (n, d))
    with np.errstate(all="ignore"):
        assert np.isnan(gc.compile(gc.mean(X, axis=1), [X], style=style)(np.ones((3, 0)))).all()
        assert gc.compile(gc.mean(X, axis=1), [X], style=style)(np.ones((0, 3))).shape == (0,)


def test_check_tries_sizes_that_windows_fit_into() -> None:
    N, C, H, W, k = gc.dims("N C H W k")
    x, w, v = gc.symbol("x", (N, C, H, W)), gc.symbol("w", (k, C, 5, 5)), gc.symbol("v", (k, C, "kh", "kw"))
    for weight in (w, v):
        loss = gc.sum(gc.conv2d(x, weight) ** 2)
        right = gc.grad(loss, weight)
        assert gc.check(loss, weight, right)
        verdict = gc.check(loss, weight, 3 * right)
        assert verdict.status.value == "wrong"
        assert "3 times too large" in str(verdict)


def test_an_axis_of_size_one_stretches_to_a_compound_size() -> None:
    B = gc.symbol("B", (m, n))
    e = gc.var(gc.reshape(B, (m * n,)))
    value = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(gc.evaluate(gc.simplify(e), {"B": value}), value.var())
    np.testing.assert_allclose(gc.evaluate(gc.grad(e, B), {"B": value}), (value - value.mean()) / 3)
    row, wide = gc.symbol("r", (1, 2)), gc.symbol("w", (m * n, 1))
    assert (wide - gc.broadcast_to(wide[:, 0], (m * n, m * n))).shape == (m * n, m * n)
    product = wide.T @ row
    np.testing.assert_allclose(gc.evaluate(product, {"w": [[3.0]], "r": [[1.0, 2.0]]}), [[3, 6]])
    with pytest.raises(gc.ShapeError, match="must be equal"):
        gc.evaluate(product, {"w": [[3.0], [4.0]], "r": [[1.0, 2.0]], "m": 2, "n": 1})


def test_gradients_with_leading_axes_of_size_one() -> None:
    s = gc.symbol("s", (1, 2))
    e = gc.sum(gc.var(s[0, None, None, :], keepdims=True)[0, 0, 0, None, None, None, None])
    value = np.array([[1.0, 4.0]])
    np.testing.assert_allclose(gc.evaluate(gc.grad(e, s), {"s": value}), value - 2.5)


@pytest.mark.parametrize("text", ["1e-400", "1/2 + 1e308", "2.5e-324", "1e-310*x", "x*1e-400", "x + 1e-400"])
def test_numbers_beyond_floats_read_back(text: str) -> None:
    e = gc.parse(text, x=(n,))
    assert gc.parse(str(e), **gc.names(e)) is e


def test_a_number_that_cannot_be_written_is_refused() -> None:
    x = gc.symbol("x")
    with pytest.raises(gc.UnsupportedError, match="more digits than can be written as a quotient"):
        for _ in range(8):
            x = gc.simplify(x / 3**100)


def test_wrong_keywords_in_a_formula() -> None:
    with pytest.raises(gc.FormulaError, match="unexpected keyword argument 'self'"):
        gc.parse("sum(x, self=1)", x=(n,))
    with pytest.raises(gc.FormulaError, match="unexpected keyword argument 'function'"):
        gc.parse("sum(x, function=1, offset=2)", x=(n,))


def test_a_size_times_zero_may_be_any() -> None:
    x, y = gc.symbol("x", ("m*n",)), gc.symbol("y", (n,))
    assert gc.evaluate(gc.sum(x) + gc.sum(y), {"x": np.ones(0), "y": np.ones(0)}) == 0
    with pytest.raises(gc.ShapeError, match="no whole m gives that"):
        gc.evaluate(gc.sum(x) + gc.sum(y), {"x": np.ones(3), "y": np.ones(0)})
