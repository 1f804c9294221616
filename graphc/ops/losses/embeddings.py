"""Losses of pairs and triplets of vectors along an axis; one value for each."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import sqrt
from graphc.ops.broadcasting import declared_at
from graphc.ops.defined import logsumexp, norm
from graphc.ops.elementwise import equal, maximum, relu
from graphc.ops.leaves import as_expr
from graphc.ops.losses.record import at_least, described, fitted, loss, matched
from graphc.ops.products import diag
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import where

VECTORS = {"a": ("n", "d"), "b": ("n", "d")}
LABELLED = {**VECTORS, "y": ("n",)}
THREE = {**VECTORS, "c": ("n", "d")}


@loss(("cosine_similarity(a, b)", VECTORS), ("cosine_similarity(a, b, axis=0, eps=0.01)", VECTORS))
def cosine_similarity(a: Any, b: Any, axis: Any = -1, eps: Any = 0) -> Expr:
    """``sum(a*b)/(norm(a)*norm(b))`` along `axis`.

    Parameters
    ----------
    eps : number
        Norms below it count as eps, as in PyTorch, where it is 1e-8; the derivative at a zero vector is then finite.
        With 0 a zero vector gives nan.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or only by stretching both.
    """
    return _cosine("cosine_similarity", a, b, axis, eps)


@loss(("cosine_loss(a, b)", VECTORS))
def cosine_loss(a: Any, b: Any, axis: Any = -1, eps: Any = 0) -> Expr:
    """``1 - cosine_similarity(a, b)``."""
    return 1 - _cosine("cosine_loss", a, b, axis, eps)


@loss(("cosine_embedding(a, b, y)", LABELLED))
def cosine_embedding(a: Any, b: Any, y: Any, margin: Any = 0, axis: Any = -1, eps: Any = 0) -> Expr:
    """``1 - cos`` of pairs with y = 1, ``relu(cos - margin)`` of pairs with y = -1, as in PyTorch."""
    cos = _cosine("cosine_embedding", a, b, axis, eps)
    return where(equal(y, 1), 1 - cos, relu(cos - margin))


def _cosine(what: str, a: Any, b: Any, axis: Any, eps: Any) -> Expr:
    at_least(what, 0, eps=eps)
    a, b = fitted(what, a, b)
    if isinstance(eps, (int, Fraction)) and eps == 0:
        sizes = [norm(v, axis=axis) for v in (a, b)]
    else:
        sizes = [sqrt(maximum(sum_(v**2, axis=axis), eps**2)) for v in (a, b)]
    cos: Expr = sum_(a * b, axis=axis) / (sizes[0] * sizes[1])
    return cos


@loss(
    ("triplet(a, b, c)", THREE),
    ("triplet(a, b, c, margin=1/5, squared=True)", THREE),
    ("triplet(a, b, c, eps=1/100)", THREE),
)
def triplet(
    anchor: Any, positive: Any, negative: Any, margin: Any = 1, squared: bool = False, axis: Any = -1, eps: Any = 0
) -> Expr:
    """``relu(norm(anchor - positive) - norm(anchor - negative) + margin)`` along `axis`.

    With squared=True the norms are squared, as in Schroff, Kalenichenko, Philbin, "FaceNet", 2015; without, this is
    PyTorch's triplet_margin_loss for its default p = 2, which adds eps = 1e-6 to the differences. At distance 0 the
    unsquared form has no derivative (the gradient is nan); with an `eps` it has one.
    """
    anchor, positive, negative = fitted("triplet", anchor, positive, negative)
    near, far = (_distance(anchor - v + eps, axis, squared) for v in (positive, negative))
    return relu(near - far + margin)


def _distance(r: Expr, axis: Any, squared: bool) -> Expr:
    return sum_(r**2, axis=axis) if squared else norm(r, axis=axis)


@loss(
    ("contrastive(a, b, y)", LABELLED),
    ("contrastive(a, b, y, margin=2)", LABELLED),
    ("contrastive(a, b, y, eps=1/100)", LABELLED),
)
def contrastive(a: Any, b: Any, y: Any, margin: Any = 1, axis: Any = -1, eps: Any = 0) -> Expr:
    """``(1 - y)*D**2/2 + y*relu(margin - D)**2/2`` for ``D = norm(a - b)``: y is 0 for similar pairs, else 1.

    Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006.
    At distance 0 there is no derivative for y = 1 (the gradient is nan); an `eps` added to a - b gives one.
    """
    a, b = fitted("contrastive", a, b)
    r = a - b + eps
    value: Expr = (1 - y) * sum_(r**2, axis=axis) / 2 + y * relu(margin - norm(r, axis=axis)) ** 2 / 2
    return value


@loss(("margin_ranking(a, b, y)", {"a": ("n",), "b": ("n",), "y": ("n",)}))
def margin_ranking(a: Any, b: Any, y: Any, margin: Any = 0) -> Expr:
    """``relu(margin - y*(a - b))``, entry by entry: a should be above b where y = 1, below where y = -1."""
    a, b, y = matched("margin_ranking", a, b, y)
    return relu(margin - y * (a - b))


@loss(("infonce(a, b)", VECTORS), ("infonce(a, b, temperature=1/2)", VECTORS))
def infonce(queries: Any, keys: Any, temperature: Any = 1) -> Expr:
    """``logsumexp(s, axis=1) - diag(s)`` for ``s = queries @ keys.T/temperature``; one value for each query.

    The key of the same row is the right one. Van den Oord, Li, Vinyals, "Representation Learning with Contrastive
    Predictive Coding", 2018; with vectors of norm 1 this is the loss of SimCLR and CLIP in one direction.

    Raises
    ------
    ShapeError
        If the arrays are not matrices of one shape.
    """
    at_least("infonce", 0, strict=True, temperature=temperature)
    a, b = as_expr(queries), as_expr(keys)
    if a.ndim != 2 or b.ndim != 2:
        raise ShapeError(
            f"infonce: needs matrices with a query or a key in each row, got {described(a)} and {described(b)}"
            f"{declared_at()}"
        )
    s = a @ b.T / temperature
    return logsumexp(s, axis=1) - diag(s)
