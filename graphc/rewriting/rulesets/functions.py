"""Identities of elementwise functions: exponentials, logarithms and their relatives, absolute values, kinks."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import sqrt
from graphc.ops.elementwise import (
    absolute,
    exp,
    expm1,
    general_power,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    sign,
    softplus,
    tanh,
)
from graphc.ops.reductions import where
from graphc.ops.special import xlogy
from graphc.ops.trigonometric import cosh
from graphc.rewriting.rules import Halved, Rule, Unsigned, positive, rewrite, ruleset


@ruleset
def logarithms(x: Expr, y: Expr) -> Iterator[Rule]:
    """Exponentials and logarithms undo each other."""
    yield rewrite(log(exp(x))).to(x).because("log is the inverse of exp")
    yield rewrite(log1p(x)).to(log(1 + x)).because("log1p(x) is log(1 + x)")
    yield rewrite(expm1(x)).to(exp(x) - 1).because("expm1(x) is exp(x) - 1")
    yield rewrite(log(sqrt(x))).to(log(x) / 2).because("log(x**a) = a log x, for x > 0")
    yield rewrite(log(1 / x)).to(-log(x)).because("log(x**a) = a log x, for x > 0")
    yield rewrite(log(general_power(x, y))).to(y * log(x)).because("log(x**y) = y log x, for x > 0")
    yield rewrite(exp(y * log(x))).to(general_power(x, y)).because("x**y = exp(y log x), for x > 0")
    yield rewrite(general_power(exp(x), y)).to(exp(x * y)).because("exp(x)**y = exp(x y)")
    yield rewrite(xlogy(x, y)).to(x * log(y)).when(positive(y)).because("xlogy(x, y) = x log y, for y > 0")
    yield rewrite(log(x**2)).to(2 * log(x)).when(positive(x)).because("log(x**a) = a log x, for x > 0")


@ruleset
def logistic(x: Expr, y: Expr) -> Iterator[Rule]:
    """The logistic function, softplus and tanh from their formulas."""
    yield rewrite(exp(x) / (1 + exp(x))).to(sigmoid(x)).because("sigmoid(x) = exp(x)/(1 + exp(x))")
    yield rewrite(1 / (1 + exp(x))).to(sigmoid(-x)).because("sigmoid(x) = 1/(1 + exp(-x))")
    yield rewrite(exp(x) * (1 - sigmoid(x))).to(sigmoid(x)).because("sigmoid(x) = exp(x) sigmoid(-x)")
    yield rewrite(exp(-x) * sigmoid(x)).to(1 - sigmoid(x)).because("exp(-x) sigmoid(x) = sigmoid(-x)")
    yield rewrite(sigmoid(-x)).to(1 - sigmoid(x)).when(Unsigned(x)).because("sigmoid(-x) = 1 - sigmoid(x)")
    yield rewrite(log(1 - sigmoid(x))).to(-softplus(x)).because("log(1 - sigmoid(x)) = -softplus(x)")
    yield (rewrite(xlogy(y, 1 - sigmoid(x))).to(-y * softplus(x)).because("log(1 - sigmoid(x)) = -softplus(x)"))
    yield rewrite(log(1 + exp(x))).to(softplus(x)).because("softplus(x) = log(1 + exp(x))")
    yield rewrite(log(sigmoid(x))).to(-softplus(-x)).because("log sigmoid(x) = -softplus(-x)")
    yield rewrite(softplus(x) - softplus(-x)).to(x).because("softplus(x) - softplus(-x) = x")
    yield rewrite(exp(softplus(x))).to(1 + exp(x)).because("softplus(x) = log(1 + exp(x))")
    yield (
        rewrite((exp(x) - exp(-x)) / (exp(x) + exp(-x)))
        .to(tanh(x))
        .because("tanh(x) = (exp(x) - exp(-x))/(exp(x) + exp(-x))")
    )
    yield rewrite(2 * sigmoid(2 * x) - 1).to(tanh(x)).because("tanh(x) = 2 sigmoid(2x) - 1")
    yield rewrite(1 + tanh(x / 2)).to(2 * sigmoid(x)).when(Halved(x)).because("sigmoid(x) = (1 + tanh(x/2))/2")
    yield rewrite(1 - tanh(x / 2)).to(2 - 2 * sigmoid(x)).when(Halved(x)).because("sigmoid(x) = (1 + tanh(x/2))/2")
    yield rewrite(sigmoid(x) * (1 - exp(-x))).to(tanh(x / 2)).because("(1 - exp(-x))/(1 + exp(-x)) = tanh(x/2)")
    yield rewrite((1 - sigmoid(x)) * (exp(x) - 1)).to(tanh(x / 2)).because("(exp(x) - 1)/(exp(x) + 1) = tanh(x/2)")
    yield rewrite(exp(x) / (exp(x) + exp(y))).to(sigmoid(x - y)).because("exp(x)/(exp(x) + exp(y)) = sigmoid(x - y)")
    yield (
        rewrite((exp(x) - exp(y)) / (exp(x) + exp(y)))
        .to(tanh((x - y) / 2))
        .because("(exp(x) - exp(y))/(exp(x) + exp(y)) = tanh((x - y)/2)")
    )
    yield rewrite(exp(x) / cosh(x)).to(2 * sigmoid(2 * x)).because("exp(x)/(exp(x) + exp(-x)) = sigmoid(2x)")
    yield rewrite(exp(-x) / cosh(x)).to(2 - 2 * sigmoid(2 * x)).because("exp(x)/(exp(x) + exp(-x)) = sigmoid(2x)")
    yield rewrite(softplus(x) - softplus(-x)).to(x).because("softplus(x) - softplus(-x) = x")
    yield rewrite(softplus(x) - x).to(softplus(-x)).because("softplus(-x) = softplus(x) - x")
    yield rewrite(softplus(-x) + x).to(softplus(x)).because("softplus(-x) = softplus(x) - x")
    yield rewrite(x * (1 - y) + softplus(-x)).to(softplus(x) - x * y).because("softplus(-x) = softplus(x) - x")
    yield (
        rewrite(relu(x) + softplus(-absolute(x)))
        .to(softplus(x))
        .because("softplus(x) = max(x, 0) + log(1 + exp(-|x|))")
    )
    yield (
        rewrite(y * softplus(-x) + (1 - y) * softplus(x))
        .to(softplus(x) - x * y)
        .because("softplus(-x) = softplus(x) - x")
    )


@ruleset
def absolute_values(x: Expr) -> Iterator[Rule]:
    """Signs and absolute values."""
    yield rewrite(absolute(x) ** 2).to(x**2).because("|x|**2 = x**2")
    yield rewrite(sign(x) * absolute(x)).to(x).because("sign(x) |x| = x")
    yield rewrite(x * sign(x)).to(absolute(x)).because("x sign(x) = |x|")
    yield rewrite(sign(x) / absolute(x)).to(1 / x).because("sign(x)/|x| = 1/x, for x not 0")
    yield rewrite(x / absolute(x)).to(sign(x)).because("x/|x| = sign(x), for x not 0")
    yield rewrite(sign(-x)).to(-sign(x)).when(Unsigned(x)).because("the sign is odd")
    yield rewrite(absolute(-x)).to(absolute(x)).when(Unsigned(x)).because("|-x| = |x|")


@ruleset
def kinks(x: Expr, y: Expr, z: Expr, c: Expr) -> Iterator[Rule]:
    """Piecewise linear functions in their shortest name."""
    yield rewrite(maximum(x, 0)).to(relu(x)).because("relu(x) = max(x, 0)")
    yield rewrite(maximum(0, x)).to(relu(x)).because("relu(x) = max(x, 0)")
    yield rewrite(where(greater(x, 0), x, 0)).to(relu(x)).because("relu(x) = x where x > 0, else 0")
    yield rewrite(where(greater_equal(x, 0), x, 0)).to(relu(x)).because("relu(x) = x where x >= 0, else 0")
    yield rewrite(where(less(x, 0), 0, x)).to(relu(x)).because("relu(x) = 0 where x < 0, else x")
    yield rewrite(where(less_equal(x, 0), 0, x)).to(relu(x)).because("relu(x) = 0 where x <= 0, else x")
    yield rewrite(x * greater(x, 0)).to(relu(x)).because("relu(x) = x [x > 0]")
    yield rewrite(greater(relu(x), 0)).to(greater(x, 0)).because("max(x, 0) > 0 where x > 0")
    yield rewrite(relu(x) * greater(x, 0)).to(relu(x)).because("relu(x) is 0 where x is not positive")
    yield rewrite(relu(-x) * less(x, 0)).to(relu(-x)).because("relu(x) is 0 where x is not positive")
    yield rewrite(x * less(x, 0)).to(-relu(-x)).because("relu(-x) = -x [x < 0]")
    yield rewrite(where(greater(x, 0), x, -x)).to(absolute(x)).because("|x| is x where x > 0, else -x")
    yield rewrite(where(greater_equal(x, 0), x, -x)).to(absolute(x)).because("|x| is x where x >= 0, else -x")
    yield rewrite(where(less(x, 0), -x, x)).to(absolute(x)).because("|x| is -x where x < 0, else x")
    yield rewrite(where(less_equal(x, 0), -x, x)).to(absolute(x)).because("|x| is -x where x <= 0, else x")
    yield rewrite(x * where(greater(x, 0), 1, -1)).to(absolute(x)).because("|x| is x where x > 0, else -x")
    yield rewrite(x * where(greater_equal(x, 0), 1, -1)).to(absolute(x)).because("|x| is x where x >= 0, else -x")
    yield rewrite(x * where(less(x, 0), -1, 1)).to(absolute(x)).because("|x| is -x where x < 0, else x")
    yield rewrite(x * where(less_equal(x, 0), -1, 1)).to(absolute(x)).because("|x| is -x where x <= 0, else x")
    yield rewrite(where(greater_equal(x - y, 0), x, y)).to(maximum(x, y)).because("max(x, y) is x where x >= y, else y")
    yield rewrite(where(greater(x - y, 0), x, y)).to(maximum(y, x)).because("max(x, y) is x where x > y, else y")
    yield rewrite(where(less_equal(x - y, 0), x, y)).to(minimum(x, y)).because("min(x, y) is x where x <= y, else y")
    yield rewrite(where(less(x - y, 0), x, y)).to(minimum(y, x)).because("min(x, y) is x where x < y, else y")
    yield rewrite(y * where(c, x, 0)).to(where(c, y * x, 0)).because("a factor of a branch")
    yield rewrite(y * where(c, 0, x)).to(where(c, 0, y * x)).because("a factor of a branch")
    yield rewrite(where(c, where(c, x, y), z)).to(where(c, x, z)).because("the condition is known to hold there")
    yield rewrite(where(c, x, where(c, y, z))).to(where(c, x, z)).because("the condition is known to fail there")
    yield rewrite(where(c, -x, y)).to(-where(c, x, -y)).when(Unsigned(x)).because("a minus sign comes out")
    yield rewrite(where(1, x, y)).to(x).because("the condition holds")
    yield rewrite(where(0, x, y)).to(y).because("the condition fails")
    yield rewrite(where(x, y, y)).to(y).because("both branches are the same")
    yield rewrite(maximum(x, -x)).to(absolute(x)).because("|x| is the larger of x and -x")
    yield rewrite(maximum(-x, x)).to(absolute(x)).because("|x| is the larger of x and -x")
    yield rewrite(minimum(x, -x)).to(-absolute(x)).because("-|x| is the smaller of x and -x")
    yield rewrite(minimum(-x, x)).to(-absolute(x)).because("-|x| is the smaller of x and -x")
    yield rewrite(greater(1 - exp(x), 0)).to(less(x, 0)).because("exp(x) < 1 where x < 0")
    yield rewrite(less(1 - exp(x), 0)).to(greater(x, 0)).because("exp(x) > 1 where x > 0")
    yield rewrite(maximum(x, x)).to(x).because("max(x, x) = x")
    yield rewrite(minimum(x, x)).to(x).because("min(x, x) = x")
