"""Reading one formula: an operator-precedence machine over its words, with Python's precedences and no recursion.

The grammar is the part of Python's that the notation uses. Python's own parser is not used, because it refuses sums
of more than about a thousand terms (its trees are built by recursion) and 200 nested brackets, and its errors do not
say what to write instead; a test compares the two on random formulas.
"""

from __future__ import annotations

import functools
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.errors import GraphcError, UnknownNameError
from graphc.frontend import values
from graphc.frontend.dotted import CONSTANTS, NUMPY, PROPERTIES, dotted
from graphc.frontend.evaluation import Evaluation
from graphc.frontend.frames import BINARY, CLOSING, COMPARE, POWER, PREFIX, UNARY, Frame
from graphc.frontend.indices import Index, is_one
from graphc.frontend.lexicon import KEYWORDS, OPERATORS, Token, Tokens, error_at, meant, nearest, said, shorten
from graphc.frontend.scopes import Scopes, read_labels
from graphc.frontend.sizes import SIZE_FUNCTIONS
from graphc.ir.dims import Dim
from graphc.ir.expr import Expr
from graphc.ops.leaves import pi
from graphc.ops.notation import functions

_BRACKETS, _WORD = re.compile(r"\[([^\[\]\n]{1,200})\]"), re.compile(r"[^\W\d]\w*")
DEEPEST = 1000  # brackets in brackets
DOTTED = ": there are .T, .shape, .size and NumPy's methods, as in x.sum(axis=0)"
AFTER_CARET = {"T": "; the transpose is A.T", "-": "; the inverse of a matrix is inv(A)"}


class Reader:
    """Reads formulas of `text`, one line at a time.

    `lookup` gives the value of a name, or None; `further` functions can be called besides those of the notation.
    """

    def __init__(
        self,
        text: str,
        lookup: Callable[[str], Any],
        known: Callable[[], Mapping[str, Any]],
        further: Mapping[str, Callable[..., Expr]],
    ) -> None:
        self.text = text
        self.tokens = Tokens(text)
        self.lookup = lookup
        self.known = known
        own = {} if further is functions else dict(further)
        self.functions = ChainMap(own, functions, dotted())
        self.evaluation = Evaluation(text, self.functions)
        self.failure = self.evaluation.failure
        self.frames: list[Frame] = []
        self.scopes = self.evaluation.scopes

    @functools.cached_property
    def between_brackets(self) -> frozenset[str]:
        """The words between innermost brackets ``[i, j]``: indices, where nothing else gives them a meaning."""
        return frozenset(word for inner in _BRACKETS.findall(self.text) for word in _WORD.findall(inner))

    # -- one line --------------------------------------------------------------------------------------------------

    def line(self, free: Sequence[str] | None = None, dims: Sequence[Dim] = (), *, any_order: bool = False) -> Any:
        """The value of the formula up to the end of the line.

        `free` are the indices in brackets on its left side, if it has one, and `dims` their sizes, if they are known.
        Without a left side the order of several indices is an error, unless any will do.
        """
        mark = self.tokens.mark()
        offset = self.tokens.upcoming.offset
        self.scopes = self.evaluation.scopes = Scopes(free, dims, lambda name: self.lookup(name) is not None)
        value = self.formula()
        if self.scopes.waiting:
            self.tokens.back(mark)
            self.scopes.settle()
            value = self.formula()
        return self.evaluation.guarded(offset, self.scopes.finished, value, any_order=any_order)

    def formula(self) -> Any:
        self.frames = [Frame("line", self.tokens.upcoming.offset)]
        wants_operand = True
        while True:
            token = self.tokens.next()
            if token.kind in ("newline", "end"):
                return self.finish(token, wants_operand)
            if token.text in KEYWORDS and token.kind == "name":
                raise self.failure(token.offset, f"`{token.text}`: {KEYWORDS[token.text]}")
            if token.text in OPERATORS and token.kind == "operator":
                after = AFTER_CARET.get(self.tokens.upcoming.text, "") if token.text == "^" else ""
                raise self.failure(token.offset, f"{token.text} is not in the notation: {OPERATORS[token.text]}{after}")
            wants_operand = self.operand(token) if wants_operand else self.operator(token)

    def finish(self, token: Token, wants_operand: bool) -> Any:
        frame = self.frames[-1]
        if frame.kind != "line":
            opened = "[" if frame.kind in ("list", "index") else "("
            raise self.failure(frame.offset, f"the bracket {opened} is not closed")
        if wants_operand:
            raise self.failure(token.offset, "the formula ends where a value is expected")
        return self.value(frame)

    # -- where a value is expected -----------------------------------------------------------------------------------

    def operand(self, token: Token) -> bool:
        """Read a word where a value is expected; returns whether one is still expected."""
        frame = self.frames[-1]
        kind, text, offset = token
        if kind == "number":
            frame.operands.append(self.evaluation.guarded(offset, values.read_number, text))
            return False
        if kind == "name":
            return self.name(frame, token)
        if kind == "string":
            return self.string(frame, token)
        if text in PREFIX:
            return self.wait(frame, text, UNARY, offset)
        if text == "(":
            return self.push(Frame("group", offset))
        if text == "[":
            return self.push(Frame("list", offset))
        if frame.at_start and frame.keyword is None:
            if frame.slices and text in ",]":
                frame.operands.append(None)
                return self.operator(token)
            if text == CLOSING[frame.kind]:
                return self.close(token, empty=True)
            if frame.kind == "index" and text == ":" and len(frame.slices) < 2:
                frame.slices.append(None)
                return True
            if frame.kind == "index" and text == "..." and not frame.slices:
                frame.operands.append(Ellipsis)
                return False
            if frame.kind == "call" and text in ("*", "**"):
                raise self.failure(offset, f"{text} before an argument: write the arguments one by one")
        if text == "=":
            raise self.failure(offset, "= belongs at the start of a line, as in name = formula; write == to compare")
        raise self.failure(offset, f"a value is expected here, not {text}")

    def name(self, frame: Frame, token: Token) -> bool:
        text, offset = token.text, token.offset
        after = self.tokens.upcoming
        if after.text == "." and text in NUMPY and self.lookup(text) is None:
            return self.numpys(frame, token)
        index = self.scopes.named(text)
        if index is not None:
            frame.operands.append(index)
            return False
        if after.text == "[" and self.lookup(text) is None:
            if text in ("delta", "δ"):
                self.tokens.next()
                return self.push(Frame("index", offset, head=Ellipsis))
            if text in self.functions:
                return self.binder(token)
        if after.text == "(" and after.kind == "operator":
            return self.call(token)
        if after.text == "=" and frame.kind == "call" and frame.at_start and frame.keyword is None:
            if text in frame.keywords:
                raise self.failure(offset, f"{text}= is given twice")
            self.tokens.next()
            frame.keyword = text
            return True
        if text in ("True", "False", "None"):
            frame.operands.append({"True": True, "False": False, "None": None}[text])
            return False
        value = self.lookup(text)
        if value is None:
            value = pi if text == "pi" else None
        if value is None and (frame.kind == "index" or text in self.between_brackets):
            value = Index(text)
        if value is None:
            raise self.unknown(token)
        frame.operands.append(value)
        return False

    def call(self, token: Token) -> bool:
        """Open the arguments of a function."""
        text, offset = token.text, token.offset
        if text not in self.functions and text not in SIZE_FUNCTIONS:
            if self.lookup(text) is not None or text == "pi":
                reason = f"{shorten(text)} is not a function; to multiply, write {shorten(text)}*(...)"
                raise self.failure(offset, reason)
            raise self.no_function(text, offset)
        self.tokens.next()
        return self.push(Frame("call", offset, head=text))

    def no_function(self, text: str, offset: int) -> GraphcError:
        hint = said(text) or nearest(text, [name for name in self.functions if "." not in name])
        return error_at(UnknownNameError(f"there is no function {shorten(text)!r}{hint}"), self.text, offset)

    def numpys(self, frame: Frame, token: Token) -> bool:
        """``np.exp(x)``, ``np.linalg.inv(x)``, ``np.pi``: NumPy's name with NumPy's meaning."""
        self.tokens.next()
        word = self.tokens.next()
        if word.text == "linalg" and self.tokens.upcoming.text == ".":
            self.tokens.next()
            word = self.tokens.next()
        if word.text in CONSTANTS:
            frame.operands.append(CONSTANTS[word.text])
            return False
        if word.kind != "name" or f"np.{word.text}" not in self.functions:
            raise self.no_function(word.text, word.offset)
        if self.tokens.upcoming.text != "(":
            raise self.failure(word.offset, f"{word.text} is a function: write {word.text}(...)")
        self.tokens.next()
        return self.push(Frame("call", token.offset, head=f"np.{word.text}"))

    def binder(self, token: Token) -> bool:
        """Open the argument of ``sum[i, j](...)``."""
        labels = read_labels(self.tokens, token, self.failure)
        self.evaluation.guarded(token.offset, self.scopes.bind, labels)
        return self.push(Frame("call", token.offset, head=token.text, bound=labels))

    def string(self, frame: Frame, token: Token) -> bool:
        first = (
            frame.kind == "call" and frame.head in ("einsum", "np.einsum") and not frame.items and not frame.keywords
        )
        if (
            not frame.at_start
            or not (first or frame.keyword is not None)
            or self.tokens.upcoming.text not in (",", ")")
        ):
            raise self.failure(
                token.offset, "a text can stand only as the first argument of einsum, or as an option after `name=`"
            )
        frame.operands.append(token.text[1:-1])
        return False

    def push(self, frame: Frame) -> bool:
        if len(self.frames) > DEEPEST:
            raise self.failure(
                frame.offset, f"brackets are nested more than {DEEPEST} deep; give parts a line of their own"
            )
        self.frames.append(frame)
        return True

    # -- where an operator is expected ---------------------------------------------------------------------------------

    def operator(self, token: Token) -> bool:
        """Read a word after a value; returns whether a value is expected next."""
        frame = self.frames[-1]
        kind, text, offset = token
        if kind != "operator":
            hint = meant(text) or "; write * for a product"
            raise self.failure(offset, f"an operator is missing before {shorten(text)}{hint}")
        if text in BINARY:
            level = BINARY[text][0]
            done = self.reduce(frame, level)
            if level == COMPARE and done == COMPARE:
                raise self.failure(
                    offset, "comparisons cannot be chained: write (a < b) & (b < c) instead of a < b < c"
                )
            return self.wait(frame, text, level, offset)
        if text == ".":
            return self.attribute(frame, offset)
        if text == "[":
            return self.push(Frame("index", offset, head=frame.operands.pop()))
        if text == "(":
            raise self.failure(offset, "an operator is missing before (; write * for a product")
        if text == CLOSING[frame.kind]:
            return self.close(token, empty=False)
        if text == ",":
            if frame.kind == "line":
                raise self.failure(offset, "a formula has one value; a comma separates arguments in brackets only")
            self.end_item(frame, offset)
            frame.comma = True
            return True
        if text == ":" and frame.kind == "index" and len(frame.slices) < 2:
            frame.slices.append(self.value(frame))
            return True
        if text == "=" and frame.kind == "index" and is_one(frame.head):
            return self.operator(Token(kind, "==", offset))
        if text == "=":
            raise self.failure(offset, "= belongs at the start of a line, as in name = formula; write == to compare")
        raise self.failure(offset, f"{text} does not belong here")

    def wait(self, frame: Frame, text: str, level: int, offset: int) -> bool:
        """Put an operator aside until its right operand is known; long chains are of signs and of powers."""
        frame.operators.append((text, level, offset))
        if len(frame.operators) > DEEPEST:
            reason = f"more than {DEEPEST} signs or powers follow one another; give parts a line of their own"
            raise self.failure(offset, reason)
        return True

    def attribute(self, frame: Frame, offset: int) -> bool:
        """What follows a dot: ``x.T``, ``x.shape[0]``, ``x.sum(axis=0)``."""
        word = self.tokens.next()
        called = word.kind == "name" and self.tokens.upcoming.text == "("
        if called and f".{word.text}" in self.functions:
            self.tokens.next()
            return self.push(Frame("call", offset, head=f".{word.text}", items=[frame.operands.pop()]))
        if word.text not in PROPERTIES:
            written = shorten(word.text)
            instead = said(word.text)
            if not instead and called and word.text in self.functions:
                instead = f"; write {written}(x) instead of x.{written}()"
            raise self.failure(offset, f"{written} cannot follow a dot{instead or DOTTED}")
        x = frame.operands.pop()
        read = PROPERTIES[word.text]
        if word.text == "shape":
            frame.operands.append(read(self.evaluation.guarded(offset, values.operand, x)))
        else:
            frame.operands.append(self.evaluation.apply(offset, read, x))
        return False

    def reduce(self, frame: Frame, level: int) -> int | None:
        """Carry out the waiting operators that bind at least as tightly; returns the level of the last of them."""
        done = None
        while frame.operators:
            text, waiting, offset = frame.operators[-1]
            if waiting < level or (waiting == level == POWER):
                break
            frame.operators.pop()
            done = waiting
            right = frame.operands.pop()
            if waiting == UNARY:
                frame.operands.append(self.evaluation.apply(offset, PREFIX[text], right))
                continue
            left = frame.operands.pop()
            if text == "**":
                frame.operands.append(self.evaluation.power(offset, left, right))
            else:
                frame.operands.append(self.evaluation.apply(offset, BINARY[text][1], left, right))
        return done

    def value(self, frame: Frame) -> Any:
        """The value of the item that ends here."""
        self.reduce(frame, COMPARE)
        return frame.operands.pop()

    def end_item(self, frame: Frame, offset: int) -> None:
        value = self.value(frame)
        if frame.slices:
            bounds = [values.argument(v, keyword=True) for v in (*frame.slices, value)]
            value = slice(*bounds)
            frame.slices = []
        if frame.keyword is not None:
            frame.keywords[frame.keyword] = value
            frame.keyword = None
        elif frame.keywords:
            raise self.failure(offset, "an argument without a name cannot follow one with a name")
        else:
            frame.items.append(value)

    def close(self, token: Token, empty: bool) -> bool:
        """End the innermost bracket and give its value to the one around it."""
        frame = self.frames.pop()
        if not empty:
            self.frames.append(frame)
            self.end_item(frame, token.offset)
            self.frames.pop()
            frame.comma = False
        elif frame.kind == "index" and not frame.items:
            raise self.failure(token.offset, "an index is missing between [ and ]")
        outer = self.frames[-1]
        outer.operands.append(self.closed(frame, trailing=empty and frame.comma))
        return False

    def closed(self, frame: Frame, trailing: bool) -> Any:
        if frame.kind == "list":
            return frame.items
        if frame.kind == "group":
            return frame.items[0] if len(frame.items) == 1 and not trailing else tuple(frame.items)
        if frame.kind == "index":
            single = len(frame.items) == 1 and not trailing
            if frame.head is Ellipsis:
                return self.evaluation.delta(frame.offset, frame.items)
            return self.evaluation.index(frame.offset, frame.head, frame.items, single)
        if frame.bound:
            self.scopes.release(frame.bound)
            if frame.keywords:
                raise self.failure(frame.offset, f"{frame.head}[...](...) takes no options")
            return self.evaluation.reduce(frame.offset, frame.head, frame.items, frame.bound)
        return self.evaluation.call(frame.offset, frame.head, frame.items, frame.keywords)

    def unknown(self, token: Token) -> GraphcError:
        """The error for a name that nothing defines."""
        text, offset = token.text, token.offset
        if text in self.functions:
            return self.failure(offset, f"{text} is a function: write {text}(...)")
        known = self.known()
        hint = meant(text) or said(text) or nearest(text, known)
        if known and not hint:
            hint = f"; known names: {shorten(', '.join(sorted(known)), 200)}"
        return error_at(UnknownNameError(f"unknown name {shorten(text)!r}{hint}"), self.text, offset)
