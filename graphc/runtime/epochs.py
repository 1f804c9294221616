"""One epoch of training and what it leaves behind."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.errors import TrainingError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.ops.conditions import conditions
from graphc.runtime.binding import bind_sizes, given_sizes
from graphc.runtime.compile import compile
from graphc.runtime.optim import Optimizer
from graphc.runtime.problem import Arrays, Problem, common_dtype, starting_values
from graphc.runtime.stepping import Gradients, Masks, Update, first_not_finite, without_dropout


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data gave.

    Attributes
    ----------
    number : 1 for the first
    training_loss : mean over the examples, as the updates saw it (with dropout, while the parameters moved)
    validation_loss : after the epoch, without dropout; None without validation data
    metrics : values of the metrics after the epoch, on the validation data (without any, on the training data)
    seconds : what the epoch took, evaluation included
    """

    number: int
    training_loss: float
    validation_loss: float | None
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class FitResult:
    """What `fit` returns.

    Attributes
    ----------
    parameters : arrays by name; with early stopping the copy from the best epoch, otherwise the last ones
    epochs : one record for each epoch that ran
    best_epoch : the epoch with the lowest validation loss (the last one without validation data)
    stopped_early : whether early stopping ended the training
    """

    parameters: dict[str, Any] = field(repr=False)
    epochs: list[Epoch] = field(repr=False)
    best_epoch: int
    stopped_early: bool

    @property
    def stopped_epoch(self) -> int:
        """The last epoch that ran."""
        return len(self.epochs)

    @property
    def training_losses(self) -> Any:
        return np.array([e.training_loss for e in self.epochs])

    @property
    def validation_losses(self) -> Any:
        """NaN without validation data."""
        return np.array([math.nan if e.validation_loss is None else e.validation_loss for e in self.epochs])


class Judge:
    """The loss and the metrics without dropout."""

    def __init__(
        self, loss: Expr, metrics: Mapping[str, Expr], problem: Problem, style: str, sizes: Mapping[str, int]
    ) -> None:
        for name, metric in metrics.items():
            if not isinstance(metric, Expr) or metric.ndim:
                raise UnsupportedError(f"the metric {name!r} must be a scalar expression, got {metric!r}")
        self.names = list(metrics)
        self.leaves = [*problem.inputs, *problem.parameters]
        outputs = without_dropout([loss, *metrics.values()])
        self.loss = outputs[0]
        self.run = compile(outputs, self.leaves, style=style, equal=conditions([loss, *metrics.values()]))
        self.sizes = self.run.untold(sizes)

    def __call__(self, held: Arrays | None, training: Arrays, values: Arrays) -> tuple[float | None, dict[str, float]]:
        """The validation loss (None without validation data) and the metrics."""
        if held is None and not self.names:
            return None, {}
        at = {**(training if held is None else held), **values}
        loss, *measured = self.run(*(at[str(leaf.name)] for leaf in self.leaves), **self.sizes)
        found = {name: float(m) for name, m in zip(self.names, measured, strict=True)}
        return None if held is None else float(loss), found


class Trainer:
    """A loss, its data and its moving parameters; three streams of random numbers come from the seed.

    First values, the order of examples and dropout each have a stream, so that changing one leaves the others.
    """

    def __init__(
        self,
        loss: Expr,
        problem: Problem,
        trained: Sequence[Expr],
        arrays: Arrays,
        optimizer: Optimizer,
        seed: int,
        start: Mapping[str, Any],
        sizes: Mapping[str, int],
        style: str,
    ) -> None:
        drawing, self.shuffling, dropping = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
        self.problem, self.arrays = problem, arrays
        values = starting_values(problem, arrays, start, sizes, drawing)
        shapes = [a.shape for a in (*arrays.values(), *values.values())]
        bound = bind_sizes([*problem.inputs, *problem.parameters], shapes, given_sizes(sizes, (), sizes))
        self.step = Gradients(loss, problem, trained, style, sizes)
        self.update = Update(optimizer, values, [str(p.name) for p in trained], style)
        self.masks = Masks(problem, bound.values, dropping, common_dtype(problem, arrays))

    @property
    def values(self) -> Arrays:
        """The parameters as they are now, by name."""
        return self.update.values

    def epoch(self, number: int, batch_size: int, judge: Judge, held: Arrays | None) -> Epoch:
        """One pass over the data in a fresh order, then validation.

        Raises
        ------
        TrainingError
            If the loss of a step or of the validation is not finite.
        """
        began, total = time.perf_counter(), 0.0
        count = len(self.arrays[str(self.problem.batched[0].name)])
        order = self.shuffling.permutation(count)
        with np.errstate(all="ignore"):  # a loss that is not finite is reported with its cause instead
            for i, rows in enumerate(np.split(order, range(batch_size, count, batch_size)), 1):
                total += self.batch(rows, f"epoch {number}, step {i}") * len(rows)
            validation_loss, measured = judge(held, self.arrays, self.values)
        if validation_loss is not None and not math.isfinite(validation_loss):
            raise not_finite(
                judge.loss, validation_loss, f"epoch {number}, in validation", {**(held or {}), **self.values}
            )
        return Epoch(number, total / count, validation_loss, measured, time.perf_counter() - began)

    def batch(self, rows: Any, where: str) -> float:
        """One update; the loss before it."""
        batch = self.arrays | {str(x.name): self.arrays[str(x.name)][rows] for x in self.problem.batched}
        masks = self.masks.draw(len(rows))
        loss, *gradients = self.step(batch, masks, self.values)
        if not math.isfinite(loss):
            named = {str(m.name): mask for m, mask in zip(self.problem.masks, masks, strict=True)}
            raise not_finite(self.step.outputs[0], loss, where, {**batch, **named, **self.values})
        result = float(loss)
        self.update(gradients)
        return result


def not_finite(loss: Expr, value: Any, where: str, values: Mapping[str, Any]) -> TrainingError:
    return TrainingError(
        f"the loss became {float(value)} at {where}: {first_not_finite(loss, values)}; "
        "a smaller learning rate often helps"
    )
