"""Functions with stable forms of their own, as sequences of ufuncs that can run in place."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from graphc.scheduling.builder import Builder
from graphc.scheduling.scales import ONE, Scale

ZERO, MINUS = Scale(Fraction(0)), Scale(Fraction(-1))


def _shifted(build: Builder, x: int, axes: tuple[int, ...]) -> tuple[int, int]:
    """The maximum over `axes` (of nothing: -inf), and `x` less it."""
    top = build.reduce("peak", x, axes, True, "float")
    return top, build.ufunc("subtract", x, top)


def _axes(build: Builder, x: int, axis: Any) -> tuple[int, ...]:
    return axis if isinstance(axis, tuple) else (axis % len(build[x].shape),)


def _exponentials(build: Builder, x: int, axes: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Maximum, shifted values, their exponentials and the exponentials' sum: shared by the whole softmax family."""
    top, shifted = _shifted(build, x, axes)
    e = build.ufunc("exp", shifted)
    return top, shifted, e, build.reduce("sum", e, axes, True, "float")


def softmax(build: Builder, x: int, axis: Any) -> int:
    _, _, e, total = _exponentials(build, x, _axes(build, x, axis))
    return build.ufunc("divide", e, total)


def _log_total(build: Builder, x: int, axes: tuple[int, ...]) -> int:
    """The logarithm of the exponentials' sum: log1p of the others where the largest, 1, is the only one."""
    _, shifted, e, total = _exponentials(build, x, axes)
    others = build.ufunc("multiply", e, build.ufunc("less", shifted, build.number(ZERO)))
    rest = build.reduce("sum", others, axes, True, "float")
    ties = build.ufunc("rint", build.ufunc("subtract", total, rest))
    beyond = build.ufunc("add", build.ufunc("subtract", ties, build.number(Scale())), rest)
    return build.ufunc("log1p", beyond)


def log_softmax(build: Builder, x: int, axis: Any) -> int:
    axes = _axes(build, x, axis)
    _, shifted, _, _ = _exponentials(build, x, axes)
    return build.ufunc("subtract", shifted, _log_total(build, x, axes))


def logsumexp(build: Builder, x: int, axis: Any, keepdims: bool) -> int:
    axes = _axes(build, x, axis)
    top, _, _, _ = _exponentials(build, x, axes)
    result = build.ufunc("add", _log_total(build, x, axes), top)
    return (
        result if keepdims else build.index(result, tuple(0 if i in axes else ":" for i in range(len(build[x].shape))))
    )


def _clipped(build: Builder, x: int) -> int:
    """``exp(-x)`` kept below overflow: the bound is the logarithm of the largest number of the dtype."""
    bound = build.emit("number", (), (), "number", Scale(ONE, ("LOG_MAX",)))
    return build.ufunc("exp", build.ufunc("minimum", build.scaled(x, MINUS), bound))


def sigmoid(build: Builder, x: int) -> int:
    one = build.number(Scale())
    return build.ufunc("reciprocal", build.ufunc("add", _clipped(build, x), one))


def softplus(build: Builder, x: int) -> int:
    small = build.ufunc("exp", build.scaled(build.ufunc("absolute", x), MINUS))
    return build.ufunc("add", build.ufunc("log1p", small), build.ufunc("maximum", x, build.number(ZERO)))


def sech2(build: Builder, x: int) -> int:
    """``4*e/(1 + e)**2`` with ``e = exp(-2*abs(x))``."""
    e = build.ufunc("exp", build.scaled(build.ufunc("absolute", x), Scale(Fraction(-2))))
    below = build.ufunc("square", build.ufunc("add", e, build.number(Scale())))
    return build.scaled(build.ufunc("divide", e, below), Scale(Fraction(4)))


STEPS: dict[str, Callable[..., int]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "sech2": sech2,
}
