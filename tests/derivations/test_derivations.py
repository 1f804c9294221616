"""Hand derivations of many functions: right ones in disguise, and wrong ones of every kind.

A sample by name; GRAPHC_LONG=1 judges all, and ``python tests/derivations/report.py`` prints the figures.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zlib
from itertools import islice

import pytest
from cases import cases
from corpus import CLAIMS, MISSED, UNPROVED, Claim
from generate import expression
from mutations import different, gradients, mutants, read

import graphc as gc
from graphc.checking import judge
from graphc.checking.claims import names_in_play
from graphc.checking.points import judge_of, sample, size_names
from graphc.checking.prove import Equation, prove

LONG = os.environ.get("GRAPHC_LONG") == "1"


def sampled(claims: list[Claim], one_in: int) -> list[Claim]:
    return [c for c in claims if LONG or zlib.crc32(c.name.encode()) % one_in == 0]


RIGHT = [c for c in CLAIMS if c.right]
WRONG = [c for c in CLAIMS if not c.right]


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(CLAIMS) >= 1600
    assert len({c.title for c in CLAIMS}) >= 220
    assert len({c.name for c in CLAIMS}) == len(CLAIMS)
    assert {c.name for c in CLAIMS} >= UNPROVED | MISSED
    assert len(UNPROVED) <= 0.1 * len(RIGHT)
    assert len(MISSED) <= 0.2 * len(WRONG)


@pytest.mark.parametrize("claim", sampled(RIGHT, 6), ids=lambda c: c.name)
def test_right_claims_are_proved(claim: Claim) -> None:
    verdict = claim.judged()
    assert verdict.status in (("equal", "undecided") if claim.name in UNPROVED else ("proved",)), str(verdict)


@pytest.mark.parametrize("claim", sampled(WRONG, 15), ids=lambda c: c.name)
def test_wrong_claims_are_explained(claim: Claim) -> None:
    verdict = claim.judged()
    assert verdict.status == ("wrong" if claim.readable else "incomparable"), str(verdict)
    assert verdict.counterexample is None or verdict.counterexample.differing.any()
    assert (verdict.kind in claim.kinds) == (claim.name not in MISSED), str(verdict)
    if verdict.kind is not None and verdict.kind != "assumption":
        f, x = claim.declared()
        assert gc.check(f, x, verdict.repair).status == "proved"


def test_counterexamples_run_with_numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "diagnose", lambda *_: None)
    verdicts = [c.judged() for c in sampled(WRONG, 32)]
    scripts = [v.reproduce() for v in verdicts if v.counterexample is not None]
    runner = """
import numpy as np, sys
for script in sys.stdin.read().split("\\0"):
    scope = {}
    exec(script, scope)
    right, claim = np.asarray(scope["right"]), np.asarray(scope["claim"])
    assert right.shape != claim.shape or not np.allclose(right, claim, rtol=1e-6, atol=1e-9), script
print("different", "graphc" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", runner], input="\0".join(scripts), capture_output=True, text=True, check=True
    )
    assert len(scripts) > 10
    assert done.stdout.splitlines()[-1] == "different False"


def mutated() -> list[tuple[gc.Expr, gc.Expr, str]]:
    """Gradients with one change, of the corpus and of the examples of the ops."""
    rng = random.Random(0)
    claims, examples = (RIGHT, cases()) if LONG else (rng.sample(RIGHT, 20), rng.sample(cases(), 15))
    chosen = [(*c.declared(), c.text) for c in claims]
    chosen += [(f, x, str(gc.grad(f, x))) for f, x in gradients(examples)]
    per = 1000 if LONG else 1
    found = []
    for f, x, text in chosen:
        every = list(dict.fromkeys(mutants(text)))
        rng.shuffle(every)
        names = names_in_play([f, x])
        readable = (t for t in every if read(t, names, x.shape) is not None)
        found += [(f, x, t) for t in islice(readable, per)]
    return found


def test_mutants_are_found_wrong_where_numbers_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "diagnose", lambda *_: None)
    judged = 0
    for f, x, text in mutated():
        names = names_in_play([f, x])
        mutant, answer = read(text, names, x.shape), gc.grad(f, x)
        assert mutant is not None
        verdict = gc.check(f, x, text)
        wrong = verdict.status == "wrong"
        symbols = [s for s in names.values() if isinstance(s, gc.Expr) and not s.operands]
        at = [sample(judge_of(answer, mutant), symbols, size_names([answer, mutant]), seed) for seed in (11, 12)]
        clear = different(answer, mutant, [{**p.sizes, **p.values} for p in at if p is not None])
        assert wrong or not clear, f"{verdict.status}: {f} by {x}: {text}"
        judged += wrong
    assert judged > 20


def test_different_expressions_are_never_proved_equal() -> None:
    rng = random.Random(1)
    pairs = 0
    while pairs < (10_000 if LONG else 200):
        a = expression(rng, rng.randrange(2, 7), smooth=True)
        b = expression(rng, rng.randrange(2, 7), smooth=True)
        point = sample(judge_of(a, b), Equation(a, b).symbols(), size_names([a, b])) if a.shape == b.shape else None
        if point is None or not different(a, b, [{**point.sizes, **point.values}]):
            continue
        pairs += 1
        assert prove(Equation(a, b)) is None, f"{a} is not {b}"
