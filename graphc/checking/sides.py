"""The sides of a step: text with ``grad(f, x)``, ``D(f, x, dx)`` and ``df/dx`` in it, or expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import sympy

from graphc.calculus import hessian, jvp
from graphc.calculus.gradients import scalar
from graphc.checking.claims import read
from graphc.checking.prove import Gradient, Known, derivative, leaves, twins
from graphc.checking.quotients import Quotient, alias, written_over
from graphc.errors import UnknownNameError
from graphc.frontend.fromsympy import from_sympy
from graphc.frontend.parse import read_lines
from graphc.ir.dims import Shape
from graphc.ir.expr import Expr, substitute
from graphc.ops.leaves import as_expr
from graphc.ops.notation import functions
from graphc.rewriting.simplify import simplify


@dataclass(frozen=True)
class Taken:
    """A derivative that a side takes: of `f` by `x`, with its value if that is a gradient or a Jacobian."""

    f: Expr
    x: Expr
    value: Expr | None = None


class Reading(NamedTuple):
    """What a side reads as.

    Attributes
    ----------
    expr : the value
    taken : the derivatives taken in it
    indices : the indices along its first axes
    quotients : the derivatives written as ``df/dx``, by the names that stand for them in `text`
    """

    expr: Expr
    taken: tuple[Taken, ...]
    indices: tuple[str, ...]
    quotients: Mapping[str, Expr]
    text: str


@dataclass(frozen=True)
class Side:
    """One side of a step, over names whose values may be exchanged.

    Attributes
    ----------
    source : text, or anything else that `read` takes
    names : what names in the text stand for
    free : the indices along the axes, where the side is an entry and another side gives their order
    shape : the shape, as far as another side gives it
    leads : whether the side gives the order of its indices itself
    claimed : values to use for quotients instead of the derivatives that they are, by alias
    """

    source: Any
    names: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    shape: Shape | None = None
    leads: bool = False
    claimed: Mapping[str, Expr] = field(default_factory=dict)

    @cached_property
    def reading(self) -> Reading:
        if isinstance(self.source, (sympy.Basic, sympy.MatrixBase)):
            value, indices = from_sympy(self.source, self.names, self.free, self.shape, any_order=self.leads)
            return Reading(value, (), indices, {}, str(simplify(value)))
        if not isinstance(self.source, str):
            return Reading(read(self.source, self.names), (), (), {}, str(self.source))
        text, quotients, derived = self.spelled
        taken = list(derived)
        names, known = {**self.names, **quotients}, {**functions, **calculus(taken)}
        lines = read_lines(text, names, known, self.free or None, self.shape or ())
        value, indices = lines.indexed() if self.leads else (lines.result(), lines.free_indices())
        return Reading(value, tuple(taken), indices, quotients, str(simplify(value)) if indices else text)

    @cached_property
    def spelled(self) -> tuple[str, dict[str, Expr], tuple[Taken, ...]]:
        """The text with a name for each quotient ``df/dx``, what these names stand for, and how that was derived."""
        taken: list[Taken] = []
        text, quotients = written_over(self.source, self.names, lambda q: self._derived(q, taken))
        return text, quotients, tuple(taken)

    def _derived(self, quotient: Quotient, taken: list[Taken]) -> Expr | None:
        """``df/dx`` of names in play, under a name of its own.

        Raises
        ------
        UnknownNameError
            If f is in play, but nothing is called x.
        """
        if alias(quotient) in self.claimed:
            return self.claimed[alias(quotient)]
        f, x, y = (self.names.get(n) for n in (quotient.f, quotient.x, quotient.y or quotient.x))
        if not isinstance(f, Expr):
            return None
        if not (isinstance(x, Expr) and isinstance(y, Expr)):
            raise UnknownNameError(
                f"d{quotient.f}/d{quotient.x}: nothing in play is called {quotient.x}; give the intermediate its name, "
                f"as in {quotient.x} = ... on a line of `given`, or .named({quotient.x!r})"
            )
        made = calculus(taken)
        value: Expr = made["jacobian"](f, x) if quotient.y is None else made["hessian"](f, x, y)
        return value

    @property
    def expr(self) -> Expr:
        return self.reading.expr

    @property
    def taken(self) -> tuple[Taken, ...]:
        return self.reading.taken

    def whole(self) -> Taken | None:
        """The derivative that the side as a whole is, if it is one."""
        return next((t for t in self.taken if t.value is self.expr), None)

    def facing(self, source: Any) -> Side:
        """Another side with the indices of this one."""
        return Side(source, self.names, self.reading.indices, self.expr.shape)

    def over(self, replacements: Mapping[Expr, Expr]) -> Side:
        """The side over other symbols; derivatives are derived anew."""
        if isinstance(self.source, Expr):
            return Side(substitute([self.source], replacements)[0])
        return replace(self, names=_over(self.names, replacements), claimed=_over(self.claimed, replacements))


def _over(names: Mapping[str, Any], replacements: Mapping[Expr, Expr]) -> dict[str, Any]:
    exprs = {name: value for name, value in names.items() if isinstance(value, Expr)}
    return {**names, **dict(zip(exprs, substitute(exprs.values(), replacements), strict=True))}


def calculus(taken: list[Taken]) -> dict[str, Any]:
    """The functions of derivatives in texts; what they are called with is noted in `taken`."""

    def first(f: Any, x: Any) -> Expr:
        value = derivative(as_expr(f), as_expr(x))
        taken.append(Taken(as_expr(f), as_expr(x), value))
        return value

    def gradient(f: Any, x: Any) -> Expr:
        return first(scalar(as_expr(f)), x)

    def second(f: Any, x: Any, y: Any = None) -> Expr:
        value: Expr = hessian(as_expr(f), as_expr(x), as_expr(x if y is None else y))
        taken.append(Taken(as_expr(f), as_expr(x)))
        return value

    def along(f: Any, x: Any, dx: Any) -> Expr:
        taken.append(Taken(as_expr(f), as_expr(x)))
        return jvp(as_expr(f), as_expr(x), dx)

    found: dict[str, Any] = {"grad": gradient, "jacobian": first, "hessian": second, "D": along}
    for name, function in found.items():
        function.__name__ = name
    return found


@dataclass(frozen=True)
class Relation:
    """``left == right``, where both may hold derivatives: a question whose derivatives are derived anew.

    `earlier` are the derivatives that the derivation took before: what follows holds where those functions are
    differentiable.
    """

    left: Side
    right: Side
    earlier: tuple[Taken, ...] = ()

    @property
    def taken(self) -> tuple[Taken, ...]:
        return (*self.earlier, *self.left.taken, *self.right.taken)

    def symbols(self) -> list[Expr]:
        return leaves([self.left.expr, self.right.expr, *(e for t in self.taken for e in (t.f, t.x))])

    def under(self, known: Known) -> tuple[Expr, Expr]:
        changed = self.replaced(twins(known))
        return changed.left.expr, changed.right.expr

    def kinks_of(self) -> frozenset[str]:
        return frozenset(str(s.name) for s in leaves([t.x for t in self.taken]))

    def smooth(self) -> list[Expr]:
        """The functions whose kinks are no counterexamples."""
        return list(dict.fromkeys(t.f for t in self.taken))

    def gradient(self) -> Gradient | None:
        """The relation as a claim about a derivative, if its left side is one."""
        t = self.left.whole()
        return None if t is None else Gradient(t.f, t.x, self.right.expr)

    def claiming(self, claim: Expr) -> Relation:
        return replace(self, right=Side(claim))

    def replaced(self, replacements: dict[Expr, Expr]) -> Relation:
        return replace(self, left=self.left.over(replacements), right=self.right.over(replacements))


def directions(texts: Sequence[str], names: Mapping[str, Any]) -> dict[str, Any]:
    """Symbols ``dW`` for the variables W in play, where a text takes a derivative along one that nothing declares."""
    found: dict[str, Any] = {}
    for text in texts:
        for name in re.findall(r"\bd(\w+)\b", text) if "D(" in text else ():
            value = names.get(name)
            if f"d{name}" not in names and isinstance(value, Expr):
                found[f"d{name}"] = value.shape
    return found
