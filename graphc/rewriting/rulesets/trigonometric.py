"""Identities of trigonometric and hyperbolic functions (DLMF 4.21 and 4.35)."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import cos, exp, log, sin, tanh
from graphc.ops.trigonometric import arcsinh, arctan, cosh, sinh, tan
from graphc.rewriting.rules import Rule, Unsigned, rewrite, ruleset


@ruleset
def circular(x: Expr) -> Iterator[Rule]:
    """Sine, cosine and tangent."""
    yield rewrite(sin(x) / cos(x)).to(tan(x)).because("tan(x) = sin(x)/cos(x)")
    yield rewrite(tan(x) * cos(x)).to(sin(x)).because("tan(x) = sin(x)/cos(x), where cos(x) is not 0")
    yield rewrite(sin(x) ** 2 + cos(x) ** 2).to(1).because("sin(x)**2 + cos(x)**2 = 1")
    yield rewrite(1 - sin(x) ** 2).to(cos(x) ** 2).because("sin(x)**2 + cos(x)**2 = 1")
    yield rewrite(1 - cos(x) ** 2).to(sin(x) ** 2).because("sin(x)**2 + cos(x)**2 = 1")
    yield rewrite(sin(-x)).to(-sin(x)).when(Unsigned(x)).because("the sine is odd")
    yield rewrite(cos(-x)).to(cos(x)).when(Unsigned(x)).because("the cosine is even")
    yield rewrite(tan(-x)).to(-tan(x)).when(Unsigned(x)).because("the tangent is odd")
    yield rewrite(arctan(-x)).to(-arctan(x)).when(Unsigned(x)).because("the inverse tangent is odd")
    yield rewrite(tan(arctan(x))).to(x).because("tan is the inverse of arctan")


@ruleset
def angles(x: Expr, y: Expr) -> Iterator[Rule]:
    """Sine and cosine of sums and differences."""
    reason = "the angle addition formulas"
    yield rewrite(sin(x) * cos(y) + cos(x) * sin(y)).to(sin(x + y)).because(reason)
    yield rewrite(cos(x) * sin(y) - sin(x) * cos(y)).to(sin(y - x)).because(reason)
    yield rewrite(cos(x) * cos(y) - sin(x) * sin(y)).to(cos(x + y)).because(reason)
    yield rewrite(cos(x) * cos(y) + sin(x) * sin(y)).to(cos(x - y)).because(reason)


@ruleset
def hyperbolic(x: Expr) -> Iterator[Rule]:
    """Hyperbolic sine, cosine and tangent."""
    yield rewrite(sinh(x) / cosh(x)).to(tanh(x)).because("tanh(x) = sinh(x)/cosh(x)")
    yield rewrite(tanh(x) * cosh(x)).to(sinh(x)).because("tanh(x) = sinh(x)/cosh(x)")
    yield rewrite(cosh(x) ** 2 - sinh(x) ** 2).to(1).because("cosh(x)**2 - sinh(x)**2 = 1")
    yield rewrite(exp(x) + exp(-x)).to(2 * cosh(x)).because("cosh(x) = (exp(x) + exp(-x))/2")
    yield rewrite(exp(x) - exp(-x)).to(2 * sinh(x)).because("sinh(x) = (exp(x) - exp(-x))/2")
    yield rewrite(sinh(-x)).to(-sinh(x)).when(Unsigned(x)).because("the hyperbolic sine is odd")
    yield rewrite(cosh(-x)).to(cosh(x)).when(Unsigned(x)).because("the hyperbolic cosine is even")
    yield rewrite(tanh(-x)).to(-tanh(x)).when(Unsigned(x)).because("the hyperbolic tangent is odd")
    yield rewrite(log(x + sqrt(x**2 + 1))).to(arcsinh(x)).because("arcsinh(x) = log(x + sqrt(x**2 + 1))")
    yield (rewrite(log(sqrt(x**2 + 1) - x)).to(-arcsinh(x)).because("arcsinh is odd"))
