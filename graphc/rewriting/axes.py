"""Where the axes of a factor stand: transposes, axes of size 1, diagonals, elementwise products in a given order."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Sequence
from typing import Any

from graphc.ir.expr import Expr, make, rebuild
from graphc.ir.op import Op
from graphc.ops.arithmetic import ADD, broadcast, divide, multiply, rational_power, scaled
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.forms import form
from graphc.ops.leaves import NAMED, constant
from graphc.ops.products import diag, einsum, matmul, outer, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import reduced_axes
from graphc.ops.slicing import index, indexed
from graphc.rewriting.order import is_symmetric

Labels = tuple[int, ...]
Placed = tuple[Expr, Labels]  # an expression and the labels of its axes; -1 for axes of literal size 1
ENTRYWISE = ("scale", "over", "power", "multiply", "divide")
WHOLE = Op(  # stands for a product that is not taken apart, while others are written over it
    "whole",
    lambda operands, attributes: (operands[0].shape, operands[0].dtype),
    facts=lambda node: node.operands[0].op.facts(node.operands[0]),
)
FEW = 2  # transposes that a product may take rather than one around it: A.T @ B.T, but (C @ B @ A).T
MANY = 10**6  # transposes beyond which they are not counted
LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def transposed(x: Expr) -> Expr:
    """The transpose of a matrix, taken through products, (A @ B).T is B.T @ A.T, where that takes few transposes."""
    inside = pushed(x)
    return transpose(x) if turned_sides(inside) > turned_sides(x) + FEW else inside


def pushed(x: Expr) -> Expr:
    """The transpose of a matrix, taken through products however long."""
    if is_symmetric(x):
        return x
    stack = [] if "transposed" in x.cache else [x]
    while stack:  # operands first, so that a deep product is not asked recursively
        node = stack[-1]
        below = [o for o in sides(node) if "transposed" not in o.cache and not is_symmetric(o)]
        stack += below
        if not below:
            stack.pop()
            node.cache["transposed"] = across(node)
    found: Expr = x.cache["transposed"]
    return found


def sides(x: Expr) -> tuple[Expr, ...]:
    """The matrices that `x` is the product of, if it is one."""
    product = x.op is CONTRACT and form(x).kind == "matmul" and all(o.ndim == 2 for o in x.operands)
    return x.operands if product else ()


def across(x: Expr) -> Expr:
    """The transpose of a matrix that is not symmetric."""
    if x.op is CONTRACT:
        kind = form(x).kind
        if kind == "transpose":
            return x.operands[0]
        if kind == "outer":
            return outer(x.operands[1], x.operands[0])
        if kind == "einsum":
            operands, result = form(x).detail.split("->")
            return einsum(f"{','.join(operands.split(',')[::-1])}->{result[::-1]}", *x.operands[::-1])
        if sides(x):
            left, right = shifted(x.operands[0], pushed(x.operands[1]))
            return matmul(right, pushed(left))
    inside = permuted_inside(x, (1, 0))
    return transpose(x) if inside is None else inside


def shifted(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """``left`` and ``right.T``, the sides of a product, with vectors that scale the columns of the left one moved over.

    So (A*v @ B).T is B.T*v @ A.T.
    """
    vectors: list[tuple[Expr, str]] = []
    while left.op is CONTRACT and form(left).kind in ("multiply", "divide") and len(left.operands) == 2:
        inner, v = left.operands
        if inner.ndim != 2 or v.ndim != 1:
            break
        vectors.append((v, form(left).kind))
        left = inner
    for v, kind in reversed(vectors):
        right = multiply(right, v) if kind == "multiply" else divide(right, v)
    return left, right


def permuted_inside(x: Expr, axes: Labels, levels: int = 4) -> Expr | None:
    """The permuted axes of an entrywise expression of transposes, without them; None where that takes new ones."""
    if x.ndim != len(axes) or levels == 0:
        return None
    kind = form(x).kind if x.op is CONTRACT else ""
    if kind == "transpose":
        inner = form(x).detail
        return x.operands[0] if tuple(inner[a] for a in axes) == tuple(range(x.ndim)) else None
    if kind == "fill":
        return broadcast(constant(x.attributes["coefficient"]), tuple(x.shape[a] for a in axes))
    if kind not in ENTRYWISE and x.op is not ADD and x.op.formula is None:
        return None
    inside = [o if o.ndim == 0 else permuted_inside(o, axes, levels - 1) for o in x.operands]
    if any(o is None for o in inside):
        return None
    return over([o for o in inside if o is not None], x, kind)


def permuted(x: Expr, axes: Labels) -> Expr:
    """`x` with its axes permuted, inside an entrywise expression where that saves transposes."""
    if axes == (1, 0):
        return transposed(x)
    if axes == tuple(range(x.ndim)):
        return x
    kind = form(x).kind if x.op is CONTRACT else ""
    if kind == "einsum":
        place = {a: i for i, a in enumerate(axes)}
        moved = [(f, tuple(place.get(a, a) for a in ls), e) for f, ls, e in factors_of(x)]
        return contract(moved, tuple(x.shape[a] for a in axes))
    inside = permuted_inside(x, axes)
    inside = turned_stack(x, axes) if inside is None else inside
    if inside is None and kind == "transpose":
        return transpose(x.operands[0], tuple(form(x).detail[a] for a in axes))
    return transpose(x, axes) if inside is None else inside


def turned_stack(x: Expr, axes: Labels) -> Expr | None:
    """A product of stacks with the last two axes exchanged, B.T @ A.T, where that takes no more transposes."""
    last = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    if axes != last or x.op is not CONTRACT or form(x).kind != "matmul" or any(o.ndim != x.ndim for o in x.operands):
        return None
    a, b = x.operands
    product = matmul(permuted(b, axes), permuted(a, axes))
    return product if turns(product) <= turns(x) + 2 else None


def placed(factors: Sequence[Placed], order: Labels) -> Expr:
    """The elementwise product of `factors` with its axes in `order`; vectors of different axes give ``outer``."""
    factors = [diagonal(*g) if len(g[1]) == 2 and g[1][0] == g[1][1] != -1 else g for g in factors]
    if len(order) == 2 and -1 not in order:
        rows = [g for g in factors if g[1] == order[:1]]
        columns = [g for g in factors if g[1] == order[1:]]
        scalars = [g for g in factors if not g[1]]
        if rows and columns and len(rows) + len(columns) + len(scalars) == len(factors):
            product = dyad(placed(rows, order[:1]), placed(columns, order[1:]))
            return placed([*scalars, (product, order)], order) if scalars else product
        if rows and columns and all(reciprocal(x) is None for x, _ in rows + columns):  # A*outer(a, b)
            rest = [g for g in factors if g not in rows and g not in columns]
            return placed([*rest, (placed(rows + columns, order), order)], order)
    parts: tuple[list[Expr], list[Expr]] = ([], [])  # above and below the line
    for f, labels in merged(factors, order):
        under = reciprocal(f)
        parts[under is not None].append(align(f if under is None else under, labels, order))
    above, below = (functools.reduce(multiply, side) if side else None for side in parts)
    if below is None:
        assert above is not None
        return above
    return divide(constant(1) if above is None else above, below)


def dyad(row: Expr, column: Expr) -> Expr:
    """The outer product of two vectors."""
    tall, wide = lifted(row), lifted(column)
    if tall is not None and wide is not None and tall[1] == wide[1] == 1:
        return matmul(tall[0], transposed(wide[0]))
    return outer(row, column)


def reciprocal(x: Expr) -> Expr | None:
    """What `x` is one over: y for 1/y, y**2 for y**(-2)."""
    if x.op is not CONTRACT:
        return None
    kind, detail = form(x)
    if kind == "over":
        return x.operands[0] if detail == 1 else None
    return rational_power(x.operands[0], -detail) if kind == "power" and detail < 0 else None


def merged(factors: Sequence[Placed], order: Labels) -> list[Placed]:
    """Factors over the same axes, where these must be moved or added to, as one: (h*(1 - h))[:, None]*X."""
    groups: dict[Labels, list[Placed]] = {}
    for g in factors:
        groups.setdefault(g[1], []).append(g)
    found = []
    for labels, group in groups.items():
        moves = labels and labels != order[len(order) - len(labels) :] and -1 not in labels
        whole = moves and len(group) > 1 and len(set(labels)) == len(labels) < len(order)
        found += [(placed(group, labels), labels)] if whole else group
    return found


def align(x: Expr, labels: Labels, order: Labels) -> Expr:
    """`x` with its axes permuted, and axes of size 1 added or dropped, so that it broadcasts against `order`."""
    if len({a for a in labels if a >= 0}) < len([a for a in labels if a >= 0]):
        x, labels = diagonal(x, labels)
    if len(labels) <= len(order):
        tail = order[len(order) - len(labels) :]
        if all(a in (b, -1) for a, b in zip(labels, tail, strict=True)):
            return x
    if -1 in labels:
        x = reindexed(x, tuple(0 if a == -1 else slice(None) for a in labels))
        labels = tuple(a for a in labels if a != -1)
    if not labels:
        return x
    wanted = sorted(labels, key=order.index)
    x = permuted(x, tuple(labels.index(a) for a in wanted))
    rest = order[order.index(wanted[0]) :]
    added = tuple(i for i, a in enumerate(rest) if a not in wanted)
    if not added:
        return x
    raised = lifted(x)
    if raised is not None and added == (raised[1],):
        return raised[0]
    kept = keep_axes(x, added)
    return kept if kept is not None else index(x, tuple(None if i in added else slice(None) for i in range(len(rest))))


def reindexed(x: Expr, key: tuple[Any, ...]) -> Expr:
    """``x[key]`` for a key of None, 0 and ``:``; an index of added axes is written once."""
    if x.op is not CONTRACT or form(x).kind != "index" or indexed(x) is not None:
        return index(x, key)
    parts: list[Any] = []
    wanted = list(key)
    for part in form(x).detail:
        while part != 0 and wanted[0] is None:
            parts.append(wanted.pop(0))
        own = 0 if part == 0 else wanted.pop(0)
        if part is not None:
            parts.append(own)
        elif own != 0:
            parts.append(None)
    parts += wanted
    return index(x.operands[0], tuple(parts))


def keep_axes(x: Expr, added: tuple[int, ...]) -> Expr | None:
    """`x` with axes of size 1 at `added`, by ``keepdims=True`` in the reductions it is a function of; else None."""
    key = f"keep_axes{added}"
    stack = [x]
    while stack:
        node = stack[-1]
        kind = form(node).kind if node.op is CONTRACT else ""
        inner: list[Expr] = []
        if kind in ENTRYWISE or node.op is ADD or node.op.formula is not None:
            inner = [o for o in map(stripped, node.operands) if o.ndim or o.operands]
        known = [o.cache[key] for o in inner if key in o.cache]
        missing = [o for o in inner if key not in o.cache]
        if missing and key not in node.cache and not any(o is None for o in known):
            stack.append(missing[0])
            continue
        if key not in node.cache:
            node.cache[key] = _kept(node, added, kind, None if missing else known)
        stack.pop()
    found: Expr | None = x.cache[key]
    return found


def _kept(node: Expr, added: tuple[int, ...], kind: str, inner: list[Expr | None] | None) -> Expr | None:
    """`keep_axes` for `node` whose operands, but for numbers, come out as `inner`."""
    if node.attributes.get("keepdims") is False and reduced_axes(node) == added:
        return make(node.op, node.operands, **{**node.attributes, "keepdims": True})
    if kind == "sum" and form(node).detail == (added, False):
        return sum_(node.operands[0], axis=added, keepdims=True)
    if not inner or any(o is None for o in inner) or all(o is not None and o.ndim == 0 for o in inner):
        return None
    found = iter(o for o in inner if o is not None)
    operands = [next(found) if o.ndim or o.operands else o for o in map(stripped, node.operands)]
    return over(operands, node, kind)


def stripped(x: Expr) -> Expr:
    """A stretched number or scalar as itself."""
    if x.op is CONTRACT and not x.operands:
        return constant(x.attributes["coefficient"])
    if x.op is CONTRACT and form(x).kind == "broadcast_to" and x.operands[0].ndim == 0:
        return x.operands[0]
    return x


def over(operands: list[Expr], node: Expr, kind: str) -> Expr:
    """`node` rebuilt by its constructor over operands that broadcast to one shape."""
    if kind == "scale":
        return scaled(node.attributes["coefficient"], operands[0])
    if kind == "over":
        return divide(constant(node.attributes["coefficient"]), operands[0])
    if kind == "power":
        return rational_power(operands[0], node.attributes["exponents"][0])
    if kind in ("multiply", "divide"):
        return multiply(*operands) if kind == "multiply" else divide(*operands)
    shape = broadcast_shapes([o.shape for o in operands], [])
    assert shape is not None
    return rebuild(node, tuple(broadcast(o, shape) for o in operands))


def diagonal(x: Expr, labels: Labels) -> Placed:
    """The diagonal along repeated labels."""
    distinct = tuple(dict.fromkeys(a for a in labels if a >= 0))
    if x.ndim == 2:
        return diag(x), distinct
    letters = {a: LETTERS[i] for i, a in enumerate(distinct)}
    units = iter(LETTERS[len(distinct) :])
    text = "".join(letters[a] if a >= 0 else next(units) for a in labels)
    return einsum(f"{text}->{''.join(letters[a] for a in distinct)}", x), distinct


def lifted(x: Expr) -> tuple[Expr, int] | None:
    """The array that `x` is, without one axis of size 1, and that axis: y and 1 for ``2*y[:, 0]`` is 2*y and 1."""
    if x.op is not CONTRACT:
        return None
    kind, detail = form(x)
    if kind == "index" and detail.count(0) == 1 and None not in detail:
        return x.operands[0], detail.index(0)
    scalars = [o for o in x.operands[1:] if o.ndim]
    if kind in ("scale", "multiply", "divide") and not scalars:
        inner = lifted(x.operands[0])
        if inner is not None:
            return over([inner[0], *x.operands[1:]], x, kind), inner[1]
    return None


def dropped(x: Expr, axis: int) -> Expr:
    """`x` without an axis of size 1."""
    return index(x, tuple(0 if i == axis else slice(None) for i in range(x.ndim)))


def arranged(found: Placed, out: Labels) -> Expr:
    """The expression with its axes in the order `out`."""
    x, labels = found
    return x if labels == out else permuted(x, tuple(labels.index(a) for a in out))


def turns(x: Expr) -> int:
    """How many transposes stand in the products and sums of `x`; one of a compound counts double."""
    stack = [x]
    while stack:
        node = stack[-1]
        looked_into = node.op is CONTRACT or node.op is ADD or node.op.formula is not None
        below = node.operands if looked_into and node not in _turns else ()
        missing = [o for o in below if o not in _turns]
        stack += missing
        if not missing:
            stack.pop()
            if node not in _turns:
                _turns[node] = min(MANY, own_turns(node) + sum(_turns[o] for o in below))
    return _turns[x]


def turned_sides(x: Expr) -> int:
    """How many transposes stand beside each other in a product of products."""
    stack = [x]
    while stack:
        node = stack[-1]
        missing = [] if node in _turned else [o for o in sides(node) if o not in _turned]
        stack += missing
        if not missing:
            stack.pop()
            _turned.setdefault(node, 1 if is_turn(node) else min(MANY, sum(_turned[o] for o in sides(node))))
    return _turned[x]


def is_turn(x: Expr) -> bool:
    return x.op is CONTRACT and form(x).kind == "transpose"


def is_turned_sum(terms: Sequence[Expr]) -> bool:
    """Whether all terms are transposed, and that takes more than (A @ B).T + C.T: it is (A @ B + B @ A).T."""
    links = [x for x in terms if not is_turn(x)]
    while links:
        x = links.pop()
        if not sides(x):
            return False
        links += [o for o in sides(x) if not is_turn(o)]
    if any(x.ndim != 2 for x in terms):
        return False
    whole = any(is_turn(x) and x.operands[0].op is CONTRACT for x in terms)
    return whole or sum(map(turned_sides, terms)) > FEW + 1


def own_turns(x: Expr) -> int:
    if x.op is not CONTRACT or form(x).kind != "transpose":
        return 0
    return 1 + int(bool(x.operands[0].operands) and x.operands[0].op not in (NAMED, WHOLE))


_turned: weakref.WeakKeyDictionary[Expr, int] = weakref.WeakKeyDictionary()
_turns: weakref.WeakKeyDictionary[Expr, int] = weakref.WeakKeyDictionary()


def reordered(x: Expr, labels: Labels, order: Labels) -> Expr:
    return x if labels == order else permuted(x, tuple(map(labels.index, order)))
