"""``check``: a claim against the gradient that graphc derives, or one expression against another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy

from graphc.checking import effort
from graphc.checking.case import Diagnosis, posed
from graphc.checking.claims import Label, caller, labelled, names_in_play, unlabelled
from graphc.checking.diagnose import diagnose
from graphc.checking.given_values import array_verdict
from graphc.checking.indexed import Entry
from graphc.checking.kinks import kinked, kinks
from graphc.checking.points import (
    MOST,
    RELATIVE,
    Judge,
    Point,
    Values,
    agree,
    drawn,
    judge_of,
    search,
    size_names,
    steady,
)
from graphc.checking.prove import Gradient, Question, derivative, leaves, prove
from graphc.checking.reading import UNREADABLE, in_text, readable
from graphc.checking.safeguards import NO_VALUE, confirm, cross_check, one_sided, without_value
from graphc.checking.sides import Relation, Side, Taken
from graphc.checking.singular import regular
from graphc.checking.unproved import unproved
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.errors import GraphcError, NameConflictError, UnknownNameError, UnsupportedError
from graphc.frontend.parse import bound
from graphc.frontend.sympynames import declared
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.ops.symbols import described
from graphc.runtime.evaluate import evaluate_all

BRIEF = 60  # characters of a function that is named in full
FIRST = 16  # points that a claim must pass before a proof is tried


def check(*given: Any, values: Any = None, **names: Any) -> Verdict:
    """Judge a gradient derived by hand, or whether two expressions are equal.

    ``check(f, x, claim)`` holds the claim against the gradient of `f` by `x` (the Jacobian, if `f` is an array);
    ``check(a, b)`` holds `b` against `a`.

    Parameters
    ----------
    f, x, a, b : Expr, text, or SymPy expression
        Text is read with the names in play: symbols, named intermediates and sizes of the other arguments.
    claim : str, Expr, SymPy expression, array, or function on NumPy arrays
        A formula, with or without a label such as ``dW =`` before it. In index notation the label gives the order of
        the indices, ``df/dW[i,j] = 2*q[i]*x[j]``; a claim with one index needs none. ``df/dW[0,j] = ...`` is a claim
        on some entries, ``d2f/dx[i]dx[j] = ...`` on second derivatives. A function takes arrays by the names of
        symbols; it and an array can be judged numerically only.
    values : mapping of names to arrays, optional
        Where an array is claimed to be the gradient: the inputs that it belongs to.
    **names
        Further names for the texts, as `parse` takes them.

    Returns
    -------
    Verdict
        True where the claim is proved, or equal at every point tried.

    Raises
    ------
    FormulaError
        If a text is not in the notation, or the order of its indices is not given.
    DifferentiationError
        If `f` has no derivative by `x`.

    Examples
    --------
    >>> from graphc.ops.leaves import symbol
    >>> x = symbol("x", ("n",))
    >>> check((x**2).sum(), x, "2*x").status
    <Status.PROVED: 'proved'>
    >>> check("sum((W @ q)**2)", "W", "df/dW[i,j] = 2*(W @ q)[i]*q[j]", W=("m", "n"), q=("n",)).status
    <Status.PROVED: 'proved'>
    """
    if len(given) not in (2, 3):
        raise UnsupportedError(f"check takes (f, x, claim) or (a, b), got {len(given)} arguments")
    if values is not None and not isinstance(values, Mapping):  # a symbol may be called so
        names, values = {**names, "values": values}, None
    known = {name: bound(name, value) for name, value in names.items()}
    play = {**names_in_play(e for e in (*given, *known.values()) if isinstance(e, Expr)), **known}
    play |= declared(given if len(given) == 2 else given[:2], play)
    if len(given) == 2:
        return _as_written(_equation(given[0], given[1], play), given[1])
    f = Side(_formula(given[0]), play).expr
    x = Side(given[1], {**names_in_play([f]), **play}).expr
    if isinstance(given[2], (list, np.ndarray)) or values is not None:
        verdict = array_verdict(f, x, derivative(f, x), given[2], values)
    else:
        verdict = _gradient(f, x, given[2], {**names_in_play([f, x]), **play})
    return replace(_as_written(verdict, given[2]), subject=verdict.subject or _asked(f, x))


def _as_written(verdict: Verdict, claim: Any) -> Verdict:
    """The verdict with a text claim as it stands, and the formula in it if it is in matrix notation."""
    if not isinstance(claim, str):
        return verdict
    label, formula = labelled(claim)
    whole = claim.strip()
    if label is not None and label.items is not None:
        mended = (verdict.repair or "").startswith(whole.removesuffix(formula))
        return replace(verdict, written=whole, formula=whole if mended else None)
    return replace(verdict, written=whole, formula=formula)


def _asked(f: Expr, x: Expr) -> str:
    """What the claim is held against."""
    what = str(f)
    of = what if len(what) <= BRIEF and "\n" not in what else "f"
    return f"the {'gradient' if f.ndim == 0 else 'Jacobian'} of {of} by {brief(x)}"


def _formula(given: Any) -> Any:
    return unlabelled(given) if isinstance(given, str) else given


def _gradient(f: Expr, x: Expr, claim: Any, names: Mapping[str, Any]) -> Verdict:
    if callable(claim) and not isinstance(claim, (Expr, sympy.Basic)):
        answer = derivative(f, x)
        return _function(Gradient(f, x, answer), answer, claim, names)
    if isinstance(claim, (sympy.Basic, sympy.MatrixBase)):
        text = in_text(f, x, claim, names)
        if text is not None:
            return replace(_as_written(_gradient(f, x, text, names), text), written=str(claim))
    label, formula = labelled(claim) if isinstance(claim, str) else (None, claim)
    if label is not None:
        other = names.get(label.variables[0]) if len(label.variables) == 1 and not label.second else None
        if isinstance(other, Expr) and other is not x and other.name != x.name:
            reason = f"the claim is about the derivative by {other.name}, the question about that by {brief(x)}"
            return Verdict(Status.INCOMPARABLE, claim, None, reason)
        if label.second or not all(item.isidentifier() for item in label.items or ()):
            return _entries(f, x, label, formula, names)
    answer = derivative(f, x)
    free = (label.items or ()) if label is not None else ()
    known = len(free) == answer.ndim or not isinstance(formula, str)
    side = Side(formula, names, free, answer.shape if known else None)
    entry = Entry(claim.strip().removesuffix(formula), side) if free and "\n" not in claim.strip() else None
    try:
        side = readable(side)
        same_symbols([f, x, side.expr])
    except UNREADABLE as error:
        return _unreadable(Gradient(f, x, answer), answer, str(formula), names, error, entry)
    names = {**names_in_play([side.expr]), **names}
    question: Question = Gradient(f, x, side.expr)
    if side.taken:
        question = Relation(Side("jacobian(_f, _x)", {**names, "_f": f, "_x": x}), side)
    return judged(question, answer, side.expr, side.reading.text, names, entry=entry)


def _entries(f: Expr, x: Expr, label: Label, formula: str, names: Mapping[str, Any]) -> Verdict:
    """A claim on some entries of a gradient, or on second derivatives."""
    rows, columns = label.by(x.name, names) if label.second else (None, None)
    parts = {"_f": f, "_x": names.get(rows or "", x), "_y": names.get(columns or "", x)}
    text = "hessian(_f, _x, _y)" if label.second else "jacobian(_f, _x)"
    items = f"[{', '.join(label.items)}]" if label.items else ""
    left = Side(text + items, {**names, **parts}, leads=True)
    what = "the second derivatives" if label.second else "entries of the derivative"
    return replace(related(left, formula), subject=f"{what} of {brief(f)} by {brief(x)}")


def _equation(a: Any, b: Any, names: Mapping[str, Any]) -> Verdict:
    return replace(related(Side(_formula(a), names, leads=True), _formula(b)), labels=LABELS)


def related(
    left: Side, claim: Any, earlier: tuple[Taken, ...] = (), claimed: Mapping[str, Expr] = MappingProxyType({})
) -> Verdict:
    """Whether a side equals another, `claim`, after derivatives that were taken `earlier`.

    `claimed` are values that the claim is to use for quotients ``df/dx`` instead of the derivatives themselves; what
    is wrong then is not explained.
    """
    try:
        whole = left.whole()
        names = {**names_in_play([left.expr]), **left.names, **left.reading.quotients}
    except UNREADABLE as error:
        return unread(claim, error)
    try:
        right = replace(left.facing(claim), claimed=claimed)
        relation = Relation(left, right, earlier)
        same_symbols(relation.symbols())
    except UNREADABLE as error:
        if whole is None:
            return unread(claim, error)
        text, quotients = (str(claim), {}) if not isinstance(claim, str) else right.spelled[:2]
        quotients = {name: named_quotient(name, value) for name, value in quotients.items()}
        question = Gradient(whole.f, whole.x, left.expr)
        entry = _entry(right, text, {**names, **quotients})
        return _spelled(_unreadable(question, left.expr, text, {**names, **quotients}, error, entry), quotients)
    gradient = relation.gradient()
    quotients = {name: named_quotient(name, value) for name, value in right.reading.quotients.items()}
    names = {**names_in_play([right.expr]), **names, **quotients}
    asked = relation if gradient is None or right.taken else gradient
    entry = _entry(right, right.spelled[0], names) if isinstance(claim, str) else None
    verdict = judged(asked, left.expr, right.expr, right.reading.text, names, gradient, not claimed, entry)
    verdict = _spelled(verdict, quotients)
    return verdict if gradient is not None else replace(verdict, labels=SIDES)


def _entry(side: Side, text: str, names: Mapping[str, Any]) -> Entry | None:
    """A side in index notation, with its text as it is written over `names`."""
    return Entry("", replace(side, source=text, names=names)) if side.free else None


def named_quotient(name: str, value: Expr) -> Expr:
    """A derivative under the name that stands for it, so that formulas made of it show that."""
    return value if value.op in (SYMBOL, PARAMETER) else value.named(name)


def _spelled(verdict: Verdict, quotients: Mapping[str, Expr]) -> Verdict:
    """The verdict with quotients as they are written."""
    return replace(verdict, repair=_back(verdict.repair, quotients), diagnosis=_back(verdict.diagnosis, quotients))


def _back(text: str | None, quotients: Mapping[str, Expr]) -> str | None:
    """`text` with the quotients themselves instead of the names that stand for them."""
    for name in sorted(quotients, key=len, reverse=True):
        if text is not None and name.count("_d") == 1:
            f, _, x = name.partition("_d")
            text = re.sub(rf"(/)?\b{name}\b(?!\s*=)(\*\*|\.)?", _quotient(f"{f}/d{x}"), text)
    return text


def _quotient(written: str) -> Callable[[re.Match[str]], str]:
    return lambda m: f"{m[1] or ''}({written}){m[2] or ''}" if m[1] or m[2] else written


def unread(claim: Any, error: GraphcError) -> Verdict:
    """The verdict on a side that cannot be read."""
    named = isinstance(error, UnknownNameError)
    return Verdict(Status.INCOMPARABLE, claim, None, str(error), labels=SIDES, misnamed=named)


SIDES = ("left", "right")
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


def judged(
    question: Question,
    answer: Expr,
    claim: Expr,
    text: str,
    names: Mapping[str, Any],
    asked: Question | None = None,
    explains: bool = True,
    entry: Entry | None = None,
) -> Verdict:
    """The verdict on a question; mistakes are looked for in the one that is `asked`, if it says more."""
    with effort.limited():
        return _judged(question, answer, claim, text, names, asked or question, explains, entry)


def _judged(
    question: Question,
    answer: Expr,
    claim: Expr,
    text: str,
    names: Mapping[str, Any],
    asked: Question,
    explains: bool,
    entry: Entry | None,
) -> Verdict:
    if not fits(answer, claim):
        return _misfit(asked, answer, claim, text, names, entry)
    judge = regular(_judge(question, answer, claim), [answer, claim])
    symbols, sizes = question.symbols(), size_names([answer, claim, *question.symbols()])
    somewhere = next((p for p in drawn(judge, symbols, sizes) if not agree(p.left, p.right)), None)
    point, compared = search(judge, symbols, sizes, most=FIRST if somewhere is None else MOST)
    point = point or somewhere
    if point is None and not compared and without_value(judge, question, answer):
        return Verdict(Status.UNDECIDED, claim, answer, NO_VALUE)
    if point is None:
        proof = prove(question)
        if proof is not None:
            confirm(judge, question, proof)
            reason = f"true for all sizes: {proof.method}{one_sided(question, answer, claim)}."
            return Verdict(Status.PROVED, claim, answer, reason, facts=proof.facts, steps=proof.steps, proof=proof)
        point, compared = search(judge, symbols, sizes)
    if point is not None:
        cross_check(question, point)
        found = diagnose(posed(asked, answer, claim, text, names, point), entry) if explains else None
        return _wrong(answer, claim, point, found)
    if not compared:
        reason = "no proof was found, and no point where both sides are finite"
        return Verdict(Status.UNDECIDED, claim, answer, f"{reason}{f': {effort.ENDED}' if effort.ended() else ''}")
    return unproved(question, answer, claim, judge, compared)


def fits(answer: Expr, claim: Expr) -> bool:
    """Whether both have one shape."""
    pairs = zip(answer.shape, claim.shape, strict=False)
    return answer.ndim == claim.ndim and all(compare(a, b) != "different" for a, b in pairs)


def _judge(question: Question, answer: Expr, claim: Expr) -> Judge:
    """Both results at points where f is differentiable and the claim has no tie."""
    moving = question.kinks_of()
    return judge_of(answer, claim, kinked([*question.smooth(), claim], moving))


def _wrong(answer: Expr, claim: Any, point: Point, found: Diagnosis | None) -> Verdict:
    values = Counterexample(point.sizes, point.values, point.left, point.right)
    parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
    reason = "the two sides differ at the point below."
    return Verdict(Status.WRONG, claim, answer, reason, values, kind=parts[0], diagnosis=parts[1], repair=parts[2])


def _misfit(
    question: Question, answer: Expr, claim: Expr, text: str, names: Mapping[str, Any], entry: Entry | None = None
) -> Verdict:
    """A claim of another shape: wrong as a gradient, incomparable as one of two expressions."""
    has = f"the claim {brief(claim)} has shape {shape_text(claim.shape)}"
    if not isinstance(question, Gradient):
        reason = f"the shapes differ: {shape_text(answer.shape)} and {shape_text(claim.shape)}"
        return Verdict(Status.INCOMPARABLE, claim, answer, reason)
    reason = f"{has}, the gradient has the shape of {brief(question.x)}, which is {shape_text(question.x.shape)}."
    found = diagnose(posed(question, answer, claim, text, names), entry)
    point, _ = search(judge_of(answer, claim), question.symbols(), size_names([answer, claim]))
    if point is None:
        parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
        return Verdict(Status.WRONG, claim, answer, reason, kind=parts[0], diagnosis=parts[1], repair=parts[2])
    return replace(_wrong(answer, claim, point, found), reason=reason)


def _unreadable(
    question: Gradient,
    answer: Expr,
    text: str,
    names: Mapping[str, Any],
    error: GraphcError,
    entry: Entry | None = None,
) -> Verdict:
    """A claim whose shapes or names do not fit together; an edit may still show what was meant."""
    known = not isinstance(error, NameConflictError)  # else the names in the text mean something different
    with effort.limited():
        found = diagnose(posed(question, answer, None, text, names), entry) if known else None
    parts = (found.kind, found.sentence, found.repair) if found is not None else (None, None, None)
    named = isinstance(error, UnknownNameError)
    verdict = Verdict(Status.INCOMPARABLE, text, answer, str(error), misnamed=named)
    return replace(verdict, kind=parts[0], diagnosis=parts[1], repair=parts[2])


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
