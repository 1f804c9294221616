"""Terms of a sum by what they are beside a function of one exponential: those that have the same may cancel."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ops.contraction import Labels
from graphc.rewriting.order import Factor
from graphc.scheduling.exponentials import Rational

Key: TypeAlias = "tuple[tuple[Factor, ...], Expr | None]"  # the other factors of a term, and x of its exp(x)
Member: TypeAlias = "tuple[Rational, tuple[Fraction, Expr]]"  # a function of exp(x), and the term that it is


def join_numbers(groups: dict[Key, list[Member]]) -> None:
    """Terms without an exponential join those of the one exponential that has the same other factors."""
    for rest, base in list(groups):
        others = [k for k in groups if k[0] == rest and k[1] is not base]
        if base is None and len(others) == 1:
            groups[others[0]] += groups.pop((rest, base))


def cancels(terms: list[Rational], whole: Rational) -> bool:
    """Whether the sum is smaller than its terms at an end, or at 0."""
    if not whole.coefficient:
        return True
    return (
        whole.low > min(r.low for r in terms)
        or whole.high < max(r.high for r in terms)
        or whole.zeros > min(r.zeros for r in terms)
    )


def own_labels(x: Expr) -> Labels:
    return tuple(-1 if d == 1 else i for i, d in enumerate(x.shape))
