"""Derivatives that a user gives for an op of their own: formulas for scalar functions, rules for the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import DifferentiationError, FormulaError, ShapeError, UnsupportedError
from graphc.frontend.parse import parse
from graphc.frontend.templates import entrywise, names_of
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.arguments import shown
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import declared_at
from graphc.ops.leaves import as_expr

Rule = Callable[..., Any]


def given_partials(name: str, derivative: Any, variables: Sequence[Expr], output: Expr) -> tuple[Expr, ...]:
    """The partial derivatives of a scalar function as templates over its variables and its `output`, called y.

    Raises
    ------
    FormulaError, UnknownNameError
        If there is not one formula for each variable, or a formula cannot be read.
    """
    texts = [derivative] if isinstance(derivative, (str, int, float)) else derivative
    if not isinstance(texts, (tuple, list)) or len(texts) != len(variables):
        names = ", ".join(str(v.name) for v in variables)
        raise FormulaError(f"{name}: derivative needs a formula for each of {names}, got {shown(derivative)}")
    known = {"y": output} | {str(v.name): v for v in variables}
    return tuple(_partial(name, text if isinstance(text, str) else str(text), known) for text in texts)


def _partial(name: str, text: str, known: dict[str, Expr]) -> Expr:
    names_of(text)
    template = parse(text, **known)
    for node in topological([template]):
        if not entrywise(node.op):
            raise FormulaError(f"{name}: {node.op.name} does not act entry by entry; use @gc.op(vjp=...)")
    return template


def custom_rule(name: str, rule: Rule) -> Callable[[Expr, Expr], tuple[Expr | None, ...]]:
    """A user's function of operands, output and cotangent as a rule of a record, its results checked.

    Raises
    ------
    UnsupportedError
        If the rule is no function.
    """
    if not callable(rule):
        raise UnsupportedError(
            f"{name}: vjp is a function of the operands, the output and the cotangent, got {shown(rule)}"
        )
    kinds = inspect.signature(rule).parameters.values()
    anything = any(p.kind is p.VAR_KEYWORD for p in kinds)
    wanted = {p.name for p in kinds if p.kind is p.KEYWORD_ONLY}

    def custom(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        known = node.op.defaults or {}
        options = {key: node.attributes.get(key) for key in known if anything or key in wanted}
        try:
            inspect.signature(rule).bind(*node.operands, node, g, **options)
        except TypeError as error:
            count = len(node.operands)
            raise DifferentiationError(
                f"the vjp of {name} takes {count} operand{'s' * (count != 1)}, the output and the cotangent, in this "
                f"order, and options by name: {error}"
            ) from None
        found = rule(*node.operands, node, g, **options)
        results = found if isinstance(found, (tuple, list)) else (found,)
        if len(results) != len(node.operands):
            raise DifferentiationError(
                f"the vjp of {name} must give a cotangent for each of {len(node.operands)} operands (None for a "
                f"constant one), got {len(results)}"
            )
        return tuple(_fitted(name, o, r) for o, r in zip(node.operands, results, strict=True))

    return custom


def _fitted(name: str, operand: Expr, result: Any) -> Expr | None:
    """A cotangent of the operand's shape; numbers are stretched."""
    if result is None:
        return None
    found = as_expr(result)
    if not found.shape and found.weak:
        found = broadcast(found, operand.shape)
    same = found.ndim == operand.ndim and all(
        compare(a, b) != "different" for a, b in zip(found.shape, operand.shape, strict=True)
    )
    if not same:
        raise ShapeError(
            f"the vjp of {name} gives a cotangent of shape {shape_text(found.shape)} for an operand of shape "
            f"{shape_text(operand.shape)}{declared_at()}"
        )
    return found
