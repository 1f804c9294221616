"""The declared facts that a known fact rests on: that inv(S) is symmetric rests on S being so."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ir.facts import Fact, closure
from graphc.rewriting.engine import Known
from graphc.rewriting.order import is_symmetric


def grounds(known: Known) -> tuple[str, ...]:
    """``"symmetric of S"``, ...: the facts of symbols without which `known` would not be."""
    fact, expr = known.fact, known.expr
    told = [s for s in topological([expr]) if s.attributes.get("facts")]
    if not told or holds(fact, without(expr, dict.fromkeys(told, ()))):
        return ()
    if expr in told:
        return (str(known),)
    found = []
    for s in told:
        if holds(fact, without(expr, {s: ()})):
            continue
        enough = [g for g in s.attributes["facts"] if holds(fact, without(expr, {s: (g,)}))]
        chosen = min(enough, key=lambda g: (g.name != fact.name, len(closure([g])), str(g)), default=None)
        found += [f"{g} of {s.name}" for g in (sorted(s.attributes["facts"]) if chosen is None else [chosen])]
    return tuple(found)


def holds(fact: Fact, expr: Expr) -> bool:
    return fact in expr.op.facts(expr) or (fact.name == "symmetric" and is_symmetric(expr))


def without(expr: Expr, kept: dict[Expr, Iterable[Fact]]) -> Expr:
    """`expr` over symbols with no facts but those of `kept`."""
    bare = {s: make(s.op, (), **{**s.attributes, "facts": closure(facts) or None}) for s, facts in kept.items()}
    return substitute([expr], bare)[0]
