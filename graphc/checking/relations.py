"""Explanations found from the answer and the claim together: an assumption, a forgotten path, a factor, a term."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.checking.atoms import OutOfBudgetError
from graphc.checking.case import Case, Diagnosis
from graphc.checking.kinds import Kind
from graphc.checking.points import agree, drawn, judge_of, search, size_names
from graphc.checking.prove import Gradient, leaves
from graphc.checking.translate import Translator
from graphc.checking.trees import tree_of
from graphc.checking.trees import written as tidy
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of
from graphc.ops.forms import is_implicit
from graphc.ops.leaves import CONSTANT, NAMED
from graphc.ops.products import diag
from graphc.rewriting.cost import count_ops
from graphc.rewriting.simplify import simplify

MOST_TERMS = 64
SPARE, CLOSE = 3, 1e-5  # points beyond the unknown exponents, and how near they must be to simple numbers
SEVERAL, SEARCHED = 4, 60  # points at which an assumption must help before a proof is tried


def assumption(case: Case, claim: Expr) -> Diagnosis | None:
    """A property of a symbol under which the claim would be right."""
    question = case.question.claiming(claim)
    for s in question.symbols():
        candidates = [Fact("symmetric")] if s.ndim == 2 and s.shape[0] == s.shape[1] else []
        if s.ndim:
            candidates.append(Fact("sums_to_one", -1))
        for fact in candidates:
            if fact in s.op.facts(s) or s.dtype == "bool":
                continue
            known = s.attributes.get("facts", frozenset()) | {fact}
            supposed = question.replaced({s: make(s.op, (), **{**s.attributes, "facts": known})})
            left, right = supposed.under({})
            judge, symbols = judge_of(left, right), leaves([left, right])
            points = list(drawn(judge, symbols, (), SEVERAL))
            agreed = bool(points) and all(agree(p.left, p.right) for p in points)
            if agreed and search(judge, symbols, (), SEARCHED)[0] is None and case.holds(supposed):
                says = f"{s.name} is symmetric" if fact.name == "symmetric" else f"the entries of {s.name} sum to one"
                return Diagnosis(Kind.ASSUMPTION, f"the claim holds only if {says}", None)
    return None


def among_symmetric(case: Case, claim: Expr) -> Diagnosis | None:
    """The gradient by a symmetric matrix whose entries are not varied one by one, but with those across the diagonal.

    For the gradient G of independent entries it is ``(G + G.T)/2`` by the inner product of symmetric matrices, and
    ``G + G.T - diag(diag(G))`` by the entries on and above the diagonal.
    """
    x = case.question.x if isinstance(case.question, Gradient) else None
    if x is None or Fact("symmetric") not in x.op.facts(x):
        return None
    G = case.answer
    for other, what in (
        ((G + G.T) / 2, f"the gradient among symmetric {x.name}"),
        (G + G.T - diag(diag(G)), f"the derivative by the entries of {x.name} on and above the diagonal"),
    ):
        if case.screen.same(claim, other) and case.equal(claim, other):
            return Diagnosis(Kind.ASSUMPTION, f"the claim is {what}; here each entry is varied by itself", None)
    return None


def quotient(case: Case, claim: Expr, most: int | None = None) -> Diagnosis | None:
    """The factor, entry by entry, between the claim and the answer, if it is shorter than the answer."""
    try:
        factor = simplify(case.answer / claim)
        candidate = claim * factor
        longest = count_ops(case.answer) if most is None else min(most, count_ops(case.answer))
        short = count_ops(factor) <= longest and len(str(unstretched(factor))) < len(str(case.answer))
        if not short or not case.agrees(candidate) or not case.proves(candidate):
            return None
    except GraphcError:
        return None
    if most is not None and (unstretched(factor).op is ADD or (leaves([factor]) and "/" in str(factor))):
        return None
    sentence = f"the factor {unstretched(factor)} is missing"
    kind = Kind.CHAIN if leaves([factor]) else Kind.CONSTANT
    return Diagnosis(kind, sentence, written(case, f"({case.text})*({unstretched(factor)})", candidate))


def monomial(case: Case, claim: Expr) -> Diagnosis | None:
    """A missing product of powers of numbers: of sizes and of symbols without axes."""
    symbols = [s for s in case.question.symbols() if not s.ndim and s.dtype.startswith("float")]
    scalars = {str(s.name) for s in symbols} | set(size_names([case.answer, claim, *case.question.symbols()]))
    judge = judge_of(claim, case.answer)
    points = list(drawn(judge, case.question.symbols(), sorted(scalars), len(scalars) + SPARE))
    found = fitted([({**p.sizes, **p.values}, p.left, p.right) for p in points], sorted(scalars))
    if found is None:
        return None
    text = " * ".join(f"({name})**({e})" for name, e in found[1].items() if e)
    try:
        factor = simplify(parse(f"{found[0]} * {text}" if text else str(found[0]), **case.names))
    except GraphcError:
        return None
    candidate = claim * factor
    if factor.op is CONSTANT or not case.agrees(candidate) or not case.proves(candidate):
        return None
    kind = Kind.CHAIN if leaves([factor]) else Kind.CONSTANT
    repair = written(case, f"({case.text})*({factor})", candidate)
    return Diagnosis(kind, f"the factor {factor} is missing", repair)


def fitted(
    points: Sequence[tuple[Mapping[str, Any], Any, Any]], names: Sequence[str]
) -> tuple[Fraction, dict[str, Fraction]] | None:
    """The number c and the exponents e with right = c*s1**e1*s2**e2*...*left at all points, if they are simple."""
    if len(points) < len(names) + SPARE or not names:
        return None
    ratios = []
    for _, left, right in points:
        place = np.unravel_index(np.argmax(np.abs(left)), np.shape(left))
        ratio = right[place] / left[place] if np.shape(left) else right / (left or np.nan)
        if not np.isfinite(ratio) or not ratio or not agree(np.multiply(ratio, left), right):
            return None
        ratios.append(float(ratio))
    if len({r > 0 for r in ratios}) > 1 or any(not values[n] for values, *_ in points for n in names):
        return None
    logs = np.array([[1.0, *(np.log(abs(float(values[n]))) for n in names)] for values, *_ in points])
    solution, *_ = np.linalg.lstsq(logs, np.log(np.abs(ratios)), rcond=None)
    exponents = [Fraction(round(2 * e), 2) for e in solution[1:]]
    number = Fraction(float(np.exp(solution[0]))).limit_denominator(12)
    if not number or np.max(np.abs(solution - [np.log(float(number)), *map(float, exponents)])) > CLOSE:
        return None
    return number * (1 if ratios[0] > 0 else -1), dict(zip(names, exponents, strict=True))


def written(case: Case, text: str, candidate: Expr) -> str:
    """`text`, if it says what `candidate` is, without the brackets that it does not need."""
    tree = tree_of(text)
    try:
        found = parse(text, **case.names)
    except GraphcError:
        return str(candidate)
    return tidy(tree) if tree is not None and case.screen.same(found, candidate) else str(candidate)


def unstretched(x: Expr) -> Expr:
    """What is stretched, where the notation would stretch it again."""
    return x.operands[0] if is_implicit(x) and x.operands else x


def difference(case: Case, claim: Expr, most: int | None = None) -> Diagnosis | None:
    """The term by which the claim falls short, if it is shorter than the answer (and has `most` operations)."""
    term = missing(case, claim)
    candidate = claim + term
    longest = count_ops(case.answer) - 1 if most is None else min(most, count_ops(case.answer) - 1)
    if count_ops(term) > longest or not case.agrees(candidate) or not case.proves(candidate):
        return None
    repair = written(case, f"{case.text} + ({unstretched(term)})", candidate)
    return Diagnosis(Kind.TERM, f"the term {unstretched(term)} is missing", repair)


def missing(case: Case, claim: Expr) -> Expr:
    """What the claim falls short by, as a short formula."""
    expanded = [(c, t) for sign, e in ((1, case.answer), (-1, claim)) for c, t in terms(Fraction(sign), simplify(e))]
    left = cancelled(expanded)
    whole: Expr = simplify(case.answer - claim)
    return min((whole, simplify(combine(left))), key=count_ops) if left else whole


def cancelled(pairs: list[tuple[Fraction, Expr]]) -> list[tuple[Fraction, Expr]]:
    """Terms without those that add up to nothing, however their products are associated."""
    translator = Translator()
    try:
        polys = [translator.add((c, translator.poly(t))) for c, t in pairs]
    except OutOfBudgetError:
        return pairs
    gone: set[int] = set()
    for i, j in itertools.combinations(range(len(pairs)), 2):
        if not {i, j} & gone and not translator.add((1, polys[i]), (1, polys[j])):
            gone |= {i, j}
    return [pair for i, pair in enumerate(pairs) if i not in gone]


def terms(coefficient: Fraction, expr: Expr) -> list[tuple[Fraction, Expr]]:
    """`expr` as a sum, products multiplied out over the sums among their factors."""
    while expr.op is NAMED:
        expr = expr.operands[0]
    if expr.op is ADD:
        pairs = zip(expr.attributes["coefficients"], expr.operands, strict=True)
        return [found for c, t in pairs for found in terms(coefficient * c, t)]
    if expr.op is not CONTRACT:
        return [(coefficient, expr)]
    choices = [
        [(c, (t, labels, e)) for c, t in terms(ONE, f)] if e == 1 else [(ONE, (f, labels, e))]
        for f, labels, e in factors_of(expr)
    ]
    out = []
    for choice in itertools.islice(itertools.product(*choices), MOST_TERMS + 1):
        c = coefficient * expr.attributes["coefficient"]
        for factor, _ in choice:
            c *= factor
        out.append((c, contract([f for _, f in choice], expr.shape)))
    return out if len(out) <= MOST_TERMS else [(coefficient, expr)]
