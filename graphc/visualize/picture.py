"""The picture as SVG: nodes and labels of formulas, at the places that the layout gives."""

from __future__ import annotations

import hashlib
import math
from html import escape
from typing import TYPE_CHECKING, Any

from graphc.visualize.layout import Box, Layout, arrange
from graphc.visualize.strokes import ARROW, CIRCLE, Point, approach, arrow, line, mark, shortened, swatch
from graphc.visualize.style import BACK, GRADIENT, LETTER, LINK, LOOKS, NAME, PANELS, SHAPE, VALUE, WIRE, look
from graphc.visualize.typeset import Formula, typeset
from graphc.visualize.values import line_latex, value_lines
from graphc.visualize.wires import Wire, write

if TYPE_CHECKING:
    import networkx

MARK, SMALL, TINY = 16.0, 11.0, 9.5  # font sizes of nodes, wires and operand letters
MARGIN = 14.0


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
        width = CIRCLE if circle else max(label.width + 18, CIRCLE)
        crossed = any(self._across(tail, node) for tail in self.graph.predecessors(node))
        tall = self.tall(node) + (2 * ARROW + 4 if crossed else 0)  # room for arrowheads from above and below
        return Box(math.ceil(width), math.ceil(wire.width), math.ceil(max(tall, wire.height)))

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
            parts.append(line([(start, y), (start + toward * box.wire, y)], color, 1.3))
            parts.append(write(self.wires[node], start + toward * box.wire / 2, y))
        parts.append(mark(look(data), x, y, box.mark, self.tall(node), self.round(node)))
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
            return line(points, LINK, 1.2, "5 4") + arrow(points, LINK)
        points[0] = self._leaves(layout, tail)
        color = BACK if back else WIRE
        down = self._across(tail, head)
        place, inner = self._spread(layout, tail, head, points, down)
        letter = self._letter(points, data["mark"], down, place, inner) if data["mark"] else ""
        return line(shortened(points), color, 1.0 if down else 1.3) + arrow(points, color) + letter

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
        rivals.sort(key=lambda t: (approach(layout.curves[t, head], 0 if down else 1), t))
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

    def _letter(self, points: list[Point], letter: str, down: bool, place: float, inner: bool) -> str:
        """The operand's letter beside the arrowhead, outside of its neighbours; between them, on the line itself."""
        (x, y), formula = points[-1], self.text(letter.replace(",", r",\,"), TINY, LETTER)
        toward = -1 if (points[-4][1] <= y if down else points[-4][0] <= x) else 1
        aside = 0.0 if inner else 8.0 if place > 0 else -8.0
        away = toward * (ARROW + (9 if inner else 3))
        at = (x + aside * 0.9, y + away) if down else (x + away, y + aside)
        ground = f'<circle cx="{at[0]:.2f}" cy="{at[1]:.2f}" r="5" fill="#ffffff" fill-opacity="0.8"/>'
        return ground + formula.at(*at)

    def key(self, width: float) -> tuple[str, float, float]:
        """The legend: its SVG, width and height."""
        kinds = [k for k in LOOKS if any(look(d) is LOOKS[k] for d in self.nodes.values())]
        entries = [(swatch(LOOKS[k]), LOOKS[k].title) for k in kinds]
        if any(kind == "gradient" for *_, kind in self.graph.edges(data="kind")):
            entries.append((line([(0, 0), (22, 0)], LINK, 1.2, "5 4"), "belongs to"))
        if self.valued:
            entries.append((self._sample(VALUE), "value"))
        if any(d["gradient"] is not None for d in self.nodes.values()):
            entries.append((self._sample(GRADIENT), "value of the gradient"))
        x, y, wide, out = 0.0, 8.0, 0.0, []
        for sample, title in entries:
            words = self.text(rf"\text{{{title}}}", SMALL, "#3e4c59")
            step = 28 + words.width + 18
            if x and x + step > max(width, 360):
                x, y = 0.0, y + 20
            out.append(f'<g transform="translate({x:.1f} {y:.1f})">{sample}{words.at(28 + words.width / 2, 0)}</g>')
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
