"""Steps of recurrent networks. A Python loop over the steps unrolls the network; each step reuses the parameters.

Equations as PyTorch's (``torch.nn.RNNCell``, ``GRUCell``, ``LSTMCell``), for rows: x (N, d), h (N, u), W (d, u),
U (u, u), b (u,). Each gate has arrays of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import declared_at
from graphc.ops.elementwise import sigmoid, tanh
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation


@notation
def rnn_cell(x: Any, h: Any, W: Any, U: Any, b: Any) -> Expr:
    """The next state ``tanh(x @ W + h @ U + b)`` (Elman 1990).

    Raises
    ------
    ShapeError
        If a product or a sum does not fit.
    """
    return tanh(_gate(as_expr(x), as_expr(h), W, U, b))


@notation
def gru_cell(x: Any, h: Any, W: Sequence[Any], U: Sequence[Any], b: Sequence[Any]) -> Expr:
    """The next state of a gated recurrent unit (Cho et al. 2014).

        r = sigmoid(x @ Wr + h @ Ur + br)
        z = sigmoid(x @ Wz + h @ Uz + bz)
        n = tanh(x @ Wn + bn + r*(h @ Un + cn))
        h' = (1 - z)*n + z*h

    Parameters
    ----------
    W, U : three arrays each, for r, z and n
    b : four arrays, br, bz, bn and cn

    Raises
    ------
    ShapeError
        If there are more or fewer arrays, or a product or a sum does not fit.
    """
    _check("gru_cell", ("W", W, 3), ("U", U, 3), ("b", b, 4))
    x, h = as_expr(x), as_expr(h)
    r = sigmoid(_gate(x, h, W[0], U[0], b[0]))
    z = sigmoid(_gate(x, h, W[1], U[1], b[1]))
    n = tanh(x @ as_expr(W[2]) + as_expr(b[2]) + r * (h @ as_expr(U[2]) + as_expr(b[3])))
    return (1 - z) * n + z * h  # type: ignore[no-any-return]


@notation
def lstm_cell(x: Any, h: Any, c: Any, W: Sequence[Any], U: Sequence[Any], b: Sequence[Any]) -> tuple[Expr, Expr]:
    """The next output and the next cell state of a long short-term memory (Hochreiter, Schmidhuber 1997; Gers 2000).

        i, f, o = sigmoid(x @ W + h @ U + b), each with arrays of its own;  g = tanh(x @ Wg + h @ Ug + bg)
        c' = f*c + i*g
        h' = o*tanh(c')

    Parameters
    ----------
    W, U, b : four arrays each, in PyTorch's order i, f, g, o

    Returns
    -------
    (h', c')

    Raises
    ------
    ShapeError
        If there are more or fewer arrays, or a product or a sum does not fit.
    """
    _check("lstm_cell", ("W", W, 4), ("U", U, 4), ("b", b, 4))
    x, h, c = as_expr(x), as_expr(h), as_expr(c)
    i, f, g, o = (_gate(x, h, *arrays) for arrays in zip(W, U, b, strict=True))
    state = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(state), state


def _gate(x: Expr, h: Expr, W: Any, U: Any, b: Any) -> Expr:
    return x @ as_expr(W) + h @ as_expr(U) + as_expr(b)


def _check(what: str, *given: tuple[str, Sequence[Any], int]) -> None:
    for role, arrays, wanted in given:
        if not isinstance(arrays, (tuple, list)) or len(arrays) != wanted:
            found = len(arrays) if isinstance(arrays, (tuple, list)) else "one"
            raise ShapeError(f"{what}: {role} is a tuple of {wanted} arrays, got {found}{declared_at()}")
