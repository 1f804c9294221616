"""The gradients that code returns, held against derivatives by numbers at one point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.checking.code.calls import Code, Run
from graphc.checking.code.inputs import Point
from graphc.checking.code.slopes import Slopes, slopes
from graphc.checking.points import ABSOLUTE, RELATIVE

ENTRIES = 32  # entries of one array that are compared at a point; larger arrays are sampled
SINGLE = 1e-3  # the relative precision for code that computes in float32
TRUSTED = 1e-2  # differences with a larger relative error say nothing


@dataclass
class Comparison:
    """One gradient at one point.

    Attributes
    ----------
    name : the input
    claim : what the code returns
    slopes : derivatives by numbers, of the entries with the flat numbers `places`
    shape : the shape of the input
    """

    name: str
    claim: Any
    slopes: Slopes
    places: Any
    shape: tuple[int, ...]
    relative: float

    @property
    def fits(self) -> bool:
        return bool(np.shape(self.claim) == self.shape)

    @property
    def answer(self) -> Any:
        """The gradient by numbers; entries that were not computed are NaN."""
        found = np.full(self.shape, np.nan)
        found.flat[self.places] = self.slopes.values
        return found

    @property
    def wrong(self) -> Any:
        """Which of the compared entries differ by more than rounding and the errors of differences explain."""
        claim = np.asarray(self.claim, dtype=float).reshape(-1)[self.places]
        scale = max(np.max(np.abs(x), initial=0.0) for x in (self.slopes.values, claim[np.isfinite(claim)]))
        room = self.relative * scale + ABSOLUTE + 10 * self.slopes.errors
        low, high = self.slopes.low - room, self.slopes.high + room
        return ~((low <= claim) & (claim <= high))

    @property
    def trusted(self) -> bool:
        """Whether the derivatives are known well enough to judge by."""
        scale = max(float(np.max(np.abs(self.slopes.values), initial=0.0)), 1e-6)
        return bool(np.all(self.slopes.errors <= TRUSTED * scale))

    @property
    def right(self) -> bool:
        return self.fits and not self.wrong.any()

    @property
    def error(self) -> float:
        """The largest deviation, relative to the largest entry."""
        if not self.fits:
            return np.inf
        claim = np.asarray(self.claim, dtype=float).reshape(-1)[self.places]
        scale = max(float(np.max(np.abs(self.slopes.values), initial=0.0)), float(np.max(np.abs(claim), initial=0.0)))
        off = np.maximum(np.maximum(self.slopes.low - claim, claim - self.slopes.high), 0)
        return float(np.max(off, initial=0.0)) / scale if scale else 0.0


@dataclass
class Sample:
    """Everything that was computed at one point."""

    point: Point
    incoming: list[Any]
    run: Run
    comparisons: dict[str, Comparison]
    changed: list[str] = field(default_factory=list)


def incoming_of(code: Code, run: Run, rng: np.random.Generator, *, whole: bool = False) -> list[Any]:
    """Gradients that arrive at the outputs: 1 at a loss, random ones where backward takes them."""
    if not code.upstream:
        return [np.ones(np.shape(run.outputs[0]))]
    if whole:
        return [rng.choice([-2.0, -1.0, 1.0, 2.0, 3.0], size=np.shape(out)) for out in run.outputs]
    return [rng.normal(size=np.shape(out)) for out in run.outputs]


def finite(run: Run) -> bool:
    """Whether forward has a value."""
    return all(bool(np.all(np.isfinite(np.asarray(out, dtype=complex)))) for out in run.outputs)


def compare(
    code: Code,
    point: Point,
    wrt: Sequence[str],
    run: Run,
    incoming: Sequence[Any],
    gradients: Mapping[str, Any],
    most: int = ENTRIES,
) -> dict[str, Comparison]:
    """Each gradient against the derivative of the outputs along the incoming gradients, in at most `most` entries."""
    found = {}
    single = any(np.asarray(a).dtype in (np.float32, np.float16) for a in (*run.outputs, *gradients.values()))
    for name in wrt:
        x = np.asarray(point.values[name], dtype=float)
        places = np.arange(x.size)
        if x.size > most:
            picks = np.random.default_rng(int(1e6 * abs(float(x.flat[0]))))  # other entries at every point
            places = np.sort(picks.choice(x.size, most, replace=False))

        def loss(at: Any, name: str = name) -> Any:
            outputs = code.run({**point.values, name: at}).outputs
            return sum(np.sum(g * np.asarray(out)) for g, out in zip(incoming, outputs, strict=True))

        relative = SINGLE if single else RELATIVE
        claim = np.asarray(gradients[name])
        found[name] = Comparison(name, claim, slopes(loss, x, places), places, x.shape, relative)
    return found
