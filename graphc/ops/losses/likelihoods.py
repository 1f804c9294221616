"""Negative log likelihoods of observed targets, entry by entry, without terms left out unless an option says so.

Densities are those of Johnson, Kotz, Balakrishnan, "Continuous Univariate Distributions", and Johnson, Kemp, Kotz,
"Univariate Discrete Distributions".
"""

from __future__ import annotations

from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.elementwise import absolute, exp, log
from graphc.ops.leaves import pi
from graphc.ops.losses.record import loss, matched
from graphc.ops.special import lgamma, xlogy


@loss("gaussian_nll(m, t, v)", "gaussian_nll(m, t, v, full=True)")
def gaussian_nll(mean: Any, target: Any, var: Any, full: bool = False) -> Expr:
    """``(log(var) + (target - mean)**2/var)/2``, and ``log(2*pi)/2`` if `full`; `var` is the variance.

    Nix, Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", 1994. PyTorch's takes
    variances below 1e-6 as 1e-6.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or only by stretching more than one.
    """
    mean, target, var = matched("gaussian_nll", mean, target, var)
    value: Expr = (log(var) + (target - mean) ** 2 / var) / 2
    return value + log(2 * pi) / 2 if full else value


@loss("poisson_nll(r, t)", "poisson_nll(r, t, log_input=False, full=True)")
def poisson_nll(rate: Any, target: Any, log_input: bool = True, full: bool = False) -> Expr:
    """``exp(rate) - target*rate`` where `rate` is the logarithm of the rate, else ``rate - target*log(rate)``.

    With `full`, ``lgamma(target + 1)`` is added (PyTorch adds Stirling's approximation of it). Errors as of
    `gaussian_nll`.
    """
    rate, target = matched("poisson_nll", rate, target)
    value: Expr = exp(rate) - target * rate if log_input else rate - xlogy(target, rate)
    return value + lgamma(target + 1) if full else value


@loss("laplace_nll(m, t, b)")
def laplace_nll(location: Any, target: Any, scale: Any) -> Expr:
    """``abs(target - location)/scale + log(2*scale)``. Errors as of `gaussian_nll`."""
    location, target, scale = matched("laplace_nll", location, target, scale)
    value: Expr = absolute(target - location) / scale + log(2 * scale)
    return value


@loss("exponential_nll(r, t)")
def exponential_nll(rate: Any, target: Any) -> Expr:
    """``rate*target - log(rate)``. Errors as of `gaussian_nll`."""
    rate, target = matched("exponential_nll", rate, target)
    value: Expr = rate * target - log(rate)
    return value


@loss("gamma_nll(a, t, b)")
def gamma_nll(concentration: Any, target: Any, rate: Any) -> Expr:
    """``lgamma(a) - a*log(b) - (a - 1)*log(target) + b*target`` for concentration a and rate b.

    Errors as of `gaussian_nll`.
    """
    a, t, b = matched("gamma_nll", concentration, target, rate)
    return lgamma(a) - a * log(b) - (a - 1) * log(t) + b * t


@loss("beta_nll(a, t, b)")
def beta_nll(alpha: Any, target: Any, beta: Any) -> Expr:
    """``lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1)*log(target) - (b - 1)*log(1 - target)``.

    Errors as of `gaussian_nll`.
    """
    a, t, b = matched("beta_nll", alpha, target, beta)
    return lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1) * log(t) - (b - 1) * log(1 - t)


@loss("student_t_nll(m, t, s, v)")
def student_t_nll(location: Any, target: Any, scale: Any, dof: Any) -> Expr:
    """``lgamma(v/2) - lgamma((v + 1)/2) + log(pi*v)/2 + log(scale) + (v + 1)/2*log(1 + z**2/v)``.

    With ``z = (target - location)/scale`` and v degrees of freedom (Lange, Little, Taylor, "Robust Statistical
    Modeling Using the t Distribution", 1989). Errors as of `gaussian_nll`.
    """
    m, t, s, v = matched("student_t_nll", location, target, scale, dof)
    square = v * s**2  # log(1 + z**2/v) with one denominator, which the derivatives keep
    tail = log(square + (t - m) ** 2) - log(square)
    return lgamma(v / 2) - lgamma((v + 1) / 2) + log(pi * v) / 2 + log(s) + (v + 1) / 2 * tail


@loss("negative_binomial_nll(m, t, r)")
def negative_binomial_nll(mean: Any, target: Any, dispersion: Any) -> Expr:
    """Of counts with the given mean and the variance ``mean + mean**2/r`` for the dispersion parameter r.

    ``lgamma(r) + lgamma(t + 1) - lgamma(t + r) - r*log(r/(r + mean)) - t*log(mean/(r + mean))``: Hilbe, "Negative
    Binomial Regression", 2011 (NB2). Errors as of `gaussian_nll`.
    """
    m, t, r = matched("negative_binomial_nll", mean, target, dispersion)
    counts = lgamma(r) + lgamma(t + 1) - lgamma(t + r)
    return counts - r * (log(r) - log(r + m)) - xlogy(t, m) + t * log(r + m)
