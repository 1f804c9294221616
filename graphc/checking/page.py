"""Verdicts as LaTeX and HTML, and arrays with the entries that differ marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from graphc.ir.expr import Expr
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
    parts = [f"<p><strong>{escape(headline)}</strong></p>", f"<p>{mathml(formula)}</p>", f"<p>{escape(reason)}</p>"]
    parts += [f"<p><em>{escape(name)}</em>: {escape(text)}</p>" for name, text in notes]
    if repair:
        parts.append(f"<p><em>repaired</em>: <code>{escape(repair)}</code></p>")
    if arrays:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{cells(value, marks)}</td></tr>" for name, value, marks in arrays
        )
        parts.append(f"<table><caption>counterexample</caption>{rows}</table>")
    return f'<div class="graphc-verdict">{"".join(parts)}</div>'


def cells(value: Any, marked: Any) -> str:
    """An array as text with the marked entries in ``<mark>``."""
    pieces = escape(array_text(value, marked)).split("*")
    return "".join(f"<mark>{piece}</mark>" if i % 2 else piece for i, piece in enumerate(pieces))


def mathml(formula: str) -> str:
    """LaTeX as MathML."""
    from latex2mathml.converter import convert  # noqa: PLC0415 - costs more than the rest of the import

    return str(convert(formula))
