"""Elementwise ops: one record each, with the scalar formula, its derivative and the NumPy meaning.

A derivative is written with the output y where that is shorter (exp' = y, tanh' = 1 - y**2); a test compares
each with SymPy's derivative of the formula. Conventions where a function has a kink: relu'(0) = 0,
abs'(0) = sign(0) = 0; ``maximum`` and ``minimum`` give ties to their first argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import Fact, closure, nonnegative, positive, unit_interval
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import broadcast_error, broadcast_shapes, one_shape
from graphc.ops.leaves import as_expr, constant, promote, size
from graphc.ops.notation import functions, notation


def infer_float(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    dtype = promote(operands)
    return operands[0].shape, "float64" if dtype == "int64" else dtype


def infer_same(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return operands[0].shape, promote(operands)


def infer_bool(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return operands[0].shape, "bool"


def apply(op: Op, arguments: tuple[Any, ...], **attributes: Any) -> Expr:
    """`op` over `arguments` broadcast to their common shape."""
    operands = [as_expr(a) for a in arguments]
    shape: Shape = operands[0].shape
    for i, other in enumerate(operands[1:], 1):
        found = broadcast_shapes([shape, other.shape], [])
        if found is None:
            raise broadcast_error(op.name, operands[i - 1], other)
        shape = found
    return make(op, tuple(broadcast(o, shape) for o in operands), **attributes)


def _vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    assert node.op.derivative is not None
    partials = node.op.derivative(*node.operands, node)
    return tuple(None if d is None else g * d for d in partials)


def elementwise(
    name: str,
    formula: str,
    derivative: Callable[..., Any] | None,
    kernel: Callable[..., Any],
    *,
    latex: str | None = None,
    infer: Any = infer_float,
    facts: tuple[Fact, ...] = (),
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),),
    summary: str = "",
) -> Callable[..., Expr]:
    """Register an elementwise op and return the function that applies it."""

    def partials(*arguments: Expr) -> tuple[Expr | None, ...]:
        assert derivative is not None
        found = derivative(*arguments)
        return tuple(None if d is None else as_expr(d) for d in (found if isinstance(found, tuple) else (found,)))

    known = closure(facts)
    op = register(
        Op(
            name,
            infer,
            kernel=kernel,
            vjp=_vjp if derivative is not None else flat,
            derivative=partials if derivative is not None else None,
            formula=formula,
            facts=lambda node: known,
            conditions=one_shape,
            latex=latex,
            domain=domain,
            summary=summary,
        )
    )

    functions[name] = behaviour[name] = unary(op) if len(domain) == 1 else binary(op)
    return functions[name]


def flat(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """Piecewise constant: the derivative is 0 wherever it exists."""
    return (None,) * len(node.operands)


def unary(op: Op) -> Callable[..., Expr]:
    def function(x: Any, /) -> Expr:
        return apply(op, (x,))

    return _dressed(function, op)


def binary(op: Op) -> Callable[..., Expr]:
    def function(x: Any, y: Any, /) -> Expr:
        return apply(op, (x, y))

    return _dressed(function, op)


def _dressed(function: Callable[..., Expr], op: Op) -> Callable[..., Expr]:
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"{op.summary} Applied entry by entry: ``{op.formula}``."
    return function


def call(name: str, *arguments: Any) -> Any:
    """A function by name, for derivatives that refer to functions defined further down."""
    return functions[name](*arguments)


POSITIVE = ((0.2, 3.0),)
TWO = ((-2.0, 2.0), (-2.0, 2.0))

exp = elementwise(
    "exp", "exp(x)", lambda x, y: y, np.exp, latex=r"e^{{{0}}}", facts=(positive,), summary="Exponential."
)
log = elementwise(
    "log", "log(x)", lambda x, y: 1 / x, np.log, latex=r"\log {0}", domain=POSITIVE, summary="Natural logarithm."
)
log1p = elementwise(
    "log1p",
    "log(1 + x)",
    lambda x, y: 1 / (1 + x),
    np.log1p,
    latex=r"\log(1 + {0})",
    domain=POSITIVE,
    summary="log(1 + x), exact near 0.",
)
expm1 = elementwise(
    "expm1", "exp(x) - 1", lambda x, y: y + 1, np.expm1, latex=r"(e^{{{0}}} - 1)", summary="exp(x) - 1, exact near 0."
)
sign = elementwise("sign", "sign(x)", None, np.sign, infer=infer_same, summary="-1, 0 or 1; sign(0) is 0.")
round = elementwise(
    "round",
    "round(x)",
    None,
    np.rint,
    latex=r"\operatorname{{round}}({0})",
    infer=infer_same,
    summary="The nearest whole number, halves to the even one, as ``numpy.round``; its derivative is taken as 0.",
)
_floor = elementwise(
    "floor",
    "floor(x)",
    None,
    np.floor,
    latex=r"\lfloor {0} \rfloor",
    summary="The largest whole number up to x; its derivative is taken as 0.",
)
ceil = elementwise(
    "ceil",
    "ceiling(x)",
    None,
    np.ceil,
    latex=r"\lceil {0} \rceil",
    summary="The smallest whole number from x up; its derivative is taken as 0.",
)
trunc = elementwise(
    "trunc",
    "sign(x)*floor(Abs(x))",
    None,
    np.trunc,
    latex=r"\operatorname{{trunc}}({0})",
    summary="The whole number next to x towards 0; its derivative is taken as 0.",
)
_as_float = elementwise(
    "as_float",
    "x",
    lambda x, y: constant(1),
    np.positive,
    latex="{0}",
    summary="Whole numbers and truth values as real numbers, in the precision of the real arrays beside them.",
)
absolute = elementwise(
    "abs",
    "Abs(x)",
    lambda x, y: sign(x),
    np.abs,
    latex=r"\left|{0}\right|",
    infer=infer_same,
    facts=(nonnegative,),
    summary="Absolute value; its derivative at 0 is taken as 0.",
)
sin = elementwise("sin", "sin(x)", lambda x, y: call("cos", x), np.sin, latex=r"\sin {0}", summary="Sine.")
cos = elementwise("cos", "cos(x)", lambda x, y: -call("sin", x), np.cos, latex=r"\cos {0}", summary="Cosine.")
tanh = elementwise("tanh", "tanh(x)", lambda x, y: 1 - y**2, np.tanh, latex=r"\tanh {0}", summary="Hyperbolic tangent.")
sigmoid = elementwise(
    "sigmoid",
    "1/(1 + exp(-x))",
    lambda x, y: y * (1 - y),
    kernels.sigmoid,
    latex=r"\sigma({0})",
    facts=(unit_interval,),
    summary="Logistic function.",
)
softplus = elementwise(
    "softplus", "log(1 + exp(x))", lambda x, y: sigmoid(x), kernels.softplus, facts=(positive,), summary="Smooth relu."
)
greater = elementwise(
    "greater",
    "x > y",
    None,
    np.greater,
    latex="[{0} > {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x > y, 1 in arithmetic.",
)
greater_equal = elementwise(
    "greater_equal",
    "x >= y",
    None,
    np.greater_equal,
    latex=r"[{0} \ge {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x >= y, 1 in arithmetic.",
)
less = elementwise(
    "less",
    "x < y",
    None,
    np.less,
    latex="[{0} < {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x < y, 1 in arithmetic.",
)
less_equal = elementwise(
    "less_equal",
    "x <= y",
    None,
    np.less_equal,
    latex=r"[{0} \le {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x <= y, 1 in arithmetic.",
)
equal = elementwise(
    "equal",
    "Eq(x, y)",
    None,
    np.equal,
    latex="[{0} = {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x == y, 1 in arithmetic.",
)
not_equal = elementwise(
    "not_equal",
    "Ne(x, y)",
    None,
    np.not_equal,
    latex=r"[{0} \ne {1}]",
    infer=infer_bool,
    domain=TWO,
    summary="True where x != y, 1 in arithmetic.",
)
relu = elementwise(
    "relu",
    "Max(x, 0)",
    lambda x, y: greater(x, 0),
    kernels.relu,
    latex=r"\operatorname{{relu}}({0})",
    infer=infer_same,
    facts=(nonnegative,),
    summary="max(x, 0); its derivative at 0 is taken as 0.",
)
maximum = elementwise(
    "maximum",
    "Max(x, y)",
    lambda a, b, y: (greater_equal(a, b), greater(b, a)),
    np.maximum,
    latex=r"\max({0}, {1})",
    infer=infer_same,
    domain=TWO,
    summary="The larger of two; at ties the derivative goes to the first.",
)
minimum = elementwise(
    "minimum",
    "Min(x, y)",
    lambda a, b, y: (less_equal(a, b), less(b, a)),
    np.minimum,
    latex=r"\min({0}, {1})",
    infer=infer_same,
    domain=TWO,
    summary="The smaller of two; at ties the derivative goes to the first.",
)
general_power = elementwise(
    "general_power",
    "x**y",
    lambda a, b, y: (b * y / a, y * log(a)),
    np.power,
    latex="{{{0}}}^{{{1}}}",
    domain=((0.2, 2.0), (-2.0, 2.0)),
    summary="x**y for a positive x and a symbolic exponent.",
)
del functions["general_power"]  # written x**y


@notation
def as_float(x: Any) -> Expr:
    """Whole numbers and truth values as real numbers, in the precision of the real arrays beside them."""
    array = as_expr(x)
    return array if array.dtype.startswith("float") else _as_float(array)


@notation
def floor(x: Any) -> Expr:
    """The largest whole number up to `x`, as ``numpy.floor``; of a size, such as ``n/2``, a size again."""
    return size(sympy.floor(x)) if isinstance(x, sympy.Expr) else _floor(x)
