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
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr
from graphc.ir.op import Op, registry
from graphc.ops.defined import body_of
from graphc.ops.notation import functions

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"
LONGEST = 160  # characters of a formula that is shown
# The headings in order; each holds the functions named, and those of the modules that are not named elsewhere.
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Functions of entries": ("", ("arithmetic", "elementwise", "trigonometric", "special", "stopping", "everyday")),
    "Comparison and selection": (
        "equal not_equal less less_equal greater greater_equal where maximum minimum clip max min all any"
        " count_nonzero argmax argmin sort argsort heaviside logical_and logical_or logical_xor logical_not",
        ("choices",),
    ),
    "Sums, products, means": ("sum mean var std norm logsumexp prod", ("reductions", "statistics", "samples")),
    "Along an axis": ("cumsum cumprod shift recurrence diff", ("scans",)),
    "Layout": (
        "reshape ravel transpose swapaxes moveaxis expand_dims squeeze broadcast_to flip roll repeat tile"
        " concat stack pad",
        ("layout", "padding", "slicing"),
    ),
    "Entries by index": ("", ("gather",)),
    "Given arrays and triangles": (
        "zeros ones full zeros_like ones_like eye identity arange linspace one_hot tri tril triu",
        ("leaves",),
    ),
    "Products": ("", ("products", "kronecker", "contraction", "dots")),
    "Linear algebra": ("", ("linalg", "factorizations", "matrix_functions")),
    "Activations": ("softmax log_softmax relu sigmoid softplus tanh", ("activations", "gating")),
    "Losses and likelihoods": ("mse", ("losses", "labels")),
    "Windows, convolution, pooling": ("", ("windows", "convolution")),
    "Layers": ("dense", ("normalization", "recurrent", "attention", "defined")),
    "What derivatives are written with": (
        "place scatter_add scatter_add_along_axis fold reverse_cumsum reverse_recurrence prod_except expm_frechet"
        " reciprocal_gaps tril_half as_float",
        ("leaving_out",),
    ),
}
HEAD = """# The vocabulary

Every function of graphc, written by `python tests/contract/ops_page.py` from the records of its ops. In Python a
function is `gc.name` (of the layers, the recurrent cells are in `gc.nn`, with those that create their parameters); in a
formula it is the name alone. Beside the functions there are the operators `+ - * / ** @`, unary `-`, comparisons (0 and
1 in arithmetic), `& | ~` of comparisons, `.T`, and subscripts; NumPy's methods too, `x.sum(axis=0)`, and in a formula
`x.shape[0]`, `np.exp(x)` with NumPy's meaning, and lists of expressions, `[[a, b], [c, d]]`. Of a function that gives
several arrays (`eigh`, `svd`, `slogdet`, `split`, `lstm_cell`) one is picked, `svd(X)[1]`, or a line of a formula names
them all, `w, V = eigh(A)`.

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
  if negative, and `keepdims=True` keeps a reduced axis with size 1. Arguments mean what they mean in NumPy, and those
  of activations and losses what they mean in PyTorch; their defaults are those of the headings.
- **Empty arrays**: sizes may be 0 and 1. The sum of nothing is 0, its product 1, its mean nan; its largest entry is an
  error.
- **Precision**: float32 arrays give float32, float64 gives float64; numbers in formulas are exact and widen nothing.
- **Derivatives** exist to every order. Where a function has a kink one value is taken: `relu'(0) = 0`,
  `abs'(0) = sign(0) = 0`; `maximum` and `minimum` give a tie to their first argument, `max` and `min` over axes share
  it equally, and `sort` follows the order that it finds. Comparisons, `sign`, `round`, `floor` and `argmax` are flat:
  their derivative is 0. The gradient of `norm` at 0, and of `std` where all entries are the same, is taken
  as 0: what is 0 over a norm is 0. Elsewhere, where the formula has no value, neither has the result: the gradient of
  `sqrt` at 0 is inf.
- **Stability**: formulas are computed without what overflows, vanishes or cancels on the way, as evaluated and as
  emitted: `log(1 + exp(x))`, `1 - sigmoid(x)`, `exp(x)/sum(exp(x))` and `(exp(x) - 1 - x)/x**2` need no special names.
- **Matrices** are the last two axes. `cholesky`, `eigvalsh`, `eigh` take the symmetric part of their argument, so that
  their gradients are symmetric; `eigvalsh` ascends, `svdvals` descends. Derivatives of eigenvectors and singular
  vectors need values that differ, that of `pinv` a rank that stays.
- **Indices** are whole numbers; negative ones count from the end, and one out of range is an `IndexRangeError`.
- **Masks** of truth values keep what is true; `attention` adds masks of numbers. A row whose mask keeps nothing has
  attention 0, and gradient 0.
- **In the lists below**, `G` stands for the cotangent: the line *derivative* shows what G becomes on its way back to
  an argument, which is the gradient of `sum(G*f)`. *Formula* is the example written in other functions, *facts* are
  what simplification knows of the entries. Long lines are left out.
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


def family(name: str, home: str) -> str:
    """The heading of a function: where it is named, else that of its module."""
    for title, (named, _) in FAMILIES.items():
        if name in named.split():
            return title
    titles = [title for title, (_, members) in FAMILIES.items() if home in members]
    if not titles:
        raise LookupError(f"{name} of graphc/ops/{home} has no heading: enter the module in FAMILIES")
    return titles[0]


def members(title: str, found: dict[str, str]) -> list[str]:
    """The functions under a heading: those named in the order of the table, the rest by the alphabet."""
    named = FAMILIES[title][0].split()
    rest = sorted(name for name, home in found.items() if family(name, home) == title and name not in named)
    return [*named, *rest]


def call(name: str) -> str:
    """How a function is written: its parameters, and the defaults of those that have one."""
    shown = []
    for p in inspect.signature(functions[name]).parameters.values():
        if p.kind is p.KEYWORD_ONLY and "*" not in shown and not any(s.startswith("*") for s in shown):
            shown.append("*")
        default = "" if p.default is p.empty else f"={p.default!r}" if isinstance(p.default, str) else f"={p.default}"
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
    calls = [case for case in own or CASES if name in called(case.text)]
    return min(calls or own, key=lambda case: len(case.text))


def formula(case: Case) -> str:
    """What the op is in other ops, or as a scalar formula."""
    op: Op = case.node.op
    if op.name == case.op and op.formula and set(re.findall(r"(\w+)\(", op.formula)) <= set(functions):
        return op.formula
    if op.name == case.op and op.body is not None:
        return str(body_of(case.node))
    return ""


def in_order(case: Case, symbols: list[Expr]) -> list[Expr]:
    """The symbols as they come in the text, after its functions' names."""
    words = re.findall(r"\b[A-Za-z]\w*\b(?!\()", case.text)
    return sorted(symbols, key=lambda s: words.index(str(s.name)))


def derivatives(case: Case) -> list[tuple[str, str]]:
    """What a cotangent becomes for each variable; none where the value is no real number."""
    if not case.variables or not case.node.dtype.startswith("float"):
        return []
    variables = in_order(case, case.variables)
    pulled = [str(g) for g in gc.vjp(case.node, variables, gc.symbol("G", case.node.shape))]
    one = len(variables) == 1
    return [
        ("derivative" if one else f"derivative by `{x.name}`", f"`{g}`")
        for x, g in zip(variables, pulled, strict=True)
        if short(g)
    ]


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
        ("example", listed(case)),
        ("formula", f"`{formula(case)}`" if short(formula(case)) and formula(case) != case.text else ""),
        *derivatives(case),
        ("LaTeX", f"${gc.latex(case.node)}$" if short(gc.latex(case.node)) else ""),
        ("facts", facts(case.node) if case.node.op.name == name else ""),
    ]
    return [*lines, *(f"- {label}: {text}" for label, text in rows if text), ""]


def contents(title: str, names: list[str]) -> str:
    """A heading as a link, and what is under it."""
    anchor = re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-")
    return f"- [{title}](#{anchor}): {', '.join(f'`{name}`' for name in names)}"


def page() -> str:
    """The whole document."""
    found = homes()
    lines = [HEAD.strip(), "", *(contents(title, members(title, found)) for title in FAMILIES), ""]
    lines += ["## Numbers, symbols, operators", ""]
    for name in OPERATORS:
        lines += entry(name, {"general_power": "x**y", "add": "x + y", "contract": "x*y, x/y, x @ y"}.get(name, name))
    for title in FAMILIES:
        lines += [f"## {title}", "", *(line for name in members(title, found) for line in entry(name, call(name)))]
    lines += [f"{len(functions)} functions, {len(registry)} ops.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(
            "docs/ops.md is out of date: run python tests/contract/ops_page.py" if PAGE.read_text() != page() else 0
        )
    PAGE.write_text(page())
