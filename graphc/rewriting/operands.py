"""What comes out of the operands of matrix functions: scalar factors and transposes, by the records of the ops."""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.elementwise import absolute, log
from graphc.ops.factorizations import CHOLESKY
from graphc.ops.kronecker import kron
from graphc.ops.leaves import EYE, constant, size
from graphc.ops.linalg import DET, INV, LOGDET, SOLVE, det, inv, logdet, solve
from graphc.ops.matrix_functions import EXPM_FRECHET, expm, expm_frechet
from graphc.ops.products import matmul, transpose
from graphc.ops.reductions import RESHAPE
from graphc.rewriting.engine import Engine, law
from graphc.rewriting.order import Factor
from graphc.rewriting.orthogonals import between_orthogonals
from graphc.rewriting.reshapes import kronecker
from graphc.rewriting.selects import clipped, stepped
from graphc.rewriting.terms import is_zero, view

DIAGONALS = law("diagonals", "a function of a diagonal matrix acts on its diagonal")
KRONECKER = law("kronecker", "a function of a Kronecker product, side by side")
DYAD = law("determinants", "det(I + a b.T) = 1 + a.T b")
SCALARS = law("scalars", "a scalar factor comes out")
EXPONENTIALS = law("exponentials", "d exp(X + t I)/dt = exp(X) at t = 0")
COLUMNS = law("solutions", "A**-1 I = A**-1, and A**-1 0 = 0")
SOLUTION = law("solutions", "A**-1 A b = b")
PART = law("solutions", "(A B)**-1 A b = B**-1 b")
FACTORS = law("solutions", "A**-1 = L**-T L**-1 for A = L L.T")
TRANSPOSES = law("transposes", "f(X.T) is f(X).T, or f(X) for a number")


def freed(engine: Engine, node: Expr) -> Expr | None:
    """`node` with what its op lets out of its operands written outside; None where there is nothing."""
    for outside in (
        on_diagonal,
        on_kronecker,
        on_dyad,
        unscaled,
        commuting,
        unit_columns,
        solved,
        twice_solved,
        stepped,
        clipped,
    ):
        found = outside(engine, node)
        if found is not None:
            return found
    found = unturned(engine, node)
    return between_orthogonals(engine, node) if found is None else found


def on_diagonal(engine: Engine, node: Expr) -> Expr | None:
    """The value for a diagonal matrix, entry by entry."""
    if node.op.diagonal is None or node.operands[0].ndim != 2:
        return None
    entries = diagonal_operand(engine, node.operands[0])
    if entries is None:
        return None
    result = engine.normal(node.op.diagonal(node, entries))
    engine.steps.append(DIAGONALS.step(node, result))
    return result


def on_kronecker(engine: Engine, node: Expr) -> Expr | None:
    """inv(A (x) B) = inv(A) (x) inv(B), det(A (x) B) = det(A)**m det(B)**n for A (n, n) and B (m, m)."""
    if node.op not in (INV, DET, LOGDET) or node.operands[0].op is not RESHAPE:
        return None
    sides = kronecker(node.operands[0])
    if sides is None or node.ndim not in (0, 2) or node.operands[0].operands[0].ndim != 4:
        return None
    shape, scale = node.operands[0].operands[0].shape, node.operands[0].operands[0].attributes["coefficient"]
    if shape[0] != shape[2] or shape[1] != shape[3]:
        return None
    a, b = (engine.product(c, side, (d, d)) for c, side, d in zip((scale, ONE), sides, shape, strict=False))
    n, m = size(shape[0]), size(shape[1])
    if node.op is INV:
        found = kron(inv(a), inv(b))
    else:
        found = det(a) ** m * det(b) ** n if node.op is DET else m * logdet(a) + n * logdet(b)
    result = engine.normal(found)
    engine.steps.append(KRONECKER.step(node, result))
    return result


def on_dyad(engine: Engine, node: Expr) -> Expr | None:
    """The determinant of I + a b^T, 1 + a^T b (Petersen and Pedersen, The Matrix Cookbook, (24))."""
    if node.op not in (DET, LOGDET) or node.operands[0].op is not ADD or len(node.operands[0].operands) != 2:
        return None
    x = node.operands[0]
    terms = dict(zip(x.operands, x.attributes["coefficients"], strict=True))
    dyad = next((t for t in terms if t.op is CONTRACT and not summed(t)), None)
    unit = next((t for t in terms if t.op is EYE and terms[t] == 1), None)
    if x.ndim != 2 or dyad is None or unit is None:
        return None
    factors = factors_of(dyad)
    if {labels for _, labels, _ in factors} | {()} != {(), (0,), (1,)}:
        return None
    inner = engine.product(dyad.attributes["coefficient"], [(f, tuple(-2 for _ in ls), e) for f, ls, e in factors], ())
    total = engine.sum([(ONE, constant(1)), (terms[dyad], inner)], ())
    result = engine.normal(log(absolute(total)) if node.op is LOGDET else total)
    engine.steps.append(DYAD.step(node, result))
    return result


def diagonal_operand(engine: Engine, x: Expr) -> Expr | None:
    """The diagonal of a diagonal matrix ``diag(v)``, ``c*eye(n)``."""
    if x.op is EYE:
        return broadcast(constant(1), x.shape[:1])
    if x.op is not CONTRACT or summed(x):
        return None
    rest = [(f, labels, e) for f, labels, e in factors_of(x) if f.op is not EYE or labels != (0, 1)]
    rows = {a for _, labels, _ in rest for a in labels}
    if len(rest) == len(x.operands) or len(rows) > 1 or -1 in rows:
        return None
    return engine.product(x.attributes["coefficient"], [(f, tuple(0 for _ in ls), e) for f, ls, e in rest], x.shape[:1])


def unscaled(engine: Engine, node: Expr) -> Expr | None:
    """f(c*x) = c**degree f(x): the inverse of 2*X is inv(X)/2."""
    if not node.op.degrees:
        return None
    coefficient, scalars, operands = ONE, list[Factor](), list[Expr]()
    for i, x in enumerate(node.operands):
        degree = node.op.degrees[min(i, len(node.op.degrees) - 1)]
        found = None if degree is None else scalar_part(x)
        if found is None or degree is None:
            operands.append(x)
            continue
        number, own, rest = found
        coefficient *= number**degree
        scalars += [(f, labels, e * degree) for f, labels, e in own]
        operands.append(engine.product(ONE, rest, x.shape))
    bare = rebuild(node, tuple(operands))
    if bare is node:
        return None
    inner = freed(engine, bare)
    inner = engine.rewritten(bare) if inner is None else inner
    result = engine.product(coefficient, [*scalars, (inner, aligned(node.shape, node.shape), ONE)], node.shape)
    engine.steps.append(SCALARS.step(node, result))
    return result


def commuting(engine: Engine, node: Expr) -> Expr | None:
    """The derivative of the exponential along the identity, which commutes with every matrix, is the exponential."""
    if node.op is not EXPM_FRECHET or not any(x.op is EYE for x in node.operands[1:]):
        return None
    x, *moves = node.operands
    left = [e for e in moves if e.op is not EYE]
    result = engine.normal(expm_frechet(x, *left) if left else expm(x))
    engine.steps.append(EXPONENTIALS.step(node, result))
    return result


def unit_columns(engine: Engine, node: Expr) -> Expr | None:
    """The solution for the columns of the identity is the inverse, that for zeros is zero."""
    if node.op is not SOLVE or not (node.operands[1].op is EYE or is_zero(node.operands[1])):
        return None
    found = inv(node.operands[0]) if node.operands[1].op is EYE else broadcast(constant(0), node.shape)
    result = engine.normal(found)
    engine.steps.append(COLUMNS.step(node, result))
    return result


def solved(engine: Engine, node: Expr) -> Expr | None:
    """The solution for what is a product with the matrix, or with its first factor: A**-1 A b = b."""
    if node.op is not SOLVE or node.ndim > 2 or node.operands[1].op is not CONTRACT:
        return None
    a, b = node.operands
    for first, rest in ((a, None), *first_factors(a)):
        quotient = divided(engine, first, b)
        if quotient is not None:
            result = engine.normal(quotient if rest is None else solve(rest, quotient))
            engine.steps.append((SOLUTION if rest is None else PART).step(node, result))
            return result
    return None


def twice_solved(engine: Engine, node: Expr) -> Expr | None:
    """The solution by both Cholesky factors: L**-T L**-1 b is A**-1 b for A = L L.T."""
    if node.op is not SOLVE or node.operands[1].op is not SOLVE:
        return None
    factor = transposed_operand(node.operands[0])
    inner, b = node.operands[1].operands
    if factor is None or factor is not inner or factor.op is not CHOLESKY or factor.ndim != 2:
        return None
    (a,) = factor.operands
    result = engine.normal(solve((a + transpose(a)) / 2, b))
    engine.steps.append(FACTORS.step(node, result))
    return result


def first_factors(a: Expr) -> list[tuple[Expr, Expr]]:
    """The ways to read a matrix as a product of two square ones."""
    if a.op is not CONTRACT or a.ndim != 2 or len(summed(a)) != 1 or len(a.operands) != 2:
        return []
    if a.attributes["coefficient"] != 1 or any(f.shape != a.shape or e != 1 for f, _, e in factors_of(a)):
        return []
    sides = {x: (f if labels.index(x) == x else f.T) for f, labels, _ in factors_of(a) for x in labels if x < 2}
    return [(sides[0], sides[1])]


def divided(engine: Engine, a: Expr, b: Expr) -> Expr | None:
    """``inv(a) @ b``, if it takes no inverse."""
    inverse = engine.normal(inv(a))
    order = topological([b])
    within = {f for x in order if x.op is CONTRACT for f in x.operands}
    core, _ = view(inverse)
    if core.op is not INV or within.isdisjoint((core.operands[0], *core.operands[0].operands)):
        return None
    found = engine.normal(matmul(inverse, b))
    return None if any(x.op is INV and x not in order for x in topological([found])) else found


def scalar_part(x: Expr) -> tuple[Fraction, list[Factor], list[Factor]] | None:
    """A product as its number, its scalar factors and the rest; None where there is nothing to take out."""
    if x.op is not CONTRACT or summed(x):
        return None
    factors = factors_of(x)
    scalars, rest = [f for f in factors if not f[0].ndim], [f for f in factors if f[0].ndim]
    number: Fraction = x.attributes["coefficient"]
    return (number, scalars, rest) if rest and number and (number != 1 or scalars) else None


def unturned(engine: Engine, node: Expr) -> Expr | None:
    """f(x.T) = f(x).T, or f(x) where the function does not change: the inverse of X.T is inv(X).T."""
    if not node.op.mirror:
        return None
    (x,) = node.operands
    inner = transposed_operand(x)
    if inner is None:
        return None
    straight = rebuild(node, (inner,))
    found = freed(engine, straight)
    result = engine.rewritten(straight) if found is None else found
    if node.op.mirror == "turns":
        rank = node.ndim
        labels = aligned(node.shape, node.shape)
        turned = (*labels[: rank - 2], labels[-1], labels[-2])
        result = engine.product(ONE, [(result, turned, ONE)], node.shape)
    engine.steps.append(TRANSPOSES.step(node, result))
    return result


def transposed_operand(x: Expr) -> Expr | None:
    """The y of a transpose y.T of the last two axes."""
    if x.op is not CONTRACT or len(x.operands) != 1 or x.attributes["coefficient"] != 1:
        return None
    ((y, labels, e),) = factors_of(x)
    straight = aligned(y.shape, y.shape)
    turned = (*straight[: y.ndim - 2], straight[-1], straight[-2]) if y.ndim > 1 else ()
    return y if e == 1 and y.ndim == x.ndim and -1 not in labels[-2:] and labels == turned else None
