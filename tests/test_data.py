"""Datasets: the digits that come along, reading files, what the errors say, and splitting."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.data import Dataset, Split, load_dataset, load_digits
from graphc.errors import DataError

FEATURES = np.arange(12.0).reshape(6, 2)
LABELS = np.array([0, 1, 0, 1, 0, 1])


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "data.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def npz_file(tmp_path: Path) -> Callable[..., Path]:
    def write(**arrays: Any) -> Path:
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


def message(path: Path) -> str:
    """The error's text, with the file's path shortened to its name."""
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(str(path.parent), "DIR").replace("DIR/", "")


# The digits


def test_digits_are_the_known_test_set() -> None:
    digits = load_digits()
    assert digits.features.shape == (1797, 64)
    assert digits.features.dtype == np.float64
    assert digits.labels.dtype == np.int64
    assert (digits.features.min(), digits.features.max()) == (0, 16)
    assert digits.features.sum() == 561718
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.classes.tolist() == list(range(10))
    assert digits.name == "digits"
    assert "https://doi.org/10.24432/C50P49" in digits.source
    pixels = hashlib.sha256(digits.features.astype(np.uint8).tobytes()).hexdigest()
    labels = hashlib.sha256(digits.labels.astype(np.uint8).tobytes()).hexdigest()
    assert pixels == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert labels == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_equal_those_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.datasets")
    theirs = sklearn.load_digits()
    ours = load_digits()
    np.testing.assert_array_equal(ours.features, theirs.data)
    np.testing.assert_array_equal(ours.labels, theirs.target)


def test_digits_file_is_small_and_holds_bytes() -> None:
    file = resources.files("graphc.data") / "digits.npz"
    content = file.read_bytes()
    assert len(content) < 200_000
    with resources.as_file(file) as path, np.load(path, allow_pickle=False) as archive:
        assert {key: archive[key].dtype for key in archive} == {"features": np.uint8, "labels": np.uint8}


def test_digits_licence_names_the_source() -> None:
    text = (resources.files("graphc.data") / "LICENSE-digits.txt").read_text(encoding="utf-8")
    for part in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "scikit-learn"):
        assert part in text


def test_imports_only_errors_of_graphc() -> None:
    code = "import sys, graphc.data; print(*sorted(m for m in sys.modules if m.startswith('graphc.')))"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    source = "".join(p.read_text() for p in Path(str(resources.files("graphc.data"))).glob("*.py"))
    used = {line.split()[1] for line in source.splitlines() if line.startswith(("from graphc", "import graphc"))}
    assert "graphc.data" in lines
    assert all(name == "graphc.errors" or name.startswith("graphc.data") for name in used)


# Files that can be read


def test_csv_without_header(csv_file: Callable[[str], Path]) -> None:
    path = csv_file("1,2.5,7\n-3,4e1,5\n\n0.5, 6 ,7.0\n")
    data = load_dataset(path)
    np.testing.assert_array_equal(data.features, [[1, 2.5], [-3, 40], [0.5, 6]])
    assert data.features.dtype == np.float64
    assert data.features.flags.c_contiguous
    assert data.labels.tolist() == [1, 0, 1]
    assert data.labels.dtype == np.int64
    assert data.classes.tolist() == [5, 7]
    assert data.name == "data"
    assert data.source == str(path)
    assert load_dataset(str(path)).source == str(path)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("a,b,c", 2),
        ("label,b,c", 0),
        ("a,labels,c", 1),
        ("Target,b,c", 0),
        ("a, CLASS ,c", 1),
        ("y,b,c", 0),
        ("x,y,label", 2),
        ("label,x,y", 0),
        ('"label","a, b",c', 0),
        ("label,1,2", 0),
        ("0,1,label", 2),
        (",label,c", 1),
    ],
)
def test_csv_header(csv_file: Callable[[str], Path], header: str, column: int) -> None:
    rows = np.array([[3, 1, 9], [8, 2, 4]])
    data = load_dataset(csv_file(header + "\n" + "\n".join(",".join(map(str, row)) for row in rows)))
    np.testing.assert_array_equal(data.features, np.delete(rows, column, axis=1))
    np.testing.assert_array_equal(data.classes[data.labels], rows[:, column])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf1,2,0\n3,4,1\n",
        b"\xef\xbb\xbfa,b,label\n1,2,0\n3,4,1\n",
        b"\xef\xbb\xbflabel,a,b\r\n0,1,2\r\n1,3,4",
        b"1,2,0\r3,4,1\r",
        b'"1","2","0"\n"3", "4","1"\n',
        b"\n  \na,b,c\n\n1,2,0\n \n3,4,1\n\n",
    ],
    ids=["bom", "bom-header", "bom-label-crlf", "cr", "quoted", "blank-lines"],
)
def test_csv_encodings_and_line_ends(csv_file: Callable[[bytes], Path], content: bytes) -> None:
    data = load_dataset(csv_file(content))
    assert data.features.tolist() == [[1, 2], [3, 4]]
    assert data.labels.tolist() == [0, 1]


@pytest.mark.parametrize("features", ["features", "X", "x"])
@pytest.mark.parametrize("labels", ["labels", "y", "target"])
def test_npz_names(npz_file: Callable[..., Path], features: str, labels: str) -> None:
    data = load_dataset(npz_file(**{features: FEATURES.astype(np.float32), labels: LABELS * 10 - 5}))
    np.testing.assert_array_equal(data.features, FEATURES)
    assert data.features.dtype == np.float64
    assert data.labels.tolist() == LABELS.tolist()
    assert data.classes.tolist() == [-5, 5]


def test_npz_images_are_flattened(npz_file: Callable[..., Path]) -> None:
    images = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    data = load_dataset(npz_file(X=np.asfortranarray(images), y=np.array([0.0, 1.0, 1.0])))
    np.testing.assert_array_equal(data.features, images.reshape(3, 64))


def test_npz_boolean_labels_and_capital_extension(tmp_path: Path) -> None:
    path = tmp_path / "data.NPZ"
    with path.open("wb") as stream:
        np.savez_compressed(stream, x=FEATURES, y=LABELS == 1)
    assert load_dataset(path).labels.tolist() == LABELS.tolist()


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53) + 1, 2**53 - 1)),
        min_size=2,
        unique_by=lambda row: row[1],
    )
)
def test_csv_returns_what_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, int]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text("".join(f"{value!r},{label}\n" for value, label in rows))
    data = load_dataset(path)
    assert data.features[:, 0].tolist() == [value for value, _ in rows]
    assert data.classes[data.labels].tolist() == [label for _, label in rows]


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "'data.csv' is empty (0 bytes); save or download it again"),
        ("\n \n", "'data.csv' is empty; expected lines of comma-separated numbers, the label last"),
        (
            "a,b,label\n",
            "'data.csv' has a header in line 1 but no rows after it; add one row of numbers per example",
        ),
        (
            "1,2,0\n\n3,4\n",
            "'data.csv', line 3: expected 3 columns as in line 1, but found 2; "
            "add the missing cells or remove the surplus ones",
        ),
        (
            "a,b,label\n1,2,3,0\n",
            "'data.csv', line 2: expected 3 columns as in line 1, but found 4; "
            "add the missing cells or remove the surplus ones",
        ),
        (
            "a,b,label\n1,2,0\n3,four,1\n",
            "'data.csv', line 3, column 2 ('b'): 'four' is not a number; write a number there or remove the row",
        ),
        (
            "1,2,0\n3,1_000,1\n",
            "'data.csv', line 2, column 2: '1_000' is not a number; write a number there or remove the row",
        ),
        (
            "1,2,0\n3, ,1\n",
            "'data.csv', line 2, column 2: the cell is empty; write a number there or remove the row",
        ),
        (
            "label,a\ncat,2\n",
            "'data.csv', line 2, column 1 ('label'): 'cat' is not a number; "
            "labels must be integers: number the classes 0, 1, 2, ...",
        ),
        (
            "5.1,3.5,setosa\n4.9,3.0,setosa\n",
            "'data.csv', line 1: column 3 holds 'setosa', which is not a number, while other columns hold numbers; "
            "write a number (labels: integers), or, if this line is a header, name the label column 'label'",
        ),
        (
            "1,2,0\n\n3,nan,1\n",
            "'data.csv', line 3, column 2: the value is NaN (not a number), but every value must be a finite number; "
            "correct it or remove the example",
        ),
        (
            "a,b,label\n1,2,0\n-inf,4,1\n",
            "'data.csv', line 3, column 1 ('a'): the value is infinite, but every value must be a finite number; "
            "correct it or remove the example",
        ),
        (
            "a,label,b\n1,0,2\n3,1.5,4\n",
            "'data.csv', line 3, column 2 ('label'): the label is 1.5, but labels must be integers "
            "(of less than 2**53); number the classes 0, 1, 2, ...",
        ),
        (
            "1,9007199254740993\n2,0\n",
            "'data.csv', line 1, column 2: the label is 9007199254740992.0, but labels must be integers "
            "(of less than 2**53); number the classes 0, 1, 2, ...",
        ),
        (
            "1,2,4\n3,4,4\n",
            "'data.csv': all 2 example(s) have the label 4, but a classifier needs at least two classes; "
            "check that the label column or array is the right one",
        ),
        (
            "1\n2\n",
            "'data.csv', line 1: found only one column, but expected at least one feature and the label, "
            "separated by commas; add the missing columns",
        ),
        (
            "a;b;label\n1;2;0\n",
            "'data.csv', line 1: found only one column, but expected at least one feature and the label, "
            "separated by commas; replace ';' by commas as the separator",
        ),
        (
            "label,a,target\n1,2,0\n",
            "'data.csv', line 1: columns 1 ('label'), 3 ('target') could each be the label; "
            "keep one of these names and rename or remove the others",
        ),
        (
            b"\xff\xfe1\x00,\x002\x00",
            "'data.csv' is not UTF-8 text: byte 0xff at or after line 1 cannot be read; save the file as 'CSV UTF-8'",
        ),
        (
            '1,2,0\n3,"4,1\n5,6,0\n',
            "'data.csv', line 2: the row cannot be read as comma-separated values (unexpected end of data); "
            "check the quotation marks and line ends",
        ),
    ],
)
def test_csv_errors(csv_file: Callable[[str | bytes], Path], content: str | bytes, expected: str) -> None:
    assert message(csv_file(content)) == expected


NAN = FEATURES.copy()
NAN[4, 1] = np.nan
INFINITE = np.ones((6, 8, 8))
INFINITE[5, 2, 7] = np.inf


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            {"x_train": FEATURES, "y_train": LABELS},
            "'data.npz' holds 'x_train', 'y_train', but expected exactly two arrays: one named 'features', 'X' or 'x' "
            "and one named 'labels', 'y' or 'target'; rename or remove the others",
        ),
        (
            {"X": FEATURES, "x": FEATURES, "y": LABELS},
            "'data.npz' holds 'X', 'x', 'y', but expected exactly two arrays: one named 'features', 'X' or 'x' "
            "and one named 'labels', 'y' or 'target'; rename or remove the others",
        ),
        (
            {},
            "'data.npz' holds no arrays, but expected exactly two arrays: one named 'features', 'X' or 'x' "
            "and one named 'labels', 'y' or 'target'; rename or remove the others",
        ),
        (
            {"X": np.array([[1], [1, 2]], dtype=object), "y": LABELS},
            "'data.npz': array 'X' holds Python objects, which are never loaded because unpickling can run any code; "
            "save plain numbers, for example X.astype(float) (rows must be of one length)",
        ),
        (
            {"X": FEATURES, "y": np.array(["a", "b"] * 3)},
            "'data.npz': array 'y' has dtype <U1, but expected real numbers; convert it with .astype(float) before "
            "saving (labels: number the classes 0, 1, 2, ...)",
        ),
        (
            {"X": FEATURES + 1j, "y": LABELS},
            "'data.npz': array 'X' has dtype complex128, but expected real numbers; convert it with .astype(float) "
            "before saving (labels: number the classes 0, 1, 2, ...)",
        ),
        (
            {"X": np.arange(6.0), "y": LABELS},
            "'data.npz': array 'X' has shape (6,), but expected (N, d), or (N, height, width) for images; "
            "save X.reshape(N, -1) instead, with N examples",
        ),
        (
            {"X": np.zeros((6, 8, 8, 3)), "y": LABELS},
            "'data.npz': array 'X' has shape (6, 8, 8, 3), but expected (N, d), or (N, height, width) for images; "
            "save X.reshape(N, -1) instead, with N examples",
        ),
        (
            {"X": FEATURES, "y": np.eye(6)},
            "'data.npz': array 'y' has shape (6, 6), but expected (N,), one integer per example; "
            "save y.argmax(axis=1) of one-hot rows, or y.ravel() of one column",
        ),
        (
            {"X": FEATURES, "y": LABELS[:5]},
            "'data.npz': array 'X' has 6 examples, but 'y' has 5 labels; there must be one label per example",
        ),
        (
            {"X": np.zeros((0, 2)), "y": np.zeros(0)},
            "'data.npz': array 'X' has shape (0, 2), so there is nothing to learn from; "
            "expected at least one example with one feature",
        ),
        (
            {"X": np.zeros((6, 0)), "y": LABELS},
            "'data.npz': array 'X' has shape (6, 0), so there is nothing to learn from; "
            "expected at least one example with one feature",
        ),
        (
            {"X": NAN, "y": LABELS},
            "'data.npz', X[4, 1]: the value is NaN (not a number), but every value must be a finite number; "
            "correct it or remove the example",
        ),
        (
            {"X": INFINITE, "y": LABELS},
            "'data.npz', X[5, 2, 7]: the value is infinite, but every value must be a finite number; "
            "correct it or remove the example",
        ),
        (
            {"X": FEATURES, "y": NAN[:, 1]},
            "'data.npz', y[4]: the value is NaN (not a number), but every value must be a finite number; "
            "correct it or remove the example",
        ),
        (
            {"X": FEATURES, "y": LABELS + 0.25},
            "'data.npz', y[0]: the label is 0.25, but labels must be integers (of less than 2**53); "
            "number the classes 0, 1, 2, ...",
        ),
        (
            {"X": FEATURES, "y": LABELS.astype(np.uint64) * np.uint64(2**63)},
            "'data.npz', y[1]: the label is 9223372036854775808, but labels must be integers (of less than 2**53); "
            "number the classes 0, 1, 2, ...",
        ),
        (
            {"X": FEATURES, "y": LABELS * 0},
            "'data.npz': all 6 example(s) have the label 0, but a classifier needs at least two classes; "
            "check that the label column or array is the right one",
        ),
    ],
)
def test_npz_errors(npz_file: Callable[..., Path], arrays: dict[str, Any], expected: str) -> None:
    assert message(npz_file(**arrays)) == expected


@pytest.mark.parametrize("content", [b"hello, world", pickle.dumps([1, 2]), b"\x93NUMPY\x01\x00"])
def test_npz_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    assert message(path) == (
        "'data.npz' is not an npz archive, whatever its name says; "
        "write one with numpy.savez(path, features=..., labels=...)"
    )


def test_npz_cut_short(npz_file: Callable[..., Path]) -> None:
    path = npz_file(X=FEATURES, y=LABELS)
    path.write_bytes(path.read_bytes()[:-40])
    assert message(path).startswith("'data.npz' is a damaged npz archive (")


def test_npz_with_one_bit_changed(npz_file: Callable[..., Path]) -> None:
    path = npz_file(X=FEATURES, y=LABELS)
    content = bytearray(path.read_bytes())
    content[content.index(FEATURES.tobytes()) + 9] ^= 1
    path.write_bytes(content)
    assert message(path).startswith("'data.npz': array 'X' is damaged (")


def test_npz_with_a_header_that_is_no_python(tmp_path: Path) -> None:
    header = b"{'descr': ('<f8\n(" + b" " * 60 + b"\n"
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        archive.writestr("y.npy", b"")
    assert message(path).startswith("'data.npz': array 'X' is damaged (")


def test_npz_members_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X", "text")
        archive.writestr("y", "text")
    assert message(path) == "'data.npz': member 'X' is not a NumPy array; write the file with numpy.savez"


@given(st.data())
def test_any_damage_to_an_npz_is_a_data_error(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    np.savez_compressed(path, X=FEATURES, y=LABELS)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    load_or_data_error(path)


@given(st.binary(max_size=60) | st.text(alphabet='019.,;-+eE_"\n\r \tnaiflby', max_size=60).map(str.encode))
def test_any_bytes_as_csv_are_read_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_bytes(content)
    load_or_data_error(path)


def load_or_data_error(path: Path) -> None:
    try:
        data = load_dataset(path)
    except DataError as error:
        assert repr(str(path)) in str(error)
    else:
        assert np.isfinite(data.features).all()
        assert len(data.classes) >= 2


@pytest.mark.parametrize("name", ["data.csv", "data.npz", "data.txt"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    assert message(tmp_path / name) == f"there is no file {name!r} (looked in 'DIR'); check the path"


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "data.csv").mkdir()
    assert message(tmp_path / "data.csv") == (
        "'data.csv' is a directory; pass the path of a .npz or .csv file, such as one in it"
    )


@pytest.mark.parametrize(("name", "extension"), [("data.txt", ".txt"), ("data", ""), ("data.csv.gz", ".gz")])
def test_unknown_extension(tmp_path: Path, name: str, extension: str) -> None:
    (tmp_path / name).write_text("1,2,0\n")
    assert message(tmp_path / name) == (
        f"{name!r} has the extension {extension!r}, but expected '.npz' or '.csv'; "
        f"convert the file, or rename it if it is one of these"
    )


def test_empty_npz(tmp_path: Path) -> None:
    (tmp_path / "data.npz").touch()
    assert message(tmp_path / "data.npz") == "'data.npz' is empty (0 bytes); save or download it again"


@pytest.mark.parametrize("name", ["data.csv", "data.npz"])
def test_file_that_may_not_be_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / name).write_text("1,2,0\n")
    monkeypatch.setattr(Path, "open", refuse)
    assert message(tmp_path / name) == f"{name!r} cannot be read: Permission denied; check its permissions"


# Splitting


def dataset(counts: list[int], seed: int = 0) -> Dataset:
    """Examples in random order, whose only feature is their number."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    return Dataset(
        features=np.arange(float(len(labels)))[:, np.newaxis],
        labels=labels,
        classes=np.arange(len(counts)) * 10,
        name="random",
        source="test",
    )


COUNTS = st.lists(st.integers(3, 40), min_size=2, max_size=6)
SHARES = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)).filter(lambda shares: sum(shares) < 1)


@given(COUNTS, SHARES, st.integers(0, 2**32))
def test_split_properties(counts: list[int], shares: tuple[float, float], seed: int) -> None:
    data = dataset(counts, seed)
    split = data.split(*shares, seed=seed)
    parts = (split.train, split.validation, split.test)
    numbers = np.concatenate([features[:, 0] for features, _ in parts])
    assert sorted(numbers) == list(range(sum(counts))), "disjoint and complete"
    for features, labels in parts:
        np.testing.assert_array_equal(data.labels[features[:, 0].astype(int)], labels)
    for part, share in ((split.validation, shares[0]), (split.test, shares[1])):
        held = np.bincount(part.labels, minlength=len(counts))
        for size, count in zip(held.tolist(), counts, strict=True):
            assert abs(size - share * count) <= 2, "stratified"
            assert (size > 0) == (share > 0)
    assert set(split.train.labels.tolist()) == set(range(len(counts)))


@given(COUNTS, st.integers(0, 2**32))
def test_split_is_deterministic(counts: list[int], seed: int) -> None:
    one, two = (dataset(counts).split(seed=seed) for _ in range(2))
    for first, second in zip(in_order(one), in_order(two), strict=True):
        np.testing.assert_array_equal(first, second)


def in_order(split: Split) -> list[np.ndarray[Any, Any]]:
    return [array for part in (split.train, split.validation, split.test) for array in part]


def test_split_of_the_digits() -> None:
    split = load_digits().split()
    assert [len(part.labels) for part in (split.train, split.validation, split.test)] == [1169, 269, 359]
    assert repr(split) == "Split(train=1169, validation=269, test=359 examples, standardized=False)"
    other = load_digits().split(seed=1)
    assert not np.array_equal(split.train.labels, other.train.labels)
    assert len(set(split.train.labels[:50].tolist())) == 10, "a minibatch in order holds all classes"


def test_split_leaves_the_dataset_alone() -> None:
    data = dataset([5, 5])
    data.split().train.features[:] = -1
    assert data.features[:, 0].tolist() == list(range(10))


@pytest.mark.parametrize(
    ("counts", "shares", "expected"),
    [
        (
            [5, 2],
            (0.15, 0.2),
            "dataset 'random': class 10 has only 2 example(s), but a split needs at least 3 of each class; "
            "add examples of class 10 or remove it from the data",
        ),
        (
            [1, 4],
            (0, 0.2),
            "dataset 'random': class 0 has only 1 example(s), but a split needs at least 2 of each class; "
            "add examples of class 0 or remove it from the data",
        ),
        (
            [5, 5],
            (0.5, 0.5),
            "validation=0.5 and test=0.5 must be shares from 0 up to, and together below, 1, "
            "such as validation=0.15, test=0.2",
        ),
        (
            [5, 5],
            (-0.1, float("nan")),
            "validation=-0.1 and test=nan must be shares from 0 up to, and together below, 1, "
            "such as validation=0.15, test=0.2",
        ),
    ],
)
def test_split_errors(counts: list[int], shares: tuple[float, float], expected: str) -> None:
    with pytest.raises(DataError) as caught:
        dataset(counts).split(*shares)
    assert str(caught.value) == expected


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_split_seed_errors(seed: Any) -> None:
    with pytest.raises(DataError) as caught:
        dataset([3, 3]).split(seed=seed)
    assert str(caught.value) == f"seed must be an integer of 0 or more, but got {seed!r}"


# Standardizing


@given(st.integers(0, 2**32), st.integers(-150, 150))
def test_standardize_properties(seed: int, exponent: int) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(3, 2, (40, 3)) * 10.0**exponent
    features[:, 1] = 0.1
    labels = random.permutation(np.repeat([0, 1], 20))
    raw = Dataset(features, labels, np.array([0, 1]), "random", "test").split(seed=seed)
    split = raw.standardize()
    assert raw.scaling is None
    assert split.scaling is not None
    np.testing.assert_allclose(split.train.features[:, [0, 2]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(split.train.features[:, [0, 2]].std(axis=0), 1, rtol=1e-12)
    for before, after in ((raw.train, split.train), (raw.validation, split.validation), (raw.test, split.test)):
        assert (after.features[:, 1] == 0).all()
        np.testing.assert_array_equal(after.features, split.scaling.apply(before.features))
        np.testing.assert_array_equal(after.labels, before.labels)
    assert split.standardize() is split


def test_standardize_sees_the_training_part_only() -> None:
    split = load_digits().split()
    scaled = split.standardize()
    assert scaled.scaling is not None
    varying = scaled.scaling.std > 0
    assert not varying.all()
    mean, std = split.train.features.mean(axis=0)[varying], split.train.features.std(axis=0)[varying]
    np.testing.assert_allclose(scaled.test.features[:, varying], (split.test.features[:, varying] - mean) / std)
    assert all(np.isfinite(part.features).all() for part in (scaled.train, scaled.validation, scaled.test))
    assert (scaled.test.features[:, ~varying] == 0).all()


def test_scaling_of_other_width() -> None:
    scaling = load_digits().split().standardize().scaling
    assert scaling is not None
    with pytest.raises(DataError) as caught:
        scaling.apply(np.zeros(64))
    assert str(caught.value) == (
        "the scaling was measured on 64 features, but got an array of shape (64,); pass an array of shape (n, 64)"
    )


def test_dataset_that_does_not_fit_together() -> None:
    with pytest.raises(DataError) as shapes:
        Dataset(FEATURES, LABELS[:4], np.array([0, 1]), "mine", "test")
    assert str(shapes.value) == (
        "dataset 'mine': expected features of shape (N, d) and labels of shape (N,), but got (6, 2) and (4,)"
    )
    with pytest.raises(DataError) as labels:
        Dataset(FEATURES, LABELS + 1, np.array([1, 2]), "mine", "test")
    assert str(labels.value) == "dataset 'mine': with 2 classes, labels must be integers in 0..1"
