"""Verdicts as LaTeX and HTML, and arrays with the entries that differ marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from graphc.ir.expr import Expr
from graphc.visualize import html
from graphc.visualize.html import Html
from graphc.visualize.latex import latex

RELATIONS = {"proved": "=", "equal": "=", "wrong": r"\neq", "undecided": r"\overset{?}{=}", "incomparable": r"\not\sim"}


def shown(value: Any) -> str:
    """An expression or a claim as text."""
    if callable(value) and not isinstance(value, Expr):
        return f"{getattr(value, '__name__', 'function')}(...)"
    return str(value)


def array_text(value: Any, marked: Any = None) -> str:
    """An array as nested lists; entries that differ stand between asterisks."""
    array = np.asarray(value)
    marks = np.zeros(array.shape, dtype=bool) if marked is None else marked
    if array.ndim == 0:
        text = f"{float(array):.6g}"
        return f"*{text}*" if marks else text
    return f"[{', '.join(array_text(a, m) for a, m in zip(array, marks, strict=True))}]"


def equation(status: str, claim: Any, answer: Expr | None) -> str:
    r"""``claim = answer``, or with the sign that the status calls for."""
    left = latex(claim) if isinstance(claim, Expr) else rf"\text{{{shown(claim).translate(PLAIN)}}}"
    if answer is None:
        return rf"{left} \quad \text{{({status})}}"
    return rf"{left} {RELATIONS[status]} {latex(answer)} \quad \text{{({status})}}"


PLAIN = {ord(c): " " for c in "\\{}$&#^_%~"}


def page(
    headline: str,
    formula: str,
    reason: str,
    notes: Sequence[tuple[str, str]],
    repair: str | None,
    arrays: Sequence[tuple[str, Any, Any]],
) -> str:
    """The parts of a verdict as one HTML element, without scripts."""
    blocks = [html.math(formula), _line(reason)]
    blocks += [_line(text, name) for name, text in notes]
    if repair:
        blocks.append(Html(f"<p><em>repaired</em>: <code>{escape(repair)}</code></p>"))
    if arrays:
        rows = [[name, cells(value, marks)] for name, value, marks in arrays]
        blocks.append(html.table([], rows, caption="counterexample"))
    return html.verdict(headline, blocks)


def _line(text: str, name: str = "") -> Html:
    return Html(f"<p>{f'<em>{escape(name)}</em>: ' if name else ''}{escape(text)}</p>")


def cells(value: Any, marked: Any) -> Html:
    """An array as text with the marked entries in ``<mark>``."""
    pieces = escape(array_text(value, marked)).split("*")
    return Html("".join(f"<mark>{piece}</mark>" if i % 2 else piece for i, piece in enumerate(pieces)))
