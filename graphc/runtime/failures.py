"""What NumPy refuses while an expression is computed, as an error that names the op and the sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import sympy

from graphc.errors import GraphcError, ShapeError, UnsupportedError
from graphc.ir.dims import dim_names
from graphc.ir.expr import Expr
from graphc.ops.broadcasting import brief

REFUSED = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError)


@contextmanager
def naming(node: Expr, operands: Sequence[Any], sizes: Mapping[str, int]) -> Iterator[None]:
    """Errors of NumPy within are raised as graphc's, with the formula of `node` and the shapes of its operands.

    Raises
    ------
    ShapeError
        Where the arrays do not fit: a window larger than its array, the maximum of no entries.
    UnsupportedError
        Where memory or the range of numbers ends.
    """
    try:
        yield
    except GraphcError:
        raise
    except REFUSED as error:
        raise refused(f"{brief(node)} cannot be computed", _where(node, operands, sizes), error) from error


def refused(what: str, where: str, error: BaseException) -> GraphcError:
    """The error to raise for one of NumPy's."""
    reason = str(error) or type(error).__name__
    kind = UnsupportedError if isinstance(error, (MemoryError, OverflowError)) else ShapeError
    return kind(f"{what}{where}: {reason[:1].lower()}{reason[1:]}")


def _where(node: Expr, operands: Sequence[Any], sizes: Mapping[str, int]) -> str:
    """``where x has shape (2, 2), k = 3``."""
    found = zip(node.operands, map(np.shape, operands), strict=True)
    known = [f"{brief(o)} has shape {shape}" for o, shape in found if shape]
    attributes = [v if isinstance(v, tuple) else (v,) for v in node.attributes.values()]
    named = dim_names(d for values in attributes for d in values if isinstance(d, sympy.Expr))
    known += [f"{name} = {sizes[name]}" for name in sorted(named) if name in sizes]
    return f" where {', '.join(known)}" if known else ""
