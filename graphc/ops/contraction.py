"""The one product: ``contract``, a sum of products of powers in index notation.

    out[0, 1, ...] = coefficient * sum over the other labels of  product_i  factor_i[labels_i] ** exponent_i

Output axis i has label i. Labels not below the output's rank are summed. An axis of literal size 1 has label -1.
An output label that no factor carries is a broadcast. Matrix product, outer product, sum, transpose, diagonal, trace,
elementwise products, quotients and powers are constructors of this op (Laue, Mitterreiter, Giesen, AAAI 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.dims import Dim, Shape, shape_text
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact, entrywise
from graphc.ir.op import Attributes, Inference, Op, register
from graphc.ops.broadcasting import leading, unify
from graphc.ops.leaves import EYE, promote, refuse_overflow

Labels = tuple[int, ...]
ONE = Fraction(1)


def _infer(operands: tuple[Expr, ...], attributes: Attributes) -> Inference:
    shape: Shape = attributes["shape"]
    refuse_overflow(attributes["coefficient"], *attributes["exponents"])
    sizes: dict[int, Dim] = {i: d for i, d in enumerate(shape) if d != 1}
    conditions: list[tuple[Dim, Dim]] = []
    for factor, labels in zip(operands, attributes["labels"], strict=True):
        if len(labels) != factor.ndim:
            raise ShapeError(f"contract: {factor} has {factor.ndim} axes but {len(labels)} labels")
        for dim, label in zip(factor.shape, labels, strict=True):
            if (label == -1) != (dim == 1):
                raise ShapeError(f"contract: label -1 is for axes of literal size 1, got {labels} for {factor.shape}")
            if 0 <= label < len(shape) and shape[label] == 1:
                raise ShapeError(f"contract: label {label} is of an axis of literal size 1, got {dim} for it")
            if label >= 0 and not unify(sizes.setdefault(label, dim), dim, conditions):
                raise ShapeError(f"contract: label {label} has sizes {sizes[label]} and {dim}")
    dtype = promote(operands) if operands else "float64"
    whole = attributes["coefficient"].denominator == 1 and all(
        e.denominator == 1 and e >= 0 for e in attributes["exponents"]
    )
    return shape, "float64" if dtype == "int64" and not whole else dtype


def _vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """d/df_i of coefficient * prod f_j**e_j: e_i * f_i**(e_i - 1) * the other factors, summed over what f_i lacks."""
    attributes = node.attributes
    stack = leading(node, g)
    lead = len(stack)
    triples = factors_of(node)
    out: list[Expr | None] = []
    for i, (factor, labels, e) in enumerate(triples):
        rename: dict[int, int] = {-1: -1}
        factors: list[tuple[Expr, Labels, Fraction]] = []
        for axis, label in enumerate(labels, lead):
            if label == -1:
                continue
            if label in rename:  # a diagonal: the cotangent lives on it
                factors.append((make(EYE, (), dim=factor.shape[axis - lead]), (rename[label], axis), ONE))
            else:
                rename[label] = axis
        fresh = lead + factor.ndim
        for other in (*range(node.ndim), *(x for _, ls, _ in triples for x in ls)):
            if other not in rename:
                rename[other] = fresh
                fresh += 1
        own = tuple(rename[x] if d != 1 else -1 for x, d in enumerate(node.shape))
        factors.append((g, aligned(stack, stack) + own, ONE))
        for j, (f, ls, ex) in enumerate(triples):
            power = ex - 1 if j == i else ex
            if power != 0:
                factors.append((f, tuple(rename[x] for x in ls), power))
        out.append(contract(factors, stack + factor.shape, attributes["coefficient"] * e))
    return tuple(out)


def _conditions(node: Expr) -> Iterator[tuple[Dim, Dim]]:
    sizes = {i: d for i, d in enumerate(node.shape) if d != 1}
    for factor, labels in zip(node.operands, node.attributes["labels"], strict=True):
        for dim, label in zip(factor.shape, labels, strict=True):
            if label >= 0:
                yield sizes.setdefault(label, dim), dim


def _facts(node: Expr) -> frozenset[Fact]:
    """Moved and stretched entries keep what is known of each."""
    alone = len(node.operands) == 1 and node.attributes["coefficient"] == 1 and node.attributes["exponents"] == (1,)
    if not alone or summed(node):
        return frozenset()
    return entrywise(node.operands[0].op.facts(node.operands[0]))


CONTRACT = register(
    Op(
        "contract",
        _infer,
        vjp=_vjp,
        facts=_facts,
        conditions=_conditions,
        literal=True,
        summary="A sum of products of powers in index notation.",
    )
)


def contract(factors: Sequence[tuple[Expr, Sequence[int], Any]], shape: Shape, coefficient: Fraction | int = 1) -> Expr:
    """The contraction of ``(factor, labels, exponent)`` triples; output axis i has label i."""
    rank = len(shape)
    if len(factors) == 1 and coefficient == factors[0][2] == 1:
        factor, labels, _ = factors[0]
        if factor.shape == shape and tuple(labels) == aligned(shape, shape):
            return factor
    rename: dict[int, int] = {i: i for i in range(rank)} | {-1: -1}
    for _, labels, _ in factors:
        for label in labels:
            rename.setdefault(label, len(rename) - 1)
    return make(
        CONTRACT,
        tuple(f for f, _, _ in factors),
        coefficient=exact(coefficient),
        labels=tuple(tuple(rename[x] for x in labels) for _, labels, _ in factors),
        exponents=tuple(exact(e) for _, _, e in factors),
        shape=shape,
    )


def exact(value: Any) -> Fraction:
    return value if type(value) is Fraction else Fraction(value)


def factors_of(node: Expr) -> list[tuple[Expr, Labels, Fraction]]:
    """The ``(factor, labels, exponent)`` triples of a contraction."""
    return list(zip(node.operands, node.attributes["labels"], node.attributes["exponents"], strict=True))


def summed(node: Expr) -> list[int]:
    """The labels that a contraction sums over."""
    return sorted({x for labels in node.attributes["labels"] for x in labels if x >= node.ndim})


def is_sum(node: Expr) -> bool:
    """Whether a contraction sums over a label."""
    rank = len(node.shape)
    return any(x >= rank for labels in node.attributes["labels"] for x in labels)


def aligned(shape: Shape, out: Shape) -> Labels:
    """The labels of an operand under NumPy broadcasting to `out`, aligned from the right."""
    offset = len(out) - len(shape)
    return tuple(-1 if d == 1 else i + offset for i, d in enumerate(shape))


def describe(node: Expr) -> str:
    """A contraction in einsum letters, for messages and pictures."""
    letters = [
        "".join("." if x < 0 else chr(ord("i") + x) if x < 18 else f"[{x}]" for x in ls)
        for ls in node.attributes["labels"]
    ]
    return f"{','.join(letters)}->{shape_text(node.shape)}"
