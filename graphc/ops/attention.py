"""Scaled dot-product attention, with masks and with heads (Vaswani et al. 2017).

A mask says which keys a query may look at: True, or 1 for symbols declared binary, where it may. Arrays of other
numbers are added to the scores. Both are as in ``torch.nn.functional.scaled_dot_product_attention``; only a query that
may look at no key at all differs: its result is 0, where PyTorch gives NaN.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import sympy

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, Shape, as_dim, compare, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact, closure
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops import kernels
from graphc.ops.arithmetic import add, divide, multiply, scaled, sqrt
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at
from graphc.ops.defined import defined, one_axis, softmax
from graphc.ops.elementwise import exp, infer_float, not_equal
from graphc.ops.leaves import as_expr, dim_of, exact, number, size
from graphc.ops.linalg import turned
from graphc.ops.notation import notation
from graphc.ops.products import matmul, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import entries, reshape
from graphc.ops.slicing import index

TRI = register(
    Op(
        "tri",
        lambda operands, attributes: ((attributes["rows"], attributes["columns"]), "bool"),
        kernel=kernels.tri,
        vjp=lambda node, g: (),
        positional=("rows", "columns"),
        defaults={},
        summary="True at and below the diagonal, False above.",
        examples=(("X*tri(m, n)", {"X": ("m", "n")}),),
    )
)


@notation
def tri(rows: Any, columns: Any = None) -> Expr:
    """True at and below the diagonal of a matrix, False above, as ``numpy.tri(rows, columns, dtype=bool)``.

    Raises
    ------
    ShapeError
        If an argument is no size.
    """
    sizes = [as_dim(dim_of(d)) for d in (rows, rows if columns is None else columns)]
    return make(TRI, (), rows=sizes[0], columns=sizes[1])


def _masked_body(node: Expr) -> Expr:
    x, mask = node.operands
    e = exp(x) * mask
    return divide(e, sum_(e, axis=node.attributes["axis"], keepdims=True))


def _masked_vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    along = sum_(g * node, axis=node.attributes["axis"], keepdims=True)
    return node * (g - along), None


def _infer_masked(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    return infer_float(operands[:1], attributes)


def _mask_fits(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    x, mask = node.operands
    pairs = zip(x.shape[x.ndim - mask.ndim :], mask.shape, strict=True)
    return ((a, b) for a, b in pairs if b != 1)


MASKED_SOFTMAX = defined(
    "masked_softmax",
    _masked_body,
    _infer_masked,
    vjp=_masked_vjp,
    kernel=kernels.masked_softmax,
    conditions=_mask_fits,
    facts=lambda node: closure([Fact("nonnegative")]),
    latex=r"\operatorname{{softmax}}({0} \mid {1})",
    summary="exp(x)/sum(exp(x)) over the entries along an axis that a mask keeps, 0 for the others.",
    examples=(
        ("masked_softmax(x, y >= mean(y, axis=1, keepdims=True))", {"x": ("n", "m"), "y": ("n", "m")}),
        ("masked_softmax(x, y >= mean(y, axis=0, keepdims=True), axis=0)", {"x": ("n", "m"), "y": ("n", "m")}),
    ),
)


@notation
def masked_softmax(x: Any, mask: Any, axis: int = -1) -> Expr:
    """The softmax of the entries that a mask keeps; the others are 0, and so is a row of which nothing is kept.

    Parameters
    ----------
    x : Expr
    mask : Expr that broadcasts to the shape of `x`
        True, or not 0, for entries that are kept. It is constant for derivatives.
    axis : int

    Raises
    ------
    ShapeError
        If the shapes do not broadcast to that of x, or the axis is out of range.
    """
    x, mask = as_expr(x), kept(as_expr(mask))
    _fitting("masked_softmax", mask, x.shape)
    return make(MASKED_SOFTMAX, (x, mask), axis=one_axis(x, axis, "masked_softmax"))


def selects(mask: Expr) -> bool:
    """Whether a mask holds truth values, and no numbers to add."""
    return mask.dtype == "bool" or any(fact.name == "binary" for fact in mask.op.facts(mask))


def kept(mask: Expr) -> Expr:
    """A mask as truth values, or zeros and ones."""
    return mask if selects(mask) else not_equal(mask, 0)


def _attention_body(node: Expr) -> Expr:
    Q, K, V, *masks = node.operands
    scale = node.attributes.get("scale")
    scores = matmul(Q, turned(K))
    scores = divide(scores, sqrt(size(Q.shape[-1]))) if scale is None else scaled(scale, scores)
    added = [m for m in masks if not selects(m)]
    dropping = [m for m in masks if selects(m)]
    if node.attributes.get("causal"):
        dropping.append(tri(Q.shape[-2], K.shape[-2]))
    for mask in added:
        scores = add(scores, mask)
    if not dropping:
        return matmul(softmax(scores), V)
    return matmul(masked_softmax(scores, functools.reduce(multiply, dropping)), V)


ATTENTION = defined(
    "attention",
    _attention_body,
    opens=True,
    defaults={"scale": None, "causal": False},
    domain=((-2.0, 2.0),) * 4,
    summary="softmax(Q @ K.T/sqrt(d) + mask) @ V over the last two axes.",
    examples=(
        ("attention(Q, K, V)", {"Q": ("m", "d"), "K": ("n", "d"), "V": ("n", "k")}),
        (
            "attention(Q, K, V, M, scale=1/2)",
            {"Q": ("t", "m", "d"), "K": ("t", "n", "d"), "V": ("n", "k"), "M": ("n",)},
        ),
        ("attention(X, X, X, causal=True)", {"X": ("n", "m", "d")}),
    ),
)


@notation
def attention(Q: Any, K: Any, V: Any, mask: Any = None, scale: Any = None, causal: bool = False) -> Expr:
    """Scaled dot-product attention, ``softmax(Q @ K.T*scale) @ V``, with leading axes broadcast as by ``@``.

    Parameters
    ----------
    Q : Expr of shape (..., L, d)
        Queries.
    K, V : Expr of shape (..., S, d) and (..., S, v)
        Keys and values.
    mask : Expr that broadcasts to (..., L, S), optional
        Truth values, or a symbol declared binary: which keys a query may look at; the others get weight 0 exactly. A
        query that may look at none gives 0. Other numbers are added to the scores.
    scale : number, optional
        1/sqrt(d) by default.
    causal : bool
        Whether a query may only look at keys up to its own place, as ``tri(L, S)`` says.

    Returns
    -------
    Expr of shape (..., L, v)

    Raises
    ------
    ShapeError
        If the sizes do not fit together.
    UnsupportedError
        If the scale is no number.
    """
    Q, K, V = _stack("attention", "Q", Q), _stack("attention", "K", K), _stack("attention", "V", V)
    _equal_sizes("attention", "Q and K", "the same last axis", Q, -1, K, -1)
    _equal_sizes("attention", "K and V", "as many rows", K, -2, V, -2)
    operands = [Q, K, V]
    if mask is not None:
        stack = broadcast_shapes([Q.shape[:-2], K.shape[:-2]], [])
        operands.append(_fitting("attention", as_expr(mask), (*(stack or ()), Q.shape[-2], K.shape[-2])))
    return make(ATTENTION, operands, scale=None if scale is None else exact(number_of(scale)), causal=bool(causal))


def number_of(scale: Any) -> Any:
    """The number that a constant expression holds; other values as they are."""
    value = number(scale) if isinstance(scale, Expr) else None
    return scale if value is None else value


def _stack(what: str, role: str, array: Any) -> Expr:
    x = as_expr(array)
    if x.ndim < 2:
        raise ShapeError(
            f"{what}: {role} needs rows and columns as its last axes, got {brief(x)} of shape {shape_text(x.shape)}"
            f"{declared_at()}"
        )
    return x


def _equal_sizes(what: str, roles: str, needs: str, a: Expr, i: int, b: Expr, j: int) -> None:
    if compare(a.shape[i], b.shape[j]) == "different":
        raise ShapeError(
            f"{what}: {roles} need {needs}: {brief(a)} is {shape_text(a.shape)}, {brief(b)} is {shape_text(b.shape)}, "
            f"so {a.shape[i]} must equal {b.shape[j]}{declared_at()}"
        )


def _fitting(what: str, mask: Expr, scores: Shape) -> Expr:
    """The mask, if it broadcasts to the scores."""
    if broadcast_shapes([scores, mask.shape], []) != scores:
        raise ShapeError(
            f"{what}: the mask of shape {shape_text(mask.shape)} does not broadcast to the scores of shape "
            f"{shape_text(scores)}{declared_at()}"
        )
    return mask


def _split(x: Expr, heads: Dim) -> Expr:
    """(..., L, h*k) to (..., h, L, k)."""
    share = sympy.cancel(sympy.sympify(x.shape[-1]) / sympy.sympify(heads))
    if not share.is_integer:
        raise ShapeError(
            f"multi_head_attention: the last axis of {brief(x)}, {x.shape[-1]}, is not provably divisible into {heads} "
            f"heads{declared_at()}"
        )
    parts = reshape(x, (*x.shape[:-1], heads, as_dim(share)))
    lead = x.ndim - 2
    return transpose(parts, (*range(lead), lead + 1, lead, lead + 2))


def _heads_body(node: Expr) -> Expr:
    Q, K, V, *masks = node.operands
    heads = node.attributes["heads"]
    mask = masks[0] if masks else None
    if mask is not None and mask.ndim > 2:
        mask = index(mask, (Ellipsis, None, slice(None), slice(None)))
    q, k, v = (_split(x, heads) for x in (Q, K, V))
    each = attention(q, k, v, mask, node.attributes.get("scale"), node.attributes.get("causal", False))
    lead = each.ndim - 3
    joined = transpose(each, (*range(lead), lead + 1, lead, lead + 2))
    return reshape(joined, (*joined.shape[:-2], entries(joined.shape[-2:])))


MULTI_HEAD = defined(
    "multi_head_attention",
    _heads_body,
    opens=True,
    defaults={"heads": inspect.Parameter.empty, "scale": None, "causal": False},
    latex=r"\operatorname{{MultiHead}}({0}, {1}, {2})",
    domain=((-2.0, 2.0),) * 4,
    summary="attention in each of several groups of columns, side by side.",
    examples=(
        (
            "multi_head_attention(Q, K, V, heads=2)",
            {"Q": ("t", "m", "2*k"), "K": ("t", "n", "2*k"), "V": ("t", "n", "2*d")},
        ),
        ("multi_head_attention(X, X, X, heads=2, causal=True)", {"X": ("n", "2*k")}),
    ),
)


@notation
def multi_head_attention(
    Q: Any, K: Any, V: Any, mask: Any = None, *, heads: Any, scale: Any = None, causal: bool = False
) -> Expr:
    """`attention` in each of `heads` groups of columns of projected queries, keys and values, joined side by side.

    The linear layers before and after are not part of it; `nn.multi_head_attention` has all.

    Parameters
    ----------
    Q, K, V : Expr of shape (..., L, h*k), (..., S, h*k) and (..., S, h*v)
    mask : Expr that broadcasts to (..., L, S), optional
        As of `attention`, the same for every head.
    heads : int, str or dimension
        The number of heads, h.
    scale, causal : as of `attention`; the scale is 1/sqrt(k) by default

    Returns
    -------
    Expr of shape (..., L, h*v)

    Raises
    ------
    ShapeError
        If the sizes do not fit together, or a last axis is not provably divisible by `heads`.
    """
    arrays = [_stack("multi_head_attention", role, x) for role, x in (("Q", Q), ("K", K), ("V", V))]
    operands = arrays if mask is None else [*arrays, as_expr(mask)]
    factor = None if scale is None else exact(number_of(scale))
    return make(MULTI_HEAD, operands, heads=as_dim(dim_of(heads)), scale=factor, causal=bool(causal))
