"""How much work one check may take: counted in monomials, so that the outcome does not depend on the machine.

A guard on time stands behind it for work that is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

STEPS = 150_000  # monomials built in one check
SECONDS = 8.0
ENDED = "the work that a check may take came to its end"


@dataclass
class Effort:
    """What is left of the work of one check."""

    steps: int = STEPS
    end: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    @property
    def ended(self) -> bool:
        return self.steps <= 0 or time.monotonic() > self.end


current: ContextVar[Effort | None] = ContextVar("effort", default=None)


@contextmanager
def limited() -> Iterator[Effort]:
    """One check, with work of its own."""
    token = current.set(Effort())
    try:
        found = current.get()
        assert found is not None
        yield found
    finally:
        current.reset(token)


def spend(steps: int) -> None:
    """Count monomials that were built."""
    effort = current.get()
    if effort is not None:
        effort.steps -= steps


def ended() -> bool:
    """Whether no more work is to be done in this check."""
    effort = current.get()
    return effort is not None and effort.ended
