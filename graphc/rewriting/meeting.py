"""Whether terms of a sum could become alike when they are multiplied out, told from powers of factors alone.

Multiplying out builds every product in normal form only to find, nearly always, that nothing cancels. Powers of factors
can be merged without that. They tell the same as long as no rule rewrites factors that meet for the first time, which
is the case for none of the factors that are `inert` where no rule for products has all of its ops among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, is_sum, summed
from graphc.ops.elementwise import exp, general_power
from graphc.ops.leaves import CONSTANT, EYE, constant
from graphc.ops.reductions import RESHAPE
from graphc.ops.slicing import PLACE
from graphc.rewriting.engine import Engine
from graphc.rewriting.order import Labels, is_symmetric
from graphc.rewriting.powers import reduce_power
from graphc.rewriting.reach import reach
from graphc.rewriting.terms import Entries, entries_of, without

EXP, POWER = exp(constant(1)).op, general_power(constant(2), constant(2)).op
REWRITTEN = (EXP, POWER, CONSTANT, EYE, RESHAPE, PLACE)  # what products do more with than adding exponents
DEEP = 16  # levels below a factor that a rule may look into


def may_cancel(engine: Engine, terms: Iterable[Expr], shape: Shape, most: int, powers: int) -> bool:
    """Whether two terms of a sum that is multiplied out may be alike; not if there would be more than `most` terms.

    `powers` is the largest power of a sum that is multiplied out.
    """
    found: list[Entries] = []
    for term in terms:
        for entries in multiplied(entries_of(term, shape), powers):
            found.append(entries)
            if len(found) > most:
                return False
    factors = {(f, e) for entries in found for (f, _), e in entries.items()}
    if len({frozenset(entries.items()) for entries in found}) < len(found):
        return True
    if not all(inert(f, e) for f, e in factors) or sum(any(map(nested, entries)) for entries in found) > 1:
        return True
    mask = 0
    for f, _ in factors:
        mask |= reach(f, DEEP)
    return engine.may_meet(mask)


def multiplied(entries: Entries, powers: int) -> Iterator[Entries]:
    """The terms of a product with the sums among its factors multiplied out, without their coefficients."""
    todo = [entries]
    while todo:
        entries = todo.pop()
        key = next((k for k, e in entries.items() if k[0].op is ADD and e.denominator == 1 and 0 < e <= powers), None)
        if key is None:
            yield entries
            continue
        rest = without(entries, {key: ONE})
        todo += [merged(rest, term, key[0].shape, key[1]) for term in key[0].operands]


def merged(entries: Entries, term: Expr, shape: Shape, placed: Labels) -> Entries:
    """`entries` times a term of a sum of `shape` whose axes have the labels `placed`."""
    found = dict(entries)
    for (f, labels), e in entries_of(term, shape).items():
        at = tuple(placed[x] if x >= 0 else -1 for x in labels)
        if len(at) == 2 and at[0] > at[1] >= 0 and is_symmetric(f):
            at = at[::-1]
        power = reduce_power(f, found.pop((f, at), Fraction(0)) + e)
        if power:
            found[f, at] = power
    return found


def inert(f: Expr, e: Fraction) -> bool:
    """Whether nothing becomes of powers of `f` in a product but their sum."""
    closed = f.op is not CONTRACT or is_sum(f)
    below = f.op is ADD and e < 0
    return e.denominator == 1 and closed and f.op not in REWRITTEN and not below and f.op.acts(f) is None


def nested(key: tuple[Expr, Labels]) -> bool:
    """Whether a factor is a product of matrices that could be grouped otherwise."""
    f, _ = key
    return f.op is CONTRACT and any(g.op is CONTRACT and summed(g) for g in f.operands)
