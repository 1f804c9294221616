"""The plan: instructions in order, each computing one value, with lifetimes and buffers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.errors import GraphcError
from graphc.ir.dims import Shape, dim_names, shape_text
from graphc.ir.expr import Expr
from graphc.scheduling.sizing import Wholes, flat

VIEWS = frozenset(("transpose", "index", "broadcast_to", "reshape", "diagonal", "view"))
LEAVES = frozenset(("input", "number", "full", "eye", "array"))
UNALLOCATED = frozenset(("call", "where"))  # NumPy allocates their results itself


@dataclass(frozen=True, slots=True)
class Instruction:
    """One value, computed once.

    Attributes
    ----------
    kind : a ufunc's name, ``matmul``, ``sum``, one of `VIEWS` or `LEAVES`, ...
    operands : places of the operands in the plan
    detail : what the kind needs beside its operands: axes, a key, a scale, an index text
    shape : symbolic shape
    dtype : "float" (that of the arrays given at run time), "int64", "bool", or "number" for a Python scalar
    static : whether the value depends on sizes alone
    """

    kind: str
    operands: tuple[int, ...]
    detail: Any
    shape: Shape
    dtype: str
    static: bool = False

    @property
    def sizes(self) -> set[str]:
        """The names of sizes in the shape and in what the kind needs."""
        return dim_names((*self.shape, *flat(self.detail)))


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of memory for values of one shape and dtype; `output` is the place of the output it ends as."""

    shape: Shape
    dtype: str
    output: int | None = None


@dataclass
class Plan:
    """An ordered program over values; values are named by their place in `instructions`.

    Attributes
    ----------
    inputs : the declared symbols, in the order of the arguments
    outputs : the place of each output's value
    names : the user's names of values: inputs, named intermediates
    sources : the expressions of named intermediates and of outputs
    last_use : for each value, the place of the last instruction that reads it (or a view of it)
    slot_of : the slot each value is written to; None for leaves, views and what NumPy allocates itself
    functions : kernels that the plan calls, by name
    whole : what stands for compound sizes in the instructions
    """

    instructions: list[Instruction]
    inputs: list[Expr]
    outputs: list[int]
    names: dict[int, str]
    sources: dict[int, Expr] = field(default_factory=dict)
    last_use: list[int] = field(default_factory=list)
    slot_of: list[int | None] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    functions: dict[str, Any] = field(default_factory=dict)
    whole: Wholes = field(default_factory=Wholes)

    def shape(self, place: int) -> Shape:
        """The shape of a value as the user declared it."""
        return self.whole.declared(self.instructions[place].shape)

    def base(self, place: int) -> int:
        """The value whose memory `place` looks at."""
        while self.instructions[place].kind in VIEWS:
            place = self.instructions[place].operands[0]
        return place

    def __str__(self) -> str:
        lines = []
        for place, inst in enumerate(self.instructions):
            operands = ", ".join(f"%{o}" for o in inst.operands)
            detail = "" if inst.detail is None else f" [{inst.detail}]"
            slot = "" if not self.slot_of or self.slot_of[place] is None else f" -> slot {self.slot_of[place]}"
            name = f"  # {self.names[place]}" if place in self.names else ""
            lines.append(
                f"%{place} = {inst.kind}({operands}){detail} : {shape_text(inst.shape)} {inst.dtype}{slot}{name}"
            )
        return "\n".join([*lines, "return " + ", ".join(f"%{o}" for o in self.outputs)])


def verify(plan: Plan) -> None:
    """Check that operands come before their users and that no live value is overwritten.

    Raises
    ------
    GraphcError
        Naming the instruction at fault; a plan that `plan` made never fails.
    """
    holder: dict[int, int] = {}
    ends = final_uses(plan.instructions, plan.outputs)
    for place, inst in enumerate(plan.instructions):
        if any(o >= place for o in inst.operands):
            raise GraphcError(f"plan: %{place} uses a value that comes later")
        for o in inst.operands:
            base = plan.base(o)
            slot = plan.slot_of[base]
            if slot is not None and holder.get(slot) != base:
                raise GraphcError(f"plan: %{place} reads %{base}, whose slot {slot} was overwritten")
        slot = plan.slot_of[place]
        if slot is None:
            continue
        held = plan.slots[slot]
        if held.shape != inst.shape or held.dtype != inst.dtype:
            raise GraphcError(f"plan: %{place} does not fit slot {slot}")
        if slot in holder and ends[holder[slot]] > place:
            raise GraphcError(f"plan: %{place} overwrites %{holder[slot]}, which is still needed")
        holder[slot] = place
    for output in plan.outputs:
        slot = plan.slot_of[output]
        if slot is None or holder[slot] != output or plan.slots[slot].output != output:
            raise GraphcError(f"plan: the output %{output} has no memory of its own")


def final_uses(instructions: Sequence[Instruction], outputs: Sequence[int]) -> list[int]:
    """The place of the last reader of each value, uses of its views included; past the end for outputs."""
    ends = list(range(len(instructions)))
    for place, inst in enumerate(instructions):
        for o in inst.operands:
            ends[o] = place
    for output in outputs:
        ends[output] = len(instructions)
    for place in reversed(range(len(instructions))):
        if instructions[place].kind in VIEWS:
            source = instructions[place].operands[0]
            ends[source] = max(ends[source], ends[place])
    return ends
