"""``check_code``: a NumPy forward function and the backward that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphc.checking.code.calls import Code, CodeError, Run, signature, title
from graphc.checking.code.inputs import Point, declared, point_text, points
from graphc.checking.code.judged import Sample, compare, finite, incoming_of
from graphc.checking.code.report import CodeReport
from graphc.checking.code.verdicts import Judged, verdict
from graphc.checking.verdict import Status, Verdict
from graphc.errors import UnknownNameError, UnsupportedError, ValueMissingError

POINTS, FEWER = 4, 2  # at which gradients are compared; FEWER where all shapes are given in numbers
TRIES = 32  # points that are tried for them


def check_code(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    /,
    *inputs: Any,
    wrt: Sequence[str] | None = None,
    facts: Mapping[str, Any] | None = None,
    labels: Mapping[str, Any] | None = None,
    seed: int = 0,
    **named: Any,
) -> CodeReport:
    """Judge the backward function that goes with a NumPy forward function.

    Parameters
    ----------
    forward : function
        Returns a loss, an array, or either with more behind it: ``out, cache``, ``h, c, cache``, ``loss, grads``.
    backward : function or None
        Its arguments with the names of inputs get these; those called like an incoming gradient (``dout``, ``dh``,
        ``grad_output``, ``g``) get random arrays, one for each of forward's first results; others, such as ``cache``,
        get what else forward returns (or its results, as in ``backward(dout, out)``). It returns a gradient, a tuple
        of them (None where there is none) or a dictionary. None: forward returns the gradients after the loss.
    *inputs, **named
        Forward's arguments, by position or by name. A tuple is a shape, as for `symbol`: arrays are drawn for it, of
        several sizes. An array or list is a value; the gradients are judged there and nearby. ``lambda rng, n: ...``
        draws a value from a generator and sizes. A symbol brings its facts along. Anything else (a dictionary of
        options, a Boolean, a number) is handed on.
    wrt : sequence of str
        The inputs whose gradients are returned, where neither keys, nor names as in ``return dW, db``, nor the number
        of gradients tell.
    facts : dict
        What is known of inputs given by shape: ``{"T": "one_hot"}``.
    labels : dict
        Inputs that are whole numbers from 0 on, with the size that they are below: ``{"y": "k"}``.
    seed : int

    Returns
    -------
    CodeReport
        True if every gradient is right. A gradient is proved where the code can be traced to formulas, and equal
        where numbers alone show it.

    Raises
    ------
    UnsupportedError
        If forward fails at every example, gives no number, or different results for the same inputs.
    UnknownNameError
        If arguments and inputs do not go together.
    ValueMissingError
        If the number of gradients does not fit the inputs.

    Notes
    -----
    Derivatives are taken by the complex step where the code takes complex arrays, else by differences of fourth
    order with error estimates. At a kink any slope between those of both sides is right. Inputs are copied for every
    call; what is modified in place is reported.

    Examples
    --------
    >>> def forward(X, w):
    ...     return np.sum((X @ w) ** 2)
    >>> def backward(X, w):
    ...     return {"w": 2 * X.T @ (X @ w)}
    >>> check_code(forward, backward, X=("n", "d"), w=("d",)).status
    <Status.PROVED: 'proved'>
    """
    given = _by_name(forward, inputs, named)
    table = declared(given, facts or {}, labels or {})
    real = tuple(name for name, i in table.items() if i.real and not isinstance(i.value, float))
    for name in wrt or ():
        if name not in table or not table[name].real:
            raise UnknownNameError(f"wrt names {name}, which is no real input; they are {', '.join(real) or 'none'}")
    code = Code(forward, backward, tuple(given), real, tuple(wrt) if wrt is not None else None)
    try:
        code, samples = _sampled(code, points(table, seed), np.random.default_rng(seed))
    except BackwardError as error:
        return failing(code, str(error))
    judged = Judged(code, table, samples, seed)
    return CodeReport({name: verdict(judged, name) for name in judged.wrt}, title(backward or forward), judged.notes())


class BackwardError(CodeError):
    """Backward fails where forward does not."""


def failing(code: Code, reason: str) -> CodeReport:
    """The report on a backward that raises."""
    function = code.backward or code.forward
    names = code.wrt or code.returned_names(function, None) or code.real
    verdicts = {n: Verdict(Status.INCOMPARABLE, f"d{n} of {title(function)}", None, reason) for n in names}
    return CodeReport(verdicts, title(function))


def _by_name(forward: Callable[..., Any], inputs: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    order = [p.name for p in signature(forward) if p.kind is not p.VAR_KEYWORD]
    if len(inputs) > len(order):
        raise UnknownNameError(f"{title(forward)} takes {len(order)} arguments, got {len(inputs)} inputs")
    positional = dict(zip(order, inputs, strict=False))
    twice = positional.keys() & named.keys()
    if twice:
        raise UnknownNameError(f"{', '.join(sorted(twice))} is given by position and by name")
    if not inputs and not named:
        raise ValueMissingError(f"check_code needs the inputs of {title(forward)}, for example X=('n', 'd')")
    return {**positional, **named}


def _sampled(code: Code, candidates: Iterable[Point], rng: np.random.Generator) -> tuple[Code, list[Sample]]:
    """What was computed at the first points where forward has finite values.

    Raises
    ------
    UnsupportedError
        If there are none.
    """
    samples: list[Sample] = []
    trouble: Exception | str = "no values of the inputs meet the facts"
    for _, point in zip(range(TRIES), candidates, strict=False):
        try:
            run = code.run(point.values)
        except CodeError as error:  # perhaps sizes that do not go together
            trouble = CodeError(f"{error} ({point_text(point)})")
            continue
        if not finite(run):
            trouble = f"{title(code.forward)} gives no finite value at {TRIES} points; facts, such as "
            trouble += 'facts={"x": "positive"}, say where it has'
            continue
        if not samples:
            code = replace(code, array=np.size(run.outputs[0]) > 1)
            run = code.run(point.values)
            _same_twice(code, point, run)
        samples.append(sample(code, point, run, rng))
        if len(samples) == (POINTS if point.sizes else FEWER):
            break
    if not samples:
        raise trouble if isinstance(trouble, Exception) else UnsupportedError(trouble)
    return code, samples


def sample(code: Code, point: Point, run: Run, rng: np.random.Generator) -> Sample:
    """The gradients of the code and by numbers, at one point."""
    incoming = incoming_of(code, run, rng)
    try:
        gradients, touched = code.gradients(run, point.values, incoming)
    except CodeError as error:
        raise BackwardError(f"{error} ({point_text(point)})") from error
    wrt = code.wrt or tuple(gradients)
    for name in wrt:
        if name not in gradients:
            raise ValueMissingError(f"{title(code.backward or code.forward)} returns no gradient for {name}")
    return Sample(point, incoming, run, compare(code, point, wrt, run, incoming, gradients), touched)


def _same_twice(code: Code, point: Point, run: Run) -> None:
    again = code.run(point.values)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(run.outputs, again.outputs, strict=True)):
        raise UnsupportedError(
            f"{title(code.forward)} gives different results for the same inputs; make what it draws an input, for "
            "example mask=lambda rng, n, d: rng.random((n, d)) < 0.5, or seed it"
        )
