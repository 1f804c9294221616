"""Sizes: a dimension is an int or a SymPy expression of positive-integer symbols."""

from __future__ import annotations

import ast
import functools
import keyword
import operator
import re
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, Literal, TypeAlias

import sympy
from numpy.ma import MaskError

from graphc.errors import ShapeError, UnsupportedError

Dim: TypeAlias = "int | sympy.Expr"
Shape: TypeAlias = "tuple[Dim, ...]"

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Pow: lambda a, b: a**b,
}


class SizeSymbol(sympy.Symbol):  # type: ignore[misc]  # SymPy comes without types
    """A positive-integer symbol that explains itself where a whole number is needed, as in ``range(n)``."""

    __slots__ = ()
    __hash__ = sympy.Symbol.__hash__

    def __eq__(self, other: object) -> bool:
        """Sizes are compared often, with 1 most of all: nothing that is no SymPy object needs to be turned into one."""
        return self is other or (isinstance(other, sympy.Basic) and bool(super().__eq__(other)))

    def __index__(self) -> int:
        raise UnsupportedError(
            f"the size {self.name} has no value yet, so it cannot count a Python loop or index an array; a loop is "
            "unrolled where it is declared: use a whole number of steps, or axis= arguments and array functions"
        )


@functools.cache
def dim_symbol(name: str) -> sympy.Symbol:
    """The dimension called `name`; equal names are the same dimension."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ShapeError(f"{name!r} is not a dimension name: use letters, digits and _, for example 'n' or 'batch'")
    return SizeSymbol(name, integer=True, positive=True)


def dims(names: str, /) -> Any:
    """Declare dimensions: ``n, d = dims("n d")``.

    Parameters
    ----------
    names : str
        Names separated by blanks or commas.

    Returns
    -------
    sympy.Symbol or tuple of sympy.Symbol
        Positive-integer symbols; one name gives one symbol.

    Raises
    ------
    ShapeError
        If there is no name, or one is not an identifier.
    """
    found = re.split(r"[\s,]+", names.strip()) if isinstance(names, str) else []
    if not found or found == [""]:
        raise ShapeError(f"dims() needs names separated by blanks, as in dims('n d k'); got {names!r}")
    symbols = tuple(dim_symbol(name) for name in found)
    return symbols[0] if len(symbols) == 1 else symbols


def as_dim(value: Any) -> Dim:
    """An int, a name, a small formula such as ``"2*d"`` or a SymPy expression as a dimension."""
    if isinstance(value, bool):
        raise ShapeError(f"a size must be an integer or a dimension, not the truth value {value}")
    if isinstance(value, int) or (hasattr(value, "__index__") and not isinstance(value, sympy.Basic)):
        return _checked_int(whole(value))
    if isinstance(value, str):
        return _parse_dim(value)
    if isinstance(value, sympy.Expr):
        plain = {s: dim_symbol(s.name) for s in value.free_symbols if s != dim_symbol(s.name)}
        expr = value.xreplace(plain) if plain else value
        if expr.is_number:
            if not expr.is_integer:
                raise ShapeError(f"a size must be a whole number, got {expr}")
            return _checked_int(int(expr))
        return expr if expr.is_Symbol else distributed(expr)
    raise ShapeError(f"a size must be an integer, a dimension name or a dimension expression, got {value!r}")


@functools.lru_cache(maxsize=4096)
def distributed(dim: sympy.Expr) -> sympy.Expr:
    """``-(a - b)*(n + 1)`` as ``(b - a)*(n + 1)``, inside sums and functions too.

    SymPy keeps both; the second is what the text of either, read from the left, computes.
    """
    if dim.args:
        dim = dim.func(*map(distributed, dim.args))
    coefficient, rest = dim.as_coeff_Mul()
    if coefficient == 1 or not rest.is_Mul:
        return dim
    first, *others = rest.as_ordered_factors()
    return sympy.Mul(sympy.expand_mul(coefficient * first), *others) if first.is_Add else dim


def whole(value: Any) -> int:
    """A value with ``__index__`` as an int.

    Raises
    ------
    ShapeError
        For what has it in vain, such as an array of several numbers or a masked entry.
    """
    try:
        return operator.index(value)
    except (TypeError, ValueError, MaskError):
        raise ShapeError(f"a whole number is needed, got {value!r}") from None


def integer(value: Any) -> int | None:
    """A whole number as an int, NumPy's too; None for anything else, truth values included."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _checked_int(value: int) -> int:
    if value < 0:
        raise ShapeError(f"a size cannot be negative, got {value}")
    return value


def _parse_dim(text: str) -> Dim:
    if text.isidentifier():
        return dim_symbol(text)

    def read(node: ast.AST) -> Any:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return sympy.Integer(node.value)
        if isinstance(node, ast.Name):
            return dim_symbol(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](read(node.left), read(node.right))
        raise ShapeError(f"cannot read the size {text!r}: use names, whole numbers and + - * // **")

    if len(text) > 200:
        raise ShapeError("a size written as text may have at most 200 characters")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise ShapeError(f"cannot read the size {text!r}: use names, whole numbers and + - * // **") from None
    return as_dim(read(tree.body))


def as_shape(value: Any) -> Shape:
    """A tuple of dimensions from a tuple or list, a single size, or ``()``."""
    if isinstance(value, (str, Integral, sympy.Expr)):
        return (as_dim(value),)
    try:
        sizes = tuple(value)
    except TypeError:
        raise ShapeError(f"a shape must be a tuple of sizes such as ('n', 3), got {value!r}") from None
    return tuple(as_dim(v) for v in sizes)


@functools.lru_cache(maxsize=65536)
def compare(a: Dim, b: Dim) -> Literal["equal", "different", "unknown"]:
    """Whether two sizes are equal for all values of their names.

    Two different names, or a name and a literal, count as different (DESIGN: only a literal 1 broadcasts);
    compound sizes that algebra cannot decide are "unknown" and become a condition of the expression.
    """
    if a == b:
        return "equal"
    atomic = all(isinstance(x, (int, sympy.Symbol)) for x in (a, b))
    if atomic:
        return "different"
    difference = sympy.expand(sympy.sympify(a) - sympy.sympify(b))
    if difference == 0:
        return "equal"
    return "different" if difference.is_nonzero else "unknown"


@functools.lru_cache(maxsize=65536)
def dim_text(dim: Dim) -> str:
    """How a size is written in formulas and messages."""
    return str(dim)


def shape_text(shape: Shape) -> str:
    """A shape as Python writes a tuple: ``(n, 3)``, ``(n,)``, ``()``."""
    inner = ", ".join(dim_text(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def dim_names(shape: Iterable[Dim]) -> set[str]:
    """The names of the dimensions in `shape`."""
    return {s.name for d in shape if isinstance(d, sympy.Expr) for s in d.free_symbols}


def bind(dim: Dim, sizes: dict[str, int]) -> int:
    """The value of a size, given the values of its names."""
    if isinstance(dim, int):
        return dim
    if isinstance(dim, sympy.Symbol):
        return sizes[dim.name]
    return int(dim.subs({s: sizes[s.name] for s in dim.free_symbols}))
