"""Which nodes are rational functions of one exponential, such as sigmoid, tanh, cosh and what is made of them."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.arithmetic import ADD, combine, scaled
from graphc.ops.contraction import CONTRACT, Labels, aligned, contract, factors_of, summed
from graphc.ops.elementwise import log
from graphc.ops.leaves import CONSTANT, NAMED, constant
from graphc.rewriting.terms import number_of
from graphc.scheduling.exponentials import ONE, UNIT, Rational, total

Found: TypeAlias = "tuple[Expr | None, Rational]"  # the x of t = exp(x), None for a number; and the function of t

EXP, LOG, LOG1P, EXPM1, SOFTPLUS, SIGMOID, TANH, SINH, COSH = (
    registry[name] for name in ("exp", "log", "log1p", "expm1", "softplus", "sigmoid", "tanh", "sinh", "cosh")
)
POWER, ABSOLUTE = registry["general_power"], registry["abs"]


class Exponentials:
    """The rational functions found so far; nodes are asked for in topological order."""

    def __init__(self) -> None:
        self.memo: dict[Expr, Found | None] = {}
        self.sums: dict[Expr, Expr] = {}

    def of(self, node: Expr) -> Found | None:
        """The node as a rational function of exp(x) for some x, entry by entry."""
        if node not in self.memo:
            self.memo[node] = self._found(node)
        return self.memo[node]

    def _found(self, node: Expr) -> Found | None:
        op = node.op
        if op is NAMED:
            return self.of(node.operands[0])
        if op is CONSTANT:
            return None, Rational(node.attributes["value"])
        if op is CONTRACT:
            return self._product(node)
        if op is ADD:
            terms = [self.of(o) for o in node.operands]
            return joined(terms, node.attributes["coefficients"])
        if op in (EXP, EXPM1, SIGMOID, TANH, SINH, COSH):
            return self._function(node)
        if op is ABSOLUTE:
            held = self.of(node.operands[0])
            return None if held is None or not held[1].signed else (held[0], held[1].scaled(Fraction(held[1].signed)))
        return self._power(node) if op is POWER else None

    def _power(self, node: Expr) -> Found | None:
        """``b**u`` for a number b is the exponential of u*log(b)."""
        number = number_of(node.operands[0])
        if number is None or number <= 0 or number == 1:
            return None
        base, factor = normalized(node.operands[1])
        own = aligned(base.shape, base.shape)
        scale = log(constant(max(number, 1 / number)))
        return contract([(base, own, ONE), (scale, (), ONE)], base.shape), Rational(
            ONE, factor if number > 1 else -factor
        )

    def _function(self, node: Expr) -> Found | None:
        (u,) = node.operands
        base, t = self.exponential(u)
        return None if base is None else _applied(node.op, base, t)

    def exponential(self, u: Expr) -> Found:
        """``exp(u)``: a power of the exponential of a part of u, or what u is the logarithm of."""
        inner = self.logarithm(u)
        if inner is not None and inner[0] is not None:
            return inner
        base, factor = normalized(u)
        if factor == 1 and u.op is ADD:
            self.sums.setdefault(base, u)  # its terms in the order in which they are added anyway
        return self.sums.get(base, base), Rational(ONE, factor)

    def logarithm(self, u: Expr) -> Found | None:
        """What u is the logarithm of, if that is a rational function of an exponential."""
        while u.op is NAMED:
            (u,) = u.operands
        if u.op is LOG:
            return self.of(u.operands[0])
        if u.op is LOG1P:
            return joined([self.of(u.operands[0]), (None, UNIT)], (ONE, ONE))
        if u.op is SOFTPLUS:
            base, t = self.exponential(u.operands[0])
            return joined([(base, t), (None, UNIT)], (ONE, ONE))
        if u.op is CONTRACT and multiple(u) is not None:
            inner = self.logarithm(u.operands[0])
            return None if inner is None else raised(inner, u.attributes["coefficient"])
        return None

    def _product(self, node: Expr) -> Found | None:
        if summed(node):
            return None
        result: Found = (None, Rational(node.attributes["coefficient"]))
        for f, labels, e in factors_of(node):
            part = self.of(f) if in_place(f, labels, node) or not f.ndim else None
            part = None if part is None or (not f.ndim and node.ndim and part[0] is not None) else raised(part, e)
            if part is None or (result[0] is not None and part[0] not in (None, result[0])):
                return None
            result = (part[0] if result[0] is None else result[0], result[1].times(part[1]))
        return result


def _applied(op: object, base: Expr, t: Rational) -> Found | None:
    """A function whose argument has the exponential t."""
    if op is EXP:
        return base, t
    if op is EXPM1:
        return _with(base, t.less(ONE))
    if op is SIGMOID:
        return _quotient(base, t, total([t, UNIT]))
    square, inverse = t.raised(Fraction(2)), t.raised(Fraction(-1))
    if square is None or inverse is None:
        return None
    if op is TANH:
        return _quotient(base, square.less(ONE), total([square, UNIT]))
    half = total([t.scaled(ONE / 2), inverse.scaled(ONE / 2 if op is COSH else -ONE / 2)])
    return _with(base, half)


def _with(base: Expr, value: Rational | None) -> Found | None:
    return None if value is None else (base, value)


def _quotient(base: Expr, above: Rational | None, below: Rational | None) -> Found | None:
    inverse = None if below is None else below.raised(-ONE)
    return None if above is None or inverse is None else (base, above.times(inverse))


def raised(found: Found, exponent: Fraction) -> Found | None:
    power = found[1].raised(exponent)
    return None if power is None else (found[0], power)


def joined(terms: list[Found | None], coefficients: tuple[Fraction, ...]) -> Found | None:
    """The sum of functions of one exponential."""
    found = [t for t in terms if t is not None]
    bases = {b for b, _ in found if b is not None}
    if len(found) < len(terms) or len(bases) > 1:
        return None
    value = total([r.scaled(c) for (_, r), c in zip(found, coefficients, strict=True)])
    return None if value is None else (next(iter(bases), None), value)


def in_place(f: Expr, labels: Labels, node: Expr) -> bool:
    """Whether a factor has the axes of the product, each where it is."""
    return f.ndim == node.ndim and labels == aligned(f.shape, node.shape) == aligned(node.shape, node.shape)


def multiple(u: Expr) -> Fraction | None:
    """The number that a node is a multiple by."""
    if u.op is not CONTRACT or len(u.operands) != 1 or u.attributes["exponents"] != (1,):
        return None
    (f,), (labels,) = u.operands, u.attributes["labels"]
    number: Fraction = u.attributes["coefficient"]
    return number if number and in_place(f, labels, u) else None


def normalized(u: Expr) -> tuple[Expr, Fraction]:
    """A node as a number times one that is the same for all its multiples."""
    factor = ONE
    while True:
        if u.op is NAMED:
            (u,) = u.operands
        elif (number := multiple(u)) is not None:
            factor *= number
            (u,) = u.operands
        elif u.op is ADD:
            terms = sorted(zip(u.attributes["coefficients"], u.operands, strict=True), key=lambda t: t[1].digest)
            lead = next((c for c, x in terms if x.op is not CONSTANT and c), ONE)
            return combine([(c / lead, x) for c, x in terms]), factor * lead
        else:
            return u, factor


def times(number: Fraction | int, u: Expr) -> Expr:
    """``number * u``, a multiple of a multiple as one."""
    while (inner := multiple(u)) is not None:
        number = inner * number
        (u,) = u.operands
    return scaled(number, u)


def plain(node: Expr) -> Expr:
    while node.op is NAMED:
        (node,) = node.operands
    return node
