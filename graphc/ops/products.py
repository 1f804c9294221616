"""Matrix products, sums and rearrangements: the constructors of ``contract`` that have names of their own."""

from __future__ import annotations

from typing import Any

from graphc.errors import FormulaError, ShapeError
from graphc.ir.dims import Dim, Shape, integer, shape_text
from graphc.ir.expr import Expr, behaviour, make
from graphc.ops.arguments import flag
from graphc.ops.broadcasting import brief, broadcast_shapes, declared_at, enclosed, normalize_axes, unify
from graphc.ops.contraction import aligned, contract
from graphc.ops.leaves import EYE, as_expr
from graphc.ops.notation import notation


def unit(label: int, dim: Dim) -> int:
    return -1 if dim == 1 else label


@notation
def matmul(a: Any, b: Any) -> Expr:
    """``a @ b`` with NumPy's meaning for vectors, matrices and stacks of matrices."""
    a, b = as_expr(a), as_expr(b)
    if a.ndim == 0 or b.ndim == 0:
        scalar = brief(a if a.ndim == 0 else b)
        raise ShapeError(f"{enclosed(a)} @ {enclosed(b)}: {scalar} is a scalar; use * to scale{declared_at()}")
    inner_a, inner_b = a.shape[-1], b.shape[0] if b.ndim == 1 else b.shape[-2]
    if not unify(inner_a, inner_b, []):
        ta, tb = brief(a), brief(b)
        raise ShapeError(
            f"{enclosed(a)} @ {enclosed(b)}: the inner sizes differ: {ta} is {shape_text(a.shape)}, "
            f"{tb} is {shape_text(b.shape)}, so {inner_a} must equal {inner_b}{declared_at()}"
        )
    if (inner_a == 1) != (inner_b == 1):  # a compound size that must turn out to be 1
        if inner_a == 1:
            b = behaviour["reshape"](b, (1,) if b.ndim == 1 else (*b.shape[:-2], 1, b.shape[-1]))
        else:
            a = behaviour["reshape"](a, (*a.shape[:-1], 1))
        return matmul(a, b)
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]], [])
    if batch is None:
        ta, tb = brief(a), brief(b)
        raise ShapeError(
            f"{enclosed(a)} @ {enclosed(b)}: the leading sizes do not broadcast: {ta} is {shape_text(a.shape)}, "
            f"{tb} is {shape_text(b.shape)}{declared_at()}"
        )
    rows: Shape = a.shape[-2:-1]
    columns: Shape = b.shape[-1:] if b.ndim > 1 else ()
    shape = batch + rows + columns
    inner = len(shape)
    left = aligned(a.shape[:-2], batch) + tuple(unit(len(batch), d) for d in rows) + (unit(inner, inner_a),)
    right = (*aligned(b.shape[:-2], batch), unit(inner, inner_b))
    right += tuple(unit(len(batch) + len(rows), d) for d in columns)
    return contract([(a, left, 1), (b, right, 1)], shape)


@notation
def outer(a: Any, b: Any) -> Expr:
    """The outer product of two vectors, shape (m, n); other arrays are flattened, as by ``numpy.outer``."""
    a, b = (x if x.ndim == 1 else behaviour["reshape"](x, (-1,)) for x in (as_expr(a), as_expr(b)))
    return contract([(a, (unit(0, a.shape[0]),), 1), (b, (unit(1, b.shape[0]),), 1)], a.shape + b.shape)


@notation
def transpose(x: Any, axes: Any = None) -> Expr:
    """`x` with its axes permuted, reversed by default, as ``numpy.transpose``."""
    array = as_expr(x)
    given = [integer(a) for a in axes] if isinstance(axes, (tuple, list)) else None if axes is None else [None]
    if given is not None and None in given:
        raise ShapeError(f"transpose: the axes must be a tuple of integers, got {axes!r}{declared_at()}")
    order = tuple(reversed(range(array.ndim))) if given is None else tuple(a for a in given if a is not None)
    if sorted(order) != list(range(array.ndim)):
        if len(order) != array.ndim:
            raise ShapeError(f"transpose: {array.ndim} axes need {array.ndim} places, got {axes!r}{declared_at()}")
        order = tuple(a % array.ndim if -array.ndim <= a < array.ndim else a for a in order)
        if sorted(order) != list(range(array.ndim)):
            raise ShapeError(f"transpose: {axes!r} is no permutation of the axes of {brief(array)}{declared_at()}")
    if order == tuple(range(array.ndim)):
        return array
    place = {axis: i for i, axis in enumerate(order)}
    return contract(
        [(array, tuple(unit(place[i], d) for i, d in enumerate(array.shape)), 1)], tuple(array.shape[a] for a in order)
    )


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


@notation
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """The sum over `axis` (all axes by default), as ``numpy.sum``."""
    array = as_expr(x)
    axes, keepdims = normalize_axes(axis, array, "sum"), flag(keepdims, "sum(keepdims=)")
    if not axes:
        return array
    shape = reduced_shape(array.shape, axes, keepdims)
    kept = iter(range(array.ndim))
    labels = []
    for i, d in enumerate(array.shape):
        label = (i if keepdims else array.ndim) if i in axes else (i if keepdims else next(kept))
        labels.append(-1 if d == 1 else (len(shape) + 1 + i if i in axes else label))
    return contract([(array, labels, 1)], shape)


@notation
def trace(x: Any, offset: int = 0) -> Expr:
    """The sum of the diagonal of a square matrix, or of the last two axes; `offset` counts the diagonals upwards."""
    x = _beside("trace", as_expr(x), offset)
    _square("trace", x)
    batch = x.shape[:-2]
    labels = tuple(unit(i, d) for i, d in enumerate(batch)) + (unit(len(batch), x.shape[-1]),) * 2
    return contract([(x, labels, 1)], batch)


@notation
def diag(x: Any, k: int = 0) -> Expr:
    """A diagonal matrix from a vector, or the diagonal of a square matrix, as ``numpy.diag``.

    Parameters
    ----------
    k : int
        The diagonal, counted upwards from that of the corners. Further from it than the size there is nothing.

    Raises
    ------
    ShapeError
        If `x` is neither a vector nor a square matrix, or `k` no whole number.
    """
    x = as_expr(x)
    k = _offset("diag", x, k)
    if x.ndim == 1 and k:
        widths: Any = ((0, k), (k, 0)) if k > 0 else ((-k, 0), (0, -k))
        return behaviour["pad"](diag(x), widths)  # type: ignore[no-any-return]
    x = _beside("diag", x, k)
    if x.ndim == 1:
        if x.shape[0] == 1:
            return contract([(x, (-1,), 1)], (1, 1))
        return contract([(x, (0,), 1), (make(EYE, (), dim=x.shape[0]), (0, 1), 1)], x.shape * 2)
    if x.ndim != 2:
        raise ShapeError(f"diag({brief(x)}): needs a vector or a matrix, got {shape_text(x.shape)}{declared_at()}")
    _square("diag", x)
    return contract([(x, (unit(0, x.shape[0]),) * 2, 1)], x.shape[:1])


def _offset(what: str, x: Expr, k: Any) -> int:
    offset = integer(k)
    if offset is None:
        raise ShapeError(f"{what}({brief(x)}): a diagonal is counted by a whole number, got {k!r}{declared_at()}")
    return offset


def _beside(what: str, x: Expr, k: Any) -> Expr:
    """The square block whose main diagonal is number `k` of a square matrix."""
    k = _offset(what, x, k)
    if not k:
        return x
    _square(what, x)
    before, after = slice(None, -abs(k)), slice(abs(k), None)
    found: Expr = behaviour["index"](x, (Ellipsis, before, after) if k > 0 else (Ellipsis, after, before))
    return found


def _square(what: str, x: Expr) -> None:
    if x.ndim < 2 or not unify(x.shape[-1], x.shape[-2], []):
        raise ShapeError(f"{what}({brief(x)}): needs a square matrix, got {shape_text(x.shape)}{declared_at()}")


@notation
def einsum(spec: str, *arrays: Any) -> Expr:
    """A sum of products in index letters, as ``numpy.einsum``: ``einsum('...ij,...jk->...ik', A, B)``."""
    operands = [as_expr(a) for a in arrays]
    if not isinstance(spec, str):
        raise FormulaError(f"einsum: the first argument is the index text such as 'ij,jk->ik', got {spec!r}")
    inputs, arrow, output = spec.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if "." in spec:
        terms, output = without_ellipsis(spec, terms, output if arrow else None, operands)
        arrow = "->"
    if len(terms) != len(operands) or not all(t.isalpha() or t == "" for t in (*terms, output)):
        raise FormulaError(f"einsum({spec!r}): {len(terms)} index groups for {len(operands)} arrays{declared_at()}")
    if not arrow:
        every = "".join(terms)
        output = "".join(sorted(c for c in set(every) if every.count(c) == 1))
    sizes: dict[str, Dim] = {}
    for term, x in zip(terms, operands, strict=True):
        if len(term) != x.ndim:
            raise ShapeError(
                f"einsum({spec!r}): {brief(x)} has {x.ndim} axes, but {term!r} names {len(term)}{declared_at()}"
            )
        for c, d in zip(term, x.shape, strict=True):
            if c not in sizes or sizes[c] == 1:
                sizes[c] = d
            elif d != 1 and not unify(sizes[c], d, []):
                raise ShapeError(f"einsum({spec!r}): index {c} has sizes {sizes[c]} and {d}{declared_at()}")
    if len(set(output)) < len(output) or not set(output) <= set(sizes):
        raise FormulaError(
            f"einsum({spec!r}): the output names an index twice, or one that no input has{declared_at()}"
        )
    place = {c: i for i, c in enumerate(output)}
    for c in sizes:
        place.setdefault(c, len(place))
    factors = [
        (x, tuple(unit(place[c], d) for c, d in zip(t, x.shape, strict=True)), 1)
        for t, x in zip(terms, operands, strict=True)
    ]
    return contract(factors, tuple(sizes[c] for c in output))


def without_ellipsis(spec: str, terms: list[str], output: str | None, operands: list[Expr]) -> tuple[list[str], str]:
    """The terms and the output of an einsum with letters in the place of ``...``, aligned from the right."""
    parts = [*terms, output or ""]
    if any(t.count(".") not in (0, 3) or (t.count(".") and "..." not in t) for t in parts) or len(terms) != len(
        operands
    ):
        raise FormulaError(f"einsum({spec!r}): an ellipsis is three dots, once in each group{declared_at()}")
    ranks = [x.ndim - len(t.replace("...", "")) for t, x in zip(terms, operands, strict=True) if "..." in t]
    if min(ranks, default=0) < 0:
        raise ShapeError(f"einsum({spec!r}): a group names more axes than its array has{declared_at()}")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in spec]
    letters = "".join(free[: max(ranks, default=0)])
    named = []
    for t, x in zip(terms, operands, strict=True):
        rank = x.ndim - len(t.replace("...", ""))
        named.append(t.replace("...", letters[len(letters) - rank :]) if "..." in t else t)
    if output is None:
        every = "".join(terms).replace(".", "")
        return named, letters + "".join(sorted(c for c in set(every) if every.count(c) == 1))
    return named, output.replace("...", letters)


behaviour.update(matmul=matmul)
