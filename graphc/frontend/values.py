"""Values of a formula while it is read: exact numbers, sizes, literal arrays, and the bounds on each.

Everything below is bounded so that no text of a million characters can take more than seconds or a gigabyte: a
number has at most 4300 digits (as Python's own texts of integers), a size few terms, an array 64 axes (NumPy's limit).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.errors import FormulaError
from graphc.frontend.sizes import AXES, DIGITS, LIMIT, as_size, check_shape, parts
from graphc.ir.expr import Expr, behaviour
from graphc.ops.broadcasting import brief
from graphc.ops.leaves import CONSTANT, SIZE, as_expr, constant, number


def read_number(text: str) -> Expr:
    """A literal as an exact constant: ``0.1`` is one tenth."""
    digits, _, exponent = text.replace("_", "").lower().partition("e")
    if len(digits) > DIGITS or len(exponent) > 5 or abs(int(exponent or 0)) > DIGITS:
        raise FormulaError(f"a number may have at most {DIGITS} digits")
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit() and not exponent and digits.strip("0"):
        raise FormulaError(f"{digits}: a whole number does not begin with 0")
    return constant(Fraction(f"{digits}e{exponent}" if exponent else digits))


def check_power(base: Expr, exponent: Expr) -> None:
    """Refuse a power of a number or a size that would not fit in memory, before it is computed.

    Raises
    ------
    FormulaError
        If the result, or the coefficient of a size, would have more than 4300 digits.
    """
    b, e = number(base), number(exponent)
    if e is None or e.denominator != 1:
        return
    if b is not None and abs(e) <= 1024:  # larger exponents are not carried out
        bits = max(b.numerator.bit_length(), b.denominator.bit_length()) - 1
        if bits * abs(e) > LIMIT.bit_length():
            raise FormulaError(f"the result of ** would have more than {DIGITS} digits")
    if base.op is SIZE:
        coefficient = int(base.attributes["dim"].as_coeff_Mul()[0])
        if (coefficient.bit_length() - 1) * abs(e) > LIMIT.bit_length():
            raise FormulaError(f"the coefficient of this size would have more than {DIGITS} digits")


def check_scalar(value: Expr) -> int:
    """Refuse a number or a size beyond the bounds; returns the work that went into a size.

    Raises
    ------
    FormulaError
        Naming the bound.
    """
    found = number(value)
    if found is not None and (abs(found.numerator) >= LIMIT or found.denominator >= LIMIT):
        raise FormulaError(f"a number may have at most {DIGITS} digits")
    return parts(value.attributes["dim"]) if value.op is SIZE else 0


class Several(tuple[Expr, ...]):
    """The results of a function that gives several arrays."""

    def refusal(self) -> FormulaError:
        """The error for several arrays where one is expected."""
        count = len(self)
        named = ", ".join("abcdefgh"[:count]) if count <= 8 else "a, b, ..."
        return FormulaError(
            f"one array is expected here, not the {count} arrays {_listed(self)}: pick one by its number, "
            f"[0] to [{count - 1}], or name them on a line of their own, as in {named} = f(x)"
        )

    def pick(self, key: list[Any]) -> Expr:
        """The result whose number is between the brackets."""
        number = key[0] if len(key) == 1 else None
        if type(number) is not int or not -len(self) <= number < len(self):
            raise FormulaError(
                f"one of the {len(self)} arrays {_listed(self)} is picked by its number, [0] to [{len(self) - 1}]; "
                "what is picked from that array follows in brackets of its own"
            )
        return self[number]


def _listed(several: Several) -> str:
    """What the results are, as formulas, in short."""
    shown = [brief(x) for x in several[:3]] + ["..."] * (len(several) > 3)
    return f"({', '.join(shown)})"


def operand(value: Any) -> Expr:
    """A value as the operand of an operator: arrays as they are, list literals as constant arrays, or as stacks.

    Raises
    ------
    FormulaError
        For several arrays, tuples, texts, None and truth values.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, list):
        return _array(value)
    if isinstance(value, Several):
        raise value.refusal()
    if isinstance(value, tuple):
        raise FormulaError("a tuple can only be an argument, such as axis=(0, 1) or the shape (n, 2)")
    raise FormulaError(f"{value!r} can only be an argument, as in keepdims=True")


def _array(values: list[Any], depth: int = 0) -> Expr:
    """``[[a, b], [c, d]]``, as ``numpy.array`` reads it: of numbers alone a constant, else rows stacked."""
    exact = _numbers(values, depth)
    if exact is not None:
        return constant(exact)
    rows = [_array(v, depth + 1) if isinstance(v, list) else operand(v) for v in values]
    found: Expr = behaviour["stack"](rows)
    return found


def _numbers(values: list[Any], depth: int) -> list[Any] | None:
    """Nested lists of exact numbers, or None if something else is among them."""
    check_nesting(depth)
    found: list[Any] = []
    for value in values:
        exact: Any = number(value) if isinstance(value, Expr) else None
        if isinstance(value, list):
            exact = _numbers(value, depth + 1)
        if exact is None:
            return None
        found.append(exact)
    return found


def literal(value: Any) -> Any:
    """An argument that is a list of scalars, or of rows of them, not all numbers or sizes: an array."""
    if not isinstance(value, list):
        return value
    entries, depth = [*value], 0
    while any(isinstance(v, list) for v in entries):
        check_nesting(depth := depth + 1)
        entries = [w for v in entries for w in (v if isinstance(v, list) else [v])]
    scalars = all(isinstance(v, Expr) and not v.ndim for v in entries)
    return operand(value) if scalars and any(v.op not in (CONSTANT, SIZE) for v in entries) else value


def check_nesting(depth: int) -> None:
    if depth > AXES:
        raise FormulaError(f"lists and tuples may be nested at most {AXES} deep")


def argument(value: Any, keyword: bool = False, depth: int = 0) -> Any:
    """A value as an argument of a function: constants as Python numbers, tuples of sizes as shapes."""
    if isinstance(value, Several):
        return list(value)
    if isinstance(value, (list, tuple)):
        check_nesting(depth)
        if isinstance(value, tuple) and len(value) > AXES:
            raise FormulaError(
                f"a tuple of axes or sizes may have at most {AXES} entries; write [ ] for constant arrays"
            )
        return type(value)([_entry(v, depth + 1) for v in value])
    if not isinstance(value, Expr):
        return value
    exact = number(value)
    if exact is not None:
        return int(exact) if exact.denominator == 1 else exact
    if keyword or (value.op is not SIZE and not value.shape):
        dim = as_size(value)
        if dim is not None and (keyword or as_expr(dim) is value):
            return dim
    return value


def _entry(value: Any, depth: int) -> Any:
    dim = as_size(value)
    if dim is None:
        return argument(value, depth=depth)
    if not isinstance(dim, int):
        check_shape((dim,))
    return dim
