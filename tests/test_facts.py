"""Facts: what simplification concludes from them, and where they must be put aside."""

from __future__ import annotations

import pytest

import graphc as gc

n, m = gc.dims("n m")


@pytest.mark.parametrize("fact", ["binary", "sign", "integer", "one_hot", "simplex", "unit_norm"])
@pytest.mark.parametrize(("formula", "derivative"), [("sum(x**2)", "2*x"), ("sum(y*x**3)", "3*y*x**2")])
def test_a_derivative_by_a_symbol_puts_aside_what_its_entries_would_break(
    fact: str, formula: str, derivative: str
) -> None:
    x, y = gc.symbol("x", (n,), facts=[fact]), gc.symbol("y", (n,))
    f = gc.parse(formula, x=x, y=y)
    assert gc.grad(f, x) is gc.simplify(gc.parse(derivative, x=x, y=y))
    assert gc.derive(f, x).result is gc.grad(f, x)


def test_facts_of_other_symbols_are_used() -> None:
    b, s, x = gc.symbol("b", (n,), facts=["binary"]), gc.symbol("s", (n,), facts=["sign"]), gc.symbol("x", (n,))
    assert gc.grad(gc.sum(b**2 * x), x) is b
    assert gc.grad(gc.sum(s**2 * x), x) is gc.ones(n)
