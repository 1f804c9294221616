"""NumPy's array methods: each is the function of its name, ``x.sum(axis=0)`` for ``gc.sum(x, axis=0)``."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphc.ir.dims import Dim, Shape
    from graphc.ir.expr import Expr


class ArrayMethods:
    """What NumPy's arrays have after a dot."""

    __slots__ = ()

    shape: Shape

    def _apply(self, function: str, *args: Any, **kwargs: Any) -> Expr:
        raise NotImplementedError

    @property
    def T(self) -> Expr:
        """The transpose, axes reversed."""
        return self._apply("transpose")

    @property
    def mT(self) -> Expr:
        """The transpose of each matrix of a stack: the last two axes exchanged."""
        return self._apply("swapaxes", -1, -2)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """The number of entries."""
        return prod(self.shape)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("sum", axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("mean", axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Expr:
        return self._apply("var", axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Expr:
        return self._apply("std", axis=axis, ddof=ddof, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("max", axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("min", axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("prod", axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("all", axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("any", axis=axis, keepdims=keepdims)

    def cumsum(self, axis: Any = None) -> Expr:
        return self._apply("cumsum", axis=axis)

    def cumprod(self, axis: Any = None) -> Expr:
        return self._apply("cumprod", axis=axis)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("argmax", axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Expr:
        return self._apply("argmin", axis=axis, keepdims=keepdims)

    def argsort(self, axis: Any = -1) -> Expr:
        return self._apply("argsort", axis)

    def clip(self, min: Any, max: Any) -> Expr:
        return self._apply("clip", min, max)

    def round(self) -> Expr:
        return self._apply("round")

    def dot(self, other: Any) -> Expr:
        return self._apply("dot", other)

    def trace(self, offset: int = 0) -> Expr:
        return self._apply("trace", offset)

    def take(self, indices: Any, axis: Any = None) -> Expr:
        return self._apply("take", indices, axis=axis)

    def reshape(self, *shape: Any) -> Expr:
        return self._apply("reshape", shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)

    def flatten(self) -> Expr:
        """All entries in one vector, in row-major order."""
        return self._apply("ravel")

    ravel = flatten

    def squeeze(self, axis: Any = None) -> Expr:
        return self._apply("squeeze", axis=axis)

    def swapaxes(self, axis1: int, axis2: int) -> Expr:
        return self._apply("swapaxes", axis1, axis2)

    def transpose(self, *axes: Any) -> Expr:
        return self._apply("transpose", (axes[0] if len(axes) == 1 else axes) or None)

    def repeat(self, repeats: Any, axis: Any = None) -> Expr:
        return self._apply("repeat", repeats, axis=axis)
