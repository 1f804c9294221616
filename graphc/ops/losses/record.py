"""A loss is declared by a function: parameters without a default are operands, the others are options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, normalize_axes
from graphc.ops.defined import defined
from graphc.ops.leaves import as_expr, constant, exact, number
from graphc.ops.notation import notation

Loss = Callable[..., Expr]


def loss(*examples: Any, latex: str | None = None) -> Callable[[Loss], Loss]:
    """Register the function that follows as a defined op; its gradient is derived from it.

    An option that is a number stays an exact number of the node; one that is an expression becomes an operand, with
    the options before it, so that a loss can be differentiated by its margin or temperature.
    """

    def declare(function: Loss) -> Loss:
        name, signature = function.__name__, inspect.signature(function)
        parameters = signature.parameters.values()
        required = sum(p.default is p.empty for p in parameters)
        defaults = {p.name: _constant(p.default) for p in parameters if p.default is not p.empty}

        def body(node: Expr) -> Expr:
            given = [node.attributes.get(key) for key in defaults]
            given[: len(node.operands) - required] = node.operands[required:]
            return function(*node.operands[:required], *given)

        record = defined(
            name,
            body,
            opens=True,
            defaults=defaults,
            replaceable=True,
            latex=latex,
            domain=((0.1, 0.9),) * required,
            summary=(inspect.getdoc(function) or "").partition("\n")[0],
            examples=tuple(_example(e) for e in examples),
        )

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Expr:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise UnsupportedError(f"{name}{_shown(signature)}: {error}{declared_at()}") from None
            bound.apply_defaults()
            values = list(bound.arguments.values())
            operands = [as_expr(v) for v in values[:required]]
            options = [_option(name, key, v, operands[0]) for key, v in zip(defaults, values[required:], strict=True)]
            symbolic = max((i + 1 for i, v in enumerate(options) if isinstance(v, Expr)), default=0)
            operands += [as_expr(v) for v in options[:symbolic]]
            kept = [*list(defaults.values())[:symbolic], *options[symbolic:]]
            return make(record, operands, **dict(zip(defaults, kept, strict=True)))

        return notation(call)

    return declare


def _example(given: Any) -> tuple[str, dict[str, Any]]:
    """A formula with the shapes of its names; those of a formula alone are rows of the same shape."""
    if isinstance(given, tuple):
        return given
    inside = given.partition("(")[2].rstrip(")").split(", ")
    return given, {name: ("n", "d") for name in inside if "=" not in name}


def _constant(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) else Fraction(value)


def _shown(signature: inspect.Signature) -> str:
    shown = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in signature.parameters.values()]
    return f"({', '.join(shown)})"


def _option(name: str, key: str, value: Any, x: Expr) -> Any:
    if key == "axis":
        return _axes(name, value, x)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Expr):
        known = number(value)
        return value if known is None else known
    try:
        return exact(value)
    except UnsupportedError:
        raise UnsupportedError(f"{name}: {key} must be a number, got {value!r}{declared_at()}") from None


def _axes(name: str, axis: Any, x: Expr) -> Any:
    """Axes counted from the end; None stands for all."""
    if axis is None:
        return None
    found = tuple(a - x.ndim for a in normalize_axes(axis, x, name))
    return found[0] if len(found) == 1 else found


def matched(name: str, *arrays: Any) -> list[Expr]:
    """Arrays whose common shape is that of one of them; they are not stretched yet.

    Raises
    ------
    ShapeError
        If they do not fit, or if stretching would give more entries than any of them has, as (n,) with (n, 1).
    """
    given = [as_expr(a) for a in arrays]
    if broadcast_shapes([a.shape for a in given], []) not in [a.shape for a in given]:
        shapes = ", ".join(f"{brief(a)} is {shape_text(a.shape)}" for a in given)
        raise ShapeError(
            f"{name}: the arrays must have one shape, or stretch to that of the largest: {shapes}{declared_at()}"
        )
    return given


def fitted(name: str, *arrays: Any) -> list[Expr]:
    """Arrays as of `matched`, stretched to the shape of the largest, for sums along an axis."""
    given = matched(name, *arrays)
    shape = broadcast_shapes([a.shape for a in given], [])
    return [a if shape is None else broadcast(a, shape) for a in given]


def at_least(name: str, least: int, *, strict: bool = False, **given: Any) -> None:
    """Numbers among the options are in their range."""
    for key, value in given.items():
        if isinstance(value, Fraction) and (value < least or (strict and value == least)):
            bound = f"above {least}" if strict else f"{least} or more"
            raise UnsupportedError(f"{name}: {key} must be {bound}, got {constant(value)}{declared_at()}")


def within(name: str, low: int, high: int, **given: Any) -> None:
    for key, value in given.items():
        if isinstance(value, Fraction) and not low <= value <= high:
            raise UnsupportedError(f"{name}: {key} lies between {low} and {high}, got {constant(value)}{declared_at()}")


def described(x: Expr) -> str:
    return f"{brief(x)} of shape {shape_text(x.shape)}"
