"""Numbers claimed to be the gradient at given inputs: judged there alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.checking.kinds import Kind
from graphc.checking.kinks import kinks
from graphc.checking.points import RELATIVE, agree, judge_of
from graphc.checking.prove import leaves
from graphc.checking.verdict import Counterexample, Status, Verdict
from graphc.errors import UnsupportedError, ValueMissingError
from graphc.ir.expr import Expr

PRECISION = {"float16": 1e-2, "float32": 1e-4}  # relative, of gradients computed in these
LONGEST = 36  # entries of an array that is written out
PLACES = 12  # decimals after which an array is not taken for a rounded one
COARSE = 0.03  # relative; rounding to less says nothing
FACTORS = [Fraction(*f) for f in ((2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4), (-2, 1), (-1, 2))]


def array_verdict(f: Expr, x: Expr, answer: Expr, claim: Any, values: Mapping[str, Any] | None) -> Verdict:
    """Hold an array against the derivative of `f` by `x` at given inputs.

    Raises
    ------
    UnsupportedError
        If the claim is no array of numbers.
    ValueMissingError
        If an input is missing.
    """
    try:
        numbers = np.asarray(claim)
        real = numbers.astype(float)
    except (TypeError, ValueError):
        raise UnsupportedError("with values= the claim is an array: the gradient at these inputs") from None
    if values is None:
        missing = ", ".join(str(s.name) for s in leaves([f, x]))
        raise ValueMissingError(
            f"an array is the gradient at some inputs: give them, as in values={{...}} with {missing}"
        )
    inputs = {name: _widened(value) for name, value in values.items()}
    symbols = {str(s.name) for s in leaves([f, x])}
    found = judge_of(answer, answer, kinks(f, frozenset(str(s.name) for s in leaves([x]))))(inputs)
    if found is None:
        return Verdict(Status.UNDECIDED, claim, answer, "at these inputs the function has a kink, or is not finite")
    right = np.asarray(found[0], dtype=float)
    if right.shape == real.shape and agree_as_given(right, real, numbers.dtype.name):
        return Verdict(Status.EQUAL, claim, answer, _how_equal(right, real))
    sizes = {name: int(value) for name, value in inputs.items() if name not in symbols and np.ndim(value) == 0}
    point = Counterexample(sizes, {n: v for n, v in inputs.items() if n in symbols}, right, real)
    reason = "the array differs from the gradient at these inputs (judged by numbers alone)."
    if right.shape != real.shape:
        reason = f"the array has shape {real.shape}, the gradient at these inputs {right.shape}."
    kind, sentence = next(explanations(right, real), (None, None))
    mended = in_digits(right, real) if kind is not None and right.size <= LONGEST else None
    return Verdict(Status.WRONG, claim, answer, reason, point, kind=kind, diagnosis=sentence, repair=mended)


def in_digits(right: Any, claim: Any) -> str:
    """The gradient as an array with as many decimals as the claim has, or with more where they would not do."""
    for places in range(decimals(claim), 17):
        rounded = np.round(right, places) + 0.0
        if agree(right, rounded):
            return str(rounded.tolist())
    return str(right.tolist())


def _widened(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind == "f" else value


def agree_as_given(right: Any, claim: Any, dtype: str) -> bool:
    """Equal to the precision that the array has: that of its dtype, or of its decimals."""
    if agree(right, claim):
        return True
    scale = float(np.max(np.abs(right), initial=0.0))
    apart = float(np.max(np.abs(right - claim), initial=0.0))
    if dtype in PRECISION:
        return apart <= PRECISION[dtype] * scale
    unit = 10.0 ** -decimals(claim)
    return unit / 2 <= COARSE * scale and apart <= 0.501 * unit


def decimals(array: Any) -> int:
    """The most decimals that an entry is written with."""
    places = 0
    for value in np.ravel(array):
        places = max(places, next((p for p in range(PLACES) if round(float(value), p) == float(value)), PLACES))
    return places


def _how_equal(right: Any, claim: Any) -> str:
    if agree(right, claim):
        return f"equal to {RELATIVE:g} (relative) at the given inputs; an array is judged by numbers alone"
    return "equal at the given inputs, to the precision of the array; an array is judged by numbers alone"


def explanations(right: Any, claim: Any) -> Iterator[tuple[Kind, str]]:
    """What would make the array right, where that is one of the usual things."""
    if right.ndim == 2 and claim.shape == right.T.shape and agree(right.T, claim):
        yield Kind.TRANSPOSE, "the array is the transpose of the gradient"
    if right.shape != claim.shape:
        return
    if agree(-right, claim):
        yield Kind.SIGN, "the array is the negative of the gradient"
    for c in FACTORS:
        if agree(float(c) * right, claim):
            yield Kind.CONSTANT, f"the array is {c} times the gradient"
    for n in sorted(set(right.shape) - {1}):
        if agree(n * right, claim) or agree(right / n, claim):
            times = n if agree(n * right, claim) else f"1/{n}"
            yield Kind.CONSTANT, f"the array is {times} times the gradient, and {n} is the size of an axis"
