"""``simplify``: normal form under the rule sets, then matrix notation with the user's names put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from graphc.errors import SimplificationBudgetWarning
from graphc.ir.expr import Expr, rebuild, substitute, topological
from graphc.ir.memory import without_cycle_search
from graphc.ops.arguments import expression, expressions
from graphc.ops.broadcasting import warn_user
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.leaves import NAMED, named
from graphc.ops.symbols import symbols_of
from graphc.rewriting import rulesets
from graphc.rewriting.association import Which, associated
from graphc.rewriting.cost import excess
from graphc.rewriting.fold import Folder
from graphc.rewriting.grouping import from_the_left
from graphc.rewriting.matching import meeting, rewriters
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.present import Presenter
from graphc.rewriting.terms import view
from graphc.rewriting.turning import shared_nodes

assert rulesets.__all__
OVER = "simplification ended at its budget: the result is right, but may be longer than its closed form"


def normalizer(*, everywhere: bool = False) -> Normalizer:
    """A fresh normalizer with every rule set."""
    return Normalizer(rewriters, meeting, everywhere=everywhere)


@overload
def simplify(exprs: Expr, /) -> Expr: ...
@overload
def simplify(exprs: Sequence[Expr], /) -> list[Expr]: ...


def simplify(exprs: Any, /) -> Any:
    """The closed form of one expression, or of several jointly.

    Parameters
    ----------
    exprs : Expr or sequence of Expr

    Returns
    -------
    Expr, or list of Expr
        In canonical form: the same node whatever the order and grouping of operands it was declared with.

    Warns
    -----
    SimplificationBudgetWarning
        Where trying for a shorter form took more steps than an expression of its size is given. They are counted, not
        timed: the result is the same on every machine. What was found until then is given; it has the same value.
    """
    if isinstance(exprs, Expr):
        return simplify([exprs])[0]
    return closed_forms(expressions(exprs, "simplify"))


@without_cycle_search
def closed_forms(exprs: Sequence[Expr], *, regrouped: bool = True) -> list[Expr]:
    """`exprs` jointly in closed form.

    Unless chains of matrix products are to be `regrouped`, they keep the grouping that they are declared with, but for
    products of matrices where one with a vector will do: which grouping takes less time depends on the sizes.
    """
    symbols_of(exprs)
    engine = normalizer(everywhere=regrouped)
    return presented(engine, shorter(engine, exprs), which=Which.EVERY if regrouped else Which.LESS)


def shorter(engine: Normalizer, exprs: Sequence[Expr]) -> list[Expr]:
    """`exprs` with their activations opened, where less remains: silu(x)/x is sigmoid(x), silu(x) stays.

    What the user has named stays as it is.
    """
    done: dict[Expr, Expr] = {}
    for node in topological(exprs):
        over = node if node.op is NAMED else rebuild(node, tuple(done[o] for o in node.operands))
        body = over.op.body
        done[node] = over if body is None or over.op.opens or over.op.formula is None else body(over)
    changed = [expr for expr in exprs if done[expr] is not expr]
    engine.normals([done[expr] for expr in changed])
    engine.normals(changed)
    return [opened_if_less(engine, expr, done[expr]) for expr in exprs]


def opened_if_less(engine: Normalizer, expr: Expr, opened: Expr) -> Expr:
    less = opened is not expr and excess(engine.normal(opened), engine.normal(expr)) < 0
    return opened if less else expr


def presented(
    engine: Normalizer,
    exprs: list[Expr],
    *,
    as_declared: bool = False,
    which: Which | None = None,
    forward: Sequence[Expr] = (),
) -> list[Expr]:
    """Normal forms of `exprs` in matrix notation, with the names of intermediates put back.

    Below a name stands the simplified formula; with `as_declared`, the user's own node. Chains of products `which`
    are associated anew; the products that `forward` has stay, so that they are computed once.
    """
    forms = engine.normals(exprs)
    kept = {x for x in topological([engine.normal(e) for e in forward]) if x.op is CONTRACT and summed(x)}
    if which is not None:
        forms = associated(engine, forms, visible_names(engine), which)
    if engine.effort.exhausted:
        warn_user(OVER, SimplificationBudgetWarning)
    folder = Folder(visible_names(engine))
    folded = [folder.fold(form) for form in forms]
    every = [*folded, *folder.bodies.values()]
    presenter = Presenter(shared_nodes(every))
    presenter.look_at(every)
    for form in every:
        presenter.present(form)
    turned = presenter.only_turned(every)
    if turned:
        presenter = Presenter(presenter.shared - turned)
        presenter.look_at(every)
    results = []
    for expr, form in zip(exprs, folded, strict=True):
        shown = presenter.present(form)
        results.append(named(shown, str(expr.name)) if expr.op is NAMED and shown.op is not NAMED else shown)
    results = from_the_left(results, lambda product: view(engine.normal(product))[0] in kept)
    if as_declared:
        return results
    inner: dict[Expr, Expr] = {}
    for name, body in folder.bodies.items():
        inner[name] = rebuild(name, tuple(substitute([presenter.present(body)], inner)))
    return substitute(results, inner)


def visible_names(engine: Normalizer) -> dict[Expr, Expr]:
    """Normal forms that have a name, and the named expressions they are shown as."""
    return {form: node for form, node in engine.names.items() if form.operands}


def expand(expr: Expr, /) -> Expr:
    """`expr` with every defined op opened to its body, down to primitives."""
    done: dict[Expr, Expr] = {}
    stack = [expression(expr, "expand")]
    while stack:
        root = stack[-1]
        for node in topological([root]):
            if node in done:
                continue
            over = rebuild(node, tuple(done[o] for o in node.operands))
            if over.op.body is None:
                done[node] = over
            else:
                body = over.op.body(over)
                if body not in done and any(n.op.body is not None for n in topological([body])):
                    stack.append(body)
                    break
                done[node] = done.get(body, body)
        else:
            stack.pop()
    return done[expr]
