"""Explanations found from the answer and the claim together: an assumption, a forgotten path, a factor, a term."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from graphc.checking.atoms import OutOfBudgetError
from graphc.checking.case import Case, Diagnosis
from graphc.checking.points import agree, judge_of, sample
from graphc.checking.prove import Gradient, derivative, identity, leaves
from graphc.checking.translate import Translator
from graphc.errors import GraphcError
from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, combine
from graphc.ops.broadcasting import brief
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of, summed
from graphc.ops.forms import is_implicit
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL
from graphc.rewriting.cost import count_ops
from graphc.rewriting.simplify import expand, simplify

MOST_TERMS = 64
MOST_PATHS = 12
WORK = 300  # intermediates tried times nodes of f


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
            point = sample(judge_of(left, right), leaves([left, right]), ())
            if point is not None and agree(point.left, point.right) and case.holds(supposed):
                says = f"{s.name} is symmetric" if fact.name == "symmetric" else f"the entries of {s.name} sum to one"
                return Diagnosis("assumption", f"the claim holds only if {says}", None)
    return None


def forgotten(case: Case, claim: Expr) -> Diagnosis | None:
    """Intermediates that the claim takes for constants: a mean, a norm, a second use of the variable."""
    question = case.question
    if not isinstance(question, Gradient) or question.x.op not in (SYMBOL, PARAMETER):
        return None
    opened = expand(question.f)
    for f in (question.f,) if opened is question.f else (question.f, opened):
        for parts in paths(f, question.x):
            if holds_with_constants(case, f, question.x, parts, claim):
                what = " and ".join(part.name or brief(part) for part in parts)
                verb = "depends" if len(parts) == 1 else "depend"
                sentence = f"the claim forgets that {what} {verb} on {question.x.name}"
                return Diagnosis("forgotten path", sentence, str(case.answer))
    return None


def holds_with_constants(case: Case, f: Expr, x: Expr, parts: tuple[Expr, ...], claim: Expr) -> bool:
    """Whether the claim is the gradient of `f` with some parts held constant."""
    frozen = {part: make(SYMBOL, (), name=f"?{i}", shape=part.shape, dtype=part.dtype) for i, part in enumerate(parts)}
    (held,) = substitute([f], frozen)
    if x not in leaves([held]):
        return False
    partial = substitute([derivative(held, x)], {symbol: part for part, symbol in frozen.items()})[0]
    return case.same(partial, claim) and identity(partial, claim) is not None


def paths(f: Expr, x: Expr) -> Iterator[tuple[Expr, ...]]:
    """Reductions and named parts of `f` that depend on `x`, alone and in pairs, the shortest first."""
    depends: set[Expr] = {x}
    found: list[Expr] = []
    order = topological([f])
    inner = {node.operands[0] for node in order if node.op is NAMED}
    for node in order:
        if any(o in depends for o in node.operands):
            depends.add(node)
            if node is not f and node not in inner and (node.op is NAMED or reduces(node)):
                found.append(node)
    most = max(3, min(MOST_PATHS, WORK // len(order)))
    yield from ((node,) for node in found[:most])
    yield from itertools.combinations(found[: most // 2], 2)


def reduces(node: Expr) -> bool:
    return bool(node.op is CONTRACT and summed(node)) or "axis" in node.attributes


def quotient(case: Case, claim: Expr, most: int | None = None) -> Diagnosis | None:
    """The factor, entry by entry, between the claim and the answer, if it is shorter than the answer."""
    try:
        factor = simplify(case.answer / claim)
        candidate = claim * factor
        longest = count_ops(case.answer) - 1 if most is None else min(most, count_ops(case.answer) - 1)
        if count_ops(factor) > longest or not case.agrees(candidate) or not case.proves(candidate):
            return None
    except GraphcError:
        return None
    return Diagnosis("missing factor", f"the factor {unstretched(factor)} is missing", str(candidate))


def unstretched(x: Expr) -> Expr:
    """What is stretched, where the notation would stretch it again."""
    return x.operands[0] if is_implicit(x) and x.operands else x


def difference(case: Case, claim: Expr, most: int | None = None) -> Diagnosis | None:
    """The term by which the claim falls short, if it is shorter than the answer (and has `most` operations)."""
    expanded = [(c, t) for sign, e in ((1, case.answer), (-1, claim)) for c, t in terms(Fraction(sign), simplify(e))]
    left = cancelled(expanded)
    if not left:
        return None
    term = min((simplify(case.answer - claim), simplify(combine(left))), key=count_ops)
    candidate = claim + term
    longest = count_ops(case.answer) - 1 if most is None else min(most, count_ops(case.answer) - 1)
    if count_ops(term) > longest or not case.agrees(candidate) or not case.proves(candidate):
        return None
    return Diagnosis("missing term", f"the term {unstretched(term)} is missing", str(candidate))


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
