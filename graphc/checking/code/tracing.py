"""NumPy code as formulas: the code is run on arrays that record what is done to them.

What a trace gives is held against the code at points before it is used, so that a branch on values, a view modified
in place or a constant of one size cannot lead to a wrong proof.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from numpy.lib.mixins import NDArrayOperatorsMixin

from graphc.calculus import vjp
from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr, behaviour
from graphc.ops.elementwise import as_float, equal, not_equal
from graphc.ops.gather import arange
from graphc.ops.leaves import as_expr, eye, symbol
from graphc.ops.reductions import full, ones, where, zeros

STACKS = {"hstack": -1, "vstack": 0}  # of arrays with two axes or more, and the axis they are joined along
COMPARISONS = {"equal": equal, "not_equal": not_equal}
CREATIONS: dict[str, Callable[..., Expr]] = {
    "zeros": zeros,
    "empty": zeros,
    "ones": ones,
    "full": full,
    "eye": eye,
    "identity": eye,
    "arange": arange,
}


class Array(NDArrayOperatorsMixin):
    """An array of unknown entries: what NumPy code does to it, in place or not, changes or builds an expression."""

    __slots__ = ("expr",)
    __array_priority__ = 1000

    def __init__(self, expr: Expr) -> None:
        self.expr = expr

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.expr.shape

    @property
    def ndim(self) -> int:
        return self.expr.ndim

    @property
    def size(self) -> Any:
        return sympy.prod(self.expr.shape)

    @property
    def dtype(self) -> Any:
        return np.dtype(self.expr.dtype)

    @property
    def T(self) -> Array:
        return Array(self.expr.T)

    def __len__(self) -> int:
        return len(self.expr)

    def __iter__(self) -> Any:
        return map(Array, self.expr)

    def __bool__(self) -> bool:
        raise UnsupportedError("the code branches on values")

    def __float__(self) -> float:
        raise UnsupportedError("the code needs a number where the trace has a formula")

    __int__ = __index__ = __complex__ = __float__

    def _sympy_(self) -> Any:
        raise sympy.SympifyError(self)  # a size on the left of an operator defers to the array

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnsupportedError("the code needs an array of numbers where the trace has a formula")

    def __getitem__(self, key: Any) -> Array:
        """A slice; by a mask, the whole array, of which assigning through the same mask takes what it selects."""
        key = plain(key)
        masked = isinstance(key, Expr) and key.dtype == "bool"
        return Array(self.expr if masked else self.expr[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        """``a[key] = v`` is ``a + adjoint(v - a[key])`` with the adjoint of indexing; with a mask, a choice."""
        key, value = plain(key), as_expr(plain(value))
        if isinstance(key, Expr) and key.dtype == "bool":
            self.expr = where(key, value, self.expr)
            return
        self.add_at(key, value - self.expr[key])

    def add_at(self, key: Any, value: Expr) -> None:
        """Add `value` at the entries that `key` picks, each time that it picks them."""
        whole = symbol("_whole", self.expr.shape)
        picked = whole[key]
        self.expr = self.expr + vjp(picked, whole, value + zeros(picked.shape))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method == "at":
            self._at(ufunc, *inputs)
            return None
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        result = applied(name, inputs, options)
        if out is None:
            return result
        target = out[0] if isinstance(out, tuple) else out
        if not isinstance(target, Array):
            raise UnsupportedError("the code writes a formula into an array of numbers")
        target.expr = result.expr
        return target

    def _at(self, ufunc: Any, target: Any, key: Any, value: Any = None) -> None:
        if ufunc not in (np.add, np.subtract) or not isinstance(target, Array):
            raise UnsupportedError(f"np.{ufunc.__name__}.at is not traced")
        amount = as_expr(plain(value))
        target.add_at(plain(key), amount if ufunc is np.add else -amount)

    def __array_function__(self, function: Any, types_: Any, arguments: Any, options: Any) -> Any:
        return applied(function.__name__, arguments, options)

    def dot(self, other: Any) -> Any:
        return applied("dot", (self, other), {})

    def copy(self, *_: Any, **__: Any) -> Array:
        return Array(self.expr)

    def astype(self, kind: Any, *_: Any, **__: Any) -> Array:
        if np.dtype(kind).kind != "f":
            raise UnsupportedError(f"a conversion to {np.dtype(kind)} is not traced")
        return Array(self.expr if self.expr.dtype.startswith("float") else as_float(self.expr))

    def reshape(self, *shape: Any, **_: Any) -> Array:
        return Array(self.expr.reshape(*plain(shape)))

    def transpose(self, *axes: Any) -> Array:
        return Array(self.expr.transpose(*axes))

    def fill(self, value: Any) -> None:
        self[...] = value

    def item(self) -> Array:
        return Array(self.expr.reshape(()))

    def __getattr__(self, name: str) -> Any:
        """Other methods are NumPy's functions of the same name."""
        if name.startswith("_") or name not in behaviour:
            raise AttributeError(f"{name} is not traced")
        return lambda *arguments, **options: applied(name, (self, *arguments), options)


class Numpy:
    """NumPy as traced code sees it: the same functions, those that create arrays also for sizes without a value."""

    def __getattr__(self, name: str) -> Any:
        known = getattr(np, name)
        if isinstance(known, types.ModuleType):
            return known
        if not callable(known) or isinstance(known, type):
            return known

        def function(*arguments: Any, **options: Any) -> Any:
            if not symbolic((*arguments, *options.values())):
                return known(*arguments, **options)
            if name in CREATIONS:
                options.pop("dtype", None)
                return Array(CREATIONS[name](*map(plain, arguments), **options))
            if name in ("array", "asarray", "copy", "float64", "ascontiguousarray") and isinstance(arguments[0], Array):
                return arguments[0].copy() if name in ("array", "copy") else arguments[0]
            return applied(name, arguments, options)

        return _Function(known, function)


class _Function:
    """A function of the traced NumPy, with the methods that ufuncs have."""

    def __init__(self, known: Any, function: Callable[..., Any]) -> None:
        self.known = known
        self.function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.function(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.known, name)


def symbolic(arguments: Any) -> bool:
    """Whether an argument is, or holds, an array of unknown entries or a size without a value."""
    for a in arguments:
        if isinstance(a, (Array, Expr, sympy.Basic)) or (isinstance(a, (tuple, list)) and symbolic(a)):
            return True
    return False


def plain(value: Any) -> Any:
    """Traced arrays as the expressions that they hold, also inside tuples, lists and slices."""
    if isinstance(value, Array):
        return value.expr
    if isinstance(value, Range):
        return arange(value.size)
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    if isinstance(value, slice):
        return slice(plain(value.start), plain(value.stop), plain(value.step))
    return value


def wrapped(value: Any) -> Any:
    """Expressions as traced arrays."""
    if isinstance(value, Expr):
        return Array(value)
    return type(value)(map(wrapped, value)) if isinstance(value, (tuple, list)) else value


def applied(name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """NumPy's function `name` of traced arrays."""
    reduced = name.removesuffix(".reduce")
    if reduced != name:
        name = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(reduced, name)
    given = [plain(a) for a in arguments]
    keywords = {k: plain(v) for k, v in options.items() if not (k == "dtype" or (k == "out" and v is None))}
    if name in STACKS and all(a.ndim == 2 for a in given[0]):
        name, given = "concatenate", [given[0], STACKS[name] % 2]
    if name in COMPARISONS:
        return Array(COMPARISONS[name](*given))
    return wrapped(behaviour["traced"](name, tuple(given), keywords))


class Range:
    """``range(n)`` of a size without a value: it can index an array, but not count a loop."""

    def __init__(self, size: Any) -> None:
        self.size = size

    def __iter__(self) -> Any:
        raise UnsupportedError(f"the code loops over the size {self.size}")


def _len(x: Any) -> Any:
    return x.shape[0] if isinstance(x, Array) else len(x)


def _range(*bounds: Any) -> Any:
    return Range(bounds[0]) if len(bounds) == 1 and symbolic(bounds) else range(*bounds)


BUILTINS = {"len": _len, "range": _range}


def traceable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of the function, and of the functions that it calls, in which NumPy is the traced NumPy."""
    return _inside(function, {}) if isinstance(function, types.FunctionType) else function


def _inside(value: Any, done: dict[Any, Any]) -> Any:
    """What a name of the code stands for, with NumPy exchanged."""
    if value is np:
        return Numpy()
    own = isinstance(value, types.FunctionType) and value.__module__.split(".")[0] not in ("numpy", "scipy", "graphc")
    return _copy(value, done) if own else value


def _copy(function: types.FunctionType, done: dict[Any, Any]) -> types.FunctionType:
    if function in done:
        return done[function]  # type: ignore[no-any-return]
    scope = {**function.__globals__, **BUILTINS}
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    copy = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells or None)
    copy.__kwdefaults__ = function.__kwdefaults__
    done[function] = copy
    for cell, old in zip(cells, function.__closure__ or (), strict=True):
        cell.cell_contents = _inside(old.cell_contents, done)
    for name in _names(function.__code__):
        if name in scope:
            scope[name] = _inside(scope[name], done)
    return copy


def _names(code: types.CodeType) -> set[str]:
    """The global names that code uses, also in the functions that it defines."""
    inner = (_names(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*inner)
