"""Values of random formulas of one variable, and of functions of numbers, against NumPy on the formula as it stands."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.op import registry

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    **{name: getattr(np, name) for name in ("exp", "tanh", "log", "sqrt", "sin", "cos", "cosh", "sinh", "arctan")},
    "abs": np.abs,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    "softplus": lambda t: np.log1p(np.exp(t)),
}
POWERS = [2, 3, -1, -2, 0.5, -0.5, 1.5, 6, -1.5, -2.5, 10]
AT = np.array([0.3, 1.2, -0.7, 2.0, -1.5, -0.2, -2.7, 0.9, 3.1, -3.3])
n = gc.dims("n")
X = gc.symbol("x", (n,))


def drawn(rng: random.Random, depth: int) -> tuple[Expr, Callable[[np.ndarray], np.ndarray]]:
    """A random formula, and the same in NumPy."""
    kind = rng.random() if depth else 0.0
    if kind < 0.1:
        return X, lambda v: v
    a, f = drawn(rng, depth - 1)
    if kind < 0.4:
        name = rng.choice([*FUNCTIONS])
        return getattr(gc, name)(a), lambda v: FUNCTIONS[name](f(v))
    if kind < 0.6:
        power = rng.choice(POWERS)
        return a**power, lambda v: f(v) ** v.dtype.type(power)
    if kind < 0.7:
        number = rng.choice([1, 2, -1])
        return number + a, lambda v: number + f(v)
    b, g = drawn(rng, depth - 1)
    return rng.choice(
        [
            (a + b, lambda v: f(v) + g(v)),
            (a - b, lambda v: f(v) - g(v)),
            (a * b, lambda v: f(v) * g(v)),
            (a / (2 + abs(b)), lambda v: f(v) / (2 + np.abs(g(v)))),
        ]
    )


@pytest.mark.parametrize("seed", range(100))
def test_random_formulas_have_the_values_that_numpy_gives(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(3):
        e, formula = drawn(rng, rng.randint(2, 4))
        with np.errstate(all="ignore"):
            plain, wide = formula(AT), formula(AT.astype(np.longdouble))
        good = np.isfinite(plain) & (np.abs(plain - wide) <= 1e-12 * np.abs(wide))  # where rounding makes no difference
        values = {"x": AT, "n": len(AT)}
        for found in (gc.evaluate(e, values), gc.evaluate(gc.simplify(e), values), gc.compile(e, [X])(AT)):
            np.testing.assert_allclose(
                np.broadcast_to(found, AT.shape)[good], plain[good], rtol=1e-8, atol=1e-10, err_msg=str(e)
            )


OF_MORE = ("polygamma", "threshold", "prelu")  # take whole numbers, attributes, slopes by axis
ELEMENTWISE = [k for k, op in registry.items() if op.formula is not None and hasattr(gc, k) and k not in OF_MORE]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_numbers_are_computed_as_functions_of_arrays(name: str) -> None:
    numbers = [gc.sqrt(2 * gc.ones(n)), gc.ones(n) / 3, 2 * gc.ones(n), -gc.ones(n) / 2, gc.sqrt(n) * gc.ones(n) / 7]
    arity = len(registry[name].domain or (0,))
    at = np.array([1.0, -1.0, 2.0])
    letters = [gc.symbol(letter, (n,)) for letter in "pqr"[:arity]]
    for number in numbers:
        f = getattr(gc, name)(*[number * (k + 1) for k in range(arity)])
        held = gc.evaluate(number, {"n": 3})
        given = {str(p.name): held * (k + 1) for k, p in enumerate(letters)}
        with np.errstate(all="ignore"):
            wanted = at * gc.evaluate(getattr(gc, name)(*letters), given)
            for style in ("fast", "readable"):
                found = gc.compile(X * f, [X], style=style)(at)
                np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14, err_msg=f"{style}: {f}")
                assert gc.compile(X * f, [X], style=style)(at.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("power", [-1, -2, -0.5])
def test_powers_of_zero_are_what_numpy_gives(power: float) -> None:
    for e in ((X * 0) ** power, (X - X) ** power, gc.exp(-((X * 0) ** power))):
        with np.errstate(all="ignore"):
            wanted = np.full(3, np.inf) if e.op.name != "exp" else np.zeros(3)
            np.testing.assert_array_equal(gc.evaluate(e, {"x": np.ones(3), "n": 3}), wanted)
