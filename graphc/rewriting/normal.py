"""The normal form: n-ary products and sums in canonical order, with rewrite rules applied as nodes are built.

A product is either *pure* (no summed labels: coefficient, powers of factors, one of which may be a contraction) or a
*contraction* (coefficient 1, factors connected through summed labels). Pure products flatten into whatever
consumes them; contractions do not flatten into contractions, so that a shared cotangent stays shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, isqrt, lcm

import sympy

from graphc.ir.dims import Dim, Shape
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.elementwise import absolute
from graphc.ops.leaves import CONSTANT, EYE, NAMED, SIZE, constant
from graphc.rewriting.cost import operations
from graphc.rewriting.order import Factor, Labels, factor_key, number_labels, term_key

FLATTEN = 8  # nested sums up to this many terms are merged; larger shared sums (deep residual nets) stay operands


@dataclass(frozen=True)
class Step:
    """One application of a rule: its name and reason, the expression before and after, the facts it used."""

    rule: str
    reason: str
    before: Expr
    after: Expr
    facts: tuple[str, ...] = ()


Rewriter = Callable[["Normalizer", Expr], "tuple[Expr, Step] | None"]


@dataclass
class Normalizer:
    """Normal forms under a set of rules, memoized; `steps` records every rule that was applied."""

    rewriters: Callable[[Expr], Iterable[Rewriter]] | None = None
    memo: dict[Expr, Expr] = field(default_factory=dict)
    names: dict[Expr, Expr] = field(default_factory=dict)
    known: dict[Expr, Expr] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def normal(self, expr: Expr) -> Expr:
        """The normal form of `expr`."""
        if expr in self.memo:
            return self.memo[expr]
        for node in topological([expr]):
            if node not in self.memo:
                result = self.build(node, tuple(self.memo[o] for o in node.operands))
                self.memo[node] = result
                self.memo[result] = result
                if node.op is NAMED:
                    self.names.setdefault(result, node)
        return self.memo[expr]

    def build(self, node: Expr, operands: tuple[Expr, ...]) -> Expr:
        """The normal form of `node` over operands that are in normal form."""
        op = node.op
        if op is NAMED:
            return operands[0]
        if op is CONTRACT:
            labels, exponents = node.attributes["labels"], node.attributes["exponents"]
            factors = list(zip(operands, labels, exponents, strict=True))
            return self.product(node.attributes["coefficient"], factors, node.shape)
        if op is ADD:
            return self.sum(list(zip(node.attributes["coefficients"], operands, strict=True)), node.shape)
        if op is SIZE:
            return self.product(ONE, [(node, (), ONE)], ())
        if op.opens:
            assert op.body is not None
            return self.normal(op.body(rebuild(node, operands)))
        if node.attributes.get("keepdims"):
            reduced = self.rewritten(make(op, operands, **{**node.attributes, "keepdims": False}))
            axes = node.attributes["axis"]
            labels = tuple(-1 if d == 1 else i for i, d in enumerate(operands[0].shape) if i not in axes)
            return self.product(ONE, [(reduced, labels, ONE)], node.shape)
        if op.formula is not None and operands:
            return self.elementwise(rebuild(node, operands))
        return self.rewritten(rebuild(node, operands))

    def elementwise(self, node: Expr) -> Expr:
        """A function of stretched or transposed operands is the stretched or transposed function of them."""
        views = [view(o) for o in node.operands]
        carried = sorted({x for _, labels in views for x in labels})
        single = len(views) == 1 and views[0][0] is not node.operands[0]
        if not single and len(carried) == node.ndim:
            return self.rewritten(node)
        order = list(views[0][1]) if single else carried
        if len(set(order)) < len(order):
            order = carried
        shape = tuple(node.shape[x] for x in order)
        operands = [
            self.product(ONE, [(f, tuple(unit_label(order.index(x), node.shape[x]) for x in labels), ONE)], shape)
            for f, labels in views
        ]
        smaller = self.elementwise(make(node.op, operands, **node.attributes))
        labels = tuple(unit_label(x, node.shape[x]) for x in order)
        return self.product(ONE, [(smaller, labels, ONE)], node.shape)

    def rewritten(self, node: Expr) -> Expr:
        """`node`, after the first rule that applies to it (and then those that apply to the result)."""
        if node in self.known:
            return self.known[node]
        for rewriter in self.rewriters(node) if self.rewriters else ():
            found = rewriter(self, node)
            if found is not None and found[0] is not node:
                self.steps.append(found[1])
                return found[0]
        return node

    def knowing(self, equation: tuple[Expr, Expr]) -> Normalizer:
        """A normalizer with the same rules that also writes the first expression as the second."""
        engine = Normalizer(self.rewriters)
        engine.known = {engine.normal(equation[0]): equation[1]}
        engine.memo.clear()
        return engine

    # -- products ------------------------------------------------------------------------------------------------

    def product(self, coefficient: Fraction, factors: Iterable[Factor], shape: Shape) -> Expr:
        """The normal form of a contraction over operands in normal form."""
        pool = Pool(self, coefficient, shape)
        pool.extend(factors)
        pool.resolve_deltas()
        return pool.finish()

    # -- sums ----------------------------------------------------------------------------------------------------

    def sum(self, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> Expr:
        """The normal form of a sum over terms in normal form: like terms collected, common factors taken out."""
        collected = self.collect(terms, shape)
        if not collected:
            return broadcast(constant(0), shape)
        carried = {x for term in collected for x in carried_labels(term)}
        if len(carried) < len(shape):
            return self.narrow(collected, sorted(carried), shape)
        if len(collected) == 1:
            ((core, c),) = collected.items()
            return self.product(c, [(core, aligned(core.shape, shape), ONE)], shape)
        factored = self.factor(collected, shape)
        if factored is not None:
            return factored
        content, primitive = self.primitive(collected)
        node = self.rewritten(primitive)
        if content == 1 and node is primitive:
            return node
        return self.product(content, [(node, aligned(shape, shape), ONE)], shape)

    def narrow(self, collected: dict[Expr, Fraction], carried: list[int], shape: Shape) -> Expr:
        """A sum in which an axis does not occur: the sum without it, stretched."""
        place = {x: i for i, x in enumerate(carried)}
        small = tuple(shape[x] for x in carried)
        terms = []
        for term, c in collected.items():
            factors = factors_of(term) if term.op is CONTRACT else []
            moved = [(f, tuple(place.get(x, -1) for x in ls), e) for f, ls, e in factors]
            terms.append((c, self.product(ONE, moved, small)))
        return self.product(ONE, [(self.sum(terms, small), tuple(carried), ONE)], shape)

    def collect(self, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> dict[Expr, Fraction]:
        """Terms by their core (coefficient 1), like terms added, nested sums opened."""
        found: dict[Expr, Fraction] = {}
        stack = list(terms)[::-1]
        while stack:
            c, term = stack.pop()
            c, term = c * leading(term)[0], leading(term)[1]
            if term.op is ADD and len(term.operands) <= FLATTEN:
                pairs = list(zip(term.attributes["coefficients"], term.operands, strict=True))
                stack += [(c * inner, t) for inner, t in reversed(pairs)]
            elif c != 0:
                found[term] = found.get(term, Fraction(0)) + c
        return {t: c for t, c in found.items() if c != 0}

    def primitive(self, collected: dict[Expr, Fraction]) -> tuple[Fraction, Expr]:
        """A sum as content times a sum with coprime integer coefficients whose first term is positive."""
        order = sorted(collected, key=term_key)
        content = Fraction(
            gcd(*(c.numerator for c in collected.values())), lcm(*(c.denominator for c in collected.values()))
        )
        if collected[positive_term(order)] < 0:
            content = -content
        terms = [(t, collected[t] / content) for t in order]
        return content, make(ADD, tuple(t for t, _ in terms), coefficients=tuple(c for _, c in terms))

    def factor(self, collected: dict[Expr, Fraction], shape: Shape) -> Expr | None:
        """Take out factors that all terms share, or that a group shares where this costs less."""
        terms = [(entries_of(t, shape), c, t) for t, c in collected.items()]
        counts = Counter(
            (key, e > 0) for entries, _, _ in terms for key, e in entries.items() if key[0].op is not EYE
        )
        shared = [key for key, n in counts.items() if n == len(terms)]
        if shared and self.worth(terms, shared):
            common = {
                key: min_power([t[0] for t in terms], key)
                for key, _ in sorted(shared, key=lambda k: (factor_key(k[0][0]), k[0][1]))
            }
            return self.note("factor", "a b + a c = a (b + c)", collected, self.take_out(common, terms, [], shape))
        best: tuple[int, object, tuple[tuple[Expr, Labels], bool]] | None = None
        for (key, positive), n in counts.items():
            if n < 2 or not key[0].operands and key[0].weak:
                continue
            group = [entries for entries, _, _ in terms if key in entries and (entries[key] > 0) == positive]
            saved = sum(cost(e) for e in group) - sum(cost(without(e, {key: min_power(group, key)})) for e in group) - 2
            if saved > 0 and (best is None or (-saved, factor_key(key[0]), key[1]) < best[:2] + (key[1],)):
                best = (-saved, factor_key(key[0]), (key, positive))
        if best is None:
            return None
        key, positive = best[2]
        inside = [t for t in terms if key in t[0] and (t[0][key] > 0) == positive]
        outside = [t for t in terms if t not in inside]
        taken = {key: min_power([t[0] for t in inside], key)}
        return self.note("factor", "a b + a c = a (b + c)", collected, self.take_out(taken, inside, outside, shape))

    def worth(
        self, terms: list[tuple[Entries, Fraction, Expr]], shared: list[tuple[tuple[Expr, Labels], bool]]
    ) -> bool:
        """Whether the common factors cost no more outside; sizes always stand outside."""
        if all(key[0].op is SIZE for key, _ in shared):
            return True
        common = {key: min_power([t[0] for t in terms], key) for key, _ in shared}
        return 1 + sum(cost(without(t[0], common)) for t in terms) <= sum(cost(t[0]) for t in terms)

    def note(self, rule: str, reason: str, before: dict[Expr, Fraction], after: Expr) -> Expr:
        """Record a step from a sum of terms to `after`."""
        whole = make(ADD, tuple(before), coefficients=tuple(before.values()))
        self.steps.append(Step(rule, reason, whole, after))
        return after

    def take_out(
        self,
        common: Entries,
        inside: list[tuple[Entries, Fraction, Expr]],
        outside: list[tuple[Entries, Fraction, Expr]],
        shape: Shape,
    ) -> Expr:
        """``common * (what is left of the terms inside) + outside``."""
        rest = [
            (ONE, self.product(c, [(*key, e) for key, e in without(entries, common).items()], shape))
            for entries, c, _ in inside
        ]
        inner = self.sum(rest, shape)
        labels = aligned(shape, shape)
        product = self.product(ONE, [*((*key, e) for key, e in common.items()), (inner, labels, ONE)], shape)
        if not outside:
            return product
        return self.sum([(ONE, product), *((c, t) for _, c, t in outside)], shape)


Entries = dict[tuple[Expr, Labels], Fraction]


def unit_label(label: int, dim: Dim) -> int:
    return -1 if dim == 1 else label


def view(x: Expr) -> tuple[Expr, Labels]:
    """`x` as an array under labels: what is stretched, and along which axes it already varies."""
    if x.op is CONTRACT and not summed(x):
        if not x.operands:
            return constant(x.attributes["coefficient"]), ()
        if len(x.operands) == 1 and x.attributes["coefficient"] == 1 and x.attributes["exponents"] == (1,):
            labels = x.attributes["labels"][0]
            if -1 not in labels and len(set(labels)) == len(labels):
                return x.operands[0], labels
    return x, tuple(range(x.ndim))


def entries_of(term: Expr, shape: Shape) -> Entries:
    """A term of a sum as powers of labelled factors."""
    if term.op is CONTRACT and not summed(term):
        return {(f, labels): e for f, labels, e in factors_of(term)}
    if term.op is CONSTANT:
        return {}
    return {(term, aligned(term.shape, shape)): ONE}


def carried_labels(term: Expr) -> set[int]:
    """The axes along which a term of a sum varies."""
    if term.op is CONSTANT:
        return set()
    used = {x for labels in term.attributes["labels"] for x in labels} if term.op is CONTRACT else {-1}
    if -1 in used or summed(term):
        return set(range(term.ndim))
    return used


def without(entries: Entries, taken: Entries) -> Entries:
    """`entries` divided by `taken`."""
    left = {key: e - taken.get(key, 0) for key, e in entries.items()}
    return {key: e for key, e in left.items() if e != 0}


def min_power(group: list[Entries], key: tuple[Expr, Labels]) -> Fraction:
    return min((entries[key] for entries in group), key=abs)


def cost(entries: Entries) -> int:
    """1 for a term that is a product or a power, 0 for a bare factor, scaled or not."""
    real = [e for (f, _), e in entries.items() if f.op is not SIZE]
    return int(len(real) > 1 or any(e != 1 for e in real))


def leading(term: Expr) -> tuple[Fraction, Expr]:
    """A term as coefficient and core."""
    if term.op is CONSTANT:
        return term.attributes["value"], constant(1)
    if term.op is not CONTRACT or term.attributes["coefficient"] == 1:
        return ONE, term
    factors = factors_of(term)
    if len(factors) == 1:
        f, labels, e = factors[0]
        if e == 1 and f.shape == term.shape and labels == aligned(f.shape, term.shape):
            return term.attributes["coefficient"], f
    return term.attributes["coefficient"], contract(factors, term.shape)


def positive_term(order: list[Expr]) -> Expr:
    """The term of a sum that gets a positive sign, by which ``t - y`` and ``y - t`` have one normal form.

    A constant (1 - h), else the term whose sum or mean is the first one (x - mean(x)), else the first (y - t).
    """
    last, first = order[-1], order[0]
    if is_constant(last):
        return last
    if is_reduction(first):
        for other in order[1:]:
            if other.depth < first.depth and other.ndim and contains(first, other):
                return other
    return first


def is_constant(term: Expr) -> bool:
    return term.weak or term.op is CONTRACT and not term.operands


def is_reduction(term: Expr) -> bool:
    """A sum over labels, at most divided by sizes and stretched."""
    if term.op is not CONTRACT:
        return False
    if summed(term):
        return True
    inner = [f for f in term.operands if f.op is not SIZE]
    return len(inner) == 1 and inner[0].op is CONTRACT and bool(summed(inner[0]))


def contains(expr: Expr, part: Expr, limit: int = 200) -> bool:
    """Whether `part` occurs in `expr`, looking at `limit` nodes at most."""
    seen = {expr}
    stack = [expr]
    while stack and len(seen) < limit:
        for o in stack.pop().operands:
            if o is part:
                return True
            if o not in seen and o.depth >= part.depth:
                seen.add(o)
                stack.append(o)
    return False


class Pool:
    """The factors of one product while it is put together. Summed labels are numbered from -2 downwards."""

    def __init__(self, normalizer: Normalizer, coefficient: Fraction, shape: Shape) -> None:
        self.normalizer = normalizer
        self.coefficient = coefficient
        self.shape = shape
        self.entries: Entries = {}
        self.sizes: dict[int, Dim] = {}
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
            elif f.op is CONTRACT and not summed(f):
                opened = open_power(f, e)
                if opened is None:
                    self.merge(f, labels, e)
                    continue
                c, inner = opened
                self.coefficient *= c
                stack += [(g, tuple(labels[x] if x >= 0 else -1 for x in ls), p) for g, ls, p in reversed(inner)]
            else:
                self.merge(f, labels, e)

    def add_number(self, f: Expr, e: Fraction) -> None:
        root = rational_root(f.attributes["value"], e)
        if root is None:
            self.merge(f, (), e)
        else:
            self.coefficient *= root

    def add_size(self, dim: Dim, e: Fraction) -> None:
        """Sizes multiply: n*d is n times d, 2*n twice n."""
        for part in sympy.Mul.make_args(sympy.sympify(dim)):
            base, power = part.as_base_exp() if part.is_Pow else (part, sympy.Integer(1))
            if base.is_Integer:
                root = rational_root(Fraction(int(base)) ** int(power), e)
                if root is not None:
                    self.coefficient *= root
                    continue
            if not power.is_Integer:
                base, power = part, sympy.Integer(1)
            self.merge(make(SIZE, (), dim=base), (), e * int(power))

    def merge(self, f: Expr, labels: Labels, e: Fraction) -> None:
        key = (f, labels)
        power = reduce_power(f, self.entries.get(key, Fraction(0)) + e)
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

    def relabel(self, old: int, new: int) -> None:
        entries, self.entries = self.entries, {}
        self.sizes.pop(old, None)
        for (f, labels), e in entries.items():
            self.merge(f, tuple(new if x == old else x for x in labels), e)

    def finish(self) -> Expr:
        """Split off what is outside each sum, make the contractions, and assemble the pure product."""
        for group in components(self.entries):
            f, labels, e = group[0]
            if len(group) == 1 and e == 1 and f.op is CONTRACT and summed(f) and not outer_labels(group):
                del self.entries[f, labels]  # a sum, trace or diagonal of a contraction is one contraction
                self.add_all(self.opened(f, labels))
                self.resolve_deltas()
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
        if all(x[0].op is CONTRACT and summed(x[0]) or (x[0], x[1]) in self.entries for x in outside):
            return self.assemble(outside)
        again = Pool(self.normalizer, self.coefficient, self.shape)
        again.add_all(outside)
        again.resolve_deltas()
        return again.finish()

    def contraction(self, group: list[Factor]) -> Factor:
        """One connected contraction in canonical form, with the labels of its axes."""
        ordered, free, bound = number_labels(group)
        sizes = {x: d for f, labels, _ in ordered for x, d in zip(labels, f.shape, strict=True)}
        node = contract(ordered, tuple(sizes[i] for i in range(len(free))))
        memo = self.normalizer.memo
        if node not in memo:
            result = self.normalizer.rewritten(node)
            if result is node:
                result = self.distributed(node)
            memo[node] = memo[result] = result
        return memo[node], free, ONE

    def opened(self, node: Expr, labels: Labels) -> list[Factor]:
        """The factors of a contraction under the labels its axes have here."""
        sizes = {x: d for f, ls, _ in factors_of(node) for x, d in zip(ls, f.shape, strict=True)}
        rename = {x: labels[x] if x < node.ndim else self.fresh(sizes[x]) for x in sizes if x >= 0} | {-1: -1}
        return [(f, tuple(rename[x] for x in ls), e) for f, ls, e in factors_of(node)]

    def spread(self, entries: Entries) -> Expr | None:
        """A product over a sum, term by term, where factors cancel and that costs less: p*(s - t/p) is p*s - t."""
        for key, e in entries.items():
            total, labels = key
            if total.op is not ADD or e != 1 or not cancels(entries, key):
                continue
            rest = [(*k, p) for k, p in entries.items() if k != key]
            terms = [
                (c, self.normalizer.product(self.coefficient, [*rest, (t, labels, ONE)], self.shape))
                for c, t in zip(total.attributes["coefficients"], total.operands, strict=True)
            ]
            result = self.normalizer.sum(terms, self.shape)
            plain = pure(self.coefficient, [(*k, p) for k, p in entries.items()], self.shape)
            if operations([result]) < operations([plain]):
                self.normalizer.steps.append(Step("distribute", "a (b + c) = a b + a c, where factors cancel", plain, result))
                return result
        return None

    def spread_below(self, entries: Entries) -> Expr | None:
        """The same in a denominator."""
        below = {key: -e for key, e in entries.items() if e < 0}
        if not any(key[0].op is ADD and e == 1 and cancels(below, key) for key, e in below.items()):
            return None
        denominator = self.normalizer.product(ONE, [(*key, e) for key, e in below.items()], self.shape)
        if denominator.op is CONTRACT and len(denominator.operands) >= len(below):
            return None
        rest = [(*key, e) for key, e in entries.items() if e > 0]
        whole = (denominator, aligned(self.shape, self.shape), -ONE)
        return self.normalizer.product(self.coefficient, [*rest, whole], self.shape)

    def distributed(self, node: Expr) -> Expr:
        """The sum of a sum, term by term, where that costs less (sum(p - t) is 0 for two distributions)."""
        if len(node.operands) != 1 or node.operands[0].op is not ADD or node.attributes["exponents"] != (1,):
            return node
        (total,) = node.operands
        parts = [
            (c, self.normalizer.product(ONE, [(t, node.attributes["labels"][0], ONE)], node.shape))
            for c, t in zip(total.attributes["coefficients"], total.operands, strict=True)
        ]
        split = self.normalizer.sum(parts, node.shape)
        if operations([split]) >= operations([node]):
            return node
        self.normalizer.steps.append(Step("distribute", "a sum of a sum, term by term", node, split))
        return split

    def assemble(self, factors: list[Factor]) -> Expr:
        merged: Entries = {}
        for f, labels, e in factors:
            merged[f, labels] = merged.get((f, labels), Fraction(0)) + e
        if len(merged) < len(factors):
            again = Pool(self.normalizer, self.coefficient, self.shape)
            again.add_all([(*key, e) for key, e in merged.items()])
            return again.finish()
        for spread in (self.spread, self.spread_below):
            result = spread(merged)
            if result is not None:
                return result
        node = pure(self.coefficient, [(*key, e) for key, e in merged.items()], self.shape)
        return self.normalizer.rewritten(node) if node.op is CONTRACT else node


def pure(coefficient: Fraction, factors: list[Factor], shape: Shape) -> Expr:
    """A product without sums over sorted factors; a bare factor stays itself."""
    if not factors:
        return broadcast(constant(coefficient), shape)
    if len(factors) == 1 and coefficient == 1:
        f, labels, e = factors[0]
        if e == 1 and f.shape == shape and labels == aligned(shape, shape):
            return f
    factors.sort(key=lambda x: (factor_key(x[0]), x[1], x[2]))
    return contract(factors, shape, coefficient)


def cancels(entries: Entries, key: tuple[Expr, Labels]) -> bool:
    """Whether a term of the sum at `key` is divided by another factor, or divides one."""
    total, labels = key
    for term in total.operands:
        for (f, ls), e in entries_of(term, total.shape).items():
            other = entries.get((f, tuple(labels[x] if x >= 0 else -1 for x in ls)))
            if other is not None and (other > 0) != (e > 0):
                return True
    return False


def outer_labels(group: list[Factor]) -> bool:
    """Whether nothing in `group` is summed."""
    return not any(x < -1 for _, labels, _ in group for x in labels)


def components(entries: Entries) -> list[list[Factor]]:
    """Factors grouped by shared summed labels; those with none stand alone."""
    groups: list[tuple[set[int], list[Factor]]] = []
    for (f, labels), e in entries.items():
        bound = {x for x in labels if x < -1}
        mine: tuple[set[int], list[Factor]] = (bound, [(f, labels, e)])
        apart = []
        for group in groups:
            if bound and group[0] & bound:
                mine = (mine[0] | group[0], group[1] + mine[1])
                bound = mine[0]
            else:
                apart.append(group)
        groups = [*apart, mine]
    return [members for _, members in groups]


def open_power(f: Expr, e: Fraction) -> tuple[Fraction, list[Factor]] | None:
    """The factors of ``f**e`` for a pure product f, or None where the power must stay outside.

    A fractional power goes to a factor only if that factor is known not to be negative; an even power under a root
    leaves an absolute value: sqrt(x**2) is abs(x).
    """
    coefficient: Fraction = f.attributes["coefficient"]
    inner = factors_of(f)
    if e.denominator == 1:
        if coefficient == 0 and e < 0:
            return None
        return coefficient**e.numerator, [(g, ls, p * e) for g, ls, p in inner]
    root = rational_root(coefficient, e)
    if root is None:
        return None
    out: list[Factor] = []
    for g, ls, p in inner:
        if nonnegative(g):
            out.append((g, ls, p * e))
        elif p.denominator == 1 and p.numerator % 2 == 0:
            out.append((absolute(g), ls, p * e))
        elif len(inner) == 1 and p == 1:
            out.append((g, ls, e))
        else:
            return None
    return root, out


def nonnegative(x: Expr) -> bool:
    return x.op is SIZE or x.dtype == "bool" or Fact("nonnegative") in x.op.facts(x)


def reduce_power(f: Expr, e: Fraction) -> Fraction:
    """Powers that the range of values makes redundant: b**2 is b for b in {0, 1}, s**2 is 1 for s in {-1, 1}."""
    if e.denominator == 1 and abs(e) > 1:
        facts = f.op.facts(f)
        if e > 0 and (f.dtype == "bool" or Fact("binary") in facts):
            return ONE
        if Fact("sign") in facts:
            return Fraction(e.numerator % 2)
    return e


def rational_root(value: Fraction, e: Fraction) -> Fraction | None:
    """``value**e`` if it is rational and small enough to write down."""
    if e.denominator == 1:
        if value == 0 and e < 0 or abs(e) > 4096:
            return None
        return value**e.numerator
    if e.denominator == 2 and value > 0:
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom) ** e.numerator
    return None
