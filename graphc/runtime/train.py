"""Training: mini-batches, an optimizer, dropout, validation and early stopping, exactly reproducible from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.errors import SettingError, TrainingError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.ops.arguments import by_name
from graphc.ops.symbols import symbols_of
from graphc.runtime.epochs import Epoch, FitResult, Judge, Trainer
from graphc.runtime.evaluate import evaluate
from graphc.runtime.optim import Optimizer
from graphc.runtime.problem import Problem, checked_data, problem_of, require_scalar
from graphc.runtime.regularize import EarlyStopping
from graphc.runtime.stepping import without_dropout

__all__ = ["Epoch", "FitResult", "fit", "predict"]


def __dir__() -> list[str]:
    """What the module offers, without what it imports."""
    return __all__


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
        Sizes that no data tells, such as the number of hidden units, or the k of ``x[:k]``.
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
    if progress is not None and not callable(progress):
        raise SettingError(f"progress must be a function of an Epoch, got {progress!r}")
    arrays = checked_data(problem, data)[0]
    held = None if validation is None else checked_data(problem, validation, "validation")[0]
    trainer = Trainer(loss, problem, trained, arrays, optimizer, seed, start or {}, sizes or {}, style)
    judge = Judge(loss, metrics or {}, problem, style, sizes or {})
    stopper = early_stopping.fresh() if early_stopping is not None else None
    history: list[Epoch] = []
    stop = False
    while len(history) < epochs and not stop:
        epoch = trainer.epoch(len(history) + 1, batch_size, judge, held)
        history.append(epoch)
        if progress is not None:
            progress(epoch)
        if stopper is not None and epoch.validation_loss is not None:
            stop = stopper.observe(epoch.number, epoch.validation_loss, trainer.values)
    final = stopper.best if stopper is not None else {k: np.array(v) for k, v in trainer.values.items()}
    return FitResult(final, history, _best(history, stopper), stop)


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
    given = {**by_name(data, "predict(data)"), **by_name(parameters, "predict(parameters)")}
    return evaluate(without_dropout([expr])[0], given)


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


def _best(history: list[Epoch], stopper: EarlyStopping | None) -> int:
    if stopper is not None:
        return stopper.best_epoch
    known = [(e.validation_loss, e.number) for e in history if e.validation_loss is not None]
    return min(known)[1] if known else len(history)
