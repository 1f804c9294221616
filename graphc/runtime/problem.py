"""What a loss needs to be trained: its inputs, dropout masks and parameters, and the arrays that fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from graphc.errors import (
    DifferentiationError,
    NameConflictError,
    ShapeError,
    TrainingError,
    UnsupportedError,
    ValueMissingError,
)
from graphc.ir.dims import bind, dim_names, shape_text
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.runtime.binding import as_array, bind_sizes, given_sizes
from graphc.runtime.initialize import initial

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """The leaves of a loss by their part in training.

    Attributes
    ----------
    batched, whole : inputs cut into mini-batches along their first axis, and inputs passed as they are
    masks : dropout masks, drawn at each update
    parameters : what training changes
    batch : the dimension that counts the examples of a batch
    """

    batched: tuple[Expr, ...]
    whole: tuple[Expr, ...]
    masks: tuple[Expr, ...]
    parameters: tuple[Expr, ...]
    batch: sympy.Symbol

    @property
    def inputs(self) -> tuple[Expr, ...]:
        return self.batched + self.whole

    @property
    def leaves(self) -> tuple[Expr, ...]:
        """The arguments of the compiled step, in order."""
        return self.inputs + self.masks + self.parameters


def is_mask(leaf: Expr) -> bool:
    return leaf.op is SYMBOL and "dropout" in leaf.attributes


def problem_of(loss: Any, leaves: Sequence[Expr]) -> Problem:
    """The parts of `loss`, whose symbols and parameters are `leaves`.

    Raises
    ------
    UnsupportedError, DifferentiationError
        If the loss is no expression, or no scalar.
    TrainingError
        If it has no parameters, or no input whose first axis counts the examples.
    """
    parameters = tuple(leaf for leaf in leaves if leaf.op is PARAMETER)
    if not parameters:
        raise TrainingError(
            f"the loss {brief(loss)} has no parameters to train; declare them with parameter() instead of symbol()"
        )
    inputs = [leaf for leaf in leaves if leaf.op is SYMBOL and not is_mask(leaf)]
    masks = tuple(leaf for leaf in leaves if is_mask(leaf))
    batch = batch_dimension(inputs, parameters)
    batched = tuple(leaf for leaf in inputs if leaf.shape and leaf.shape[0] == batch)
    return Problem(batched, tuple(x for x in inputs if x not in batched), masks, parameters, batch)


def require_scalar(loss: Any) -> Expr:
    """`loss` if it is a scalar expression."""
    if not isinstance(loss, Expr):
        raise UnsupportedError(f"the loss must be an expression, got {loss!r} of type {type(loss).__name__}")
    if loss.ndim:
        raise DifferentiationError(
            f"the loss must be a scalar, but {brief(loss)} has shape {shape_text(loss.shape)}; "
            "take its mean() over the examples"
        )
    return loss


def batch_dimension(inputs: Sequence[Expr], parameters: Sequence[Expr]) -> sympy.Symbol:
    """The named size that leads the shapes of inputs and appears in no parameter."""
    fixed = set().union(*(dim_names(p.shape) for p in parameters))
    leading = {x.shape[0] for x in inputs if x.shape and isinstance(x.shape[0], sympy.Symbol)}
    found = sorted((d for d in leading if d.name not in fixed), key=str)
    if len(found) == 1:
        return found[0]
    shapes = ", ".join(f"{x.name} {shape_text(x.shape)}" for x in inputs) or "none"
    if not found:
        raise TrainingError(
            f"no input has a symbolic first size that counts the examples (inputs: {shapes}); "
            "declare for example symbol('X', ('n', 64))"
        )
    raise TrainingError(
        f"the sizes {' and '.join(map(str, found))} could each count the examples (inputs: {shapes}); "
        "give the inputs that are cut into batches the same first size"
    )


def checked_data(problem: Problem, data: Any, what: str = "data") -> tuple[Arrays, int]:
    """The arrays of the inputs, verified against their declarations, and the number of examples.

    Real inputs get one dtype: float32 if all those given as real numbers are.

    Raises
    ------
    ValueMissingError
        Naming every input without an array.
    ShapeError, DTypeError
        If an array does not fit its declaration, the lengths differ, or there are no examples.
    """
    if not isinstance(data, Mapping):
        raise UnsupportedError(f"{what} must map the names of inputs to arrays, got a {type(data).__name__}")
    missing = [f"{x.name} {shape_text(x.shape)}" for x in problem.inputs if x.name not in data]
    if missing:
        raise ValueMissingError(f"{what} has no array for {', '.join(missing)}")
    unknown = [name for name in data if name not in {leaf.name for leaf in problem.leaves}]
    if unknown:
        raise NameConflictError(
            f"{what} has {', '.join(map(repr, unknown))}, which the loss does not use; "
            f"its inputs are {', '.join(str(x.name) for x in problem.inputs)}"
        )
    arrays = {str(x.name): as_array(data[x.name], x) for x in problem.inputs}
    real = [str(x.name) for x in problem.inputs if x.dtype.startswith("float")]
    given = [np.asarray(data[name]).dtype for name in real if np.asarray(data[name]).dtype.kind == "f"]
    dtype = np.result_type(*given) if given else np.dtype(np.float64)  # whole numbers widen nothing
    arrays |= {name: arrays[name].astype(dtype, copy=False) for name in real}
    lengths = {str(x.name): len(arrays[str(x.name)]) for x in problem.batched}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise ShapeError(f"{what}: the numbers of examples differ: {told}")
    count = next(iter(lengths.values()))
    if not count:
        raise ShapeError(f"{what}: there are no examples ({', '.join(lengths)} of length 0)")
    return arrays, count


def common_dtype(problem: Problem, arrays: Arrays) -> Any:
    """The dtype of the real inputs, which `checked_data` made one: what the parameters are made in."""
    real = [arrays[str(x.name)].dtype for x in problem.inputs if x.dtype.startswith("float")]
    return real[0] if real else np.dtype(np.float64)


def starting_values(
    problem: Problem, arrays: Arrays, given: Mapping[str, Any], sizes: Mapping[str, int], random: Any
) -> Arrays:
    """Each parameter's first value: as `given`, or drawn in the way it declares.

    Raises
    ------
    ValueMissingError
        If a size of a parameter follows from no input and no given value.
    """
    names = [str(p.name) for p in problem.parameters]
    for name in given:
        if name not in names:
            raise NameConflictError(f"start has {name!r}, but the parameters are {', '.join(names)}")
    dtype = common_dtype(problem, arrays)
    known = {p: as_array(given[str(p.name)], p).astype(dtype) for p in problem.parameters if p.name in given}
    shapes = [arrays[str(x.name)].shape for x in problem.inputs] + [a.shape for a in known.values()]
    bound = bind_sizes([*problem.inputs, *known], shapes, given_sizes(sizes, (), sizes))
    values: Arrays = {}
    for p in problem.parameters:
        unknown = sorted(dim_names(p.shape) - bound.values.keys())
        if unknown:
            raise ValueMissingError(
                f"parameter {p.name} has shape {shape_text(p.shape)}, but no data tells the size {', '.join(unknown)}; "
                f"pass it, for example sizes={{{unknown[0]!r}: 32}}"
            )
        shape = tuple(bind(d, bound.values) for d in p.shape)
        values[str(p.name)] = known[p] if p in known else initial(p, shape, random, dtype)
    return values
