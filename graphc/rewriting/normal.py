"""The normal form: n-ary products and sums in canonical order, with rewrite rules linked as nodes are built.

A product is either *pure* (no summed labels: coefficient, powers of factors, one of which may be a contraction) or a
*contraction* (coefficient 1, factors connected through summed labels). Pure products flatten into whatever
consumes them; contractions do not flatten into contractions, so that a shared cotangent stays shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, ONE, aligned, factors_of, summed
from graphc.ops.leaves import NAMED, SIZE
from graphc.ops.reductions import RESHAPE, reduced_axes
from graphc.ops.stopping import STOP, stopped
from graphc.rewriting.along import REDUCING, along
from graphc.rewriting.constants import evaluated
from graphc.rewriting.declared import declared_chains, in_one_piece
from graphc.rewriting.effort import Effort
from graphc.rewriting.engine import Step
from graphc.rewriting.exponents import EXP, exponential
from graphc.rewriting.extrema import ordered
from graphc.rewriting.nesting import factors_within, inner_nodes, long_shared, terms_within
from graphc.rewriting.operands import freed
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.pool import Pool
from graphc.rewriting.ranges import settled
from graphc.rewriting.reshapes import regrouped, regroups
from graphc.rewriting.sums import total
from graphc.rewriting.terms import FLATTEN, is_even, leading, moved, terms_of, through, unit_label, view

Rewriter = Callable[["Normalizer", Expr], "tuple[Expr, Step] | None"]


@dataclass
class Normalizer:
    """Normal forms under a set of rules, memoized; `steps` records every rule that was linked."""

    rewriters: Callable[[Expr], Iterable[Rewriter]] | None = None
    meeting: Callable[[int], bool] | None = None
    memo: dict[Expr, Expr] = field(default_factory=dict)  # by expression as declared
    contractions: dict[Expr, Expr] = field(default_factory=dict)  # by contraction over normal forms
    names: dict[Expr, Expr] = field(default_factory=dict)
    known: dict[Expr, Expr] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    effort: Effort = field(default_factory=Effort)
    everywhere: bool = False

    def normal(self, expr: Expr) -> Expr:
        """The normal form of `expr`."""
        return self.memo[expr] if expr in self.memo else self.normals([expr])[0]

    def normals(self, exprs: Sequence[Expr]) -> list[Expr]:
        """The normal forms of `exprs`; a long sum or product that several of them share stays an operand."""
        order = topological(exprs, self.memo)
        inner = inner_nodes(order, exprs)
        declared, wanted = declared_chains(order, self.everywhere), set(exprs)
        for node in order:
            if node not in self.memo and node not in inner and (node not in declared.needless or node in wanted):
                self.effort.renew()
                if node in declared.chains and not declared.parts.isdisjoint(node.operands):
                    result = in_one_piece(self, node, declared.parts, self.memo)
                elif not inner.isdisjoint(node.operands):
                    result = self.build_long(node, inner)
                else:
                    result = self.built(node)
                self.memo[node] = result
                self.memo[result] = result
                if node.op is NAMED:
                    self.names.setdefault(result, node)
        return [self.memo[expr] for expr in exprs]

    def started(self, expr: Expr) -> Expr:
        """The normal form of `expr`, from which more is built: long sums and products that it shares stay operands."""
        form = self.normal(expr)
        for x in long_shared(topological([form])):
            self.memo.setdefault(x, x)
        return form

    def built(self, node: Expr) -> Expr:
        return self.build(node, tuple(self.memo[o] for o in node.operands))

    def build_long(self, node: Expr, inner: set[Expr]) -> Expr:
        """The normal form of a sum over sums in `inner`, of a product over products in `inner`."""
        if node.op is ADD:
            terms = [(c, self.moved(self.memo[t], labels, node.shape)) for c, t, labels in terms_within(node, inner)]
            return self.sum(terms, node.shape)
        coefficient, factors = factors_within(node, inner)
        return self.product(coefficient, [(self.memo[f], labels, e) for f, labels, e in factors], node.shape)

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
            return self.sum(self.opened(node, operands), node.shape)
        if op is SIZE:
            return self.product(ONE, [(node, (), ONE)], ())
        if op.opens:
            assert op.body is not None
            return self.normal(op.body(rebuild(node, operands)))
        if op in REDUCING and node.attributes["keepdims"]:
            plain = make(op, operands, **{**node.attributes, "keepdims": False})
            found = along(self, plain)
            reduced = self.rewritten(plain) if found is None else found
            axes = reduced_axes(node)
            labels = tuple(-1 if d == 1 else i for i, d in enumerate(operands[0].shape) if i not in axes)
            return self.product(ONE, [(reduced, labels, ONE)], node.shape)
        if op is RESHAPE:
            return self.reshaped(operands[0], node.shape)
        if op is STOP:
            return self.held(stopped(operands[0]))
        if op.formula is not None and operands:
            return self.elementwise(rebuild(node, operands))
        over = rebuild(node, operands)
        found = along(self, over)
        found = freed(self, over) if found is None else found
        return self.rewritten(over) if found is None else found

    def held(self, node: Expr) -> Expr:
        """What is stopped, without its coefficient."""
        if node.op is not STOP:
            return node
        number, core = leading(node.operands[0])
        inner = self.elementwise(make(STOP, (core,)))
        labels = tuple(-1 if d == 1 else i for i, d in enumerate(core.shape))
        return inner if number == 1 else self.product(number, [(inner, labels, ONE)], core.shape)

    def opened(self, node: Expr, operands: tuple[Expr, ...]) -> list[tuple[Fraction, Expr]]:
        """The terms of a sum with the sums it was grouped in opened, so that no group takes out factors of its own."""
        terms: list[tuple[Fraction, Expr]] = []
        straight = aligned(node.shape, node.shape)
        stack = [(c, t, straight) for c, t in zip(node.attributes["coefficients"], node.operands, strict=True)]
        while stack and len(terms) + len(stack) <= FLATTEN:
            c, term, labels = stack.pop()
            number, core, own = moved(term)
            if core.op is ADD and (core is term or is_even(core)):
                stack += [(c * number * x, t, through(own, labels)) for x, t in terms_of(core)]
            else:
                terms.append((c, self.moved(self.normal(term), labels, node.shape)))
        return list(zip(node.attributes["coefficients"], operands, strict=True)) if stack else terms

    def moved(self, x: Expr, labels: Labels, shape: Shape) -> Expr:
        """`x` with its axes laid along those of `labels`."""
        straight = x.shape == shape and labels == aligned(shape, shape)
        return x if straight else self.product(ONE, [(x, labels, ONE)], shape)

    def reshaped(self, x: Expr, shape: Shape) -> Expr:
        """A reshape of what it commutes with: of another reshape, of a product whose factors it does not mix."""
        if x.op is RESHAPE:
            return self.reshaped(x.operands[0], shape)
        if x.shape == shape:
            return x
        if x.op is CONTRACT and not summed(x):
            whole = regrouped(factors_of(x), x.shape, shape)
            if whole is not None:
                parts = [(self.reshaped(f, own), labels, e) for (f, labels, e), own in whole]
                return self.product(x.attributes["coefficient"], parts, shape)
        if x.op is CONTRACT and not summed(x) and 1 in x.shape and len(x.operands) > 1:
            kept = [i for i, d in enumerate(x.shape) if d != 1]
            labels = tuple(kept.index(i) if i in kept else -1 for i in range(x.ndim))
            return self.reshaped(self.product(ONE, [(x, labels, ONE)], tuple(x.shape[i] for i in kept)), shape)
        if x.op is ADD and any(map(regroups, x.operands)) and all(t.shape in (x.shape, ()) for t in x.operands):
            terms = [self.reshaped(t, shape) if t.ndim else t for t in x.operands]
            if sum(map(regroups, terms)) <= sum(map(regroups, x.operands)):
                return self.sum(zip(x.attributes["coefficients"], terms, strict=True), shape)
        return self.rewritten(make(RESHAPE, (x,), shape=shape))

    def elementwise(self, node: Expr) -> Expr:
        """A function of stretched or transposed operands is the stretched or transposed function of them."""
        within = settled(self, node)
        if within is not None:
            return within
        views = [view(o) for o in node.operands]
        carried = sorted({x for _, labels in views for x in labels})
        single = len(views) == 1 and views[0][0] is not node.operands[0]
        if not single and len(carried) == node.ndim:
            number = evaluated(self, node)
            if number is not None:
                return number
            found = ordered(self, node) if self.everywhere else None
            if found is not None:
                return found
            found = self.rewritten(node)
            return exponential(self, node) if found is node and node.op is EXP else found
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

    def may_meet(self, mask: int) -> bool:
        """Whether a rule may rewrite factors of a product among whose ops are those of `mask`, as in `reach`."""
        return bool(self.known) or (self.meeting is not None and self.meeting(mask))

    def knowing(self, equation: tuple[Expr, Expr]) -> Normalizer:
        """A normalizer with the same rules that also writes the first expression as the second."""
        engine = Normalizer(self.rewriters, self.meeting)
        engine.known = {engine.normal(equation[0]): equation[1]}
        engine.memo.clear()
        engine.contractions.clear()
        return engine

    def product(self, coefficient: Fraction, factors: Iterable[Factor], shape: Shape) -> Expr:
        """The normal form of a contraction over operands in normal form."""
        self.effort.level += 1
        pool = Pool(self, coefficient, shape)
        pool.extend(factors)
        pool.resolve_deltas()
        found = pool.finish()
        self.effort.level -= 1
        return found

    def sum(self, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> Expr:
        """The normal form of a sum over terms in normal form."""
        self.effort.level += 1
        found = total(self, terms, shape)
        self.effort.level -= 1
        return found
