"""Scalar factors that depend on sizes alone, kept apart from arrays until they must be applied."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

import sympy

from graphc.ir.dims import Dim

EXACT = 64  # whole exponents up to which the power of a scale is multiplied out


@dataclass(frozen=True, slots=True)
class Scale:
    """``coefficient * ups / downs``; ups and downs are Python expressions of sizes, `real` if one may be fractional."""

    coefficient: Fraction = Fraction(1)
    ups: tuple[str, ...] = ()
    downs: tuple[str, ...] = ()
    real: bool = False

    def times(self, other: Scale) -> Scale:
        ups, downs = [*self.ups, *other.ups], [*self.downs, *other.downs]
        for text in list(downs):
            if text in ups and not self._may_vanish(text):
                ups.remove(text)
                downs.remove(text)
        real = self.real or other.real
        return Scale(self.coefficient * other.coefficient, tuple(sorted(ups)), tuple(sorted(downs)), real)

    @staticmethod
    def _may_vanish(text: str) -> bool:
        """Whether a factor could be 0, infinite or undefined, so that it does not cancel."""
        return POSITIVE.fullmatch(text) is None

    def power(self, exponent: int) -> Scale:
        """The scale to a whole power, multiplied out."""
        if exponent < 0 and self.coefficient == 0:
            return Scale(ONE, (), ("0",), True)
        result = Scale(self.coefficient**exponent, real=self.real)
        for _ in range(abs(exponent)):
            result = result.times(Scale(ONE, *((self.ups, self.downs) if exponent > 0 else (self.downs, self.ups))))
        return result

    def raised(self, exponent: Fraction) -> Scale:
        """The scale to any exact power; undefined where NumPy's is."""
        if exponent.denominator == 1 and abs(exponent) <= EXACT:
            return self.power(int(exponent))
        if exponent < 0:
            return self.raised(-exponent).power(-1)
        plain = self.coefficient > 0 and not any(map(self._may_vanish, (*self.ups, *self.downs)))
        if not plain or exponent > EXACT:
            root = exponent == HALF
            call = f"np.sqrt({self.code})" if root else f"np.power({self.code}, {float(exponent)!r})"
            return Scale(ONE, (f"float({call})",), real=True)
        base = self.code if re.fullmatch(r"[\w.]+|\([^()]*\)", self.code) else f"({self.code})"
        text = number_text(exponent)
        return Scale(ONE, (f"{base}**{text if text.replace('.', '').isdigit() else f'({text})'}",), real=True)

    @property
    def whole(self) -> bool:
        """Whether the number is whole whatever the sizes are."""
        return self.coefficient.denominator == 1 and not self.downs and not self.real

    @property
    def size_free(self) -> Fraction | None:
        """The number, if no size is in it."""
        return None if self.ups or self.downs else self.coefficient

    def negated(self) -> Scale:
        return Scale(-self.coefficient, self.ups, self.downs, self.real)

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
        """The scalar as a Python expression, on one line as it is read."""
        sign, above, below = self.parts()
        top = "*".join(above) or "1"
        if not below:
            return sign + top
        return f"{sign}{top}/{below[0]}" if len(below) == 1 else f"{sign}{top}/({'*'.join(below)})"

    @property
    def code(self) -> str:
        """The scalar as a Python expression that divides by a size of 0 as NumPy does."""
        if not self.downs:
            return self.text
        sign, above, below = self.parts()
        return f"float(np.divide({sign}{'*'.join(above) or '1'}, {'*'.join(below)}))"

    def __str__(self) -> str:
        return self.text


POSITIVE = re.compile(
    r"np\.pi|(?!0$)\(?[\w+* ]+\)?"
)  # sums and products of sizes; one that is 0 leaves nothing to compute
HALF = Fraction(1, 2)
ONE = Fraction(1)
UNIT = Scale()


MOST = Fraction(2**1024 - 2**970)  # the first numbers that float64 rounds to infinity


def float_text(value: float) -> str:
    """A float as Python code, the names of NumPy for what has no digits."""
    return repr(value) if math.isfinite(value) else "np.nan" if math.isnan(value) else f"{'-' * (value < 0)}np.inf"


def number_text(value: Fraction) -> str:
    """An exact number as the Python expression nearest to it: ``3``, ``0.1``, ``1/3``."""
    if value.denominator == 1 and abs(value) < 2**53:
        return str(value.numerator)
    decimal = float_text(float(value) if abs(value) < MOST else math.inf)
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
        return f"({_atom(top)}//{_atom(bottom)})"
    return _atom(top)


def _atom(expr: sympy.Expr) -> str:
    text = _whole(expr)
    return text if text.isidentifier() or text.isdigit() else f"({text})"


def _whole(expr: sympy.Expr) -> str:
    whole = {f: sympy.Symbol(dim_code(f)) for f in expr.atoms(sympy.floor)}
    for extremum in expr.atoms(sympy.Min, sympy.Max):
        parts = ", ".join(map(dim_code, sorted(extremum.args, key=str)))
        whole[extremum] = sympy.Symbol(f"{extremum.func.__name__.lower()}({parts})")
    return str(expr.xreplace(whole))
