"""A check ends in bounded work, and says so where it finds neither a proof nor a difference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import graphc as gc
from graphc.checking import effort


@contextmanager
def _nothing_left() -> Iterator[effort.Effort]:
    token = effort.current.set(effort.Effort(steps=0))
    try:
        yield effort.Effort(steps=0)
    finally:
        effort.current.reset(token)


def test_without_work_left_no_proof_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = ("sum(cos(3*x))", "x", "9*sin(x)*0 - 9*sin(x) + 12*sin(x)**3")
    assert gc.check(*claim, x=("n",)).status == "proved"
    monkeypatch.setattr(effort, "limited", _nothing_left)
    verdict = gc.check(*claim, x=("n",))
    assert verdict.status == "equal"
    assert effort.ENDED in verdict.reason


def test_wrong_claims_are_wrong_without_work_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "limited", _nothing_left)
    verdict = gc.check("sum(x**3)", "x", "2*x**2 + x", x=("n",))
    assert (verdict.status, verdict.kind) == ("wrong", None)
    assert verdict.counterexample is not None


def test_proofs_spend_work() -> None:
    with effort.limited() as left:
        before = left.steps
        assert gc.check("x @ A @ x", "x", "(A + A.T) @ x", x=("n",), A=("n", "n"))
        assert left.steps == before  # each check has its own
    effort.spend(10)  # outside of any check nothing is counted
    assert not effort.ended()
