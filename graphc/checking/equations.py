"""A claim and the right result as LaTeX."""

from __future__ import annotations

from typing import Any

from graphc.checking.page import text_of
from graphc.ir.expr import Expr
from graphc.visualize.latex import latex

RELATIONS = {"proved": "=", "equal": "=", "wrong": r"\neq", "undecided": r"\overset{?}{=}", "incomparable": r"\not\sim"}
PLAIN = {ord(c): " " for c in "\\{}$&#^_%~"}


def equation(status: str, claim: Any, answer: Expr | None) -> str:
    r"""``claim = answer``, or with the sign that the status calls for."""
    left = latex(claim) if isinstance(claim, Expr) else rf"\text{{{text_of(claim).translate(PLAIN)}}}"
    if answer is None:
        return rf"{left} \quad \text{{({status})}}"
    return rf"{left} {RELATIONS[status]} {latex(answer)} \quad \text{{({status})}}"
