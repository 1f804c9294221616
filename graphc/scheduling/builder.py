"""Instructions as they are appended: equal ones once, views folded, operands cast to one class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphc.ir.dims import Dim, Shape
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.ranges import composed, plain
from graphc.scheduling.decompose import assumed_size
from graphc.scheduling.plan import LEAVES, Instruction
from graphc.scheduling.scales import UNIT, Scale

CONNECTIVES = frozenset(("logical_and", "logical_or", "logical_xor", "logical_not"))
COMPARISONS = frozenset(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")) | CONNECTIVES


def dtype_class(dtype: str) -> str:
    return "float" if dtype.startswith("float") else dtype


class Builder:
    """Appends instructions; `sizes` are assumed values of size names, for decisions of cost alone."""

    def __init__(self, sizes: Mapping[str, int], stepwise: bool) -> None:
        self.instructions: list[Instruction] = []
        self.places: dict[Any, int] = {}
        self.sizes, self.stepwise = sizes, stepwise
        self.functions: dict[str, Any] = {}

    def __getitem__(self, place: int) -> Instruction:
        return self.instructions[place]

    def emit(self, kind: str, operands: tuple[int, ...], shape: Shape, dtype: str, detail: Any = None) -> int:
        key = (kind, operands, shape, dtype, detail)
        if key not in self.places:
            static = all(self[o].static for o in operands) and kind != "input"
            self.instructions.append(Instruction(kind, operands, detail, shape, dtype, static))
            self.places[key] = len(self.instructions) - 1
        return self.places[key]

    def entries(self, place: int) -> int:
        """The assumed number of entries of a value."""
        product = 1
        for dim in self[place].shape:
            product *= assumed_size(dim, self.sizes)
        return product

    def number(self, scale: Scale) -> int:
        return self.emit("number", (), (), "number", scale)

    def ufunc(self, kind: str, *operands: int) -> int:
        """An elementwise function; the result's class is that of its operands, of which one is no mere number."""
        shape = broadcast_shapes([self[o].shape for o in operands], [])
        assert shape is not None
        classes = {self[o].dtype for o in operands}
        found = "float" if "float" in classes else "int64" if "int64" in classes else "bool"
        return self.emit(kind, operands, shape, "bool" if kind in COMPARISONS else found)

    def arithmetic(self, kind: str, operands: tuple[int, ...], dtype: str) -> int:
        """A ufunc whose result is of class `dtype`: truth values and whole numbers are cast where NumPy would not."""
        real = any(self[o].dtype == "float" for o in operands)
        keep = ("float", "number", "bool") if real else (dtype, "number")
        taken = (o if self[o].dtype in keep else self.cast(o, dtype) for o in operands)
        return self.ufunc(kind, *self.typed(taken, dtype))

    def typed(self, operands: Iterable[int], dtype: str) -> tuple[int, ...]:
        """The operands of a function; of numbers alone the first is a scalar of a class, for NumPy to compute with."""
        first, *rest = operands
        if any(self[o].dtype != "number" for o in (first, *rest)):
            return first, *rest
        return self.emit("full", (), (), dtype, self[first].detail), *rest

    def cast(self, place: int, dtype: str) -> int:
        inst = self[place]
        return place if inst.dtype in (dtype, "number") else self.emit("cast", (place,), inst.shape, dtype)

    def scaled(self, place: int, scale: Scale) -> int:
        """A value times a scalar, of class float where the scalar is no whole number."""
        if scale == UNIT:
            return place
        whole = scale.whole
        if self[place].dtype == "bool":
            place = self.cast(place, "int64" if whole else "float")
        elif self[place].dtype == "int64" and not whole:
            place = self.cast(place, "float")
        return self.emit("scale", (place,), self[place].shape, self[place].dtype, scale)

    def transpose(self, place: int, axes: tuple[int, ...]) -> int:
        inst = self[place]
        if inst.kind == "transpose":
            return self.transpose(inst.operands[0], tuple(inst.detail[a] for a in axes))
        if axes == tuple(range(len(axes))):
            return place
        return self.emit("transpose", (place,), tuple(inst.shape[a] for a in axes), inst.dtype, axes)

    def index(self, place: int, key: tuple[Any, ...]) -> int:
        """A view under a key of parts: ":" keeps an axis, None adds one, 0 drops one of size 1.

        ``(dim, range)`` takes a range of an axis of size dim, ``(dim, start, None)`` drops the axis at an entry.
        An index of an index is one index.
        """
        inst = self[place]
        if inst.kind == "index":
            return self.index(inst.operands[0], composed_key(inst.detail, key))
        dims = iter(inst.shape)
        shape: list[Dim] = []
        for part in key:
            if part is None:
                shape.append(1)
                continue
            dim = next(dims)
            if part == ":":
                shape.append(dim)
            elif part != 0 and len(part) == 2:
                shape.append(part[1][1])
        return place if all(p == ":" for p in key) else self.emit("index", (place,), tuple(shape), inst.dtype, key)

    def reshape(self, place: int, shape: Shape) -> int:
        inst = self[place]
        if inst.kind == "reshape":
            return self.reshape(inst.operands[0], shape)
        return place if inst.shape == shape else self.emit("reshape", (place,), shape, inst.dtype, shape)

    def broadcast_to(self, place: int, shape: Shape) -> int:
        """A value stretched to `shape`, if it is not of that shape already."""
        inst = self[place]
        same = len(inst.shape) == len(shape) and all(
            (a == 1) <= (b == 1) for a, b in zip(inst.shape, shape, strict=True)
        )
        return place if same else self.emit("broadcast_to", (place,), shape, inst.dtype, shape)

    def reduce(self, kind: str, place: int, axes: tuple[int, ...], keepdims: bool, dtype: str) -> int:
        shape = self[place].shape
        kept = tuple(1 if i in axes else d for i, d in enumerate(shape) if keepdims or i not in axes)
        if not axes:
            return place
        if kind == "sum" and dtype == "float":
            place = self.cast(place, "float")
            if self.stepwise and len(shape) > 1 and (axes == (len(shape) - 1,) or (len(shape) == 2 and axes == (0,))):
                return self._by_ones(place, axes[0], keepdims)
        return self.emit(kind, (place,), kept, dtype, (axes, keepdims))

    def _by_ones(self, place: int, axis: int, keepdims: bool) -> int:
        """A sum as a product with a vector of ones: faster than ``add.reduce``, and a scale costs nothing."""
        shape = self[place].shape
        ones = self.emit("full", (), (shape[axis],), "float", UNIT)
        last = axis == len(shape) - 1
        kept = tuple(d for i, d in enumerate(shape) if i != axis)
        total = self.emit("matmul", (place, ones) if last else (ones, place), kept, "float")
        return self.index(total, tuple(None if i == axis else ":" for i in range(len(shape)))) if keepdims else total


def composed_key(inner: tuple[Any, ...], outer: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key of the view under `outer` of the view under `inner`."""
    parts: list[Any] = []
    rest = list(outer)
    for part in inner:
        if part == 0 or (part is not None and part != ":" and len(part) == 3):
            parts.append(part)  # an axis that is gone already
            continue
        while rest[0] is None:
            parts.append(rest.pop(0))
        own = rest.pop(0)
        if own == ":":
            parts.append(part)
        elif part is None:
            parts += [] if own == 0 or len(own) == 3 else [None]
        elif part == ":":
            parts.append(own)
        elif own == 0:
            parts.append((part[0], part[1][0], None))
        elif len(own) == 3:
            parts.append((part[0], plain(part[1][0] + part[1][2] * own[1]), None))
        else:
            found = composed(own[1], part[1], part[0])
            parts.append(":" if found is None else (part[0], found))
    return (*parts, *rest)


def without_dead(builder: Builder, roots: list[int]) -> tuple[list[Instruction], dict[int, int]]:
    """The instructions that `roots` and the inputs need, and where each old place went."""
    needed = set()
    stack = list(roots)
    while stack:
        place = stack.pop()
        if place not in needed:
            needed.add(place)
            stack.extend(builder[place].operands)
    inputs = [p for p, inst in enumerate(builder.instructions) if inst.kind == "input"]
    order = inputs + sorted(needed - set(inputs))
    order.sort(key=lambda p: builder[p].kind not in LEAVES)
    moved = {place: i for i, place in enumerate(order)}
    kept = []
    for place in order:
        inst = builder[place]
        operands = tuple(moved[o] for o in inst.operands)
        kept.append(Instruction(inst.kind, operands, inst.detail, inst.shape, inst.dtype, inst.static))
    return kept, moved
