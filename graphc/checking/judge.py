"""``check``: a claim against the gradient that graphc derives, or one expression against another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphc.checking.case import Case, Diagnosis
from graphc.checking.claims import caller, names_in_play, read, unlabelled
from graphc.checking.diagnose import diagnose
from graphc.checking.kinks import Kink, kinks
from graphc.checking.points import (
    RELATIVE,
    Judge,
    Point,
    Values,
    judge_of,
    sample,
    search,
    size_names,
    steady,
)
from graphc.checking.prove import Equation, Gradient, Proof, Question, derivative, leaves, prove
from graphc.checking.safeguards import confirm, cross_check
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.errors import DTypeError, GraphcError, NameConflictError, ShapeError, UnknownNameError, UnsupportedError
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief
from graphc.ops.symbols import described
from graphc.runtime.evaluate import evaluate_all

BRIEF = 60  # characters of a function that is named in full
FIRST = 16  # points that a claim must pass before a proof is tried
UNREADABLE = (ShapeError, UnknownNameError, NameConflictError, DTypeError)


def check(*given: Any, **names: Any) -> Verdict:
    """Judge a gradient derived by hand, or whether two expressions are equal.

    ``check(f, x, claim)`` holds the claim against the gradient of `f` by `x`; ``check(a, b)`` holds `b` against `a`.

    Parameters
    ----------
    f, x, a, b : Expr, or text
        Text is read with the names in play: symbols, named intermediates and sizes of the other arguments.
    claim : str, Expr, or function on NumPy arrays
        A formula, with or without a label such as ``dW =`` before it. A function takes arrays by the names of
        symbols and can be judged numerically only.
    **names
        Further names for the texts, as `parse` takes them.

    Returns
    -------
    Verdict
        True where the claim is proved, or equal at every point tried.

    Raises
    ------
    FormulaError
        If a text is not in the notation.
    DifferentiationError
        If `f` has no gradient.

    Examples
    --------
    >>> from graphc.ops.leaves import symbol
    >>> x = symbol("x", ("n",))
    >>> check((x**2).sum(), x, "2*x").status
    <Status.PROVED: 'proved'>
    """
    if len(given) not in (2, 3):
        raise UnsupportedError(f"check takes (f, x, claim) or (a, b), got {len(given)} arguments")
    play = {**names_in_play(e for e in (*given, *names.values()) if isinstance(e, Expr)), **names}
    written = unlabelled(given[-1]) if isinstance(given[-1], str) else None
    if len(given) == 2:
        return replace(_equation(given[0], given[1], play), written=written)
    f, x = read(given[0], play), read(given[1], {**names_in_play([read(given[0], play)]), **play})
    verdict = _gradient(f, x, given[2], {**names_in_play([f, x]), **play})
    return replace(verdict, written=written, subject=_asked(f, x))


def _asked(f: Expr, x: Expr) -> str:
    """What the claim is held against."""
    what = str(f)
    of = what if len(what) <= BRIEF and "\n" not in what else "f"
    return f"the {'gradient' if f.ndim == 0 else 'Jacobian'} of {of} by {brief(x)}"


def _gradient(f: Expr, x: Expr, claim: Any, names: Mapping[str, Any]) -> Verdict:
    answer = derivative(f, x)
    if callable(claim) and not isinstance(claim, Expr):
        return _function(Gradient(f, x, answer), answer, claim, names)
    text = unlabelled(claim) if isinstance(claim, str) else str(claim)
    try:
        expr = read(claim, names)
        same_symbols([f, x, expr])
    except UNREADABLE as error:
        return _unreadable(Gradient(f, x, answer), answer, text, names, error)
    names = {**names_in_play([expr]), **names}
    return judged(Gradient(f, x, expr), answer, expr, text, names)


def _equation(a: Any, b: Any, names: Mapping[str, Any]) -> Verdict:
    try:
        left, right = read(a, names), read(b, names)
        same_symbols([left, right])
    except UNREADABLE as error:
        return Verdict(Status.INCOMPARABLE, b, None, str(error), labels=LABELS)
    text = b if isinstance(b, str) else str(b)
    verdict = judged(Equation(left, right), left, right, text, {**names_in_play([left, right]), **names})
    return replace(verdict, labels=LABELS)


LABELS = ("first", "second")


def same_symbols(exprs: Sequence[Expr]) -> None:
    """Raise NameConflictError where two different symbols carry one name."""
    found: dict[str, Expr] = {}
    for s in leaves(exprs):
        other = found.setdefault(str(s.name), s)
        if other is not s:
            raise NameConflictError(
                f"two different symbols are called {s.name}: one is {described(other)}, one is {described(s)}"
            )


def judged(question: Question, answer: Expr, claim: Expr, text: str, names: Mapping[str, Any]) -> Verdict:
    if not fits(answer, claim):
        return _misfit(question, answer, claim, text, names)
    judge = _judge(question, answer, claim)
    symbols, sizes = question.symbols(), size_names([answer, claim, *question.symbols()])
    point, _ = search(judge, symbols, sizes, most=FIRST)
    if point is None:
        proof = prove(question)
        if proof is not None:
            confirm(judge, question, proof)
            return Verdict(Status.PROVED, claim, answer, _proved(proof), facts=proof.facts, steps=proof.steps)
        point, compared = search(judge, symbols, sizes)
    if point is not None:
        cross_check(question, point)
        found = diagnose(_case(question, answer, claim, text, names))
        return _wrong(answer, claim, point, found)
    if not compared:
        return Verdict(Status.UNDECIDED, claim, answer, "no proof was found, and no point where both sides are finite")
    reason = f"equal to {RELATIVE:g} (relative) at {compared} points; no proof was found"
    return Verdict(Status.EQUAL, claim, answer, reason)


def fits(answer: Expr, claim: Expr) -> bool:
    """Whether both have one shape."""
    pairs = zip(answer.shape, claim.shape, strict=False)
    return answer.ndim == claim.ndim and all(compare(a, b) != "different" for a, b in pairs)


def _judge(question: Question, answer: Expr, claim: Expr) -> Judge:
    """Both results at points where f is differentiable and the claim has no tie."""
    moving = question.kinks_of()
    return judge_of(answer, claim, kinked([*question.smooth(), claim], moving))


def kinked(exprs: Sequence[Expr], moving: frozenset[str]) -> list[Kink]:
    """The kinks of all of them."""
    return [kink for e in exprs for kink in kinks(e, moving)] if moving else []


def _proved(proof: Proof) -> str:
    return f"true for all sizes: {proof.method}."


def _wrong(answer: Expr, claim: Any, point: Point, found: Diagnosis | None) -> Verdict:
    values = Counterexample(point.sizes, point.values, point.left, point.right)
    parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
    reason = "the two sides differ at the point below."
    return Verdict(Status.WRONG, claim, answer, reason, values, kind=parts[0], diagnosis=parts[1], repair=parts[2])


def _case(question: Question, answer: Expr, claim: Expr | None, text: str, names: Mapping[str, Any]) -> Case:
    """What a diagnosis starts from, with two points to screen candidates at."""
    symbols = question.symbols()
    judge = judge_of(answer, answer, kinked(question.smooth(), question.kinks_of()))
    points = []
    for seed in (1, 2):
        point = sample(judge, symbols, size_names([answer, *symbols]), seed)
        if point is not None:
            points.append(({**point.sizes, **point.values}, point.left))
    origin = question.f if isinstance(question, Gradient) else answer
    return Case(question, answer, text, claim, names, origin, tuple(points))


def _misfit(question: Question, answer: Expr, claim: Expr, text: str, names: Mapping[str, Any]) -> Verdict:
    """A claim of another shape: wrong as a gradient, incomparable as one of two expressions."""
    has = f"the claim {brief(claim)} has shape {shape_text(claim.shape)}"
    if not isinstance(question, Gradient):
        reason = f"the shapes differ: {shape_text(answer.shape)} and {shape_text(claim.shape)}"
        return Verdict(Status.INCOMPARABLE, claim, answer, reason)
    reason = f"{has}, the gradient has the shape of {brief(question.x)}, which is {shape_text(question.x.shape)}."
    found = diagnose(_case(question, answer, claim, text, names))
    point, _ = search(judge_of(answer, claim), question.symbols(), size_names([answer, claim]))
    if point is None:
        parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
        return Verdict(Status.WRONG, claim, answer, reason, kind=parts[0], diagnosis=parts[1], repair=parts[2])
    return replace(_wrong(answer, claim, point, found), reason=reason)


def _unreadable(question: Gradient, answer: Expr, text: str, names: Mapping[str, Any], error: GraphcError) -> Verdict:
    """A claim whose shapes or names do not fit together; an edit may still show what was meant."""
    known = not isinstance(error, NameConflictError)  # else the names in the text mean something different
    found = diagnose(_case(question, answer, None, text, names)) if known else None
    parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
    return Verdict(Status.INCOMPARABLE, text, answer, str(error), kind=parts[0], diagnosis=parts[1], repair=parts[2])


def _function(question: Gradient, answer: Expr, claim: Callable[..., Any], names: Mapping[str, Any]) -> Verdict:
    """A Python function against the answer: by numbers alone."""
    call, wanted = caller(claim, names)
    symbols = leaves([answer, question.f, *wanted.values()])
    found = kinks(question.f, question.kinks_of())
    exact = judge_of(answer, answer, found)

    def both(values: Values) -> tuple[Any, Any] | None:
        right = exact(values)
        if right is None:
            return None
        arguments = dict(zip(wanted, evaluate_all(list(wanted.values()), values), strict=True))
        return right[0], call(arguments)

    point, compared = search(lambda values: steady(both, values), symbols, size_names([answer, *symbols]))
    if point is not None:
        verdict = _wrong(answer, claim, point, None)
        return replace(
            verdict, reason="the function and the gradient differ at the point below (judged by numbers alone)."
        )
    if not compared:
        return Verdict(Status.UNDECIDED, claim, answer, "no point was found where both results are finite")
    reason = f"equal to {RELATIVE:g} (relative) at {compared} points; a function is judged by numbers alone"
    return Verdict(Status.EQUAL, claim, answer, reason)
