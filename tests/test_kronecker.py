"""Kronecker products and other reshapes inside products: closed forms, values, gradients, emitted code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_maps import differences

import graphc as gc
from graphc.errors import ShapeError
from graphc.rewriting.reshapes import blocks

SIZES = {"n": 2, "m": 3, "k": 2, "l": 4, "p": 2, "q": 3}
SQUARES = {"A": ("n", "n"), "B": ("m", "m"), "C": ("n", "n"), "D": ("m", "m")}
RECTANGLES = {"A": ("n", "m"), "B": ("k", "l"), "C": ("m", "p"), "D": ("l", "q")}

# formula, shapes, closed form; Van Loan, "The ubiquitous Kronecker product" (2000), and Petersen and Pedersen, 10.2
FORMS: list[tuple[str, dict[str, Any], str]] = [
    ("kron(A, B) @ kron(C, D)", RECTANGLES, "kron(A @ C, B @ D)"),
    ("kron(2*A, B + 1)", {"A": ("n", "m"), "B": ("k", "l")}, "2*kron(A, B + 1)"),
    ("trace(kron(A, B))", SQUARES, "trace(A)*trace(B)"),
    ("trace(kron(A, B) @ kron(C, D))", SQUARES, "sum(A*C.T)*sum(B*D.T)"),
    ("sum(kron(A, B))", RECTANGLES, "sum(A)*sum(B)"),
    ("norm(kron(a, b))**2", {"a": ("n",), "b": ("m",)}, "sum(a**2)*sum(b**2)"),
    ("sum(reshape(A, (n*m,))*reshape(B, (n*m,)))", {"A": ("n", "m"), "B": ("n", "m")}, "sum(A*B)"),
    ("reshape(outer(a, b), (p, q, m))", {"a": ("p*q",), "b": ("m",)}, "b*reshape(a, (p, q))[:, :, None]"),
]


def drawn(e: gc.Expr) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {name: s.shape for name, s in gc.names(e).items() if isinstance(s, gc.Expr)}
    values = {k: int(v) for k, v in SIZES.items()}
    number = {gc.dims(name): v for name, v in SIZES.items()}
    sized = {name: [int(d.subs(number)) for d in shape] for name, shape in shapes.items()}
    return {**values, **{name: rng.normal(size=shape) for name, shape in sized.items()}}


@pytest.mark.parametrize(("text", "names", "closed"), FORMS, ids=[row[0] for row in FORMS])
def test_closed_forms(text: str, names: dict[str, Any], closed: str) -> None:
    e = gc.parse(text, **names)
    simple = gc.simplify(e)
    assert str(simple) == closed
    assert gc.parse(closed, **gc.names(simple)) is simple
    values = drawn(e)
    np.testing.assert_allclose(gc.evaluate(simple, values), gc.evaluate(e, values), rtol=1e-12)


GRADIENTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("trace(kron(A, B))", SQUARES, "A", "trace(B)*eye(n)"),
    (
        "norm(kron(X, A) @ b - c)**2",
        {"X": ("n", "m"), "A": ("k", "l"), "b": ("m*l",), "c": ("n*k",)},
        "X",
        "2*reshape(kron(X, A) @ b - c, (n, k)) @ A @ reshape(b, (m, l)).T",
    ),
    (
        "kron(a, x) @ C @ kron(a, x)",
        {"a": ("m",), "x": ("n",), "C": ("m*n", "m*n")},
        "x",
        "a @ reshape((C + C.T) @ kron(a, x), (m, n))",
    ),
]


@pytest.mark.parametrize(("text", "names", "at", "closed"), GRADIENTS, ids=[row[0] for row in GRADIENTS])
def test_gradients(text: str, names: dict[str, Any], at: str, closed: str) -> None:
    f = gc.parse(text, **names)
    gradient = gc.grad(f, gc.names(f)[at])
    assert str(gradient) == closed
    assert gc.parse(closed, **gc.names(gradient)) is gradient
    values = drawn(f)
    slope = differences(lambda moved: gc.evaluate(f, moved), values, at)
    np.testing.assert_allclose(gc.evaluate(gradient, values), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_emitted_code_calls_kron(style: str) -> None:
    A, B = gc.symbol("A", ("n", "m")), gc.symbol("B", ("k", "l"))
    product = gc.compile(gc.kron(A, B) + 1, [A, B], style=style)
    a, b = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(product(a, b), np.kron(a, b) + 1)
    assert "kron(A, B)" in product.source


def test_blocks_of_a_reshape() -> None:
    n, m, k = gc.dims("n m k")
    assert blocks((n, m, k), (n * m, k)) == [((0, 1), (0,)), ((2,), (1,))]
    assert blocks((6, 1, n), (2, 3, n)) == [((0,), (0, 1)), ((2,), (2,))]
    assert blocks((n, m), (m, n)) == [((0, 1), (0, 1))]


def test_wrong_uses_are_explained() -> None:
    with pytest.raises(
        ShapeError, match=r"kron\(a, A\): both must be vectors or both matrices, got \(n,\) and \(n, n\)"
    ):
        gc.kron(gc.symbol("a", ("n",)), gc.symbol("A", ("n", "n")))
