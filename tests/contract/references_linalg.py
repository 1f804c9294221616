"""Linear algebra in plain NumPy: factorizations of the symmetric part, series for the exponential."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product
from typing import Any

import numpy

Series = dict[
    frozenset[int], Any
]  # a matrix polynomial in nilpotent s, t, ...: the coefficient of each product of them


def times(a: Series, b: Series) -> Series:
    found: Series = {}
    for (s, x), (t, y) in product(a.items(), b.items()):
        if not s & t:
            found[s | t] = found.get(s | t, 0) + x @ y
    return found


def exponential(np: Any, x: Series, halvings: int = 8, terms: int = 20) -> Series:
    """The power series, of a fraction of `x`, squared."""
    one = np.eye(x[frozenset()].shape[-1]) + 0 * x[frozenset()]
    small = {s: m / 2**halvings for s, m in x.items()}
    term: Series = {frozenset(): one}
    total: Series = dict(term)
    for k in range(1, terms):
        term = {s: m / k for s, m in times(term, small).items()}
        total = {s: total.get(s, 0) + m for s, m in term.items()}
    for _ in range(halvings):
        total = times(total, total)
    return total


def table(np: Any) -> dict[str, Callable[..., Any]]:
    def symmetric(A: Any) -> Any:
        return (A + np.swapaxes(A, -1, -2)) / 2

    def power(x: Any, n: int) -> Any:
        base = x if n >= 0 else np.linalg.inv(x)
        one = np.eye(x.shape[-1]) + 0 * x
        return reduce(lambda a, b: a @ b, [base] * abs(n), one)

    def svd(x: Any) -> Any:
        return np.linalg.svd(x, full_matrices=False)

    def gaps(w: Any) -> Any:
        one = numpy.eye(w.shape[-1])
        return (1 - one) / (w[..., None, :] - w[..., :, None] + one)

    def frechet(x: Any, *directions: Any) -> Any:
        marks = {frozenset((i,)): e for i, e in enumerate(directions)}
        return exponential(np, {frozenset(): x, **marks})[frozenset(range(len(directions)))]

    def half(x: Any) -> Any:
        return x * (numpy.tri(x.shape[-1]) - numpy.eye(x.shape[-1]) / 2)

    return {
        "inv": np.linalg.inv,
        "det": np.linalg.det,
        "logdet": lambda X: np.linalg.slogdet(X)[1],
        "solve": lambda A, b: np.linalg.inv(A) @ b,
        "pinv": np.linalg.pinv,
        "cholesky": lambda A: np.linalg.cholesky(symmetric(A)),
        "eigvalsh": lambda A: np.linalg.eigh(symmetric(A))[0],
        "eigh_vectors": lambda A: np.linalg.eigh(symmetric(A))[1],
        "eigh": lambda A: np.linalg.eigh(symmetric(A)),
        "slogdet": np.linalg.slogdet,
        "svd": svd,
        "svd_u": lambda x: svd(x)[0],
        "svdvals": lambda x: svd(x)[1],
        "svd_vt": lambda x: svd(x)[2],
        "matrix_power": power,
        "expm": lambda x: exponential(np, {frozenset(): x})[frozenset()],
        "expm_frechet": frechet,
        "tril_half": half,
        "reciprocal_gaps": gaps,
    }


NOT_COMPLEX = {
    *("logdet", "slogdet", "cholesky", "eigvalsh", "eigh_vectors", "eigh", "svd_u", "svdvals", "svd_vt", "svd", "pinv"),
}
