"""From the normal form to the matrix notation a person writes: n-ary nodes become trees of named constructors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from math import lcm

import sympy

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast, divide, multiply, negative, rational_power, scaled, subtract
from graphc.ops.arithmetic import add as add_
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.defined import mean, norm
from graphc.ops.forms import form
from graphc.ops.kronecker import kron
from graphc.ops.layout import CONCAT, stack, without_axis
from graphc.ops.leaves import EYE, NAMED, SIZE, constant, size
from graphc.ops.products import diag
from graphc.ops.reductions import RESHAPE, WHERE
from graphc.ops.slicing import SLICE, index
from graphc.ops.statistics import STD, VAR, var
from graphc.rewriting.matrices import (
    WHOLE,
    Labels,
    align,
    arranged,
    contracted,
    keep_axes,
    lifted,
    permuted,
    placed,
    reindexed,
    turns,
)
from graphc.rewriting.order import is_symmetric, mark_symmetric
from graphc.rewriting.reshapes import kronecker
from graphc.rewriting.terms import is_constant, is_number, leading

ODD = frozenset(("sign", "tanh", "sin", "tan", "sinh", "arctan", "arcsin", "arctanh", "arcsinh", "erf"))
Powers = list[tuple[Expr, Labels, Fraction]]
WIDE = 5  # axes from which a sum is not tried in every order


class Presenter:
    """Presents normal forms; named intermediates are shown by their names.

    The axes of a contraction come in some natural order; `natural` holds what is written in another order than the
    node's, so that whatever uses it is written in the same. A product in `shared` is used several times: where some
    use wants it transposed, it stays one product, ``(X @ W).T``, instead of a second one, ``W.T @ X.T``.
    """

    def __init__(self, shared: frozenset[Expr] = frozenset()) -> None:
        self.shared = shared
        self.closed: dict[Expr, Expr] = {}
        self.whole: dict[Expr, Expr] = {}  # what is written over stand-ins for shared products, without them
        self.shown: dict[Expr, Expr] = {}
        self.natural: dict[Expr, tuple[Expr, Labels]] = {}
        self.negatives: dict[Expr, Expr | None] = {}
        self.around: set[Expr] = set()
        self.roots: set[Expr] = set()
        self.walked: set[Expr] = set()

    def present(self, expr: Expr) -> Expr:
        """`expr` (in normal form) over the constructors of the notation."""
        self.look_at(expr)
        stack = [expr]
        while stack:
            node = stack[-1]
            if node.op is NAMED:
                self.shown[node] = node
            missing = [] if node in self.shown else [o for o in node.operands if o not in self.shown]
            if missing:
                stack += missing
                continue
            if node not in self.shown:
                self.shown[node] = self.build(node)
                if node in self.shared:
                    self.close(node)
                if is_symmetric(node):
                    mark_symmetric(self.shown[node])
            stack.pop()
        return self.filled(self.shown[expr])

    def look_at(self, expr: Expr) -> None:
        """Note what the factors in `expr` say of each other; what was walked over before is known."""
        new = topological([expr], self.walked)
        self.walked.update(new)
        contractions = [x for x in new if x.op is CONTRACT]
        self.around |= turned_around(contractions)
        self.roots |= {f for x in contractions for f, _, e in factors_of(x) if e.denominator == 2}

    def filled(self, x: Expr) -> Expr:
        """`x` with shared products for their stand-ins; one pass over everything shown."""
        if not self.whole:
            return x
        for node in topological([x], self.whole):
            self.whole[node] = rebuild(node, tuple(self.whole[o] for o in node.operands))
        return self.whole[x]

    def close(self, node: Expr) -> None:
        """Let nothing be pushed into a product that is shorter as it is than transposed."""
        straight = tuple(range(node.ndim))
        x, order = self.natural.get(node, (self.shown[node], straight))
        last = (*straight[:-2], *straight[:-3:-1])
        if x.op is CONTRACT and form(x).kind == "matmul" and turned_sides(x) < turned_sides(permuted(x, last)):
            stand_in = make(WHOLE, (x,))
            self.whole[stand_in] = self.filled(x)
            self.closed[stand_in] = node
            self.shown[node] = self.faced(node, stand_in, order)

    def only_turned(self, forms: Sequence[Expr]) -> set[Expr]:
        """The closed products below `forms` that are only used transposed, so that they may as well be opened."""
        below = [self.shown[form] for form in forms]
        straight = {o for x in topological(below) if not is_turn(x) for o in x.operands} | set(below)
        return {node for stand_in, node in self.closed.items() if stand_in not in straight}

    def build(self, node: Expr) -> Expr:
        if node.op is CONTRACT:
            return self.contraction(node) if summed(node) else stretched(self.product(node), node)
        if node.op is ADD:
            return self.sum(node)
        if node.op is RESHAPE:
            sides = kronecker(node)
            if sides is not None:
                coefficient = node.operands[0].attributes["coefficient"]
                return scaled(coefficient, kron(*(self.side(side, node.ndim) for side in sides)))
        if node.op is CONCAT and all(o.shape[node.attributes["axis"]] == 1 for o in node.operands):
            axis = node.attributes["axis"]
            return stack([self.present(without_axis(o, axis)) for o in node.operands], axis)
        orders = {self.natural[o][1] for o in node.operands if o in self.natural}
        if node.op.formula is not None and len(orders) == 1:
            (order,) = orders
            if all(o in self.natural or is_fill(o) for o in node.operands):
                over = tuple(self.natural[o][0] if o in self.natural else refilled(o, order) for o in node.operands)
                return self.faced(node, rebuild(node, over), order)
        if node.op.mirror and orders == {(1, 0)}:  # inv((A @ B).T) is inv(A @ B).T
            across = rebuild(node, (self.natural[node.operands[0]][0],))
            return self.faced(node, across, (1, 0)) if node.op.mirror == "turns" else across
        return rebuild(node, tuple(self.shown[o] for o in node.operands))

    def faced(self, node: Expr, x: Expr, order: Labels) -> Expr:
        """Remember that `node` is naturally written as `x`, whose axes are the node's in `order`; returns the node."""
        straight = tuple(range(node.ndim))
        if order != straight:
            self.natural[node] = x, order
        return arranged((x, order), straight)

    def face(self, f: Expr, labels: Labels, e: Fraction = ONE, shape: Shape = ()) -> tuple[Expr, Labels]:
        """A power of a factor as it is naturally written, with the labels of its axes in a result of `shape`."""
        if (e.denominator == 2 or f in self.roots) and is_square_sum(self.shown[f]):
            squares = self.shown[f]
            axes, keepdims = form(squares).detail
            return rational_power(norm(squares.operands[0].operands[0], axes, keepdims), 2 * e), labels
        if e.denominator == 2 and self.shown[f].op is VAR:
            return rational_power(make(STD, self.shown[f].operands, **self.shown[f].attributes), 2 * e), labels
        if f in self.around and e.denominator == 1 and e % 2 == 0:
            return rational_power(self.sum(f, -ONE), e), labels
        if f in self.natural:
            x, order = self.natural[f]
            return rational_power(x, e), tuple(labels[i] for i in order)
        units = len(labels) - len([a for a in labels if a != -1])
        kept = len(labels) == len(shape) and all(d == 1 for d in shape[:units])
        if f.op is SLICE and units and set(labels[:units]) == {-1} and not kept:  # x[0], not x[:1]
            row = index(self.shown[f], (0,) * units)
            return rational_power(row, e), labels[units:]
        return rational_power(self.shown[f], e), labels

    def side(self, factors: Powers, rank: int) -> Expr:
        """One side of a Kronecker product."""
        sizes = {x: d for f, labels, _ in factors for x, d in zip(labels, f.shape, strict=True)}
        shape = tuple(sizes[i] for i in range(rank))
        return broadcast(self.inline(contract(factors, shape)), shape)

    def contraction(self, node: Expr) -> Expr:
        """Matrix products where they fit, else a sum over axes of an elementwise product, else ``einsum``."""
        found = self.oriented(node, flipped=False)
        if found is not None:
            straight = tuple(range(node.ndim))
            turned = found[1] == (1, 0)
            across = self.faced(node, *found)
            return arranged(found, straight) if not turned else self.straight(node, across)
        parts = [self.over_axes(group, node, 1) for group in by_axes(factors_of(node)).values()]
        return contract([(x, labels, ONE) for x, labels in parts], node.shape)

    def straight(self, node: Expr, fallback: Expr) -> Expr:
        """A matrix product with its axes in the node's order, for where it stands alone: A.T @ B.T, not (B @ A).T."""
        found = contracted(self.group(node, None), (0, 1))
        return fallback if found is None else arranged(found, (0, 1))

    def group(self, node: Expr, flipped: int | None) -> list[tuple[Expr, Labels]]:
        """The factors of a contraction as they are written; the sum at `flipped` is negated."""
        factors = factors_of(node)
        group = [
            (rational_power(self.sum(f, -ONE), e), labels) if i == flipped else self.face(f, labels, e)
            for i, (f, labels, e) in enumerate(factors)
        ]
        return [group[i] for i in written_order([x for x, _ in group])]

    def oriented(self, node: Expr, flipped: bool) -> tuple[Expr, Labels] | None:
        """The contraction in matrix notation, its axes in the order that takes the fewest transposes."""
        place = next(i for i, x in enumerate(factors_of(node)) if absorbs_sign(*x)) if flipped else None
        group = self.group(node, place)
        out = tuple(range(node.ndim))
        found = contracted(group, out)
        if found is None or node.ndim != 2:
            return found
        straight = arranged(found, out), out
        other = contracted(group, out[::-1])
        if other is None:
            return straight
        across = arranged(other, out[::-1]), out[::-1]
        return across if turns(across[0]) < turns(straight[0]) else straight

    def sum(self, node: Expr, scale: Fraction = ONE) -> Expr:
        """`scale` times a sum, positive terms first. Broadcasts that the sum implies are left out of its terms."""
        terms = [(c * scale, t) for c, t in zip(node.attributes["coefficients"], node.operands, strict=True)]
        total: Expr | None = None
        for c, t in sorted(terms, key=lambda x: x[0] < 0):
            if t.op is CONTRACT and (not summed(t) or c.denominator != 1):
                whole = t if not summed(t) else contract([(t, aligned(t.shape, t.shape), ONE)], t.shape, abs(c))
                part = self.product(whole, abs(c) if whole is t else ONE)
            else:
                part = scaled(abs(c), self.shown[t])
            if total is None:
                total = part if c > 0 else negative(part)
            else:
                total = add_(total, part) if c > 0 else subtract(total, part)
        assert total is not None
        return broadcast(total, node.shape)

    def product(self, node: Expr, scale: Fraction = ONE) -> Expr:
        """Coefficient, factors, then the denominator: ``2*a*b/c``; broadcasts to the full shape are left out."""
        coefficient: Fraction = node.attributes["coefficient"] * scale
        powers = factors_of(node)
        if not powers:
            return constant(coefficient)
        if len(powers) == 1 and powers[0][2] == 1 and whole_terms(powers[0][0], coefficient):
            return align(self.sum(powers[0][0], coefficient), powers[0][1], tuple(range(node.ndim)))
        if node.ndim > 2 and len(powers) == 1 and powers[0][0].op is ADD and powers[0][2] == 1:
            f, labels, _ = powers[0]
            if len({*labels} - {-1}) == f.ndim == node.ndim:
                order = tuple(sorted(range(f.ndim), key=labels.__getitem__))
                return scaled(coefficient, self.permuted_sum(f, order, ONE))
        if node.ndim > 2:
            found = self.by_index(node, coefficient)
            if found is not None:
                return found
        delta = next((x for x in powers if x[0].op is EYE and x[1][0] != x[1][1]), None)
        if delta is not None:
            return self.with_delta(node, delta, coefficient)
        coefficient, powers = self.averaged(coefficient, powers)
        coefficient, scales = whole_numbers(coefficient, powers)
        sizes = [(f, e) for f, _, e in powers if f.op is SIZE and e.denominator == 1]
        rest = [x for x in powers if not (x[0].op is SIZE and x[2].denominator == 1)]
        top = [(f, ls, e) for f, ls, e in rest if e > 0]
        flipped = self.sign_bearer(top) if coefficient < 0 else None
        if flipped is not None:
            coefficient = -coefficient
        order = tuple(range(node.ndim))
        numerator = self.joined(top, order, flipped, scales, node.shape)
        denominator = self.joined([(f, ls, -e) for f, ls, e in rest if e < 0], order, None, scales, node.shape)
        return quotient(coefficient, numerator, denominator, sizes)

    def inline(self, node: Expr) -> Expr:
        return self.product(node) if node.op is CONTRACT and not summed(node) else self.present(node)

    def sign_bearer(self, top: Powers) -> int | None:
        """The factor that can absorb a minus sign: a difference, preferably without a constant, or a sum of one."""
        place = sign_place(top)
        if place is not None:
            return place
        bearers = [sign_bearer_in(f) for f, _, _ in top]
        places = [i for i, b in enumerate(bearers) if b is not None and top[i][2] == 1 and bearers.count(b) == 1]
        places = [i for i in places if self.oriented(top[i][0], True) is not None]
        places += [i for i, (f, _, e) in enumerate(top) if e == 1 and self.negated(f) is not None]
        return next(iter(places), None)

    def negated(self, f: Expr) -> Expr | None:
        """-f, where that is as short: -sign(t - x) is sign(x - t), -where(c, t - x, 1) is where(c, x - t, -1)."""
        if f not in self.negatives:
            self.negatives[f] = self._negated(f)
        return self.negatives[f]

    def _negated(self, f: Expr) -> Expr | None:
        if absorbs_sign(f, (), ONE):
            return self.sum(f, -ONE)
        if f.op.name in ODD and absorbs_sign(f.operands[0], (), ONE):
            return rebuild(f, (self.sum(f.operands[0], -ONE),))
        if f.op is not WHERE or all(is_number(x) and leading(x)[0] >= 0 for x in f.operands[1:]):
            return None
        branches = [self.minus(x) for x in f.operands[1:]]
        over = [broadcast(x, f.shape) for x in branches if x is not None]
        return rebuild(f, (self.shown[f.operands[0]], *over)) if len(over) == 2 else None

    def minus(self, x: Expr) -> Expr | None:
        """The branch of a selection negated: a number, what `negated` takes, or a product that needs no minus sign."""
        if is_number(x):
            return constant(-leading(x)[0])
        if x.op is not CONTRACT or summed(x):
            return self.negated(x)
        turned = contract(factors_of(x), x.shape, -x.attributes["coefficient"])
        if turned.op is not CONTRACT:
            return self.shown[turned]
        top = [factor for factor in factors_of(turned) if factor[2] > 0]
        if turned.attributes["coefficient"] < 0 and self.sign_bearer(top) is None:
            return None
        return self.product(turned)

    def joined(
        self, powers: Powers, order: Labels, flipped: int | None, scales: dict[Expr, int], shape: Shape = ()
    ) -> Expr | None:
        """The elementwise product of powers; the one at `flipped` is written negated."""
        if not powers:
            return None
        group = []
        for i, (f, labels, e) in enumerate(powers):
            if i != flipped and f in scales:
                group.append((rational_power(self.sum(f, Fraction(scales[f])), e), labels))
            elif i != flipped:
                group.append(self.face(f, labels, e, shape))
            elif f.op is ADD:
                group.append((rational_power(self.sum(f, Fraction(-scales.get(f, 1))), e), labels))
            elif f.op is not CONTRACT:
                negated = self.negated(f)
                assert negated is not None
                group.append((negated, labels))
            else:
                found = self.oriented(f, flipped=True)
                assert found is not None
                group.append((found[0], tuple(labels[a] for a in found[1])))
        return placed([group[i] for i in written_order([x for x, _ in group])], order)

    def averaged(self, coefficient: Fraction, powers: Powers) -> tuple[Fraction, Powers]:
        """A sum over axes divided by their sizes becomes ``mean``."""
        for i, (f, labels, e) in enumerate(powers):
            shown, key = self.shown[f], None
            if shown.op is CONTRACT and form(shown).kind == "index":
                shown, key = shown.operands[0], form(shown).detail
            if (
                e < 1
                or e.denominator != 1
                or f.op is not CONTRACT
                or shown.op is not CONTRACT
                or form(shown).kind != "sum"
            ):
                continue
            axes, keepdims = form(shown).detail
            sizes = {x: p for x, _, p in powers if x.op is SIZE}
            total = sympy.Mul(*(shown.operands[0].shape[a] for a in axes))
            number, symbolic = total.as_coeff_Mul()
            needed = {size(b): int(p * e) for b, p in symbolic.as_powers_dict().items() if b != 1}
            count = int(number) ** int(e)
            share = coefficient * count
            if (number != 1 and share.denominator * count != coefficient.denominator) or any(
                sizes.get(s, Fraction(0)) > -p for s, p in needed.items()
            ):
                continue
            average = average_of(shown.operands[0], axes, keepdims)
            average = average if key is None else index(average, key)
            self.shown[average] = average
            rest = [(x, ls, p + needed.get(x, 0)) for j, (x, ls, p) in enumerate(powers) if j != i]
            return share, sorted_in(rest, (average, labels, e), i)
        return coefficient, powers

    def by_index(self, node: Expr, coefficient: Fraction) -> Expr | None:
        """A product over three axes and more in index notation: one factor for each set of axes."""
        groups = by_axes(factors_of(node))
        scalars = groups.pop(frozenset(), [])
        if not by_letters([(f, labels) for f, labels, _ in map(widest, groups.values())], node.ndim):
            return None
        members = spread_denominators(list(groups.values()))
        flipped = next((g for g in members if len(g) == 1 and absorbs_sign(*g[0])), None) if coefficient < 0 else None
        parts = [self.over_axes(group, node, -1 if group is flipped else 1) for group in members]
        parts.sort(key=lambda x: tuple(sorted(x[1])))
        joint = contract([(x, labels, ONE) for x, labels in parts], node.shape)
        front = contract(scalars, (), -coefficient if flipped else coefficient)
        return scale_by(self.inline(front), joint)

    def over_axes(self, group: Powers, node: Expr, sign: int) -> tuple[Expr, Labels]:
        """The product of factors over the same axes, and which axes of `node` those are."""
        f, labels, e = widest(group)
        if len(group) == 1 and e == 1 and f.op is ADD and len(set(labels)) == f.ndim and (f.ndim > 2 or sign < 0):
            return self.turned(f, labels, Fraction(sign))
        if len(group) == 1 and (e == 1 or len(set(labels)) < f.ndim):
            return self.face(f, labels, e)
        kept = [i for i, a in enumerate(labels) if a < 0 or labels.index(a) == i]  # a diagonal has one axis
        axes = tuple(labels[i] for i in kept)
        place = {a: i for i, a in enumerate(axes)} | {-1: -1}
        moved = [(f, tuple(place[a] for a in ls), e) for f, ls, e in group]
        inner = contract(moved, tuple(f.shape[i] for i in kept))
        return scaled(Fraction(sign), stretched(self.product(inner), inner)), axes

    def turned(self, total: Expr, labels: Labels, scale: Fraction = ONE) -> tuple[Expr, Labels]:
        """A sum with its axes in the order in which its terms take the fewest inserted ones."""
        orders = [tuple(sorted(range(total.ndim), key=labels.__getitem__)), *permutations(range(total.ndim))]
        order = min(orders if total.ndim < WIDE else orders[:1], key=lambda o: inserted(total, o))
        return self.permuted_sum(total, order, scale), tuple(labels[i] for i in order)

    def permuted_sum(self, total: Expr, order: Labels, scale: Fraction) -> Expr:
        """`scale` times a sum with its axes in another order, term by term."""
        if order == tuple(range(total.ndim)):
            return self.sum(total, scale)
        moved = make(
            ADD, [permuted_term(t, total, order) for t in total.operands], coefficients=total.attributes["coefficients"]
        )
        for t in moved.operands:
            if t.op is not CONTRACT or summed(t):
                self.present(t)
        return broadcast(self.sum(moved, scale), moved.shape)

    def with_delta(self, node: Expr, delta: tuple[Expr, Labels, Fraction], coefficient: Fraction) -> Expr:
        """A leftover identity stays outside: ``diag(v)``, or a product with ``eye(n)``."""
        rest = [x for x in factors_of(node) if x != delta]
        row = delta[1][0]
        if node.ndim == 2 and {x for _, ls, _ in rest for x in ls} == {row}:
            vector = contract([(f, tuple(0 for _ in ls), e) for f, ls, e in rest], (node.shape[row],), coefficient)
            return diag(broadcast(self.inline(vector), vector.shape))
        order = tuple(range(node.ndim))
        identity = align(self.shown[delta[0]], delta[1], order)
        if all(not f.ndim for f, _, _ in rest):
            return scale_by(self.inline(contract(rest, (), coefficient)), identity)
        return multiply(self.inline(contract(rest, node.shape, coefficient)), identity)


def scale_by(scalar: Expr, product: Expr) -> Expr:
    """A scalar factor in front of an array, or its denominator behind."""
    if scalar is constant(1):
        return product
    if (
        scalar.op is CONTRACT
        and form(scalar).kind in ("over", "divide", "power")
        and scalar.attributes["exponents"][-1] == -1
    ):
        top = constant(scalar.attributes["coefficient"]) if len(scalar.operands) == 1 else scalar.operands[0]
        return divide(lead(top, product), scalar.operands[-1])
    return lead(scalar, product)


def by_axes(factors: Powers) -> dict[object, Powers]:
    """Factors by the axes they carry; deltas, and diagonals, for themselves."""
    groups: dict[object, Powers] = {}
    for f, labels, e in factors:
        alone = f.op is EYE or len(set(labels)) < len(labels)
        groups.setdefault(labels if alone else frozenset(labels), []).append((f, labels, e))
    return groups


def widest(group: Powers) -> tuple[Expr, Labels, Fraction]:
    """The first factor with the most axes."""
    return max(group, key=lambda x: len(x[1]))


def by_letters(factors: Sequence[tuple[Expr, Labels]], rank: int) -> bool:
    """Whether ``einsum`` says it better than broadcasting: with a delta, or where several factors need new axes."""
    carried = {a for _, labels in factors for a in labels}
    if len(factors) < 2 or carried != set(range(rank)):
        return False
    explicit = sum(labels != tuple(range(rank - len(labels), rank)) for _, labels in factors)
    return explicit > 1 or any(x.op is EYE for x, _ in factors)


def permuted_term(term: Expr, total: Expr, order: Labels) -> Expr:
    """A term of the sum `total` with the axes of the sum in `order`."""
    place = {a: i for i, a in enumerate(order)} | {-1: -1}
    pure = term.op is CONTRACT and not summed(term)
    factors = factors_of(term) if pure else [(term, aligned(term.shape, total.shape), ONE)]
    moved = [(f, tuple(place[a] for a in ls), e) for f, ls, e in factors]
    return contract(moved, tuple(total.shape[a] for a in order), term.attributes["coefficient"] if pure else ONE)


def inserted(total: Expr, order: Labels) -> int:
    """How many arrays in the terms of a sum need axes inserted or exchanged, if its axes stand in `order`."""
    count = 0
    for term in total.operands:
        moved = permuted_term(term, total, order)
        factors = factors_of(moved) if moved.op is CONTRACT else []
        groups = {tuple(sorted(ls)) if f.op is EYE else ls for f, ls, _ in factors if f.ndim}
        explicit = sum(ls != tuple(range(len(order) - len(ls), len(order))) for ls in groups)
        count += min(explicit, 2)
    return count


def spread_denominators(groups: list[Powers]) -> list[Powers]:
    """Denominators over some axes of a matrix of the same product, below that matrix: x/norm(x, axis=1)."""
    for group in groups:
        if all(e < 0 for _, _, e in group):
            axes = {a for _, labels, _ in group for a in labels}
            wider = [g for g in groups if len(g[0][1]) == 2 and axes < set(g[0][1]) and g[0][0].op is not EYE]
            if wider:
                rest = [g for g in groups if g is not group and g is not wider[0]]
                return spread_denominators([*rest, [*wider[0], *group]])
    return groups


def is_turn(x: Expr) -> bool:
    return x.op is CONTRACT and form(x).kind == "transpose"


def turned_sides(x: Expr) -> int:
    """How many transposes stand beside each other in a product of products."""
    if is_turn(x):
        return 1
    product = x.op is CONTRACT and form(x).kind == "matmul"
    return sum(map(turned_sides, x.operands)) if product else 0


def shared_products(forms: Sequence[Expr]) -> frozenset[Expr]:
    """The products of matrices and of stacks below `forms` that more than one node uses, or that are a result too."""
    uses = Counter(o for node in topological(forms) for o in set(node.operands))
    uses.update(forms)
    several = (node for node, count in uses.items() if count > 1 and node.ndim > 1)
    return frozenset(node for node in several if node.op is CONTRACT and summed(node))


def sorted_in(rest: Powers, item: tuple[Expr, Labels, Fraction], place: int) -> Powers:
    """`rest` without cancelled powers, `item` at its place."""
    return [x for x in [*rest[:place], item, *rest[place:]] if x[2] != 0]


def absorbs_sign(f: Expr, labels: Labels, e: Fraction) -> bool:
    """Whether a minus sign can turn a difference around: -2*(t - y) is 2*(y - t)."""
    return f.op is ADD and e.denominator == 1 and e % 2 == 1 and any(c < 0 for c in f.attributes["coefficients"])


def sign_place(factors: Powers) -> int | None:
    """The place of a difference that a minus sign turns around, preferably of one without a constant."""
    places = [i for i, x in enumerate(factors) if absorbs_sign(*x)]
    return min(places, key=lambda i: is_constant(factors[i][0].operands[-1]), default=None)


def sign_bearer_in(node: Expr) -> Expr | None:
    """The difference in a contraction that a minus sign in front turns around."""
    if node.op is not CONTRACT or not summed(node):
        return None
    place = sign_place(factors_of(node))
    return None if place is None else node.operands[place]


def turned_around(contractions: Sequence[Expr]) -> set[Expr]:
    """The differences that a minus sign in front turns around; even powers of them are written alike."""
    found: set[Expr] = set()
    for node in contractions:
        if node.attributes["coefficient"] < 0 and not summed(node):
            above = [x for x in factors_of(node) if x[2] > 0]
            place = sign_place(above)
            bearers = [above[place][0]] if place is not None else [sign_bearer_in(f) for f, _, e in above if e == 1]
            found.update(b for b in bearers[:1] if b is not None)
    return found


def stretched(x: Expr, node: Expr) -> Expr:
    """`x` at the full shape of `node`; leading axes of size 1 by ``keepdims`` where `x` is a reduction over them."""
    added = node.ndim - x.ndim
    raised = lifted(x)
    if raised is not None and raised[0].shape == node.shape:
        return raised[0]
    if added and all(d == 1 for d in node.shape[:added]):
        kept = keep_axes(x, tuple(range(added)))
        if kept is not None:
            return broadcast(kept, node.shape)
        if x.shape == node.shape[added:]:
            return reindexed(x, (None,) * added + (slice(None),) * x.ndim)
    return broadcast(x, node.shape)


def whole_numbers(coefficient: Fraction, powers: Powers) -> tuple[Fraction, dict[Expr, int]]:
    """Sums that a product's coefficient frees of fractions: 2*g*(1/2 - h) is g*(1 - 2*h)."""
    scales: dict[Expr, int] = {}
    for f, _, e in powers:
        if f.op is ADD and e.denominator == 1 and f not in scales:
            scale = lcm(*(c.denominator for c in f.attributes["coefficients"]))
            share = coefficient / Fraction(scale) ** e.numerator
            if scale > 1 and (share.denominator if e > 0 else share.numerator) <= (
                coefficient.denominator if e > 0 else abs(coefficient.numerator)
            ):
                scales[f] = scale
                coefficient = share
    return coefficient, scales


def whole_terms(node: Expr, coefficient: Fraction) -> bool:
    """Whether a fraction in front of a sum leaves some term whole: (3*a - b)/3 is a - b/3."""
    if node.op is not ADD or coefficient.denominator == 1:
        return False
    return any((coefficient * c).denominator == 1 for c in node.attributes["coefficients"])


def average_of(x: Expr, axes: tuple[int, ...], keepdims: bool) -> Expr:
    """The mean of `x`, as ``var`` where `x` holds squared differences from a mean over the same axes."""
    if x.op is CONTRACT and form(x) == ("power", 2) and x.operands[0].op is ADD:
        difference, first_axes = x.operands[0], axes == tuple(range(len(axes)))
        for y in difference.operands:
            centres = [mean(y, axis=axes, keepdims=True), *([mean(y, axis=axes)] if first_axes else [])]
            if any(difference is y - centre for centre in centres):
                return var(y, axis=axes, keepdims=keepdims)
    return mean(x, axis=axes, keepdims=keepdims)


def is_square_sum(x: Expr) -> bool:
    """``sum(v**2)`` over some axes."""
    if x.op is not CONTRACT or form(x).kind != "sum":
        return False
    inner = x.operands[0]
    return inner.op is CONTRACT and form(inner) == ("power", 2)


def is_fill(x: Expr) -> bool:
    return x.op is CONTRACT and not x.operands


def refilled(fill: Expr, order: Labels) -> Expr:
    """A stretched constant with its axes in another order."""
    return broadcast(constant(fill.attributes["coefficient"]), tuple(fill.shape[i] for i in order))


def written_order(factors: list[Expr]) -> list[int]:
    """Scalars that are symbols, then other names by rank, then compounds by rank: ``2*alpha*h*(t - y)``."""

    def key(i: int) -> tuple[bool, int]:
        x = factors[i]
        compound = bool(x.operands) and x.op is not NAMED
        return compound, x.ndim

    return sorted(range(len(factors)), key=key)


def quotient(
    coefficient: Fraction, numerator: Expr | None, denominator: Expr | None, sizes: list[tuple[Expr, Fraction]]
) -> Expr:
    """``p * sizes * numerator / (q * sizes * denominator)`` in the order a person writes it."""
    above, below = size_product(sizes, 1), size_product(sizes, -1)
    p, q = Fraction(coefficient.numerator), coefficient.denominator
    under = denominator
    if below is not None:
        below = size(below.attributes["dim"] * q)
        under, q = below if denominator is None else multiply(below, denominator), 1
    elif denominator is not None:
        under, q = scaled(q, denominator), 1
    if above is not None:
        numerator = above if numerator is None else lead(above, numerator)
    if numerator is None:
        return divide(constant(p), under) if under is not None else constant(coefficient)
    if under is not None:
        return divide(lead(constant(p), numerator), under)
    if abs(p) == 1:
        return scaled(Fraction(1, q), lead(constant(p), numerator))
    return lead(constant(p / q), numerator)


def size_product(sizes: list[tuple[Expr, Fraction]], sign: int) -> Expr | None:
    """The sizes with positive (or negative) exponents as one number."""
    chosen = [f.attributes["dim"] ** abs(int(e)) for f, e in sizes if e * sign > 0]
    return size(sympy.Mul(*chosen)) if chosen else None


def lead(scalar: Expr, product: Expr) -> Expr:
    """A scalar in front of the first factor: ``2*a*b`` is ``(2*a)*b``, as Python reads it."""
    if scalar is constant(1):
        return product
    if product.op is CONTRACT and form(product).kind in ("multiply", "divide", "matmul"):
        (a, la, ea), (b, lb, eb) = factors_of(product)
        scaled_a = lead(scalar, a)
        if scaled_a.shape == a.shape:
            return contract([(scaled_a, la, ea), (b, lb, eb)], product.shape)
    return multiply(scalar, product)
