"""What occurs in the topmost levels of an expression, as one number: tells at once which rules cannot match there."""

from __future__ import annotations

from graphc.ir.expr import Expr
from graphc.ir.op import Op
from graphc.ops.contraction import CONTRACT
from graphc.ops.leaves import CONSTANT, PARAMETER, SIZE, SYMBOL

RANKS = 16  # the lowest bits say which numbers of axes occur, the others which ops
_bits: dict[Op, int] = dict.fromkeys((CONTRACT, CONSTANT, PARAMETER, SIZE, SYMBOL), 0)  # what patterns do not ask for


def reach(node: Expr, depth: int) -> int:
    """The numbers of axes and the ops of `node` and of what is at most `depth` levels below it."""
    levels: list[int] = node.cache.setdefault("reach", [])
    if not levels:
        levels.append((1 << min(len(node.shape), RANKS - 1)) | bit(node.op))
    while len(levels) <= depth:
        found = levels[0]
        for o in node.operands:
            found |= reach(o, len(levels) - 1)
        levels.append(found)
    return levels[depth]


def bit(op: Op) -> int:
    found = _bits.get(op)
    if found is None:
        found = _bits[op] = 1 << (RANKS + len(_bits))
    return found


def ranks(node: Expr, depth: int) -> list[int]:
    """The numbers of axes that occur down to `depth`, in ascending order."""
    mask = reach(node, depth)
    return [rank for rank in range(RANKS) if mask >> rank & 1]


def needed(pattern: Expr) -> int:
    """The ops that are in whatever matches `pattern`."""
    return reach(pattern, pattern.depth) >> RANKS << RANKS
