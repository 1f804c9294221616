"""Derivatives of scalar formulas by SymPy: from templates to SymPy and back.

Functions that SymPy would
rewrite (sigmoid, softplus, the comparisons, ...) or differentiate to distributions (sign, maximum) go through SymPy
as functions of their own, whose derivatives are those of the op records: the conventions at kinks stay the same.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from graphc.errors import DifferentiationError
from graphc.frontend.templates import quotient
from graphc.ir.expr import Expr, make, stable_text, topological
from graphc.ir.op import Op, registry
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT
from graphc.ops.elementwise import apply, exp
from graphc.ops.leaves import CONSTANT, NAMED, PI, constant, symbol
from graphc.ops.leaves import pi as pi_
from graphc.ops.notation import functions
from graphc.ops.reductions import WHERE
from graphc.ops.stopping import STOP

# What SymPy knows under the same meaning; everything else passes through it opaquely.
NATURAL = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "arctan": sympy.atan,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "erf": sympy.erf,
    "abs": sympy.Abs,
}
_BACK = {function: name for name, function in NATURAL.items()}


def to_sympy(template: Expr, values: Mapping[Expr, sympy.Expr]) -> sympy.Expr:
    """The template as a SymPy expression, with `values` for its symbols."""
    done: dict[Expr, Any] = dict(values)
    for node in topological([template]):
        if node not in done:
            done[node] = _sympy_node(node, [done[o] for o in node.operands])
    return done[template]


def _sympy_node(node: Expr, args: list[Any]) -> Any:
    if node.op is CONSTANT:
        return _rational(node.attributes["value"])
    if node.op is PI:
        return sympy.pi
    if node.op is ADD:
        return sympy.Add(*(_rational(c) * a for c, a in zip(node.attributes["coefficients"], args, strict=True)))
    if node.op is CONTRACT:
        powers = [a ** _rational(e) for a, e in zip(args, node.attributes["exponents"], strict=True)]
        return sympy.Mul(_rational(node.attributes["coefficient"]), *powers)
    if node.op is NAMED:
        return args[0]
    if node.op.name == "general_power":
        return args[0] ** args[1]
    if node.op.name in NATURAL:
        return NATURAL[node.op.name](*args)
    if node.op.derivative is None and node.op.body is not None and node.op is not STOP:
        places = [symbol(f"_{i}") for i in range(len(args))]
        body = node.op.body(make(node.op, places, **node.attributes))
        return to_sympy(body, dict(zip(places, args, strict=True)))
    return opaque(node.op, tuple(node.attributes.items()))(*args)


@functools.cache
def opaque(op: Op, options: tuple[tuple[str, Any], ...] = ()) -> Any:
    """A SymPy function that stands for an op with its options and is differentiated by the op's record."""

    def fdiff(self: Any, argindex: int = 1) -> Any:
        places = [symbol(f"_{i}") for i in range(len(self.args))]
        if op.derivative is None:
            return sympy.Integer(0)
        partial = op.derivative(*places, make(op, places, **dict(options)))[argindex - 1]
        if partial is None:
            return sympy.Integer(0)
        return to_sympy(partial, dict(zip(places, self.args, strict=True)))

    def choose(self: Any, variable: Any) -> Any:
        condition, x, y = self.args
        return opaque(WHERE)(condition, x.diff(variable), y.diff(variable))

    methods: dict[str, Any] = {"fdiff": fdiff, "is_extended_real": True, "meaning": (op, dict(options))}
    if op is WHERE:
        methods["_eval_derivative"] = choose
    return type("_".join([op.name, *(stable_text(v) for _, v in options)]), (sympy.Function,), methods)


def from_sympy(expr: Any, values: Mapping[Any, Expr]) -> Expr:
    """A SymPy expression as a template, with `values` for its symbols.

    Raises
    ------
    DifferentiationError
        If the expression is infinite or complex, or holds a function that graphc does not have.
    """
    if expr in values:
        return values[expr]
    if isinstance(expr, sympy.Rational):
        return constant(Fraction(int(expr.p), int(expr.q)))
    if expr is sympy.pi:
        return pi_
    if isinstance(expr, sympy.Add):
        terms = sorted(expr.as_ordered_terms(), key=lambda t: t.could_extract_minus_sign())
        total = from_sympy(terms[0], values)
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            part = from_sympy(-term if negative else term, values)
            total = total - part if negative else total + part
        return total
    if isinstance(expr, (sympy.Mul, sympy.Pow)):
        return _product(expr, values)
    if hasattr(type(expr), "meaning"):
        op, options = type(expr).meaning
        return apply(op, tuple(from_sympy(a, values) for a in expr.args), **options)
    name = _BACK.get(type(expr), type(expr).__name__)
    if name == "exp" or (isinstance(expr, sympy.Function) and name in functions):
        found: Expr = functions[name](*(from_sympy(a, values) for a in expr.args))
        return found
    if expr is sympy.E:
        return exp(constant(1))
    raise DifferentiationError(f"the derivative holds {expr}, which has no meaning among graphc's real functions")


def _product(expr: Any, values: Mapping[Any, Expr]) -> Expr:
    coefficient, rest = expr.as_coeff_Mul()
    powers: list[tuple[Expr, Fraction]] = []
    for factor in rest.as_ordered_factors() if rest != 1 else ():
        base, exponent = (factor.base, factor.exp) if isinstance(factor, sympy.Pow) else (factor, sympy.Integer(1))
        if not exponent.is_Rational:
            sign = -1 if exponent.could_extract_minus_sign() else 1
            base, exponent = sympy.Pow(base, sign * exponent, evaluate=False), sympy.Integer(sign)
            powers.append((from_sympy(base.base, values) ** from_sympy(base.exp, values), Fraction(sign)))
        else:
            powers.append((from_sympy(base, values), Fraction(int(exponent.p), int(exponent.q))))
    if not coefficient.is_Rational:
        raise DifferentiationError(f"the derivative holds {coefficient}, which is no real number")
    return quotient(Fraction(int(coefficient.p), int(coefficient.q)), powers)


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


def partial(template: Expr, variables: Sequence[Expr], by: Expr, output: Expr) -> Expr:
    """The derivative of a template by one of its variables, written with the `output` where that is shorter.

    Parameters
    ----------
    template : Expr of shape ()
    variables : the symbols of the template
    by : one of them
    output : a symbol that stands for the value of the template itself

    Raises
    ------
    DifferentiationError
        If SymPy's derivative cannot be written in graphc's functions.
    """
    values = {v: sympy.Symbol(f"x{i}", real=True) for i, v in enumerate(variables)}
    y = sympy.Symbol("y", real=True)
    f = to_sympy(template, values)
    d = f.diff(values[by]).replace(sympy.sign, opaque(registry["sign"]))
    back = {s: v for v, s in values.items()} | {y: output}
    candidates = [d, sympy.factor_terms(d), sympy.factor(d)]
    if not f.is_Symbol and not f.is_number:
        through = [c.subs(f, y) for c in (*candidates, sympy.expand(d))]
        candidates = [*through, *map(sympy.factor_terms, through), *candidates]
    eliminated = through_output(f, d, y)
    candidates += [] if eliminated is None else [sympy.expand(eliminated), eliminated]
    written = [from_sympy(c, back) for c in dict.fromkeys(candidates)]
    return min(written, key=lambda e: sum(1 for node in topological([e]) if node.operands))


def through_output(f: Any, d: Any, y: Any) -> Any:
    """`d` as a polynomial of ``y = f``, where `f` is a linear fraction of one exponential; None otherwise.

    With f = (a t + b)/(c t + e) and numbers a, b, c, e, t is (e y - b)/(a - c y): so sigmoid' is y(1 - y).
    """
    exponents = [g.args[0] for g in (f + d).atoms(sympy.exp)]
    if not exponents:
        return None
    ratios = [sympy.cancel(u / exponents[0]) for u in exponents]
    if any(not r.is_Rational for r in ratios):
        return None
    unit = sympy.gcd_list(ratios) * exponents[0]
    t, square = sympy.Dummy("t", positive=True), sympy.Dummy("t", positive=True)
    powers = {sympy.exp(u): t ** sympy.cancel(u / unit) for u in exponents}
    pair = [sympy.cancel(g.xreplace(powers)) for g in (f, d)]
    if pair[0].subs(t, -t) == pair[0]:  # tanh is a linear fraction of exp(2x)
        pair, t = [g.subs(t, sympy.sqrt(square)) for g in pair], square
    if not all(g.is_rational_function(t) and g.free_symbols <= {t} for g in pair):
        return None
    above, below = (sympy.Poly(p, t) for p in sympy.fraction(sympy.cancel(pair[0])))
    (a, b), (c, e) = ([p.coeff_monomial(t), p.coeff_monomial(1)] for p in (above, below))
    if max(above.degree(), below.degree()) > 1 or a * e == b * c:
        return None
    result = sympy.cancel(pair[1].subs(t, (e * y - b) / (a - c * y)))
    return sympy.factor(result) if result.is_polynomial(y) else None
