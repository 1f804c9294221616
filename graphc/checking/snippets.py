"""A counterexample as a NumPy script that anyone can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.checking.prove import leaves
from graphc.codegen import emit
from graphc.ir.expr import Expr


def snippet(
    answer: Expr, claim: Expr, values: Mapping[str, Any], labels: tuple[str, str], *, in_full: bool = False
) -> str:
    """A script that computes `answer` and `claim` at `values` and prints both; it imports NumPy alone.

    With `in_full`, it prints all digits.
    """
    symbols = leaves([answer, claim])
    source = emit({f"out_{label}": e for label, e in zip(labels, (answer, claim), strict=True)}, symbols, name="both")
    lines = [f"{s.name} = np.array({literal(values[str(s.name)])})" for s in symbols]
    arguments = ", ".join(str(s.name) for s in symbols)
    if in_full:
        lines.append("np.set_printoptions(precision=17)")
    shown = [f'print("{label}:", {label}, sep="\\n")' for label in labels]
    return "\n".join([source.rstrip(), "", "", *lines, f"{', '.join(labels)} = both({arguments})", *shown, ""])


def literal(value: Any) -> str:
    """An array as nested lists that read back to the same numbers."""
    return repr(np.asarray(value).tolist())
