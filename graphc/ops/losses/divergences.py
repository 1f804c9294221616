"""Entropy and divergences of distributions along an axis, where 0*log(0) is 0; one value for each example."""

from __future__ import annotations

from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.leaves import as_expr
from graphc.ops.losses.record import fitted, loss
from graphc.ops.products import sum as sum_
from graphc.ops.special import xlogy

PAIR = {"p": ("n", "k"), "q": ("n", "k")}


@loss(("entropy(p)", {"p": ("n", "k")}), ("entropy(p, axis=0)", {"p": ("n", "k")}))
def entropy(p: Any, axis: Any = -1) -> Expr:
    """``-sum(p*log(p), axis)``, in nats (Shannon 1948)."""
    p = as_expr(p)
    return -sum_(xlogy(p, p), axis=axis)


@loss(("kl_divergence(p, q)", PAIR), latex=r"\operatorname{{KL}}({0} \,\|\, {1})")
def kl_divergence(p: Any, q: Any, axis: Any = -1) -> Expr:
    """``sum(p*log(p/q), axis)``, the divergence of q from p (Kullback, Leibler 1951).

    PyTorch's kl_div takes log(q) first and p second; this takes the distributions in the order they are written in.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or only by stretching both.
    """
    p, q = fitted("kl_divergence", p, q)
    return sum_(xlogy(p, p) - xlogy(p, q), axis=axis)


@loss(("js_divergence(p, q)", PAIR), latex=r"\operatorname{{JS}}({0} \,\|\, {1})")
def js_divergence(p: Any, q: Any, axis: Any = -1) -> Expr:
    """The mean of the divergences of ``m = (p + q)/2`` from p and from q (Lin 1991). Errors as of `kl_divergence`."""
    p, q = fitted("js_divergence", p, q)
    m = (p + q) / 2
    return sum_(xlogy(p, p) + xlogy(q, q) - 2 * xlogy(m, m), axis=axis) / 2
