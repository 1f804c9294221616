"""Expressions to instructions: implied broadcasts are dropped, scalar factors applied where it is cheapest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops import kernels
from graphc.ops.arithmetic import ADD
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.contraction import CONTRACT
from graphc.ops.defined import MEAN
from graphc.ops.layout import CONCAT, TRIL, TRIU, stacked
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, NAMED, PARAMETER, PI, SIZE, SYMBOL
from graphc.ops.leaving_out import PROD
from graphc.ops.padding import pad_widths
from graphc.ops.reductions import MAX, MIN, RESHAPE, WHERE
from graphc.ops.slicing import PLACE, SLICE
from graphc.scheduling.builder import COMPARISONS, Builder, dtype_class
from graphc.scheduling.functions import PEAK
from graphc.scheduling.lazy import Lazy
from graphc.scheduling.products import contraction
from graphc.scheduling.scales import ONE, UNIT, Scale, dim_code, float_text
from graphc.scheduling.sizing import Wholes
from graphc.scheduling.steps import STEPS

LINEAR = {
    "matmul": 2,
    "sum": 1,
    "mean": 1,
    "sumproduct": 2,
    "einsum": 2,
    "multiply": 2,
    "divide": 1,
    "spread": 1,
    "broadcast_to": 1,
}


class Lowering:
    """Lowers nodes in topological order.

    Parameters
    ----------
    given : names of nodes, for comments
    stepwise : whether softmax and its like become their steps (to run in place) or stay calls (to be read)
    whole : what stands for compound sizes
    """

    def __init__(
        self,
        order: list[Expr],
        roots: list[Expr],
        sizes: Mapping[str, int],
        stepwise: bool,
        given: Mapping[Expr, str],
        whole: Wholes,
    ) -> None:
        self.given, self.whole = given, whole
        self.build = Builder(sizes, stepwise)
        self.stepwise = stepwise
        self.uses = Counter(o for node in order for o in node.operands)
        self.uses.update(roots)
        self.done: dict[Expr, Lazy] = {}
        self.products: dict[Expr, tuple[list[int], list[int]]] = {}  # factors above and below the line
        self.names: dict[int, str] = {}

    def lower(self, node: Expr) -> None:
        found = self.done[node] = self._lowered(node)
        if node in self.given and found.place is not None and found.scale == UNIT:
            self.names.setdefault(found.place, self.given[node])

    def _lowered(self, node: Expr) -> Lazy:
        op = node.op
        if op is NAMED:
            return self._named(node)
        if op is SYMBOL or op is PARAMETER:
            place = self.build.emit("input", (), node.shape, dtype_class(node.dtype), node.name)
            self.names[place] = str(node.name)
            return Lazy(place)
        if self._is_scalar(node):
            return Lazy(None, self._scalar(node))
        if op is EYE:
            return Lazy(self.build.emit("eye", (), node.shape, "float", node.attributes["dim"]))
        if op is ARRAY:
            return Lazy(self.build.emit("array", (), node.shape, dtype_class(node.dtype), node.attributes["values"]))
        if op is ADD:
            return self._add(node)
        if op is CONTRACT:
            return contraction(self, node)
        return self._call(node)

    def _is_scalar(self, node: Expr) -> bool:
        """Whether a node is a number as soon as the sizes are known: a literal, or a function of such numbers."""
        if node.op in (CONSTANT, SIZE, PI):
            return True
        function = (node.op.formula is not None or node.op is WHERE) and not node.attributes
        return function and not node.shape and all(self.done[o].place is None for o in node.operands)

    def _named(self, node: Expr) -> Lazy:
        if self.done[node.operands[0]].place is None:
            return self.done[node.operands[0]]
        place = self.applied(node.operands[0])
        if self.build[place].kind not in ("input", "number"):
            self.names.setdefault(place, str(node.name))
        return Lazy(place)

    def _scalar(self, node: Expr) -> Scale:
        """A literal, a size, or a function of such, as a scalar known once the sizes are."""
        if node.op is CONSTANT:
            return Scale(node.attributes["value"])
        if node.op is SIZE:
            return Scale(ONE, (dim_code(self.whole(node.attributes["dim"])),))
        if node.op is PI:
            return Scale(ONE, ("np.pi",), real=True)
        scales = [self.done[o].scale for o in node.operands]
        kernel: Any = node.op.kernel
        real = node.dtype.startswith("float")
        if all(s.size_free is not None for s in scales):
            with np.errstate(all="ignore"):
                value = kernel(*(float(s.coefficient) for s in scales))
            if not real:
                return Scale(Fraction(int(value)))
            text = float_text(float(value))
            return Scale(ONE, (f"({text})" if text.startswith("-") else text,), real=True)
        name: str = kernel.__name__
        if getattr(np, name, None) is kernel:
            name = f"np.{name}"
        else:
            self.build.functions[name] = kernel
        arguments = [s.code if s.real or s.downs or not real else f"float({s.code})" for s in scales]
        return Scale(ONE, (f"{'float' if real else 'int'}({name}({', '.join(arguments)}))",), real=real)

    def bare(self, node: Expr) -> int:
        """The value of `node` without its scale."""
        found = self.done[node]
        return self.build.number(UNIT) if found.place is None else found.place

    def sole(self, node: Expr) -> bool:
        """Whether the bare value of `node` is read by one consumer alone."""
        return self.uses[node] == 1 and self.done[node].sole

    def applied(self, node: Expr) -> int:
        """The value of `node` with its scale applied; it may lack axes that broadcasting implies."""
        found = self.done[node]
        if found.place is None:
            return self.build.number(found.scale)
        place = self.scaled(found.place, found.scale, found.sole)
        self.done[node] = Lazy(place, UNIT, found.sole)
        return place

    def scaled(self, place: int, scale: Scale, sole: bool) -> int:
        """A scale applied to a product's smallest part: an operand where that is smaller than the result."""
        inst = self.build[place]
        if scale != UNIT and sole and inst.kind in LINEAR and inst.dtype == "float":
            parts = [o for o in inst.operands[: LINEAR[inst.kind]] if self.build[o].dtype == "float"]
            if scale.downs:  # a mean of nothing is 0/0: a constant takes no quotient by sizes that could be 0
                parts = [o for o in parts if not self.build[o].static]
            smallest = min(parts, key=lambda o: 0 if self.build[o].static else self.build.entries(o), default=place)
            static = self.build[smallest].static
            smaller = static or (self.build.entries(smallest) < self.build.entries(place) and scale.size_free != -1)
            if smaller and inst.operands.count(smallest) == 1:
                deeper = self.build[smallest].kind in ("multiply", "divide")
                replaced = self.scaled(smallest, scale, deeper)
                operands = tuple(replaced if o == smallest else o for o in inst.operands)
                return self.build.emit(inst.kind, operands, inst.shape, inst.dtype, inst.detail)
        return self.build.scaled(place, scale)

    def full(self, node: Expr) -> int:
        """The value of `node` at its declared shape."""
        return self.stretched(self.applied(node), node)

    def bare_full(self, node: Expr) -> int:
        return self.stretched(self.bare(node), node)

    def stretched(self, place: int, node: Expr) -> int:
        inst = self.build[place]
        if inst.kind == "number" and node.shape:
            return self.build.emit("full", (), node.shape, dtype_class(node.dtype), inst.detail)
        return self.build.broadcast_to(place, node.shape)

    def _add(self, node: Expr) -> Lazy:
        terms = []
        for c, x in zip(node.attributes["coefficients"], node.operands, strict=True):
            found = self.done[x]
            terms.append((Lazy(found.place, found.scale.times(Scale(c)), found.sole and self.uses[x] == 1), x))
        dtype = dtype_class(node.dtype)
        if all(t.place is None for t, _ in terms):
            return Lazy(None, _scalar_sum([t.scale for t, _ in terms]))
        common = UNIT
        first = next((t.scale for t, _ in terms if t.scale.coefficient > 0), terms[0][0].scale)
        if len(terms) > 1 and all(t.place is not None and t.scale in (first, first.negated()) for t, _ in terms):
            common = first
            terms = [(t._replace(scale=UNIT if t.scale == first else UNIT.negated()), x) for t, x in terms]
        terms.sort(key=lambda t: t[0].scale.coefficient < 0)
        if len(terms) > 2:
            terms.sort(key=lambda t: 0 if t[0].place is None else self.build.entries(t[0].place))
            lead = next((i for i, t in enumerate(terms) if t[0].scale.coefficient > 0), 0)
            terms.insert(0, terms.pop(lead))
        total = self._term(terms[0][0])
        for lazy, _ in terms[1:]:
            negative = lazy.scale.coefficient < 0
            term = self._term(lazy._replace(scale=lazy.scale.negated()) if negative else lazy)
            total = self.build.arithmetic("subtract" if negative else "add", (total, term), dtype)
        return Lazy(total, common, True)

    def _term(self, lazy: Lazy) -> int:
        if lazy.place is None:
            return self.build.number(lazy.scale)
        return self.scaled(lazy.place, lazy.scale, lazy.sole)

    def _call(self, node: Expr) -> Lazy:
        op, dtype = node.op, dtype_class(node.dtype)
        if op in (MEAN, MAX, MIN, PROD, PEAK):
            axes, keepdims = node.attributes["axis"], node.attributes.get("keepdims", False)
            x = self.build.cast(self.full(node.operands[0]), dtype)
            return Lazy(self.build.reduce(op.name, x, axes, keepdims, dtype), UNIT, True)
        if op is RESHAPE:
            found = self.done[node.operands[0]]
            return Lazy(self.build.reshape(self.bare_full(node.operands[0]), node.shape), found.scale)
        if op is SLICE:
            (whole,) = node.operands
            key = range_key(whole.shape, node.attributes["ranges"])
            return Lazy(self.build.index(self.bare_full(whole), key), self.done[whole].scale)
        if op is PLACE:
            return self._placed(node)
        if op is CONCAT:
            return self._side_by_side(node)
        if op is TRIL or op is TRIU:
            (whole,) = node.operands
            place, detail = self.build.cast(self.bare_full(whole), dtype), (op.name, node.attributes["k"])
            return Lazy(self.build.emit("triangle", (place,), node.shape, dtype, detail), self.done[whole].scale, True)
        operands = tuple(self.applied(o) for o in node.operands)
        if op is WHERE:
            return Lazy(self._where(operands, dtype), UNIT, True)
        if op.name == "as_float":
            return Lazy(self.build.cast(operands[0], "float"), UNIT)
        if op.name == "relu":
            zero = self.build.number(Scale(Fraction(0)))
            return Lazy(self.build.arithmetic("maximum", (*operands, zero), dtype), UNIT, True)
        if isinstance(op.kernel, np.ufunc):
            kind = op.kernel.__name__
            if kind in COMPARISONS:
                return Lazy(self.build.ufunc(kind, *operands), UNIT, True)
            return Lazy(self.build.arithmetic(kind, operands, dtype), UNIT, True)
        return self._kernel(node)

    def _placed(self, node: Expr) -> Lazy:
        """A block in a frame: of zeros, whose scale can wait, or of another value."""
        (x,) = node.operands
        value = node.attributes.get("value")
        found = self.done[x] if value is None else Lazy(self.applied(x))
        place = self.bare_full(x) if value is None else self.full(x)
        dtype = dtype_class(node.dtype)
        key = range_key(node.shape, node.attributes["ranges"])
        widths = pad_widths(node)
        detail = (key, Scale(Fraction(value or 0)), None if widths is None else tuple(widths))
        if widths is None and (not self.stepwise or self.build[place].static):
            self.build.functions["placed"] = kernels.placed
        placed = self.build.emit("place", (self.build.cast(place, dtype),), node.shape, dtype, detail)
        return Lazy(placed, found.scale, True)

    def _side_by_side(self, node: Expr) -> Lazy:
        dtype = dtype_class(node.dtype)
        rows = None if self.stepwise else stacked(node)
        parts = tuple(self._typed(self.full(o), dtype) for o in rows or node.operands)
        kind = "concat" if rows is None else "stack"
        return Lazy(self.build.emit(kind, parts, node.shape, dtype, node.attributes["axis"]), UNIT, True)

    def _typed(self, place: int, dtype: str) -> int:
        """A value as an array of a class, numbers too, so that NumPy need not choose one."""
        (place,) = self.build.typed((place,), dtype)
        return self.build.cast(place, dtype)

    def _where(self, operands: tuple[int, ...], dtype: str) -> int:
        condition, *chosen = operands
        branches = self.build.typed([self.build.cast(o, dtype) for o in chosen], dtype)
        shape = broadcast_shapes([self.build[o].shape for o in (condition, *branches)], [])
        assert shape is not None
        if branches[0] == branches[1] and self.build[branches[0]].shape == shape:
            return branches[0]
        return self.build.emit("where", (condition, *branches), shape, dtype)

    def _kernel(self, node: Expr) -> Lazy:
        """An op with a kernel of its own: its steps, or a call of the function."""
        elementwise = node.op.formula is not None
        operands = tuple(self.applied(o) if elementwise else self.full(o) for o in node.operands)
        dtype = dtype_class(node.dtype)
        if dtype != "bool":
            kept = node.op.keeps
            operands = tuple(o if k in kept else self.build.cast(o, dtype) for k, o in enumerate(operands))
        if elementwise:
            operands = self.build.typed(operands, "float" if dtype == "bool" else dtype)
        if self.stepwise and node.op.name in STEPS:
            return Lazy(STEPS[node.op.name](self.build, *operands, **node.attributes), UNIT, True)
        assert node.op.kernel is not None
        self.build.functions[node.op.kernel.__name__] = node.op.kernel
        shape = self.build[operands[0]].shape if elementwise and len(operands) == 1 else node.shape
        detail = (node.op.kernel.__name__, _arguments(node))
        if dtype == "float" and operands and len(node.op.keeps) == len(operands):  # it sees no real array: a mask
            dtype = "bool"
        kind = "view" if node.op.views(node) else "call"
        return Lazy(self.build.emit(kind, operands, shape, dtype, detail), UNIT, kind == "call")


def range_key(shape: Shape, ranges: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ranges as the parts of an index."""
    return tuple(":" if r is None else (d, r) for d, r in zip(shape, ranges, strict=True))


def _arguments(node: Expr) -> tuple[tuple[str, Any], ...]:
    """The attributes as the kernel takes them, positional ones without a key; what is the default is left out.

    A function of NumPy gets all of them: its defaults may be others.
    """
    defaults = node.op.defaults
    if defaults is None:
        return tuple(node.attributes.items())
    given = [("", node.attributes[name.removeprefix("*")]) for name in node.op.positional]
    rest = [(key, node.attributes.get(key)) for key in defaults]
    every = is_numpy(node.op.kernel)
    return (*given, *((key, value) for key, value in rest if value is not None and (every or value != defaults[key])))


def is_numpy(function: Any) -> bool:
    return getattr(np, function.__name__, None) is function


def _scalar_sum(scales: list[Scale]) -> Scale:
    real = any(s.real for s in scales)
    if all(s.size_free is not None for s in scales):
        return Scale(sum((s.coefficient for s in scales), Fraction(0)), real=real)
    text = scales[0].code
    for s in scales[1:]:
        text += f" - {s.negated().code}" if s.coefficient < 0 else f" + {s.code}"
    return Scale(ONE, (f"({text})",), real=not all(s.whole for s in scales))
