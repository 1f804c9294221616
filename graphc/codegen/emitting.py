"""``emit``: a plan as the source of a standalone module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphc.codegen.fast import Fast
from graphc.codegen.layout import HEAD, WIDTH
from graphc.codegen.readable import Readable
from graphc.codegen.training import fast_training, readable_training
from graphc.codegen.update import UpdateRule
from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr
from graphc.ir.memory import without_cycle_search
from graphc.ops.leaves import NAMED, checked_name
from graphc.scheduling.plan import Plan
from graphc.scheduling.planning import plan

STYLES = ("readable", "fast")


class Source(NamedTuple):
    """A module, and the keywords of its function for the sizes that no input's shape tells."""

    text: str
    sizes: dict[str, str]


@without_cycle_search
def emit(
    outputs: Any,
    inputs: Sequence[Expr],
    style: str = "readable",
    *,
    name: str = "step",
    update: UpdateRule | None = None,
    sizes: Mapping[str, int] | None = None,
) -> str:
    """The source of a module that computes `outputs` from `inputs` and imports NumPy alone.

    A size that no input's shape tells is a keyword argument of the functions that need it.

    Parameters
    ----------
    outputs : Expr, sequence of Expr, or mapping from names to Expr
        Taken as they are; simplify them jointly first.
    inputs : sequence of symbols and parameters
        The arguments, in order.
    style : {"readable", "fast"}
        Textbook code to commit, or buffers reused and ``out=`` everywhere.
    name : str
        The function that returns all outputs. With two and more outputs the readable style also has ``forward``
        (the first output, and what is saved for the others) and ``backward``.
    update : UpdateRule, optional
        Adds ``update`` and ``train_step``; the outputs are then the loss and the gradients of the parameters among
        `inputs`, in their order.
    sizes : mapping from size names to int, optional
        Sizes to assume where the order of products depends on them; the code takes any sizes.

    Raises
    ------
    UnsupportedError
        For an unknown style, or an op whose code cannot be emitted.
    ValueMissingError
        If an output needs a symbol that is not among `inputs`.
    """
    named = named_outputs(outputs)
    return source_of(planned(list(named.values()), inputs, style, sizes), list(named), style, name, update).text


def named_outputs(outputs: Any) -> dict[str, Expr]:
    """Outputs by name: those of a mapping, of named intermediates, else ``out0``, ``out1``, ..."""
    if isinstance(outputs, Mapping):
        return {checked_name(name): e for name, e in outputs.items()}
    given = [outputs] if isinstance(outputs, Expr) else list(outputs)
    found: dict[str, Expr] = {}
    for i, e in enumerate(given):
        name = str(e.name) if e.op is NAMED else f"out{i}"
        found[name if name not in found else f"out{i}"] = e
    return found


def planned(outputs: Sequence[Expr], inputs: Sequence[Expr], style: str, sizes: Mapping[str, int] | None) -> Plan:
    if not isinstance(style, str) or style not in STYLES:
        raise UnsupportedError(f"style must be 'readable' or 'fast', got {style!r}")
    if not outputs:
        raise UnsupportedError("nothing to compute: give at least one output")
    return plan(outputs, inputs, stepwise=style == "fast", sizes=sizes)


def source_of(
    program: Plan, names: Sequence[str], style: str, name: str = "step", update: UpdateRule | None = None
) -> Source:
    """The module for a plan that `planned` made for the same style."""
    checked_name(name)
    writer: Fast | Readable
    if style == "fast":
        writer = Fast(program, names, name)
        parts = writer.write()
        imports = set(writer.imports)
        if update is not None:
            more, functions = fast_training(writer, update)
            parts += more
            imports |= functions
        line = f"from numpy import {', '.join(sorted(imports))}"
        if len(line) > WIDTH:
            line = "\n".join(["from numpy import (", *(f"    {name}," for name in sorted(imports)), ")"])
        head = "\n".join(["import numpy as np", *([line] if imports else []), "", "_pools = {}"])
    else:
        head = "import numpy as np"
        writer = Readable(program, names, name)
        parts = writer.write()
        if update is not None:
            parts += readable_training(writer, update)
    keywords = {n: writer.renamed[n] for n in writer.given}
    return Source("\n\n\n".join([f"{HEAD}\n\n{head}", *parts]) + "\n", keywords)
