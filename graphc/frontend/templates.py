"""Scalar formulas as templates: expressions of scalar symbols that are applied to arrays entry by entry."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction

from graphc.errors import FormulaError
from graphc.frontend.lexicon import KEYWORDS, Tokens, error_at
from graphc.ir.expr import Expr, topological
from graphc.ir.op import Op, registry
from graphc.ops.arithmetic import ADD, scaled
from graphc.ops.contraction import CONTRACT
from graphc.ops.elementwise import apply, sigmoid, softplus
from graphc.ops.leaves import CONSTANT, NAMED, PI, SYMBOL, as_expr, constant, number
from graphc.ops.notation import functions
from graphc.ops.reductions import WHERE
from graphc.ops.stopping import STOP

COMPOSED = ("sqrt", "where", "clip", "stop_gradient")  # act entry by entry without an elementwise record of their own


def arguments(formula: str) -> list[str]:
    """The names of a scalar formula that nothing defines, in order of first appearance.

    Raises
    ------
    FormulaError
        If there are none, or the formula uses matrix notation.
    """
    found = names_of(formula)
    if not found:
        raise FormulaError(f"the formula {formula.strip()!r} has no names; write for example x * tanh(x)")
    return found


def names_of(formula: str) -> list[str]:
    """As `arguments`, for a formula that may have no names."""
    if not isinstance(formula, str):
        raise FormulaError(f"a formula is a text, got {type(formula).__name__}")
    tokens = Tokens(formula)
    found: dict[str, None] = {}
    lines: set[str] = set()
    while tokens.upcoming.kind != "end":
        token = tokens.next()
        if token.kind == "operator" and token.text in ("@", ".", "["):
            reason = f"{token.text} does not act entry by entry; use @gc.op for formulas of arrays"
            raise error_at(FormulaError(reason), formula, token.offset)
        if token.kind != "name" or token.text in KEYWORDS or token.text in ("pi", "True", "False", "None"):
            continue
        after = tokens.upcoming.text if tokens.upcoming.kind == "operator" else ""
        if after == "(":
            function = functions.get(token.text)
            record = registry.get(getattr(function, "__name__", token.text))
            if function is not None and token.text not in COMPOSED and not (record and record.formula):
                reason = f"{token.text} does not act entry by entry; use @gc.op for formulas of arrays"
                raise error_at(FormulaError(reason), formula, token.offset)
        elif after == "=":
            lines.add(token.text)
        elif token.text not in lines:
            found[token.text] = None
    return list(found)


def entrywise(op: Op) -> bool:
    """Whether a scalar formula may use the op."""
    return op in (SYMBOL, CONSTANT, PI, ADD, CONTRACT, NAMED, STOP, WHERE) or op.formula is not None


def stable(template: Expr) -> Expr:
    """The template with ``log(1 + exp(x))`` as ``softplus(x)`` and ``1/(1 + exp(-x))`` as ``sigmoid(x)``."""
    done: dict[Expr, Expr] = {}
    for node in topological([template]):
        operands = [done[o] for o in node.operands]
        if node.op.name == "log" and (inner := _exponent(operands[0])) is not None:
            done[node] = softplus(inner)
        elif node.op is CONTRACT and operands:
            powers = zip(operands, node.attributes["exponents"], strict=True)
            done[node] = quotient(node.attributes["coefficient"], [_logistic(x, e) for x, e in powers])
        else:
            done[node] = _again(node, operands)
    return done[template]


def _logistic(x: Expr, e: Fraction) -> tuple[Expr, Fraction]:
    inner = _exponent(x)
    if e >= 0 or inner is None:
        return x, e
    negated = inner.op is CONTRACT and inner.attributes["coefficient"] == -1 and inner.attributes["exponents"] == (1,)
    return sigmoid(inner.operands[0] if negated else -inner), -e


def _exponent(x: Expr) -> Expr | None:
    """The u of ``1 + exp(u)``."""
    if x.op is not ADD or x.attributes["coefficients"] != (1, 1):
        return None
    a, b = x.operands
    if number(b) == 1:
        a, b = b, a
    return b.operands[0] if number(a) == 1 and b.op.name == "exp" else None


def replay(template: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """The template over other operands: its symbols replaced by arrays, its operations broadcast."""
    done: dict[Expr, Expr] = dict(values)
    for node in topological([template]):
        if node not in done:
            done[node] = _again(node, [done[o] for o in node.operands])
    return done[template]


def _again(node: Expr, operands: list[Expr]) -> Expr:
    """The operation of a template's node over other operands, by the constructors that broadcast."""
    if not operands:
        return node
    if node.op is ADD:
        terms = [scaled(abs(c), x) for c, x in zip(node.attributes["coefficients"], operands, strict=True)]
        total = terms[0] if node.attributes["coefficients"][0] > 0 else -terms[0]
        for c, x in zip(node.attributes["coefficients"][1:], terms[1:], strict=True):
            total = total + x if c > 0 else total - x
        return total
    if node.op is CONTRACT:
        powers = list(zip(operands, node.attributes["exponents"], strict=True))
        return quotient(node.attributes["coefficient"], powers)
    if node.op is NAMED:
        return operands[0]
    if node.op.name == "general_power":
        result: Expr = operands[0] ** operands[1]
        return result
    return apply(node.op, tuple(operands), **node.attributes)


def quotient(coefficient: Fraction, powers: Sequence[tuple[Expr, Fraction]]) -> Expr:
    """``coefficient * x**2 * y / z`` from factors and exponents, without factors of 1."""
    top = [x ** as_expr(e) for x, e in powers if e > 0]
    bottom = [x ** as_expr(-e) for x, e in powers if e < 0]
    share = Fraction(coefficient.denominator) if bottom else Fraction(1)
    below = _multiplied(share, bottom)
    return _multiplied(coefficient * share, top) / below if bottom else _multiplied(coefficient, top)


def _multiplied(coefficient: Fraction, factors: list[Expr]) -> Expr:
    if not factors:
        return constant(coefficient)
    return functools.reduce(lambda a, b: a * b, factors[1:], scaled(coefficient, factors[0]))
