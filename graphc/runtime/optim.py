"""Optimizers, declared as graphs: parameter, gradient, state and step number to the new parameter and state.

They are compiled by the same compiler as everything else, so they print, draw and emit like any expression.
An optimizer of one's own is a few lines::

    @dataclass(frozen=True)
    class SignDescent(gc.optim.Optimizer):
        lr: float = 0.01

        def update(self, parameter, gradient, states, t):
            return parameter - self.lr * gc.sign(gradient), []
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from graphc.codegen.update import UpdateRule
from graphc.errors import SettingError, ShapeError, UnsupportedError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.arithmetic import sqrt
from graphc.ops.leaves import symbol

Updated = tuple[Expr, Sequence[Expr]]

__all__ = ["SGD", "Adam", "Optimizer", "update_rule"]


def __dir__() -> list[str]:
    """What the module offers, without what it imports."""
    return __all__


class Optimizer(ABC):
    """What every optimizer is: a dataclass of hyperparameters with an `update` that builds the graph of one step.

    Attributes
    ----------
    states : names of the arrays that are kept between updates, of the parameter's shape and zero at first
    """

    @property
    def states(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Updated:
        """The new parameter, and the new states in the order of `states`.

        Parameters
        ----------
        parameter, gradient : Expr of one shape
        states : sequence of Expr of the same shape
        t : Expr
            The number of this update: 1, 2, 3, ...

        Notes
        -----
        Hyperparameters (``self.lr``) are symbols here: they stay arguments of the emitted code.
        """


def update_rule(optimizer: Optimizer) -> UpdateRule:
    """One update of `optimizer` over flat vectors, as emission takes it.

    Raises
    ------
    UnsupportedError
        If `optimizer` is none.
    ShapeError
        If its `update` does not give a new parameter and one new value for each state, of the parameter's shape.
    """
    if not isinstance(optimizer, Optimizer):
        raise UnsupportedError(
            f"expected an optimizer such as optim.Adam(lr=0.001) or an instance of a subclass of optim.Optimizer, "
            f"got {optimizer!r}"
        )
    symbolic, hyper = with_symbols(optimizer)
    kept = set(hyper)
    names = [_free(name, kept) for name in ("theta", "g", *optimizer.states)]
    parameter, gradient, *states = (symbol(name, ("size",)) for name in names)
    t = symbol(_free("t", kept))
    new_parameter, new_states = symbolic.update(parameter, gradient, tuple(states), t)
    _checked(optimizer, parameter, new_parameter, list(new_states))
    used = set(topological([new_parameter, *new_states]))
    hyper = {name: value for name, value in hyper.items() if symbol(name) in used}
    return UpdateRule(
        name=type(optimizer).__name__,
        parameter=parameter,
        gradient=gradient,
        states=tuple(states),
        t=t if t in used else None,
        hyper=hyper,
        new_parameter=new_parameter,
        new_states=tuple(new_states),
    )


def with_symbols(optimizer: Optimizer) -> tuple[Optimizer, dict[str, float]]:
    """`optimizer` with a scalar symbol for each number among its fields, and the numbers by the symbols' names.

    A pair such as ``betas`` gives ``beta1`` and ``beta2``.
    """
    symbolic = copy.copy(optimizer)
    hyper: dict[str, float] = {}
    for field in fields(optimizer):  # type: ignore[arg-type]  # subclasses are dataclasses
        value = getattr(optimizer, field.name)
        if isinstance(value, tuple):
            names = tuple(f"{field.name.removesuffix('s')}{i}" for i in range(1, len(value) + 1))
            hyper.update(zip(names, map(float, value), strict=True))
            object.__setattr__(symbolic, field.name, tuple(symbol(name) for name in names))
        elif isinstance(value, Real) and not isinstance(value, bool):
            hyper[field.name] = float(value)
            object.__setattr__(symbolic, field.name, symbol(field.name))
    return symbolic, hyper


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _checked(optimizer: Optimizer, parameter: Expr, new_parameter: Any, new_states: list[Any]) -> None:
    """Raise ShapeError unless the results of an `update` fit what went in."""
    who = f"{type(optimizer).__name__}.update"
    if len(new_states) != len(optimizer.states):
        raise ShapeError(
            f"{who}: {len(optimizer.states)} states are declared, but {len(new_states)} new ones came back"
        )
    for name, new in zip(("the parameter", *optimizer.states), (new_parameter, *new_states), strict=True):
        if not isinstance(new, Expr) or new.shape != parameter.shape:
            shape = shape_text(new.shape) if isinstance(new, Expr) else repr(new)
            raise ShapeError(f"{who}: the new value of {name} must have the parameter's shape, but it is {shape}")


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: ``theta <- theta - lr*g``.

    With momentum: ``v <- momentum*v - lr*g; theta <- theta + v``.

    Parameters
    ----------
    lr : float above 0
        The learning rate.
    momentum : float in [0, 1)
        The share of the last step that goes on, about 0.8 to 0.9.
    """

    lr: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        above_zero("SGD", "lr", self.lr)
        share("SGD", "momentum", self.momentum)

    @property
    def states(self) -> tuple[str, ...]:
        return ("v",) if self.momentum else ()

    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Updated:
        if not states:
            return parameter - self.lr * gradient, []
        v = (self.momentum * states[0] - self.lr * gradient).named("v_new")
        return parameter + v, [v]


@dataclass(frozen=True)
class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square, both corrected for their start at zero.

    ``s <- b1*s + (1 - b1)*g; r <- b2*r + (1 - b2)*g**2;
    theta <- theta - lr * (s/(1 - b1**t)) / (sqrt(r/(1 - b2**t)) + eps)``

    Parameters
    ----------
    lr : float above 0
    betas : two floats in [0, 1)
        How slowly the two means forget.
    eps : float above 0

    References
    ----------
    D. Kingma, J. Ba: Adam, a method for stochastic optimization, ICLR 2015.
    """

    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        above_zero("Adam", "lr", self.lr)
        above_zero("Adam", "eps", self.eps)
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            raise SettingError(f"Adam: betas must be two numbers such as (0.9, 0.999), got {self.betas!r}")
        for beta in self.betas:
            share("Adam", "betas", beta)
        object.__setattr__(self, "betas", tuple(self.betas))

    @property
    def states(self) -> tuple[str, ...]:
        return ("s", "r")

    def update(self, parameter: Any, gradient: Any, states: Sequence[Any], t: Any) -> Updated:
        beta1, beta2 = self.betas
        s = (beta1 * states[0] + (1 - beta1) * gradient).named("s_new")
        r = (beta2 * states[1] + (1 - beta2) * gradient**2).named("r_new")
        s_hat = (s / (1 - beta1**t)).named("s_hat")
        r_hat = (r / (1 - beta2**t)).named("r_hat")
        return parameter - self.lr * s_hat / (sqrt(r_hat) + self.eps), [s, r]


def above_zero(owner: str, name: str, value: Any) -> None:
    """Raise SettingError unless `value` is a finite number above 0."""
    if not is_number(value) or value <= 0:
        raise SettingError(f"{owner}: {name} must be a number above 0, got {value!r}")


def share(owner: str, name: str, value: Any) -> None:
    """Raise SettingError unless `value` is a number from 0 up to, but not, 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise SettingError(f"{owner}: {name} must be from 0 up to, but not including, 1, got {value!r}")


def is_number(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond floats
        return False
