"""What a verdict looks like: as text, LaTeX, HTML and JSON."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.checking import Status, Verdict, arrays, markup
from graphc.checking.equations import coloured, units
from graphc.checking.record import entries
from graphc.checking.replay import replay
from graphc.errors import UnsupportedError
from graphc.rewriting.engine import Step
from graphc.visualize.mathml import mathml

MATRIX, N = ("n", "n"), ("n",)
# function, shapes, variable, claim: right, and wrong in many ways
CLAIMS: dict[str, tuple[str, dict[str, Any], str, Any]] = {
    "right": ("sum(x**2)", {"x": N}, "x", "2*x"),
    "a label": ("sum(x**2)", {"x": N}, "x", "df/dx = 2*x"),
    "a factor": ("sum((A @ x)**2)", {"A": MATRIX, "x": N}, "x", "A.T @ A @ x"),
    "a transpose": ("sum((A @ x)**2)", {"A": ("m", "n"), "x": N}, "A", "2*outer(x, A @ x)"),
    "an assumption": ("x @ A @ x", {"A": MATRIX, "x": N}, "x", "2*A @ x"),
    "a sign": ("sum((x - y)**2)", {"x": N, "y": N}, "x", "2*(y - x)"),
    "a shape": ("sum(x)", {"x": N}, "x", "1"),
    "an unknown name": ("sum(x)", {"x": N}, "x", "z"),
    "shapes that do not go together": ("sum(A @ x)", {"A": ("m", "n"), "x": N}, "x", "A @ ones(m)"),
    "far away": ("norm(x)", {"x": N}, "x", "exp(x)"),
    "indices": ("sum((A @ x)**2)", {"A": ("m", "n"), "x": N}, "A", "df/dA[i,j] = x[j]"),
    "a function": ("sum(x**2)", {"x": N}, "x", lambda x: x),
    "a right function": ("sum(x**2)", {"x": N}, "x", lambda x: 2 * x),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, gc.Verdict]:
    return {name: gc.check(f, x, claim, **shapes) for name, (f, shapes, x, claim) in CLAIMS.items()}


class Reader(HTMLParser):
    """Every element is closed where it was opened."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", CLAIMS)
def test_every_form_of_every_verdict(name: str, verdicts: dict[str, gc.Verdict]) -> None:
    verdict = verdicts[name]
    text = str(verdict)
    assert text.startswith(f"{verdict.status.upper()}: ") and all(line == line.rstrip() for line in text.split("\n"))
    assert "judged as: the gradient of" in text and ("counterexample" in text) is (verdict.status == "wrong")
    reader = Reader(verdict.html())
    assert not reader.open and "script" not in reader.seen and "math" in reader.seen and reader.seen[0] == "style"
    assert ("mark" in reader.seen) is (verdict.status == "wrong")
    assert mathml(verdict.latex())
    found = json.loads(verdict.json(), parse_constant=pytest.fail)
    assert found == json.loads(json.dumps(verdict.to_dict()))
    assert (found["schema"], found["status"], found["right"]) == (1, str(verdict.status), bool(verdict))
    assert (found["counterexample"] is not None) is (verdict.status == "wrong")
    if found["edit"] is not None:
        kept_or = {mark: "".join(t for m, t in found["edit"] if m in ("kept", mark)) for mark in ("struck", "inserted")}
        assert kept_or["struck"] == verdict.formula_text
        assert kept_or["inserted"] in (verdict.repair, str(verdict.answer))


def test_a_page_of_a_wrong_claim(verdicts: dict[str, gc.Verdict]) -> None:
    lines = str(verdicts["a factor"]).split("\n")
    assert lines[:3] == [
        "WRONG: A.T @ A @ x",
        "  judged as: the gradient of sum((A @ x)**2) by x",
        "  what is wrong: the factor 2 is missing",
    ]
    assert lines[3].startswith("  edit: ") and "{+" in lines[3] and "2" in lines[3]
    place = lines.index("  counterexample with n = 1:")
    assert lines[place + 1] == "    A = [[1]]   x = [-1]"
    assert lines[place + 3 :] == [
        "    right:    claim:",
        "    [*-2*]    [*-1*]",
        "    (entries between asterisks differ)",
    ]


def test_labels_stay_in_the_headline(verdicts: dict[str, gc.Verdict]) -> None:
    assert str(verdicts["a label"]).startswith("PROVED: df/dx = 2*x\n")
    assert str(verdicts["indices"]).startswith("WRONG: df/dA[i,j] = x[j]\n")


def test_without_a_repair_the_difference_is_shown() -> None:
    right, claim = (gc.parse(text, A=MATRIX, x=N) for text in ("A.T @ x + x", "A @ x + x"))
    verdict = Verdict(Status.WRONG, claim, right, "they differ")
    assert "\n  difference: A{+.T+} @ x + x\n  right: A.T @ x + x" in str(verdict)


EDITS = [
    ("X.T @ (p - T)", "X.T @ (p - T)/n", "X.T @ (p - T){+/n+}"),
    ("2*W @ x", "W @ x", "[-2*-]W @ x"),
    ("a @ b + c", "a.T @ b + c", "a{+.T+} @ b + c"),
    ("x + y", "x - y", "x [- + -] {+ - +} y"),
    ("a @ x", "a @ x + b", "a @ x {+ + b +}"),
    ("h*(1 - h)", "h*(1 - h**2)", "h*(1 - h{+**2+})"),
    ("X.T @ (g*h)", "X.T @ (g*h*(1 - h))", "X.T @ (g*h{+*(1 - h)+})"),
    ("f(a)", "f(f(a))", "{+f(+}f(a){+)+}"),
    ("x", "x", None),
    ("x", "exp(y)*(z - t)", None),
    ("a\nb", "a\nc", None),
    ("a + b + c + d + e", "b*a - c + f - d*e**2", None),
]


@pytest.mark.parametrize(("before", "after", "expected"), EDITS)
def test_edits(before: str, after: str, expected: str | None) -> None:
    pieces = markup.marked(before, after)
    assert (None if pieces is None else markup.plain(pieces)) == expected
    if pieces is not None:
        assert "".join(text for mark, text in pieces if mark != "inserted") == before
        assert "".join(text for mark, text in pieces if mark != "struck") == after


def test_edits_in_html() -> None:
    pieces = markup.marked("a < b*c", "a < b/c")
    assert pieces is not None and markup.html(pieces) == "a &lt; b<del>*</del><ins>/</ins>c"


ARRAYS: list[tuple[Any, Any, list[str]]] = [
    (1.5, True, ["*1.5*"]),
    (-0.0, None, ["0"]),
    ([1, -2.5], [False, True], ["[1, *-2.5*]"]),
    ([[1, 20], [-3, 4]], None, ["[[ 1, 20],", " [-3,  4]]"]),
    ([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [0, 0]], ["[[1, *2*],", " [3,   4]]"]),
    ([[[1, 2]], [[3, 4]]], None, ["[[[1, 2]],", " [[3, 4]]]"]),
    (np.zeros((0, 2)), None, ["[] of shape (0, 2)"]),
    ([np.nan, np.inf], None, ["[nan, inf]"]),
]


@pytest.mark.parametrize(("value", "marks", "expected"), ARRAYS)
def test_arrays_in_rows(value: Any, marks: Any, expected: list[str]) -> None:
    found = arrays.rows(np.array(value), None if marks is None else np.array(marks, dtype=bool))
    assert found == expected


def test_long_arrays_are_listed_or_cut_short() -> None:
    left, right = np.zeros((10, 10)), np.zeros((10, 10))
    right[3, 4], right[5] = 7, 1
    lines = arrays.compared(("right", "claim"), left, right, left != right)
    assert lines[0] == "11 of 100 entries differ, the first are" and len(lines) == 2 + arrays.LISTED
    assert lines[2].split() == ["[3,", "4]", "0", "7"]
    assert any("..." in line for line in arrays.shown("X", right))
    shapes = arrays.compared(("right", "claim"), left, right.T[:3], np.ones((3, 10), dtype=bool))
    assert shapes == ["right: shape (10, 10)", "claim: shape (3, 10)"]


def test_arrays_that_do_not_fit_side_by_side_stand_below_each_other() -> None:
    wide = np.arange(40).reshape(1, 40) / 7
    lines = arrays.compared(("right", "claim"), wide, wide, np.zeros(wide.shape, dtype=bool))
    assert [line for line in lines if line.endswith(":")] == ["right:", "claim:"]


COLOURS = [
    (r"\mathbf{x}", r"\frac{1}{n} \mathbf{x}", r"\mathbf{x}", r"\textcolor{teal}{\frac{1}{n}} \mathbf{x}"),
    (r"\frac{2}{n} x", r"\frac{2}{m} x", r"\frac{2}{\textcolor{red}{n} } x", r"\frac{2}{\textcolor{teal}{m} } x"),
    (r"A^{\top} x", r"A x", r"\textcolor{red}{A^{\top}} x", r"\textcolor{teal}{A} x"),
    (r"\left(a + b\right)", r"\left(a - b\right)", r"\left(a \textcolor{red}{+} b\right)", None),
]


@pytest.mark.parametrize(("before", "after", "left", "right"), COLOURS)
def test_differences_in_latex(before: str, after: str, left: str, right: str | None) -> None:
    found = coloured(before, after)
    assert found[0] == left and (right is None or found[1] == right)
    assert all(mathml(side) for side in found)


@pytest.mark.parametrize(
    "text",
    [
        r"\sqrt{x_{i}^{2}}",
        r"\left[\begin{matrix} 1 & 2 \\ 3 & 4 \end{matrix}\right]^{2} x",
        r"x^2_i {y",
        r"\mathrm d x'",
    ],
)
def test_units_keep_every_character(text: str) -> None:
    assert "".join(u.text for u in units(text)) == text
    assert all("".join(u.parts) == u.text for u in units(text))


PROOFS = [
    ("sum(sigmoid(x))", "x", "sigmoid(x)*(1 - sigmoid(x))"),
    ("sum(sigmoid(x))", "x", "exp(-x)/(1 + exp(-x))**2"),
    ("sum(tanh(x))", "x", "4*exp(2*x)/(1 + exp(2*x))**2"),
    ("logdet(A)", "A", "inv(A.T)"),
    ("sum((A @ x)**2)", "x", "2*A.T @ A @ x"),
    ("mean(-sum(T*log(softmax(Z)), axis=1))", "Z", "(softmax(Z) - T)/n"),
]


@pytest.mark.parametrize(("f", "x", "claim"), PROOFS)
def test_proofs_are_replayed(f: str, x: str, claim: str) -> None:
    T = gc.symbol("T", ("n", "k"), facts=["one_hot"])
    verdict = gc.check(f, x, claim, x=N, A=MATRIX, Z=("n", "k"), T=T)
    found = verdict.replay()
    lines = str(found).split("\n")
    assert verdict.status == "proved" and found and all(step.points for step in found.steps)
    assert lines[0].startswith("left:  ") and lines[1].startswith("right: ") and lines[-1].startswith("so ")
    assert len(lines) == 3 + len(found.steps)


def test_a_planted_step_is_found_when_a_proof_is_replayed() -> None:
    verdict = gc.check("sum(x**2)", "x", "2*x", x=N)
    x = gc.symbol("x", N)
    assert verdict.proof is not None and verdict.replay()
    planted = dataclasses.replace(verdict.proof, rewrites=(Step("magic", "no reason", 2 * x, 3 * x),))
    assert not replay(planted) and "2*x = 3*x   [magic: no reason; DOES NOT HOLD]" in str(replay(planted))
    false = dataclasses.replace(verdict.proof, sides=(2 * x, 3 * x))
    assert not replay(false) and "NOT SHOWN AGAIN" in str(replay(false))
    with pytest.raises(UnsupportedError, match="only a proved claim"):
        gc.check("sum(x**2)", "x", "x", x=N).replay()


def test_the_normal_form_is_shown_where_it_says_something() -> None:
    plain = gc.check("sum(x**2)", "x", "2*x", x=N)
    assert plain.to_dict()["normal_form"] == "2*x" and "normal form:" not in str(plain)
    named = gc.check("h @ h", "x", "2*h*(1 - h**2)", h=gc.tanh(gc.symbol("x", N)).named("h"), x=N)
    assert f"  normal form: {named.normal_form}" in str(named) and "tanh(x)" in str(named.normal_form)


def test_numbers_that_json_does_not_have() -> None:
    assert entries(np.array([1.0, np.nan, -np.inf])) == [1.0, "nan", "-inf"]
    assert entries(np.array([True, False])) == [True, False] and entries(np.int64(3)) == 3


def test_reports_on_code_have_the_same_forms() -> None:
    report = gc.check_code(lambda x, y: np.sum(x**2 * y), lambda x, y: {"x": x * y, "y": x**2}, x=N, y=N)
    assert report.wrong == ("x",)
    reader = Reader(report.html())
    assert not reader.open and reader.seen.count("style") == 1
    found = json.loads(report.json())
    assert (found["schema"], found["status"], found["gradients"]["y"]["status"]) == (1, "wrong", "proved")
    assert "what is wrong: the factor 2 is missing" in str(report) and "PROVED: dy = x**2" in str(report)


def test_derivations_have_the_same_forms() -> None:
    found = gc.check_steps(["grad(sum(x**2), x)", "2*x", "x + x", "3*x"], x=N)
    reader = Reader(found.html())
    assert not reader.open and reader.seen.count("style") == 1 and "mark" in reader.seen
    data = json.loads(found.json())
    assert (data["schema"], data["right"], data["first_wrong"]) == (1, False, 2)
    assert [step["status"] for step in data["steps"]] == ["proved", "proved", "wrong"]
    assert data["steps"][0]["stated"] == "grad(sum(x**2), x) = 2*x"
    assert 'class="verdict good"' in gc.check_steps(["x + x", "2*x"], x=N).html()
