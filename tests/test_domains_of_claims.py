"""Where two sides have values: singular points, domains that differ, differences that floating point hardly sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.checking.singular import singular, vanishing

N = ("n",)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("norm(x)/norm(x)", "1"),
        ("std(x)/std(x)", "1"),
        ("x/norm(x)*norm(x)", "x"),
    ],
)
def test_what_a_convention_says_at_zero_refutes_nothing(left: str, right: str) -> None:
    assert gc.check(gc.parse(left, x=N), gc.parse(right, x=N)).status == "proved"


def test_a_limit_on_one_side_refutes_nothing() -> None:
    verdict = gc.check(gc.parse("arctan(x) + arctan(1/x)", x=N), gc.parse("pi/2*sign(x)", x=N))
    assert verdict.status in ("proved", "equal")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("norm(x)/norm(x)", "2"),
        ("where(x == 0, 1, sin(x)/x)", "where(x == 0, 2, sin(x)/x)"),
        ("where(m > 0, 1/m, 5)", "where(m > 0, 1/m, 0)"),
        ("arctan(x) + arctan(1/x)", "pi/2*ones(n)"),
    ],
)
def test_what_is_wrong_beside_singular_points_is_found(left: str, right: str) -> None:
    names: dict[str, Any] = {"x": N, "m": gc.symbol("m", N, facts=["binary"])}
    assert gc.check(gc.parse(left, **names), gc.parse(right, **names)).status == "wrong"


def test_branches_of_where_guard_their_denominators() -> None:
    x = gc.symbol("x", N)
    assert vanishing([gc.where(x > 0, 1 / x, 0)]) == []
    divisors = vanishing([gc.arctan(1 / x)])
    assert singular(divisors, {"x": np.array([1.0, 0.0])})
    assert not singular(divisors, {"x": np.array([1.0, 2.0])})


@pytest.mark.parametrize(
    ("left", "right", "without"),
    [
        ("log(x**2)", "2*log(x)", "second"),
        ("log(x*y)", "log(x) + log(y)", "second"),
        ("sqrt(x)*sqrt(x)", "x", "first"),
    ],
)
def test_a_proof_says_where_one_side_has_no_value(left: str, right: str, without: str) -> None:
    verdict = gc.check(gc.parse(left, x=N, y=N), gc.parse(right, x=N, y=N))
    assert verdict.status == "proved"
    assert f"where both sides have values; the {without} side has none" in verdict.reason


def test_a_claim_without_a_value_is_named() -> None:
    assert "the claim has none" in gc.check("sum(log(x**2))", "x", "2*exp(-log(x))", x=N).reason
    assert "have values" not in gc.check("sum(log(x))", "x", "exp(-log(x))", x=N).reason


@pytest.mark.parametrize(
    ("f", "claim"), [("max(x)", "softmax(1000*x)"), ("sum(abs(x))", "tanh(1000*x)"), ("max(x)", "softmax(100*x)")]
)
def test_minute_differences_are_magnified(f: str, claim: str) -> None:
    verdict = gc.check(f, "x", claim, x=N)
    assert verdict.status == "wrong"
    scope: dict[str, Any] = {}
    exec(verdict.reproduce(), scope)
    assert not np.allclose(scope["right"], scope["claim"])


def test_numbers_of_many_digits_may_be_rounded() -> None:
    assert gc.check("sum(x)/3", "x", "0.3333333333333333*ones(n)", x=N).status == "equal"


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        ("(A + A.T)/2", "the gradient among symmetric S"),
        ("A + A.T - diag(diag(A))", "the derivative by the entries of S on and above the diagonal"),
    ],
)
def test_gradients_among_symmetric_matrices_are_named(claim: str, what: str) -> None:
    S = gc.symbol("S", ("n", "n"), facts=["symmetric"])
    verdict = gc.check(gc.parse("trace(S @ A)", S=S, A=("n", "n")), S, claim)
    assert (verdict.status, verdict.kind) == ("wrong", "assumption")
    assert verdict.diagnosis == f"the claim is {what}; here each entry is varied by itself"
    assert gc.check(gc.parse("logdet(S)", S=S), S, "inv(S)").status == "proved"


def test_a_sum_does_not_add_an_opposite() -> None:
    assert gc.check("a @ a - b @ c/2", "b", "2*a + c/2", a=N, b=N, c=N).status == "wrong"
    found = gc.check("x @ x/2 - 3*x @ b/2", "x", "x + 3*b/2", x=N, b=N)
    assert found.repair == "x - 3*b/2"


def test_code_that_branches_on_equal_sizes_is_judged_there() -> None:
    def forward(A: Any, V: Any) -> Any:
        return A.T @ V, (A, V)

    def backward(dout: Any, cache: Any) -> Any:
        A, V = cache
        dV = A.T @ dout if A.shape[0] == A.shape[1] else A @ dout
        return V @ dout.T, dV

    report = gc.check_code(forward, backward, A=("n", "m"), V=("n", "p"))
    assert report.wrong == ("V",)
    assert report["A"].status == "proved"
