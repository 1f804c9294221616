"""Which one array a node is a function of, entry by entry: sums of functions of several have no series."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.leaves import CONSTANT, NAMED, PI, SIZE
from graphc.ops.reductions import WHERE

NOTHING: frozenset[Expr] = frozenset()


class Bases:
    """The arrays found so far."""

    def __init__(self) -> None:
        self.memo: dict[Expr, frozenset[Expr]] = {}

    def single(self, groups: Sequence[Sequence[tuple[Fraction, Expr]]]) -> bool:
        """Whether all terms are functions of one array."""
        found = NOTHING
        for group in groups:
            for _, term in group:
                found |= self.of(term)
                if len(found) > 1:
                    return False
        return len(found) == 1

    def of(self, node: Expr) -> frozenset[Expr]:
        """The array that a node is a function of, none for a number; what is made of several is an array of its own."""
        stack = [node]
        while stack:
            top = stack[-1]
            opens = (
                top.op in (NAMED, ADD, WHERE) or (top.op is CONTRACT and not summed(top)) or top.op.formula is not None
            )
            missing = [o for o in top.operands if o not in self.memo] if opens and top not in self.memo else []
            if missing:
                stack += missing
                continue
            stack.pop()
            if top in self.memo:
                continue
            if top.op in (CONSTANT, PI, SIZE):
                self.memo[top] = NOTHING
                continue
            found = NOTHING.union(*(self.memo[o] for o in top.operands)) if opens else frozenset((top,))
            self.memo[top] = found if len(found) < 2 else frozenset((top,))
        return self.memo[node]
