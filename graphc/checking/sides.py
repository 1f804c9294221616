"""The sides of a step: text with ``grad(f, x)``, ``D(f, x, dx)`` and ``df/dx`` in it, or expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from graphc.calculus import hessian, jvp
from graphc.calculus.gradients import scalar
from graphc.checking.claims import read
from graphc.checking.prove import Gradient, Known, derivative, leaves, twins
from graphc.checking.quotients import Quotient, written_over
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
    """

    source: Any
    names: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    shape: Shape = ()
    leads: bool = False

    @cached_property
    def reading(self) -> tuple[Expr, tuple[Taken, ...], tuple[str, ...]]:
        """The value, the derivatives taken in it, and the indices along its axes."""
        if not isinstance(self.source, str):
            return read(self.source, self.names), (), ()
        taken: list[Taken] = []
        text, quotients = written_over(self.source, self.names, lambda q: _of_names(q, self.names, taken))
        names, known = {**self.names, **quotients}, {**functions, **calculus(taken)}
        lines = read_lines(text, names, known, self.free or None, self.shape)
        value, indices = lines.indexed() if self.leads else (lines.result(), lines.free_indices())
        return value, tuple(taken), indices

    @property
    def expr(self) -> Expr:
        return self.reading[0]

    @property
    def taken(self) -> tuple[Taken, ...]:
        return self.reading[1]

    @property
    def indices(self) -> tuple[str, ...]:
        return self.reading[2]

    @property
    def text(self) -> str:
        """The side in matrix notation, as it is written if it is."""
        return str(simplify(self.expr)) if self.indices or not isinstance(self.source, str) else self.source

    def facing(self, source: Any) -> Side:
        """Another side with the indices of this one."""
        return Side(source, self.names, self.indices, self.expr.shape)

    def over(self, replacements: Mapping[Expr, Expr]) -> Side:
        """The side over other symbols; derivatives are derived anew."""
        if isinstance(self.source, Expr):
            return Side(substitute([self.source], replacements)[0])
        exprs = {name: value for name, value in self.names.items() if isinstance(value, Expr)}
        changed = dict(zip(exprs, substitute(exprs.values(), replacements), strict=True))
        return replace(self, names={**self.names, **changed})


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

    return {"grad": gradient, "jacobian": first, "hessian": second, "D": along}


def _of_names(quotient: Quotient, names: Mapping[str, Any], taken: list[Taken]) -> Expr | None:
    """``df/dx`` of names in play."""
    parts = [names.get(n) for n in (quotient.f, quotient.x, quotient.y or quotient.x)]
    if not all(isinstance(p, Expr) for p in parts):
        return None
    f, x, y = parts
    calculus_of = calculus(taken)
    value: Expr = calculus_of["jacobian"](f, x) if quotient.y is None else calculus_of["hessian"](f, x, y)
    return value


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
        """The relation as a claim about a derivative, if its left side is one and its right side takes none."""
        if not self.right.taken:
            for t in self.left.taken:
                if t.value is self.left.expr:
                    return Gradient(t.f, t.x, self.right.expr)
        return None

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
