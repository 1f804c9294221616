"""NumPy's functions applied to expressions: each is graphc's function of that name."""

from __future__ import annotations

import inspect
from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.expr import Expr, behaviour

# NumPy's own name of a function -> the name in the notation, where the two differ
ALIASES = {"absolute": "abs", "true_divide": "divide", "concatenate": "concat", "amax": "max", "amin": "min"}
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


behaviour["traced"] = traced
