"""Lines that read sizes from the shapes of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from graphc.codegen.expressions import unwrapped
from graphc.errors import ValueMissingError
from graphc.ir.dims import Shape, dim_names, shape_text
from graphc.scheduling.scales import dim_code
from graphc.scheduling.sizing import linear_solution

Arrays = Sequence[tuple[str, Shape]]


def size_lines(needed: Iterable[str], arrays: Arrays, renamed: Mapping[str, str]) -> list[str]:
    """Assignments of the sizes `needed` from ``(variable, shape)`` pairs, in an order that works.

    Raises
    ------
    ValueMissingError
        If the shapes do not determine a size.
    """
    lines: list[str] = []
    missing = list(dict.fromkeys(needed))
    for variable, shape in arrays:
        plain = [d.name if isinstance(d, sympy.Symbol) else None for d in shape]
        wanted = [name for name in dict.fromkeys(plain) if name in missing]
        if len(wanted) > 1 and len(wanted) == len(shape):
            lines.append(f"{', '.join(renamed.get(str(n), str(n)) for n in plain)} = {variable}.shape")
        else:
            lines += [f"{renamed.get(str(n), str(n))} = {variable}.shape[{plain.index(n)}]" for n in wanted]
        missing = [name for name in missing if name not in wanted]
    known = {name for _, shape in arrays for d in shape if isinstance(d, sympy.Symbol) for name in (d.name,)}
    while missing:
        line, name = _solve(missing, known, arrays, renamed)
        lines.append(line)
        known.add(name)
        missing = [m for m in missing if m != name]
    return lines


def _solve(missing: list[str], known: set[str], arrays: Arrays, renamed: Mapping[str, str]) -> tuple[str, str]:
    """A size from a compound one that is linear in it."""
    for variable, shape in arrays:
        for axis, dim in enumerate(shape):
            unknown = dim_names([dim]) - known
            if len(unknown) == 1 and unknown & set(missing) and not isinstance(dim, int):
                name = unknown.pop()
                solution = linear_solution(dim, name, sympy.Symbol("_value", integer=True))
                if solution is not None and dim_names([dim]) <= {name}:
                    code = unwrapped(dim_code(solution)).replace("_value", f"{variable}.shape[{axis}]")
                    return f"{renamed.get(name, name)} = {code}", name
    shapes = ", ".join(f"{variable} {shape_text(shape)}" for variable, shape in arrays)
    raise ValueMissingError(f"the size {missing[0]} cannot be read from the inputs {shapes}")
