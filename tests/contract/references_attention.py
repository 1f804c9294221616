"""Attention in plain NumPy: all scores at once, no maximum taken out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy


def table(np: Any) -> dict[str, Callable[..., Any]]:
    def masked_softmax(x: Any, mask: Any, axis: int = -1) -> Any:
        e = np.exp(x) * (mask != 0)
        return e / np.sum(e, axis=axis, keepdims=True)

    def attention(Q: Any, K: Any, V: Any, mask: Any = None, scale: Any = None, causal: bool = False) -> Any:
        scores = Q @ np.swapaxes(K, -1, -2) * (numpy.divide(1, Q.shape[-1]) ** 0.5 if scale is None else scale)
        kept = numpy.tri(Q.shape[-2], K.shape[-2]) if causal else numpy.ones((Q.shape[-2], K.shape[-2]))
        if mask is not None and mask.dtype == bool:
            kept = kept * mask
        elif mask is not None:
            scores = scores + mask
        return masked_softmax(scores, kept) @ V

    def multi_head_attention(Q: Any, K: Any, V: Any, mask: Any = None, *, heads: int, **options: Any) -> Any:
        def part(x: Any, i: int) -> Any:
            width = x.shape[-1] // heads
            return x[..., i * width : (i + 1) * width]

        each = [attention(part(Q, i), part(K, i), part(V, i), mask, **options) for i in range(heads)]
        return np.concatenate(each, axis=-1) if each else Q @ np.zeros((Q.shape[-1], 0))

    families = (masked_softmax, attention, multi_head_attention)
    return {f.__name__: f for f in families} | {"tri": lambda rows, columns=None: numpy.tri(rows, columns, dtype=bool)}
