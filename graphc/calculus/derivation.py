"""``derive``: the derivation of a gradient, step by step, as a lecture writes it on the board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from graphc.autodiff import pullback, vjp
from graphc.calculus import board
from graphc.calculus.gradients import gradients, is_free, opened_at, scalar
from graphc.ir.expr import Expr, make, rebuild, refilled, substitute, topological
from graphc.ops.arguments import expression, flag
from graphc.ops.arithmetic import broadcast, combine
from graphc.ops.broadcasting import brief
from graphc.ops.contraction import CONTRACT, ONE, contract, factors_of
from graphc.ops.forms import form, is_implicit
from graphc.ops.leaves import NAMED, SYMBOL, constant, named, number
from graphc.rewriting.association import GROUPED
from graphc.rewriting.engine import Known, Law, law
from graphc.rewriting.engine import Step as Rewrite
from graphc.rewriting.fold import Folder
from graphc.rewriting.grounds import grounds
from graphc.rewriting.grouping import from_the_left
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.present import Presenter
from graphc.rewriting.simplify import normalizer, simplify, visible_names
from graphc.rewriting.terms import view

COMPARED = 300  # nodes up to which two forms of a gradient are compared
LONG = 32  # characters from which an intermediate of `f` gets a name of its own in its derivation


@dataclass(frozen=True)
class Step:
    """One line of a derivation: ``before = after``, by `rule`, because of `reason`, using `facts`.

    Attributes
    ----------
    kind : ``"start"`` for dL/dL = 1, ``"chain"`` for a derivative by an intermediate or the variable,
        ``"rewrite"`` for the use of a rule
    rule, reason : the rule's name, and why it holds; for the chain rule the ops it goes through, and its local form
    before, after : for the chain rule the sum over the users of ``dL/duser`` times the local derivative, with the
        values of ``dL/duser`` filled in, and that simplified
    facts : what is known of symbols and was used
    node : for the chain rule the part of `f` that the derivative is by
    local : for the chain rule `before` over stand-ins for the derivatives by the users
    """

    kind: str
    rule: str
    reason: str
    before: Expr
    after: Expr
    facts: tuple[str, ...] = ()
    node: Expr | None = None
    local: Expr | None = None


@dataclass(frozen=True)
class Derivation:
    """What `derive` returns: the steps from ``dL/dL = 1`` to the gradient, and the gradient.

    ``str()`` is the text, ``latex()`` an ``align*`` environment, ``html()`` a page part without scripts. Long
    derivations are folded in the middle; ``text(full=True)`` and ``latex(full=True)`` show every step.

    Attributes
    ----------
    f, x : the function and what it is differentiated by
    steps : the steps, rewrites of `f` itself first, then the chain rule, rewrites after the line that they explain
    result : the gradient
    facts : what is known of symbols and was used
    definitions : the named intermediates of `f`, outermost first; those that got a name here among them
    """

    f: Expr
    x: Expr
    steps: tuple[Step, ...]
    result: Expr
    facts: tuple[str, ...] = field(default=())
    definitions: tuple[Expr, ...] = field(default=())

    def __str__(self) -> str:
        return self.text()

    def text(self, *, full: bool = False) -> str:
        """The steps as text; with `full` every one of them."""
        return board.text(self, full=flag(full, "text(full=)"))

    def latex(self, *, full: bool = False) -> str:
        """The steps as an ``align*`` environment; with `full` every one of them."""
        return board.latex(self, full=flag(full, "latex(full=)"))

    def html(self) -> str:
        """The steps as a list with MathML formulas; the rewrites of a step, and a long list, fold away."""
        return board.html(self)

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
    trace = Trace(with_names(root, target), target, back)
    return Derivation(f, x, trace.to(result), result, trace.facts(), trace.definitions())


class Trace:
    """The chain rule along a graph, recorded."""

    def __init__(self, root: Expr, target: Expr, back: dict[Expr, Expr]) -> None:
        self.root, self.target, self.back = root, target, back
        self.engine, self.local_engine = normalizer(), normalizer()
        self.shown: set[tuple[Expr, Expr]] = set()
        self.steps: list[Step] = []
        self.count = 0
        self.values: dict[Expr, Expr] = {}  # what becomes of nodes, of a stand-in for a derivative the derivative
        self.locals: dict[Expr, Expr] = {}  # a part of f to the derivative by it over stand-ins
        self.grounds: dict[Known, tuple[str, ...]] = {}
        self.seen = 0
        for engine in (self.engine, self.local_engine):
            engine.normal(root)
        self.forward = set(topological([self.engine.normal(root)]))
        self.folder, self.presenter = Folder(visible_names(self.engine)), Presenter()
        self.record()
        self.inside: set[Expr] = set()
        pullback(root, constant(1), [target], self.engine, self.observe)

    def show(self, expr: Expr) -> Expr:
        """A normal form in matrix notation, with the user's names and variables."""
        folded = self.folder.fold(expr)
        if not self.count and folded.op is NAMED:  # what a name stands for, as long as this is about f itself
            folded = self.folder.bodies.get(folded, folded)
        shown = from_the_left(
            [self.presenter.present(folded)], lambda x: view(self.engine.normal(x))[0] in self.forward
        )
        return substitute(shown, self.back)[0]

    def record(self) -> None:
        """Enter the rules that the engine has used since the last time."""
        fresh, self.seen = self.engine.steps[self.seen :], len(self.engine.steps)
        for used in fresh:
            before, after = tidied(used)
            before, after = self.show(before), self.show(after)
            if (after, before) in self.shown:  # there and back
                self.shown.add((before, after))
                self.steps = [s for s in self.steps if s.kind != "rewrite" or (s.before, s.after) != (after, before)]
            elif before is not after and (before, after) not in self.shown:
                self.shown.add((before, after))
                self.steps.append(Step("rewrite", used.rule, used.reason, before, after, tuple(self.told(used))))

    def observe(self, node: Expr, arrived: list[tuple[Expr, Expr]], cotangent: Expr) -> None:
        users = list(dict.fromkeys(user for user, _ in arrived if user is not node))
        local = self.engine_form(node, users)
        if node.op is NAMED:
            self.inside.add(node.operands[0])
        if node in self.inside or is_implicit(node):
            self.locals[node] = local
            return
        part = substitute([node], self.back)[0]
        derivative = self.show(cotangent)
        shown = self.show(local)
        place = make(SYMBOL, (), name=f"{board.STAND_IN}{self.count}", shape=node.shape, dtype="float64")
        self.locals[node] = place if users else local
        filled = with_numbers(refilled([shown], self.values)[0])
        self.values[place], self.count = derivative, self.count + 1
        kind, rule = ("chain", through(users)) if users else ("start", "start")
        self.steps.append(Step(kind, rule, CHAIN if users else START, filled, derivative, (), part, shown))
        self.record()

    def engine_form(self, node: Expr, users: list[Expr]) -> Expr:
        """The derivative by `node` over stand-ins for those by its users."""
        if not users:
            return constant(1)
        parts = []
        for user in users:
            found = zip(user.operands, vjp(user, self.locals[user], self.local_engine), strict=True)
            parts += [g for operand, g in found if operand is node and g is not None]
        whole = parts[0] if len(parts) == 1 else combine([(ONE, g) for g in parts])
        return broadcast(self.local_engine.normal(whole), node.shape)

    def to(self, result: Expr) -> tuple[Step, ...]:
        """The steps, with one more where the gradient came out shorter along the simplified `f`."""
        last, part = result, substitute([self.target], self.back)[0]
        if not any(s.node is part for s in self.steps):
            if not any(s.kind == "start" for s in self.steps):
                self.steps.append(Step("start", "start", START, constant(1), constant(1), (), self.root))
            self.steps.append(Step("chain", "chain rule", APART, result, result, (), part))
        else:
            place = max(i for i, s in enumerate(self.steps) if s.kind != "rewrite")
            if self.steps[place].before is result:
                self.steps[place] = replace(self.steps[place], after=result)
            last = self.steps[place].after
        if self.engine.normal(last) is not self.engine.normal(result):
            used = self.difference(last, result)
            self.steps.append(Step("rewrite", used.name, used.reason, last, result))
        return tuple(self.steps)

    def difference(self, last: Expr, result: Expr) -> Law:
        """The law by which two forms of the gradient differ by 0, the last that their difference takes.

        It is looked for in forms of some size alone.
        """
        if len(topological([last, result])) > COMPARED:
            return SHORTER
        if simplify(last) is simplify(result):
            return GROUPED
        engine = normalizer()
        if engine.normal(last - result) is not engine.normal(broadcast(constant(0), result.shape)) or not engine.steps:
            return SHORTER
        return Law(engine.steps[-1].rule, engine.steps[-1].reason)

    def told(self, used: Rewrite) -> Iterator[str]:
        """The declared facts that a rewrite rests on."""
        for known in used.facts:
            if known not in self.grounds:
                self.grounds[known] = grounds(known)
            yield from self.grounds[known]

    def facts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fact for used in self.engine.steps for fact in self.told(used)))

    def definitions(self) -> tuple[Expr, ...]:
        found = [n for n in topological([self.root]) if n.op is NAMED and n is not self.root]
        return tuple(substitute(found[::-1], self.back))


CHAIN = "the sum over what the part feeds, of the derivative by that times the local derivative"
APART = "whatever it feeds, the derivative of L along that way is 0"
START = "the derivative of L by itself"
SHORTER = law("simplified function", "the same gradient, taken along the simplified function")


def with_numbers(expr: Expr) -> Expr:
    """`expr` with numbers among the factors of products put in front: of stand-ins for derivatives some are numbers."""
    done: dict[Expr, Expr] = {}
    for node in topological([expr]):
        over = rebuild(node, tuple(done[o] for o in node.operands))
        done[node] = over
        if over.op is not CONTRACT:
            continue
        factors, coefficient = [], over.attributes["coefficient"]
        for f, labels, e in factors_of(over):
            value = None if labels or e.denominator != 1 else number(f)
            if value:
                coefficient *= value**e.numerator
            else:
                factors.append((f, labels, e))
        if len(factors) < len(over.operands):
            done[node] = contract(factors, over.shape, coefficient)
    return done[expr]


def tidied(step: Rewrite) -> tuple[Expr, Expr]:
    """Both sides of a rewrite in normal form without rules, where that keeps them apart."""
    plain = Normalizer()
    before, after = plain.normal(step.before), plain.normal(step.after)
    return (step.before, step.after) if before is after else (before, after)


def through(users: Iterable[Expr]) -> str:
    """How the derivative comes about."""
    bare = [u.operands[0] if u.op is NAMED else u for u in users]
    kinds = ", ".join(dict.fromkeys(kind_of(u) for u in bare))
    return f"chain rule through {kinds}" + ("" if len(bare) == 1 else f", {len(bare)} paths added")


def kind_of(node: Expr) -> str:
    """The name of a node's operation."""
    return form(node).kind if node.op is CONTRACT else node.op.name


def with_names(root: Expr, target: Expr) -> Expr:
    """`root` with names z1, z2, ... for the parts on the way to `target` that would be long to write."""
    order = topological([root])
    taken = {str(n.name) for n in order if n.name}
    active: set[Expr] = {target}
    done: dict[Expr, Expr] = {}
    count = 0
    for node in order:
        over = rebuild(node, tuple(done[o] for o in node.operands)) if node.operands else node
        done[node] = over
        if not active.isdisjoint(node.operands):
            active.add(node)
        names_itself = node.op is NAMED or is_implicit(node) or node is root or node not in active
        if names_itself or node is target or not node.operands or len(brief(over)) < LONG:
            continue
        count += 1
        while f"z{count}" in taken:
            count += 1
        done[node] = named(over, f"z{count}")
    return done[root]
