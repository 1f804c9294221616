"""Sizes: compound ones solved by emitted code, axes of literal size 1, and arrays whose sizes do not go together."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dims import bind
from graphc.runtime.optim import update_rule

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


# What is computed from x, w and A, and the sizes that it takes besides their shapes.
UNTOLD: list[tuple[str, dict[str, Any], str]] = [
    ("x[:k]", {"x": ("n",)}, "k"),
    ("eye(k)*sum(x)", {"x": ("n",)}, "k"),
    ("ones(k, n) @ x", {"x": ("n",)}, "k"),
    ("sum(x)/k + m", {"x": ("n",)}, "km"),
    ("ones(k)/d", {}, "dk"),
    ("mean(x**2)*x", {"x": ("m*n",)}, ""),
    ("outer(x, softmax(x))/(2*m*n)", {"x": ("m*n",)}, ""),
    ("reshape(x, (m, n))", {"x": ("m*n",)}, "m"),
    ("var(x)*concat([x, x])", {"x": ("n+d",)}, ""),
    ("x[:n] * sum(x[n:])", {"x": ("n+d",)}, "d"),
    ("inv(A + 9*eye(n + d))/(n + d)", {"A": ("n+d", "n+d")}, ""),
    ("mean(x)*x/n", {"x": ("n**2",)}, ""),
    ("reshape(x, (n, n))", {"x": ("n**2",)}, ""),
    ("mean(x)*w/m", {"x": ("m*n",), "w": ("n+1",)}, ""),
    ("x[:d]*w[:d]/n", {"x": ("n+d",), "w": ("n-d",)}, ""),
    ("mean(x)*w", {"x": ("(n-1)//2",), "w": ("n*m+m",)}, ""),
    ("std(x)*x", {"x": ("(n-1)//2",)}, ""),
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("text", "shapes", "untold"), UNTOLD)
def test_sizes_that_no_shape_tells_are_arguments(text: str, shapes: dict[str, Any], untold: str, style: str) -> None:
    sizes = {"d": 2, "n": 5, "m": 3, "k": 2}
    inputs = [gc.symbol(name, shape) for name, shape in shapes.items()]
    e = gc.parse(text, **{str(s.name): s for s in inputs}, **{name: gc.dims(name) for name in sizes})
    gradients = [gc.grad(gc.sum(e**2), s) for s in inputs]
    rng = np.random.default_rng(1)
    values = {str(s.name): rng.normal(size=tuple(bind(q, sizes) for q in s.shape)) for s in inputs}
    expected = [gc.evaluate(f, values | sizes) for f in (e, *gradients)]
    namespace: dict[str, Any] = {}
    exec(gc.emit(e, inputs, style=style), namespace)
    words = {name: sizes[name] for name in untold}
    step = gc.compile([e, *gradients], inputs, style=style)
    single = gc.compile(e, inputs, style=style)
    for found in ([namespace["step"](*values.values(), **words)], [single(**values, **words)], step(**values, **words)):
        for result, value in zip(found, expected, strict=False):
            np.testing.assert_allclose(result, value, 1e-10, 1e-12)
    told = [gc.evaluate(f, values | (sizes if "//" in str(shapes) else words)) for f in (e, *gradients)]
    for result, value in zip(told, expected, strict=True):
        np.testing.assert_allclose(result, value, 1e-10, 1e-12)
    if untold:
        with pytest.raises(gc.ValueMissingError, match=f"no value was given for the size {untold[0]}.*{untold[0]}=3"):
            single(**values)


def test_sizes_that_are_given_must_fit() -> None:
    x, y = gc.symbol("x", (n,)), gc.symbol("y", (m * n,))
    k = gc.dims("k")
    for style in STYLES:
        step = gc.compile(x[:k] / d, [x], style=style)
        np.testing.assert_allclose(step(np.ones(3), d=2, k=2), [0.5, 0.5])
        np.testing.assert_allclose(step(x=np.ones(3), n=3, d=4, k=1), [0.25])
        with pytest.raises(gc.ShapeError, match=r"n must be at least k, but with k = 4, n = 3"):
            step(np.ones(3), d=2, k=4)
        with pytest.raises(gc.ShapeError, match=r"n is 4 as given but 3 in x \(axis 0\)"):
            step(np.ones(3), d=2, k=2, n=4)
        with pytest.raises(gc.ShapeError, match=r"the size k must be a whole number of 0 or more, got 1\.5"):
            step(np.ones(3), d=2, k=1.5)
        with pytest.raises(gc.ValueMissingError, match=r"there is no input called q; the inputs are x .*sizes: d, k"):
            step(np.ones(3), d=2, k=2, q=1)
        shaped = gc.compile(gc.reshape(y, (m, n)), [y], style=style)
        assert shaped(np.ones(6), m=2).shape == shaped(np.ones(6), n=3).shape == (2, 3)
        with pytest.raises(gc.ShapeError, match=r"m\*n is 7 in y \(axis 0\), but no whole n gives that"):
            shaped(np.ones(7), m=2)
        root = gc.compile(gc.sum(gc.symbol("z", (n**2,))) / n, [gc.symbol("z", (n**2,))], style=style)
        with pytest.raises(gc.ShapeError, match=r"n\*\*2 is 7 in z \(axis 0\), but no whole n gives that"):
            root(np.ones(7))


@pytest.mark.parametrize("style", STYLES)
def test_a_size_may_be_called_like_an_input_or_a_variable(style: str) -> None:
    x, k, size = gc.symbol("k", (n,)), gc.dims("k"), gc.dims("size")
    step = gc.compile(x[:k] * size, [x], style=style)
    np.testing.assert_allclose(step(np.ones(3), k_=2, **{step.keywords["size"]: 5}), [5, 5])
    y = gc.symbol("y", (m * n,))
    both = gc.compile(y * gc.mean(y) * size, [y], style=style)
    np.testing.assert_allclose(both(np.ones(4), **{both.keywords["size"]: 5}), 5 * np.ones(4))


def test_training_takes_sizes_that_no_data_tells() -> None:
    X, w, k = gc.symbol("X", (n, d)), gc.parameter("w", (d,)), gc.dims("k")
    loss = gc.sum((X @ w - 1) ** 2) / k + gc.sum(w[:m] ** 2)
    data, optimizer = {"X": np.eye(4, 3)}, gc.optim.SGD(0.1)
    fitted = gc.train.fit(loss, data, optimizer=optimizer, epochs=2, sizes={"k": 4, "m": 1}, validation=data)
    assert fitted.training_losses[1] < fitted.training_losses[0]
    with pytest.raises(gc.ValueMissingError, match=r"no shape tells the size k, m; pass it, for example sizes="):
        gc.train.fit(loss, data, optimizer=optimizer)
    outputs = {"loss": loss, "dw": gc.grad(loss, w)}
    fast, readable = dict[str, Any](), dict[str, Any]()
    for style, namespace in zip(STYLES, (fast, readable), strict=True):
        exec(gc.emit(outputs, [X, w], style=style, update=update_rule(optimizer)), namespace)
    training, parameters = fast["Training"](np.zeros(3)), {"w": np.zeros(3)}
    first = [training.train_step(data["X"], k=4, m=1) for _ in range(2)]
    again = [readable["train_step"](data["X"], parameters, k=4, m=1) for _ in range(2)]
    np.testing.assert_allclose(first, again)


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
