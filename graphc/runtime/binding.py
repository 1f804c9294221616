"""What arrays say about names: values checked against their declarations, sizes solved from shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import sympy

from graphc.errors import DTypeError, GraphcError, ShapeError
from graphc.ir.dims import Dim, bind, dim_names, dim_symbol, dim_text, shape_text
from graphc.ir.expr import Expr
from graphc.ops.arguments import shown
from graphc.scheduling.sizing import VALUE, solution

KINDS = {"float64": "real numbers", "float32": "real numbers", "int64": "whole numbers", "bool": "truth values"}


def as_array(value: Any, declared: Expr) -> Any:
    """`value` as the array that `declared` stands for; whole numbers become float64 where reals are declared.

    Raises
    ------
    DTypeError
        If the entries are of another kind.
    ShapeError
        If the number of axes or a literal size differs.
    """
    if np.ma.is_masked(value):
        raise DTypeError(f"{declared.name}: the array has masked entries; give them values, as with .filled(0)")
    try:
        array = np.asarray(value)
    except GraphcError:
        raise
    except ValueError:
        raise ShapeError(
            f"{declared.name}: expected shape {shape_text(declared.shape)}, got lists that make no array: "
            "all rows must have one length"
        ) from None
    except Exception as error:  # whatever an object's own conversion raises
        raise DTypeError(f"{declared.name}: {shown(value)} cannot be read as an array: {error}") from error
    expected = declared.dtype
    if expected.startswith("float") and array.dtype.kind in "iu":
        array = array.astype(np.float64)
    elif expected == "int64" and array.dtype.kind in "iu":
        array = array.astype(np.int64, copy=False)
    accepted = ("float64", "float32") if expected.startswith("float") else (expected,)
    if array.dtype.name not in accepted:
        raise DTypeError(
            f"{declared.name}: expected {KINDS[expected]} ({' or '.join(accepted)}), "
            f"got an array of {array.dtype.name}; convert it with .astype({accepted[0]!r})"
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim != declared.ndim:
        raise ShapeError(
            f"{declared.name}: expected shape {shape_text(declared.shape)}, got {array.shape}: "
            f"{declared.ndim} axes are declared, the array has {array.ndim}"
        )
    for axis, (dim, size) in enumerate(zip(declared.shape, array.shape, strict=True)):
        if isinstance(dim, int) and dim != size:
            raise ShapeError(
                f"{declared.name}: expected shape {shape_text(declared.shape)}, got {array.shape}: "
                f"axis {axis} must be {dim}, not {size}"
            )
    return array


def as_arrays(values: Sequence[Any], declared: Sequence[Expr]) -> list[Any]:
    """`values` as arrays; real scalars take the dtype of the real arrays that have axes."""
    arrays = [as_array(value, symbol) for value, symbol in zip(values, declared, strict=True)]
    common = common_dtype(arrays)
    return [x.astype(common) if x.dtype.kind == "f" and not x.ndim and x.dtype != common else x for x in arrays]


def common_dtype(arrays: Iterable[Any]) -> Any:
    """The dtype that real numbers are computed in beside `arrays`: theirs, or float64 if none is real."""
    real = [x for x in arrays if x.dtype.kind == "f"]
    deciding = [x.dtype for x in real if x.ndim] or [x.dtype for x in real]
    return np.result_type(*deciding) if deciding else np.dtype(np.float64)


@dataclass
class Sizes:
    """The values of size names, each with the place it was read from; and compound sizes as arrays have them."""

    values: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    observed: dict[Dim, tuple[int, str]] = field(default_factory=dict)

    def give(self, name: str, value: int, source: str) -> None:
        known = self.values.setdefault(name, value)
        if known != value:
            raise ShapeError(f"{name} is {known} {self.sources[name]} but {value} {source}")
        self.sources.setdefault(name, source)

    def observe(self, dim: Dim, value: int, place: str) -> None:
        """Remember the value of a compound size, whose names may never be solved."""
        known, before = self.observed.setdefault(dim, (value, place))
        if known != value:
            raise ShapeError(f"{dim_text(dim)} is {known} {before} but {value} {place}")

    def value(self, dim: Dim) -> int | None:
        """The value of a size: from its names, or as an array has it; None if neither tells."""
        if not self.unknown(dim):
            return bind(dim, self.values)
        return self.observed[dim][0] if dim in self.observed else None

    def reasons(self, dims: Iterable[Dim]) -> str:
        """Where the values of `dims` come from."""
        given = list(dims)
        names = [f"{n} = {self.values[n]}" for n in sorted(dim_names(d for d in given if not self.unknown(d)))]
        seen = [f"{dim_text(d)} is {self.observed[d][0]} {self.observed[d][1]}" for d in given if self.unknown(d)]
        return ", ".join(names + seen)

    def unknown(self, dim: Dim) -> list[str]:
        return sorted(dim_names([dim]) - self.values.keys())


def given_sizes(values: Mapping[str, Any], taken: Iterable[str], needed: Iterable[str]) -> Sizes:
    """The entries of `values` that are whole numbers and not the value of a symbol.

    Raises
    ------
    ShapeError
        If a size that is `needed` is given as a number that counts nothing, such as -1 or 2.5.
    """
    sizes = Sizes()
    symbols, names = set(taken), set(needed)
    for name, value in values.items():
        if name in symbols:
            continue
        if name in names and isinstance(value, Real):
            sizes.give(name, whole_size(name, value), "as given")
        elif is_whole(value):
            sizes.give(name, int(value), "as given")
    return sizes


def whole_size(name: str, value: Any) -> int:
    """The value of a size.

    Raises
    ------
    ShapeError
        If it counts nothing, as -1 or 2.5.
    """
    if not is_whole(value) or value < 0:
        raise ShapeError(f"the size {name} must be a whole number of 0 or more, got {value!r}")
    return int(value)


def is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def bind_sizes(declared: Sequence[Expr], shapes: Sequence[tuple[int, ...]], sizes: Sizes) -> Sizes:
    """Solve the names in the declared shapes from the shapes of the arrays.

    Raises
    ------
    ShapeError
        If two places give a name different values, or no whole number fits.
    """
    compound: list[tuple[Dim, int, str]] = []
    for leaf, shape in zip(declared, shapes, strict=True):
        for axis, (dim, value) in enumerate(zip(leaf.shape, shape, strict=True)):
            place = f"in {leaf.name} (axis {axis})"
            if isinstance(dim, sympy.Symbol):
                sizes.give(dim.name, value, place)
            elif not isinstance(dim, int):
                sizes.observe(dim, value, place)
                compound.append((dim, value, place))
    progress = True
    while progress:
        progress = False
        for item in list(compound):
            if _solved(*item, sizes):
                compound.remove(item)
                progress = True
    return sizes


def _solved(dim: Dim, value: int, place: str, sizes: Sizes) -> bool:
    """Check a compound size whose names are known, or solve it for one unknown name it is linear in."""
    missing = sizes.unknown(dim)
    if not missing:
        found = bind(dim, sizes.values)
        if found != value:
            because = ", ".join(f"{n} is {sizes.values[n]} {sizes.sources[n]}" for n in sorted(dim_names([dim])))
            raise ShapeError(f"{dim_text(dim)} is {found}, as {because}, but {value} {place}")
        return True
    if len(missing) > 1:
        return False
    name = missing[0]
    known = {dim_symbol(n): v for n, v in sizes.values.items()}
    rest = dim.subs(known) if isinstance(dim, sympy.Expr) else dim
    if rest == 0 == value:  # n*d where n is 0: any d does
        return False
    formula = solution(dim, name, VALUE)
    if formula is None:
        return False
    unknown = formula.subs(known | {VALUE: value})
    if not unknown.is_integer or unknown < 0:
        raise ShapeError(f"{dim_text(dim)} is {value} {place}, but no whole {name} gives that")
    sizes.give(name, int(unknown), place)
    return True


def check_conditions(pairs: Iterable[tuple[Dim, Dim]], sizes: Sizes) -> None:
    """Raise ShapeError for a condition that does not hold; one with unknown sizes is passed over."""
    for a, b in pairs:
        left, right = sizes.value(a), sizes.value(b)
        if left is not None and right is not None and left != right:
            bound = lower_bound(a, b)
            if bound is not None:
                raise ShapeError(
                    f"{dim_text(bound[0])} must be at least {dim_text(bound[1])}, but with {sizes.reasons(bound)} that "
                    f"is {bind(bound[0], sizes.values)} < {bind(bound[1], sizes.values)}: an index, a slice or ddof "
                    "asks for more entries than there are (only axes whose size is a number clip slices)"
                )
            raise ShapeError(
                f"the sizes {dim_text(a)} and {dim_text(b)} must be equal, "
                f"but with {sizes.reasons([a, b])} they are {left} and {right}"
            )


def lower_bound(a: Dim, b: Dim) -> tuple[Dim, Dim] | None:
    """The sizes y and x of a condition ``Max(x, y) = y``."""
    for larger, size in ((a, b), (b, a)):
        if isinstance(larger, sympy.Max) and sympy.sympify(size) in larger.args:
            rest = [x for x in larger.args if x != sympy.sympify(size)]
            return size, rest[0] if len(rest) == 1 else sympy.Max(*rest)
    return None
