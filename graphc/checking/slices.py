"""Slices taken inward, for proofs: an entry of a product is the product of entries."""

from __future__ import annotations

from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.leaves import NAMED
from graphc.ops.reductions import WHERE
from graphc.ops.slicing import SLICE, Spans, section

DEEPEST = 300


def inward(expr: Expr) -> Expr:
    """`expr` with its slices at the functions and symbols that they cannot pass."""
    done: dict[Expr, Expr] = {}
    for node in topological([expr]):
        operands = tuple(done[o] for o in node.operands)
        done[node] = _taken(operands[0], node.attributes["ranges"]) if node.op is SLICE else rebuild(node, operands)
    return done[expr]


def _taken(x: Expr, spans: Spans) -> Expr:
    """The slice of `x`, as far inside as it goes."""
    while x.op is NAMED:
        x = x.operands[0]
    if all(r is None for r in spans):
        return x
    if x.depth > DEEPEST:
        return section(x, spans)
    if x.op is CONTRACT:
        return _of_product(x, spans)
    if x.op is ADD or x.op is WHERE or (x.op.formula is not None and x.operands):
        return make(x.op, (_taken(o, spans) for o in x.operands), **x.attributes)
    return section(x, spans)


def _of_product(x: Expr, spans: Spans) -> Expr:
    shape = tuple(d if r is None else r[1] for d, r in zip(x.shape, spans, strict=True))
    factors = []
    for f, labels, e in factors_of(x):
        own = tuple(spans[a] if 0 <= a < x.ndim else None for a in labels)
        kept = tuple(-1 if 0 <= a < x.ndim and shape[a] == 1 else a for a in labels)
        factors.append((_taken(f, own), kept, e))
    return contract(factors, shape, x.attributes["coefficient"])
