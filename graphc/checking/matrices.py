"""Functions of matrix products by their factors, as proofs need them: the simplifier leaves them as they are written.

inv(A B) = inv(B) inv(A),   det(A B) = det(A) det(B),   solve(A, b) = inv(A) b,   X**k = X X ... X
"""

from __future__ import annotations

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, contract, factors_of, summed
from graphc.ops.elementwise import absolute, log
from graphc.ops.leaves import EYE, NAMED, constant, size
from graphc.ops.linalg import DET, INV, LOGDET, SOLVE, det, inv, logdet, turned
from graphc.ops.matrix_functions import MATRIX_POWER, matrix_power
from graphc.ops.products import matmul


def by_factors(node: Expr) -> Expr | None:
    """A matrix function over the factors of its operand; None where that is no product."""
    if node.op is SOLVE:
        return matmul(inv(node.operands[0]), node.operands[1])
    if node.op is MATRIX_POWER:
        (x,), k = node.operands, node.attributes["n"]
        return matmul(matrix_power(x, k // 2), matrix_power(x, k - k // 2))
    if node.op not in (INV, DET, LOGDET) or node.operands[0].ndim != 2:
        return None
    x = node.operands[0]
    while x.op is NAMED:
        x = x.operands[0]
    if x.op is EYE:
        return {INV: x, DET: constant(1), LOGDET: constant(0)}[node.op]
    if x.op is INV:
        y = x.operands[0]
        return y if node.op is INV else 1 / det(y) if node.op is DET else -logdet(y)
    if x.op is SOLVE:
        return over(node, matmul(inv(x.operands[0]), x.operands[1]))
    if x.op is not CONTRACT:
        return over(node, x) if x is not node.operands[0] else None
    return of_product(node, x)


def over(node: Expr, x: Expr) -> Expr:
    """The function of another matrix."""
    return {INV: inv, DET: det, LOGDET: logdet}[node.op](x)


def of_product(node: Expr, x: Expr) -> Expr | None:
    """The function of a contraction: of a transpose, a multiple, a product of two square matrices."""
    factors = factors_of(x)
    matrices = [(f, labels) for f, labels, e in factors if f.ndim and e == 1 and f.op is not EYE]
    scalars = [f for f in factors if not f[0].ndim]
    if not matrices:
        matrices = [(f, labels) for f, labels, e in factors if f.op is EYE and labels == (0, 1)]
    if len(matrices) + len(scalars) != len(factors):
        return None
    if scalars or x.attributes["coefficient"] != 1:
        if summed(x) or not matrices:
            return None
        scale = contract(scalars, (), x.attributes["coefficient"])
        rest = contract([(f, labels, 1) for f, labels in matrices], x.shape)
        inner, n = over(node, rest), size(x.shape[0])
        if node.op is LOGDET:
            return n * log(absolute(scale)) + inner
        return inner / scale if node.op is INV else scale**n * inner
    if len(matrices) == 1 and matrices[0][1] == (1, 0):
        inner = over(node, matrices[0][0])
        return turned(inner) if node.op is INV else inner
    pair = two_squares(matrices)
    if pair is None:
        return None
    a, b = (over(node, side) for side in pair)
    return matmul(b, a) if node.op is INV else a * b if node.op is DET else a + b


def two_squares(matrices: list[tuple[Expr, tuple[int, ...]]]) -> tuple[Expr, Expr] | None:
    """The sides of a product of two square matrices."""
    if len(matrices) != 2 or any(f.ndim != 2 or f.shape[0] != f.shape[1] for f, _ in matrices):
        return None
    left = next((i for i, (_, labels) in enumerate(matrices) if 0 in labels and 2 in labels), None)
    if left is None or set(matrices[1 - left][1]) != {1, 2}:
        return None
    (a, la), (b, lb) = matrices[left], matrices[1 - left]
    return a if la == (0, 2) else turned(a), b if lb == (2, 1) else turned(b)
