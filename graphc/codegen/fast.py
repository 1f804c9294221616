"""Code to run in a loop: buffers reused by lifetime, ``out=`` everywhere, constants bound in the dtype at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphc.codegen.binding import input_arrays, untold
from graphc.codegen.calling import call_text, prepare_text
from graphc.codegen.calls import Calls
from graphc.codegen.expressions import Piece, Writer, size_names
from graphc.codegen.layout import broken
from graphc.codegen.names import UFUNCS, Names
from graphc.codegen.sources import called, function_sources, is_numpy
from graphc.ir.dims import Dim, Shape
from graphc.scheduling.plan import UNALLOCATED, VIEWS, Plan
from graphc.scheduling.scales import Scale

ALIGNED = '''
def _empty(shape, dtype):
    """An array that starts on a cache line."""
    dtype = np.dtype(dtype)
    count = 1
    for size in shape:
        count *= size
    raw = np.empty(count * dtype.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * dtype.itemsize].view(dtype).reshape(shape)
'''.strip()


class Donor(NamedTuple):
    """An input whose memory an output ends in: written there `direct`, or its `whole` slot; else copied at the end."""

    place: int
    direct: bool
    whole: bool


LARGEST = "0.999 * np.log(np.finfo(dtype).max)"  # the logarithm of what a dtype can hold


class Fast:
    """Writes a plan as ``_build`` (buffers and a closure over them) and a function that calls the closure.

    Parameters
    ----------
    donors : for outputs, the inputs they replace
    """

    def __init__(
        self,
        plan: Plan,
        output_names: Sequence[str],
        name: str,
        build: str = "_build",
        donors: Mapping[int, Donor] | None = None,
    ) -> None:
        self.plan, self.name, self.output_names, self.build_name = plan, name, list(output_names), build
        self.donors = dict(donors or {})
        functions = {n for n, f in plan.functions.items() if not is_numpy(f)}
        self.names = Names(
            UFUNCS | functions | {name, "_empty", "_build", "_prepare", "_pools", "run", "copy", "out", "outs"}
        )
        self.inputs = [self.names.fresh(str(s.name)) for s in plan.inputs]
        self.renamed = {n: self.names.fresh(n) for n in sorted(size_names(plan))}
        self.writer = Writer(plan.functions, self.renamed, views=True)
        self.slots = [self.names.fresh(f"{'t' if s.output is None else 'out'}{i}") for i, s in enumerate(plan.slots)]
        for output, donor in self.donors.items():
            if donor.whole:
                self.slots[self._slot(output)] = self.inputs[donor.place]
        self.outs = [self.slots[self._slot(o)] for o in plan.outputs]
        placed = list(zip(plan.slot_of, plan.instructions, strict=True))
        self.spread = {slot for slot, inst in placed if inst.kind == "spread"}  # slots of what is zero off a diagonal
        self.values = Counter(plan.slot_of)  # how many values each slot takes
        self.head: list[str] = []  # lines that run once for each set of sizes
        self.body: list[str] = []  # lines that run at each call
        self.bound: dict[int, str] = {}  # variables of values
        self.fixed: set[int] = set()  # values whose memory is the same at each call
        self.constants: dict[tuple[str, str], str] = {}
        self.sizes: set[str] = set()
        self.imports: set[str] = set()
        self.calls = Calls(self)
        self._lower()
        self.built = self.build()
        self.arrays = input_arrays(plan, dict(enumerate(self.inputs)), range(len(self.inputs)))
        self.given = untold(self.sizes, self.arrays)

    def _slot(self, place: int) -> int:
        slot = self.plan.slot_of[place]
        assert slot is not None
        return slot

    def _lower(self) -> None:
        plan = self.plan
        for i, memory in enumerate(plan.slots):
            if memory.output is None or (memory.output in self.donors and self._kept(i, memory.output)):
                made = "np.zeros" if i in self.spread else "_empty"
                self.head.append(f"{self.slots[i]} = {made}({self.shape(memory.shape)}, {quoted(memory.dtype)})")
        for place, inst in enumerate(plan.instructions):
            slot = plan.slot_of[place]
            if place < len(self.inputs):
                self.bound[place] = self.inputs[place]
                if not inst.shape and inst.dtype == "float":
                    self.body.append(f"{self.inputs[place]} = {self.function('asarray')}({self.inputs[place]}, dtype)")
            elif inst.kind == "number":
                continue
            elif slot is not None:
                donor = self.donors.get(place)
                self.bound[place] = self.inputs[donor.place] if donor and donor.direct else self.slots[slot]
                if plan.slots[slot].output is None:
                    self.fixed.add(place)
                note = f"  # {plan.names[place]}" if place in plan.names else ""
                first, *more = self.calls.line(place, self.bound[place]).split("\n")
                self.body += [first + note, *more]
            elif inst.static:
                self._bind(place, "c", self.head)
                self.fixed.add(place)
            elif inst.kind in VIEWS:
                self._view(place)
            else:
                assert inst.kind in UNALLOCATED
                self._bind(place, "v", self.body)
        for output, donor in self.donors.items():
            if not donor.direct:
                self.body.append(f"{self.function('copyto')}({self.inputs[donor.place]}, {self.bound[output]})")

    def _kept(self, slot: int, output: int) -> bool:
        """Whether a donated output's slot is needed: it is written there first, or other values pass through it."""
        donor = self.donors[output]
        return not donor.whole and (not donor.direct or self.values[slot] > 1)

    def _view(self, place: int) -> None:
        """A view of memory that stays is taken once; of arguments, at each call."""
        inst = self.plan.instructions[place]
        (source,) = inst.operands
        copies = inst.kind == "reshape" and self.plan.instructions[source].kind in VIEWS
        if source in self.fixed and not copies:
            self._bind(place, "w", self.head)
            self.fixed.add(place)
        else:
            self._bind(place, "v", self.body)

    def _bind(self, place: int, stem: str, lines: list[str]) -> None:
        inst = self.plan.instructions[place]
        piece = self.writer.piece(inst, [self.argument(o) for o in inst.operands])
        self.sizes |= piece.sizes
        self.bound[place] = self.names.fresh(f"{stem}{place}")
        lines.append(f"{self.bound[place]} = {piece.text.replace('LOG_MAX', LARGEST)}")

    def argument(self, place: int) -> Piece:
        """A value as an operand of a NumPy expression; numbers are written out."""
        inst = self.plan.instructions[place]
        return self.writer.piece(inst, []) if inst.kind == "number" else Piece(self.bound[place])

    def shape(self, shape: Shape) -> str:
        self.writer.sizes = set()
        text = self.writer.shape(shape)
        self.sizes |= self.writer.sizes
        return text

    def constant(self, scale: Scale, dtype: str) -> str:
        """The name of a number as a 0-d array of a dtype."""
        key = (scale.text, dtype)
        if key not in self.constants:
            sign, above, below = scale.parts()
            code = sign + (" * ".join(above) or "1")
            if scale.downs:  # a size may be 0: NumPy's division, not Python's
                code = f"np.divide({code}, {' * '.join(below)})"
            elif below:
                code = f"{code} / {below[0]}"
            self.writer.sizes = set()
            code = self.writer.size_code(code).replace("LOG_MAX", LARGEST)
            self.sizes |= self.writer.sizes
            name = self.constants[key] = self.names.fresh(f"k{len(self.constants)}")
            self.head.append(f"{name} = np.array({code}, {quoted(dtype)})")
        return self.constants[key]

    def constant_row(self, text: str, size: Dim) -> str:
        """The name of a row filled with a number."""
        key = (text, f"row {size}")
        if key not in self.constants:
            name = self.constants[key] = self.names.fresh(f"k{len(self.constants)}")
            self.head.append(f"{name} = np.full({self.shape((size,))}, {text}, dtype)")
        return self.constants[key]

    def triangle(self, name: str, k: Dim, shape: Shape) -> str:
        """The name of a mask that is true in a triangle of the last two axes."""
        key = (name, f"{k} {shape[-2]} {shape[-1]}")
        if key not in self.constants:
            mask = self.constants[key] = self.names.fresh(f"k{len(self.constants)}")
            self.writer.sizes = set()
            rows, columns, first = (self.writer.bound(d) for d in (*shape[-2:], k if name == "tril" else k - 1))
            self.sizes |= self.writer.sizes
            self.head.append(f"{mask} = {'' if name == 'tril' else '~'}np.tri({rows}, {columns}, {first}, bool)")
        return self.constants[key]

    def function(self, name: str) -> str:
        """The name of a NumPy function, imported."""
        self.imports.add(name)
        return name

    def write(self) -> list[str]:
        """The parts of the module."""
        sources = function_sources(called(self.plan.functions, [self.built]))
        return [ALIGNED, *sources, self.built, prepare_text(self), call_text(self)]

    def build(self) -> str:
        """The function that allocates the buffers and returns the computation."""
        fresh = []
        for o in self.plan.outputs:
            inst = self.plan.instructions[o]
            made = "np.zeros" if inst.kind == "spread" else "np.empty"
            fresh.append(f"{made}({self.shape(inst.shape)}, {quoted(inst.dtype)})")
        sizes = [self.renamed.get(n, n) for n in sorted(self.sizes)]
        lines = broken(f"def {self.build_name}({', '.join(['dtype', *sizes])}):", 0)
        for line in ('"""Buffers, and the computation as a closure over them."""', *self.head):
            lines += broken(line, 4)
        outs = [v for v, o in zip(self.outs, self.plan.outputs, strict=True) if o not in self.donors]
        lines += ["", *broken(f"def run({', '.join([*self.inputs, *outs])}):", 4)]
        lines += [part for line in self.body for part in broken(line, 8)]
        if self.donors:
            return "\n".join([*lines, "", "    return run"])
        lines += [
            "",
            "    def fresh():",
            *broken(f"return [{', '.join(fresh)}]", 8),
            "",
            "    return [run, fresh, None]",
        ]
        return "\n".join(lines)


def quoted(dtype: str) -> str:
    """A class of dtypes as an expression: the variable for real numbers, else a literal."""
    return "dtype" if dtype == "float" else f'"{dtype}"'
