"""Facts: what a user knows of a symbol's entries, as small immutable objects (``graphc.facts``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphc.errors import FactError
from graphc.ir.dims import Shape, compare, shape_text


@dataclass(frozen=True, order=True)
class Fact:
    """A property of an array: of every entry (``axis`` None) or along one axis (counted from the end)."""

    name: str
    axis: int | None = None

    def __str__(self) -> str:
        return self.name if self.axis in (None, -1) else f"{self.name}(axis={self.axis})"


ENTRYWISE = ("positive", "nonnegative", "unit_interval", "nonzero", "integer", "binary", "sign")
MATRIX = (
    "symmetric",
    "spd",
    "invertible",
    "orthogonal",
    "lower_triangular",
    "upper_triangular",
    "diagonal",
)
AXIAL = ("one_hot", "simplex", "sums_to_one", "unit_norm")

positive, nonnegative, unit_interval, nonzero, integer, binary, sign = (Fact(n) for n in ENTRYWISE)
symmetric, spd, invertible, orthogonal, lower_triangular, upper_triangular, diagonal = (Fact(n) for n in MATRIX)


def __dir__() -> list[str]:
    """The facts, and the class of them."""
    return ["Fact", *ENTRYWISE, *MATRIX, *AXIAL]


def one_hot(axis: int = -1) -> Fact:
    """Entries 0 or 1, exactly one 1 along `axis`."""
    return Fact("one_hot", axis)


def simplex(axis: int = -1) -> Fact:
    """Non-negative entries that sum to 1 along `axis`."""
    return Fact("simplex", axis)


def sums_to_one(axis: int = -1) -> Fact:
    """Entries that sum to 1 along `axis`, of any sign."""
    return Fact("sums_to_one", axis)


def unit_norm(axis: int = -1) -> Fact:
    """The squares of the entries sum to 1 along `axis`."""
    return Fact("unit_norm", axis)


_IMPLIED = {
    "unit_interval": ("positive",),
    "positive": ("nonnegative", "nonzero"),
    "binary": ("nonnegative", "integer"),
    "sign": ("nonzero", "integer"),
    "one_hot": ("binary", "simplex"),
    "simplex": ("nonnegative", "sums_to_one"),
    "spd": ("symmetric", "invertible"),
    "orthogonal": ("invertible",),
    "diagonal": ("symmetric", "lower_triangular", "upper_triangular"),
}
# Facts that an entry breaks when it alone moves a little: they tie entries together, or allow separate values only.
# They are put aside while a derivative by their own symbol is taken: sum(b**2) is sum(b) for b in {0, 1}, but has the
# derivative 2*b.
TYING = ("symmetric", "spd", "orthogonal", "lower_triangular", "upper_triangular", "diagonal")
RIGID = frozenset((*AXIAL, *TYING, "integer", "binary", "sign"))


def closure(facts: Iterable[Fact]) -> frozenset[Fact]:
    """`facts` with everything they imply (one-hot implies binary and sums to one, ...)."""
    known: set[Fact] = set()
    todo = list(facts)
    while todo:
        fact = todo.pop()
        if fact not in known:
            known.add(fact)
            todo += [Fact(n, fact.axis if n in AXIAL else None) for n in _IMPLIED.get(fact.name, ())]
            triangular = [lower_triangular, upper_triangular, symmetric]
            if sum(t in known for t in triangular) >= 2:  # two of them leave the diagonal
                todo.append(diagonal)
    return frozenset(known)


def entrywise(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Those of `facts` that say something of each entry alone, and hold wherever the entries are moved."""
    return frozenset(fact for fact in facts if fact.name in ENTRYWISE)


def as_facts(given: Any, shape: Shape, owner: str) -> frozenset[Fact]:
    """Facts given as names or objects, checked against the shape of the symbol `owner`.

    Raises
    ------
    FactError
        For an unknown name, an axis out of range, or a matrix fact of something that is no square matrix.
    """
    if isinstance(given, (str, Fact)):
        given = [given]
    try:
        items = list(given)
    except TypeError:
        raise FactError(f"{owner}: facts are a list of names or of objects of gc.facts, got {given!r}") from None
    found = set()
    for item in items:
        if isinstance(item, str):
            if item not in ENTRYWISE + MATRIX + AXIAL:
                known = ", ".join(ENTRYWISE + MATRIX + AXIAL)
                raise FactError(f"{owner}: unknown fact {item!r}; known facts: {known}")
            item = Fact(item, -1 if item in AXIAL else None)  # noqa: PLW2901 - a name stands for its last-axis form
        elif not isinstance(item, Fact):
            raise FactError(f"{owner}: a fact is a name or an object of gc.facts, got {item!r}")
        found.add(_fitted(item, shape, owner))
    return frozenset(found)


def _fitted(fact: Fact, shape: Shape, owner: str) -> Fact:
    if fact.axis is not None:
        axis = int(fact.axis)
        if not -len(shape) <= axis < len(shape):
            raise FactError(
                f"{owner}: the fact {fact.name} needs axis {fact.axis}, but the shape is {shape_text(shape)}"
            )
        return Fact(fact.name, axis - len(shape) if axis >= 0 else axis)
    if fact.name in MATRIX and (len(shape) < 2 or compare(shape[-1], shape[-2]) == "different"):
        raise FactError(f"{owner}: only a square matrix can be {fact.name}; the shape is {shape_text(shape)}")
    return fact
