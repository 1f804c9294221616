"""Where nodes and edges go: the dot algorithm, run by the program that ``graphviz-pure`` installs."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from graphc.errors import DrawingError

if TYPE_CHECKING:
    import networkx

PURE = "graphviz-pure"
TRIES = 3  # layouts, of which the one with the shortest edges is taken
SECONDS = 300  # after which a layout is given up


class Box(NamedTuple):
    """The place that a node needs: its mark, and the label of the wire that leaves it."""

    mark: float
    wire: float
    height: float


class Layout(NamedTuple):
    """Centres of nodes, and curves of edges from tail to head, with y pointing down."""

    width: float
    height: float
    centres: dict[str, tuple[float, float]]
    curves: dict[tuple[str, str], list[tuple[float, float]]]
    panels: dict[str, tuple[float, float, float, float]]  # left, top, right and bottom of the two halves


@functools.cache
def engine() -> str:
    """The layout program: graphviz-pure wherever pip put it, else ``dot`` on the PATH.

    Raises
    ------
    DrawingError
        If neither is there.
    """
    for candidate in _candidates():
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    raise DrawingError(
        "no layout program was found, so no picture can be made: install one with `pip install graphviz-pure`, "
        "or use .dot, which needs none"
    )


def _candidates() -> Iterator[Path | str | None]:
    suffix = ".exe" if sys.platform == "win32" else ""
    yield Path(sys.executable).with_name(PURE + suffix)
    yield Path(sysconfig.get_path("scripts")) / (PURE + suffix)
    try:
        for file in importlib.metadata.files(PURE) or ():
            if file.stem == PURE:
                yield Path(str(file.locate()))
    except importlib.metadata.PackageNotFoundError:
        yield None
    yield shutil.which(PURE)
    yield shutil.which("dot")


def arrange(graph: networkx.DiGraph, boxes: dict[str, Box]) -> Layout:
    """The layout of `graph`: the forward graph runs to the right, the backward graph below it to the left.

    Raises
    ------
    DrawingError
        If the layout program is missing, fails or takes too long.
    """
    found = [_read(_run(_source(graph, boxes)), graph)]
    flip = _upside_down(graph, found[0])
    if flip:
        found = [_read(_run(_source(graph, boxes, flip)), graph, flip)]
    low = _from_below(graph, found[0])
    while low and len(found) < TRIES:
        found.append(_read(_run(_source(graph, boxes, flip, low)), graph, flip))
        shorter = {e for e in low if _length(found[-1].curves[e]) < _length(found[0].curves[e])}
        low = shorter if shorter < low else set()
    return min(found, key=lambda layout: sum(map(_length, layout.curves.values())))


def _length(curve: list[tuple[float, float]]) -> float:
    return sum(math.dist(p, q) for p, q in itertools.pairwise(curve))


def _from_below(graph: networkx.DiGraph, layout: Layout) -> set[tuple[str, str]]:
    """Edges into the backward half that run below their head: they had better enter it from there."""
    sides = dict(graph.nodes(data="side"))
    return {
        (t, h)
        for (t, h), curve in layout.curves.items()
        if sides[t] != sides[h] == "backward" and max(y for _, y in curve[-7:]) > layout.centres[h][1]
    }


def _upside_down(graph: networkx.DiGraph, layout: Layout) -> bool:
    """Whether the backward graph came out on top."""
    rows: dict[str, list[float]] = {"forward": [], "backward": []}
    for node, side in graph.nodes(data="side"):
        rows[side].append(layout.centres[node][1])
    if not rows["backward"]:
        return False
    return sum(rows["backward"]) / len(rows["backward"]) < sum(rows["forward"]) / len(rows["forward"])


def _source(
    graph: networkx.DiGraph, boxes: dict[str, Box], flip: bool = False, low: Container[tuple[str, str]] = ()
) -> str:
    """DOT with sizes in place of labels; backward edges are reversed, so that they run to the left.

    A forward value that the backward graph uses is led there through a relay, a point in the backward half: it keeps
    the edges from running around that half.
    """
    sides = dict(graph.nodes(data="side"))
    relays = {t for t, h in graph.edges if sides[t] != sides[h] == "backward"}
    space = 0.28 if relays else 0.2  # two arrowheads between rows need more than none
    lines = ["digraph {", f"rankdir=LR; nodesep={space}; ranksep=0.3; node [shape=plain]; edge [arrowhead=none];"]
    for side in ("forward", "backward"):
        cells = [_cell(n, boxes[n], side) for n, s in sides.items() if s == side]
        cells += [
            f"relay_{n} [shape=point width=0.01 height=0.01];" for n in sides if n in relays and side == "backward"
        ]
        lines += [f"subgraph cluster_{side} {{ margin={20 if len(cells) < len(boxes) else 2};", *cells, "}"]
    lines += [f'{n}:{_port(boxes[n])}:e -> relay_{n}:w [id="{n} relay" weight=2];' for n in sides if n in relays]
    top, bottom = ("s", "n") if flip else ("n", "s")
    for tail, head, kind in graph.edges(data="kind"):
        if kind == "gradient":
            ends, weight = f"{head}:m:{bottom} -> {tail}:m:w", 2
        elif sides[tail] == "backward":
            ends, weight = f"{head}:m:e -> {tail}:{_port(boxes[tail])}:w", 2
        elif sides[head] == "backward":
            port = bottom if (tail, head) in low else top
            ends, weight = f"relay_{tail}:e -> {head}:m:{port}", 1
        else:
            ends, weight = f"{tail}:{_port(boxes[tail])}:e -> {head}:m:w", 3
        lines.append(f'{ends} [id="{tail} {head}" weight={weight}];')
    return "\n".join([*lines, "}"])


def _port(box: Box) -> str:
    """The cell at the end of the node's wire."""
    return "w" if box.wire else "m"


def _cell(node: str, box: Box, side: str) -> str:
    widths = [("m", box.mark), ("w", box.wire)] if box.wire else [("m", box.mark)]
    cells = "".join(
        f'<TD PORT="{port}" FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{box.height:.0f}"></TD>'
        for port, width in (widths if side == "forward" else reversed(widths))
    )
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}</TR></TABLE>'
    return f"{node} [label=<{table}>];"


def _run(source: str) -> dict[str, Any]:
    program = engine()
    try:
        done = subprocess.run(
            [program, "-Kdot", "-Tjson"], input=source.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DrawingError(
            f"the layout took more than {SECONDS} seconds; draw a part of the graph, or use .dot, which needs no layout"
        ) from None
    except OSError as error:
        raise DrawingError(f"the layout program {program} could not be started: {error}") from error
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise DrawingError(
            f"the layout program {program} failed (exit code {done.returncode}): {said or 'no message'}"
        ) from None
    if "bb" not in found:
        raise DrawingError(f"the layout program {program} gave no layout; install one with `pip install graphviz-pure`")
    return found


def _read(found: dict[str, Any], graph: networkx.DiGraph, flip: bool = False) -> Layout:
    *_, width, height = (float(v) for v in found["bb"].split(","))

    def point(text: str) -> tuple[float, float]:
        x, y = (float(v) for v in text.split(","))
        return x, y if flip else height - y

    centres = {o["name"]: point(o["pos"]) for o in found.get("objects", []) if "pos" in o}
    panels = {}
    for cluster in found.get("objects", []):
        if "bb" in cluster and cluster.get("nodes"):
            x1, y1, x2, y2 = cluster["bb"].split(",")
            (left, a), (right, b) = point(f"{x1},{y1}"), point(f"{x2},{y2}")
            panels[cluster["name"].removeprefix("cluster_")] = (left, min(a, b), right, max(a, b))
    curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for edge in found.get("edges", []):
        tail, head = edge["id"].split()
        points = [point(p) for p in edge["pos"].split() if p[0] not in "es"]
        curves[tail, head] = points[::-1] if graph.nodes[tail]["side"] == "backward" else points
    down = {tail: curves.pop((tail, head)) for tail, head in list(curves) if head == "relay"}
    for (tail, head), points in curves.items():
        if tail in down and graph.nodes[head]["side"] == "backward":
            first = down[tail]
            curves[tail, head] = [*first, first[-1], points[0], *points]
    return Layout(width, height, centres, curves, panels)
