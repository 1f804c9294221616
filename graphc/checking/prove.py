"""Proofs for all sizes: normal forms that coincide, or a difference that expands to nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from graphc.calculus import grad, jacobian
from graphc.checking import effort
from graphc.checking.atoms import OutOfBudgetError
from graphc.checking.denominators import vanishes
from graphc.checking.inverted import inverses_vanish
from graphc.checking.moves import JUMPING
from graphc.checking.orders import orders_vanish
from graphc.checking.slices import inward
from graphc.checking.translate import DISCRETE, Translator
from graphc.ir.expr import Expr, make, substitute, topological
from graphc.ir.facts import Fact
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL, number
from graphc.rewriting.engine import Step
from graphc.rewriting.normal import Normalizer
from graphc.rewriting.simplify import expand, normalizer

BUDGET = 8_000  # monomials built in one attempt
JUMPS = JUMPING - {"max", "min"} | {"sign", "det_sign", "where"}
KINKED = frozenset(("relu", "abs", "maximum", "minimum", "max", "min"))
Known = dict[Expr, frozenset[Fact]]


@dataclass(frozen=True)
class Proof:
    """How an identity was shown.

    Attributes
    ----------
    method : a sentence
    steps : the names and reasons of the rules, each once
    facts : the facts without which it fails
    sides : both sides, over symbols with these facts alone
    rewrites : each use of a rule on the way, in order
    form : what both sides come to, where they have one normal form
    discrete, moving : names of symbols that take single values only, and of those that a derivative is taken by
    """

    method: str
    steps: tuple[str, ...]
    facts: tuple[str, ...]
    sides: tuple[Expr, Expr] | None = None
    rewrites: tuple[Step, ...] = ()
    form: Expr | None = None
    discrete: frozenset[str] = frozenset()
    moving: frozenset[str] = frozenset()


class Question(Protocol):
    """Two expressions that may be equal, under facts that can be taken away."""

    def symbols(self) -> list[Expr]:
        """The symbols and parameters in play."""
        ...

    def under(self, known: Known) -> tuple[Expr, Expr]:
        """Both expressions over symbols of which only `known` is known."""
        ...

    def kinks_of(self) -> frozenset[str]:
        """The symbols by which a derivative is taken, so that ties of functions of them are left out."""
        ...

    def smooth(self) -> list[Expr]:
        """The functions of which a derivative is taken."""
        ...

    def claiming(self, claim: Expr) -> Question:
        """The same question about another claim."""
        ...

    def replaced(self, replacements: dict[Expr, Expr]) -> Question:
        """The same question over other symbols."""
        ...


@dataclass(frozen=True)
class Equation:
    """``left == right``, away from ties of functions of the symbols `moving`."""

    left: Expr
    right: Expr
    moving: frozenset[str] = frozenset()

    def symbols(self) -> list[Expr]:
        return leaves([self.left, self.right])

    def under(self, known: Known) -> tuple[Expr, Expr]:
        changed = self.replaced(twins(known))
        return changed.left, changed.right

    def kinks_of(self) -> frozenset[str]:
        return self.moving

    def smooth(self) -> list[Expr]:
        return []

    def claiming(self, claim: Expr) -> Equation:
        return replace(self, right=claim)

    def replaced(self, replacements: dict[Expr, Expr]) -> Equation:
        left, right = substitute([self.left, self.right], replacements)
        return replace(self, left=left, right=right)


@dataclass(frozen=True)
class Gradient:
    """``df/dx == claim``, a gradient or a Jacobian; it is derived anew from the facts that are left."""

    f: Expr
    x: Expr
    claim: Expr

    def symbols(self) -> list[Expr]:
        return leaves([self.f, self.x, self.claim])

    def under(self, known: Known) -> tuple[Expr, Expr]:
        changed = self.replaced(twins(known))
        return derivative(changed.f, changed.x), changed.claim

    def kinks_of(self) -> frozenset[str]:
        return frozenset(str(s.name) for s in leaves([self.x]))

    def smooth(self) -> list[Expr]:
        return [self.f]

    def claiming(self, claim: Expr) -> Gradient:
        return Gradient(self.f, self.x, claim)

    def replaced(self, replacements: dict[Expr, Expr]) -> Gradient:
        return Gradient(*substitute([self.f, self.x, self.claim], replacements))


@functools.lru_cache(maxsize=256)
def derivative(f: Expr, x: Expr) -> Expr:
    """The gradient of a scalar, the Jacobian of an array."""
    return grad(f, x) if f.ndim == 0 else jacobian(f, x)


def leaves(exprs: Iterable[Expr]) -> list[Expr]:
    return [node for node in topological(exprs) if node.op in (SYMBOL, PARAMETER)]


def twins(known: Known) -> dict[Expr, Expr]:
    """Each symbol with only the given facts."""
    return {
        s: make(s.op, (), **{**s.attributes, "facts": facts or None})
        for s, facts in known.items()
        if facts != s.attributes.get("facts", frozenset())
    }


def prove(question: Question) -> Proof | None:
    """A proof of the equation for all sizes, from as few facts as it can do with; None if none is found."""
    declared: Known = {s: s.attributes.get("facts", frozenset()) for s in question.symbols()}
    free: Known = {s: frozenset() for s in declared}
    found = attempt(question, free)
    if found is not None:
        return found
    if declared == free or attempt(question, declared) is None:
        return None
    needed = dict(declared)
    for s, facts in declared.items():
        for fact in sorted(facts):
            for weaker in (frozenset(), weakened(fact)):
                trial = {**needed, s: needed[s] - {fact} | weaker}
                if trial != needed and attempt(question, trial) is not None:
                    needed = trial
                    break
    final = attempt(question, needed)
    if final is None:  # the work that a check may take has come to its end
        return None
    used = tuple(fact_text(s, fact) for s, facts in needed.items() for fact in sorted(facts))
    return replace(final, facts=used)


def weakened(fact: Fact) -> frozenset[Fact]:
    """What most proofs need of a distribution."""
    return frozenset([Fact("sums_to_one", fact.axis)]) if fact.name in ("one_hot", "simplex") else frozenset()


def fact_text(symbol: Expr, fact: Fact) -> str:
    if fact.name == "sums_to_one":
        return f"the entries of {symbol.name} sum to one along axis {fact.axis}"
    return f"{symbol.name} is {fact}"


def attempt(question: Question, known: Known) -> Proof | None:
    """One proof under the given facts, which it does not name."""
    try:
        left, right = question.under(known)
        discrete, moving = discrete_names(question.symbols()), question.kinks_of()
        found = identity(left, right, discrete, moving)
        return None if found is None else replace(found, discrete=discrete, moving=moving)
    except OutOfBudgetError:
        return None


def discrete_names(symbols: Iterable[Expr]) -> frozenset[str]:
    """Symbols that take single values only: what holds almost everywhere says nothing about them."""
    return frozenset(
        str(s.name)
        for s in symbols
        if not s.dtype.startswith("float") or DISCRETE & {f.name for f in s.attributes.get("facts", ())}
    )


def identity(
    left: Expr, right: Expr, discrete: frozenset[str] = frozenset(), kinks_of: frozenset[str] = frozenset()
) -> Proof | None:
    """A proof that ``left - right`` is 0 by algebra alone, or None."""
    sides = left, right
    for how, engine, pair in _normal_forms(left, right):
        if pair[0] is pair[1]:
            method = f"both sides have the same normal form{how.rstrip(',')}"
            return Proof(method, rule_names(engine), (), sides, tuple(engine.steps), pair[0])
        if is_zero(engine.normal(pair[0] - pair[1])):
            method = f"the difference of both sides{how} simplifies to zero"
            return Proof(method, rule_names(engine), (), sides, tuple(engine.steps))
    engine = normalizer()
    forms = engine.normal(left), engine.normal(right)
    sliced = inward(left), inward(right)
    pairs = ((left, right), forms) if sliced == (left, right) else ((left, right), forms, sliced)
    ways = _expansions(discrete, kinks_of)
    if not kinks_of and continuous([left, right]):
        dense = frozenset(str(s.name) for s in leaves([left, right])) - discrete
        ways = _expansions(discrete, dense, ", away from ties, and both sides are continuous")
    for method, make_translator in ways:
        for pair in pairs:
            if effort.ended():
                return None
            if expands_to_zero(make_translator(), *pair):
                rewritten = pair[0] is not left
                used = (rule_names(engine), tuple(engine.steps)) if rewritten else ((), ())
                return Proof(method, used[0], (), sides, used[1])
    return None


def _normal_forms(left: Expr, right: Expr) -> Iterator[tuple[str, Normalizer, tuple[Expr, Expr]]]:
    engine = normalizer()
    yield "", engine, (engine.normal(left), engine.normal(right))
    opened = expand(left), expand(right)
    if opened != (left, right):
        engine = normalizer()
        pair = engine.normal(opened[0]), engine.normal(opened[1])
        yield ", with every defined function opened,", engine, pair


def continuous(exprs: Iterable[Expr]) -> bool:
    """Whether no part of the expressions jumps, but some have kinks: they are equal if they are almost everywhere."""
    nodes = [node for node in topological(expand(e) for e in exprs) if node.operands]
    jumps = any(node.op.name in JUMPS or not node.dtype.startswith("float") for node in nodes if not node.weak)
    return not jumps and any(node.op.name in KINKED for node in nodes)


def _expansions(
    discrete: frozenset[str], kinks_of: frozenset[str], away: str = ", away from ties and kinks"
) -> Iterator[tuple[str, Callable[[], Translator]]]:
    """Sentences on ways to multiply a difference out, each with a fresh translator for it."""
    for moving in (frozenset(), kinks_of) if kinks_of else (frozenset(),):
        for through_exp in (False, True):
            how = " with everything written through exponentials" if through_exp else ""
            where = away if moving else ""
            text = f"the difference of both sides, multiplied out{how}, is zero{where}"
            yield text, partial(Translator, BUDGET, moving, through_exp=through_exp, discrete=discrete)


def expands_to_zero(translator: Translator, left: Expr, right: Expr) -> bool:
    try:
        difference = translator.difference(left, right)
        ways = (vanishes, inverses_vanish, orders_vanish)
        return any(vanish(translator, difference) for vanish in ways)
    except OutOfBudgetError:
        return False
    finally:
        effort.spend(BUDGET - translator.budget)


def rule_names(engine: Normalizer) -> tuple[str, ...]:
    """The rules that the engine applied, each once, in order."""
    return tuple(dict.fromkeys(f"{step.rule}: {step.reason}" for step in engine.steps))


def is_zero(expr: Expr) -> bool:
    """Whether a normal form is the constant 0, at most stretched."""
    while expr.op is NAMED:
        expr = expr.operands[0]
    value = expr.attributes.get("coefficient") if not expr.operands and expr.shape else number(expr)
    return bool(value is not None and value == 0)
