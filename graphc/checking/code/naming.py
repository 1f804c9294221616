"""What the code calls its arrays: the local variables of traced functions, as names in the formulas."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import Any

from graphc.checking.code.tracing import Array
from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.notation import functions

Names = dict[Expr, str]


@contextmanager
def noted(functions_: tuple[Callable[..., Any] | None, ...], names: Names) -> Iterator[None]:
    """While functions run, the arrays that their local variables hold when they return, each under its first name."""
    codes = {f.__code__ for f in functions_ if isinstance(f, FunctionType)}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code in codes:
            for name, value in frame.f_locals.items():
                if isinstance(value, Array) and value.expr.operands:
                    names.setdefault(value.expr, name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def named(exprs: list[Expr], names: Names, taken: Mapping[str, Any]) -> list[Expr]:
    """Expressions in which what a variable of the code holds is called like it, where the name means nothing else."""
    counts = list(names.values())
    usable = {e: n for e, n in names.items() if n not in taken and n not in functions and counts.count(n) == 1}
    roots = set(exprs)
    done: dict[Expr, Expr] = {}
    for node in topological(exprs):
        new = rebuild(node, tuple(done[o] for o in node.operands))
        done[node] = new.named(usable[node]) if node in usable and node not in roots else new
    return [done[e] for e in exprs]
