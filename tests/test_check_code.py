"""Backward functions are judged: right ones proved or found equal, wrong ones shown wrong and explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import layers_by_hand as by_hand
import numpy as np
import pytest

import graphc as gc
from graphc.checking.code.slopes import difference, slopes
from graphc.errors import FactError, ShapeError, UnknownNameError, UnsupportedError, ValueMissingError

N, D, K, ND, DK, NK = ("n",), ("d",), ("k",), ("n", "d"), ("d", "k"), ("n", "k")


class Pair(NamedTuple):
    """A pair of functions: its inputs, and which gradients are wrong, those that are explained with a word."""

    forward: Callable[..., Any]
    backward: Callable[..., Any] | None
    inputs: dict[str, Any]
    wrong: dict[str, str | None]
    options: Mapping[str, Any] = MappingProxyType({})
    proved: bool = True


AFFINE = {"x": ND, "w": ("d", "m"), "b": ("m",)}
REGRESSION = {"X": ND, "w": D, "y": N}
RIDGE = {**REGRESSION, "lam": 0.3}
LABELLED = {"X": ND, "W": DK, "b": K, "y": N}
SVM = {"W": ("d", "c"), "X": ND, "y": N, "reg": 0.1}
HIDDEN = {"w": ("m", "d"), "b": ("m",), "theta": ("m",), "c": (), "x": D, "t": ()}
BATCH_NORM = {"x": ND, "gamma": D, "beta": D, "bn_param": {"mode": "train"}}
LAYER_NORM = {"x": ND, "g": D, "b": D}
DROPOUT = {"x": ND, "mask": ND, "p": 0.25}
IMAGE = {"x": (2, 2, 4, 3), "w": (2, 2, 3, 3), "b": (2,), "conv_param": {"stride": 1, "pad": 1}}
LSTM = {"x": ND, "prev_h": ("n", "h"), "prev_c": ("n", "h"), "Wx": ("d", "4*h"), "Wh": ("h", "4*h"), "b": ("4*h",)}
ATTENTION = {"Q": ND, "K": ("m", "d"), "V": ("m", "v")}
K_LABELS, BINARY = {"labels": {"y": "k"}}, {"facts": {"mask": "binary"}}
W_BY_CLASS = {"labels": {"y": "c"}, "wrt": ["W"]}


def sigmoid_forward(x: Any) -> Any:
    return by_hand.sigmoid(x)


def tanh_forward(x: Any) -> Any:
    return np.tanh(x)


def lstm_cell_path(dnext_h: Any, dnext_c: Any, cache: Any) -> Any:
    return {"prev_c": by_hand.lstm_step_backward_one_path(dnext_h, dnext_c, cache)[2]}


def attention_unscaled_K(dout: Any, Q: Any, K: Any, V: Any, p: Any) -> Any:
    return {"K": by_hand.attention_backward_unscaled(dout, Q, K, V, p)[1]}


PAIRS = [
    Pair(by_hand.affine_forward, by_hand.affine_backward, AFFINE, {}),
    Pair(by_hand.affine_forward, by_hand.affine_backward_no_sum, AFFINE, {"b": "sum or mean"}),
    Pair(by_hand.affine_forward, by_hand.affine_backward_mean, AFFINE, {"w": "constant factor"}),
    Pair(by_hand.affine_forward, by_hand.affine_backward_transposed, AFFINE, {"w": "transpose"}),
    Pair(by_hand.relu_forward, by_hand.relu_backward, {"x": ND}, {}),
    Pair(by_hand.relu_forward, by_hand.relu_backward_in_place, {"x": ND}, {}),
    Pair(by_hand.relu_forward, by_hand.relu_backward_no_mask, {"x": ND}, {"x": "chain factor"}),
    Pair(by_hand.relu_forward, by_hand.relu_backward_no_upstream, {"x": ND}, {"x": "chain factor"}),
    Pair(sigmoid_forward, by_hand.sigmoid_backward, {"x": ND}, {}),
    Pair(sigmoid_forward, by_hand.sigmoid_backward_wrong_variable, {"x": ND}, {"x": "wrong activation"}),
    Pair(tanh_forward, by_hand.tanh_backward_as_sigmoid, {"x": ND}, {"x": "wrong activation"}),
    Pair(by_hand.mse, by_hand.mse_backward, REGRESSION, {}),
    Pair(by_hand.mse, by_hand.mse_backward_no_two, REGRESSION, {"w": "constant factor"}),
    Pair(by_hand.mse, by_hand.mse_backward_sign, REGRESSION, {"w": "sign"}),
    Pair(by_hand.ridge, by_hand.ridge_gradient, RIDGE, {}, {"wrt": ["w"]}),
    Pair(by_hand.ridge, by_hand.ridge_gradient_no_decay, RIDGE, {"w": "term"}, {"wrt": ["w"]}),
    Pair(by_hand.softmax_loss, None, LABELLED, {}, K_LABELS),
    Pair(by_hand.softmax_loss_no_mean, None, LABELLED, {"W": "constant factor"}, K_LABELS),
    Pair(
        by_hand.cross_entropy,
        by_hand.cross_entropy_backward,
        {"X": ND, "W": DK, "T": NK},
        {},
        {"facts": {"T": "one_hot"}},
    ),
    Pair(by_hand.svm_loss_naive, None, SVM, {}, W_BY_CLASS, proved=False),
    Pair(by_hand.svm_loss_half_decay, None, SVM, {"W": "term"}, W_BY_CLASS, proved=False),
    Pair(by_hand.logistic, by_hand.logistic_gradient, {"w": D, "X": ND, "t": N}, {}, {"wrt": ["w"]}),
    Pair(by_hand.hidden_regression, by_hand.hidden_regression_backward, HIDDEN, {}),
    Pair(
        by_hand.hidden_regression,
        by_hand.hidden_regression_backward_no_activation,
        HIDDEN,
        {"w": "chain factor", "b": "chain factor"},
    ),
    Pair(by_hand.batchnorm_forward, by_hand.batchnorm_backward, BATCH_NORM, {}),
    Pair(by_hand.batchnorm_forward, by_hand.batchnorm_backward_short, BATCH_NORM, {}),
    Pair(by_hand.batchnorm_forward, by_hand.batchnorm_backward_constants, BATCH_NORM, {"x": "forgotten path"}),
    Pair(by_hand.layernorm_forward, by_hand.layernorm_backward, LAYER_NORM, {}),
    Pair(by_hand.dropout_forward, by_hand.dropout_backward, DROPOUT, {}, BINARY),
    Pair(by_hand.dropout_forward, by_hand.dropout_backward_no_scale, DROPOUT, {"x": "chain factor"}, BINARY),
    Pair(by_hand.conv_forward_naive, by_hand.conv_backward_naive, IMAGE, {}, proved=False),
    Pair(by_hand.conv_forward_naive, by_hand.conv_backward_flipped, IMAGE, {"w": "operand order"}, proved=False),
    Pair(by_hand.max_pool_forward, by_hand.max_pool_backward, {"x": (1, 2, 4, 2), "size": 2}, {}, proved=False),
    Pair(by_hand.lstm_step_forward, by_hand.lstm_step_backward, LSTM, {}),
    Pair(by_hand.lstm_step_forward, lstm_cell_path, LSTM, {"prev_c": "forgotten path"}),
    Pair(
        by_hand.rnn_step,
        by_hand.rnn_step_vjp,
        {"x": ND, "h": ("n", "m"), "Wx": ("d", "m"), "Wh": ("m", "m"), "b": ("m",)},
        {},
    ),
    Pair(by_hand.attention, by_hand.attention_backward, ATTENTION, {}),
    Pair(by_hand.attention, attention_unscaled_K, ATTENTION, {"K": "chain factor"}),
    Pair(
        by_hand.embedding_forward, by_hand.embedding_backward, {"W": ("v", "d"), "ids": N}, {}, {"labels": {"ids": "v"}}
    ),
    Pair(
        by_hand.embedding_forward,
        by_hand.embedding_backward_overwrites,
        {"W": ("v", "d"), "ids": N},
        {"W": None},
        {"labels": {"ids": "v"}},
        proved=False,
    ),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: (p.backward or p.forward).__name__)
def test_pairs(pair: Pair) -> None:
    report = gc.check_code(pair.forward, pair.backward, **pair.inputs, **pair.options)
    assert report.wrong == tuple(pair.wrong) and bool(report) is not bool(pair.wrong), report
    for name, verdict in report.gradients.items():
        if name in pair.wrong:
            assert verdict.status == "wrong" and bool(verdict.diagnosis) is bool(pair.wrong[name]), verdict
            assert verdict.counterexample is not None and verdict.counterexample.differing.any()
        else:
            assert verdict.status == ("proved" if pair.proved else "equal"), verdict


def test_wrong_pages_say_which_gradient_and_where() -> None:
    page = str(gc.check_code(by_hand.affine_forward, by_hand.affine_backward_no_sum, **AFFINE))
    assert page.startswith("WRONG: affine_backward_no_sum: 1 of 3 gradients to be mended: b")
    for words in ("the sum over axis 0 is missing", "counterexample with", "dout = ", "has shape (2, 1)"):
        assert words in page


def square(x: Any) -> Any:
    return x**2


CONVENTIONS: list[tuple[Callable[..., Any], Callable[..., Any] | None, dict[str, Any]]] = [
    (lambda x: np.sum(x**2), lambda x: 2 * x, {"x": ND}),
    (lambda x: np.sum(x**2), lambda x: (2 * x,), {"x": ND}),
    (lambda x: np.sum(x**2), lambda x: {"dx": 2 * x}, {"x": ND}),
    (lambda x: np.sum(x**2), lambda dout, x: dout * 2 * x, {"x": ND}),
    (lambda x: (np.sum(x**2), 2 * x), None, {"x": ND}),
    (square, lambda dout, x: 2 * x * dout, {"x": ND}),
    (square, lambda x, grad_output: 2 * x * grad_output, {"x": ND}),
    (square, lambda first, x: 2 * x * first, {"x": ND}),
    (lambda x: (x**2, x), lambda dout, cache: 2 * cache * dout, {"x": ND}),
    (lambda x: (x**2, (x, 3)), lambda dout, cache: 2 * cache[0] * dout, {"x": ND}),
    (tanh_forward, lambda dout, out: dout * (1 - out**2), {"x": ND}),
    (lambda x: (np.sum(x**2), x), lambda cache: 2 * cache, {"x": ND}),
    (lambda x, y: (x * y, x + y), lambda dp, ds, x, y: (dp * y + ds, dp * x + ds), {"x": N, "y": N}),
    (lambda x, y: np.sum(x * y), lambda x, y: (None, x), {"x": N, "y": N}),
    (lambda x, k: np.sum(x**k), lambda x, k: k * x ** (k - 1), {"x": N, "k": 3}),
    (lambda x, *, power=2: np.sum(x**power), lambda x: 2 * x, {"x": N}),
    (lambda x, **options: np.sum(x**2), lambda x: 2 * x, {"x": N, "verbose": True}),
    (lambda s: s**2, lambda s: 2 * s, {"s": ()}),
    (lambda x: np.array([[np.sum(x**2)]]), lambda x: 2 * x, {"x": N}),
]


@pytest.mark.parametrize("case", CONVENTIONS, ids=range(len(CONVENTIONS)))
def test_conventions(case: tuple[Any, Any, dict[str, Any]]) -> None:
    forward, backward, inputs = case
    report = gc.check_code(forward, backward, **inputs)
    assert report and len(report.gradients) == 1 + (len(inputs) == 2 and report.gradients.keys() == {"x", "y"})


def test_gradients_are_matched_by_the_names_that_are_returned() -> None:
    def backward(X: Any, w: Any, y: Any) -> Any:
        r = X @ w - y
        dw, dX = 2 * X.T @ r / len(y), 2 * np.outer(r, w) / len(y)
        return dw, dX

    report = gc.check_code(by_hand.mse, backward, **REGRESSION)
    assert report and set(report.gradients) == {"w", "X"}


def test_inputs_by_position_arrays_symbols_and_draws() -> None:
    x, mask = gc.symbol("x", N, facts=["positive"]), lambda rng, n: rng.integers(0, 2, n)
    assert gc.check_code(lambda x: np.sum(np.log(x)), lambda x: 1 / x, N, facts={"x": "positive"})
    assert gc.check_code(lambda x: np.sum(np.log(x)), lambda x: 1 / x, x=x).status == "proved"
    assert gc.check_code(lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(x), x=np.array([1.0, 4.0]))
    report = gc.check_code(lambda x, mask: np.sum(x**2 * mask), lambda x, mask: 2 * x * mask, x=N, mask=mask)
    assert report.status == "equal" and "drawn by a function" in report["x"].reason


def test_values_in_place_stay_and_are_reported() -> None:
    given = np.array([1.0, -2.0, 3.0])

    def forward(x: Any) -> Any:
        x *= 2
        return np.sum(x**2), x

    report = gc.check_code(forward, lambda x, cache: 4 * cache, x=given)
    assert report and given.tolist() == [1, -2, 3]
    assert report.notes == ("forward modifies x in place",) and "note: forward modifies x" in str(report)


def test_options_are_not_changed() -> None:
    options = {"mode": "train"}
    assert gc.check_code(by_hand.batchnorm_forward, by_hand.batchnorm_backward_short, ND, D, D, options)
    assert options == {"mode": "train"}


def test_kinks_take_any_slope_between_both_sides() -> None:
    x = np.array([[0.0, 1.0, -1.0]])
    for at_zero in (0.0, 0.5, 1.0):
        report = gc.check_code(
            by_hand.relu_forward, lambda dout, x, at=at_zero: dout * np.where(x == 0, at, x > 0), x=x
        )
        assert report and "slope between" in report["x"].reason
    assert not gc.check_code(by_hand.relu_forward, lambda dout, x: dout * np.where(x == 0, 2, x > 0), x=x)


def test_float32_code_is_judged_by_its_precision() -> None:
    def forward(x: Any) -> Any:
        return np.sum(np.tanh(x.astype(np.float32)))

    report = gc.check_code(forward, lambda x: 1 - np.tanh(x) ** 2, x=ND)
    assert report and "differences" in report["x"].reason
    assert not gc.check_code(forward, lambda x: 1.05 * (1 - np.tanh(x) ** 2), x=ND)


def test_gradients_that_are_not_finite_are_wrong() -> None:
    report = gc.check_code(lambda x: np.sum(np.abs(x) ** 3), lambda x: 3 * x**3 / np.zeros_like(x), x=N)
    assert report.wrong == ("x",) and "not finite" in report["x"].reason


def test_a_backward_that_fails_makes_its_gradients_incomparable() -> None:
    def backward(dout: Any, cache: Any) -> Any:
        x, w, _ = cache
        dx, dw, db = dout @ w, x.T @ dout, dout.sum(axis=0)
        return dx, dw, db

    report = gc.check_code(by_hand.affine_forward, backward, **AFFINE)
    assert report.status == "incomparable" and set(report.wrong) == {"x", "w", "b"}
    assert "backward raises ValueError at test_check_code.py:" in report["x"].reason and "d = 2" in report["x"].reason


def test_a_small_deviation_is_named() -> None:
    def forward(x: Any) -> Any:
        return np.sum(np.log(x + 1e-5))

    report = gc.check_code(forward, lambda x: 1 / x, x=N, facts={"x": "positive"})
    assert not report and "epsilon" in report["x"].reason


def total(x: Any) -> Any:
    return np.sum(x)


def random_forward(x: Any) -> Any:
    return np.sum(x * np.random.default_rng().random(x.shape))


ERRORS: list[tuple[type[Exception], str, tuple[Any, ...], dict[str, Any]]] = [
    (UnsupportedError, "different results for the same inputs", (random_forward, square), {"x": N}),
    (UnsupportedError, "needs the incoming", (square, lambda x: 2 * x), {"x": N}),
    (UnsupportedError, "must return a loss or an array first", (lambda x: "no", square), {"x": N}),
    (UnsupportedError, "raises ZeroDivisionError at test_check_code.py", (lambda x: 1 / 0, square), {"x": N}),
    (UnsupportedError, "no finite value", (lambda x: np.sum(x) * np.nan, square), {"x": N}),
    (UnsupportedError, "incoming gradients", (total, lambda dout, dh, x: x), {"x": N}),
    (UnknownNameError, "not given: w", (lambda x, w: np.sum(x), square), {"x": N}),
    (UnknownNameError, "labels names t", (square, square), {"x": N, "labels": {"t": "k"}}),
    (UnknownNameError, "wrt names t", (square, square), {"x": N, "wrt": ["t"]}),
    (UnknownNameError, "called 'dz'", (total, lambda x: {"dz": x}), {"x": N}),
    (UnknownNameError, "which is no input", (total, lambda x, q, r: x), {"x": N}),
    (ValueMissingError, "needs the inputs", (square, square), {}),
    (ValueMissingError, "returns 1 gradient where 2", (lambda x, y: np.sum(x * y), lambda x, y: x), {"x": N, "y": N}),
    (ShapeError, "a shape is a tuple", (square, square), {"x": "n"}),
    (FactError, "given by their shape", (square, square), {"x": [1.0], "facts": {"x": "positive"}}),
]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[1].replace(" ", "-"))
def test_errors(case: tuple[type[Exception], str, tuple[Any, ...], dict[str, Any]]) -> None:
    error, words, functions, inputs = case
    with pytest.raises(error, match=words):
        gc.check_code(*functions, **inputs)


def test_differences_and_the_complex_step() -> None:
    x = np.array([0.3, -1.2, 2.0])
    exact = slopes(lambda a: np.sum(np.sin(a) * a), x, range(3))
    assert exact.exact and np.allclose(exact.values, np.cos(x) * x + np.sin(x), rtol=1e-14)
    real = slopes(lambda a: float(np.sum(np.abs(a) ** 1.5)), x, range(3))
    assert not real.exact and np.allclose(real.values, 1.5 * np.sqrt(np.abs(x)) * np.sign(x), rtol=1e-8)
    kink = difference(lambda a: float(np.abs(a).sum()), np.zeros(1), np.ones(1))
    assert (round(kink.low, 6), round(kink.high, 6)) == (-1, 1)


def test_code_that_branches_on_values_is_not_proved() -> None:
    def forward(x: Any) -> Any:
        return np.sum(x**2) if x.sum() > 0 else np.sum(x**3)

    report = gc.check_code(forward, lambda x: 2 * x if x.sum() > 0 else 3 * x**2, x=N)
    assert report.status == "equal" and "branches on values" in report["x"].reason


def test_a_trace_with_other_values_than_the_code_is_dropped() -> None:
    def forward(x: Any) -> Any:
        y = x * 1.0
        view = y[:1]
        view *= 2  # changes y in NumPy
        return np.sum(y**2)

    def backward(x: Any) -> Any:
        d = 2 * x
        d[:1] *= 4
        return d

    report = gc.check_code(forward, backward, x=N)
    assert report.status == "equal" and "other values than the code" in report["x"].reason


def test_what_can_be_traced() -> None:
    def stacked(a: Any, b: Any) -> Any:
        return np.sum(np.hstack([a, b]) ** 2) + np.sum(np.vstack([a, a]))

    assert gc.check_code(stacked, lambda a, b: (2 * a + 2, 2 * b), a=("n", "p"), b=("n", "q")).status == "proved"

    def picked(X: Any, y: Any) -> Any:
        return -X[range(len(X)), y].mean()

    def picked_backward(X: Any, y: Any) -> Any:
        dX = np.zeros(X.shape)
        dX[range(X.shape[0]), y] -= 1
        return dX / X.shape[0]

    assert gc.check_code(picked, picked_backward, X=NK, y=N, labels={"y": "k"}).status == "proved"

    def leaky(x: Any) -> Any:
        x = x.copy()
        x[x < 0] *= 0.1
        return np.sum(x)

    assert gc.check_code(leaky, lambda x: np.where(x < 0, 0.1, 1.0), x=N)


def test_exchanged_gradients_are_named() -> None:
    def backward(X: Any, w: Any) -> Any:
        return 2 * X.T @ (X @ w), 2 * np.outer(X @ w, w)

    report = gc.check_code(lambda X, w: np.sum((X @ w) ** 2), backward, X=ND, w=D)
    assert report["X"].diagnosis == "the gradients by X and w are exchanged"


def test_a_mistake_in_a_loop_is_guessed_from_the_formula_of_forward() -> None:
    def backward(dout: Any, cache: Any) -> Any:
        _, _, _, std, _, gamma, _ = cache
        dx = np.zeros_like(dout)
        for i in range(dout.shape[0]):
            for j in range(dout.shape[1]):
                dx[i, j] = gamma[j] * (dout[i, j] - dout[:, j].mean()) / std[j]
        return {"x": dx}

    verdict = gc.check_code(by_hand.batchnorm_forward, backward, **BATCH_NORM)["x"]
    assert verdict.status == "wrong" and verdict.diagnosis is not None and "var" in verdict.diagnosis


def test_formulas_of_code_call_local_variables_by_their_names() -> None:
    def forward(X: Any, w: Any, y: Any) -> Any:
        return np.sum((X @ w - y) ** 2)

    def backward(X: Any, w: Any, y: Any) -> Any:
        r = X @ w - y
        dw = X.T @ r
        return {"w": dw}

    report = gc.check_code(forward, backward, X=("n", "d"), w=("d",), y=("n",))
    assert report["w"].repair == "2*X.T @ r"
