"""A value with a scalar factor that is still to be applied."""

from __future__ import annotations

from typing import NamedTuple

from graphc.scheduling.scales import UNIT, Scale


class Lazy(NamedTuple):
    """A value times a scale that is not applied yet; without a value, the scale is all there is.

    The value may lack axes that broadcasting implies. `sole` says that nothing else reads the bare value.
    """

    place: int | None
    scale: Scale = UNIT
    sole: bool = False
