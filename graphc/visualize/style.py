"""Colours of pictures, one table for DOT and SVG."""

from __future__ import annotations

from typing import Any, NamedTuple


class Look(NamedTuple):
    """The fill, border and text colour of a kind of node, its shape, and what the legend calls it."""

    fill: str
    border: str
    text: str
    shape: str
    title: str


LOOKS = {
    "symbol": Look("#e3effc", "#2f6fb5", "#12365c", "box", "input"),
    "parameter": Look("#fdf0cf", "#b7791f", "#5f3c08", "box", "parameter"),
    "constant": Look("#f1f3f5", "#9aa5b1", "#3e4c59", "box", "constant"),
    "operation": Look("#ffffff", "#52606d", "#1f2933", "round", "operation"),
    "output": Look("#323f4b", "#323f4b", "#ffffff", "round", "result"),
    "backward": Look("#fdeaea", "#c0392b", "#7b1f16", "round", "backward operation"),
    "gradient": Look("#c0392b", "#c0392b", "#ffffff", "round", "gradient"),
}
WIRE, BACK, LINK, LETTER = "#52606d", "#c0392b", "#d97b70", "#616e7c"
PANELS = {"forward": ("#f8fafc", "#7b8794"), "backward": ("#fff9f8", "#c88279")}  # fill and title
SHAPE, NAME, VALUE, GRADIENT = "#7b8794", "#1f2933", "#1e7d34", "#c0392b"


def look(node: dict[str, Any]) -> Look:
    """The look of a node of the graph view."""
    backward = node["side"] == "backward" and node["kind"] not in ("gradient", "constant")
    return LOOKS["backward" if backward else node["kind"]]
