"""Layers that create their parameters (``graphc.nn``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.errors import NameConflictError, SettingError, ShapeError, UnsupportedError
from graphc.frontend.creation import Activation, activation_of, check_unused, initializer
from graphc.frontend.layers import (
    batch_norm,
    conv1d,
    conv2d,
    embedding,
    group_norm,
    gru_cell,
    instance_norm,
    layer_norm,
    lstm_cell,
    multi_head_attention,
    rms_norm,
    rnn_cell,
)
from graphc.ir.dims import as_dim
from graphc.ir.expr import Expr, make, topological
from graphc.ir.facts import as_facts
from graphc.ops.arguments import expressions, flag
from graphc.ops.broadcasting import brief, declared_at
from graphc.ops.defined import dense as linear
from graphc.ops.leaves import PARAMETER, SYMBOL, as_expr, checked_name, exact, parameter

__all__ = [
    "batch_norm",
    "conv1d",
    "conv2d",
    "dense",
    "dropout",
    "embedding",
    "group_norm",
    "gru_cell",
    "instance_norm",
    "layer_norm",
    "lstm_cell",
    "masks",
    "multi_head_attention",
    "parameters",
    "rms_norm",
    "rnn_cell",
]


def __dir__() -> list[str]:
    """What the module offers, without what it imports."""
    return __all__


def dense(
    x: Any,
    units: Any,
    name: str = "",
    *,
    bias: bool = True,
    activation: str | Activation | None = None,
    init: str | None = None,
) -> Expr:
    """A linear layer with parameters of its own: ``activation(x @ W + b)``.

    Parameters
    ----------
    x : Expr of shape (..., d)
    units : int, str or dimension
        The number of outputs, u.
    name : str
        Goes after the letters of the parameters: ``dense(x, 64, "1")`` creates ``W1`` of shape (d, u) and ``b1`` of
        shape (u,). Two layers of one network need different names.
    bias : bool
        Whether to add ``b``; it begins at zero.
    activation : str or function, optional
        Applied to the result, for example ``"relu"`` or ``gc.tanh``.
    init : str, optional
        How ``W`` is drawn: by default "he_normal" under relu (He et al. 2015), else "glorot_uniform" (Glorot and
        Bengio 2010).

    Returns
    -------
    Expr of shape (..., u)

    Raises
    ------
    ShapeError
        If x is a scalar or `units` is no size.
    NameConflictError
        If `name` does not end an identifier, or a parameter of x has the name with another shape.
    UnknownNameError, UnsupportedError
        If the activation or the initializer is not known.
    """
    x = as_expr(x)
    if not x.ndim:
        raise ShapeError(f"dense({brief(x)}): needs an array with at least one axis, got a scalar{declared_at()}")
    function = activation_of(activation, "dense")
    outputs = as_dim(units)
    W = parameter(f"W{name}", (x.shape[-1], outputs), init=init or initializer(function))
    b = parameter(f"b{name}", (outputs,), init="zeros") if flag(bias, "dense(bias=)") else None
    check_unused([x], (W, b), "dense(x, units, '2')")
    return linear(x, W, b) if function is None else function(linear(x, W, b))


def dropout(x: Any, rate: Any, name: str = "mask") -> Expr:
    """`x` times a random mask, as in training (inverted dropout; Srivastava et al. 2014).

    The mask is a symbol of x's shape whose entries the trainer draws for each step: 0 with probability `rate`,
    else ``1/(1 - rate)``, so that the mean stays the same and prediction uses ones.

    Parameters
    ----------
    x : Expr
    rate : number
        The share of entries dropped, from 0 to below 1; exact, 0.1 is one tenth. With 0 nothing is dropped: x itself.
    name : str
        The name of the mask; each dropout of a network needs one of its own.

    Raises
    ------
    SettingError
        If the rate is no number from 0 to below 1.
    NameConflictError
        If the name is no identifier, or x depends on a symbol of that name already.
    """
    array = as_expr(x)
    try:
        share = exact(rate)
    except UnsupportedError:
        raise SettingError(f"dropout: the rate is a number from 0 to below 1, got {rate!r}{declared_at()}") from None
    if not 0 <= share < 1:
        raise SettingError(
            f"dropout: the rate is the share of entries that are dropped, from 0 to below 1, got {rate}{declared_at()}"
        )
    if share == 0:
        return array
    checked_name(name)
    if any(node.op in (SYMBOL, PARAMETER) and node.name == name for node in topological([array])):
        raise NameConflictError(
            f"dropout: {name} is used already; give this mask a name of its own, as in dropout(x, {rate}, 'mask2')"
            f"{declared_at()}"
        )
    dtype = array.dtype if array.dtype.startswith("float") else "float64"
    facts = as_facts(["nonnegative"], array.shape, name)
    mask = make(SYMBOL, (), name=checked_name(name), shape=array.shape, dtype=dtype, facts=facts, dropout=share)
    dropped: Expr = array * mask
    return dropped


def parameters(exprs: Expr | Iterable[Expr]) -> list[Expr]:
    """The parameters that expressions depend on, in order of first appearance."""
    return [node for node in _nodes(exprs) if node.op is PARAMETER]


def masks(exprs: Expr | Iterable[Expr]) -> list[Expr]:
    """The dropout masks that expressions depend on, in order of first appearance.

    The rate of a mask is ``mask.attributes["dropout"]``.
    """
    return [node for node in _nodes(exprs) if node.op is SYMBOL and "dropout" in node.attributes]


def _nodes(exprs: Expr | Iterable[Expr]) -> list[Expr]:
    return topological(expressions(exprs, "nn.parameters and nn.masks"))
