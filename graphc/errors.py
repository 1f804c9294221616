"""The error classes of graphc: each also is the built-in class that a user of NumPy would expect."""

from __future__ import annotations

import re

import numpy as np

LONG, RUN = 400, re.compile(r"\S{200,}")  # in long messages, runs without a blank are cut short


class GraphcError(Exception):
    """Base class of every error that graphc raises on purpose."""

    def __str__(self) -> str:
        text = super().__str__()
        return text if len(text) <= LONG else RUN.sub(lambda run: f"{run[0][:60]}...", text)


class ShapeError(GraphcError, ValueError):
    """Shapes, axes or sizes do not fit together."""


class DTypeError(GraphcError, TypeError):
    """A value of one kind (boolean, integer, floating point) where another is needed."""


class IndexRangeError(GraphcError, IndexError):
    """An index beyond the size of the axis that it picks from."""


class NameConflictError(GraphcError, ValueError):
    """Two different symbols carry one name, or a name cannot be a symbol's."""


class UnknownNameError(GraphcError, ValueError):
    """A formula uses a name or function that nothing defines."""


class FormulaError(GraphcError, ValueError):
    """A text formula cannot be read; the message points at the place."""


class FreeIndexError(FormulaError):
    """In a formula in index notation, an index is neither on the left nor summed."""


class UnsupportedError(GraphcError, TypeError):
    """An operation, argument or feature that graphc does not have (yet)."""


class DifferentiationError(GraphcError, ValueError):
    """A derivative that does not exist or was asked for in the wrong way."""


class FactError(GraphcError, ValueError):
    """An unknown fact, or one that does not fit the symbol's shape."""


class ValueMissingError(GraphcError, ValueError):
    """An array that is needed was not given, or does not fit its declaration."""


class LinearAlgebraError(GraphcError, np.linalg.LinAlgError):
    """A matrix has no inverse, no Cholesky factor or no decomposition at the given values."""


class DataError(GraphcError, ValueError):
    """A data file is missing, broken or unusable for training."""


class TrainingError(GraphcError, RuntimeError):
    """Training cannot go on, for example because the loss became NaN."""


class SettingError(GraphcError, ValueError):
    """An option or hyperparameter outside its range."""


class SimplificationBudgetWarning(UserWarning):
    """Simplification ended at its budget: the result is right, but may be longer than its closed form."""


class DrawingError(GraphcError, RuntimeError):
    """The picture could not be made."""
