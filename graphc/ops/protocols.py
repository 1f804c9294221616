"""NumPy's functions applied to expressions: each is graphc's function of that name."""

from __future__ import annotations

import inspect
from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr, behaviour
from graphc.ops.notation import functions

# NumPy's own name of a function -> the name in the notation, where the two differ
ALIASES = {"absolute": "abs", "true_divide": "divide", "concatenate": "concat", "amax": "max", "amin": "min"}
ALIASES |= {f"bitwise_{word}": word for word in ("and", "or", "xor")} | {"invert": "invert"}
FLATTEN = ("take", "take_along_axis", "cumsum", "cumprod")  # over all entries without an axis, where graphc has one
POSITIONS = {"norm": ("x", "ord", "axis", "keepdims")}  # NumPy's order of arguments, where graphc's is another
SEVERAL = ("lstsq",)  # NumPy gives several arrays, graphc the first alone
IDENTITY = ("equal", "not_equal")  # `==` on expressions compares objects, so that it must not build a node


def traced(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Expr:
    """The expression that NumPy's function `name` denotes for expressions.

    Raises
    ------
    UnsupportedError
        If the notation has no such function, or it does not take these arguments.
    """
    if name in IDENTITY:
        raise UnsupportedError(f"`==` and `!=` compare expressions as objects; gc.{name} compares entry by entry")
    if name in SEVERAL:
        raise UnsupportedError(f"np.{name} gives several arrays; gc.{name} gives the first of them alone")
    function = behaviour.get(ALIASES.get(name, name))
    if function is None:
        raise UnsupportedError(
            f"np.{name} takes no symbolic expression and graphc has no function of that name; "
            "use the functions of the notation, such as gc.exp and gc.sum"
        )
    if name in POSITIONS:
        options = dict(zip(POSITIONS[name], arguments, strict=False)) | options
        arguments = ()
    try:
        given = inspect.signature(function).bind(*arguments, **options).arguments
    except TypeError as error:
        raise UnsupportedError(
            f"np.{name} of a symbolic expression is gc.{ALIASES.get(name, name)}, which does not take this: {error}"
        ) from None
    if name in FLATTEN and "axis" not in given:
        options = {**options, "axis": None}
    result: Expr = function(*arguments, **options)
    return result


# Methods of PyTorch's tensors and NumPy's arrays that expressions have not -> what to write
METHODS = {
    "t": "x.T",
    "view": "gc.reshape(x, shape)",
    "permute": "gc.transpose(x, axes)",
    "unsqueeze": "gc.expand_dims(x, axis)",
    "mm": "x @ y",
    "bmm": "x @ y",
    "detach": "gc.stop_gradient(x)",
    "diagonal": "gc.diag(x)",
    "sort": "gc.sort(x)",
    "pow": "x**y",
    **dict.fromkeys(("astype", "float", "double"), "gc.as_float(x)"),
    **dict.fromkeys(("numpy", "item", "tolist"), "gc.evaluate(x, values)"),
}


def instead(name: str) -> str:
    """What to write for the attribute `name` that expressions have not, as the end of a message."""
    advice = METHODS.get(name) or (f"gc.{name}(x)" if name in functions else None)
    return f"; write {advice}" if advice else ""


behaviour.update(traced=traced, instead=instead)
