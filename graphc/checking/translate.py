"""Expressions as polynomials in index notation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from graphc.checking.atoms import UNIT, Atom, Poly
from graphc.checking.labels import Factor, Labels
from graphc.checking.layouts import rewritten
from graphc.checking.matrices import by_factors
from graphc.checking.moves import Moves, key_of
from graphc.checking.polynomials import ONE
from graphc.checking.updates import updated
from graphc.ir.dims import Dim
from graphc.ir.expr import Expr, topological
from graphc.ir.facts import TYING
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, factors_of, summed
from graphc.ops.leaves import CONSTANT, EYE, NAMED, PARAMETER, SIZE, SYMBOL, pi
from graphc.ops.stopping import STOP

DISCRETE = frozenset(("binary", "one_hot", "sign", "integer"))
HALF = Fraction(1, 2)
SMALL = 4  # terms of a condition that is looked at


class Translator(Moves):
    """Polynomials of expressions; axis i of an expression is label i, axes of literal size 1 have none.

    Parameters
    ----------
    through_exp : write sigmoid, tanh, softplus and softmax through exponentials
    discrete : names of symbols that take single values only, whatever facts their twins carry
    """

    def __init__(
        self,
        budget: int = 20_000,
        off_kinks_of: frozenset[str] = frozenset(),
        *,
        through_exp: bool = False,
        discrete: Iterable[str] = (),
    ) -> None:
        super().__init__(budget, off_kinks_of)
        self.through_exp = through_exp
        self.discrete = frozenset(discrete)
        self.memo: dict[Expr, Poly] = {}

    def difference(self, left: Expr, right: Expr) -> Poly:
        """`left` less `right`, fully expanded, over units of angles that both sides share."""
        p = self.add((1, self.poly(left)), (-1, self.poly(right)))
        if self.refined:
            self.memo.clear()
            self.refined = False
            p = self.add((1, self.poly(left)), (-1, self.poly(right)))
        return p

    def poly(self, expr: Expr) -> Poly:
        """`expr`, fully expanded."""
        for node in topological([expr]):
            if node not in self.memo:
                self.memo[node] = self._translate(node, [self.memo[o] for o in node.operands])
        return self.memo[expr]

    def _translate(self, node: Expr, args: list[Poly]) -> Poly:
        op = node.op
        if op in (SYMBOL, PARAMETER):
            return self._symbol(node)
        if op is NAMED or op is STOP or op.name == "as_float":
            return args[0]
        if op is ADD:
            return self.add(*zip(node.attributes["coefficients"], args, strict=True))
        if op is CONTRACT:
            return self._contract(node, args)
        if op is CONSTANT:
            return self.number(node.attributes["value"])
        if op is SIZE:
            return self.size(node.attributes["dim"])
        if op is EYE:
            return self.number(1) if node.attributes["dim"] == 1 else self.single(self.delta, (0, 1))
        rule = RULES.get(op.name)
        if op.formula is not None and node.operands and self.movers:
            return self.carried(args, lambda own: self._entrywise(node, own))
        if rule is not None:
            return rule(self, node, args)
        if op.body is not None:
            return self.poly(op.body(node))
        if op.formula is not None and node.operands:
            return self._entrywise(node, args)
        for other in (by_factors(node), updated(node), rewritten(node)):
            if other is not None:
                return self.poly(other)
        return self.opaque(node, args)

    def _entrywise(self, node: Expr, args: list[Poly]) -> Poly:
        """A function of entries."""
        name, rule = node.op.name, RULES.get(node.op.name)
        if rule is not None:
            return rule(self, node, args)
        if len(args) == 1:
            return self.by_cases(args[0], lambda p: self.elementwise(name, [p]))
        return self.elementwise(name, args)

    def _symbol(self, node: Expr) -> Poly:
        facts = {f.name: f for f in node.op.facts(node)}
        places = [i for i, d in enumerate(node.shape) if d != 1]
        known = set()
        for f in node.op.facts(node):
            axis = None if f.axis is None else f.axis + node.ndim
            if axis is None or axis in places:
                known.add((f.name, 0 if axis is None else places.index(axis)))
        matrix = node.ndim >= 2 and places[-2:] == [node.ndim - 2, node.ndim - 1]
        known = {k for k in known if matrix or k[0] not in TYING}
        identity = tuple(range(len(places)))
        symmetries: tuple[Labels, ...] = (identity,)
        if matrix and ("symmetric", 0) in known:
            symmetries += ((*identity[:-2], identity[-1], identity[-2]),)
        smooth = node.dtype.startswith("float") and not DISCRETE & facts.keys() and node.name not in self.discrete
        number = self.atom(
            ("symbol", node),
            lambda: Atom(
                "symbol",
                len(places),
                symmetries,
                {},
                positive="positive" in facts,
                nonnegative="nonnegative" in facts or node.dtype == "bool",
                binary="binary" in facts or node.dtype == "bool",
                smooth=smooth,
                leaves=frozenset([str(node.name)]),
                facts=frozenset(known),
            ),
        )
        if ("diagonal", 0) in known:  # entries off the diagonal are 0
            return self.monomial(ONE, [(number, tuple(places), ONE), (self.delta, tuple(places[-2:]), ONE)], {})
        return self.single(number, tuple(places))

    def _contract(self, node: Expr, args: list[Poly]) -> Poly:
        product = self.number(node.attributes["coefficient"])
        sizes: dict[int, Dim] = {}
        powers = []
        for (factor, labels, e), p in zip(factors_of(node), args, strict=True):
            sizes.update(zip(labels, factor.shape, strict=True))
            base = self.relabel(p, dict(enumerate(labels)))
            powers.append(self.carried([base], self.raised(e)) if e != 1 else base)
        for p in sorted(powers, key=len):
            product = self.multiply(product, p)
        return self.summed(product, {x: sizes[x] for x in summed(node)})

    def raised(self, e: Fraction) -> Callable[[list[Poly]], Poly]:
        """The power of one argument."""
        whole = e.denominator == 1 and e > 0

        def power(args: list[Poly]) -> Poly:
            (p,) = args
            return self.power(p, e) if whole or len(p) == 1 else self.by_cases(p, lambda q: self.power(q, e))

        return power

    # -- functions with rules ------------------------------------------------------------------------------------

    def greater(self, a: Poly, b: Poly) -> Poly:
        """[a > b] is (s + s**2)/2 for s = sign(a - b)."""
        difference = self.add((1, a), (-1, b))
        places = self.compared_places(difference)
        if places is not None:
            return places
        s = self.sign(difference)
        return self.add((HALF, s), (HALF, self.multiply(s, s)))

    def compared_places(self, p: Poly) -> Poly | None:
        """[i - j + c > 0] for the places i and j along an axis, and c = 0 or 1."""
        found = self.places_in(p)
        if found is None or found[2] not in (0, 1):
            return None
        i, j, c = found
        return self.lower(i, j) if c else self.complement(self.lower(j, i))

    def places_in(self, p: Poly) -> tuple[int, int, Fraction] | None:
        """The axes i and j and the number c, if p is the difference of their places and a number, i - j + c."""
        rest = {m: c for m, c in p.items() if m != UNIT}
        ends = {c: m[0][0][1][0] for m, c in rest.items() if len(m[0]) == 1 and self._is_place(m[0][0])}
        if set(ends) != {1, -1} or len(rest) != 2 or len({m[0][0][0] for m in rest}) != 1:
            return None
        i, j = ends[Fraction(1)], ends[Fraction(-1)]
        return (i, j, p.get(UNIT, Fraction(0))) if min(i, j) >= 0 else None

    def _is_place(self, factor: Factor) -> bool:
        a, labels, e = factor
        return self.atoms[a].kind == "arange" and len(labels) == 1 and e == 1

    def complement(self, p: Poly) -> Poly:
        return self.add((1, self.number(1)), (-1, p))

    def choose(self, condition: Poly, a: Poly, b: Poly) -> Poly:
        return self.add((1, self.multiply(condition, a)), (1, self.multiply(self.complement(condition), b)))

    def absolute(self, p: Poly) -> Poly:
        return self.multiply(p, self.sign(p))

    def relu(self, p: Poly) -> Poly:
        positive = self.greater(p, {})
        result = self.multiply(p, positive)
        self.ramps.setdefault(key_of(result), positive)
        return result

    def equal(self, a: Poly, b: Poly) -> Poly:
        difference = self.add((1, a), (-1, b))
        places = self.places_in(difference)
        if places is not None and not places[2]:
            return self.single(self.delta, places[:2])
        s = self.sign(difference)
        return self.complement(self.multiply(s, s))

    def condition(self, p: Poly, dtype: str) -> Poly:
        if dtype == "bool" or (len(p) <= SMALL and self.multiply(p, p) == p):  # 0 or 1
            return p
        return self.complement(self.equal(p, {}))

    def sigmoid(self, p: Poly) -> Poly:
        if not p:
            return self.number(HALF)
        if self.through_exp:
            e = self.exp(p)
            return self.multiply(e, self.power(self.add((1, self.number(1)), (1, e)), -ONE))
        frame = self.frame([p], flip=True)
        made = self.function("sigmoid", frame, positive=True)
        return made if frame.sign > 0 else self.complement(made)

    def tanh(self, p: Poly) -> Poly:
        if not p:
            return p
        if self.through_exp:
            e = self.exp(self.add((2, p)))
            top, bottom = self.add((1, e), (-1, self.number(1))), self.add((1, e), (1, self.number(1)))
            return self.multiply(top, self.power(bottom, -ONE))
        frame = self.frame([p], flip=True)
        return self.add((frame.sign, self.function("tanh", frame)))

    def hyperbolic(self, p: Poly, sign: int) -> Poly:
        """cosh and sinh are halves of exp(x) + exp(-x) and exp(x) - exp(-x)."""
        return self.add((HALF, self.exp(p)), (sign * HALF, self.exp(self.add((-1, p)))))

    def rest_of_right_angle(self, p: Poly) -> Poly:
        """arccos(x) is pi/2 - arcsin(x)."""
        return self.add((HALF, self.poly(pi)), (-1, self.by_cases(p, lambda q: self.elementwise("arcsin", [q]))))

    def area_tangent(self, p: Poly) -> Poly:
        """arctanh(x) is half of log((1 + x)/(1 - x))."""
        return self.add((HALF, self.log(self.add((1, self.number(1)), (1, p)))), (-HALF, self.log(self.complement(p))))

    def softplus(self, p: Poly) -> Poly:
        if self.through_exp or not p:
            return self.log(self.add((1, self.number(1)), (1, self.exp(p))))
        frame = self.frame([p], flip=True)
        made = self.function("softplus", frame, positive=True)
        return made if frame.sign > 0 else self.add((1, made), (1, p))

    def total_exp(self, node: Expr, p: Poly, axes: tuple[int, ...]) -> Poly:
        x = node.operands[0]
        return self.summed(self.exp(p), {a: x.shape[a] for a in axes if x.shape[a] != 1})

    def softmax(self, node: Expr, p: Poly) -> Poly:
        axis = node.attributes["axis"] % node.ndim
        if node.shape[axis] == 1:
            return self.number(1)
        if self.through_exp:
            return self.multiply(self.exp(p), self.power(self.total_exp(node, p, (axis,)), -ONE))
        moving = {m: c for m, c in p.items() if any(axis in ls for _, ls, _ in m[0])}
        if not moving:
            return self.power(self.size(node.shape[axis]), -ONE)
        return self.function(
            "softmax", self.frame([moving], first=(axis,)), positive=True, facts=frozenset([("sums_to_one", 0)])
        )

    def logsumexp(self, node: Expr, p: Poly) -> Poly:
        axes = node.attributes["axis"]
        total = self.log(self.total_exp(node, p, axes))
        if node.attributes["keepdims"] or node.ndim == node.operands[0].ndim:
            return total
        return self.without_axes(total, axes, node.operands[0].ndim)

    def log_softmax(self, node: Expr, p: Poly) -> Poly:
        return self.add((1, p), (-1, self.log(self.total_exp(node, p, (node.attributes["axis"] % node.ndim,)))))

    def extremum(self, sign: int, a: Poly, b: Poly) -> Poly:
        """max(a, b) is b + relu(a - b); min(a, b) is b - relu(b - a)."""
        return self.add((1, b), (sign, self.relu(self.add((sign, a), (-sign, b)))))


Rule = Callable[[Translator, Expr, list[Poly]], Poly]
RULES: dict[str, Rule] = {
    "exp": lambda t, n, a: t.by_cases(a[0], t.exp),
    "log": lambda t, n, a: t.log(a[0]) if len(a[0]) == 1 else t.by_cases(a[0], t.log),
    "log1p": lambda t, n, a: t.by_cases(t.add((1, t.number(1)), (1, a[0])), t.log),
    "expm1": lambda t, n, a: t.add((1, t.by_cases(a[0], t.exp)), (-1, t.number(1))),
    "sigmoid": lambda t, n, a: t.by_cases(a[0], t.sigmoid),
    "tanh": lambda t, n, a: t.by_cases(a[0], t.tanh),
    "softplus": lambda t, n, a: t.by_cases(a[0], t.softplus),
    "cosh": lambda t, n, a: t.by_cases(a[0], lambda p: t.hyperbolic(p, 1)),
    "sinh": lambda t, n, a: t.by_cases(a[0], lambda p: t.hyperbolic(p, -1)),
    "cos": lambda t, n, a: t.by_cases(a[0], t.cos),
    "sin": lambda t, n, a: t.by_cases(a[0], t.sin),
    "tan": lambda t, n, a: t.by_cases(a[0], t.tan),
    "softmax": lambda t, n, a: t.softmax(n, a[0]),
    "log_softmax": lambda t, n, a: t.log_softmax(n, a[0]),
    "logsumexp": lambda t, n, a: t.logsumexp(n, a[0]),
    "tril": lambda t, n, a: t.triangle(n, a[0], upper=False),
    "triu": lambda t, n, a: t.triangle(n, a[0], upper=True),
    "cumsum": lambda t, n, a: t.running(n, a[0], backwards=False),
    "reverse_cumsum": lambda t, n, a: t.running(n, a[0], backwards=True),
    "arctanh": lambda t, n, a: t.by_cases(a[0], t.area_tangent),
    "arccos": lambda t, n, a: t.rest_of_right_angle(a[0]),
    "sign": lambda t, n, a: t.sign(a[0]),
    "abs": lambda t, n, a: t.absolute(a[0]),
    "relu": lambda t, n, a: t.relu(a[0]),
    "maximum": lambda t, n, a: t.extremum(1, *a),
    "minimum": lambda t, n, a: t.extremum(-1, *a),
    "greater": lambda t, n, a: t.greater(*a),
    "less": lambda t, n, a: t.greater(a[1], a[0]),
    "greater_equal": lambda t, n, a: t.attained(n, a, 0) or t.complement(t.greater(a[1], a[0])),
    "less_equal": lambda t, n, a: t.attained(n, a, 1) or t.complement(t.greater(*a)),
    "equal": lambda t, n, a: t.attained(n, a, 0) or t.attained(n, a, 1) or t.equal(*a),
    "not_equal": lambda t, n, a: t.complement(t.attained(n, a, 0) or t.attained(n, a, 1) or t.equal(*a)),
    "reshape": lambda t, n, a: t.reshape(n, a[0]),
    "slice": lambda t, n, a: t.section(n, a[0]),
    "max": lambda t, n, a: t.largest(n, a[0]),
    "min": lambda t, n, a: t.largest(n, a[0]),
    "prod": lambda t, n, a: t.product(n, a[0]),
    "one_hot": lambda t, n, a: t.choice(n, a),
    "where": lambda t, n, a: t.choose(t.condition(a[0], n.operands[0].dtype), a[1], a[2]),
    "general_power": lambda t, n, a: t.general_power(*a),
}
