"""The canonical order of operands and the canonical numbering of labels.

Both depend on structure alone: on digests, never on when or how an expression was built.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from math import factorial

from graphc.ir.expr import Expr
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of, summed

Labels = tuple[int, ...]
Factor = tuple[Expr, Labels, Fraction]
PALINDROME = 6  # factors up to which a product is looked at for being its own transpose
TIES = 720  # orders of tied factors that are tried; beyond this the numbering is deterministic but not canonical


def factor_key(expr: Expr) -> tuple[object, ...]:
    """Scalars first, then vectors, then by depth and name: ``alpha*W``, ``h*(1 - h)``."""
    return (expr.ndim, expr.depth, expr.name or expr.op.name, spelled(expr), expr.digest)


_spelled: weakref.WeakKeyDictionary[Expr, str] = weakref.WeakKeyDictionary()


def spelled(expr: Expr) -> str:
    """The names that an expression begins with: of two that look alike, ``a @ x`` comes before ``b @ x``."""
    found = _spelled.get(expr)
    if found is None:
        found = _spelled[expr] = _names(expr, 4)
    return found


def _names(expr: Expr, levels: int) -> str:
    if expr.name or not expr.operands or not levels:
        return expr.name or expr.op.name
    return " ".join(sorted(_names(o, levels - 1) for o in expr.operands[:3]))


def term_key(expr: Expr) -> tuple[object, ...]:
    """The order of a sum's terms: deep ones first, constants last: ``X @ W + b``, ``A + A.T``, ``h**2 + 1``."""
    constant = not expr.operands and expr.op.name in ("constant", "contract", "size")
    moved = expr.op.name == "contract" and len(expr.operands) == 1
    seen = expr.operands[0] if moved else expr
    return (constant, -seen.depth, seen.name or seen.op.name, spelled(seen), moved, expr.digest)


def number_labels(factors: Sequence[Factor]) -> tuple[list[Factor], Labels]:
    """Sort the factors of one connected contraction and number its labels.

    Labels >= 0 are free where they are in the caller's output (non-negative), summed where negative below -1.

    Returns
    -------
    factors : sorted, with labels renumbered: free ones 0, 1, ... by first appearance, then the summed ones
    free : the caller's labels of 0, 1, ...
    """
    colours = _refine(factors)
    keyed = sorted(factors, key=lambda f: _colour_key(f, colours))
    groups = [list(g) for _, g in itertools.groupby(keyed, key=lambda f: _colour_key(f, colours))]
    count = 1
    for g in groups:
        count *= factorial(len(g))
    mirrored = [i for i, (f, ls, _) in enumerate(keyed) if is_symmetric(f) and len(set(ls)) == 2]
    count <<= len(mirrored)
    orders: Iterable[tuple[Factor, ...]]
    if count == 1 or count > TIES:
        orders = [tuple(keyed)]
    else:
        orders = (
            tuple(itertools.chain(*choice))
            for choice in itertools.product(*(itertools.permutations(g) for g in groups))
        )
    if mirrored and count <= TIES:
        orders = (variant for order in orders for variant in mirrors(order))
    best: tuple[object, ...] | None = None
    chosen: tuple[Factor, ...] = tuple(keyed)
    for order in orders:
        code = (_encode(order), free_labels(order))
        if best is None or code < best:
            best, chosen = code, order
    free: dict[int, int] = {}
    summed: dict[int, int] = {}
    for _, labels, _ in chosen:
        for x in labels:
            if x >= 0:
                free.setdefault(x, len(free))
            elif x < -1:
                summed.setdefault(x, len(summed))
    rename = {-1: -1} | free | {x: i + len(free) for x, i in summed.items()}
    result = [(f, tuple(rename[x] for x in labels), e) for f, labels, e in chosen]
    return result, tuple(free)


def free_labels(order: Sequence[Factor]) -> Labels:
    """The caller's output labels by first appearance: of two orders that look alike, the one that keeps theirs."""
    return tuple(dict.fromkeys(x for _, labels, _ in order for x in labels if x >= 0))


def is_symmetric(f: Expr) -> bool:
    """A matrix that equals its transpose, by a fact or by its form (A @ A.T): its two labels have no order."""
    if f.ndim != 2 or f.shape[0] != f.shape[1]:
        return False
    stack = [] if f in _symmetric else [f]
    while stack:  # operands first, so that a deep graph is not asked recursively
        node = stack[-1]
        below = () if node in _symmetric else node.operands
        missing = [o for o in below if o.ndim == 2 and o.shape[0] == o.shape[1] and o not in _symmetric]
        stack += missing
        if not missing:
            stack.pop()
            if node not in _symmetric:
                _symmetric[node] = False  # what is asked while this is being found out
                _symmetric[node] = Fact("symmetric") in node.op.facts(node) or symmetric_form(node)
    return _symmetric[f]


_symmetric: weakref.WeakKeyDictionary[Expr, bool] = weakref.WeakKeyDictionary()


def symmetric_form(f: Expr) -> bool:
    """Whether exchanging the two axes of a sum, product or contraction in normal form gives the same node."""
    if f.op.mirror == "turns":
        return is_symmetric(f.operands[0])
    if f.op.formula is not None:
        return all(o.ndim == 2 and is_symmetric(o) for o in f.operands)
    if f.op is ADD:
        terms = [(c, pure_factors(t)) for c, t in zip(f.attributes["coefficients"], f.operands, strict=True)]
        exchanged = [(c, [(g, tuple(x if x < 0 else 1 - x for x in ls), e) for g, ls, e in t]) for c, t in terms]
        one, other = ([_term((c, one_way(t))) for c, t in pairs] for pairs in (terms, exchanged))
        return sorted(one, key=repr) == sorted(other, key=repr)
    if f.op is not CONTRACT:
        return False
    swap = {0: 1, 1: 0, -1: -1}
    if is_projection(f):
        return True
    labels = [x for ls in f.attributes["labels"] for x in ls]
    given = unnested(factors_of(f), itertools.count(max([f.ndim, *(1 + x for x in labels)])), most=PALINDROME)
    negative = {x: -2 - x for _, labels, _ in given for x in labels if x > 1}
    straight = [(g, tuple(negative.get(x, x) for x in labels), e) for g, labels, e in given]
    turned = [
        (g, labels if keeps(g, labels, e) else tuple(swap.get(x, x) for x in labels), e) for g, labels, e in straight
    ]
    if not negative:
        return sorted(map(_entry, one_way(straight)), key=repr) == sorted(map(_entry, one_way(turned)), key=repr)
    (first, free), (second, exchanged_free) = number_labels(straight), number_labels(turned)
    return first == second and free == exchanged_free


def one_way(factors: list[Factor]) -> list[Factor]:
    """Factors over the axes 0 and 1 with symmetric ones in one order, and over 0 alone where a delta joins them."""
    delta = any(g.op.name == "eye" and {*labels} == {0, 1} for g, labels, _ in factors)
    found = []
    for g, labels, e in factors:
        if g.op.name == "eye" or (labels == (1, 0) and is_symmetric(g)):
            found.append((g, tuple(sorted(labels)), e))
        else:
            found.append((g, tuple(0 if x == 1 and delta else x for x in labels), e))
    return found


def keeps(f: Expr, labels: Labels, e: Fraction) -> bool:
    """Whether exchanging the labels 0 and 1 leaves a power of a sum as it is: (x_i - x_j)**2."""
    if f.op is not ADD or f.ndim < 3 or not {0, 1} <= set(labels):
        return False
    i, j = labels.index(0), labels.index(1)
    swap = {i: j, j: i}
    given, exchanged = [], []
    for c, t in zip(f.attributes["coefficients"], f.operands, strict=True):
        if t.op is not CONTRACT or any(x >= t.ndim for ls in t.attributes["labels"] for x in ls):
            return False
        given.append((c, sorted(map(_entry, factors_of(t)), key=repr)))
        moved = [(g, tuple(swap.get(x, x) for x in ls), p) for g, ls, p in factors_of(t)]
        exchanged.append((c, sorted(map(_entry, moved), key=repr)))
    if sorted(given, key=repr) == sorted(exchanged, key=repr):
        return True
    negated = [(-c, entries) for c, entries in exchanged]
    return e.denominator == 1 and e % 2 == 0 and sorted(given, key=repr) == sorted(negated, key=repr)


def is_projection(f: Expr) -> bool:
    """A A+ or A+ A, which are symmetric (Penrose 1955)."""
    if len(f.operands) != 2 or f.attributes["coefficient"] != 1 or f.attributes["exponents"] != (1, 1):
        return False
    for (a, la, _), (b, lb, _) in itertools.permutations(factors_of(f)):
        if b.op.name == "pinv" and b.operands[0] is a and a.ndim == 2 and {*la, *lb} == {0, 1, 2}:
            return (la[1] == 2 and lb[0] == 2) or (la[0] == 2 and lb[1] == 2)
    return False


def is_sum_of_products(f: Expr) -> bool:
    """Whether `f` is a contraction with labels of its own, which those it stands in may take over."""
    return f.op is CONTRACT and bool(summed(f))


def unnested(
    factors: Iterable[Factor],
    fresh: Iterator[int],
    opens: Callable[[Expr], bool] = is_sum_of_products,
    most: int | None = None,
) -> list[Factor]:
    """Factors with those of contractions among them in their place: M.T @ (S @ M) as M.T @ S @ M.

    Labels that are summed inside get `fresh` names. Once there are more than `most`, the rest stays nested.
    """
    given = list(factors)
    place = 0
    while place < len(given) and (most is None or len(given) <= most):
        g, labels, e = given[place]
        if e != 1 or not opens(g):
            place += 1
            continue
        rename = dict(enumerate(labels)) | {-1: -1} | {x: next(fresh) for x in summed(g)}
        given[place : place + 1] = [(h, tuple(rename[x] for x in ls), p) for h, ls, p in factors_of(g)]
    return given


def pure_factors(term: Expr) -> list[Factor]:
    """The labelled factors of a term of a sum of matrices."""
    outside = term.op is CONTRACT and all(0 <= x < 2 for labels in term.attributes["labels"] for x in labels)
    return factors_of(term) if outside else [(term, (0, 1), Fraction(1))]


def mark_symmetric(f: Expr) -> None:
    """Remember that `f` is symmetric, because what it is written for is."""
    _symmetric[f] = True


def _term(term: tuple[Fraction, list[Factor]]) -> tuple[Fraction, list[tuple[int, Labels, Fraction]]]:
    return term[0], sorted(map(_entry, term[1]), key=repr)


def _entry(factor: Factor) -> tuple[int, Labels, Fraction]:
    f, labels, e = factor
    return f.digest, tuple(sorted(labels)) if is_symmetric(f) else labels, e


def mirrors(order: Sequence[Factor]) -> Iterable[tuple[Factor, ...]]:
    """`order` with the labels of its symmetric matrices either way round."""
    choices = [
        ((f, ls, e), (f, ls[::-1], e)) if is_symmetric(f) and len(set(ls)) == 2 else ((f, ls, e),) for f, ls, e in order
    ]
    return itertools.product(*choices)


def _encode(order: Sequence[Factor]) -> tuple[object, ...]:
    seen: dict[int, int] = {}
    code = []
    for _, labels, _ in order:
        code.append(tuple((x >= 0, seen.setdefault(x, len(seen))) if x != -1 else (False, -1) for x in labels))
    return tuple(code)


def _refine(factors: Sequence[Factor]) -> dict[int, int]:
    """Colour labels by the places they stand in, refined until the partition is stable (1-dim Weisfeiler-Leman)."""
    labels = {x for _, ls, _ in factors for x in ls if x != -1}
    colours = {x: int(x >= 0) for x in labels}
    colours[-1] = -1
    for _ in range(len(labels)):
        signature = {
            x: (
                colours[x],
                sorted(
                    (f.digest, str(e), 0 if is_symmetric(f) else place, seen_colours(f, ls, colours))
                    for f, ls, e in factors
                    for place, y in enumerate(ls)
                    if y == x
                ),
            )
            for x in labels
        }
        ranks = {s: i for i, s in enumerate(sorted({repr(s) for s in signature.values()}))}
        refined = {x: ranks[repr(signature[x])] for x in labels} | {-1: -1}
        stable = len(set(refined.values())) == len(set(colours.values()))
        colours = refined
        if stable:
            break
    return colours


def _colour_key(factor: Factor, colours: dict[int, int]) -> tuple[object, ...]:
    f, labels, e = factor
    return (*factor_key(f), e, seen_colours(f, labels, colours))


def seen_colours(f: Expr, labels: Labels, colours: dict[int, int]) -> tuple[int, ...]:
    found = [colours[x] for x in labels]
    return tuple(sorted(found) if is_symmetric(f) else found)
