"""Hostile formulas end: in an expression that reads back, or in an error with the place, soon and in little memory.

A sample of 600; GRAPHC_LONG=1 reads 10,000.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time

import hostile
import pytest

import graphc as gc
from graphc.ir.op import registry

LONG = os.environ.get("GRAPHC_LONG") == "1"
VALID = [text for op in registry.values() for text, _ in op.examples]
VALID += ["sum((W @ x - y)**2)", "h = tanh(x)\nh*(1 - h)", "einsum('ij,jk->ik', A, A)", "X[:, None] + 1/3", "x.T @ x/n"]
VALID += [
    "[j, l] = sum[p](X[j, p]*A[p, l])",
    "q[j] = sum[l](X[j, l]*x[l])\nsum[j](q[j]**2)",
    "dA[p, q] = delta[p, q]*x[p]",
]
VALID += ["exp(x[j])/sum[l](exp(x[l]))", "max[p](X[j, p]*y[p])", "sum[p, q]((p == q)*p*A[p, q])", "A[p, p]", "X[p] @ x"]
SIZE, BLOCK = (10_000, 500) if LONG else (600, 100)
SECONDS = 2.0  # of processor time; a second on a machine with nothing else to do
MEGABYTES = 200


def ends(text: str) -> bool:
    """Whether the text is a formula; what it gives reads back."""
    try:
        expr = gc.parse(text, **hostile.NAMES)
    except gc.GraphcError as error:
        message = str(error)
        assert "line " in message, message
        assert "column " in message, message
        assert len(message) < 1500, message
        return False
    again = gc.parse(str(expr), **gc.names(expr))
    assert again is expr, f"{text!r} prints {expr}"
    return True


def peak() -> float:
    """The most memory that the process has had, in megabytes."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", range(0, SIZE, BLOCK))
def test_every_text_ends(start: int) -> None:
    formulas = 0
    for seed in range(start, start + BLOCK):
        text = hostile.text(seed, VALID)
        before, began = peak(), time.process_time()
        try:
            formulas += ends(text)
        except gc.NameConflictError:  # names() of an expression with two arrays of one name
            continue
        spent, grown = time.process_time() - began, peak() - before
        assert spent < SECONDS, f"{spent:.1f} s for seed {seed}: {text[:80]!r}"
        assert grown < MEGABYTES, f"{grown:.0f} MB for seed {seed}: {text[:80]!r}"
    assert 0 < formulas < BLOCK


def test_every_kind_of_text_is_read() -> None:
    names = {kind.__name__ for kind in hostile.KINDS}
    assert names == {hostile.KINDS[seed % len(hostile.KINDS)].__name__ for seed in range(40)}
    assert all(hostile.text(seed, VALID) == hostile.text(seed, VALID) for seed in range(40))


@pytest.mark.parametrize("trick", hostile.TRICKS)
def test_attribute_tricks_are_refused(trick: str) -> None:
    with pytest.raises(gc.GraphcError, match="column"):
        gc.parse(trick, **hostile.NAMES)


def test_letters_that_only_look_alike_are_other_letters() -> None:
    with pytest.raises(gc.UnknownNameError):
        gc.parse("ехр(x)", x=("n",))
    for text in ("ｓum(x)", "ex\u200bp(x)", "x\u202e + 1", "ſum(x)"):
        with pytest.raises(gc.GraphcError):
            gc.parse(text, x=("n",))


def test_brackets_are_counted_at_any_depth() -> None:
    rng = random.Random(0)
    for depth in (10, 100, 999):
        text = "(" * depth + "x" + ")" * depth
        assert gc.parse(text, x=("n",)) is gc.symbol("x", ("n",))
        at = rng.randrange(len(text))
        if text[at] != "x":
            with pytest.raises(gc.FormulaError, match="column"):
                gc.parse(text[:at] + text[at + 1 :], x=("n",))


@pytest.mark.parametrize("text", ["x[n**99999:]", "x[:n**33]", "x[n**16*n**17:]", "X[:, -n**1000:]"])
def test_indices_with_huge_powers_are_refused(text: str) -> None:
    with pytest.raises(gc.ShapeError, match="column"):
        gc.parse(text, **hostile.NAMES)
