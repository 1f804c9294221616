"""What is wrong with a claim: the first explanation whose repair is proved."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from graphc.checking import effort
from graphc.checking.case import Case, Diagnosis
from graphc.checking.differing import differing
from graphc.checking.edits import (
    Edit,
    column_edits,
    factor_edits,
    local_edits,
    matrix_factors,
    order_edits,
    small_edits,
    sum_edits,
    two_edits,
    whole_edits,
)
from graphc.checking.everywhere import everywhere
from graphc.checking.filling import fillings
from graphc.checking.indexed import Entry, mended
from graphc.checking.kinds import Kind
from graphc.checking.misderived import Misderived
from graphc.checking.mistakes import FUNCTIONS, OPPOSITES
from graphc.checking.pairs import pairs
from graphc.checking.points import RELATIVE
from graphc.checking.prove import Gradient
from graphc.checking.relations import among_symmetric, assumption, difference, monomial, quotient
from graphc.checking.repairs import repaired
from graphc.checking.trees import tree_of, written
from graphc.checking.variants import Variant
from graphc.errors import GraphcError
from graphc.frontend.parse import parse
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import broadcast_to
from graphc.ops.leaves import NAMED, PARAMETER, SIZE, SYMBOL, eye
from graphc.rewriting.simplify import expand, simplify

COMPLEMENTS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "greater": operator.le,
    "less": operator.ge,
    "greater_equal": operator.lt,
    "less_equal": operator.gt,
}
LONGEST = 80  # of a condition that may be missing
MOST = 3_000  # edits tried at one stage
NEAR = 20  # edits right up to a constant factor that are looked at
SHORT = 2  # operations of a missing factor or term that needs no other explanation


def diagnose(case: Case, entry: Entry | None = None) -> Diagnosis | None:
    """The first explanation that verifies, or None."""
    if not case.points:
        return None
    return next(filter(None, explanations(case, entry)), None)


def explanations(case: Case, entry: Entry | None) -> Iterator[Diagnosis | None]:
    """Explanations in the order in which they are tried, the simplest first."""
    tree = tree_of(case.text) or tree_of(str(case.claim))
    comparable = comparable_claim(case)
    sizes = [name for name, value in case.names.items() if not isinstance(value, Expr) or value.op is SIZE]
    search = Search(case)
    if isinstance(case.question, Gradient) and case.question.x not in topological([case.question.f]):
        yield Diagnosis(
            Kind.PART, f"the function does not depend on {case.question.x.name}: its gradient is zero", None
        )
        return
    if comparable is not None:
        yield among_symmetric(case, comparable)
    if entry is not None:
        yield mended(case, entry, sizes)
    if tree is not None:
        ndim = case.claim.ndim if case.claim is not None else 0
        first = (stretched(case, tree), sum_edits(tree), whole_edits(tree, ndim, sizes), order_edits(tree))
        yield search.first(itertools.chain(*first))
        if case.claim is None:
            yield search.first(itertools.chain(column_edits(tree), two_edits(tree)))
    if comparable is not None:
        yield on_diagonal(case, comparable)
        yield assumption(case, comparable)
    if tree is not None:
        yield search.first(small_edits(tree, sizes))
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if comparable is not None:
        mistakes = Misderived(case, comparable)
        yield from derived(case, comparable, tree, mistakes.alone())
        yield quotient(case, comparable, SHORT)
        yield difference(case, comparable, SHORT)
        yield monomial(case, comparable)
    if tree is not None:
        answer = tree_of(str(case.answer))
        if answer is not None:
            yield search.first(factor_edits(tree, matrix_factors([tree, answer])))
        around = [name for name in (*FUNCTIONS, *OPPOSITES, "flip", "diag") if name in functions_of(case)]
        yield search.first(local_edits(tree, derivative_factors(case), sizes, alike(case.names, used), around))
        yield search.first(everywhere(tree, alike(case.names, used)))
        if comparable is not None:
            yield search.first(two_edits(tree, (Kind.TRANSPOSE,)))
        filled = list(fillings(tree, answer, case.names, case.formulas)) if answer is not None else []
        yield search.first(edit for edit in filled if edit.kind is not Kind.PART)
        if comparable is not None:
            yield search.first(pairs(case, tree, derivative_factors(case), sizes))
            yield from derived(case, comparable, tree, mistakes.together())
        yield search.first(filled)
        yield from search.scaled(sizes)
    if comparable is not None:
        yield difference(case, comparable)
        yield quotient(case, comparable)
        yield differing(case, tree) if tree is not None else None


def comparable_claim(case: Case) -> Expr | None:
    """The claim, if it has the shape of the answer, or a number that stands for each of its entries."""
    if case.claim is None or case.claim.shape == case.answer.shape:
        return case.claim
    return broadcast_to(case.claim, case.answer.shape) if case.claim.ndim == 0 else None


def functions_of(case: Case) -> set[str]:
    """The names of the functions in the answer and in what it is derived from."""
    return {node.op.name for node in topological([case.origin, expand(case.origin), case.answer])}


class Search:
    """Edits tried one after another; those that are right up to a constant factor are kept for later."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.seen: set[Expr] = set()
        self.near: list[Edit] = []

    def first(self, candidates: Iterable[Edit]) -> Diagnosis | None:
        """The first edit whose result is proved."""
        for edit in itertools.islice(candidates, MOST):
            if effort.ended():
                return None
            candidate = self.case.formulas.expr(edit.tree)
            if candidate is None or candidate in self.seen:
                continue
            self.seen.add(candidate)
            found = self.judged(edit, candidate)
            if found is not None:
                return found
        return None

    def judged(self, edit: Edit, candidate: Expr) -> Diagnosis | None:
        """What an edit explains, if its result has the right values and is proved."""
        if candidate.shape != self.case.answer.shape:
            return None
        ratios = self.case.screen.ratios(candidate)
        if ratios is None:
            return None
        if any(abs(r - 1) > RELATIVE for r in ratios):
            self.near.append(edit)
            return None
        text = written(edit.tree)
        if self.case.verifies(candidate) and reads_back(self.case, text, candidate):
            return Diagnosis(edit.kind, edit.sentence, text)
        return None

    def scaled(self, sizes: list[str]) -> Iterator[Diagnosis | None]:
        """Explanations by an edit and a constant factor together."""
        for edit in self.near[:NEAR]:
            for whole in whole_edits(edit.tree, 0, sizes):
                candidate = self.case.formulas.expr(whole.tree)
                if candidate is not None and self.case.agrees(candidate) and self.case.verifies(candidate):
                    yield Diagnosis(edit.kind, f"{edit.sentence}; besides, {whole.sentence}", written(whole.tree))


def reads_back(case: Case, text: str, candidate: Expr) -> bool:
    try:
        return parse(text, **case.names) is candidate
    except GraphcError:
        return False


def derived(
    case: Case, claim: Expr, tree: ast.expr | None, found: Iterable[tuple[Variant, Expr]]
) -> Iterator[Diagnosis | None]:
    """Explanations by mistakes in the derivation."""
    for variant, result in found:
        if case.equal(result, claim):
            yield Diagnosis(variant.kind, variant.sentence, repaired(case, claim, tree, variant, result))


def stretched(case: Case, tree: ast.expr) -> Iterator[Edit]:
    """The claim with the shape that it must have."""
    shape = shape_text(case.answer.shape)
    wanted = tree_of(shape)
    hidden = f"each entry is right, but the shape must be {shape}: broadcasting would hide this"
    if wanted is not None and case.answer.ndim:
        yield Edit(Kind.SHAPE, hidden, ast.Call(ast.Name("broadcast_to", ast.Load()), [tree, wanted], []))
    if square(case.answer):
        what = "each entry is right, but the Jacobian is the diagonal matrix of them"
        yield Edit(Kind.SHAPE, what, ast.Call(ast.Name("diag", ast.Load()), [tree], []))


def square(x: Expr) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1]


def on_diagonal(case: Case, claim: Expr) -> Diagnosis | None:
    """The claim as the right result without what is off its diagonal."""
    if not square(case.answer):
        return None
    only = case.answer * eye(case.answer.shape[0])
    if not case.screen.same(claim, only) or not case.equal(claim, only):
        return None
    return Diagnosis(Kind.DIAGONAL, "the entries off the diagonal are missing", str(case.answer))


def derivative_factors(case: Case) -> list[str]:
    """The derivatives of the functions below the origin, as formulas over its named parts."""
    order = topological([case.origin, simplify(case.origin)])
    names = {node.operands[0]: node for node in order if node.op is NAMED}
    found: dict[str, None] = {}
    for node in order:
        if node.op.derivative is not None:
            for d in node.op.derivative(*(names.get(e, e) for e in (*node.operands, node))):
                if d is not None and len(str(d)) < 200:
                    found[str(d)] = None
        if node.dtype == "bool" and node.operands:
            other = COMPLEMENTS.get(node.op.name)
            both = [str(node), *([str(other(*node.operands))] if other is not None else [])]
            found.update(dict.fromkeys(text for text in both if len(text) < LONGEST))
    found.update(
        (name, None) for name, e in case.names.items() if isinstance(e, Expr) and e.op in (SYMBOL, PARAMETER, NAMED)
    )
    return list(found)


def alike(names: Mapping[str, Any], used: set[str]) -> list[list[str]]:
    """Names grouped by shape, for the shapes of names that the claim uses."""
    groups: dict[Any, list[str]] = {}
    for name, value in names.items():
        if isinstance(value, Expr) and value.op is not SIZE:
            groups.setdefault(value.shape, []).append(name)
    return [group for group in groups.values() if len(group) > 1 and used & set(group)]
