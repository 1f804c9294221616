"""``check_derivative``: a derivative that a user gave for an op, held against the one that its formula has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphc.calculus import grad
from graphc.checking.judge import check
from graphc.checking.numeric import finite_difference
from graphc.checking.verdict import ORDER, Status, Verdict
from graphc.errors import DifferentiationError, UnsupportedError
from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arguments import expression, shown, signature_of
from graphc.ops.arithmetic import multiply
from graphc.ops.leaves import PARAMETER, SYMBOL, symbol
from graphc.ops.products import sum as sum_
from graphc.ops.stopping import overridden


def check_derivative(function: Callable[..., Any], /, *operands: Any, **options: Any) -> Verdict:
    """Judge the derivative given with a user's op against the derivative of its formula.

    Parameters
    ----------
    function : an op made by `elementwise` or `op`, or any function of expressions that uses such ops
    *operands : Expr
        What the function is applied to: symbols, of shapes that it takes. May be left out for `elementwise`.
    **options : options of the function

    Returns
    -------
    Verdict
        On the gradient of ``sum(G*function(*operands))`` by each operand, for any cotangent G: proved, equal at every
        point tried, or wrong with a counterexample. Of several operands the one that came out worst is shown.

    Raises
    ------
    UnsupportedError
        If the function is none, or an operand is no symbol.
    DifferentiationError
        If no derivative was given with any op of the function.

    Examples
    --------
    >>> from graphc.frontend.userops import elementwise
    >>> bowl = elementwise("bowl", "x**2/2", derivative="x")
    >>> check_derivative(bowl).status
    <Status.PROVED: 'proved'>
    """
    if not callable(function):
        raise UnsupportedError(f"check_derivative needs a function of expressions, got {shown(function)}")
    arguments = list(operands) or _variables(function)
    for x in arguments:
        if not isinstance(x, Expr) or x.op not in (SYMBOL, PARAMETER):
            raise UnsupportedError(f"check_derivative applies the function to symbols, got {shown(x)}")
    value = expression(function(*arguments, **options), "check_derivative")
    names = {str(node.name) for node in topological([value]) if node.op in (SYMBOL, PARAMETER)}
    cotangent = symbol(_fresh("G", names), value.shape, dtype=value.dtype)
    f, derived = (sum_(multiply(cotangent, e)) for e in (value, _uncustomized(value)))
    if not overridden([f]):
        raise DifferentiationError("check_derivative: the function uses no op that a derivative was given for")
    wrt = [x for x in dict.fromkeys(arguments) if x.dtype.startswith("float")]
    open_ = [node for node in topological([derived]) if node.op.custom is not None]
    found = [(x, measured(f, x) if open_ else check(derived, x, grad(f, x))) for x in wrt]
    x, worst = min(found, key=lambda item: ORDER.index(item[1].status))
    return worst if len(found) == 1 else replace(worst, reason=f"by {x.name}: {worst.reason}")


def measured(f: Expr, x: Expr) -> Verdict:
    """The gradient as it was given, against differences: where a function is NumPy code, there is no formula."""
    names = {str(s.name): s for s in topological([f]) if s.op in (SYMBOL, PARAMETER)}

    def differences(**values: Any) -> Any:
        return finite_difference(f, x, values)

    signature = inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])
    differences.__signature__ = signature  # type: ignore[attr-defined]
    verdict = check(f, x, differences)
    return replace(
        verdict,
        claim=verdict.answer,
        labels=("given", "measured"),
        reason="the derivative that was given differs from differences of the function at the point below."
        if verdict.status is Status.WRONG
        else verdict.reason.replace("a function is judged", "NumPy code is judged"),
    )


def _variables(function: Callable[..., Any]) -> list[Expr]:
    """Vectors for the arguments of a function that acts entry by entry."""
    name = getattr(function, "__name__", "the function")
    parameters = signature_of(function, "check_derivative").parameters.values()
    if not all(p.kind is p.POSITIONAL_ONLY for p in parameters):
        raise UnsupportedError(
            f"check_derivative needs the operands of {name}, as in check_derivative({name}, gc.symbol('x', ('n',)))"
        )
    return [symbol(p.name, ("n",)) for p in parameters]


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _uncustomized(root: Expr) -> Expr:
    """`root` with each op that a derivative was given for replaced by its formula."""
    done: dict[Expr, Expr] = {}
    for node in topological([root]):
        over = rebuild(node, tuple(done[o] for o in node.operands))
        done[node] = over
        if over.op.custom is not None and over.op.body is not None:
            done[node] = _uncustomized(over.op.body(over))
    return done[root]
