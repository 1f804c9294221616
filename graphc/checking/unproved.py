"""The verdict on a claim that no number refutes and no proof was found for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from graphc.checking import effort
from graphc.checking.atoms import OutOfBudgetError
from graphc.checking.exact import compared
from graphc.checking.points import RELATIVE, Judge, Point, Values, agree, drawn, size_names
from graphc.checking.prove import BUDGET, Question, discrete_names
from graphc.checking.translate import Translator
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.ir.expr import Expr, topological

ROUNDING = 1e-13  # a difference that a constant in double precision may make
DIGITS = 10**9  # the largest numerator or denominator of a number that is meant as it stands
SCALES, SEEDS = (0.1, 0.01, 0.003, 10.0), 8
SCALABLE = frozenset(("positive", "nonnegative", "nonzero", "symmetric", "spd", "diagonal"))
KNOWN = frozenset(
    (
        "symbol",
        "size",
        "root",
        "delta",
        "power",
        "exp",
        "log",
        "sign",
        "softmax",
        "sigmoid",
        "tanh",
        "softplus",
        "order",
    )
)


def unproved(question: Question, answer: Expr, claim: Expr, judge: Judge, points: int) -> Verdict:
    """Equal as far as evaluation without rounding says so, else wrong; `points` were compared in floating point."""
    found = compared(answer, claim, question.symbols(), judge)
    if found.point is not None and found.gap > ROUNDING:
        at = found.point
        values = Counterexample(at.sizes, at.values, at.left, at.right)
        reason = f"the two sides differ at the point below, by {found.gap:.1g} of the largest entry."
        return Verdict(Status.WRONG, claim, answer, reason, values)
    if not rounded([answer, claim]):
        telling = magnified(judge, question.symbols(), size_names([answer, claim, *question.symbols()]))
        if telling is not None:
            values = Counterexample(telling.sizes, telling.values, telling.left, telling.right)
            return Verdict(Status.WRONG, claim, answer, "the two sides differ at the point below.", values)
    how = found.sentence or f"to {RELATIVE:g} (relative) at {points} points"
    if found.point is not None:
        how = f"but for {found.gap:.1g} (relative), which may be the rounding of a number in them"
    return Verdict(Status.EQUAL, claim, answer, f"equal {how}; no proof was found: {why(question, answer, claim)}")


def rounded(exprs: Sequence[Expr]) -> bool:
    """Whether a number in the expressions has so many digits that it may stand for another."""
    given = [v for node in topological(exprs) for v in node.attributes.values()]
    numbers = [
        v for value in given for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Fraction)
    ]
    return any(max(abs(v.numerator), v.denominator) > DIGITS for v in numbers)


def magnified(judge: Judge, symbols: Sequence[Expr], names: Sequence[str]) -> Point | None:
    """A point at which floating point sees a difference that is minute elsewhere: entries close together, or large."""
    free = [str(s.name) for s in symbols if s.dtype.startswith("float") and {f.name for f in s.op.facts(s)} <= SCALABLE]
    for scale in SCALES:

        def scaled(values: Values, scale: float = scale) -> tuple[Any, Any] | None:
            return judge({k: v * scale if k in free else v for k, v in values.items()})

        for point in drawn(scaled, symbols, names, SEEDS):
            if not agree(point.left, point.right):
                return replace(point, values={k: v * scale if k in free else v for k, v in point.values.items()})
    return None


def why(question: Question, left: Expr, right: Expr) -> str:
    """Why there is no proof."""
    if effort.ended():
        return effort.ENDED
    translator = Translator(BUDGET, question.kinks_of(), discrete=discrete_names(question.symbols()))
    try:
        rest = translator.add((1, translator.poly(left)), (-1, translator.poly(right)))
    except OutOfBudgetError as error:
        return str(error)
    kinds = {translator.atoms[a].kind for factors, _ in rest for a, _, _ in factors} - KNOWN
    if kinds:
        return f"no rule relates what is left of {', '.join(sorted(kinds))}"
    return "the difference of both sides does not simplify to zero"
