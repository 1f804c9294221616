r"""Contractions that are matrix products in disguise: chains of matrices, bilinear forms and traces.

Where every summed label joins two of the factors, and no label stands in more, the factors form a chain between the
output's axes, ``A B^T C``, or between two vectors, ``x^T A y``, or a ring, which is a trace: ``tr(A B)``.
"""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.forms import form

Factor = tuple[Expr, tuple[int, ...], Fraction]
Turned = tuple[Expr, bool]  # a factor, and whether it is transposed
Held = dict[int, list[int]]  # of each label the factors that carry it
MATRIX_OPS = ("inv", "pinv", "expm", "cholesky", "solve", "matrix_power", "eigh_vectors")


def chained(node: Expr, factors: list[Factor], named: Container[Expr]) -> list[Turned] | None:
    """The factors of a matrix product that `node` is, in order; a trace if it is a number and none is a vector."""
    factors = [_upright(f, named) for f in _within(node, factors, named)]
    links = [labels for _, labels, _ in factors]
    held: Held = {}
    for at, labels in enumerate(links):
        for label in labels:
            held.setdefault(label, []).append(at)
    plain = all(1 <= len(labels) == len(set(labels)) <= 2 and -1 not in labels for labels in links)
    joined = all(len(at) == (1 if label < node.ndim else 2) for label, at in held.items())
    if len(links) < 2 or any(e != 1 for _, _, e in factors) or not (plain and joined) or node.ndim > 2:
        return None
    arrays = [x for x, _, _ in factors]
    walks = [w for w in _walks(node, arrays, links, held) if len(w) == len(links)]
    ordered = [[(arrays[i], turned) for i, turned in walk] for walk in walks]
    return min(ordered, key=_turns) if ordered else None


def _within(node: Expr, factors: list[Factor], named: Container[Expr]) -> list[Factor]:
    """The factors of an entry-by-entry product that is summed to a number, instead of the product."""
    if node.ndim or len(factors) != 1:
        return factors
    ((x, labels, exponent),) = factors
    if exponent != 1 or x.op is not CONTRACT or x in named or summed(x) or x.attributes["coefficient"] != 1:
        return factors
    return [(f, tuple(a if a < 0 else labels[a] for a in ls), e) for f, ls, e in factors_of(x)]


def _upright(factor: Factor, named: Container[Expr]) -> Factor:
    """A transposed matrix as the matrix with its labels exchanged."""
    x, labels, exponent = factor
    if x.ndim == 2 and x.op is CONTRACT and x not in named and form(x).kind == "transpose":
        return x.operands[0], labels[::-1], exponent
    return factor


def _walks(node: Expr, arrays: list[Expr], links: list[tuple[int, ...]], held: Held) -> list[list[tuple[int, bool]]]:
    """The chains through the factors: fixed by the output's axes, else from either end or from any place of a ring."""
    vectors = [i for i, labels in enumerate(links) if len(labels) == 1]
    if node.ndim:
        first = _walk(links, held, held[0][0], 0)
        if node.ndim == 1 or len(first) == len(links):
            return [first]
        second = _walk(links, held, held[1][0], 1)  # A x (B y)^T = A x y^T B^T
        return [first + [(i, i in vectors or not turned) for i, turned in reversed(second)]]
    if vectors:
        walks = [_walk(links, held, i, -1) for i in vectors]
        return [[(i, turned or not at) for at, (i, turned) in enumerate(walk)] for walk in walks]
    entrywise = len(links) == 2 and links[0] == links[1]  # sum(T*log(P)): no paper writes a trace
    if entrywise and not any(x.op.name in MATRIX_OPS or _product(x) for x in arrays):
        return []
    return [_walk(links, held, i, a) for i, labels in enumerate(links) for a in labels]


def _walk(links: list[tuple[int, ...]], held: Held, at: int, label: int) -> list[tuple[int, bool]]:
    """From the factor `at`, entered by `label`, along summed labels to the end, or around."""
    found: list[tuple[int, bool]] = []
    while at not in [i for i, _ in found]:
        labels = links[at]
        found.append((at, len(labels) == 2 and labels[1] == label))
        onward = [a for a in labels if a != label and len(held[a]) == 2]
        if not onward:
            break
        (label,) = onward
        (at,) = [i for i in held[label] if i != at]
    return found


def _turns(walk: list[Turned]) -> tuple[int, int]:
    """How much is transposed: products first, since they need brackets."""
    turned = [x for x, is_turned in walk if is_turned and x.ndim == 2]
    return sum(x.name is None for x in turned), len(turned)


def _product(x: Expr) -> bool:
    return x.op is CONTRACT and form(x).kind == "matmul"
