"""Gradients by structured matrices: by the entries that are free, where a fact ties the others to them.

For a symmetric X this is the convention of the Matrix Cookbook, (138): the derivative of f by X[i, j] when X[j, i]
moves with it, G + G.T - diag(diag(G)) for the entry-by-entry gradient G. (The projection (G + G.T)/2, which an
optimizer over symmetric matrices would follow, differs from it by a factor 2 off the diagonal.)
"""

from __future__ import annotations

from graphc.ir.expr import Expr
from graphc.ops.layout import tril, triu
from graphc.ops.leaves import eye
from graphc.ops.linalg import turned


def tied(x: Expr, g: Expr) -> Expr:
    """A gradient `g` by free entries of `x` (or a stack of them) as the gradient by those that its facts leave free.

    Symmetric: G + G.T - diag(diag(G)); lower or upper triangular: the triangle; diagonal: the diagonal.
    """
    known = {fact.name for fact in x.op.facts(x)}
    if "diagonal" in known:
        return g * eye(x.shape[-1])
    if "symmetric" in known:
        return g + turned(g) - g * eye(x.shape[-1])
    if "lower_triangular" in known:
        return tril(g)
    return triu(g) if "upper_triangular" in known else g
