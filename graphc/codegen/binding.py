"""Lines that read sizes from the shapes of arrays, and the sizes that are arguments because no shape tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from graphc.codegen.expressions import unwrapped
from graphc.ir.dims import Shape, dim_names
from graphc.scheduling.plan import Plan
from graphc.scheduling.scales import dim_code
from graphc.scheduling.sizing import VALUE, known_names, solution

Arrays = Sequence[tuple[str, Shape]]


def input_arrays(plan: Plan, variables: Mapping[int, str], places: Iterable[int]) -> list[tuple[str, Shape]]:
    """Values with their shapes: in the sizes that the instructions use, and those of inputs as declared too."""
    used = [(variables[p], plan.instructions[p].shape) for p in places]
    declared = [(variables[p], plan.inputs[p].shape) for p in places if p < len(plan.inputs)]
    return list(dict.fromkeys(used + declared))


def untold(needed: Iterable[str], arrays: Arrays) -> list[str]:
    """Those sizes that the shapes do not tell, nor together with the sizes before them: ``m`` of m*n, not n too."""
    shapes, given = [shape for _, shape in arrays], list[str]()
    known = known_names(shapes)
    for name in sorted(needed):
        if name not in known:
            given.append(name)
            known = known_names(shapes, given)
    return given


def size_lines(
    needed: Iterable[str], arrays: Arrays, renamed: Mapping[str, str], given: Iterable[str] = ()
) -> list[str]:
    """Assignments of the sizes `needed` from ``(variable, shape)`` pairs, in an order that works.

    Parameters
    ----------
    given : sizes that are arguments, with which the shapes tell all others
    """
    known = known_names([shape for _, shape in arrays], given)
    wanted: dict[str, None] = {}
    todo = list(needed)[::-1]
    while todo:
        name = todo.pop()
        if name not in wanted and name not in given:
            wanted[name] = None
            place = known[name]
            if place is not None:
                todo += sorted(dim_names([arrays[place[0]][1][place[1]]]) - {name})
    solved = [_solved(name, place, arrays, renamed) for name, place in known.items() if place and name in wanted]
    return [*_read(list(wanted), arrays, renamed), *solved]


def arguments_for(needed: Iterable[str], arrays: Arrays, given: Sequence[str]) -> list[str]:
    """Those of the sizes `given` that lines for the sizes `needed` use."""
    known = known_names([shape for _, shape in arrays], given)
    found, todo = set[str](), list(needed)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            place = known[name]
            todo += [] if place is None else dim_names([arrays[place[0]][1][place[1]]])
    return [name for name in given if name in found]


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


def _solved(name: str, place: tuple[int, int], arrays: Arrays, renamed: Mapping[str, str]) -> str:
    """The line that solves a compound size for one of its names."""
    variable, shape = arrays[place[0]]
    found = solution(shape[place[1]], name, VALUE)
    assert found is not None
    root = found.exp if isinstance(found, sympy.Pow) and not found.exp.is_Integer else sympy.S.One
    inner = found ** (1 / root)
    called = {s: sympy.Symbol(renamed.get(s.name, s.name), integer=True) for s in inner.free_symbols - {VALUE}}
    code = unwrapped(dim_code(inner.xreplace(called))).replace(VALUE.name, f"{variable}.shape[{place[1]}]")
    if root != 1:
        base = code if inner == VALUE else f"({code})"
        code = f"round({base} ** {'0.5' if root == sympy.S.Half else f'({root})'})"
    return f"{renamed.get(name, name)} = {code}"
