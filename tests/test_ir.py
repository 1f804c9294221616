"""Expressions are interned, immutable, safe at any depth, and errors name what the user wrote."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy

import graphc as gc
from graphc.ir.dims import as_dim, compare
from graphc.ir.expr import Expr, substitute, topological
from graphc.ops.contraction import contract

n, d, k = gc.dims("n d k")
X, W, b = gc.symbol("X", (n, d)), gc.parameter("W", (d, k)), gc.parameter("b", (k,))


def test_equal_expressions_are_one_object() -> None:
    assert X @ W + b is X @ W + b
    assert gc.symbol("X", ("n", "d")) is X
    assert gc.symbol("X", (n, d), facts=["positive"]) is not X
    assert gc.softmax(X, axis=1) is gc.softmax(X, axis=-1)
    assert gc.sum(X, axis=(1, 0)) is gc.sum(X)


def test_expressions_survive_pickle_and_copy() -> None:
    e = gc.softmax(X @ W + b).named("p") - gc.constant([[1, 2]]).T.sum()
    assert pickle.loads(pickle.dumps(e)) is e
    assert copy.deepcopy(e) is e


def test_expressions_cannot_be_built_or_changed_by_hand() -> None:
    with pytest.raises(TypeError, match="expressions are built with symbol"):
        Expr()
    with pytest.raises(TypeError):
        X.attributes["name"] = "Y"  # type: ignore[index]


@pytest.mark.parametrize("step", ["tanh", "sum", "product", "residual"])
def test_deep_graphs(step: str) -> None:
    x, y = gc.symbol("x", (n,)), gc.symbol("y", (n,))
    e = x
    for _ in range(20_000):
        if step == "tanh":
            e = gc.tanh(e)
        elif step == "sum":
            e = e + y
        elif step == "product":
            e = e * y
        else:
            e = e + gc.tanh(e)
    assert len(topological([e])) >= 20_000
    assert len(str(e)) > 0
    assert substitute([e], {x: y})[0] is not e
    value = gc.evaluate(e, {"x": np.full(2, 1e-3), "y": np.full(2, 1.0)})
    assert value.shape == (2,)
    del e


def test_a_hundred_thousand_nodes_print_and_read_back() -> None:
    e = x = gc.symbol("x", (n,))
    for _ in range(50_000):
        e = gc.tanh(e) + x
    assert gc.parse(str(e), x=x) is e


def test_numpy_arrays_defer() -> None:
    ones = np.ones((2, 3))
    v = gc.symbol("v", (3,))
    assert (ones @ v).shape == (2,)
    assert (ones * v).shape == (2, 3)
    assert np.float64(0.5) * v is gc.constant(0.5) * v is v / 2


def test_numbers_are_exact() -> None:
    s = gc.symbol("s")
    assert s * 0.1 is s / 10
    assert str(s * 0.1 + 0.2) == "0.1*s + 0.2"
    assert gc.constant(1) / 3 * 3 is gc.constant(1)


def test_truth_value_and_iteration_are_refused() -> None:
    with pytest.raises(TypeError, match=r"no truth value; use gc\.where"):
        bool(X > 0)
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(X)


def test_sizes_compare() -> None:
    p, q, h = gc.dims("p q h")
    assert compare(2 * n, as_dim("n + n")) == "equal"
    assert compare(n, d) == "different"
    assert compare(n, 3) == "different"
    assert compare(n + 1, n) == "different"
    assert compare(n * p, 4) == "unknown"
    assert compare(q - 3 * h, h) == "unknown"
    assert as_dim(sympy.Symbol("n")) is n


def test_a_size_is_a_symbol_that_survives_sympy_and_pickle() -> None:
    assert pickle.loads(pickle.dumps(n)) is n
    assert copy.deepcopy(n) is n
    assert (str(n), sympy.latex(2 * n), str(sympy.expand((n + d) * n))) == ("n", "2 n", "d*n + n**2")
    assert as_dim(sympy.Symbol("n", integer=True, positive=True)) is n
    assert n - n == 0


@pytest.mark.parametrize(
    "use", [range, lambda size: [0] * size, lambda size: [1, 2][size], lambda size: np.zeros((size, 2))]
)
def test_a_loop_of_symbolic_length_is_refused(use: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="the size n has no value yet, so it cannot count a Python loop or") as found:
        use(n)
    assert isinstance(found.value, gc.GraphcError)


def test_only_a_literal_one_broadcasts() -> None:
    row = gc.symbol("row", (1, d))
    assert (X + row).shape == (n, d)
    with pytest.raises(gc.ShapeError, match=r"X is \(n, d\), c is \(k, d\)"):
        X + gc.symbol("c", ("k", "d"))


ERRORS = [
    (lambda: X @ X, r"X @ X: the inner sizes differ: X is \(n, d\), X is \(n, d\), so d must equal n \(written at "),
    (lambda: (X + 1) @ X, r"\(X \+ 1\) @ X: the inner sizes differ: X \+ 1 is \(n, d\), X is "),
    (
        lambda: gc.maximum(X, b),
        r"maximum\(X, b\): the shapes do not broadcast: X is \(n, d\), b is \(k,\); .* literal 1",
    ),
    (lambda: gc.cross_entropy(X, b), r"cross_entropy\(X, b\): the shapes do not broadcast"),
    (lambda: X + b, r"X \+ b: the shapes do not broadcast: X is \(n, d\), b is \(k,\); .* \(written at test_ir.py:"),
    (lambda: gc.sum(X, axis=2), r"sum\(X\): axis 2 is out of range for an array with 2 axes \(written at test_ir.py"),
    (lambda: gc.mean(X, axis=(0, 0)), r"mean\(X\): axis \(0, 0\) names an axis twice"),
    (lambda: gc.sum(X, axis=1.5), r"sum\(X\): axis must be an integer, a tuple of integers or None, got 1.5"),
    (lambda: gc.sum(X, axis=n), r"sum\(X\): axis must be an integer, a tuple of integers or None, got n"),
    (lambda: X @ 2, r"X @ 2: 2 is a scalar; use \* to scale"),
    (lambda: X / 0, r"X/0: division by the constant zero"),
    (lambda: gc.reshape(gc.ones(2, 3), (7,)), r"reshape\(.*\): \(2, 3\) has 6 entries, \(7,\) has 7"),
    (lambda: gc.trace(X), r"trace\(X\): needs a square matrix, got \(n, d\)"),
    (lambda: gc.symbol("2x", ()), "a name must be a Python identifier"),
    (lambda: gc.symbol("x", (-1,)), "a size cannot be negative, got -1"),
    (lambda: gc.symbol("x", (n,), dtype="complex128"), "the dtype must be one of float64, float32, int64, bool"),
    (lambda: gc.symbol("x", (n,), facts=["postive"]), "unknown fact 'postive'; known facts: positive"),
    (lambda: gc.symbol("x", (n, d), facts=["symmetric"]), "only a square matrix can be symmetric"),
    (lambda: gc.symbol("x", (), facts=["one_hot"]), r"one_hot needs axis -1, but the shape is \(\)"),
    (lambda: X + "W", "cannot use 'W' of type str in an expression"),
    (lambda: gc.constant(float("nan")), "constants must be finite numbers, got nan$"),
    (lambda: gc.where(X > 0, X, -float("inf")), "got -inf; masked_softmax and attention take masks"),
    (lambda: gc.softmax(gc.symbol("s")), "softmax.* needs one axis of an array"),
    (lambda: gc.mse(X, b), r"mse\(X, b\): the shapes differ"),
    (lambda: gc.dims(""), "dims.. needs names separated by blanks"),
    (lambda: X["a"], "an index is a whole number, a size, a slice, None or an ellipsis, got .a."),
    (lambda: gc.grad(X, W), r"grad needs a scalar, but X has shape \(n, d\); reduce it first"),
    (lambda: gc.grad(gc.sum(X), X + 1), "does not occur in sum"),
    (lambda: X // 2, "expressions have no //; use / for a quotient"),
    (lambda: X % 2, "expressions have no %"),
    (lambda: gc.op(3), "op defines an op by a function of expressions, got 3"),
    (lambda: gc.draw(X).save(5), "save needs the path of a file, such as 'graph.svg', got 5"),
    (
        lambda: gc.train.fit(
            gc.mean(gc.symbol("Z", (n, 2)) @ gc.parameter("v", (2,))),
            {"Z": np.ones((4, 2))},
            optimizer=gc.optim.SGD(0.1),
            progress=3,
        ),
        "progress must be a function of an Epoch, got 3",
    ),
    (lambda: X.named("Y"), "X is a symbol and has a name already"),
    (lambda: gc.parameter("V", (n,), init="he"), "unknown initializer 'he'; known: he_normal"),
]


@pytest.mark.parametrize(("make", "text"), ERRORS)
def test_error_texts(make: object, text: str) -> None:
    with pytest.raises(gc.GraphcError, match=text) as caught:
        make()  # type: ignore[operator]
    assert isinstance(caught.value, (ValueError, TypeError, RuntimeError))


def test_two_symbols_with_one_name_are_refused() -> None:
    other = gc.symbol("X", (n, d), facts=["positive"])
    for use in (gc.evaluate, lambda e, v: gc.grad(gc.sum(e), X), lambda e, v: gc.compile(e, [X])):
        with pytest.raises(ValueError, match="X"):
            use(X + other, {"X": np.ones((2, 2))})


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (len, r"shape \(n,\) has no len\(\)"),
        (float, "no number; gc.evaluate"),
        (int, "no number; gc.evaluate"),
        (np.asarray, "no NumPy array; gc.evaluate"),
        (lambda x: x // 2, "no //; use /"),
        (lambda x: 2 // x, "no //; use /"),
        (lambda x: x % 2, "no %; use where"),
        (lambda x: 2 % x, "no %; use where"),
        (np.fft.fft, "np.fft takes no symbolic expression"),
        (np.add.reduce, "np.add.reduce takes no symbolic expression"),
        (lambda x: np.exp(x, out=np.ones(3)), "np.exp of a symbolic expression is gc.exp.*out"),
        (lambda x: np.sum(x, dtype=int), "np.sum of a symbolic expression is gc.sum.*dtype"),
        (lambda x: np.ones(3) == x, "gc.equal compares entry by entry"),
    ],
)
def test_what_an_expression_cannot_be_used_for(use: Callable[..., object], text: str) -> None:
    with pytest.raises(gc.UnsupportedError, match=text):
        use(gc.symbol("x", ("n",)))


def test_functions_of_numpy_are_traced() -> None:
    x, A = gc.symbol("x", (3,)), gc.symbol("A", (2, 3))
    assert np.sum(np.exp(-x) * np.array([1.0, 2.0, 3.0])) is gc.sum(gc.exp(-x) * np.array([1.0, 2.0, 3.0]))
    assert np.ones(3) + x is gc.constant(np.ones(3)) + x
    assert np.maximum(A @ x, 0) is gc.maximum(A @ x, 0)
    assert np.mean(A, axis=0, keepdims=True) is gc.mean(A, axis=0, keepdims=True)
    assert np.einsum("ij,j->i", A, x) is gc.einsum("ij,j->i", A, x)
    assert np.float64(0.5) * x is x / 2
    assert np.linalg.norm(x) is gc.norm(x)
    assert (np.abs(x) > 1) is (gc.abs(x) > 1)
    assert len(A) == 2


def test_no_axis_of_literal_size_one_has_a_label() -> None:
    A = gc.symbol("A", (3, 3))
    with pytest.raises(gc.ShapeError, match="label 2 is of an axis of literal size 1, got 3"):
        contract([(A, (1, 2), Fraction(1))], (3, 3, 1))
