"""Derivations with one local derivative wrong: of a function of entries, of a softmax, of a product."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from graphc.checking.kinds import Kind
from graphc.checking.variants import Variant, active, called, names_of, replaced
from graphc.ir.expr import Expr, substitute
from graphc.ops.broadcasting import brief
from graphc.ops.contraction import CONTRACT, contract, factors_of, summed
from graphc.ops.defined import LOG_SOFTMAX, SOFTMAX
from graphc.ops.elementwise import exp
from graphc.ops.leaves import CONSTANT, SIZE, constant
from graphc.ops.stopping import stopped
from graphc.rewriting.simplify import simplify

LONGEST = 120  # of a local derivative that a sentence quotes


def wrong_locals(f: Expr, x: Expr) -> Iterator[Variant]:
    """Every variant of `f` with one local derivative wrong."""
    names = names_of(f)
    nodes = active(f, x)
    for node in nodes:
        if node.op in (SOFTMAX, LOG_SOFTMAX):
            yield from of_softmax(f, node, names)
    for node in nodes:
        if node.op is CONTRACT:
            yield from of_product(f, node, {x, *nodes}, names)
    for node in nodes:
        if node.op.derivative is not None and len(node.operands) == 1:
            yield from of_function(f, node, names)


def surrogate(node: Expr, J: Expr, u: Expr) -> Expr:
    """The value of `node` with the derivative `J`, entry by entry, by `u`."""
    return stopped(node) + stopped(J) * (u - stopped(u))


def of_softmax(f: Expr, node: Expr, names: dict[Expr, Expr]) -> Iterator[Variant]:
    (u,) = node.operands
    p = node if node.op is SOFTMAX else exp(node)
    scale = p if node.op is SOFTMAX else constant(1)
    what = called(node, names)
    diagonal = (
        f"only the diagonal p*(1 - p) of the derivative of p = {what} is used; the entries -p[i]*p[j] are missing"
    )
    yield Variant(Kind.DIAGONAL, diagonal, replaced(f, node, surrogate(node, scale * (1 - p), u)))
    normalizer = f"the claim forgets that the normalizer of {what} depends on {brief(u)}"
    yield Variant(Kind.STATISTIC, normalizer, replaced(f, node, surrogate(node, scale, u)))


def of_product(f: Expr, node: Expr, moving: set[Expr], names: dict[Expr, Expr]) -> Iterator[Variant]:
    """The derivative by one factor leaves out another, or has the wrong power of the first."""
    parts = factors_of(node)
    places = [i for i, (u, _, _) in enumerate(parts) if u in moving]
    steps = {i: step(node, i) for i in places}
    for i in places:
        others = stopped(node)
        for j in places:
            others = others + steps[j] if j != i else others
        for k, (b, _, e) in enumerate(parts):
            without = step(node, i, leave_out=k)
            if k == i or without is None:
                continue
            number = e.denominator == 1 and b.op in (SIZE, CONSTANT)
            mask = b.dtype == "bool" or any(fact.name == "binary" for fact in b.op.facts(b))
            quoted = called(b, names) if e == 1 else f"{called(b, names)}**{e}"
            what = f"the mask {quoted} is dropped" if mask else f"the factor {quoted} is missing"
            kind = Kind.CONSTANT if number else Kind.MASK if mask else Kind.CHAIN
            yield Variant(kind, what, replaced(f, node, others + without))
        u, _, e = parts[i]
        for wrong in (e, e - 2) if e != 1 else ():
            what = f"the derivative of {called(u, names)}**{e} has the exponent {e - 1}, not {wrong}"
            missing = f"the factor {called(u, names)}, from the derivative of its square, is missing"
            kind, sentence = (Kind.CHAIN, missing) if wrong == 0 else (Kind.EXPONENT, what)
            yield Variant(kind, sentence, replaced(f, node, others + step(node, i, power=wrong)))


def step(node: Expr, i: int, *, leave_out: int | None = None, power: Fraction | None = None) -> Expr | None:
    """The change of a product as its factor `i` moves; None where the rest would lack a label."""
    parts = factors_of(node)
    u, labels, e = parts[i]
    others = [(stopped(p), ls, q) for j, (p, ls, q) in enumerate(parts) if j not in (i, leave_out)]
    inner = [] if e == 1 else [(stopped(u), labels, e - 1 if power is None else power)]
    found = [(u - stopped(u), labels, Fraction(1)), *inner, *others]
    if {x for _, ls, _ in found for x in ls} != {x for _, ls, _ in parts for x in ls}:
        return None
    return contract(found, node.shape, node.attributes["coefficient"] * e)


def of_function(f: Expr, node: Expr, names: dict[Expr, Expr]) -> Iterator[Variant]:
    """A function of entries with no derivative, with that of another, or with its own in the wrong variable."""
    (u,) = node.operands
    y, z = names.get(node, node), names.get(u, u)
    assert node.op.derivative is not None
    (right,) = node.op.derivative(z, y)
    if right is None:
        return
    quoted = str(right) if len(str(right)) <= LONGEST else brief(right)
    derivative = f"the derivative of {called(node, names)} is {quoted}"
    for kind, J in alternatives(node, right, z, y):
        if kind is Kind.CHAIN:
            missing = quoted if J is constant(1) else str(simplify(right / J))
            what = f"the factor {missing} of the chain rule is missing: {derivative}"
        else:
            what = f"{derivative}, not {brief(J)}"
        yield Variant(kind, what, replaced(f, node, surrogate(node, J, u)), right, J)


def alternatives(node: Expr, right: Expr, z: Expr, y: Expr) -> Iterator[tuple[Kind, Expr]]:
    """What may be taken for the local derivative of ``y = g(z)``."""
    yield Kind.CHAIN, constant(1)
    if right.op is CONTRACT and not summed(right):
        yield from ((Kind.CHAIN, factor) for factor, _, e in factors_of(right) if e == 1 and factor.ndim)
    for v in (y, z):
        (elsewhere,) = substitute([right], {y: v, z: v})
        if elsewhere is not right:
            yield Kind.VARIABLE, elsewhere
    for v in (y, z):
        for J in (v * (1 - v), 1 - v**2, v, 1 - v, v**2, (1 - v) ** 2, 1 / v):
            yield Kind.ACTIVATION, J
    yield Kind.ACTIVATION, 1 * (z > 0)
    yield Kind.SIGN, -right
