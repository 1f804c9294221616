"""What is said when values are missing."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.errors import ValueMissingError
from graphc.ir.dims import Shape, shape_text


def missing_error(symbols: Iterable[tuple[str, Shape]], names: Iterable[str]) -> ValueMissingError:
    """One sentence that names everything that is missing."""
    parts = [f"{name} {shape_text(shape)}" for name, shape in symbols] + [f"the size {name}" for name in names]
    return ValueMissingError(f"no value was given for {', '.join(parts)}")
