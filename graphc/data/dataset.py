"""A table of examples with one class each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graphc.data.parts import Features, Labels, Part, Split
from graphc.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with their classes.

    Attributes
    ----------
    features : float64 array of shape (N, d)
    labels : int64 array of shape (N,), in 0..k-1
    classes : int64 array of shape (k,)
        The label values of the file in rising order; ``classes[labels]`` are the original labels.
    name, source : str
    """

    features: Features = field(repr=False)
    labels: Labels = field(repr=False)
    classes: Labels
    name: str
    source: str

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.labels.shape != self.features.shape[:1]:
            raise DataError(
                f"dataset {self.name!r}: expected features of shape (N, d) and labels of shape (N,), "
                f"but got {self.features.shape} and {self.labels.shape}"
            )
        count = len(self.classes)
        if self.labels.dtype.kind not in "iu" or np.any((self.labels < 0) | (self.labels >= count)):
            raise DataError(f"dataset {self.name!r}: with {count} classes, labels must be integers in 0..{count - 1}")

    def split(self, validation: float = 0.15, test: float = 0.2, seed: int = 0) -> Split:
        """Divide the examples at random, class by class, so that every part has the same mix of classes.

        Parameters
        ----------
        validation, test : float
            Shares of each class, rounded to whole examples (at least one); 0 leaves the part empty.
            The rest, at least one example of each class, is for training.
        seed : int
            The same seed gives the same split.

        Returns
        -------
        Split

        Raises
        ------
        DataError
            If a share is negative, if the shares leave nothing to train on, if the seed is not an
            integer >= 0, or if a class has fewer examples than there are parts (3, unless a share is 0).
        """
        if not (validation >= 0 and test >= 0 and validation + test < 1):
            raise DataError(
                f"validation={validation} and test={test} must be shares from 0 up to, and together below, 1, "
                f"such as validation=0.15, test=0.2"
            )
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise DataError(f"seed must be an integer of 0 or more, but got {seed!r}")
        random = np.random.default_rng(seed)
        counts = np.bincount(self.labels, minlength=len(self.classes))
        parts: tuple[list[Labels], list[Labels], list[Labels]] = ([], [], [])
        by_class = np.split(np.argsort(self.labels, kind="stable"), np.cumsum(counts)[:-1])
        for original, rows in zip(self.classes.tolist(), by_class, strict=True):
            sizes = _sizes(len(rows), validation, test)
            if sizes[0] < 1:
                raise DataError(
                    f"dataset {self.name!r}: class {original} has only {len(rows)} example(s), but a split needs at "
                    f"least {1 + (validation > 0) + (test > 0)} of each class; add examples of class {original} or "
                    f"remove it from the data"
                )
            pieces = np.split(random.permutation(rows), np.cumsum(sizes)[:-1])
            for part, piece in zip(parts, pieces, strict=True):
                part.append(piece)
        # Without this last shuffle a minibatch in order would hold one class only.
        train_rows, validation_rows, test_rows = (random.permutation(np.concatenate(part)) for part in parts)
        return Split(
            train=Part(self.features[train_rows], self.labels[train_rows]),
            validation=Part(self.features[validation_rows], self.labels[validation_rows]),
            test=Part(self.features[test_rows], self.labels[test_rows]),
        )


def _sizes(count: int, validation: float, test: float) -> tuple[int, int, int]:
    """Examples of one class for training, validation and test; the first is below 1 if `count` is too small."""
    least_validation, least_test = int(validation > 0), int(test > 0)
    held_validation = max(least_validation, round(validation * count))
    held_test = max(least_test, round(test * count))
    # Rounding up twice can use up a small class; training takes one example back from the larger part.
    while held_validation + held_test >= count and (held_validation > least_validation or held_test > least_test):
        if held_validation - least_validation > held_test - least_test:
            held_validation -= 1
        else:
            held_test -= 1
    return count - held_validation - held_test, held_validation, held_test
