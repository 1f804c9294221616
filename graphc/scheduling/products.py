"""Contractions as NumPy computes them: elementwise products, matrix products over views, sums, rearrangements."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from graphc.ir.expr import Expr
from graphc.ops.contraction import Labels, aligned, factors_of, summed
from graphc.ops.diagonals import diagonal_of, has_identity, on_diagonal
from graphc.ops.forms import einsum_text, form
from graphc.scheduling.builder import dtype_class
from graphc.scheduling.lazy import Lazy
from graphc.scheduling.matrix import matrix_product
from graphc.scheduling.scales import EXACT, UNIT, Scale

if TYPE_CHECKING:
    from graphc.scheduling.lower import Lowering

HALF = Fraction(1, 2)
LONG = 16  # factors of a product that are still reordered
MOST = 2**60  # numbers up to which a product waits for its number, so that those of long chains do not overflow


def contraction(low: Lowering, node: Expr) -> Lazy:
    """The value of a contraction and the scale it still lacks."""
    scale = Scale(node.attributes["coefficient"])
    if not node.operands:
        return Lazy(None, scale)
    if has_identity(node):
        return spread(low, node, scale)
    if not summed(node) and (len(node.operands) > 1 or not _repeats(node.attributes["labels"][0])):
        return elementwise(low, node, scale)
    for factor in node.operands:
        scale = scale.times(low.done[factor].scale)
    sole = all(low.uses[f] == 1 for f in node.operands)
    operands = [low.bare_full(f) for f in node.operands]
    if dtype_class(node.dtype) == "float":
        operands = [low.build.cast(o, "float") for o in operands]
    place = _single(low, node, operands[0], sole) if len(operands) == 1 else _several(low, node, operands)
    return Lazy(place, scale, True)


def spread(low: Lowering, node: Expr, scale: Scale) -> Lazy:
    """An array of zeros with the factor that is no identity on the diagonal that these leave."""
    parts = diagonal_of(node)
    ((rest, labels, _),) = parts.factors
    dtype = dtype_class(node.dtype)
    place = low.scaled(low.applied(rest), scale, low.sole(rest))
    if low.build[place].kind == "number":
        place = low.build.emit("full", (), parts.shape, dtype, low.build[place].detail)
    else:
        place = rearranged(low, low.build.cast(place, dtype), labels, len(parts.shape))
        place = low.build.broadcast_to(place, parts.shape)
    low.build.functions[on_diagonal.__name__] = on_diagonal
    return Lazy(low.build.emit("spread", (place,), node.shape, dtype, parts.axes), UNIT, True)


def _repeats(labels: Labels) -> bool:
    named = [x for x in labels if x >= 0]
    return len(set(named)) < len(named)


def elementwise(low: Lowering, node: Expr, scale: Scale) -> Lazy:
    """A product without sums: numerators, then denominators, small arrays first."""
    above: list[int] = []
    below: list[int] = []
    only = len(node.operands) == 1 and low.sole(node.operands[0])
    view = False
    for factor, labels, exponent in factors_of(node):
        found = low.done[factor]
        inner = low.products.get(factor) if low.uses[factor] == 1 and abs(exponent) == 1 else None
        if inner is not None and stays(factor, labels, node) and len(inner[0]) + len(inner[1]) < LONG:
            (above if exponent > 0 else below).extend(inner[0])
            (below if exponent > 0 else above).extend(inner[1])
            scale = scale.times(found.scale.power(int(exponent)))
            continue
        if found.place is None:
            scale = scale.times(found.scale.raised(exponent))
            continue
        whole = exponent.denominator == 1 and abs(exponent) <= EXACT
        place = found.place if whole else low.applied(factor)
        scale = scale.times(found.scale.power(int(exponent)) if whole else UNIT)
        if not stays(factor, labels, node):
            place = rearranged(low, low.stretched(place, factor), labels, node.ndim)
            view = True
        (above if exponent > 0 else below).append(powered(low, place, abs(exponent), node))
        only = only and exponent == 1
    if not above and not below:
        return Lazy(None, scale)
    parts = above, below
    if not above:
        above = [low.build.number(scale)]
        parts, scale = (parts if scale == UNIT else (above, below)), UNIT
    product = _by_size(low, above, below, node) if low.stepwise else _as_written(low, above, below, node)
    sole = only if len(node.operands) == 1 else not view
    if product is not None and not 1 / MOST <= abs(scale.coefficient) <= MOST and scale.coefficient:
        return Lazy(low.scaled(product, scale, sole), UNIT, sole)
    if low.stepwise and not view and len(parts[0]) + len(below) > 1:
        low.products[node] = parts
    return Lazy(product, scale, sole)


def stays(factor: Expr, labels: Labels, node: Expr) -> bool:
    """Whether NumPy's broadcasting puts a factor's axes where the labels say."""
    return factor.ndim <= node.ndim and labels == aligned(factor.shape, node.shape)


def _as_written(low: Lowering, above: list[int], below: list[int], node: Expr) -> int | None:
    dtype = dtype_class(node.dtype)
    top, bottom = _folded(low, above, dtype), _folded(low, below, dtype)
    if top is None or bottom is None:
        return top
    return low.build.arithmetic("divide", (top, bottom), dtype)


def _by_size(low: Lowering, above: list[int], below: list[int], node: Expr) -> int | None:
    """The product with small arrays first, so that few operations run over large ones."""
    dtype = dtype_class(node.dtype)
    size = low.build.entries
    items = sorted([(size(p), False, p) for p in above] + [(size(p), True, p) for p in below], key=lambda i: i[:2])
    result: int | None = None
    for _, under, place in items:
        if result is None and under:
            result = low.build.number(UNIT)
        if result is None:
            result = place
        else:
            result = low.build.arithmetic("divide" if under else "multiply", (result, place), dtype)
    return result


def _folded(low: Lowering, places: list[int], dtype: str) -> int | None:
    result: int | None = None
    for place in places:
        result = place if result is None else low.build.arithmetic("multiply", (result, place), dtype)
    return result


def powered(low: Lowering, x: int, exponent: Fraction, node: Expr) -> int:
    """``x ** exponent`` for a positive exponent, by squares and products where it is whole or half."""
    if exponent == 1:
        return x
    dtype = dtype_class(node.dtype)
    whole, rest = divmod(exponent, 1)
    if rest not in (0, HALF) or whole > 8:
        return low.build.arithmetic("power", (x, low.build.number(Scale(exponent))), dtype)
    factors = [low.build.arithmetic("sqrt", (x,), dtype)] if rest else []
    square = x
    while whole:
        if whole % 2:
            factors.insert(0, square)
        whole //= 2
        if whole:
            square = low.build.arithmetic("square", (square,), dtype)
    result = _folded(low, factors, dtype)
    assert result is not None
    return result


def rearranged(low: Lowering, place: int, labels: Labels, rank: int) -> int:
    """A view of `place` whose axes stand where the labels say, aligned from the right for broadcasting."""
    place, named = squeezed(low, place, labels)
    place = low.build.transpose(place, tuple(sorted(range(len(named)), key=named.__getitem__)))
    named.sort()
    first = named[0] if named else rank
    return low.build.index(place, tuple(":" if i in named else None for i in range(first, rank)))


def squeezed(low: Lowering, place: int, labels: Labels) -> tuple[int, list[int]]:
    """`place` without its axes of literal size 1."""
    place = low.build.index(place, tuple(0 if x == -1 else ":" for x in labels))
    return place, [x for x in labels if x >= 0]


def _single(low: Lowering, node: Expr, x: int, sole: bool) -> int:
    """A sum over axes, a diagonal or a trace."""
    kind, detail = form(node)
    dtype = dtype_class(node.dtype)
    if kind == "sum":
        axes, keepdims = detail
        return _sum(low, x, axes, keepdims, dtype, sole)
    labels = node.attributes["labels"][0]
    x, named = squeezed(low, x, labels)
    if _repeats(tuple(named)):
        return _placed(low, _einsum(low, node, [x], [tuple(named)]), node)
    axes = tuple(i for i, label in enumerate(named) if label >= node.ndim)
    rest = tuple(label for label in named if label < node.ndim)
    return rearranged(low, _sum(low, x, axes, False, dtype, sole), rest, node.ndim)


def _sum(low: Lowering, x: int, axes: tuple[int, ...], keepdims: bool, dtype: str, sole: bool) -> int:
    """A sum; of a product that nothing else reads, without the product in between."""
    inst = low.build[x]
    if sole and dtype == "float" and inst.kind in ("multiply", "square"):
        pair = inst.operands if inst.kind == "multiply" else inst.operands * 2
        if all(low.build[o].shape == inst.shape and low.build[o].dtype == "float" for o in pair):
            kept = tuple(1 if i in axes else d for i, d in enumerate(inst.shape) if keepdims or i not in axes)
            return low.build.emit("sumproduct", pair, kept, dtype, (axes, keepdims))
    return low.build.reduce("sum", x, axes, keepdims, dtype)


def _several(low: Lowering, node: Expr, operands: list[int]) -> int:
    if form(node).kind == "matmul":
        a, b = operands
        dtype = dtype_class(node.dtype)
        return low.build.emit("matmul", (low.build.cast(a, dtype), low.build.cast(b, dtype)), node.shape, dtype)
    text = einsum_text(node)
    places, groups = [], []
    for operand, labels in zip(operands, node.attributes["labels"], strict=True):
        place, named = squeezed(low, operand, labels)
        places.append(place)
        groups.append(tuple(named))
    if len(places) == 2 and dtype_class(node.dtype) == "float" and (low.stepwise or text is None):
        product = matrix_product(low, places, groups, node.ndim)
        if product is not None:
            return _placed(low, product, node)
    return _placed(low, _einsum(low, node, places, groups), node)


def _einsum(low: Lowering, node: Expr, places: list[int], groups: list[Labels]) -> int:
    carried = {x for group in groups for x in group}
    out = tuple(x for x in range(node.ndim) if x in carried)
    letters = {x: "ijklmnopqrstuvwxyzabcdefgh"[i] for i, x in enumerate([*out, *sorted(carried - set(out))])}
    text = ",".join("".join(letters[x] for x in group) for group in groups) + "->" + "".join(letters[x] for x in out)
    shape, dtype = tuple(node.shape[x] for x in out), dtype_class(node.dtype)
    if dtype == "int64":  # NumPy's einsum of truth values is one
        places = [low.build.cast(p, dtype) for p in places]
    return low.build.emit("einsum", tuple(places), shape, dtype, text)


def _placed(low: Lowering, place: int, node: Expr) -> int:
    """A product over the carried labels, in order, with the axes of size 1 put back; broadcasts stay implied."""
    carried = {x for labels in node.attributes["labels"] for x in labels}
    named = [x for x in range(node.ndim) if x in carried]
    first = named[0] if named else node.ndim
    key: tuple[Any, ...] = tuple(":" if i in carried else None for i in range(first, node.ndim))
    return low.build.index(place, key)
