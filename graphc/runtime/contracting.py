"""The NumPy meaning of a contraction, by the form it has."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.ir.expr import Expr
from graphc.ops.contraction import contract, factors_of
from graphc.ops.diagonals import diagonal_of, has_identity, is_delta, on_diagonal
from graphc.ops.forms import form

Arrays = list[Any]


def python_number(value: Fraction) -> int | float:
    """An exact number as a Python scalar, which never widens the arrays it meets."""
    return value.numerator if value.denominator == 1 else float(value)


def powered(x: Any, exponent: Fraction) -> Any:
    """``x ** exponent`` by the cheapest exact route; whole numbers become real below zero and between."""
    if exponent < 0:
        return np.divide(1, powered(x, -exponent))  # by 0 as arrays divide, also where x is a Python number
    whole, rest = divmod(exponent, 1)
    if rest not in (0, Fraction(1, 2)) or whole > 8:
        return np.power(float(x) if isinstance(x, (int, float)) else x, python_number(exponent))
    result = np.sqrt(x) if rest else None
    square = x
    while whole:
        if whole % 2:
            result = square if result is None else result * square
        whole //= 2
        square = square * square if whole else square
    return 1 if result is None else result


def contracted(node: Expr, arrays: Arrays, shape: tuple[int, ...]) -> Any:
    """The value of a contraction over `arrays`, which have one dtype; `shape` is the bound shape."""
    if has_identity(node):
        return _on_diagonal(node, arrays, shape)
    kind, detail = form(node)
    if kind in _FORMS:
        return _FORMS[kind](arrays, detail)
    if kind == "fill":
        return np.broadcast_to(python_number(detail), shape) if shape else python_number(detail)
    if kind == "broadcast_to":
        return np.broadcast_to(arrays[0], shape)
    return _general(node, arrays, shape)


_FORMS: dict[str, Callable[[Arrays, Any], Any]] = {
    "scale": lambda arrays, c: -arrays[0] if c == -1 else arrays[0] * python_number(c),
    "over": lambda arrays, c: np.divide(python_number(c), arrays[0]),
    "power": lambda arrays, e: powered(arrays[0], e),
    "multiply": lambda arrays, _: arrays[0] * arrays[1],
    "divide": lambda arrays, _: np.divide(arrays[0], arrays[1]),
    "matmul": lambda arrays, _: np.matmul(arrays[0], arrays[1]),
    "outer": lambda arrays, _: np.outer(arrays[0], arrays[1]),
    "transpose": lambda arrays, axes: np.transpose(arrays[0], axes),
    "sum": lambda arrays, how: np.sum(arrays[0], axis=how[0], keepdims=how[1]),
    "index": lambda arrays, key: np.asarray(arrays[0])[key],
    "diag": lambda arrays, _: np.diag(arrays[0]),
    "trace": lambda arrays, _: np.trace(arrays[0], axis1=-2, axis2=-1),
}


def _on_diagonal(node: Expr, arrays: Arrays, shape: tuple[int, ...]) -> Any:
    """A product with identities: its other factors on the diagonal of zeros."""
    parts = diagonal_of(node)
    small = tuple(shape[x] for x in parts.places)
    rest = contract(parts.factors, parts.shape, node.attributes["coefficient"])
    others = [a for a, (f, ls, e) in zip(arrays, factors_of(node), strict=True) if not is_delta(f, ls, e)]
    if not others:
        value: Any = python_number(node.attributes["coefficient"])
    else:
        value = others[0] if rest in node.operands else _general(rest, others, small)
    return on_diagonal(np.broadcast_to(np.asarray(value, np.result_type(*arrays)), small), parts.axes)


def _general(node: Expr, arrays: Arrays, shape: tuple[int, ...]) -> Any:
    """Powers, then one einsum over the axes that are not of literal size 1, then the coefficient."""
    arguments: list[Any] = []
    used: dict[int, int] = {}
    for array, (factor, labels, exponent) in zip(arrays, factors_of(node), strict=True):
        kept = [i for i, label in enumerate(labels) if label >= 0]
        if kept or factor.ndim:
            array = np.reshape(array, [np.shape(array)[i] for i in kept])  # noqa: PLW2901 - the same factor, squeezed
        arguments += [powered(array, exponent), [used.setdefault(labels[i], len(used)) for i in kept]]
    carried = [i for i in range(node.ndim) if i in used]
    product = np.einsum(*arguments, [used[i] for i in carried], optimize=True)
    scaled = product if node.attributes["coefficient"] == 1 else product * python_number(node.attributes["coefficient"])
    placed = np.reshape(scaled, [shape[i] if i in carried else 1 for i in range(node.ndim)])
    return np.broadcast_to(placed, shape)
