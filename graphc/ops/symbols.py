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
    """Kind, shape, dtype and facts of a symbol, for messages."""
    facts = ", ".join(sorted(map(str, symbol.attributes.get("facts", ()))))
    return f"a {symbol.op.name} of shape {shape_text(symbol.shape)} {symbol.dtype}" + (f" ({facts})" if facts else "")
