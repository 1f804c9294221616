"""Sizes in formulas: arithmetic of dimensions as shapes print it, and the bounds within which SymPy stays quick."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy

from graphc.errors import FormulaError
from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT
from graphc.ops.leaves import SIZE, number, size

DIGITS = 4300  # of a number: Python's own limit for the text of an integer
LIMIT = 10**DIGITS
AXES = 64
SIZE_PARTS = 100  # nodes of one size as SymPy keeps it
SIZE_TERMS = 1000  # terms of all sizes of a shape, multiplied out
SIZE_WORK = 100_000  # parts of the sizes that one text computes, and terms of its shapes, in all

SIZE_FUNCTIONS = {
    "floor": sympy.floor,
    "ceiling": sympy.ceiling,
    "Max": sympy.Max,
    "Min": sympy.Min,
    "Mod": sympy.Mod,
}


def check_shape(shape: Shape) -> int:
    """Refuse a shape of more than 64 axes, or of sizes whose products SymPy could not compare in time.

    Returns
    -------
    int
        The work that SymPy has with the shape: its terms, multiplied out; 0 for plain sizes.
    """
    if len(shape) > AXES:
        raise FormulaError(f"an array may have at most {AXES} axes, as in NumPy; this one has {len(shape)}")
    terms = 1
    for dim in shape:
        if not isinstance(dim, (int, sympy.Symbol)):
            parts(dim)
            terms *= _terms(dim)
    if terms > SIZE_TERMS:
        raise FormulaError(f"the sizes of this shape have more than {SIZE_TERMS} terms when they are multiplied out")
    return terms - 1


@functools.lru_cache(maxsize=4096)
def parts(dim: sympy.Expr) -> int:
    """The number of nodes of a size.

    Raises
    ------
    FormulaError
        If there are more than 100, or a coefficient is beyond the bound.
    """
    count = 0
    for part in sympy.preorder_traversal(dim):
        count += 1
        if count > SIZE_PARTS or (part.is_Rational and max(abs(part.p), part.q) >= LIMIT):
            raise FormulaError(f"a size computed in a formula may have at most {SIZE_PARTS} parts; give it a name")
    return count


@functools.lru_cache(maxsize=4096)
def _terms(dim: sympy.Basic) -> int:
    """A bound on the terms of a size when it is multiplied out, or on its degree."""
    count = 1
    if isinstance(dim, sympy.Add):
        count = sum(map(_terms, dim.args))
    elif isinstance(dim, sympy.Mul):
        for factor in dim.args:
            count *= _terms(factor)
    elif isinstance(dim, sympy.Pow) and dim.exp.is_Integer:
        power = abs(int(dim.exp))
        count = _terms(dim.base)
        count = power if count == 1 else count**power if power * count.bit_length() < 64 else SIZE_TERMS + 1
    return min(count, SIZE_TERMS + 1)


def as_size(value: Any) -> Dim | None:
    """The whole number or the size that a value is, or None: ``2*n``, ``n*(n - 1)/2``, ``2**k``."""
    if not isinstance(value, Expr) or value.shape:
        return None
    if value.op is SIZE:
        dim: Dim = value.attributes["dim"]
        return dim
    found = _symbolic(value, itertools.count())
    if found is None or (found.is_number and not found.is_Integer):
        return None
    return int(found) if found.is_Integer else found


def _symbolic(value: Expr, visits: Iterator[int]) -> sympy.Expr | None:
    """A quotient, sum or power of sizes as SymPy writes it; None for anything else and for long ones."""
    exact = number(value)
    if exact is not None:
        return _rational(exact)
    if value.op is SIZE:
        return value.attributes["dim"]
    if (
        value.shape
        or next(visits) > SIZE_PARTS
        or (value.op not in (ADD, CONTRACT) and value.op.name != "general_power")
    ):
        return None
    parts: list[sympy.Expr] = []
    for o in value.operands:
        part = _symbolic(o, visits)
        if part is None:
            return None
        parts.append(part)
    if value.op is ADD:
        return sympy.Add(*(_rational(c) * p for c, p in zip(value.attributes["coefficients"], parts, strict=True)))
    if value.op is CONTRACT:
        exponents = value.attributes["exponents"]
        if any(abs(e) > SIZE_PARTS for e in exponents):
            return None
        powers = [p ** _rational(e) for p, e in zip(parts, exponents, strict=True)]
        return sympy.Mul(_rational(value.attributes["coefficient"]), *powers)
    return None if parts[1].is_number else parts[0] ** parts[1]


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


def size_function(name: str, arguments: list[Any]) -> Expr:
    """``floor(n/2)`` and the like, of sizes.

    Raises
    ------
    FormulaError
        If an argument is no size, or their number is wrong.
    """
    sizes = [as_size(a) for a in arguments]
    wanted = {"floor": (1,), "ceiling": (1,), "Mod": (2,)}.get(name, range(1, len(sizes) + 1))
    if any(s is None for s in sizes) or len(sizes) not in wanted:
        other = {"Max": "; for arrays write maximum(x, y)", "Min": "; for arrays write minimum(x, y)"}.get(name, "")
        raise FormulaError(f"{name}() takes sizes and whole numbers, as in {name}({_example(name)}){other}")
    if name == "Mod" and sizes[1] == 0:
        raise FormulaError("Mod: division by zero")
    return size(SIZE_FUNCTIONS[name](*sizes))


def _example(name: str) -> str:
    return {"floor": "n/2", "ceiling": "n/2", "Mod": "n, 2"}.get(name, "n, m")


def floor_division(a: Any, b: Any) -> Expr:
    """``a // b`` of sizes."""
    left, right = as_size(a), as_size(b)
    if left is None or right is None:
        raise FormulaError("// divides sizes and whole numbers only; write / for a quotient")
    if right == 0:
        raise FormulaError("//: division by zero")
    return size(sympy.floor(sympy.sympify(left) / sympy.sympify(right)))


def remainder(a: Any, b: Any) -> Expr:
    """``a % b`` of sizes."""
    if as_size(a) is None or as_size(b) is None:
        raise FormulaError("% divides sizes and whole numbers only")
    return size_function("Mod", [a, b])
