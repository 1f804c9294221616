"""docs/rules.md lists every rule that a derivation can show, as it is written from the rules themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rules_page

import graphc as gc
from graphc.rewriting.engine import laws
from graphc.rewriting.rules import rule_sets

n, d = gc.dims("n d")
SOURCES = Path(gc.__file__).parent


@pytest.fixture(scope="module")
def page() -> str:
    return rules_page.page()


def test_the_committed_page_is_the_written_one(page: str) -> None:
    assert rules_page.PAGE.read_text() == page, "run python tests/contract/rules_page.py"


def test_every_rule_is_an_equation_with_a_reason(page: str) -> None:
    for rules in rule_sets.values():
        assert f"### `{rules.name}`\n\n{rules.summary}" in page
        entries = page.split(f"### `{rules.name}`\n")[1].split("\n#", maxsplit=1)[0]
        lines = [line for line in entries.splitlines() if line.startswith("- ")]
        assert len(lines) == len(list(rules_page.shown_rules(rules)))
        assert all(re.match(r"- \$.+ = .+\$, `.+` = `.+`.*: .+\.$", line) for line in lines), rules.name
    assert "?" not in page.split("## Rules")[1], "a wildcard is shown as itself"


def test_conditions_are_shown(page: str) -> None:
    assert "`log(x**2)` = `2*log(x)`, with `positive` of `x`: " in page
    assert "`sum(x)` = `1`, with `sums_to_one` of `x`: " in page


def test_laws_are_listed(page: str) -> None:
    assert len(laws) > 40
    assert all(f"- `{law.name}`: {law.reason}." in page for law in laws)


def test_steps_come_from_rules_and_laws_alone() -> None:
    """No pass writes a step of its own, whose name the page would not have."""
    makers = {
        path.name
        for path in (SOURCES / "rewriting").rglob("*.py")
        if re.search(r"(?<!class )\bStep\(", path.read_text())
    }
    assert makers == {"engine.py", "matching.py"}


SHOWN = [
    "mean(-sum(T*log(softmax(X)), axis=1))",
    "sum(X**2*t[:, None])/2 + sum(X*t[:, None] + X)",
    "logdet(X.T @ X) + trace(X @ S @ X.T)",
    "sum((X - mean(X, axis=0))**2/sqrt(var(X, axis=0) + 1))",
    "sum(concat([X, X])[:3]) + sum(where(X > 0, X, -X))",
]


@pytest.mark.parametrize("text", SHOWN)
def test_what_derivations_show_is_on_the_page(page: str, text: str) -> None:
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, d), facts=["one_hot"])
    S, t = gc.symbol("S", (d, d), facts=["symmetric"]), gc.symbol("t", (n,), facts=["binary"])
    steps = gc.derive(gc.parse(text, X=X, T=T, S=S, t=t), X).steps
    assert any(step.kind == "rewrite" for step in steps)
    for step in steps:
        rule = step.rule.split(" through ")[0]
        assert f"`{rule}`" in page or f"`{rule} through`" in page, step.rule
