"""Functions that NumPy lacks: the error function, the logarithm of the gamma function and its derivatives."""

from __future__ import annotations

from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr
from graphc.ir.op import Op, register
from graphc.ops import kernels
from graphc.ops.broadcasting import declared_at, one_shape
from graphc.ops.elementwise import POSITIVE, apply, call, elementwise, exp, infer_float, log
from graphc.ops.leaves import as_expr, number, pi
from graphc.ops.notation import notation

erf = elementwise(
    "erf",
    "erf(x)",
    lambda x, y: 2 * exp(-(x**2)) / call("sqrt", pi),
    kernels.erf,
    latex=r"\operatorname{{erf}}({0})",
    summary="The error function, 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.",
)
lgamma = elementwise(
    "lgamma",
    "loggamma(x)",
    lambda x, y: call("digamma", x),
    kernels.lgamma,
    latex=r"\log\Gamma({0})",
    domain=POSITIVE,
    summary="The logarithm of the absolute value of the gamma function.",
)
digamma = elementwise(
    "digamma",
    "digamma(x)",
    lambda x, y: polygamma(1, x),
    kernels.digamma,
    latex=r"\psi({0})",
    domain=POSITIVE,
    summary="The derivative of lgamma.",
)
_polygamma = elementwise(
    "polygamma",
    "polygamma(n, x)",
    lambda n, x, y: (None, next_order(n, x)),
    kernels.polygamma,
    latex=r"\psi^{{({0})}}({1})",
    domain=((1.0, 1.0), *POSITIVE),
    summary="The derivative of digamma of order n, a whole number; ``polygamma(1, x)`` is the trigamma function.",
)


def next_order(n: Expr, x: Expr) -> Expr:
    return _polygamma(n + 1, x)


@notation
def polygamma(n: Any, x: Any) -> Expr:
    """The derivative of `digamma` of order `n`, entry by entry, as ``scipy.special.polygamma``.

    Raises
    ------
    UnsupportedError
        If `n` is no whole number from 0 up.
    """
    order = number(as_expr(n))
    if order is None or order.denominator != 1 or order < 0:
        raise UnsupportedError(f"polygamma needs a whole number from 0 up as its order, got {n}{declared_at()}")
    return _polygamma(n, x)


XLOGY = register(
    Op(
        "xlogy",
        infer_float,
        vjp=lambda node, g: (g * log(node.operands[1]), g * node.operands[0] / node.operands[1]),
        derivative=lambda x, y, value: (log(y), x / y),
        kernel=kernels.xlogy,
        formula="x*log(y)",
        body=lambda node: node.operands[0] * log(node.operands[1]),
        conditions=one_shape,
        latex=r"{0} \log {1}",
        domain=((-2.0, 2.0), *POSITIVE),
        summary="x*log(y), and 0 where x is 0 whatever y is.",
    )
)


@notation
def xlogy(x: Any, y: Any) -> Expr:
    """``x*log(y)``, entry by entry, and 0 where x is 0, as ``scipy.special.xlogy``."""
    return apply(XLOGY, (x, y))
