"""Sums are multiplied out only where something may cancel: what is told from powers of factors holds in normal form."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from generate import expression

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops.symbols import symbols_of
from graphc.rewriting import sums
from graphc.rewriting.matching import meeting
from graphc.rewriting.meeting import may_cancel
from graphc.rewriting.reach import reach
from graphc.rewriting.simplify import normalizer

x, y, z, w = (gc.symbol(c, ("n",)) for c in "xyzw")


def told(expr: Expr) -> bool:
    assert expr.op.name == "add"
    engine = normalizer()
    terms = [engine.normal(t) for t in expr.operands]
    return may_cancel(engine, terms, expr.shape, 24, 4)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (x * (y - z) + y * (x + w), True),  # x y twice
        (x * (y - z) + w * (x + z), False),
        ((x + y) ** 2 - z, True),
        (x * (gc.sigmoid(y) - z) + w * gc.tanh(x), False),
        (x * (gc.exp(y) - z) + w * gc.exp(x), True),  # exponentials meet
        (gc.abs(x) * (gc.sign(x) - y) + z, True),  # abs(x)*sign(x) is x
        (gc.sqrt(x) * (gc.sqrt(x) - y) + z, True),
        (x * (1 / (1 + y) - z) + w, True),  # fractions
        (x * (gc.cos(y) - z) + gc.cos(w), False),
    ],
    ids=str,
)
def test_what_may_cancel(expr: Expr, expected: bool) -> None:
    assert told(expr) is expected


def test_rules_for_products_are_known_by_their_ops() -> None:
    assert meeting(reach(gc.abs(x) * gc.sign(x), 4))
    assert not meeting(reach(x * gc.sigmoid(y) * gc.tanh(z), 4))


def checked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let every sum be multiplied out; one where that leads to less must have been told so."""
    multiplied_out, verdicts = sums.expanded, []
    monkeypatch.setattr(sums, "may_cancel", lambda *_: True)

    def expanded(engine: Any, collected: dict[Expr, Fraction], shape: Any) -> Expr | None:
        verdict = may_cancel(engine, list(collected), shape, sums.EXPAND, sums.POWER)
        found = multiplied_out(engine, collected, shape)
        assert verdict or found is None, list(collected)
        verdicts.append(verdict)
        return found

    attempts = tuple(expanded if attempt is multiplied_out else attempt for attempt in sums.ATTEMPTS)
    monkeypatch.setattr(sums, "ATTEMPTS", attempts)
    return verdicts


@pytest.mark.parametrize("block", range(8))
def test_nothing_that_would_cancel_is_left(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = checked(monkeypatch)
    for seed in range(25 * block, 25 * block + 25):
        expr = gc.sum(expression(random.Random(seed), 9) ** 2)
        variables = [s for s in symbols_of([expr]) if s.dtype == "float64"]
        gc.grad(expr, variables)
    assert verdicts


def test_second_derivatives_of_recurrent_networks_multiply_out_little(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = checked(monkeypatch)
    X, h = gc.symbol("X", (2, "n", "d")), gc.symbol("h", ("n", "m"))
    W, U, V = gc.symbol("W", ("d", "m")), gc.symbol("U", ("m", "m")), gc.symbol("V", ("m", "m"))
    for t in range(2):
        gate = gc.sigmoid(X[t] @ W + h @ U)
        h = gate * h + (1 - gate) * gc.tanh(X[t] @ W + (gate * h) @ U)
    gc.hvp(gc.sum(h), U, V)
    assert len(verdicts) > 50
    assert sum(verdicts) < len(verdicts) / 3
