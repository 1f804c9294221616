"""Ranges of an axis: what slices select, as start, count and step, with symbolic sizes.

A range ``(start, count, step)`` selects the entries ``start + step*i`` for ``0 <= i < count``; None is the whole axis.
Equal selections are equal ranges, however they were written: ``x[:-1]`` of 5 entries is ``x[0:4]``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, compare, dim_text

Range: TypeAlias = "tuple[Dim, Dim, int]"
Span: TypeAlias = "Range | None"
Bound: TypeAlias = "Dim | None"


def plain(size: Any) -> Any:
    """A size multiplied out, as an int where it is one; it may be negative."""
    found = sympy.expand(size) if isinstance(size, sympy.Expr) else size
    return int(found) if isinstance(found, sympy.Integer) else found


def floored(size: Any, divisor: int) -> Any:
    """``size // divisor``, whole numbers taken out."""
    if isinstance(size, int) or divisor == 1:
        return size // divisor if divisor != 1 else size
    return plain(sympy.floor(sympy.expand(size) / divisor))


@functools.lru_cache(maxsize=65536)
def least(size: Any) -> Any:
    """A lower bound of a size without floors: floor(p/q) is from (p - q + 1)/q to p/q."""
    found = sympy.expand(sympy.sympify(size))
    for _ in range(4):
        floors = found.atoms(sympy.floor)
        if not floors:
            break
        inner = next(f for f in sorted(floors, key=str) if not f.args[0].has(sympy.floor))
        below = found.coeff(inner).is_nonnegative
        top, bottom = sympy.fraction(sympy.together(inner.args[0]))
        found = sympy.expand(found.subs(inner, (top - bottom + 1) / bottom if below else top / bottom))
    return found


def surely(size: Any) -> bool:
    """Whether a size is provably 0 or more."""
    return size >= 0 if isinstance(size, int) else bool(least(size).is_nonnegative)


def never(size: Any) -> bool:
    """Whether a size is provably below 0."""
    return size < 0 if isinstance(size, int) else surely(plain(-1 - size))


def from_front(bound: Any, dim: Dim) -> Any:
    """A bound counted from the front; one below 0, or that contains ``-dim``, counts from the end."""
    if isinstance(bound, int):
        return plain(dim + bound) if bound < 0 else bound
    backwards = bound.is_nonpositive and not bound.is_zero
    whole = sympy.sympify(dim)
    if backwards or (whole.is_Symbol and sympy.expand(bound).coeff(whole).is_negative):
        return plain(dim + bound)
    return plain(bound)


@functools.lru_cache(maxsize=65536)
def normalized(start: Bound, stop: Bound, step: int, dim: Dim) -> Span:
    """The range of ``start:stop:step`` on an axis of size `dim`: clipped where all of them are numbers.

    Raises
    ------
    ShapeError
        If a symbolic bound is provably out of range.
    """
    if isinstance(dim, int) and all(b is None or isinstance(b, int) for b in (start, stop)):
        first, last, _ = slice(start, stop, step).indices(dim)
        return ranged(first, len(range(first, last, step)), step, dim)
    if step > 0:
        first = 0 if start is None else from_front(start, dim)
        last = dim if stop is None else from_front(stop, dim)
        length, low, high = plain(last - first), first, last
    else:
        first = plain(dim - 1) if start is None else from_front(start, dim)
        last = -1 if stop is None else from_front(stop, dim)
        length, low, high = plain(first - last), plain(last + 1), plain(first + 1)
    if never(length) or length == 0:
        return ranged(0, 0, 1, dim)
    if never(low) or never(plain(dim - high)):
        raise ShapeError(f"the range {_colons(start, stop, step)} reaches outside of an axis of size {dim_text(dim)}")
    return ranged(first, plain(floored(plain(length - 1), abs(step)) + 1) if abs(step) != 1 else length, step, dim)


def _colons(start: Bound, stop: Bound, step: int, text: Callable[[Dim], str] = dim_text) -> str:
    ends = ["" if b is None else text(b) for b in (start, stop)]
    return ":".join([*ends, *([str(step)] if step != 1 else [])])


def ranged(start: Any, count: Any, step: int, dim: Dim) -> Span:
    """A range in its one form: None for the whole axis, step 1 for a single entry, 0 for an empty range's start."""
    if count == 0:
        return None if dim == 0 else (0, 0, 1)
    if count == 1:
        step = 1
    if start == 0 and step == 1 and compare(count, dim) == "equal":
        return None
    return (start, count, step)


def last_of(span: Range) -> Any:
    start, count, step = span
    return plain(start + step * (count - 1))


def composed(outer: Span, inner: Span, dim: Dim) -> Span:
    """The range of a range: that which `outer` selects from what `inner` selects of an axis of size `dim`."""
    if inner is None or outer is None:
        return inner if outer is None else outer
    a, _, s = inner
    b, count, t = outer
    return ranged(plain(a + s * b), count, s * t, dim)


def ascending(span: Range) -> Range:
    """The same entries from the front."""
    return span if span[2] > 0 else (last_of(span), span[1], -span[2])


def in_range(span: Span, dim: Dim) -> Iterator[tuple[Dim, Dim]]:
    """The conditions under which a range lies in an axis, as pairs of sizes that are then equal: Max(a, b) and b."""
    if span is None:
        return
    start, count, step = span
    low, high = (start, last_of(span)) if step > 0 else (last_of(span), start)
    for bound, limit in ((0, low), (0, count), (plain(high + 1), dim)):
        yield from at_most(bound, limit)


def at_most(a: Any, b: Any) -> Iterator[tuple[Dim, Dim]]:
    """``a <= b`` as a pair of sizes, where it is not sure for names that may be 0."""
    difference = plain(b - a)
    if isinstance(difference, sympy.Expr):
        difference = difference.xreplace({s: _weak(s.name) for s in difference.free_symbols})
    if surely(difference):
        return
    terms = sympy.Add.make_args(sympy.sympify(difference))
    more = sympy.Add(*(t for t in terms if not t.could_extract_minus_sign()))
    less = sympy.Add(*(-t for t in terms if t.could_extract_minus_sign()))
    yield sympy.Max(less, more), more


@functools.cache
def _weak(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, integer=True, nonnegative=True)


def written(span: Span, dim: Dim, text: Callable[[Dim], str] = dim_text, code: bool = False) -> str:
    """A range between brackets, as a person writes it: the shortest text that reads back as the same range.

    Parameters
    ----------
    text : writes a bound
    code : whether the text is run: then only numbers count from the end, as -k would not for k = 0
    """
    if span is None:
        return ":"
    step = span[2]
    found: list[tuple[int, int, Bound, Bound]] = []
    for i, (a, b) in enumerate(itertools.product(_starts(span, dim, code), _stops(span, dim, code))):
        if code and not _runs(b, span):
            continue
        if _reads_as(a, b, step, dim, span):
            found.append((len(_colons(a, b, step)), i, a, b))
    if found:
        _, _, a, b = min(found, key=lambda f: f[:2])
        return _colons(a, b, step, text)
    start = span[0]
    stop = plain(last_of(span) + (1 if step > 0 else -1))
    ends_at = text(stop)
    if step > 0:
        return f"{text(start)}:{ends_at}" + (f":{step}" if step != 1 else "")
    return f"{text(start)}:{f'({ends_at}) if ({ends_at}) >= 0 else None' if code else ends_at}:{step}"


def _runs(stop: Bound, span: Range) -> bool:
    """Whether an end means in NumPy what it means here: for any sizes in range it is not negative."""
    step = span[2]
    if stop is None or isinstance(stop, int) or surely(stop):
        return True
    return step > 0 and not never(plain(stop)) and (step == 1 or plain(stop - last_of(span) - 1) != 0)


def _reads_as(a: Bound, b: Bound, step: int, dim: Dim, span: Range) -> bool:
    try:
        found = normalized(a, b, step, dim)
    except ShapeError:
        return False
    return found is not None and all(compare(x, y) == "equal" for x, y in zip(found, span, strict=True))


def _starts(span: Range, dim: Dim, code: bool) -> list[Bound]:
    return [None, span[0], *_from_end(span[0], dim, code)]


def _stops(span: Range, dim: Dim, code: bool) -> list[Bound]:
    """Ends of a range that may give its count: the one after its last entry, and the one that was rounded."""
    start, count, step = span
    ends = [plain(start + step * count), plain(last_of(span) + (1 if step > 0 else -1))]
    if abs(step) != 1 and isinstance(count, sympy.Expr):
        rounded = count - sum(t for t in sympy.Add.make_args(count) if t.is_Integer)
        if isinstance(rounded, sympy.floor):
            top, bottom = sympy.fraction(sympy.together(rounded.args[0]))
            more = plain(abs(step) * (count - rounded - 1) + 1)
            if bottom == abs(step):
                ends.append(plain(start + (top + more) * (1 if step > 0 else -1)))
    return [None, *(x for e in ends for x in (e, *_from_end(e, dim, code)))]


def _from_end(bound: Any, dim: Dim, code: bool) -> list[Dim]:
    """A bound as a negative one, on an axis whose size is a name or an expression; in code only as a number."""
    if isinstance(dim, int) or isinstance(bound, int):
        return []
    back = plain(bound - dim)
    if isinstance(back, int):
        return [back] if back < 0 else []
    return [] if code else [back]


def entry_written(start: Dim, dim: Dim, text: Callable[[Dim], str] = dim_text, code: bool = False) -> str:
    """The index of a single entry, counted from the end where that is shorter."""
    candidates = [start, *_from_end(start, dim, code)]
    kept = [c for c in candidates if plain(from_front(c, dim) - start) == 0]
    return text(min(kept, key=lambda c: len(dim_text(c)), default=start))
