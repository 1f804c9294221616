"""The verdict on one gradient of code, from numbers and from the formulas traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graphc.checking.code.calls import Code, CodeError, title
from graphc.checking.code.diagnosis import explain
from graphc.checking.code.formulas import Formulas, derivative, guessed, trace
from graphc.checking.code.inputs import Input, small_points
from graphc.checking.code.judged import Comparison, Sample, compare, finite, incoming_of
from graphc.checking.judge import check
from graphc.checking.kinds import Kind
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.ir.dims import shape_text

WHOLE_ARRAY = 256  # entries of a counterexample
SMALLER = 120  # points at which a smaller counterexample is looked for


@dataclass
class Judged:
    """Code with everything that was computed of it."""

    code: Code
    inputs: Mapping[str, Input]
    samples: list[Sample]
    seed: int

    @property
    def wrt(self) -> tuple[str, ...]:
        return tuple(self.samples[0].comparisons)

    @property
    def function(self) -> str:
        return title(self.code.backward or self.code.forward)

    @cached_property
    def formulas(self) -> tuple[Formulas | None, str]:
        return trace(self.code, self.inputs, self.samples)

    def notes(self) -> tuple[str, ...]:
        """Inputs that are modified in place."""
        changes = (
            (title(self.code.forward), {name for s in self.samples for name in s.run.changed}),
            (self.function, {name for s in self.samples for name in s.changed}),
        )
        found = [f"{who} modifies {', '.join(sorted(names))} in place" for who, names in changes if names]
        return tuple(found)


def verdict(judged: Judged, name: str) -> Verdict:
    """The verdict on the gradient by one input."""
    comparisons = [s.comparisons[name] for s in judged.samples]
    what = f"d{name} returned by {judged.function}"
    wrong = [s for s, c in zip(judged.samples, comparisons, strict=True) if not c.right and (c.trusted or not c.fits)]
    if wrong:
        return _wrong(judged, name, what, wrong[0])
    trusted = [c for c in comparisons if c.trusted]
    if not trusted:
        reason = "differences of forward are too inaccurate here to judge by, and it takes no complex arrays"
        return Verdict(Status.UNDECIDED, what, None, reason)
    return _right(judged, name, what, _agreement(trusted))


def _right(judged: Judged, name: str, what: str, agreement: str) -> Verdict:
    formulas, why = judged.formulas
    if formulas is None or name not in formulas.gradients:
        return Verdict(
            Status.EQUAL, what, None, f"{agreement}; by numbers alone, since the code cannot be traced: {why}"
        )
    found = check(formulas.loss, formulas.symbols[name], formulas.gradients[name])
    if found.status is Status.PROVED:
        return replace(
            found, subject=what, reason=f"{found.reason} The formula is that of the code, which {agreement}."
        )
    equal = f"the formula of the code is {found.reason}" if found.status is Status.EQUAL else "no proof was found"
    return Verdict(Status.EQUAL, formulas.gradients[name], found.answer, f"{agreement}; {equal}", subject=what)


def _agreement(comparisons: list[Comparison]) -> str:
    how = "the complex step" if all(c.slopes.exact for c in comparisons) else "differences"
    error = max(c.error for c in comparisons)
    shapes = len({c.shape for c in comparisons})
    where = f"{len(comparisons)} points" + (f" of {shapes} shapes" if shapes > 1 else "")
    kinks = (
        " (at kinks, a slope between those of both sides)" if any(c.slopes.kinked.any() for c in comparisons) else ""
    )
    return f"agrees with {how} at {where}{kinks}; largest relative deviation {error:.1e}"


def _wrong(judged: Judged, name: str, what: str, first: Sample) -> Verdict:
    found = smaller(judged, name) or first
    comparison = found.comparisons[name]
    values = {k: v for k, v in found.point.values.items() if isinstance(v, (np.ndarray, float, int))}
    values |= {
        f"d{i}" if len(found.incoming) > 1 else "dout": g for i, g in enumerate(found.incoming) if np.size(g) > 1
    }
    counterexample = Counterexample(found.point.sizes, values, comparison.answer, comparison.claim)
    labels = ("derivative", "code")
    reason = _deviation(comparison)
    symbolic = _diagnosed(judged, name)
    if symbolic is not None and symbolic.kind not in (None, Kind.TERM):
        return replace(symbolic, subject=what, reason=reason, counterexample=counterexample, labels=labels)
    plain = explain(name, judged.samples)
    if plain is None and symbolic is not None:
        return replace(symbolic, subject=what, reason=reason, counterexample=counterexample, labels=labels)
    formulas, _ = judged.formulas
    answer = derivative(formulas, name) if formulas is not None else None
    parts = (plain.kind, plain.sentence, plain.repair) if plain is not None else (None, None, None)
    return Verdict(
        Status.WRONG,
        symbolic.claim if symbolic is not None else what,
        answer,
        reason,
        counterexample,
        kind=parts[0],
        diagnosis=parts[1],
        repair=parts[2],
        labels=labels,
        subject=what,
    )


def _diagnosed(judged: Judged, name: str) -> Verdict | None:
    """The verdict on the formula that the code computes, where there is one and its mistake is found."""
    formulas, _ = judged.formulas
    if formulas is None:
        return None
    claim = formulas.gradients.get(name)
    if claim is None:
        claim = guessed(formulas, name, judged.samples)
    if claim is None:
        return None
    found = check(formulas.loss, formulas.symbols[name], claim)
    return found if found.status is Status.WRONG else None


def _deviation(comparison: Comparison) -> str:
    if not comparison.fits:
        has, needs = shape_text(np.shape(comparison.claim)), shape_text(comparison.shape)
        return f"it has shape {has}; the input has shape {needs}."
    claim = np.asarray(comparison.claim, dtype=float).reshape(-1)[comparison.places]
    if not np.all(np.isfinite(claim)):
        return f"it is not finite in {int(np.sum(~np.isfinite(claim)))} of {claim.size} entries."
    wrong = int(np.sum(comparison.wrong))
    small = "; so small a deviation may come from an epsilon on one side alone" if comparison.error < 1e-3 else ""
    return f"it differs in {wrong} of {claim.size} entries (relative deviation {comparison.error:.1e}{small})."


def smaller(judged: Judged, name: str) -> Sample | None:
    """The first counterexample in the search order, with all its entries."""
    rng = np.random.default_rng(judged.seed)
    candidates = small_points(judged.inputs, judged.seed)
    for _, point in zip(range(SMALLER), candidates, strict=False):
        try:
            run = judged.code.run(point.values)
            if not finite(run):
                continue
            incoming = incoming_of(judged.code, run, rng, whole=True)
            gradients, touched = judged.code.gradients(run, point.values, incoming)
        except CodeError:  # sizes that do not go together
            continue
        comparison = compare(judged.code, point, [name], run, incoming, gradients, most=WHOLE_ARRAY)
        c = comparison[name]
        if (not c.fits and c.claim.size > 1) or (c.fits and not c.right and c.trusted and not c.slopes.kinked.any()):
            return Sample(point, incoming, run, comparison, touched)
    return None
