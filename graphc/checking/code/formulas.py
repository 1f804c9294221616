"""Code as formulas: what forward and backward compute, where they can be traced."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphc.calculus import grad
from graphc.checking.code.calls import Code, Run, copied, listed, title
from graphc.checking.code.inputs import Input
from graphc.checking.code.judged import Sample
from graphc.checking.code.naming import Names, named, noted
from graphc.checking.code.tracing import Array, plain, traceable
from graphc.checking.misderived import mistaken
from graphc.checking.points import agree
from graphc.errors import GraphcError, UnsupportedError
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import multiply
from graphc.ops.leaves import symbol
from graphc.ops.products import sum as sum_
from graphc.runtime.evaluate import evaluate

GUESSES = 120  # mistakes in a derivation that are tried


@dataclass(frozen=True)
class Formulas:
    """What the code computes.

    Attributes
    ----------
    loss : the scalar whose gradients are returned: forward's loss, or its outputs times the incoming gradients
    symbols : the inputs
    incoming : the incoming gradients, one for each output; empty for a loss
    gradients : what backward returns for each input, as far as it could be traced
    """

    loss: Expr
    symbols: dict[str, Expr]
    incoming: tuple[Expr, ...]
    gradients: dict[str, Expr]
    untraced: str = ""

    def values(self, sample: Sample) -> dict[str, Any]:
        """The values of the symbols at a point."""
        given = {name: sample.point.values[name] for name in self.symbols}
        arriving = {str(s.name): np.asarray(g) for s, g in zip(self.incoming, sample.incoming, strict=False)}
        return {**sample.point.sizes, **given, **arriving}


def trace(code: Code, inputs: Mapping[str, Input], samples: Sequence[Sample]) -> tuple[Formulas | None, str]:
    """The formulas of the code, those that agree with it at the points; and why there are none."""
    try:
        formulas = _traced(code, inputs, samples[0])
        return confirmed(formulas, samples), formulas.untraced
    except Exception as error:  # code that is not made for expressions fails in its own ways
        return None, " ".join(str(error).split())[:200] or type(error).__name__


def _traced(code: Code, inputs: Mapping[str, Input], sample: Sample) -> Formulas:
    symbols = {name: e for name, e in ((name, _symbol(i)) for name, i in inputs.items()) if e is not None}
    options = {name: i.value for name, i in inputs.items() if name not in symbols}
    given = {**copied(options), **{name: Array(e) for name, e in symbols.items()}}
    traced = replace(code, forward=traceable(code.forward), backward=code.backward and traceable(code.backward))
    names: Names = {}
    with noted((traced.forward,), names):
        parts = listed(traced.call(traced.forward, given))
    count = len(sample.run.outputs)
    run = Run(parts[:count], parts[count:])
    outputs = [_expr(part) for part in run.outputs]
    incoming = [symbol(_free(name, symbols), out.shape) for name, out in zip(code.upstream, outputs, strict=False)]
    terms = [sum_(multiply(g, out)) for g, out in zip(incoming, outputs, strict=True)] if incoming else outputs
    loss = terms[0]
    for term in terms[1:]:
        loss = loss + term
    if not incoming:
        loss = loss.reshape(())
    again = {**copied(options), **{name: Array(e) for name, e in symbols.items()}}
    try:
        with noted((traced.backward,), names):
            returned = _gradients(traced, run, again, incoming)
    except Exception as error:  # as above
        return Formulas(loss, symbols, tuple(incoming), {}, f"{title(code.backward)}: {' '.join(str(error).split())}")
    gradients = {name: _expr(value) for name, value in returned.items() if name in symbols}
    taken = {**symbols, **{str(g.name): g for g in incoming}, **sample.point.sizes}
    loss, *found = named([loss, *gradients.values()], names, taken)
    return Formulas(loss, symbols, tuple(incoming), dict(zip(gradients, found, strict=True)))


def _gradients(code: Code, run: Run, given: Mapping[str, Any], incoming: Sequence[Expr]) -> dict[str, Any]:
    if code.backward is None:
        rest: Any = run.rest[0] if len(run.rest) == 1 else run.rest
        return code.assigned(rest, code.forward)
    arguments = code.arguments(run, given, [Array(g) for g in incoming])
    return code.assigned(code.backward(**arguments), code.backward)


def _symbol(given: Input) -> Expr | None:
    """The symbol of an input; None for an option."""
    if isinstance(given.value, Expr):
        return given.value
    if isinstance(given.value, np.ndarray):
        return symbol(given.name, given.value.shape, dtype="float64" if given.real else "int64")
    if given.drawn:
        raise UnsupportedError(f"{given.name} is drawn by a function")
    return None


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _expr(value: Any) -> Expr:
    found = plain(value)
    if isinstance(found, Expr):
        return found
    raise UnsupportedError("a result does not depend on the inputs as a formula")


def confirmed(formulas: Formulas, samples: Sequence[Sample]) -> Formulas:
    """The formulas that have the values of the code at every point.

    Raises
    ------
    UnsupportedError
        If the loss has not.
    """
    if not all(agree(evaluate(formulas.loss, formulas.values(s)), loss_of(s)) for s in samples):
        raise UnsupportedError("the formula of forward, as traced, has other values than the code")
    right = {}
    for name, gradient in formulas.gradients.items():
        if all(
            _same(gradient, formulas.values(s), s.comparisons[name].claim) for s in samples if name in s.comparisons
        ):
            right[name] = gradient
    return replace(formulas, gradients=right)


def _same(gradient: Expr, values: Mapping[str, Any], claim: Any) -> bool:
    try:
        with np.errstate(all="ignore"):
            return agree(evaluate(gradient, values), claim)
    except GraphcError:
        return False


def loss_of(sample: Sample) -> float:
    """The scalar that is differentiated, at a point."""
    pairs = zip(sample.incoming, sample.run.outputs, strict=True)
    return float(sum(np.sum(g * np.asarray(out)) for g, out in pairs))


def derivative(formulas: Formulas, name: str) -> Expr:
    """The right gradient by one input."""
    return grad(formulas.loss, formulas.symbols[name])


def guessed(formulas: Formulas, name: str, samples: Sequence[Sample]) -> Expr | None:
    """What code that cannot be traced computes instead of a gradient, if that is the result of one mistake."""
    for _, found in itertools.islice(mistaken(formulas.loss, formulas.symbols[name]), GUESSES):
        if all(_same(found, formulas.values(s), s.comparisons[name].claim) for s in samples):
            return found
    return None
