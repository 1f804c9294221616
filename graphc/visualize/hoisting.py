"""An expression made ready for print: numbers and scalars in front of products, ops without a notation opened."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, rebuild
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of
from graphc.ops.forms import is_implicit
from graphc.ops.leaves import NAMED
from graphc.visualize.text import printed

Factor = tuple[Expr, tuple[int, ...], Fraction]


def hoisted(expr: Expr) -> Expr:
    """`expr` with the exact numbers and scalar factors of nested products collected in the outermost one.

    Ops that open and have no LaTeX of their own, such as a linear layer or a mean, stand as their formulas.
    """
    return _hoisted(expr, {})


def _hoisted(root: Expr, done: dict[Expr, Expr]) -> Expr:
    for node in printed(root, _operands, done):
        same = rebuild(node, tuple(done.get(o, o) for o in node.operands))
        if node.op.opens and node.op.body and not node.op.latex:
            same = _hoisted(node.op.body(same), {o: o for o in same.operands})
        done[node] = _product(same) if same.op is CONTRACT else _sum(same) if same.op is ADD else same
    return done[root]


def _operands(node: Expr) -> tuple[Expr, ...]:
    return () if node.op is NAMED else node.operands


def _product(node: Expr) -> Expr:
    if is_implicit(node):  # must stay recognizable, so that it is not written
        return node
    coefficient: Fraction = node.attributes["coefficient"]
    factors: list[Factor] = []
    for x, labels, exponent in factors_of(node):
        number, scalars, rest = _split(x) if exponent == 1 else (ONE, [], x)
        coefficient *= number
        factors += scalars
        if rest is not None:
            factors.append((rest, labels, exponent))
    factors = _merged(factors)
    if not factors or factors == factors_of(node):
        return node
    return contract(factors, node.shape, coefficient)


def _merged(factors: list[Factor]) -> list[Factor]:
    """Equal factors as one power, where no quotient is cancelled."""
    powers: dict[tuple[Expr, tuple[int, ...], bool], Fraction] = {}
    for x, labels, exponent in factors:
        key = (x, labels, exponent > 0)
        powers[key] = powers.get(key, Fraction(0)) + exponent
    return [(x, labels, exponent) for (x, labels, _), exponent in powers.items()]


def _split(x: Expr) -> tuple[Fraction, list[Factor], Expr | None]:
    """The number, the scalar factors and the rest of a product; only what is a product has the first two."""
    if x.op is not CONTRACT or not x.operands:
        return ONE, [], x
    factors = factors_of(x)
    scalars = [f for f in factors if f[0].ndim == 0]
    arrays = [f for f in factors if f[0].ndim]
    if not arrays and x.ndim:
        return ONE, [], x
    return x.attributes["coefficient"], scalars, contract(arrays, x.shape) if arrays else None


def _sum(node: Expr) -> Expr:
    terms = []
    for coefficient, x in zip(node.attributes["coefficients"], node.operands, strict=True):
        if x.op is CONTRACT and x.operands and x.attributes["coefficient"] < 0:
            terms.append((-coefficient, contract(factors_of(x), x.shape, -x.attributes["coefficient"])))
        else:
            terms.append((coefficient, x))
    return combine(terms)
