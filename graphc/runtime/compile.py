"""``compile``: expressions to a function of arrays, through emitted source."""

from __future__ import annotations

import builtins
import itertools
import linecache
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.codegen.emitting import named_outputs, planned, source_of
from graphc.errors import GraphcError, IndexRangeError, ValueMissingError
from graphc.ir.dims import Dim, dim_names, shape_text
from graphc.ir.expr import Expr
from graphc.ops.arguments import flag
from graphc.ops.conditions import conditions
from graphc.runtime.binding import as_arrays, bind_sizes, check_conditions, given_sizes, whole_size
from graphc.runtime.evaluate import evaluate_all, unsolvable
from graphc.runtime.failures import REFUSED, refused
from graphc.scheduling.missing import untold_error
from graphc.scheduling.plan import Plan

_numbers = itertools.count(1)
MODULE = "<graphc module"


class Compiled:
    """A compiled function: call it with arrays, by position or by the names of the inputs.

    Sizes that no input's shape tells are given by name: ``step(x, k=3)``.

    Attributes
    ----------
    source : the module it runs, importing NumPy alone
    plan : the program the source was written from
    inputs : the declared symbols, in the order of the arguments
    keywords : the names of sizes that no input's shape tells, and what the function calls them
    """

    def __init__(
        self,
        outputs: Any,
        inputs: Sequence[Expr],
        style: str,
        copy: bool,
        sizes: Mapping[str, int],
        equal: Iterable[tuple[Dim, Dim]],
    ) -> None:
        self.fast = style == "fast"
        self.single = isinstance(outputs, Expr)
        named = named_outputs(outputs)
        self.inputs = list(inputs)
        self.names = [str(s.name) for s in self.inputs]
        self.plan: Plan = planned(list(named.values()), self.inputs, style, sizes)
        self.source, self.keywords = source_of(self.plan, list(named), style)
        self._outputs = list(named.values())
        self._conditions = list(dict.fromkeys([*equal, *conditions(named.values())]))
        self._function = loaded(self.source)["step"]
        self._options = {} if flag(copy, "compile(copy=)") or style != "fast" else {"copy": False}
        told = dim_names(d for s in self.inputs for d in s.shape) - set(self.names)
        self._sizes = {name: name for name in sorted(told)} | {word: name for name, word in self.keywords.items()}
        self._seen: dict[Any, dict[str, Any]] = {}

    def __call__(self, *args: Any, **named: Any) -> Any:
        given: dict[str, Any] = {}
        if named or len(args) != len(self.inputs):
            args, given = self._ordered(args, named)
        key: Any = tuple([(type(a), getattr(a, "shape", None), getattr(a, "dtype", None)) for a in args])
        key = (key, *given.items()) if given else key
        options = self._seen.get(key)
        if options is None:
            args, options = self._checked(args, given, key)
        try:
            results = self._function(*args, **options)
        except np.linalg.LinAlgError as error:
            raise unsolvable(self._line_of(error), error) from None
        except IndexError as error:
            indices = [s for s in self.inputs if s.dtype == "int64"]
            told = ", ".join(f"{s.name} {shape_text(s.shape)}" for s in indices) or "none"
            raise IndexRangeError(f"an index is out of range: {error}; inputs of whole numbers: {told}") from None
        except REFUSED as error:
            raise self._explained(args, given, error) from error
        if self.single:
            return np.asarray(results)
        if isinstance(results, list):
            return results
        return [np.asarray(r) for r in (results if isinstance(results, tuple) else (results,))]

    def untold(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Those of `sizes` that no input's shape tells, as the keyword arguments of a call.

        Raises
        ------
        ValueMissingError
            If one is missing.
        """
        missing = [name for name in self.keywords if name not in sizes]
        if missing:
            raise ValueMissingError(
                f"no shape tells the size {', '.join(missing)}; pass it, for example sizes={{{missing[0]!r}: 3}}"
            )
        return {word: sizes[name] for name, word in self.keywords.items()}

    def _line_of(self, error: BaseException) -> str:
        """The line of the emitted function in which an error came up."""
        lines = self.source.splitlines()
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(MODULE)]
        steps = [f for f in frames if f.name in ("step", "run", "forward", "backward")] or frames
        return f"`{lines[(steps[-1].lineno or 1) - 1].strip()}`" if steps else "a matrix function"

    def _signature(self) -> str:
        inputs = ", ".join(f"{s.name} {shape_text(s.shape)}" for s in self.inputs)
        return f"{inputs or 'none'}" + (f"; sizes: {', '.join(self.keywords.values())}" if self.keywords else "")

    def _ordered(self, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments in the order of the inputs, and the sizes.

        Raises
        ------
        ValueMissingError
            For inputs without a value, and values without an input.
        """
        signature = self._signature()
        given = {name: whole_size(name, named[word]) for word, name in self._sizes.items() if word in named}
        if len(args) > len(self.inputs):
            raise ValueMissingError(f"{len(args)} arrays were given for {len(self.inputs)} inputs: {signature}")
        values = dict(zip(self.names, args, strict=False))
        twice = [name for name in named if name in values]
        unexpected = [name for name in named if name not in self.names and name not in self._sizes]
        if twice or unexpected:
            what = f"{twice[0]} was given twice" if twice else f"there is no input called {', '.join(unexpected)}"
            raise ValueMissingError(f"{what}; the inputs are {signature}")
        values.update((name, value) for name, value in named.items() if name not in self._sizes)
        missing = [f"{s.name} {shape_text(s.shape)}" for s in self.inputs if s.name not in values]
        if missing:
            raise ValueMissingError(f"no value was given for {', '.join(missing)}; the inputs are {signature}")
        return tuple(values[name] for name in self.names), given

    def _checked(
        self, args: Sequence[Any], given: Mapping[str, Any], key: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as arrays that fit, and the options and sizes to call the emitted function with."""
        arrays = tuple(as_arrays(args, self.inputs))
        sizes = bind_sizes(self.inputs, [a.shape for a in arrays], given_sizes(given, (), given))
        absent = [word for name, word in self.keywords.items() if name not in sizes.values]
        if absent:
            raise untold_error(absent, self._signature())
        check_conditions(self._conditions, sizes)
        options = self._options | {word: sizes.values[name] for name, word in self.keywords.items()}
        kept = (a is b or self._weak(b, s) for a, b, s in zip(arrays, args, self.inputs, strict=True))
        if all(kept):
            if len(self._seen) > 1024:
                self._seen.clear()
            self._seen[key] = options
        return arrays, options

    def _explained(self, args: Sequence[Any], given: Mapping[str, Any], error: Exception) -> Exception:
        """What went wrong in the emitted code, as the evaluation of the same outputs says it."""
        try:
            evaluate_all(self._outputs, {**dict(zip(self.names, args, strict=True)), **given})
        except GraphcError as reason:
            return reason
        return refused("the emitted code failed", "", error)

    def _weak(self, value: Any, declared: Expr) -> bool:
        """Whether the emitted code itself gives a scalar the dtype of the arrays."""
        if declared.shape or not declared.dtype.startswith("float"):
            return False
        return self.fast or type(value) in (int, float)

    def __repr__(self) -> str:
        return f"<compiled function of {', '.join(self.names)}>"


def loaded(source: str) -> dict[str, Any]:
    """The names that a module's source defines; tracebacks show its lines."""
    filename = f"{MODULE} {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "graphc_compiled"}
    exec(builtins.compile(source, filename, "exec"), namespace)
    return namespace


def compile(
    outputs: Any,
    inputs: Sequence[Expr],
    *,
    style: str = "fast",
    copy: bool = True,
    sizes: Mapping[str, int] | None = None,
    equal: Iterable[tuple[Dim, Dim]] = (),
) -> Compiled:
    """Compile expressions to a function of NumPy arrays.

    Parameters
    ----------
    outputs : Expr, sequence of Expr, or mapping from names to Expr
        One expression gives an array, several give a list.
    inputs : sequence of symbols and parameters
        The arguments, in order; those that no output needs are accepted.
    style : {"fast", "readable"}
        The style of the emitted source; both give the same results.
    copy : bool
        Whether each call gives arrays of its own. With False (style "fast"), results live in buffers that the next
        call with the same sizes overwrites; do not pass them back as inputs.
    sizes : mapping from size names to int, optional
        Sizes to expect, where the order of products depends on them; any sizes work.
    equal : pairs of sizes, optional
        To be found equal at each call, besides those that `outputs` take to be equal: the conditions of the
        expressions that `outputs` were simplified from, as a part that cancelled has none.

    Raises
    ------
    ValueMissingError
        If an output needs a symbol that is not among `inputs`, or a size that they do not determine.
    """
    return Compiled(outputs, inputs, style, copy, {} if sizes is None else sizes, equal)
