"""Regularizers: the L2 penalty, dropout masks, early stopping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.random import Generator

from graphc.errors import SettingError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.ops.leaves import exact
from graphc.ops.products import sum as sum_
from graphc.runtime.optim import is_number

__all__ = ["L2", "EarlyStopping", "dropout_mask"]


def __dir__() -> list[str]:
    """What the module offers, without what it imports."""
    return __all__


@dataclass(frozen=True)
class L2:
    """The penalty ``alpha/2 * (sum of the squares of the parameters)``, a term to add to a loss.

    ``loss + L2(1e-4)([W1, W2])``: its gradient is ``alpha*W``, so each update shrinks the weights by the factor
    ``1 - lr*alpha``. Which parameters it takes is the caller's choice; biases are usually left out.

    Parameters
    ----------
    alpha : float, 0 or more
    """

    alpha: float

    def __post_init__(self) -> None:
        if not is_number(self.alpha) or self.alpha < 0:
            raise SettingError(f"L2: alpha must be a number of 0 or more, got {self.alpha!r}")

    def __call__(self, parameters: Expr | Iterable[Expr]) -> Expr:
        """The penalty as a scalar expression.

        Raises
        ------
        UnsupportedError
            If `parameters` is empty or holds something else than expressions.
        """
        chosen = [parameters] if isinstance(parameters, Expr) else list(parameters)
        if not chosen:
            raise UnsupportedError("L2: no parameters were given; pass the weights to keep small, for example [W1, W2]")
        for p in chosen:
            if not isinstance(p, Expr):
                raise UnsupportedError(f"L2: expected parameters, got {p!r} of type {type(p).__name__}")
        squares = sum_(chosen[0] ** 2)
        for p in chosen[1:]:
            squares = squares + sum_(p**2)
        return (exact(self.alpha) / Fraction(2)) * squares


@dataclass
class EarlyStopping:
    """Stop when the validation loss has not improved for `patience` epochs, and return the best weights.

    Parameters
    ----------
    patience : int, 1 or more
    min_delta : float, 0 or more
        What counts as an improvement: a loss below the best one by more than this.

    Attributes
    ----------
    best_loss, best_epoch, best : the lowest loss so far, its epoch, and a copy of the weights then
    """

    patience: int
    min_delta: float = 0.0
    best_loss: float = field(default=float("inf"), init=False)
    best_epoch: int = field(default=0, init=False)
    best: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not isinstance(self.patience, int) or self.patience < 1:
            raise SettingError(
                f"EarlyStopping: patience must be a whole number of epochs, 1 or more, got {self.patience!r}"
            )
        if not is_number(self.min_delta) or self.min_delta < 0:
            raise SettingError(f"EarlyStopping: min_delta must be a number of 0 or more, got {self.min_delta!r}")

    def fresh(self) -> EarlyStopping:
        """The same settings, before the first epoch."""
        return EarlyStopping(self.patience, self.min_delta)

    def observe(self, epoch: int, loss: float, weights: Mapping[str, Any]) -> bool:
        """Note the validation loss of an epoch (1, 2, ...); True when it is time to stop."""
        if loss < self.best_loss - self.min_delta or not self.best:
            self.best_loss, self.best_epoch = loss, epoch
            self.best = {name: np.array(value) for name, value in weights.items()}
        return epoch - self.best_epoch >= self.patience


def dropout_mask(random: Generator, shape: tuple[int, ...], rate: Any, dtype: Any = np.float64) -> Any:
    """A mask that is 0 with probability `rate` and ``1/(1 - rate)`` otherwise, so that its mean is 1.

    Drawn from the generator's raw bits, 8 for an entry where they give the rate exactly (1/2, 1/4, ...), else 16:
    several times faster than comparing uniform numbers, with a rate exact to 1e-5.
    """
    keep = 1 - float(rate)
    bits = np.uint8 if (keep * 256).is_integer() else np.uint16
    levels = 1 << 8 * np.dtype(bits).itemsize
    count = int(np.prod(shape))
    raw = random.bit_generator.random_raw(-(-count * np.dtype(bits).itemsize // 8))
    kept = np.asarray(raw).view(bits)[:count].reshape(shape) <= bits(round(keep * levels) - 1)
    return np.multiply(kept, np.dtype(dtype).type(1 / keep))
