"""Derivatives are as short as in textbooks and papers, and right: the tables of published forms together."""

from __future__ import annotations

import statistics

import numpy as np
import published
import published_models
import published_more
import published_problems
import published_spellings
import pytest
import textbook_ratios
from generate import wide_arrays

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import SYMBOL

SIZES = {"n": 3, "d": 2, "k": 4, "m": 5}


@pytest.fixture(scope="module")
def table() -> list[textbook_ratios.Row]:
    return textbook_ratios.rows()


def test_printed_derivatives_are_as_short_as_published_ones(table: list[textbook_ratios.Row]) -> None:
    ratios = [row.ratio for row in table]
    assert len(ratios) >= 1565
    assert statistics.median(ratios) <= 1.0, textbook_ratios.report(table)
    assert sum(ratio <= 1.5 for ratio in ratios) >= 0.98 * len(ratios), textbook_ratios.report(table)


def test_the_count_is_that_of_the_formula() -> None:
    assert textbook_ratios.length("x") == 1
    assert textbook_ratios.length("2*A.T @ (x - 1)") == 8
    assert textbook_ratios.length("sum(exp(x), axis=1)") == 4
    assert textbook_ratios.length("y = a + b\ny*y") == 7


def at_random(f: Expr, seed: int) -> dict[str, object]:
    symbols = [s for s in topological([f]) if s.op is SYMBOL]
    return {**wide_arrays(symbols, SIZES, seed), **SIZES}  # type: ignore[arg-type]


EVERY = [
    *(("gradient", *row) for row in published.PUBLISHED),
    *published_more.MORE,
    *published_models.MODELS,
    *published_problems.PROBLEMS,
    *published_spellings.SPELLINGS,
]
NAMES = published_spellings.SPELLING_NAMES


@pytest.mark.parametrize(
    ("kind", "function", "by", "form", "source"), EVERY, ids=[f"{kind} of {f} by {x}" for kind, f, x, *_ in EVERY]
)
def test_published_forms_are_the_derivatives(kind: str, function: str, by: str, form: str, source: str) -> None:
    f, (x, *along) = gc.parse(function, **NAMES), (NAMES[x] for x in by.split())
    g = textbook_ratios.DERIVATIVES[kind](f, x, *along)  # type: ignore[operator]
    assert gc.parse(str(g), **gc.names(g)) is g
    claim = gc.parse(form, **NAMES)
    for seed in (1, 2):
        values = at_random(gc.sum(g) + gc.sum(claim) + gc.sum(f), seed)
        with np.errstate(all="ignore"):
            left, right = gc.evaluate(g, values), gc.evaluate(claim, values)
        ok = np.isfinite(right)
        assert ok.any(), source
        assert np.allclose(left[ok], np.broadcast_to(right, left.shape)[ok], rtol=1e-7, atol=1e-9), f"{g} ({source})"
