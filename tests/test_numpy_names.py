"""Functions under NumPy's names: values against NumPy in both dtypes, emitted code, text, gradients by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import topological
from graphc.scheduling.sizing import flat

la = np.linalg
rng = np.random.default_rng(0)
ARRAYS = {
    "x": rng.normal(size=4),
    "y": rng.normal(size=4),
    "o": rng.normal(size=5),
    "A": rng.normal(size=(3, 4)),
    "B": rng.normal(size=(4, 3)),
    "S": rng.normal(size=(3, 3)),
    "T": rng.normal(size=(3, 3)),
    "P": rng.normal(size=(2, 3, 4)),
    "p": rng.uniform(0.5, 2, size=4),
    "u": rng.normal(size=(2, 3)),
    "v": rng.normal(size=(2, 3)),
}
SHAPES: dict[str, Any] = {
    "x": ("n",), "y": ("n",), "o": ("r",), "A": ("m", "n"), "B": ("n", "m"), "S": ("m", "m"), "T": (3, 3),
    "P": ("k", "m", "n"), "p": ("n",), "u": ("k", 3), "v": ("k", 3),
}  # fmt: skip
SIZES = {"n": 4, "m": 3, "k": 2, "r": 5}
SAME = """exp2(x) | log2(p) | log10(p) | square(x) | reciprocal(x) | hypot(x, y) | logaddexp(x, y) | heaviside(x, 1/2)
dot(x, y) | dot(A, B) | dot(A, x) | dot(P, B) | inner(A, A) | inner(x, y) | vdot(A, A) | vdot(x, y)
tensordot(P, A) | tensordot(P, P, ((0, 1), (0, 1))) | tensordot(x, y, 0) | tensordot(P, S, (1, 0)) | cross(u, v)
median(x) | median(o) | median(A, axis=0) | median(P, axis=(0, 2)) | ptp(A, axis=1) | ptp(x)
average(A, axis=1, weights=p) | average(A, axis=0) | cov(A) | cov(x) | cov(x, y) | corrcoef(A) | cov(A, None, False)
diff(x) | diff(x, 2) | diff(A, axis=0) | diff(A, 0) | outer(A, x) | diag(x, 1) | diag(x, -2) | diag(S, 1) | diag(S, -2)
trace(S, 1) | trace(S, -1) | linspace(0, 1, 5) | full((2, 3), 7) | ones_like(A) | zeros_like(x) | identity(3)
floor(x) | ceil(x) | trunc(x) | x*logical_and(x > 0, y > 0) | x*logical_or(x > 0, y > 0) | x*logical_xor(x > 0, y > 0)
x*logical_not(x > 0)"""
MINE: list[tuple[str, Any]] = [
    ("norm(A, ord=2)", la.norm(ARRAYS["A"], 2)),
    ("norm(A, ord=-2)", la.norm(ARRAYS["A"], -2)),
    ("norm(A, ord='nuc')", la.norm(ARRAYS["A"], "nuc")),
    ("norm(P, axis=(0, 2), ord=2)", la.norm(ARRAYS["P"], 2, (0, 2))),
    ("norm(P, axis=(2, 1), ord='nuc', keepdims=True)", la.norm(ARRAYS["P"], "nuc", (2, 1), keepdims=True)),
    ("det_sign(S)", la.slogdet(ARRAYS["S"])[0]),
    ("lstsq(B, x)", la.lstsq(ARRAYS["B"], ARRAYS["x"], rcond=None)[0]),
    ("trace(identity(3) @ T)", np.trace(ARRAYS["T"])),
]
CASES = [t.strip() for t in SAME.replace("\n", "|").split("|")]
NUMPY = {name: getattr(np, name) for text in CASES for name in gc.__all__ if f"{name}(" in text and hasattr(np, name)}
FLAT = ("floor", "ceil", "trunc", "heaviside", "logical", "ones_like", "zeros_like", "full", "linspace", "identity")


def numpys(text: str) -> Any:
    return eval(text, {"__builtins__": {}, **NUMPY, **ARRAYS})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("text", "expected"), [*((t, None) for t in CASES), *MINE])
def test_values(text: str, expected: Any, dtype: str) -> None:
    e = gc.parse(text, **SHAPES)
    values: dict[str, Any] = {name: a.astype(dtype) for name, a in ARRAYS.items()} | SIZES
    wanted = numpys(text) if expected is None else expected
    used = {name: x for name, x in gc.names(e).items() if isinstance(x, gc.Expr)}
    found = [gc.evaluate(e, values)]
    if "_like" not in text:  # whose text has the sizes alone
        steps = [gc.compile(e, list(used.values()), style=s) for s in ("readable", "fast")]
        found += [step(*map(values.get, used)) for step in steps]
    for value in found:
        if used:
            assert value.dtype == dtype
        assert value.shape == np.shape(wanted)
        np.testing.assert_allclose(value, wanted, *((1e-10, 1e-12) if dtype == "float64" else (2e-4, 1e-5)))
    assert gc.parse(str(e), **gc.names(e)) is e
    assert gc.latex(e)


@pytest.mark.parametrize("text", [t for t in (*CASES, *(t for t, _ in MINE)) if not t.startswith(FLAT)])
def test_gradients(text: str) -> None:
    e = gc.parse(text, **SHAPES)
    loss = gc.sum(gc.sin(e) if not e.shape else gc.sin(e) * gc.cos(e))
    for name, x in gc.names(e).items():
        if not isinstance(x, gc.Expr):
            continue
        g = gc.grad(loss, x)
        assert g.shape == x.shape
        step = rng.normal(size=ARRAYS[name].shape)
        ends = [gc.evaluate(loss, {**ARRAYS, **SIZES, name: ARRAYS[name] + h * step}) for h in (-1e-6, 1e-6)]
        slope = (ends[1] - ends[0]) / 2e-6
        np.testing.assert_allclose(np.sum(gc.evaluate(g, ARRAYS | SIZES) * step), slope, 1e-5, 1e-7)
        assert gc.parse(str(g), **gc.names(g)) is g


def test_slogdet_is_a_pair() -> None:
    S = gc.symbol("S", ("m", "m"))
    sign, logarithm = gc.slogdet(S)
    for e, wanted in zip((sign, logarithm), la.slogdet(ARRAYS["S"]), strict=True):
        np.testing.assert_allclose(gc.evaluate(e, ARRAYS), wanted)
    large = gc.evaluate(sign, {"S": -1e3 * np.eye(201)})
    assert large == -1  # where the determinant itself is beyond float64


@pytest.mark.parametrize(("size", "wanted"), [(0, np.nan), (1, 5.0)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_median_of_nothing_and_of_one(size: int, wanted: float) -> None:
    x = gc.symbol("x", ("n",))
    values = np.full(size, 5.0)
    e = gc.median(x)
    for value in (gc.evaluate(e, {"x": values}), *(gc.compile(e, [x], style=s)(values) for s in ("readable", "fast"))):
        np.testing.assert_array_equal(value, wanted)
    assert gc.evaluate(gc.median(x), {"x": np.array([np.inf, 1.0, 2.0, -np.inf])}) == 1.5


ERRORS: list[tuple[str, type[Exception], str]] = [
    ("dot(A, A)", gc.ShapeError, r"dot\(A, A\): axis 1 of shape \(m, n\) must have the size of axis 0"),
    ("inner(A, B)", gc.ShapeError, r"inner\(A, B\): axis 1"),
    ("cross(x, x)", gc.ShapeError, r"cross\(x\): needs size 3 along axis -1, got shape \(n,\)"),
    ("tensordot(x, x, 2)", gc.ShapeError, "there are no 2 axes"),
    ("tensordot(P, S, ((0, 0), (0, 1)))", gc.ShapeError, "an axis of an array twice"),
    ("tensordot(S, S, ((0, 1), (1, -1)))", gc.ShapeError, "an axis of an array twice"),
    ("tensordot(P, A, ((0, 1), 0))", gc.ShapeError, "as many axes of both"),
    ("diff(x, -1)", gc.ShapeError, "n must be a whole number from 0 up"),
    ("average(A, weights=x)", gc.ShapeError, "the weights must have its shape"),
    ("cov(P)", gc.ShapeError, "needs a vector or a matrix"),
    ("norm(x, ord='nuc')", gc.UnsupportedError, "give two axes of a matrix"),
    ("norm(x, ord='sum')", gc.UnsupportedError, "'fro' or 'nuc'"),
    ("diag(A, 1)", gc.ShapeError, "needs a square matrix"),
    ("diag(x, 1/2)", gc.ShapeError, "counted by a whole number"),
]


@pytest.mark.parametrize(("text", "kind", "message"), ERRORS, ids=[t for t, _, _ in ERRORS])
def test_errors(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises((kind, gc.FormulaError), match=message):
        gc.parse(text, **SHAPES)


# Axes, counts and offsets; each is tried with NumPy's whole numbers in place of Python's.
A4, P33 = gc.symbol("A4", (4, 4)), gc.symbol("P33", (3, 3, 2))
WHOLE: list[Callable[[Any], Any]] = [
    lambda c: gc.sum(P33, axis=(c(0), c(-1))),
    lambda c: gc.var(A4, axis=c(0), ddof=c(1)),
    lambda c: gc.argmax(A4, axis=c(1)),
    lambda c: gc.take(A4, c(1), axis=c(1)),
    lambda c: gc.stack([A4, A4], axis=c(1)),
    lambda c: gc.expand_dims(A4, (c(0), c(1))),
    lambda c: gc.transpose(A4, (c(1), c(0))),
    lambda c: gc.reshape(A4, (c(-1), c(2))),
    lambda c: gc.diag(gc.ones(c(3)), c(-1)),
    lambda c: gc.trace(A4, c(1)),
    lambda c: gc.tensordot(A4, A4, c(1)) + gc.tensordot(A4, A4, axes=((c(0),), (c(1),))),
    lambda c: gc.cross(P33[:, :, 0], P33[:, :, 1], axis=c(0)),
    lambda c: gc.diff(A4, c(2), axis=c(0)),
    lambda c: gc.shift(A4, c(1), axis=c(0)),
    lambda c: gc.pad(A4, ((c(1), c(2)), (c(0), c(1)))),
    lambda c: gc.repeat(gc.tile(A4, (c(2), c(1))), c(2), axis=c(0)),
    lambda c: gc.tril(A4, c(-1)) @ gc.matrix_power(A4, c(2)),
    lambda c: A4[c(-1), c(0) : c(4) : c(2)] ** c(2) / c(3),
    lambda c: gc.symbol("t", c(3), facts=[gc.facts.one_hot(c(0))]),
    lambda c: gc.arange(c(1), c(8), c(2)),
]


@pytest.mark.parametrize("make", WHOLE, ids=range(len(WHOLE)))
def test_numpys_whole_numbers_are_whole_numbers(make: Callable[[Any], Any]) -> None:
    found = make(np.int64)  # first, so that no node of it exists already
    assert found is make(int)
    attributes = [value for node in topological([found]) for value in node.attributes.values()]
    assert not any(isinstance(part, np.generic) for part in flat((*found.shape, *attributes)))


@pytest.mark.parametrize("bounds", [(5,), (0,), (2, 7), (7, 2), (1, 8, 3), (8, 1, -2), (1, 8, -1), (-3, 4, 7)])
def test_arange_as_numpys(bounds: tuple[int, ...]) -> None:
    e = gc.arange(*bounds)
    np.testing.assert_array_equal(gc.evaluate(e, {}), np.arange(*bounds))
    assert gc.parse(str(e)) is e
    n = gc.dims("n")
    stretched = gc.arange(bounds[0], n + 2, 2)
    np.testing.assert_array_equal(gc.evaluate(stretched, {"n": 9}), np.arange(bounds[0], 11, 2))
    with pytest.raises(gc.ShapeError, match="the step must be a whole number other than 0, got 0"):
        gc.arange(1, 2, 0)


def test_floor_of_sizes_is_a_size() -> None:
    n = gc.dims("n")
    assert gc.parse("x[:floor(n/2)]", x=("n",)).shape == (n // 2,)
    e = gc.floor(gc.symbol("x", ("n",)) / 2)
    assert gc.parse(str(e), x=("n",)) is e
    assert gc.floor(n / 2) is gc.parse("floor(n/2)", n=n)


def test_numpys_own_functions_give_these() -> None:
    A, x, b = gc.symbol("A", ("m", "n")), gc.symbol("x", ("n",)), gc.symbol("b", ("m",))
    assert np.dot(A, x) is gc.dot(A, x)
    assert np.median(A, axis=0) is gc.median(A, axis=0)
    with pytest.raises(gc.UnsupportedError, match="gives the first of them alone"):
        la.lstsq(A, b)
