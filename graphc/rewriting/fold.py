"""Names put back: parts of a normal form that equal a named intermediate are written with its name.

A name is found as a whole node, as some terms of a sum, as some factors of a product, and as factors inside and
outside of an index sum together: ``sum(dy*(x - mu))/sqrt(v + eps)`` is ``sum(dy*xhat)``.
"""

from __future__ import annotations

from fractions import Fraction

from graphc.ir.expr import Expr, make, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, factors_of, summed
from graphc.ops.elementwise import greater, relu
from graphc.ops.leaves import NAMED, SIZE, constant
from graphc.rewriting.matching import match_factors, pools, replaced
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import is_zero, leading, unit_label, view

GREATER, RELU = greater(constant(1), constant(2)).op, relu(constant(1)).op
AGAIN = 8  # rounds in which one name may uncover another


class Folder:
    """Folds names into normal forms; `bodies` are the normal forms of the names, over other names."""

    def __init__(self, named: dict[Expr, Expr]) -> None:
        self.engine = Normalizer()
        self.done: dict[Expr, Expr] = {}
        self.sums: dict[Expr, list[tuple[dict[Expr, Fraction], Fraction, Expr]]] = {}
        self.products: list[tuple[list[Factor], Fraction, Expr]] = []
        self.bodies: dict[Expr, Expr] = {}
        for form, name in sorted(named.items(), key=lambda item: (item[0].depth, str(item[1].name))):
            body = self.fold(form)
            self.bodies[name] = body
            self.done[form] = name
            self.orient(form, name)
            self.enter(body, name)

    def enter(self, body: Expr, name: Expr) -> None:
        """Make `name` findable by the terms or factors of its body."""
        self.done[body] = name
        content, core = leading(body)
        self.orient(body, name)
        if core.op is ADD:
            terms = dict(zip(core.operands, core.attributes["coefficients"], strict=True))
            self.sums.setdefault(core.operands[0], []).append((terms, content, name))
        elif core.op is CONTRACT and not summed(core) and len(core.operands) > 1:
            self.products.append((factors_of(core), content, name))

    def orient(self, form: Expr, name: Expr) -> None:
        """A product is known under one orientation: where it stands otherwise, the name is transposed."""
        inner, labels = view(form)
        if inner is not form and len(labels) == form.ndim:
            place = tuple(unit_label(labels.index(i), d) for i, d in enumerate(form.shape))
            self.done[inner] = self.engine.product(ONE, [(name, place, ONE)], inner.shape)

    def fold(self, expr: Expr) -> Expr:
        """`expr` (in normal form) over the names."""
        for node in topological([expr], self.done):
            if node not in self.done:
                mask = self.mask(node)
                self.done[node] = self.folded(self.over(node)) if mask is None else mask
        return self.done[expr]

    def mask(self, node: Expr) -> Expr | None:
        """``h > 0`` for z > 0, where h = relu(z) has a name and z has none."""
        if node.op is not GREATER or self.done[node.operands[0]].op is NAMED:
            return None
        over = self.done.get(make(RELU, node.operands[:1]))
        if over is None or over.op is not NAMED or not is_zero(node.operands[1]):
            return None
        return make(GREATER, (over, node.operands[1]))

    def over(self, node: Expr) -> Expr:
        """`node` over folded operands."""
        operands = tuple(self.done[o] for o in node.operands)
        if operands == node.operands:
            return node
        if node.op is CONTRACT:
            factors = zip(operands, node.attributes["labels"], node.attributes["exponents"], strict=True)
            return self.engine.product(node.attributes["coefficient"], list(factors), node.shape)
        if node.op is ADD:
            return self.engine.sum(zip(node.attributes["coefficients"], operands, strict=True), node.shape)
        return make(node.op, operands, **node.attributes)

    def folded(self, node: Expr) -> Expr:
        """Names for parts of `node` itself, as long as there are any."""
        for _ in range(AGAIN):
            if node in self.done:
                return self.done[node]
            smaller = self.in_sum(node) if node.op is ADD else self.in_product(node) if node.op is CONTRACT else None
            if smaller is None:
                return node
            node = smaller
        return node

    def in_sum(self, node: Expr) -> Expr | None:
        terms = dict(zip(node.operands, node.attributes["coefficients"], strict=True))
        candidates = [(c, tuple(range(node.ndim))) for t in node.operands for c in self.sums.get(t, ())]
        for t in node.operands:
            core, labels = view(t)
            if len(labels) < node.ndim:  # a sum stretched along further axes: its terms stand among the others
                candidates += [(c, labels) for c in self.sums.get(core, ())]
        for (given, content, plain), labels in sorted(candidates, key=lambda c: (-len(c[0][0]), str(c[0][2].name))):
            if plain.shape != tuple(node.shape[a] for a in labels):
                continue
            part, name = (
                {self.stretched(t, labels, node): c for t, c in given.items()},
                self.stretched(plain, labels, node),
            )
            first = next(iter(part))
            ratio = terms[first] / part[first]
            if all(terms.get(t) == ratio * c for t, c in part.items()):
                rest = [(c, t) for t, c in terms.items() if t not in part]
                return self.engine.sum([(ratio / content, name), *rest], node.shape)
        return None

    def stretched(self, x: Expr, labels: Labels, node: Expr) -> Expr:
        return x if len(labels) == node.ndim else self.engine.product(ONE, [(x, labels, ONE)], node.shape)

    def in_product(self, node: Expr) -> Expr | None:
        for wanted, content, name in reversed(self.products):
            ops = {f.op for f, _, _ in wanted if f.op is not SIZE}
            for pool, inside in pools(node, ops):
                for _, labels, used, times in match_factors(wanted, pool, {}, {-1: -1}, exact=False):
                    places = set(used)
                    if inside and (places <= inside or not places & inside):
                        continue
                    if all(i in labels for i, d in enumerate(name.shape) if d != 1):
                        scale = node.attributes["coefficient"] / content**times.numerator
                        return replaced(self.engine, node, pool, used, times, labels, name, scale)
        return None
