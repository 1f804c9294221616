"""Derivations with one local derivative wrong: of a function of entries, of a softmax, of a product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from graphc.checking.kinds import Kind
from graphc.checking.prove import leaves
from graphc.checking.variants import Variant, active, called, names_of, replaced
from graphc.ir.expr import Expr, rebuild, substitute, topological
from graphc.ops.broadcasting import brief
from graphc.ops.contraction import CONTRACT, contract, factors_of, summed
from graphc.ops.defined import LOG_SOFTMAX, SOFTMAX
from graphc.ops.elementwise import exp
from graphc.ops.leaves import constant
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import MAX, MIN, ones
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
        elif node.op.derivative is not None:
            yield from of_two(f, node, {x, *nodes}, names)
        elif node.op in (MAX, MIN):
            yield of_extremum(f, node, names)


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
    identity = f"the derivative of {what} is missing: its entries are p[i]*(delta[i,j] - p[j])"
    if node.op is SOFTMAX:
        yield Variant(Kind.CHAIN, identity, replaced(f, node, surrogate(node, constant(1), u)))
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
            number = not leaves([b])
            mask = b.dtype == "bool" or any(fact.name == "binary" for fact in b.op.facts(b))
            quoted = quoted_power(called(b, names), e)
            what = f"the mask {quoted} is dropped" if mask else f"the factor {quoted} is missing"
            kind = Kind.CONSTANT if number else Kind.MASK if mask else Kind.CHAIN
            missing = b if e == 1 else b**e
            yield Variant(kind, what, replaced(f, node, others + without), missing, constant(1))
        u, _, e = parts[i]
        for wrong in dict.fromkeys((e, e - 2, Fraction(0))) if e != 1 else ():
            what = f"the derivative of {quoted_power(called(u, names), e)} has the exponent {e - 1}, not {wrong}"
            lower = quoted_power(called(u, names), e - 1)
            less = f"the factor {lower}, from the derivative of {quoted_power(called(u, names), e)}, is missing"
            square = f"the factor {called(u, names)}, from the derivative of its square, is missing"
            kind, sentence = (Kind.CHAIN, square if e == 2 else less) if wrong == 0 else (Kind.EXPONENT, what)
            taken = constant(1) if wrong == 0 else u**wrong
            yield Variant(kind, sentence, replaced(f, node, others + step(node, i, power=wrong)), u ** (e - 1), taken)


def quoted_power(text: str, e: Fraction) -> str:
    """A power, as it is written."""
    plain = re.fullmatch(r"\w+(\([^()]*\))?", text) is not None
    base = text if plain else f"({text})"
    if e < 0:
        return f"1/{quoted_power(text if e == Fraction(-1, 2) else base, -e)}"
    if e.denominator != 1:
        return f"sqrt({text})" if e == Fraction(1, 2) else f"{base}**({e})"
    return text if e == 1 else f"{base}**{e}"


def step(node: Expr, i: int, *, leave_out: int | None = None, power: Fraction | None = None) -> Expr | None:
    """The change of a product as its factor `i` moves; None where the rest would lack a label.

    A factor that is left out is 1 along the axes that it has alone.
    """
    parts = factors_of(node)
    u, labels, e = parts[i]
    others = [(stopped(p), ls, q) for j, (p, ls, q) in enumerate(parts) if j not in (i, leave_out)]
    inner = [] if e == 1 else [(stopped(u), labels, e - 1 if power is None else power)]
    found = [(u - stopped(u), labels, Fraction(1)), *inner, *others]
    if leave_out is not None and not {*parts[leave_out][1]} <= {x for _, ls, _ in found for x in ls}:
        found.append((ones(parts[leave_out][0].shape), parts[leave_out][1], Fraction(1)))
    if {x for _, ls, _ in found for x in ls} != {x for _, ls, _ in parts for x in ls}:
        return None
    return contract(found, node.shape, node.attributes["coefficient"] * e)


def of_function(f: Expr, node: Expr, names: dict[Expr, Expr]) -> Iterator[Variant]:
    """A function of entries with no derivative, with that of another, or with its own in the wrong variable."""
    (u,) = node.operands
    right, others = locally(node, names)
    if right is None:
        return
    quoted = str(right) if len(str(right)) <= LONGEST else brief(right)
    derivative = f"the derivative of {called(node, names)} is {quoted}"
    for kind, J in others:
        if kind is Kind.CHAIN:
            missing = quoted if J is constant(1) else str(simplify(right / J))
            mask = is_mask(right) and J is constant(1)
            what = f"the {'mask' if mask else 'factor'} {missing} of the chain rule is missing: {derivative}"
        else:
            mask, what = False, f"{derivative}, not {brief(J)}"
        yield Variant(Kind.MASK if mask else kind, what, replaced(f, node, surrogate(node, J, u)), right, J)


def wrong_everywhere(f: Expr, x: Expr) -> Iterator[Variant]:
    """The same mistake in the derivative of a function wherever it is used."""
    names, nodes = names_of(f), active(f, x)
    groups: dict[str, list[Expr]] = {}
    for node in nodes:
        if node.op.derivative is not None and len(node.operands) == 1:
            groups.setdefault(node.op.name, []).append(node)
    for name, group in groups.items():
        own = [locally(node, names) for node in group]
        if len(group) < 2 or any(right is None for right, _ in own):
            continue
        for choice in zip(*(others for _, others in own), strict=False):
            kind, J = choice[0]
            right = brief(own[0][0]) if own[0][0] is not None else ""
            what = f"the derivative of {name} is missing at every place" if J is constant(1) else ""
            what = what or f"the derivative of every {name} is wrong: that of {called(group[0], names)} is {right}, "
            what += "" if J is constant(1) else f"not {brief(J)}"
            if all(other == kind for other, _ in choice):
                yield Variant(kind, what, replaced_together(f, dict(zip(group, (J for _, J in choice), strict=True))))


def locally(node: Expr, names: dict[Expr, Expr]) -> tuple[Expr | None, list[tuple[Kind, Expr]]]:
    """The derivative of a function of one argument, and what may be taken for it."""
    (u,) = node.operands
    y, z = names.get(node, node), names.get(u, u)
    assert node.op.derivative is not None
    (right,) = node.op.derivative(z, y)
    return right, [] if right is None else list(alternatives(node, right, z, y))


def replaced_together(f: Expr, slopes: dict[Expr, Expr]) -> Expr:
    """`f` with the derivatives of several nodes exchanged, also where one is below another."""
    done: dict[Expr, Expr] = {}
    for node in topological([f]):
        operands = tuple(done[o] for o in node.operands)
        if node in slopes:
            done[node] = stopped(node) + stopped(slopes[node]) * (operands[0] - stopped(node.operands[0]))
        else:
            done[node] = rebuild(node, operands)
    return done[f]


def is_mask(x: Expr) -> bool:
    """Whether an expression is a comparison, at most with the values 1 and 0."""
    while x.op is CONTRACT and len(x.operands) == 1 and x.attributes["coefficient"] == 1:
        (x,) = x.operands
    return x.dtype == "bool" or (x.op.name == "as_float" and is_mask(x.operands[0]))


def of_two(f: Expr, node: Expr, moving: set[Expr], names: dict[Expr, Expr]) -> Iterator[Variant]:
    """A function of several arguments whose derivative by one of them lacks a factor."""
    assert node.op.derivative is not None
    locals_ = node.op.derivative(*(names.get(o, o) for o in node.operands), names.get(node, node))
    pairs = list(zip(node.operands, locals_, strict=True))
    own = {i: (u, J) for i, (u, J) in enumerate(pairs) if u in moving and J is not None}
    steps = {i: stopped(J) * (u - stopped(u)) for i, (u, J) in own.items()}
    for i, (u, J) in own.items():
        rest = stopped(node)
        for j, change in steps.items():
            rest = rest + change if j != i else rest
        parts = factors_of(J) if J.op is CONTRACT and not summed(J) else []
        for k, (factor, _, e) in enumerate(parts if len(parts) > 1 else ()):
            less = contract([p for j, p in enumerate(parts) if j != k], J.shape, J.attributes["coefficient"])
            missing = factor if e == 1 else factor**e
            what = f"the factor {brief(missing)} is missing: the derivative of {called(node, names)} is {brief(J)}"
            yield Variant(
                Kind.CHAIN, what, replaced(f, node, rest + stopped(less) * (u - stopped(u))), missing, constant(1)
            )


def of_extremum(f: Expr, node: Expr, names: dict[Expr, Expr]) -> Variant:
    """The derivative of a maximum by every entry, not by the largest alone."""
    (u,) = node.operands
    kept = {k: v for k, v in node.attributes.items() if k in ("axis", "keepdims")}
    which = "largest" if node.op is MAX else "smallest"
    what = f"the mask is dropped: only the {which} entry of {called(u, names)} has a derivative"
    return Variant(Kind.MASK, what, replaced(f, node, stopped(node) + sum_(u - stopped(u), **kept)))


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
