"""Evaluation at once: dtypes, sizes solved from shapes, and what the errors say."""

from __future__ import annotations

import numpy as np
import pytest
from generate import arrays, expression
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.errors import DTypeError, GraphcError, NameConflictError, ShapeError, ValueMissingError
from graphc.ir.dims import bind, dims
from graphc.ops.conditions import conditions
from graphc.ops.leaves import constant, eye, parameter, size, symbol
from graphc.ops.notation import functions as fn
from graphc.runtime.evaluate import evaluate, evaluate_all

N, D, K = dims("n d k")
X, T, W, B = symbol("X", (N, D)), symbol("T", (N, K)), symbol("W", (D, K)), symbol("b", (K,))
x, y = symbol("x", (N,)), symbol("y", (N,))
RNG = np.random.default_rng(3)


def values(dtype: str = "float64", n: int = 4, d: int = 3, k: int = 2) -> dict[str, np.ndarray]:
    shapes = {"X": (n, d), "T": (n, k), "W": (d, k), "b": (k,), "x": (n,), "y": (n,)}
    return {name: RNG.uniform(-1.5, 1.5, shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("kind", ["sum", "softmax", "X.T @ T", "exp"])
def test_size_zero_follows_numpy(kind: str) -> None:
    e = {"sum": fn["sum"](X, axis=0), "softmax": fn["softmax"](X), "X.T @ T": X.T @ T, "exp": fn["exp"](x)}[kind]
    result = evaluate(e, values(n=0))
    np.testing.assert_array_equal(result, np.zeros(result.shape))


def test_the_mean_of_nothing_is_nan() -> None:
    with np.errstate(all="ignore"):
        assert np.isnan(evaluate(fn["mean"](x), {"x": np.ones(0)}))
        assert np.isnan(evaluate(fn["sum"](x) * (1 / size(N)), {"x": np.ones(0)}))


def test_contractions_against_einsum() -> None:
    v = values()
    e = fn["einsum"]("ij,jk,ik->ij", X, W, T)
    np.testing.assert_allclose(evaluate(e, v), np.einsum("ij,jk,ik->ij", v["X"], v["W"], v["T"]))
    np.testing.assert_allclose(evaluate(fn["outer"](x, y) ** 2, v), np.outer(v["x"], v["y"]) ** 2)
    np.testing.assert_allclose(evaluate(fn["diag"](x) @ X, v), v["x"][:, None] * v["X"])
    np.testing.assert_allclose(evaluate(fn["trace"](X @ X.T) * eye(D), v), np.sum(v["X"] ** 2) * np.eye(3))


def test_literals_never_widen_float32() -> None:
    v = values("float32")
    c = constant([[1, 2], [3, 4]])
    square = symbol("S", (2, 2))
    for e in (x * 0.1 + 1, x / N, fn["where"](x > 0, 0.5, 0.1) * x, fn["max"](x) + fn["sum"](x > 0), (x > 0) * 0.5 * x):
        assert evaluate(e, v).dtype == np.float32
    assert evaluate(c @ square + eye(2), {"S": np.eye(2, dtype="f")}).dtype == np.float32
    assert evaluate(x * symbol("lr"), {"x": v["x"], "lr": 0.1}).dtype == np.float32


def test_comparisons_of_literals_count_as_numbers() -> None:
    true, false = constant(1) > 0, constant(1) < 0
    assert evaluate(fn["sign"](true), {}) == 1
    assert evaluate(fn["abs"](false) + fn["relu"](true) - true, {}) == 0
    assert np.array_equal(evaluate(fn["sign"](true) * x, {"x": np.ones(2)}), [1, 1])


def test_whole_numbers_for_reals_become_float64() -> None:
    assert evaluate(x + 1, {"x": [1, 2]}).dtype == np.float64
    labels = symbol("labels", (N,), dtype="int64")
    assert evaluate(labels + 1, {"labels": [1, 2]}).dtype == np.int64
    np.testing.assert_allclose(evaluate(labels / 3, {"labels": [1, 2]}), [1 / 3, 2 / 3])


@pytest.mark.parametrize("array", [np.array([True]), np.array([1j]), np.array(["a"]), np.array([None])])
def test_other_kinds_are_refused(array: np.ndarray) -> None:
    with pytest.raises(DTypeError, match=r"x: expected real numbers \(float64 or float32\), got an array of"):
        evaluate(x + 1, {"x": array})


def test_missing_values_are_named_all_at_once() -> None:
    with pytest.raises(ValueMissingError) as caught:
        evaluate(X @ W + B, {"X": np.ones((2, 3))})
    assert str(caught.value) == "no value was given for W (d, k), b (k,)"
    with pytest.raises(ValueMissingError, match="the size m"):
        evaluate(x * size("m"), {"x": np.ones(2)})
    assert evaluate(x * size("m"), {"x": np.ones(2), "m": 3, "unused": None}).tolist() == [3, 3]


def test_sizes_that_contradict_name_both_sources() -> None:
    with pytest.raises(ShapeError) as caught:
        evaluate_all([fn["sum"](X), fn["sum"](T)], {"X": np.ones((5, 3)), "T": np.ones((6, 2))})
    assert str(caught.value) == "n is 5 in X (axis 0) but 6 in T (axis 0)"
    with pytest.raises(ShapeError, match="n is 4 as given but 5 in x"):
        evaluate(x + 1, {"x": np.ones(5), "n": 4})


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(
        ShapeError, match=r"X: expected shape \(n, d\), got \(3,\): 2 axes are declared, the array has 1"
    ):
        evaluate(X + 1, {"X": np.ones(3)})
    with pytest.raises(ShapeError, match=r"A: expected shape \(n, 3\), got \(2, 4\): axis 1 must be 3, not 4"):
        evaluate(symbol("A", (N, 3)) + 1, {"A": np.ones((2, 4))})


def test_compound_sizes_are_solved_and_checked() -> None:
    wide = symbol("wide", ("2*n + 1",))
    assert evaluate(fn["sum"](wide) * N, {"wide": np.ones(7)}) == 21
    with pytest.raises(ShapeError, match=r"2\*n \+ 1 is 8 in wide \(axis 0\), but no whole n gives that"):
        evaluate(fn["sum"](wide) * N, {"wide": np.ones(8)})
    with pytest.raises(ShapeError, match=r"2\*n \+ 1 is 7, as n is 3 in x \(axis 0\), but 9 in wide \(axis 0\)"):
        evaluate(fn["sum"](wide) + fn["sum"](x), {"wide": np.ones(9), "x": np.ones(3)})


def test_conditions_are_collected_and_checked() -> None:
    e = symbol("p", ("n*m",)) + symbol("q", (4,))
    assert [tuple(map(str, pair)) for pair in conditions([e])] == [("4", "m*n")]
    assert evaluate(e, {"p": np.ones(4), "q": np.ones(4), "n": 2}).tolist() == [2] * 4
    f = fn["reshape"](symbol("r", (N, D)), (K, 2))
    assert len(conditions([f])) == 1
    with pytest.raises(ShapeError, match="must be equal, but with"):
        evaluate(f, {"r": np.ones((3, 2)), "k": 2})


def test_two_symbols_with_one_name() -> None:
    with pytest.raises(NameConflictError, match="two different symbols are called x"):
        evaluate(x + fn["sum"](parameter("x", (3,))), {"x": np.ones(3)})


def test_results_are_the_callers_own() -> None:
    v = values()
    for e in (X, X.T, fn["broadcast_to"](B, (N, K)), fn["reshape"](X, (D, N))):
        result = evaluate(e, {**v, "n": 4})
        result[...] = 7
    assert not (v["X"] == 7).any()
    assert not (v["b"] == 7).any()


def test_the_depth_of_a_graph_is_no_depth_of_recursion() -> None:
    e, expected = x, np.full(2, 0.1)
    for _ in range(3000):
        e = fn["tanh"](e + x)
        expected = np.tanh(expected + 0.1)
    np.testing.assert_allclose(evaluate(e, {"x": np.full(2, 0.1)}), expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_random_expressions_have_the_declared_shape(rng: object, count: int) -> None:
    e = expression(rng, count)  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        result = evaluate(e, arrays([e]))
    assert result.shape == tuple(bind(d, {"n": 3, "m": 4}) for d in e.shape)


def test_lists_and_sizes_that_fit_nothing_are_refused() -> None:
    x, n = symbol("X", ("n", "d")), dims("n")
    with pytest.raises(ShapeError, match=r"X: expected shape .* all rows must have one length"):
        evaluate(x, {"X": [[1, 2], [3]]})
    for wrong in (-1, 2.5, True):
        with pytest.raises(ShapeError, match="the size n must be a whole number of 0 or more, got"):
            evaluate(eye(n), {"n": wrong})
    assert evaluate(x, {"X": [[1.0]], "rate": 2.5, "m": -1}).shape == (1, 1)


@pytest.mark.parametrize("text", ["x**1e400", "1e309*x", "x*9**9**5", "x + 10**308*10", "-1e400"])
def test_a_number_beyond_floating_point_is_refused(text: str) -> None:
    with pytest.raises(GraphcError, match="too large"):
        gc.parse(text, x=())


def test_large_whole_powers() -> None:
    e = gc.parse("3*x**1000000", x=())
    for style in ("readable", "fast"):
        assert gc.compile(e, [gc.symbol("x")], style=style)(1.0) == 3


def test_a_conflict_of_names_says_how_the_initial_values_differ() -> None:
    a, b = parameter("W", ("n",), init="zeros"), parameter("W", ("n",))
    with pytest.raises(NameConflictError, match=r"float64 \(init='zeros'\), one is .* \(init=None\)"):
        evaluate(a + b, {"W": np.ones(2)})


@pytest.mark.parametrize("size", [3, "n"])
@pytest.mark.parametrize(
    "formula",
    [
        "sum(A[0])*sum(diag(A))",
        "sum(outer(diag(A), sum(A, axis=1)**2))",
        "sum(A, axis=0) @ A.T[:, 0]",
        "mean(A*(A.T/(1 + sum(A.T*A.T, axis=1, keepdims=True))))*sum(A[:, 0])",
    ],
)
def test_hessians_with_identities_and_inserted_axes(formula: str, size: int | str) -> None:
    A = gc.symbol("A", (size, size))
    loss = gc.parse(formula, A=A)
    value, along = np.random.default_rng(0).normal(size=(2, 3, 3))
    hessian = gc.evaluate(gc.hessian(loss, A), {"A": value, "n": 3})
    product = gc.evaluate(gc.hvp(loss, A, gc.symbol("V", A.shape)), {"A": value, "V": along, "n": 3})
    np.testing.assert_allclose(np.tensordot(hessian, along, 2), product, 1e-10, 1e-12)
