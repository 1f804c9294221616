"""The reference of the vocabulary, docs/ops.md, from the registry and the examples; run this file to write it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from cases import CASES, Case
from references import called

import graphc as gc
from graphc import ops
from graphc.errors import GraphcError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr
from graphc.ir.op import Op, registry
from graphc.ops.defined import body_of
from graphc.ops.notation import functions

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"
LONGEST = 160  # characters of a formula that is shown
FAMILIES: dict[str, tuple[str, ...]] = {
    "Entry by entry": ("arithmetic", "elementwise", "trigonometric", "special", "stopping"),
    "Selection and reductions": ("reductions", "statistics", "scans", "leaving_out"),
    "Layout and indices": ("slicing", "layout", "padding", "gather", "choices"),
    "Products": ("leaves", "products", "kronecker", "contraction"),
    "Linear algebra": ("linalg", "factorizations", "matrix_functions"),
    "Windows, convolution, pooling": ("windows", "convolution"),
    "Softmax, norms, basic losses": ("defined",),
    "Activations": ("activations",),
    "Losses and likelihoods": ("losses", "likelihoods", "labels"),
    "Normalization, recurrence, attention": ("normalization", "recurrent", "attention"),
}
HEAD = """# The vocabulary

Every function of graphc, written by `python tests/contract/ops_page.py` from the records of its ops. In Python a
function is `gc.name`; in a formula it is the name alone. Beside the functions there are the operators `+ - * / ** @`,
unary `-`, comparisons (0 and 1 in arithmetic), `.T`, and subscripts.

```python
>>> import graphc as gc
>>> x = gc.symbol("x", ("n",))
>>> gc.softmax(x) is gc.parse("softmax(x)", x=("n",))
True
>>> print(gc.vjp(gc.tanh(x), x, gc.symbol("G", ("n",))))
G*(1 - tanh(x)**2)

```

Conventions for all of them:

- **Shapes** broadcast as NumPy's, from the right, but only a literal 1 stretches; `axis` counts from 0, or from the end
  if negative, and `keepdims=True` keeps a reduced axis with size 1. Sizes may be 0 and 1.
- **Precision**: float32 arrays give float32, float64 gives float64; numbers in formulas are exact and widen nothing.
- **Derivatives** exist to every order. Where a function has a kink one value is taken: `relu'(0) = 0`,
  `abs'(0) = sign(0) = 0`; `maximum` and `minimum` give a tie to their first argument, `max` and `min` over axes share
  it equally. Comparisons, `sign`, `round` and `argmax` are flat: their derivative is 0.
- **In the lists below**, `G` stands for the cotangent: the line *derivative* shows what G becomes on its way back to
  the first argument, which is the gradient of `sum(G*f)`. *Facts* are what simplification knows of the entries.
"""
OPERATORS = ("add", "contract", "general_power", "array", "constant", "size", "pi", "named", "symbol", "parameter")


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(ops.__path__, "graphc.ops.")
    return [importlib.import_module(m.name) for m in found]


def assigned(module: ModuleType) -> list[str]:
    """The names that a module assigns itself, without those that it imports."""
    targets = [
        t for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.Assign) for t in node.targets
    ]
    return [name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)]


def home_of(module: str) -> str:
    """The file or folder within `ops` that a module belongs to."""
    return module.removeprefix("graphc.ops.").split(".")[0]


def homes() -> dict[str, str]:
    """The module that defines each function."""
    found = {name: home_of(function.__module__) for name, function in functions.items()}
    for module in modules():
        values = [vars(module).get(name) for name in assigned(module)]
        for name, function in functions.items():
            if any(value is function for value in values):
                found[name] = home_of(module.__name__)
    return found


def family(home: str) -> str:
    """The heading of a module: from the table, or the beginning of its own docstring."""
    for title, members in FAMILIES.items():
        if home in members:
            return title
    module = importlib.import_module(f"graphc.ops.{home}")
    return re.split(r"[:.,;]", (module.__doc__ or home).strip())[0]


def call(name: str) -> str:
    """How a function is written: its parameters, and the defaults of those that have one."""
    shown = []
    for p in inspect.signature(functions[name]).parameters.values():
        if p.kind is p.KEYWORD_ONLY and "*" not in shown and not any(s.startswith("*") for s in shown):
            shown.append("*")
        default = "" if p.default is p.empty else f"={p.default}"
        shown.append(f"{'*' if p.kind is p.VAR_POSITIONAL else ''}{p.name}{default}")
    return f"{name}({', '.join(shown)})"


def about(name: str) -> str:
    """The record's line, or the first of the function's own."""
    if name in registry and registry[name].summary:
        return registry[name].summary
    text = (inspect.getdoc(functions[name]) or "").split("\n\n")[0]
    return " ".join(text.split())


def example(name: str) -> Case:
    """The shortest example of an op or a function; its own before those that only call it."""
    own = [case for case in CASES if case.op == name]
    return min(own or [case for case in CASES if name in called(case.text)], key=lambda case: len(case.text))


def formula(case: Case) -> str:
    """What the op is in other ops, or as a scalar formula."""
    op: Op = case.node.op
    if op.name == case.op and op.formula:
        return op.formula
    if op.name == case.op and op.body is not None:
        return str(body_of(case.node))
    return ""


def in_order(case: Case, symbols: list[Expr]) -> list[Expr]:
    """The symbols as they come in the text, after its functions' names."""
    words = re.findall(r"\b[A-Za-z]\w*\b(?!\()", case.text)
    return sorted(symbols, key=lambda s: words.index(str(s.name)))


def derivative(case: Case) -> str:
    """The way of a cotangent back to the first variable."""
    if not case.variables:
        return ""
    x = in_order(case, case.variables)[0]
    cotangent = gc.symbol("G", case.node.shape)
    try:
        return f"`{gc.vjp(case.node, x, cotangent)}`" + (f" by `{x.name}`" if len(case.variables) > 1 else "")
    except GraphcError:
        return ""


def short(text: str) -> bool:
    return 0 < len(text) <= LONGEST and "\n" not in text


def listed(case: Case) -> str:
    """The example with the shapes of its names and of its value."""
    inputs = ", ".join(f"{s.name} {shape_text(s.shape)}" for s in in_order(case, case.inputs))
    text = "; ".join(f"`{line}`" for line in case.text.split("\n"))
    return f"{text}{f' of {inputs}' if inputs else ''} has shape {shape_text(case.node.shape)}"


def facts(node: Expr) -> str:
    return ", ".join(sorted(str(fact) for fact in node.op.facts(node)))


def entry(name: str, title: str) -> list[str]:
    """The lines of one op or function."""
    case = example(name)
    lines = [f"### `{title}`", "", about(name) if name in functions else registry[name].summary, ""]
    rows: list[tuple[str, Any]] = [
        ("formula", f"`{formula(case)}`" if short(formula(case)) and formula(case) != case.text else ""),
        ("example", listed(case)),
        ("LaTeX", f"${gc.latex(case.node)}$" if short(gc.latex(case.node)) else ""),
        ("derivative", derivative(case) if short(derivative(case)) else ""),
        ("facts", facts(case.node) if case.node.op.name == name else ""),
    ]
    return [*lines, *(f"- {label}: {text}" for label, text in rows if text), ""]


def page() -> str:
    """The whole document."""
    found = homes()
    titles = [*FAMILIES, *sorted({family(home) for home in found.values()} - FAMILIES.keys())]
    lines = [HEAD.strip(), "", "## Numbers, symbols, operators", ""]
    for name in OPERATORS:
        lines += entry(name, {"general_power": "x**y", "add": "x + y", "contract": "x*y, x/y, x @ y"}.get(name, name))
    for title in titles:
        names = sorted(name for name, home in found.items() if family(home) == title)
        if names:
            lines += [f"## {title}", "", *(line for name in names for line in entry(name, call(name)))]
    lines += [f"{len(functions)} functions, {len(registry)} ops.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(
            "docs/ops.md is out of date: run python tests/contract/ops_page.py" if PAGE.read_text() != page() else 0
        )
    PAGE.write_text(page())
