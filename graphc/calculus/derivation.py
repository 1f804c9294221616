"""``derive``: the derivation of a gradient, step by step, as a lecture writes it on the board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from graphc.autodiff import pullback
from graphc.calculus.gradients import gradients, is_free, opened_at, scalar
from graphc.ir.expr import Expr, behaviour, make, substitute
from graphc.ops.arguments import expression
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import form, is_implicit
from graphc.ops.leaves import NAMED, SYMBOL, constant
from graphc.rewriting.engine import Step
from graphc.rewriting.fold import Folder
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.present import Presenter
from graphc.rewriting.simplify import normalizer, visible_names

FOLD = 40  # steps beyond which the middle of a derivation is folded in text and LaTeX


@dataclass(frozen=True)
class Rewrite:
    """One use of a rewrite rule: ``before = after`` by `rule`, because of `reason`, using `facts`."""

    rule: str
    reason: str
    before: Expr
    after: Expr
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        used = f", with {' and '.join(self.facts)}" if self.facts else ""
        return f"{short(self.before)} = {short(self.after)}   [{self.rule}: {self.reason}{used}]"


@dataclass(frozen=True)
class ChainStep:
    """The derivative by one node of the forward graph.

    Attributes
    ----------
    node : the node; ``dL/dnode`` is what the step gives
    users : the nodes it feeds, whose derivatives are multiplied by the local ones and added
    derivative : the simplified sum
    rewrites : the rules that simplified it
    """

    node: Expr
    users: tuple[Expr, ...]
    derivative: Expr
    rewrites: tuple[Rewrite, ...] = ()

    @property
    def rule(self) -> str:
        """How the derivative comes about."""
        if not self.users:
            return "start"
        kinds = ", ".join(dict.fromkeys(kind_of(u) for u in self.users))
        return f"chain rule through {kinds}" + ("" if len(self.users) == 1 else f", {len(self.users)} paths added")


@dataclass(frozen=True)
class Derivation:
    """What `derive` returns: the steps from ``dL/dL = 1`` to the gradient, and the gradient.

    ``str()`` is the text, ``latex()`` an ``align*`` environment, ``html()`` a page part without scripts.
    """

    f: Expr
    x: Expr
    steps: tuple[ChainStep, ...]
    result: Expr
    facts: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"L = {plain(self.f)}"]
        lines += [f"    with {name} = {body}" for name, body in definitions(self.f)]
        for i, step in enumerate(self.steps):
            if folded(i, len(self.steps)):
                lines += ["", f"... {len(self.steps) - FOLD} steps more ..."] if i == FOLD // 2 else []
                continue
            name = "L" if step.node is self.f else wrapped(step.node)
            lines += ["", f"{i + 1}. dL/d{name} = {short(step.derivative)}   [{step.rule}]"]
            lines += [f"      {rewrite}" for rewrite in step.rewrites]
        lines += ["", f"Result: dL/d{wrapped(self.x)} = {short(self.result)}"]
        if self.facts:
            lines.append(f"Facts used: {'; '.join(self.facts)}")
        return "\n".join(lines)

    def latex(self) -> str:
        """The steps as an ``align*`` environment."""
        rows = [rf"L &= {tex(self.f)}"]
        for i, step in enumerate(self.steps):
            if folded(i, len(self.steps)):
                rows += [r"&\;\;\vdots"] if i == FOLD // 2 else []
                continue
            rows.append(rf"\frac{{\partial L}}{{\partial {tex(step.node)}}} &= {tex(step.derivative)}")
        rows.append(rf"\frac{{\partial L}}{{\partial {tex(self.x)}}} &= {tex(self.result)}")
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def html(self) -> str:
        """The steps as a list with MathML formulas; the rewrites of each step fold away."""
        items = []
        for step in self.steps:
            formula = mathml(rf"\frac{{\partial L}}{{\partial {tex(step.node)}}} = {tex(step.derivative)}")
            rules = "".join(
                f"<li>{mathml(tex(r.before) + ' = ' + tex(r.after))} <em>{escape(r.rule)}</em>: {escape(r.reason)}"
                f"{escape(', with ' + ' and '.join(r.facts)) if r.facts else ''}</li>"
                for r in step.rewrites
            )
            details = (
                f"<details><summary>{len(step.rewrites)} rewrites</summary><ul>{rules}</ul></details>" if rules else ""
            )
            items.append(f"<li>{formula} <small>{escape(step.rule)}</small>{details}</li>")
        result = mathml(rf"\frac{{\partial L}}{{\partial {tex(self.x)}}} = {tex(self.result)}")
        middle = "".join(items)
        if len(items) > FOLD:
            middle = f"<details><summary>{len(items)} steps</summary>{middle}</details>"
        return f'<div class="derivation"><p>{mathml("L = " + tex(self.f))}</p><ol>{middle}</ol><p>{result}</p></div>'

    def _repr_html_(self) -> str:
        return self.html()


def derive(f: Expr, x: Expr, /) -> Derivation:
    """The derivation of ``grad(f, x)``: local derivatives along the graph, then the named rewrites of each.

    Parameters
    ----------
    f : Expr of shape ()
    x : Expr, a symbol, parameter or intermediate of `f`

    Raises
    ------
    DifferentiationError
        As for `grad`.
    """
    target, root = expression(x, "derive"), scalar(f)
    (result,) = gradients(root, [target])
    back: dict[Expr, Expr] = {}
    if not is_free(target):
        free, root = opened_at(root, target)
        back, target = {free: target}, free
    engine = normalizer()
    engine.normal(root)
    trace: list[tuple[Expr, tuple[Expr, ...], Expr, list[Step]]] = []
    seen = len(engine.steps)

    def observe(node: Expr, arrived: list[tuple[Expr, Expr]], cotangent: Expr) -> None:
        nonlocal seen
        users = tuple(user for user, _ in arrived if user is not node)
        trace.append((node, users, cotangent, engine.steps[seen:]))
        seen = len(engine.steps)

    pullback(root, constant(1), [target], engine, observe)
    steps = tuple(merged(trace, engine, back))
    facts = tuple(dict.fromkeys(fact for step in engine.steps for fact in step.facts))  # in f's own form as well
    return Derivation(f, x, steps, result, facts)


def merged(
    trace: list[tuple[Expr, tuple[Expr, ...], Expr, list[Step]]], engine: Normalizer, back: dict[Expr, Expr]
) -> list[ChainStep]:
    """The steps worth showing: broadcasts, and the inside of a named intermediate, belong to the step before."""
    steps: list[ChainStep] = []
    named = {node.operands[0] for node, *_ in trace if node.op is NAMED}
    carried: list[Step] = []
    folder, presenter = Folder(visible_names(engine)), Presenter()

    def show(expr: Expr) -> Expr:
        return substitute([presenter.present(folder.fold(expr))], back)[0]

    for node, users, cotangent, rewrites in trace:
        if node in named or is_implicit(node):
            carried += rewrites
            continue
        shown = tuple(present_step(show, s) for s in [*carried, *rewrites])
        carried = []
        derivative = show(cotangent)
        shown = tuple(r for r in dict.fromkeys(shown) if r.before is not r.after)
        inner = tuple(u.operands[0] if u.op is NAMED else u for u in users)
        steps.append(ChainStep(substitute([node], back)[0], inner, derivative, shown))
    return steps


def present_step(show: Callable[[Expr], Expr], step: Step) -> Rewrite:
    return Rewrite(step.rule, step.reason, show(step.before), show(step.after), step.facts)


def kind_of(node: Expr) -> str:
    """The name of a node's operation."""
    return form(node).kind if node.op is CONTRACT else node.op.name


def definitions(f: Expr) -> list[tuple[str, str]]:
    """The named intermediates of `f`, outermost first, with their formulas."""
    found: dict[str, str] = {}
    stack = [f.operands[0] if f.op is NAMED else f]
    while stack:
        node = stack.pop(0)
        if node.op is NAMED and node.name not in found:
            found[str(node.name)] = plain(node)
        stack += [o for o in node.operands if o.operands]
        if len(found) > FOLD:
            break
    return list(found.items())


def plain(expr: Expr) -> str:
    return str(expr.operands[0] if expr.op is NAMED else expr)


def wrapped(expr: Expr) -> str:
    text = expr.name or str(expr)
    return text if text.isidentifier() else f"({text})"


def short(expr: Expr) -> str:
    """A name for what has one, the number for a stretched number, else the formula."""
    if expr.op is CONTRACT and not expr.operands:
        return str(constant(expr.attributes["coefficient"]))
    if is_implicit(expr) and expr.operands[0].ndim == 0:
        return str(expr.operands[0])
    return expr.name or str(expr)


def folded(i: int, total: int) -> bool:
    return total > FOLD and FOLD // 2 <= i < total - FOLD // 2


def tex(expr: Expr) -> str:
    """LaTeX of `expr`; a named intermediate as its name."""
    shown = make(SYMBOL, (), name=expr.name, shape=expr.shape, dtype=expr.dtype) if expr.op is NAMED else expr
    return str(behaviour["latex"](shown))


def mathml(latex: str) -> str:
    return str(behaviour["mathml"](latex, display=False))
