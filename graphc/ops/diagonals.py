"""Products with identities as arrays that are zero off a diagonal: the rest of the product, written on it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, Labels, factors_of, summed
from graphc.ops.leaves import EYE

LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def on_diagonal(x: Any, axes: Any) -> Any:
    """Zeros, and `x` where the axes of one letter have one index: ``ikil->ikl`` from k matrices to an array ikil."""
    whole, kept = axes.split("->")
    sizes = dict(zip(kept, x.shape, strict=True))
    out = np.zeros([sizes[letter] for letter in whole], x.dtype)
    np.einsum(axes, out)[...] = x
    return out


class Diagonal(NamedTuple):
    """A product with identities: its other factors over the axes that are left, the identities,
    and which axes are left.

    `axes` is the text by which ``einsum`` sees the diagonal of the whole array as one of `shape`; `places` are the
    axes of the whole that its axes stand for.
    """

    factors: list[tuple[Expr, Labels, Any]]
    identities: list[tuple[Expr, Labels, Any]]
    shape: Shape
    places: Labels
    axes: str


def is_delta(f: Expr, labels: Labels, e: Any) -> bool:
    """Whether a factor is an identity that ties two labels."""
    return f.op is EYE and e == 1 and -1 not in labels


def has_identity(node: Expr) -> bool:
    """Whether a contraction without sums multiplies by an identity over two of its axes."""
    return (
        node.op is CONTRACT
        and len(node.operands) > 1
        and not summed(node)
        and any(is_delta(*x) and len(set(x[1])) == 2 for x in factors_of(node))
    )


def diagonal_of(node: Expr) -> Diagonal:
    """The parts of a product with identities."""
    same = list(range(node.ndim))
    for f, labels, e in factors_of(node):
        if is_delta(f, labels, e):
            low, high = sorted(same[x] for x in labels)
            same = [low if x == high else x for x in same]
    places = tuple(dict.fromkeys(same))
    rename = {i: places.index(x) for i, x in enumerate(same)} | {-1: -1}
    apart = [is_delta(f, labels, e) for f, labels, e in factors_of(node)]
    both = list(zip(factors_of(node), apart, strict=True))
    factors = [(f, tuple(rename[x] for x in labels), e) for (f, labels, e), delta in both if not delta]
    identities = [factor for factor, delta in both if delta]
    letters = [LETTERS[rename[i]] for i in range(node.ndim)]
    kept = "".join(LETTERS[i] for i in range(len(places)))
    return Diagonal(factors, identities, tuple(node.shape[x] for x in places), places, f"{''.join(letters)}->{kept}")
