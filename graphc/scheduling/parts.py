"""Entries of an array: slices of it, perhaps stretched or with an axis dropped."""

from __future__ import annotations

from graphc.ir.expr import Expr, rebuild
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.slicing import SLICE
from graphc.scheduling.recognition import plain


def whole_of(f: Expr) -> tuple[Expr, list[Expr]]:
    """The array that `f` has entries of, and the steps from it to `f`; there are none where `f` is no slice."""
    steps: list[Expr] = []
    x = plain(f)
    while x.op is SLICE or _moves(x):
        steps.append(x)
        x = plain(x.operands[0])
    return (x, steps[::-1]) if any(s.op is SLICE for s in steps) else (plain(f), [])


def entries_of(value: Expr, steps: list[Expr]) -> Expr:
    """The same entries of another array."""
    for step in steps:
        value = rebuild(step, (value,))
    return value


def _moves(x: Expr) -> bool:
    """Whether a product is its only factor, with axes of size 1 more or less."""
    if x.op is not CONTRACT or len(x.operands) != 1 or summed(x):
        return False
    return bool(x.attributes["coefficient"] == 1 and x.attributes["exponents"] == (1,))
