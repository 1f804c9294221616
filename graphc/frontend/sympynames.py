"""The names in a SymPy expression: symbols to declare, and symbols that run along axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

from graphc.ir.dims import as_dim
from graphc.ir.expr import Expr
from graphc.ops.leaves import symbol


def declared(exprs: Iterable[Any], names: Mapping[str, Any]) -> dict[str, Expr]:
    """Symbols for the SymPy symbols and matrices that no name in play stands for.

    Symbols in shapes are sizes; a matrix of one column is a vector.
    """
    found: dict[str, Expr] = {}
    for expr in exprs:
        if isinstance(expr, sympy.Basic):
            matrices = expr.atoms(sympy.MatrixSymbol)
            bases = {b for b in expr.atoms(sympy.IndexedBase) if b.shape}
            shapes = [b.shape for b in (*matrices, *bases)]
            sizes = {s for dims in shapes for d in dims for s in sympy.sympify(d).free_symbols}
            for m in sorted((*matrices, *bases), key=str):
                column = len(m.shape) == 2 and m.shape[1] == 1 and m.shape[0] != 1
                found.setdefault(m.name, symbol(m.name, tuple(map(as_dim, m.shape[:1] if column else m.shape))))
            labels = index_symbols(expr)
            for s in sorted(expr.free_symbols, key=str):
                if isinstance(s, sympy.Symbol) and s not in sizes and s not in labels:
                    facts = ["positive"] if s.is_positive else []
                    found.setdefault(s.name, symbol(s.name, (), facts=facts))
    return {name: value for name, value in found.items() if name not in names}


def index_symbols(expr: Any) -> list[Any]:
    """The symbols that run along axes, in order of appearance."""
    found: dict[Any, None] = {}
    for node in sympy.preorder_traversal(expr):
        if isinstance(node, (sympy.Sum, sympy.Product)):
            found.update((limit[0], None) for limit in node.limits)
        elif isinstance(node, sympy.Lambda):
            found.update((v, None) for v in node.variables if not isinstance(v, sympy.Dummy))
        elif isinstance(node, (sympy.Indexed, MatrixElement, sympy.KroneckerDelta)):
            skip = 0 if isinstance(node, sympy.KroneckerDelta) else 1
            found.update((a, None) for a in node.args[skip:] if isinstance(a, (sympy.Symbol, sympy.Idx)))
    return list(found)
