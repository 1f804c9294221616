"""Layers that create their parameters, and dropout masks: ``graphc.nn``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import SettingError, ShapeError, UnknownNameError
from graphc.ir.dims import as_dim
from graphc.ir.expr import Expr, make, topological
from graphc.ir.facts import nonnegative
from graphc.ops.broadcasting import brief
from graphc.ops.defined import dense as linear
from graphc.ops.leaves import PARAMETER, SYMBOL, as_expr, checked_name, exact, parameter
from graphc.ops.notation import functions


def dense(
    x: Any,
    units: Any,
    name: str,
    *,
    bias: bool = True,
    activation: str | Callable[[Expr], Expr] | None = None,
    init: str | None = None,
) -> Expr:
    """A linear layer ``x @ W + b`` that creates its parameters, optionally with an activation.

    Parameters
    ----------
    x : Expr of shape (..., d)
    units : int, dimension or name of a dimension
        The size m of the output (..., m).
    name : str
        The parameters are W (d, m) and b (m,) followed by it: ``dense(x, 10, "1")`` has W1 and b1.
    bias : bool
    activation : function, or the name of one, optional
        Applied to the result, for example ``"relu"``.
    init : str, optional
        How W is drawn, see `parameter`; by default he_normal before a relu, else glorot_uniform. b starts at zero.

    Raises
    ------
    ShapeError
        If x is a scalar.
    UnknownNameError
        For an unknown activation.
    """
    x = as_expr(x)
    if x.ndim == 0:
        raise ShapeError(f"dense({brief(x)}): needs an array of shape (..., d), got a scalar")
    if isinstance(activation, str) and activation not in functions:
        raise UnknownNameError(
            f"dense: unknown activation {activation!r}; give a function or the name of one, as 'relu'"
        )
    act = functions[activation] if isinstance(activation, str) else activation
    rectified = getattr(act, "__name__", "") == "relu"
    m = as_dim(units)
    W = parameter(f"W{name}", (x.shape[-1], m), init=init or ("he_normal" if rectified else "glorot_uniform"))
    layer = linear(x, W, parameter(f"b{name}", (m,), init="zeros") if bias else None)
    return layer if act is None else act(layer)


def dropout(x: Any, rate: Any, *, name: str = "mask") -> Expr:
    """`x` times a random mask, drawn anew at each training step (inverted dropout: Srivastava et al., 2014).

    Parameters
    ----------
    x : Expr
    rate : float in [0, 1)
        The probability that an entry is dropped; those kept are divided by 1 - rate. ``train.fit`` draws the mask;
        elsewhere it is an input like any other, with entries 0 or 1/(1 - rate), or all ones to evaluate.
    name : str
        The mask symbol's name; each dropout of a network needs its own.

    Raises
    ------
    SettingError
        If the rate is not in [0, 1).
    """
    units = as_expr(x)
    share = exact(rate)
    if not 0 <= share < 1:
        raise SettingError(f"dropout: the rate must be at least 0 and below 1, got {rate}")
    if share == 0:
        return units
    facts = frozenset((nonnegative,))
    mask = make(SYMBOL, (), name=checked_name(name), shape=units.shape, dtype=units.dtype, facts=facts, dropout=share)
    return units * mask


def parameters(exprs: Expr | Sequence[Expr], /) -> list[Expr]:
    """The parameters of one expression or several, in order of first use."""
    return [node for node in _nodes(exprs) if node.op is PARAMETER]


def masks(exprs: Expr | Sequence[Expr], /) -> list[Expr]:
    """The dropout masks of one expression or several, in order of first use."""
    return [node for node in _nodes(exprs) if "dropout" in node.attributes]


def _nodes(exprs: Expr | Sequence[Expr]) -> list[Expr]:
    return topological([exprs] if isinstance(exprs, Expr) else exprs)
