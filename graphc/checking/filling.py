"""Parts of a claim that other parts belong in place of: a name in play, or a part of the right result."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphc.checking.activations import alike, derivative_like
from graphc.checking.edits import Edit, places
from graphc.checking.formulas import Formulas
from graphc.checking.kinds import Kind
from graphc.checking.mistakes import terms
from graphc.checking.trees import flat, name, swapped, written


def fillings(claim: ast.expr, answer: ast.expr, names: Mapping[str, Any], formulas: Formulas) -> Iterator[Edit]:
    """The claim with one part replaced, the smallest parts first; of equal shape, where both have one."""
    parts = {written(node): node for node in (*map(name, names), *places(answer))}
    new = sorted((part for part in parts.values() if not _stands_for(part, answer)), key=_length)
    for old in sorted(places(claim), key=_length):
        have = formulas.expr(old)
        for part in new if old is not claim else ():
            want = formulas.expr(part)
            named = isinstance(old, ast.Name) and isinstance(part, ast.Name)
            fits = named or have is None or formulas.expr(claim) is None
            if want is not None and have is not want and (fits or (have is not None and have.shape == want.shape)):
                yield Edit(*relation(old, part), swapped(claim, old, part))


def _stands_for(part: ast.expr, answer: ast.expr) -> bool:
    """Whether a part of the answer is the answer but for numbers: what holds it explains nothing."""
    used = _names(part)
    return len(used) > 1 and used == _names(answer)


def _names(node: ast.expr) -> list[str]:
    return sorted(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def _atoms(node: ast.expr) -> list[str]:
    """The names and numbers in a formula."""
    return sorted(written(n) for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Constant)))


def _length(node: ast.expr) -> int:
    return sum(1 for _ in ast.walk(node))


def relation(old: ast.expr, new: ast.expr) -> tuple[Kind, str]:
    """How what stands in a claim is related to what belongs there."""
    was, want = written(old), written(new)
    belongs = f"{want} belongs where {was} stands"
    if alike(old, new) or (isinstance(old, (ast.Name, ast.Attribute)) and isinstance(new, (ast.Name, ast.Attribute))):
        return Kind.VARIABLE, belongs
    if _is_around(old, new) or _is_around(new, old):
        return Kind.FUNCTION, belongs
    for split, more, fewer in ((factors, Kind.CHAIN, Kind.FACTOR), (terms, Kind.TERM, Kind.TERM)):
        a, b = (list(map(written, split(node))) for node in (old, new))
        if without(b, a) is not None:
            return more, f"the {more} {' and '.join(without(b, a) or ())} is missing at {was}"
        if without(a, b) is not None:
            return fewer, f"the {fewer} {' and '.join(without(a, b) or ())} does not belong at {want}"
    if isinstance(old, ast.Name):
        return Kind.VARIABLE, belongs
    if _atoms(old) == _atoms(new):
        return Kind.ORDER, belongs
    if derivative_like(old):
        return Kind.ACTIVATION, belongs
    return (Kind.FUNCTION if isinstance(old, ast.Call) and isinstance(new, ast.Call) else Kind.PART), belongs


def factors(node: ast.expr) -> list[ast.expr]:
    """The factors of products of both kinds."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return [*factors(node.left), *factors(node.right)]
    return flat(node)


def without(whole: Sequence[str], part: Sequence[str]) -> list[str] | None:
    """What `whole` has beyond `part`; None unless it has all of it and more."""
    rest = list(whole)
    for item in part:
        if item not in rest:
            return None
        rest.remove(item)
    return rest or None


def _is_around(outer: ast.expr, inner: ast.expr) -> bool:
    return isinstance(outer, ast.Call) and any(written(a) == written(inner) for a in outer.args)
