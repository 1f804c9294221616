"""Learning curves as SVG, drawn without a plotting library: text is set as paths and looks the same everywhere."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from graphc.visualize.typeset import typeset

WIDTH, HEIGHT = 460.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 18.0, 40.0, 46.0
INK, FAINT, GRID = "#1f2933", "#616e7c", "#e4e7eb"
SMALL, NORMAL, LARGE = 11.0, 12.5, 15.0


@dataclass(frozen=True)
class Series:
    """One line: a value for each epoch, from epoch 1."""

    title: str
    values: Sequence[float]
    color: str


@dataclass(frozen=True)
class Panel:
    """Lines that share their axes; `log` makes the vertical one logarithmic."""

    title: str
    series: Sequence[Series]
    log: bool = False


class Ink:
    """Collects the glyphs of the texts it sets."""

    def __init__(self) -> None:
        self.glyphs: dict[str, str] = {}

    def text(self, words: str, x: float, y: float, size: float, color: str, anchor: str = "middle") -> str:
        """`words` on a line around the height y; `anchor` says which end of them is at x."""
        formula = typeset(rf"\text{{{words}}}", size, color)
        self.glyphs.update(formula.glyphs)
        left = x - formula.origin[0] - formula.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        return f'<g transform="translate({left:.2f} {y + 0.32 * size:.2f})">{formula.body}</g>'

    def width(self, words: str, size: float) -> float:
        return typeset(rf"\text{{{words}}}", size, INK).width


def chart(panels: Sequence[Panel], *, mark: int | None = None, mark_title: str = "") -> str:
    """The panels side by side as one SVG.

    Parameters
    ----------
    mark : an epoch to mark by a vertical line, with `mark_title` beside it
    """
    ink = Ink()
    body = "".join(
        f'<g transform="translate({i * WIDTH:.0f} 0)">{_panel(panel, ink, mark, mark_title)}</g>'
        for i, panel in enumerate(panels)
    )
    content = f"<defs>{''.join(text for _, text in sorted(ink.glyphs.items()))}</defs>{body}"
    prefix = f"c{hashlib.blake2b(content.encode(), digest_size=4).hexdigest()}-"
    for glyph in ink.glyphs:  # several pictures may stand on one page
        content = content.replace(f'id="{glyph}"', f'id="{prefix}{glyph}"')
        content = content.replace(f'href="#{glyph}"', f'href="#{prefix}{glyph}"')
    width = WIDTH * len(panels)
    titles = escape(", ".join(p.title for p in panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{HEIGHT:.0f}" '
        f'viewBox="0 0 {width:.0f} {HEIGHT:.0f}" role="img" aria-label="{titles} by epoch">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{content}</svg>\n'
    )


def ticks(low: float, high: float, log: bool) -> list[float]:
    """Round values that cover ``[low, high]``, about five of them."""
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        fine = [m * 10.0**e for e in decades for m in (1, 2, 5)]
        return fine if len([t for t in fine if low <= t <= high]) <= 7 else [10.0**e for e in decades]
    rough = (high - low) / 4 or 1.0
    step = next(m for e in (10.0 ** math.floor(math.log10(rough)),) for m in (e, 2 * e, 5 * e, 10 * e) if m >= rough)
    first = math.floor(low / step + 1e-9)
    return [i * step for i in range(first, math.ceil(high / step - 1e-9) + 1)]


def _panel(panel: Panel, ink: Ink, mark: int | None, mark_title: str) -> str:
    values = [v for s in panel.series for v in s.values if math.isfinite(v) and (v > 0 or not panel.log)]
    if not values:
        return ink.text(f"{panel.title}: nothing to show", WIDTH / 2, HEIGHT / 2, NORMAL, FAINT)
    epochs = max(len(s.values) for s in panel.series)
    rows = _covering(panel, min(values), max(values))

    def x(epoch: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((epoch - 1) / max(epochs - 1, 1))

    def y(value: float) -> float:
        low, high, at = (math.log10(v) if panel.log else v for v in (rows[0], rows[-1], value))
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((at - low) / (high - low or 1.0))

    parts = [ink.text(panel.title, LEFT, 18, LARGE, INK, "start")]
    for value in rows:
        parts.append(_line([(LEFT, y(value)), (WIDTH - RIGHT, y(value))], GRID, 1))
        parts.append(ink.text(f"{value:.6g}", LEFT - 8, y(value), SMALL, FAINT, "end"))
    for epoch in _epoch_ticks(epochs):
        parts.append(ink.text(str(epoch), x(epoch), HEIGHT - BOTTOM + 14, SMALL, FAINT))
    parts.append(ink.text("epoch", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, NORMAL, FAINT))
    if mark is not None:
        parts.append(_line([(x(mark), TOP), (x(mark), HEIGHT - BOTTOM)], FAINT, 1, "4 4"))
        end = "end" if x(mark) > (LEFT + WIDTH) / 2 else "start"
        parts.append(
            ink.text(mark_title, x(mark) + (-6 if end == "end" else 6), HEIGHT - BOTTOM - 12, SMALL, FAINT, end)
        )
    for series in panel.series:
        points = [(x(i), y(v)) for i, v in enumerate(series.values, 1) if math.isfinite(v) and (v > 0 or not panel.log)]
        parts.append(_line(points, series.color, 2))
    return "".join(parts) + _legend(panel.series, ink)


def _covering(panel: Panel, low: float, high: float) -> list[float]:
    """The ticks from the last one at or below `low` to the first one at or above `high`."""
    if low == high:
        low, high = (low / 2, high * 2) if panel.log else (low - 0.5, high + 0.5)
    rows = ticks(low, high, panel.log)
    first = max((i for i, t in enumerate(rows) if t <= low), default=0)
    last = min((i for i, t in enumerate(rows) if t >= high), default=len(rows) - 1)
    return rows[first : max(last, first + 1) + 1]


def _epoch_ticks(epochs: int) -> list[int]:
    inner = [int(t) for t in ticks(1, max(epochs, 2), log=False) if t == int(t) and 1 < t <= epochs]
    return [1, *inner]


def _legend(series: Sequence[Series], ink: Ink) -> str:
    """The lines' titles above the right end of the panel."""
    parts: list[str] = []
    right = WIDTH - RIGHT
    for item in reversed(series):
        width = ink.width(item.title, NORMAL)
        parts.append(ink.text(item.title, right, 18, NORMAL, INK, "end"))
        parts.append(_line([(right - width - 24, 18), (right - width - 6, 18)], item.color, 3))
        right -= width + 40
    return "".join(parts)


def _line(points: Sequence[tuple[float, float]], color: str, width: float, dash: str = "") -> str:
    if len(points) == 1:
        (x, y) = points[0]
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{width + 1}" fill="{color}"/>'
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    stroke = f'stroke="{color}" stroke-width="{width}" stroke-linejoin="round"{dashed}'
    return f'<polyline points="{path}" fill="none" {stroke}/>'
