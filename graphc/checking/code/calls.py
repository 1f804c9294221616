"""How a forward function and its backward are called: by names, and in the conventions of courses and frameworks."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from graphc.errors import GraphcError, UnknownNameError, UnsupportedError, ValueMissingError

UPSTREAM = re.compile(r"d(?!ata|im|rop|epth|type)\w*|g(rad\w*)?|delta\w*|upstream\w*|cotangent\w*|v|\w+_(grad|bar)")
Values = Mapping[str, Any]


@dataclass
class Run:
    """One call of forward.

    Attributes
    ----------
    outputs : what the loss is made of: one scalar, or arrays that take incoming gradients
    rest : what else forward returns, such as a cache
    changed : inputs that the call modified
    """

    outputs: list[Any]
    rest: list[Any]
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Code:
    """A forward function and its backward, with the inputs that they take by name.

    Attributes
    ----------
    forward, backward : the functions; without `backward`, forward returns the gradients after the loss
    names : the inputs
    real : the inputs that a derivative may be taken by
    wrt : the inputs whose gradients are returned, in order, if the user says so
    array : whether forward gives an array rather than a loss
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any] | None
    names: tuple[str, ...]
    real: tuple[str, ...]
    wrt: tuple[str, ...] | None
    array: bool = False

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The arguments of backward that are no inputs."""
        if self.backward is None:
            return ()
        return tuple(p.name for p in signature(self.backward) if p.name not in self.names and p.default is p.empty)

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """Those of them that take incoming gradients: named like one, or the first where forward gives an array."""
        named = tuple(name for name in self.unknown if UPSTREAM.fullmatch(name))
        return named or (self.unknown[:1] if self.array else ())

    @cached_property
    def others(self) -> tuple[str, ...]:
        return tuple(name for name in self.unknown if name not in self.upstream)

    def run(self, values: Values) -> Run:
        """Call forward with copies of the inputs."""
        given = copied(values)
        parts = listed(self.call(self.forward, given))
        if not parts or not numeric(parts[0]):
            raise UnsupportedError(
                f"{title(self.forward)} must return a loss or an array first, as in `return loss` or "
                f"`return out, cache`; got {type(parts[0]).__name__ if parts else 'nothing'}"
            )
        count = max(len(self.upstream), 1)
        if count > len(parts) or not all(map(numeric, parts[:count])):
            raise UnsupportedError(
                f"{title(self.backward)} takes {count} incoming gradients ({', '.join(self.upstream)}), but "
                f"{title(self.forward)} does not return {count} arrays first"
            )
        return Run(parts[:count], parts[count:], changed(values, given))

    def arguments(self, run: Run, values: Values, incoming: Sequence[Any]) -> dict[str, Any]:
        """What backward is called with."""
        assert self.backward is not None
        if self.array and not self.upstream:
            raise UnsupportedError(
                f"{title(self.forward)} returns an array, not a loss, so {title(self.backward)} needs the incoming "
                "gradient as an argument, for example `dout`"
            )
        found = dict(zip(self.upstream, incoming, strict=False))  # a loss needs none
        inner = listed(run.rest[0]) if len(run.rest) == 1 else run.rest
        for left in ([], run.rest, inner, [*run.outputs, *run.rest], [tuple(run.rest)]):
            if len(left) == len(self.others):
                found.update(zip(self.others, left, strict=True))
                break
        else:
            raise UnknownNameError(
                f"{title(self.backward)} takes {', '.join(self.others)}, which is no input ({', '.join(self.names)}), "
                f"and {title(self.forward)} returns {len(run.rest)} further values; wrap it in a lambda that takes "
                "inputs by their names"
            )
        wanted = {p.name for p in signature(self.backward)}
        return {**{k: v for k, v in values.items() if k in wanted}, **found}

    def gradients(self, run: Run, values: Values, incoming: Sequence[Any]) -> tuple[dict[str, Any], list[str]]:
        """The gradients that backward returns, by input, and the names of what it modified."""
        if self.backward is None:
            return self.assigned(run.rest[0] if len(run.rest) == 1 else run.rest, self.forward), []
        arguments = self.arguments(run, copied(values), [np.array(g) for g in incoming])
        before = copied({k: v for k, v in arguments.items() if isinstance(v, np.ndarray)})
        returned = guarded(self.backward, **arguments)
        return self.assigned(returned, self.backward), changed(before, arguments)

    def assigned(self, returned: Any, function: Callable[..., Any]) -> dict[str, Any]:
        """Which input each returned gradient belongs to: by keys, by `wrt`, by the names returned, by position."""
        if isinstance(returned, Mapping):
            return {self.input_of(str(key), function): value for key, value in returned.items()}
        parts = listed(returned)
        for names in (self.wrt, self.returned_names(function, len(parts)), self.real, self.names):
            if names is not None and len(names) == len(parts):
                return {name: part for name, part in zip(names, parts, strict=True) if part is not None}
        wanted = self.wrt or self.real
        if len(wanted) == 1 and isinstance(returned, list) and all(map(numeric, returned)):
            return {wanted[0]: np.array(returned)}
        raise ValueMissingError(
            f"{title(function)} returns {len(parts)} gradient{'s' * (len(parts) != 1)} where {len(wanted)} are "
            f"expected ({', '.join(wanted)}): return one for each, or a dictionary, or say which with wrt=[...]"
        )

    def input_of(self, key: str, function: Callable[..., Any]) -> str:
        """The input that a name such as ``W``, ``dW`` or ``grad_W`` speaks of."""
        plain = re.sub(r"^(dL?/d|dL_d|grad_|d_?|g_)(?=.)|_grad$", "", key)
        for spelled in (key, plain):
            folded = [name for name in self.names if name.lower() == spelled.lower()]
            if spelled in self.names:
                return spelled
            if len(folded) == 1:
                return folded[0]
        raise UnknownNameError(
            f"{title(function)} returns a gradient called {key!r}, but the inputs are {', '.join(self.names)}"
        )

    def returned_names(self, function: Callable[..., Any], count: int | None) -> tuple[str, ...] | None:
        """The inputs that a last line such as ``return dX, dW`` names; None if it does not name `count` inputs."""
        spelled = returned_variables(function)
        count = len(spelled) if count is None else count
        try:
            found = tuple(self.input_of(name, function) for name in spelled[-count:])
        except UnknownNameError:
            return None
        return found if len(set(found)) == len(found) == count else None

    def call(self, function: Callable[..., Any], values: Values) -> Any:
        """Call a function that takes the inputs by name."""
        parameters = signature(function)
        known = {p.name for p in parameters}
        missing = [p.name for p in parameters if p.default is p.empty and p.name not in values]
        extra = [name for name in values if name not in known]
        if (missing or extra) and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise UnknownNameError(
                f"{title(function)} takes {', '.join(known) or 'nothing'}; the inputs are {', '.join(values)}"
                + (f"; not given: {', '.join(missing)}" if missing else "")
            )
        return guarded(function, **values)


def guarded(function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Call the user's code; what it raises is reported with its name."""
    order = [p.name for p in signature(function) if p.kind is p.POSITIONAL_ONLY]
    try:
        with np.errstate(all="ignore"):
            return function(*(arguments.pop(name) for name in order), **arguments)
    except GraphcError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise CodeError(f"{title(function)} raises {type(error).__name__}{place(error, function)}: {error}") from error


def place(error: Exception, function: Callable[..., Any]) -> str:
    """The line of the user's file at which an error was raised."""
    code = getattr(function, "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


class CodeError(UnsupportedError):
    """The user's code fails at an example."""


def signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        raise UnsupportedError(f"the arguments of {function!r} cannot be read; wrap it in a def or lambda") from None


def returned_variables(function: Callable[..., Any]) -> list[str]:
    """The names in the last ``return a, b, c`` of a function; empty if it does not return names."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    returns = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    last = returns[-1] if returns else None
    parts = last.elts if isinstance(last, ast.Tuple) else [last]
    return [p.id for p in parts if isinstance(p, ast.Name)] if all(isinstance(p, ast.Name) for p in parts) else []


def title(function: Callable[..., Any] | None) -> str:
    name = getattr(function, "__name__", "the function")
    return "the function" if name == "<lambda>" else name


def copied(values: Values) -> dict[str, Any]:
    """Copies that the user's code may modify as it likes; functions and generators stay the same."""
    return {name: value if callable(value) else copy.deepcopy(value) for name, value in values.items()}


def changed(before: Values, after: Values) -> list[str]:
    """The arrays that are no longer what they were."""
    arrays = [name for name, value in before.items() if isinstance(value, np.ndarray)]
    return [
        name for name in arrays if not np.array_equal(before[name], after[name], equal_nan=value_kind(before[name]))
    ]


def value_kind(array: Any) -> bool:
    return bool(array.dtype.kind in "fc")


def numeric(value: Any) -> bool:
    """Whether a result is a number or an array of numbers."""
    return (
        isinstance(value, (bool, int, float, complex, np.generic, np.ndarray))
        and np.asarray(value).dtype.kind in "biufc"
    )


def listed(result: Any) -> list[Any]:
    """What a function returns, as a list of one or several values."""
    return list(result) if isinstance(result, (tuple, list)) else [result]
