"""What is said when values are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.errors import ValueMissingError
from graphc.ir.dims import Shape, shape_text


def missing_error(symbols: Iterable[tuple[str, Shape]], names: Iterable[str]) -> ValueMissingError:
    """One sentence that names everything that is missing."""
    parts = [f"{name} {shape_text(shape)}" for name, shape in symbols] + [f"the size {name}" for name in names]
    return ValueMissingError(f"no value was given for {', '.join(parts)}")


def untold_error(names: Sequence[str], inputs: str) -> ValueMissingError:
    """Sizes that no array tells, and how to give them."""
    parts = " and ".join(f"the size {name}" for name in names)
    return ValueMissingError(
        f"no value was given for {parts}: no shape tells it, so give it by name, as in "
        f"step(..., {names[0]}=3); the inputs are {inputs}"
    )
