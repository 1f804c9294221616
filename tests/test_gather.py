"""Entries picked by integer arrays: values against NumPy, derivatives against differences, formulas both ways."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maps import differences

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops.gather import take_entries

SIZES = {"n": 4, "d": 3, "m": 5, "k": 3}
INDEX = gc.symbol("i", ("m",), dtype="int64")
GRID = gc.symbol("i", ("m", 2), dtype="int64")
ALONG = gc.symbol("i", ("n", "m"), dtype="int64")
LABELS = gc.symbol("y", ("n",), dtype="int64")
X: dict[str, Any] = {"X": ("n", "d")}


def added(g: Any, i: Any, shape: tuple[int, ...], axis: int = 0) -> Any:
    """Entries added one by one where the indices say."""
    out = np.zeros(shape)
    moved = np.moveaxis(out, axis, 0)
    rows = np.moveaxis(g, range(axis, axis + i.ndim), range(i.ndim))
    for at in np.ndindex(i.shape):
        moved[i[at]] += rows[at]
    return out


def negative_log(p: Any, y: Any) -> Any:
    return -np.log(p[np.arange(len(y)), y])


def softmax(z: Any, axis: int = -1) -> Any:
    return np.exp(z) / np.sum(np.exp(z), axis, keepdims=True)


def smoothed(z: Any, y: Any, a: float) -> Any:
    target = (1 - a) * np.eye(z.shape[1])[y] + a / z.shape[1]
    return -np.sum(target * np.log(softmax(z)), axis=1)


LABEL = gc.symbol("y", ("d",), dtype="int64")
TWO = gc.symbol("i", (2,), dtype="int64")
ONE = gc.symbol("i", ("n",), dtype="int64")
# formula, its symbols, variable, the same in NumPy
ROWS: list[tuple[str, dict[str, Any], str, Callable[..., Any]]] = [
    ("take(X, i)", {**X, "i": INDEX}, "X", lambda X, i: X[i]),
    ("take(X, i, axis=1)", {**X, "i": INDEX}, "X", lambda X, i: X[:, i]),
    ("take(X, i, axis=-1)", {**X, "i": GRID}, "X", lambda X, i: X[:, i]),
    ("take(X, i, axis=None)", {**X, "i": INDEX}, "X", lambda X, i: X.reshape(-1)[i]),
    ("take(X, [2, -1, 0, 2])", X, "X", lambda X: X[[2, -1, 0, 2]]),
    ("take(X, -1)", X, "X", lambda X: X[-1]),
    ("take(X, 1, axis=1)", X, "X", lambda X: X[:, 1]),
    ("take(X, argmax(c))", {**X, "c": ("n",)}, "X", lambda X, c: X[np.argmax(c)]),
    ("take_along_axis(X, argmax(X, axis=1, keepdims=True))", X, "X", lambda X: np.max(X, 1, keepdims=True)),
    ("X*argmin(c)", {**X, "c": ("n",)}, "X", lambda X, c: X * np.argmin(c)),
    ("sort(X)", X, "X", np.sort),
    ("sort(X, axis=None)*argsort(X, axis=None)/9", X, "X", lambda X: np.sort(X, None) * np.argsort(X, None) / 9),
    ("norm(X, axis=1, ord=1)", X, "X", lambda X: np.linalg.norm(X, 1, 1)),
    ("norm(X, axis=1, ord='inf', keepdims=True)", X, "X", lambda X: np.linalg.norm(X, np.inf, 1, True)),
    ("norm(X, axis=0, ord='-inf')", X, "X", lambda X: np.linalg.norm(X, -np.inf, 0)),
    ("norm(X, axis=0, ord=4)", X, "X", lambda X: np.linalg.norm(X, 4, 0)),
    ("norm(X, ord=1)", X, "X", lambda X: np.linalg.norm(X, 1)),
    ("norm(X, ord='inf', keepdims=True)", X, "X", lambda X: np.linalg.norm(X, np.inf, keepdims=True)),
    ("norm(X, ord='fro')", X, "X", np.linalg.norm),
    (
        "X*(count_nonzero(c > 0) + any(c > 2)/2 + all(c > -9, keepdims=True))",
        {**X, "c": ("n",)},
        "X",
        lambda X, c: X * (np.sum(c > 0) + 1),
    ),
    ("embedding(X, i)*take(X, i + 1)", {**X, "i": TWO}, "X", lambda X, i: X[i] * X[i + 1]),
    ("scatter_add(G, i, 4)", {"G": ("m", "d"), "i": INDEX}, "G", lambda G, i: added(G, i, (4, 3))),
    ("scatter_add(G, i, 4, axis=1)", {"G": ("d", "m"), "i": INDEX}, "G", lambda G, i: added(G, i, (3, 4), 1)),
    ("scatter_add(G, i, 4)", {"G": ("m", 2), "i": GRID}, "G", lambda G, i: added(G, i, (4,))),
    ("scatter_add(G, 1, n)", {"G": ("d",), "c": ("n",)}, "G", lambda G, c: added(G[None], np.array([1]), (4, 3))),
    ("take_along_axis(X, i)", {**X, "i": ALONG}, "X", lambda X, i: np.take_along_axis(X, i, -1)),
    ("take_along_axis(X, i[:, None])", {**X, "i": ONE}, "X", lambda X, i: X[np.arange(4), i][:, None]),
    ("take_along_axis(X, i[:, None], axis=0)", {**X, "i": INDEX}, "X", lambda X, i: X[i]),
    (
        "scatter_add_along_axis(G, i, 3)",
        {"G": ("n", "m"), "i": ALONG},
        "G",
        lambda G, i: sum(np.eye(3)[i[:, j]] * G[:, j : j + 1] for j in range(5)),
    ),
    ("X*one_hot(y, d)", {**X, "y": LABELS}, "X", lambda X, y: X * np.eye(3)[y]),
    ("one_hot(y, d) @ X.T", {**X, "y": LABELS}, "X", lambda X, y: np.eye(3)[y] @ X.T),
    ("one_hot(y, n).T @ X", {**X, "y": LABELS}, "X", lambda X, y: np.eye(4)[y].T @ X),
    ("sum(X, axis=1)*arange(n)", X, "X", lambda X: np.sum(X, 1) * np.arange(4)),
    ("cross_entropy(exp(X), y)", {**X, "y": LABELS}, "X", lambda X, y: negative_log(np.exp(X), y)),
    ("cross_entropy(softmax(X), y)", {**X, "y": LABELS}, "X", lambda X, y: negative_log(softmax(X), y)),
    (
        "cross_entropy(softmax(X, axis=0), y, axis=0)",
        {**X, "y": LABEL},
        "X",
        lambda X, y: negative_log(softmax(X, 0).T, y),
    ),
    ("cross_entropy(softmax(X), y, label_smoothing=0.1)", {**X, "y": LABELS}, "X", lambda X, y: smoothed(X, y, 0.1)),
    (
        "-log(take_along_axis(softmax(X), y[:, None]))",
        {**X, "y": LABELS},
        "X",
        lambda X, y: negative_log(softmax(X), y)[:, None],
    ),
    (
        "-take_along_axis(log_softmax(X), y[:, None])",
        {**X, "y": LABELS},
        "X",
        lambda X, y: negative_log(softmax(X), y)[:, None],
    ),
]
IDS = [f"{row[0]} {row[1][row[2]]}" for row in ROWS]


def bound(names: dict[str, Any]) -> dict[str, Any]:
    """Arrays for the names of a formula; indices of both signs, with repetitions."""
    values: dict[str, Any] = {}
    rng = np.random.default_rng(1)
    for name, given_as in names.items():
        shape = given_as.shape if isinstance(given_as, Expr) else given_as
        sizes = [SIZES.get(str(s), s) for s in shape]
        values[name] = rng.integers(-2, 2, sizes) if isinstance(given_as, Expr) else rng.uniform(-0.9, 0.9, sizes)
    return values


@pytest.mark.parametrize(("text", "names", "at", "reference"), ROWS, ids=IDS)
def test_value_and_derivatives(text: str, names: dict[str, Any], at: str, reference: Callable[..., Any]) -> None:
    e = gc.parse(text, **names)
    assert gc.parse(str(e), **gc.names(e)) is e
    assert gc.latex(e)
    symbols = [s if isinstance(s, Expr) else gc.symbol(name, s) for name, s in names.items()]
    x = gc.symbol(at, names[at])
    arrays = bound(names)
    values = arrays | SIZES
    expected = reference(*arrays.values())
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-12, atol=1e-13)
    weights = gc.symbol("weights", e.shape)
    arrays["weights"] = values["weights"] = np.arange(1, 1 + expected.size).reshape(expected.shape) / 8
    loss = gc.sum(weights * gc.exp(e / 2))
    first = gc.grad(loss, x)
    second = gc.hessian(loss, x)
    slope = differences(lambda moved: gc.evaluate(loss, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(first, values), slope, rtol=1e-6, atol=1e-7)
    bend = differences(lambda moved: gc.evaluate(first, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(second, values), bend, rtol=1e-6, atol=1e-6)
    stack = differences(lambda moved: gc.evaluate(e, moved), values, at)
    jacobian = gc.jacobian(e, x)
    np.testing.assert_allclose(gc.evaluate(jacobian, values), stack, rtol=1e-6, atol=1e-7)
    third = gc.grad(gc.sum(gc.sin(second)), x)
    turn = differences(lambda moved: gc.evaluate(gc.sum(gc.sin(second)), moved), values, at)
    np.testing.assert_allclose(gc.evaluate(third, values), turn, rtol=2e-5, atol=1e-5)
    for result in (first, second, jacobian, third):
        assert gc.parse(str(result), **gc.names(result)) is result
    for style in ("readable", "fast"):
        for dtype in (np.float64, np.float32):
            given_arrays = [v if v.dtype == np.int64 else v.astype(dtype) for v in arrays.values()]
            outputs = gc.compile([e, first], [*symbols, weights], style=style)(*given_arrays)
            assert all(out.dtype == dtype for out in outputs)
            for out, wanted in zip(outputs, (expected, slope), strict=True):
                np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-5 if dtype == np.float32 else 1e-7)


n, d, m, k = gc.dims("n d m k")
Z, W, y = gc.symbol("Z", (n, d)), gc.symbol("W", (m, d)), LABELS
z = gc.symbol("z", (n, k))


def test_closed_forms() -> None:
    P = gc.symbol("P", (n, k))
    p = gc.softmax(z).named("p")
    forms = {
        "(p - one_hot(y, k))/n": (gc.mean(gc.cross_entropy(p, y)), z),
        "-one_hot(y, k)/P": (gc.sum(gc.cross_entropy(P, y)), P),
        "2*scatter_add(take(Z, i) - W, i, n)": (gc.sum((gc.take(Z, INDEX) - W) ** 2), Z),
    }
    for text, (f, x) in forms.items():
        g = gc.grad(f, x)
        assert str(g) == text
        assert gc.parse(text, **gc.names(g)) is g


def test_labels_of_impossible_and_extreme_classes() -> None:
    P = gc.symbol("P", (n, k))
    loss = gc.sum(gc.cross_entropy(P, y))
    dP = gc.grad(loss, P)
    values = {"P": np.array([[1.0, 0.0], [0.0, 1.0]]), "y": np.array([0, 1])}
    with np.errstate(divide="ignore"):
        for style in ("readable", "fast"):
            value, slope = gc.compile([loss, dP], [P, y], style=style)(values["P"], values["y"])
            assert value == 0
            np.testing.assert_array_equal(slope, -np.eye(2))
        assert gc.evaluate(loss, values) == 0
        np.testing.assert_array_equal(gc.evaluate(dP, values), -np.eye(2))
    logits = np.array([[1e4, -1e4, 0], [0, 1e4, -1e4]], np.float32)
    loss = gc.mean(gc.cross_entropy(gc.softmax(z), y))
    for style in ("readable", "fast"):
        value, slope = gc.compile([loss, gc.grad(loss, z)], [z, y], style=style)(logits, np.array([1, 1]))
        assert value == np.float32(1e4)
        np.testing.assert_allclose(slope, [[0.5, -0.5, 0], [0, 0, 0]])
        assert value.dtype == slope.dtype == np.float32
    assert gc.evaluate(loss, {"z": logits, "y": np.array([1, 1])}) == np.float32(1e4)


def test_wrong_uses_are_explained() -> None:
    x, i = gc.symbol("x", (n,)), INDEX
    for use, error, text in [
        (lambda: gc.take(x, x), gc.DTypeError, "the indices must be whole numbers, but x has dtype float64"),
        (lambda: gc.take(x, [0.5]), gc.DTypeError, "the indices must be whole numbers"),
        (lambda: gc.take(x, x > 0), gc.DTypeError, r"a mask picks a number of entries .* use where\(\)"),
        (lambda: gc.take(gc.symbol("v", (3,)), [0, 3]), gc.IndexRangeError, "index 3 is out of range for an axis of"),
        (lambda: gc.take(x, i, axis=1), gc.ShapeError, r"take\(x\): axis 1 is out of range"),
        (lambda: gc.take(x, i, axis=(0,) * 2), gc.ShapeError, "names an axis twice"),
        (lambda: gc.scatter_add(Z, i, 4), gc.ShapeError, r"must be those of the indices, \(m,\); g is \(n, d\)"),
        (lambda: gc.scatter_add(Z, i, -1), gc.ShapeError, "a size cannot be negative"),
        (lambda: gc.take_along_axis(Z, i), gc.ShapeError, "the indices must have the axes of the array"),
        (lambda: gc.argmax(Z, axis=(0, 1)), gc.ShapeError, "needs one axis"),
        (lambda: gc.cross_entropy(z, i), gc.ShapeError, r"the labels must have shape \(n,\)"),
        (lambda: gc.cross_entropy(z, y, label_smoothing=2), gc.UnsupportedError, "a number from 0 to 1, got 2"),
        (lambda: gc.norm(Z, ord=3), gc.UnsupportedError, "there is no norm with ord=3 here: give one axis"),
        (lambda: gc.norm(Z, ord="max"), gc.UnsupportedError, "'inf', '-inf', 'fro' or 'nuc', got 'max'"),
        (lambda: gc.nn.embedding(x, 9, 4), gc.DTypeError, "embedding: the indices must be whole numbers"),
        (lambda: gc.one_hot(x, k), gc.DTypeError, "declare it with dtype='int64'"),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            use()


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_indices_out_of_range(style: str) -> None:
    e = gc.take(Z, INDEX)
    g = gc.grad(gc.sum(e**2), Z)
    given_arrays = np.ones((2, 3)), np.array([0, 2])
    for f in (e, g):
        with pytest.raises(gc.IndexRangeError, match=r"index 2 is out of bounds for axis 0 with size 2"):
            gc.evaluate(f, {"Z": given_arrays[0], "i": given_arrays[1]})
        with pytest.raises(gc.IndexRangeError, match=r"out of range: index 2 .*; inputs of whole numbers: i \(m,\)"):
            gc.compile(f, [Z, INDEX], style=style)(*given_arrays)
    with pytest.raises(gc.IndexRangeError):
        gc.evaluate(gc.one_hot(y, k), {"y": [3], "k": 3})


def test_numpy_functions_are_traced() -> None:
    i = INDEX
    assert np.take(Z, i, axis=1) is gc.take(Z, i, axis=1)
    assert np.take(Z, i) is gc.take(Z, i, axis=None)
    assert np.take_along_axis(Z, y[:, None], axis=1) is gc.take_along_axis(Z, y[:, None])
    assert np.argmax(Z, axis=0) is gc.argmax(Z, axis=0) is Z.argmax(axis=0)
    assert np.argmin(Z) is Z.argmin()
    assert np.sort(Z, axis=0) is gc.sort(Z, axis=0)
    assert np.linalg.norm(Z, 1, 1) is gc.norm(Z, axis=1, ord=1)
    assert np.linalg.norm(Z) is gc.norm(Z)
    assert np.count_nonzero(Z, axis=0) is gc.count_nonzero(Z, axis=0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_take_and_scatter_add_are_adjoint(shape: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    counts = data.draw(st.lists(st.integers(0, 3), max_size=2))
    size = shape[axis]
    rng = np.random.default_rng(1)
    indices = rng.integers(-size, size, counts) if size else np.zeros([0, *counts[1:]], int)
    x = gc.symbol("x", tuple(f"s{i}" for i in range(len(shape))))
    i = gc.symbol("i", tuple(f"t{j}" for j in range(indices.ndim)), dtype="int64")
    taken = gc.take(x, i, axis=axis)
    g = gc.symbol("g", taken.shape)
    added_up = gc.scatter_add(g, i, x.shape[axis], axis=axis % len(shape))
    assert added_up.shape == x.shape
    values = {"x": rng.normal(size=shape), "i": indices}
    forward = np.take(values["x"], indices, axis=axis)
    np.testing.assert_array_equal(gc.evaluate(taken, values), forward)
    values["g"] = rng.normal(size=forward.shape)
    values |= dict(zip((f"s{i}" for i in range(len(shape))), shape, strict=True))
    backward = gc.evaluate(added_up, values)
    np.testing.assert_allclose(np.sum(backward * values["x"]), np.sum(values["g"] * forward), atol=1e-12)
    assert gc.grad(gc.sum(g * taken), x) is gc.simplify(added_up)


def test_entries_at_several_indices() -> None:
    z, i, j = gc.symbol("z", (n, k, d)), gc.symbol("i", (m,), dtype="int64"), gc.symbol("j", (2, m), dtype="int64")
    rng = np.random.default_rng(0)
    values = {"z": rng.normal(size=(4, 3, 2)), "i": rng.integers(-2, 2, 5), "j": rng.integers(-2, 2, (2, 5))}
    np.testing.assert_array_equal(
        gc.evaluate(take_entries(z, [i, j], 0), values), values["z"][values["i"], values["j"]]
    )
    np.testing.assert_array_equal(
        gc.evaluate(take_entries(z, [j, i], 1), values), values["z"][:, values["j"], values["i"]]
    )
    np.testing.assert_array_equal(
        gc.evaluate(take_entries(z, [i, i, j], 0), values), values["z"][values["i"], values["i"], values["j"]]
    )
    p = gc.softmax(gc.symbol("p", (n, k)))
    loss = -gc.mean(gc.log(take_entries(p, [gc.arange(n), y], 0)))
    assert str(gc.grad(loss, gc.symbol("p", (n, k)))) == "(softmax(p) - one_hot(y, k))/n"
    with pytest.raises(gc.IndexRangeError):
        gc.evaluate(take_entries(z, [i, i], 0), {"z": np.ones((4, 3, 2)), "i": [3]})
    with pytest.raises(gc.ShapeError, match=r"the index arrays do not broadcast: they are \(m,\), \(n,\)"):
        take_entries(z, [i, y], 0)


def test_training_an_embedding_with_labels() -> None:
    words = gc.symbol("words", (n, m), dtype="int64")
    picked = gc.nn.embedding(words, 6, d)
    (table,), V = gc.nn.parameters(picked), gc.parameter("V", (d, 3))
    assert picked is gc.embedding(table, words)
    p = gc.softmax(gc.mean(picked, axis=1) @ V)
    loss = gc.mean(gc.cross_entropy(p, y))
    rng = np.random.default_rng(0)
    text, labels = rng.integers(0, 6, (8, 4)), rng.integers(0, 3, 8)
    weights = [rng.normal(size=(6, 2)).astype(np.float32), rng.normal(size=(2, 3)).astype(np.float32)]
    step = gc.compile([loss, *gc.grad(loss, [table, V])], [words, y, table, V])
    losses = []
    for _ in range(60):
        value, *slopes = step(text, labels, *weights)
        assert all(s.dtype == np.float32 for s in slopes)
        losses.append(float(value))
        weights = [w - np.float32(0.5) * s for w, s in zip(weights, slopes, strict=True)]
    assert losses[-1] < 0.6 * losses[0]


CHOSEN = {"i": np.array([0, 1, 2, 0, 1, -1]), "j": np.array([[1], [0]])}
PARTS = ["i", "j", ":", "1:", "0", "None", "...", "[0, 1]"]


@pytest.mark.parametrize("first", PARTS)
def test_indices_of_arrays_and_slices_in_any_order_are_numpys(first: str) -> None:
    """What stands apart, as in x[i, :, j], puts the axes of the arrays in front."""
    array = np.random.default_rng(0).normal(size=(3, 4, 5))
    names: dict[str, Any] = {"x": (3, 4, 5)}
    names |= {name: gc.symbol(name, index.shape, dtype="int64") for name, index in CHOSEN.items()}
    compared = 0
    for rest in itertools.product(PARTS, repeat=2):
        text = f"x[{', '.join((first, *rest))}]"
        try:
            expected = eval(text, {"x": array, **CHOSEN})
        except IndexError:  # too many indices, two ellipses
            with pytest.raises(gc.GraphcError):
                gc.evaluate(gc.parse(text, **names), CHOSEN | {"x": array})
            continue
        found = gc.parse(text, **names)
        assert np.array_equal(gc.evaluate(found, CHOSEN | {"x": array}), expected), text
        assert gc.parse(str(found), **gc.names(found)) is found, text
        compared += 1
    assert compared > 30


def test_the_gradient_of_an_index_with_arrays_that_stand_apart() -> None:
    x, i, j = gc.symbol("x", ("n", "m", "k")), *(gc.symbol(c, ("t",), dtype="int64") for c in "ij")
    values = {"x": np.random.default_rng(1).normal(size=(3, 2, 4)), "i": np.array([0, 2, 0]), "j": np.array([3, 3, -1])}
    expected = np.zeros((3, 2, 4))
    np.add.at(expected, (values["i"], slice(None), values["j"]), 2 * values["x"][values["i"], :, values["j"]])
    assert np.allclose(gc.evaluate(gc.grad(gc.sum(x[i, :, j] ** 2), x), values), expected)
