"""What layers that create parameters share: names of their own, activations by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphc.errors import NameConflictError, UnknownNameError, UnsupportedError
from graphc.frontend.lexicon import nearest
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.broadcasting import declared_at
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.ops.notation import functions

Activation = Callable[[Expr], Expr]


def check_unused(inputs: Iterable[Expr], created: Iterable[Expr | None], usage: str) -> None:
    """A parameter of a layer must not have the name of another array below it.

    Raises
    ------
    NameConflictError
        Naming the array, and `usage`: the call under another name.
    """
    new = {p.name: p for p in created if p is not None}
    for node in topological(inputs):
        if node.op in (PARAMETER, SYMBOL) and new.get(node.name, node) is not node:
            raise NameConflictError(
                f"{usage.partition('(')[0]}: {node.name} of shape {shape_text(node.shape)} exists already; "
                f"give this layer a name of its own, as in {usage}{declared_at()}"
            )


def activation_of(given: str | Activation | None, layer: str) -> Activation | None:
    """A function, or the function of the notation that a name stands for."""
    if given is None or callable(given):
        return given
    if not isinstance(given, str):
        raise UnsupportedError(f"{layer}: an activation is a function or the name of one, got {given!r}")
    if given not in functions:
        raise UnknownNameError(f"{layer}: there is no activation {given!r}{nearest(given, functions)}")
    return functions[given]


RECTIFIERS = ("relu", "relu6", "leaky_relu", "elu", "celu", "gelu", "silu", "mish")


def initializer(function: Activation | None) -> str:
    """He et al. 2015 under relu and its smooth relatives, else Glorot and Bengio 2010."""
    return "he_normal" if any(function is functions[name] for name in RECTIFIERS) else "glorot_uniform"
