"""Lines, arrowheads and shapes as SVG."""

from __future__ import annotations

import math

from graphc.visualize.style import Look

CIRCLE = 34.0  # diameter of a node with a short label
ARROW = 7.0
Point = tuple[float, float]


def mark(style: Look, x: float, y: float, width: float, height: float, curved: bool) -> str:
    """The shape of a node: a circle, a box with round ends, or a box."""
    paint = f'fill="{style.fill}" stroke="{style.border}" stroke-width="1.4"'
    if curved and width <= CIRCLE:
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{CIRCLE / 2:.1f}" {paint}/>'
    corner = min(height / 2, 17.0) if curved else 4.0
    return (
        f'<rect x="{x - width / 2:.2f}" y="{y - height / 2:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'rx="{corner:.1f}" {paint}/>'
    )


def swatch(style: Look) -> str:
    """A node's shape in the legend."""
    corner = 6 if style.shape == "round" else 2
    return f'<rect x="0" y="-6" width="22" height="12" rx="{corner}" fill="{style.fill}" stroke="{style.border}"/>'


def line(points: list[Point], color: str, width: float, dash: str = "") -> str:
    """A straight line through two points, or a chain of Bézier curves."""
    first, *rest = [f"{x:.2f} {y:.2f}" for x, y in points]
    if len(points) == 2:
        path = f"M{first}L{rest[0]}"
    else:
        path = f"M{first}" + "".join(f"C{' '.join(rest[i : i + 3])}" for i in range(0, len(rest), 3))
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'


def approach(points: list[Point], axis: int) -> float:
    """Where a curve comes from, just before its end."""
    (p0, p1, p2, p3) = points[-4:]
    return 0.125 * p0[axis] + 0.375 * p1[axis] + 0.375 * p2[axis] + 0.125 * p3[axis]


def shortened(points: list[Point]) -> list[Point]:
    """The curve, ending inside its arrowhead."""
    *before, (x, y) = points
    px, py = next((p for p in reversed(before) if p != (x, y)), (x - 1, y))
    length = math.hypot(x - px, y - py) or 1.0
    end = (x - (x - px) / length * ARROW / 2, y - (y - py) / length * ARROW / 2)
    return [*before[:-1], end, end] if length > ARROW / 2 else points


def arrow(points: list[Point], color: str) -> str:
    """An arrowhead at the end of a curve."""
    x, y = points[-1]
    px, py = next((p for p in reversed(points) if math.hypot(p[0] - x, p[1] - y) > 2), (x - 1, y))
    length = math.hypot(x - px, y - py)
    dx, dy = (x - px) / length * ARROW, (y - py) / length * ARROW
    a = f"{x - dx - dy * 0.42:.2f},{y - dy + dx * 0.42:.2f}"
    b = f"{x - dx + dy * 0.42:.2f},{y - dy - dx * 0.42:.2f}"
    return f'<polygon points="{x:.2f},{y:.2f} {a} {b}" fill="{color}"/>'
