"""The checks that every file format shares, after its text or bytes have become arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphc.data.dataset import Dataset
from graphc.data.parts import Features, Labels
from graphc.errors import DataError

# Above this size neighbouring integers share one float64, so that two classes could silently become one.
_EXACT = 2**53


def require_finite(values: NDArray[Any], path: Path, place: Callable[[tuple[int, ...]], str]) -> None:
    """Raise a DataError at the first NaN or infinity; `place` words an index for the message."""
    bad = ~np.isfinite(values)
    if bad.any():
        index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
        value = "NaN (not a number)" if np.isnan(values[index]) else "infinite"
        raise DataError(
            f"{str(path)!r}, {place(index)}: the value is {value}, but every value must be a finite number; "
            f"correct it or remove the example"
        )


def whole_labels(labels: NDArray[Any], path: Path, place: Callable[[int], str]) -> Labels:
    """Convert finite numbers of shape (N,) to int64, or raise a DataError at the first that is no integer."""
    rounded = labels.astype(np.float64)
    bad = (rounded != np.floor(rounded)) | (np.abs(rounded) >= _EXACT)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{str(path)!r}, {place(row)}: the label is {labels[row]}, but labels must be integers "
            f"(of less than 2**53); number the classes 0, 1, 2, ..."
        )
    return labels.astype(np.int64)


def make_dataset(features: Features, labels: Labels, path: Path) -> Dataset:
    """Map integer labels of any values to 0..k-1.

    Parameters
    ----------
    features : float64 array of shape (N, d), finite, N >= 1
    labels : int64 array of shape (N,)
    path : the file, for the dataset's name and for messages

    Raises
    ------
    DataError
        If all labels are equal.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"{str(path)!r}: all {len(labels)} example(s) have the label {classes[0]}, but a classifier needs at least "
            f"two classes; check that the label column or array is the right one"
        )
    return Dataset(
        features=np.ascontiguousarray(features, dtype=np.float64),
        labels=codes.astype(np.int64),
        classes=classes,
        name=path.stem,
        source=str(path),
    )
