"""Functions of matrices between orthogonal ones, for Q with Q^T Q = I.

inv(Q Y Q^T) = Q inv(Y) Q^T,   exp(Q Y Q^T) = Q exp(Y) Q^T,   det(Q Y Q^T) = det(Y),   |det(Q Y)| = |det(Y)|
(Horn and Johnson, Matrix Analysis, 2.1): Q Y Q^T + c I is Q (Y + c I) Q^T.
"""

from __future__ import annotations

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of
from graphc.ops.factorizations import EIGVALSH
from graphc.ops.leaves import EYE
from graphc.ops.linalg import DET, INV, LOGDET
from graphc.ops.matrix_functions import EXPM
from graphc.ops.products import matmul, transpose
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.inverses import is_orthogonal, known

SIMILAR = law("orthogonal", "f(Q Y Q.T) is Q f(Y) Q.T for an orthogonal Q, or f(Y) for what eigenvalues decide")
TURNED = law("orthogonal", "|det(Q Y)| = |det(Y)| for an orthogonal Q")
TURNING = (INV, EXPM)
KEPT = (DET, LOGDET, EIGVALSH)


def between_orthogonals(engine: Engine, node: Expr) -> Expr | None:
    """The function of what stands between an orthogonal matrix and its transpose, or on one side of one."""
    if node.op not in TURNING + KEPT or node.operands[0].ndim != 2:
        return None
    (x,) = node.operands
    terms = [t for t in (x.operands if x.op is ADD else (x,)) if not is_unit(t)]
    ends = [orthogonal_end(terms[0], axis) for axis in (0, 1)] if terms else [None, None]
    if ends[0] is not None:
        q, left = ends[0]
        inner = bare(engine, x, q, transpose(left), left)
        if inner is not None:
            found = rebuild(node, (inner,))
            result = engine.normal(matmul(matmul(left, found), transpose(left)) if node.op in TURNING else found)
            engine.steps.append(SIMILAR.step(node, result, known(q)))
            return result
    for end, axis in zip(ends, (0, 1), strict=True):
        if end is None or node.op is not LOGDET or x.op is ADD:
            continue
        q, side = end
        inner = bare(engine, x, q, transpose(side), None) if axis == 0 else bare(engine, x, q, None, transpose(side))
        if inner is not None:
            result = engine.normal(rebuild(node, (inner,)))
            engine.steps.append(TURNED.step(node, result, known(q)))
            return result
    return None


def is_unit(term: Expr) -> bool:
    """The identity, or a number or scalar times it: the same between Q and Q^T."""
    factors = term.operands if term.op is CONTRACT else (term,)
    return any(f.op is EYE for f in factors) and all(f.op is EYE or not f.ndim for f in factors)


def orthogonal_end(term: Expr, axis: int) -> tuple[Expr, Expr] | None:
    """The orthogonal matrix at one end of a product, and the same as it stands there: Q or Q^T."""
    place = axis
    while term.op is CONTRACT:
        found = [(f, ls.index(place)) for f, ls, e in factors_of(term) if place in ls and f.ndim == 2 and e == 1]
        if len(found) != 1:
            return None
        term, place = found[0]
    return (term, term if place == axis else transpose(term)) if is_orthogonal(term) else None


def bare(engine: Engine, x: Expr, q: Expr, left: Expr | None, right: Expr | None) -> Expr | None:
    """`x` times `left` and `right`, term by term, if `q` is then in no term."""
    coefficients = x.attributes["coefficients"] if x.op is ADD else (ONE,)
    parts = []
    for term in x.operands if x.op is ADD else (x,):
        part = term
        if not (is_unit(term) and left is not None and right is not None):
            part = part if left is None else matmul(left, part)
            part = engine.normal(part if right is None else matmul(part, right))
        if q in topological([part]):
            return None
        parts.append(part)
    return engine.sum(zip(coefficients, parts, strict=True), x.shape)
