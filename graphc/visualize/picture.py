"""The picture as SVG: nodes and labels of formulas, at the places that the layout gives."""

from __future__ import annotations

import hashlib
import math
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from graphc.visualize.layout import Box, Layout, arrange
from graphc.visualize.style import BACK, GRADIENT, LETTER, LINK, LOOKS, NAME, PANELS, SHAPE, VALUE, WIRE, Look, look
from graphc.visualize.typeset import Formula, typeset
from graphc.visualize.values import line_latex, value_lines

if TYPE_CHECKING:
    import networkx

MARK, SMALL, TINY = 16.0, 11.0, 9.5  # font sizes of nodes, wires and operand letters
CIRCLE = 34.0
LINE = 13.0  # distance of lines of a wire's label
MARGIN = 14.0
ARROW = 7.0
Point = tuple[float, float]


class Wire(NamedTuple):
    """What is written along the wire that leaves a node: lines above it, and lines below."""

    above: list[list[Formula]]
    below: list[list[Formula]]

    @property
    def width(self) -> float:
        rows = self.above + self.below
        return max((_row_width(r) for r in rows), default=0.0) + 14 if rows else 0.0

    @property
    def height(self) -> float:
        return 2 * max(_stack(self.above), _stack(self.below)) + 6


def _row_width(row: list[Formula]) -> float:
    return sum(f.width for f in row) + 7 * (len(row) - 1)


def _row_height(row: list[Formula]) -> float:
    return max([LINE, *(f.height + 2 for f in row)])


def _stack(rows: list[list[Formula]]) -> float:
    return sum(map(_row_height, rows))


class Painter:
    """Draws one graph view; `glyphs` collects the letters that its formulas use."""

    def __init__(self, graph: networkx.DiGraph, legend: bool) -> None:
        self.graph = graph
        self.nodes: dict[str, dict[str, Any]] = dict(graph.nodes(data=True))
        self.legend = legend
        self.glyphs: dict[str, str] = {}
        self.valued = any(d["value"] is not None for d in self.nodes.values())
        self.labels = {n: self.text(d["latex"], MARK, look(d).text) for n, d in self.nodes.items()}
        self.results = {t for t, h in graph.edges if self.nodes[h]["kind"] == "output"}
        self.wires = {n: self.wire(n, d) for n, d in self.nodes.items()}
        self.boxes = {n: self.box(n) for n in self.nodes}

    def svg(self) -> str:
        """The finished picture."""
        layout = arrange(self.graph, self.boxes)
        parts = [self.panel(side, *area) for side, area in layout.panels.items()] if len(layout.panels) > 1 else []
        parts += [self.edge(layout, t, h) for t, h in self._ordered(layout)]
        parts += [self.node(layout, n) for n in self.nodes]
        width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
        body = f'<g transform="translate({MARGIN} {MARGIN})">{"".join(parts)}</g>'
        if self.legend:
            rows, wide, high = self.key(width - 2 * MARGIN)
            body += f'<g transform="translate({MARGIN} {height:.1f})">{rows}</g>'
            width, height = max(width, wide + 2 * MARGIN), height + high + MARGIN
        defs = "".join(text for _, text in sorted(self.glyphs.items()))
        content = f"<defs>{defs}</defs>{body}"
        prefix = f"g{hashlib.blake2b(content.encode(), digest_size=4).hexdigest()}-"
        for glyph in self.glyphs:  # several pictures may stand on one page
            content = content.replace(f'id="{glyph}"', f'id="{prefix}{glyph}"')
            content = content.replace(f'href="#{glyph}"', f'href="#{prefix}{glyph}"')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(self.describe())}">'
            f'<rect width="100%" height="100%" fill="#ffffff"/>{content}</svg>\n'
        )

    def panel(self, side: str, left: float, top: float, right: float, bottom: float) -> str:
        """The ground on which one half of the picture stands."""
        fill, color = PANELS[side]
        words = self.text(rf"\text{{{side}}}", SMALL, color)
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="8" '
            f'fill="{fill}"/>{words.at(left + 8 + words.width / 2, top + 10)}'
        )

    def describe(self) -> str:
        """One line for readers who cannot see the picture."""
        results = ", ".join(d["label"] for d in self.nodes.values() if d["kind"] == "output")
        return f"computational graph of {results}, {len(self.nodes)} nodes"

    def text(self, latex: str, size: float, color: str) -> Formula:
        formula = typeset(latex, size, color)
        self.glyphs.update(formula.glyphs)
        return formula

    def wire(self, key: str, node: dict[str, Any]) -> Wire:
        """Name and shape, the value above the wire in green, the gradient below in red."""
        if node["kind"] in ("output", "gradient"):
            return Wire([], [])
        head = []
        if node["name_latex"] and node["kind"] == "operation" and key not in self.results:
            head.append(self.text(node["name_latex"], SMALL + 2, NAME))
        if node["value"] is None or node["shape"] != "()":
            head.append(self.text(node["shape_latex"], SMALL, SHAPE))
        above = [head] if head else []
        if node["value"] is not None:
            above += [[self.text(line_latex(t), SMALL, VALUE)] for t in value_lines(node["value"])]
        below = []
        if node["gradient"] is not None:
            below = [[self.text(line_latex(t), SMALL, GRADIENT)] for t in value_lines(node["gradient"])]
        return Wire(above, below)

    def box(self, node: str) -> Box:
        label, wire = self.labels[node], self.wires[node]
        circle = look(self.nodes[node]).shape == "round" and max(label.width, label.height) <= CIRCLE - 12
        mark = CIRCLE if circle else max(label.width + 18, CIRCLE)
        crossed = any(self._across(tail, node) for tail in self.graph.predecessors(node))
        tall = self.tall(node) + (2 * ARROW + 4 if crossed else 0)  # room for arrowheads from above and below
        return Box(math.ceil(mark), math.ceil(wire.width), math.ceil(max(tall, wire.height)))

    def _across(self, tail: str, head: str) -> bool:
        """Whether an edge leads from the forward graph into the backward graph."""
        return bool(self.nodes[tail]["side"] != self.nodes[head]["side"] == "backward")

    def tall(self, node: str) -> float:
        return (
            max(CIRCLE, self.labels[node].height + 12) if self.round(node) else max(28.0, self.labels[node].height + 10)
        )

    def round(self, node: str) -> bool:
        return look(self.nodes[node]).shape == "round" and self.nodes[node]["kind"] not in ("output", "gradient")

    def centre(self, layout: Layout, node: str) -> Point:
        """The centre of the node's mark; its wire is on the other side."""
        x, y = layout.centres[node]
        shift = self.boxes[node].wire / 2
        return (x - shift, y) if self.nodes[node]["side"] == "forward" else (x + shift, y)

    def node(self, layout: Layout, node: str) -> str:
        data, box, (x, y) = self.nodes[node], self.boxes[node], self.centre(layout, node)
        toward = 1 if data["side"] == "forward" else -1
        parts = []
        if box.wire:
            start = x + toward * box.mark / 2
            color = WIRE if data["side"] == "forward" else BACK
            parts.append(_line([(start, y), (start + toward * box.wire, y)], color, 1.3))
            parts.append(_rows(self.wires[node], start + toward * box.wire / 2, y))
        parts.append(_mark(look(data), x, y, box.mark, self.tall(node), self.round(node)))
        parts.append(self.labels[node].at(x, y))
        title = f"<title>{escape(_title(data))}</title>"
        return f'<g class="node {data["kind"]} {data["side"]}">{title}{"".join(parts)}</g>'

    def _ordered(self, layout: Layout) -> list[tuple[str, str]]:
        """Gradient links first, so that they lie below everything else."""
        return sorted(layout.curves, key=lambda e: self.graph.edges[e]["kind"] != "gradient")

    def edge(self, layout: Layout, tail: str, head: str) -> str:
        """One curve with its arrowhead, and the letter of its operand."""
        data = self.graph.edges[tail, head]
        points = list(layout.curves[tail, head])
        back = self.nodes[tail]["side"] == "backward"
        if data["kind"] == "gradient":
            x2, y2 = self.centre(layout, head)
            points += [points[-1], (x2, y2 + self.tall(head) / 2), (x2, y2 + self.tall(head) / 2)]
            return _line(points, LINK, 1.2, "5 4") + _arrow(points, LINK)
        points[0] = self._leaves(layout, tail)
        color = BACK if back else WIRE
        down = self._across(tail, head)
        place, inner = self._spread(layout, tail, head, points, down)
        mark = self._letter(points, data["mark"], down, place, inner) if data["mark"] else ""
        return _line(_shortened(points), color, 1.0 if down else 1.3) + _arrow(points, color) + mark

    def _leaves(self, layout: Layout, node: str) -> Point:
        """Where the wire of `node` ends and its curves begin."""
        x, y = self.centre(layout, node)
        reach = self.boxes[node].mark / 2 + self.boxes[node].wire
        return (x + reach, y) if self.nodes[node]["side"] == "forward" else (x - reach, y)

    def _spread(self, layout: Layout, tail: str, head: str, points: list[Point], down: bool) -> tuple[float, bool]:
        """Move the end of the curve to its own place on the border of the head.

        Returns how far that is from the middle, and whether other curves end on both sides of it.
        """
        x, y = self.centre(layout, head)
        gate = self._gate(layout, tail, head)
        rivals = [t for t in self.graph.predecessors(head) if self._gate(layout, t, head) == gate]
        rivals.sort(key=lambda t: (_approach(layout.curves[t, head], 0 if down else 1), t))
        step = min(10.0, (self.tall(head) - 12) / max(len(rivals) - 1, 1))
        offset = (rivals.index(tail) - (len(rivals) - 1) / 2) * step
        box = self.boxes[head]
        radius = CIRCLE / 2 if self.round(head) and box.mark <= CIRCLE else 0.0
        depth = radius - math.sqrt(max(radius**2 - offset**2, 0.0)) if radius else 0.0
        side = -1 if gate in ("left", "top") else 1
        if down:
            end = (x + offset, y + side * (self.tall(head) / 2 - depth))
            points[-1] = (x + offset, points[-1][1])
            points[-2] = (x + offset, points[-1][1] + side * 14)
        else:
            end = (x + side * (box.mark / 2 - depth), y + offset)
            points[-1] = (points[-1][0], y + offset)
            points[-2] = (points[-2][0], points[-2][1] + offset)
        points += [points[-1], end, end]
        return offset, 0 < rivals.index(tail) < len(rivals) - 1

    def _gate(self, layout: Layout, tail: str, head: str) -> str:
        """The side of `head` at which the edge from `tail` ends."""
        if self.graph.edges[tail, head]["kind"] == "gradient":
            return "link"
        if self.nodes[tail]["side"] == self.nodes[head]["side"]:
            return "left" if self.nodes[head]["side"] == "forward" else "right"
        return "top" if layout.curves[tail, head][-1][1] < layout.centres[head][1] else "bottom"

    def _letter(self, points: list[Point], mark: str, down: bool, place: float, inner: bool) -> str:
        """The operand's letter beside the arrowhead, outside of its neighbours; between them, on the line itself."""
        (x, y), formula = points[-1], self.text(mark.replace(",", r",\,"), TINY, LETTER)
        toward = -1 if (points[-4][1] <= y if down else points[-4][0] <= x) else 1
        aside = 0.0 if inner else 8.0 if place > 0 else -8.0
        away = toward * (ARROW + (9 if inner else 3))
        at = (x + aside * 0.9, y + away) if down else (x + away, y + aside)
        ground = f'<circle cx="{at[0]:.2f}" cy="{at[1]:.2f}" r="5" fill="#ffffff" fill-opacity="0.8"/>'
        return ground + formula.at(*at)

    def key(self, width: float) -> tuple[str, float, float]:
        """The legend: its SVG, width and height."""
        kinds = [k for k in LOOKS if any(look(d) is LOOKS[k] for d in self.nodes.values())]
        entries = [(_swatch(LOOKS[k]), LOOKS[k].title) for k in kinds]
        if any(kind == "gradient" for *_, kind in self.graph.edges(data="kind")):
            entries.append((_line([(0, 0), (22, 0)], LINK, 1.2, "5 4"), "belongs to"))
        if self.valued:
            entries.append((self._sample(VALUE), "value"))
        if any(d["gradient"] is not None for d in self.nodes.values()):
            entries.append((self._sample(GRADIENT), "value of the gradient"))
        x, y, wide, out = 0.0, 8.0, 0.0, []
        for swatch, title in entries:
            words = self.text(rf"\text{{{title}}}", SMALL, "#3e4c59")
            step = 28 + words.width + 18
            if x and x + step > max(width, 360):
                x, y = 0.0, y + 20
            out.append(f'<g transform="translate({x:.1f} {y:.1f})">{swatch}{words.at(28 + words.width / 2, 0)}</g>')
            x += step
            wide = max(wide, x)
        return "".join(out), wide, y + 12

    def _sample(self, color: str) -> str:
        return self.text("1.5", SMALL, color).at(11, 0)


def _title(data: dict[str, Any]) -> str:
    """What a reader sees on pointing at a node: its formula, shape and numbers."""
    formula = str(data["expr"])
    lines = [f"{formula if len(formula) < 200 else data['label']} : {data['shape']}"]
    lines += [f"{k} {' '.join(value_lines(data[k]))}" for k in ("value", "gradient") if data[k] is not None]
    return "\n".join(lines)


def _rows(wire: Wire, x: float, y: float) -> str:
    out = []
    top = y - 3 - _stack(wire.above)
    for rows, start in ((wire.above, top), (wire.below, y + 3)):
        at = start
        for row in rows:
            left, high = x - _row_width(row) / 2, _row_height(row)
            for formula in row:
                out.append(formula.at(left + formula.width / 2, at + high / 2))
                left += formula.width + 7
            at += high
    return "".join(out)


def _mark(style: Look, x: float, y: float, width: float, height: float, curved: bool) -> str:
    paint = f'fill="{style.fill}" stroke="{style.border}" stroke-width="1.4"'
    if curved and width <= CIRCLE:
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{CIRCLE / 2:.1f}" {paint}/>'
    corner = min(height / 2, 17.0) if curved else 4.0
    return (
        f'<rect x="{x - width / 2:.2f}" y="{y - height / 2:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'rx="{corner:.1f}" {paint}/>'
    )


def _swatch(style: Look) -> str:
    corner = 6 if style.shape == "round" else 2
    return f'<rect x="0" y="-6" width="22" height="12" rx="{corner}" fill="{style.fill}" stroke="{style.border}"/>'


def _line(points: list[Point], color: str, width: float, dash: str = "") -> str:
    first, *rest = [f"{x:.2f} {y:.2f}" for x, y in points]
    if len(points) == 2:
        path = f"M{first}L{rest[0]}"
    else:
        path = f"M{first}" + "".join(f"C{' '.join(rest[i : i + 3])}" for i in range(0, len(rest), 3))
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'


def _approach(points: list[Point], axis: int) -> float:
    """Where a curve comes from, just before its end."""
    (p0, p1, p2, p3) = points[-4:]
    return 0.125 * p0[axis] + 0.375 * p1[axis] + 0.375 * p2[axis] + 0.125 * p3[axis]


def _shortened(points: list[Point]) -> list[Point]:
    """The curve, ending inside its arrowhead."""
    *before, (x, y) = points
    px, py = next((p for p in reversed(before) if p != (x, y)), (x - 1, y))
    length = math.hypot(x - px, y - py) or 1.0
    end = (x - (x - px) / length * ARROW / 2, y - (y - py) / length * ARROW / 2)
    return [*before[:-1], end, end] if length > ARROW / 2 else points


def _arrow(points: list[Point], color: str) -> str:
    x, y = points[-1]
    px, py = next((p for p in reversed(points) if math.hypot(p[0] - x, p[1] - y) > 2), (x - 1, y))
    length = math.hypot(x - px, y - py)
    dx, dy = (x - px) / length * ARROW, (y - py) / length * ARROW
    a = f"{x - dx - dy * 0.42:.2f},{y - dy + dx * 0.42:.2f}"
    b = f"{x - dx + dy * 0.42:.2f},{y - dy - dx * 0.42:.2f}"
    return f'<polygon points="{x:.2f},{y:.2f} {a} {b}" fill="{color}"/>'
