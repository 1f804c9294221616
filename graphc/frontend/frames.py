"""The tables of the formula's grammar, and what was read so far within each open bracket."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphc.frontend import sizes
from graphc.ops import elementwise, logic

COMPARE, EITHER, BOTH, SUM, PRODUCT, UNARY, POWER = range(7)
BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "<": (COMPARE, operator.lt),
    "<=": (COMPARE, operator.le),
    ">": (COMPARE, operator.gt),
    ">=": (COMPARE, operator.ge),
    "==": (COMPARE, elementwise.equal),
    "!=": (COMPARE, elementwise.not_equal),
    "|": (EITHER, logic.either),
    "&": (BOTH, logic.both),
    "+": (SUM, operator.add),
    "-": (SUM, operator.sub),
    "*": (PRODUCT, operator.mul),
    "/": (PRODUCT, operator.truediv),
    "@": (PRODUCT, operator.matmul),
    "//": (PRODUCT, sizes.floor_division),
    "%": (PRODUCT, sizes.remainder),
    "**": (POWER, operator.pow),
}
PREFIX: dict[str, Callable[[Any], Any]] = {"-": operator.neg, "+": operator.pos, "~": logic.opposite}
CLOSING = {"group": ")", "call": ")", "list": "]", "index": "]", "line": "end of the line"}


@dataclass(slots=True)
class Frame:
    """An open bracket, or the line itself: what was read in it so far."""

    kind: str
    offset: int
    head: Any = None  # the name of the function, or the array that is indexed
    items: list[Any] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    keyword: str | None = None
    slices: list[Any] = field(default_factory=list)
    operators: list[tuple[str, int, int]] = field(default_factory=list)  # a prefix operator has the level UNARY
    operands: list[Any] = field(default_factory=list)
    comma: bool = False
    bound: tuple[Any, ...] = ()  # the indices that ``sum[i](...)`` binds

    @property
    def at_start(self) -> bool:
        """Whether the next word begins an item."""
        return not self.operators and not self.operands
