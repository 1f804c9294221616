"""Compiled functions: calling, sizes, errors, independence of results."""

from __future__ import annotations

import traceback

import numpy as np
import pytest
from networks import softmax_network

import graphc as gc
from graphc.errors import DTypeError, ShapeError, ValueMissingError
from graphc.ir.dims import dims
from graphc.ops.leaves import symbol
from graphc.ops.notation import functions as fn
from graphc.runtime.compile import compile  # the public name
from graphc.runtime.evaluate import evaluate, evaluate_all

N, D, K = dims("n d k")
X, T, W = symbol("X", (N, D)), symbol("T", (N, K)), symbol("W", (D, K))
STYLES = ("readable", "fast")
RNG = np.random.default_rng(5)


def arrays(n: int = 5, d: int = 3, k: int = 2, dtype: str = "float64") -> dict[str, np.ndarray]:
    shapes = {"X": (n, d), "T": (n, k), "W1": (d, 4), "b1": (4,), "W2": (4, k), "b2": (k,)}
    return {name: RNG.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_at_several_sizes(style: str, dtype: str) -> None:
    outputs, inputs = softmax_network()
    step = compile(outputs, inputs, style=style)
    for n in (5, 1, 8, 5):
        given = arrays(n, dtype=dtype)
        expected = evaluate_all(list(outputs.values()), given)
        for a, b in zip(step(**given), expected, strict=True):
            assert isinstance(a, np.ndarray)
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == "float32" else 1e-10, atol=1e-5)


@pytest.mark.parametrize("style", STYLES)
def test_one_output_is_an_array_and_a_list_a_list(style: str) -> None:
    assert compile(fn["sum"](X), [X], style=style)(np.ones((2, 3))).shape == ()
    assert isinstance(compile([fn["sum"](X)], [X], style=style)(np.ones((2, 3))), list)
    assert isinstance(compile([X, X.T], [X], style=style)(np.ones((2, 3))), list)


@pytest.mark.parametrize("style", STYLES)
def test_results_belong_to_the_caller(style: str) -> None:
    step = compile([X, X, X.T, fn["exp"](X), fn["broadcast_to"](fn["sum"](X), (N,))], [X], style=style)
    x = np.ones((2, 2))
    first = step(x)
    before = [r.copy() for r in first]
    for r in step(2 * x):
        r[...] = -1
    for a, b in zip(first, before, strict=True):
        np.testing.assert_array_equal(a, b)
    first[0][...] = 9
    assert x[0, 0] == 1
    assert first[1][0, 0] == 1


def test_without_copies_buffers_are_reused() -> None:
    step = compile([fn["exp"](X), fn["sum"](X)], [X], copy=False)
    x = np.ones((2, 2))
    assert step(x)[0] is step(x)[0]


def test_by_name_and_by_position() -> None:
    step = compile(X @ W, [X, W])
    x, w = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 4))
    np.testing.assert_array_equal(step(x, w), step(W=w, X=x))
    np.testing.assert_array_equal(step(x, w), step(x, W=w))
    np.testing.assert_allclose(step(x.tolist(), w.tolist()), x @ w)


def test_unused_inputs_are_accepted() -> None:
    assert compile(fn["sum"](X), [X, W])(np.ones((2, 3)), np.ones((3, 1))) == 6


def test_symbols_that_are_no_inputs() -> None:
    with pytest.raises(ValueMissingError, match=r"no value was given for W \(d, k\)"):
        compile(X @ W, [X])


def test_wrong_calls() -> None:
    step = compile(X @ W, [X, W])
    x, w = np.ones((2, 3)), np.ones((3, 4))
    cases = [
        ((x,), {}, r"no value was given for W \(d, k\); the inputs are X \(n, d\), W \(d, k\)"),
        ((x, w), {"V": x}, "there is no input called V"),
        ((x, w), {"W": w}, "W was given twice"),
        ((x, w, w), {}, "3 arrays were given for 2 inputs"),
    ]
    for args, named, message in cases:
        with pytest.raises(ValueMissingError, match=message):
            step(*args, **named)


@pytest.mark.parametrize("style", STYLES)
def test_arrays_that_do_not_fit(style: str) -> None:
    step = compile(X @ W, [X, W], style=style)
    good = np.ones((2, 3)), np.ones((3, 4))
    for _ in range(2):
        step(*good)
        with pytest.raises(ShapeError, match=r"d is 3 in X \(axis 1\) but 5 in W \(axis 0\)"):
            step(good[0], np.ones((5, 4)))
        with pytest.raises(ShapeError, match=r"X: expected shape \(n, d\), got \(3,\)"):
            step(np.ones(3), good[1])
        with pytest.raises(DTypeError, match="X: expected real numbers"):
            step(good[0] > 0, good[1])


def test_conditions_hold_at_run_time() -> None:
    p, q = symbol("p", (N, K)), symbol("q", (4,))
    step = compile(fn["reshape"](p, (N * K,)) + q, [p, q])
    assert step(np.ones((2, 2)), np.ones(4)).tolist() == [2] * 4
    with pytest.raises(ShapeError, match="must be equal"):
        step(np.ones((2, 3)), np.ones(4))


@pytest.mark.parametrize("style", STYLES)
def test_scalars_take_the_dtype_of_arrays(style: str) -> None:
    lr = symbol("lr")
    step = compile(X * lr, [X, lr], style=style)
    x = np.ones((2, 2), "float32")
    for value in (0.5, 1, np.float64(0.5), np.float32(0.5), np.array(0.5)):
        assert step(x, value).dtype == np.float32
        assert evaluate(X * lr, {"X": x, "lr": value}).dtype == np.float32


@pytest.mark.parametrize("style", STYLES)
def test_layouts_do_not_matter(style: str) -> None:
    outputs, inputs = softmax_network()
    step = compile(outputs, inputs, style=style)
    given = arrays()
    strided = {n: np.repeat(a, 2, axis=0)[::2] for n, a in given.items()}
    turned = {n: np.asfortranarray(a) for n, a in given.items()}
    for other in (strided, turned):
        for a, b in zip(step(**given), step(**other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_tracebacks_show_the_source() -> None:
    step = compile(fn["max"](X), [X], style="readable")
    try:
        step(np.ones((0, 3)))
    except ValueError:
        assert "np.max(X)" in traceback.format_exc()
    else:
        pytest.fail("the maximum of nothing is an error in NumPy")


def test_source_and_plan_stay_in_reach() -> None:
    step = compile(X @ W, [X, W])
    assert "dot(X, W, out0)" in step.source
    assert "matmul" in str(step.plan)
    assert repr(step) == "<compiled function of X, W>"


@pytest.mark.parametrize("style", STYLES)
def test_conditions_of_what_cancels_are_kept(style: str) -> None:
    m, p, q = dims("m p q")
    A, B = symbol("A", (2 * m,)), symbol("B", (p * q,))
    step = gc.compile(gc.sum(A - A + B), [A, B], style=style)
    assert step(np.ones(4), np.ones(4)) == 4
    with pytest.raises(ShapeError, match=r"2\*m and p\*q must be equal.* p\*q is 6 in B \(axis 0\) they are 4 and 6"):
        step(np.ones(4), np.ones(6))


@pytest.mark.parametrize("style", STYLES)
def test_sizes_that_no_name_can_be_solved_from_are_compared(style: str) -> None:
    m, p, q = dims("m p q")
    A, B, C = symbol("A", (2 * m,)), symbol("B", (p * q,)), symbol("C", (p * q,))
    for values in ({"A": np.ones(2), "B": np.ones(1)}, {"A": np.ones(4), "B": np.ones(6)}):
        with pytest.raises(ShapeError, match=r"2\*m and p\*q must be equal"):
            gc.compile(A + B, [A, B], style=style)(**values)
        with pytest.raises(ShapeError, match=r"2\*m and p\*q must be equal"):
            evaluate(A + B, values)
    with pytest.raises(ShapeError, match=r"p\*q is 2 in B \(axis 0\) but 1 in C \(axis 0\)"):
        evaluate(B + C, {"B": np.ones(2), "C": np.ones(1)})
