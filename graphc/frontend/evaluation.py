"""Carrying out the operations of a formula, within bounds, with the place in the text in every error."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from graphc.errors import FormulaError, GraphcError
from graphc.frontend import values
from graphc.frontend.indices import Index, Indexed, Labels, as_indexed, entry, is_one
from graphc.frontend.lexicon import error_at, shorten
from graphc.frontend.scopes import Scopes
from graphc.frontend.sizes import DIGITS, SIZE_FUNCTIONS, SIZE_WORK, as_size, check_shape, size_function
from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops import elementwise
from graphc.ops.notation import functions

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
MOST_OPERATIONS = 200_000
LISTS = ("concat", "stack", "np.concatenate", "np.concat", "np.stack")  # of arrays: a list is no array there


class Evaluation:
    """The operations of one text so far; `offset` says where in the text each of them stands."""

    def __init__(self, text: str, known: Mapping[str, Callable[..., Expr]] = functions) -> None:
        self.text = text
        self.functions = known
        self.scopes = Scopes(None, (), lambda name: False)
        self.operations = 0
        self.size_work = 0
        self.shapes: set[Shape] = set()

    def apply(self, offset: int, function: Callable[..., Any], *operands: Any) -> Any:
        """An operator over arrays; lists of numbers are constant arrays."""
        arrays = [
            x if isinstance(x, (Expr, Index, Indexed)) else self.guarded(offset, values.operand, x) for x in operands
        ]
        if any(isinstance(x, (Index, Indexed)) for x in arrays):
            return self.over_indices(offset, function, arrays)
        return self.counted(offset, self.guarded(offset, function, *arrays))

    def power(self, offset: int, base: Any, exponent: Any) -> Any:
        """``base ** exponent``, unless the number would be too long to be carried out."""

        def bounded(b: Expr, e: Expr) -> Any:
            values.check_power(b, e)
            return b**e

        return self.apply(offset, bounded, base, exponent)

    def over_indices(
        self, offset: int, function: Callable[..., Any], arguments: list[Any], options: Mapping[str, Any] = NO_OPTIONS
    ) -> Any:
        """An operation that has to do with indices."""
        return self.counted_over(offset, self.guarded(offset, self.scopes.apply, function, arguments, options))

    def counted_over(self, offset: int, value: Any) -> Any:
        """`value`, its array within the bounds of a formula."""
        self.counted(offset, value.array if isinstance(value, Indexed) else value)
        return value

    def call(self, offset: int, name: str, items: list[Any], options: dict[str, Any]) -> Any:
        """A function of the notation by name."""
        of_sizes = name in SIZE_FUNCTIONS and bool(items) and all(as_size(v) is not None for v in items)
        if name not in self.functions or of_sizes:
            if options:
                raise self.failure(offset, f"{name}() takes no options")
            return self.counted(offset, self.guarded(offset, size_function, name, items))
        rows = items if name in LISTS else [self.guarded(offset, values.literal, v) for v in items]
        arguments = [self.guarded(offset, values.argument, v) for v in rows]
        keywords = {k: self.guarded(offset, values.argument, v, keyword=True) for k, v in options.items()}
        if any(map(has_index, (*arguments, *keywords.values()))):
            return self.over_indices(offset, self.functions[name], arguments, keywords)
        result = self.guarded(offset, self.functions[name], *arguments, **keywords)
        if isinstance(result, (tuple, list)):
            return values.Several(self.counted(offset, part) for part in result)
        return self.counted(offset, result)

    def reduce(self, offset: int, name: str, items: list[Any], labels: Labels) -> Any:
        """``sum[i, j](items)``."""
        if len(items) != 1:
            raise self.failure(offset, f"{name}[...](...) takes one value, got {len(items)}")
        plain = not isinstance(items[0], (Index, Indexed))
        body = self.guarded(offset, values.operand, items[0]) if plain else items[0]
        return self.counted_over(offset, self.guarded(offset, self.scopes.reduce, name, body, labels))

    def index(self, offset: int, array: Any, items: list[Any], single: bool) -> Any:
        """``array[items]``; of several arrays, the one of this number; ``1[i == j]``, 1 where the condition holds."""
        if isinstance(array, values.Several):
            return self.counted(offset, self.guarded(offset, array.pick, [values.argument(v) for v in items]))
        if isinstance(array, Index):
            array = self.guarded(offset, self.scopes.number_of, array)
        key = [self.guarded(offset, values.argument, v, keyword=True) for v in items]
        if is_one(array) and single and isinstance(key[0], (Expr, Indexed)):
            return key[0]
        if any(isinstance(k, slice) and has_index([k.start, k.stop, k.step]) for k in key):
            raise self.failure(offset, "a slice cannot end at an index; write a condition, as in (j <= i)*x[j]")
        if not isinstance(array, Indexed) and not any(map(has_index, key)):
            return self.apply(offset, lambda x: x[key[0] if single else tuple(key)], array)
        head = array if isinstance(array, Indexed) else self.guarded(offset, values.operand, array)
        found = self.guarded(offset, entry, as_indexed(head), key)
        return self.counted_over(offset, self.guarded(offset, self.scopes.noted, found))

    def delta(self, offset: int, items: list[Any]) -> Any:
        """``delta[i, j]``."""
        if len(items) != 2:
            raise self.failure(offset, f"delta[i, j] takes two indices, got {len(items)}")
        return self.apply(offset, elementwise.equal, *items)

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
            raise self.failure(offset, misused(self.functions, function, arguments, keywords, error)) from error

    def failure(self, offset: int, message: str) -> GraphcError:
        return error_at(FormulaError(message), self.text, offset)


def has_index(value: Any) -> bool:
    """Whether an argument is made of indices."""
    if isinstance(value, (list, tuple)):
        return any(map(has_index, value))
    return isinstance(value, (Index, Indexed))


def misused(
    functions: Mapping[str, Any], function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], error: Exception
) -> str:
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
