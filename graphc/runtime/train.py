"""Training: mini-batches, an optimizer, dropout, validation and early stopping, exactly reproducible from a seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.errors import SettingError, TrainingError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.ops.symbols import symbols_of
from graphc.runtime.binding import bind_sizes, given_sizes
from graphc.runtime.compile import compile
from graphc.runtime.evaluate import evaluate
from graphc.runtime.optim import Optimizer
from graphc.runtime.problem import (
    Arrays,
    Problem,
    checked_data,
    common_dtype,
    problem_of,
    require_scalar,
    starting_values,
)
from graphc.runtime.regularize import EarlyStopping
from graphc.runtime.stepping import Gradients, Masks, Update, first_not_finite, without_dropout

__all__ = ["Epoch", "FitResult", "fit", "predict"]


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


def fit(
    loss: Expr,
    data: Mapping[str, Any],
    *,
    optimizer: Optimizer,
    parameters: Sequence[Expr] | None = None,
    batch_size: int = 32,
    epochs: int = 100,
    validation: Mapping[str, Any] | None = None,
    early_stopping: EarlyStopping | None = None,
    seed: int = 0,
    metrics: Mapping[str, Expr] | None = None,
    progress: Callable[[Epoch], Any] | None = None,
    start: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    style: str = "fast",
) -> FitResult:
    """Minimize `loss` over its parameters.

    Parameters
    ----------
    loss : Expr of shape ()
        Its inputs share a symbolic first size, which counts the examples of a batch.
    data : mapping from the names of inputs to arrays
        The first axis counts the examples. float32 arrays train in float32.
    optimizer : Optimizer
    parameters : sequence of Expr, optional
        Those to train; by default all.
    batch_size : int
        The last batch of an epoch may be smaller.
    epochs : int
        How many passes at most.
    validation : mapping like `data`, optional
        Evaluated after each epoch with dropout masks of ones.
    early_stopping : EarlyStopping, optional
        Needs `validation`.
    seed : int
        Decides first values, order of examples and dropout; the same seed gives the same result bit for bit.
    metrics : mapping from names to scalar expressions, optional
        Evaluated after each epoch.
    progress : callable, optional
        Called with each `Epoch`.
    start : mapping from parameter names to arrays, optional
        First values; the others are drawn as each parameter's ``init`` says.
    sizes : mapping from names to int, optional
        Sizes that no data tells, such as the number of hidden units.
    style : {"fast", "readable"}
        The compiled code's style.

    Raises
    ------
    TrainingError
        If the loss has no parameters or no batch size, or becomes NaN or infinite: the message says where.
    DifferentiationError, ValueMissingError, ShapeError, DTypeError, SettingError, UnsupportedError
        If the loss is no scalar, or an input or setting is missing or does not fit.
    """
    problem = problem_of(require_scalar(loss), symbols_of([loss, *dict(metrics or {}).values()]))
    trained = _chosen(problem, parameters)
    _check_settings(batch_size, epochs, seed, early_stopping, validation)
    arrays, count = checked_data(problem, data)
    held = checked_data(problem, validation, "validation")[0] if validation is not None else None
    drawing, shuffling, dropping = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    values = starting_values(problem, arrays, start or {}, sizes or {}, drawing)
    bound = bind_sizes(
        [*problem.inputs, *problem.parameters],
        [a.shape for a in (*arrays.values(), *values.values())],
        given_sizes(sizes or {}, ()),
    )
    step = Gradients(loss, problem, trained, style)
    update = Update(optimizer, values, [str(p.name) for p in trained], style)
    masks = Masks(problem, bound.values, dropping, common_dtype(problem, arrays))
    judge = Judge(loss, metrics or {}, problem, style)
    stopper = early_stopping.fresh() if early_stopping is not None else None
    history: list[Epoch] = []
    stop = False
    while len(history) < epochs and not stop:
        began, number, total = time.perf_counter(), len(history) + 1, 0.0
        order = shuffling.permutation(count)
        with np.errstate(all="ignore"):  # a loss that is not finite is reported below, with its cause
            for i, rows in enumerate(np.split(order, range(batch_size, count, batch_size)), 1):
                batch = arrays | {str(x.name): arrays[str(x.name)][rows] for x in problem.batched}
                drawn = masks.draw(len(rows))
                value, *gradients = step(batch, drawn, update.values)
                if not math.isfinite(value):
                    named = {str(m.name): mask for m, mask in zip(problem.masks, drawn, strict=True)}
                    raise _not_finite(
                        step.outputs[0], value, f"epoch {number}, step {i}", {**batch, **named, **update.values}
                    )
                total += float(value) * len(rows)
                update(gradients)
            validation_loss, measured = judge(held, arrays, update.values)
        if validation_loss is not None and not math.isfinite(validation_loss):
            plain = without_dropout([loss])[0]
            raise _not_finite(
                plain, validation_loss, f"epoch {number}, in validation", {**(held or {}), **update.values}
            )
        history.append(Epoch(number, total / count, validation_loss, measured, time.perf_counter() - began))
        if progress is not None:
            progress(history[-1])
        if stopper is not None and validation_loss is not None:
            stop = stopper.observe(number, validation_loss, update.values)
    final = stopper.best if stopper is not None else {k: np.array(v) for k, v in update.values.items()}
    return FitResult(final, history, _best(history, stopper), stop)


class Judge:
    """The loss and the metrics without dropout."""

    def __init__(self, loss: Expr, metrics: Mapping[str, Expr], problem: Problem, style: str) -> None:
        for name, metric in metrics.items():
            if not isinstance(metric, Expr) or metric.ndim:
                raise UnsupportedError(f"the metric {name!r} must be a scalar expression, got {metric!r}")
        self.names = list(metrics)
        self.leaves = [*problem.inputs, *problem.parameters]
        self.run = compile(without_dropout([loss, *metrics.values()]), self.leaves, style=style)

    def __call__(self, held: Arrays | None, training: Arrays, values: Arrays) -> tuple[float | None, dict[str, float]]:
        """The validation loss (None without validation data) and the metrics."""
        if held is None and not self.names:
            return None, {}
        at = {**(training if held is None else held), **values}
        loss, *measured = self.run(*(at[str(leaf.name)] for leaf in self.leaves))
        found = {name: float(m) for name, m in zip(self.names, measured, strict=True)}
        return None if held is None else float(loss), found


def predict(expr: Expr, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """The value of `expr` with trained parameters, dropout masks all ones.

    Parameters
    ----------
    expr : Expr
    parameters, data : mappings from names to arrays
        Entries that `expr` does not need are ignored.

    Raises
    ------
    ValueMissingError, ShapeError, DTypeError
        If an array is missing or does not fit.
    """
    if not isinstance(expr, Expr):
        raise UnsupportedError(f"predict needs an expression, got {expr!r} of type {type(expr).__name__}")
    return evaluate(without_dropout([expr])[0], {**data, **parameters})


def _chosen(problem: Problem, parameters: Sequence[Expr] | None) -> list[Expr]:
    if parameters is None:
        return list(problem.parameters)
    chosen = list(parameters)
    for p in chosen:
        if p not in problem.parameters:
            known = ", ".join(str(q.name) for q in problem.parameters)
            raise UnsupportedError(f"{p!r} is no parameter of the loss; its parameters are {known}")
    if not chosen:
        raise TrainingError("parameters is empty: there is nothing to train; leave it out to train all of them")
    return chosen


def _check_settings(batch_size: Any, epochs: Any, seed: Any, stopping: Any, validation: Any) -> None:
    for name, value, least in (("batch_size", batch_size, 1), ("epochs", epochs, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise SettingError(f"{name} must be a whole number of {least} or more, got {value!r}")
    if stopping is not None and validation is None:
        raise SettingError("early_stopping watches the validation loss: pass validation= as well")


def _not_finite(loss: Expr, value: Any, where: str, values: Mapping[str, Any]) -> TrainingError:
    return TrainingError(
        f"the loss became {float(value)} at {where}: {first_not_finite(loss, values)}; "
        "a smaller learning rate often helps"
    )


def _best(history: list[Epoch], stopper: EarlyStopping | None) -> int:
    if stopper is not None:
        return stopper.best_epoch
    known = [(e.validation_loss, e.number) for e in history if e.validation_loss is not None]
    return min(known)[1] if known else len(history)
