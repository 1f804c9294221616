"""SymPy expressions as graphc's: scalars, matrix expressions, and sums over indices of ``IndexedBase``.

Inside, matrices have two axes as in SymPy; where a name in play is a vector, ``MatrixSymbol("x", n, 1)`` is a column of
it, and the result is a vector again. Sums over an index are those of `indices`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from graphc.errors import ShapeError, UnknownNameError, UnsupportedError
from graphc.frontend.indices import Index, Indexed, as_indexed, entry, lifted
from graphc.frontend.parse import bound
from graphc.frontend.scalars import NATURAL
from graphc.frontend.scopes import Scopes
from graphc.frontend.sizes import as_size
from graphc.frontend.sympynames import index_symbols
from graphc.ir.dims import Dim, Shape, as_dim, compare, shape_text
from graphc.ir.expr import Expr
from graphc.ops.elementwise import exp
from graphc.ops.everyday import heaviside
from graphc.ops.kronecker import kron
from graphc.ops.layout import stack
from graphc.ops.leaves import constant, eye, pi, size
from graphc.ops.linalg import det, inv
from graphc.ops.matrix_functions import matrix_power
from graphc.ops.notation import functions
from graphc.ops.products import diag, trace
from graphc.ops.reductions import ones, where, zeros

FUNCTIONS = {
    **{function: name for name, function in NATURAL.items()},
    sympy.sign: "sign",
    sympy.asinh: "arcsinh",
    sympy.acosh: "arccosh",
    sympy.atanh: "arctanh",
    sympy.loggamma: "lgamma",
    sympy.polygamma: "polygamma",
    sympy.floor: "floor",
    sympy.ceiling: "ceil",
}
COMPARISONS = {
    sympy.Gt: "greater",
    sympy.Ge: "greater_equal",
    sympy.Lt: "less",
    sympy.Le: "less_equal",
    sympy.Eq: "equal",
    sympy.Ne: "not_equal",
}
Value = Any  # Expr or Indexed


def from_sympy(
    expr: Any,
    names: Mapping[str, Any],
    free: Sequence[str] = (),
    shape: Shape | None = None,
    *,
    any_order: bool = False,
) -> tuple[Expr, tuple[str, ...]]:
    """A SymPy expression over names in play, and the indices along its first axes.

    Parameters
    ----------
    expr : SymPy expression
        ``Eq(dW[i, j], ...)`` and ``Lambda((i, j), ...)`` give the order of the indices.
    names : what names of symbols, matrices and indexed bases stand for
    free : the order of the indices, where the expression does not give it
    shape : the shape of the result, if it is known; a column or a row becomes a vector where that fits
    any_order : take several indices in the order in which they appear, where nothing else gives it

    Raises
    ------
    UnknownNameError
        If nothing is called like a symbol.
    UnsupportedError
        If graphc does not have a function, or a sum does not go over a whole axis.
    ShapeError
        If a matrix has another shape than what its name stands for.
    """
    try:
        importer = Importer({name: bound(name, value) for name, value in names.items()}, free, shape)
        fixed = expr.as_immutable() if isinstance(expr, sympy.MatrixBase) else expr
        value = importer.result(fixed, any_order=any_order)
        return value, tuple(label.name for label in importer.scopes.free or ())
    except RecursionError:
        raise UnsupportedError("this SymPy expression is nested too deep to be read") from None


class Importer:
    """One SymPy expression: its indices, and what its names stand for."""

    def __init__(self, names: Mapping[str, Expr], free: Sequence[str], shape: Shape | None) -> None:
        self.names = names
        self.free = list(free)
        self.shape = shape
        self.scopes = Scopes(None, (), lambda name: False)
        self.labels: dict[Any, Index] = {}
        self.bound: dict[Any, Value] = {}
        self.origin = 0
        self.own_sizes = {
            s.name for x in names.values() for d in x.shape if not isinstance(d, int) for s in d.free_symbols
        }
        self.sizes: dict[Any, Any] = {}  # of SymPy, where they have other names
        self.columns = False  # whether a vector was taken for a matrix

    def result(self, expr: Any, *, any_order: bool) -> Expr:
        if isinstance(expr, sympy.Equality):
            self.free = [str(s) for s in index_symbols(expr.lhs)] or self.free
            expr = expr.rhs
        elif isinstance(expr, sympy.Lambda):
            self.free = [str(v) for v in expr.variables]
            expr = expr.expr
        self.prepare(expr)
        self.scopes.free = tuple(Index(name) for name in self.free) or None
        dims = self.shape if self.shape is not None and len(self.shape) == len(self.free) else ()
        for label, dim in zip(self.scopes.free or (), dims, strict=False):
            self.scopes.sizes.setdefault(label, dim)
        if isinstance(expr, sympy.MatrixSymbol) and self.array(expr.name).ndim == 1:
            return self.array(expr.name)
        value: Expr = self.scopes.finished(self.value(expr), any_order=any_order)
        return self.fitted(value)

    def prepare(self, expr: Any) -> None:
        """Indices with the sizes of the axes that they run along, and where the counting begins."""
        self.labels = {s: Index(str(s)) for s in index_symbols(expr)}
        self.scopes.again = True
        for matrix in sorted(expr.atoms(sympy.MatrixSymbol), key=str):
            self.matrix_symbol(matrix)
        for node in sympy.preorder_traversal(expr):
            if isinstance(node, (sympy.Sum, sympy.Product)):
                lows = {limit[1] for limit in node.limits}
                if not lows <= {sympy.Integer(0), sympy.Integer(1)} or any(len(limit) != 3 for limit in node.limits):
                    raise UnsupportedError(f"{node}: sums go over whole axes, from 0 to n - 1 or from 1 to n")
                self.origin = max(self.origin, *map(int, lows))
            elif isinstance(node, sympy.Indexed):
                for s, dim in zip(node.indices, self.array(node.base.name).shape, strict=False):
                    if s in self.labels:
                        self.scopes.sizes.setdefault(self.labels[s], dim)
            elif isinstance(node, MatrixElement):
                for s, dim in zip(node.args[1:], node.args[0].shape, strict=True):
                    if s in self.labels:
                        self.scopes.sizes.setdefault(self.labels[s], self.dim(dim))
        for s, low, high in (limit for node in expr.atoms(sympy.Sum, sympy.Product) for limit in node.limits):
            self.scopes.sizes.setdefault(self.labels[s], self.dim(sympy.simplify(high - low + 1)))

    def fitted(self, value: Expr) -> Expr:
        """A column, a row or a matrix of one entry as the vector or the number that it stands for."""
        if self.shape is None and not self.columns and any(d != 1 for d in value.shape):
            return value
        while 1 in value.shape and value.ndim > len(self.shape or ()):
            at = value.ndim - 1 - value.shape[::-1].index(1)
            value = value[(*[slice(None)] * at, 0)]
        return value

    def array(self, name: str) -> Expr:
        """What a name stands for."""
        if name not in self.names:
            known = ", ".join(sorted(self.names))
            raise UnknownNameError(f"unknown name {name!r} in the SymPy expression; known names: {known}")
        return self.names[name]

    # -- values ------------------------------------------------------------------------------------------------------

    def value(self, e: Any) -> Value:
        if e in self.bound:
            return self.bound[e]
        if isinstance(e, (sympy.Rational, sympy.Float)):
            return constant(Fraction(int(e.p), int(e.q))) if isinstance(e, sympy.Rational) else constant(float(e))
        if isinstance(e, (sympy.Symbol, sympy.Idx)):
            return self.symbol(e)
        rule = next((RULES[cls] for cls in type(e).__mro__ if cls in RULES), None)
        if rule is not None:
            return rule(self, e)
        name = FUNCTIONS.get(type(e), type(e).__name__)
        if isinstance(e, sympy.Function) and name in functions:
            return self.call(functions[name], *map(self.value, e.args))
        raise UnsupportedError(f"{e}: graphc has nothing for SymPy's {type(e).__name__}")

    def call(self, function: Callable[..., Any], *arguments: Value) -> Value:
        """An operation, for each value of the indices in its arguments."""
        if any(isinstance(a, Indexed) for a in arguments):
            return lifted(function, arguments, {})
        return function(*arguments)

    def symbol(self, e: Any) -> Value:
        if e in self.labels:
            position = self.scopes.number_of(self.labels[e])
            return self.call(lambda p: p + self.origin, position) if self.origin else position
        if e.name in self.names:
            return self.names[e.name]
        known = e in self.sizes or e.name in self.own_sizes
        return size(self.dim(e)) if known else self.array(e.name)

    def folded(self, function: Callable[..., Any], args: Sequence[Any]) -> Value:
        return functools.reduce(lambda a, b: self.call(function, a, b), map(self.value, args))

    def product(self, e: Any) -> Value:
        matrices = [a for a in e.args if getattr(a, "is_Matrix", False)]
        scalars = [a for a in e.args if a not in matrices]
        value = self.folded(lambda a, b: a @ b, matrices) if matrices else None
        for s in scalars:
            factor = self.value(s)
            value = factor if value is None else self.call(lambda a, b: a * b, factor, value)
        return value

    def power(self, e: Any) -> Value:
        base, exponent = e.args
        if base is sympy.E:
            return self.call(exp, self.value(exponent))
        if exponent == -1 or (exponent.is_number and exponent.is_negative):
            return self.call(lambda a: 1 / a, self.value(sympy.Pow(base, -exponent, evaluate=exponent == -1)))
        return self.call(lambda a, b: a**b, self.value(base), self.value(exponent))

    def matrix_symbol(self, e: Any) -> Value:
        x = self.array(e.name)
        if x.ndim == 2:
            self.check(e, x, e.shape)
            return x
        row = e.shape[0] == 1 and e.shape[1] != 1
        if x.ndim != 1 or 1 not in e.shape:
            raise ShapeError(f"{e.name} has shape {shape_text(x.shape)}, the MatrixSymbol {e.shape}")
        self.check(e, x, e.shape[1:] if row else e.shape[:1])
        self.columns = True
        return x[None, :] if row else x[:, None]

    def dim(self, size: Any) -> Dim:
        """A SymPy size; one that no array in play has is what the matrices that it belongs to say."""
        return as_dim(sympy.sympify(size).xreplace(self.sizes))

    def check(self, e: Any, x: Expr, shape: Any) -> None:
        """A matrix must have the shape of what its name stands for."""
        for a, b in zip(x.shape, shape, strict=True):
            if isinstance(b, sympy.Symbol) and b.name not in self.own_sizes:
                self.sizes.setdefault(b, sympy.sympify(a))
        if any(compare(a, self.dim(b)) == "different" for a, b in zip(x.shape, shape, strict=True)):
            raise ShapeError(f"{e.name} has shape {shape_text(x.shape)}, the MatrixSymbol {e.shape}")

    def element(self, e: Any) -> Value:
        matrix, *at = e.args
        return entry(as_indexed(self.value(matrix)), [self.position(a, 0) for a in at])

    def indexed(self, e: Any) -> Value:
        return entry(as_indexed(self.array(e.base.name)), [self.position(a, self.origin) for a in e.indices])

    def position(self, at: Any, origin: int) -> Any:
        """An index between brackets: a label, a number or a size."""
        if at in self.labels:
            return self.labels[at]
        found = self.value(at)
        if isinstance(found, Indexed):
            return lifted(lambda p: p - origin, [found], {}) if origin else found
        dim = as_size(found - origin if origin else found)
        return found if dim is None else dim

    def reduce(self, name: str, e: Any) -> Value:
        body = self.value(e.function)
        for s, low, high in e.limits:
            label = self.labels[s]
            body = self.scopes.reduce(name, body, (label,))
            if compare(self.dim(sympy.simplify(high - low + 1)), self.scopes.sizes[label]) == "different":
                axis = f"the axis, which has size {self.scopes.sizes[label]}"
                raise UnsupportedError(f"{e}: {s} goes from {low} to {high}, which is not the whole of {axis}")
        return body

    def delta(self, e: Any) -> Value:
        a, b = e.args[:2]
        if a in self.labels and b in self.labels:
            return self.scopes.delta(self.labels[a], self.labels[b])
        return self.call(functions["equal"], self.value(a), self.value(b))

    def piecewise(self, e: Any) -> Value:
        *pairs, last = e.args
        if last[1] != sympy.true:
            raise UnsupportedError(f"{e}: a Piecewise needs a last case for (value, True)")
        value = self.value(last[0])
        for branch, condition in reversed(pairs):
            value = self.call(where, self.value(condition), self.value(branch), value)
        return value

    def applied(self, e: Any) -> Value:
        """A function of one variable, applied to each entry of a matrix."""
        function, matrix = e.args
        if not isinstance(function, sympy.Lambda):
            return self.call(functions[FUNCTIONS.get(function, str(function))], self.value(matrix))
        variable = function.variables[0]
        self.bound[variable] = self.value(matrix)
        try:
            found = self.value(function.expr)
        finally:
            del self.bound[variable]
        return found

    def entries(self, e: Any) -> Value:
        """A matrix given by a formula for its entries."""
        rows, columns, function = e.args
        labels = tuple(self.labels[v] for v in function.variables)
        for label, dim in zip(labels, (rows, columns), strict=True):
            self.scopes.sizes.setdefault(label, self.dim(dim))
        inner = Scopes([label.name for label in labels], (self.dim(rows), self.dim(columns)), lambda name: False)
        return inner.finished(self.value(function.expr))

    def dense(self, e: Any) -> Value:
        rows = [stack([self.value(a) for a in e.row(i)]) for i in range(e.rows)]
        return stack(rows)

    def extremum(self, name: str, e: Any) -> Value:
        return self.folded(functions[name], e.args)


def _column(x: Expr) -> Expr:
    """A column or a row as a vector."""
    return x[:, 0] if x.shape[1] == 1 else x[0]


def _diagonal(x: Expr) -> Expr:
    return diag(diag(x))


def _matrix_power(t: Importer, e: Any) -> Value:
    base, exponent = e.args
    if not exponent.is_Integer:
        raise UnsupportedError(f"{e}: a matrix has whole powers")
    if exponent == -1:
        return t.call(inv, t.value(base))
    return t.call(lambda x: matrix_power(x, int(exponent)), t.value(base))


def _derived(t: Importer, e: Any) -> Value:
    found = e.doit()
    if found.has(sympy.Derivative):
        raise UnsupportedError(f"{e}: SymPy does not know this derivative (declare the symbol with real=True)")
    return t.value(found)


def _unary(function: Callable[[Any], Any]) -> Callable[[Importer, Any], Value]:
    return lambda t, e: t.call(function, t.value(e.args[0]))


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Importer, Any], Value]:
    return lambda t, e: t.folded(function, e.args)


RULES: dict[Any, Callable[[Importer, Any], Value]] = {
    sympy.Add: _binary(lambda a, b: a + b),
    sympy.Mul: Importer.product,
    sympy.Pow: Importer.power,
    type(sympy.pi): lambda t, e: pi,
    type(sympy.E): lambda t, e: exp(constant(1)),
    sympy.Max: lambda t, e: t.extremum("maximum", e),
    sympy.Min: lambda t, e: t.extremum("minimum", e),
    sympy.Heaviside: _unary(lambda z: heaviside(z, constant(Fraction(1, 2)))),
    sympy.Piecewise: Importer.piecewise,
    sympy.KroneckerDelta: Importer.delta,
    sympy.Indexed: Importer.indexed,
    sympy.Sum: lambda t, e: t.reduce("sum", e),
    sympy.Product: lambda t, e: t.reduce("prod", e),
    sympy.Derivative: _derived,
    sympy.And: _binary(lambda a, b: a * b),
    sympy.MatrixSymbol: Importer.matrix_symbol,
    sympy.MatAdd: _binary(lambda a, b: a + b),
    sympy.MatMul: Importer.product,
    sympy.Transpose: _unary(lambda x: x.T),
    sympy.Adjoint: _unary(lambda x: x.T),
    sympy.Inverse: _unary(inv),
    sympy.MatPow: _matrix_power,
    sympy.HadamardProduct: _binary(lambda a, b: a * b),
    sympy.HadamardPower: _binary(lambda a, b: a**b),
    sympy.Trace: _unary(trace),
    sympy.Determinant: _unary(det),
    sympy.Identity: lambda t, e: eye(t.dim(e.shape[0])),
    sympy.OneMatrix: lambda t, e: ones(tuple(map(t.dim, e.shape))),
    sympy.ZeroMatrix: lambda t, e: zeros(tuple(map(t.dim, e.shape))),
    sympy.KroneckerProduct: _binary(kron),
    sympy.DotProduct: _binary(lambda a, b: _column(a) @ _column(b)),
    sympy.DiagMatrix: _unary(lambda x: diag(_column(x))),
    sympy.DiagonalMatrix: _unary(_diagonal),
    sympy.DiagonalOf: _unary(lambda x: diag(x)[:, None]),
    ElementwiseApplyFunction: Importer.applied,
    MatrixElement: Importer.element,
    sympy.FunctionMatrix: Importer.entries,
    sympy.MatrixBase: Importer.dense,
    **{
        cls: _binary(lambda a, b, name=name: functions[name](a, b))  # type: ignore[misc]
        for cls, name in COMPARISONS.items()
    },
}
