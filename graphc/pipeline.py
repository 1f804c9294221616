"""The pipeline in one place: differentiate, simplify, schedule, emit, load; and the picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.calculus import node_gradients
from graphc.calculus.gradients import gradient_name
from graphc.codegen import emit as source
from graphc.errors import DrawingError
from graphc.ir.expr import Expr, topological
from graphc.ops.arguments import assumed_sizes, by_name, expressions
from graphc.ops.conditions import conditions
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.ops.stopping import released
from graphc.rewriting.simplify import closed_forms
from graphc.runtime.compile import Compiled
from graphc.runtime.compile import compile as load
from graphc.runtime.evaluate import evaluate_all
from graphc.visualize.draw import Drawing
from graphc.visualize.draw import draw as picture


def compile(outputs: Any, inputs: Sequence[Expr], /, *, style: str = "fast", **options: Any) -> Compiled:
    """A function of NumPy arrays that computes `outputs`, simplified jointly, from `inputs`.

    Parameters
    ----------
    outputs : Expr, sequence of Expr, or mapping from names to Expr
        One expression gives an array, several give a list.
    inputs : sequence of symbols and parameters
        The arguments, in order; they can be given by name too. Those that no output needs are accepted.
    style : {"fast", "readable"}
    **options
        ``copy`` and ``sizes`` of `graphc.runtime.compile.compile`.

    Returns
    -------
    Compiled
        Takes float32 and float64 arrays of any sizes that fit, and by name the sizes that no input's shape tells
        (``step(x, k=3)``); ``.source`` is the emitted module.

    Raises
    ------
    ValueMissingError
        If an output needs a symbol that is not among `inputs`.
    """
    given = expressions(outputs.values() if isinstance(outputs, Mapping) else outputs, "compile")
    arguments = expressions(inputs, "compile")
    if "sizes" in options:
        options["sizes"] = assumed_sizes(options["sizes"], "compile")
    closed = simplified(outputs if isinstance(outputs, (Expr, Mapping)) else given, "compile")
    return load(closed, arguments, style=style, equal=conditions(given), **options)


def emit(outputs: Any, inputs: Sequence[Expr], /, *, style: str = "readable", **options: Any) -> str:
    """The source of a module that computes `outputs`, simplified jointly, and imports NumPy alone.

    Parameters
    ----------
    outputs : Expr, sequence of Expr, or mapping from names to Expr
    inputs : sequence of symbols and parameters
        The arguments, in order.
    style : {"readable", "fast"}
        Textbook code with ``forward`` and ``backward``, or reused buffers and ``out=`` everywhere.
    **options
        ``name``, ``update`` and ``sizes`` of `graphc.codegen.emit`.

    Raises
    ------
    UnsupportedError
        For an unknown style.
    ValueMissingError
        If an output needs a symbol that is not among `inputs`.
    """
    if "sizes" in options:
        options["sizes"] = assumed_sizes(options["sizes"], "emit")
    return source(simplified(outputs, "emit"), expressions(inputs, "emit"), style=style, **options)


def computed(exprs: list[Expr]) -> list[Expr]:
    """`exprs` jointly in closed form; chains of products stay as in the forward pass, whose values they use."""
    return closed_forms(released(exprs), regrouped=False)


def simplified(outputs: Any, function: str) -> Any:
    """`outputs` as they are computed; several get the names their results have in code."""
    if isinstance(outputs, Expr):
        return computed([outputs])[0]
    if isinstance(outputs, Mapping):
        return dict(zip(outputs, computed(expressions(outputs.values(), function)), strict=True))
    given = expressions(outputs, function)
    if len(given) < 2:
        return computed(given)
    names = [gradient_name(e) or e.name or f"out{i}" for i, e in enumerate(given)]
    if given[0].ndim == 0 and given[0].name is None and gradient_name(given[0]) is None:
        names[0] = "loss"
    if len(set(names)) < len(names):
        names = [f"out{i}" for i in range(len(given))]
    return dict(zip(names, computed(given), strict=True))


def draw(
    output: Expr | Sequence[Expr],
    /,
    wrt: Expr | Sequence[Expr] = (),
    values: Mapping[str, Any] | None = None,
    **style: Any,
) -> Drawing:
    """The graph of an expression; with `wrt`, the backward graph too; with `values`, numbers on the edges.

    Parameters
    ----------
    output : Expr, or sequence of Expr for a forward graph alone
    wrt : Expr or sequence of Expr
        Symbols, parameters or intermediates whose gradients are drawn; `output` must then be one scalar.
    values : mapping of names to arrays
        Each edge shows its value above, and the gradient by it below, as on a lecture's blackboard.
    **style
        ``legend``, ``max_nodes``, ``backward`` of `graphc.visualize.draw.draw`.

    Returns
    -------
    Drawing
        With ``.svg``, ``.png``, ``.dot`` and ``.save(path)``; shows itself in a notebook.

    Raises
    ------
    DrawingError
        If `wrt` is given for several outputs, or the picture cannot be made.
    """
    outputs, targets = expressions(output, "draw"), expressions(wrt, "draw(wrt=)")
    if not outputs:
        raise DrawingError("there is nothing to draw: no outputs were given")
    if targets and len(outputs) > 1:
        raise DrawingError("a backward graph starts from one scalar; draw several outputs without wrt=")
    leaves = [n for n in topological(outputs) if n.op in (SYMBOL, PARAMETER)]
    gradients = node_gradients(outputs[0], [*leaves, *targets]) if targets else {}
    shown = dict(gradients) if values is not None else {x: gradients[x] for x in targets if x in gradients}
    numbers: dict[Expr, Any] | None = None
    if values is not None:
        nodes = list(dict.fromkeys([*topological(outputs), *shown.values()]))
        numbers = dict(zip(nodes, evaluate_all(nodes, by_name(values, "draw(values=)")), strict=True))
    return picture(outputs if len(outputs) > 1 else outputs[0], None, shown or None, numbers, **style)
