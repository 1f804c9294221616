"""Common factors of the terms of a sum, of all or of a group: a b + a c = a (b + c)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.leaves import EYE, SIZE
from graphc.rewriting.engine import Engine, law, note
from graphc.rewriting.order import Labels, factor_key
from graphc.rewriting.terms import FLATTEN, Entries, cost, entries_of, is_reduction, min_power, without

Term = tuple[Entries, Fraction, Expr]  # powers of factors, coefficient, and the term itself

FACTOR = law("factor", "a b + a c = a (b + c)")


def factor(engine: Engine, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
    """Take out factors that all terms share, or one that a group shares where less is written.

    a b x + a c y is a (b x + c y): one product more as a node of many factors, one less of two. Left as they are:
    terms of which one has a higher power, x y + x**2 + y**2, and one beside a name alone, p - t + p q.
    """
    terms = [(entries_of(t, shape), c, t) for t, c in collected.items()]
    counts = Counter((key, e > 0) for entries, _, _ in terms for key, e in entries.items())
    shared = [key for key, n in counts.items() if n == len(terms)]
    if shared and not loses_means(shared, terms):
        common = {
            key: min_power([t[0] for t in terms], key)
            for key, _ in sorted(shared, key=lambda k: (factor_key(k[0][0]), k[0][1]))
        }
        return note(engine, FACTOR, collected, take_out(engine, common, terms, [], shape))
    best: tuple[int, object, tuple[tuple[Expr, Labels], bool]] | None = None
    for (key, positive), n in counts.items():
        if n < 2 or (not key[0].operands and key[0].weak and key[0].op is not EYE):
            continue
        group = [entries for entries, _, _ in terms if key in entries and (entries[key] > 0) == positive]
        saved = sum(cost(e) for e in group) - sum(cost(without(e, {key: min_power(group, key)})) for e in group) - 2
        even = len({e[key] for e in group}) == 1 and key[0].op is not SIZE and sum(map(cost, group)) > 1
        even = even or (saved == -1 and n == 2 and bool(key[0].operands))  # exp(x) y + exp(x) is exp(x) (y + 1)
        even = even or (saved == 0 and n > 2)  # a/s + b/s + c/s**2 is (a + b + c/s)/s
        if (saved > 0 or even) and (best is None or (-saved, factor_key(key[0]), key[1]) < (*best[:2], key[1])):
            best = (-saved, factor_key(key[0]), (key, positive))
    if best is None:
        several = factor_several(engine, collected, terms, shape)
        return factor_means(engine, collected, terms, shape) if several is None else several
    key, positive = best[2]
    inside = [t for t in terms if key in t[0] and (t[0][key] > 0) == positive]
    outside = [t for t in terms if t not in inside]
    taken = {key: min_power([t[0] for t in inside], key)}
    return note(engine, FACTOR, collected, take_out(engine, taken, inside, outside, shape))


def loses_means(shared: list[tuple[tuple[Expr, Labels], bool]], terms: list[Term]) -> bool:
    """Whether terms share sizes alone, of which one would no longer be the mean that it is: var(x) + var(X).

    x/n - sum(x)/n**2 is (x - mean(x))/n, where one becomes a mean.
    """
    if not all(key[0].op is SIZE for key, _ in shared):
        return False
    return any(
        len({t[0][key] for t in terms}) > 1
        and any(is_reduction(t[2]) and t[0][key] == min_power([u[0] for u in terms], key) for t in terms)
        for key, _ in shared
    )


def factor_several(engine: Engine, collected: dict[Expr, Fraction], terms: list[Term], shape: Shape) -> Expr | None:
    """Take out two and more factors that some terms share, where this costs no more: a b x + a b y + z."""
    if len(terms) > FLATTEN:
        return None
    best: tuple[int, Entries, list[Term]] | None = None
    for shared, inside in shared_groups(terms):
        common = {key: e for key, e in shared.items() if all(t[0][key] == e for t in inside)}
        if sum(key[0].op is not SIZE for key in common) < 2:
            continue
        saved = sum(cost(t[0]) for t in inside) - sum(cost(without(t[0], common)) for t in inside) - 2
        if saved >= 0 and (best is None or saved > best[0]):
            best = saved, common, inside
    if best is None:
        return None
    _, common, inside = best
    outside = [t for t in terms if t not in inside]
    return note(engine, FACTOR, collected, take_out(engine, common, inside, outside, shape))


def factor_means(engine: Engine, collected: dict[Expr, Fraction], terms: list[Term], shape: Shape) -> Expr | None:
    """Take out a size by which some terms are divided where sums among them become means.

    x/n - sum(x)/n**2 + z is (x - mean(x))/n + z.
    """
    for key in {key: None for entries, _, _ in terms for key, e in entries.items() if key[0].op is SIZE and e < 0}:
        inside = [t for t in terms if t[0].get(key, 0) < 0]
        power = min_power([t[0] for t in inside], key)
        sums = {t[0][key] for t in inside if is_sum_over(t[2], key[0])}
        if power - 1 in sums and power not in sums and len(inside) < len(terms):  # means arise, and none is lost
            outside = [t for t in terms if t not in inside]
            return note(engine, FACTOR, collected, take_out(engine, {key: power}, inside, outside, shape))
    return None


def is_sum_over(term: Expr, size: Expr) -> bool:
    """Whether a term is a sum along an axis of that size, at most divided by sizes."""
    if not is_reduction(term):
        return False
    inner = term if summed(term) else next(f for f in term.operands if f.op is CONTRACT and summed(f))
    return any(
        d == size.attributes["dim"]
        for f, ls, _ in factors_of(inner)
        for x, d in zip(ls, f.shape, strict=True)
        if x >= inner.ndim
    )


def shared_groups(terms: list[Term]) -> Iterator[tuple[Entries, list[Term]]]:
    """The groups of terms that share a factor, each with all that its terms share."""
    seen: set[frozenset[int]] = set()
    signs = dict.fromkeys(
        (key, e > 0) for entries, _, _ in terms for key, e in entries.items() if key[0].op is not SIZE
    )
    for key, positive in signs:
        inside = [t for t in terms if key in t[0] and (t[0][key] > 0) == positive]
        places = frozenset(map(id, inside))
        if not 2 <= len(inside) < len(terms) or places in seen:
            continue
        seen.add(places)
        shared = [
            k for k, e in inside[0][0].items() if all((t[0].get(k, 0) > 0) == (e > 0) and k in t[0] for t in inside)
        ]
        yield {k: min_power([t[0] for t in inside], k) for k in shared}, inside


def take_out(
    engine: Engine,
    common: Entries,
    inside: list[Term],
    outside: list[Term],
    shape: Shape,
) -> Expr:
    """``common * (what is left of the terms inside) + outside``."""
    left = [(without(entries, common), c) for entries, c, _ in inside]
    used = sorted({x for entries, _ in left for _, ls in entries for x in ls if x >= 0})
    whole = all(x in used or d == 1 for x, d in enumerate(shape))
    labels = aligned(shape, shape) if whole else tuple(used)  # what is left may have fewer axes
    small = shape if whole else tuple(shape[x] for x in used)
    place = {x: x if whole else i for i, x in enumerate(used)} | {-1: -1}
    rest = [
        (ONE, engine.product(c, [(f, tuple(place[x] for x in ls), e) for (f, ls), e in entries.items()], small))
        for entries, c in left
    ]
    inner = engine.sum(rest, small)
    product = engine.product(ONE, [*((*key, e) for key, e in common.items()), (inner, labels, ONE)], shape)
    if not outside:
        return product
    return engine.sum([(ONE, product), *((c, t) for _, c, t in outside)], shape)
