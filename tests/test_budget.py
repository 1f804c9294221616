"""Simplification ends: what it may spend is counted, so that results are the same everywhere, and the user is told."""

from __future__ import annotations

import gc as cycles
import random
import warnings
from itertools import pairwise

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.rewriting.axes import keep_axes
from graphc.rewriting.cost import excess, operations

n = gc.dims("n")
a, x = gc.symbol("a", (n,)), gc.symbol("x", (n,))


def halley(steps: int) -> Expr:
    """Square roots by Halley's method: fractions of fractions that no common denominator shortens."""
    root: Expr = x
    for _ in range(steps):
        root = root * (root**2 + 3 * a) / (3 * root**2 + a)
    return gc.sum(root)


def test_a_budget_that_runs_out_is_told_and_leaves_the_value() -> None:
    with pytest.warns(gc.SimplificationBudgetWarning, match="the result is right, but may be longer") as told:
        g = gc.grad(halley(4), a)
    assert told[0].filename == __file__
    values = {"a": np.array([2.0, 3.0]), "x": np.array([1.0, 1.5])}
    np.testing.assert_allclose(gc.evaluate(g, values), 0.5 / np.sqrt(values["a"]), rtol=1e-9)


def test_what_is_left_over_is_the_same_each_time() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert gc.simplify(halley(4)) is gc.simplify(halley(4))


def test_closed_forms_do_not_come_near_the_budget() -> None:
    X, W = gc.symbol("X", (n, "d")), gc.parameter("W", ("d", "k"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gc.grad(gc.sum(gc.softmax(gc.tanh(X @ W)) ** 2), W).shape == W.shape
        assert str(gc.simplify((a + x) ** 2 - a**2 - 2 * a * x - x**2)) == "zeros(n)"


@pytest.mark.parametrize("combine", ["sum", "product", "sum of products"])
def test_long_sums_and_products_forget_their_order_and_grouping(combine: str) -> None:
    parts = [gc.symbol(f"s{i}", (n,)) for i in range(120)]
    if combine == "sum of products":
        parts = [p * gc.tanh(q) for p, q in pairwise(parts)]

    def grouped(members: list[Expr], rng: random.Random) -> Expr:
        while len(members) > 1:
            i = rng.randrange(len(members) - 1)
            pair = members[i] * members[i + 1] if combine == "product" else members[i] + members[i + 1]
            members = [*members[:i], pair, *members[i + 2 :]]
        return members[0]

    forms = set()
    for seed in range(3):
        rng = random.Random(seed)
        forms.add(gc.simplify(grouped(rng.sample(parts, len(parts)), rng)))
    assert len(forms) == 1


def test_factors_of_long_products_cancel() -> None:
    parts = [gc.symbol(f"s{i}", (n,)) for i in range(50)]
    above, below = parts[0], parts[1]
    for p in parts[1:]:
        above = above * p
    for p in parts[2:]:
        below = p * below
    assert gc.simplify(above / below) is parts[0]


def test_forms_are_compared_by_what_they_do_not_share() -> None:
    deep: Expr = x
    for _ in range(3000):
        deep = gc.tanh(deep)
    one, other = gc.exp(deep) + deep * a, gc.exp(deep) * deep
    assert excess(one, other) == operations([one]) - operations([other]) == 1
    assert excess(one, one) == 0


def test_axes_are_put_back_through_shared_parts_in_linear_time() -> None:
    deep: Expr = gc.sum(gc.symbol("X", (n, n)), axis=1)
    for _ in range(60):
        deep = gc.tanh(deep + gc.sin(deep) * gc.cos(deep))
    kept = keep_axes(deep, (1,))
    assert kept is not None
    assert kept.shape == (n, 1)
    value = np.random.default_rng(0).normal(size=(3, 3))
    np.testing.assert_allclose(gc.evaluate(kept, {"X": value})[:, 0], gc.evaluate(deep, {"X": value}))


def test_the_search_for_reference_cycles_goes_on_after_a_derivation() -> None:
    assert cycles.isenabled()
    gc.grad(gc.sum(x**2), x)
    assert cycles.isenabled()
    cycles.disable()
    try:
        gc.simplify(x + a)
        assert not cycles.isenabled()
    finally:
        cycles.enable()


def test_terms_of_a_long_sum_that_a_rule_asks_for_are_found() -> None:
    letters = [gc.symbol(f"s{i}", (n,)) for i in range(30)]
    total: Expr = gc.exp(x)
    for s in letters:
        total = total + gc.exp(s)
    assert gc.simplify(total + gc.exp(-x)) is gc.simplify(2 * gc.cosh(x) + total - gc.exp(x))


def test_outputs_share_the_long_products_that_they_have_in_common() -> None:
    letters = [gc.symbol(f"s{i}", (n,)) for i in range(40)]
    product: Expr = letters[0]
    for s in letters[1:20]:
        product = product * s
    longer: Expr = product
    for s in letters[20:]:
        longer = longer * s
    first, second = gc.simplify([product, longer])
    assert first in second.operands or any(first in o.operands for o in second.operands)
