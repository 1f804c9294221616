"""Formulas as SVG paths: they look the same on every machine and need no font there."""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

NAMESPACE = "{http://www.w3.org/2000/svg}"


class Formula(NamedTuple):
    """A formula set by ziamath: its size, its baseline, its SVG elements and the glyphs they use."""

    width: float
    height: float
    origin: tuple[float, float]
    body: str
    glyphs: tuple[tuple[str, str], ...]

    def at(self, x: float, y: float) -> str:
        """The SVG of the formula centred at (x, y)."""
        left, top = x - self.width / 2 - self.origin[0], y - self.height / 2 - self.origin[1]
        return f'<g transform="translate({left:.2f} {top:.2f})">{self.body}</g>'


@functools.lru_cache(maxsize=8192)
def typeset(latex: str, size: float, color: str) -> Formula:
    """`latex` in a font size of `size` pixels."""
    import ziamath  # noqa: PLC0415 - a heavy import, needed for pictures only

    latex = re.sub(r"\\mathbf\{(\w\w+)\}", r"\\textbf{\1}", latex)  # ziamath slants words in \mathbf
    root = ET.fromstring(ziamath.Latex(latex, size=size, color=color).svg())
    x, y, width, height = (float(v) for v in root.attrib["viewBox"].split())
    glyphs = []
    body = []
    for element in root:
        text = _plain(element)
        if element.tag == f"{NAMESPACE}symbol":
            glyphs.append((element.attrib["id"], text))
        else:
            body.append(text)
    return Formula(width, height, (x, y), "".join(body), tuple(glyphs))


def _plain(element: ET.Element) -> str:
    """An element as text, in the namespace of the picture around it."""
    for node in element.iter():
        node.tag = node.tag.removeprefix(NAMESPACE)
        node.tail = None
    text = ET.tostring(element, encoding="unicode")
    for node in element.iter():
        node.tag = NAMESPACE + node.tag
    return text
