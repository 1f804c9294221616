"""Carrying out the operations of a formula, within bounds, with the place in the text in every error."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from graphc.errors import FormulaError, GraphcError
from graphc.frontend import values
from graphc.frontend.lexicon import error_at, shorten
from graphc.frontend.sizes import DIGITS, SIZE_FUNCTIONS, SIZE_WORK, as_size, check_shape, size_function
from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.notation import functions

MOST_OPERATIONS = 200_000


class Evaluation:
    """The operations of one text so far; `offset` says where in the text each of them stands."""

    def __init__(self, text: str, known: Mapping[str, Callable[..., Expr]] = functions) -> None:
        self.text = text
        self.functions = known
        self.operations = 0
        self.size_work = 0
        self.shapes: set[Shape] = set()

    def apply(self, offset: int, function: Callable[..., Any], *operands: Any) -> Expr:
        """An operator over arrays; lists of numbers are constant arrays."""
        arrays = [x if isinstance(x, Expr) else self.guarded(offset, values.operand, x) for x in operands]
        return self.counted(offset, self.guarded(offset, function, *arrays))

    def power(self, offset: int, base: Any, exponent: Any) -> Expr:
        """``base ** exponent``, unless the number would be too long to be carried out."""

        def bounded(b: Expr, e: Expr) -> Any:
            values.check_power(b, e)
            return b**e

        return self.apply(offset, bounded, base, exponent)

    def call(self, offset: int, name: str, items: list[Any], options: dict[str, Any]) -> Expr | values.Several:
        """A function of the notation by name."""
        of_sizes = name in SIZE_FUNCTIONS and bool(items) and all(as_size(v) is not None for v in items)
        if name not in self.functions or of_sizes:
            if options:
                raise self.failure(offset, f"{name}() takes no options")
            return self.counted(offset, self.guarded(offset, size_function, name, items))
        arguments = [self.guarded(offset, values.argument, v) for v in items]
        keywords = {k: self.guarded(offset, values.argument, v, keyword=True) for k, v in options.items()}
        result = self.guarded(offset, self.functions[name], *arguments, **keywords)
        if isinstance(result, (tuple, list)):
            return values.Several(self.counted(offset, part) for part in result)
        return self.counted(offset, result)

    def index(self, offset: int, array: Any, items: list[Any], single: bool) -> Expr:
        """``array[items]``; of several arrays, the one of this number."""
        if isinstance(array, values.Several):
            return self.counted(offset, self.guarded(offset, array.pick, [values.argument(v) for v in items]))
        key = [self.guarded(offset, values.argument, v, keyword=True) for v in items]
        return self.apply(offset, lambda x: x[key[0] if single else tuple(key)], array)

    def counted(self, offset: int, value: Any) -> Expr:
        """`value`, if it is an array and within the bounds of a formula."""
        if not isinstance(value, Expr):
            raise self.failure(offset, f"this gives {type(value).__name__}, not an array")
        self.operations += 1
        if self.operations > MOST_OPERATIONS:
            raise self.failure(offset, f"a text may have at most {MOST_OPERATIONS:,} operations")
        if value.shape not in self.shapes:
            self.shapes.add(value.shape)
            self.size_work += self.guarded(offset, check_shape, value.shape)
        if not value.shape:
            self.size_work += self.guarded(offset, values.check_scalar, value)
        if self.size_work > SIZE_WORK:
            raise self.failure(offset, "the text has too many operations with sizes; give the sizes names of their own")
        return value

    def guarded(self, offset: int, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
        """``function(...)``, its errors with the place in the text."""
        try:
            return function(*arguments, **keywords)
        except GraphcError as error:
            raise error_at(error, self.text, offset) from None
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise self.failure(offset, misused(function, arguments, keywords, error)) from error

    def failure(self, offset: int, message: str) -> GraphcError:
        return error_at(FormulaError(message), self.text, offset)


def misused(function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], error: Exception) -> str:
    """What is wrong with a call that Python itself refused."""
    if "integer string conversion" in str(error):
        return f"a number may have at most {DIGITS} digits"
    name = getattr(function, "__name__", "")
    if functions.get(name) is not function or function is None:
        return f"this cannot be computed: {error}"
    signature = inspect.signature(function)
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as mismatch:
        return f"{usage(name, signature)}: {shorten(str(mismatch), 120)}"
    return f"{usage(name, signature)} does not take these arguments: {error}"


def usage(name: str, signature: inspect.Signature) -> str:
    """How a function is called: ``sum(x, axis=None, keepdims=False)``."""
    shown = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in signature.parameters.values()]
    return f"{name}({', '.join(shown)})"
