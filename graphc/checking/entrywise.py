"""Expressions evaluated on arrays of Python objects: residues or numbers of many digits, entry by entry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

import numpy as np

from graphc.errors import GraphcError
from graphc.ir.dims import bind
from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, NAMED, PARAMETER, PI, SIZE, SYMBOL
from graphc.runtime.evaluate import bound

Array = Any


class NotExactError(GraphcError):
    """No value at a point: a division by zero, a root of what is no square; or an operation that is missing.

    `final` is for the latter, which no other point mends.
    """

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Numbers(Protocol):
    """A kind of numbers: Python's operators, and what follows."""

    ordered: bool

    def exact(self, value: Fraction) -> Any:
        """A rational number."""

    def random(self, rng: np.random.Generator, *, positive: bool, unit: bool) -> Any:
        """A number other than 0, positive or between 0 and 1 if so asked."""

    def power(self, x: Any, exponent: Fraction) -> Any:
        """A rational power."""

    def function(self, name: str, *arguments: Any, **attributes: Any) -> Any:
        """A function of entries; "pi" is one without arguments."""

    def matrix(self, name: str, *arguments: Array, **attributes: Any) -> Array:
        """A function of arrays that is not written in others."""

    def pivot(self, column: Sequence[Any]) -> int:
        """The place of an entry that can be divided by."""


def scalar(numbers: Numbers, value: Fraction) -> Any:
    """A rational number; a whole one stays Python's, so that it can be an index or be compared."""
    return value.numerator if value.denominator == 1 else numbers.exact(value)


def values_of(
    exprs: Sequence[Expr], arrays: Mapping[str, Array], sizes: Mapping[str, int], numbers: Numbers
) -> list[Array]:
    """The values of expressions of which every defined op is opened.

    Raises
    ------
    NotExactError
        If these numbers do not have an operation, or there is no value.
    """
    found: dict[Expr, Array] = {}
    for node in topological(exprs):
        value = _value(node, [found[o] for o in node.operands], arrays, dict(sizes), numbers)
        found[node] = value if isinstance(value, np.ndarray) and value.dtype.kind in "bi" else objects(value)
    return [found[e] for e in exprs]


def objects(value: Any) -> Array:
    """An array of Python objects."""
    if isinstance(value, np.ndarray):
        return value.astype(object)
    made = np.empty((), dtype=object)
    made[()] = value.item() if isinstance(value, np.generic) else value
    return made


def _value(node: Expr, operands: list[Array], arrays: Mapping[str, Array], sizes: dict[str, int], numbers: Any) -> Any:
    op, attributes = node.op, node.attributes
    if op in (SYMBOL, PARAMETER):
        return arrays[str(node.name)]
    if op is NAMED or op.name == "as_float":
        return operands[0]
    if op is ADD:
        return sum(objects(x) * scalar(numbers, c) for c, x in zip(attributes["coefficients"], operands, strict=True))
    if op is CONTRACT:
        return _contracted(node, operands, tuple(bind(d, sizes) for d in node.shape), numbers)
    if op is CONSTANT:
        return scalar(numbers, attributes["value"])
    if op is SIZE:
        return bind(attributes["dim"], sizes)
    if op is PI:
        return numbers.function("pi")
    if op is EYE:
        return np.eye(bind(attributes["dim"], sizes), dtype=int)
    if op is ARRAY:
        flat = objects(np.array([scalar(numbers, v) for v in attributes["values"]], dtype=object))
        return flat.reshape(attributes["shape"])
    bound_attributes = {k: bound(v, sizes) for k, v in attributes.items()}
    if op.formula is not None:
        return np.frompyfunc(_entry(op.name, attributes, numbers), len(operands), 1)(*map(objects, operands))
    if op.name in MATRICES:
        rank = 1 if op.name in VECTORS else 2
        return _stacked(MATRICES[op.name], operands, numbers, bound_attributes, rank)
    if op.name == "where":
        operands[0] = _truth(operands[0])
    if op.name not in MOVING or op.kernel is None:
        function = partial(_by_numbers, name=op.name)
        return _stacked(function, operands, numbers, bound_attributes)
    if (
        op.name in ORDERING
        and not numbers.ordered
        and not all(isinstance(v, (int, np.integer, np.bool_)) for v in operands[0].flat)
    ):
        raise NotExactError(f"no order for {op.name}", final=True)
    if op.name in INDEXED:
        operands = [x.astype(np.int64) if k in op.keeps else x for k, x in enumerate(operands)]
    try:
        return op.kernel(*operands, **bound_attributes)
    except (IndexError, ValueError) as error:
        raise NotExactError(str(error)) from None


# ops whose kernels only move, add, multiply and compare entries
MOVING = frozenset(
    (
        "argmax",
        "argmin",
        "argsort",
        "arange",
        "concat",
        "cumprod",
        "cumsum",
        "fold",
        "max",
        "min",
        "one_hot",
        "place",
        "prod",
        "recurrence",
        "reshape",
        "reverse_cumsum",
        "reverse_recurrence",
        "scatter_add",
        "scatter_add_along_axis",
        "shift",
        "slice",
        "take",
        "take_along_axis",
        "tri",
        "tril",
        "triu",
        "where",
        "windows",
    )
)
ORDERING = frozenset(("argmax", "argmin", "argsort", "max", "min"))
INDEXED = frozenset(("take", "take_along_axis", "scatter_add", "scatter_add_along_axis", "one_hot"))
COMPARED: dict[str, Callable[..., Any]] = {
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
    "maximum": lambda a, b: a if a >= b else b,
    "minimum": lambda a, b: a if a <= b else b,
    "relu": lambda a: a if a > 0 else 0,
    "abs": lambda a: a if a >= 0 else -a,
    "sign": lambda a: (a > 0) - (a < 0),
}


def _entry(name: str, attributes: Mapping[str, Any], numbers: Numbers) -> Callable[..., Any]:
    if name in COMPARED:
        return COMPARED[name]
    return lambda *x: numbers.function(name, *x, **attributes)


def _truth(x: Array) -> Array:
    found: Array = np.frompyfunc(bool, 1, 1)(x)
    return np.asarray(found, dtype=bool)


def _contracted(node: Expr, operands: list[Array], shape: tuple[int, ...], numbers: Numbers) -> Array:
    """A contraction, a label summed as soon as no factor is left that carries it."""
    factors: list[tuple[Array, list[int]]] = []
    for (_, labels, e), x in zip(factors_of(node), operands, strict=True):
        y = objects(x)
        y = y if e == 1 else np.frompyfunc(lambda v, e=e: numbers.power(v, e), 1, 1)(y)
        factors.append(_diagonal(objects(y), labels))
    total = objects(scalar(numbers, node.attributes["coefficient"]))
    carried: list[int] = []
    for k, (x, own) in enumerate(factors):
        union = sorted({*carried, *own})
        total = objects(_spread(total, carried, union) * _spread(x, own, union))
        later = {label for _, others in factors[k + 1 :] for label in others} | set(range(node.ndim))
        gone = tuple(i for i, label in enumerate(union) if label not in later)
        total = objects(np.sum(total, axis=gone)) if gone else total
        carried = [label for label in union if label in later]
    return np.broadcast_to(_spread(total, carried, list(range(node.ndim))), shape)


def _diagonal(x: Array, labels: Sequence[int]) -> tuple[Array, list[int]]:
    """A factor over its different labels, without axes of literal size 1."""
    x = x.reshape([d for d, label in zip(x.shape, labels, strict=True) if label >= 0])
    left = [label for label in labels if label >= 0]
    for label in set(left):
        while left.count(label) > 1:
            i, j = [k for k, other in enumerate(left) if other == label][:2]
            x = np.diagonal(x, axis1=i, axis2=j)
            left = [other for k, other in enumerate(left) if k not in (i, j)] + [label]
    return x, left


def _spread(x: Array, labels: Sequence[int], union: Sequence[int]) -> Array:
    """`x` with its axes in the order of `union`, and axes of size 1 for the labels that it lacks."""
    ordered = x.transpose([labels.index(label) for label in union if label in labels])
    return ordered[tuple(slice(None) if label in labels else None for label in union)]


# -- matrices by elimination -------------------------------------------------------------------------------------


def eliminated(a: Array, b: Array, numbers: Numbers) -> tuple[Array, Any]:
    """The solution y of ``a @ y = b`` and the determinant of a."""
    left, right = a.copy(), b.copy()
    n, determinant = len(left), numbers.exact(Fraction(1))
    for k in range(n):
        p = k + numbers.pivot([numbers.exact(Fraction(1)) * v for v in left[k:, k]])
        if p != k:
            left[[k, p]], right[[k, p]] = left[[p, k]], right[[p, k]]
            determinant = -determinant
        determinant = determinant * left[k, k]
        inverse = numbers.power(left[k, k], Fraction(-1))
        left[k], right[k] = left[k] * inverse, right[k] * inverse
        for i in range(n):
            if i != k:
                factor = left[i, k]
                left[i], right[i] = left[i] - left[k] * factor, right[i] - right[k] * factor
    return right, determinant


def identity(n: int) -> Array:
    return objects(np.eye(n, dtype=int))


def _solved(numbers: Numbers, a: Array, b: Array) -> Array:
    return eliminated(a, b, numbers)[0]


def _inverse(numbers: Numbers, a: Array) -> Array:
    return eliminated(a, identity(len(a)), numbers)[0]


def _determinant(numbers: Numbers, a: Array) -> Any:
    return eliminated(a, identity(len(a)), numbers)[1]


def _power(numbers: Numbers, a: Array, n: int) -> Array:
    base, total = a if n >= 0 else _inverse(numbers, a), identity(len(a))
    for _ in range(abs(n)):
        total = total @ base
    return total


def _log_determinant(numbers: Numbers, a: Array) -> Any:
    squared = numbers.power(_determinant(numbers, a), Fraction(2))
    return numbers.function("log", squared) * numbers.exact(Fraction(1, 2))


def _lower_half(numbers: Numbers, a: Array) -> Array:
    return np.tril(a, -1) + a * identity(len(a)) * numbers.exact(Fraction(1, 2))


def _signed(numbers: Numbers, a: Array) -> Any:
    return COMPARED["sign"](_determinant(numbers, a))


def _reciprocal_gaps(numbers: Numbers, w: Array) -> Array:
    """1/(w[j] - w[i]), and 0 on the diagonal."""
    unit = identity(len(w))
    gaps = objects(w[None, :] - w[:, None] + unit)
    return objects(np.frompyfunc(lambda v: numbers.power(v, Fraction(-1)), 1, 1)(gaps)) * (1 - unit)


def _product_except(numbers: Numbers, x: Array, order: int = 1) -> Array:
    """The products of all entries but those at `order` different places."""
    out = np.zeros((len(x),) * order, dtype=object)
    for places in itertools.permutations(range(len(x)), order):
        out[places] = math.prod([x[i] for i in range(len(x)) if i not in places])
    return out


MATRICES: dict[str, Callable[..., Any]] = {
    "inv": _inverse,
    "det": _determinant,
    "logdet": _log_determinant,
    "solve": _solved,
    "matrix_power": _power,
    "tril_half": _lower_half,
    "det_sign": _signed,
    "reciprocal_gaps": _reciprocal_gaps,
    "prod_except": _product_except,
}


VECTORS = frozenset(("reciprocal_gaps", "prod_except"))  # ops of the last axis


def _by_numbers(numbers: Numbers, *operands: Array, name: str, **attributes: Any) -> Array:
    return numbers.matrix(name, *operands, **attributes)


def _stacked(
    function: Callable[..., Any], operands: list[Array], numbers: Numbers, attributes: Any, rank: int = 2
) -> Array:
    """`function` of each matrix of a stack, or of each vector."""
    operands = [objects(x) for x in operands]
    lead = operands[0].shape[: operands[0].ndim - rank]
    if not lead:
        return function(numbers, *operands, **attributes)
    found = [objects(function(numbers, *(x[place] for x in operands), **attributes)) for place in np.ndindex(lead)]
    return np.array(found, dtype=object).reshape(lead + found[0].shape)
