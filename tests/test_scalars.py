"""Functions of sizes and literals: emitted code computes what ``evaluate`` does, in both styles and both dtypes."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops import notation
from graphc.ops.leaves import constant, size

F = notation.functions
n, m = gc.dims("n m")
x, i = gc.symbol("x", (n,)), gc.symbol("i", (n,), dtype="int64")
A = gc.symbol("A", (n, m))
INPUTS = [x, i, A]
UNARY = ["exp", "tanh", "sqrt", "log", "abs", "sign", "sigmoid", "softplus", "relu", "erf", "lgamma", "log1p", "cosh"]
CASES = [
    "tanh(sqrt(n))",
    "tanh(sqrt(2))",
    "exp(1.5**-0.5/3)",
    "tanh((n + 1)**(1/3))*x",
    "x/sqrt(n)",
    "log(n**1.5) + x",
    "sum(x)/sqrt(n - m)",
    "(n - m)**-2",
    "(m - 3*n)**(1/3)",
    "where(n > m, n, 2)*x",
    "where(n > m, 2, 3)",
    "where(2 > 3, 2, 3)",
    "i*(n > m)",
    "i*pi",
    "i*maximum(n, 2)",
    "i*sqrt(2)",
    "2**n + 2**100",
    "(2*n)**-3.0*x",
    "n**100 + pi**1000",
    "log(n - n)",
    "sum(broadcast_to(n/2, (n, m)), axis=0)",
    "x/x",
    "sum(x)/sum(x)",
    "1/(n - n + m) + x",
]


def arrays(dtype: str, rows: int = 3, columns: int = 2) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x": np.abs(rng.normal(size=rows)).astype(dtype) + 1,
        "i": np.arange(rows),
        "A": rng.normal(size=(rows, columns)).astype(dtype),
        "n": rows,
        "m": columns,
    }


def agree(e: Expr, dtype: str) -> None:
    values = arrays(dtype)
    tolerance = 1e-9 if dtype == "float64" else 2e-4
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = gc.evaluate(e, values)
        for style in ("fast", "readable"):
            found = gc.compile(e, INPUTS, style=style)(*(values[str(s.name)] for s in INPUTS))
            assert found.shape == expected.shape, (style, str(e))
            assert found.dtype == expected.dtype, (style, str(e))
            if np.all(np.abs(expected) < 1e30):
                np.testing.assert_allclose(found, expected, tolerance, tolerance, err_msg=f"{style}: {e}")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", CASES)
def test_scalar_functions_are_emitted_whole(text: str, dtype: str) -> None:
    agree(gc.parse(text, x=x, i=i, A=A, n=n, m=m), dtype)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tanh(sqrt(n))", np.tanh(np.sqrt(3))),
        ("tanh(sqrt(2))", np.tanh(np.sqrt(2))),
        ("where(n > m, n, 2)", 3),
        ("2**(33*n)", 2.0**99),
        ("(m - 3*n)**(1/3)", np.nan),
        ("(n - m - 1)**-2", np.inf),
    ],
)
def test_scalar_values(text: str, expected: float) -> None:
    e = gc.parse(text, A=A, n=n, m=m)
    with np.errstate(all="ignore"):
        for found in [gc.evaluate(e, {"n": 3, "m": 2})] + [
            gc.compile(e, [A], style=s)(np.ones((3, 2))) for s in ("fast", "readable")
        ]:
            np.testing.assert_allclose(found, expected, 1e-12)


def test_a_named_number_keeps_its_value_in_a_function() -> None:
    e = F["tanh"]((size(n) / 7).named("q")) * x
    agree(e, "float64")


def test_what_simplifies_to_a_number_keeps_the_dtype_of_the_arrays() -> None:
    s = gc.symbol("s", dtype="float32")
    value = np.float32(2)
    for e in (gc.grad(3 * s, s), gc.grad(s / 3, s), s - s):
        assert gc.evaluate(e, {"s": value}).dtype == np.float32
        for style in ("fast", "readable"):
            assert gc.compile(e, [s], style=style)(value).dtype == np.float32


def leaf(rng: random.Random) -> Expr:
    whole = [size(n), size(m), size(2 * n + m), size(n - m), size(n * m)]
    return rng.choice([*whole, constant(2), constant(3), constant(0.5), constant(-2), gc.pi])


def scalar(rng: random.Random, depth: int) -> Expr:
    """A random function of sizes and literals."""
    if depth == 0:
        return leaf(rng)
    a, b = scalar(rng, depth - 1), scalar(rng, rng.randrange(depth))
    made = [
        lambda: a + b,
        lambda: a - b * rng.choice([1, 2, 0.3]),
        lambda: a * b,
        lambda: a / b,
        lambda: F[rng.choice(UNARY)](a),
        lambda: a ** rng.choice([2, 0.5, -0.5, -1, 3, 1.5, -2]),
        lambda: F[rng.choice(["maximum", "minimum"])](a, b),
        lambda: F["where"](a > b, a, b),
        lambda: rng.choice([a > b, a * 2, -a, a / 3, a <= b]),
    ]
    return rng.choice(made)()


@pytest.mark.parametrize("seed", range(60))
def test_random_scalar_functions(seed: int) -> None:
    rng = random.Random(seed)
    try:
        c = scalar(rng, rng.randrange(1, 5))
        uses = [c, c * x, x / c, c + x, gc.sum(x) * c, F["tanh"](x * c), F["where"](x > c, c, x), (c * x) @ A * c]
        e = rng.choice(uses)
    except gc.GraphcError:  # a division by the constant zero
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if np.isnan(gc.evaluate(c, arrays("float64"))):  # outside its domain a selection by it has no right value
            return
    agree(e, rng.choice(["float64", "float32"]))
