"""What the parts of normalization need of each other: the engine's face, and the record of a rule's use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD
from graphc.rewriting.effort import Effort
from graphc.rewriting.order import Factor


@dataclass(frozen=True)
class Known:
    """A fact of an expression that a step rests on."""

    fact: Fact
    expr: Expr

    def __str__(self) -> str:
        return f"{self.fact} of {self.expr}"


@dataclass(frozen=True)
class Step:
    """One application of a rule: its name and reason, the expression before and after, the facts it used."""

    rule: str
    reason: str
    before: Expr
    after: Expr
    facts: tuple[Known, ...] = ()


@dataclass(frozen=True)
class Law:
    """What a pass of the normal form does: the name and the reason that its steps carry."""

    name: str
    reason: str

    def step(self, before: Expr, after: Expr, facts: tuple[Known, ...] = ()) -> Step:
        return Step(self.name, self.reason, before, after, facts)


laws: list[Law] = []  # of every pass, for docs/rules.md


def law(name: str, reason: str) -> Law:
    """A law, entered in the list of `laws`."""
    found = Law(name, reason)
    if found not in laws:
        laws.append(found)
    return found


class Engine(Protocol):
    """Builds normal forms over operands in normal form."""

    memo: dict[Expr, Expr]
    contractions: dict[Expr, Expr]
    steps: list[Step]
    effort: Effort

    def product(self, coefficient: Fraction, factors: Iterable[Factor], shape: Shape) -> Expr: ...

    def sum(self, terms: Iterable[tuple[Fraction, Expr]], shape: Shape) -> Expr: ...

    def rewritten(self, node: Expr) -> Expr: ...

    def normal(self, expr: Expr) -> Expr: ...

    def may_meet(self, mask: int) -> bool: ...

    def reshaped(self, x: Expr, shape: Shape) -> Expr: ...


def note(engine: Engine, used: Law, before: dict[Expr, Fraction], after: Expr) -> Expr:
    """Record a step from a sum of terms to `after`."""
    whole = make(ADD, tuple(before), coefficients=tuple(before.values()))
    engine.steps.append(used.step(whole, after))
    return after
