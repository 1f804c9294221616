"""Random expressions over the examples: simplified, differentiated and emitted, they keep their values."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from checks import same
from drawing import drawn, sizes_for
from references import called
from slopes import NoDerivative, slopes
from test_notation import composed

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops.symbols import symbols_of

LONG = os.environ.get("GRAPHC_LONG") == "1"
A, B = gc.symbol("A", ("n", "n")), gc.symbol("B", ("n", "n"))
T, X = gc.symbol("T", ("m", "n")), gc.symbol("X", ("n", "t", 4))
attended = gc.multi_head_attention(X, X, X, heads=2, causal=True)

# Expressions on which a stage once went wrong.
FOUND = [
    gc.parse("exp(a) - --(exp(a) + b)", a=(), b=()),
    gc.parse("a*a - --(a*a + b)", a=(), b=()),
    gc.parse("var(x) - --(var(x) - -b)", x=("n",), b=()),
    A - (3 * B * B * 2 - 5 * A).T * 7 + A.T,
    gc.log_softmax(T - T),
    gc.sigmoid(T - T),
    gc.cos(gc.sum(attended, keepdims=True)) - -gc.cos(gc.sum(attended, keepdims=True)),
]


def values_of(expr: Expr, seed: int) -> dict[str, Any]:
    inputs = symbols_of([expr])
    plain = {name: 3 for name, value in gc.names(expr).items() if not isinstance(value, Expr)}
    sizes, rng = plain | sizes_for([expr, *inputs]), np.random.default_rng(seed)
    return sizes | {str(s.name): drawn(s, sizes, rng, (0.2, 1.2), 2) for s in inputs}


def keeps_its_value(expr: Expr, seed: int) -> bool:
    """Simplification, VJP, JVP and both kinds of code against the expression as it was written; whether it can be."""
    values = values_of(expr, seed)
    rng = np.random.default_rng(seed + 1)
    with np.errstate(all="ignore"):
        raw = gc.evaluate(expr, values)
        if not np.all(np.isfinite(raw)) or np.max(np.abs(raw), initial=0) > 1e4:
            return False
        same(gc.evaluate(gc.simplify(expr), values), raw, 1e-8, 1e-9, f"simplified {expr}")
        variables = [s for s in symbols_of([expr]) if s.dtype == "float64"]
        cotangent = gc.symbol("G_", expr.shape)
        values["G_"] = rng.normal(size=raw.shape)
        along = {str(s.name): rng.uniform(-1, 1, np.shape(values[str(s.name)])) for s in variables}

        def moved(t: float) -> Any:
            return np.sum(values["G_"] * gc.evaluate(expr, values | {k: values[k] + t * v for k, v in along.items()}))

        try:
            (slope,) = slopes(moved, 1, 2e-3)
        except NoDerivative:
            return False
        back = gc.vjp(expr, variables, cotangent)
        pulled = sum(np.sum(gc.evaluate(g, values) * v) for g, v in zip(back, along.values(), strict=True))
        same(pulled, slope, 1e-5, 1e-6, f"VJP of {expr}")
        directions = [gc.symbol(f"{s.name}_", s.shape) for s in variables]
        forward = gc.evaluate(gc.jvp(expr, variables, directions), values | {f"{k}_": v for k, v in along.items()})
        same(np.sum(values["G_"] * forward), slope, 1e-5, 1e-6, f"JVP of {expr}")
        emitted([expr, *back], [*symbols_of([expr]), cotangent], values)
    return True


def emitted(outputs: list[Expr], inputs: list[Expr], values: dict[str, Any]) -> None:
    wanted = [gc.evaluate(e, values) for e in outputs]
    for style in ("readable", "fast"):
        step = gc.compile(outputs, inputs, style=style)
        untold = {word: values[name] for name, word in step.keywords.items()}
        for found, value in zip(step(*(values[str(s.name)] for s in inputs), **untold), wanted, strict=True):
            same(found, value, 1e-8, 1e-9, f"{style} code of {outputs[0]}")


@pytest.mark.parametrize("expr", FOUND, ids=str)
def test_what_once_went_wrong(expr: Expr) -> None:
    assert keeps_its_value(expr, 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", range(40 if LONG else 4))
def test_random_compositions_keep_their_values(block: int) -> None:
    checked = 0
    for seed in range(25 * block, 25 * block + 25):
        try:
            expr = composed(seed, 9)
            gc.names(expr)
        except (gc.NameConflictError, gc.ShapeError):  # parts with different arrays of one name
            continue
        if not called(str(expr)) & {"stop_gradient"}:
            checked += keeps_its_value(expr, seed)
    assert checked > 10
