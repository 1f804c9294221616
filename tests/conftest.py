"""What several test modules need.

Hypothesis draws the same examples in every run, so that a change passes or fails for what it changes;
GRAPHC_LONG=1 draws new ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from graphc.frontend import userops
from graphc.ir.op import registry, replaced
from graphc.ops.notation import functions

settings.register_profile("same", derandomize=True)
settings.register_profile("new", derandomize=False)
settings.load_profile("new" if os.environ.get("GRAPHC_LONG") == "1" else "same")


@pytest.fixture(autouse=True)
def own_ops() -> Iterator[None]:
    """The tables of ops are the process's; leave them as they were for the tests that enumerate them."""
    tables: tuple[dict[str, Any], ...] = (registry, replaced, functions, userops._given)
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)
