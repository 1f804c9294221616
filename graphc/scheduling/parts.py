"""Entries of an array: slices of it, perhaps stretched or with an axis dropped; and blocks put into zeros.

x*pad(y)  =  pad(x*y)      for a number x, which may be infinite
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, rebuild
from graphc.ops.contraction import CONTRACT, ONE, contract, summed
from graphc.ops.slicing import PLACE, SLICE
from graphc.rewriting.order import Factor
from graphc.scheduling.recognition import plain


def whole_of(f: Expr) -> tuple[Expr, list[Expr]]:
    """The array that `f` has entries of, and the steps from it to `f`; there are none where `f` is no slice."""
    steps: list[Expr] = []
    x = plain(f)
    while x.op is SLICE or _moves(x):
        steps.append(x)
        x = plain(x.operands[0])
    return (x, steps[::-1]) if any(s.op is SLICE for s in steps) else (plain(f), [])


def entries_of(value: Expr, steps: list[Expr]) -> Expr:
    """The same entries of another array."""
    for step in steps:
        value = rebuild(step, (value,))
    return value


def _moves(x: Expr) -> bool:
    """Whether a product is its only factor, with axes of size 1 more or less."""
    if x.op is not CONTRACT or len(x.operands) != 1 or summed(x):
        return False
    return bool(x.attributes["coefficient"] == 1 and x.attributes["exponents"] == (1,))


def inside_zeros(node: Expr, factors: list[Factor], coefficient: Fraction) -> tuple[Expr, Expr] | None:
    """A product with a block put into zeros: the product with the block, and the factor that puts it there.

    The other factors do not vary along the axes that have zeros.
    """
    own = tuple(range(node.ndim))
    for k, (factor, labels, e) in enumerate(factors):
        f = plain(factor)
        if f.op is not PLACE or e != 1 or labels != own or f.attributes.get("value"):
            continue
        rest = factors[:k] + factors[k + 1 :]
        filled = {a for a, r in enumerate(f.attributes["ranges"]) if r is not None}
        if rest and not any(filled & set(ls) for _, ls, _ in rest):
            (block,) = f.operands
            return contract([(block, own, ONE), *rest], block.shape, coefficient), f
    return None
