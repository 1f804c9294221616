"""How much work normal forms may take, counted in terms and factors: never in seconds, so that forms do not depend on
the machine.

Rewrites that are tried for a shorter form (multiplying out, one denominator, shared factors, rules) can lead to ever
longer ones. What they may spend grows with the graph, up to a limit for each node; where nothing is left, a node stays
in the form it has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphc.ir.expr import Expr
from graphc.rewriting.cost import excess

MOST = 8_000  # terms and factors that may be looked at for one node
SHARE = 60  # what each further node adds, up to the most
MANY, LATER = 2_000, 40  # so many nodes add that; those that follow add less, which layers of networks do not spend
LONGEST = MOST // 8  # terms up to which a sum is rewritten at all
COMPARED = 15  # what a comparison of two forms counts
LEVELS = 60  # forms within which one form is tried


@dataclass
class Effort:
    """What is left to spend, how many forms deep the present one is, and whether a rewrite had to be left out."""

    left: float = MOST
    level: int = 0
    exhausted: bool = False
    begun: int = 0

    def renew(self) -> None:
        """Another node is begun."""
        self.begun += 1
        share = SHARE if self.begun <= MANY else LATER
        self.left = min(MOST, self.left + share) if math.isfinite(self.left) else self.left

    def allows(self, work: int) -> bool:
        """Whether rewrites over so many terms or factors may be tried; they are then paid for."""
        if work > LONGEST:
            return False
        if self.left < work or self.level > LEVELS:
            self.exhausted = True
            return False
        self.left -= work
        return True

    def excess(self, one: Expr, other: Expr, *, pairwise: bool = False) -> int:
        """How many operations `one` has more than `other`; comparing is work as well."""
        self.left -= COMPARED
        return excess(one, other, pairwise=pairwise)


def unlimited() -> Effort:
    return Effort(left=math.inf)
