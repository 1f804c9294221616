"""The L2 penalty, dropout masks and early stopping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.calculus import grad
from graphc.errors import SettingError, UnsupportedError
from graphc.ops.leaves import parameter
from graphc.runtime.evaluate import evaluate
from graphc.runtime.regularize import L2, EarlyStopping, dropout_mask

W = parameter("W", ("m", "n"))
V = parameter("V", ("n",))


def test_l2_is_half_alpha_times_the_sum_of_squares() -> None:
    random = np.random.default_rng(1)
    values = {"W": random.standard_normal((3, 2)), "V": random.standard_normal(2)}
    penalty = evaluate(L2(0.3)([W, V]), values)
    np.testing.assert_allclose(penalty, 0.15 * sum((v**2).sum() for v in values.values()))


def test_the_gradient_of_l2_is_alpha_times_the_weights() -> None:
    assert str(grad(L2(0.3)([W, V]), W)) == "0.3*W"
    assert str(grad(L2(1e-4)(W), W)) == "0.0001*W"


def test_l2_of_alpha_zero_is_no_penalty() -> None:
    assert float(evaluate(L2(0)([W]), {"W": np.ones((2, 2))})) == 0.0


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_have_two_values_and_the_mean_one(rate: float, dtype: Any) -> None:
    mask = dropout_mask(np.random.default_rng(3), (1000, 301), rate, dtype)
    assert mask.dtype == dtype and mask.shape == (1000, 301)
    expected = {np.dtype(dtype).type(1 / (1 - rate))} | ({dtype(0)} if rate else set())
    assert set(np.unique(mask)) == expected
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs((mask == 0).mean() - rate) <= 4 * deviation + 1e-5
    assert abs(mask.mean() - 1) <= 4 * deviation / (1 - rate) + 1e-4


def test_masks_of_neighbouring_entries_are_independent() -> None:
    kept = dropout_mask(np.random.default_rng(4), (1000, 1000), 0.5) > 0
    assert abs((kept[:, 1:] == kept[:, :-1]).mean() - 0.5) < 0.003
    assert abs((kept[1:] == kept[:-1]).mean() - 0.5) < 0.003


def test_masks_follow_from_the_seed() -> None:
    first, again, other = (dropout_mask(np.random.default_rng(s), (7, 5), 0.3) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert dropout_mask(np.random.default_rng(0), (0, 5), 0.3).shape == (0, 5)


def test_early_stopping_keeps_a_copy_of_the_best_weights() -> None:
    stopping = EarlyStopping(patience=3)
    weights = {"w": np.array([0.0])}
    verdicts = []
    for epoch, loss in enumerate([1.0, 0.5, 0.7, 0.6, 0.5, 0.4], 1):
        weights["w"][0] = epoch
        verdicts.append(stopping.observe(epoch, loss, weights))
    assert verdicts == [False, False, False, False, True, False]
    assert (stopping.best_epoch, stopping.best_loss, stopping.best["w"][0]) == (6, 0.4, 6.0)


def test_an_improvement_below_min_delta_does_not_count() -> None:
    stopping = EarlyStopping(patience=2, min_delta=0.1)
    assert [stopping.observe(e, v, {"w": np.ones(1)}) for e, v in enumerate([1.0, 0.95, 0.91, 0.5], 1)] == [
        False,
        False,
        True,
        False,
    ]
    assert stopping.fresh() == EarlyStopping(patience=2, min_delta=0.1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: L2(-1), SettingError, "L2: alpha must be a number of 0 or more, got -1"),
        (lambda: L2(0.1)([]), UnsupportedError, "L2: no parameters were given; pass the weights to keep small"),
        (lambda: L2(0.1)(["W"]), UnsupportedError, "L2: expected parameters, got 'W' of type str"),
        (lambda: EarlyStopping(0), SettingError, "EarlyStopping: patience must be a whole number of epochs, 1 or more"),
        (lambda: EarlyStopping(2.5), SettingError, "EarlyStopping: patience must be a whole number of epochs"),
        (lambda: EarlyStopping(2, -1), SettingError, "EarlyStopping: min_delta must be a number of 0 or more, got -1"),
    ],
)
def test_settings_out_of_range(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(text)
