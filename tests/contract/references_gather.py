"""What the functions of integer arrays and the scans mean, in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

Function = Callable[..., Any]
# Integer arrays, loops and writes into arrays, which autograd does not follow.
NOT_COMPLEX = {"argmax", "argmin", "argsort", "sort", "all", "any", "count_nonzero"}
UNKNOWN_TO_AUTOGRAD = {"scatter_add", "scatter_add_along_axis", "take_along_axis", "recurrence", "reverse_recurrence"}
UNKNOWN_TO_AUTOGRAD |= {"prod_except", "cumprod", "reverse_cumsum", "shift", *NOT_COMPLEX}


def take(x: Any, i: Any, axis: int = 0) -> Any:
    return x[(slice(None),) * (axis % x.ndim) + (numpy.array(i),)]


def scatter_add(g: Any, i: Any, size: int, axis: int = 0) -> Any:
    i = numpy.array(i)
    total = numpy.zeros((*g.shape[:axis], size, *g.shape[axis + i.ndim :]), g.dtype)
    rows = numpy.moveaxis(total, axis, 0)
    added = numpy.moveaxis(g, range(axis, axis + i.ndim), range(i.ndim))
    for at in numpy.ndindex(i.shape):
        rows[i[at]] += added[at]
    return total


def scatter_add_along_axis(g: Any, i: Any, size: int, axis: int = -1) -> Any:
    along = axis % g.ndim
    total = numpy.zeros((*g.shape[:along], size, *g.shape[along + 1 :]), g.dtype)
    for at in numpy.ndindex(g.shape):
        total[(*at[:along], i[at], *at[along + 1 :])] += g[at]
    return total


def recurrence(b: Any, a: Any, axis: int = 0, step: int = 1) -> Any:
    b, a = numpy.broadcast_arrays(b, a)
    y, factor = numpy.moveaxis(numpy.array(b + 0 * a), axis, 0), numpy.moveaxis(a, axis, 0)
    order = range(len(y)) if step == 1 else range(len(y) - 1, -1, -1)
    for t in list(order)[1:]:
        y[t] = y[t] + factor[t] * y[t - step]
    return numpy.moveaxis(y, 0, axis)


def shift(x: Any, places: int, axis: int = 0, fill: float = 0) -> Any:
    y = numpy.full_like(x, fill)
    source, target = numpy.moveaxis(x, axis, 0), numpy.moveaxis(y, axis, 0)
    for t in range(len(source)):
        if 0 <= t - places < len(source):
            target[t] = source[t - places]
    return y


def prod_except(x: Any, order: int = 1) -> Any:
    n = x.shape[-1]
    y = numpy.zeros(x.shape[:-1] + (n,) * order, x.dtype)
    for at in numpy.ndindex((n,) * order):
        if len(set(at)) == order:
            y[(..., *at)] = numpy.prod(numpy.delete(x, at, -1), axis=-1)
    return y


def table(np: Any) -> dict[str, Function]:
    def one_hot(i: Any, k: int) -> Any:
        return numpy.eye(k)[numpy.array(i)]

    def cross_entropy(p: Any, t: Any, axis: int = -1, label_smoothing: float = 0) -> Any:
        k = p.shape[axis]
        target = np.moveaxis(one_hot(t, k), -1, axis) if np.ndim(t) < np.ndim(p) else t
        return -np.sum(((1 - label_smoothing) * target + label_smoothing / max(k, 1)) * np.log(p), axis=axis)

    return {
        "take": take,
        "embedding": take,
        "take_along_axis": lambda x, i, axis=-1: numpy.take_along_axis(x, i, axis),
        "scatter_add": scatter_add,
        "scatter_add_along_axis": scatter_add_along_axis,
        "arange": numpy.arange,
        "one_hot": one_hot,
        "cross_entropy": cross_entropy,
        **{name: getattr(numpy, name) for name in ("argmax", "argmin", "count_nonzero", "all", "any", "cumprod")},
        "argsort": lambda x, axis=-1: numpy.argsort(x, axis, kind="stable"),
        "sort": lambda x, axis=-1: numpy.sort(x, axis),
        "prod": np.prod,
        "prod_except": prod_except,
        "cumsum": lambda x, axis=0: np.cumsum(x, axis),
        "reverse_cumsum": lambda x, axis=0: np.flip(np.cumsum(np.flip(x, axis), axis), axis),
        "cumprod": lambda x, axis=0: numpy.cumprod(x, axis),
        "recurrence": recurrence,
        "reverse_recurrence": lambda b, a, axis=0: recurrence(b, a, axis, -1),
        "shift": shift,
    }
