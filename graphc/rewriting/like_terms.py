"""The terms of a sum by their cores: nested sums opened, like terms added."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, summed
from graphc.rewriting.cost import excess
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import number_labels, term_key, unnested
from graphc.rewriting.terms import FLATTEN, entries_of, is_even, leading, moved, terms_of

NETWORK = 10  # factors up to which chains of products are compared whatever their grouping


def collect(engine: Engine, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> dict[Expr, Fraction]:
    """Terms by their core (coefficient 1), like terms added, nested sums opened."""
    found: dict[Expr, Fraction] = {}
    stack = list(terms)[::-1]
    while stack:
        c, term = stack.pop()
        c, term = c * leading(term)[0], leading(term)[1]
        number, core, labels = moved(term)
        if core.op is ADD and len(core.operands) <= FLATTEN and (core is term or is_even(core)):
            inner = terms_of(core)[::-1]
            if core is not term:
                inner = [(x, engine.product(ONE, [(t, labels, ONE)], shape)) for x, t in inner]
            stack += [(c * number * x, t) for x, t in inner]
        elif c != 0:
            found[term] = found.get(term, Fraction(0)) + c
    return alike({t: found[t] for t in sorted(found, key=term_key) if found[t] != 0}, shape)


def alike(terms: dict[Expr, Fraction], shape: Shape) -> dict[Expr, Fraction]:
    """Chains of products that differ in grouping alone are like terms: A @ (B @ x) and (A @ B) @ x."""
    nested = [t for t in terms if has_nested(t)]
    if not nested or len(terms) < 2:
        return terms
    groups: dict[object, list[Expr]] = {}
    for term in terms:
        key = network(term, shape)
        groups.setdefault(term if key is None else key, []).append(term)
    merged: dict[Expr, Fraction] = {}
    for group in groups.values():
        kept = functools.reduce(lambda a, b: b if excess(b, a) < 0 else a, sorted(group, key=lambda t: t.digest))
        total = sum(terms[t] for t in group)
        if total:
            merged[kept] = Fraction(total)
    return merged


def has_nested(term: Expr) -> bool:
    """A contraction with a contraction among its factors."""
    inner = [f for f in term.operands if f.op is CONTRACT and summed(f)] if term.op is CONTRACT else []
    return bool(inner) if term.op is CONTRACT and summed(term) else any(has_nested(f) for f in inner)


def network(term: Expr, shape: Shape) -> object:
    """All factors of a term under one sum, numbered canonically; None where there are too many."""
    entries = [(f, labels, e) for (f, labels), e in entries_of(term, shape).items()]
    factors = unnested(entries, itertools.count(-2, -1), most=NETWORK)
    if len(factors) > NETWORK:
        return None
    ordered, free = number_labels(factors)
    return tuple(ordered), free
