"""Self-contained HTML reports: formulas as MathML, pictures inline, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from graphc.errors import DrawingError
from graphc.ir.expr import Expr
from graphc.visualize.latex import latex
from graphc.visualize.mathml import mathml
from graphc.visualize.stylesheet import STYLE
from graphc.visualize.syntax import colored

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
NUMBER = ' class="number"'
WIDE = ' class="wide"'
TONES = {"right": "good", "proved": "good", "equal": "fair", "wrong": "bad", "incomparable": "bad", "undecided": "fair"}


class Html(str):
    """Text that is HTML already; every other string is escaped."""

    __slots__ = ()


class Section(NamedTuple):
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Html]


def page(title: str, sections: Iterable[Section], *, lead: str = "", language: str = "en") -> str:
    """A whole HTML document.

    Parameters
    ----------
    title : str
    sections : iterable of Section
    lead : str
        A sentence below the title.
    """
    found = list(sections)
    contents = "".join(f'<li><a href="#s{i}">{_inline(s.title)}</a></li>' for i, s in enumerate(found, 1))
    bodies = "\n".join(
        f'<section id="s{i}">\n<h2>{_inline(s.title)}</h2>\n{chr(10).join(s.blocks)}\n</section>'
        for i, s in enumerate(found, 1)
    )
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{_inline(title)}</h1>{f"<p>{_inline(lead)}</p>" if lead else ""}</header>
{f"<nav><ol>{contents}</ol></nav>" if len(found) > 2 else ""}
<main>
{bodies}
</main>
</body>
</html>
"""


def formula(expr: Expr | str, *, display: bool = True) -> Html:
    """An expression, or LaTeX, as MathML.

    Raises
    ------
    DrawingError
        If LaTeX that was given cannot be read.
    """
    return Html(mathml(latex(expr) if isinstance(expr, Expr) else expr, display=display))


def text(paragraph: str) -> Html:
    """A paragraph; `` `words` `` between backquotes are set as code."""
    return Html(f"<p>{_inline(paragraph)}</p>")


def math(expr: Expr | str, *, label: str | Expr | None = None) -> Html:
    """A formula on a line of its own, with what it is a formula of on its left side."""
    content = formula(expr)
    if label is not None:
        side = formula(label, display=False) if isinstance(label, Expr) else _inline(label)
        content = Html(f'<span class="label">{side}</span>{content}')
    return Html(f'<div class="math">{content}</div>')


def numbers(results: Mapping[str, Any]) -> Html:
    """Results in large type side by side, each below its name."""
    cells = "".join(f"<div><dt>{_inline(name)}</dt><dd>{_cell(value)}</dd></div>" for name, value in results.items())
    return Html(f'<dl class="numbers">{cells}</dl>')


def code(source: str, *, language: str = "python", title: str = "", folded: bool = False) -> Html:
    """A listing; Python is coloured. `folded` shows the title alone until the reader opens it."""
    body = colored(source.rstrip("\n")) if language == "python" else escape(source.rstrip("\n"))
    listing = f"<pre><code>{body}</code></pre>"
    if folded:
        return Html(f"<details><summary>{_inline(title)}</summary>{listing}</details>")
    head = f"<figcaption>{_inline(title)}</figcaption>" if title else ""
    return Html(f'<figure class="code">{head}{listing}</figure>')


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], *, caption: str = "") -> Html:
    """A table; columns of numbers are aligned to the right. An empty header is left out."""
    cells = [list(row) for row in rows]
    width = len(header) or max(map(len, cells), default=0)
    numeric = [
        bool(cells) and all(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in cells)
        for i in range(width)
    ]

    def line(row: Sequence[Any], tag: str) -> str:
        return "".join(
            f"<{tag}{NUMBER if right else ''}>{_cell(c)}</{tag}>" for c, right in zip(row, numeric, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in cells)
    head = f"<caption>{_inline(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{line(header, 'th')}</tr></thead>" if header else ""
    return Html(f'<div class="scroll"><table>{head}{top}<tbody>{body}</tbody></table></div>')


def figure_svg(picture: Any, *, caption: str = "", wide: bool = False) -> Html:
    """A picture inline: SVG text, or anything with an ``svg`` attribute, such as a `Drawing`.

    `wide` fits it to the window instead of the column of text.

    Raises
    ------
    DrawingError
        If it is no SVG.
    """
    source = picture if isinstance(picture, str) else str(picture.svg)
    start = source.find("<svg")
    if start < 0:
        raise DrawingError("figure_svg needs the text of an SVG picture; this has no <svg> element")
    return _figure(source[start:].rstrip(), caption, wide=wide)


def figure_png(data: bytes, *, caption: str = "", alt: str = "") -> Html:
    """A PNG picture inside the page.

    Raises
    ------
    DrawingError
        If the data is no PNG.
    """
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise DrawingError("figure_png needs the bytes of a PNG file; these do not begin like one")
    encoded = base64.b64encode(data).decode()
    return _figure(f'<img alt="{escape(alt or caption)}" src="data:image/png;base64,{encoded}">', caption)


def verdict(headline: str, blocks: Sequence[Html] = (), *, tone: str = "") -> Html:
    """The outcome of a check, on green, amber or red.

    Parameters
    ----------
    headline : str
    blocks : sequence of Html
        What it means here, for example the counterexample.
    tone : str
        Right, proved, equal, wrong, incomparable or undecided; by default the first word of the headline, in any case.
    """
    color = TONES.get(tone or re.split(r"\W", headline.lower(), maxsplit=1)[0], "fair")
    return Html(f'<div class="verdict {color}"><p><strong>{escape(headline)}</strong></p>{"".join(blocks)}</div>')


def _figure(content: str, caption: str, *, wide: bool = False) -> Html:
    below = f"<figcaption>{_inline(caption)}</figcaption>" if caption else ""
    return Html(f'<figure{WIDE if wide else ""}><div class="scroll">{content}</div>{below}</figure>')


def _cell(value: Any) -> str:
    if isinstance(value, Expr):
        return formula(value, display=False)
    return f"{value:.6g}" if isinstance(value, float) else _inline(str(value) if not isinstance(value, str) else value)


def _inline(content: str) -> str:
    if isinstance(content, Html):
        return content
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(content))
