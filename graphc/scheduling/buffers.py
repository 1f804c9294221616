"""Memory: one slot for each value that is written, reused when its value is dead, in place where that is legal.

What is zero off a diagonal keeps its slot: the zeros are written once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from graphc.scheduling.plan import LEAVES, UNALLOCATED, VIEWS, Instruction, Plan, Slot, final_uses

NOT_ENTRYWISE = frozenset(("matmul", "vecdot"))  # ufuncs that read entries they have written


def assign(plan: Plan) -> None:
    """Fill in lifetimes and slots."""
    plan.last_use = final_uses(plan.instructions, plan.outputs)
    plan.slot_of = [None] * len(plan.instructions)
    free: dict[Any, list[int]] = defaultdict(list)
    dying: dict[int, list[int]] = defaultdict(list)
    for place, end in enumerate(plan.last_use):
        dying[end].append(place)
    outputs = set(plan.outputs)
    for place, inst in enumerate(plan.instructions):
        if inst.kind not in LEAVES | VIEWS | UNALLOCATED and not (inst.static and place not in outputs):
            slot = _in_place(plan, place)
            if slot is None:
                waiting = [] if inst.kind == "spread" else free[inst.shape, inst.dtype]
                slot = waiting.pop() if waiting else _new(plan, place)
            plan.slot_of[place] = slot
            if place in outputs:
                plan.slots[slot] = Slot(inst.shape, inst.dtype, place)
        for dead in dying[place]:
            slot = plan.slot_of[dead] if plan.instructions[dead].kind != "spread" else None
            if slot is not None and slot != plan.slot_of[place]:
                free[plan.slots[slot].shape, plan.slots[slot].dtype].append(slot)
            elif slot is not None and dead == place:
                free[inst.shape, inst.dtype].append(slot)


def _new(plan: Plan, place: int) -> int:
    inst = plan.instructions[place]
    plan.slots.append(Slot(inst.shape, inst.dtype))
    return len(plan.slots) - 1


def _in_place(plan: Plan, place: int) -> int | None:
    """The slot of an operand that dies here and can be overwritten entry by entry."""
    inst = plan.instructions[place]
    if not entrywise(inst):
        return None
    for o in dict.fromkeys(inst.operands):
        operand = plan.instructions[o]
        fits = operand.shape == inst.shape and operand.dtype == inst.dtype
        if plan.slot_of[o] is None or operand.kind == "spread" or not fits or plan.last_use[o] != place:
            continue
        if all(other == o or plan.base(other) != o for other in inst.operands):
            return plan.slot_of[o]
    return None


def entrywise(inst: Instruction) -> bool:
    """Whether an instruction reads each entry before it writes it, and no other."""
    return inst.kind == "scale" or (
        inst.kind not in NOT_ENTRYWISE and isinstance(getattr(np, inst.kind, None), np.ufunc)
    )
