"""What several test modules need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from graphc.frontend import userops
from graphc.ir.op import registry, replaced
from graphc.ops.notation import functions


@pytest.fixture(autouse=True)
def own_ops() -> Iterator[None]:
    """The tables of ops are the process's; leave them as they were for the tests that enumerate them."""
    tables: tuple[dict[str, Any], ...] = (registry, replaced, functions, userops._given)
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)
