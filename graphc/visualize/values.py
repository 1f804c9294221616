"""Values of nodes in pictures: small arrays in full, larger ones by mean, minimum and maximum."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

SMALL = 4  # entries up to which an array is shown in full
DIGITS = 4  # significant digits


def value_lines(value: Any) -> list[str]:
    """A number or an array as a few lines of text."""
    array = np.asarray(value)
    if array.size == 0:
        return ["empty"]
    if array.size <= SMALL:
        text = _nested(array)
        return text.replace("], [", "],\n[").split("\n") if array.size == SMALL else [text]
    low, mean, high = array.min(), array.mean(), array.max()
    return [f"mean {_number(mean)}", f"min {_number(low)}, max {_number(high)}"]


def _nested(array: Any) -> str:
    return _number(array) if array.ndim == 0 else "[" + ", ".join(_nested(part) for part in array) + "]"


def _number(value: Any) -> str:
    return f"{float(value) + 0.0:.{DIGITS}g}"  # the sum turns -0 into 0


def line_latex(text: str) -> str:
    """A line of text as LaTeX: words upright, minus signs and powers of ten as in formulas."""
    text = re.sub(r"(?<!e)-(?=\d|inf)", "{-}", text)  # a sign, not a difference
    text = re.sub(r"(\d)e([+-]\d+)", lambda m: rf"{m[1]} \cdot 10^{{{int(m[2])}}}", text)
    text = re.sub(r"(?<![\\a-z])([a-z]+)", r"\\text{\1}", text)
    return text.replace("} ", "}~").replace(", ", r",~")
