"""Instructions as calls that write into a buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ops.reductions import entries
from graphc.scheduling.builder import COMPARISONS
from graphc.scheduling.plan import VIEWS, Instruction
from graphc.scheduling.scales import Scale

if TYPE_CHECKING:
    from graphc.codegen.fast import Fast

KEYWORD_OUT = frozenset(("maximum", "minimum"))  # a positional out is deprecated
REDUCTIONS = {"sum": "add", "prod": "multiply", "max": "maximum", "peak": "maximum", "min": "minimum"}
LETTERS = "ijklmnopqrstuvwxyz"


class Calls:
    """Lines of the form ``ufunc(a, b, out)``."""

    def __init__(self, fast: Fast) -> None:
        self.fast = fast
        self.plan = fast.plan

    def line(self, place: int, out: str) -> str:
        """The call that computes the value at `place` into `out`."""
        inst = self.plan.instructions[place]
        if inst.kind == "matmul":
            return self._matmul(inst, out)
        if inst.kind in REDUCTIONS:
            return self._reduction(inst, out)
        if inst.kind == "sumproduct":
            return self._sumproduct(inst, out)
        if inst.kind in KEYWORD_OUT:
            return f"{self._f(inst.kind)}({', '.join(self._row(inst, o) for o in inst.operands)}, out={out})"
        args = [self._operand(inst, o) for o in inst.operands]
        if inst.kind == "spread":
            return f'{self._f("copyto")}({self._f("einsum")}("{inst.detail}", {out}), {args[0]})'
        if inst.kind == "scale":
            return self._scale(inst, args[0], out)
        if inst.kind == "einsum":
            return f'{self._f("einsum")}("{inst.detail}", {", ".join(args)}, out={out})'
        if inst.kind == "concat":
            return f"{self._f('concatenate')}(({', '.join(args)}), {inst.detail}, {out})"
        if inst.kind == "place":
            return self._place(inst, args[0], out)
        if inst.kind == "triangle":
            name, k = inst.detail
            mask = self.fast.triangle(name, k, inst.shape)
            return f"{out}.fill(0)\n{self._f('copyto')}({out}, {args[0]}, where={mask})"
        if inst.kind in ("copy", "cast"):
            return f"{self._f('copyto')}({out}, {args[0]})"
        return f"{self._f(inst.kind)}({', '.join([*args, out])})"

    def _place(self, inst: Instruction, x: str, out: str) -> str:
        """A frame of one value, and the block written into it."""
        parts, value, _ = inst.detail
        self.fast.writer.sizes = set()
        key = self.fast.writer.key(parts)
        self.fast.sizes |= self.fast.writer.sizes
        return f"{out}.fill({self.fast.constant(value, inst.dtype)})\n{out}[{key}] = {x}"

    def _f(self, name: str) -> str:
        return self.fast.function(name)

    def _operand(self, inst: Instruction, place: int) -> str:
        """An operand's variable; a number as a 0-d array of the class that the instruction computes in."""
        if self.plan.instructions[place].kind != "number":
            return self.fast.bound[place]
        found = inst.dtype
        if inst.kind in COMPARISONS:
            classes = [self.plan.instructions[o].dtype for o in inst.operands]
            found = "float" if "float" in classes or "int64" not in classes else "int64"
        return self.fast.constant(self.plan.instructions[place].detail, found)

    def _row(self, inst: Instruction, place: int) -> str:
        """An operand; zero as a row of zeros, with which NumPy compares faster than with a scalar."""
        operand = self.plan.instructions[place]
        if inst.dtype == "float" and inst.shape and operand.kind == "number" and operand.detail.size_free == 0:
            return self.fast.constant_row("0", inst.shape[-1])
        return self._operand(inst, place)

    def _scale(self, inst: Instruction, x: str, out: str) -> str:
        scale: Scale = inst.detail
        if scale.size_free == -1:
            return f"{self._f('negative')}({x}, {out})"
        return f"{self._f('multiply')}({x}, {self.fast.constant(scale, inst.dtype)}, {out})"

    def _matmul(self, inst: Instruction, out: str) -> str:
        a, b = inst.operands
        left, right = (self.plan.instructions[o] for o in inst.operands)
        x, y = self.fast.bound[a], self.fast.bound[b]
        if len(left.shape) <= 2 and len(right.shape) <= 2:
            return f"{self._f('dot')}({x}, {y}, {out})"
        if len(right.shape) <= 2 and left.kind not in VIEWS and inst.dtype == "float":
            rows = entries(left.shape[:-1])
            flat, target = self.fast.shape((rows, left.shape[-1])), self.fast.shape((rows, *right.shape[1:]))
            return f"{self._f('dot')}({x}.reshape{flat}, {y}, {out}.reshape{target})"
        return f"{self._f('matmul')}({x}, {y}, {out})"

    def _reduction(self, inst: Instruction, out: str) -> str:
        (operand,) = inst.operands
        axes, keepdims = inst.detail
        axis = self._axis(operand, axes)
        name = REDUCTIONS[inst.kind]
        least = ", -np.inf" if inst.kind == "peak" else ""
        dtype = "np.int64" if inst.kind == "sum" and inst.dtype == "int64" else "None"
        return f"{self._f(name)}.reduce({self.fast.bound[operand]}, {axis}, {dtype}, {out}, {keepdims}{least})"

    def _axis(self, operand: int, axes: tuple[int, ...]) -> str:
        every = len(axes) == len(self.plan.instructions[operand].shape)
        return "None" if every else str(axes[0]) if len(axes) == 1 else str(axes)

    def _sumproduct(self, inst: Instruction, out: str) -> str:
        a, b = (self.fast.bound[o] for o in inst.operands)
        shape = self.plan.instructions[inst.operands[0]].shape
        axes, keepdims = inst.detail
        kept = [i for i in range(len(shape)) if i not in axes]
        if keepdims:
            out = f"{out}.reshape({self.fast.shape(tuple(shape[i] for i in kept))})"
        if not kept:
            flat = "" if len(shape) == 1 else ".reshape(-1)"
            return f"{self._f('dot')}({a}{flat}, {b}{flat}, {out})"
        if axes == (len(shape) - 1,):
            return f"{self._f('vecdot')}({a}, {b}, {out})"
        letters = LETTERS[: len(shape)]
        text = f"{letters},{letters}->{''.join(letters[i] for i in kept)}"
        return f'{self._f("einsum")}("{text}", {a}, {b}, out={out})'
