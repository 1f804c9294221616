"""Statistics of samples: median, range, weighted average, covariance, differences."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError
from graphc.ir.dims import as_dim, integer, shape_text
from graphc.ir.expr import Expr, make
from graphc.ops.arguments import flag
from graphc.ops.arithmetic import broadcast, sqrt
from graphc.ops.broadcasting import brief, declared_at, normalize_axes
from graphc.ops.choices import sort
from graphc.ops.defined import defined, mean
from graphc.ops.elementwise import equal
from graphc.ops.gather import arange, axis_of
from graphc.ops.layout import concat
from graphc.ops.leaves import as_expr, size
from graphc.ops.notation import notation
from graphc.ops.products import diag, outer, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import entries, max, min, reshape, where
from graphc.ops.slicing import index


def _median_body(node: Expr) -> Expr:
    """The mean of the entries number (n - 1)//2 and n//2 in ascending order: of one or two entries, or of none."""
    (x,) = node.operands
    axes: tuple[int, ...] = node.attributes["axis"]
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    count = as_dim(entries(tuple(x.shape[a] for a in axes)))
    rows = sort(reshape(transpose(x, (*kept, *axes)), (*(x.shape[i] for i in kept), count)), -1)
    twice, place = size(count) - 1, 2 * arange(count)  # |2*i - (n - 1)| is at most 1 in the middle
    middle = equal(place, twice) + equal(place, twice - 1) + equal(place, twice + 1)
    found: Expr = sum_(where(middle > 0, rows, 0), axis=-1) / sum_(middle)
    if not node.attributes["keepdims"]:
        return found
    return reshape(found, tuple(1 if i in axes else d for i, d in enumerate(x.shape)))


MEDIAN = defined(
    "median",
    _median_body,
    examples=(("median(x)", {"x": ("n",)}), ("median(X, axis=0, keepdims=True)", {"X": ("n", "m")})),
    summary="The middle entry over axes, of an even number the mean of the two in the middle.",
)


@notation
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The middle entry over `axis` (all axes by default), or the mean of two, as ``numpy.median``; nan of nothing."""
    array = as_expr(x)
    axes = normalize_axes(axis, array, "median")
    return make(MEDIAN, (array,), axis=axes, keepdims=flag(keepdims, "median(keepdims=)")) if axes else array


@notation
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The largest entry minus the smallest over `axis` (all axes by default), as ``numpy.ptp``."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@notation
def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Expr:
    """``sum(x*weights)/sum(weights)`` over `axis` (all axes by default), as ``numpy.average``.

    Parameters
    ----------
    weights : Expr, optional
        Of the shape of `x`, or a vector for one `axis`; without them this is the mean.

    Raises
    ------
    ShapeError
        If the weights have another shape.
    """
    array = as_expr(x)
    if weights is None:
        return mean(array, axis, keepdims)
    w = as_expr(weights)
    if w.ndim == 1 and array.ndim > 1 and axis is not None:
        along = axis_of("average", array, axis)
        w = index(w, (slice(None), *[None] * (array.ndim - 1 - along)))
    elif w.ndim != array.ndim:
        raise ShapeError(
            f"average({brief(array)}): the weights must have its shape {shape_text(array.shape)}, or be a vector for "
            f"one axis, got {shape_text(w.shape)}{declared_at()}"
        )
    w = broadcast(w, array.shape)
    return sum_(array * w, axis, keepdims) / sum_(w, axis, keepdims)


def _variables(what: str, m: Any, y: Any, rowvar: bool) -> Expr:
    """Samples with a variable in each row."""
    rows = []
    for v in (m,) if y is None else (m, y):
        x = as_expr(v)
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"{what}({brief(x)}): needs a vector or a matrix, got {shape_text(x.shape)}{declared_at()}"
            )
        rows.append(index(x, (None,)) if x.ndim == 1 else x if rowvar else x.T)
    return rows[0] if y is None else concat(rows, 0)


@notation
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Expr:
    """The covariance matrix of variables, sums of products divided by the number of samples less `ddof`.

    Parameters
    ----------
    m, y : Expr, vectors or matrices
        A variable in each row (in each column with ``rowvar=False``); those of `y` follow.
    ddof : int, optional
        1 by default, 0 with ``bias=True``, as in ``numpy.cov``.

    Returns
    -------
    Expr of shape (k, k); of one vector, its variance of shape ()

    Raises
    ------
    ShapeError
        If an array has more than two axes, or they have different numbers of samples.
    """
    x = _variables("cov", m, y, flag(rowvar, "cov(rowvar=)"))
    less = (0 if flag(bias, "cov(bias=)") else 1) if ddof is None else ddof
    centred = x - mean(x, axis=1, keepdims=True)
    found: Expr = centred @ centred.T / (size(x.shape[1]) - less)
    return index(found, (0, 0)) if found.shape == (1, 1) else found


@notation
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Expr:
    """The correlation matrix of variables, ``C/sqrt(outer(diag(C), diag(C)))`` of their covariance ``C``, as
    ``numpy.corrcoef``; parameters and errors as of `cov`."""
    c = cov(x, y, rowvar)
    if not c.ndim:
        return c / c
    v = diag(c)
    return c / sqrt(outer(v, v))


@notation
def diff(x: Any, n: int = 1, axis: Any = -1) -> Expr:
    """The differences of neighbours along `axis`, taken `n` times, as ``numpy.diff``.

    Raises
    ------
    ShapeError
        If `n` is no whole number from 0 up, or there is no such axis.
    """
    found = as_expr(x)
    times = integer(n)
    if times is None or times < 0:
        raise ShapeError(f"diff({brief(found)}): n must be a whole number from 0 up, got {n!r}{declared_at()}")
    before = (slice(None),) * axis_of("diff", found, axis)
    for _ in range(times):
        found = index(found, (*before, slice(1, None))) - index(found, (*before, slice(None, -1)))
    return found
