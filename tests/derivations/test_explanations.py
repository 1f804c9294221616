"""Mistakes that take more than one edit, or one that is easily overlooked: named, and mended where they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.checking.pairs import MEASURES, matching

N, D, ND, MN = ("n",), ("d",), ("n", "d"), ("m", "n")
POSITIVE = gc.symbol("s", (), facts=["positive"])
NORMALIZED = "v = var(x)\nz = (x - mean(x))/sqrt(v + 1)\nsum(g*z)"

EVERYWHERE = [
    (NORMALIZED, "x", "(g - sum(g) - (x - mean(x))*sum(g*(x - mean(x)))/(v + 1))/sqrt(v + 1)", "sum or mean"),
    ("sum(g*(w[0]*x[1:] + w[1]*x[:-1]))", "w", "stack([mean(g*x[1:]), mean(g*x[:-1])])", "sum or mean"),
    ("sum(g*(w[0]*x[1:] + w[1]*x[:-1]))", "w", "stack([g @ x[:-1], g @ x[1:]])", "operand order"),
    ("sum(tanh(A @ tanh(B @ z)))", "z", "B.T @ A.T @ ones(n)", "chain factor"),
]
TWICE = [
    ("a @ x - (x @ x)/2 + b @ x", "x", "2*a - x - b", {"constant factor", "sign"}),
    ("u*w*sin(x)", "x", "u*w*w*sin(x)", {"superfluous factor", "exponent", "wrong function", "constant factor"}),
    ("(a @ x)**2 - exp(b @ x)", "x", "(a @ x)*a + exp(b @ x)*b", {"constant factor", "sign"}),
]
OTHERS: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "x @ (P + P.T) @ x/2 - b @ x",
        {"P": ("n", "n"), "x": N, "b": N},
        "x",
        "(P + P.T) @ (x - b)",
        "P + P.T belongs to x alone",
    ),
    (
        "sum((x - mu)**2)/(2*s**2)",
        {"x": N, "mu": (), "s": POSITIVE},
        "mu",
        "mu - mean(x)",
        "the factor n/s**2 is missing",
    ),
    (
        "norm(a - x)",
        {"a": N, "x": N},
        "x",
        "x - a",
        "the factor 1/sqrt(sum((a - x)**2)), from the derivative of sqrt(sum((a - x)**2)), is missing",
    ),
    (
        "sum(where(x > 0, x, exp(x) - 1))",
        {"x": N},
        "x",
        "(x > 0) + exp(x)",
        "the mask x <= 0 of the chain rule is missing",
    ),
    ("sum(G*(X + b))", {"G": ND, "X": ND, "b": D}, "b", "G @ ones(d)", "the sum of G must be taken over axis 0"),
    (
        "norm(X @ w - y)**2/2 + c*w @ w/2",
        {"X": ND, "w": D, "y": N, "c": ()},
        "w",
        "(X.T @ X + c) @ w - X.T @ y",
        "c belongs on the diagonal alone: it is added to every entry",
    ),
    (
        "x/(1 + x @ x)",
        {"x": N},
        "x",
        "1/(1 + x @ x) - 2*outer(x, x)/(1 + x @ x)**2",
        "1/(1 + x @ x) belongs on the diagonal alone: it is added to every entry",
    ),
    (
        "sum(exp(X @ w) - y*(X @ w))",
        {"X": ND, "w": D, "y": N},
        "w",
        "exp(X @ w) - y",
        "the factor X is missing after exp(X @ w) - y",
    ),
    (
        "sum((c*sigmoid(t) - y)**2)",
        {"t": N, "y": N, "c": ()},
        "c",
        "2*sum(c*sigmoid(t) - y)",
        "the factor sigmoid(t) is missing",
    ),
    ("sum(x*m)/sum(m)", {"x": N, "m": N}, "x", "m/n", "sum(m) belongs where n stands"),
]
INDEXED: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "softmax(z)",
        {"z": N},
        "z",
        "dp[i]/dz[j] = softmax(z)[i]*(1 - softmax(z)[j])",
        "dp[i]/dz[j] = softmax(z)[i]*(delta[i,j] - softmax(z)[j])",
    ),
    (
        "sigmoid(x)",
        {"x": N},
        "x",
        "dy[i]/dx[j] = sigmoid(x)[i]*(1 - sigmoid(x)[i])",
        "dy[i]/dx[j] = delta[i,j]*(sigmoid(x)[i]*(1 - sigmoid(x)[i]))",
    ),
    (
        "sum((W @ x)**2)",
        {"W": MN, "x": N},
        "x",
        "df/dx[j] = 2*sum[i](W[i,j])*sum[k](W[i,k]*x[k])",
        "df/dx[j] = 2*sum[i](W[i,j]*sum[k](W[i,k]*x[k]))",
    ),
    (
        "x @ A @ x",
        {"A": ("n", "n"), "x": N},
        "x",
        "df/dx[k] = sum[j](A[k,j]*x[j])",
        "df/dx[k] = sum[j](A[k,j]*x[j]) + sum[j](A[j,k]*x[j])",
    ),
    (
        "sum(tanh(W @ x))",
        {"W": MN, "x": N},
        "W",
        "df/dW[i,j] = (1 - sum[k](W[i,k]*x[k])**2)*x[j]",
        "df/dW[i,j] = (1 - tanh(sum[k](W[i,k]*x[k]))**2)*x[j]",
    ),
]


def mended(f: str, x: str, claim: str, /, **names: Any) -> gc.Verdict:
    """The verdict on a wrong claim, whose repair is right."""
    verdict = gc.check(f, x, claim, **names)
    assert verdict.status in ("wrong", "incomparable")
    assert verdict.repair is not None, str(verdict)
    assert gc.check(f, x, verdict.repair, **names).status == "proved"
    return verdict


@pytest.mark.parametrize(("f", "x", "claim", "kind"), EVERYWHERE, ids=[claim for _, _, claim, _ in EVERYWHERE])
def test_one_mistake_at_several_places(f: str, x: str, claim: str, kind: str) -> None:
    names: dict[str, Any] = {"g": N, "x": N} if "v =" in f else {"g": N, "w": (2,), "x": ("n + 1",)}
    names = {"A": ("n", "k"), "B": ("k", "m"), "z": ("m",)} if x == "z" else names
    assert mended(f, x, claim, **names).kind == kind


@pytest.mark.parametrize(("f", "x", "claim", "kinds"), TWICE, ids=[claim for _, _, claim, _ in TWICE])
def test_two_mistakes_are_both_named(f: str, x: str, claim: str, kinds: set[str]) -> None:
    names: dict[str, Any] = {"a": N, "b": N, "x": N} if "@" in f else {"u": (), "w": (), "x": ()}
    verdict = mended(f, x, claim, **names)
    assert verdict.kind in kinds
    assert "; besides, " in str(verdict.diagnosis)


def test_two_forgotten_paths_are_named() -> None:
    verdict = mended("sin(r)*cos(r) + exp(r)*r**3 + r**7", "r", "cos(r)**2 + 3*r**2*exp(r) + 7*r**6", r=())
    assert verdict.kind == "forgotten path"
    assert str(verdict.diagnosis).count("the claim forgets") == 2


@pytest.mark.parametrize(("f", "names", "x", "claim", "what"), OTHERS, ids=[o[3] for o in OTHERS])
def test_other_explanations(f: str, names: dict[str, Any], x: str, claim: str, what: str) -> None:
    assert mended(f, x, claim, **names).diagnosis == what


@pytest.mark.parametrize(("f", "names", "x", "claim", "repair"), INDEXED, ids=[o[3] for o in INDEXED])
def test_index_notation_is_mended_in_index_notation(
    f: str, names: dict[str, Any], x: str, claim: str, repair: str
) -> None:
    assert mended(f, x, claim, **names).repair == repair


def test_gradients_of_backpropagation_are_mended_in_index_notation() -> None:
    claims = {"dL/dy[i]": "y[i] - t[i]", "dL/dW[i,j]": "dL/dy[j]*x[i]", "dL/dx[j]": "W[i,j]*dL/dy[i]"}
    found = gc.check_backprop("sum((W @ x - t)**2)/2", claims, given="y = W @ x", W=MN, x=N, t=("m",))
    assert [s.repair for s in found.steps] == [None, "dL/dy[i]*x[j]", "sum[i](W[i,j]*dL/dy[i])"]


def test_pairs_are_found_by_what_adds_up() -> None:
    before, wanted = np.array([1.0, 2.0, 3.0]), np.array([4.0, 1.0, 5.0])
    parts = [before + np.array(change) for change in ([3, 0, 0], [0, 1, 1], [0, -1, 2], [1e12, 0, 0])]
    assert list(matching(parts, MEASURES[0], before, wanted)) == [(0, 2)]
    factors = [before * np.array(change) for change in ([4, 1, 1], [1, 0.5, 5 / 3], [2, 2, 2])]
    assert list(matching(factors, MEASURES[1], before, wanted)) == [(0, 1)]
