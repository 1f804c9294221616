"""The command line: help that reads well, errors as one line, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from graphc.cli import main as cli
from graphc.errors import SettingError

SQUARE = ["sum((W @ x)**2)", "--wrt", "W", "--shape", "W=m,n", "x=n"]


def graphc(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "graphc.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_help_in_a_process_of_its_own() -> None:
    done = graphc("--help")
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("Usage: graphc COMMAND")
    for command in ("demo", "grad", "check", "draw", "emit", "--version", "--debug"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["demo", "grad", "check", "draw", "emit"])
def test_each_command_explains_its_options(run: Any, command: str) -> None:
    code, out, err = run(command, "--help")
    assert code == 0 and not err
    assert out.startswith(f"Usage: graphc {command} ")
    expected = ["--out", "--seed", "--data", "--epochs"] if command == "demo" else ["--shape", "Example: graphc"]
    for words in expected:
        assert words in out


def test_no_command_shows_the_help(run: Any) -> None:
    assert run()[1] == run("--help")[1]


def test_version(run: Any) -> None:
    assert run("--version")[:2] == (0, f"{cli.installed_version()}\n")


def test_grad_prints_the_gradient(run: Any) -> None:
    assert run("grad", *SQUARE) == (0, "2*outer(W @ x, x)\n", "")
    code, out, _ = run(
        "grad", "mean(-sum(T*log(softmax(z)), axis=1))", "-w", "z", "-s", "z=n,k", "T=n,k", "--fact", "T=one_hot"
    )
    assert (code, out) == (0, "(softmax(z) - T)/n\n")
    assert run("grad", "-c**2", "-w", "c", "-s", "c=")[1] == "-2*c\n"


def test_grad_prints_latex_and_derivations(run: Any) -> None:
    assert r"\mathbf{W}" in run("grad", *SQUARE, "--latex")[1]
    steps = run("grad", *SQUARE, "--steps")[1]
    assert steps.startswith("L = sum((W @ x)**2)") and "chain rule through power" in steps
    assert "Result: dL/dW = 2*outer(W @ x, x)" in steps
    assert r"\begin{align*}" in run("grad", *SQUARE, "--steps", "--latex")[1]


def test_long_lines_are_not_broken(run: Any) -> None:
    formula = " + ".join(f"sum((W @ x)**{i})" for i in range(2, 9))
    assert len(run("grad", formula, *SQUARE[1:])[1].splitlines()) == 1


@pytest.mark.parametrize(
    ("claim", "code", "words"),
    [
        ("2*outer(W @ x, x)", 0, "PROVED"),
        ("-2*outer(W @ x, x)", 1, "WRONG"),
        ("outer(W @ x, x)", 1, "counterexample"),
        ("2*outer(W @ x, y)", 2, "INCOMPARABLE"),
    ],
)
def test_check_ends_with_the_verdict(run: Any, claim: str, code: int, words: str) -> None:
    ended, out, _ = run("check", *SQUARE, "--claim", claim)
    assert ended == code and words in out


def test_check_for_tools(run: Any) -> None:
    ended, out, _ = run("check", *SQUARE, "--claim", "outer(W @ x, x)", "--json")
    found = json.loads(out)
    assert ended == 1 and (found["schema"], found["status"], found["claim"]) == (1, "wrong", "outer(W @ x, x)")


@pytest.mark.parametrize("missing", [["--wrt", "W"], ["--shape", "W=m,n"], ["--claim", "W"]])
def test_a_formula_is_checked_with_all_it_needs(run: Any, missing: list[str]) -> None:
    ended, _, err = run("check", "sum(W)", *missing)
    assert ended == 2 and "a formula is checked with --wrt NAME, --claim FORMULA and --shape" in err


@pytest.mark.parametrize("kind", ["svg", "png", "dot"])
def test_draw_writes_a_picture(run: Any, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "new" / f"graph.{kind}"
    code, out, _ = run("draw", *SQUARE, "--out", str(target))
    assert (code, out) == (0, f"written to {target}\n")
    start = {"svg": b"<svg", "png": b"\x89PNG", "dot": b"digraph"}[kind]
    assert target.read_bytes().startswith(start)
    assert [p.name for p in target.parent.iterdir()] == [target.name], "no temporary file stays"


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_emit_prints_or_writes_a_module(run: Any, tmp_path: Path, style: str) -> None:
    code, out, _ = run("emit", *SQUARE, "--style", style)
    assert code == 0 and "import numpy as np" in out
    target = tmp_path / "norm.py"
    assert run("emit", *SQUARE, "--style", style, "--out", str(target))[0] == 0
    assert target.read_text() == out
    test = "import norm, numpy as np; f, g = norm.step(np.eye(2), np.array([1., 2.])); print(float(f), g.tolist())"
    done = subprocess.run(
        [sys.executable, "-S", "-c", test], check=False, cwd=tmp_path, capture_output=True, text=True, env=numpy_alone()
    )
    assert done.stdout == "5.0 [[2.0, 4.0], [4.0, 8.0]]\n", done.stderr


def numpy_alone() -> dict[str, str]:
    """An environment in which graphc cannot be found, but NumPy can."""
    import numpy  # noqa: PLC0415

    return {"PYTHONPATH": str(Path(numpy.__file__).parent.parent), "PATH": os.environ.get("PATH", "")}


ERRORS = [
    (["bogus"], 'Unknown command "bogus". Available commands: demo, grad, check, draw, emit. (see graphc --help)'),
    (["grad"], 'Command "grad" parameter FORMULA requires an argument. (see graphc grad --help)'),
    (["demo", "--seed", "x"], 'Invalid value for --seed: unable to convert "x" into int. (see graphc demo --help)'),
    (["demo", "--seed", "-1"], "--seed must be a whole number of 0 or more, got -1"),
    (["demo", "--epochs", "0"], "--epochs must be a whole number of 1 or more, got 0"),
    (["grad", "sum(x", "-w", "x", "-s", "x=n"], "the bracket ( is not closed; line 1, column 1: sum(x"),
    (["grad", "sum(x)", "-w", "y", "-s", "x=n"], "--wrt y: no --shape declares it; declared are x"),
    (["grad", "sum(x)", "-w", "x", "-s", "x"], "--shape 'x': expected NAME=..., for example --shape W=m,n"),
    (["grad", "sum(x)", "-w", "x", "-s", "x=n", "x=m"], "--shape gives x twice"),
    (["grad", "sum(x)", "-w", "x", "-s", "x=n", "--fact", "y=one_hot"], "--fact names y, but no --shape does"),
    (
        ["grad", "x", "-w", "x", "-s", "x=n"],
        "grad needs a scalar, but x has shape (n,); reduce it first, for example with sum() or mean()",
    ),
    (
        ["draw", "sum(x)", "-s", "x=n", "-o", "graph.gif"],
        "--out 'graph.gif': a picture's name ends in .svg, .png or .dot",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), ERRORS, ids=[text[:45] for _, text in ERRORS])
def test_an_error_is_one_line_and_exit_code_2(run: Any, arguments: list[str], text: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err) == (2, "", f"graphc: {text}\n")


def test_a_missing_data_file_is_one_line(run: Any, tmp_path: Path) -> None:
    code, _, err = run("demo", "--data", str(tmp_path / "none.csv"), "--out", str(tmp_path))
    assert code == 2 and err.startswith("graphc: there is no file") and err.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_line(run: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, _, err = run("demo", "--out", str(tmp_path / "taken"))
    assert (code, err) == (2, f"graphc: cannot make the folder {str(tmp_path / 'taken')!r}: File exists\n")


def test_debug_shows_the_traceback(run: Any) -> None:
    code, _, err = run("grad", "sum(x)", "-w", "y", "-s", "x=n", "--debug")
    assert code == 2 and "Traceback" in err and "FormulaError: --wrt y" in err


def test_a_defect_is_one_line_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr("graphc.cli.formulas.read", broken)
    assert run("grad", *SQUARE)[2] == "graphc: internal error: ZeroDivisionError: oh; no (--debug shows the details)\n"


def test_an_error_in_a_process_of_its_own_has_no_traceback() -> None:
    done = graphc("grad", "sum(x)", "-w", "y", "-s", "x=n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "graphc: --wrt y: no --shape declares it; declared are x\n"


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "graphc.cli.main", "demo", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
        assert process.wait(30) == 130
    assert err == "graphc: interrupted\n"


def test_a_reader_that_stops_is_no_error() -> None:
    command = f"{sys.executable} -m graphc.cli.main emit 'sum((W @ x)**2)' -s W=m,n x=n | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith('"""Generated by graphc') and not done.stderr


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match=r"cannot write '.*x\.svg': "):
        cli.formulas.write(tmp_path / "file" / "x.svg", "text")


def test_a_formula_may_start_with_a_minus(run: Any) -> None:
    for arguments in (
        ["-sum(x**2)", "-w", "x", "-s", "x=n"],
        ["-w", "x", "-s", "x=n", "-sum(x**2)"],
        ["-w", "x", "-s", "x=n", "--", "-sum(x**2)"],
    ):
        assert run("grad", *arguments) == (0, "-2*x\n", "")
    assert run("grad", "-out.T @ out", "-w", "out", "-s", "out=n") == (0, "-2*out\n", "")
    assert run("check", "-sum(x)**2", "-w", "x", "--claim", "-sum(x)*2", "-s", "x=n")[0] == 1
    assert run("grad", "sum(x)", "-wx", "-sx=2*n") == (0, "ones(2*n)\n", "")


def test_errors_name_no_line_of_a_library(run: Any) -> None:
    code, _, err = run("grad", "sum(x + y)", "-w", "x", "-s", "x=2", "y=3")
    assert code == 2 and "do not broadcast" in err and "written at" not in err
    assert "written at" not in graphc("grad", "sum(x + y)", "-w", "x", "-s", "x=2", "y=3").stderr


def test_whole_numbers_are_not_rounded(run: Any, tmp_path: Path) -> None:
    code, _, err = run("demo", "--seed", "1.5", "--out", str(tmp_path))
    assert code == 2 and "--seed: 1.5 is not a whole number" in err


def test_wrt_takes_the_name_of_a_line(run: Any) -> None:
    text = "q = W @ x\nsum(q**2)"
    assert run("grad", text, "--wrt", "q", "-s", "W=m,n", "x=n") == (0, "2*q\n", "")
    assert "declared are q, W, x" in run("grad", text, "--wrt", "p", "-s", "W=m,n", "x=n")[2]
