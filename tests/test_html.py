"""Reports: one page that needs nothing else, with every string escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

import graphc as gc
from graphc.errors import DrawingError
from graphc.visualize import html
from graphc.visualize.draw import draw
from graphc.visualize.html import (
    Section,
    code,
    figure_png,
    figure_svg,
    formula,
    math,
    numbers,
    page,
    table,
    text,
    verdict,
)
from graphc.visualize.syntax import colored

n, d = gc.dims("n d")
X, W, x = gc.symbol("X", (n, d)), gc.parameter("W", (d, d)), gc.symbol("x")
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Checks that tags are closed in order, and collects text, tags and attributes."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [v for k in ("href", "src", "xlink:href", "action") if (v := found.get(k))]
        self.ids += [v for v in [found.get("id")] if v]
        assert not [k for k in found if k.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def report() -> str:
    drawn = draw(gc.mean(gc.tanh(X @ W)).named("loss"))
    return page(
        "A <report>",
        [
            Section(
                "The network & its loss", [text("A `layer` of <units>."), math(X @ W, label="h"), figure_svg(drawn)]
            ),
            Section(
                "Code", [code("def f(x):\n    return x < 1  # <b>\n", title="f.py"), code("$ ls", language="text")]
            ),
            Section(
                "Numbers",
                [
                    table(["step", "loss", "what"], [[1, 0.123456789, "a<b"], [2, 1e-9, W]], caption="Losses"),
                    figure_png(drawn.png, caption="The same picture"),
                    figure_svg(draw(x * x)),
                    verdict("wrong: a <factor> is missing", [text("`1/n`")]),
                    numbers({"a<b": 1}),
                    code("x = 1", title="x.py", folded=True),
                ],
            ),
        ],
        lead="Made by graphc.",
    )


def test_a_page_is_well_formed_and_needs_nothing_else() -> None:
    content = report()
    reader = Reader(content)
    assert content.startswith("<!DOCTYPE html>\n")
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in reader.links)
    assert "@import" not in content
    assert "url(" not in content
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)
    assert {"math", "svg", "table", "pre", "img", "nav"} <= set(reader.tags)


def test_strings_are_escaped() -> None:
    words = Reader(report()).words
    for piece in ("A <report>", "The network & its loss", "of <units>.", "# <b>", "a<b"):
        assert piece in words


def test_text_sets_code_between_backquotes() -> None:
    assert text("see `a < b`") == "<p>see <code>a &lt; b</code></p>"
    assert text(html.Html("<em>x</em>")) == "<p><em>x</em></p>"


def test_formulas_are_mathml_in_characters_that_browsers_know() -> None:
    found = formula(gc.symbol("alpha", (d,)) + gc.symbol("mask", (d,)))
    ET.fromstring(found)
    assert "𝜶" in found
    assert "𝐦" in found
    assert 'mathvariant="bold' not in found
    assert 'display="inline"' in formula(x, display=False)
    assert "𝟏" in formula(gc.ones(n))
    with pytest.raises(DrawingError, match="cannot read the LaTeX"):
        formula(r"\left(x")


def test_labels_of_formulas() -> None:
    assert '<span class="label">dW</span>' in math(x, label="dW")
    assert math(x, label=W).count("<math") == 2


def test_python_is_coloured_and_nothing_is_lost() -> None:
    source = (
        'class A:\n    def f(self):\n        """Doc <b>."""\n        return 0x1f + f"{self!r}" if True else 0  # end\n'
    )
    found = colored(source)
    assert '<span class="k">def</span> <span class="d">f</span>' in found
    assert '<span class="c"># end</span>' in found
    assert '<span class="n">0x1f</span>' in found
    assert Reader(f"<pre>{found}</pre>").words == source


@pytest.mark.parametrize("source", ["def f(:\n  '''", "x = (", "é = 'ü'\n\tb", "x = 1\f\ny = 2\x0b + 3", "", "a\r\nb"])
def test_any_source_survives_colouring(source: str) -> None:
    assert Reader(f"<pre>{colored(source)}</pre>").words == Reader(f"<pre>{html.escape(source)}</pre>").words


def test_tables_align_numbers() -> None:
    found = table(["a", "b"], [[1, "x"], [2.5, "y"]])
    assert '<td class="number">2.5</td><td>y</td>' in found
    assert '<th class="number">a</th>' in found
    assert "number" not in table(["a"], [])
    assert "number" not in table(["a"], [[True]])
    assert table([], [["x", 1]]).count("<th") == 0 and '<td class="number">1</td>' in table([], [["x", 1]])


def test_figures_must_be_pictures() -> None:
    assert "<?xml" not in figure_svg('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    with pytest.raises(DrawingError, match="no <svg> element"):
        figure_svg("not a picture")
    with pytest.raises(DrawingError, match="bytes of a PNG"):
        figure_png(b"GIF89a")


@pytest.mark.parametrize(
    ("outcome", "tone"),
    [
        ("proved", "good"),
        ("equal with probability 1 - 1e-18", "fair"),
        ("Wrong", "bad"),
        ("WRONG: X.T", "bad"),
        ("undecided", "fair"),
        ("", "fair"),
    ],
)
def test_verdicts_have_a_tone(outcome: str, tone: str) -> None:
    assert f'class="verdict {tone}"' in verdict(outcome)
