"""docs/ops.md: the generator knows every function and every op; ``.ci/run`` holds the page to what it writes."""

from __future__ import annotations

import re

import ops_page
import pytest

import graphc as gc
from graphc.ops.notation import functions


@pytest.fixture(scope="module")
def page() -> str:
    return ops_page.page()


def test_every_function_has_an_entry_in_a_family(page: str) -> None:
    headings = re.findall(r"^### `(\w+)\(", page, re.M)
    assert sorted(headings) == sorted(functions)
    assert re.findall(r"^## (.*)", page, re.M)[0] == "Numbers, symbols, operators"
    assert len(re.findall(r"^## ", page, re.M)) >= 8


def test_the_contents_lead_to_every_heading(page: str) -> None:
    links = re.findall(r"^- \[(.*)\]\(#([a-z-]+)\): (.*)$", page, re.M)
    assert [title for title, _, _ in links] == re.findall(r"^## (.*)", page, re.M)[1:]
    assert all(anchor == title.lower().replace(",", "").replace(" ", "-") for title, anchor, _ in links)
    assert sorted(name for *_, names in links for name in re.findall(r"`(\w+)`", names)) == sorted(functions)


def test_every_entry_says_what_it_is_and_shows_an_example(page: str) -> None:
    entries = re.split(r"^### ", page, flags=re.M)[1:]
    for entry in entries:
        title, _, about, *_ = entry.split("\n")
        assert len(about) > 4, f"{title} has no summary: give its record one"
        assert "- example: `" in entry, title


def test_the_derivatives_on_the_page_are_derivatives(page: str) -> None:
    assert "- derivative: `G*(1 - tanh(x)**2)`" in page
    logits = gc.symbol("X", ("m", "n"))
    assert f"- derivative: `{gc.vjp(gc.softmax(logits), logits, gc.symbol('G', ('m', 'n')))}`" in page


def test_the_committed_page_is_one_that_was_written_here() -> None:
    committed = ops_page.PAGE.read_text()
    assert committed.startswith(ops_page.HEAD.strip())
    assert committed.count("### `") > 80
