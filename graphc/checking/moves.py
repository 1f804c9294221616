"""Ops that move or order the entries of arrays, and ops without a rule, as polynomials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from functools import partial

from graphc.checking.atoms import UNIT, Atom, Mono, Poly
from graphc.checking.kinks import inner
from graphc.checking.layouts import rewritten
from graphc.checking.polynomials import ONE
from graphc.checking.products import Products
from graphc.ir.expr import Expr, make
from graphc.ops.leaves import ARRAY, PI
from graphc.ops.linalg import INV
from graphc.ops.reductions import MAX, MIN

JUMPING = frozenset(("argmax", "max", "min", "floor", "ceil", "trunc", "round"))
Key = tuple[tuple[Mono, Fraction], ...]


def key_of(p: Poly) -> Key:
    return tuple(sorted(p.items()))


class Moves(Products, ABC):
    """Products, and what ops that move or order entries come to."""

    @abstractmethod
    def poly(self, expr: Expr) -> Poly:
        """`expr`, fully expanded."""

    def opaque(self, node: Expr, args: list[Poly]) -> Poly:
        """An op without a rule: an atom that equal operands share, over the node's own axes."""
        labels = tuple(i for i, d in enumerate(node.shape) if d != 1)
        straight, mirrored = self._mirrored(node, args)
        if node.op.mirror and mirrored < straight:
            args = [dict(mirrored)]
            if node.op.mirror == "turns":  # inv(X.T) is the atom of inv(X), its axes exchanged
                labels = (*labels[:-2], labels[-1], labels[-2])
        same = straight == mirrored and node.op.mirror == "turns"
        below = [self.atoms[a] for p in args for m in p for a, _, _ in m[0]]
        values = node.attributes["values"] if node.op is ARRAY else ()
        known = {f.name for f in node.op.facts(node)}
        number = self.atom(
            ("opaque", node.op.name, tuple(sorted(node.attributes.items(), key=str)), tuple(key_of(p) for p in args)),
            lambda: Atom(
                node.op.name,
                len(labels),
                ((0, 1), (1, 0)) if same and len(labels) == 2 else (tuple(range(len(labels))),),
                dict(args[0]) if node.op is INV and len(labels) == 2 else {},
                positive="positive" in known or node.op is PI or (bool(values) and min(values) > 0),
                nonnegative="nonnegative" in known
                or node.op is PI
                or node.dtype == "bool"
                or (bool(values) and min(values) >= 0),
                binary=node.dtype == "bool",
                smooth=node.dtype.startswith("float") and node.op.name not in JUMPING and all(a.smooth for a in below),
                leaves=frozenset().union(*(a.leaves for a in below)),
                facts=frozenset([("spd", 0)]) if "spd" in known and len(labels) == 2 == node.ndim else frozenset(),
            ),
        )
        if node.op is INV:
            self.axes[number] = node.shape[-1]
        return self.single(number, labels)

    def lower(self, rows: int, columns: int) -> Poly:
        """[i >= j], for one axis twice."""
        make = partial(Atom, "order", 2, ((0, 1),), {}, nonnegative=True, binary=True, smooth=False)
        return self.single(self.atom(("order",), make), (rows, columns))

    def triangle(self, node: Expr, p: Poly, *, upper: bool) -> Poly:
        square = node.ndim == 2 and node.shape[0] == node.shape[1] != 1
        if not square or node.attributes.get("k", 0):
            return self.opaque(node, [p])
        return self.multiply(p, self.lower(1, 0) if upper else self.lower(0, 1))

    def running(self, node: Expr, p: Poly, *, backwards: bool) -> Poly:
        """A running sum is a product with a triangle of ones."""
        axis = node.attributes.get("axis", 0) % node.ndim
        if node.shape[axis] == 1:
            return p
        inner = node.ndim
        moved = self.relabel(p, {axis: inner})
        order = self.lower(inner, axis) if backwards else self.lower(axis, inner)
        return self.summed(self.multiply(order, moved), {inner: node.shape[axis]})

    def _mirrored(self, node: Expr, args: list[Poly]) -> tuple[Key, Key]:
        """The operand of a matrix function and its transpose, as keys; twice nothing for other functions."""
        x = node.operands[0] if node.op.mirror else node
        if not node.op.mirror or 1 in x.shape[-2:]:
            return (), ((UNIT, ONE),)
        swap = {i: i for i in range(x.ndim)} | {x.ndim - 2: x.ndim - 1, x.ndim - 1: x.ndim - 2}
        return key_of(args[0]), key_of(self.relabel(args[0], swap))

    def reshape(self, node: Expr, p: Poly) -> Poly:
        x = node.operands[0]
        found = self.reshaped(p, x.shape, node.shape)
        other = rewritten(node) if found is None else None
        return found if found is not None else self.poly(other) if other is not None else self.opaque(node, [p])

    def section(self, node: Expr, p: Poly) -> Poly:
        """A slice that turns axes round; any other one stands as it is."""
        shape, spans = node.operands[0].shape, node.attributes["ranges"]
        if not all(r is None or (shape[i] == r[1] and r[2] == -1) for i, r in enumerate(spans)):
            return self.opaque(node, [p])
        for i, r in enumerate(spans):
            if r is not None and shape[i] != 1:
                p = self.turned_round(p, i, shape[i], len(shape))
        return p

    def largest(self, node: Expr, p: Poly) -> Poly:
        """max(x) is the sum of [x is the largest] x, away from ties."""
        x = node.operands[0]
        axes = tuple(a for a in (node.attributes["axis"] or range(x.ndim)) if x.shape[a] != 1)
        found = self.top(p, axes, tuple(x.shape[a] for a in axes)) if node.op is MAX else None
        if found is None:
            other = rewritten(node)
            return self.opaque(node, [p]) if other is None else self.poly(other)
        total = self.summed(self.multiply(found, p), {a: x.shape[a] for a in axes})
        return total if node.ndim == x.ndim else self.without_axes(total, node.attributes["axis"], x.ndim)

    def product(self, node: Expr, p: Poly) -> Poly:
        """The product over axes, which stay as axes of size 1 if they are kept."""
        x = node.operands[0]
        axes = node.attributes["axis"]
        found = self.product_over(p, {a: x.shape[a] for a in axes if x.shape[a] != 1})
        return found if node.ndim == x.ndim else self.without_axes(found, axes, x.ndim)

    def without_axes(self, p: Poly, axes: Iterable[int], ndim: int) -> Poly:
        kept = [i for i in range(ndim) if i not in axes]
        return self.relabel(p, {old: new for new, old in enumerate(kept)})

    def attained(self, node: Expr, args: list[Poly], i: int) -> Poly | None:
        """[x = max(x)], for the operand `i`; None for any other comparison."""
        x, y = node.operands[i], inner(node.operands[1 - i])
        if not self.off_kinks_of or y.op not in (MAX, MIN) or x.shape != node.shape:
            return None
        axes = y.attributes["axis"]
        if self.poly(make(y.op, (x,), axis=axes, keepdims=True)) != args[1 - i]:
            return None
        axes = tuple(a for a in axes if x.shape[a] != 1)
        p = args[i] if y.op is MAX else self.add((-1, args[i]))
        return self.top(p, axes, tuple(x.shape[a] for a in axes))

    def choice(self, node: Expr, args: list[Poly]) -> Poly:
        """one_hot(argmax(x)) is [x is the largest], away from ties."""
        y = inner(node.operands[0])
        if y.op.name not in ("argmax", "argmin"):
            return self.opaque(node, args)
        (x,), axis = y.operands, y.attributes.get("axis")
        axis = 0 if axis is None and x.ndim == 1 else axis
        if axis is None or x.shape[axis] != node.shape[-1] or x.shape[axis] == 1:
            return self.opaque(node, args)
        p = self.add((1 if y.op.name == "argmax" else -1, self.poly(x)))
        found = self.top(p, (axis % x.ndim,), (x.shape[axis],))
        if found is None:
            return self.opaque(node, args)
        order = [i for i in range(x.ndim) if i != axis % x.ndim]
        return self.relabel(found, {old: new for new, old in enumerate([*order, axis % x.ndim])})
