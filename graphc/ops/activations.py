"""Activation functions: each is its formula, and its derivative follows from that.

Names, options and their defaults are PyTorch's. Where a formula is given piece by piece the derivative is written
beside it, with its convention at the kinks (PyTorch's), and with the value y where that is shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ir.facts import closure, nonnegative
from graphc.ir.op import Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import broadcast, sqrt
from graphc.ops.broadcasting import brief, declared_at, one_shape
from graphc.ops.defined import defined, one_axis, softmax
from graphc.ops.elementwise import (
    absolute,
    apply,
    exp,
    greater,
    infer_float,
    less,
    less_equal,
    maximum,
    minimum,
    sigmoid,
    softplus,
    tanh,
)
from graphc.ops.leaves import NAMED, as_expr, constant, exact, pi
from graphc.ops.notation import functions, notation
from graphc.ops.reductions import where
from graphc.ops.special import erf


def option(node: Expr, key: str) -> Expr:
    """A numeric option of a node, which a derivative may be given under a name."""
    while node.op is NAMED:
        node = node.operands[0]
    return constant(node.attributes[key])


def activation(
    name: str,
    formula: str,
    body: Callable[[Expr], Expr],
    *,
    derivative: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    **fields: Any,
) -> Op:
    """Register a function of each entry by its body; its derivative is derived unless `derivative` gives it."""

    def partials(*arguments: Expr) -> tuple[Expr, ...]:
        assert derivative is not None
        found = derivative(*arguments)
        return tuple(as_expr(d) for d in (found if isinstance(found, tuple) else (found,)))

    def vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        return tuple(g * d for d in partials(*node.operands, node))

    fields = {"domain": ((-2.0, 2.0),), "examples": ((f"{name}(x)", {"x": ("n", "d")}),)} | fields
    record = Op(
        name,
        infer_float,
        vjp=vjp if derivative else None,
        derivative=partials if derivative else None,
        formula=formula,
        body=lambda node: broadcast(body(node), node.operands[0].shape),
        conditions=one_shape,
        defaults=options or {},
        replaceable=True,
        **fields,
    )
    return register(record)


def plain(op: Op) -> Callable[..., Expr]:
    """The function of an activation without options."""

    def function(x: Any, /) -> Expr:
        return apply(op, (x,))

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"{op.summary} Applied entry by entry: ``{op.formula}``."
    return notation(function)


def numbers(what: str, **given: Any) -> dict[str, Fraction]:
    """Options as exact numbers."""
    try:
        return {key: exact(value) for key, value in given.items()}
    except (UnsupportedError, TypeError, ValueError):
        shown = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise UnsupportedError(f"{what}: options are numbers, got {shown}{declared_at()}") from None


def _silu(node: Expr) -> Expr:
    x = node.operands[0]
    return x * sigmoid(x)


def _gelu(node: Expr) -> Expr:
    x = node.operands[0]
    if node.attributes["approximate"] == "tanh":
        return x * (1 + tanh(sqrt(2 / pi) * (x + constant(Fraction("0.044715")) * x**3))) / 2
    return x * (1 + erf(x / sqrt(2))) / 2


def _elu(node: Expr) -> Expr:
    x = node.operands[0]
    return where(greater(x, 0), x, option(node, "alpha") * (exp(x) - 1))


def _celu(node: Expr) -> Expr:
    x, alpha = node.operands[0], option(node, "alpha")
    return where(greater(x, 0), x, alpha * (exp(x / alpha) - 1))


# Klambauer, Unterthiner, Mayr, Hochreiter, "Self-Normalizing Neural Networks", 2017: the slope above 0, and the limit
SELU_SLOPE, SELU_LIMIT = Fraction("1.0507009873554805"), Fraction("1.7580993408473766")


def _selu(node: Expr) -> Expr:
    x = node.operands[0]
    return where(greater(x, 0), SELU_SLOPE * x, SELU_LIMIT * (exp(x) - 1))


def _relu6(x: Any) -> Expr:
    return minimum(maximum(x, 0), 6)


def _inside(x: Expr, low: Any, high: Any) -> Expr:
    return greater(x, low) * less(x, high)


def _softshrink(node: Expr) -> Expr:
    x, lambd = node.operands[0], option(node, "lambd")
    return where(greater(x, lambd), x - lambd, where(less(x, -lambd), x + lambd, 0))


def _leaky_relu(node: Expr) -> Expr:
    x = node.operands[0]
    return where(greater(x, 0), x, option(node, "negative_slope") * x)


silu = plain(
    activation(
        "silu",
        "x*sigmoid(x)",
        _silu,
        summary="The sigmoid-weighted linear unit, called swish as well (Elfwing, Uchibe, Doya 2017).",
    )
)
functions["swish"] = behaviour["swish"] = swish = silu
mish = plain(
    activation(
        "mish",
        "x*tanh(softplus(x))",
        lambda node: node.operands[0] * tanh(softplus(node.operands[0])),
        summary="A smooth unit that is bounded below (Misra 2019).",
    )
)
logsigmoid = plain(
    activation(
        "logsigmoid",
        "log(sigmoid(x))",
        lambda node: -softplus(-node.operands[0]),
        latex=r"\log\sigma({0})",
        summary="The logarithm of the sigmoid, without overflow.",
    )
)
softsign = plain(
    activation(
        "softsign",
        "x/(1 + abs(x))",
        lambda node: node.operands[0] / (1 + absolute(node.operands[0])),
        derivative=lambda x, y: 1 / (1 + absolute(x)) ** 2,
        summary="A sigmoid with slow tails (Turian, Bergstra, Bengio 2009).",
    )
)
tanhshrink = plain(
    activation(
        "tanhshrink", "x - tanh(x)", lambda node: node.operands[0] - tanh(node.operands[0]), summary="x less tanh(x)."
    )
)
relu6 = plain(
    activation(
        "relu6",
        "minimum(maximum(x, 0), 6)",
        lambda node: _relu6(node.operands[0]),
        derivative=lambda x, y: _inside(x, 0, 6),
        facts=lambda node: closure([nonnegative]),
        summary="relu(x) up to 6 (Krizhevsky 2010); its derivative at 0 and 6 is taken as 0.",
    )
)
hardsigmoid = plain(
    activation(
        "hardsigmoid",
        "minimum(maximum(x + 3, 0), 6)/6",
        lambda node: _relu6(node.operands[0] + 3) / 6,
        derivative=lambda x, y: _inside(x, -3, 3) / 6,
        facts=lambda node: closure([nonnegative]),
        summary="A piecewise linear sigmoid; its derivative at -3 and 3 is taken as 0.",
    )
)
hardswish = plain(
    activation(
        "hardswish",
        "x*minimum(maximum(x + 3, 0), 6)/6",
        lambda node: node.operands[0] * _relu6(node.operands[0] + 3) / 6,
        derivative=lambda x, y: where(less_equal(x, -3), 0, where(less(x, 3), x / 3 + Fraction(1, 2), 1)),
        summary="x*hardsigmoid(x) (Howard et al. 2019); its derivative is taken as 0 at -3 and as 1 at 3.",
    )
)
selu = plain(
    activation(
        "selu",
        "where(x > 0, 1.0507009873554805*x, 1.7580993408473766*(exp(x) - 1))",
        _selu,
        derivative=lambda x, y: where(greater(x, 0), SELU_SLOPE, y + SELU_LIMIT),
        kernel=kernels.selu,
        summary="The self-normalizing unit (Klambauer et al. 2017).",
    )
)

GELU = activation(
    "gelu",
    "x*(1 + erf(x/sqrt(2)))/2",
    _gelu,
    options={"approximate": "none"},
    examples=(("gelu(x)", {"x": ("n", "d")}), ("gelu(x, approximate='tanh')", {"x": ("n",)})),
    summary="x times the probability that a standard normal variable is below x.",
)
ELU = activation(
    "elu",
    "where(x > 0, x, alpha*(exp(x) - 1))",
    _elu,
    derivative=lambda x, y: where(greater(x, 0), 1, y + option(y, "alpha")),
    options={"alpha": Fraction(1)},
    kernel=kernels.elu,
    examples=(("elu(x)", {"x": ("n", "d")}), ("elu(x, alpha=0.1)", {"x": ("n",)})),
    summary="Linear above 0, exponential below.",
)
CELU = activation(
    "celu",
    "where(x > 0, x, alpha*(exp(x/alpha) - 1))",
    _celu,
    derivative=lambda x, y: where(greater(x, 0), 1, y / option(y, "alpha") + 1),
    options={"alpha": Fraction(1)},
    kernel=kernels.celu,
    examples=(("celu(x)", {"x": ("n", "d")}), ("celu(x, alpha=2)", {"x": ("n",)})),
    summary="Linear above 0, exponential below, without a kink.",
)
LEAKY_RELU = activation(
    "leaky_relu",
    "where(x > 0, x, negative_slope*x)",
    _leaky_relu,
    derivative=lambda x, y: where(greater(x, 0), 1, option(y, "negative_slope")),
    options={"negative_slope": Fraction(1, 100)},
    examples=(("leaky_relu(x)", {"x": ("n", "d")}), ("leaky_relu(x, negative_slope=0.2)", {"x": ("n",)})),
    summary="x above 0, a small multiple of it below.",
)
HARDTANH = activation(
    "hardtanh",
    "minimum(maximum(x, min_val), max_val)",
    lambda node: minimum(maximum(node.operands[0], option(node, "min_val")), option(node, "max_val")),
    derivative=lambda x, y: _inside(x, option(y, "min_val"), option(y, "max_val")),
    options={"min_val": Fraction(-1), "max_val": Fraction(1)},
    examples=(("hardtanh(x)", {"x": ("n", "d")}), ("hardtanh(x, min_val=0, max_val=1/2)", {"x": ("n",)})),
    summary="x kept between two bounds, on which the derivative is taken as 0.",
)
SOFTSHRINK = activation(
    "softshrink",
    "where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))",
    _softshrink,
    derivative=lambda x, y: greater(absolute(x), option(y, "lambd")),
    options={"lambd": Fraction(1, 2)},
    examples=(("softshrink(x)", {"x": ("n", "d")}), ("softshrink(x, lambd=0.1)", {"x": ("n",)})),
    summary="x moved towards 0 by lambd: the proximal operator of lambd*abs(x).",
)
HARDSHRINK = activation(
    "hardshrink",
    "where(abs(x) > lambd, x, 0)",
    lambda node: where(greater(absolute(node.operands[0]), option(node, "lambd")), node.operands[0], 0),
    derivative=lambda x, y: greater(absolute(x), option(y, "lambd")),
    options={"lambd": Fraction(1, 2)},
    examples=(("hardshrink(x)", {"x": ("n", "d")}), ("hardshrink(x, lambd=0.1)", {"x": ("n",)})),
    summary="x, or 0 where its absolute value is at most lambd.",
)
THRESHOLD = activation(
    "threshold",
    "where(x > threshold, x, value)",
    lambda node: where(greater(node.operands[0], option(node, "threshold")), node.operands[0], option(node, "value")),
    derivative=lambda x, y: greater(x, option(y, "threshold")),
    options={"threshold": Fraction(0), "value": Fraction(0)},
    examples=(("threshold(x, threshold=1/2, value=-1)", {"x": ("n", "d")}),),
    summary="x above a threshold, a value below.",
)
PRELU = activation(
    "prelu",
    "where(x > 0, x, a*x)",
    lambda node: where(greater(node.operands[0], 0), node.operands[0], node.operands[1] * node.operands[0]),
    derivative=lambda x, a, y: (where(greater(x, 0), 1, a), where(greater(x, 0), 0, x)),
    domain=((-2.0, 2.0), (0.0, 1.0)),
    examples=(("prelu(x, a)", {"x": ("n", "d"), "a": ("d",)}), ("prelu(x, a)", {"x": ("n", "c", 2), "a": ()})),
    summary="x above 0, a learned multiple of it below.",
)
SOFTMIN = defined(
    "softmin",
    lambda node: softmax(-node.operands[0], axis=node.attributes["axis"]),
    infer_float,
    opens=True,
    defaults={"axis": -1},
    replaceable=True,
    examples=(("softmin(x)", {"x": ("n", "d")}), ("softmin(x, axis=0)", {"x": ("n", "d")})),
    summary="softmax(-x) along an axis.",
)


@notation
def gelu(x: Any, approximate: str = "none") -> Expr:
    """``x*(1 + erf(x/sqrt(2)))/2``, or with approximate="tanh" ``x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))/2``.

    Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016.

    Raises
    ------
    UnsupportedError
        If `approximate` is neither "none" nor "tanh".
    """
    if approximate not in ("none", "tanh"):
        raise UnsupportedError(f"gelu: approximate is 'none' or 'tanh', got {approximate!r}{declared_at()}")
    return apply(GELU, (x,), approximate=approximate)


@notation
def elu(x: Any, alpha: Any = 1) -> Expr:
    """``where(x > 0, x, alpha*(exp(x) - 1))`` for a number `alpha` (Clevert, Unterthiner, Hochreiter 2015)."""
    return apply(ELU, (x,), **numbers("elu", alpha=alpha))


@notation
def celu(x: Any, alpha: Any = 1) -> Expr:
    """``where(x > 0, x, alpha*(exp(x/alpha) - 1))`` for a number `alpha` above 0 (Barron 2017)."""
    given = numbers("celu", alpha=alpha)
    if given["alpha"] <= 0:
        raise UnsupportedError(f"celu: alpha must be above 0, got {alpha}{declared_at()}")
    return apply(CELU, (x,), **given)


@notation
def leaky_relu(x: Any, negative_slope: Any = Fraction(1, 100)) -> Expr:
    """``where(x > 0, x, negative_slope*x)``; the derivative at 0 is the slope (Maas, Hannun, Ng 2013)."""
    return apply(LEAKY_RELU, (x,), **numbers("leaky_relu", negative_slope=negative_slope))


@notation
def hardtanh(x: Any, min_val: Any = -1, max_val: Any = 1) -> Expr:
    """`x` kept between two numbers, ``min_val < max_val``; on them the derivative is taken as 0."""
    given = numbers("hardtanh", min_val=min_val, max_val=max_val)
    if given["min_val"] >= given["max_val"]:
        raise UnsupportedError(f"hardtanh: min_val must be below max_val, got {min_val} and {max_val}{declared_at()}")
    return apply(HARDTANH, (x,), **given)


@notation
def softshrink(x: Any, lambd: Any = Fraction(1, 2)) -> Expr:
    """`x` moved towards 0 by the number `lambd`, from 0 up (Donoho, Johnstone 1994)."""
    return apply(SOFTSHRINK, (x,), **_width("softshrink", lambd))


@notation
def hardshrink(x: Any, lambd: Any = Fraction(1, 2)) -> Expr:
    """`x`, or 0 where ``abs(x) <= lambd``, for a number from 0 up (Donoho, Johnstone 1994)."""
    return apply(HARDSHRINK, (x,), **_width("hardshrink", lambd))


def _width(what: str, lambd: Any) -> dict[str, Fraction]:
    given = numbers(what, lambd=lambd)
    if given["lambd"] < 0:
        raise UnsupportedError(f"{what}: lambd must not be negative, got {lambd}{declared_at()}")
    return given


@notation
def threshold(x: Any, threshold: Any, value: Any) -> Expr:
    """``where(x > threshold, x, value)`` for two numbers."""
    return apply(THRESHOLD, (x,), **numbers("threshold", threshold=threshold, value=value))


@notation
def prelu(x: Any, weight: Any) -> Expr:
    """``where(x > 0, x, weight*x)`` with a slope to be learned (He, Zhang, Ren, Sun 2015).

    Parameters
    ----------
    weight : Expr of shape (), (1,) or, for x of shape (N, C, ...), (C,)
        One slope, or one for each channel, which is axis 1.

    Raises
    ------
    ShapeError
        If the slopes fit neither.
    """
    array, slope = as_expr(x), as_expr(weight)
    channels = array.shape[1] if array.ndim > 1 else None
    if slope.ndim == 1 and slope.shape != (1,):
        if channels is None or compare(slope.shape[0], channels) == "different":
            raise ShapeError(
                f"prelu({brief(array)}, {brief(slope)}): needs one slope, or one for each entry of axis 1; x is "
                f"{shape_text(array.shape)}, the slopes are {shape_text(slope.shape)}{declared_at()}"
            )
        slope = behaviour["index"](slope, (slice(None), *[None] * (array.ndim - 2)))
    return apply(PRELU, (array, slope))


@notation
def softmin(x: Any, axis: int = -1) -> Expr:
    """``softmax(-x)`` along `axis`."""
    array = as_expr(x)
    return make(SOFTMIN, (array,), axis=one_axis(array, axis, "softmin"))
