"""Slices, blocks in zeros, concatenations and triangles, in the place where they cost least.

Scalars, stretched axes and factors that a slice does not meet come out of it; a block in zeros comes out of products,
which are then over the block alone; what a slice does not take is not computed.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

from graphc.ir.dims import Dim, Shape, compare
from graphc.ir.expr import Expr, make
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.labels import one_hot
from graphc.ops.layout import CONCAT, TRIL, along, part_spans
from graphc.ops.leaves import CONSTANT, EYE, constant
from graphc.ops.ranges import Span, ascending, composed, last_of, plain, ranged, surely
from graphc.ops.slicing import PLACE, SLICE, Spans, place_at, section
from graphc.rewriting.engine import Step, law
from graphc.rewriting.normal import Normalizer, Rewriter
from graphc.rewriting.order import Factor
from graphc.rewriting.terms import is_zero, leading, unit_label

Rule: TypeAlias = "Callable[[Normalizer, Expr], Expr | None]"


def formed(engine: Normalizer, node: Expr) -> Expr:
    """The normal form of `node`, whose operands are in normal form."""
    if node.op is SLICE and node.operands[0].op is SLICE:  # a block turned around was made over a slice
        return engine.normal(node)
    return engine.build(node, node.operands) if node.operands else node


def sliced(engine: Normalizer, x: Expr, spans: Spans) -> Expr:
    found = section(x, spans)
    return x if found is x else formed(engine, found)


def put(engine: Normalizer, x: Expr, spans: Spans, shape: Shape) -> Expr:
    """`x` in zeros, in normal form."""
    found = place_at(x, spans, shape)
    if found is x:
        return x
    return formed(engine, found) if found.operands[0] is x else engine.normal(found)


def zeros(shape: Shape) -> Expr:
    return broadcast(constant(0), shape)


def is_pure(x: Expr) -> bool:
    return x.op is CONTRACT and not summed(x)


# -- slices ------------------------------------------------------------------------------------------------------------


def slice_of_slice(engine: Normalizer, node: Expr) -> Expr | None:
    (x,) = node.operands
    if x.op is not SLICE:
        return None
    (inner,) = x.operands
    pairs = zip(node.attributes["ranges"], x.attributes["ranges"], inner.shape, strict=True)
    return sliced(engine, inner, tuple(composed(r, s, d) for r, s, d in pairs))


def slice_of_product(engine: Normalizer, node: Expr) -> Expr | None:
    """Factors that do not meet the slice come out; a single one that does is sliced itself."""
    (x,) = node.operands
    if not is_pure(x):
        return None
    spans: Spans = node.attributes["ranges"]
    cut = {i for i, r in enumerate(spans) if r is not None}
    factors = factors_of(x)
    meet = [f for f in factors if cut & set(f[1])]
    if len(meet) > 1 and len(meet) == len(factors) and x.attributes["coefficient"] == 1:
        return None
    rest = [f for f in factors if not cut & set(f[1])]
    if len(meet) == 1:
        f, labels, e = meet[0]
        inner = sliced(engine, f, tuple(spans[a] if a >= 0 else None for a in labels))
        shape = tuple(node.shape[a] if a >= 0 else 1 for a in labels)
        meet = [(inner, tuple(unit_label(a, d) if a >= 0 else -1 for a, d in zip(labels, shape, strict=True)), e)]
    elif meet:
        product = engine.product(ONE, meet, x.shape)
        meet = [(sliced(engine, product, spans), aligned(node.shape, node.shape), ONE)]
    return engine.product(x.attributes["coefficient"], [*rest, *meet], node.shape)


def slice_of_place(engine: Normalizer, node: Expr) -> Expr | None:
    """Axis by axis: what of the block, and of the zeros around it, is in the slice."""
    (x,) = node.operands
    if x.op is not PLACE:
        return None
    (block,) = x.operands
    inside: list[Span] = []
    around: list[Span] = []
    axes = zip(node.attributes["ranges"], x.attributes["ranges"], block.shape, node.shape, x.shape, strict=True)
    for wanted, own, count, left, total in axes:
        found = overlap(wanted, own, count, left, total)
        if found is None:
            return None
        if found == "none":
            value = x.attributes.get("value")
            return broadcast(constant(value or 0), node.shape)
        inside.append(found[0])
        around.append(found[1])
    part = sliced(engine, block, tuple(inside))
    found_node = place_at(part, tuple(around), node.shape, x.attributes.get("value"))
    return found_node if found_node is part else engine.normal(found_node)


def overlap(wanted: Span, own: Span, count: Dim, left: Dim, total: Dim) -> Any:
    """What a slice takes of a block along one axis: a range of the block, and where that stands in the result.

    "none" if they have no entry in common, None where sizes do not tell.
    """
    if wanted is None or own is None:
        return (None, own) if wanted is None else (wanted, None)
    if all(compare(a, b) == "equal" for a, b in zip(wanted, own, strict=True)):
        return None, None
    low, high = ascending(wanted), own
    if surely(plain(low[0] - last_of(high) - 1)) or surely(plain(high[0] - last_of(low) - 1)):
        return "none"
    if wanted[2] == -1 and compare(left, total) == "equal":  # turned around as a whole
        start = plain(total - 1 - last_of(own))
        return ranged(plain(count - 1), count, -1, count), ranged(start, count, own[2], left)
    if own[2] != 1 or wanted[2] != 1:
        return None
    first, last = larger(wanted[0], own[0]), larger(-wanted[0] - wanted[1], -own[0] - own[1])
    if first is None or last is None:
        return None
    size = plain(-last - first)
    return ranged(plain(first - own[0]), size, 1, count), ranged(plain(first - wanted[0]), size, 1, left)


def larger(a: Any, b: Any) -> Any:
    """The larger of two sizes, None where that is not known."""
    difference = plain(a - b)
    return plain(a) if surely(difference) else plain(b) if surely(plain(-difference)) else None


def slice_of_concat(engine: Normalizer, node: Expr) -> Expr | None:
    """A slice that falls into some of the parts."""
    (x,) = node.operands
    if x.op is not CONCAT:
        return None
    axis: int = x.attributes["axis"]
    spans: Spans = node.attributes["ranges"]
    span = spans[axis]
    others = tuple(None if i == axis else r for i, r in enumerate(spans))
    if span is None:
        parts = [sliced(engine, o, others) for o in x.operands]
        return formed(engine, make(CONCAT, parts, axis=axis))
    low = ascending(span)
    start: Any = 0
    for part in x.operands:
        size = part.shape[axis]
        if surely(plain(low[0] - start)) and surely(plain(start + size - 1 - last_of(low))):
            own = ranged(plain(span[0] - start), span[1], span[2], size)
            return sliced(engine, part, tuple(own if i == axis else r for i, r in enumerate(spans)))
        start = plain(start + size)
    return None


def slice_of_identity(engine: Normalizer, node: Expr) -> Expr | None:
    """Some rows of an identity matrix are an identity matrix in zeros."""
    (x,) = node.operands
    if x.op is not EYE:
        return None
    rows, columns = node.attributes["ranges"]
    span = columns if rows is None else rows
    if span[2] < 0 or (rows is not None and columns is not None):
        return None
    own = make(EYE, (), dim=span[1]) if span[1] != 1 else broadcast(constant(1), (1, 1))
    return put(engine, own, (span, None) if rows is None else (None, span), node.shape)


def one_hot_at_a_number(engine: Normalizer, node: Expr) -> Expr | None:
    """A row of an identity matrix: 1 in zeros."""
    (i,) = node.operands
    if i.op is not CONSTANT:
        return None
    (size,) = node.shape
    at = int(i.attributes["value"])
    if isinstance(size, int) and not -size <= at < size:
        return None
    return put(engine, broadcast(constant(1), (1,)), ((at if at >= 0 else size + at, 1, 1),), node.shape)


def slice_of_sum(engine: Normalizer, node: Expr) -> Expr | None:
    """A slice of a sum term by term, where fewer terms remain."""
    (x,) = node.operands
    if x.op is not ADD:
        return None
    spans: Spans = node.attributes["ranges"]
    if not any(leading(t)[1].op in (PLACE, CONCAT, SLICE) for t in x.operands):
        return None
    terms = [(c, sliced(engine, t, spans)) for c, t in zip(x.attributes["coefficients"], x.operands, strict=True)]
    split = engine.sum(terms, node.shape)
    return split if len(split.operands) < len(x.operands) or split.op is not ADD else None


# -- blocks in zeros ---------------------------------------------------------------------------------------------------


def place_of_place(engine: Normalizer, node: Expr) -> Expr | None:
    (x,) = node.operands
    if x.op is not PLACE or x.attributes.get("value") != node.attributes.get("value"):
        return None
    pairs = zip(x.attributes["ranges"], node.attributes["ranges"], node.shape, strict=True)
    spans = tuple(composed(r, s, d) for r, s, d in pairs)
    return formed(
        engine, make(PLACE, x.operands, ranges=spans, **{k: node.attributes.get(k) for k in ("shape", "value")})
    )


def place_of_product(engine: Normalizer, node: Expr) -> Expr | None:
    """Scalars, identities and stretched axes come out."""
    (x,) = node.operands
    if "value" in node.attributes or not is_pure(x):
        return None
    if is_zero(x):
        return zeros(node.shape)
    spans: Spans = node.attributes["ranges"]
    at = {i for i, r in enumerate(spans) if r is not None}
    inside = [f for f in factors_of(x) if f[0].ndim and (f[0].op is not EYE or at & set(f[1]))]
    outside = [f for f in factors_of(x) if f not in inside]
    units = {i for i, d in enumerate(x.shape) if d == 1}
    axes = sorted(at | units | {a for _, labels, _ in inside for a in labels if a >= 0})
    if len(axes) == x.ndim and not outside and x.attributes["coefficient"] == 1:
        return None
    rename = {a: i for i, a in enumerate(axes)} | {-1: -1}
    moved = [(f, tuple(rename[a] for a in labels), e) for f, labels, e in inside]
    inner = engine.product(ONE, moved, tuple(x.shape[i] for i in axes))
    block = put(engine, inner, tuple(spans[i] for i in axes), tuple(node.shape[i] for i in axes))
    labels = tuple(unit_label(i, node.shape[i]) for i in axes)
    return engine.product(x.attributes["coefficient"], [*outside, (block, labels, ONE)], node.shape)


def place_of_sum(engine: Normalizer, node: Expr) -> Expr | None:
    """Blocks in zeros, all of them in larger zeros: each of them is."""
    (x,) = node.operands
    if x.op is not ADD or "value" in node.attributes or not all(leading(t)[1].op is PLACE for t in x.operands):
        return None
    terms = [
        (c, put(engine, t, node.attributes["ranges"], node.shape))
        for c, t in zip(x.attributes["coefficients"], x.operands, strict=True)
    ]
    return engine.sum(terms, node.shape)


def product_of_place(engine: Normalizer, node: Expr) -> Expr | None:
    """A product with a block in zeros: over the block alone, and put into zeros itself where the axis stays."""
    factors = factors_of(node)
    for place, (p, labels, e) in enumerate(factors):
        if p.op is not PLACE or e <= 0 or "value" in p.attributes or len(set(labels)) < len(labels):
            continue
        spans = {a: r for a, r in zip(labels, p.attributes["ranges"], strict=True) if r is not None and a >= 0}
        others = [f for i, f in enumerate(factors) if i != place and f[0].ndim and not apart(f, spans)]
        if not others and e == 1 and not turned(node, labels, len(factors)):
            spans = {a: r for a, r in spans.items() if a >= node.ndim}
        if spans:
            return restricted(engine, node, place, spans)
    return None


def turned(node: Expr, labels: tuple[int, ...], count: int) -> bool:
    """Whether the only array of a product has its axes in another order, or axes of size 1 put between."""
    named = [a for a in labels if a >= 0]
    full = all(d == 1 or i in named for i, d in enumerate(node.shape))
    return named != sorted(named) or (count == 1 and full and len(labels) != node.ndim)


def apart(factor: Factor, spans: dict[int, Any]) -> bool:
    """An identity that does not meet the block stays outside of it."""
    return factor[0].op is EYE and not spans.keys() & set(factor[1])


def restricted(engine: Normalizer, node: Expr, place: int, spans: dict[int, Any]) -> Expr:
    """A product over the ranges `spans` of its labels, at which the factor at `place` is not zero."""
    outside = [f for i, f in enumerate(factors_of(node)) if i != place and apart(f, spans)]
    factors: list[Factor] = []
    for i, (f, labels, e) in enumerate(factors_of(node)):
        if i != place and apart((f, labels, e), spans):
            continue
        if i == place:
            left = tuple(None if a in spans else r for a, r in zip(labels, f.attributes["ranges"], strict=True))
            sizes = tuple(d if r is None else t for d, r, t in zip(f.operands[0].shape, left, f.shape, strict=True))
            inner = put(engine, f.operands[0], left, sizes)
        else:
            inner = sliced(engine, f, tuple(spans.get(a) for a in labels))
        own = tuple(-1 if d == 1 else a for a, d in zip(labels, inner.shape, strict=True))
        factors.append((inner, own, e))
    shape = tuple(spans[i][1] if i in spans else d for i, d in enumerate(node.shape))
    kept = [i for i in range(node.ndim) if not any(i in labels for _, labels, _ in outside)]
    if outside and all(i in kept for i in spans if i < node.ndim):
        return with_outside(engine, node, factors, outside, shape, spans)
    product = engine.product(node.attributes["coefficient"], [*factors, *outside], shape)
    return put(engine, product, tuple(spans.get(i) for i in range(node.ndim)), node.shape)


def with_outside(
    engine: Normalizer,
    node: Expr,
    factors: list[Factor],
    outside: list[Factor],
    shape: Shape,
    spans: dict[int, Any],
) -> Expr:
    """The product of the rest put into zeros, with identities in front."""
    rank = node.ndim
    carried = {a for _, labels, _ in factors for a in labels if 0 <= a < rank}
    axes = [i for i in range(rank) if i in carried or i in spans]
    rename = {a: i for i, a in enumerate(axes)} | {-1: -1}
    high = len(axes)
    for _, labels, _ in factors:
        for a in labels:
            if a not in rename:
                rename[a] = high
                high += 1
    moved = [(f, tuple(rename[a] for a in labels), e) for f, labels, e in factors]
    inner = engine.product(ONE, moved, tuple(shape[i] for i in axes))
    block = put(engine, inner, tuple(spans.get(i) for i in axes), tuple(node.shape[i] for i in axes))
    labels = tuple(unit_label(i, node.shape[i]) for i in axes)
    return engine.product(node.attributes["coefficient"], [*outside, (block, labels, ONE)], node.shape)


# -- side by side ------------------------------------------------------------------------------------------------------


def sum_of_places(engine: Normalizer, node: Expr) -> Expr | None:
    """Blocks that stand side by side are one block."""
    if not any(t.op is PLACE or (is_pure(t) and any(f.op is PLACE for f in t.operands)) for t in node.operands):
        return None
    blocks: list[tuple[int, Span, int, Expr]] = []
    for i, (c, t) in enumerate(zip(node.attributes["coefficients"], node.operands, strict=True)):
        found = as_block(engine, c, t)
        if found is not None:
            blocks.append((i, *found))
    for i, first, axis, a in blocks:
        for j, second, other, b in blocks:
            if i == j or axis != other or first is None or second is None or a.ndim != b.ndim:
                continue
            if plain(first[0] + first[1] - second[0]) != 0:
                continue
            both = formed(engine, make(CONCAT, (a, b), axis=axis))
            span = ranged(first[0], plain(first[1] + second[1]), 1, node.shape[axis])
            merged = put(engine, both, along(span, axis, node.ndim), node.shape)
            pairs = zip(node.attributes["coefficients"], node.operands, strict=True)
            rest = [(c, t) for k, (c, t) in enumerate(pairs) if k not in (i, j)]
            return engine.sum([(ONE, merged), *rest], node.shape)
    return None


def as_block(engine: Normalizer, c: Fraction, t: Expr) -> tuple[Span, int, Expr] | None:
    """A term as a block along one axis: its range, the axis, and the block with the term's scalars."""
    number, core = leading(t)
    factors = factors_of(core) if is_pure(core) else [(core, aligned(core.shape, core.shape), ONE)]
    arrays = [f for f in factors if f[0].ndim]
    if len(arrays) != 1:
        return None
    p, labels, e = arrays[0]
    if p.op is not PLACE or "value" in p.attributes or e != 1 or labels != aligned(t.shape, t.shape):
        return None
    spans: Spans = p.attributes["ranges"]
    axes = [i for i, r in enumerate(spans) if r is not None]
    span = spans[axes[0]]
    if len(axes) != 1 or span is None or span[2] != 1:
        return None
    scalars = [f for f in factors if not f[0].ndim]
    block = p.operands[0]
    whole: Factor = (block, aligned(block.shape, block.shape), ONE)
    return span, axes[0], engine.product(c * number, [*scalars, whole], block.shape)


def concat_of_parts(engine: Normalizer, node: Expr) -> Expr | None:
    """Concatenations of concatenations are one; empty parts go; zeros at an end are padding; neighbours join."""
    axis: int = node.attributes["axis"]
    parts: list[Expr] = []
    for o in node.operands:
        parts += o.operands if o.op is CONCAT and o.attributes["axis"] == axis else [o]
    parts = [p for p in parts if p.shape[axis] != 0] or parts[:1]
    joined = [parts[0]]
    for p in parts[1:]:
        both = neighbours(engine, joined[-1], p, axis)
        joined[-1:] = [both] if both is not None else [joined[-1], p]
    if all(is_zero(p) for p in joined):
        return zeros(node.shape)
    spans = list(part_spans(make(CONCAT, joined, axis=axis)))
    inner = [i for i, p in enumerate(joined) if not is_zero(p)]
    low, high = inner[0], inner[-1] + 1
    if low or high < len(joined):
        kept = joined[low:high]
        block = kept[0] if len(kept) == 1 else formed(engine, make(CONCAT, kept, axis=axis))
        span = spans[low]
        start = span[0] if span is not None else 0
        return put(
            engine, block, along(ranged(start, block.shape[axis], 1, node.shape[axis]), axis, node.ndim), node.shape
        )
    if len(joined) == 1:
        return joined[0]
    return None if tuple(joined) == node.operands else formed(engine, make(CONCAT, joined, axis=axis))


def neighbours(engine: Normalizer, a: Expr, b: Expr, axis: int) -> Expr | None:
    """Two slices of one array that follow each other, as one."""
    if a.op is not SLICE or b.op is not SLICE or a.operands != b.operands:
        return None
    (x,) = a.operands
    mine, theirs = a.attributes["ranges"], b.attributes["ranges"]
    first, second = mine[axis], theirs[axis]
    if any(r != s for i, (r, s) in enumerate(zip(mine, theirs, strict=True)) if i != axis) or not (first and second):
        return None
    step = first[2] if first[1] != 1 else plain(second[0] - first[0])
    if not isinstance(step, int) or step == 0 or (second[1] != 1 and second[2] != step):
        return None
    if plain(last_of(first) + step - second[0]) != 0:
        return None
    span = ranged(first[0], plain(first[1] + second[1]), step, x.shape[axis])
    return sliced(engine, x, tuple(span if i == axis else r for i, r in enumerate(mine)))


# -- triangles ---------------------------------------------------------------------------------------------------------


def triangle(engine: Normalizer, node: Expr) -> Expr | None:
    """Scalars come out of a triangle; a triangle of identities is a product with a mask."""
    (x,) = node.operands
    k = node.attributes["k"]
    if x.op is node.op:
        inner = x.attributes["k"]
        if isinstance(k, int) and isinstance(inner, int):
            tighter = min(k, inner) if node.op is TRIL else max(k, inner)
            return formed(engine, make(node.op, x.operands, k=tighter))
    if x.op is EYE and isinstance(k, int):
        return x if (k >= 0 if node.op is TRIL else k <= 0) else zeros(node.shape)
    if not is_pure(x):
        return None
    if is_zero(x):
        return x
    factors = factors_of(x)
    mask_labels = tuple(unit_label(i, node.shape[i]) for i in (node.ndim - 2, node.ndim - 1))
    if any(f.op is EYE for f, _, _ in factors) and node.ndim > 2:
        mask = make(node.op, (broadcast(constant(1), node.shape[-2:]),), k=k)
        return engine.product(x.attributes["coefficient"], [*factors, (mask, mask_labels, ONE)], node.shape)
    scalars = [f for f in factors if not f[0].ndim]
    arrays = [f for f in factors if f[0].ndim]
    if not scalars and x.attributes["coefficient"] == 1:
        return None
    inner_product = engine.product(ONE, arrays, x.shape)
    part = (formed(engine, make(node.op, (inner_product,), k=k)), aligned(node.shape, node.shape), ONE)
    return engine.product(x.attributes["coefficient"], [*scalars, part], node.shape)


def row_of_identity(node: Expr) -> Expr | None:
    """A single 1 in zeros as ``one_hot(i, n)``, at an index that is a number from the start or from the end."""
    (x,), shape = node.operands, node.shape
    if x.shape != (1,) or x.op is not CONTRACT or x.operands or x.attributes["coefficient"] != 1:
        return None
    ((at, _, _),) = node.attributes["ranges"]
    found = next((i for i in (at, at - shape[0]) if is_whole(i)), None)
    return None if found is None or node.attributes.get("value") else one_hot(int(found), shape[0])


def rows_of_identity(node: Expr) -> Expr | None:
    """An identity with zeros beside it as some rows or columns of a larger one: ``eye(n)[1:]``."""
    (x,), spans = node.operands, node.attributes["ranges"]
    if x.op is not EYE or node.attributes.get("value") or sum(span is None for span in spans) != 1:
        return None
    whole = make(EYE, (), dim=node.shape[spans.index(None) ^ 1])
    return section(whole, spans[::-1])


def is_whole(i: Dim) -> bool:
    return isinstance(i, int) or bool(i.is_Integer)


RULES: dict[str, list[tuple[Rule, str]]] = {
    "slice": [
        (slice_of_slice, "a slice of a slice is one slice"),
        (slice_of_place, "a slice of a block in zeros is a part of the block"),
        (slice_of_concat, "a slice of a concatenation that falls into one part"),
        (slice_of_identity, "rows of an identity matrix"),
        (slice_of_product, "(a b)[i] = a b[i] where a does not have the axis"),
        (slice_of_sum, "(a + b)[i] = a[i] + b[i]"),
    ],
    "one_hot": [(one_hot_at_a_number, "one_hot(i, n) is a row of an identity matrix")],
    "place": [
        (place_of_place, "zeros around zeros"),
        (place_of_product, "scalars come out of a linear map"),
        (place_of_sum, "a linear map of a sum is the sum of its values"),
    ],
    "contract": [(product_of_place, "a product is zero where a factor is")],
    "add": [(sum_of_places, "blocks that stand side by side are one")],
    "concat": [(concat_of_parts, "arrays one after another, joined")],
    "tril": [(triangle, "scalars come out of a linear map")],
    "triu": [(triangle, "scalars come out of a linear map")],
}


def _rewriter(rule: Rule, reason: str) -> Rewriter:
    used = law(rule.__name__.replace("_", " "), reason)

    def attempt(engine: Normalizer, node: Expr) -> tuple[Expr, Step] | None:
        found = rule(engine, node)
        if found is None or found is node:
            return None
        return found, used.step(node, found)

    return attempt


LAYOUTS: dict[str, list[Rewriter]] = {
    name: [_rewriter(rule, reason) for rule, reason in rules] for name, rules in RULES.items()
}
