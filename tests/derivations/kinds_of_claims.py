"""What is said of a claim in the tables: right, or the kind of mistake in it."""

from __future__ import annotations

from typing import Any, NamedTuple

RIGHT = ""
TRANSPOSE, ORDER, SIGN, CONSTANT = "transpose", "operand order", "sign", "constant factor"
SUM, CHAIN, ACTIVATION, VARIABLE = "sum or mean", "chain factor", "wrong activation", "wrong variable"
PATH, STATISTIC, DIAGONAL, MASK = "forgotten path", "forgotten statistic", "off-diagonal part", "dropped mask"
EXPONENT, ASSUMPTION, SHAPE, PART = "exponent", "assumption", "wrong shape", "wrong part"
TERM, FUNCTION, PRODUCT, FACTOR = "term", "wrong function", "wrong operation", "superfluous factor"
UNREADABLE = "incomparable: "  # before the kind: sizes do not fit together as it is written

Claims = list[tuple[str, str, str]]  # variable, formula, right or the kinds that name the mistake (between bars)
Case = tuple[str, dict[str, Any], Claims]  # function, what its names stand for, claims


class Known(NamedTuple):
    """A symbol with declared facts."""

    shape: tuple[str, ...]
    facts: tuple[str, ...]


def known(facts: str, *shape: str) -> Known:
    return Known(shape, tuple(facts.split()))


S: tuple[str, ...] = ()
N, D, K, M = ("n",), ("d",), ("k",), ("m",)
NN, ND, DK, NK, MN, MD, NM = ("n", "n"), ("n", "d"), ("d", "k"), ("n", "k"), ("m", "n"), ("m", "d"), ("n", "m")
