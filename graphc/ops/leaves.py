"""Leaves: symbols, parameters, exact constants, sizes, the identity; and names for intermediates."""

from __future__ import annotations

import keyword
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any

import numpy as np
import sympy

from graphc.errors import DTypeError, NameConflictError, ShapeError, UnsupportedError
from graphc.ir.dims import as_dim, as_shape, integer
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import Fact, as_facts, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops.notation import notation

DTYPES = ("float64", "float32", "int64", "bool")


def _infer_symbol(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return attributes["shape"], attributes["dtype"]


def _symbol_facts(node: Expr) -> frozenset[Fact]:
    return closure(node.attributes.get("facts", ()))


SYMBOL = register(
    Op("symbol", _infer_symbol, facts=_symbol_facts, summary="An input array, declared by name and shape.")
)
PARAMETER = register(
    Op(
        "parameter",
        _infer_symbol,
        facts=_symbol_facts,
        summary="An array that training changes, declared like a symbol.",
    )
)


def _declare(op: Op, name: Any, shape: Any, dtype: Any, facts: Any, **extra: Any) -> Expr:
    name = checked_name(name)
    sizes = as_shape(shape)
    kind = checked_dtype(dtype, name)
    known = as_facts(facts, sizes, name)
    return make(op, (), name=name, shape=sizes, dtype=kind, facts=known or None, **extra)


def checked_name(name: Any) -> str:
    """`name` if it can stand in a formula."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise NameConflictError(f"a name must be a Python identifier such as 'W' or 'x_1', got {name!r}")
    return name


def checked_dtype(dtype: Any, owner: str) -> str:
    kind: str
    try:
        kind = np.dtype(dtype).name
    except (TypeError, ValueError):
        kind = str(dtype)
    if kind not in DTYPES:
        raise DTypeError(f"{owner}: the dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    return kind


def symbol(name: str, shape: Any = (), /, *, dtype: Any = "float64", facts: Any = ()) -> Expr:
    """Declare an input array.

    Parameters
    ----------
    name : str
        An identifier. Symbols with the same name, shape, dtype and facts are the same object.
    shape : tuple of int, str or SymPy expression
        Sizes; ``()`` for a scalar. Names and expressions are symbolic sizes: ``("n", "2*d")``.
    dtype : "float64" (default), "float32", "int64" or "bool"
    facts : sequence of str or of ``graphc.facts`` objects
        What is known of the entries, for example ``["one_hot"]``.

    Raises
    ------
    NameConflictError, ShapeError, DTypeError, FactError
        If the name is no identifier, a size is no size, the dtype is unknown, or a fact does not fit.
    """
    return _declare(SYMBOL, name, shape, dtype, facts)


def parameter(
    name: str, shape: Any = (), /, *, dtype: Any = "float64", facts: Any = (), init: str | None = None
) -> Expr:
    """Declare an array that training changes; like `symbol`, with a way to draw its first value.

    Parameters
    ----------
    init : {"he_normal", "glorot_uniform", "normal", "zeros", "ones"}, optional
        Used by ``train.fit`` (default: glorot_uniform for two and more axes, zeros otherwise).
    """
    if init is not None and not (isinstance(init, str) and init in INITIALIZERS):
        raise UnsupportedError(f"parameter {name}: unknown initializer {init!r}; known: {', '.join(INITIALIZERS)}")
    return _declare(PARAMETER, name, shape, dtype, facts, init=init)


INITIALIZERS = ("he_normal", "glorot_uniform", "normal", "zeros", "ones")


def refuse_overflow(*values: Fraction) -> None:
    """Numbers that float64 cannot hold are refused where they are written, or where they come about."""
    for value in values:
        refuse_magnitude(magnitude(value))
        if is_long(value) and decimal_text(value) is None:
            raise UnsupportedError("a number of the formula has more digits than can be written as a quotient")


def refuse_magnitude(exponent: Fraction | int) -> None:
    """As `refuse_overflow`, for a number near ``2**exponent``."""
    if exponent > MAX_EXPONENT:
        raise UnsupportedError("a number of the formula is too large to compute with: it is above about 1e308")


def magnitude(value: Fraction) -> int:
    """The power of two next to a number."""
    return value.numerator.bit_length() - value.denominator.bit_length()


MAX_EXPONENT = 1023  # of two, in float64


def is_long(value: Fraction) -> bool:
    """Whether a term of the quotient is itself a number that float64 cannot hold."""
    return max(abs(value.numerator), value.denominator).bit_length() > MAX_EXPONENT


def decimal_text(value: Fraction) -> str | None:
    """A number as its digits and a power of ten, ``25e-401``; None if no decimal is exact."""
    rest, twos, fives = value.denominator, 0, 0
    twos = (rest & -rest).bit_length() - 1
    rest >>= twos
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    places = max(twos, fives)
    return f"{value * 10**places}e-{places}" if rest == 1 and places <= MOST_PLACES else None


MOST_PLACES = 4000


def _infer_constant(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    refuse_overflow(attributes["value"])
    return (), "int64" if attributes["value"].denominator == 1 else "float64"


CONSTANT = register(
    Op(
        "constant",
        _infer_constant,
        literal=True,
        summary="An exact rational number.",
    )
)
SIZE = register(
    Op(
        "size",
        lambda operands, attributes: ((), "int64"),
        literal=True,
        summary="The value of a dimension, as a number.",
    )
)
PI = register(Op("pi", lambda operands, attributes: ((), "float64"), literal=True, summary="The number pi."))
ARRAY = register(
    Op(
        "array",
        lambda operands, attributes: (attributes["shape"], attributes.get("dtype", "float64")),
        literal=True,
        summary="An exact array, written as nested lists.",
    )
)
EYE = register(
    Op(
        "eye",
        lambda operands, attributes: ((attributes["dim"],) * 2, "float64"),
        literal=True,
        facts=lambda node: closure([Fact("spd"), Fact("orthogonal")]),
        summary="The identity matrix; the delta of index notation.",
    )
)


def exact(value: Any) -> Fraction:
    """A Python or NumPy number as the rational that its shortest decimal form denotes: 0.1 is 1/10."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, Integral):
        return Fraction(int(value))
    if isinstance(value, Real):
        if not np.isfinite(float(value)):
            masks = "; masked_softmax and attention take masks" if value == -np.inf else ""
            raise UnsupportedError(f"constants must be finite numbers, got {value}{masks}")
        return Fraction(str(value))
    raise UnsupportedError(f"expected a real number, got {value!r} of type {type(value).__name__}")


def constant(value: Any, /) -> Expr:
    """An exact constant: a number, or nested lists or an array of numbers (``0.1`` is one tenth)."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (list, tuple)) and any(isinstance(v, Expr) for v in value):
        raise UnsupportedError(
            f"a {type(value).__name__} of {len(value)} expressions is not one array: "
            "pick one by its number, or join them with stack or concat"
        )
    if isinstance(value, (list, tuple, np.ndarray)) and not (isinstance(value, np.ndarray) and value.ndim == 0):
        entries = np.asarray(value, dtype=object)
        if entries.size == 0 and 0 in entries.shape[:-1] and entries.ndim > 1:
            raise UnsupportedError(f"an array of shape {entries.shape} cannot be written as nested lists; use zeros()")
        flat = entries.reshape(-1)
        if any(isinstance(v, (list, tuple)) for v in flat):
            raise ShapeError("a constant array needs rows of equal length")
        return make(ARRAY, (), values=tuple(exact(v) for v in flat), shape=entries.shape)
    if isinstance(value, np.ndarray):
        value = value[()]
    return make(CONSTANT, (), value=exact(value))


def size(dim: Any) -> Expr:
    """The value of a dimension as a number, for example the n in ``sum(x)/n``.

    Sums and products of sizes are sizes again, negative ones too (``3 - n``); ``n*(n - 1)/2`` is a quotient of two.
    """
    if isinstance(dim, sympy.Expr) and dim.is_Integer:
        return constant(int(dim))
    found = as_dim(dim)
    if isinstance(found, int):
        return constant(found)
    if found.is_Symbol:
        return make(SIZE, (), dim=found)
    return make(SIZE, (), dim=found) if whole(found) else size_quotient(found)


def whole(dim: sympy.Expr) -> bool:
    """Whether a size is written without a quotient."""
    return bool(sympy.fraction(sympy.together(dim))[1] == 1)


pi = make(PI)


@notation
def eye(n: Any) -> Expr:
    """The identity matrix of size (n, n)."""
    return make(EYE, (), dim=as_dim(dim_of(n)))


@notation
def identity(n: Any) -> Expr:
    """The identity matrix of size (n, n), as `eye`."""
    return eye(n)


def dim_of(value: Any) -> Any:
    """A size given as a number, a dimension, or the expression of one."""
    if isinstance(value, Expr):
        if value.op is SIZE:
            return value.attributes["dim"]
        if value.op is CONSTANT and value.attributes["value"].denominator == 1:
            return int(value.attributes["value"])
        raise ShapeError(f"a size must be a whole number or a dimension, got {value}")
    found = integer(value)
    return value if found is None else found


def as_expr(value: Any) -> Expr:
    """An operand of an operator: expressions as they are, numbers, arrays and dimensions as leaves.

    Raises
    ------
    UnsupportedError
        For anything that has no exact meaning in an expression.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, sympy.Expr):
        if value.is_Rational:
            return constant(Fraction(int(value.p), int(value.q)))
        if value.is_Float:
            return constant(float(value))
        return size_quotient(value)
    if isinstance(value, (bool, np.bool_)):
        return constant(int(value))
    if isinstance(value, (Real, np.number, list, tuple, np.ndarray)):
        return constant(value)
    raise UnsupportedError(
        f"cannot use {value!r} of type {type(value).__name__} in an expression; "
        "use symbols, numbers, arrays or dimensions"
    )


def size_quotient(value: sympy.Expr) -> Expr:
    """An expression of dimensions such as ``2*n/d`` as a number."""
    top, bottom = sympy.fraction(sympy.together(value))
    numerator, denominator = size(top), size(bottom)
    if bottom == 1:
        return numerator
    quotient: Expr = behaviour["divide"](numerator, denominator)
    return quotient


def number(expr: Expr) -> Fraction | None:
    """The value of a constant, None for anything else."""
    value: Fraction | None = expr.attributes["value"] if expr.op is CONSTANT else None
    return value


NAMED = register(
    Op(
        "named",
        lambda operands, attributes: (operands[0].shape, operands[0].dtype),
        kernel=lambda x, **_: x,
        vjp=lambda node, g: (g,),
        facts=lambda node: node.operands[0].op.facts(node.operands[0]),
        summary="A name for an intermediate; algebra sees through it.",
    )
)


def named(expr: Expr, name: str) -> Expr:
    if expr.op is NAMED:
        expr = expr.operands[0]
    if expr.op in (SYMBOL, PARAMETER):
        raise NameConflictError(f"{expr.name} is a symbol and has a name already; name an intermediate result instead")
    return make(NAMED, (expr,), name=checked_name(name))


behaviour["named"] = named


def promote(operands: tuple[Expr, ...]) -> str:
    """The dtype of an arithmetic result: literals give way, truth values count as integers, integers as reals.

    Unlike NumPy's, a float32 stays float32 beside whole numbers (a count of ties, a class index).
    """
    strong = [o.dtype for o in operands if not o.weak] or [o.dtype for o in operands if not filled(o)]
    strong = strong or [o.dtype for o in operands]
    if not strong:
        return "int64"
    strong = [d for d in strong if d.startswith("float")] or strong
    found = strong[0] if len(set(strong)) == 1 else np.result_type(*strong).name
    if found == "bool":
        found = "int64"
    if found == "int64" and any(fractional(o) for o in operands if o.weak):
        return "float64"
    return found


def filled(literal: Expr) -> bool:
    """Whether a literal is one whole number stretched, which is whole beside whole numbers."""
    value = literal.attributes.get("coefficient")
    return not literal.operands and value is not None and value.denominator == 1


def fractional(literal: Expr) -> bool:
    """Whether a literal makes whole numbers real: 1/2 does, 1 does not."""
    value = literal.attributes.get("value", literal.attributes.get("coefficient") if not literal.operands else None)
    return literal.dtype == "float64" and (value is None or value.denominator != 1)
