"""Concatenation, padding, triangles and rearrangement in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy


def table(np: Any) -> dict[str, Callable[..., Any]]:
    def place(x: Any, shape: Any, start: Any = 0, step: Any = 1) -> Any:
        """By products with matrices of zeros and ones."""
        for axis, total in enumerate(shape):
            a, s = (v[axis] if isinstance(v, tuple) else v for v in (start, step))
            put = numpy.zeros((total, x.shape[axis]))
            put[a + s * numpy.arange(x.shape[axis]), numpy.arange(x.shape[axis])] = 1
            x = np.moveaxis(np.tensordot(put, x, (1, axis)), 0, axis)
        return x

    def pad(x: Any, pad_width: Any, constant_values: Any = 0) -> Any:
        pairs = numpy.broadcast_to(pad_width, (x.ndim, 2))
        shape = tuple(int(n + sum(p)) for n, p in zip(x.shape, pairs, strict=True))
        start = tuple(int(p[0]) for p in pairs)
        return place(x, shape, start) + constant_values * (1 - place(numpy.ones(x.shape), shape, start))

    def tile(x: Any, reps: Any) -> Any:
        return np.tile(x, reps)

    return {
        "place": place,
        "pad": pad,
        "tile": tile,
        "concat": lambda arrays, axis=0: np.concatenate(arrays, axis),
        "stack": lambda arrays, axis=0: np.stack([a + 0.0 for a in arrays], axis),
        "flip": lambda x, axis=None: x[tuple(slice(None, None, -1 if axis in (None, i) else 1) for i in range(x.ndim))],
        **{name: getattr(np, name) for name in ("tril", "triu", "roll", "expand_dims", "squeeze", "swapaxes")},
        **{name: getattr(np, name) for name in ("moveaxis", "ravel", "repeat")},
    }
