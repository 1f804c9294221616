"""Code one would commit: the user's names, short expressions in one line, formulas where they differ from the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphc.codegen.binding import arguments_for, input_arrays, size_lines, untold
from graphc.codegen.expressions import Piece, Writer, size_names
from graphc.codegen.layout import comment, function_text, tuple_text
from graphc.codegen.names import Names
from graphc.codegen.sources import called, function_sources, is_numpy
from graphc.ir.dims import Shape, dim_names
from graphc.ir.expr import Expr
from graphc.ops.leaves import NAMED
from graphc.scheduling.plan import UNALLOCATED, VIEWS, Instruction, Plan
from graphc.scheduling.sizing import known_names

LONGEST = 84  # characters of a right-hand side
MOST_PARTS = 60  # nodes of a formula that is written as a comment
INLINE = 44  # characters of an operand that is written in place
HINTS = {
    "matmul": "product",
    "sum": "total",
    "sumproduct": "total",
    "where": "chosen",
    "mean": "average",
    "sqrt": "root",
}
ALWAYS_INLINE = VIEWS | {"number"}


@dataclass
class Part:
    """One function of the module: its lines, and the values it computes and needs."""

    lines: list[str] = field(default_factory=list)
    computed: dict[int, None] = field(default_factory=dict)
    needs: dict[int, None] = field(default_factory=dict)
    sizes: set[str] = field(default_factory=set)
    typed: bool = False

    def take(self, piece: Piece) -> None:
        """Count what a line uses."""
        self.needs.update((n, None) for n in sorted(piece.needs) if n not in self.computed)
        self.sizes |= piece.sizes
        self.typed |= piece.typed


class Readable:
    """Writes a plan as ``forward`` (the first output), ``backward`` (the others) and a function of everything."""

    def __init__(self, plan: Plan, output_names: Sequence[str], name: str, split: bool = True) -> None:
        self.plan, self.name = plan, name
        self.split = split and len(plan.outputs) > 1
        functions = {n for n, f in plan.functions.items() if not is_numpy(f)}
        own = {name, "forward", "backward", "cache", "update", "train_step"}
        self.names = Names(frozenset(own | functions))
        self.variables: dict[int, str] = {}
        for place, symbol in enumerate(plan.inputs):
            self.variables[place] = self.names.fresh(str(symbol.name))
        self._name_values(output_names)
        self.renamed = {n: self.names.fresh(n) for n in sorted(size_names(plan))}
        self.forward_values = _needed(plan, plan.outputs[:1])
        self.uses = _uses(plan)
        self.writer = Writer(plan.functions, self.renamed)
        self.parts = [Part() for _ in range(2 if self.split else 1)]
        self.pieces: dict[int, Piece] = {}
        self.given: list[str] = []  # sizes that are arguments

    def _name_values(self, output_names: Sequence[str]) -> None:
        self.output_names = list(output_names)
        named: dict[int, str] = dict(zip(self.plan.outputs, output_names, strict=True))
        for place, wish in {**self.plan.names, **named}.items():
            if place not in self.variables:
                self.variables[place] = self.names.fresh(wish)

    def part(self, place: int) -> Part:
        return self.parts[0 if not self.split or place in self.forward_values else 1]

    def write(self, defaults: Mapping[str, float] | None = None) -> list[str]:
        """The functions of the module, as text; inputs with `defaults` become keyword arguments."""
        for place in range(len(self.plan.instructions)):
            if place < len(self.plan.inputs):
                self.pieces[place] = Piece(self.variables[place], needs=frozenset((place,)))
            else:
                self._value(place)
        needed = set[str]().union(*(part.sizes for part in self.parts))
        self.given = untold(needed, self._arrays(range(len(self.plan.inputs))))
        lines = [line for part in self.parts for line in part.lines] + [p.text for p in self.pieces.values()]
        sources = function_sources(called(self.plan.functions, lines))
        return [*sources, *(self._split() if self.split else self._single(defaults))]

    def _value(self, place: int) -> None:
        inst = self.plan.instructions[place]
        while True:
            if self._fresh(inst):
                piece = self.pieces[inst.operands[0]]
                break
            piece = self.writer.piece(inst, [self.pieces[o] for o in inst.operands])
            open_operands = [o for o in inst.operands if len(self.pieces[o].text) > 12 and self._can_assign(o)]
            widest = max(open_operands, key=lambda o: len(self.pieces[o].text), default=None)
            if widest is None or len(piece.text) <= LONGEST:
                break
            self._assign(self._assignable(widest))
            self._refresh(widest)
        self.pieces[place] = piece
        keep = place in self.variables or (self.uses[place] > 1 and inst.kind not in ALWAYS_INLINE)
        if keep or (len(piece.text) > INLINE and inst.kind not in ALWAYS_INLINE):
            self._assign(place)

    def _fresh(self, inst: Instruction) -> bool:
        """Whether an instruction copies an array that NumPy has just made for it alone."""
        (source, *others) = inst.operands or (-1,)
        made = inst.kind == "copy" and not others and self.plan.instructions[source].kind in UNALLOCATED
        return made and self.uses[source] == 1

    def _assignable(self, place: int) -> int:
        """The value itself, or what a view of it shows."""
        while self.plan.instructions[place].kind in VIEWS:
            place = self.plan.instructions[place].operands[0]
        return place

    def _can_assign(self, place: int) -> bool:
        base = self._assignable(place)
        return self.plan.instructions[base].kind != "number" and self.pieces[base].needs != frozenset((base,))

    def _refresh(self, place: int) -> None:
        """Write the views between `place` and the value that has a name now again."""
        inst = self.plan.instructions[place]
        if inst.kind in VIEWS:
            self._refresh(inst.operands[0])
            self.pieces[place] = self.writer.piece(inst, [self.pieces[inst.operands[0]]])

    def _assign(self, place: int) -> None:
        inst, piece, part = self.plan.instructions[place], self.pieces[place], self.part(place)
        if place not in self.variables:
            mask = inst.dtype == "bool"
            self.variables[place] = self.names.numbered("mask" if mask else HINTS.get(inst.kind, "term"))
        part.take(piece)
        part.computed[place] = None
        variable = self.variables[place]
        source = self.plan.sources.get(place)
        if source is not None and _brief(source):
            part.lines += comment(f"{variable} = {source}", f"{variable} = {piece.text}")
        part.lines.append(f"{variable} = {piece.text}")
        self.pieces[place] = Piece(variable, needs=frozenset((place,)))

    def _body(self, part: Part, arguments: Sequence[int]) -> list[str]:
        """The lines of a part, after those that read sizes and the dtype from its arguments."""
        head = size_lines(sorted(part.sizes), self._arrays(arguments), self.renamed, self.given)
        if part.typed:
            real = [i for i, s in enumerate(self.plan.inputs) if s.dtype.startswith("float")]
            present = [self.variables[i] for i in real if i in arguments]
            head.append(f"dtype = {present[0]}.dtype" if present else "dtype = np.float64")
        return head + part.lines

    def _arguments(self, part: Part) -> list[int]:
        """The inputs a part takes: those it computes with, and as many more as its sizes and dtype take."""
        chosen = {i for i in part.needs if i < len(self.plan.inputs)}
        everything = [(i, _told(shapes), dim_names(d for s in shapes for d in s)) for i, shapes in self._seen()]
        missing = set(part.sizes) - set(self.given)
        for i, sizes, _ in sorted(everything, key=lambda row: row[0] not in chosen):
            if i in chosen or sizes & missing:
                chosen.add(i)
                missing -= sizes
        chosen |= {i for i, _, sizes in everything if sizes & missing}
        if part.typed and not any(self.plan.inputs[i].dtype.startswith("float") for i in chosen):
            chosen |= {i for i, s in enumerate(self.plan.inputs) if s.dtype.startswith("float")}
        return sorted(chosen)

    def _seen(self) -> list[tuple[int, tuple[Shape, Shape]]]:
        """The inputs with their shapes in the sizes of the instructions, and as declared."""
        return [(i, (self.plan.instructions[i].shape, s.shape)) for i, s in enumerate(self.plan.inputs)]

    def _shaped(self, places: Sequence[int]) -> list[tuple[str, Shape]]:
        return [(self.variables[p], self.plan.shape(p)) for p in places]

    def _arrays(self, places: Sequence[int]) -> list[tuple[str, Shape]]:
        """Values with the shapes that tell sizes."""
        return input_arrays(self.plan, self.variables, places)

    def _sizes(self, part: Part, arguments: Sequence[int]) -> list[str]:
        """The variables of the sizes that a part takes as arguments."""
        return [self.renamed[n] for n in arguments_for(part.sizes, self._arrays(arguments), self.given)]

    def _single(self, defaults: Mapping[str, float] | None = None) -> list[str]:
        (part,) = self.parts
        places = list(range(len(self.plan.inputs)))
        outputs = self.plan.outputs
        lines = self._returning(self._body(part, places), outputs)
        shaped, sizes = (self._shaped(places), self._shaped(outputs)), self._sizes(part, places)
        return [function_text(self.name, *shaped, lines, defaults=defaults or {}, sizes=sizes)]

    def _returning(self, lines: list[str], outputs: Sequence[int]) -> list[str]:
        """The lines and a return; a single result that was just assigned is returned at once."""
        result = ", ".join(self.pieces[o].text for o in outputs)
        last = lines[-1].partition(" = ") if lines else ("", "", "")
        return [*lines[:-1], f"return {last[2]}"] if last[1] and last[0] == result else [*lines, f"return {result}"]

    def _split(self) -> list[str]:
        first, second = self.parts
        outputs = self.plan.outputs
        wanted = list(dict.fromkeys([*second.needs, *outputs[1:]]))
        saved = [p for p in first.computed if p in wanted]
        ins, outs = self._arguments(first), self._arguments(second)
        cache = [self.variables[p] for p in saved]
        lines = self._body(first, ins)
        loss = self.pieces[outputs[0]].text
        lines.append(f"return {loss}, {tuple_text(cache)}")
        sizes = self._sizes(first, ins), self._sizes(second, [*outs, *saved])
        forward = function_text(
            "forward", self._shaped(ins), self._shaped(outputs[:1]), lines, saved=self._shaped(saved), sizes=sizes[0]
        )
        head = [f"{tuple_text(cache) if len(cache) == 1 else ', '.join(cache)} = cache"] if cache else []
        lines = head + self._body(second, [*outs, *saved])
        lines = self._returning(lines, outputs[1:])
        backward = function_text(
            "backward", self._shaped(outs), self._shaped(outputs[1:]), lines, cache=True, sizes=sizes[1]
        )
        return [forward, backward, self._both(ins, outs, sizes)]

    def _both(self, ins: list[int], outs: list[int], sizes: tuple[list[str], list[str]]) -> str:
        """The function that calls forward and backward."""
        outputs = self.plan.outputs
        given = [[f"{n}={n}" for n in names] for names in sizes]
        places = list(range(len(self.plan.inputs)))
        first = self.variables[outputs[0]]
        rest = [self.variables[o] for o in outputs[1:]]
        lines = [
            f"{first}, cache = forward({', '.join([*(self.variables[i] for i in ins), *given[0]])})",
            f"{', '.join(rest)} = backward({', '.join([*(self.variables[i] for i in outs), 'cache', *given[1]])})",
            f"return {', '.join([first, *rest])}",
        ]
        every = [self.renamed[n] for n in self.given]
        return function_text(self.name, self._shaped(places), self._shaped(outputs), lines, sizes=every)


def _brief(expr: Expr) -> bool:
    """Whether a formula has few enough parts to stand in one line; looks at no more than that."""
    seen: set[Expr] = set()
    stack = [expr]
    while stack and len(seen) < MOST_PARTS:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += () if node.op is NAMED else node.operands
    return len(seen) < MOST_PARTS


def _needed(plan: Plan, roots: Sequence[int]) -> set[int]:
    needed: set[int] = set()
    stack = list(roots)
    while stack:
        place = stack.pop()
        if place not in needed:
            needed.add(place)
            stack.extend(plan.instructions[place].operands)
    return needed


def _uses(plan: Plan) -> list[int]:
    """How often each value is written; a view counts for what it shows."""
    uses = [0] * len(plan.instructions)
    for output in plan.outputs:
        uses[output] += 1
    for place in reversed(range(len(plan.instructions))):
        inst = plan.instructions[place]
        for o in inst.operands:
            uses[o] += max(1, uses[place]) if inst.kind in VIEWS else 1
    return uses


def _told(shapes: Sequence[Shape]) -> set[str]:
    """The sizes that shapes tell axis by axis: m*n tells neither, (n - 1)//2 not n."""
    return {name for shape in shapes for dim in shape for name in known_names([(dim,)])}
