"""``grad``: differentiate and simplify together."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from graphc.autodiff import pullback
from graphc.calculus.structured import tied
from graphc.errors import DifferentiationError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, behaviour, make, substitute, topological
from graphc.ir.facts import RIGID
from graphc.ir.memory import without_cycle_search
from graphc.ops.arguments import expression, expressions
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.broadcasting import brief, leading
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.elementwise import as_float
from graphc.ops.leaves import PARAMETER, SYMBOL, constant
from graphc.ops.reductions import where
from graphc.ops.symbols import symbols_of
from graphc.rewriting.association import Which, associated
from graphc.rewriting.cost import bare
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.simplify import normalizer, presented, visible_names


class Gradients(list[Expr]):
    """The gradients by several variables: a list, which prints as one listing, shared parts on lines of their own."""

    def __init__(self, gradients: Iterable[Expr], wrt: Sequence[Expr]) -> None:
        super().__init__(gradients)
        self.wrt = tuple(wrt)

    def __str__(self) -> str:
        if len(self) != len(self.wrt):  # the list was changed
            return repr(self)
        names: dict[str, Expr] = {}
        for i, (x, g) in enumerate(zip(self.wrt, self, strict=True), start=1):
            name = f"d{x.name or i}"
            names[name if name not in names else f"{name}_{i}"] = g
        return str(behaviour["listing"](names))


@overload
def grad(f: Expr, x: Expr, /, *, structured: bool = False) -> Expr: ...
@overload
def grad(f: Expr, x: Sequence[Expr], /, *, structured: bool = False) -> Gradients: ...


def grad(f: Any, x: Any, /, *, structured: bool = False) -> Any:
    """The gradient of a scalar expression, simplified to its closed form.

    Parameters
    ----------
    f : Expr of shape ()
    x : Expr, or sequence of Expr
        Symbols, parameters, or intermediates of `f` (the lecture's dL/dh). Entries are independent, as if free:
        facts that they would break as they move (one-hot, symmetric, binary, ...) are put aside, in the result
        too, so that it can be differentiated again; `simplify` uses them.
    structured : bool
        The gradient by the entries that the facts of a matrix leave free: for a symmetric one, the derivative by
        ``X[i, j]`` as ``X[j, i]`` moves with it, ``G + G.T - diag(diag(G))`` (Petersen and Pedersen, The Matrix
        Cookbook, (138)); the triangle of `G` for a triangular one; its diagonal for a diagonal one.

    Returns
    -------
    Expr of the shape of `x`, or list of Expr
        ``print`` shows a list as one listing, ``dW = ...`` on a line for each variable, after the parts that several
        of them share.

    Raises
    ------
    DifferentiationError
        If `f` is not a scalar, `x` holds whole numbers or truth values, or an op on the way has no derivative rule.
    UnsupportedError
        If `f` or `x` is not an expression.
    """
    if isinstance(x, Expr):
        return gradients(scalar(f), [x], structured=structured)[0]
    wrt = expressions(x, "grad")
    return Gradients(gradients(scalar(f), wrt, structured=structured), wrt)


def refuse_discrete(wrt: Sequence[Expr]) -> None:
    """Only real numbers can move by a little.

    Raises
    ------
    DifferentiationError
        For whole numbers and truth values.
    """
    for x in wrt:
        if not x.dtype.startswith("float") and not x.weak:
            kind = "truth values" if x.dtype == "bool" else "whole numbers"
            raise DifferentiationError(
                f"{brief(x)} holds {kind} (dtype {x.dtype}), which cannot move by a little, so there is no derivative "
                "by it; declare it with dtype='float64' if it stands for real numbers"
            )


def scalar(f: Any, what: str = "grad") -> Expr:
    """`f`, if a gradient of it exists."""
    root = expression(f, what)
    if root.ndim:
        raise DifferentiationError(
            f"{what} needs a scalar, but {brief(root)} has shape {shape_text(root.shape)}; "
            "reduce it first, for example with sum() or mean()"
        )
    if root.dtype == "bool":
        raise DifferentiationError(f"{what} needs a number, but {brief(root)} is a truth value")
    return root


def gradients(f: Expr, wrt: list[Expr], *, structured: bool = False) -> list[Expr]:
    """Gradients by several variables, derived jointly and presented together."""
    results = pulled(f, constant(1), wrt, structured=structured)
    for x, g in zip(wrt, results, strict=True):
        if x.name and g.operands:
            _names[g] = f"d{x.name}"
    return results


@without_cycle_search
def pulled(f: Expr, seed: Expr, wrt: list[Expr], *, structured: bool = False) -> list[Expr]:
    """The cotangents of `wrt` for a cotangent of `f` (or a stack of them), in closed form."""
    refuse_discrete(wrt)
    symbols_of([f, seed, *(x for x in wrt if x.op in (SYMBOL, PARAMETER))])
    engine = normalizer()
    forms: dict[Expr, Expr] = {}
    back: dict[Expr, Expr] = {}
    plain = [x for x in wrt if is_free(x)]
    for x, g in zip(plain, differentiate(f, seed, plain, engine), strict=True):
        forms[x] = g
    for x in wrt:
        if x not in forms:
            free, g = by_stand_in(f, seed, x, engine)
            forms[x], back[free] = g, x
    if structured:
        forms = {x: engine.normal(substitute([tied(x, g)], back)[0]) for x, g in forms.items()}
    return shown(engine, f, [forms[x] for x in wrt], back)


def shown(engine: Normalizer, f: Expr, forms: list[Expr], back: Mapping[Expr, Expr]) -> list[Expr]:
    """Normal forms in matrix notation, with the names of the forward graph `f` visible in them.

    Stand-ins are replaced by what they stand for in `back`. A symbol comes in at the end: ``sum(b**3)`` has the
    derivative ``3*b**2`` also for b in {0, 1}; as ``3*b`` it would have another second derivative.
    """
    forward = engine.normal(f)
    inner = {free: x for free, x in back.items() if x.op not in (SYMBOL, PARAMETER)}
    opened = [engine.normal(g) for g in substitute(forms, inner)]
    _, *chained = associated(engine, [forward, *opened], visible_names(engine), Which.NO_WORSE)
    found = presented(engine, chained, as_declared=True, forward=[forward])
    return [real(g) for g in substitute(found, {free: x for free, x in back.items() if free not in inner})]


def real(g: Expr) -> Expr:
    """A gradient made of truth values or whole numbers, such as relu's, as real numbers."""
    if g.dtype.startswith("float"):
        return g
    truths: set[Expr] = set()
    inside: set[Expr] = set()
    for node in topological([g]):
        product = node.op is CONTRACT and node.attributes["coefficient"] == 1 and not summed(node)
        if node.dtype == "bool" or (product and node.operands and truths.issuperset(node.operands)):
            truths.add(node)
            inside.update(node.operands)
        elif node.op is not CONTRACT and node.op is not ADD:
            inside.update(node.operands)  # what a function takes as it is
    found = substitute([g], {t: where(t, 1, 0) for t in truths - inside})[0]
    return found if found.weak or found.dtype.startswith("float") else as_float(found)


_names: weakref.WeakKeyDictionary[Expr, str] = weakref.WeakKeyDictionary()


def gradient_name(expr: Expr) -> str | None:
    """``dW`` for what `grad` last gave as the gradient by W: a name for emitted code."""
    return _names.get(expr)


def node_gradients(f: Expr, wrt: Sequence[Expr], /) -> dict[Expr, Expr]:
    """The gradient by every node of `f` on the way to `wrt`, for pictures: node of the graph to expression."""
    engine = normalizer()
    engine.normal(scalar(f))
    found: dict[Expr, Expr] = {}
    pullback(f, constant(1), wrt, engine, lambda node, arrived, cotangent: found.update({node: cotangent}))
    return dict(zip(found, presented(engine, list(found.values()), as_declared=True), strict=True))


class Unsimplified:
    """Leaves every cotangent as the derivative rules wrote it."""

    def normal(self, expr: Expr) -> Expr:
        return expr

    def knowing(self, equation: tuple[Expr, Expr]) -> Unsimplified:
        return self


def raw_gradients(f: Expr, wrt: Sequence[Expr], /) -> list[Expr]:
    """The gradients as the chain rule alone gives them, for comparison: same values, nothing simplified.

    Parameters
    ----------
    f : Expr of shape ()
    wrt : sequence of symbols and parameters
    """
    found = pullback(scalar(f), constant(1), wrt, Unsimplified())
    return [broadcast(constant(0), x.shape) if g is None else g for x, g in zip(wrt, found, strict=True)]


def is_free(x: Expr) -> bool:
    """A symbol with no fact that one of its entries would break by moving."""
    return x.op in (SYMBOL, PARAMETER) and not any(fact.name in RIGID for fact in x.attributes.get("facts", ()))


def differentiate(f: Expr, seed: Expr, wrt: list[Expr], engine: Normalizer) -> list[Expr]:
    """Cotangents of leaves, in normal form; zeros where `f` does not depend on them."""
    found = pullback(engine.started(f), engine.normal(seed), wrt, engine)
    lead = leading(f, seed)
    return [broadcast(constant(0), lead + x.shape) if g is None else g for x, g in zip(wrt, found, strict=True)]


def by_stand_in(f: Expr, seed: Expr, x: Expr, engine: Normalizer) -> tuple[Expr, Expr]:
    """An intermediate, or a symbol whose facts are put aside, as a free symbol; and the derivative by that."""
    free, replaced = opened_at(f, x)
    return free, differentiate(replaced, seed, [free], engine)[0]


def opened_at(f: Expr, x: Expr) -> tuple[Expr, Expr]:
    """A free symbol for `x`, and `f` over it."""
    kept = frozenset(fact for fact in x.attributes.get("facts", ()) if fact.name not in RIGID)
    free = make(SYMBOL, (), name=x.name or "?", shape=x.shape, dtype=x.dtype, facts=kept or None)
    places = {node: free for node in topological([f]) if bare(node) is bare(x)}
    if not places and x.op not in (SYMBOL, PARAMETER):
        raise DifferentiationError(
            f"{brief(x)} does not occur in {brief(f)}; differentiate by a part of the expression"
        )
    return free, substitute([f], places)[0]
