"""SymPy expressions written in graphc's notation, in the order in which SymPy writes them.

Columns and rows are vectors: ``W*x`` is ``W @ x``, ``x.T*y`` is ``x @ y``, ``x*y.T`` is ``outer(x, y)``.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

import sympy
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from graphc.errors import UnsupportedError
from graphc.frontend.fromsympy import FUNCTIONS
from graphc.frontend.sympynames import index_symbols
from graphc.ops.notation import functions

PLACE = "place_"


def notation(expr: Any) -> str | None:
    """The text of an expression or of an equation for entries; None where the notation has nothing for a part of it."""
    try:
        if isinstance(expr, sympy.Equality) and isinstance(expr.lhs, sympy.Indexed):
            return f"{_bare(expr.lhs)} = {_bare(expr.rhs)}"
        if isinstance(expr, sympy.Lambda):
            return f"[{', '.join(map(str, expr.variables))}] = {_bare(expr.expr)}"
        return _bare(expr)
    except (UnsupportedError, RecursionError):
        return None


def _bare(expr: Any) -> str:
    text: str = Notation({}).doprint(expr)
    return text


def _no(self: Any, e: Any) -> str:
    raise UnsupportedError(f"{e}: the notation has nothing for SymPy's {type(e).__name__}")


class Notation(StrPrinter):  # type: ignore[misc]
    """SymPy's printer with graphc's words for matrices, sums and functions."""

    def operand(self, e: Any) -> str:
        """A part of a product."""
        text: str = self.parenthesize(e, PRECEDENCE["Mul"])
        return text

    # -- matrices --------------------------------------------------------------------------------------------------

    def _print_MatMul(self, e: Any) -> str:
        c, matrices = e.as_coeff_matrices()
        groups = [[matrices[0]]]
        for a, b in itertools.pairwise(matrices):
            if a.shape[1] == 1 and b.shape[0] == 1:
                groups.append([b])
            else:
                groups[-1].append(b)
        text, *_ = functools.reduce(_joined, map(self._group, groups))
        if c == 1:
            return str(text)
        whole = f"({text})" if text.startswith("-") else text
        return f"-{whole}" if c == -1 else f"{self.operand(c)}*{whole}"

    def _group(self, group: list[Any]) -> tuple[str, bool, bool]:
        """A product with @, and whether it begins with a row and ends with a column."""
        text = " @ ".join(map(self.operand, group)) if len(group) > 1 else self.operand(group[0])
        return text, group[0].shape[0] == 1, group[-1].shape[1] == 1

    def _print_Transpose(self, e: Any) -> str:
        if 1 in e.shape:
            return str(self._print(e.arg))
        return f"{self.parenthesize(e.arg, PRECEDENCE['Pow'])}.T"

    def _print_Inverse(self, e: Any) -> str:
        return f"inv({self._print(e.arg)})"

    def _print_MatPow(self, e: Any) -> str:
        base, exponent = e.args
        if exponent == -1:
            return f"inv({self._print(base)})"
        if exponent in (2, 3):
            return " @ ".join([self.parenthesize(base, PRECEDENCE["Pow"])] * int(exponent))
        return f"matrix_power({self._print(base)}, {exponent})"

    def _print_MatrixElement(self, e: Any) -> str:
        matrix, *at = e.args
        if matrix.shape == (1, 1):
            return f"({self._print(matrix)})"
        kept = [self._print(i) for i, d in zip(at, matrix.shape, strict=True) if d != 1]
        return f"{self.parenthesize(matrix, PRECEDENCE['Atom'])}[{', '.join(kept)}]"

    def _print_Identity(self, e: Any) -> str:
        return f"eye({e.shape[0]})"

    def _print_OneMatrix(self, e: Any) -> str:
        return f"ones({', '.join(str(d) for d in e.shape if d != 1)})"

    def _print_HadamardProduct(self, e: Any) -> str:
        return "*".join(self.parenthesize(a, PRECEDENCE["Pow"]) for a in e.args)

    def _print_HadamardPower(self, e: Any) -> str:
        a, b = (self.parenthesize(x, PRECEDENCE["Atom"]) for x in e.args)
        return f"{a}**{b}"

    def _print_DotProduct(self, e: Any) -> str:
        return " @ ".join(self.parenthesize(a, PRECEDENCE["Pow"]) for a in e.args)

    def _print_ElementwiseApplyFunction(self, e: Any) -> str:
        function, matrix = e.args
        inner = str(self._print(matrix))
        if not isinstance(function, sympy.Lambda):
            return f"{FUNCTIONS.get(function, str(function))}({inner})"
        (variable,) = function.variables
        text = str(self._print(function.expr.xreplace({variable: sympy.Symbol(PLACE)})))
        return re.sub(rf"\(({PLACE})\)|\b{PLACE}\b", f"({inner})", text)

    # -- indices ---------------------------------------------------------------------------------------------------

    def _print_Indexed(self, e: Any) -> str:
        return f"{e.base.label}[{', '.join(map(self._print, e.indices))}]"

    def _over(self, name: str, e: Any) -> str:
        if any(len(limit) != 3 or limit[1] != 0 for limit in e.limits):
            raise UnsupportedError(f"{e}: a sum that counts from 0 is needed")
        return f"{name}[{', '.join(str(limit[0]) for limit in e.limits)}]({self._print(e.function)})"

    def _print_Sum(self, e: Any) -> str:
        return self._over("sum", e)

    def _print_Product(self, e: Any) -> str:
        return self._over("prod", e)

    def _print_KroneckerDelta(self, e: Any) -> str:
        a, b = e.args[:2]
        return f"delta[{a}, {b}]" if {a, b} <= set(index_symbols(e)) else _no(self, e)

    # -- scalars ---------------------------------------------------------------------------------------------------

    def _print_Function(self, e: Any) -> str:
        name = FUNCTIONS.get(e.func, e.func.__name__)
        if name not in functions:
            return _no(self, e)
        return f"{name}({', '.join(map(self._print, e.args))})"

    def _print_Exp1(self, e: Any) -> str:
        return "exp(1)"

    def _print_Piecewise(self, e: Any) -> str:
        *pairs, (last, condition) = e.args
        if condition != sympy.true:
            return _no(self, e)
        text = str(self._print(last))
        for value, when in reversed(pairs):
            text = f"where({self._print(when)}, {self._print(value)}, {text})"
        return text

    def _print_Relational(self, e: Any) -> str:
        return f"{self._print(e.lhs)} {e.rel_op} {self._print(e.rhs)}"


def _call(name: str) -> Any:
    return lambda self, e: f"{name}({', '.join(map(self._print, e.args))})"


for _class, _name in (
    ("Trace", "trace"),
    ("Determinant", "det"),
    ("KroneckerProduct", "kron"),
    ("DiagMatrix", "diag"),
    ("Max", "maximum"),
    ("Min", "minimum"),
):
    setattr(Notation, f"_print_{_class}", _call(_name))
for _class in ("Heaviside", "Derivative", "Integral", "LambertW", "Subs", "MatrixBase", "ImmutableDenseMatrix"):
    setattr(Notation, f"_print_{_class}", _no)
Notation.emptyPrinter = _no


def _joined(a: tuple[str, bool, bool], b: tuple[str, bool, bool]) -> tuple[str, bool, bool]:
    """A column times a row is an outer product; products of vectors are numbers."""
    (left, row, _), (right, _, column) = a, b
    if row:
        return f"({left})*{right}", b[1], b[2]
    if column:
        return f"({right})*{left}", a[1], a[2]
    return f"outer({left}, {right})", a[1], b[2]
