"""Datasets for training classifiers: the handwritten digits that come along, and the user's own files."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

from graphc.data.dataset import Dataset
from graphc.data.parts import Part, Scaling, Split
from graphc.data.read_csv import read_csv
from graphc.data.read_npz import read_npz
from graphc.errors import DataError

__all__ = ["Dataset", "Part", "Scaling", "Split", "load_dataset", "load_digits"]

_READERS = {".npz": read_npz, ".csv": read_csv}

_DIGITS_SOURCE = (
    "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits (test set), "
    "UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0"
)


def load_digits() -> Dataset:
    """Load 1,797 images of handwritten digits, 8 x 8 pixels each.

    Returns
    -------
    Dataset
        Features: float64 of shape (1797, 64), whole numbers 0..16, row by row; labels: int64 of shape
        (1797,); classes: 0..9.

    Raises
    ------
    DataError
        If the file is missing from the installation or damaged.
    """
    with resources.as_file(resources.files("graphc.data") / "digits.npz") as path:
        return replace(load_dataset(path), source=_DIGITS_SOURCE)


def load_dataset(path: str | os.PathLike[str]) -> Dataset:
    """Read a dataset from a ``.npz`` or ``.csv`` file.

    Parameters
    ----------
    path : str or path
        A ``.npz`` file holds two arrays of real numbers: ``features`` (or ``X``, ``x``) of shape (N, d), or
        (N, height, width) for images, which are flattened, and ``labels`` (or ``y``, ``target``) of shape (N,).

        A ``.csv`` file holds comma-separated numbers in UTF-8, one example per line; blank lines are skipped.
        Line 1 is a header if none of its cells is a number or if one of them names the label: ``label``,
        ``labels``, ``target`` or ``class``, or else ``y``, in any case. The label is that column, without
        such a name the last one.

        Labels are integers of any values.

    Returns
    -------
    Dataset
        Features: float64 of shape (N, d); labels: int64 of shape (N,), mapped to 0..k-1; classes: the k
        original values in rising order; name: the file's name without extension; source: its path.

    Raises
    ------
    DataError
        If the file cannot be read, or is not a table of finite numbers with integer labels of at least two
        classes; the message says where and what to do.
    """
    file = Path(path)
    try:
        if file.is_dir():
            raise DataError(f"{str(file)!r} is a directory; pass the path of a .npz or .csv file, such as one in it")
        if not file.exists():
            raise DataError(
                f"there is no file {str(file)!r} (looked in {str(file.absolute().parent)!r}); check the path"
            )
        reader = _READERS.get(file.suffix.lower())
        if reader is None:
            raise DataError(
                f"{str(file)!r} has the extension {file.suffix!r}, but expected '.npz' or '.csv'; "
                f"convert the file, or rename it if it is one of these"
            )
        if file.stat().st_size == 0:
            raise DataError(f"{str(file)!r} is empty (0 bytes); save or download it again")
        return reader(file)
    except OSError as error:
        raise DataError(f"{str(file)!r} cannot be read: {error.strerror or error}; check its permissions") from error
