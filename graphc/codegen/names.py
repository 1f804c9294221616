"""Variable names of emitted code: the user's where they are free."""

from __future__ import annotations

import builtins
import keyword

import numpy as np

RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"np", "dtype"}
UFUNCS = frozenset(name for name, value in vars(np).items() if callable(value))


class Names:
    """Gives each thing a name of its own.

    Parameters
    ----------
    taken : names that emitted code uses itself
    """

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self.taken = set(RESERVED | taken)
        self.counts: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        """`wish` if it is free, else with an underscore or a number."""
        name, count = wish, 1
        while name in self.taken:
            name, count = (f"{wish}_" if count == 1 else f"{wish}_{count}"), count + 1
        self.taken.add(name)
        return name

    def numbered(self, stem: str) -> str:
        """`stem` if it is free, else the next free of ``stem2``, ``stem3``, ..."""
        if stem not in self.taken:
            return self.fresh(stem)
        count = self.counts.get(stem, 1) + 1
        while f"{stem}{count}" in self.taken:
            count += 1
        self.counts[stem] = count
        return self.fresh(f"{stem}{count}")
