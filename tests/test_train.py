"""Training: reproducible, stopped early with the best copy, and clear about what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.calculus import grad
from graphc.errors import (
    DifferentiationError,
    DTypeError,
    NameConflictError,
    SettingError,
    ShapeError,
    TrainingError,
    UnsupportedError,
    ValueMissingError,
)
from graphc.ir.expr import make
from graphc.ops.defined import mean, mse, softmax
from graphc.ops.elementwise import log, relu
from graphc.ops.labels import cross_entropy
from graphc.ops.leaves import SYMBOL, parameter, symbol
from graphc.ops.products import sum as sum_
from graphc.runtime.evaluate import evaluate, evaluate_all
from graphc.runtime.initialize import initial
from graphc.runtime.optim import SGD, Adam
from graphc.runtime.regularize import L2, EarlyStopping
from graphc.runtime.train import Epoch, FitResult, fit, predict

X = symbol("X", ("n", 3))
Y = symbol("Y", ("n", 2))
W = parameter("W", (3, 2))
b = parameter("b", (2,))
LINE = X @ W + b
LOSS = mse(LINE, Y)

T = symbol("T", ("n", 2), facts=["one_hot"])
V1, c1 = parameter("V1", (3, "h"), init="he_normal"), parameter("c1", ("h",))
V2, c2 = parameter("V2", ("h", 2)), parameter("c2", (2,))
MASK = make(SYMBOL, (), name="mask", shape=(X.shape[0], V1.shape[1]), dtype="float64", dropout=0.25)
P = softmax(relu(X @ V1 + c1) * MASK @ V2 + c2)
NET = mean(cross_entropy(P, T)) + L2(1e-3)([V1, V2])


def line(count: int = 50, seed: int = 0, noise: float = 0.0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    x = random.standard_normal((count, 3))
    y = x @ [[1.0, -1.0], [2.0, 0.5], [0.0, 3.0]] + [0.5, -0.5]
    return {"X": x, "Y": y + noise * random.standard_normal(y.shape)}


def classes(count: int = 90, seed: int = 0) -> dict[str, Any]:
    x = np.random.default_rng(seed).standard_normal((count, 3))
    return {"X": x, "T": np.eye(2)[(x[:, 0] * x[:, 1] > 0).astype(int)]}


def net(**options: Any) -> FitResult:
    options = {"epochs": 6, "sizes": {"h": 8}, "optimizer": Adam(0.01), "batch_size": 20} | options
    return fit(NET, classes(), **options)


def test_a_line_is_found() -> None:
    result = fit(LOSS, line(), optimizer=SGD(0.1), epochs=60, batch_size=10)
    np.testing.assert_allclose(result.parameters["W"], [[1, -1], [2, 0.5], [0, 3]], atol=1e-3)
    np.testing.assert_allclose(result.parameters["b"], [0.5, -0.5], atol=1e-3)
    assert result.training_losses[-1] < 1e-6 < result.training_losses[0]
    assert result.stopped_epoch == result.best_epoch == 60 and not result.stopped_early


def test_batches_follow_hand_written_training() -> None:
    """The same updates by NumPy alone; the last batch of each epoch is smaller."""
    data = line(25, noise=0.1)
    start = {"W": np.zeros((3, 2)), "b": np.ones(2)}
    result = fit(LOSS, data, optimizer=SGD(0.05, momentum=0.8), epochs=3, batch_size=10, seed=7, start=start)
    shuffling = np.random.default_rng(np.random.SeedSequence(7).spawn(3)[1])
    w, c, vw, vc = start["W"], start["b"], 0.0, 0.0
    losses = []
    for _ in range(3):
        order, total = shuffling.permutation(25), 0.0
        for rows in (order[:10], order[10:20], order[20:]):
            x, error = data["X"][rows], data["X"][rows] @ w + c - data["Y"][rows]
            total += (error**2).mean() * len(rows)
            vw = 0.8 * vw - 0.05 * (2 / error.size) * x.T @ error
            vc = 0.8 * vc - 0.05 * (2 / error.size) * error.sum(axis=0)
            w, c = w + vw, c + vc
        losses.append(total / 25)
    np.testing.assert_allclose(result.parameters["W"], w, rtol=1e-12)
    np.testing.assert_allclose(result.parameters["b"], c, rtol=1e-12)
    np.testing.assert_allclose(result.training_losses, losses, rtol=1e-12)
    assert start["W"].sum() == 0, "the caller's arrays are left alone"


def test_the_same_seed_gives_the_same_bits() -> None:
    first, again, other = net(seed=3), net(seed=3), net(seed=4)
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, again.parameters[name])
    np.testing.assert_array_equal(first.training_losses, again.training_losses)
    assert any((value != other.parameters[name]).any() for name, value in first.parameters.items())


def test_progress_metrics_and_styles_change_no_bit_of_the_training() -> None:
    seen: list[Epoch] = []
    plain = net(seed=1)
    watched = net(seed=1, progress=seen.append, metrics={"penalty": L2(2.0)(V1)}, validation=classes(30, seed=1))
    for name, value in plain.parameters.items():
        np.testing.assert_array_equal(value, watched.parameters[name])
    assert seen == watched.epochs and [e.number for e in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].metrics["penalty"] == pytest.approx(float((watched.parameters["V1"] ** 2).sum()))
    readable = net(seed=1, style="readable")
    for name, value in plain.parameters.items():
        np.testing.assert_allclose(value, readable.parameters[name], rtol=1e-9)


def test_float32_data_train_in_float32() -> None:
    data = {k: v.astype(np.float32) for k, v in classes().items()}
    result = fit(NET, data, optimizer=Adam(0.01), epochs=2, sizes={"h": 4})
    assert {v.dtype for v in result.parameters.values()} == {np.dtype(np.float32)}


def test_early_stopping_returns_the_best_copy() -> None:
    held = classes(40, seed=9)
    copies: list[float] = []
    result = net(
        epochs=200,
        validation=held,
        early_stopping=EarlyStopping(4),
        progress=lambda e: copies.append(e.validation_loss),
    )
    assert result.stopped_early and result.stopped_epoch == result.best_epoch + 4 < 200
    assert result.validation_losses.argmin() == result.best_epoch - 1
    assert float(predict(NET, result.parameters, held)) == pytest.approx(min(copies), rel=1e-12)


def test_validation_and_prediction_use_masks_of_ones() -> None:
    result = net(validation=classes(40, seed=9))
    held = classes(40, seed=9)
    ones = {"mask": np.ones((40, 8)), **held, **result.parameters}
    assert result.epochs[-1].validation_loss == pytest.approx(float(evaluate(NET, ones)), rel=1e-12)
    np.testing.assert_allclose(predict(P, result.parameters, held), evaluate(P, ones), rtol=1e-12)


def test_dropout_changes_the_training() -> None:
    still = mean(cross_entropy(softmax(relu(X @ V1 + c1) @ V2 + c2), T)) + L2(1e-3)([V1, V2])
    without = fit(still, classes(), optimizer=Adam(0.01), epochs=1, sizes={"h": 8}, batch_size=20)
    assert without.training_losses[0] != net(epochs=1).training_losses[0]


def test_only_the_chosen_parameters_move() -> None:
    start = {"W": np.ones((3, 2)), "b": np.ones(2)}
    result = fit(LOSS, line(), optimizer=SGD(0.1), epochs=2, parameters=[b], start=start)
    np.testing.assert_array_equal(result.parameters["W"], start["W"])
    assert (result.parameters["b"] != 1).all()


def test_inputs_without_the_batch_size_are_passed_whole() -> None:
    S = symbol("S", (2,))
    result = fit(mean((LINE * S - Y) ** 2), line() | {"S": np.array([1.0, 2.0])}, optimizer=SGD(0.05), epochs=80)
    np.testing.assert_allclose(result.parameters["W"][:, 1], [-0.5, 0.25, 1.5], atol=1e-2)


def test_initial_values() -> None:
    random = np.random.default_rng(0)
    shape = (400, 300)
    he = initial(parameter("A", shape, init="he_normal"), shape, random)
    glorot = initial(parameter("A", shape), shape, random)
    small = initial(parameter("A", shape, init="normal"), shape, random)
    assert he.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert glorot.std() == pytest.approx(np.sqrt(2 / 700), rel=0.02) and abs(glorot).max() <= np.sqrt(6 / 700)
    assert small.std() == pytest.approx(0.01, rel=0.02)
    assert (initial(parameter("A", (3,), init="ones"), (3,), random) == 1).all()
    assert (initial(parameter("A", (3,)), (3,), random) == 0).all()


def test_a_loss_that_diverges_names_the_place() -> None:
    with pytest.raises(
        TrainingError, match=r"the loss became (inf|nan) at epoch \d+, step \d+: .*smaller learning rate"
    ):
        fit(LOSS, line(), optimizer=SGD(1e6), epochs=60)


def test_the_first_value_that_is_not_finite_is_named() -> None:
    data = line() | {"X": np.abs(line()["X"])}
    with pytest.raises(
        TrainingError, match=r"epoch 1, step 1: the first value that is not finite is log\(.*\) \(NaN\)"
    ):
        fit(mean(log(X @ W - 1) ** 2) + 0 * sum_(Y), data, optimizer=SGD(0.1), start={"W": -np.ones((3, 2))})
    data["X"][3, 1] = np.nan
    with pytest.raises(TrainingError, match=r"the input X holds values that are not finite"):
        fit(LOSS, data, optimizer=SGD(0.1), batch_size=50)
    with pytest.raises(TrainingError, match=r"became nan at epoch 1, in validation: the input X holds"):
        fit(LOSS, line(), optimizer=SGD(0.1), validation=data)


BAD = [
    (lambda: fit(LOSS, {"X": np.ones((4, 3))}, optimizer=SGD(1)), ValueMissingError, "data has no array for Y (n, 2)"),
    (
        lambda: fit(LOSS, {"X": np.ones((4, 3)), "Y": np.ones((5, 2))}, optimizer=SGD(1)),
        ShapeError,
        "data: the numbers of examples differ: X has 4, Y has 5",
    ),
    (
        lambda: fit(LOSS, {"X": np.ones((0, 3)), "Y": np.ones((0, 2))}, optimizer=SGD(1)),
        ShapeError,
        "data: there are no examples (X, Y of length 0)",
    ),
    (
        lambda: fit(LOSS, {"X": np.ones((4, 5)), "Y": np.ones((4, 2))}, optimizer=SGD(1)),
        ShapeError,
        "X: expected shape (n, 3), got (4, 5): axis 1 must be 3, not 5",
    ),
    (
        lambda: fit(LOSS, {"X": np.full((4, 3), "a"), "Y": np.ones((4, 2))}, optimizer=SGD(1)),
        DTypeError,
        "X: expected real numbers (float64 or float32), got an array of",
    ),
    (
        lambda: fit(LOSS, line() | {"Z": 1}, optimizer=SGD(1)),
        NameConflictError,
        "data has 'Z', which the loss does not use; its inputs are X, Y",
    ),
    (
        lambda: fit(LOSS, [1], optimizer=SGD(1)),
        UnsupportedError,
        "data must map the names of inputs to arrays, got a list",
    ),
    (
        lambda: fit(mse(X @ np.ones((3, 2)), Y), line(), optimizer=SGD(1)),
        TrainingError,
        "the loss mse(X @ [[1, 1], [1, 1], [1, 1]], Y) has no parameters to train; declare them with parameter()",
    ),
    (
        lambda: fit(LINE, line(), optimizer=SGD(1)),
        DifferentiationError,
        "the loss must be a scalar, but X @ W + b has shape (n, 2); take its mean() over the examples",
    ),
    (
        lambda: fit(3.0, line(), optimizer=SGD(1)),
        UnsupportedError,
        "the loss must be an expression, got 3.0 of type float",
    ),
    (
        lambda: fit(LOSS, line(), optimizer="sgd"),
        UnsupportedError,
        "expected an optimizer such as optim.Adam(lr=0.001)",
    ),
    (
        lambda: fit(NET, classes(), optimizer=SGD(1)),
        ValueMissingError,
        "parameter V1 has shape (3, h), but no data tells the size h; pass it, for example sizes={'h': 32}",
    ),
    (
        lambda: fit(sum_(W**2), {}, optimizer=SGD(1)),
        TrainingError,
        "no input has a symbolic first size that counts the examples (inputs: none); declare for example",
    ),
    (
        lambda: fit(LOSS + sum_(symbol("Z", ("k",))), line(), optimizer=SGD(1)),
        TrainingError,
        "the sizes k and n could each count the examples (inputs: X (n, 3), Y (n, 2), Z (k,));",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), batch_size=0),
        SettingError,
        "batch_size must be a whole number of 1 or more",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), epochs=2.5),
        SettingError,
        "epochs must be a whole number of 1 or more, got 2.5",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), seed=-1),
        SettingError,
        "seed must be a whole number of 0 or more, got -1",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), early_stopping=EarlyStopping(3)),
        SettingError,
        "early_stopping watches the validation loss: pass validation= as well",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), parameters=[]),
        TrainingError,
        "parameters is empty: there is nothing to train",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), parameters=[V1]),
        UnsupportedError,
        "<V1 : (3, h) float64> is no parameter of the loss; its parameters are W, b",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), start={"w": 1}),
        NameConflictError,
        "start has 'w', but the parameters are W, b",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), start={"W": np.ones((2, 2))}),
        ShapeError,
        "W: expected shape (3, 2), got (2, 2)",
    ),
    (
        lambda: fit(LOSS, line(), optimizer=SGD(1), metrics={"line": LINE}),
        UnsupportedError,
        "the metric 'line' must be a scalar expression, got <X @ W + b",
    ),
    (lambda: predict("p", {}, {}), UnsupportedError, "predict needs an expression, got 'p' of type str"),
    (lambda: predict(P, {}, classes()), ValueMissingError, "no value was given for V1 (3, h)"),
]


@pytest.mark.parametrize(("run", "error", "text"), BAD, ids=[text[:40] for *_, text in BAD])
def test_errors_say_what_to_do(run: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        run()
    assert str(caught.value).startswith(text)


def test_gradients_of_the_penalized_loss_are_those_of_the_lecture() -> None:
    """Weight decay: the penalty adds alpha*W to the gradient."""
    plain = mse(LINE, Y)
    values = line() | {"W": np.ones((3, 2)), "b": np.zeros(2)}
    with_penalty, without = evaluate_all([grad(plain + L2(0.5)(W), W), grad(plain, W)], values)
    np.testing.assert_allclose(with_penalty - without, 0.5 * values["W"], rtol=1e-12)


def test_whole_numbers_widen_nothing() -> None:
    data = {"X": classes()["X"].astype(np.float32), "T": classes()["T"].astype(int)}
    result = fit(NET, data, optimizer=Adam(0.01), epochs=1, sizes={"h": 4})
    assert {v.dtype for v in result.parameters.values()} == {np.dtype(np.float32)}
