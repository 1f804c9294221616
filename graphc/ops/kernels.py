"""NumPy meanings that are more than one ufunc. Emitted modules carry the source of those they use.

Each works in the dtype of its argument, in float32 as in float64, without overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))  # never above 1
    return np.where(x >= 0, 1, e) / (1 + e)


def sech2(x: Any) -> Any:
    e = np.exp(-2 * np.abs(x))  # never above 1
    return 4 * e / (1 + e) ** 2  # 1 - tanh(x)**2, without the difference


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def elu(x: Any, alpha: Any = 1) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x: Any, alpha: Any = 1) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def selu(x: Any) -> Any:
    return np.where(x > 0, 1.0507009873554805 * x, 1.7580993408473766 * np.expm1(np.minimum(x, 0)))


def log1mexp(x: Any) -> Any:
    near = x < 0.5  # log(1 - exp(-x)): the one that is small is computed as such
    return np.where(near, np.log(-np.expm1(-np.where(near, x, 1))), np.log1p(-np.exp(-np.where(near, 1, x))))


def polynomial(x: Any, coefficients: Any) -> Any:
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def quotient(x: Any, y: Any) -> Any:
    zero = x == 0  # 0 over a norm is 0, also where the norm is 0
    return np.where(zero, 0, x / np.where(zero, 1, y))


def log_cosh(x: Any, t: Any) -> Any:
    r = np.abs(x - t)
    near = np.log1p(2 * np.sinh(np.minimum(r, 1) / 2) ** 2)  # cosh(r) = 1 + 2 sinh(r/2)**2
    return np.where(r < 1, near, r + np.log1p(np.exp(-2 * r)) - np.log(2).astype(r.dtype))


def xlogy(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))


def peak(x: Any, axis: Any) -> Any:
    return np.max(x, axis=axis, initial=-np.inf)


def softmax(x: Any, axis: Any = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax_rest(x: Any, axis: Any = -1) -> Any:
    shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    e = np.exp(shifted)
    total = np.sum(e, axis=axis, keepdims=True)
    others = np.sum(e * (shifted < 0), axis=axis, keepdims=True)
    return np.where((shifted == 0) & (total < 1.5), others, total - e) / total


def log_softmax_rest(x: Any, axis: Any = -1) -> Any:
    shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    e = np.exp(shifted)
    total = np.sum(e, axis=axis, keepdims=True)
    top, below = (shifted == 0) & (total < 1.5), shifted < 0
    second = np.max(np.where(below, shifted, -np.inf), axis=axis, keepdims=True, initial=-np.inf)
    others = np.sum(below * np.exp(np.minimum(shifted - second, 0)), axis=axis, keepdims=True)
    return np.where(top, second + np.log(np.where(top, others, 1) / total), np.log1p(np.where(top, 0, -e / total)))


def less_mean(p: Any, g: Any, axis: Any = -1) -> Any:
    if p.shape[axis] == 0:
        return g + p
    top = np.expand_dims(np.argmax(p, axis=axis), axis)
    rest = g - np.take_along_axis(g, top, axis)  # 0 at the largest p, which may be next to 1
    return rest - np.sum(p * rest, axis=axis, keepdims=True)


def weighted_terms(x: Any, w: Any, axis: Any) -> Any:
    kept = w != 0  # the largest x of those that have a weight
    top = np.max(x, axis=axis, keepdims=True, where=kept, initial=-np.inf)
    shifted = np.where(kept, x - np.where(top > -np.inf, top, 0), -np.inf)
    return top, w * np.exp(shifted)


def weighted_softmax(x: Any, w: Any, axis: Any = -1) -> Any:
    _, e = weighted_terms(x, w, axis)
    total = np.sum(e, axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def weighted_logsumexp(x: Any, w: Any, axis: Any = -1) -> Any:
    top, e = weighted_terms(x, w, axis)
    return np.squeeze(top, axis=axis) + np.log(np.sum(e, axis=axis))


def tri(rows: Any, columns: Any) -> Any:
    return np.tri(rows, columns, dtype=bool)


def masked_softmax(x: Any, mask: Any, axis: Any = -1) -> Any:
    kept = np.asarray(mask) != 0
    top = np.max(x, axis=axis, keepdims=True, where=kept, initial=-np.inf)
    shifted = np.where(kept, x - np.where(top > -np.inf, top, 0), -np.inf)
    e = np.exp(shifted)
    total = np.sum(e, axis=axis, keepdims=True)
    return e / np.where(total > 0, total, 1)


def log_total(shifted: Any, axis: Any) -> Any:
    e = np.exp(shifted)  # of which the largest is 1: log1p of the others, if it is the only one
    total = np.sum(e, axis=axis, keepdims=True)
    others = np.sum(e * (shifted < 0), axis=axis, keepdims=True)
    return np.log1p(np.where(total < 1.5, others, total - 1))


def log_softmax(x: Any, axis: Any = -1) -> Any:
    shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - log_total(shifted, axis)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    total = log_total(x - top, axis) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def logcumsumexp(x: Any, axis: Any = 0) -> Any:
    return np.logaddexp.accumulate(x, axis=axis)


def reverse_logcumsumexp(x: Any, axis: Any = 0) -> Any:
    return np.flip(np.logaddexp.accumulate(np.flip(x, axis), axis=axis), axis)


def logmeanexp(x: Any, axis: Any = None) -> Any:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.squeeze(top + np.log1p(np.mean(np.expm1(x - top), axis=axis, keepdims=True)), axis=axis)


# Sums of a fixed number of terms from the NIST Digital Library of Mathematical Functions (DLMF), in float64, given in
# the dtype of the argument.


def erf(x: Any) -> Any:
    # DLMF 7.6.2 for small x, where every term is positive; the continued fraction 7.9.1 of 1 - erf for large x
    given = np.asarray(x)
    size = np.minimum(np.abs(given.astype(np.float64)), 30.0)
    small, large = np.minimum(size, 2.5), np.maximum(size, 2.5)
    term = small * np.exp(-(small**2)) * (2 / np.sqrt(np.pi))
    total = term.copy()
    for i in range(1, 50):
        term = term * (2 * small**2 / (2 * i + 1))
        total = total + term
    fraction = large
    for i in range(60, 0, -1):
        fraction = large + i / 2 / fraction
    rest = np.exp(-(large**2)) / (fraction * np.sqrt(np.pi))
    value = np.sign(given) * np.where(size <= 2.5, total, 1 - rest)
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def erfcx(x: Any) -> Any:
    # exp(x**2)*(1 - erf(x)): the continued fraction DLMF 7.9.1 for large x
    given = np.asarray(x)
    wide = given.astype(np.float64)
    large, small = np.maximum(wide, 1.5), np.minimum(wide, 1.5)
    fraction = large
    for i in range(120, 0, -1):
        fraction = large + i / 2 / fraction
    with np.errstate(over="ignore"):
        value = np.where(wide < 1.5, np.exp(small**2) * (1 - erf(small)), 1 / (fraction * np.sqrt(np.pi)))
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def erfc(x: Any) -> Any:
    given = np.asarray(x)
    wide = given.astype(np.float64)
    large = np.maximum(wide, 1.5)
    value = np.where(wide < 1.5, 1 - erf(wide), np.exp(-(large**2)) * erfcx(large))
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def log_erfc(x: Any) -> Any:
    given = np.asarray(x)
    wide = given.astype(np.float64)
    large, small = np.maximum(wide, 1.5), np.minimum(wide, 1.5)
    value = np.where(wide < 1.5, np.log1p(-erf(small)), np.log(erfcx(large)) - large**2)
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


LGAMMA_SERIES = (
    0.42278433509846713,
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
)


def lgamma(x: Any) -> Any:
    # DLMF 5.11.1 above 10, reached by the recurrence 5.5.1; the reflection 5.5.3 below 1/2
    given = np.asarray(x)
    wide = given.astype(np.float64)
    y = np.where(wide < 0.5, 1 - wide, wide)
    shift = np.ones_like(y)
    for _ in range(10):
        shift = np.where(y < 10, shift * y, shift)
        y = np.where(y < 10, y + 1, y)
    w = 1 / y**2
    series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - w * 691 / 360360))))) / y
    value = (y - 0.5) * np.log(y) - y + np.log(2 * np.pi) / 2 + series - np.log(shift)
    with np.errstate(divide="ignore"):
        reflected = np.log(np.pi) - np.log(np.abs(np.sin(np.pi * (wide - np.round(wide))))) - value
    value = np.where(wide < 0.5, reflected, value)
    z = wide - np.where(wide < 1.5, 1, 2)  # DLMF 5.7.3 next to the zeros at 1 and 2
    z = np.where(np.abs(z) < 0.125, z, 0)
    small = np.zeros_like(z)
    for c in reversed(LGAMMA_SERIES):
        small = z * (c + small)
    value = np.where((z != 0) | (wide == 1) | (wide == 2), small - np.where(wide < 1.5, np.log1p(z), 0), value)
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def digamma(x: Any) -> Any:
    # DLMF 5.11.2 above 10, reached by the recurrence 5.5.2; the reflection 5.5.4 below 1/2
    given = np.asarray(x)
    wide = given.astype(np.float64)
    y = np.where(wide < 0.5, 1 - wide, wide)
    shift = np.zeros_like(y)
    for _ in range(10):
        shift = np.where(y < 10, shift + 1 / y, shift)
        y = np.where(y < 10, y + 1, y)
    w = 1 / y**2
    series = w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - w * 691 / 32760)))))
    value = np.log(y) - 1 / (2 * y) - series - shift
    with np.errstate(divide="ignore"):
        value = np.where(wide < 0.5, value - np.pi / np.tan(np.pi * (wide - np.round(wide))), value)
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def inverse_gap(a: Any, s: Any, n: Any) -> Any:
    x, y = 1 / (a + s), 1 / a
    return -s * x * y * sum(x**i * y ** (n - 1 - i) for i in range(n))  # x**n - y**n


def lgamma_step(x: Any, y: Any) -> Any:
    # lgamma(x + y) - lgamma(x): DLMF 5.11.1 above 10, reached by 5.5.1, term by term, so that nothing cancels
    given, wide, step = np.result_type(x, y), np.asarray(x).astype(np.float64), np.asarray(y).astype(np.float64)
    plain = (wide > 0) & (wide + step > 0)
    a, s = np.where(plain, wide, 1), np.where(plain, step, 0)
    shift = np.zeros_like(a + s)
    for _ in range(10):
        shift = np.where(a < 10, shift + np.log1p(s / a), shift)
        a = np.where(a < 10, a + 1, a)
    value = (a - 0.5) * np.log1p(s / a) + s * np.log(a + s) - s - shift
    for n, c in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260), (7, -1 / 1680), (9, 1 / 1188), (11, -691 / 360360)):
        value = value + c * inverse_gap(a, s, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(plain, value, lgamma(np.where(plain, 1, wide + step)) - lgamma(np.where(plain, 1, wide)))
    return value.astype(np.result_type(given, np.float32), copy=False)[()]


def digamma_step(x: Any, y: Any) -> Any:
    # digamma(x + y) - digamma(x): DLMF 5.11.2 above 10, reached by 5.5.2, term by term, so that nothing cancels
    given, wide, step = np.result_type(x, y), np.asarray(x).astype(np.float64), np.asarray(y).astype(np.float64)
    plain = (wide > 0) & (wide + step > 0)
    a, s = np.where(plain, wide, 1), np.where(plain, step, 0)
    shift = np.zeros_like(a + s)
    for _ in range(10):
        shift = np.where(a < 10, shift + s / (a * (a + s)), shift)
        a = np.where(a < 10, a + 1, a)
    value = np.log1p(s / a) + shift
    for n, c in (
        (1, 1 / 2),
        (2, 1 / 12),
        (4, -1 / 120),
        (6, 1 / 252),
        (8, -1 / 240),
        (10, 1 / 132),
        (12, -691 / 32760),
    ):
        value = value - c * inverse_gap(a, s, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(plain, value, digamma(np.where(plain, 1, wide + step)) - digamma(np.where(plain, 1, wide)))
    return value.astype(np.result_type(given, np.float32), copy=False)[()]


def polygamma(n: Any, x: Any) -> Any:
    # DLMF 5.15.8 above 10 + n, reached by the recurrence 5.15.5; the reflection 5.15.6 below 0
    given = np.asarray(x)
    order = int(np.max(n, initial=0))
    if order == 0:
        return digamma(x)
    wide = given.astype(np.float64)
    y = np.where(wide < 0, 1 - wide, wide)
    factorial = np.prod(np.arange(1.0, order + 1))
    total = np.zeros_like(y)
    with np.errstate(divide="ignore", over="ignore"):
        for _ in range(10 + order):
            total = np.where(y < 10 + order, total + factorial / y ** (order + 1), total)
            y = np.where(y < 10 + order, y + 1, y)
    term = factorial / order / y**order
    total = total + term + factorial / (2 * y ** (order + 1))
    term = term * order / y**2  # (2k + n - 1)!/(2k)! / y**(2k + n), here without the factorial below
    for k, bernoulli in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6), 1):
        term = term * (order + 1 if k == 1 else (2 * k + order - 1) * (2 * k + order - 2)) / (2 * k * (2 * k - 1))
        total = total + bernoulli * term
        term = term / y**2
    value = total if order % 2 else -total
    if np.any(wide < 0):
        powers = np.array([0.0, 1.0])  # the derivatives of cot as polynomials in cot: c' = -1 - c**2
        for _ in range(order):
            powers = np.convolve(powers[1:] * np.arange(1, len(powers)), [-1, 0, -1])
        with np.errstate(divide="ignore", invalid="ignore"):
            r = wide - np.round(wide)  # next to 1/2 the cotangent is the tangent of what is left, which is exact
            near = np.abs(r) > 0.25
            c = np.where(near, np.copysign(np.tan(np.pi * (0.5 - np.abs(r))), r), 1 / np.tan(np.pi * r))
            turned = np.full_like(c, powers[-1])
            for p in powers[-2::-1]:
                turned = turned * c + p
        turned = np.pi ** (order + 1) * turned
        value = np.where(wide < 0, (value if order % 2 == 0 else -value) - turned, value)
    return value.astype(np.result_type(given.dtype, np.float32), copy=False)[()]


def each(value: Any, n: Any) -> Any:
    return value if isinstance(value, tuple) else (value,) * n


def margins(pad: Any, n: Any) -> Any:
    return [p if isinstance(p, tuple) else (p, p) for p in each(pad, n)]


def last(parts: Any) -> Any:
    return (..., *parts)  # an index of the last axes


def windows(x: Any, size: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Any:
    n = len(size)
    if pad != 0:
        x = np.pad(x, [(0, 0)] * (x.ndim - n) + margins(pad, n))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(size, each(dilation, n), strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(-n, 0)))
    return view[last(slice(None, None, step) for step in each(stride, n) + each(dilation, n))]


def fold(y: Any, shape: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Any:
    n = len(shape)
    counts, size = y.shape[-2 * n : -n], y.shape[-n:]
    sides = margins(pad, n)
    total = np.zeros((*y.shape[: -2 * n], *(d + a + b for d, (a, b) in zip(shape, sides, strict=True))), y.dtype)
    steps, gaps = each(stride, n), each(dilation, n)
    for offset in np.ndindex(*size):
        place = [slice(o * d, o * d + s * m, s) for o, d, s, m in zip(offset, gaps, steps, counts, strict=True)]
        total[last(place)] += y[last(offset)]
    return total[last(slice(a, a + d) for d, (a, _) in zip(shape, sides, strict=True))]


def scatter_add(g: Any, i: Any, size: Any, axis: Any = 0) -> Any:
    i, lead = np.asarray(i), (slice(None),) * axis
    total = np.zeros((*g.shape[:axis], size, *g.shape[axis + i.ndim :]), g.dtype)
    if i.ndim in (g.ndim, 0) or g.size == 0:
        np.add.at(total, (*lead, i), g)
        return total
    at = np.arange(size)[i.reshape(-1)]
    order = np.argsort(at, kind="stable")  # what one index gets stands together
    starts = np.flatnonzero(np.diff(at[order], prepend=-1))
    rows = g.reshape(*g.shape[:axis], -1, *g.shape[axis + i.ndim :])
    total[(*lead, at[order[starts]])] = np.add.reduceat(rows[(*lead, order)], starts, axis)
    return total


def scatter_add_along_axis(g: Any, i: Any, size: Any, axis: Any = -1) -> Any:
    total = np.zeros((*g.shape[:axis], size, *g.shape[g.ndim + axis + 1 :]), g.dtype)
    places = list(np.ogrid[tuple(slice(d) for d in g.shape)])
    places[axis] = i
    np.add.at(total, tuple(places), g)
    return total


def one_hot(i: Any, size: Any) -> Any:
    hot = np.zeros((*np.shape(i), size), bool)
    np.put_along_axis(hot, np.expand_dims(i, -1), True, -1)
    return hot


def reverse_cumsum(x: Any, axis: Any = 0) -> Any:
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def recurrence(b: Any, a: Any, axis: Any = 0) -> Any:
    b, a = np.moveaxis(b, axis, 0), np.moveaxis(a, axis, 0)
    y = np.array(b)
    for t in range(1, len(y)):
        y[t] += a[t] * y[t - 1]
    return np.moveaxis(y, 0, axis)


def reverse_recurrence(b: Any, a: Any, axis: Any = 0) -> Any:
    return np.flip(recurrence(np.flip(b, axis), np.flip(a, axis), axis), axis)


def shift(x: Any, places: Any, axis: Any = 0, fill: Any = 0) -> Any:
    moved, x = np.full_like(np.moveaxis(x, axis, 0), fill), np.moveaxis(x, axis, 0)
    if places > 0:
        moved[places:] = x[:-places]
    else:
        moved[:places] = x[-places:]
    return np.moveaxis(moved, 0, axis)


def prod_except(x: Any, order: Any = 1) -> Any:
    here = np.eye(x.shape[-1], dtype=bool)
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for _ in range(order - 1):  # 1 in the place of each entry that is left out before the last
        x = np.where(here, one, x[..., None, :])
    before = np.cumprod(x, axis=-1)
    after = np.flip(np.cumprod(np.flip(x, -1), axis=-1), -1)
    ends = np.ones_like(x[..., :1])
    y = np.concatenate([ends, before[..., :-1]], -1) * np.concatenate([after[..., 1:], ends], -1)
    for j in range(order):
        for i in range(j):
            y = np.where(here.reshape([len(here) if k in (i, j) else 1 for k in range(order)]), zero, y)
    return y


def argsort(x: Any, axis: Any = -1) -> Any:
    return np.argsort(x, axis, kind="stable")


def spans(ranges: Any) -> Any:
    return tuple(slice(None) if r is None else span(*r) for r in ranges)


def span(start: Any, count: Any, step: Any) -> slice:
    """A range as a slice; an empty one may start at -1, which would count from the end."""
    return slice(start, end_of(start, count, step), step) if count else slice(0, 0)


def end_of(start: Any, count: Any, step: Any) -> Any:
    end = start + count * step
    return end if end >= 0 or step > 0 else None


def section(x: Any, ranges: Any) -> Any:
    return x[spans(ranges)]


def placed(x: Any, key: Any, shape: Any, value: Any = 0) -> Any:
    out = np.full(shape, value, x.dtype)
    out[key] = x
    return out


def placed_at(x: Any, ranges: Any, shape: Any, value: Any = 0) -> Any:
    return placed(x, spans(ranges), shape, value)


def concat(*arrays: Any, axis: Any = 0) -> Any:
    return np.concatenate(arrays, axis)
