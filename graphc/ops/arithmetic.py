"""``+ - * / **`` and unary minus, with NumPy's broadcasting made explicit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import Dim, Shape, as_shape, compare, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops.broadcasting import brief, broadcast_error, broadcast_shapes, declared_at, one_shape, unify
from graphc.ops.contraction import ONE, aligned, contract
from graphc.ops.leaves import (
    SIZE,
    as_expr,
    constant,
    dim_of,
    magnitude,
    number,
    promote,
    refuse_magnitude,
    refuse_overflow,
    size,
)
from graphc.ops.notation import notation


def _infer_add(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    conditions: list[tuple[Dim, Dim]] = []
    first = operands[0]
    for other in operands[1:]:
        pairs = zip(first.shape, other.shape, strict=False)
        if other.ndim != first.ndim or not all(unify(a, b, conditions) for a, b in pairs):
            raise ShapeError(f"add: the operands must have one shape, got {first.shape} and {other.shape}")
    refuse_overflow(*attributes["coefficients"])
    dtype = promote(operands)
    whole = all(c.denominator == 1 for c in attributes["coefficients"])
    return first.shape, "float64" if dtype == "int64" and not whole else dtype


ADD = register(
    Op(
        "add",
        _infer_add,
        vjp=lambda node, g: tuple(scaled(c, g) for c in node.attributes["coefficients"]),
        conditions=one_shape,
        summary="A sum of terms with exact coefficients.",
    )
)


def combine(terms: list[tuple[Fraction, Expr]]) -> Expr:
    """``c1*t1 + c2*t2 + ...`` over terms of one shape."""
    return make(ADD, tuple(t for _, t in terms), coefficients=tuple(c for c, _ in terms))


def scaled(coefficient: Fraction | int, x: Expr) -> Expr:
    """``coefficient * x`` for an exact number."""
    if coefficient == 1:
        return x
    value = number(x)
    if value is not None:
        return constant(coefficient * value)
    if x.op is SIZE and Fraction(coefficient).denominator == 1:
        return size(dim_of(x) * int(coefficient))
    return contract([(x, aligned(x.shape, x.shape), ONE)], x.shape, coefficient)


def broadcast(x: Expr, shape: Shape) -> Expr:
    """`x` stretched to `shape` under NumPy's rules; the same object where nothing changes."""
    if x.ndim == len(shape) and all(_alike(a, b) for a, b in zip(x.shape, shape, strict=True)):
        return x
    value = number(x)
    if value is not None:
        return contract([], shape, value)
    return contract([(x, aligned(x.shape, shape), ONE)], shape)


def _alike(a: Dim, b: Dim) -> bool:
    """Whether an axis stays as it is: a literal 1 is stretched to any other size, also to one that may be 1."""
    return (a == 1) == (b == 1) and compare(a, b) != "different"


@notation
def broadcast_to(x: Any, shape: Any) -> Expr:
    """`x` stretched to `shape`, as ``numpy.broadcast_to``."""
    x, target = as_expr(x), as_shape(shape)
    if broadcast_shapes([target, x.shape], []) != target:
        raise ShapeError(
            f"broadcast_to: {brief(x)} has shape {shape_text(x.shape)} and cannot become {shape_text(target)}"
            f"{declared_at()}"
        )
    return broadcast(x, target)


def common_shape(operator: str, a: Expr, b: Expr) -> Shape:
    shape = broadcast_shapes([a.shape, b.shape], [])
    if shape is None:
        raise broadcast_error(operator, a, b)
    return shape


def _size_like(x: Expr) -> bool:
    value = number(x)
    return x.op is SIZE or (value is not None and value.denominator == 1)


def computed(a: Expr, b: Expr) -> bool:
    """Whether ``a * b`` is carried out or becomes a coefficient, so that it is no product of the two."""
    return number(a) is not None or number(b) is not None or (_size_like(a) and _size_like(b))


def _linear(operator: str, a: Any, b: Any, sign: int) -> Expr:
    a, b = as_expr(a), as_expr(b)
    va, vb = number(a), number(b)
    if va is not None and vb is not None:
        return constant(va + sign * vb)
    if _size_like(a) and _size_like(b):
        return size(dim_of(a) + sign * dim_of(b))
    shape = common_shape(operator, a, b)
    return combine([(ONE, broadcast(a, shape)), (Fraction(sign), broadcast(b, shape))])


def add(a: Any, b: Any) -> Expr:
    return _linear("+", a, b, 1)


def subtract(a: Any, b: Any) -> Expr:
    return _linear("-", a, b, -1)


def multiply(a: Any, b: Any) -> Expr:
    a, b = as_expr(a), as_expr(b)
    va, vb = number(a), number(b)
    if va is not None and vb is not None:
        return constant(va * vb)
    if _size_like(a) and _size_like(b):
        return size(dim_of(a) * dim_of(b))
    if va is not None:
        return scaled(va, b)
    if vb is not None:
        return scaled(vb, a)
    shape = common_shape("*", a, b)
    return contract([(a, aligned(a.shape, shape), 1), (b, aligned(b.shape, shape), 1)], shape)


def divide(a: Any, b: Any) -> Expr:
    a, b = as_expr(a), as_expr(b)
    va, vb = number(a), number(b)
    if vb == 0:
        raise UnsupportedError(f"{brief(a)}/0: division by the constant zero{declared_at()}")
    if vb is not None:
        return scaled(1 / vb, a)
    if va is not None:
        return contract([(b, aligned(b.shape, b.shape), -1)], b.shape, va)
    shape = common_shape("/", a, b)
    return contract([(a, aligned(a.shape, shape), 1), (b, aligned(b.shape, shape), -1)], shape)


def negative(x: Any) -> Expr:
    return scaled(-1, as_expr(x))


def rational_power(x: Expr, exponent: Fraction) -> Expr:
    """``x ** exponent`` for an exact exponent."""
    value = number(x)
    if exponent == 1:
        return x
    if exponent == 0:
        return broadcast(constant(1), x.shape)
    if value is not None and exponent.denominator == 1 and (value != 0 or exponent > 0) and abs(exponent) <= 1024:
        return constant(value**exponent.numerator)
    if value:
        refuse_magnitude(magnitude(value) * exponent)
    if x.op is SIZE and exponent.denominator == 1 and exponent > 0:
        return size(dim_of(x) ** exponent.numerator)
    return contract([(x, aligned(x.shape, x.shape), exponent)], x.shape)


def power(x: Any, exponent: Any) -> Expr:
    x, exponent = as_expr(x), as_expr(exponent)
    value = number(exponent)
    if value is not None:
        if number(x) == 0 and value < 0:
            raise UnsupportedError(f"0**{value}: division by the constant zero{declared_at()}")
        return rational_power(x, value)
    result: Expr = behaviour["general_power"](x, exponent)
    return result


@notation
def sqrt(x: Any) -> Expr:
    """The square root, entry by entry; the same node as ``x**(1/2)``."""
    return rational_power(as_expr(x), Fraction(1, 2))


behaviour.update(add=add, subtract=subtract, multiply=multiply, divide=divide, negative=negative, power=power)
