"""Proofs held against numbers, and graphc's own gradients against differences, before a verdict is given."""

from __future__ import annotations

import numpy as np

from graphc.checking.domains import REAL, draw
from graphc.checking.kinks import kinked
from graphc.checking.numeric import finite_difference
from graphc.checking.points import Judge, Point, agree, judge_of, sample, search, size_names
from graphc.checking.prove import Gradient, Proof, Question
from graphc.errors import GraphcError
from graphc.ir.expr import Expr
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.ops.stopping import overridden


def confirm(judge: Judge, question: Question, proof: Proof) -> None:
    """A proof is never believed against a number.

    Raises
    ------
    GraphcError
        If both sides differ at a random point although their equality was proved.
    """
    symbols = question.symbols()
    point = sample(judge, symbols, size_names(symbols))
    if point is not None and not agree(point.left, point.right):
        raise GraphcError(
            f"internal error: both sides were proved equal ({proof.method}) but differ at {point.values}; "
            "please report this"
        )


NO_VALUE = (
    "the claim has no value at any point tried, where the gradient has one: it divides by zero, or leaves the domain "
    "of a function."
)
FEW = 16
SINGLES = 10  # points with all sizes 1 at which the domains of both sides are compared


def without_value(judge: Judge, question: Question, answer: Expr) -> bool:
    """Whether the claim has a value at none of the points in the search, but the answer has at some: no proof helps."""
    symbols = question.symbols()
    own = judge_of(answer, answer, kinked(question.smooth(), question.kinks_of()))
    names = size_names([answer, *symbols])
    return not search(judge, symbols, names)[1] and bool(search(own, symbols, names, most=FEW)[1])


def one_sided(question: Question, answer: Expr, claim: Expr) -> str:
    """The end of the sentence on a proof where one side leaves the domain of a function and the other does not."""
    symbols, sides = question.symbols(), (answer, claim)
    own = [judge_of(e, e) for e in (*sides, *question.smooth())]
    sizes = dict.fromkeys(size_names([*sides, *symbols]), 1)
    rng = np.random.default_rng(0)
    for _ in range(SINGLES):
        try:
            at = {**sizes, **{str(s.name): draw(s, sizes, REAL, rng) for s in symbols}}
            first, second, *rest = [judge(at) is not None for judge in own]
        except (GraphcError, ValueError):  # these sizes do not go together
            return ""
        if first != second and all(rest):
            who = "second" if first else "first"
            who = f"{who} side" if not question.smooth() else "claim" if first else "gradient"
            return f", where both sides have values; the {who} has none at some points where the other has"
    return ""


def cross_check(question: Question, point: Point) -> None:
    """A claim is never called wrong where differences of f say that graphc's own gradient is.

    Raises
    ------
    GraphcError
        If the claim agrees with central differences and the derived gradient does not.
    """
    if not isinstance(question, Gradient) or question.x.op not in (SYMBOL, PARAMETER) or overridden([question.f]):
        return
    with np.errstate(all="ignore"):
        measured = finite_difference(question.f, question.x, {**point.sizes, **point.values})
    if not np.all(np.isfinite(measured)):
        return
    near = 1e-5 * (1 + float(np.max(np.abs(measured), initial=0.0)))
    if np.allclose(measured, point.right, atol=near) and not np.allclose(measured, point.left, atol=100 * near):
        raise GraphcError(
            f"internal error: the derived gradient differs from central differences at {point.values}; "
            "please report this"
        )
