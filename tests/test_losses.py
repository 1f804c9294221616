"""Losses and likelihoods: values against NumPy, derivatives against differences, printed forms, extreme arguments."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from test_maps import differences

import graphc as gc
from graphc.ops import kernels

n, k, d = gc.dims("n k d")
SIZES = {"n": 4, "k": 3, "d": 2}
RNG = np.random.default_rng(5)
lgamma = np.vectorize(lambda v: float(mpmath.loggamma(float(v))))


def softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def unit(*shape: int) -> np.ndarray:
    return RNG.uniform(0.1, 0.9, shape)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.3, 2.5, shape)


def binary(*shape: int) -> np.ndarray:
    return (RNG.uniform(size=shape) > 0.5) * 1.0


def signs(*shape: int) -> np.ndarray:
    return 2 * binary(*shape) - 1


def counts(*shape: int) -> np.ndarray:
    return np.floor(RNG.uniform(0, 5, shape))


def classes(*shape: int) -> np.ndarray:
    return np.eye(shape[-1])[RNG.integers(shape[-1], size=shape[:-1])]


def simplex(*shape: int) -> np.ndarray:
    return softmax(RNG.normal(size=shape) / 2)


# the names of the arrays: their shapes and how their entries are drawn
ARRAYS: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
    "x": (("n",), normal),
    "t": (("n",), normal),
    "z": (("n",), normal),
    "p": (("n",), unit),
    "b": (("n",), binary),
    "s": (("n",), signs),
    "c": (("n",), counts),
    "u": (("n",), unit),
    "v": (("n",), positive),
    "w": ((), positive),
    "A": (("n", "d"), normal),
    "B": (("n", "d"), normal),
    "C": (("n", "d"), normal),
    "X": (("n", "k"), normal),
    "T": (("n", "k"), classes),
    "P": (("n", "k"), simplex),
    "Q": (("n", "k"), simplex),
}


def dot(a: Any, b: Any) -> Any:
    return (a * b).sum(-1)


def length(a: Any) -> Any:
    return np.sqrt(dot(a, a))


def cosine(a: Any, b: Any) -> Any:
    return dot(a, b) / (length(a) * length(b))


def hinges(X: Any, T: Any, margin: float = 1.0) -> Any:
    rows = zip(X, T.argmax(-1), strict=True)
    return np.array([sum(max(0, margin + r[j] - r[y]) for j in range(len(r)) if j != y) for r, y in rows])


def focal(p: Any, T: Any, gamma: float = 2.0) -> Any:
    own = dot(p, T)
    return -((1 - own) ** gamma) * np.log(own)


def infonce(A: Any, B: Any, temperature: float = 1.0) -> Any:
    scores = A @ B.T / temperature
    return -np.log(np.diag(softmax(scores)))


def student(m: Any, t: Any, s: Any, v: Any) -> Any:
    constant = lgamma((v + 1) / 2) - lgamma(v / 2) - np.log(np.pi * v) / 2 - np.log(s)
    return -constant + (v + 1) / 2 * np.log(1 + ((t - m) / s) ** 2 / v)


def negative_binomial(m: Any, t: Any, r: Any) -> Any:
    log_choose = lgamma(t + r) - lgamma(r) - lgamma(t + 1)
    return -(log_choose + r * np.log(r / (r + m)) + t * np.log(m / (r + m)))


# formula, the same in NumPy, the variable
ROWS: list[tuple[str, Callable[..., Any], str]] = [
    ("mae(x, t)", lambda x, t: np.abs(x - t).mean(), "x"),
    ("huber(x, t)", lambda x, t: np.where(abs(x - t) <= 1, (x - t) ** 2 / 2, abs(x - t) - 0.5), "x"),
    (
        "huber(x, t, delta=0.3)",
        lambda x, t: np.where(abs(x - t) <= 0.3, (x - t) ** 2 / 2, 0.3 * abs(x - t) - 0.045),
        "t",
    ),
    ("huber(x, t, w)", lambda x, t, w: np.where(abs(x - t) <= w, (x - t) ** 2 / 2, w * abs(x - t) - w * w / 2), "w"),
    ("smooth_l1(x, t)", lambda x, t: np.where(abs(x - t) < 1, (x - t) ** 2 / 2, abs(x - t) - 0.5), "x"),
    ("smooth_l1(x, t, beta=2)", lambda x, t: np.where(abs(x - t) < 2, (x - t) ** 2 / 4, abs(x - t) - 1), "x"),
    ("smooth_l1(x, t, beta=0)", lambda x, t: abs(x - t), "x"),
    ("pinball(x, t)", lambda x, t: abs(t - x) / 2, "x"),
    ("pinball(x, t, quantile=0.9)", lambda x, t: np.maximum(0.9 * (t - x), -0.1 * (t - x)), "x"),
    ("epsilon_insensitive(x, t)", lambda x, t: np.maximum(abs(x - t) - 0.1, 0), "x"),
    ("log_cosh(x, t)", lambda x, t: np.log(np.cosh(x - t)), "x"),
    ("log_cosh(X, x[:, None])", lambda X, x: np.log(np.cosh(X - x[:, None])), "x"),
    ("binary_cross_entropy(p, b)", lambda p, b: -np.log(np.where(b == 1, p, 1 - p)), "p"),
    ("binary_cross_entropy(sigmoid(z), p)", lambda z, p: p * softplus(-z) + (1 - p) * softplus(z), "z"),
    ("binary_cross_entropy_with_logits(z, p)", lambda z, p: p * softplus(-z) + (1 - p) * softplus(z), "z"),
    (
        "binary_cross_entropy_with_logits(z, p, w)",
        lambda z, p, w: w * p * softplus(-z) + (1 - p) * softplus(z),
        "w",
    ),
    (
        "binary_cross_entropy_with_logits(z, p, pos_weight=2)",
        lambda z, p: 2 * p * softplus(-z) + (1 - p) * softplus(z),
        "z",
    ),
    ("hinge(x, s)", lambda x, s: np.maximum(0, 1 - s * x), "x"),
    ("hinge(x, s, margin=1/2)", lambda x, s: np.maximum(0, 0.5 - s * x), "x"),
    ("squared_hinge(x, s)", lambda x, s: np.maximum(0, 1 - s * x) ** 2, "x"),
    ("soft_margin(x, s)", lambda x, s: softplus(-s * x), "x"),
    ("multiclass_hinge(X, T)", hinges, "X"),
    ("multiclass_hinge(X, T, margin=1/2)", lambda X, T: hinges(X, T, 0.5), "X"),
    ("nll(X, T)", lambda X, T: -dot(X, T), "X"),
    ("focal(P, T)", focal, "P"),
    ("focal(softmax(X), T, gamma=1/2)", lambda X, T: focal(softmax(X), T, 0.5), "X"),
    (
        "focal_with_logits(z, b)",
        lambda z, b: b * sigma(-z) ** 2 * softplus(-z) + (1 - b) * sigma(z) ** 2 * softplus(z),
        "z",
    ),
    (
        "focal_with_logits(z, b, gamma=1.5, alpha=0.25)",
        lambda z, b: b * sigma(-z) ** 1.5 * softplus(-z) / 4 + 0.75 * (1 - b) * sigma(z) ** 1.5 * softplus(z),
        "z",
    ),
    (
        "focal_with_logits(z, b, 2, w)",
        lambda z, b, w: w * b * sigma(-z) ** 2 * softplus(-z) + (1 - w) * (1 - b) * sigma(z) ** 2 * softplus(z),
        "w",
    ),
    ("entropy(P)", lambda P: -dot(P, np.log(P)), "P"),
    ("entropy(softmax(X))", lambda X: -dot(softmax(X), np.log(softmax(X))), "X"),
    ("kl_divergence(P, Q)", lambda P, Q: dot(P, np.log(P / Q)), "P"),
    ("kl_divergence(P, Q, axis=0)", lambda P, Q: (P * np.log(P / Q)).sum(0), "Q"),
    ("kl_divergence(P, softmax(X))", lambda P, X: dot(P, np.log(P / softmax(X))), "X"),
    (
        "js_divergence(P, Q)",
        lambda P, Q: dot(P, np.log(2 * P / (P + Q))) / 2 + dot(Q, np.log(2 * Q / (P + Q))) / 2,
        "P",
    ),
    ("cosine_similarity(A, B)", cosine, "A"),
    ("cosine_similarity(A, B, axis=0)", lambda A, B: cosine(A.T, B.T), "A"),
    (
        "cosine_similarity(A, B, eps=1)",
        lambda A, B: dot(A, B) / (np.maximum(length(A), 1) * np.maximum(length(B), 1)),
        "B",
    ),
    ("cosine_loss(A, B)", lambda A, B: 1 - cosine(A, B), "A"),
    ("cosine_embedding(A, B, s)", lambda A, B, s: np.where(s == 1, 1 - cosine(A, B), np.maximum(cosine(A, B), 0)), "A"),
    ("triplet(A, B, C)", lambda A, B, C: np.maximum(length(A - B) - length(A - C) + 1, 0), "A"),
    (
        "triplet(A, B, C, margin=1/5, squared=True)",
        lambda A, B, C: np.maximum(length(A - B) ** 2 - length(A - C) ** 2 + 0.2, 0),
        "C",
    ),
    (
        "contrastive(A, B, b)",
        lambda A, B, b: (1 - b) * length(A - B) ** 2 / 2 + b * np.maximum(0, 1 - length(A - B)) ** 2 / 2,
        "A",
    ),
    ("margin_ranking(x, t, s)", lambda x, t, s: np.maximum(0, -s * (x - t)), "x"),
    ("infonce(A, B)", infonce, "A"),
    ("infonce(A, B, temperature=1/2)", lambda A, B: infonce(A, B, 0.5), "B"),
    ("infonce(A, B, w)", infonce, "w"),
    ("dice(p, b)", lambda p, b: 1 - (2 * p @ b + 1) / (p.sum() + b.sum() + 1), "p"),
    ("dice(P, T, axis=1, smooth=0)", lambda P, T: 1 - 2 * dot(P, T) / (P.sum(1) + T.sum(1)), "P"),
    (
        "tversky(p, b, alpha=0.3, beta=0.7)",
        lambda p, b: 1 - (p @ b + 1) / (p @ b + 0.3 * p @ (1 - b) + 0.7 * (1 - p) @ b + 1),
        "p",
    ),
    ("gaussian_nll(x, t, v)", lambda x, t, v: (np.log(v) + (t - x) ** 2 / v) / 2, "v"),
    ("gaussian_nll(x, t, w, full=True)", lambda x, t, w: (np.log(2 * np.pi * w) + (t - x) ** 2 / w) / 2, "w"),
    ("poisson_nll(x, c)", lambda x, c: np.exp(x) - c * x, "x"),
    (
        "poisson_nll(v, c, log_input=False, full=True)",
        lambda v, c: v - c * np.log(v) + lgamma(c + 1),
        "v",
    ),
    ("laplace_nll(x, t, v)", lambda x, t, v: np.log(2 * v) + abs(t - x) / v, "v"),
    ("exponential_nll(v, p)", lambda v, p: v * p - np.log(v), "v"),
    ("gamma_nll(v, p, w)", lambda v, p, w: -(v * np.log(w) - lgamma(v) + (v - 1) * np.log(p) - w * p), "v"),
    (
        "beta_nll(v, p, w)",
        lambda v, p, w: lgamma(v) + lgamma(w) - lgamma(v + w) - (v - 1) * np.log(p) - (w - 1) * np.log(1 - p),
        "w",
    ),
    ("student_t_nll(x, t, v, w)", student, "w"),
    ("negative_binomial_nll(v, c, w)", negative_binomial, "v"),
    ("xlogy(x, v)", lambda x, v: x * np.log(v), "v"),
]


@pytest.mark.parametrize(("text", "reference", "by"), ROWS, ids=[f"{row[0]} by {row[2]}" for row in ROWS])
def test_values_and_derivatives(text: str, reference: Callable[..., Any], by: str) -> None:
    RNG.bit_generator.state = np.random.default_rng(zlib.crc32(text.encode())).bit_generator.state  # in any order
    inside = text.partition("(")[2]
    named = [
        a for a in ARRAYS if a in inside.replace("(", " ").replace(")", " ").replace("[", " ").replace(",", " ").split()
    ]
    named.sort(key=lambda a: inside.replace("softmax", "_______").replace("sigmoid", "_______").index(a))
    symbols = {a: gc.symbol(a, ARRAYS[a][0]) for a in named}
    e = gc.parse(text, **symbols)
    arrays = {a: ARRAYS[a][1](*(SIZES[s] for s in ARRAYS[a][0])) for a in named}
    values: dict[str, Any] = arrays | SIZES
    expected = reference(*arrays.values())
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-12, atol=1e-14)
    weights = gc.symbol("g", e.shape)
    arrays["g"] = values["g"] = RNG.normal(size=np.shape(expected))
    total = gc.sum(weights * e)
    first = gc.grad(total, symbols[by])
    second = gc.hessian(total, symbols[by])
    slope = differences(lambda moved: gc.evaluate(total, moved), values, by)
    np.testing.assert_allclose(gc.evaluate(first, values), slope, rtol=1e-5, atol=1e-6)
    bend = differences(lambda moved: gc.evaluate(first, moved), values, by)
    np.testing.assert_allclose(gc.evaluate(second, values), bend, rtol=1e-4, atol=1e-5)
    for result in (e, gc.simplify(e), first, second):
        assert gc.parse(str(result), **gc.names(result)) is result
    given = [*symbols.values(), weights]
    for style in ("readable", "fast"):
        for dtype, tolerance in ((np.float64, 1e-5), (np.float32, 1e-3)):
            results = gc.compile([e, first], given, style=style)(*(np.asarray(a, dtype) for a in arrays.values()))
            assert all(r.dtype == dtype for r in results)
            for result, wanted in zip(results, (expected, slope), strict=True):
                np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)


NAMES = {a: gc.symbol(a, shape) for a, (shape, _) in ARRAYS.items()} | {
    "T": gc.symbol("T", (n, k), facts=["one_hot"]),
    "P": gc.symbol("P", (n, k), facts=["simplex"]),
}
FORMS = [
    ("mean(binary_cross_entropy_with_logits(z, b))", "z", "(sigmoid(z) - b)/n"),
    ("mean(binary_cross_entropy(sigmoid(z), b))", "z", "(sigmoid(z) - b)/n"),
    ("mean(binary_cross_entropy(p, b))", "p", "((1 - b)/(1 - p) - b/p)/n"),
    ("mean(focal_with_logits(z, b, gamma=0))", "z", "(sigmoid(z) - b)/n"),
    ("mean(kl_divergence(P, softmax(X)))", "X", "(softmax(X) - P)/n"),
    ("mean(nll(log_softmax(X), T))", "X", "(softmax(X) - T)/n"),
    ("sum(kl_divergence(P, Q))", "Q", "-P/Q"),
    ("sum(kl_divergence(Q, P))", "Q", "log(Q) + 1 - log(P)"),
    ("sum(entropy(Q))", "Q", "-(log(Q) + 1)"),
    ("sum(squared_hinge(x, s))", "x", "-2*s*relu(1 - s*x)"),
    ("sum(soft_margin(x, s))", "x", "s*(sigmoid(s*x) - 1)"),
    ("sum(gaussian_nll(x, t, v))", "x", "(x - t)/v"),
    ("sum(gaussian_nll(x, t, v))", "v", "(v - (t - x)**2)/(2*v**2)"),
    ("sum(poisson_nll(x, c))", "x", "exp(x) - c"),
    ("sum(gamma_nll(v, u, p))", "v", "digamma(v) - log(p) - log(u)"),
    ("sum(infonce(A, B))", "A", "softmax(A @ B.T) @ B - B"),
    ("sum(log_cosh(x, t))", "t", "tanh(t - x)"),
    ("sum(log_cosh(x, t))", "x", "tanh(x - t)"),
    ("mae(x, t)", "x", "sign(x - t)/n"),
    ("sum(huber(x, t, w))", "x", "where(abs(t - x) <= w, x - t, w*sign(x - t))"),
    ("sum(pinball(x, t, quantile=0.9))", "x", "where(t >= x, -0.9, 0.1)"),
    ("sum(smooth_l1(x, t, beta=2))", "x", "clip(x - t, -2, 2)/2"),
    ("sum(student_t_nll(x, t, v, w))", "x", "(w + 1)*(x - t)/((x - t)**2 + w*v**2)"),
]


@pytest.mark.parametrize(("formula", "by", "form"), FORMS, ids=[f"{f} by {b}" for f, b, _ in FORMS])
def test_textbook_form(formula: str, by: str, form: str) -> None:
    gradient = gc.grad(gc.parse(formula, **NAMES), NAMES[by])
    assert str(gradient) == form
    assert gc.parse(form, **NAMES) is gradient


EXTREME = np.array([-1e4, -1e3, -50.0, 0.0, 50.0, 1e3, 1e4])
STABLE = [
    ("binary_cross_entropy_with_logits(z, b)", {"b": np.ones(7)}, np.maximum(-EXTREME, 0)),
    ("binary_cross_entropy_with_logits(z, b)", {"b": np.zeros(7)}, np.maximum(EXTREME, 0)),
    ("binary_cross_entropy(sigmoid(z), b)", {"b": np.ones(7)}, np.maximum(-EXTREME, 0)),
    ("focal_with_logits(z, b)", {"b": np.zeros(7)}, np.maximum(EXTREME, 0)),
    ("soft_margin(z, b)", {"b": -np.ones(7)}, np.maximum(EXTREME, 0)),
    ("log_cosh(z, b)", {"b": np.zeros(7)}, np.abs(EXTREME) - np.log(2)),
    ("huber(z, b)", {"b": np.zeros(7)}, np.abs(EXTREME) - 0.5),
]


@pytest.mark.parametrize(("text", "other", "limit"), STABLE, ids=[f"{s[0]} {s[1]['b'][0]}" for s in STABLE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_arguments(text: str, other: dict[str, np.ndarray], limit: np.ndarray, dtype: Any) -> None:
    e = gc.parse(text, z=(n,), b=(n,))
    z, b = gc.symbol("z", (n,)), gc.symbol("b", (n,))
    first = gc.grad(gc.sum(e), z)
    arrays = (EXTREME.astype(dtype), other["b"].astype(dtype))
    away = EXTREME != 0
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for style in ("readable", "fast"):
            value, slope = gc.compile([e, first], [z, b], style=style)(*arrays)
            np.testing.assert_allclose(value[away], limit[away], rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(slope[away], np.sign(EXTREME[away]) * (limit[away] > 1), atol=1e-6)
        if "sigmoid" not in text:
            np.testing.assert_allclose(
                gc.evaluate(e, {"z": arrays[0], "b": arrays[1]})[away], limit[away], rtol=1e-6, atol=1e-6
            )


def test_softmax_distributions_that_vanish() -> None:
    X, P = gc.symbol("X", (n, k)), gc.symbol("P", (n, k), facts=["simplex"])
    loss = gc.kl_divergence(P, gc.softmax(X))
    given = np.array([[1e4, 0.0, -1e4]]), np.array([[0.0, 1.0, 0.0]])
    for style in ("readable", "fast"):
        value, slope = gc.compile([loss, gc.grad(gc.sum(loss), X)], [X, P], style=style)(*given)
        np.testing.assert_allclose(value, [1e4])
        np.testing.assert_allclose(slope, [[1, -1, 0]])


def test_nothing_times_the_logarithm_of_nothing() -> None:
    values = {"P": np.array([[0.0, 1.0, 0.0]]), "Q": np.array([[0.25, 0.75, 0.0]]), "b": np.array([0.0, 1.0])}
    P, Q, b = gc.symbol("P", (n, k)), gc.symbol("Q", (n, k)), gc.symbol("b", (n,))
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for e in (gc.entropy(P), gc.kl_divergence(P, Q), gc.js_divergence(P, Q), gc.binary_cross_entropy(b, b)):
            names = [s for s in (P, Q, b) if str(s.name) in gc.names(e)]
            direct = gc.evaluate(e, values)
            assert np.all(np.isfinite(direct))
            for style in ("readable", "fast"):
                compiled = gc.compile(e, names, style=style)(*(values[str(s.name)] for s in names))
                np.testing.assert_allclose(compiled, direct)
        np.testing.assert_allclose(gc.evaluate(gc.kl_divergence(P, Q), values), [-np.log(0.75)])
    assert float(kernels.xlogy(np.float32(0), np.float32(0))) == 0
    assert kernels.xlogy(np.zeros(2, "f"), np.ones(2, "f")).dtype == np.float32


def test_log_cosh_is_precise_near_its_minimum() -> None:
    x = np.array([1e-8, 1e-4, 0.01, 0.5, 0.999, 1.001, 3, 700.0])
    with mpmath.workdps(50):
        wanted = [float(mpmath.log(mpmath.cosh(mpmath.mpf(float(v))))) for v in x]
    np.testing.assert_allclose(kernels.log_cosh(x, np.zeros(8)), wanted, rtol=1e-14)
    np.testing.assert_allclose(kernels.log_cosh(x.astype("f"), np.zeros(8, "f")), wanted, rtol=1e-6)


def test_options_are_exact_numbers_or_operands() -> None:
    x, t, w = (NAMES[a] for a in "xtw")
    assert str(gc.huber(x, t, 0.1)) == "huber(x, t, delta=0.1)"
    assert gc.huber(x, t, gc.constant(0.1)) is gc.huber(x, t, delta=0.1)
    assert str(gc.huber(x, t, 2 * w)) == "huber(x, t, 2*w)"
    assert gc.parse("huber(x, t, delta=2*w)", **NAMES) is gc.huber(x, t, 2 * w)
    assert str(gc.focal_with_logits(x, t, 2, w)) == "focal_with_logits(x, t, 2, w)"
    assert str(gc.focal_with_logits(x, t, w, 0.25)) == "focal_with_logits(x, t, w, alpha=1/4)"


def test_textbook_gradients_are_proved() -> None:
    for f, by, claim in [
        ("sum(binary_cross_entropy(p, b))", "p", "(p - b)/(p*(1 - p))"),
        (
            "sum(cosine_similarity(A, B))",
            "A",
            "(B/norm(B, axis=1)[:, None] - A*(sum(A*B, axis=1)/(norm(A, axis=1)**2*norm(B, axis=1)))[:, None])"
            "/norm(A, axis=1)[:, None]",
        ),
        ("sum(huber(x, t))", "x", "where(abs(x - t) <= 1, x - t, sign(x - t))"),
        ("sum(log_cosh(x, t))", "x", "tanh(x - t)"),
        ("sum(student_t_nll(x, t, v, w))", "x", "(w + 1)*(x - t)/(w*v**2 + (x - t)**2)"),
    ]:
        assert gc.check(gc.parse(f, **NAMES), NAMES[by], claim).status == "proved", f
    assert gc.check(gc.parse("sum(huber(x, t))", **NAMES), NAMES["x"], "x - t").status == "wrong"


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (
            lambda x: gc.huber(x, x[:, None]),
            r"huber: the arrays must have one shape, or stretch to that of the largest",
        ),
        (lambda x: gc.huber(x, x, -1), "huber: delta must be above 0, got -1"),
        (
            lambda x: gc.huber(x, delta=2),
            r"huber\(prediction, target, delta=1\): missing a required argument: 'target'",
        ),
        (lambda x: gc.huber(x, x, "wide"), "huber: delta must be a number, got 'wide'"),
        (lambda x: gc.pinball(x, x, 2), "pinball: quantile lies between 0 and 1, got 2"),
        (lambda x: gc.focal(x, x, gamma=-1), "focal: gamma must be 0 or more, got -1"),
        (lambda x: gc.infonce(x, x), "infonce: needs matrices with a query or a key in each row"),
        (lambda x: gc.kl_divergence(gc.sum(x), gc.sum(x)), "axis -1 is out of range"),
        (lambda x: gc.triplet(x, x, x, margin=1, axis=3), "axis 3 is out of range"),
        (lambda x: gc.infonce(x[:, None], x[:, None], 0), "infonce: temperature must be above 0, got 0"),
    ],
)
def test_wrong_uses_are_explained(use: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(gc.GraphcError, match=text):
        use(NAMES["x"])
