"""The parts of a split dataset, and their scaling to mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from graphc.errors import DataError

Features: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]


class Part(NamedTuple):
    """The examples of one part of a split; unpacks as ``features, labels``.

    Attributes
    ----------
    features : float64 array of shape (n, d)
    labels : int64 array of shape (n,), in 0..k-1
    """

    features: Features
    labels: Labels


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and standard deviation per feature, as measured on the training part.

    Attributes
    ----------
    mean : float64 array of shape (d,)
    std : float64 array of shape (d,), 0 where the feature is constant
    """

    mean: Features
    std: Features

    @classmethod
    def of(cls, features: Features) -> Scaling:
        """Measure an array of shape (n, d), n >= 1."""
        # Squares of values above 1e154 overflow, so the moments are taken of values no larger than 1.
        size = np.abs(features).max(axis=0)
        size[size == 0] = 1.0
        relative = features / size
        # The mean of n equal numbers can be off by a rounding error, which would leave a tiny, meaningless std.
        constant = features.min(axis=0) == features.max(axis=0)
        std = np.where(constant, 0.0, relative.std(axis=0) * size)
        return cls(mean=relative.mean(axis=0) * size, std=std)

    def apply(self, features: Features) -> Features:
        """Subtract the mean and divide by the standard deviation; constant features become 0.

        Parameters
        ----------
        features : float64 array of shape (n, d)

        Returns
        -------
        float64 array of shape (n, d)

        Raises
        ------
        DataError
            If the number of columns is not d.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise DataError(
                f"the scaling was measured on {len(self.mean)} features, but got an array of shape {features.shape}; "
                f"pass an array of shape (n, {len(self.mean)})"
            )
        result: Features = np.zeros(features.shape, dtype=np.float64)
        np.divide(features - self.mean, self.std, out=result, where=self.std > 0)
        return result


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint parts that together are the whole dataset.

    Attributes
    ----------
    train, validation, test : Part
    scaling : Scaling or None
        What `standardize` subtracted and divided by, to treat new examples alike; None before.
    """

    train: Part
    validation: Part
    test: Part
    scaling: Scaling | None = None

    def __repr__(self) -> str:
        sizes = (f"{name}={len(getattr(self, name).labels)}" for name in ("train", "validation", "test"))
        return f"Split({', '.join(sizes)} examples, standardized={self.scaling is not None})"

    def standardize(self) -> Split:
        """Scale every part by the mean and standard deviation of the training part.

        Returns
        -------
        Split
            Training features of mean 0 and standard deviation 1; a feature that is constant in the
            training part is 0 in all parts. A split that is standardized already is returned as it is.
        """
        if self.scaling is not None:
            return self
        scaling = Scaling.of(self.train.features)
        train, validation, test = (
            Part(scaling.apply(part.features), part.labels) for part in (self.train, self.validation, self.test)
        )
        return Split(train, validation, test, scaling)
