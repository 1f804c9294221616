"""Rewrite rules as data: ``rewrite(lhs).to(rhs).when(condition).because(reason)``, grouped in named rule sets.

A rule set is a function of wildcards (and, keyword-only, of an axis) that yields rules in the user's own notation.
It is instantiated for each rank; a match calls it again with the expressions that the wildcards stand for.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from graphc.errors import UnsupportedError
from graphc.ir.dims import dim_symbol
from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import broadcast
from graphc.ops.contraction import CONTRACT
from graphc.ops.leaves import SYMBOL, constant


@dataclass(frozen=True)
class Needs:
    """A condition: a fact that must be known of an expression."""

    expr: Expr
    fact: Fact

    def holds(self) -> bool:
        known = self.expr.op.facts(self.expr)
        wanted = self.fact
        if wanted.axis is not None and wanted.axis >= 0:
            wanted = Fact(wanted.name, wanted.axis - self.expr.ndim)
        return wanted in known

    def __str__(self) -> str:
        return f"{self.fact} of {self.expr}"


@dataclass(frozen=True)
class Unsigned:
    """A condition that keeps a rule about -x from undoing itself: `expr` carries no minus sign."""

    expr: Expr

    def holds(self) -> bool:
        return self.expr.op is not CONTRACT or bool(self.expr.attributes["coefficient"] > 0)

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class Halved:
    """A condition that keeps a rule about x/2 to halves: `expr` is not twice something."""

    expr: Expr

    def holds(self) -> bool:
        return self.expr.op is not CONTRACT or bool(self.expr.attributes["coefficient"].numerator % 2)

    def __str__(self) -> str:
        return ""


Condition: TypeAlias = Needs | Unsigned | Halved


@dataclass(frozen=True)
class Rule:
    """Both sides as expressions over wildcards, with the conditions, a name and a reason."""

    lhs: Expr
    rhs: Expr
    conditions: tuple[Condition, ...] = ()
    reason: str = ""

    def to(self, rhs: Any) -> Rule:
        from_number = rhs if isinstance(rhs, Expr) else broadcast(constant(rhs), self.lhs.shape)
        return replace(self, rhs=from_number)

    def when(self, *conditions: Condition) -> Rule:
        return replace(self, conditions=self.conditions + conditions)

    def because(self, reason: str) -> Rule:
        return replace(self, reason=reason)


def rewrite(lhs: Expr) -> Rule:
    """The left side of a rule; complete it with ``.to(rhs)``."""
    return Rule(lhs, lhs)


def positive(x: Expr) -> Needs:
    return Needs(x, Fact("positive"))


def nonzero(x: Expr) -> Needs:
    return Needs(x, Fact("nonzero"))


def invertible(x: Expr) -> Needs:
    return Needs(x, Fact("invertible"))


def spd(x: Expr) -> Needs:
    return Needs(x, Fact("spd"))


def orthogonal(x: Expr) -> Needs:
    return Needs(x, Fact("orthogonal"))


def sums_to_one(x: Expr, axis: int) -> Needs:
    return Needs(x, Fact("sums_to_one", axis))


def unit_norm(x: Expr, axis: int) -> Needs:
    return Needs(x, Fact("unit_norm", axis))


@dataclass(frozen=True)
class RuleSet:
    """A named group of rules over the same wildcards, for the given ranks."""

    name: str
    build: Callable[..., Iterator[Rule]]
    wildcards: tuple[str, ...]
    axial: bool
    ranks: tuple[int, ...]
    summary: str
    square: bool = False

    def patterns(self, rank: int) -> list[tuple[int, int | None, Rule]]:
        """``(index, axis, rule)`` over wildcards of `rank`, for each axis if the set has one."""
        marks = [wildcard(name, rank, self.square) for name in self.wildcards]
        axes: list[int | None] = list(range(-rank, 0)) if self.axial else [None]
        return [(i, axis, rule) for axis in axes for i, rule in enumerate(self.rules(marks, axis))]

    def rules(self, arguments: list[Expr], axis: int | None) -> list[Rule]:
        """The rules over `arguments` in place of the wildcards."""
        keywords = {"axis": axis} if self.axial else {}
        return list(self.build(*arguments, **keywords))

    def rule(self, index: int, arguments: list[Expr], axis: int | None) -> Rule:
        keywords = {"axis": axis} if self.axial else {}
        return next(itertools.islice(self.build(*arguments, **keywords), index, None))


rule_sets: dict[str, RuleSet] = {}


def ruleset(
    function: Callable[..., Iterator[Rule]] | None = None,
    /,
    *,
    ranks: tuple[int, ...] = (0, 1, 2, 3, 4),
    square: bool = False,
) -> Callable[..., Any]:
    """Enter a generator of rules in the table of rule sets under its own name.

    Its positional parameters are the wildcards; a keyword-only ``axis`` makes one instance an axis.
    With `square` they stand for square matrices and stacks of them.
    """
    if function is None:
        return functools.partial(ruleset, ranks=ranks, square=square)
    parameters = inspect.signature(function).parameters.values()
    marks = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    axial = any(p.kind is p.KEYWORD_ONLY and p.name == "axis" for p in parameters)
    name = function.__name__
    if name in rule_sets:
        raise UnsupportedError(f"a rule set named {name!r} exists already")
    rule_sets[name] = RuleSet(
        name,
        function,
        marks,
        axial,
        tuple(r for r in ranks if r > 0 or not axial),
        inspect.getdoc(function) or "",
        square,
    )
    return function


def wildcard(name: str, rank: int, square: bool = False) -> Expr:
    """A symbol that stands for any expression with `rank` axes, the last two of them equal if it is `square`."""
    shape = tuple(dim_symbol(f"_d{i}") for i in range(rank))
    shape = (*shape[:-1], shape[-2]) if square else shape
    return make(SYMBOL, (), name=f"?{name}", shape=shape, dtype="float64")


def is_wildcard(expr: Expr) -> bool:
    return expr.op is SYMBOL and expr.attributes["name"].startswith("?")
