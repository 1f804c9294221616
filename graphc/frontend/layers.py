"""Layers of images and sequences that create their parameters; exported by ``graphc.nn``."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError
from graphc.frontend.creation import Activation, activation_of, check_unused, initializer
from graphc.ir.dims import Dim, Shape, as_dim, shape_text
from graphc.ir.expr import Expr, behaviour
from graphc.ops import attention, convolution, gather, normalization, recurrent
from graphc.ops.broadcasting import brief, declared_at, normalize_axes
from graphc.ops.defined import dense
from graphc.ops.leaves import as_expr, dim_of, parameter
from graphc.ops.normalization import EPS

GLOROT = "glorot_uniform"


def conv2d(
    x: Any,
    filters: Any,
    size: Any,
    name: str = "",
    *,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
    activation: str | Activation | None = None,
    init: str | None = None,
) -> Expr:
    """A convolution with parameters of its own: ``activation(conv2d(x, W) + b[:, None, None])``.

    Parameters
    ----------
    x : Expr of shape (N, C, H, W)
    filters : int, str or dimension
        The number of filters, F.
    size : size, or a pair of them
        Of a filter: ``conv2d(x, 16, 3, "1")`` creates ``W1`` of shape (16, C, 3, 3) and ``b1`` of shape (16,).
    stride, pad, dilation, groups : as of ``gc.conv2d``
    bias, activation, init : as of `dense`

    Returns
    -------
    Expr of shape (N, F, H', W')

    Raises
    ------
    ShapeError
        If x does not have four axes, or an option is no size.
    NameConflictError, UnknownNameError, UnsupportedError
        As of `dense`.
    """
    options = {"stride": stride, "pad": pad, "dilation": dilation, "groups": groups}
    return _convolution("conv2d", 2, x, filters, size, name, options, bias, activation, init)


def conv1d(
    x: Any,
    filters: Any,
    size: Any,
    name: str = "",
    *,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
    activation: str | Activation | None = None,
    init: str | None = None,
) -> Expr:
    """As `conv2d`, for x of shape (N, C, L): ``W`` has shape (F, C, size), the result (N, F, L')."""
    options = {"stride": stride, "pad": pad, "dilation": dilation, "groups": groups}
    return _convolution("conv1d", 1, x, filters, size, name, options, bias, activation, init)


def embedding(i: Any, vocabulary: Any, units: Any, name: str = "", *, init: str | None = None) -> Expr:
    """The rows of a table of its own at the indices `i`: ``take(E, i)``.

    Parameters
    ----------
    i : Expr of int64, of any shape
    vocabulary, units : int, str or dimension
        ``embedding(i, 1000, 64, "1")`` creates ``E1`` of shape (1000, 64).
    init : str, optional
        How the table is drawn, "normal" by default.

    Returns
    -------
    Expr of shape (..., units)

    Raises
    ------
    DTypeError
        If the indices are not whole numbers.
    ShapeError, NameConflictError, UnsupportedError
        As of `dense`.
    """
    table = parameter(f"E{name}", (as_dim(vocabulary), as_dim(units)), init=init or "normal")
    check_unused([as_expr(i)], (table,), "embedding(i, vocabulary, units, '2')")
    return gather.embedding(table, i)


def _convolution(
    layer: str,
    n: int,
    x: Any,
    filters: Any,
    size: Any,
    name: str,
    options: dict[str, Any],
    bias: bool,
    activation: str | Activation | None,
    init: str | None,
) -> Expr:
    x = as_expr(x)
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size,) * n
    if x.ndim != n + 2 or len(sizes) != n:
        raise ShapeError(
            f"{layer}({brief(x)}): needs x of {n + 2} axes, examples and channels first, and {n} sizes of a filter; "
            f"got {shape_text(x.shape)} and {size!r}{declared_at()}"
        )
    function = activation_of(activation, layer)
    units = as_dim(dim_of(filters))
    shape = (units, _share(layer, x, options["groups"]), *(as_dim(dim_of(s)) for s in sizes))
    W = parameter(f"W{name}", shape, init=init or initializer(function))
    b = parameter(f"b{name}", (units,), init="zeros") if bias else None
    check_unused([x], (W, b), f"{layer}(x, {units}, {size}, '2')")
    y: Expr = {"conv1d": convolution.conv1d, "conv2d": convolution.conv2d}[layer](x, W, **options)
    if b is not None:
        y = y + behaviour["index"](b, (slice(None), *[None] * n))
    return y if function is None else function(y)


def _share(layer: str, x: Expr, groups: Any) -> Dim:
    """The channels of one group."""
    channels = x.shape[1]
    if groups == 1:
        return channels
    if not (isinstance(channels, int) and isinstance(groups, int) and groups > 0 and channels % groups == 0):
        raise ShapeError(
            f"{layer}({brief(x)}): {channels} channels cannot be divided into {groups} groups of whole numbers"
            f"{declared_at()}"
        )
    return channels // groups


def _scales(layer: str, x: Expr, shape: Shape, name: str) -> tuple[Expr, Expr]:
    gain, bias = parameter(f"gain{name}", shape, init="ones"), parameter(f"bias{name}", shape, init="zeros")
    check_unused([x], (gain, bias), f"{layer}(x, '2')")
    return gain, bias


def _channels(layer: str, x: Any, name: str) -> tuple[Expr, Expr, Expr]:
    """x with a gain and a bias for its axis 1."""
    x = as_expr(x)
    if x.ndim < 2:
        raise ShapeError(
            f"{layer}({brief(x)}): needs examples and channels as the first axes, got {shape_text(x.shape)}"
            f"{declared_at()}"
        )
    return (x, *_scales(layer, x, x.shape[1:2], name))


def batch_norm(x: Any, name: str = "", *, eps: Any = EPS) -> Expr:
    """``gc.batch_norm`` with ``gain`` and ``bias`` of its own, ones and zeros at first, for axis 1 of x.

    The statistics are those of the batch at hand; averages over batches, for prediction, are not kept.
    """
    return normalization.batch_norm(*_channels("batch_norm", x, name), eps=eps)


def instance_norm(x: Any, name: str = "", *, eps: Any = EPS) -> Expr:
    """``gc.instance_norm`` with ``gain`` and ``bias`` of its own for axis 1 of x."""
    return normalization.instance_norm(*_channels("instance_norm", x, name), eps=eps)


def group_norm(x: Any, groups: Any, name: str = "", *, eps: Any = EPS) -> Expr:
    """``gc.group_norm`` with ``gain`` and ``bias`` of its own for axis 1 of x."""
    return normalization.group_norm(*_channels("group_norm", x, name), groups=groups, eps=eps)


def layer_norm(x: Any, name: str = "", *, axis: Any = -1, eps: Any = EPS) -> Expr:
    """``gc.layer_norm`` with ``gain`` and ``bias`` of its own, of the shape of the axes."""
    x = as_expr(x)
    shape = tuple(x.shape[a] for a in normalize_axes(axis, x, "layer_norm"))
    return normalization.layer_norm(x, *_scales("layer_norm", x, shape, name), axis=axis, eps=eps)


def rms_norm(x: Any, name: str = "", *, axis: Any = -1, eps: Any = EPS) -> Expr:
    """``gc.rms_norm`` with a ``gain`` of its own, ones at first, of the shape of the axes."""
    x = as_expr(x)
    shape = tuple(x.shape[a] for a in normalize_axes(axis, x, "rms_norm"))
    gain = parameter(f"gain{name}", shape, init="ones")
    check_unused([x], (gain,), "rms_norm(x, '2')")
    return normalization.rms_norm(x, gain, axis=axis, eps=eps)


def multi_head_attention(
    x: Any,
    heads: Any,
    name: str = "",
    *,
    context: Any = None,
    mask: Any = None,
    causal: bool = False,
    bias: bool = True,
) -> Expr:
    """Attention with heads and the four linear layers around it, with parameters of its own (Vaswani et al. 2017).

    Parameters
    ----------
    x : Expr of shape (..., L, m)
        The queries come from it.
    heads : int, str or dimension
        The number of heads, which must divide m.
    name : str
        Goes after the letters of the parameters, Wq, Wk, Wv, Wo of shape (m, m) and bq, bk, bv, bo of shape (m,).
    context : Expr of shape (..., S, c), optional
        Where keys and values come from, through Wk and Wv of shape (c, m): x itself by default.
    mask, causal : as of ``gc.attention``
    bias : bool

    Returns
    -------
    Expr of shape (..., L, m)

    Raises
    ------
    ShapeError
        If the sizes do not fit together, or m is not provably divisible by `heads`.
    NameConflictError
        If an array below x has the name of a parameter and another shape.
    """
    x = as_expr(x)
    source = x if context is None else as_expr(context)
    if x.ndim < 2 or source.ndim < 2:
        raise ShapeError(
            f"multi_head_attention({brief(x)}): needs positions and features as its last axes, got "
            f"{shape_text(x.shape)} and {shape_text(source.shape)}{declared_at()}"
        )
    m, inputs = x.shape[-1], {"q": x, "k": source, "v": source}
    W = {key: parameter(f"W{key}{name}", (array.shape[-1], m), init=GLOROT) for key, array in inputs.items()}
    W["o"] = parameter(f"Wo{name}", (m, m), init=GLOROT)
    b = {key: parameter(f"b{key}{name}", (m,), init="zeros") for key in W} if bias else {}
    check_unused([x, source], (*W.values(), *b.values()), f"multi_head_attention(x, {heads}, '2')")
    Q, K, V = (dense(array, W[key], b.get(key)) for key, array in inputs.items())
    joined = attention.multi_head_attention(Q, K, V, mask, heads=heads, causal=causal)
    return dense(joined, W["o"], b.get("o"))


def rnn_cell(x: Any, h: Any, name: str = "") -> Expr:
    """The next state ``tanh(x @ W + h @ U + b)``, with parameters of its own; steps of one name share them.

    Parameters
    ----------
    x : Expr of shape (N, d)
    h : Expr of shape (N, u)
        The state before; the size of it is that of the layer.

    Raises
    ------
    ShapeError
        If x or h has no axis.
    NameConflictError
        If an array below x or h has the name of a parameter and another shape.
    """
    (arrays,) = _gates("rnn_cell", as_expr(x), as_expr(h), name, [""])
    return recurrent.rnn_cell(x, h, *arrays)


def gru_cell(x: Any, h: Any, name: str = "") -> Expr:
    """The next state of ``graphc.ops.recurrent.gru_cell``, with parameters Wr, Wz, Wn, Ur, ..., bn and cn of its own.

    Shapes and errors as of `rnn_cell`.
    """
    x, h = as_expr(x), as_expr(h)
    W, U, b = zip(*_gates("gru_cell", x, h, name, ["r", "z", "n"]), strict=True)
    inner = parameter(f"cn{name}", h.shape[-1:], init="zeros")
    check_unused([x, h], (inner,), "gru_cell(x, h, '2')")
    return recurrent.gru_cell(x, h, W, U, (*b, inner))


def lstm_cell(x: Any, h: Any, c: Any, name: str = "") -> tuple[Expr, Expr]:
    """The next output and cell state ``(h, c)`` of ``graphc.ops.recurrent.lstm_cell``, with parameters of its own.

    They are called Wi, Wf, Wg, Wo, Ui, ..., bo. Shapes and errors as of `rnn_cell`.
    """
    x, h = as_expr(x), as_expr(h)
    W, U, b = zip(*_gates("lstm_cell", x, h, name, ["i", "f", "g", "o"]), strict=True)
    return recurrent.lstm_cell(x, h, c, W, U, b)


def _gates(layer: str, x: Expr, h: Expr, name: str, gates: list[str]) -> list[tuple[Expr, Expr, Expr]]:
    """W, U and b of each gate."""
    if not x.ndim or not h.ndim:
        raise ShapeError(f"{layer}: x and h need at least one axis, got a scalar{declared_at()}")
    d, u = x.shape[-1], h.shape[-1]
    made = [
        (
            parameter(f"W{gate}{name}", (d, u), init="glorot_uniform"),
            parameter(f"U{gate}{name}", (u, u), init="glorot_uniform"),
            parameter(f"b{gate}{name}", (u,), init="zeros"),
        )
        for gate in gates
    ]
    check_unused([x, h], (p for group in made for p in group), f"{layer}(x, h, '2')")
    return made
