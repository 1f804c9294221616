"""Scalar factors that depend on sizes alone, kept apart from arrays until they must be applied."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy

from graphc.ir.dims import Dim


@dataclass(frozen=True, slots=True)
class Scale:
    """``coefficient * ups / downs``; ups and downs are Python expressions of sizes."""

    coefficient: Fraction = Fraction(1)
    ups: tuple[str, ...] = ()
    downs: tuple[str, ...] = ()

    def times(self, other: Scale) -> Scale:
        ups, downs = [*self.ups, *other.ups], [*self.downs, *other.downs]
        for text in list(downs):
            if text in ups:
                ups.remove(text)
                downs.remove(text)
        return Scale(self.coefficient * other.coefficient, tuple(sorted(ups)), tuple(sorted(downs)))

    def power(self, exponent: int) -> Scale:
        result = Scale(self.coefficient**exponent)
        for _ in range(abs(exponent)):
            result = result.times(Scale(ONE, *((self.ups, self.downs) if exponent > 0 else (self.downs, self.ups))))
        return result

    @property
    def size_free(self) -> Fraction | None:
        """The number, if no size is in it."""
        return None if self.ups or self.downs else self.coefficient

    def negated(self) -> Scale:
        return Scale(-self.coefficient, self.ups, self.downs)

    def parts(self) -> tuple[str, list[str], list[str]]:
        """Sign, factors above and factors below the line, as text."""
        value = abs(self.coefficient)
        text = number_text(value)
        above, below = ([text] if value != 1 else []), []
        if "/" in text:
            above = [str(value.numerator)] if value.numerator != 1 else []
            below = [str(value.denominator)]
        return "-" if self.coefficient < 0 else "", above + list(self.ups), below + list(self.downs)

    @property
    def text(self) -> str:
        """The scalar as a Python expression."""
        sign, above, below = self.parts()
        top = "*".join(above) or "1"
        if not below:
            return sign + top
        return f"{sign}{top}/{below[0]}" if len(below) == 1 else f"{sign}{top}/({'*'.join(below)})"

    def __str__(self) -> str:
        return self.text


ONE = Fraction(1)
UNIT = Scale()


def number_text(value: Fraction) -> str:
    """An exact number as the Python expression nearest to it: ``3``, ``0.1``, ``1/3``."""
    if value.denominator == 1 and abs(value) < 2**53:
        return str(value.numerator)
    decimal = repr(float(value))
    if value.denominator == 1 or max(abs(value.numerator), value.denominator) >= 2**53:
        return decimal
    return decimal if Fraction(decimal) == value and len(decimal) < 12 else str(value)


def dim_code(dim: Dim) -> str:
    """A size as a Python expression of the variables named like its symbols; whole at every step."""
    if isinstance(dim, (int, sympy.Symbol, sympy.Integer)):
        return str(dim)
    if isinstance(dim, sympy.floor):
        dim = dim.args[0]
    top, bottom = sympy.fraction(sympy.together(dim))
    if bottom != 1:
        return f"(({_whole(top)})//({_whole(bottom)}))"
    text = _whole(top)
    return text if text.isalnum() else f"({text})"


def _whole(expr: sympy.Expr) -> str:
    floors = {f: sympy.Symbol(dim_code(f)) for f in expr.atoms(sympy.floor)}
    return str(expr.xreplace(floors))
