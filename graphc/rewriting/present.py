"""From the normal form to the matrix notation a person writes: n-ary nodes become trees of named constructors."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import sympy

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD, broadcast, multiply, negative, rational_power, scaled, subtract
from graphc.ops.arithmetic import add as add_
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.defined import norm
from graphc.ops.elementwise import log as logarithm
from graphc.ops.elementwise import maximum, minimum
from graphc.ops.forms import form
from graphc.ops.kronecker import kron
from graphc.ops.layout import CONCAT, stack, without_axis
from graphc.ops.leaves import EYE, NAMED, SIZE, constant, size
from graphc.ops.products import diag, transpose
from graphc.ops.reductions import RESHAPE, WHERE, reduced_axes
from graphc.ops.slicing import PLACE, SLICE, index
from graphc.ops.statistics import STD, VAR
from graphc.rewriting.along import KEEPING, REDUCING, along_axes, flattening
from graphc.rewriting.axes import (
    FEW,
    WHOLE,
    Labels,
    align,
    arranged,
    is_turn,
    is_turned_sum,
    permuted,
    placed,
    turned_sides,
    turns,
)
from graphc.rewriting.axial import average_of, by_axes, by_letters, is_fill, is_square_sum, refilled, stretched, widest
from graphc.rewriting.branches import scaled_inside
from graphc.rewriting.clips import clip_of
from graphc.rewriting.comparisons import COMPARISONS, sides, written
from graphc.rewriting.diagonals import is_diagonal_less_columns, term_by_term
from graphc.rewriting.exponents import EXP
from graphc.rewriting.layouts import row_of_identity, rows_of_identity
from graphc.rewriting.logarithms import Logarithm, joint_logarithms
from graphc.rewriting.matrices import contracted
from graphc.rewriting.order import is_symmetric, mark_symmetric
from graphc.rewriting.quotients import (
    freed,
    one_root,
    quotient,
    scale_by,
    sorted_in,
    spread_denominators,
    whole_numbers,
    whole_terms,
    written_order,
)
from graphc.rewriting.reshapes import kronecker
from graphc.rewriting.signs import (
    Powers,
    absorbs_sign,
    inner_place,
    odd_of_difference,
    sign_bearer_in,
    sign_place,
    squared,
)
from graphc.rewriting.terms import is_constant, is_number, is_small, leading
from graphc.rewriting.turning import inserted, note_faces, permuted_term, turned_around

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
        self.sums: dict[tuple[Expr, Fraction], Expr] = {}
        self.natural: dict[Expr, tuple[Expr, Labels]] = {}
        self.negatives: dict[Expr, Expr | None] = {}
        self.around: set[Expr] = set()
        self.roots: set[Expr] = set()
        self.walked: set[Expr] = set()
        self.uses: Counter[Expr] = Counter()
        self.transposed: set[Expr] = set()  # what something uses transposed
        self.straight_too: set[Expr] = set()  # what something uses as it is

    def present(self, expr: Expr) -> Expr:
        """`expr` (in normal form) over the constructors of the notation."""
        self.look_at([expr])
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

    def look_at(self, exprs: Sequence[Expr]) -> None:
        """Note what the factors in `exprs` say of each other; what was walked over before is known."""
        new = topological(exprs, self.walked)
        self.walked.update(new)
        self.uses.update(o for x in new for o in set(x.operands))
        note_faces(new, self.transposed, self.straight_too)
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
            if is_turned_sum([self.shown[o] for o in node.operands]):
                return self.faced(node, self.permuted_sum(node, (1, 0), ONE), (1, 0))
            return self.sum(node)
        if node.op is RESHAPE and (found := self.kronecker(node)) is not None:
            return found
        if node.op is PLACE:
            found = row_of_identity(node)
            found = rows_of_identity(node) if found is None else found
            if found is not None:
                return found
        if node.op is CONCAT and all(o.shape[node.attributes["axis"]] == 1 for o in node.operands):
            axis = node.attributes["axis"]
            return stack([self.present(without_axis(o, axis)) for o in node.operands], axis)
        if node.op.name in COMPARISONS:
            return self.comparison(node)
        if (clip := clip_of(node)) is not None:
            x, lo, hi = (self.shown[o] for o in clip)
            return minimum(maximum(x, lo), hi)
        orders = {self.natural[o][1] for o in node.operands if o in self.natural}
        if node.op.formula is not None and len(orders) == 1:
            (order,) = orders
            if all(o in self.natural or is_fill(o) for o in node.operands):
                over = tuple(self.natural[o][0] if o in self.natural else refilled(o, order) for o in node.operands)
                return self.faced(node, rebuild(node, over), order)
        if node.op in KEEPING + REDUCING and len(orders) == 1 and not flattening(node):
            return self.along(node, *self.natural[node.operands[0]])
        if node.op.mirror and orders == {(1, 0)}:  # inv((A @ B).T) is inv(A @ B).T
            across = rebuild(node, (self.natural[node.operands[0]][0],))
            return self.faced(node, across, (1, 0)) if node.op.mirror == "turns" else across
        return rebuild(node, tuple(self.shown[o] for o in node.operands))

    def kronecker(self, node: Expr) -> Expr | None:
        """A reshape as a Kronecker product, or as a sum of them."""
        (x,) = node.operands
        if x.op is ADD:
            parts = [self.kronecker(make(RESHAPE, (t,), shape=node.shape)) for t in x.operands]
            if any(part is None for part in parts):
                return None
            terms = [(c, part) for c, part in zip(x.attributes["coefficients"], parts, strict=True) if part is not None]
            first, *rest = sorted(terms, key=lambda term: term[0] < 0)
            start = scaled(*first)
            return functools.reduce(
                lambda total, term: (add_ if term[0] > 0 else subtract)(total, scaled(abs(term[0]), term[1])),
                rest,
                start,
            )
        sides = kronecker(node)
        if sides is None:
            return None
        return scaled(x.attributes["coefficient"], kron(*(self.side(side, node.ndim) for side in sides)))

    def comparison(self, node: Expr) -> Expr:
        """``a > b`` for a - b > 0, unless something else needs that difference too."""
        parts = None if node.operands[0] in self.shared and len(node.operands[0].operands) > 2 else sides(node)
        over = map(self.sum, parts) if parts is not None else (self.shown[o] for o in node.operands)
        return written(node.op.name, *over)

    def along(self, node: Expr, x: Expr, order: Labels) -> Expr:
        """A function along axes of an operand that is naturally written as `x`, its axes in `order`."""
        axes = {a % len(order) for a in reduced_axes(node)}
        places = tuple(i for i, a in enumerate(order) if a in axes)
        if node.op in KEEPING:
            return self.faced(node, make(node.op, (x,), axis=places[0] - len(order)), order)
        kept = sorted(set(order) - axes)
        turned = tuple(kept.index(a) for a in order if a not in axes)
        return self.faced(node, make(node.op, (x,), **{**node.attributes, **along_axes(node, places)}), turned)

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
        if f.op is EXP and e != 1:
            return self.exponential(f, labels, e)
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

    def exponential(self, f: Expr, labels: Labels, e: Fraction) -> tuple[Expr, Labels]:
        """A power of an exponential, ``exp(e*x)``."""
        (x,) = f.operands
        order = self.natural[f][1] if f in self.natural else tuple(range(f.ndim))
        place = {a: i for i, a in enumerate(order)} | {-1: -1}
        pure = x.op is CONTRACT and not summed(x)
        factors = factors_of(x) if pure else [(x, aligned(x.shape, x.shape), ONE)]
        moved = [(g, tuple(place[a] for a in ls), p) for g, ls, p in factors]
        scaled_x = contract(moved, tuple(x.shape[a] for a in order), e * (x.attributes["coefficient"] if pure else ONE))
        return make(EXP, (broadcast(self.inline(scaled_x), scaled_x.shape),)), tuple(labels[i] for i in order)

    def side(self, factors: Powers, rank: int) -> Expr:
        """One side of a Kronecker product."""
        sizes = {x: d for f, labels, _ in factors for x, d in zip(labels, f.shape, strict=True)}
        shape = tuple(sizes.get(i, 1) for i in range(rank))
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
        """A matrix product with its axes in the node's order, for where it stands alone: A.T @ B.T, not (B @ A).T.

        Of three matrices and more it is (C @ B @ A).T.
        """
        group = self.group(node, None)
        found = None if group is None else contracted(group, (0, 1))
        if found is None:
            return fallback
        straight, across = arranged(found, (0, 1)), self.natural[node][0]
        return transpose(across) if turned_sides(straight) > turned_sides(across) + FEW else straight

    def group(self, node: Expr, flipped: int | None) -> list[tuple[Expr, Labels]] | None:
        """The factors of a contraction as they are written: the sum at `flipped` is negated, and in a square both are
        that stand negated elsewhere. None where the factor at `flipped` takes no minus sign.
        """
        factors = factors_of(node)
        places = squared(factors, self.around) if flipped is None else {flipped}
        turned = {i: self.turned_face(*factors[i]) for i in places}
        if None in turned.values():  # a square is turned as a whole or not at all
            if flipped is not None:
                return None
            turned = {}
        group = [turned.get(i) or self.face(*x) for i, x in enumerate(factors)]
        return [group[i] for i in written_order([x for x, _ in group])]

    def bears_sign(self, f: Expr) -> bool:
        return sign_bearer_in(f) is not None and self.oriented(f, flipped=True) is not None

    def turned_face(self, f: Expr, labels: Labels, e: Fraction) -> tuple[Expr, Labels] | None:
        """A factor that bears a minus sign, negated; None for what is written in index notation."""
        if f.op is CONTRACT:
            found = self.oriented(f, flipped=True)
            return None if found is None else (found[0], tuple(labels[a] for a in found[1]))
        negated = self.sum(f, -ONE) if f.op is ADD else self.negated(f)
        assert negated is not None
        return rational_power(negated, e), labels

    def oriented(self, node: Expr, flipped: bool) -> tuple[Expr, Labels] | None:
        """The contraction in matrix notation, its axes in the order that takes the fewest transposes."""
        place = inner_place(factors_of(node)) if flipped else None
        group = self.group(node, place)
        out = tuple(range(node.ndim))
        found = None if group is None else contracted(group, out)
        if group is None or found is None or node.ndim != 2:
            return found
        straight = arranged(found, out), out
        other = contracted(group, out[::-1])
        if other is None:
            return straight
        across = arranged(other, out[::-1]), out[::-1]
        more = turns(across[0]) - turns(straight[0])
        only_across = node in self.transposed and node not in self.straight_too
        return across if more < 0 or (more == 0 and only_across) else straight

    def sum(self, node: Expr, scale: Fraction = ONE) -> Expr:
        """`scale` times a sum, positive terms first. Broadcasts that the sum implies are left out of its terms."""
        found = self.sums.get((node, scale))
        if found is None:
            found = self.sums[node, scale] = self.written_sum(node, scale)
        return found

    def written_sum(self, node: Expr, scale: Fraction) -> Expr:
        terms = [(c * scale, t) for c, t in zip(node.attributes["coefficients"], node.operands, strict=True)]
        total: Expr | None = None
        logs = {log.places[0]: log for log in joint_logarithms(terms, self.shared)}
        later = {i for log in logs.values() for i in log.places[1:]}
        kept = [(log.coefficient if (log := logs.get(i)) else x[0], i) for i, x in enumerate(terms) if i not in later]
        late = {i for c, i in kept if is_small(c, terms[i][1])}  # x - y + 1e-9: what cancels leaves the small number
        if not any(c > 0 for c, i in kept if i not in late):
            late.clear()
            total = self.first_turned([(c, i) for c, i in kept if i not in logs], terms, kept)
        for c, i in sorted(kept, key=lambda x: (x[1] in late, x[0] < 0)):
            t = terms[i][1]
            turned = self.turned_term(t, abs(c)) if c < 0 and total is not None and i not in logs else None
            if turned is not None:
                assert total is not None
                total = add_(total, turned)
                continue
            if i in logs:
                part = scaled(abs(c), self.logarithm(logs[i], node.ndim))
            elif t.op is CONTRACT and (not summed(t) or c.denominator != 1):
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

    def first_turned(
        self, among: list[tuple[Fraction, int]], terms: list[tuple[Fraction, Expr]], kept: list[tuple[Fraction, int]]
    ) -> Expr | None:
        """The first of terms with minus signs that takes its own into a difference, (b - a)*x - y; it leaves `kept`."""
        for c, i in among:
            turned = self.turned_term(terms[i][1], abs(c), numbers=True)
            if turned is not None:
                kept.remove((c, i))
                return turned
        return None

    def turned_term(self, term: Expr, scale: Fraction, *, numbers: bool = False) -> Expr | None:
        """``scale * term`` negated, if a difference in it is turned around by that: y - A @ (b - x) is y + A @ (x - b).

        Not one with a number, 1 - h, unless `numbers` may be, or with an identity, nor one that stands elsewhere too,
        unless it is turned around there.
        """
        if term.op is not CONTRACT or not term.operands:
            return None
        top = [] if summed(term) else [x for x in factors_of(term) if x[2] == 1]
        place = sign_place(top)
        bearer = sign_bearer_in(term) if summed(term) else None if place is None else top[place][0]
        around = bearer in self.around
        if bearer is None or bearer.op is not ADD or (bearer in self.shared and not around):
            return None
        numbers = numbers or around
        if any((is_constant(t) and not numbers) or any(f.op is EYE for f in (t, *t.operands)) for t in bearer.operands):
            return None
        if not summed(term):
            return self.product(contract(factors_of(term), term.shape, -term.attributes["coefficient"]), scale)
        found = self.oriented(term, flipped=True)
        return None if found is None else scaled(scale, arranged(found, tuple(range(term.ndim))))

    def logarithm(self, log: Logarithm, rank: int) -> Expr:
        """The logarithm of a product or a quotient."""
        above, below = (self.joined(x, tuple(range(rank)), None, {}) for x in (log.above, log.below))
        return logarithm(quotient(log.number, above, below, []))

    def product(self, node: Expr, scale: Fraction = ONE) -> Expr:
        """Coefficient, factors, then the denominator: ``2*a*b/c``; broadcasts to the full shape are left out."""
        coefficient: Fraction = node.attributes["coefficient"] * scale
        powers = factors_of(node)
        if not powers:
            return constant(coefficient)
        if node.ndim == 2 and len(powers) == 1 and powers[0][2] == 1 and self.opens_turned(*powers[0][:2]):
            scale = coefficient if whole_terms(powers[0][0], coefficient) else ONE if coefficient > 0 else -ONE
            return scaled(coefficient / scale, self.permuted_sum(powers[0][0], (1, 0), scale))
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
        if is_diagonal_less_columns(powers):
            return self.diagonal_first(node, powers, coefficient)
        delta = next((x for x in powers if x[0].op is EYE and x[1][0] != x[1][1]), None)
        if delta is not None:
            return self.with_delta(node, delta, coefficient)
        coefficient, powers = self.freed(coefficient, powers)
        coefficient, powers = self.averaged(coefficient, self.over_variances(powers))
        coefficient, scales = whole_numbers(coefficient, powers)
        sizes = [(f, e) for f, _, e in powers if f.op is SIZE and e.denominator == 1]
        rest = [x for x in powers if not (x[0].op is SIZE and x[2].denominator == 1)]
        top = [(f, ls, e) for f, ls, e in rest if e > 0]
        flipped = self.sign_bearer(top) if coefficient < 0 else None
        if flipped is not None:
            coefficient = -coefficient
        order = tuple(range(node.ndim))
        below = [x for x in rest if x[2] < 0]
        if {ls for _, ls, _ in top if ls} == {(0,), (1,)}:  # outer(a/q, b), not outer(a, b)/q[:, None]
            top += [x for x in below if x[1] in ((0,), (1,))]
            below = [x for x in below if x not in top]
        numerator = self.joined(top, order, flipped, scales, node.shape)
        denominator = self.joined([(f, ls, -e) for f, ls, e in below], order, None, scales, node.shape)
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
        if odd_of_difference(f):
            return rebuild(f, (self.sum(f.operands[0], -ONE),))
        clip = clip_of(f)
        if clip is not None and clip.is_odd() and absorbs_sign(clip.x, (), ONE):
            return minimum(maximum(self.sum(clip.x, -ONE), self.shown[clip.lo]), self.shown[clip.hi])
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
        if turned.op is not CONTRACT or summed(turned):
            return self.shown[turned]
        top = [factor for factor in factors_of(turned) if factor[2] > 0]
        if turned.attributes["coefficient"] < 0 and self.sign_bearer(top) is None:
            return None
        return self.product(turned)

    def joined(
        self, powers: Powers, order: Labels, flipped: int | None, scales: dict[Expr, Fraction], shape: Shape = ()
    ) -> Expr | None:
        """The elementwise product of powers; the one at `flipped` is written negated."""
        if not powers:
            return None
        group = []
        for i, (f, labels, e) in enumerate(powers):
            if i != flipped and f in scales:
                group.append((rational_power(self.sum(f, Fraction(scales[f])), e), labels))
            elif i != flipped and e == 1 and self.is_turned_twin(f, powers):
                group.append(self.turned_face(f, labels, e) or self.face(f, labels, e, shape))
            elif i != flipped:
                group.append(self.face(f, labels, e, shape))
            elif f.op is ADD:
                group.append((rational_power(self.sum(f, Fraction(-scales.get(f, 1))), e), labels))
            else:
                turned = self.turned_face(f, labels, e)
                assert turned is not None  # as `sign_bearer` has found
                group.append(turned)
        group = one_root(group)
        return placed([group[i] for i in written_order([x for x, _ in group])], order)

    def is_turned_twin(self, f: Expr, powers: Powers) -> bool:
        """Whether a factor stands twice, outer(x - m, x - m), with a difference that stands negated elsewhere."""
        bearer = f if f.op is ADD else sign_bearer_in(f)
        return bearer in self.around and [g for g, _, _ in powers].count(f) == 2

    def freed(self, coefficient: Fraction, powers: Powers) -> tuple[Fraction, Powers]:
        """Sums of whole numbers in matrix products, and selections, with the coefficient in them: X.T @ (2*x + 1)."""
        found: Powers = []
        for f, labels, e in powers:
            whole: tuple[Fraction | int, Expr] | None = freed(f, coefficient) if e == 1 else None
            if f.op is WHERE and e == 1 and f not in self.shared and abs(coefficient) != 1:
                inside = scaled_inside(f, abs(coefficient))
                whole = None if inside is None else (abs(coefficient), inside)
            if whole is None:
                found.append((f, labels, e))
                continue
            coefficient /= whole[0]
            self.present(whole[1])
            found.append((whole[1], labels, e))
        return coefficient, found

    def over_variances(self, powers: Powers) -> Powers:
        """Sums of squared differences from a mean in a denominator as variances: a sum above becomes a mean.

        Not beside a sum that something else needs as well.
        """
        if any(e > 0 and self.uses[f] > 1 and f.op is CONTRACT and summed(f) for f, _, e in powers):
            return powers
        found: Powers = []
        for f, labels, e in powers:
            shown = self.shown[f]
            if e >= 0 or e.denominator != 1 or not is_square_sum(shown):
                found.append((f, labels, e))
                continue
            axes, keepdims = form(shown).detail
            average = average_of(shown.operands[0], axes, keepdims)
            sizes = [shown.operands[0].shape[a] for a in axes]
            if average.op is not VAR or not all(isinstance(d, sympy.Symbol) for d in sizes):
                found.append((f, labels, e))
                continue
            self.shown[average] = average
            found.append((average, labels, e))
            for d in sizes:
                before = next((i for i, (x, _, _) in enumerate(found) if x is size(d)), None)
                power = e if before is None else e + found.pop(before)[2]
                found += [(size(d), (), power)] if power else []
        return found

    def averaged(self, coefficient: Fraction, powers: Powers) -> tuple[Fraction, Powers]:
        """Sums over axes divided by their sizes become means."""
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
            rest = [(x, ls, p + needed.get(x, 0)) for j, (x, ls, p) in enumerate(powers) if j != i]
            if rest and any(p for *_, p in rest) and all(x.op is SIZE and p <= 0 for x, _, p in rest):
                continue  # one product, 2*sum(e)/(k*n), for two operations, 2*mean(e)/k
            if share < 0 and e % 2 and self.bears_sign(f) and not any(absorbs_sign(*x) for x in powers):
                turned = self.turned_face(f, tuple(range(f.ndim)), ONE)
                if turned is not None and turned[0].op is CONTRACT and form(turned[0]) == form(shown):
                    shown, share = turned[0], -share
            average = average_of(shown.operands[0], axes, keepdims)
            average = average if key is None else index(average, key)
            self.shown[average] = average
            return self.averaged(share, sorted_in(rest, (average, labels, e), i))
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
        order = min(orders if total.ndim < WIDE else orders[:1], key=lambda o: inserted(total, o, self.natural))
        return self.permuted_sum(total, order, scale), tuple(labels[i] for i in order)

    def opens_turned(self, total: Expr, labels: Labels) -> bool:
        """Whether a transposed sum is as short term by term: A.T - outer(x, y), but (A + B).T."""
        if total.op is not ADD or total.ndim != 2 or labels != (1, 0):
            return False
        return inserted(total, (1, 0), self.natural) <= inserted(total, (0, 1), self.natural) + 1

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

    def diagonal_first(self, node: Expr, powers: Powers, coefficient: Fraction) -> Expr:
        """A vector times an identity less a column, term by term: ``diag(p) - outer(p, p)``."""
        scalars = [x for x in powers if not x[0].ndim]
        front = self.inline(contract(scalars, (), abs(coefficient)))
        return scale_by(front, self.sum(term_by_term(powers, node.shape), Fraction(-1 if coefficient < 0 else 1)))

    def with_delta(self, node: Expr, delta: tuple[Expr, Labels, Fraction], coefficient: Fraction) -> Expr:
        """A leftover identity stays outside: ``diag(v)``, or a product with ``eye(n)``."""
        rest = [x for x in factors_of(node) if x != delta]
        along = {x for _, ls, _ in rest for x in ls}
        if node.ndim == 2 and len(along) == 1 and along <= set(delta[1]):
            (row,) = along
            vector = contract([(f, tuple(0 for _ in ls), e) for f, ls, e in rest], (node.shape[row],), coefficient)
            return diag(broadcast(self.inline(vector), vector.shape))
        order = tuple(range(node.ndim))
        identity = align(self.shown[delta[0]], delta[1], order)
        if all(not f.ndim for f, _, _ in rest):
            return scale_by(self.inline(contract(rest, (), coefficient)), identity)
        return multiply(self.inline(contract(rest, node.shape, coefficient)), identity)
