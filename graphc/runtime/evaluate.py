"""Run an expression on arrays at once, with no compile step."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from graphc.errors import IndexRangeError, LinearAlgebraError
from graphc.ir.dims import Dim, bind, dim_names
from graphc.ir.expr import Expr, topological
from graphc.ops.arguments import by_name, expression
from graphc.ops.arithmetic import ADD
from graphc.ops.broadcasting import brief
from graphc.ops.conditions import conditions
from graphc.ops.contraction import CONTRACT
from graphc.ops.diagonals import has_identity
from graphc.ops.forms import form
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, NAMED, PARAMETER, PI, SIZE, SYMBOL
from graphc.ops.symbols import symbols_of
from graphc.runtime.binding import Sizes, as_arrays, bind_sizes, check_conditions, common_dtype, given_sizes
from graphc.runtime.contracting import contracted, python_number
from graphc.runtime.failures import naming
from graphc.scheduling.missing import missing_error
from graphc.scheduling.opening import opened
from graphc.scheduling.sizing import flat, wholes
from graphc.scheduling.stable import stabilized


def evaluate(expr: Expr, values: Mapping[str, Any]) -> Any:
    """The value of `expr` as a NumPy array of its declared shape.

    Parameters
    ----------
    expr : Expr
    values : mapping from names to arrays and numbers
        Arrays by the names of symbols, whole numbers by the names of sizes; entries that are not needed are
        ignored. Sizes that arrays determine need not be given. Facts are not verified.

    Returns
    -------
    numpy.ndarray
        Computed in the dtype of the arrays: literals never widen float32.

    Raises
    ------
    ValueMissingError
        Naming every symbol and size without a value.
    ShapeError, DTypeError
        If an array does not fit its declaration, two arrays give a size different values, or an op does not take
        arrays of these sizes (a window larger than its array, the maximum of no entries).
    IndexRangeError
        If an index is beyond the axis that it picks from.
    """
    return evaluate_all([expression(expr, "evaluate")], by_name(values, "evaluate"))[0]


def evaluate_all(exprs: Sequence[Expr], values: Mapping[str, Any]) -> list[Any]:
    """The values of several expressions, shared parts computed once; see `evaluate`."""
    roots, order = _program(tuple(exprs))
    symbols = symbols_of(roots)
    named = {str(s.name): s for s in symbols}
    given = [name for name in named if name in values]
    arrays = dict(zip(given, as_arrays([values[name] for name in given], [named[name] for name in given]), strict=True))
    needed = _sizes_in(order)
    sizes = given_sizes(values, named, dim_names(needed) | dim_names(d for s in symbols for d in s.shape))
    bind_sizes([named[name] for name in arrays], [x.shape for x in arrays.values()], sizes)
    absent = [(name, s.shape) for name, s in named.items() if name not in arrays]
    in_reach = set().union(*(dim_names(shape) for _, shape in absent))
    unbound = dim_names(needed) - sizes.values.keys() - in_reach
    stand_ins = {} if absent or not unbound else _stand_ins(symbols, order, needed, sizes)
    if absent or unbound - stand_ins.keys():
        raise missing_error(absent, sorted(unbound))
    check_conditions(conditions(exprs), sizes)
    real = _real_dtype(arrays, values)
    results = _run(order, roots, arrays, stand_ins | sizes.values, real or np.dtype(np.float64))
    return [_finished(results[root], root, arrays.values(), real) for root in roots]


@functools.lru_cache(maxsize=128)
def _program(exprs: tuple[Expr, ...]) -> tuple[list[Expr], list[Expr]]:
    """What is computed for `exprs`, and its nodes in order; kept, as one expression is evaluated at many points."""
    roots = stabilized(opened(exprs))
    return roots, topological(roots)


def _real_dtype(arrays: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """The dtype of real arrays in use, else of those that were given beside; None if there are none."""
    used = [x for x in arrays.values() if x.dtype.kind == "f"]
    beside = [np.asarray(x) for x in values.values() if isinstance(x, (np.ndarray, np.floating, float))]
    found = used or [x for x in beside if x.dtype.kind == "f"]
    return common_dtype(found) if found else None


def _stand_ins(symbols: list[Expr], order: list[Expr], needed: set[Dim], sizes: Sizes) -> dict[str, int]:
    """Values for names that only compound sizes hold, where the computation needs those as they are: the m of m*n."""
    whole = wholes(symbols, order)
    known = set(sizes.values) | whole.unknown
    observed = {dim: value for dim, (value, _) in sizes.observed.items()}
    return whole.numbers((d for d in needed if dim_names([d]) <= known), sizes.values, observed) or {}


def _sizes_in(order: list[Expr]) -> set[Dim]:
    """The sizes whose values the computation itself needs."""
    found: set[Dim] = set()
    for node in order:
        if node.op in (SYMBOL, PARAMETER):
            continue
        if node.op is CONTRACT:
            if form(node).kind in ("fill", "broadcast_to", "contract", "einsum") or has_identity(node):
                found |= set(node.shape)
        else:
            found |= {v for v in flat(tuple(node.attributes.values())) if isinstance(v, sympy.Expr)}
    return found


def _run(
    order: list[Expr], roots: list[Expr], arrays: dict[Any, Any], sizes: dict[str, int], real: Any
) -> dict[Expr, Any]:
    pending = Counter(o for node in order for o in node.operands)
    pending.update(roots)
    results: dict[Expr, Any] = {}
    for node in order:
        results[node] = node_value(node, results, arrays, sizes, real)
        for o in node.operands:
            pending[o] -= 1
            if not pending[o]:
                del results[o]
    return results


def node_value(
    node: Expr, results: Mapping[Expr, Any], arrays: Mapping[Any, Any], sizes: dict[str, int], real: Any
) -> Any:
    """The value of a node with a NumPy meaning, from those of its operands in `results`."""
    operands = _alike(node, [results[o] for o in node.operands], real)
    with naming(node, operands, sizes):
        value = arrays[node.name] if node.op in (SYMBOL, PARAMETER) else _value(node, operands, sizes)
    if node.op.keeps and node.dtype.startswith("float") and not _decided(node):
        value = value.astype(real)
    return np.asarray(value).item() if node.weak and not node.shape else value


def _decided(node: Expr) -> bool:
    """Whether an operand gives its dtype to the result."""
    return any(k not in node.op.keeps and not o.weak for k, o in enumerate(node.operands))


def _alike(node: Expr, operands: list[Any], default: Any) -> list[Any]:
    """Operands cast to one dtype: literals, truth values and whole numbers follow the real arrays they meet."""
    if not operands or node.op is NAMED:
        return operands
    kept = node.op.keeps
    pairs = [(x, o) for k, (x, o) in enumerate(zip(operands, node.operands, strict=True)) if k not in kept]
    strong = [x.dtype for x, o in pairs if not o.weak]
    real = [d for d in strong if d.kind == "f"]
    if real or (node.dtype.startswith("float") and not node.weak):
        target = np.result_type(*real) if real else default
    elif node.dtype == "bool":
        return operands
    else:
        target = np.dtype(node.dtype)
    return [
        x if k in kept else _cast(x, o, target) for k, (x, o) in enumerate(zip(operands, node.operands, strict=True))
    ]


def _cast(x: Any, operand: Expr, target: Any) -> Any:
    if isinstance(x, bool):  # a comparison of literals
        return int(x)
    if not isinstance(x, (np.ndarray, np.generic)) or x.dtype == target or (x.dtype.kind == "f" and not operand.weak):
        return x
    return x.astype(target)


def _value(node: Expr, operands: list[Any], sizes: dict[str, int]) -> Any:
    op, attributes = node.op, node.attributes
    if op is CONTRACT:
        return contracted(node, operands, _bound_shape(node, sizes))
    if op is ADD:
        return _sum(attributes["coefficients"], operands)
    if op is CONSTANT:
        return python_number(attributes["value"])
    if op is SIZE:
        return bind(attributes["dim"], sizes)
    if op is PI:
        return np.pi
    if node.weak and op.formula is not None and node.dtype.startswith("float"):
        operands = [float(x) if isinstance(x, int) else x for x in operands]  # whole numbers overflow in NumPy
    if op is EYE:
        return np.eye(bind(attributes["dim"], sizes))
    if op is ARRAY:
        return np.array([python_number(v) for v in attributes["values"]], node.dtype).reshape(attributes["shape"])
    assert op.kernel is not None
    try:
        return op.kernel(*operands, **{k: bound(v, sizes) for k, v in attributes.items()})
    except IndexError as error:
        raise IndexRangeError(f"{brief(node)}: {error}") from None
    except np.linalg.LinAlgError as error:
        raise unsolvable(brief(node), error) from None


def unsolvable(place: str, error: np.linalg.LinAlgError) -> LinearAlgebraError:
    """NumPy's message on a matrix, with the formula (or the line of code) that it stands in."""
    reason = str(error)[:1].lower() + str(error)[1:]
    return LinearAlgebraError(f"{place} cannot be computed at these values: {reason}")


def _bound_shape(node: Expr, sizes: dict[str, int]) -> tuple[int, ...]:
    """The shape as numbers where the form needs it; named forms take it from their operands."""
    if form(node).kind in ("fill", "broadcast_to", "contract", "einsum") or has_identity(node):
        return tuple(bind(d, sizes) for d in node.shape)
    return ()


def bound(value: Any, sizes: dict[str, int]) -> Any:
    """An attribute with the sizes in it replaced by their values, and exact numbers by Python's."""
    if isinstance(value, tuple):
        return tuple(bound(v, sizes) for v in value)
    if isinstance(value, Fraction):
        return python_number(value)
    return bind(value, sizes) if isinstance(value, sympy.Expr) else value


def _sum(coefficients: tuple[Any, ...], operands: list[Any]) -> Any:
    terms = [x if abs(c) == 1 else x * python_number(abs(c)) for c, x in zip(coefficients, operands, strict=True)]
    total = terms[0] if coefficients[0] > 0 else -terms[0]
    for c, term in zip(coefficients[1:], terms[1:], strict=True):
        total = total + term if c > 0 else total - term
    return total


def _finished(value: Any, root: Expr, inputs: Any, real: Any) -> Any:
    """An array that the caller may change: no view of an input, no literal of the wrong dtype."""
    literal = real or root.dtype  # beside real arrays a literal is real
    result = np.asarray(value, dtype=literal) if root.weak else np.asarray(value)
    if result.base is not None or not result.flags.writeable or any(result is x for x in inputs):
        result = result.copy()
    return result
