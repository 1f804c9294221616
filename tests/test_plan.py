"""Plans: order, lifetimes, memory, and the cheap ways of writing a product."""

from __future__ import annotations

from dataclasses import replace

import pytest
from generate import expression
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, softmax_network

from graphc.errors import GraphcError, NameConflictError, UnsupportedError, ValueMissingError
from graphc.ir.dims import dims
from graphc.ir.expr import Expr
from graphc.ops.leaves import symbol
from graphc.ops.notation import functions as fn
from graphc.ops.symbols import symbols_of
from graphc.scheduling.plan import Plan, verify
from graphc.scheduling.planning import plan
from graphc.scheduling.scales import Scale, dim_code

N, D, K = dims("n d k")
X, G, W, V = symbol("X", (N, D)), symbol("G", (N, K)), symbol("W", (D, K)), symbol("v", (D,))


def kinds(outputs: list[Expr], **options: object) -> list[str]:
    program = plan(outputs, symbols_of(outputs), **options)  # type: ignore[arg-type]
    verify(program)
    return [inst.kind for inst in program.instructions if inst.kind != "input"]


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 15), st.booleans())
def test_random_plans_are_sound(rng: object, count: int, stepwise: bool) -> None:
    outputs = [expression(rng, count) for _ in range(3)]  # type: ignore[arg-type]
    verify(plan(outputs, symbols_of(outputs), stepwise=stepwise))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_plan_soundly(name: str) -> None:
    outputs, inputs = NETWORKS[name]()
    for stepwise in (False, True):
        verify(plan(list(outputs.values()), inputs, stepwise=stepwise))


def planted(program: Plan, change: str) -> Plan:
    """A plan with a mistake in it."""
    if change == "order":
        program.instructions[6] = replace(program.instructions[6], operands=(20,))
    elif change == "slot":
        longest = max(
            range(len(program.slot_of)), key=lambda p: (program.slot_of[p] is not None) * program.last_use[p] - p
        )
        slot = program.slot_of[longest]
        for place in range(longest + 1, len(program.slot_of)):
            if (
                program.slot_of[place] is not None
                and program.instructions[place].shape == program.instructions[longest].shape
            ):
                program.slot_of[place] = slot
    else:
        program.slot_of[program.outputs[0]] = None
    return program


@pytest.mark.parametrize("change", ["order", "slot", "output"])
def test_planted_mistakes_are_caught(change: str) -> None:
    outputs, inputs = softmax_network()
    with pytest.raises(GraphcError, match="plan: "):
        verify(planted(plan(list(outputs.values()), inputs), change))


def test_broadcasts_are_implied() -> None:
    assert kinds([X * 2 + V]) == ["scale", "add"]
    assert kinds([fn["maximum"](X, 0)]) == ["number", "maximum"]


def test_memory_is_reused_in_place() -> None:
    e = fn["exp"](fn["tanh"](X @ W + 1) * 2)
    program = plan([e], [X, W])
    assert len(program.slots) == 1


def test_a_scale_goes_where_it_is_cheapest() -> None:
    wide, narrow = symbol("A", (N, 1000)), symbol("B", (N, 10))
    program = plan([wide.T @ (narrow - 1) / N], [wide, narrow])
    scaled = next(inst for inst in program.instructions if inst.kind == "scale")
    assert str(scaled.shape) == "(n, 10)"
    program = plan([X.T @ G / N], [X, G], sizes={"n": 10_000, "d": 50, "k": 50})
    scaled = next(inst for inst in program.instructions if inst.kind == "scale")
    assert scaled.shape == (D, K)


def test_a_mean_is_one_product_and_a_quotient_of_the_result() -> None:
    program = plan([fn["mean"](X * 2, axis=0)], [X])  # divided afterwards: the mean of nothing is 0/0
    assert [i.kind for i in program.instructions if not i.static and i.kind != "input"] == ["matmul", "scale"]


def test_small_arrays_are_multiplied_first() -> None:
    std = symbol("std", (D,))
    program = plan([V * X / std], [V, X, std])
    assert [str(i.shape) for i in program.instructions if i.kind in ("multiply", "divide")] == ["(d,)", "(n, d)"]


def test_powers_are_products() -> None:
    assert kinds([X**2]) == ["square"]
    assert kinds([X**3]) == ["square", "multiply"]
    assert kinds([1 / X]) == ["number", "divide"]
    assert kinds([X ** (1 / 2)]) == ["sqrt"]


def test_sums_of_products_have_no_product_between() -> None:
    assert kinds([fn["sum"](X * X, axis=0)]) == ["sumproduct"]
    assert "multiply" in kinds([fn["sum"](X * V, axis=0)])


def test_chains_are_multiplied_in_the_cheapest_order() -> None:
    A, B, c = symbol("A", (1000, 1000)), symbol("B", (1000, 1000)), symbol("c", (1000,))
    program = plan([fn["einsum"]("ij,jk,k->i", A, B, c)], [A, B, c])
    assert [i.shape for i in program.instructions if i.kind == "matmul"] == [(1000,), (1000,)]


def test_shared_parts_are_computed_once() -> None:
    assert kinds([fn["softmax"](X), fn["log_softmax"](X)]).count("exp") == 1


def test_inputs_are_checked() -> None:
    with pytest.raises(ValueMissingError, match=r"no value was given for W \(d, k\)"):
        plan([X @ W], [X])
    with pytest.raises(UnsupportedError, match="inputs are symbols and parameters"):
        plan([X], [X, X + 1])
    with pytest.raises(NameConflictError, match="X is given twice"):
        plan([X], [X, X])


def test_scales_as_code() -> None:
    scale = Scale().times(Scale(*(Scale().coefficient * -2, ("n",), ("d",)))).times(Scale(Scale().coefficient / 3))
    assert str(scale) == "-2*n/(3*d)"
    assert str(scale.power(-1).times(scale)) == "1"
    assert dim_code((N + 1) / 2) == "((n + 1)//2)"
