"""Lines that read sizes from the shapes of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from graphc.codegen.expressions import unwrapped
from graphc.errors import ValueMissingError
from graphc.ir.dims import Dim, Shape, dim_names, shape_text
from graphc.scheduling.scales import dim_code
from graphc.scheduling.sizing import linear_solution

Arrays = Sequence[tuple[str, Shape]]
VALUE = sympy.Symbol("_value", integer=True)


def size_lines(needed: Iterable[str], arrays: Arrays, renamed: Mapping[str, str]) -> list[str]:
    """Assignments of the sizes `needed` from ``(variable, shape)`` pairs, in an order that works.

    Raises
    ------
    ValueMissingError
        If the shapes do not determine a size.
    """
    plain = {d.name for _, shape in arrays for d in shape if isinstance(d, sympy.Symbol)}
    recipes = _recipes(plain, arrays)
    wanted: dict[str, None] = {}
    todo = list(needed)[::-1]
    while todo:
        name = todo.pop()
        if name in wanted:
            continue
        wanted[name] = None
        if name in recipes:
            todo += sorted(dim_names([recipes[name][1]]) - {name})
        elif name not in plain:
            shapes = ", ".join(f"{variable} {shape_text(shape)}" for variable, shape in arrays)
            raise ValueMissingError(f"the size {name} cannot be read from the inputs {shapes}")
    solved = [_solved(name, *recipes[name], renamed) for name in recipes if name in wanted]
    return [*_read(list(wanted), arrays, renamed), *solved]


def _read(missing: list[str], arrays: Arrays, renamed: Mapping[str, str]) -> list[str]:
    """The sizes that stand alone in a shape."""
    lines: list[str] = []
    for variable, shape in arrays:
        plain = [d.name if isinstance(d, sympy.Symbol) else None for d in shape]
        wanted = [name for name in dict.fromkeys(plain) if name in missing]
        if len(wanted) > 1 and len(wanted) == len(shape):
            lines.append(f"{', '.join(renamed.get(str(n), str(n)) for n in plain)} = {variable}.shape")
        else:
            lines += [f"{renamed.get(str(n), str(n))} = {variable}.shape[{plain.index(n)}]" for n in wanted]
        missing = [name for name in missing if name not in wanted]
    return lines


def _recipes(plain: set[str], arrays: Arrays) -> dict[str, tuple[str, Dim]]:
    """The sizes that compound ones determine, one after the other: where each stands, and the compound size."""
    known, found = set(plain), dict[str, tuple[str, Dim]]()
    compound = [(f"{v}.shape[{i}]", d) for v, shape in arrays for i, d in enumerate(shape) if dim_names([d])]
    progress = True
    while progress:
        progress = False
        for place, dim in compound:
            unknown = dim_names([dim]) - known
            if len(unknown) == 1 and linear_solution(dim, min(unknown), VALUE) is not None:
                found[min(unknown)] = place, dim
                known |= unknown
                progress = True
    return found


def _solved(name: str, place: str, dim: Dim, renamed: Mapping[str, str]) -> str:
    """The line that solves a compound size for one of its names."""
    solution = linear_solution(dim, name, VALUE)
    assert solution is not None
    called = {s: sympy.Symbol(renamed.get(s.name, s.name), integer=True) for s in solution.free_symbols - {VALUE}}
    code = unwrapped(dim_code(solution.xreplace(called))).replace(VALUE.name, place)
    return f"{renamed.get(name, name)} = {code}"
