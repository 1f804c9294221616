"""What the parts of differentiation need of each other and of simplification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from graphc.ir.expr import Expr


class Simplifier(Protocol):
    """What differentiation needs of simplification; passed in, so that neither depends on the other."""

    def normal(self, expr: Expr) -> Expr:
        """The normal form of `expr`."""
        ...

    def knowing(self, equation: tuple[Expr, Expr]) -> Simplifier:
        """A simplifier that writes the first expression as the second."""
        ...


Differentiator: TypeAlias = Callable[[Expr, Expr, Sequence[Expr], Simplifier], "list[Expr | None]"]
