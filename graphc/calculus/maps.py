"""Jacobians, Hessians and their products with vectors: reverse mode with a delta, a cotangent or a direction.

A Jacobian is the pullback of the identity: the axes of the output lead every cotangent, and what remains of the delta
is the structure of the result (block diagonal, a Kronecker product with an identity). It is never an array before
someone asks for entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from graphc.autodiff.custom import delta, placeholder
from graphc.calculus.gradients import differentiate, is_free, opened_at, pulled, refuse_discrete, scalar, shown
from graphc.calculus.structured import tied
from graphc.errors import DifferentiationError, ShapeError, UnsupportedError
from graphc.ir.dims import compare, shape_text
from graphc.ir.expr import Expr, rebuild, substitute, topological
from graphc.ops.arguments import expression, expressions
from graphc.ops.arithmetic import ADD, add, broadcast
from graphc.ops.broadcasting import brief
from graphc.ops.leaves import as_expr, constant
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import RESHAPE, reshape
from graphc.ops.symbols import symbols_of
from graphc.rewriting.simplify import normalizer, simplify


@overload
def jacobian(f: Expr, x: Expr, /, *, structured: bool = False) -> Expr: ...
@overload
def jacobian(f: Expr, x: Sequence[Expr], /, *, structured: bool = False) -> list[Expr]: ...


def jacobian(f: Any, x: Any, /, *, structured: bool = False) -> Any:
    """All first derivatives of an array by an array, in closed form.

    Parameters
    ----------
    f : Expr of any shape
    x : Expr, or sequence of Expr
        As for `grad`.
    structured : bool
        As for `grad`: by the entries that the facts of a matrix leave free.

    Returns
    -------
    Expr of shape ``f.shape + x.shape``, or list of Expr
        Entry ``[i, ..., j, ...]`` is the derivative of ``f[i, ...]`` by ``x[j, ...]``. Identities in it stay symbolic
        until it is evaluated: the Jacobian of ``tanh(x)`` is ``diag(1 - tanh(x)**2)``.

    Raises
    ------
    DifferentiationError
        If an op on the way has no derivative rule.
    """
    root = expression(f, "jacobian")
    wrt = expressions(x, "jacobian")
    inner = unreshaped(root)
    found = pulled(inner, delta(inner.shape), wrt, structured=structured)
    if inner.shape != root.shape:
        found = [simplify(reshape(g, root.shape + g.shape[inner.ndim :])) for g in found]
    return found[0] if isinstance(x, Expr) else found


def vjp(f: Expr, x: Any, g: Any, /) -> Any:
    """The vector-Jacobian product: the gradient of ``sum(g*f)`` by `x`, with `g` held constant.

    Parameters
    ----------
    f : Expr of any shape
    x : Expr, or sequence of Expr
    g : Expr, number or array of the shape of `f`
        The cotangent.

    Returns
    -------
    Expr of the shape of `x`, or list of Expr

    Raises
    ------
    ShapeError
        If `g` does not have the shape of `f`.
    """
    root = expression(f, "vjp")
    cotangent = like(root, g, "vjp", "the cotangent")
    found = pulled(root, cotangent, expressions(x, "vjp"))
    return found[0] if isinstance(x, Expr) else found


def jvp(f: Expr, x: Any, v: Any, /) -> Expr:
    """The Jacobian-vector product: the derivative of `f` along `v`.

    The map from cotangents of `f` to cotangents of `x` is linear; the product is its transpose applied to `v`, so
    that forward mode needs no rules of its own.

    Parameters
    ----------
    f : Expr of any shape
    x : Expr, or sequence of Expr
    v : Expr, number or array of the shape of `x`, or a sequence of them
        The direction, held constant.

    Returns
    -------
    Expr of the shape of `f`

    Raises
    ------
    ShapeError
        If a direction does not have the shape of its variable.
    """
    root = expression(f, "jvp")
    wrt, directions = pairs(x, v, "jvp")
    symbols_of([root, *wrt, *directions])
    engine, (free, replaced), back = normalizer(), *opened_all(root, wrt)
    cotangent = placeholder("?cotangent", root.shape, root.dtype)
    found = differentiate(replaced, cotangent, free, engine)
    (result,) = differentiate(dotted(found, directions), constant(1), [cotangent], engine)
    if cotangent in topological([result]):
        raise DifferentiationError(
            "jvp: a derivative rule on the way is not linear in the cotangent, so that it gives gradients of scalars "
            "(grad, vjp), but no product with the Jacobian"
        )
    return shown(engine, root, [result], back)[0]


def hvp(f: Expr, x: Any, v: Any, /) -> Any:
    """The Hessian-vector product of a scalar: the gradient of ``sum(grad(f, x)*v)``, about the cost of two gradients.

    Parameters
    ----------
    f : Expr of shape ()
    x : Expr, or sequence of Expr
    v : Expr, number or array of the shape of `x`, or a sequence of them
        The direction, held constant.

    Returns
    -------
    Expr of the shape of `x`, or list of Expr

    Raises
    ------
    DifferentiationError
        If `f` is not a scalar.
    ShapeError
        If a direction does not have the shape of its variable.
    """
    root = scalar(f, "hvp")
    wrt, directions = pairs(x, v, "hvp")
    symbols_of([root, *wrt, *directions])
    engine, (free, replaced), back = normalizer(), *opened_all(root, wrt)
    fixed = [placeholder(f"?direction{i}", d.shape, d.dtype) for i, d in enumerate(directions)]
    first = differentiate(replaced, constant(1), free, engine)
    second = differentiate(dotted(first, fixed), constant(1), free, engine)
    found = shown(engine, root, substitute(second, dict(zip(fixed, directions, strict=True))), back)
    return found[0] if isinstance(x, Expr) else found


def hessian(f: Expr, x: Any, y: Any = None, /, *, structured: bool = False) -> Any:
    """All second derivatives of a scalar, in closed form.

    Parameters
    ----------
    f : Expr of shape ()
    x : Expr, or sequence of Expr
    y : Expr, or sequence of Expr, optional
        The second variable (`x` by default): ``hessian(f, W, b)`` is the mixed block.
    structured : bool
        As for `grad`: by the entries that the facts of a matrix leave free.

    Returns
    -------
    Expr of shape ``x.shape + y.shape``
        A list of Expr if one of `x` and `y` is a sequence, a list of rows if both are.

    Raises
    ------
    DifferentiationError
        If `f` is not a scalar, or an op on the way has no derivative rule.
    """
    root = scalar(f, "hessian")
    y = x if y is None else y
    rows, columns = expressions(x, "hessian"), expressions(y, "hessian")
    symbols_of([root, *rows, *columns])
    wrt = list(dict.fromkeys([*rows, *columns]))
    refuse_discrete(wrt)
    engine, (free, replaced), back = normalizer(), *opened_all(root, wrt)
    place = dict(zip(wrt, free, strict=True))
    first = differentiate(replaced, constant(1), [place[r] for r in rows], engine)
    over = [place[c] for c in columns]
    if structured:
        first = [engine.normal(tied(r, g)) for r, g in zip(rows, first, strict=True)]
    second = [block for g in first for block in differentiate(g, delta(g.shape), over, engine)]
    if structured:
        whole = [tied(columns[i % len(over)], block) for i, block in enumerate(second)]
        second = [engine.normal(block) for block in substitute(whole, back)]
    found = shown(engine, root, second, back)
    table = [found[i * len(over) : (i + 1) * len(over)] for i in range(len(rows))]
    if isinstance(y, Expr):
        return table[0][0] if isinstance(x, Expr) else [row[0] for row in table]
    return table[0] if isinstance(x, Expr) else table


def unreshaped(f: Expr) -> Expr:
    """What `f` is a reshape of: its Jacobian reshaped is that of `f`, and the delta is one of the smaller axes."""
    while True:
        if f.op is RESHAPE:
            f = f.operands[0]
        elif f.op.opens and f.op.body is not None:
            f = f.op.body(f)
        elif f.op is ADD:
            terms = [unreshaped(t) for t in f.operands]
            same = all(t.shape == terms[0].shape != f.shape for t in terms)
            return rebuild(f, tuple(terms)) if same else f
        else:
            return f


def opened_all(f: Expr, wrt: list[Expr]) -> tuple[tuple[list[Expr], Expr], dict[Expr, Expr]]:
    """Free symbols for `wrt`, `f` over them, and what each stands for."""
    free, back = [], {}
    for x in wrt:
        if is_free(x):
            free.append(x)
        else:
            stand_in, f = opened_at(f, x)
            free.append(stand_in)
            back[stand_in] = x
    return (free, f), back


def dotted(arrays: list[Expr], directions: list[Expr]) -> Expr:
    """The sum of the inner products."""
    total = constant(0)
    for a, v in zip(arrays, directions, strict=True):
        total = add(total, sum_(a * v))
    return total


def pairs(x: Any, v: Any, what: str) -> tuple[list[Expr], list[Expr]]:
    """Variables and their directions."""
    wrt = expressions(x, what)
    refuse_discrete(wrt)
    given = [v] if isinstance(x, Expr) else v
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(wrt):
        raise UnsupportedError(f"{what}: {len(wrt)} variables need a list of {len(wrt)} directions, got {v!r}")
    return wrt, [like(a, d, what, "the direction") for a, d in zip(wrt, given, strict=True)]


def like(x: Expr, value: Any, what: str, role: str) -> Expr:
    """`value` as an expression of the shape of `x`; a number is stretched."""
    found = as_expr(value)
    if not found.shape and found.weak:
        found = broadcast(found, x.shape)
    differs = any(compare(a, b) == "different" for a, b in zip(found.shape, x.shape, strict=False))
    if found.ndim != x.ndim or differs:
        raise ShapeError(
            f"{what}: {role} for {brief(x)} must have its shape {shape_text(x.shape)}, got {shape_text(found.shape)}"
        )
    return found
