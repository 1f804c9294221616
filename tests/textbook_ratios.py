"""How long printed derivatives are against published ones: ``python tests/textbook_ratios.py``.

The length of a formula is the number of nodes of its text's tree: names, numbers, operators, calls, subscripts and
transposes.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import published
import published_models
import published_more
import published_problems
import published_spellings
import test_matrix_book
import test_textbook_derivatives

import graphc as gc
from graphc.ir.expr import Expr

COUNTED = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Attribute, ast.Subscript, ast.Compare, ast.Constant, ast.Name)

DERIVATIVES = {**test_textbook_derivatives.MAPS, "vjp": gc.vjp, "jvp": gc.jvp, "hvp": gc.hvp}


@dataclass(frozen=True)
class Row:
    """A derivative as it is printed, and as it was published."""

    title: str
    text: str
    printed: str
    source: str

    @property
    def ratio(self) -> float:
        return length(self.text) / length(self.printed)


def length(text: str) -> int:
    """The nodes of a formula's tree; of a listing, those of all its lines. A function's name counts for its call."""
    nodes = list(ast.walk(ast.parse(text)))
    calls = sum(isinstance(node, ast.Call) for node in nodes)
    return sum(isinstance(node, COUNTED) for node in nodes) - calls


def rows() -> list[Row]:
    """The tables of published forms, derived."""
    found = []
    for kind, function, by, form, source in test_textbook_derivatives.CASES:
        found.append(
            row(test_textbook_derivatives.MAPS[kind], test_textbook_derivatives.NAMES, function, by, form, source)
        )
    found += [row(gc.grad, test_matrix_book.NAMES, *entry, "Cookbook") for entry in test_matrix_book.FORMS]
    found += [row(gc.grad, published.NAMES, *entry) for entry in published.PUBLISHED]
    for kind, *entry in published_more.MORE:
        found.append(row(test_textbook_derivatives.MAPS[kind], published_more.MORE_NAMES, *entry))
    for kind, *entry in published_models.MODELS:
        found.append(row(test_textbook_derivatives.MAPS[kind], published_models.MODEL_NAMES, *entry))
    for kind, *entry in published_problems.PROBLEMS:
        found.append(row(DERIVATIVES[kind], published_problems.PROBLEM_NAMES, *entry))
    for kind, *entry in published_spellings.SPELLINGS:
        found.append(row(DERIVATIVES[kind], published_spellings.SPELLING_NAMES, *entry))
    return found


def row(derivative: Callable[..., Any], names: dict[str, Any], function: str, by: str, form: str, source: str) -> Row:
    x, *along = (names[x] if isinstance(names[x], Expr) else gc.symbol(x, names[x]) for x in by.split())
    result = derivative(gc.parse(function, **names), x, *along)
    return Row(f"{function} by {by}", str(result), form, source)


def report(table: list[Row]) -> str:
    ratios = [entry.ratio for entry in table]
    short = sum(ratio <= 1.5 for ratio in ratios) / len(ratios)
    lines = [f"{len(table)} forms: median {statistics.median(ratios):.2f}, {short:.0%} at most 1.5, the longest:"]
    for entry in sorted(table, key=lambda entry: -entry.ratio)[:5]:
        lines.append(f"  {entry.ratio:.2f}  {entry.title}: {entry.text}  against  {entry.printed} ({entry.source})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(report(rows()) + "\n")
