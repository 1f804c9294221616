"""What each function of the notation means, in plain NumPy: text of the notation runs on these as Python does.

The table is a function of the module, so that ``autograd.numpy`` can stand in for NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from typing import Any

import autograd.numpy
import mpmath
import numpy
import references_activations
import references_attention
import references_gather
import references_layout
import references_linalg
import references_losses
import references_numpy

Function = Callable[..., Any]


def special(name: str) -> Function:
    """A function of mpmath, entry by entry."""
    exact = getattr(mpmath, name)
    return numpy.vectorize(lambda *v: float(mpmath.re(exact(*map(float, v)))), otypes=[float])


def elementwise(np: Any) -> dict[str, Function]:
    same = ("exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")
    inverse = ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")
    compare = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
    return {
        **{
            name: getattr(np, name)
            for name in (*same, *inverse, *compare, "abs", "sign", "round", "maximum", "minimum")
        },
        "stop_gradient": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.log(1 + np.exp(x)),
        "relu": lambda x: np.maximum(x, 0.0),
        "where": lambda c, x, y: np.where(c + 0 * (x + y) != 0, x + 0 * (c + y), y + 0 * (c + x)),
        "clip": lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi),
        "erf": special("erf"),
        "lgamma": special("loggamma"),
        "digamma": special("digamma"),
        "polygamma": special("polygamma"),
    }


def reductions(np: Any) -> dict[str, Function]:
    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))

    def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))

    def var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        centred = x - np.mean(x, axis=axis, keepdims=True)
        total = np.sum(centred**2, axis=axis, keepdims=keepdims)
        return total / (np.size(x) / max(1, np.size(total)) - ddof)

    return {
        **{name: getattr(np, name) for name in ("sum", "mean", "max", "min")},
        "var": var,
        "std": lambda x, **options: np.sqrt(var(x, **options)),
        "norm": norm,
        "logsumexp": logsumexp,
        "softmax": lambda x, axis=-1: np.exp(x - logsumexp(x, axis, True)),
        "log_softmax": lambda x, axis=-1: x - logsumexp(x, axis, True),
        "mse": lambda p, t: np.mean((p - t) ** 2),
    }


def products(np: Any) -> dict[str, Function]:
    def shaped(make: Function) -> Function:
        return lambda *shape: make(shape[0] if isinstance(shape[0], tuple) else shape)

    return {
        **{name: getattr(np, name) for name in ("outer", "kron", "diag", "trace", "transpose", "reshape", "eye")},
        "einsum": np.einsum,
        "ones": shaped(np.ones),
        "zeros": shaped(np.zeros),
        "broadcast_to": lambda x, shape: x + np.zeros(shape),
        "dense": lambda x, W, b=0.0: x @ W + b,
        "matmul": np.matmul,
        "split": np.split,
        "rnn_cell": lambda x, h, W, U, b: np.tanh(x @ W + h @ U + b),
        "gru_cell": gru_cell(np),
        "lstm_cell": lstm_cell(np),
    }


def gru_cell(np: Any) -> Function:
    def step(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
        r, z = (1 / (1 + np.exp(-(x @ W[i] + h @ U[i] + b[i]))) for i in (0, 1))
        new = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + b[3]))
        return new + z * (h - new)

    return step


def lstm_cell(np: Any) -> Function:
    def step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
        i, f, g, o = (x @ W[k] + h @ U[k] + b[k] for k in range(4))
        state = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        return np.tanh(state) / (1 + np.exp(-o)), state

    return step


def pair(value: Any, axes: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * axes


def windows_of(shape: tuple[int, ...], size: Any, stride: Any, dilation: Any) -> list[tuple[Any, tuple[slice, ...]]]:
    """The place among the windows, and the slices of the array, of each offset inside a window."""
    found = []
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(shape, size, stride, dilation, strict=True)]
    for offset in numpy.ndindex(*size):
        steps = zip(offset, counts, stride, dilation, strict=True)
        found.append((offset, tuple(slice(o * d, o * d + s * (c - 1) + 1, s) for o, c, s, d in steps)))
    return found


def padded(np: Any, x: Any, pad: Any, axes: int) -> Any:
    amounts = [p if isinstance(p, tuple) else (p, p) for p in pair(pad, axes)]
    return np.pad(x, [(0, 0)] * (x.ndim - axes) + amounts, "constant")


def convolutions(np: Any) -> dict[str, Function]:
    def windows(x: Any, *size: int, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Any:
        axes = len(size)
        x = padded(np, x, pad, axes)
        parts = windows_of(x.shape[x.ndim - axes :], size, pair(stride, axes), pair(dilation, axes))
        stacked = np.stack([x[(..., *where)] for _, where in parts], axis=-1)
        return np.reshape(stacked, stacked.shape[:-1] + size)

    def fold(y: Any, *shape: int, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> Any:
        axes = len(shape)
        amounts = [p if isinstance(p, tuple) else (p, p) for p in pair(pad, axes)]
        wide = tuple(n + sum(p) for n, p in zip(shape, amounts, strict=True))
        total = numpy.zeros(y.shape[: y.ndim - 2 * axes] + wide, dtype=y.dtype)
        for offset, where in windows_of(wide, y.shape[y.ndim - axes :], pair(stride, axes), pair(dilation, axes)):
            total[(..., *where)] += y[(..., *offset)]
        return total[(..., *(slice(p[0], p[0] + n) for n, p in zip(shape, amounts, strict=True)))]

    def conv(axes: int) -> Function:
        def convolve(x: Any, w: Any, stride: Any = 1, pad: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
            size = w.shape[2:]
            if pad == "same":
                pad = tuple(((k - 1) // 2, k // 2) for k in size)
            view = windows(x, *size, stride=stride, pad=0 if pad == "valid" else pad, dilation=dilation)
            view = np.reshape(view, (x.shape[0], groups, x.shape[1] // groups, *view.shape[2:]))
            filters = np.reshape(w, (groups, w.shape[0] // groups, *w.shape[1:]))
            spec = {1: "ngcxa,gfca->ngfx", 2: "ngcxyab,gfcab->ngfxy"}[axes]
            y = np.einsum(spec, view, filters)
            return np.reshape(y, (x.shape[0], w.shape[0], *y.shape[3:]))

        return convolve

    def pool(axes: int, reduce: Function) -> Function:
        def pooled(x: Any, k: Any, stride: Any = None) -> Any:
            size = pair(k, axes)
            return reduce(windows(x, *size, stride=size if stride is None else stride), axis=tuple(range(-axes, 0)))

        return pooled

    return {
        "windows": windows,
        "fold": fold,
        **{f"conv{axes}d": conv(axes) for axes in (1, 2)},
        **{f"maxpool{axes}d": pool(axes, np.max) for axes in (1, 2)},
        **{f"avgpool{axes}d": pool(axes, np.mean) for axes in (1, 2)},
    }


def norms(np: Any) -> dict[str, Function]:
    def standardize(x: Any, axis: Any = -1, eps: float = 1e-5) -> Any:
        centred = x - np.mean(x, axis=axis, keepdims=True)
        return centred / np.sqrt(np.mean(centred**2, axis=axis, keepdims=True) + eps)

    def scaled(y: Any, gain: Any, bias: Any, axes: tuple[int, ...]) -> Any:
        kept = tuple(n if a in axes else 1 for a, n in enumerate(y.shape))
        gain, bias = (
            (1.0 if gain is None else np.reshape(gain, kept)),
            (0.0 if bias is None else np.reshape(bias, kept)),
        )
        return y * gain + bias

    def batch_norm(x: Any, gain: Any = None, bias: Any = None, axis: Any = None, eps: float = 1e-5) -> Any:
        axes = pair(axis, 1) if axis is not None else tuple(a for a in range(x.ndim) if a != 1)
        return scaled(standardize(x, axes, eps), gain, bias, tuple(a for a in range(x.ndim) if a not in axes))

    def rms_norm(x: Any, gain: Any = None, axis: Any = -1, eps: float = 1e-5) -> Any:
        axes = tuple(a % x.ndim for a in pair(axis, 1))
        return scaled(x / np.sqrt(np.mean(x**2, axis=axes, keepdims=True) + eps), gain, None, axes)

    def layer_norm(x: Any, gain: Any = None, bias: Any = None, axis: Any = -1, eps: float = 1e-5) -> Any:
        axes = tuple(a % x.ndim for a in pair(axis, 1))
        return scaled(standardize(x, axes, eps), gain, bias, axes)

    def group_norm(x: Any, gain: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5) -> Any:
        split = np.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
        y = standardize(split, tuple(range(2, split.ndim)), eps)
        return scaled(np.reshape(y, x.shape), gain, bias, (1,))

    def instance_norm(x: Any, gain: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        return scaled(standardize(x, tuple(range(2, x.ndim)), eps), gain, bias, (1,))

    return {f.__name__: f for f in (standardize, batch_norm, rms_norm, layer_norm, group_norm, instance_norm)}


def table(np: Any = numpy) -> dict[str, Function]:
    """Every function of the notation over the module `np`."""
    families = (
        elementwise,
        references_gather.table,
        reductions,
        products,
        references_layout.table,
        references_linalg.table,
        convolutions,
        norms,
        references_activations.table,
        references_attention.table,
        references_losses.table,
        references_numpy.table,
    )
    sizes = {"ceiling": ceil, "Max": max, "Min": min, "Mod": lambda a, b: a % b}
    return sizes | {name: function for family in families for name, function in family(np).items()}


NUMPY, AUTOGRAD = table(), table(autograd.numpy)
# Functions whose references do not run on complex numbers, or are not analytic there.
KINKED = {"abs", "sign", "round", "maximum", "minimum", "relu", "clip", "max", "min", "where", "maxpool1d", "maxpool2d"}
KINKED |= {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}
KINKED |= references_gather.NOT_COMPLEX | references_linalg.NOT_COMPLEX | {"erf", "lgamma", "digamma", "polygamma"}
UNKNOWN_TO_AUTOGRAD = {"erf", "lgamma", "digamma", "polygamma", "fold", "round", "stop_gradient", "einsum('iij->j', X)"}

UNKNOWN_TO_AUTOGRAD |= references_gather.UNKNOWN_TO_AUTOGRAD


KINKED |= references_activations.NOT_COMPLEX | references_losses.NOT_COMPLEX | references_numpy.NOT_COMPLEX
UNKNOWN_TO_AUTOGRAD |= references_activations.NOT_AUTOGRAD | references_losses.NOT_AUTOGRAD
UNKNOWN_TO_AUTOGRAD |= references_numpy.NOT_AUTOGRAD


def run(text: str, values: dict[str, Any], functions: dict[str, Function]) -> Any:
    """The value of a formula of the notation, executed by Python."""
    *lines, last = text.split("\n")
    space = {"__builtins__": {}, "pi": numpy.pi, **functions, **values}
    for line in lines:
        exec(line, space)
    found = eval(last, space)
    return numpy.array(found, dtype=float) if isinstance(found, list) else found


def called(text: str) -> set[str]:
    """The functions that a formula calls."""
    return set(re.findall(r"\b([a-z]\w*)\(", text))
