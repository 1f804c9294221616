"""Reading datasets from NumPy's ``.npz`` archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphc.data.checks import make_dataset, require_finite, whole_labels
from graphc.data.dataset import Dataset
from graphc.errors import DataError

FEATURE_KEYS = ("features", "X", "x")
LABEL_KEYS = ("labels", "y", "target")

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")


def read_npz(path: Path) -> Dataset:
    """Read an archive of two arrays; see `graphc.data.load_dataset`."""
    features_key, labels_key, features, labels = _arrays(path)
    for key, array in ((features_key, features), (labels_key, labels)):
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"{str(path)!r}: array {key!r} has dtype {array.dtype}, but expected real numbers; "
                f"convert it with .astype(float) before saving (labels: number the classes 0, 1, 2, ...)"
            )
    if features.ndim not in (2, 3):
        raise DataError(
            f"{str(path)!r}: array {features_key!r} has shape {features.shape}, but expected (N, d), or (N, height, "
            f"width) for images; save {features_key}.reshape(N, -1) instead, with N examples"
        )
    if labels.ndim != 1:
        raise DataError(
            f"{str(path)!r}: array {labels_key!r} has shape {labels.shape}, but expected (N,), one integer per "
            f"example; save {labels_key}.argmax(axis=1) of one-hot rows, or {labels_key}.ravel() of one column"
        )
    if len(features) != len(labels):
        raise DataError(
            f"{str(path)!r}: array {features_key!r} has {len(features)} examples, but {labels_key!r} has {len(labels)} "
            f"labels; there must be one label per example"
        )
    if features.size == 0:
        raise DataError(
            f"{str(path)!r}: array {features_key!r} has shape {features.shape}, so there is nothing to learn from; "
            f"expected at least one example with one feature"
        )
    # A long double beyond float64 becomes infinite and is reported as such just below.
    with np.errstate(over="ignore"):
        numbers = features.astype(np.float64)
    require_finite(numbers, path, lambda index: f"{features_key}[{', '.join(map(str, index))}]")
    require_finite(labels, path, lambda index: f"{labels_key}[{index[0]}]")
    whole = whole_labels(labels, path, lambda row: f"{labels_key}[{row}]")
    return make_dataset(numbers.reshape(len(numbers), -1), whole, path)


def _arrays(path: Path) -> tuple[str, str, NDArray[Any], NDArray[Any]]:
    """Open the archive without unpickling anything, and load its two arrays."""
    # NumPy leaves a file open that it opened itself and found to be damaged.
    with path.open("rb") as stream:
        # numpy.load takes anything else for an array or a pickle, and would report it as such.
        if stream.read(4) not in _ZIP_STARTS:
            raise DataError(
                f"{str(path)!r} is not an npz archive, whatever its name says; "
                f"write one with numpy.savez(path, features=..., labels=...)"
            )
        stream.seek(0)
        # Damaged, encrypted or too large archives make NumPy, zipfile and the parsers below them raise a dozen
        # unrelated classes, SyntaxError among them; all mean that this file cannot be used.
        try:
            archive = np.load(stream, allow_pickle=False)
        except Exception as error:
            raise DataError(
                f"{str(path)!r} is a damaged npz archive ({_reason(error)}); save or download it again"
            ) from error
        features_key, labels_key = _keys(archive.files, path)
        return features_key, labels_key, _load(archive, features_key, path), _load(archive, labels_key, path)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _keys(found: list[str], path: Path) -> tuple[str, str]:
    features = [key for key in found if key in FEATURE_KEYS]
    labels = [key for key in found if key in LABEL_KEYS]
    if len(features) != 1 or len(labels) != 1 or len(found) != 2:
        raise DataError(
            f"{str(path)!r} holds {', '.join(map(repr, found)) or 'no arrays'}, but expected exactly two arrays: "
            f"one named 'features', 'X' or 'x' and one named 'labels', 'y' or 'target'; rename or remove the others"
        )
    return features[0], labels[0]


def _load(archive: Any, key: str, path: Path) -> NDArray[Any]:
    try:
        array = archive[key]
    except Exception as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{str(path)!r}: array {key!r} holds Python objects, which are never loaded because unpickling can "
                f"run any code; save plain numbers, for example {key}.astype(float) (rows must be of one length)"
            ) from error
        raise DataError(
            f"{str(path)!r}: array {key!r} is damaged ({_reason(error)}); save or download the file again"
        ) from error
    # NumPy hands over the raw bytes of an archive's member that is not an array.
    if not isinstance(array, np.ndarray):
        raise DataError(f"{str(path)!r}: member {key!r} is not a NumPy array; write the file with numpy.savez")
    return array
