"""A proof gone through again, readably: each rewrite is held against numbers, and the conclusion drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.checking.points import agree, judge_of, sample, size_names
from graphc.checking.prove import Proof, identity, leaves
from graphc.errors import GraphcError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.rewriting.engine import Step
from graphc.rewriting.present import Presenter

SEEDS = (1, 2, 3)  # points at which each rewrite is compared
LONGEST = 160  # characters of a side that is shown


@dataclass(frozen=True)
class Replayed:
    """One rewrite of a proof: ``before = after`` by `rule`, and at how many points its sides had the same values."""

    before: str
    after: str
    rule: str
    points: int
    holds: bool

    def __str__(self) -> str:
        checked = f"same values at {self.points} points" if self.points else "no values to compare"
        return f"{self.before} = {self.after}   [{self.rule}; {checked if self.holds else 'DOES NOT HOLD'}]"


@dataclass(frozen=True)
class Replay:
    """The steps of a proof and its conclusion; true where every step holds and the conclusion follows again."""

    sides: tuple[str, str]
    steps: tuple[Replayed, ...]
    conclusion: str
    concluded: bool

    def __bool__(self) -> bool:
        return self.concluded and all(step.holds for step in self.steps)

    def __str__(self) -> str:
        out = [f"left:  {self.sides[0]}", f"right: {self.sides[1]}"]
        out += [f"{i}. {step}" for i, step in enumerate(self.steps, 1)]
        return "\n".join([*out, f"so {self.conclusion}" if self.concluded else f"NOT SHOWN AGAIN: {self.conclusion}"])


def replay(proof: Proof) -> Replay:
    """Go through a proof again.

    Raises
    ------
    UnsupportedError
        If the proof does not say what it is of.
    """
    if proof.sides is None:
        raise UnsupportedError("this proof cannot be replayed: it does not say what its sides are")
    left, right = proof.sides
    again = identity(left, right, proof.discrete, proof.moving)
    conclusion = proof.method if proof.form is None else f"{proof.method}: {shown(proof.form)}"
    steps = tuple(_held(step) for step in distinct(proof.rewrites))
    return Replay((shown(left), shown(right)), steps, conclusion, again is not None)


def distinct(rewrites: Sequence[Step]) -> list[Step]:
    """The rewrites, each once."""
    return list({(step.before, step.after): step for step in rewrites}.values())


def _held(step: Step) -> Replayed:
    """A rewrite with its sides compared at a few points inside the facts."""
    judge = judge_of(step.before, step.after)
    symbols, sizes = leaves([step.before, step.after]), size_names([step.before, step.after])
    found = [p for p in (sample(judge, symbols, sizes, seed) for seed in SEEDS) if p is not None]
    holds = all(agree(p.left, p.right) for p in found)
    rule = f"{step.rule}: {step.reason}"
    if step.facts:
        rule += f", with {' and '.join(map(str, step.facts))}"
    return Replayed(shown(step.before), shown(step.after), rule, len(found), holds)


def shown(expr: Expr) -> str:
    """An expression as the notation writes it, cut short where it is long."""
    try:
        text = str(Presenter().present(expr))
    except GraphcError:
        text = str(expr)
    text = "; ".join(text.split("\n"))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
