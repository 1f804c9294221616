"""Python's search for reference cycles, put off while graphs are built."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def without_cycle_search(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, within which memory is freed by counts of references alone.

    Nodes refer to what is below them, in no cycle. The search would walk over the whole of a growing graph again and
    again, and find nothing.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        searched = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if searched:
                gc.enable()

    return called
