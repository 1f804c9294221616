"""The checks are checked: a wrong record, a wrong rule, a wrong emission and a wrong shape are each caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from cases import Case
from checks import check_code, check_first, check_latex, check_second, check_text, check_to_the_last_digit, check_value

import graphc as gc
from graphc.ir.op import registry
from graphc.rewriting import matching
from graphc.rewriting.rules import Rule, rewrite, rule_sets, ruleset
from graphc.scheduling.steps import STEPS
from graphc.visualize import latex

VECTOR = {"p_": ("n",)}
MATRIX = {"P_": ("m", "n")}


@contextmanager
def planted(name: str, **wrong: Any) -> Iterator[None]:
    """The record `name` with other fields, for a while."""
    record = registry[name]
    right = {field: getattr(record, field) for field in wrong}
    for field, value in wrong.items():
        object.__setattr__(record, field, value)
    try:
        yield
    finally:
        for field, value in right.items():
            object.__setattr__(record, field, value)


def scaled(name: str, factor: Any) -> Callable[..., Any]:
    """The derivative rule of an op, off by a factor."""
    rule = registry[name].vjp
    assert rule is not None
    return lambda node, g: tuple(None if part is None else factor * part for part in rule(node, g))


def wider(name: str) -> Callable[..., Any]:
    """The shape rule of an op, with one axis too many."""
    rule = registry[name].infer

    def infer(operands: Any, attributes: Any) -> Any:
        shape, dtype = rule(operands, attributes)
        return (*shape, 1), dtype

    return infer


def off(name: str) -> Callable[..., Any]:
    kernel = registry[name].kernel
    assert kernel is not None
    return lambda *x, **options: kernel(*x, **options) * (1 + 1e-6)


def doubled(name: str) -> Callable[..., Any]:
    kernel = registry[name].kernel
    assert kernel is not None
    return lambda *x, **options: kernel(*(v.astype(np.float64) for v in x), **options)


def fails(check: Callable[..., Any], *given: Any) -> None:
    """The check passes as things are; the caller plants the mistake."""
    with pytest.raises((AssertionError, gc.GraphcError, ValueError)):
        check(*given)


CALLS = {
    "tanh": Case("tanh", "tanh(p_)", VECTOR),
    "max": Case("max", "max(P_, axis=0)", MATRIX),
    "reshape": Case("reshape", "reshape(P_, (n*m,))", MATRIX),
    "inv": Case("inv", "inv(P_ + 4*eye(n))", {"P_": ("n", "n")}),
    "windows": Case("windows", "windows(P_, 2)", {"P_": ("m", 5)}),
    "where": Case("where", "where(P_ > 0, P_, 2)", MATRIX),
    "contract": Case("contract", "P_ @ P_.T", MATRIX),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("check", [check_first, check_to_the_last_digit, check_second])
def test_a_wrong_derivative_rule(name: str, check: Callable[..., Any]) -> None:
    check(CALLS[name])
    fresh = Case(name, CALLS[name].text.replace("_", "__"), {f"{k}_": v for k, v in CALLS[name].names.items()})
    with planted(name, vjp=scaled(name, 1.001)):
        fails(check, fresh)


def test_a_derivative_rule_that_is_wrong_in_the_second_order_alone() -> None:
    case = Case("lgamma", "lgamma(q_)", {"q_": gc.symbol("q_", ("n",), facts=["positive"])})
    with planted("digamma", derivative=lambda x, y: (2 * gc.polygamma(1, x),)):
        check_first(case)
        fails(check_second, case)


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_shape_rule(name: str) -> None:
    text = CALLS[name].text.replace("_", "s_")
    fresh = Case(name, text, {k.replace("_", "s_"): v for k, v in CALLS[name].names.items()})
    with planted(name, infer=wider(name)):
        fails(check_value, fresh)


@pytest.mark.parametrize("name", ["tanh", "max", "inv", "windows", "softmax", "sigmoid", "erf"])
@pytest.mark.parametrize("wrong", [off, doubled])
def test_a_wrong_kernel(name: str, wrong: Callable[..., Any]) -> None:
    case = CALLS.get(name, Case(name, f"{name}(p_)", VECTOR))
    with planted(name, kernel=wrong(name)):
        fails(check_value, case)


def test_a_body_that_is_not_the_kernel() -> None:
    with planted("softmax", body=lambda node: gc.exp(node.operands[0])):
        fails(check_value, Case("softmax", "softmax(b_)", {"b_": ("n",)}))


def test_a_wrong_rewrite_rule() -> None:
    def wrong_rule(x: gc.Expr) -> Iterator[Rule]:
        yield rewrite(gc.arctan(x)).to(2 * x).because("planted")

    case = Case("arctan", "arctan(r_)", {"r_": ("n",)})
    check_value(case)
    ruleset(wrong_rule)
    matching.table.cache_clear()
    try:
        fails(check_value, Case("arctan", "arctan(s_)", {"s_": ("n",)}))
    finally:
        del rule_sets["wrong_rule"]
        matching.table.cache_clear()


def test_a_wrong_emission(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("softplus", "softplus(e_)", {"e_": ("n",)})
    check_code(case, "fast")
    monkeypatch.setitem(STEPS, "softplus", STEPS["sigmoid"])
    fails(check_code, case, "fast")


def test_a_text_that_does_not_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("tanh", "tanh(t_)", {"t_": ("n",)})
    monkeypatch.setattr(gc, "parse", lambda text, **names: gc.constant(1))
    fails(check_text, gc.tanh(gc.symbol("t_", ("n",))))
    assert case.op == "tanh"


def test_latex_that_does_not_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "latex", lambda expr: latex.latex(expr) + "}")
    fails(check_latex, gc.tanh(gc.symbol("t_", ("n",))))
