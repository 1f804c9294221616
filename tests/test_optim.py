"""Optimizers against hand-written recurrences, and the rules that emission takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from graphc.errors import SettingError, ShapeError, UnsupportedError
from graphc.ops.elementwise import sign
from graphc.runtime.optim import SGD, Adam, Optimizer, update_rule
from graphc.runtime.stepping import Update

STEPS = 25


def sgd(theta: Any, gradients: list[Any], lr: float) -> Any:
    for g in gradients:
        theta = theta - lr * g
    return theta


def momentum(theta: Any, gradients: list[Any], lr: float, alpha: float) -> Any:
    v = np.zeros_like(theta)
    for g in gradients:
        v = alpha * v - lr * g
        theta = theta + v
    return theta


def adam(theta: Any, gradients: list[Any], lr: float, b1: float, b2: float, eps: float) -> Any:
    s, r = np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(gradients, 1):
        s = b1 * s + (1 - b1) * g
        r = b2 * r + (1 - b2) * g * g
        s_hat, r_hat = s / (1 - b1**t), r / (1 - b2**t)
        theta = theta - lr * s_hat / (np.sqrt(r_hat) + eps)
    return theta


CASES = [
    (SGD(0.1), lambda x, gs: sgd(x, gs, 0.1)),
    (SGD(0.05, momentum=0.9), lambda x, gs: momentum(x, gs, 0.05, 0.9)),
    (Adam(), lambda x, gs: adam(x, gs, 0.001, 0.9, 0.999, 1e-8)),
    (Adam(lr=0.0001, betas=(0.9, 0.9), eps=1e-6), lambda x, gs: adam(x, gs, 0.0001, 0.9, 0.9, 1e-6)),
    (Adam(lr=0.01, betas=(0.0, 0.5)), lambda x, gs: adam(x, gs, 0.01, 0.0, 0.5, 1e-8)),
]


@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize(("optimizer", "by_hand"), CASES, ids=lambda c: repr(c) if isinstance(c, Optimizer) else "")
def test_updates_follow_the_recurrence(optimizer: Optimizer, by_hand: Any, style: str) -> None:
    random = np.random.default_rng(0)
    start = {"W": random.standard_normal((3, 4)), "b": random.standard_normal(4)}
    gradients = [[random.standard_normal(v.shape) for v in start.values()] for _ in range(STEPS)]
    update = Update(optimizer, start, ["W", "b"], style)
    for g in gradients:
        update(g)
    for i, (name, value) in enumerate(start.items()):
        np.testing.assert_allclose(
            update.values[name], by_hand(value, [g[i] for g in gradients]), rtol=1e-12, atol=1e-14
        )


def test_updates_stay_in_the_dtype_of_the_parameters() -> None:
    for optimizer, _ in CASES:
        update = Update(optimizer, {"w": np.ones(5, np.float32)}, ["w"], "fast")
        update([np.full(5, 0.5, np.float32)])
        assert update.values["w"].dtype == np.float32


def test_momentum_with_a_constant_gradient_tends_to_the_limit_of_the_lecture() -> None:
    update = Update(SGD(0.1, momentum=0.9), {"w": np.zeros(1)}, ["w"], "fast")
    before = 0.0
    for _ in range(300):
        before = float(update.values["w"][0])
        update([np.array([2.0])])
    assert before - float(update.values["w"][0]) == pytest.approx(0.1 * 2 / (1 - 0.9))


def test_a_rule_reads_as_the_paper_writes_it() -> None:
    rule = update_rule(SGD(0.1))
    assert str(rule.new_parameter) == "theta - lr*g"
    assert (rule.name, rule.hyper, rule.states, rule.t) == ("SGD", {"lr": 0.1}, (), None)
    rule = update_rule(Adam())
    assert str(rule.new_parameter) == "theta - lr*s_hat/(sqrt(r_hat) + eps)"
    assert [str(s) for s in rule.new_states] == [
        "s_new = beta1*s + (1 - beta1)*g",
        "r_new = beta2*r + (1 - beta2)*g**2",
    ]
    assert rule.t is not None and rule.hyper == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass(frozen=True)
class SignDescent(Optimizer):
    lr: float = 0.01

    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Any:
        return parameter - self.lr * sign(gradient), []


@dataclass(frozen=True)
class Lost(Optimizer):
    lr: float = 0.01

    @property
    def states(self) -> tuple[str, ...]:
        return ("v",)

    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Any:
        return parameter - gradient, []


@dataclass(frozen=True)
class Summed(Optimizer):
    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Any:
        return (parameter - gradient).sum(), []


def test_an_optimizer_of_ones_own_is_a_few_lines() -> None:
    update = Update(SignDescent(0.5), {"w": np.array([1.0, 2.0])}, ["w"], "fast")
    update([np.array([3.0, -0.1])])
    np.testing.assert_array_equal(update.values["w"], [0.5, 2.5])


def test_an_update_that_does_not_fit_says_so() -> None:
    with pytest.raises(ShapeError, match=r"Lost.update: 1 states are declared, but 0 new ones came back"):
        update_rule(Lost())
    with pytest.raises(ShapeError, match=r"Summed.update: the new value of the parameter must have .* but it is \(\)"):
        update_rule(Summed())
    with pytest.raises(UnsupportedError, match=r"expected an optimizer such as optim.Adam"):
        update_rule("adam")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SGD(0), "SGD: lr must be a number above 0, got 0"),
        (lambda: SGD(-1.0), "SGD: lr must be a number above 0, got -1.0"),
        (lambda: SGD(float("nan")), "SGD: lr must be a number above 0, got nan"),
        (lambda: SGD("0.1"), "SGD: lr must be a number above 0, got '0.1'"),
        (lambda: SGD(0.1, momentum=1.0), "SGD: momentum must be from 0 up to, but not including, 1, got 1.0"),
        (lambda: Adam(lr=0), "Adam: lr must be a number above 0, got 0"),
        (lambda: Adam(betas=(0.9, 1.0)), "Adam: betas must be from 0 up to, but not including, 1, got 1.0"),
        (lambda: Adam(betas=0.9), "Adam: betas must be two numbers such as (0.9, 0.999), got 0.9"),
        (lambda: Adam(eps=0), "Adam: eps must be a number above 0, got 0"),
    ],
)
def test_hyperparameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        make()
    assert str(caught.value) == text
    assert isinstance(caught.value, ValueError)
