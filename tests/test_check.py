"""Hand derivations are judged: right ones in disguise proved, wrong ones shown wrong and explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.checking import compare_gradients, finite_difference, judge
from graphc.checking.claims import names_in_play, unlabelled
from graphc.checking.prove import Equation, Proof, prove
from graphc.errors import FormulaError, GraphcError, UnsupportedError

# A function, the shapes of its symbols, and claims: variable, formula, what is wrong with it (empty: right and proved).
Claims = list[tuple[str, str, str]]
RIGHT = ""
N, D, K, M, ND, DK, NK = ("n",), ("d",), ("k",), ("m",), ("n", "d"), ("d", "k"), ("n", "k")

CASES: dict[str, tuple[str, dict[str, Any], Claims]] = {
    "B1, a product": (
        "(x + y)*z",
        {"x": (), "y": (), "z": ()},
        [
            ("x", "z", RIGHT),
            ("z", "x + y", RIGHT),
            ("y", "x", "wrong variable"),
            ("z", "x*y", "wrong operation"),
            ("x", "1", "chain factor"),
        ],
    ),
    "a sum": ("sum(x) + s", {"x": N, "s": ()}, [("x", "ones(n)", RIGHT), ("s", "1", RIGHT), ("x", "1", "wrong shape")]),
    "B2, a squared norm": (
        "sum((W @ x)**2)",
        {"W": ("m", "n"), "x": N},
        [
            ("W", "2*outer(W @ x, x)", RIGHT),
            ("W", "2*(W @ x)[:, None]*x[None, :]", RIGHT),
            ("W", "2*W @ outer(x, x)", RIGHT),
            ("x", "2*W.T @ W @ x", RIGHT),
            ("x", "2*(W @ x) @ W", RIGHT),
            ("W", "2*outer(x, W @ x)", "transpose"),
            ("W", "outer(W @ x, x)", "constant factor"),
            ("x", "W.T @ W @ x", "constant factor"),
            ("x", "2*W.T @ W @ x @ x", "superfluous factor"),
        ],
    ),
    "B3, a hidden layer, regression": (
        "(theta @ tanh(w @ x + b) + c - t)**2",
        {"w": ("m", "d"), "x": D, "b": M, "theta": M, "c": (), "t": ()},
        [
            ("theta", "2*(theta @ tanh(w @ x + b) + c - t)*tanh(w @ x + b)", RIGHT),
            ("c", "2*theta @ tanh(w @ x + b) + 2*c - 2*t", RIGHT),
            ("b", "2*(theta @ tanh(w @ x + b) + c - t)*theta*(1 - tanh(w @ x + b)**2)", RIGHT),
            ("w", "2*(theta @ tanh(w @ x + b) + c - t)*outer(theta*(1 - tanh(w @ x + b)**2), x)", RIGHT),
            ("w", "2*(theta @ tanh(w @ x + b) + c - t)*outer(theta, x)", "chain factor"),
            ("w", "2*(theta @ tanh(w @ x + b) + c - t)*outer(x, theta*(1 - tanh(w @ x + b)**2))", "transpose"),
            (
                "b",
                "2*(theta @ tanh(w @ x + b) + c - t)*theta*tanh(w @ x + b)*(1 - tanh(w @ x + b))",
                "wrong activation",
            ),
            ("c", "2*(t - theta @ tanh(w @ x + b) - c)", "sign"),
            ("c", "theta @ tanh(w @ x + b) + c - t", "constant factor"),
        ],
    ),
    "B4, cross entropy of a distribution": (
        "logsumexp(h) - sum(t*h)",
        {"h": K, "t": K},
        [
            ("h", "softmax(h) - t", RIGHT),
            ("h", "exp(h)/sum(exp(h)) - t", RIGHT),
            ("h", "exp(h - logsumexp(h)) - t", RIGHT),
            ("h", "t - softmax(h)", "sign"),
            ("h", "exp(h) - t", "wrong function"),
            ("h", "softmax(h)", "forgotten path"),
        ],
    ),
    "B4, cross entropy of any weights": (
        "-sum(t*log(softmax(h)))",
        {"h": K, "t": K},
        [("h", "softmax(h)*sum(t) - t", RIGHT), ("h", "softmax(h) - t", "assumption")],
    ),
    "B5, a linear layer": (
        "sum(G*(W @ x + b))",
        {"W": ("m", "d"), "x": D, "b": M, "G": M},
        [
            ("W", "outer(G, x)", RIGHT),
            ("b", "G", RIGHT),
            ("x", "W.T @ G", RIGHT),
            ("x", "G @ W", RIGHT),
            ("W", "outer(x, G)", "transpose"),
        ],
    ),
    "B6, a sigmoid layer": (
        "sum(G*sigmoid(x))",
        {"x": N, "G": N},
        [
            ("x", "G*sigmoid(x)*(1 - sigmoid(x))", RIGHT),
            ("x", "G*exp(-x)/(1 + exp(-x))**2", RIGHT),
            ("x", "G*sigmoid(x)*sigmoid(-x)", RIGHT),
            ("x", "G*(1 - tanh(x/2)**2)/4", RIGHT),
            ("x", "G*sigmoid(x)", "chain factor"),
            ("x", "G*(1 - sigmoid(x)**2)", "wrong activation"),
            ("x", "G*x*(1 - x)", "wrong variable"),
            ("x", "sigmoid(x)*(1 - sigmoid(x))", "chain factor"),
        ],
    ),
    "B7, two layers": (
        "mean((relu(X @ W1) @ W2 - Y)**2)",
        {"X": ND, "W1": ("d", "h"), "W2": ("h", "k"), "Y": NK},
        [
            ("W2", "2*relu(X @ W1).T @ (relu(X @ W1) @ W2 - Y)/(n*k)", RIGHT),
            ("W1", "2*X.T @ ((relu(X @ W1) @ W2 - Y) @ W2.T*(X @ W1 > 0))/(n*k)", RIGHT),
            ("W1", "2*X.T @ ((relu(X @ W1) @ W2 - Y) @ W2.T*(X @ W1 >= 0))/(n*k)", RIGHT),
            ("W1", "2*X.T @ ((relu(X @ W1) @ W2 - Y) @ W2.T)/(n*k)", "dropped mask"),
            ("W1", "2*X.T @ ((relu(X @ W1) @ W2 - Y) @ W2.T*(X @ W1 > 0))/n", "constant factor"),
            ("W2", "2*relu(X @ W1).T @ (relu(X @ W1) @ W2 - Y)", "constant factor"),
        ],
    ),
    "linear regression": (
        "sum((X @ w - y)**2)/n",
        {"X": ND, "w": D, "y": N},
        [
            ("w", "2*X.T @ (X @ w - y)/n", RIGHT),
            ("w", "2/n*(X.T @ X @ w - X.T @ y)", RIGHT),
            ("w", "X.T @ (X @ w - y)/n", "constant factor"),
            ("w", "2*X.T @ (y - X @ w)/n", "sign"),
            ("w", "2*X.T @ (X @ w + y)/n", "sign"),
            ("w", "2*X.T @ X @ w/n", "term"),
            ("w", "2*X.T @ (X @ w - y)", "constant factor"),
        ],
    ),
    "a quadratic form": (
        "x @ A @ x",
        {"x": N, "A": ("n", "n")},
        [
            ("x", "(A + A.T) @ x", RIGHT),
            ("x", "A @ x + x @ A", RIGHT),
            ("A", "outer(x, x)", RIGHT),
            ("x", "2*A @ x", "assumption"),
            ("x", "A @ x", "forgotten path"),
        ],
    ),
    "a norm": (
        "norm(A @ x - b)",
        {"A": ("m", "n"), "x": N, "b": M},
        [
            ("x", "A.T @ (A @ x - b)/norm(A @ x - b)", RIGHT),
            ("b", "(b - A @ x)/norm(A @ x - b)", RIGHT),
            ("x", "A.T @ (A @ x - b)", "chain factor"),
            ("x", "A.T @ (A @ x - b)/norm(A @ x - b)**2", "exponent"),
        ],
    ),
    "ridge regression": (
        "sum((X @ w - y)**2)/(2*n) + alpha/2*sum(w**2)",
        {"X": ND, "w": D, "y": N, "alpha": ()},
        [
            ("w", "X.T @ (X @ w - y)/n + alpha*w", RIGHT),
            ("w", "X.T @ (X @ w - y)/n + alpha*w/2", "constant factor"),
            ("w", "X.T @ (X @ w - y)/n + 2*alpha*w", "constant factor"),
            ("w", "X.T @ (X @ w - y)/n", "forgotten path"),
            ("w", "X.T @ (X @ w - y) + alpha*w", "constant factor"),
            ("w", "alpha*w", "forgotten path"),
        ],
    ),
    "a batch of sigmoid units": (
        "sum(sigmoid(X @ W + b)*G)",
        {"X": ND, "W": ("d", "m"), "b": M, "G": ("n", "m")},
        [
            ("W", "X.T @ (G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b)))", RIGHT),
            ("b", "sum(G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b)), axis=0)", RIGHT),
            ("X", "G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b)) @ W.T", RIGHT),
            ("b", "G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b))", "sum or mean"),
            ("b", "mean(G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b)), axis=0)", "sum or mean"),
            ("b", "sum(G*sigmoid(X @ W + b)*(1 - sigmoid(X @ W + b)), axis=1)", "sum or mean"),
            ("W", "X.T @ (G*(1 - sigmoid(X @ W + b)**2))", "wrong activation"),
        ],
    ),
    "batch normalization": (
        "sum(g*(x - mean(x))/sqrt(mean((x - mean(x))**2) + eps))",
        {"x": M, "g": M, "eps": ()},
        [
            (
                "x",
                "(g - mean(g) - (x - mean(x))*mean(g*(x - mean(x)))/(mean(x**2) - mean(x)**2 + eps))"
                "/sqrt(mean((x - mean(x))**2) + eps)",
                RIGHT,
            ),
            ("x", "g/sqrt(mean((x - mean(x))**2) + eps)", "forgotten statistic"),
            ("x", "(g - mean(g))/sqrt(mean((x - mean(x))**2) + eps)", "forgotten statistic"),
        ],
    ),
    "a matrix factorization": (
        "sum((A @ B - C)**2)",
        {"A": ("m", "k"), "B": ("k", "n"), "C": ("m", "n")},
        [
            ("A", "2*(A @ B - C) @ B.T", RIGHT),
            ("B", "2*A.T @ (A @ B - C)", RIGHT),
            ("C", "2*(C - A @ B)", RIGHT),
            ("A", "2*B @ (A @ B - C).T", "transpose"),
            ("C", "2*(A @ B - C)", "sign"),
        ],
    ),
    "a trace": (
        "trace(A @ X @ B)",
        {"A": ("n", "n"), "B": ("n", "n"), "X": ("n", "n")},
        [
            ("X", "A.T @ B.T", RIGHT),
            ("X", "(B @ A).T", RIGHT),
            ("X", "B @ A", "transpose"),
            ("X", "A.T @ B", "transpose"),
            ("X", "B.T @ A.T", "operand order"),
        ],
    ),
    "logistic regression": (
        "sum(log(1 + exp(-y*(X @ w))))/n",
        {"X": ND, "w": D, "y": N},
        [
            ("w", "-X.T @ (y*sigmoid(-y*(X @ w)))/n", RIGHT),
            ("w", "-X.T @ (y/(1 + exp(y*(X @ w))))/n", RIGHT),
            ("w", "X.T @ (y*sigmoid(-y*(X @ w)))/n", "sign"),
            ("w", "-X.T @ sigmoid(-y*(X @ w))/n", "chain factor"),
        ],
    ),
    "absolute values": (
        "sum(abs(x - t)) + alpha*sum(abs(w))",
        {"x": N, "t": N, "w": D, "alpha": ()},
        [
            ("x", "sign(x - t)", RIGHT),
            ("x", "(x > t) - (x < t)", RIGHT),
            ("x", "2*(x > t) - 1", RIGHT),
            ("w", "alpha*sign(w)", RIGHT),
            ("x", "x - t", "wrong activation"),
            ("w", "alpha", "chain factor"),
        ],
    ),
    "cosine similarity": (
        "x @ y/(norm(x)*norm(y))",
        {"x": N, "y": N},
        [
            ("x", "y/(norm(x)*norm(y)) - x*(x @ y)/(norm(x)**3*norm(y))", RIGHT),
            ("x", "y/(norm(x)*norm(y))", "forgotten statistic"),
        ],
    ),
    "a bell curve": (
        "sum(exp(-x**2/2))",
        {"x": N},
        [
            ("x", "-x*exp(-x**2/2)", RIGHT),
            ("x", "exp(-x**2/2)", "chain factor"),
            ("x", "x*exp(-x**2/2)", "sign"),
            ("x", "-2*x*exp(-x**2/2)", "constant factor"),
        ],
    ),
    "relative entropy": (
        "sum(p*log(p/q))",
        {"p": K, "q": K},
        [
            ("p", "log(p) - log(q) + 1", RIGHT),
            ("q", "-p/q", RIGHT),
            ("p", "log(p/q)", "forgotten path"),
            ("q", "p/q", "sign"),
        ],
    ),
    "attention": (
        "sum(G*(softmax(Q @ Z.T) @ V))",
        {"Q": ND, "Z": ("m", "d"), "V": ("m", "e"), "G": ("n", "e")},
        [
            ("V", "softmax(Q @ Z.T).T @ G", RIGHT),
            (
                "Q",
                "softmax(Q @ Z.T)*(G @ V.T - sum(softmax(Q @ Z.T)*(G @ V.T), axis=1, keepdims=True)) @ Z",
                RIGHT,
            ),
            ("Q", "softmax(Q @ Z.T)*(G @ V.T) @ Z", "forgotten statistic"),
        ],
    ),
    "normalized rows": (
        "sum((X @ W)/norm(X @ W, axis=1, keepdims=True)*G)",
        {"X": ND, "W": DK, "G": NK},
        [
            (
                "W",
                "X.T @ (G/norm(X @ W, axis=1, keepdims=True)"
                " - (X @ W)*sum((X @ W)*G, axis=1, keepdims=True)/norm(X @ W, axis=1, keepdims=True)**3)",
                RIGHT,
            ),
            ("W", "X.T @ (G/norm(X @ W, axis=1, keepdims=True))", "forgotten statistic"),
        ],
    ),
    "a normal density": (
        "n*log(s) + sum((x - mu)**2)/(2*s**2)",
        {"x": N, "mu": (), "s": ()},
        [
            ("mu", "(n*mu - sum(x))/s**2", RIGHT),
            ("s", "n/s - sum((x - mu)**2)/s**3", RIGHT),
            ("s", "n/s - sum((x - mu)**2)/s**2", "exponent"),
            ("s", "n/s - 2*sum((x - mu)**2)/s**3", "constant factor"),
        ],
    ),
    "a margin": (
        "sum(maximum(1 - y*(X @ w), 0))",
        {"X": ND, "w": D, "y": N},
        [
            ("w", "-X.T @ (y*(y*(X @ w) < 1))", RIGHT),
            ("w", "X.T @ (y*(y*(X @ w) < 1))", "sign"),
            ("w", "-X.T @ y", "dropped mask"),
        ],
    ),
    "a gate": (
        "sum((z*h + (1 - z)*tanh(W @ h))*g)",
        {"W": ("n", "n"), "h": N, "z": N, "g": N},
        [
            ("h", "g*z + W.T @ (g*(1 - z)*(1 - tanh(W @ h)**2))", RIGHT),
            ("z", "g*(h - tanh(W @ h))", RIGHT),
            ("h", "g*z", "forgotten path"),
            ("h", "g*z + W.T @ (g*(1 - z))", "chain factor"),
        ],
    ),
    "pairs": (
        "sum((x[:, None] - x[None, :])**2)",
        {"x": N},
        [
            ("x", "4*(n*x - sum(x))", RIGHT),
            ("x", "2*(n*x - sum(x))", "constant factor"),
            ("x", "4*n*x", "term"),
        ],
    ),
    "mish": (
        "sum(x*tanh(log(1 + exp(x))))",
        {"x": N},
        [
            ("x", "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)*sigmoid(x)", RIGHT),
            ("x", "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)", "chain factor"),
        ],
    ),
}
ROWS = [(f, names, *row) for f, names, rows in CASES.values() for row in rows]


def declared(formula: str, names: dict[str, Any]) -> tuple[gc.Expr, dict[str, Any]]:
    f = gc.parse(formula, **names)
    return f, names_in_play([f])


@pytest.mark.parametrize(
    ("formula", "names", "x", "claim", "kind"), ROWS, ids=[f"{r[0]} by {r[2]}: {r[3]}" for r in ROWS]
)
def test_claims(formula: str, names: dict[str, Any], x: str, claim: str, kind: str) -> None:
    f, play = declared(formula, names)
    verdict = gc.check(f, play[x], claim)
    if kind == RIGHT:
        assert verdict.status == "proved", str(verdict)
        assert verdict
        return
    assert verdict.status == "wrong", str(verdict)
    assert not verdict
    assert verdict.counterexample is not None
    assert verdict.counterexample.differing.any()
    assert verdict.kind == kind, str(verdict)
    if kind != "assumption":
        assert verdict.repair is not None
        assert gc.check(f, play[x], verdict.repair).status == "proved"


@pytest.mark.parametrize(
    ("formula", "names", "x", "claim", "repair"),
    [
        ("sum((A @ B - C)**2)", CASES["a matrix factorization"][1], "A", "2*(A @ B - C) @ B", "2*(A @ B - C) @ B.T"),
        ("sum(G*(W @ x + b))", CASES["B5, a linear layer"][1], "x", "W @ G", "W.T @ G"),
        ("sum((W @ x)**2)", {"W": ("m", "n"), "x": N}, "x", "2*W @ (W @ x)", "2*W.T @ (W @ x)"),
        ("sum(x**2)", {"x": N}, "x", "2*z", "2*x"),
    ],
)
def test_claims_that_do_not_fit_together(
    formula: str, names: dict[str, Any], x: str, claim: str, repair: str | None
) -> None:
    f, play = declared(formula, names)
    verdict = gc.check(f, play[x], claim)
    assert verdict.status == "incomparable"
    assert not verdict
    assert claim in str(verdict)
    assert verdict.repair == repair


@pytest.fixture
def classifier() -> tuple[gc.Expr, gc.Expr]:
    n, d, k = gc.dims("n d k")
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
    W, b = gc.parameter("W", (d, k)), gc.parameter("b", (k,))
    p = gc.softmax(X @ W + b, axis=-1).named("p")
    return gc.mean(gc.cross_entropy(p, T)), W


def test_a_proof_says_which_facts_it_needs(classifier: tuple[gc.Expr, gc.Expr]) -> None:
    loss, W = classifier
    verdict = gc.check(loss, W, "dW = X.T @ (p - T)/n")
    assert str(verdict).splitlines()[:4] == [
        "PROVED: dW = X.T @ (p - T)/n",
        "  judged as: the gradient of mean(cross_entropy(p, T)) by W",
        "  true for all sizes: both sides have the same normal form.",
        "  needs: the entries of T sum to one along axis -1",
    ]
    assert gc.check(loss, W, "X.T @ (p*sum(T, axis=1, keepdims=True) - T)/n").facts == ()


def test_a_page_that_a_student_understands(classifier: tuple[gc.Expr, gc.Expr]) -> None:
    loss, W = classifier
    verdict = gc.check(loss, W, "df/dW = X.T @ (p - T)")
    lines = str(verdict).splitlines()
    assert lines[:7] == [
        "WRONG: df/dW = X.T @ (p - T)",
        "  judged as: the gradient of mean(cross_entropy(p, T)) by W",
        "  what is wrong: the claim is n times too large: the factor 1/n is missing",
        "  edit: X.T @ (p - T){+/n+}",
        "  repaired: X.T @ (p - T)/n",
        "",
        "  counterexample with d = 1, k = 2, n = 2:",
    ]
    assert lines[6] == "  counterexample with d = 1, k = 2, n = 2:"
    assert verdict.latex().count(r"\neq") == 1
    assert "<mark>" in verdict.html()
    assert "<math" in verdict.html()
    assert "<script" not in verdict.html()


def test_a_counterexample_is_reproduced_by_numpy_alone(
    classifier: tuple[gc.Expr, gc.Expr], capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = gc.check(*classifier, "X.T @ (p - T)")
    found = verdict.counterexample
    assert found is not None
    scope: dict[str, Any] = {}
    exec(verdict.reproduce(), scope)
    assert "claim" in capsys.readouterr().out
    np.testing.assert_allclose(scope["right"], found.answer)
    np.testing.assert_allclose(scope["claim"], found.claim)
    with pytest.raises(UnsupportedError, match="only a wrong formula"):
        gc.check(*classifier, "X.T @ (p - T)/n").reproduce()


def test_the_transpose_is_a_wrong_gradient(classifier: tuple[gc.Expr, gc.Expr]) -> None:
    verdict = gc.check(*classifier, "(p - T).T @ X/n")
    assert (verdict.status, verdict.kind) == ("wrong", "transpose")
    assert verdict.reason.startswith("the claim (p - T).T @ X/n has shape (k, d), the gradient has the shape of W")
    assert verdict.counterexample is not None
    assert verdict.counterexample.sizes == {"d": 1, "k": 2, "n": 1}


def test_functions_are_judged_by_numbers(classifier: tuple[gc.Expr, gc.Expr]) -> None:
    right = gc.check(*classifier, lambda X, p, T: X.T @ (p - T) / len(X))
    assert right.status == "equal"
    assert "a function is judged by numbers alone" in right.reason
    wrong = gc.check(*classifier, lambda X, p, T: X.T @ (p - T))
    assert wrong.status == "wrong"
    assert gc.check(*classifier, lambda X, p, T: (p - T).T @ X).status == "wrong"
    with pytest.raises(GraphcError, match="the argument Q is called like nothing in play"):
        gc.check(*classifier, lambda Q: Q)


def test_two_expressions() -> None:
    assert gc.check("(a + b)**2", "a**2 + 2*a*b + b**2", a=(), b=()).status == "proved"
    verdict = gc.check("sum(x)**2", "sum(x**2)", x=N)
    assert verdict.status == "wrong"
    assert "first:    second:" in str(verdict)
    assert gc.check("x", "y", x=(2,), y=(3,)).reason == "the shapes differ: (2,) and (3,)"
    assert gc.check("abs(x)", "relu(x) + relu(-x)", x=N)
    # without a derivative, ties count: the two differ at 0
    assert gc.check("sign(x)", "2*(x > 0) - 1", x=N).status == "wrong"


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("tanh(x)", "2*sigmoid(2*x) - 1", {"x": N}),
        ("softmax(x - max(x))", "softmax(x)", {"x": N}),
        ("log_softmax(x)", "x - logsumexp(x)", {"x": N}),
        ("sum(softmax(X), axis=1)", "ones(n)", {"X": ND}),
        ("sum(sigmoid(x))", "n - sum(1/(1 + exp(x)))", {"x": N}),
        ("softplus(x) - softplus(-x)", "x", {"x": N}),
        ("trace(A @ A.T)", "sum(A**2)", {"A": ND}),
        ("(A @ A.T).T", "A @ A.T", {"A": ND}),
        ("trace(A @ B @ C)", "trace(C @ A @ B)", {"A": ND, "B": DK, "C": ("k", "n")}),
        ("1/(s + 1) - 1/(s + 2)", "1/((s + 1)*(s + 2))", {"s": ()}),
        ("sum((x - mean(x))**2)", "sum(x**2) - n*mean(x)**2", {"x": N}),
        ("maximum(x, y) + minimum(x, y)", "x + y", {"x": N, "y": N}),
        ("exp(x)*exp(y)", "exp(x + y)", {"x": N, "y": N}),
        ("sqrt(8)*s", "2*sqrt(2)*s", {"s": ()}),
        ("sum(x)**4", "sum(outer(x, x))**2", {"x": N}),
    ],
)
def test_identities_are_proved(left: str, right: str, names: dict[str, Any]) -> None:
    assert gc.check(left, right, **names).status == "proved"


@pytest.mark.parametrize(
    ("fact", "shape", "left", "right"),
    [
        ("symmetric", ("n", "n"), "x.T @ ones(n)", "x @ ones(n)"),
        ("orthogonal", ("n", "n"), "x @ x.T", "eye(n)"),
        ("unit_norm", N, "sum(x**2)", "1"),
        ("sign", N, "x**2", "ones(n)"),
        ("binary", N, "x**3", "x"),
        ("one_hot", ND, "sum(x**2, axis=1)", "ones(n)"),
        ("simplex", N, "sum(x)", "1"),
        ("positive", N, "sqrt(x**2)", "x"),
    ],
)
def test_facts_are_used_and_named(fact: str, shape: tuple[str, ...], left: str, right: str) -> None:
    x = gc.symbol("x", shape, facts=[fact])
    verdict = gc.check(gc.parse(left, x=x), gc.parse(right, x=x))
    assert verdict.status == "proved", str(verdict)
    assert len(verdict.facts) == 1
    assert gc.check(left, right, x=shape).status == "wrong"


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("(1 + x**n > 0)*y", "y", {"x": N, "y": N}),  # a negative number has whole powers
        ("exp(log(x**2)/2)", "x", {"x": N}),
        ("sqrt(x**2)", "x", {"x": N}),
        ("sum(softmax(X, axis=0), axis=1)", "ones(n)", {"X": ND}),
        ("sum(x/(x + y))", "sum(x)/sum(x + y)", {"x": N, "y": N}),
        ("trace(A @ B @ C)", "trace(A @ C @ B)", {"A": ("n", "n"), "B": ("n", "n"), "C": ("n", "n")}),
        ("sum(sum(X, axis=0)**2)", "sum(sum(X, axis=1)**2)", {"X": ("n", "n")}),
        ("sum(A*B)", "sum(A.T*B)", {"A": ("n", "n"), "B": ("n", "n")}),
        ("sign(x)**2", "ones(n)", {"x": N}),
    ],
)
def test_near_identities_are_not_proved(left: str, right: str, names: dict[str, Any]) -> None:
    assert prove(Equation(gc.parse(left, **names), gc.parse(right, **names))) is None
    assert gc.check(left, right, **names).status == "wrong"


def test_labels_are_not_part_of_a_claim() -> None:
    assert unlabelled("dW = 2*x") == "2*x"
    assert unlabelled("df/dW = sum(x, axis=0)") == "sum(x, axis=0)"
    assert unlabelled("sum(x, axis=0)") == "sum(x, axis=0)"
    assert unlabelled("x == y") == "x == y"
    assert unlabelled("x >= y") == "x >= y"
    with pytest.raises(FormulaError):
        gc.check("x +", "x", x=())


def test_a_false_proof_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "search", lambda *args, **options: (None, 9))
    monkeypatch.setattr(judge, "drawn", lambda *args: ())
    monkeypatch.setattr(judge, "prove", lambda question: Proof("by magic", (), ()))
    with pytest.raises(GraphcError, match="internal error: both sides were proved equal"):
        gc.check("sum(x)**2", "sum(x**2)", x=N)


def test_differences_of_a_loss() -> None:
    f = gc.parse("sum(tanh(W @ x)**2)", W=("m", "n"), x=N)
    play = names_in_play([f])
    rng = np.random.default_rng(0)
    values = {"W": rng.normal(size=(3, 2)), "x": rng.normal(size=2)}
    derived = gc.evaluate(gc.grad(f, play["W"]), values)
    np.testing.assert_allclose(finite_difference(f, play["W"], values), derived, rtol=1e-8)


def test_gradients_of_a_compiled_function_are_compared() -> None:
    f = gc.parse("sum(tanh(X @ W)**2)", X=ND, W=DK)
    play = names_in_play([f])
    X, W = play["X"], play["W"]
    rng = np.random.default_rng(0)
    inputs = {"X": rng.normal(size=(5, 12)).astype(np.float32), "W": rng.normal(size=(12, 20))}
    step = gc.compile([f, gc.grad(f, W), gc.grad(f, X)], [X, W])
    errors = compare_gradients(step, inputs, ["W", "X"])
    assert max(errors.values()) < 1e-6
    wrong = gc.compile([f, 2 * gc.grad(f, W)], [X, W])
    assert compare_gradients(wrong, inputs, ["W"])["W"] == pytest.approx(0.5, rel=1e-3)


def test_a_function_that_raises_is_reported() -> None:
    x = gc.symbol("x", ("n",))

    def claimed(x: object) -> object:
        raise KeyError("scale")

    with pytest.raises(gc.UnsupportedError, match="claimed cannot be computed at an example: KeyError: 'scale'"):
        gc.check(gc.sum(x**2), x, claimed)


def test_a_part_that_differs_is_shown_beside_what_belongs_there() -> None:
    f, play = declared("sum(sqrt(x**2 + c))", {"x": N, "c": ()})
    verdict = gc.check(f, play["x"], "x/(cos(c)*x + sin(x*c))")
    assert (verdict.status, verdict.kind, verdict.repair) == ("wrong", "wrong part", "x/sqrt(c + x**2)")
    assert verdict.diagnosis == "sqrt(c + x**2) belongs where cos(c)*x + sin(x*c) stands"


@pytest.mark.parametrize(
    ("f", "claim", "diagnosis", "repair"),
    [
        ("mean((X @ w - y)**2)", "2*X.T @ (X @ w - y)/d", "d stands where n belongs", "2*X.T @ (X @ w - y)/n"),
        (
            "sum(exp(w))**2",
            "2*exp(w)",
            "the factor sum(exp(w)), from the derivative of its square, is missing",
            "2*exp(w)*sum(exp(w))",
        ),
    ],
)
def test_a_factor_is_mended_where_it_stands(f: str, claim: str, diagnosis: str, repair: str) -> None:
    names = {"X": ("n", "d"), "w": ("d",), "y": ("n",)}
    verdict = gc.check(gc.parse(f, **names), "w", claim, **names)
    assert verdict.diagnosis is not None
    assert (str(verdict.diagnosis), verdict.repair) == (diagnosis, repair)


def test_a_function_without_the_variable_is_named() -> None:
    w, x = gc.symbol("w", ("n",)), gc.symbol("x", ("n",))
    verdict = gc.check(w @ w, x, "2*x")
    assert (verdict.status, verdict.repair) == ("wrong", None)
    assert str(verdict.diagnosis) == "the function does not depend on x: its gradient is zero"


def test_nothing_is_guessed_where_nothing_verifies() -> None:
    f, play = declared("sum(sqrt(x**2 + c))", {"x": N, "c": ()})
    verdict = gc.check(f, play["x"], "cos(c)*x**3/(cos(c)*x + sin(x*c))")
    assert (verdict.status, verdict.kind, verdict.repair) == ("wrong", None, None)
