"""What is written along the wire that leaves a node."""

from __future__ import annotations

from typing import NamedTuple

from graphc.visualize.typeset import Formula

LINE = 13.0  # distance of lines


class Wire(NamedTuple):
    """Lines of formulas above the wire, and lines below it."""

    above: list[list[Formula]]
    below: list[list[Formula]]

    @property
    def width(self) -> float:
        rows = self.above + self.below
        return max((_row_width(r) for r in rows), default=0.0) + 14 if rows else 0.0

    @property
    def height(self) -> float:
        return 2 * max(_stack(self.above), _stack(self.below)) + 6


def _row_width(row: list[Formula]) -> float:
    return sum(f.width for f in row) + 7 * (len(row) - 1)


def _row_height(row: list[Formula]) -> float:
    return max([LINE, *(f.height + 2 for f in row)])


def _stack(rows: list[list[Formula]]) -> float:
    return sum(map(_row_height, rows))


def write(wire: Wire, x: float, y: float) -> str:
    """The SVG of the label around a wire whose middle is at (x, y)."""
    out = []
    top = y - 3 - _stack(wire.above)
    for rows, start in ((wire.above, top), (wire.below, y + 3)):
        at = start
        for row in rows:
            left, high = x - _row_width(row) / 2, _row_height(row)
            for formula in row:
                out.append(formula.at(left + formula.width / 2, at + high / 2))
                left += formula.width + 7
            at += high
    return "".join(out)
