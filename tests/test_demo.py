"""The demo from end to end: its files, its accuracy, its emitted modules without graphc."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.cli import main as cli
from graphc.cli.curve import Panel, Series, chart, ticks
from graphc.cli.network import ALPHA, declare
from graphc.data import load_digits

FILES = {
    "derivation.txt",
    "forward.svg",
    "forward.png",
    "forward_backward.svg",
    "forward_backward.png",
    "train_step_readable.py",
    "train_step_fast.py",
    "learning_curve.svg",
    "learning_curve.png",
    "report.html",
}
STYLES = ("readable", "fast")


@dataclass
class Run:
    out: Path
    text: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole demo, in a process of its own."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "graphc.cli.main", "demo", "--out", str(out), "--seed", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return Run(out, done.stdout)


def test_the_files_are_there_and_whole(demo: Run) -> None:
    assert {p.name for p in demo.out.iterdir()} == FILES
    for path in demo.out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG") and path.read_bytes().endswith(b"IEND\xaeB`\x82")
    for path in demo.out.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    assert str(demo.out / "report.html") in demo.text


def test_the_accuracy_is_at_least_97_percent(demo: Run) -> None:
    found = re.search(r"test accuracy ([\d.]+)%", demo.text)
    assert found and float(found[1]) >= 97


def test_gradients_and_a_derivation_are_printed(demo: Run) -> None:
    assert "dL/dW3 = d2.T @ (p - T)/n + 0.0001*W3" in demo.text
    assert "dL/db3 = mean(p - T, axis=0)" in demo.text
    for name in ("W1", "b1", "W2", "b2"):
        assert f"dL/d{name} = " in demo.text
    assert "chain rule through relu" in demo.text and "chain rule through softmax" in demo.text
    assert "sums_to_one of T" in demo.text
    raw, simplified = re.findall(r"(\d+) operations by the chain rule alone, (\d+) simplified", demo.text)[0]
    assert int(simplified) < int(raw)


def test_the_hand_derivation_is_judged(demo: Run) -> None:
    assert demo.text.index("PROVED: ") < demo.text.index("WRONG: ")
    assert "true for all sizes" in demo.text and "counterexample with" in demo.text
    errors = re.findall(r"largest relative error ([\d.e-]+)", demo.text)
    assert len(errors) == 2 and all(float(e) < 1e-6 for e in errors)


def test_the_report_stands_alone(demo: Run) -> None:
    page = (demo.out / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert "<script" not in page and not re.search(r'(src|href)="(?!#)', page)
    for words in ("Its gradients", "The derivation", "The graphs", "Training", "Checks", "The emitted code", "98."):
        assert words in page
    assert page.count("<svg") == 3 and "<math" in page
    assert page.count("<section") == page.count("</section")
    ids = re.findall(r'\bid="([^"]+)"', page)
    glyphs = [i for i in ids if re.match(r"[gc][0-9a-f]{8}-", i)]
    assert len(glyphs) == len(set(glyphs)), "pictures on one page must not share ids"


@pytest.mark.parametrize("style", STYLES)
def test_modules_import_numpy_alone(demo: Run, style: str) -> None:
    tree = ast.parse((demo.out / f"train_step_{style}.py").read_text())
    modules = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"numpy"}


def batch(dtype: Any = np.float64) -> dict[str, Any]:
    """Twenty digits, masks and small weights."""
    random = np.random.default_rng(0)
    digits = load_digits()
    values: dict[str, Any] = {"X": digits.features[:20] / 16, "T": np.eye(10)[digits.labels[:20]]}
    for i, (inner, outer) in enumerate([(64, 256), (256, 128), (128, 10)], 1):
        values[f"W{i}"] = random.standard_normal((inner, outer)) / np.sqrt(inner)
        values[f"b{i}"] = 0.1 * random.standard_normal(outer)
    values["m1"] = (random.random((20, 256)) > 0.3) / 0.7
    values["m2"] = (random.random((20, 128)) > 0.3) / 0.7
    return {name: np.asarray(v, dtype) for name, v in values.items()}


STANDALONE = """
import json, sys
import numpy as np
import train_step_{style} as module
assert not any(name.split(".")[0] in ("graphc", "sympy") for name in sys.modules)
v = dict(np.load("batch.npz"))
results = module.step(**v)
assert all(np.asarray(r).dtype == v["X"].dtype for r in results)
data = [v[name] for name in ("X", "T", "m1", "m2")]
names = ["W1", "b1", "W2", "b2", "W3", "b3"]
if "{style}" == "fast":
    training = module.Training(*(v[name] for name in names))
    losses = [float(training.train_step(*data)) for _ in range(5)]
    after = training.parameters
else:
    parameters = {{name: v[name].copy() for name in names}}
    states = {{name: [np.zeros_like(v[name])] * 2 for name in names}}
    losses = [float(module.train_step(*data, parameters, states, t)) for t in range(1, 6)]
    after = list(parameters.values())
np.savez("result.npz", *results, *after)
print(json.dumps(losses))
"""


@pytest.mark.parametrize("style", STYLES)
def test_modules_run_without_graphc_and_agree_with_it(demo: Run, style: str, tmp_path: Path) -> None:
    values = batch()
    np.savez(tmp_path / "batch.npz", **values)
    (tmp_path / f"train_step_{style}.py").write_text((demo.out / f"train_step_{style}.py").read_text())
    path = {"PYTHONPATH": str(Path(np.__file__).parent.parent), "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [sys.executable, "-S", "-c", STANDALONE.format(style=style)],
        cwd=tmp_path,
        env=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "result.npz") as saved:
        found = [saved[f"arr_{i}"] for i in range(len(saved.files))]
    net = declare(64, (256, 128), 10)
    expected = [gc.evaluate(e, values) for e in [net.loss, *gc.grad(net.loss, net.parameters)]]
    for a, b in zip(found[:7], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    losses = json.loads(done.stdout)
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1]
    for p, after in zip(net.parameters, found[7:], strict=True):
        moved = np.abs(after - values[str(p.name)]).max()
        assert 0 < moved < 5 * 0.002 * 1.01, "five steps of Adam move an entry by five times the rate at most"


def test_the_loss_of_the_demo_is_the_one_written_by_hand() -> None:
    v = batch()
    h1 = np.maximum(v["X"] @ v["W1"] + v["b1"], 0) * v["m1"]
    h2 = np.maximum(h1 @ v["W2"] + v["b2"], 0) * v["m2"]
    z = h2 @ v["W3"] + v["b3"]
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    by_hand = -(v["T"] * log_p).sum(axis=1).mean() + ALPHA / 2 * sum((v[f"W{i}"] ** 2).sum() for i in (1, 2, 3))
    net = declare(64, (256, 128), 10)
    assert float(gc.evaluate(net.loss, v)) == pytest.approx(by_hand, rel=1e-12)
    right = (z.argmax(axis=1) == v["T"].argmax(axis=1)).mean()
    assert float(gc.evaluate(net.accuracy, v)) == pytest.approx(right)


def test_data_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((60, 3))
    lines = ["a,b,c,label"] + [f"{a},{b},{c},{7 if a > 0 else 3}" for a, b, c in rows]
    (tmp_path / "own.csv").write_text("\n".join(lines))
    code = cli.run(["demo", "--data", str(tmp_path / "own.csv"), "--epochs", "2", "--out", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert "own: 39 training, 9 validation, 12 test" in out and "3 -> 256 -> 128 -> 2" in out
    assert {p.name for p in (tmp_path / "out").iterdir()} == FILES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b,label\n1,x,0\n", "'x'"),
        ("a,b,label\n1,nan,0\n2,3,1\n", "NaN"),
        ("a,b,label\n1,2,0\n2,3,0\n", "at least two classes"),
    ],
)
def test_unusable_data_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    code = cli.run(["demo", "--data", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out")])
    err = capsys.readouterr().err
    assert code == 2 and err.startswith("graphc: ") and err.count("\n") == 1 and words in err


def test_ticks_are_round_and_cover() -> None:
    assert ticks(0, 1, log=False) == [0.0, 0.5, 1.0]
    for low, high in [(0.3, 97.2), (95, 99.7), (0.001, 0.0011), (-3, 5)]:
        found = ticks(low, high, log=False)
        assert found[0] <= low and found[-1] >= high and 3 <= len(found) <= 7
    assert {0.1, 1.0, 10.0} <= set(ticks(0.12, 8, log=True))


def test_a_chart_of_odd_values_is_drawn() -> None:
    series = [
        Series("one", [1.0], "#000"),
        Series("gaps", [np.nan, 2.0, np.inf, 0.0], "#111"),
        Series("none", [], "#222"),
    ]
    for log in (False, True):
        for panel in (Panel("all", series, log), Panel("none", [Series("x", [np.nan], "#000")], log)):
            root = ET.fromstring(chart([panel], mark=1, mark_title="best"))
            assert "nan" not in ET.tostring(root, encoding="unicode")
