"""Index notation: arrays some of whose axes run over named indices, and the operations on them.

``x[i]*y[j]`` is an array over the labels i and j. Every operation is carried out once, on the axes that have no label
(a scalar product, a softmax of a row), as a template over stand-ins; the template is then stretched over the labels.
Nothing is summed unless ``sum[k](...)`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import sympy

from graphc.errors import FormulaError, ShapeError
from graphc.frontend.templates import entrywise
from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.leaves import NAMED, SYMBOL, number, size
from graphc.ops.notation import functions
from graphc.ops.products import unit

BATCHED = frozenset(
    ("inv", "det", "det_sign", "logdet", "cholesky", "solve", "matrix_power", "expm")
)  # lead as in NumPy
FREE = -1


@dataclass(frozen=True)
class Index:
    """A name that runs along an axis; `scope` is the place of the ``sum[i]`` that binds it, or FREE."""

    name: str
    scope: int = FREE


Labels: TypeAlias = tuple[Index, ...]
Triple: TypeAlias = tuple[Expr, tuple[int, ...], Fraction]


@dataclass(frozen=True, eq=False)
class Indexed:
    """An array whose first axes run over `labels`; the rest are ordinary axes."""

    array: Expr
    labels: Labels

    @property
    def rank(self) -> int:
        """The number of ordinary axes."""
        return self.array.ndim - len(self.labels)

    @property
    def plain(self) -> Shape:
        """The sizes of the ordinary axes."""
        return self.array.shape[len(self.labels) :]

    def dims(self) -> Iterator[tuple[Index, Dim]]:
        return zip(self.labels, self.array.shape, strict=False)


def as_indexed(value: Indexed | Expr) -> Indexed:
    return value if isinstance(value, Indexed) else Indexed(value, ())


def union(parts: Sequence[Indexed]) -> dict[Index, Dim]:
    """The labels of all parts in order of appearance, with their sizes."""
    found: dict[Index, Dim] = {}
    for part in parts:
        for label, dim in part.dims():
            found.setdefault(label, dim)
    return found


def arranged(part: Indexed, over: Mapping[Index, Dim]) -> Expr:
    """The array with its labels in the order of `over`, stretched along those that it lacks."""
    place = {label: i for i, label in enumerate(over)}
    labels = [unit(place[label], dim) for label, dim in part.dims()]
    labels += [unit(len(over) + i, dim) for i, dim in enumerate(part.plain)]
    shape = (*over.values(), *part.plain)
    return broadcast(spread(part.array, labels, shape), shape) if part.array.shape else broadcast(part.array, shape)


def spread(array: Expr, labels: Sequence[int], shape: Shape) -> Expr:
    """The array with its axes at `labels` of `shape`, and axes of size 1 at the others."""
    kept = sorted(x for x in labels if x >= 0)
    turned = contract([(array, [kept.index(x) if x >= 0 else -1 for x in labels], ONE)], tuple(shape[x] for x in kept))
    thin = tuple(dim if i in kept else 1 for i, dim in enumerate(shape))
    return array if array.shape == thin and turned is array else contract([(turned, kept, ONE)], thin)


# -- operations ------------------------------------------------------------------------------------------------------


def lifted(function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Indexed:
    """``function(*arguments, **options)`` for each value of the labels.

    Raises
    ------
    FormulaError
        If the function cannot be carried out along further axes.
    """
    parts: dict[Expr, Indexed] = {}

    def lowered(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(lowered(v) for v in value)
        if isinstance(value, Indexed) or (isinstance(value, Expr) and value.operands and not value.weak):
            part = as_indexed(value)
            stand_in = make(SYMBOL, (), name=f"?{len(parts)}", shape=part.plain, dtype=part.array.dtype)
            parts[stand_in] = part
            return stand_in
        return value

    template = function(*map(lowered, arguments), **{key: lowered(v) for key, v in options.items()})
    if not isinstance(template, Expr):
        raise FormulaError(f"this gives {type(template).__name__}, not an array")
    return stretched(template, parts)


def stretched(template: Expr, parts: Mapping[Expr, Indexed]) -> Indexed:
    """A template with its stand-ins replaced by arrays over labels."""
    done: dict[Expr, Indexed] = dict(parts)
    for node in topological([template], known=parts):
        operands = [done[o] for o in node.operands]
        if any(o.labels for o in operands):
            done[node] = _stretched_node(node, operands)
        else:
            done[node] = Indexed(rebuild(node, tuple(o.array for o in operands)), ())
    return done[template]


def _stretched_node(node: Expr, operands: Sequence[Indexed]) -> Indexed:
    over = union(operands)
    if node.op is CONTRACT:
        return Indexed(_product(node, operands, over), tuple(over))
    if node.op is NAMED:
        return operands[0]
    if node.op.body is not None and "axis" not in node.attributes and not entrywise(node.op):
        return stretched(node.op.body(node), dict(zip(node.operands, operands, strict=True)))
    if node.op is ADD or entrywise(node.op) or "axis" in node.attributes or node.op.name in BATCHED:
        attributes = dict(node.attributes)
        if "axis" in attributes:
            attributes["axis"] = _behind(attributes["axis"], len(over))
        result = make(node.op, (arranged(o, over) for o in operands), **attributes)
        if result.shape == (*over.values(), *node.shape):
            return Indexed(result, tuple(over))
    raise FormulaError(
        f"{node.op.name} cannot be taken for each value of an index; give its result a name on a line of its own, or "
        "write it with axis="
    )


def _behind(axis: Any, count: int) -> Any:
    """An axis, or a tuple of axes, behind `count` further ones."""
    if isinstance(axis, tuple):
        return tuple(_behind(a, count) for a in axis)
    return axis + count if isinstance(axis, int) and axis >= 0 else axis


def _product(node: Expr, operands: Sequence[Indexed], over: Mapping[Index, Dim]) -> Expr:
    place = {label: i for i, label in enumerate(over)}
    shape = (*over.values(), *node.shape)
    quotient = any(e != 1 for e in node.attributes["exponents"]) and not summed(node)
    triples: list[Triple] = []
    for part, (_, own, exponent) in zip(operands, factors_of(node), strict=True):
        lead = [unit(place[label], dim) for label, dim in part.dims()]
        labels = (*lead, *(x if x < 0 else x + len(over) for x in own))
        if quotient and labels != aligned(shape, shape):  # as NumPy broadcasts
            thin = spread(part.array, labels, shape)
            triples.append((thin, aligned(thin.shape, shape), exponent))
        else:
            triples.append((part.array, labels, exponent))
    return contract(triples, shape, node.attributes["coefficient"])


# -- sums and other reductions ---------------------------------------------------------------------------------------


def summed_over(body: Indexed, label: Index) -> Indexed:
    """The sum along one label; products are summed as one contraction."""
    at = body.labels.index(label)
    coefficient, triples = _factors(body.array)
    shape = (*body.array.shape[:at], *body.array.shape[at + 1 :])
    place = {i: i - (i > at) for i in range(body.array.ndim)} | {at: body.array.ndim - 1}
    dim = body.array.shape[at]
    if dim != 1 and all(at not in labels for _, labels, _ in triples):
        triples.append((size(dim), (), ONE))
    renamed = [(f, tuple(place.get(x, x) for x in labels), e) for f, labels, e in triples]
    carried = sorted({x for _, labels, _ in renamed for x in labels if 0 <= x < len(shape)})
    if len(carried) < len(shape):  # stretched afterwards
        inner = {x: i for i, x in enumerate(carried)}
        renamed = [(f, tuple(inner.get(x, x) for x in labels), e) for f, labels, e in renamed]
    total = contract(renamed, tuple(shape[x] for x in carried), coefficient)
    return Indexed(broadcast(spread(total, carried, shape), shape), (*body.labels[:at], *body.labels[at + 1 :]))


def _factors(array: Expr) -> tuple[Fraction, list[Triple]]:
    """An array as a product in index notation, products without sums and powers among its factors opened."""
    whole = tuple(unit(i, d) for i, d in enumerate(array.shape))
    coefficient = ONE
    open_: list[tuple[Expr, tuple[int, ...]]] = [(array, whole)]
    found: list[Triple] = []
    fresh = array.ndim
    while open_:
        factor, labels = open_.pop(0)
        if factor.op is not CONTRACT or not _is_product(factor) or (summed(factor) and factor is not array):
            found.append((factor, labels, ONE))
            continue
        coefficient *= factor.attributes["coefficient"]
        place = dict(enumerate(labels)) | {-1: -1}
        for inner, own, _ in factors_of(factor):
            for x in own:
                if x not in place:
                    place[x] = fresh
                    fresh += 1
            open_.append((inner, tuple(place[x] for x in own)))
    return coefficient, found


def _is_product(node: Expr) -> bool:
    """Whether a contraction is one of plain factors over all of their axes."""
    plain = all(e == 1 for e in node.attributes["exponents"])
    return plain and all(-1 not in labels for labels in node.attributes["labels"])


REDUCTIONS = ("sum", "mean", "prod", "max", "min", "logsumexp", "norm", "var", "std")


def reduced(name: str, body: Indexed, labels: Labels) -> Indexed:
    """``name[labels](body)``: a reduction along labels."""
    if name in ("sum", "mean"):
        for label in labels:
            dim = body.array.shape[body.labels.index(label)]
            body = summed_over(body, label)
            if name == "mean":
                body = lifted(lambda a, b: a / b, [body, size(dim)], {})
        return body
    axes = tuple(body.labels.index(label) for label in labels)
    kept = tuple(label for label in body.labels if label not in labels)
    return Indexed(functions[name](body.array, axis=axes if len(axes) > 1 else axes[0]), kept)


# -- entries ---------------------------------------------------------------------------------------------------------


def entry(head: Indexed, items: Sequence[Any]) -> Indexed:
    """``head[items]``, where items are indices, arrays of whole numbers over indices, or what NumPy takes.

    Raises
    ------
    ShapeError
        If there are more items than axes.
    """
    items = _filled(head, items)
    moved = [slice(None) if isinstance(item, (Index, Indexed)) else item for item in items]
    key = (*[slice(None)] * len(head.labels), *moved)
    base = head.array if all(isinstance(k, slice) and k == slice(None) for k in key) else head.array[key]
    labels = dict(head.dims())
    axis = len(head.labels)
    places: list[Any] = list(head.labels)
    for item in items:
        if isinstance(item, Index):
            labels.setdefault(item, base.shape[axis])
            places.append(item)
        elif isinstance(item, Indexed):
            for label, dim in item.dims():
                labels.setdefault(label, dim)
            places.append(item)
        else:
            kept = item.ndim if isinstance(item, Expr) else int(item is None or isinstance(item, slice))
            places += [None] * kept
        axis = len(places)
    return _labelled(base, places, labels)


def _filled(head: Indexed, items: Sequence[Any]) -> list[Any]:
    """One item for each ordinary axis, besides None for new ones."""
    used = len([item for item in items if item is not None and item is not Ellipsis])
    if used > head.rank:
        raise ShapeError(f"{head.array} has {head.rank} axes to index, but {used} indices were given")
    for item, dim in zip([i for i in items if i is not None], head.plain, strict=False):
        if item is Ellipsis:
            break
        if isinstance(item, sympy.Symbol) and item == dim:
            raise FormulaError(
                f"{item} is the size of this axis: where it is an index, write sum[{item}](...), or put it into the "
                f"brackets on the left, as in dW[{item}] = ..."
            )
    found = list(items)
    at = next((i for i, item in enumerate(found) if item is Ellipsis), len(found))
    found[at : at + 1] = [slice(None)] * (head.rank - used)
    return found


def _labelled(base: Expr, places: Sequence[Any], labels: Mapping[Index, Dim]) -> Indexed:
    """`base` with a label, an array of positions, or None (an ordinary axis) for each of its axes."""
    position = {label: i for i, label in enumerate(labels)}
    plain = [dim for dim, place in zip(base.shape, places, strict=True) if place is None]
    shape = (*labels.values(), *plain)
    own, ordinary, fresh = [], len(labels), len(shape)
    triples: list[tuple[Expr, Sequence[int], Fraction]] = []
    for dim, place in zip(base.shape, places, strict=True):
        if isinstance(place, Index):
            own.append(unit(position[place], dim))
        elif place is None:
            own.append(unit(ordinary, dim))
            ordinary += 1
        else:
            own.append(unit(fresh, dim))
            hot = functions["one_hot"](place.array, dim)
            lead = [unit(position[label], size) for label, size in place.dims()]
            triples.append((hot, [*lead, unit(fresh, dim)], ONE))
            fresh += 1
    return Indexed(contract([(base, own, ONE), *triples], shape), tuple(labels))


def is_one(value: Any) -> bool:
    """Whether a value is the number 1, as in the indicator ``1[i == j]``."""
    return isinstance(value, Expr) and number(value) == 1
