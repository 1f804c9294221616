"""The NumPy meaning of matrix functions that NumPy lacks, or reads otherwise; emitted as they stand.

Each works on the last two axes, for stacks of matrices too, and keeps float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def mirrored(a: Any) -> Any:
    return (a + np.swapaxes(a, -1, -2)) / 2  # exactly `a` where that is symmetric


def cholesky(a: Any) -> Any:
    return np.linalg.cholesky(mirrored(a))


def eigvalsh(a: Any) -> Any:
    return np.linalg.eigvalsh(mirrored(a))


def eigh_vectors(a: Any) -> Any:
    return np.linalg.eigh(mirrored(a))[1]


def svdvals(x: Any) -> Any:
    return np.linalg.svd(x, compute_uv=False)


def svd_u(x: Any) -> Any:
    return np.linalg.svd(x, full_matrices=False)[0]


def svd_vt(x: Any) -> Any:
    return np.linalg.svd(x, full_matrices=False)[2]


def pinv(x: Any) -> Any:
    return np.linalg.pinv(x, max(x.shape[-2:]) * np.finfo(x.dtype).eps)


def tril_half(x: Any) -> Any:
    return np.tril(x, -1) + x * np.eye(x.shape[-1], dtype=x.dtype) / 2


def reciprocal_gaps(w: Any) -> Any:
    gaps = w[..., None, :] - w[..., :, None]
    np.einsum("...ii->...i", gaps)[...] = np.inf
    return 1 / gaps


def expm(a: Any) -> Any:
    # Higham, The Scaling and Squaring Method for the Matrix Exponential Revisited, SIAM J. Matrix Anal. Appl. 26 (2005)
    degree, radius = (7, 3.925) if a.dtype == np.float32 else (13, 5.371)
    norm = np.max(np.sum(np.abs(a), axis=-2), axis=-1, initial=0)
    norm = np.where(np.isfinite(norm), np.maximum(norm, radius), radius)
    halvings = np.ceil(np.log2(norm / radius)).astype(int)[..., None, None]
    a = a / np.exp2(halvings).astype(a.dtype)
    power = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    even, odd, square, c = np.zeros_like(a), np.zeros_like(a), a @ a, 1.0
    for j in range(0, degree, 2):  # the Pade numerator has c_j = c_(j-1) * (m - j + 1)/(j*(2*m - j + 1))
        even = even + c * power
        c = c * (degree - j) / ((j + 1) * (2 * degree - j))
        odd = odd + c * power
        c = c * (degree - j - 1) / ((j + 2) * (2 * degree - j - 1))
        power = power @ square
    odd = a @ odd
    x = np.linalg.solve(even - odd, even + odd)
    for i in range(np.max(halvings, initial=0)):
        x = np.where(i < halvings, x @ x, x)
    return x


def expm_frechet(a: Any, *directions: Any) -> Any:
    # The corner of expm([[A, E], [0, A]]): Mathias, A Chain Rule for Matrix Functions, SIAM J. Matrix Anal. 17 (1996)
    n = a.shape[-1]
    block, scale = a, np.ones((), a.dtype)
    for e in directions:
        largest = np.max(np.abs(e), axis=(-2, -1), keepdims=True, initial=0)
        largest = np.where(largest > 0, largest, np.ones_like(largest))
        size = block.shape[-1]
        double = np.zeros((*a.shape[:-2], 2 * size, 2 * size), a.dtype)
        double[..., :size, :size] = double[..., size:, size:] = block
        for start in range(0, size, max(n, 1)):
            double[..., start : start + n, size + start : size + start + n] = e / largest
        block, scale = double, scale * largest
    return scale * expm(block)[..., :n, block.shape[-1] - n :]
