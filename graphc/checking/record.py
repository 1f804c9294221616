"""Verdicts as plain data for tools: dictionaries, lists, texts and numbers that JSON can hold."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from graphc.checking import page
from graphc.checking.points import SEARCH_ORDER

SCHEMA = 1  # raised when a key changes its meaning or goes


def verdict(found: Any) -> dict[str, Any]:
    """One verdict; docs/checking.md says what each key means."""
    pieces = page.edit(found)
    return {
        "status": str(found.status),
        "right": bool(found),
        "claim": found.claim_text,
        "formula": found.formula_text,
        "subject": found.subject,
        "reason": found.reason,
        "facts": list(found.facts),
        "steps": list(found.steps),
        "normal_form": found.normal_form,
        "kind": None if found.kind is None else str(found.kind),
        "diagnosis": found.diagnosis,
        "repair": found.repair,
        "edit": None if pieces is None else [[piece.mark, piece.text] for piece in pieces],
        "answer": None if found.answer is None else str(found.answer),
        "labels": list(found.labels),
        "counterexample": None if found.counterexample is None else counterexample(found.counterexample),
    }


def counterexample(found: Any) -> dict[str, Any]:
    """A point and both results there, arrays as nested lists."""
    return {
        "sizes": dict(found.sizes),
        "values": {name: entries(value) for name, value in found.values.items()},
        "answer": entries(found.answer),
        "claim": entries(found.claim),
        "differing": np.argwhere(found.differing).tolist(),
        "search_order": SEARCH_ORDER,
    }


def entries(value: Any) -> Any:
    """An array as nested lists; numbers that JSON does not have as the texts nan, inf and -inf."""
    if isinstance(value, list):
        return [entries(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bool, int)):
        return value
    return entries(np.asarray(value).tolist())


def document(content: dict[str, Any]) -> dict[str, Any]:
    """The content with the version of this form in front."""
    return {"schema": SCHEMA, **content}


def text(content: dict[str, Any], indent: int | None) -> str:
    """Plain data as JSON."""
    return json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)
