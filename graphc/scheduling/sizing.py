"""Sizes solved from compound ones, and compound ones computed with as they are where their names are not known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from graphc.ir.dims import Dim, Shape, dim_names, dim_symbol
from graphc.ir.expr import Expr
from graphc.ops.ranges import plain


def solution(dim: Dim, name: str, value: sympy.Symbol) -> sympy.Expr | None:
    """The formula for `name` where ``dim == value``: `dim` is linear in it, or in a power of it; None otherwise."""
    if isinstance(dim, int) or dim.has(sympy.floor, sympy.Max, sympy.Min, sympy.Mod):
        return None
    unknown = dim_symbol(name)
    power = sympy.degree(dim, unknown) if dim.is_polynomial(unknown) else 0
    rest = dim.subs(unknown, 0)
    slope = sympy.expand((dim - rest) / unknown**power)
    if power < 1 or slope.has(unknown) or slope == 0:
        return None
    return ((value - rest) / slope) ** sympy.Rational(1, power)


@dataclass
class Wholes:
    """Sizes of axes as one number each, where the shapes of the inputs do not tell the names in them.

    Of ``x (m*n,)`` alone neither m nor n is known, but m*n is: `fresh` has a name for it, and `solutions` what m is
    then, ``size/n``. A size in which the unknown names cancel is one of known numbers: ``2*m*n`` is ``2*size``.
    """

    fresh: dict[Dim, sympy.Symbol] = field(default_factory=dict)
    solutions: dict[sympy.Symbol, sympy.Expr] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def __call__(self, dim: Any) -> Any:
        """`dim` without unknown names if that is possible, else as it is."""
        if not isinstance(dim, sympy.Expr) or not dim_names([dim]) & self.unknown:
            return dim
        if dim in self.fresh:
            return self.fresh[dim]
        found = plain(sympy.expand(dim.subs(self.solutions)))
        return dim if dim_names([found]) & self.unknown else found

    def within(self, value: Any) -> Any:
        """A value with the sizes in it, at any depth of tuples, without unknown names."""
        if isinstance(value, tuple):
            return tuple(self.within(v) for v in value)
        return self(value)

    def numbers(
        self, needed: Iterable[Dim], known: Mapping[str, int], observed: Mapping[Dim, int]
    ) -> dict[str, int] | None:
        """Any values of the unknown names that give the sizes `needed`; None if these depend on the values.

        Parameters
        ----------
        known, observed : the values of the other names, and of the compound sizes
        """
        if any(dim_names([self(dim)]) & self.unknown for dim in needed):
            return None
        at = {dim_symbol(name): value for name, value in known.items()}
        at |= {name: observed[dim] for dim, name in self.fresh.items()}
        at |= {dim_symbol(name): 1 for name in self.unknown if dim_symbol(name) not in self.solutions}
        at |= {name: formula.subs(at) for name, formula in self.solutions.items()}
        if any(sympy.sympify(dim).subs(at) != observed[dim] for dim in self.fresh):
            return None
        return {name: plain(at[dim_symbol(name)]) for name in self.unknown}

    def declared(self, shape: Shape) -> Shape:
        """A shape as the user knows it."""
        back = {name: dim for dim, name in self.fresh.items()}
        return tuple(plain(d.subs(back)) if isinstance(d, sympy.Expr) and d.has(*back) else d for d in shape)


def known_names(shapes: Iterable[Shape], given: Iterable[str] = ()) -> dict[str, tuple[int, int] | None]:
    """The names that shapes tell: None for those that stand alone or are given, else where the name is solved from."""
    rows = list(shapes)
    found: dict[str, tuple[int, int] | None] = dict.fromkeys(given)
    found |= {d.name: None for shape in rows for d in shape if isinstance(d, sympy.Symbol)}
    progress = True
    while progress:
        progress = False
        for i, shape in enumerate(rows):
            for axis, dim in enumerate(shape):
                missing = dim_names([dim]) - found.keys()
                if len(missing) == 1 and solution(dim, min(missing), VALUE) is not None:
                    found[min(missing)] = i, axis
                    progress = True
    return found


VALUE = sympy.Symbol("_value", integer=True, positive=True)


def wholes(inputs: Iterable[Expr], order: Iterable[Expr]) -> Wholes:
    """What stands for the compound sizes of `inputs` in a program that computes the nodes of `order`."""
    shapes = [s.shape for s in inputs]
    known = known_names(shapes)
    compound = dict.fromkeys(d for shape in shapes for d in shape if dim_names([d]) - known.keys())
    result = Wholes(unknown={n for d in compound for n in dim_names([d])} - known.keys())
    taken = {n for node in order for n in _names(node)} if compound else set()
    for dim in compound:
        name = next(n for n in _wishes() if n not in taken)
        taken.add(name)
        whole = result.fresh[dim] = dim_symbol(name)
        left = plain(sympy.expand(sympy.sympify(dim).subs(result.solutions)))
        for unknown in sorted(dim_names([left]) & result.unknown):
            found = solution(left, unknown, VALUE)
            if found is not None and sympy.degree(left, dim_symbol(unknown)) == 1:
                formula = found.subs(VALUE, whole)
                old = {s: sympy.expand(f.subs(dim_symbol(unknown), formula)) for s, f in result.solutions.items()}
                result.solutions = {**old, dim_symbol(unknown): sympy.expand(formula)}
                break
    return result


def _wishes() -> Iterator[str]:
    yield "size"
    count = 2
    while True:
        yield f"size{count}"
        count += 1


def _names(node: Expr) -> set[str]:
    """The names of a node and of the sizes in it."""
    return dim_names((*node.shape, *flat(tuple(node.attributes.values())))) | {str(node.name)}


def flat(value: Any) -> Iterator[Any]:
    """What is in nested tuples."""
    if isinstance(value, tuple):
        for v in value:
            yield from flat(v)
    else:
        yield value
