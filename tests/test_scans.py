"""Products of entries, running sums and products, recurrences: values, derivatives to third order, at zeros too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maps import differences

import graphc as gc

RNG = np.random.default_rng(0)
SIZES = {"n": 4, "m": 3, "k": 2}
VECTOR: dict[str, Any] = {"x": ("n",)}
MATRIX: dict[str, Any] = {"X": ("n", "m")}
STACK: dict[str, Any] = {"X": ("k", "n", "m")}


def looped(b: Any, a: Any, axis: int = 0) -> Any:
    b, a = np.moveaxis(b, axis, 0), np.moveaxis(np.broadcast_to(a, b.shape), axis, 0)
    y = [b[0]]
    for t in range(1, len(b)):
        y.append(b[t] + a[t] * y[-1])
    return np.moveaxis(np.array(y), 0, axis)


def left_out(x: Any) -> Any:
    return np.array([np.prod(np.delete(x, j, -1), -1) for j in range(x.shape[-1])]).T


def twice_left_out(x: Any) -> Any:
    return np.array([[np.prod(np.delete(x, [i, j])) * (i != j) for j in range(len(x))] for i in range(len(x))])


# formula, shapes, variable, the same in NumPy
ROWS: list[tuple[str, dict[str, Any], str, Callable[..., Any]]] = [
    ("prod(x)", VECTOR, "x", np.prod),
    ("prod(X, axis=1)", MATRIX, "X", lambda X: np.prod(X, 1)),
    ("prod(X, axis=0, keepdims=True)", MATRIX, "X", lambda X: np.prod(X, 0, keepdims=True)),
    ("prod(X)", MATRIX, "X", np.prod),
    ("prod(X, axis=(0, 2))", STACK, "X", lambda X: np.prod(X, (0, 2))),
    ("prod_except(x)", VECTOR, "x", left_out),
    ("prod_except(X)", {"X": ("k", 3)}, "X", left_out),
    ("prod_except(x, order=2)", {"x": (3,)}, "x", twice_left_out),
    ("cumsum(x)", VECTOR, "x", np.cumsum),
    ("cumsum(X, axis=1)", MATRIX, "X", lambda X: np.cumsum(X, 1)),
    ("cumsum(X, axis=None)", MATRIX, "X", np.cumsum),
    ("reverse_cumsum(X)", MATRIX, "X", lambda X: np.cumsum(X[::-1], 0)[::-1]),
    ("cumprod(x)", VECTOR, "x", np.cumprod),
    ("cumprod(X, axis=-1)", MATRIX, "X", lambda X: np.cumprod(X, 1)),
    ("cumprod(1 + X)", MATRIX, "X", lambda X: np.cumprod(1 + X, 0)),
    ("recurrence(x, a)", {**VECTOR, "a": ("n",)}, "x", looped),
    ("recurrence(b, x)", {"b": ("n",), **VECTOR}, "x", looped),
    ("recurrence(X, a, axis=1)", {"X": ("k", "n"), "a": ("n",)}, "a", lambda X, a: looped(X, a, 1)),
    ("recurrence(x, 0.9)", VECTOR, "x", lambda x: looped(x, 0.9)),
    ("reverse_recurrence(b, x)", {"b": ("n",), **VECTOR}, "x", lambda b, x: looped(b[::-1], x[::-1])[::-1]),
    ("shift(x, 1, fill=0.5)", VECTOR, "x", lambda x: np.concatenate([[0.5], x[:-1]])),
    ("shift(X, -2, axis=1)", MATRIX, "X", lambda X: np.concatenate([X[:, 2:], np.zeros((4, 2))], 1)),
    ("shift(x, 9)", VECTOR, "x", np.zeros_like),
]  # fmt: skip
IDS = [f"{row[0]} by {row[2]} {row[1][row[2]]}" for row in ROWS]


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("text", "names", "at", "reference"), ROWS, ids=IDS)
def test_value_and_derivatives(
    text: str, names: dict[str, Any], at: str, reference: Callable[..., Any], zeros: bool
) -> None:
    e = gc.parse(text, **names)
    assert gc.parse(str(e), **gc.names(e)) is e
    assert gc.latex(e)
    symbols = [gc.symbol(name, shape) for name, shape in names.items()]
    x = gc.symbol(at, names[at])
    arrays = {name: RNG.uniform(-0.9, 0.9, [SIZES.get(s, s) for s in shape]) for name, shape in names.items()}
    if zeros:
        np.put(arrays[at], [0, -1], 0)
    values = arrays | SIZES
    expected = np.asarray(reference(*arrays.values()))
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-12, atol=1e-13)
    weights = gc.symbol("weights", e.shape)
    numbers = np.arange(1, 1 + expected.size).reshape(expected.shape)
    arrays["weights"] = values["weights"] = numbers / expected.size / 8
    loss = gc.sum(weights * gc.exp(e / 2))
    first, second, jacobian = gc.grad(loss, x), gc.hessian(loss, x), gc.jacobian(e, x)
    slope = differences(lambda moved: gc.evaluate(loss, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(first, values), slope, rtol=1e-6, atol=1e-7)
    bend = differences(lambda moved: gc.evaluate(first, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(second, values), bend, rtol=1e-6, atol=1e-6)
    stack = differences(lambda moved: gc.evaluate(e, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(jacobian, values), stack, rtol=1e-6, atol=1e-7)
    third = gc.grad(gc.sum(gc.sin(second)), x)
    turn = differences(lambda moved: gc.evaluate(gc.sum(gc.sin(second)), moved), values, at)
    np.testing.assert_allclose(gc.evaluate(third, values), turn, rtol=2e-5, atol=1e-5)
    for result in (first, second, jacobian, third):
        assert gc.parse(str(result), **gc.names(result)) is result
    for style in ("readable", "fast"):
        for dtype in (np.float64, np.float32):
            outputs = gc.compile([e, first], [*symbols, weights], style=style)(
                *(v.astype(dtype) for v in arrays.values())
            )
            assert all(out.dtype == dtype for out in outputs)
            for out, wanted in zip(outputs, (expected, slope), strict=True):
                np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-5 if dtype == np.float32 else 1e-7)


n, m, k = gc.dims("n m k")
x, w = gc.symbol("x", (n,)), gc.symbol("w", (n,))
P = gc.symbol("P", (n,), facts=["positive"])


def test_closed_forms() -> None:
    forms = {
        "prod_except(x)": (gc.prod(x), x),
        "prod(P)/P": (gc.prod(P), P),
        "1/P": (gc.log(gc.prod(P)), P),
        "2*reverse_cumsum(cumsum(x))": (gc.sum(gc.cumsum(x) ** 2), x),
        "n - arange(n)": (gc.sum(gc.cumsum(x)), x),
        "reverse_cumsum(w)": (gc.cumsum(x) @ w, x),
        "reverse_cumsum(cumprod(P))/P": (gc.sum(gc.cumprod(P)), P),
        "reverse_recurrence(w, shift(P, -1))": (gc.recurrence(x, P) @ w, x),
    }
    for text, (f, at) in forms.items():
        g = gc.grad(f, at)
        assert str(g) == text
        assert gc.parse(text, **gc.names(g)) is g
    assert gc.hessian(gc.prod(x), x) is gc.prod_except(x, order=2)
    assert gc.simplify(gc.prod(gc.exp(x))) is gc.exp(gc.sum(x))
    assert gc.simplify(gc.cumsum(2 * x)) is gc.simplify(2 * gc.cumsum(x))


def test_against_autograd() -> None:
    values = RNG.uniform(0.5, 1.5, (4, 3))
    X = gc.symbol("X", (n, m))
    for f, reference in [
        (gc.sum(gc.sin(gc.cumsum(X, axis=0))), lambda v: anp.sum(anp.sin(anp.cumsum(v, axis=0)))),
        (gc.sum(gc.sin(gc.prod(X, axis=1))), lambda v: anp.sum(anp.sin(anp.prod(v, axis=1)))),
    ]:
        np.testing.assert_allclose(
            gc.evaluate(gc.grad(f, X), {"X": values}), autograd.grad(reference)(values), rtol=1e-9
        )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_sizes_and_axes_follow_numpy(shape: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = gc.symbol("x", tuple(f"s{i}" for i in range(len(shape))))
    value = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for function, reference in [(gc.cumsum, np.cumsum), (gc.cumprod, np.cumprod), (gc.prod, np.prod)]:
        e = function(x, axis=axis)
        slope = gc.grad(gc.sum(e), x)
        for style in ("readable", "fast"):
            result, backward = gc.compile([e, slope], [x], style=style)(value)
            np.testing.assert_allclose(result, reference(value, axis=axis), rtol=1e-5, atol=1e-6)
            assert result.dtype == backward.dtype == np.float32
            assert backward.shape == value.shape
        sizes = {f"s{i}": size for i, size in enumerate(shape)}
        np.testing.assert_allclose(gc.evaluate(slope, {"x": value, **sizes}), backward, rtol=1e-4, atol=1e-5)


def test_numpy_functions_are_traced() -> None:
    X = gc.symbol("X", (n, m))
    assert np.prod(X, axis=1, keepdims=True) is gc.prod(X, axis=1, keepdims=True) is X.prod(1, True)
    assert np.cumsum(X, axis=1) is gc.cumsum(X, axis=1) is X.cumsum(1)
    assert np.cumsum(X) is gc.cumsum(X, axis=None) is X.cumsum()
    assert np.cumprod(X, axis=0) is gc.cumprod(X) is X.cumprod(0)


def test_wrong_uses_are_explained() -> None:
    s = gc.symbol("s")
    for use, error, text in [
        (lambda: gc.cumsum(s), gc.ShapeError, r"cumsum\(s\): needs one axis of an array"),
        (lambda: gc.cumprod(x, axis=1), gc.ShapeError, r"cumprod\(x\): axis 1 is out of range"),
        (lambda: gc.prod(x, axis=(0, 0)), gc.ShapeError, "names an axis twice"),
        (lambda: gc.prod_except(s), gc.ShapeError, "needs an array, got a scalar"),
        (lambda: gc.prod_except(x, order=0), gc.UnsupportedError, "order must be a whole number from 1 up, got 0"),
        (lambda: gc.shift(x, 0.5), gc.UnsupportedError, "places must be a whole number, got 0.5"),
        (lambda: gc.recurrence(x, gc.symbol("a", (m,))), gc.ShapeError, "the shapes do not broadcast"),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            use()
