"""Inputs of code under check: declared by shapes, given as arrays, or passed on as they are."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.checking.domains import REAL, STYLES, draw
from graphc.checking.points import assignments, larger
from graphc.errors import FactError, ShapeError, UnknownNameError, UnsupportedError
from graphc.ir.dims import as_dim, bind, dim_names, shape_text
from graphc.ir.expr import Expr
from graphc.ops.leaves import PARAMETER, SYMBOL, symbol

EQUAL = 3  # the value of all sizes where they are equal
NEARBY = 0.2  # how far entries of given arrays are moved for further points, relative to their size


@dataclass(frozen=True)
class Input:
    """One input of the code.

    Attributes
    ----------
    name : str
    value : the symbol of a declared array, a given array, a function that draws, or an option passed on as it is
    below : for whole numbers, the size that they are below
    """

    name: str
    value: Any
    below: Any = None

    @property
    def declared(self) -> bool:
        return isinstance(self.value, Expr)

    @property
    def real(self) -> bool:
        """Whether a derivative by it may be meant."""
        if isinstance(self.value, Expr):
            return self.value.dtype.startswith("float")
        return isinstance(self.value, float) or (isinstance(self.value, np.ndarray) and self.value.dtype.kind == "f")

    def sizes(self) -> set[str]:
        if isinstance(self.value, Expr):
            return dim_names(self.value.shape) | (dim_names((self.below,)) if self.below is not None else set())
        return set(inspect.signature(self.value).parameters) - {"rng"} if self.drawn else set()

    @property
    def drawn(self) -> bool:
        return inspect.isfunction(self.value) and next(iter(inspect.signature(self.value).parameters), "") == "rng"

    def at(self, sizes: dict[str, int], rng: np.random.Generator, style: str, *, positive: bool, near: bool) -> Any:
        """A value for the given sizes."""
        if self.below is not None:
            return rng.integers(0, bind(self.below, sizes), tuple(bind(d, sizes) for d in self.value.shape))
        if isinstance(self.value, Expr):
            return draw(self.value, sizes, style, rng, positive=positive)
        if self.drawn:
            return self.value(rng, **{name: sizes[name] for name in self.sizes()})
        if isinstance(self.value, np.ndarray) and self.real and near:
            return self.value * (1 + NEARBY * rng.uniform(-1, 1, self.value.shape))
        return self.value


def declared(given: Mapping[str, Any], facts: Mapping[str, Any], labels: Mapping[str, Any]) -> dict[str, Input]:
    """Inputs by name.

    Raises
    ------
    UnknownNameError, ShapeError, FactError
        If facts or labels name no input, or do not fit its shape.
    """
    for option, table in (("facts", facts), ("labels", labels)):
        for name in table:
            if name not in given:
                raise UnknownNameError(f"{option} names {name}, but the inputs are {', '.join(given)}")
    return {name: _declared(name, value, facts.get(name), labels.get(name)) for name, value in given.items()}


def _declared(name: str, value: Any, facts: Any, below: Any) -> Input:
    known = [facts] if isinstance(facts, str) else list(facts or ())
    if isinstance(value, str):
        raise ShapeError(f"{name}={value!r}: a shape is a tuple; write {name}=({value!r},) for an array with one axis")
    if isinstance(value, tuple):
        value = symbol(name, value, facts=known, dtype="int64" if below is not None else "float64")
        return Input(name, value, None if below is None else as_dim(below))
    if below is not None or known:
        raise FactError(f"{name}: facts and labels belong to inputs that are given by their shape, not by a value")
    if isinstance(value, Expr):
        if value.op not in (SYMBOL, PARAMETER):
            raise UnsupportedError(f"{name}: an input is a shape, a symbol, an array or an option, got {value!r}")
        return Input(name, value)
    if isinstance(value, (list, np.generic)):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        value = value.astype(float)
    return Input(name, value)


@dataclass(frozen=True)
class Point:
    """Values of the inputs, and the sizes behind them."""

    sizes: dict[str, int]
    values: dict[str, Any]


def points(inputs: Mapping[str, Input], seed: int) -> Iterator[Point]:
    """Points with real entries: the given arrays first, sizes that differ from each other as far as possible.

    At the second point all are equal, as code may do something else then.
    """
    names = sorted(set().union(*(i.sizes() for i in inputs.values())))
    rng = np.random.default_rng(seed)
    first = {name: 2 + i for i, name in enumerate(names)}
    for k, sizes in enumerate([first, dict.fromkeys(names, EQUAL), *larger(names, seed)]):
        yield from drawn(inputs, sizes, rng, REAL, positive=k % 4 == 3, near=k > 0)


def small_points(inputs: Mapping[str, Input], seed: int) -> Iterator[Point]:
    """Points in the order in which counterexamples are looked for."""
    names = sorted(set().union(*(i.sizes() for i in inputs.values())))
    rng = np.random.default_rng(seed)
    for sizes in assignments(names):
        for style in STYLES:
            yield from drawn(inputs, sizes, rng, style, positive=False, near=False)


def drawn(
    inputs: Mapping[str, Input], sizes: dict[str, int], rng: np.random.Generator, style: str, **options: bool
) -> Iterator[Point]:
    """A point, if the facts can be met at these sizes."""
    try:
        yield Point(sizes, {name: i.at(sizes, rng, style, **options) for name, i in inputs.items()})
    except (ShapeError, FactError, ValueError):
        return


def point_text(point: Point) -> str:
    """Where an error happened: the sizes, or the shapes."""
    if point.sizes:
        return "with " + ", ".join(f"{name} = {size}" for name, size in point.sizes.items())
    shapes = [f"{k} {shape_text(v.shape)}" for k, v in point.values.items() if isinstance(v, np.ndarray)]
    return f"with the shapes {', '.join(shapes)}" if shapes else "with the given inputs"
