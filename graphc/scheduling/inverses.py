"""Functions of inverse functions as the algebraic functions that they are: cos(arctan(x)) = 1/sqrt(1 + x**2).

Where x is large arctan(x) is next to pi/2, of which the cosine has few right digits (DLMF 4.21 and 4.35).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ir.op import registry
from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import absolute, less_equal
from graphc.ops.reductions import where
from graphc.rewriting.simplify import simplify


def _within(u: Expr, inverse: Expr) -> Expr:
    """u where its inverse function has a value."""
    return where(less_equal(absolute(u), 1), u, inverse)


FORMS: dict[tuple[str, str], Callable[[Expr, Expr], Expr]] = {
    ("sin", "arcsin"): _within,
    ("cos", "arcsin"): lambda u, _: sqrt(1 - u**2),
    ("tan", "arcsin"): lambda u, _: u / sqrt(1 - u**2),
    ("sin", "arccos"): lambda u, _: sqrt(1 - u**2),
    ("cos", "arccos"): _within,
    ("tan", "arccos"): lambda u, _: sqrt(1 - u**2) / u,
    ("sin", "arctan"): lambda u, _: u / sqrt(1 + u**2),
    ("cos", "arctan"): lambda u, _: 1 / sqrt(1 + u**2),
    ("tan", "arctan"): lambda u, _: u,
    ("sinh", "arcsinh"): lambda u, _: u,
    ("cosh", "arcsinh"): lambda u, _: sqrt(1 + u**2),
    ("tanh", "arcsinh"): lambda u, _: u / sqrt(1 + u**2),
    ("sinh", "arccosh"): lambda u, _: sqrt(u - 1) * sqrt(u + 1),
    ("tanh", "arccosh"): lambda u, _: sqrt(u - 1) * sqrt(u + 1) / u,
    ("sinh", "arctanh"): lambda u, _: u / sqrt(1 - u**2),
    ("cosh", "arctanh"): lambda u, _: 1 / sqrt(1 - u**2),
    ("tanh", "arctanh"): _within,
}
OUTER = {registry[name] for name, _ in FORMS}


def without_inverses(roots: Iterable[Expr]) -> list[Expr]:
    """`roots` with each function of an inverse function in its algebraic form."""
    roots = list(roots)
    order = topological(roots)
    if not any(node.op in OUTER and (node.op.name, node.operands[0].op.name) in FORMS for node in order):
        return roots
    done: dict[Expr, Expr] = {}
    for node in order:
        over = done[node] = rebuild(node, tuple(done[o] for o in node.operands))
        form = FORMS.get((node.op.name, node.operands[0].op.name)) if node.op in OUTER else None
        if form is not None:
            done[node] = form(over.operands[0].operands[0], over.operands[0])
    return list(simplify([done[root] for root in roots]))
