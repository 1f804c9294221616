"""Where a claim and the right result part: the smallest parts that differ, with nothing guessed about the reason."""

from __future__ import annotations

import ast

from graphc.checking.case import Case, Diagnosis
from graphc.checking.trees import tree_of, written


def differing(case: Case, claim: ast.expr) -> Diagnosis | None:
    """The part of the claim that differs, beside what the right result has there."""
    answer = tree_of(str(case.answer))
    if answer is None:
        return None
    ours, theirs = parted(case, claim, answer)
    if ours is claim:
        return None
    return Diagnosis(None, f"the claim has {written(ours)} where the gradient has {written(theirs)}", None)


def parted(case: Case, a: ast.expr, b: ast.expr) -> tuple[ast.expr, ast.expr]:
    """Two formulas followed down as long as all but one of their parts are equal."""
    while type(a) is type(b):
        pairs = parts(case, a, b)
        unequal = [(x, y) for x, y in pairs or () if not same(case, x, y)]
        if len(unequal) != 1:
            break
        a, b = unequal[0]
    return a, b


def parts(case: Case, a: ast.expr, b: ast.expr) -> list[tuple[ast.expr, ast.expr]] | None:
    """The parts of two formulas that correspond; None where the formulas are of different forms."""
    if isinstance(a, ast.BinOp) and isinstance(b, ast.BinOp) and type(a.op) is type(b.op):
        straight = [(a.left, b.left), (a.right, b.right)]
        crossed = [(a.left, b.right), (a.right, b.left)]
        turns = isinstance(a.op, (ast.Add, ast.Mult)) and not any(same(case, x, y) for x, y in straight)
        return crossed if turns else straight
    if isinstance(a, ast.UnaryOp) and isinstance(b, ast.UnaryOp):
        return [(a.operand, b.operand)]
    if isinstance(a, ast.Call) and isinstance(b, ast.Call) and ast.dump(a.func) == ast.dump(b.func):
        alike = len(a.args) == len(b.args) and [ast.dump(k) for k in a.keywords] == [ast.dump(k) for k in b.keywords]
        return list(zip(a.args, b.args, strict=True)) if alike else None
    return None


def same(case: Case, a: ast.expr, b: ast.expr) -> bool:
    """Whether two parts have the same values."""
    x, y = case.formulas.expr(a), case.formulas.expr(b)
    return x is not None and y is not None and (x is y or case.screen.same(x, y))
