"""Indexing, concatenation, padding and rearrangement: values against NumPy, derivatives against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.errors import GraphcError, ShapeError, UnsupportedError
from graphc.ir.expr import Expr

SIZES = {"n": 4, "m": 3, "k": 2, "d": 5}
VECTOR, MATRIX = {"x": ("n",)}, {"x": ("n", "m")}
RNG = np.random.default_rng(7)


def spread_out(x: Any) -> Any:
    out = np.zeros((2 * len(x) + 1, x.shape[1]))
    out[1::2] = x
    return out


def masked_attention(x: Any) -> Any:
    scores = x @ x.T + (np.tril(np.ones((len(x), len(x)))) - 1) * 1000
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# formula, names (x is differentiated), the same in NumPy
ROWS: list[tuple[str, dict[str, Any], Callable[..., Any]]] = [
    ("x[1:]", VECTOR, lambda x: x[1:]),
    ("x[:-1]", MATRIX, lambda x: x[:-1]),
    ("x[::2]", VECTOR, lambda x: x[::2]),
    ("x[::-2]", MATRIX, lambda x: x[::-2]),
    ("x[1:-1:2, ::-1]", {"x": ("d", "m")}, lambda x: x[1:-1:2, ::-1]),
    ("x[:k]", VECTOR | {"y": ("k",)}, lambda x, y: x[:2]),
    ("x[k:]", VECTOR | {"y": ("k",)}, lambda x, y: x[2:]),
    ("x[-k:]*y", VECTOR | {"y": ("k",)}, lambda x, y: x[-2:] * y),
    ("x[n - k:, k]", MATRIX | {"y": ("k",)}, lambda x, y: x[2:, 2]),
    ("x[1:k]", VECTOR | {"y": ("k",)}, lambda x, y: x[1:2]),
    ("x[k::-1]", VECTOR | {"y": ("k",)}, lambda x, y: x[2::-1]),
    ("x[0]", MATRIX, lambda x: x[0]),
    ("x[-1, 0]", MATRIX, lambda x: x[-1, 0]),
    ("x[..., -2]", MATRIX, lambda x: x[..., -2]),
    ("x[None, 1, :, None]", MATRIX, lambda x: x[None, 1, :, None]),
    ("x[0, 1:, None, ::2]", {"x": (2, "n", "m")}, lambda x: x[0, 1:, None, ::2]),
    ("x[1:3][0]", VECTOR, lambda x: x[1:3][0]),
    ("x.T[1:]", MATRIX, lambda x: x.T[1:]),
    ("x[-2:9]", {"x": (5,)}, lambda x: x[-2:9]),
    ("x[3:1]", {"x": (5, "m")}, lambda x: x[3:1]),
    ("x[0] @ x[1]", MATRIX, lambda x: x[0] @ x[1]),
    ("x[0]*x", MATRIX, lambda x: x[0] * x),
    ("outer(x[0], x[:, 1])", MATRIX, lambda x: np.outer(x[0], x[:, 1])),
    ("concat([x, y])", VECTOR | {"y": ("m",)}, lambda x, y: np.concatenate([x, y])),
    ("concat([x, x*y], axis=-1)", MATRIX | {"y": ("n", 1)}, lambda x, y: np.concatenate([x, x * y], -1)),
    ("concat([x, 2*x], axis=None)", MATRIX, lambda x: np.concatenate([x, 2 * x], None)),
    ("concat([x[1:], x[:1]])", VECTOR, lambda x: np.roll(x, -1)),
    ("stack([x, y, x*y], axis=1)", VECTOR | {"y": ("n",)}, lambda x, y: np.stack([x, y, x * y], 1)),
    ("stack([x[0], x[1]**2, 1/2])", VECTOR, lambda x: np.stack([x[0], x[1] ** 2, 0.5])),
    ("flip(x)", MATRIX, np.flip),
    ("flip(x, axis=1)", MATRIX, lambda x: np.flip(x, 1)),
    ("roll(x, 1)", VECTOR, lambda x: np.roll(x, 1)),
    ("roll(x, -2, axis=0)", MATRIX, lambda x: np.roll(x, -2, 0)),
    ("roll(x, 7)", {"x": (5,)}, lambda x: np.roll(x, 7)),
    ("pad(x, 1)", VECTOR, lambda x: np.pad(x, 1)),
    ("pad(x, ((1, 0), (0, k)))", MATRIX | {"y": ("k",)}, lambda x, y: np.pad(x, ((1, 0), (0, 2)))),
    ("pad(x, (2, 1), constant_values=3/2)", MATRIX, lambda x: np.pad(x, (2, 1), constant_values=1.5)),
    ("pad(x, 1, constant_values=sum(x))", VECTOR, lambda x: np.pad(x, 1, constant_values=np.sum(x))),
    ("tril(x)", MATRIX, np.tril),
    ("tril(x, k=-1) @ x.T", MATRIX, lambda x: np.tril(x, -1) @ x.T),
    ("triu(x, k=1)", {"x": (2, "n", "n")}, lambda x: np.triu(x, 1)),
    ("triu(x, 1 - k)", MATRIX | {"y": ("k",)}, lambda x, y: np.triu(x, -1)),
    ("squeeze(x)", {"x": (1, "n", 1)}, np.squeeze),
    ("expand_dims(x, (0, -1))", VECTOR, lambda x: np.expand_dims(x, (0, -1))),
    ("swapaxes(x, 0, 2)", {"x": (2, "n", "m")}, lambda x: np.swapaxes(x, 0, 2)),
    ("moveaxis(x, 0, -1)", {"x": (2, "n", "m")}, lambda x: np.moveaxis(x, 0, -1)),
    ("ravel(x)", MATRIX, np.ravel),
    ("repeat(x, 2)", VECTOR, lambda x: np.repeat(x, 2)),
    ("repeat(x, 3, axis=1)", MATRIX, lambda x: np.repeat(x, 3, 1)),
    ("tile(x, 2)", MATRIX, lambda x: np.tile(x, 2)),
    ("tile(x, (2, 1, 2))", MATRIX, lambda x: np.tile(x, (2, 1, 2))),
    ("(x[1:] + x[:-1])/2", VECTOR, lambda x: (x[1:] + x[:-1]) / 2),
    ("x[2:] - 2*x[1:-1] + x[:-2]", VECTOR, lambda x: x[2:] - 2 * x[1:-1] + x[:-2]),
    ("sum(abs(x[1:] - x[:-1]))", MATRIX, lambda x: np.sum(np.abs(x[1:] - x[:-1]))),
    ("place(x, (2*n + 1, m), (1, 0), (2, 1))", MATRIX, spread_out),
    ("softmax(x @ x.T + (tril(ones(n, n)) - 1)*1000)", MATRIX, masked_attention),
    ("concat([x, x[::-1]], axis=0)[1:-1]", VECTOR, lambda x: np.concatenate([x, x[::-1]])[1:-1]),
]
IDS = [row[0] for row in ROWS]


def differences(f: Callable[[Any], Any], x: Any, step: float = 1e-5) -> Any:
    """The derivative of an array by the entries of `x`, by central differences; the entries' axes last."""
    columns = []
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        columns.append((f(up) - f(down)) / (2 * step))
    if not columns:
        return np.zeros(np.shape(f(x)) + x.shape)
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + x.shape)


def drawn(names: dict[str, Any]) -> dict[str, Any]:
    return {name: RNG.uniform(-1, 1, [SIZES.get(d, d) for d in shape]) for name, shape in names.items()}


@pytest.mark.parametrize(("text", "names", "reference"), ROWS, ids=IDS)
def test_value_and_derivatives(text: str, names: dict[str, Any], reference: Callable[..., Any]) -> None:
    e = gc.parse(text, **names)
    assert gc.parse(str(e), **gc.names(e)) is e
    assert gc.latex(e)
    x = gc.symbol("x", names["x"])
    symbols = [gc.symbol(name, shape) for name, shape in names.items()]
    arrays = drawn(names)
    values = arrays | SIZES
    expected = reference(*arrays.values())
    found = gc.evaluate(e, values)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    short = gc.simplify(e)
    np.testing.assert_allclose(gc.evaluate(short, values), expected, rtol=1e-12, atol=1e-13)
    loss = gc.sum(e**3 + e**2)
    first, second = gc.grad(loss, x), gc.hessian(loss, x)
    jacobian = gc.jacobian(e, x)
    v = gc.symbol("v", names["x"])
    values["v"] = RNG.uniform(-1, 1, arrays["x"].shape)
    third = gc.grad(gc.sum(gc.hvp(loss, x, v) * v), x)
    for result in (short, first, second, jacobian, third):
        assert gc.parse(str(result), **gc.names(result)) is result
    for result, of in ((first, loss), (jacobian, e), (second, first), (third, gc.sum(gc.hvp(loss, x, v) * v))):
        wanted = differences(lambda moved, of=of: gc.evaluate(of, values | {"x": moved}), arrays["x"])
        np.testing.assert_allclose(gc.evaluate(result, values), wanted, rtol=1e-5, atol=1e-5)
    pushed = gc.evaluate(gc.jvp(e, x, v), values)
    matrix = gc.evaluate(jacobian, values)
    np.testing.assert_allclose(pushed, np.tensordot(matrix, values["v"], values["v"].ndim), rtol=1e-9, atol=1e-9)
    for style in ("readable", "fast"):
        for dtype in (np.float64, np.float32):
            step = gc.compile([e, first], symbols, style=style)
            for _ in range(2):
                out = step(*(arrays[str(s.name)].astype(dtype) for s in symbols))
                assert [o.dtype for o in out] == [dtype] * 2
                tolerance = 1e-9 if dtype == np.float64 else 5e-4
                np.testing.assert_allclose(out[0], expected, rtol=tolerance, atol=tolerance)
                np.testing.assert_allclose(out[1], gc.evaluate(first, values), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "text",
    [
        *("X[i]", "X[:, i]", "X[1:, i]", "X[i, 0]", "X[None, i]", "X[i][1:]", "X[i, j]", "X[[0, 2], [1, -1]]"),
        *("X[0, i]", "Z[:, i, j]", "Z[0, i, j]", "Z[i, 1, j]", "Z[..., i]", "X[i[:, None], j]", "X[arange(n), y]"),
    ],
)
def test_arrays_of_whole_numbers(text: str) -> None:
    names = {"X": ("n", 3), "Z": (4, "n", 3), **{i: gc.symbol(i, ("k",), dtype="int64") for i in "ij"}}
    names["y"] = gc.symbol("y", ("n",), dtype="int64")
    arrays = {"X": RNG.normal(size=(4, 3)), "Z": RNG.normal(size=(4, 4, 3))}
    arrays |= {"i": np.array([2, 0, -1]), "j": np.array([1, -1, 1]), "y": np.array([0, 2, 2, 1])}
    e = gc.parse(text, **names)
    assert gc.parse(str(e), **gc.names(e)) is e
    expected = eval(text, {"arange": np.arange, "n": 4, **arrays})
    found = gc.evaluate(e, arrays)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)
    x = gc.symbol(text[0], names[text[0]])
    wanted = differences(lambda v: gc.evaluate(gc.sum(e**2), arrays | {text[0]: v}), arrays[text[0]])
    gradient = gc.grad(gc.sum(e**2), x)
    np.testing.assert_allclose(gc.evaluate(gradient, arrays), wanted, rtol=1e-6, atol=1e-8)
    inputs = [s for s in gc.names(e).values() if isinstance(s, Expr)]
    for style in ("readable", "fast"):
        out = gc.compile([e, gradient], inputs, style=style)(*(arrays[str(s.name)] for s in inputs))
        assert np.array_equal(out[0], expected)


BOUND = st.one_of(st.none(), st.integers(-6, 6))
SLICES = st.builds(slice, BOUND, BOUND, st.one_of(st.none(), st.integers(-3, 3).filter(bool)))


@st.composite
def keys(draw: Any) -> tuple[tuple[int, ...], Any]:
    """A shape and an index of it."""
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    parts: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        entry = [st.integers(-size, size - 1)] if size else []
        parts.append(draw(st.one_of(SLICES, *entry)))
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return tuple(shape), tuple(parts)


@given(keys(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_index_is_numpys(case: tuple[tuple[int, ...], Any], simplified: bool) -> None:
    shape, key = case
    x = gc.symbol("x", shape)
    array = np.random.default_rng(0).normal(size=shape)
    expected = array[key]
    e = x[key]
    assert e.shape == expected.shape
    assert gc.parse(str(e), **gc.names(e)) is e
    shown = gc.simplify(e) if simplified else e
    assert np.array_equal(gc.evaluate(shown, {"x": array}), expected)
    weights = np.random.default_rng(1).normal(size=expected.shape)
    gradient = gc.grad(gc.sum(e * gc.symbol("w", e.shape)), x)
    assert gc.parse(str(gradient), **gc.names(gradient)) is gradient
    back = np.zeros(shape)
    np.add.at(back, key, weights)
    assert np.allclose(gc.evaluate(gradient, {"x": array, "w": weights}), back)
    for style in ("readable", "fast"):
        assert np.array_equal(gc.compile(e, [x], style=style)(array), expected)


@given(st.integers(1, 6), st.builds(slice, BOUND, BOUND, st.sampled_from([None, 1, 2, -1, -2])), SLICES)
@settings(max_examples=150, deadline=None)
def test_symbolic_sizes_take_what_numpy_takes_in_range(size: int, first: slice, second: slice) -> None:
    x = gc.symbol("x", ("n",))
    array = np.arange(1.0, size + 1)
    bounds = [b for b in (first.start, first.stop) if b is not None]
    low, high = (-size, size) if (first.step or 1) > 0 else (-size, size - 1)
    if any(not low <= b <= high for b in bounds) or len(array[first]) == 0:
        return
    e = x[first]
    np.testing.assert_array_equal(gc.evaluate(e, {"x": array}), array[first])
    rest = array[first][second]
    whole = second.start is None and second.stop is None
    if whole and len(rest):
        twice = gc.simplify(e[second])
        np.testing.assert_array_equal(gc.evaluate(twice, {"x": array}), rest)
        assert gc.parse(str(twice), **gc.names(twice)) is twice


FORMS = {
    "x[1:][1:]": "x[2:]",
    "(2*x)[1:]": "2*x[1:]",
    "flip(flip(x))": "x",
    "pad(x, 1)[1:-1]": "x",
    "pad(x, (2, 0))[1:]": "pad(x, (1, 0))",
    "pad(pad(x, 1), (2, 3))": "pad(x, (3, 4))",
    "pad(zeros(n), 1)": "zeros(n + 2)",
    "concat([x, y])[:n]": "x",
    "concat([x, y])[n:]": "y",
    "concat([x[:2], x[2:]])": "x",
    "concat([concat([x, y]), x])": "concat([x, y, x])",
    "concat([zeros(3), x])": "pad(x, (3, 0))",
    "pad(x, (0, m)) + pad(y, (n, 0))": "concat([x, y])",
    "roll(roll(x, 1), -1)": "x",
    "stack([x, 2*x])": "stack([x, 2*x])",
    "stack([x[0], x[1]])": "x[:2]",
    "X.T[1:]": "X[:, 1:].T",
    "(x[:, None]*X)[:, 1:]": "x[:, None]*X[:, 1:]",
    "tril(tril(2*X, k=1))": "2*tril(X)",
    "triu(triu(X), k=1)": "triu(X, k=1)",
    "tril(eye(n))": "eye(n)",
    "sum(pad(x, 1))": "sum(x)",
    "X @ pad(y[1:], (1, 0))": "X[:, 1:] @ y[1:]",
    "eye(n)[1:] @ x": "x[1:]",
    "x[0]*y": "y*x[0]",
}


@pytest.mark.parametrize("text", FORMS)
def test_short_forms(text: str) -> None:
    names = {"x": ("n",), "y": ("m",), "X": ("n", "m")}
    e = gc.parse(text, **names)
    short = gc.simplify(e)
    assert str(short) == FORMS[text]
    arrays = drawn(names) | SIZES
    np.testing.assert_allclose(gc.evaluate(short, arrays), gc.evaluate(e, arrays))
    assert gc.simplify(short) is short


def test_gradients_as_a_person_writes_them() -> None:
    n, m = gc.dims("n m")
    x, y, X, W = (gc.symbol(*s) for s in (("x", (n,)), ("y", (m,)), ("X", (n, m)), ("W", (m, n))))
    for f, by, text in [
        (gc.sum(x[1:] ** 2), x, "2*pad(x[1:], (1, 0))"),
        (gc.sum(abs(x[1:] - x[:-1])), x, "pad(sign(x[:-1] - x[1:]), (0, 1)) - pad(sign(x[:-1] - x[1:]), (1, 0))"),
        (gc.sum(gc.concat([x, y]) ** 2), x, "2*x"),
        (gc.sum(x[::2] ** 3), x, "3*place(x[::2]**2, (n,), 0, 2)"),
        (gc.sum(x[::-1] * gc.symbol("a", (n,))), x, "a[::-1]"),
        (gc.sum((X[0] @ W) ** 2), W, "2*outer(X[0], W.T @ X[0])"),
        (gc.sum(gc.tril(X) ** 2), X, "2*tril(X)"),
    ]:
        assert str(gc.grad(f, by)) == text
        assert gc.check(f, by, text).status == "proved"
    assert gc.check(gc.sum(x[1:] ** 2), x, "2*pad(x[1:], (0, 1))").status == "wrong"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x[1:]", r"\mathbf{x}_{2:n}"),
        ("x[::-1]", r"\mathbf{x}_{n:-1:1}"),
        ("x[::2]", r"\mathbf{x}_{1:2:n}"),
        ("x[-1]", "x_{n}"),
        ("X[0]", r"\mathbf{X}_{1,:}"),
        ("X[1:, m - 1]", r"\mathbf{X}_{2:n,m}"),
        ("tanh(x)[0]", r"\tanh x_{1}"),
        ("(2*x + 1)[1:]", r"(2 \mathbf{x} + 1)_{2:n}"),
        ("sum(abs(x[1:] - x[:-1]))", r"\sum_{i} \left|x_{i+1} - x_{i}\right|"),
        ("pad(x, (1, 0))", r"\operatorname{pad}_{1,0}(\mathbf{x})"),
        ("place(x, (2*n,), 1, 2)", r"\operatorname{place}_{2:2:2 n}(\mathbf{x})"),
        ("concat([x, y])", r"[\mathbf{x};\; \mathbf{y}]"),
        ("concat([X, X], axis=1)", r"[\mathbf{X},\; \mathbf{X}]"),
        ("stack([x, 2*x])", r"[\mathbf{x}^{\top};\; (2 \mathbf{x})^{\top}]"),
        ("stack([x, x**2], axis=1)", r"[\mathbf{x},\; \mathbf{x}^{\odot 2}]"),
    ],
)
def test_latex_counts_from_one(text: str, latex: str) -> None:
    assert gc.latex(gc.parse(text, x=("n",), y=("m",), X=("n", "m"))) == latex


def test_pictures_show_the_index() -> None:
    x = gc.symbol("x", ("n",))
    dot = gc.draw(gc.sum((x[1:] - x[:-1]) ** 2) + x[0], wrt=[x]).dot
    assert all(text in dot for text in ('"[1:]"', '"[:-1]"', "[0]", "pad"))


def test_an_unrolled_network_and_its_gradient() -> None:
    n, d = gc.dims("n d")
    X, W, U = gc.symbol("X", (5, n)), gc.parameter("W", (n, d)), gc.parameter("U", (d, d))
    h: Any = gc.zeros(d)
    for row in X:
        h = gc.tanh(row @ W + h @ U)
    loss = gc.sum(h**2)
    arrays = {"X": RNG.normal(size=(5, 3)), "W": RNG.normal(size=(3, 2)), "U": RNG.normal(size=(2, 2))}

    def run(X: Any, W: Any, U: Any) -> Any:
        state = np.zeros(2)
        for row in X:
            state = np.tanh(row @ W + state @ U)
        return np.sum(state**2)

    assert np.isclose(gc.evaluate(loss, arrays), run(**arrays))
    gradients = gc.grad(loss, [X, W, U])
    assert "stack([" in str(gradients[0])
    for s, g in zip((X, W, U), gradients, strict=True):
        wanted = differences(lambda v, s=s: run(**arrays | {str(s.name): v}), arrays[str(s.name)])
        np.testing.assert_allclose(gc.evaluate(g, arrays), wanted, rtol=1e-6, atol=1e-8)
    for style in ("readable", "fast"):
        out = gc.compile([loss, *gradients], [X, W, U], style=style)(*arrays.values())
        for got, g in zip(out[1:], gradients, strict=True):
            np.testing.assert_allclose(got, gc.evaluate(g, arrays))


def test_numpy_functions_and_methods() -> None:
    x, y = gc.symbol("x", ("n", 4)), gc.symbol("y", ("n", 4))
    assert np.concatenate([x, y]) is gc.concat([x, y])
    assert np.stack((x, y), axis=1) is gc.stack([x, y], 1)
    assert np.flip(x, 0) is x[::-1]
    assert np.pad(x, 1) is gc.pad(x, 1)
    assert np.tril(x, k=1) is gc.tril(x, 1)
    assert np.roll(x, 1, axis=1) is gc.roll(x, 1, axis=1)
    assert np.expand_dims(x, 1) is x[:, None]
    assert np.moveaxis(x, 0, 1) is x.T
    assert x.flatten() is gc.reshape(x, (-1,))
    assert x.swapaxes(0, 1) is x.transpose(1, 0) is x.T
    assert x[:, :1].squeeze() is x[:, 0]
    assert np.split(x, 2, axis=1) == [x[:, :2], x[:, 2:]]
    assert gc.split(x, [1, 3], axis=-1) == [x[:, :1], x[:, 1:3], x[:, 3:]]
    assert gc.split(gc.symbol("v", ("2*n",)), 2)[1].shape == (gc.dims("n"),)
    assert list(x.T) == [x.T[i] for i in range(4)]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_small_sizes(n: int) -> None:
    x = gc.symbol("x", ("n", 2))
    array = RNG.normal(size=(n, 2))
    for text, reference in [
        ("x[::-1]", lambda x: x[::-1]),
        ("x[::2, :1]", lambda x: x[::2, :1]),
        ("concat([x, x])", lambda x: np.concatenate([x, x])),
        ("pad(x, 1)", lambda x: np.pad(x, 1)),
        ("tril(x)", np.tril),
        ("stack([x, x])", lambda x: np.stack([x, x])),
    ]:
        e = gc.parse(text, x=("n", 2))
        want = reference(array)
        found = [gc.evaluate(e, {"x": array}), *(gc.compile(e, [x], style=s)(array) for s in ("readable", "fast"))]
        assert all(np.array_equal(f, want) and f.shape == want.shape for f in found), text


def test_bounds_are_checked_when_sizes_are_bound() -> None:
    x, y = gc.symbol("x", ("n",)), gc.symbol("y", ("k",))
    k = gc.dims("k")
    for e, message in [
        (x[4:], "n must be at least 4"),
        (x[:3], "n must be at least 3"),
        (x[2], "n must be at least 3"),
        (x[:k] * y, "n must be at least k"),
        (x[-k:], "n must be at least k"),
        (x[k] * y, r"n must be at least k \+ 1"),
    ]:
        with pytest.raises(ShapeError, match=message):
            gc.evaluate(e, {"x": np.ones(2), "y": np.ones(3), "k": 3})
    with pytest.raises(ShapeError, match="n must be at least k"):
        gc.compile(x[:k] * y, [x, y])(np.ones(2), np.ones(3))
    assert gc.evaluate(x[-k:], {"x": np.ones(2), "k": 0}).shape == (0,)


X, V = gc.symbol("X", ("n", "m")), gc.symbol("V", (4,))


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        (lambda: V[4], ShapeError, r"V: the index 4 is out of range for axis 0 of size 4"),
        (lambda: V[-5], ShapeError, "the index -5 is out of range"),
        (lambda: X[0, 0, 0], ShapeError, "has 2 axes, but 3 indices were given"),
        (lambda: X[..., 0, ...], ShapeError, "only one ellipsis"),
        (lambda: X[::0], ShapeError, "the step of a slice must be a whole number other than 0"),
        (lambda: X[: gc.dims("n") + 1], ShapeError, r"the range :n \+ 1 reaches outside of an axis of size n"),
        (lambda: X[True], UnsupportedError, "an index is a whole number"),
        (lambda: X[0.5], UnsupportedError, "an index is a whole number"),
        (lambda: X[X > 0], UnsupportedError, "a mask selects a number of entries that is not known: use where"),
        (lambda: X[[0, 1], [0, 1, 1]], ShapeError, "the index arrays do not broadcast"),
        (lambda: list(X), UnsupportedError, "cannot be iterated over"),
        (lambda: gc.concat([X, V]), ShapeError, r"X is \(n, m\), V is \(4,\); they must be equal except"),
        (lambda: gc.concat([]), ShapeError, "takes a list of arrays"),
        (lambda: gc.concat(X), ShapeError, "takes a list of arrays"),
        (lambda: gc.concat([gc.symbol("a"), V]), ShapeError, "use stack"),
        (lambda: gc.stack([X, X.T]), ShapeError, "all arrays must have one shape"),
        (lambda: gc.pad(X, (1, 2, 3)), ShapeError, "pad_width is one size"),
        (lambda: gc.pad(X, -1), ShapeError, "a size cannot be negative"),
        (lambda: gc.pad(X, 1, mode="mirror"), UnsupportedError, "mode must be one of constant, edge, reflect"),
        (lambda: gc.pad(V, 4, mode="reflect"), ShapeError, "axis 0 has 4 entries, too few for widths of 4 and 4"),
        (lambda: gc.roll(X, (1, 2, 3), axis=(0, 1)), ShapeError, "3 shifts for 2 axes"),
        (lambda: gc.place(V, (3,), 0, 2), ShapeError, "4 entries from 0 by steps of 2 do not fit into 3"),
        (lambda: gc.tril(V), ShapeError, "needs a matrix"),
        (lambda: gc.squeeze(X, 0), ShapeError, "axis 0 has size n, not 1"),
        (lambda: gc.split(X, 2), ShapeError, "n entries are not provably 2 equal parts"),
        (lambda: gc.expand_dims(X, 3), ShapeError, "is no place among 3 axes"),
        (lambda: gc.moveaxis(X, (0, 1), (0,)), ShapeError, "does not move different axes"),
        (lambda: gc.repeat(V, [1, 2, 3, 4]), UnsupportedError, "takes one number for all entries"),
    ],
)
def test_errors(build: Callable[[], Any], kind: type[GraphcError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()


def test_code_reads_only_the_sizes_it_needs() -> None:
    x = gc.symbol("x", ("n",))
    source = gc.emit(gc.sum(abs(x[1:] - x[:-1])) * x[0], [x])
    assert "x[1:]" in source
    assert "n = " not in source


def test_outputs_have_memory_of_their_own() -> None:
    array = np.arange(4.0)
    for e in (V[1:], V[0], V[::-1]):
        assert isinstance(e, Expr)
        for result in (
            gc.evaluate(e, {"V": array}),
            *(gc.compile(e, [V], style=s)(array) for s in ("readable", "fast")),
        ):
            result[...] = 9
            assert np.array_equal(array, np.arange(4.0))


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("shape", [("m", "n"), (4, 5)])
@pytest.mark.parametrize("widths", [1, (2, 1), ((0, 2), (3, 0))])
def test_pads_with_entries_of_the_array(mode: str, shape: Any, widths: Any) -> None:
    X = gc.symbol("X", shape)
    padded = gc.pad(X, widths, mode=mode)
    value, along = np.random.default_rng(0).normal(size=(2, 4, 5))
    wanted = np.pad(value, widths, mode=mode)
    for found in (padded, gc.simplify(padded)):
        np.testing.assert_array_equal(gc.evaluate(found, {"X": value}), wanted)
        assert gc.parse(str(found), **gc.names(found)) is found
    G = gc.symbol("G", padded.shape)
    back = gc.evaluate(gc.vjp(padded, X, G), {"X": value, "G": wanted})
    np.testing.assert_allclose(np.sum(back * along), np.sum(wanted * np.pad(along, widths, mode=mode)))


def test_rolls_several_axes() -> None:
    value = np.arange(12.0).reshape(3, 4)
    X = gc.symbol("X", (3, 4))
    for shift, axis in (((1, -1), (0, 1)), (2, (0, 1)), ((1, 1), (1, 1)), ((1, 1), 0), ((2, 1), None)):
        found = gc.evaluate(gc.roll(X, shift, axis=axis), {"X": value})
        np.testing.assert_array_equal(found, np.roll(value, shift, axis=axis))


@pytest.mark.parametrize("key", [slice(-2, None, -1), slice(-2, 0, -2), slice(-3, None, -3), slice(2, -1, 2)])
def test_slices_of_few_entries_are_numpys(key: slice) -> None:
    x = gc.symbol("x", ("n",))
    compared = 0
    for size in range(6):
        values = {"x": np.arange(1.0, size + 1)}
        try:
            found = gc.evaluate(x[key], values)
        except ShapeError:  # the declared length is below 0
            continue
        compared += 1
        assert np.array_equal(found, values["x"][key])
        assert np.array_equal(gc.compile(x[key], [x])(values["x"]), values["x"][key])
    assert compared > 3


def test_an_axis_that_is_too_short_is_told() -> None:
    x = gc.symbol("x", ("n",))
    with pytest.raises(ShapeError, match=r"n must be at least 2, but with n = 1 that is 1 < 2: an index, a slice or"):
        gc.evaluate(x[2:], {"x": np.ones(1)})
    with pytest.raises(ShapeError, match="n must be at least 1, but with n = 0"):
        gc.evaluate(gc.std(x, ddof=1), {"x": np.ones(0)})
    assert gc.evaluate(gc.symbol("z", (1,))[2:], {"z": np.ones(1)}).shape == (0,)
