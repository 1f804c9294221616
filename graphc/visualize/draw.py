"""``draw``: a picture of a graph and its gradients, as DOT, SVG or PNG."""

from __future__ import annotations

import contextlib
import functools
import html
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphc.errors import DrawingError
from graphc.ir.expr import Expr
from graphc.visualize.graph import view
from graphc.visualize.style import BACK, GRADIENT, LINK, SHAPE, VALUE, WIRE, look
from graphc.visualize.values import value_lines

if TYPE_CHECKING:
    import networkx

MAX_NODES = 2000
SCALE = 2.0
WIDEST = 16000  # pixels; a wider PNG is scaled down, because few programs open one
SUFFIXES = (".dot", ".gv", ".svg", ".png")


def draw(
    outputs: Expr | Sequence[Expr],
    wrt: Expr | Iterable[Expr] | None = None,
    gradients: Mapping[Expr, Expr] | None = None,
    values: Mapping[Expr, Any] | None = None,
    *,
    backward: bool | None = None,
    legend: bool | None = None,
    max_nodes: int = MAX_NODES,
) -> Drawing:
    """A picture of `outputs`; with gradients, of the backward graph too; with values, of numbers on the edges.

    Parameters
    ----------
    outputs : Expr or sequence of Expr
    wrt : Expr or iterable of Expr, optional
        The nodes whose gradient is shown; by default all of `gradients`.
    gradients : mapping of Expr to Expr, optional
        From a node of the forward graph to its gradient.
    values : mapping of Expr to array, optional
        Values of forward nodes and gradients. An edge shows the value of its node above, the gradient's below.
    backward : bool, optional
        Whether the gradients are drawn as a graph; by default unless the edges already show a gradient's value for
        every node of the forward graph.
    legend : bool, optional
        By default if the picture has gradients or values.
    max_nodes : int
        Larger graphs are not laid out (their ``.dot`` is still there).

    Returns
    -------
    Drawing
        With ``.dot``, ``.svg``, ``.png``, ``.graph`` and ``.save(path)``; shows itself in a notebook.

    Raises
    ------
    DrawingError
        If there is nothing to draw, or a gradient that `wrt` asks for is missing.
    """
    graph = view(outputs, wrt, gradients, values)
    if backward is None:
        inner = [
            d for _, d in graph.nodes(data=True) if d["side"] == "forward" and d["kind"] not in ("output", "constant")
        ]
        backward = any(d["gradient"] is None for d in inner)
    if not backward:
        graph.remove_nodes_from([n for n, side in graph.nodes(data="side") if side == "backward"])
    return Drawing(graph, legend=bool(gradients or values) if legend is None else legend, max_nodes=max_nodes)


class Drawing:
    """A picture of a graph view. ``.dot`` needs no layout; ``.svg`` and ``.png`` are made when they are asked for.

    Attributes
    ----------
    graph : networkx.DiGraph
        What is drawn, see `view`.
    """

    def __init__(self, graph: networkx.DiGraph, *, legend: bool = True, max_nodes: int = MAX_NODES) -> None:
        self.graph = graph
        self._legend = legend
        self._max_nodes = max_nodes

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.graph)} nodes; .svg .png .dot .save(path)>"

    @functools.cached_property
    def dot(self) -> str:
        """The graph in DOT, for Graphviz and its relatives."""
        return _dot(self.graph)

    @functools.cached_property
    def svg(self) -> str:
        """The picture as SVG; its letters are paths, so that it looks the same everywhere.

        Raises
        ------
        DrawingError
            If the graph is too large, or the layout program is missing or fails.
        """
        if len(self.graph) > self._max_nodes:
            raise DrawingError(
                f"the graph has {len(self.graph)} nodes, more than max_nodes={self._max_nodes}: a picture of it could "
                "not be read. Draw an intermediate result instead, raise max_nodes, or use .dot with another program"
            )
        from graphc.visualize.picture import Painter  # noqa: PLC0415 - loaded for pictures only

        return Painter(self.graph, self._legend).svg()

    @functools.cached_property
    def png(self) -> bytes:
        """The picture as PNG, at twice the size of the SVG, on white."""
        import resvg_py  # noqa: PLC0415 - loaded for PNG only

        width = float(self.svg.split('width="', 1)[1].split('"', 1)[0])
        zoom = min(SCALE, WIDEST / width)
        try:
            # the picture has no text, so no font of the machine is looked up
            return bytes(
                resvg_py.svg_to_bytes(
                    svg_string=self.svg, background="#ffffff", zoom=zoom, dpi=96, skip_system_fonts=True
                )
            )
        except ValueError as error:
            raise DrawingError(f"the picture could not be made a PNG: {error}; use .svg instead") from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to `path`, in the format that its ending names; an old file stays until the new is whole.

        Parameters
        ----------
        path : path ending in .dot, .gv, .svg or .png

        Raises
        ------
        DrawingError
            For another ending, or if the file cannot be written.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise DrawingError(f"save needs the path of a file, such as 'graph.svg', got {path!r}")
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix not in SUFFIXES:
            raise DrawingError(
                f"cannot save a picture as {target.name!r}: the name must end in {', '.join(SUFFIXES[:-1])} or "
                f"{SUFFIXES[-1]}"
            )
        data = self.png if suffix == ".png" else (self.svg if suffix == ".svg" else self.dot).encode()
        try:
            _write(target, data)
        except OSError as error:
            raise DrawingError(f"cannot write {target}: {error.strerror or error}") from error
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}


def _write(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _dot(graph: networkx.DiGraph) -> str:
    """DOT with Unicode labels: shapes on the edges, values in green, their gradients in red."""
    import graphviz  # noqa: PLC0415 - loaded for pictures only

    dot = graphviz.Digraph(
        graph_attr={"rankdir": "LR"},
        node_attr={"style": "filled,rounded", "fontname": "Helvetica", "fontsize": "12"},
        edge_attr={"fontname": "Helvetica", "fontsize": "10", "color": WIRE, "fontcolor": SHAPE},
    )
    for key, data in graph.nodes(data=True):
        style = look(data)
        text = f"{data['name']} = {data['label']}" if data["kind"] == "operation" and data["name"] else data["label"]
        colors = {"fillcolor": style.fill, "color": style.border, "fontcolor": style.text}
        dot.node(key, graphviz.escape(text), shape="box" if style.shape == "box" else "ellipse", **colors)
    for tail, head, data in graph.edges(data=True):
        source = graph.nodes[tail]
        how: dict[str, str] = {}
        if data["kind"] == "gradient":
            how = {"style": "dashed", "color": LINK, "constraint": "false"}
        elif source["side"] == "backward":
            how = {"color": BACK}
        if data["mark"]:
            how["headlabel"] = data["mark"]
        dot.edge(tail, head, _edge_label(source, data["shape"]), **how)
    return str(dot.source)


def _edge_label(source: dict[str, Any], shape: str) -> str:
    if source["value"] is None and source["gradient"] is None:
        return shape
    lines = [html.escape(shape)]
    for key, color in (("value", VALUE), ("gradient", GRADIENT)):
        if source[key] is not None:
            lines += [f'<FONT COLOR="{color}">{html.escape(t)}</FONT>' for t in value_lines(source[key])]
    return f"<{'<BR/>'.join(lines)}>"
