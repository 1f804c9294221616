"""The pipeline in one place: differentiate, simplify, schedule, emit, load; and the picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.calculus import node_gradients
from graphc.errors import DrawingError
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.runtime.evaluate import evaluate_all
from graphc.visualize.draw import Drawing
from graphc.visualize.draw import draw as picture


def draw(
    output: Expr | Sequence[Expr], /, wrt: Expr | Sequence[Expr] = (), values: Mapping[str, Any] | None = None, **style: Any
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
    outputs = [output] if isinstance(output, Expr) else list(output)
    targets = [wrt] if isinstance(wrt, Expr) else list(wrt)
    if targets and len(outputs) > 1:
        raise DrawingError("a backward graph starts from one scalar; draw several outputs without wrt=")
    leaves = [n for n in topological(outputs) if n.op in (SYMBOL, PARAMETER)]
    gradients = node_gradients(outputs[0], [*leaves, *targets]) if targets else {}
    shown = dict(gradients) if values is not None else {x: gradients[x] for x in targets if x in gradients}
    numbers: dict[Expr, Any] | None = None
    if values is not None:
        nodes = list(dict.fromkeys([*topological(outputs), *shown.values()]))
        numbers = dict(zip(nodes, evaluate_all(nodes, values), strict=True))
    return picture(outputs if len(outputs) > 1 else outputs[0], None, shown or None, numbers, **style)
