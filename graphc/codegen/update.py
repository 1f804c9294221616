"""What emission needs to know of an optimizer: its update as expressions over flat vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphc.ir.expr import Expr


@dataclass(frozen=True)
class UpdateRule:
    """One update of all parameters at once.

    Attributes
    ----------
    name : the optimizer's name, for comments
    parameter, gradient : symbols of shape ``("size",)``
    new_parameter : the parameter after the update
    states : symbols of the same shape, zero before the first update
    new_states : the states after the update, in the order of `states`
    t : scalar symbol for the number of this update (1, 2, ...), or None if the rule does not use it
    hyper : scalar symbols' names and the values they have by default
    """

    name: str
    parameter: Expr
    gradient: Expr
    new_parameter: Expr
    states: tuple[Expr, ...] = ()
    new_states: tuple[Expr, ...] = ()
    t: Expr | None = None
    hyper: Mapping[str, float] = field(default_factory=dict)
