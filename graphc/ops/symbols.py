"""The symbols of expressions: in one graph, a name means one symbol."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.errors import NameConflictError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import PARAMETER, SYMBOL


def symbols_of(exprs: Iterable[Expr]) -> list[Expr]:
    """The symbols and parameters below `exprs`, in order of first use.

    Raises
    ------
    NameConflictError
        If two different ones carry one name.
    """
    found: dict[str, Expr] = {}
    for node in topological(exprs):
        if node.op is SYMBOL or node.op is PARAMETER:
            other = found.setdefault(node.attributes["name"], node)
            if other is not node:
                raise NameConflictError(
                    f"two different symbols are called {node.name}: one is {described(other)}, "
                    f"one is {described(node)}; rename one of them"
                )
    return list(found.values())


def described(symbol: Expr) -> str:
    """Kind, shape, dtype, facts and whatever else tells a symbol from another, for messages."""
    known = sorted(map(str, symbol.attributes.get("facts", ())))
    rest = {"init": None} if symbol.op is PARAMETER else {}
    rest |= {k: v for k, v in symbol.attributes.items() if k not in ("name", "shape", "dtype", "facts")}
    known += [f"{key}={value!r}" for key, value in rest.items()]
    told = f" ({', '.join(known)})" if known else ""
    return f"a {symbol.op.name} of shape {shape_text(symbol.shape)} {symbol.dtype}{told}"
