"""The verdict on a claim that no number refutes and no proof was found for."""

from __future__ import annotations

from graphc.checking import effort
from graphc.checking.atoms import OutOfBudgetError
from graphc.checking.exact import compared
from graphc.checking.points import RELATIVE, Judge
from graphc.checking.prove import BUDGET, Question, discrete_names
from graphc.checking.translate import Translator
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.ir.expr import Expr

ROUNDING = 1e-13  # a difference that a constant in double precision may make
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
    how = found.sentence or f"to {RELATIVE:g} (relative) at {points} points"
    if found.point is not None:
        how = f"but for {found.gap:.1g} (relative), which may be the rounding of a number in them"
    return Verdict(Status.EQUAL, claim, answer, f"equal {how}; no proof was found: {why(question, answer, claim)}")


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
