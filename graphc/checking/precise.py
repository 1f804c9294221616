"""Numbers of many digits, for what residues cannot decide: orders, cases, and identities between functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np

from graphc.checking.entrywise import NotExactError

DIGITS = 60
GRID = 16  # entries are multiples of 1/GRID, which floating point has exactly


class Precise:
    """Numbers of mpmath in a context of their own."""

    ordered = True

    def __init__(self, digits: int = DIGITS) -> None:
        self.mp = mpmath.MPContext()
        self.mp.dps = digits

    def exact(self, value: Fraction) -> Any:
        return self.mp.mpf(value.numerator) / value.denominator

    def random(self, rng: np.random.Generator, *, positive: bool = False, unit: bool = False) -> Any:
        low, high = (1, GRID) if unit else (1, 2 * GRID) if positive else (-2 * GRID, 2 * GRID)
        drawn = int(rng.integers(low, high))
        return self.exact(Fraction(drawn or 1, GRID))

    def power(self, x: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1 and (x != 0 or exponent > 0):
            return self.mp.mpf(x) ** exponent.numerator
        if x < 0 or (x == 0 and exponent < 0):
            raise NotExactError("a root of a negative number, or a division by zero")
        return self.mp.mpf(x) ** self.exact(exponent)

    def pivot(self, column: Sequence[Any]) -> int:
        place = max(range(len(column)), key=lambda i: abs(column[i]))
        if abs(column[place]) < self.mp.mpf(10) ** (-self.mp.dps // 2):
            raise NotExactError("a singular matrix")
        return place

    def function(self, name: str, *arguments: Any, **attributes: Any) -> Any:
        mp = self.mp
        if name == "pi":
            return +mp.pi
        rule = RULES.get(name)
        if rule is None:
            raise NotExactError(f"no rule for {name} in many digits", final=True)
        try:
            value = rule(mp, *map(mp.mpf, arguments), **attributes)
        except (ValueError, ZeroDivisionError) as error:
            raise NotExactError(str(error)) from None
        if not mp.isfinite(value) or mp.im(value) != 0:
            raise NotExactError(f"{name} has no value")
        return mp.re(value)

    def matrix(self, name: str, *arguments: Any, **attributes: Any) -> Any:
        rule = MATRIX_RULES.get(name)
        if rule is None or 0 in arguments[0].shape:
            raise NotExactError(f"no rule for {name} in many digits", final=True)
        try:
            found = rule(self.mp, *(self.mp.matrix(x.tolist()) for x in arguments), **attributes)
        except (ValueError, ZeroDivisionError) as error:
            raise NotExactError(str(error)) from None
        return np.array(found.tolist(), dtype=object).reshape(found.rows, found.cols)[
            (slice(None), 0) if name in VECTORS else ()
        ]


def _same(name: str) -> Callable[..., Any]:
    return lambda mp, *x: getattr(mp, name)(*x)


RULES: dict[str, Callable[..., Any]] = {
    **{n: _same(n) for n in ("exp", "log", "expm1", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")},
    **{n: _same(n.replace("arc", "a")) for n in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")},
    "lgamma": lambda mp, x: mp.log(abs(mp.gamma(x))),
    "digamma": _same("digamma"),
    "polygamma": lambda mp, x, n: mp.polygamma(n, x),
    "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda mp, x: mp.log(1 + mp.exp(x)),
    "general_power": lambda mp, x, y: x**y,
    "floor": _same("floor"),
    "ceil": _same("ceil"),
    "round": _same("nint"),
    "trunc": lambda mp, x: mp.sign(x) * mp.floor(abs(x)),
}


def _symmetric_values(mp: Any, x: Any) -> Any:
    return mp.matrix(sorted(mp.eigsy((x + x.T) / 2, eigvals_only=True)))


def _singular_values(mp: Any, x: Any) -> Any:
    return mp.matrix(sorted(mp.svd_r(x, compute_uv=False), reverse=True))


def _expm_direction(mp: Any, a: Any, e: Any, *more: Any) -> Any:
    """The derivative of expm at a along e stands in the upper right block of expm([[a, e], [0, a]])."""
    if more:
        raise NotExactError("no rule for higher derivatives of expm in many digits", final=True)
    n = a.rows
    block = mp.matrix(2 * n)
    block[:n, :n], block[n:, n:], block[:n, n:] = a, a, e
    return mp.expm(block)[:n, n:]


MATRIX_RULES: dict[str, Callable[..., Any]] = {
    "expm": lambda mp, x: mp.expm(x),
    "expm_frechet": _expm_direction,
    "cholesky": lambda mp, x: mp.cholesky((x + x.T) / 2),
    "eigvalsh": _symmetric_values,
    "svdvals": _singular_values,
}
VECTORS = frozenset(("eigvalsh", "svdvals"))
