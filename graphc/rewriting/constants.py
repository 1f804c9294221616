"""Functions of exact numbers that are exact numbers: sin(0) is 0, max(2, 3) is 3, lgamma(1) is 0."""

from __future__ import annotations

import functools
from fractions import Fraction

import sympy

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.leaves import CONSTANT, constant
from graphc.rewriting.engine import Engine, law

EVALUATED = law("evaluate", "a function of numbers that is a number")


def evaluated(engine: Engine, node: Expr) -> Expr | None:
    """The rational value of a function entry by entry of rational numbers, if it has one."""
    known = node.op.formula is not None and node.op.body is None and registry.get(node.op.name) is node.op
    if not known or node.dtype == "bool" or not node.operands or any(o.op is not CONSTANT for o in node.operands):
        return None
    given = tuple(Fraction(o.attributes["value"]) for o in node.operands)
    options = tuple(sorted((k, v) for k, v in node.attributes.items() if isinstance(v, int)))
    value = rational_value(str(node.op.formula), given, options)
    if value is None:
        return None
    result = constant(value)
    engine.steps.append(EVALUATED.step(node, result))
    return result


@functools.lru_cache(maxsize=4096)
def rational_value(formula: str, given: tuple[Fraction, ...], options: tuple[tuple[str, int], ...]) -> Fraction | None:
    """A formula in SymPy's functions at rational numbers, if it is rational there."""
    at = dict(zip("xy", given, strict=False)) | dict(options)
    names = {name: sympy.Rational(value) for name, value in at.items()}
    try:
        value = sympy.sympify(formula, locals=names)
    except (TypeError, ValueError, ZeroDivisionError):  # not real there, or in no words of SymPy's
        return None
    return Fraction(int(value.p), int(value.q)) if isinstance(value, sympy.Rational) else None
