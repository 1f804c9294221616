"""Derivations in notes: blocks are found, lines are judged, the command line and pytest say where what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphc.checking.notes import Notes, find
from graphc.checking.notes.blocks import blocks
from graphc.cli import main as cli
from graphc.errors import DataError

pytest_plugins = ["pytester"]

LINES = """\
# Least squares

Some text with `code`.

```graphc
W: (m, n);  x: (n,);  t: (m,)           # declarations
q = W @ x - t                            # definitions
f = sum(q**2)
df/dW = 2*outer(q, x)
df/dx[j] = 2*sum[i](q[i]*W[i,j])
df/dx = W @ q
expect wrong: df/dx = 2*W @ q
df/dx = jacobian(q, x).T @ grad(f, q)
      = W.T @ (
          2*q)
      = 2*W.T @ x
df/dq = 2*q; df/dW = outer(df/dq, x)
```
"""
WRONG, INCOMPARABLE, PROVED, UNREADABLE = "wrong", "incomparable", "proved", "unreadable"


def write(folder: Path, text: str, name: str = "notes.md") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def judged(path: Path) -> list[tuple[int, str, bool]]:
    return [(j.place.line, j.outcome, j.passed) for j in Notes(path).all()]


def block(*lines: str) -> str:
    return "\n".join(["```graphc", *lines, "```", ""])


def test_every_claim_is_judged_at_its_line(tmp_path: Path) -> None:
    assert judged(write(tmp_path, LINES)) == [
        (9, PROVED, True),
        (10, PROVED, True),
        (11, INCOMPARABLE, False),
        (12, INCOMPARABLE, True),
        (13, PROVED, True),
        (14, PROVED, True),
        (16, INCOMPARABLE, False),
        (17, PROVED, True),
        (17, PROVED, True),
    ]


FENCES = {
    "tildes, longer fences, attributes": ("~~~~graphc {.example}\nx: (n,)\n~~~\n~~~~\n", ["x: (n,)\n~~~"], [2]),
    "pandoc's and Quarto's": ("```{graphc}\na\n```\n```{.graphc}\nb\n```\n", ["a", "b"], [2, 5]),
    "in a list": ("- item\n\n  ```graphc\n  a\n    b\n  ```\n", ["a\n  b"], [4]),
    "in a quotation": ("> ```graphc\n> a\n> ```\n", ["a"], [2]),
    "never closed": ("```graphc\na\n", ["a"], [2]),
    "inside another fence": ("````\n```graphc\na\n```\n````\n", [], []),
    "of another language": ("```graphc-output\na\n```\n```python\nb\n```\n", [], []),
    "with the line ends of Windows": ("```graphc\r\na\r\nb\r\n```\r\n", ["a\nb"], [2]),
}


@pytest.mark.parametrize("name", FENCES)
def test_fences(name: str, tmp_path: Path) -> None:
    text, expected, lines = FENCES[name]
    path = tmp_path / "notes.md"
    path.write_bytes(text.encode())
    found = blocks(path)
    assert [b.text for b in found] == expected and [b.place.line for b in found] == lines


# lines of a block, and what becomes of its claims
BLOCKS: dict[str, tuple[list[str], list[str]]] = {
    "facts and axes": (
        ["T: (n, k) one_hot", "z: (n, k)", "L = mean(-sum(T*log(softmax(z)), axis=1))", "dL/dz = (softmax(z) - T)/n"],
        [PROVED],
    ),
    "a fact along another axis": (["p: (k, n) simplex(axis=0)", "sum(p, axis=0) = ones(n)"], [PROVED]),
    "several names, dtypes, scalars": (
        ["x, y: (n,); c: (); i: (m,) int64", "f = c*sum(x*y)", "df/dc = x @ y", "df/dx = c*x"],
        [PROVED, WRONG],
    ),
    "one path after the other, each on its own": (
        [
            "h: (m,); theta: (m,); c, t: ()",
            "that = theta @ h + c",
            "L = (that - t)**2",
            "dL/dthat = that - t",
            "dL/dtheta = h*dL/dthat",
            "dL/dh = theta*dL/dthat",
        ],
        [WRONG, PROVED, PROVED],
    ),
    "a definition by entries": (
        ["W: (m, n); x: (n,)", "q[i] = sum[j](W[i,j]*x[j])", "f = sum[i](q[i]**2)", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"],
        [PROVED],
    ),
    "kinks after a derivative": (
        ["z, g: (n,); f = g @ relu(z)", "df/dz = g*(z > 0)", "      = g*(z >= 0)", "g*(z > 0) = g*(z >= 0)"],
        [PROVED, PROVED, PROVED],
    ),
    "reset and :=": (
        ["x: (n,); f = sum(x**2)", "f := sum(x**3)", "df/dx = 3*x**2", "reset", "x: (); f = x**2", "df/dx = 2*x"],
        [PROVED, PROVED],
    ),
    "a name defined twice": (["x: (); f = x**2", "f = x**3"], [WRONG]),
    "the gradient of the only function": (["x: (n,); f = sum(x**2)", "dx = 2*x"], [PROVED]),
    "no statement": (["x: (n,)", "what is this"], [UNREADABLE]),
    "a fact that does not exist": (["x: (n,) sunny"], [UNREADABLE]),
    "a bracket that is not closed": (["x: (n", "x = x"], [UNREADABLE]),
    "a definition that cannot be read": (["x: (n,); f = sum(x", "df/dx = 2*x"], [UNREADABLE]),
    "an unknown name": (["x: (n,); f = sum(x**2)", "df/dx = 2*z"], [INCOMPARABLE]),
    "expected to be wrong, and right": (["x: (); f = x**2", "expect wrong: df/dx = 2*x"], [PROVED]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name: str, tmp_path: Path) -> None:
    lines, outcomes = BLOCKS[name]
    assert [outcome for _, outcome, _ in judged(write(tmp_path, block(*lines)))] == outcomes


def test_blocks_of_a_file_share_their_names(tmp_path: Path) -> None:
    text = block("x: (n,)") + "text\n" + block("f = sum(x**2)") + block("df/dx = 2*x", "reset") + block("df/dx = x")
    assert judged(write(tmp_path, text)) == [(9, PROVED, True), (13, INCOMPARABLE, False)]


def test_pages_point_into_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    pages = {j.place.line: j.page() for j in Notes(path).all()}
    assert pages[9] == f"{path}:9: PROVED: df/dW = 2*outer(q, x)"
    assert f"{path}:11:11:\n        df/dx = W @ q\n                  ^" in pages[11]
    assert pages[12] == f"{path}:12: INCOMPARABLE (as expected): df/dx = 2*W @ q"
    twice = Notes(write(tmp_path, block("x: (); f = x**2", "f = x**3"), "twice.md"))
    (page,) = (j.page() for j in twice.all())
    assert "f is defined at" in page and "write f := ..." in page and "counterexample" in page


def test_what_rests_on_a_wrong_claim_says_so(tmp_path: Path) -> None:
    lines = ["h, t: (); L = (h - t)**2", "dL/dh = h - t", "dL/dt = -dL/dh"]
    path = write(tmp_path, block(*lines))
    pages = [j.page() for j in Notes(path).all()]
    assert pages[1].startswith(f"{path}:4: PROVED") and f"it rests on the wrong claim at {path}:3" in pages[1]
    alone = Notes(path)
    assert [j.page() for j in alone.judge(alone.claims()[1])] == pages[1:2]


NOTEBOOK = {
    "nbformat": 4,
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "```graphc\n", "x: (n,); f = sum(x**2)\n", "```"]},
        {"cell_type": "code", "source": "```graphc\nnot this\n```"},
        {"cell_type": "markdown", "source": "```graphc\ndf/dx = x\n```"},
    ],
}


def test_notebooks(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(NOTEBOOK), "notes.ipynb")
    (judgement,) = Notes(path).all()
    assert str(judgement.place) == f"{path}:cell 3:2" and judgement.outcome == WRONG
    for text in ("no json", "[]", "{}"):
        with pytest.raises(DataError, match="no notebook of format 4"):
            Notes(write(tmp_path, text, "broken.ipynb"))


def test_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    notes, other = write(tmp_path, LINES), write(tmp_path / "sub", block("1 = 1"), "b.qmd")
    write(tmp_path, "no block")
    notes.write_text(LINES)
    write(tmp_path, "no block", "plain.md")
    write(tmp_path / "sub" / ".hidden", LINES, "c.md")
    assert find([tmp_path]) == [notes, other]
    assert find([f"{tmp_path}/*.md"]) == [notes, tmp_path / "plain.md"]
    assert find([notes, tmp_path]) == [notes, other]
    with pytest.raises(DataError, match="there is no file"):
        find([tmp_path / "missing.md"])


RIGHT_NOTES = block("x: (n,); f = sum(x**2)", "df/dx = 2*x", "expect wrong: df/dx = x")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (RIGHT_NOTES, 0, "2 claims: 2 as they should be\n"),
        (RIGHT_NOTES + block("df/dx = x"), 1, "3 claims: 2 as they should be, 1 wrong\n"),
        (RIGHT_NOTES + block("nonsense"), 2, "1 unreadable\n"),
        (block("x: (); f = x**2", "expect wrong: df/dx = 2*x"), 1, "(expected to be wrong)"),
        (block("x: (); f = x**2", "expect wrong: df/dx = 3*xx"), 1, "unknown name 'xx'; did you mean 'x'?"),
        ("no blocks", 0, "no claims found"),
    ],
)
def test_the_command_line(text: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, text)
    assert cli.run(["check", str(path)]) == code
    out = capsys.readouterr().out
    assert words in out and (not code or f"{path}:" in out)


def test_json_for_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, RIGHT_NOTES + block("df/dx = x"))
    assert cli.run(["check", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and found["exit_code"] == 1 and found["failures"] == []
    assert [(c["line"], c["outcome"], c["passed"]) for c in found["claims"]] == [
        (3, "proved", True),
        (4, "wrong", True),
        (7, "wrong", False),
    ]
    verdict = found["claims"][2]["verdict"]
    assert verdict["repair"] == "2*x" and verdict["counterexample"]["differing"] == [[0]]


def test_unreadable_files_do_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, good = write(tmp_path, "{", "broken.ipynb"), write(tmp_path, RIGHT_NOTES)
    assert cli.run(["check", str(broken), str(good)]) == 2
    out = capsys.readouterr().out
    assert f"{broken}: UNREADABLE" in out and "2 claims: 2 as they should be, 1 file unreadable" in out
    assert cli.run(["check", str(tmp_path / "missing.md")]) == 2
    assert "there is no file" in capsys.readouterr().err


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other plugins than graphc's."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *arguments: str) -> Any:
    return pytester.runpytest_inprocess("-p", "graphc_pytest", *arguments)


@pytest.mark.usefixtures("plugins")
def test_pytest_collects_claims(pytester: pytest.Pytester) -> None:
    pytester.makefile(".md", notes=LINES, plain="no blocks")
    pytester.makefile(".ipynb", lecture=json.dumps(NOTEBOOK))
    result = run(pytester, "--graphc")
    result.assert_outcomes(passed=5, failed=3)
    result.stdout.fnmatch_lines(["*notes.md:11: INCOMPARABLE: df/dx = W @ q*"])
    result.stdout.fnmatch_lines(["*lecture.ipynb:cell 3:2: WRONG: df/dx = x*", "*repaired: 2*x*"])
    assert run(pytester, "--graphc", "notes.md::line9").parseoutcomes() == {"passed": 1}
    assert run(pytester, "--graphc", "plain.md").parseoutcomes() == {}


@pytest.mark.usefixtures("plugins")
def test_pytest_leaves_notes_alone_unless_asked(pytester: pytest.Pytester) -> None:
    pytester.makefile(".md", notes=LINES)
    pytester.makepyfile("def test_a(): pass")
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.usefixtures("plugins")
def test_pytest_reports_what_cannot_be_read(pytester: pytest.Pytester) -> None:
    pytester.makefile(".md", notes=block("x: (n", "x = x"))
    pytester.makefile(".ipynb", broken="{")
    result = run(pytester, "--graphc", "notes.md")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*notes.md:2: UNREADABLE*"])
    broken = run(pytester, "--graphc", "broken.ipynb")
    assert broken.parseoutcomes() == {"errors": 1}
    broken.stdout.fnmatch_lines(["*is no notebook of format 4*"])
