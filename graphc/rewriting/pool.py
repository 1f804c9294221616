"""One product while it is put together: factors merged, deltas resolved, sums split into connected contractions."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import sympy

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, make, topological
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, broadcast, rational_power
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, is_sum, summed
from graphc.ops.leaves import CONSTANT, EYE, PARAMETER, SIZE, SYMBOL, constant
from graphc.ops.linalg import INV, SOLVE
from graphc.ops.reductions import RESHAPE
from graphc.rewriting.cost import operations
from graphc.rewriting.engine import Engine, Known, Step, law
from graphc.rewriting.fractions import cleared, divided, is_over_a_letter
from graphc.rewriting.inverses import cancelling, holds_inverse, undoes
from graphc.rewriting.order import Factor, Labels, factor_key, is_symmetric, number_labels
from graphc.rewriting.powers import nonnegative, open_power, rational_root, reduce_power, settled_root
from graphc.rewriting.reciprocals import met_reciprocal
from graphc.rewriting.reshapes import joint, taken_apart
from graphc.rewriting.selects import EQUAL, NOT_EQUAL, STEP, indicator
from graphc.rewriting.terms import (
    FLATTEN,
    LONG,
    Entries,
    is_long,
    leading,
    number_of,
    view,
    written,
)
from graphc.rewriting.termwise import (
    averages_a_shift,
    cancels,
    is_diagonal,
    is_dyadic,
    is_lone_diagonal,
    meets_delta,
    meets_its_norm,
    settled,
    terms_of,
    thin_place,
    varies_apart,
)

CLEAR = law("clear", "a/(b/c + d) = a c/(b + c d)")
DIVIDE = law("fractions", "(a b)/a = b for sums, multiplied out: (x**2 - y**2)/(x - y) = x + y")
SPREAD = law("distribute", "a (b + c) = a b + a c, where factors cancel")
OUTER = law("distribute", "a sum of outer products, term by term")
DELTA = law("delta", "a sum over a delta is one of its terms")
SHIFT = law("distribute", "sum(p (x + c)) = sum(p x) + c")
TERMWISE = law("distribute", "a sum of a sum, term by term")
ROOTS = law("powers", "(a b)**c = a**c b**c where nothing is negative")
SIGNS = law("powers", "s**2 = 1 for s in {-1, 1}")
BITS = law("powers", "b**2 = b for b in {0, 1}")
MIRROR = law("symmetric", "a symmetric matrix is its transpose")


class Pool:
    """The factors of one product while it is put together. Summed labels are numbered from -2 downwards."""

    def __init__(self, engine: Engine, coefficient: Fraction, shape: Shape) -> None:
        self.engine = engine
        self.coefficient = coefficient
        self.shape = shape
        self.entries: Entries = {}
        self.sizes: dict[int, Dim] = {}
        self.roots: dict[Fraction, Fraction] = {}
        self.next = -2

    def fresh(self, dim: Dim) -> int:
        label = self.next
        self.next -= 1
        self.sizes[label] = dim
        return label

    def extend(self, factors: Iterable[Factor]) -> None:
        """Add factors of a node whose labels >= rank are summed."""
        rank = len(self.shape)
        rename: dict[int, int] = {}
        own = []
        for f, labels, e in factors:
            for dim, x in zip(f.shape, labels, strict=True):
                if x >= rank and x not in rename:
                    rename[x] = self.fresh(dim)
            own.append((f, tuple(rename.get(x, x) for x in labels), e))
        self.add_all(own)

    def add_all(self, factors: list[Factor]) -> None:
        stack = factors[::-1]
        while stack:
            f, labels, e = stack.pop()
            if f.op is CONSTANT:
                self.add_number(f, e)
            elif f.op is SIZE:
                self.add_size(f.attributes["dim"], e)
            elif f.op in (EQUAL, NOT_EQUAL) and (found := indicator(f)) is not None:
                stack.append((self.engine.normal(found[0]), labels, e))
                self.engine.steps.append(STEP.step(f, found[0], found[1]))
            elif is_long(f) and e.denominator == 1:
                c, core = leading(f)
                self.coefficient *= c**e.numerator
                self.merge(core, labels, e)
            elif f.op is CONTRACT and not is_sum(f):
                opened = open_power(f, e)
                if opened is None:
                    self.merge(f, labels, e)
                    continue
                c, inner = opened
                if e.denominator != 1:
                    self.engine.steps += root_taken(f, e, c, inner)
                self.coefficient *= c
                stack += [(g, tuple(labels[x] if x >= 0 else -1 for x in ls), p) for g, ls, p in reversed(inner)]
            else:
                self.merge(f, labels, e)

    def add_number(self, f: Expr, e: Fraction) -> None:
        value = f.attributes["value"]
        root = rational_root(value, e)
        if root is not None:
            self.coefficient *= root
        elif value > 0 and e.denominator != 1:
            whole = e.numerator // e.denominator
            self.coefficient *= value**whole
            self.roots[e - whole] = self.roots.get(e - whole, ONE) * value
        else:
            self.merge(f, (), e)

    def settle_roots(self) -> None:
        """One root of a whole number for each fractional power: sqrt(2) sqrt(6) is 2 sqrt(3)."""
        for e, value in self.roots.items():
            outside, base = settled_root(value, e)
            self.coefficient *= outside
            if base != 1:
                self.merge(constant(base), (), e)
        self.roots = {}

    def add_size(self, dim: Dim, e: Fraction) -> None:
        """Sizes multiply: n*d is n times d, 2*n twice n; under a root, where no factor can be negative."""
        parts = sympy.Mul.make_args(sympy.sympify(dim))
        if e.denominator != 1 and not all(part.is_nonnegative for part in parts):
            self.merge(make(SIZE, (), dim=dim), (), e)
            return
        for part in parts:
            base, power = part.as_base_exp()
            if part.is_Integer:
                self.add_number(constant(int(part)), e)
            elif power.is_Integer and (e.denominator == 1 or base.is_nonnegative):
                self.merge(make(SIZE, (), dim=base), (), e * int(power))
            else:
                self.merge(make(SIZE, (), dim=part), (), e)

    def merge(self, f: Expr, labels: Labels, e: Fraction) -> None:
        if len(labels) == 2 and labels[0] > labels[1] >= 0 and is_symmetric(f):
            self.engine.steps += symmetry(f)
            labels = labels[::-1]
        key = (f, labels)
        total = self.entries.get(key, Fraction(0)) + e
        power = reduce_power(f, total)
        if power != total:
            self.engine.steps.append(power_reduced(f, total, power))
        if power == 0:
            self.entries.pop(key, None)
        else:
            self.entries[key] = power

    def resolve_deltas(self) -> None:
        """Deltas unify labels and disappear; one between two output labels stays."""
        settled: set[Labels] = set()
        while True:
            delta = next((key for key in self.entries if key[0].op is EYE and key[1] not in settled), None)
            if delta is None:
                if self.cancelled():
                    continue
                return
            i, j = sorted(delta[1], reverse=True)  # output labels before summed ones
            del self.entries[delta]
            if i == j:
                continue
            if j < -1:
                self.relabel(j, i)
            else:
                i, j = j, i  # both are outputs: i < j
                self.relabel(j, i)
                self.entries[delta[0], (i, j)] = ONE
                settled.add((i, j))

    def cancelled(self) -> bool:
        """Take out two factors that cancel, an inverse and its matrix; whether there were any."""
        found = cancelling(self.entries)
        if found is None:
            return False
        factors = [(*key, self.entries.pop(key)) for key in found.gone]
        if found.result is None:
            ((g, labels, _),) = factors
            self.add_all(self.opened(g, labels))
            return True
        f, labels = found.result
        stays = found.exponent != 1  # what is summed over is so afterwards
        for x in () if stays else found.labels:
            self.sizes.pop(x)
        kept = [x for x in dict.fromkeys(labels) if x not in found.labels]
        place = {x: i for i, x in enumerate([*kept, *found.labels])} | {-1: -1}
        sizes = {x: d for g, ls, _ in factors for x, d in zip(ls, g.shape, strict=True)}
        shape = tuple(1 if x == -1 else sizes[x] for x in kept)
        told = stays or not {*found.labels} & {*labels}
        if found.law and told and all(x in place for _, ls, _ in factors for x in ls):
            before = contract([(g, [place[x] for x in ls], e) for g, ls, e in factors], shape)
            after = contract([(f, [place[x] for x in labels], found.exponent)], shape)
            self.engine.steps.append(found.law.step(before, after, found.facts))
        self.add_all([(self.engine.normal(f), labels, found.exponent)])
        return True

    def relabel(self, old: int, new: int) -> None:
        entries, self.entries = self.entries, {}
        self.sizes.pop(old, None)
        for (f, labels), e in entries.items():
            self.merge(f, tuple(new if x == old else x for x in labels), e)

    def finish(self) -> Expr:
        """Split off what is outside each sum, make the contractions, and assemble the pure product."""
        self.settle_roots()
        apart = self.unmerged()
        if apart is not None:
            return apart
        for group in components(self.entries):
            f, labels, e = group[0]
            if len(group) == 1 and e == 1 and f.op is CONTRACT and summed(f) and reduces(labels):
                del self.entries[f, labels]  # a sum, trace or diagonal of a contraction is one contraction
                self.add_all(self.opened(f, labels))
                self.resolve_deltas()
                return self.finish()
        if self.diagonals_opened():
            return self.finish()
        carried = {x for _, labels in self.entries for x in labels}
        for label, dim in self.sizes.items():
            if label not in carried:
                self.add_number(constant(dim), ONE) if isinstance(dim, int) else self.add_size(dim, ONE)
        if self.coefficient == 0:
            return broadcast(constant(0), self.shape)
        outside: list[Factor] = []
        for group in components(self.entries):
            if not outer_labels(group):
                outside.append(self.contraction(group))
            else:
                outside += group
        if all((x[0].op is CONTRACT and summed(x[0])) or (x[0], x[1]) in self.entries for x in outside):
            return self.assemble(outside)
        again = Pool(self.engine, self.coefficient, self.shape)
        again.add_all(outside)
        again.resolve_deltas()
        return again.finish()

    def diagonals_opened(self) -> bool:
        """Take the diagonal of a product of matrices, or of a sum, before anything else: x*diag(A @ B), no A @ B."""
        for (f, labels), e in list(self.entries.items()):
            product, total = f.op is CONTRACT and summed(f), f.op is ADD and len(f.operands) <= FLATTEN
            trace = max(labels, default=0) < 0 and not any(
                x in ls for x in labels for g, ls in self.entries if g is not f
            )
            if not is_diagonal(labels) or not (product or (total and not trace)):
                continue
            del self.entries[f, labels]
            distinct = tuple(dict.fromkeys(labels))
            shape = tuple(f.shape[labels.index(x)] for x in distinct)
            own = tuple(distinct.index(x) for x in labels)
            parts = [self.engine.product(ONE, [(t, own, ONE)], shape) for t in ((f,) if product else f.operands)]
            coefficients = (ONE,) if product else f.attributes["coefficients"]
            self.add_all([(self.engine.sum(zip(coefficients, parts, strict=True), shape), distinct, e)])
            return True
        return False

    def unmerged(self) -> Expr | None:
        """The product over the parts of a merged label that is summed, with merged output axes put together again."""
        if not any(
            f.op is RESHAPE or (f.op is ADD and any(t.op is RESHAPE for t in f.operands)) for f, _ in self.entries
        ):
            return None
        rank = len(self.shape)
        factors = [
            (joint(f, self.engine.reshaped), tuple(rank - 2 - x if x < -1 else x for x in labels), e)
            for (f, labels), e in self.entries.items()
        ]
        apart = taken_apart(factors, self.shape)
        if apart is None:
            return None
        inner = self.engine.product(self.coefficient, *apart)
        return self.engine.reshaped(inner, self.shape)

    def contraction(self, group: list[Factor]) -> Factor:
        """One connected contraction in canonical form, with the labels of its axes."""
        ordered, free = number_labels(group)
        self.engine.steps += [step for f in turned_symmetric(group, ordered, free) for step in symmetry(f)]
        sizes = {x: d for f, labels, _ in ordered for x, d in zip(labels, f.shape, strict=True)}
        node = contract(ordered, tuple(sizes[i] for i in range(len(free))))
        made, memo = self.engine.contractions, self.engine.memo
        if node not in made and not self.engine.effort.allows(len(group)):
            made[node] = memo[node] = node
        if node not in made:
            result = self.engine.rewritten(node)
            if result is node:
                found = met_reciprocal(self.engine, node)
                result = self.distributed(node) if found is None else found
            made[node] = made[result] = memo[node] = memo[result] = result
        return made[node], free, ONE

    def opened(self, node: Expr, labels: Labels) -> list[Factor]:
        """The factors of a contraction under the labels its axes have here."""
        sizes = {x: d for f, ls, _ in factors_of(node) for x, d in zip(ls, f.shape, strict=True)}
        rename = {x: labels[x] if x < node.ndim else self.fresh(sizes[x]) for x in sizes if x >= 0} | {-1: -1}
        return [(f, tuple(rename[x] for x in ls), e) for f, ls, e in factors_of(node)]

    def cleared(self, entries: Entries) -> Expr | None:
        """The product without fractions inside a denominator."""
        factors = cleared(self.engine, entries)
        if factors is None:
            return None
        plain = pure(self.coefficient, [(*k, p) for k, p in entries.items()], self.shape)
        result = self.engine.product(self.coefficient, factors, self.shape)
        self.engine.steps.append(CLEAR.step(plain, result))
        return result

    def divided(self, entries: Entries) -> Expr | None:
        """The product without a denominator that divides a sum above it, where that costs no more."""
        factors = divided(self.engine, entries)
        if factors is None:
            return None
        plain = pure(self.coefficient, [(*k, p) for k, p in entries.items()], self.shape)
        result = self.engine.product(self.coefficient, factors, self.shape)
        if self.engine.effort.excess(result, plain) > 0:
            return None
        self.engine.steps.append(DIVIDE.step(plain, result))
        return result

    def spread(self, entries: Entries) -> Expr | None:
        """A product over a sum, term by term, where factors cancel and that costs less: p*(s - t/p) is p*s - t."""
        for key, e in entries.items():
            total, labels = key
            if total.op is not ADD or e != 1 or not cancels(entries, key) or is_over_a_letter(*key, entries):
                continue
            rest = [(*k, p) for k, p in entries.items() if k != key]
            if not self.engine.effort.allows(len(total.operands) * len(entries)):
                return None
            terms = [
                (c, self.engine.product(self.coefficient, [*rest, (t, labels, ONE)], self.shape))
                for c, t in zip(total.attributes["coefficients"], total.operands, strict=True)
            ]
            result = self.engine.sum(terms, self.shape)
            plain = pure(self.coefficient, [(*k, p) for k, p in entries.items()], self.shape)
            sign, unsigned = leading(result)  # -(1 - x/y) is written x/y - 1
            more = self.engine.effort.excess(unsigned if sign == -1 else result, plain)
            if more < 0 or (more == 0 and written(result) <= written(plain)):
                self.engine.steps.append(SPREAD.step(plain, result))
                return result
        return None

    def spread_below(self, entries: Entries) -> Expr | None:
        """The same in a denominator."""
        below = {key: -e for key, e in entries.items() if e < 0}
        if not any(key[0].op is ADD and e == 1 and cancels(below, key) for key, e in below.items()):
            return None
        denominator = self.engine.product(ONE, [(*key, e) for key, e in below.items()], self.shape)
        if denominator.op is CONTRACT and len(denominator.operands) >= len(below):
            return None
        rest = [(*key, e) for key, e in entries.items() if e > 0]
        whole = (denominator, aligned(self.shape, self.shape), -ONE)
        return self.engine.product(self.coefficient, [*rest, whole], self.shape)

    def distributed(self, node: Expr) -> Expr:
        """The sum of a sum, term by term, where that costs less (sum(p - t) is 0 for two distributions).

        A delta in a term that meets a summed label makes its term one without that sum. Beside a full matrix it
        stays as it is written, (A A^T - I) A; beside vectors, (I - x x^T) A, and in arrays of more axes the delta goes,
        so that no matrix is made that the operands do not have.
        """
        factors = factors_of(node)
        if len(factors) == 1 and factors[0][0].op is ADD and factors[0][2] == 1 and is_diagonal(factors[0][1]):
            split, _ = self.split(node, 0)  # a trace: no entries are added that it does not see
            self.engine.steps.append(TERMWISE.step(node, split))
            return split
        place = next((i for i, x in enumerate(factors) if meets_delta(*x, node.ndim)), None)
        thin = None if place is not None else thin_place(factors, node.ndim)
        if thin is not None:
            split, _ = self.split(node, thin)
            self.engine.steps.append(OUTER.step(node, split))
            return split
        if place is not None:
            split, _ = self.split(node, place)
            total = factors[place][0]
            full = total.ndim == 2 and not all(is_dyadic(t) for t in total.operands)
            if full and self.engine.effort.excess(split, node) >= 0:
                return node
            self.engine.steps.append(DELTA.step(node, split))
            return split
        if averages_a_shift(factors):
            split, parts = self.split(node, next(i for i, (f, _, _) in enumerate(factors) if f.op is ADD))
            if any(number_of(t) is not None for t in parts):
                self.engine.steps.append(SHIFT.step(node, split))
                return split
        if any(undoes(f) or (f.op is ADD and any(map(holds_inverse, f.operands))) for f in node.operands):
            return self.cancelling_terms(node)
        normed = next((i for i in range(len(factors)) if meets_its_norm(factors, i, node.ndim)), None)
        if normed is not None:
            split, _ = self.split(node, normed)
            if self.engine.effort.excess(split, node) > 1:  # a root of one number, for a sum over all entries
                return node
            self.engine.steps.append(SPREAD.step(node, split))
            return split
        if len(factors) != 1 or factors[0][0].op is not ADD or factors[0][2] != 1:
            return node
        split, parts = self.split(node, 0)
        more = self.engine.effort.excess(split, node)
        apart = (more < 2 and varies_apart(factors[0][0])) or any(map(is_lone_diagonal, factors[0][0].operands))
        vanished = len(terms_of(split)) < len(parts) or any(map(settled, factors[0][0].operands, parts))
        if not apart and (more >= 0 or not vanished):
            return node
        self.engine.steps.append(TERMWISE.step(node, split))
        return split

    def cancelling_terms(self, node: Expr) -> Expr:
        """An inverse, or an orthogonal matrix, times a sum, term by term, where that costs less: inv(A) (A x - b)."""
        partners = {f.operands[0] if f.op is INV else f for f in node.operands if undoes(f)}
        for place, (f, _, e) in enumerate(factors_of(node)):
            if f.op is not ADD or e != 1:
                continue
            met = any(not partners.isdisjoint(view(leading(t)[1])[0].operands) for t in f.operands)
            if met or any(self.cancels(node, place, t) for t in f.operands if holds_inverse(t)):
                split, parts = self.split(node, place)
                cores = [leading(part)[1] for part in parts]
                cancelled = any((x.op is not CONTRACT or not is_sum(x)) and x.op is not EYE for x in cores)
                less = operations([split], pairwise=True) < operations([node], pairwise=True)
                if less or (cancelled and self.engine.effort.excess(split, node) <= 0):
                    self.engine.steps.append(SPREAD.step(node, split))
                    return split
        return node

    def cancels(self, node: Expr, place: int, term: Expr) -> bool:
        """Whether an inverse in a term of the sum at `place` cancels with the other factors of a contraction."""
        factors = factors_of(node)
        _, labels, e = factors[place]
        part = self.engine.product(ONE, [*factors[:place], (term, labels, e), *factors[place + 1 :]], node.shape)
        return not any(x.op in (INV, SOLVE) for x in topological([part]))

    def split(self, node: Expr, place: int) -> tuple[Expr, list[Expr]]:
        """A contraction over the sum at `place`, term by term, and its terms."""
        factors = factors_of(node)
        total, labels, _ = factors[place]
        parts = [
            self.engine.product(ONE, [*factors[:place], (t, labels, ONE), *factors[place + 1 :]], node.shape)
            for t in total.operands
        ]
        return self.engine.sum(zip(total.attributes["coefficients"], parts, strict=True), node.shape), parts

    def assemble(self, factors: list[Factor]) -> Expr:
        merged: Entries = {}
        for f, labels, e in factors:
            merged[f, labels] = merged.get((f, labels), Fraction(0)) + e
        if len(merged) < len(factors):
            again = Pool(self.engine, self.coefficient, self.shape)
            again.add_all([(*key, e) for key, e in merged.items()])
            return again.finish()
        if len(merged) > 2 * LONG:
            return self.in_blocks(merged)
        self.coefficient = whole_roots(self.coefficient, merged)
        may = self.engine.effort.allows(len(merged))
        for spread in (self.cleared, self.divided, self.spread, self.spread_below) if may else ():
            result = spread(merged)
            if result is not None:
                return result
        node = pure(self.coefficient, [(*key, e) for key, e in merged.items()], self.shape)
        return self.engine.rewritten(node) if may and node.op is CONTRACT else node

    def in_blocks(self, entries: Entries) -> Expr:
        """A product of very many factors as a product of long products, so that its gradients share them."""
        factors = in_order([(*key, e) for key, e in entries.items()])
        blocks = -(-len(factors) // (2 * LONG))
        bounds = [len(factors) * i // blocks for i in range(blocks + 1)]
        parts: list[Factor] = []
        for start, end in pairwise(bounds):
            block = factors[start:end]
            carried = sorted({x for _, labels, _ in block for x in labels if x >= 0})
            place = {x: i for i, x in enumerate(carried)} | {-1: -1}
            moved = [(f, tuple(place[x] for x in labels), e) for f, labels, e in block]
            parts.append((self.engine.product(ONE, moved, tuple(self.shape[x] for x in carried)), tuple(carried), ONE))
        return self.engine.product(self.coefficient, parts, self.shape)


def in_order(factors: list[Factor]) -> list[Factor]:
    """The factors of a product in their canonical order."""
    return sorted(factors, key=lambda x: (factor_key(x[0]), x[1], x[2]))


def whole_roots(coefficient: Fraction, merged: Entries) -> Fraction:
    """The coefficient without what roots of whole numbers take of it: 2/sqrt(2) is sqrt(2), sqrt(2)/2 is 1/sqrt(2)."""
    for key, e in list(merged.items()):
        base = number_of(key[0]) if key[0].op is CONSTANT else None
        if base is None or base.denominator != 1 or base <= 1 or e.denominator == 1:
            continue
        power = e
        while power < 0 and coefficient and coefficient.numerator % base.numerator == 0:
            coefficient, power = coefficient / base, power + 1
        while power > 0 and coefficient.denominator % base.numerator == 0:
            coefficient, power = coefficient * base, power - 1
        merged[key] = power
    return coefficient


def pure(coefficient: Fraction, factors: list[Factor], shape: Shape) -> Expr:
    """A product without sums over sorted factors; a bare factor stays itself."""
    if not factors:
        return broadcast(constant(coefficient), shape)
    if len(factors) == 1 and coefficient == 1:
        f, labels, e = factors[0]
        if e == 1 and f.shape == shape and labels == aligned(shape, shape):
            return f
    return contract(in_order(factors), shape, coefficient)


def root_taken(f: Expr, e: Fraction, coefficient: Fraction, inner: list[Factor]) -> list[Step]:
    """The step of a root taken factor by factor, if a fact of a symbol is what allows it."""
    facts = tuple(Known(Fact("nonnegative"), g) for g in f.operands if g.op in (SYMBOL, PARAMETER) and nonnegative(g))
    if not facts:
        return []
    before, after = rational_power(f, e), contract(inner, f.shape, coefficient)
    return [ROOTS.step(before, after, facts)]


def power_reduced(f: Expr, power: Fraction, reduced: Fraction) -> Step:
    """The use of the two values that the entries of `f` can have."""
    used, two = (SIGNS, "sign") if Fact("sign") in f.op.facts(f) else (BITS, "binary")
    return used.step(rational_power(f, power), rational_power(f, reduced), (Known(Fact(two), f),))


def symmetry(f: Expr) -> list[Step]:
    """The step that takes a symmetric matrix for its transpose."""
    mirrored = contract([(f, (1, 0), ONE)], f.shape[::-1])
    return [MIRROR.step(mirrored, f, (Known(Fact("symmetric"), f),))]


def turned_symmetric(group: list[Factor], ordered: list[Factor], free: Labels) -> list[Expr]:
    """The symmetric matrices of a contraction that was numbered with their labels exchanged."""
    given = {f: ls for f, ls, _ in group if is_symmetric(f)}
    found = []
    for f, ls, _ in ordered:
        if f in given and any(x < len(free) and free[x] != given[f][i] for i, x in enumerate(ls) if x >= 0):
            found.append(f)
    return found


def reduces(labels: Labels) -> bool:
    """Whether an array is summed, or its diagonal taken."""
    named = [x for x in labels if x >= 0]
    return len(set(named)) < len(named) or any(x < -1 for x in labels)


def outer_labels(group: list[Factor]) -> bool:
    """Whether nothing in `group` is summed."""
    return not any(x < -1 for _, labels, _ in group for x in labels)


def components(entries: Entries) -> list[list[Factor]]:
    """Factors grouped by shared summed labels; those with none stand alone."""
    groups: list[tuple[set[int], list[Factor]]] = []
    for (f, labels), e in entries.items():
        bound = {x for x in labels if x < -1}
        mine: tuple[set[int], list[Factor]] = (bound, [(f, labels, e)])
        if not bound:
            groups.append(mine)
            continue
        apart = []
        for group in groups:
            if group[0] & bound:
                mine = (mine[0] | group[0], group[1] + mine[1])
                bound = mine[0]
            else:
                apart.append(group)
        groups = [*apart, mine]
    return [members for _, members in groups]
