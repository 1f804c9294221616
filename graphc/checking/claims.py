"""Claims as people write them: text with or without ``dW =``, an expression, or a NumPy function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from graphc.errors import FormulaError, UnknownNameError, UnsupportedError
from graphc.frontend.parse import parse
from graphc.ir.dims import dim_names, dim_symbol
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL, as_expr

_LABEL = re.compile(r"\s*(?P<label>(?:[\w∂∇ ./()²]|\[[^\[\]\n]*\])+)(?<![=<>!])=(?!=)")
_OPERATION = re.compile(r"[+\-*@]|\w\(")
_DERIVATIVE = re.compile(
    r"\s*(?:grad|jacobian|hessian)\(\s*\w+\s*(?:,\s*\w+\s*)*\)\s*(?:\[[^\[\]\n]*\]\s*)*(?<![=<>!])=(?!=)"
)
_ITEMS = re.compile(r"\[([^\[\]]*)\]")
_SECOND = re.compile(r"\s*(?:[d∂](?:2|²)\w+\s*/|hessian\()")
_VARIABLE = re.compile(r"(?:^|[/\])\s])\s*[d∂](\w+)")


class Label(NamedTuple):
    """What a claim says that it is a formula of: ``d2f/dx[i]dy[j]``.

    Attributes
    ----------
    items : what stands in the brackets, one for each axis; None without brackets
    variables : the names behind the letters d of the denominator
    second : whether it is a second derivative
    """

    items: tuple[str, ...] | None
    variables: tuple[str, ...]
    second: bool

    def by(self, x: str | None, names: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The names of the variables of a second derivative; `x` for those that are not named."""
        if len(self.variables) == 2:
            return self.variables
        word = self.variables[0] if self.variables else ""
        if word not in names:
            for i, c in enumerate(word):
                if c == "d" and word[:i] in names and word[i + 1 :] in names:
                    return word[:i], word[i + 1 :]
        return x, x


def labelled(text: str) -> tuple[Label | None, str]:
    """The label of a claim, if it has one, and the claim without it.

    Raises
    ------
    FormulaError
        If there is more than one ``=`` in a line.
    """
    *lines, last = text.strip().split("\n")
    found = _LABEL.match(last)
    if found is None or _OPERATION.search(_ITEMS.sub("", found[0])):
        found = _DERIVATIVE.match(last)
    if found is None:
        return None, text
    formula = last[found.end() :].strip()
    another = _LABEL.match(formula)
    if another and not _OPERATION.search(another[0]):
        raise FormulaError(f"{last.strip()}: a claim has one =; check_steps judges several in a row")
    written = found[0]
    groups = _ITEMS.findall(written)
    items = tuple(part.strip() for group in groups for part in group.split(",")) if groups else None
    denominator = _ITEMS.sub(" ", written.rpartition("/")[2]).replace("∂", " d")
    return Label(items, tuple(_VARIABLE.findall(denominator)), bool(_SECOND.match(written))), "\n".join(
        [*lines, formula]
    )


def names_in_play(exprs: Iterable[Expr]) -> dict[str, Any]:
    """Symbols, named intermediates and sizes below `exprs`, by name, as `parse` takes them."""
    found: dict[str, Any] = {}
    sizes: dict[str, Any] = {}
    for node in topological(exprs):
        if node.op in (SYMBOL, PARAMETER, NAMED):
            found.setdefault(node.attributes["name"], node)
        sizes.update((name, dim_symbol(name)) for name in dim_names(node.shape))
    return {**sizes, **found}


def unlabelled(text: str) -> str:
    """A claim without a label such as ``dW =`` or ``df/dW =``; the names of indices in it stay."""
    label, formula = labelled(text)
    if label is None or label.items is None or not all(item.isidentifier() for item in label.items):
        return formula
    *lines, last = formula.split("\n")
    return "\n".join([*lines, f"[{', '.join(label.items)}] = {last}"])


def read(claim: Any, names: Mapping[str, Any]) -> Expr:
    """A claim as an expression.

    Raises
    ------
    FormulaError, UnknownNameError, ShapeError
        As `parse` raises them.
    UnsupportedError
        For something that is neither text, nor an expression, nor a number or an array.
    """
    if isinstance(claim, Expr):
        return claim
    if isinstance(claim, str):
        return parse(unlabelled(claim), **names)
    if callable(claim):
        raise UnsupportedError("a Python function cannot be read as a formula")
    return as_expr(claim)


def caller(function: Callable[..., Any], names: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Expr]]:
    """A NumPy function, and the expressions whose values its arguments take, by name.

    Raises
    ------
    UnknownNameError
        If an argument is called like nothing in play.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UnsupportedError(f"the arguments of {function!r} cannot be read; wrap it in a def or lambda") from None
    wanted = {}
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise FormulaError(f"{p.name}: a function to be checked needs arguments with the names of symbols")
        if p.name in names:
            wanted[p.name] = as_expr(names[p.name])
        elif p.default is p.empty:
            known = ", ".join(sorted(names))
            raise UnknownNameError(f"the argument {p.name} is called like nothing in play; known names: {known}")

    def call(values: Mapping[str, Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return np.asarray(function(**values), dtype=float)
        except Exception as error:  # whatever the user's function raises
            raise UnsupportedError(
                f"the claim {getattr(function, '__name__', function)} cannot be computed at an example: "
                f"{type(error).__name__}: {error}"
            ) from error

    return call, wanted
