"""Equality without rounding: modulo primes and to many digits, where there is no proof."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc
from graphc.checking.entrywise import NotExactError, values_of
from graphc.checking.exact import by_residues, compared
from graphc.checking.filled import filled
from graphc.checking.points import judge_of, size_names
from graphc.checking.precise import Precise
from graphc.checking.prove import leaves
from graphc.checking.residues import CHAIN, SINGLE, Residues, discrete_log
from graphc.ir.op import registry
from graphc.rewriting.simplify import expand
from graphc.runtime.evaluate import evaluate

NAMES: dict[str, Any] = {"x": ("n",), "y": ("n",), "A": ("n", "n"), "B": ("n", "n"), "X": ("m", "n")}
EQUAL = (
    ("x*(y + 1)", "x*y + x"),
    ("inv(A @ B)", "inv(B) @ inv(A)"),
    ("inv(A + B)", "inv(A) - inv(A) @ inv(inv(A) + inv(B)) @ inv(A)"),
    ("det(A @ B)", "det(A)*det(B)"),
    ("logdet(A @ B)", "logdet(A) + logdet(B)"),
    ("exp(log_softmax(x))", "softmax(x)"),
    ("tanh(x + y)", "(tanh(x) + tanh(y))/(1 + tanh(x)*tanh(y))"),
    ("softplus(x) - softplus(-x)", "x"),
    ("sqrt(x*y)", "sqrt(x)*sqrt(y)"),
    ("(x*y)**(1/3)", "x**(1/3)*y**(1/3)"),
    ("x**y", "exp(y*log(x))"),
    ("sin(x)**2", "1 - cos(x)**2"),
    ("erf(x - y)", "-erf(y - x)"),
)
DIFFERENT = (
    ("x*y", "x*y + x"),
    ("exp(x + y)", "exp(x) + exp(y)"),
    ("log(x*y)", "log(x)*log(y)"),
    ("exp(1)*x", "4*x"),
    ("inv(A + B)", "inv(A) + inv(B)"),
    ("(A @ B).T", "A.T @ B.T"),
    ("erf(x)", "erf(2*x)"),
    ("sqrt(x + y)", "sqrt(x) + sqrt(y)"),
)


def pair_of(a: str, b: str) -> tuple[tuple[gc.Expr, gc.Expr], list[gc.Expr], list[str]]:
    left, right = gc.parse(a, **NAMES), gc.parse(b, **NAMES)
    pair = expand(left), expand(right)
    return pair, leaves(pair), size_names([*pair, *leaves(pair)])


def test_the_primes_are_chained() -> None:
    for chain in (CHAIN, SINGLE):
        assert all(sympy.isprime(p) and p % 4 == 3 for p in chain)
        assert all(p == 2 * q + 1 for p, q in itertools.pairwise(chain))
    assert sympy.isprime((SINGLE[0] - 1) // 2)


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_equal_formulas_have_equal_residues(a: str, b: str) -> None:
    said = by_residues(*pair_of(a, b))
    assert said is not None
    assert "probability below 1e-" in said


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_formulas_have_different_residues(a: str, b: str) -> None:
    assert by_residues(*pair_of(a, b)) is None


def test_exponentials_logarithms_and_powers_of_residues_keep_their_laws() -> None:
    rng = np.random.default_rng(0)
    numbers = Residues(CHAIN, rng)
    a, b = numbers.random(rng), numbers.random(rng)
    product = numbers.exp(a) * numbers.exp(b)
    assert numbers.exp(a + b).values == product.values
    assert numbers.log(product).values[1:-1] == (a + b).values[1:-1]
    square = numbers.random(rng, positive=True)
    cube = numbers.power(numbers.power(square, Fraction(2, 3)), Fraction(3, 2))
    assert cube.values[:-1] == square.values[:-1]


@pytest.mark.parametrize("p", CHAIN[:-1])
def test_discrete_logarithms_are_exponents(p: int) -> None:
    for k in (0, 1, 16384, (p - 1) // 2 - 1):
        assert discrete_log(pow(4, k, p), p) == k


FACTS = (
    ("symmetric", lambda x: x - x.T),
    ("orthogonal", lambda x: x @ x.T - np.eye(3)),
    ("diagonal", lambda x: x * (1 - np.eye(3))),
    ("lower_triangular", lambda x: np.triu(x, 1)),
    ("simplex", lambda x: x.sum(-1) - 1),
    ("sums_to_one", lambda x: x.sum(-1) - 1),
    ("unit_norm", lambda x: (x * x).sum(-1) - 1),
    ("one_hot", lambda x: x.sum(-1) - 1),
    ("binary", lambda x: x * x - x),
)


@pytest.mark.parametrize(("fact", "zero"), FACTS, ids=[f for f, _ in FACTS])
def test_residues_and_digits_are_inside_the_facts(fact: str, zero: Any) -> None:
    symbol = gc.symbol("S", (3, 3), facts=[fact])
    residues = Residues(SINGLE, np.random.default_rng(1))
    left = zero(filled(symbol, {}, residues, np.random.default_rng(2)))
    assert all(residues.lifted(v).values == (0,) for v in np.ravel(left))
    left = zero(filled(symbol, {}, Precise(), np.random.default_rng(2)))
    assert all(abs(v) < 1e-50 for v in np.ravel(left))


def test_values_of_many_digits_are_those_of_floating_point() -> None:
    seen = 0
    for op in registry.values():
        for text, names in op.examples[:1]:
            expr = gc.parse(text, **names)
            symbols = leaves([expr])
            sizes = {name: 2 + i for i, name in enumerate(size_names([expr, *symbols]))}
            try:
                rng, numbers = np.random.default_rng(1), Precise(30)
                arrays = {str(s.name): filled(s, sizes, numbers, rng, prefer="unit_interval") for s in symbols}
                (found,) = values_of([expand(expr)], arrays, sizes, numbers)
                real = {k: x.astype(float) if x.dtype == object else x for k, x in arrays.items()}
                expected = evaluate(expr, {**sizes, **real})
            except (gc.GraphcError, ValueError):  # not defined here, or sizes that do not go together
                continue
            np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=1e-7, atol=1e-9, err_msg=text)
            seen += 1
    assert seen > 100


def test_residues_have_no_order() -> None:
    rng = np.random.default_rng(0)
    numbers = Residues(SINGLE, rng)
    with pytest.raises(NotExactError, match="no order"):
        assert numbers.random(rng) < numbers.random(rng)


NEAR = (
    ("x*(y + 1)", "x*y + x*(1 + 1e-9)"),
    ("softmax(x)", "softmax(x)*(1 + 1e-9)"),
    ("relu(x)", "(x + abs(x))/2 + x*1e-10"),
    ("expm(A)", "expm(A) + 1e-9*A"),
    ("sum(X)", "sum(X) + (m - 1)*(m - 2)*1e-9*sum(X)"),  # other than 0 from m = 3 on
    ("norm(x)", "norm(x)*(1 - 1e-12)"),
)


@pytest.mark.parametrize(("a", "b"), NEAR)
def test_what_floating_point_takes_as_equal_is_refuted(a: str, b: str) -> None:
    names = NAMES | gc_sizes()
    verdict = gc.check(a, b, **names)
    assert verdict.status == "wrong"
    assert verdict.counterexample is not None
    assert verdict.counterexample.close
    assert verdict.counterexample.differing.any()
    assert "of the largest entry" in verdict.reason
    assert "set_printoptions(precision=17)" in verdict.reproduce()
    shown = str(verdict).partition("second:")
    assert shown[0] != shown[2]


def gc_sizes() -> dict[str, Any]:
    return dict(zip("mn", gc.dims("m n"), strict=True))


def test_the_verdict_says_how_surely_and_why_there_is_no_proof() -> None:
    verdict = gc.check("arctan(x)", "arcsin(x/sqrt(1 + x**2))", **NAMES)
    assert verdict.status == "equal"
    assert verdict.reason.startswith("equal to 40 digits at 8 random points with sizes from 2 to 3; no proof was found")
    assert verdict.reason.endswith("no rule relates what is left of arcsin, arctan")
    x = gc.symbol("x", ("n",))
    verdict = gc.check(gc.sum(x**3) / 9, x, x**2 * (1 / 3))
    assert verdict.status == "equal"
    assert "the rounding of a number" in verdict.reason


def test_residues_and_digits_are_stated_together() -> None:
    left, right = (gc.parse(text, **NAMES) for text in ("det(A @ B)", "det(B)*det(A)"))
    found = compared(left, right, leaves([left, right]), judge_of(left, right))
    assert found.point is None
    assert found.sentence is not None
    assert found.sentence.startswith("modulo a prime of 61 bits at 8 random points with sizes from 2 to 3")
    assert "and to 40 digits at 8 random points" in found.sentence
