"""The product of entries, and the products that leave entries out: its derivatives, right also where entries are 0.

    prod_except(x, m)[j1, ..., jm] = product of x[l] over all l other than j1, ..., jm; 0 where two of them are equal

The derivative of each order is the next one: ``d prod(x)/dx[j] = prod_except(x)[j]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import integer
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.broadcasting import brief, declared_at, leading, normalize_axes
from graphc.ops.contraction import aligned, contract
from graphc.ops.leaves import as_expr, promote
from graphc.ops.notation import notation
from graphc.ops.products import reduced_shape, transpose, unit
from graphc.ops.reductions import entries, reshape, spread

CLOSED = ("positive", "nonnegative", "nonzero", "integer", "binary", "sign")  # under products, the empty one too


def _facts(node: Expr) -> frozenset[Fact]:
    return frozenset(f for f in node.operands[0].op.facts(node.operands[0]) if f.name in CLOSED)


def _infer_prod(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return reduced_shape(operands[0].shape, attributes["axis"], attributes["keepdims"]), promote(operands)


def _prod_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    (x,), axes = node.operands, node.attributes["axis"]
    kept = reduced_shape(x.shape, axes, keepdims=True)
    return (spread(g, leading(node, g) + kept) * others(x, axes),)


def others(x: Expr, axes: tuple[int, ...]) -> Expr:
    """For each entry of `x` the product of the other entries over `axes`."""
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    turned = transpose(x, order)
    rest = x.ndim - len(axes)
    flat = reshape(turned, (*turned.shape[:rest], entries(turned.shape[rest:])))
    result = make(PROD_EXCEPT, (flat,), order=1)
    return transpose(reshape(result, turned.shape), tuple(order.index(i) for i in range(x.ndim)))


PROD = register(
    Op(
        "prod",
        _infer_prod,
        kernel=np.prod,
        vjp=_prod_vjp,
        facts=_facts,
        summary="The product of the entries over axes.",
        examples=(("prod(x)", {"x": ("n",)}), ("prod(X, axis=0, keepdims=True)", {"X": ("n", "m")})),
    )
)


def _infer_except(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    (x,) = operands
    return x.shape[:-1] + x.shape[-1:] * attributes["order"], promote(operands)


def _except_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """x[l] gets the sum of g[j1, ..., jm]*prod_except(x, m + 1)[j1, ..., jm, l] over j1, ..., jm."""
    (x,), m = node.operands, node.attributes["order"]
    lead, batch = len(leading(node, g)), x.ndim - 1
    out = leading(node, g) + x.shape
    summed = tuple(unit(lead + x.ndim + k, x.shape[-1]) for k in range(m))
    last = unit(lead + batch, x.shape[-1])
    stack = aligned(out[:lead], out[:lead])
    middle = tuple(unit(lead + k, d) for k, d in enumerate(x.shape[:-1]))
    more = make(PROD_EXCEPT, (x,), order=m + 1)
    return (contract([(g, (*stack, *middle, *summed), 1), (more, (*middle, *summed, last), 1)], out),)


PROD_EXCEPT = register(
    Op(
        "prod_except",
        _infer_except,
        kernel=kernels.prod_except,
        vjp=_except_vjp,
        facts=lambda node: _facts(node) if node.attributes["order"] == 1 else frozenset(),
        defaults={"order": 1},
        summary="The products over the last axis of all entries but one, or but several: the derivatives of prod.",
        examples=(("prod_except(x)", {"x": ("n",)}), ("prod_except(X, order=2)", {"X": ("m", "n")})),
    )
)


@notation
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The product of the entries over `axis` (all axes by default), as ``numpy.prod``; differentiable at 0 too."""
    array = as_expr(x)
    axes = normalize_axes(axis, array, "prod")
    return make(PROD, (array,), axis=axes, keepdims=bool(keepdims)) if axes else array


@notation
def prod_except(x: Any, order: Any = 1) -> Expr:
    """The products over the last axis of all entries but one; over all but `order` of them, 0 where two are one.

    Returns
    -------
    Expr of shape (..., n), or (..., n, ..., n) with `order` axes of size n

    Raises
    ------
    ShapeError
        If `x` has no axis.
    UnsupportedError
        If `order` is no whole number from 1 up.
    """
    array = as_expr(x)
    if not array.ndim:
        raise ShapeError(f"prod_except({brief(array)}): needs an array, got a scalar{declared_at()}")
    count = integer(order)
    if count is None or count < 1:
        raise UnsupportedError(f"prod_except: order must be a whole number from 1 up, got {order!r}{declared_at()}")
    return make(PROD_EXCEPT, (array,), order=count)
