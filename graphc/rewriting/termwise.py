"""When a product over a sum is taken term by term: where a term cancels, meets a delta, or does not vary."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, of_node
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.leaves import EYE, SIZE
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import Entries, carried_labels, entries_of, is_thin, number_of


def cancels(entries: Entries, key: tuple[Expr, Labels]) -> bool:
    """Whether a term of the sum at `key` is divided by another factor, or divides one."""
    total, labels = key
    inner = powers_in(total)
    return any(
        above != (e > 0) and own == tuple(labels[x] if x >= 0 else -1 for x in ls)
        for (f, own), e in entries.items()
        for ls, above in inner.get(f, ())
    )


@of_node
def powers_in(total: Expr) -> dict[Expr, set[tuple[Labels, bool]]]:
    """The factors of the terms of a sum, sizes aside: under which labels, and whether above the line."""
    found: dict[Expr, set[tuple[Labels, bool]]] = {}
    for term in total.operands:
        for (f, ls), e in entries_of(term, total.shape).items():
            if f.op is not SIZE:
                found.setdefault(f, set()).add((ls, e > 0))
    return found


def thin_place(factors: list[Factor], rank: int) -> int | None:
    """The place of a sum of outer products over more axes than any other factor has, and no fewer than the result."""
    ranks = [len({x for x in labels if x >= 0}) for _, labels, _ in factors]
    for i, x in enumerate(factors):
        if rank <= ranks[i] and is_thin(*x, rank) and all(r < ranks[i] for r in (*ranks[:i], *ranks[i + 1 :])):
            return i
    return None


def averages_a_shift(factors: list[Factor]) -> bool:
    """Whether a distribution weighs a sum of which one term is a number."""
    if len(factors) != 2 or any(e != 1 for *_, e in factors) or all(f.op is not ADD for f, *_ in factors):
        return False
    (total, labels, _), (p, own, _) = sorted(factors, key=lambda x: x[0].op is not ADD)
    if total.op is not ADD or all(number_of(t) is None for t in total.operands):
        return False
    return any(fact.name == "sums_to_one" and own[fact.axis or -1] in labels for fact in p.op.facts(p))


def meets_its_norm(factors: list[Factor], place: int, rank: int) -> bool:
    """Whether a term of the sum at `place` has another factor divided by its own norm: x @ (x/norm(x) - a)."""
    total, labels, e = factors[place]
    if total.op is not ADD or e != 1 or -1 in labels or len(factors) != 2:
        return False
    x, own, power = factors[1 - place]
    if power != 1 or not x.ndim:
        return False
    for term in total.operands:
        entries = entries_of(term, total.shape)
        placed = {(f, tuple(labels[a] if a >= 0 else -1 for a in ls)): p for (f, ls), p in entries.items()}
        if placed.get((x, own)) == 1 and any(
            p < 0 and f.op is CONTRACT and f.operands == (x,) and f.attributes["exponents"] == (2,)
            for (f, _), p in placed.items()
        ):
            return any(a >= rank for a in own)
    return False


def varies_apart(total: Expr) -> bool:
    """Whether no term of a sum varies along all its axes, as in x[:, None] - y."""
    return all(len(carried_labels(t)) < total.ndim for t in total.operands)


def settled(term: Expr, part: Expr) -> bool:
    """Whether a term that varies has a number, or a product of lone names, for its sum: that of a*softmax(x) is a."""
    plain = part.op is CONTRACT and not summed(part) and not any(f.operands for f in part.operands)
    return number_of(part) is not None or (len(carried_labels(term)) == term.ndim and (plain or not part.operands))


def terms_of(x: Expr) -> tuple[Expr, ...]:
    return x.operands if x.op is ADD else (x,)


def meets_delta(f: Expr, labels: Labels, e: Fraction, rank: int) -> bool:
    """Whether a term of the sum `f` has a delta between two labels one of which is summed."""
    if f.op is not ADD or e != 1:
        return False
    for term in f.operands:
        inner = factors_of(term) if term.op is CONTRACT else [(term, aligned(term.shape, f.shape), ONE)]
        for g, ls, _ in inner:
            if g.op is EYE and any(x < f.ndim and labels[x] >= rank for x in ls):
                return True
    return False


def is_dyadic(term: Expr) -> bool:
    """Whether a term of a matrix is a delta or made of vectors: no factor but deltas has entries over both axes."""
    factors = factors_of(term) if term.op is CONTRACT and not summed(term) else [(term, (), ONE)]
    return all(f.op is EYE or sum(d != 1 for d in f.shape) < 2 for f, _, _ in factors)


def is_diagonal(labels: Labels) -> bool:
    """Whether two axes stand under one label."""
    return -1 not in labels and len(set(labels)) < len(labels)


def is_lone_diagonal(term: Expr) -> bool:
    """The diagonal of a matrix, of which the sum is a trace."""
    return term.op is CONTRACT and len(term.operands) == 1 and is_diagonal(term.attributes["labels"][0])
