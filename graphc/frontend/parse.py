"""``parse``: formula text to expressions, through a whitelist; nothing in a text is ever executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from graphc.errors import FormulaError, GraphcError, NameConflictError, ShapeError
from graphc.frontend.leftsides import left_side, plain
from graphc.frontend.lexicon import LONGEST_TEXT, Token, error_at, shorten
from graphc.frontend.reader import Reader
from graphc.frontend.values import Several, operand
from graphc.ir.dims import Shape, dim_names, dim_symbol
from graphc.ir.expr import Expr
from graphc.ops.leaves import CONSTANT, PARAMETER, SIZE, SYMBOL, as_expr, checked_name, size, symbol
from graphc.ops.notation import functions

_COMMENT, _WORDS = re.compile(r"#[^\n]*"), re.compile(r"[()\[\]\n]")


def parse(text: str, /, **names: Any) -> Expr:
    """Read a formula in the notation that graphc prints: NumPy-flavoured Python expressions.

    Parameters
    ----------
    text : str
        One formula, or lines ``name = formula`` of which the last is the result. A line's name stays with its value
        (as by ``named``), except names that begin with ``_``, and names of numbers, sizes and plain symbols. What
        gives several arrays is picked from, ``svd(X)[1]``, or named on a line, ``U, s, Vt = svd(X)``.
    **names
        What the names stand for: a shape (a tuple of whole numbers and names of sizes, ``()`` for a scalar), which
        declares a symbol; an expression; a dimension of ``gc.dims``; or a number. The sizes of the shapes in play
        may be used as numbers, as in ``sum(x)/n``. Names that the text does not use are fine.

    Returns
    -------
    Expr
        ``parse(str(e), **gc.names(e))`` is `e`.

    Raises
    ------
    FormulaError
        If the text is not in the notation; the message points at the place and says what to write.
    UnknownNameError
        If nothing defines a name or a function.
    NameConflictError
        If a line names what has a meaning already, or a bound name is no identifier.
    ShapeError, UnsupportedError, DTypeError
        As the operations raise them, with the place in the text.

    Notes
    -----
    A text has at most a million characters, 200,000 operations, 1,000 nested brackets and as many signs or powers in a
    row; a number 4300 digits; an array 64 axes. Sizes of more than 100 parts, or 1000 terms
    multiplied out, are refused.

    Examples
    --------
    >>> print(parse("sum((W @ x - t)**2)/m", W=("m", "n"), x=("n",), t=("m",)))
    sum((W @ x - t)**2)/m
    """
    return read_lines(text, names).result()


def read_lines(
    text: str,
    names: Mapping[str, Any],
    further: Mapping[str, Callable[..., Expr]] = functions,
    free: Sequence[str] | None = None,
    shape: Shape = (),
) -> Lines:
    """A text before it is read.

    `further` functions can be called in it besides those of the notation. `free` are the indices of the result, in
    the order of its axes, where the last line does not give them; `shape` is that of the result, if it is known.
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a text, got {type(text).__name__}")
    if len(text) > LONGEST_TEXT:
        reason = f"a formula may have at most {LONGEST_TEXT:,} characters, got {len(text):,}"
        raise error_at(FormulaError(reason), text, LONGEST_TEXT)
    return Lines(text, {name: bound(name, value) for name, value in names.items()}, further, free, shape)


def bound(name: str, value: Any) -> Expr:
    """What a name given to `parse` stands for."""
    checked_name(name)
    if isinstance(value, Expr):
        return value
    if isinstance(value, tuple):
        return symbol(name, value)
    if isinstance(value, str):
        raise ShapeError(f"{name}={value!r}: a shape is a tuple; write {name}=({value!r},) for an array with one axis")
    if value is None:
        raise ShapeError(f"{name}=None: a shape is a tuple; write {name}=() for a scalar")
    if isinstance(value, (list, np.ndarray, sympy.Expr, int, float, np.number)) or hasattr(value, "numerator"):
        return as_expr(value)
    raise ShapeError(
        f"{name}: bind a name to a shape such as ('n', 3), an expression, a dimension or a number, got {value!r}"
    )


class Lines:
    """The lines of one text, and what their names stand for so far."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Expr],
        further: Mapping[str, Callable[..., Expr]],
        free: Sequence[str] | None,
        shape: Shape,
    ) -> None:
        self.text = plain(text)
        self.names = names
        self.lines: dict[str, Any] = {}
        self.sizes: set[str] = set()
        self.free = free
        self.shape = shape
        self.last_line = last_line(text)
        for value in names.values():
            dims = (value.attributes["dim"],) if value.op is SIZE else value.shape
            self.sizes |= dim_names(dims)
        self.reader = Reader(self.text, self.lookup, self.known, further)

    def lookup(self, name: str) -> Any:
        for known in (self.lines, self.names):
            if name in known:
                return known[name]
        return size(dim_symbol(name)) if name in self.sizes else None

    def known(self) -> dict[str, None]:
        return dict.fromkeys([*self.lines, *self.names, *sorted(self.sizes)])

    def indexed(self) -> tuple[Expr, tuple[str, ...]]:
        """The value of the last line, and the names of the indices along its first axes."""
        return self.result(any_order=True), self.free_indices()

    def free_indices(self) -> tuple[str, ...]:
        """The names of the indices along the first axes of the line that was read last."""
        return tuple(index.name for index in self.reader.scopes.free or ())

    def result(self, *, any_order: bool = False) -> Expr:
        """The value of the last line; with `any_order`, its indices in the order in which they appear."""
        tokens = self.reader.tokens
        value: Expr | Several | None = None
        names, start = list[Token](), 0
        while tokens.upcoming.kind != "end":
            if tokens.upcoming.kind == "newline":
                tokens.next()
                continue
            if value is not None:
                self.keep(names, value, start)
            start = tokens.upcoming.offset
            names, free = left_side(self.text, tokens, self.lookup)
            self.check_new(names)
            last = start >= self.last_line
            free = self.free if last and free is None else free
            dims = self.shape if last and len(self.shape) == len(free or ()) else ()
            value = self.reader.line(free, dims, any_order=any_order and last)
            if not isinstance(value, Several):
                value = self.reader.evaluation.guarded(start, operand, value)
        if value is None:
            reason = "the formula is empty: write a value, such as sum(x)"
            raise error_at(FormulaError(reason), self.text, len(self.text))
        if isinstance(value, Several):
            raise error_at(value.refusal(), self.text, start)
        if len(names) > 1:
            raise self.apart(names, value, start)
        return self.last(names[0].text, value, start) if names else value

    def check_new(self, names: list[Token]) -> None:
        """Names must not have been given by an earlier line, nor twice by this one."""
        for i, name in enumerate(names):
            before = {earlier.text for earlier in names[:i]}
            if (name.text in self.lines or name.text in before) and name.text != "_":
                reason = f"{shorten(name.text)} is given already"
                raise error_at(NameConflictError(reason), self.text, name.offset)

    def keep(self, names: list[Token], value: Expr | Several, start: int) -> None:
        """Remember a line that is not the last under its names."""
        if not names:
            reason = "only the last line can be a bare formula; begin the others with a name, as in h = tanh(x)"
            raise error_at(FormulaError(reason), self.text, start)
        if len(names) == 1 and isinstance(value, Several):
            if names[0].text in self.sizes or names[0].text in self.names:
                raise self.conflict(names[0].text, start)
            self.lines[names[0].text] = value
            return
        if len(names) > 1 and not (isinstance(value, Several) and len(value) == len(names)):
            raise self.apart(names, value, start)
        parts = value if isinstance(value, Several) else (value,)
        for name, part in zip(names, parts, strict=True):
            self.keep_one(name.text, part, name.offset)

    def apart(self, names: list[Token], value: Expr | Several, start: int) -> GraphcError:
        """The error for a line that gives more or fewer values than names."""
        count = f"{len(value)} arrays" if isinstance(value, Several) else "one array"
        given = ", ".join(name.text for name in names)
        return error_at(FormulaError(f"{shorten(given)} are {len(names)} names for {count}"), self.text, start)

    def keep_one(self, name: str, value: Expr, start: int) -> None:
        """Remember a value: named, unless it is a temporary, a number or a symbol."""
        plain = name.startswith("_") or value.op in (SYMBOL, PARAMETER, CONSTANT, SIZE)
        result = value if plain else self.reader.evaluation.guarded(start, value.named, name)
        if name in self.sizes or self.names.get(name, result) is not result:
            raise self.conflict(name, start)
        self.lines[name] = result

    def last(self, name: str, value: Expr, start: int) -> Expr:
        result: Expr = value
        if value.op not in (SYMBOL, PARAMETER):
            result = self.reader.evaluation.guarded(start, value.named, name)
        given = self.names.get(name, result)
        if given is not result and given.op is not SIZE:
            raise self.conflict(name, start)
        return result

    def conflict(self, name: str, start: int) -> GraphcError:
        what = "a size" if name in self.sizes and name not in self.names else "a name given to parse()"
        return error_at(
            NameConflictError(f"{shorten(name)} is {what}; call this line something else"), self.text, start
        )


def last_line(text: str) -> int:
    """The place where the last formula of a text begins: after the last line break outside brackets."""
    depth = place = 0
    bare = _COMMENT.sub(lambda comment: " " * len(comment[0]), text).rstrip()
    for word in _WORDS.finditer(bare):
        depth += (word[0] in "([") - (word[0] in ")]")
        if word[0] == "\n" and depth <= 0:
            place = word.end()
    return place
