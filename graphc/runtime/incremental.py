"""Values of many expressions at one point, with whatever they share computed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError, ValueMissingError
from graphc.ir.expr import Expr, topological
from graphc.ops.broadcasting import brief
from graphc.ops.defined import body_of
from graphc.ops.leaves import PARAMETER, SYMBOL
from graphc.runtime.evaluate import node_value
from graphc.scheduling.opening import BUILT_IN


class Incremental:
    """Evaluates one expression after another and keeps the value of every node.

    For thousands of small variations of a formula, which `evaluate` would compute anew; sizes are given, and what
    is stable to compute is not chosen.

    Parameters
    ----------
    values : arrays by the names of symbols, whole numbers by the names of sizes
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.arrays = {name: np.asarray(value) for name, value in values.items()}
        self.sizes = {name: value for name, value in values.items() if isinstance(value, int)}
        self.results: dict[Expr, Any] = {}

    def value(self, root: Expr) -> Any:
        """The value of `root`.

        Raises
        ------
        ValueMissingError
            For a symbol that no value is given for.
        ShapeError, UnsupportedError
            As `evaluate` raises them.
        """
        for node in topological([root], known=self.results):
            if node.op in (SYMBOL, PARAMETER) and str(node.name) not in self.arrays:
                raise ValueMissingError(f"no value was given for {node.name}")
            if node.op in BUILT_IN or node.op.kernel is not None:
                self.results[node] = node_value(node, self.results, self.arrays, self.sizes, np.dtype(np.float64))
            elif node.op.body is not None:
                self.results[node] = self.value(body_of(node))
            else:
                raise UnsupportedError(f"{brief(node)} cannot be computed")
        return self.results[root]
