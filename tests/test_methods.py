"""Methods of arrays and operators of truth values: the functions of their names, in Python and in formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

X, A, x = gc.symbol("X", ("m", "n")), gc.symbol("A", ("n", "n")), gc.symbol("x", ("n",))
P, i = gc.symbol("P", ("k", "m", "n")), gc.symbol("i", ("k",), dtype="int64")
b = gc.symbol("b", ("n",), dtype="bool")

METHODS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda a: a.std(axis=0, ddof=1), "std(X, axis=0, ddof=1)"),
    (lambda a: a.var(1, keepdims=True), "var(X, axis=1, keepdims=True)"),
    (lambda a: a.clip(0, 1), "clip(X, 0, 1)"),
    (lambda a: a.round(), "round(X)"),
    (round, "round(X)"),
    (lambda a: a.dot(x), "dot(X, x)"),
    (lambda a: a.mT, "X.T"),
    (lambda a: a.take(i, axis=1), "take(X, i, axis=1)"),
    (lambda a: a.take(i), "take(ravel(X), i)"),
    (lambda a: (a > 0).all(axis=1), "all(X > 0, axis=1)"),
    (lambda a: (a > 0).any(), "any(X > 0)"),
    (lambda a: a.argsort(axis=0), "argsort(X, axis=0)"),
    (lambda a: a.sum() / a.size, "sum(X)/(m*n)"),
]


@pytest.mark.parametrize(("method", "text"), METHODS, ids=[text for _, text in METHODS])
def test_a_method_is_the_function_of_its_name(method: Callable[[Any], Any], text: str) -> None:
    assert method(X) is gc.parse(text, X=X, x=x, i=i)


def test_methods_of_square_matrices_and_of_stacks() -> None:
    assert A.trace(1) is gc.trace(A, 1)
    assert P.mT is gc.transpose(P, (0, 2, 1))
    assert (X.size, gc.symbol("c", (2, 3)).size, gc.symbol("s", ()).size) == (X.shape[0] * X.shape[1], 6, 1)


ABSENT = [
    ("softmax", "write gc.softmax(x)"),
    ("unsqueeze", "write gc.expand_dims(x, axis)"),
    ("view", "write gc.reshape(x, shape)"),
    ("detach", "write gc.stop_gradient(x)"),
    ("numpy", "write gc.evaluate(x, values)"),
]


@pytest.mark.parametrize(("name", "advice"), ABSENT)
def test_what_is_no_method_is_explained(name: str, advice: str) -> None:
    with pytest.raises(AttributeError) as error:
        getattr(X, name)
    assert str(error.value) == f"an expression has no attribute {name!r}; {advice}"
    assert not hasattr(X, "frobnicate")


TRUTHS: list[tuple[Any, str, str]] = [
    ((x > 0) & (x < 1), "(x > 0) & (x < 1)", r"[(\mathbf{x} > 0) \land (\mathbf{x} < 1)]"),
    ((x > 0) | b, "(x > 0) | b", r"[(\mathbf{x} > 0) \lor \mathbf{b}]"),
    (~b, "~b", r"[\lnot \mathbf{b}]"),
    ((X > 0) & (x > 1), "(X > 0) & (x > 1)", r"[(\mathbf{X} > 0) \land (\mathbf{x} > 1)]"),
    (
        ((x > 0) | (x < -1)) & ~(x > 2),
        "((x > 0) | (x < -1)) & ~(x > 2)",
        r"[[(\mathbf{x} > 0) \lor (\mathbf{x} < -1)] \land [\lnot (\mathbf{x} > 2)]]",
    ),
    ((x > 0) & b | ~b, "(x > 0) & b | ~b", r"[[(\mathbf{x} > 0) \land \mathbf{b}] \lor [\lnot \mathbf{b}]]"),
    ((x > 0) ^ b, "logical_xor(x > 0, b)", r"[(\mathbf{x} > 0) \oplus \mathbf{b}]"),
    (np.logical_and(x > 0, b), "(x > 0) & b", r"[(\mathbf{x} > 0) \land \mathbf{b}]"),
    (gc.logical_or(x, b), "logical_or(x, b)", r"[\mathbf{x} \lor \mathbf{b}]"),
]


@pytest.mark.parametrize(("made", "text", "latex"), TRUTHS, ids=[text for _, text, _ in TRUTHS])
def test_truth_values_are_joined(made: gc.Expr, text: str, latex: str) -> None:
    assert made.dtype == "bool"
    assert str(made) == text
    assert gc.parse(text, **gc.names(made)) is made
    assert gc.latex(made) == latex


def test_joined_truth_values_select() -> None:
    inside = gc.where(((x > 0) | b) & ~(x > 1), x**2, 0)
    rng = np.random.default_rng(0)
    for dtype in ("float64", "float32"):
        values = {"x": rng.normal(size=9).astype(dtype), "b": rng.random(9) < 0.5}
        v = values["x"]
        mask = ((v > 0) | values["b"]) & ~(v > 1)
        for expr, wanted in ((inside, np.where(mask, v**2, 0)), (gc.grad(gc.sum(inside), x), np.where(mask, 2 * v, 0))):
            found = [gc.evaluate(expr, values)]
            found += [gc.compile(expr, [x, b], style=style)(v, values["b"]) for style in ("readable", "fast")]
            for value in found:
                assert value.dtype == dtype
                np.testing.assert_allclose(value, wanted, 1e-6)


def test_a_condition_in_latex_has_no_half_brackets() -> None:
    product = gc.where((x > 0) * (x < 1), x, 0)
    assert gc.latex(product) == r"\operatorname{where}([\mathbf{x} > 0] \odot [\mathbf{x} < 1], \mathbf{x}, 0)"
    both = gc.where((x > 0) & (x < 1), x, 0)
    assert gc.latex(both) == r"\operatorname{where}((\mathbf{x} > 0) \land (\mathbf{x} < 1), \mathbf{x}, 0)"


def test_joined_conditions_are_proved() -> None:
    loss = gc.sum(gc.where((x > 0) | (x < -1), x**2, 0))
    assert gc.check(loss, x, "where((x < -1) | (x > 0), 2*x, 0)").status == "proved"
    assert gc.check(loss, x, "2*x*maximum(x > 0, x < -1)").status == "proved"
    assert gc.check(loss, x, "where((x > 0) & (x < -1), 2*x, 0)").status == "wrong"


@pytest.mark.parametrize("text", ["x > 0 & x < 1", "x | b", "~x", "n & 1"])
def test_numbers_are_not_joined_bit_by_bit(text: str) -> None:
    with pytest.raises(gc.DTypeError, match="put comparisons in brackets"):
        gc.parse(text, x=x, b=b)
    with pytest.raises(gc.DTypeError, match="truth values"):
        x & b


# what a user of NumPy writes in a formula, and the same in the notation
WRITTEN = [
    ("X.sum(axis=0)/X.shape[0]", "sum(X, axis=0)/m"),
    ("(X - X.mean(axis=0)).T.dot(X)", "(X - mean(X, axis=0)).T @ X"),
    ("X.reshape(n*m)", "reshape(X, (m*n,))"),
    ("X.transpose(1, 0).max(axis=1)", "max(X.T, axis=1)"),
    ("x.cumsum()[::-1]", "cumsum(x)[::-1]"),
    ("X.std(ddof=1) + X.size + X.ndim", "std(X, ddof=1) + m*n + 2"),
    ("reshape(x, x.shape)", "x"),
    ("np.maximum(np.dot(X, x), 0)", "maximum(X @ x, 0)"),
    ("np.linalg.inv(A) @ x*np.pi", "inv(A) @ x*pi"),
    ("np.cumsum(X)", "cumsum(reshape(X, (m*n,)))"),
    ("np.power(x, 2)[np.newaxis, :]", "(x**2)[None, :]"),
    ("np.array([[0, 1], [1, 0]]) @ [1, 2]", "[[0, 1], [1, 0]] @ [1, 2]"),
    ("np.einsum('ij,j->i', X, x)", "X @ x"),
    ("[[cos(a), -a], [a, 1]] @ [a, 1]", "stack([stack([cos(a), -a]), stack([a, 1])]) @ stack([a, 1])"),
    ("det([[a, 1], [2, a]])", "det(stack([stack([a, 1]), stack([2, a])]))"),
    ("[x, 2*x]*[x, x]", "stack([x, 2*x])*stack([x, x])"),
    ("concat([x, x])", "concat([x, x])"),
]


@pytest.mark.parametrize(("text", "plain"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_formulas_take_the_writing_of_numpy(text: str, plain: str) -> None:
    names = {"X": X, "A": A, "x": x, "a": ()}
    found = gc.parse(text, **names)
    assert found is gc.parse(plain, **names)
    assert gc.parse(str(found), **gc.names(found)) is found


def test_a_symbol_called_np_is_a_symbol() -> None:
    assert str(gc.parse("np.T + np", np=("n",))) == "np + np"
