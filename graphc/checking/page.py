"""A verdict as a page: text for a terminal, and the same parts as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from graphc.checking import arrays, markup
from graphc.ir.expr import Expr
from graphc.visualize import html
from graphc.visualize.html import Html
from graphc.visualize.stylesheet import VERDICT

MOST_LINES = 8  # of a formula on a page; longer ones are left out


def text_of(value: Any) -> str:
    """A claim or an answer as text; a listing that is too long for a page by its size."""
    if callable(value) and not isinstance(value, Expr):
        return f"{getattr(value, '__name__', 'function')}(...)".replace("<lambda>", "function")
    text = str(value)
    count = text.count("\n") + 1
    return text if count <= MOST_LINES else f"(a formula of {count} lines)"


def headline(verdict: Any) -> str:
    """The status and the claim; a claim of several lines stands below."""
    text = verdict.claim_text
    return f"{verdict.status.upper()}:" + ("\n" + indented(text) if "\n" in text else f" {text}")


def lines(verdict: Any) -> list[str]:
    """The page below its headline."""
    out = [entry("judged as", verdict.subject)] if verdict.subject else []
    out += [entry(name, text) for name, text in findings(verdict)]
    if verdict.steps:
        out += ["by:", *(f"  {i}. {step}" for i, step in enumerate(verdict.steps, 1))]
    found = verdict.counterexample
    if found is not None:
        out += ["", *counterexample(found, verdict.labels)]
    return [part for line in out for part in line.split("\n")]


def findings(verdict: Any) -> list[tuple[str, str]]:
    """What is said in words and formulas: pairs of a title (perhaps empty) and a text."""
    out = []
    if not (verdict.diagnosis and verdict.counterexample is not None and verdict.reason == DIFFER):
        out.append(("", verdict.reason))
    if verdict.facts:
        out.append(("needs", "; ".join(verdict.facts)))
    form = verdict.normal_form
    if form is not None and form not in (verdict.formula_text, str(verdict.answer)):
        out.append(("normal form", form))
    if verdict.diagnosis:
        out.append(("what is wrong", verdict.diagnosis))
    pieces = edit(verdict)
    if pieces is not None:
        out.append(("edit" if verdict.repair else "difference", markup.plain(pieces)))
    if verdict.repair:
        out.append(("repaired", verdict.repair))
    if verdict.answer is not None and not verdict and text_of(verdict.answer) != verdict.repair:
        out.append((verdict.labels[0], text_of(verdict.answer)))
    return out


DIFFER = "the two sides differ at the point below."


def edit(verdict: Any) -> list[markup.Piece] | None:
    """The way from the claim to its repair; without one, to the right result."""
    if verdict or verdict.answer is None:
        return None
    return markup.marked(verdict.formula_text, verdict.repair or text_of(verdict.answer))


def entry(name: str, text: str) -> str:
    """A titled line; a text of several lines is set below its title."""
    if not name:
        return text
    return f"{name}:\n{indented(text)}" if "\n" in text else f"{name}: {text}"


def indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))


def counterexample(found: Any, labels: tuple[str, str]) -> list[str]:
    """The point, and both results side by side."""
    inputs = arrays.packed([arrays.shown(name, value) for name, value in found.values.items()])
    results = arrays.compared(labels, found.answer, found.claim, found.differing)
    return [
        f"{at(found)}:",
        *(f"  {line}" for line in inputs),
        "",
        *(f"  {line}" for line in results),
        "  (entries between asterisks differ)" if any("*" in line for line in results) else "",
    ]


def page(verdict: Any) -> str:
    """The verdict as one HTML element with its style, without scripts."""
    return styled(element(verdict))


def styled(content: str) -> str:
    """HTML with the style of verdicts before it."""
    return f"<style>{VERDICT}</style>{content}"


def element(verdict: Any, title: str = "") -> str:
    """The verdict as one HTML element, under its status and claim or another title."""
    blocks = [html.math(verdict.latex())]
    if verdict.subject:
        blocks.append(titled("judged as", escape(verdict.subject)))
    pieces = edit(verdict)
    for name, text in findings(verdict):
        shown = markup.html(pieces) if pieces is not None and name in ("edit", "difference") else escape(text)
        blocks.append(titled(name, shown, formula=name in FORMULAS or name == verdict.labels[0]))
    if verdict.steps:
        items = "".join(f"<li>{escape(step)}</li>" for step in verdict.steps)
        blocks.append(
            Html(f"<details><summary>{len(verdict.steps)} rules of the proof</summary><ol>{items}</ol></details>")
        )
    if verdict.counterexample is not None:
        blocks += point(verdict.counterexample, verdict.labels)
    return html.verdict(title or f"{verdict.status.upper()}: {verdict.claim_text}", blocks, tone=str(verdict.status))


FORMULAS = ("normal form", "edit", "difference", "repaired")


def titled(name: str, content: str, *, formula: bool = False) -> Html:
    """A paragraph; formulas are set as code, and what stands in several lines keeps them."""
    head = f"<em>{escape(name)}</em>: " if name else ""
    if "\n" in content:
        first, rest = ("", content) if formula else content.split("\n", 1)
        return Html(f"<p>{head}{first}</p><pre>{rest}</pre>")
    return Html(f"<p>{head}{f'<code>{content}</code>' if formula else content}</p>")


def point(found: Any, labels: tuple[str, str]) -> list[Html]:
    """The counterexample: the inputs, and both results, side by side."""
    inputs = [array(value) for value in found.values.values()]
    results = [array(found.answer, found.differing if found.comparable else None), array(found.claim, found.differing)]
    tables = [html.table(list(found.values), [inputs], caption=at(found))] if inputs else [html.text(at(found))]
    return [*tables, html.table(labels, [results])]


def at(found: Any) -> str:
    """What a counterexample is headed with: its sizes."""
    sizes = ", ".join(f"{name} = {value}" for name, value in found.sizes.items())
    return f"counterexample with {sizes}" if sizes else "counterexample"


def array(value: Any, marks: Any = None, digits: int = 6) -> Html:
    """An array as a grid of numbers; entries that differ in ``<mark>``."""
    cells = arrays.texts(value, digits)
    if marks is not None:
        for place in map(tuple, arrays.places(marks)):
            cells[place] = f"<mark>{cells[place]}</mark>"
    return Html(f'<div class="array">{_grid(cells)}</div>')


def _grid(cells: Any) -> str:
    if cells.ndim == 0:
        return str(cells)
    if cells.ndim <= 2:
        lines: Sequence[Any] = cells if cells.ndim == 2 else [cells]
        return "<table>" + "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in line)}</tr>" for line in lines) + "</table>"
    return "".join(map(_grid, cells))
