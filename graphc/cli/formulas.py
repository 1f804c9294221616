"""The commands on one formula: its gradient, a check of a claim, its picture, its code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

import graphc as gc
from graphc.checking.notes import Outcome, judge_files
from graphc.cli.files import write
from graphc.errors import FormulaError, SettingError
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import NAMED
from graphc.ops.symbols import symbols_of

Formula = Annotated[str, Parameter(allow_leading_hyphen=True)]
Shapes = Annotated[list[str], Parameter(name=["--shape", "-s"], consume_multiple=True, negative="")]
Facts = Annotated[list[str] | None, Parameter(name=["--fact"], consume_multiple=True, negative="")]
Names = Annotated[list[str] | None, Parameter(name=["--wrt", "-w"], consume_multiple=True, negative="")]
Name = Annotated[str, Parameter(name=["--wrt", "-w"])]
Output = Annotated[Path | None, Parameter(name=["--out", "-o"])]


def grad(
    formula: Formula,
    /,
    *,
    wrt: Name,
    shape: Shapes,
    fact: Facts = None,
    latex: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    steps: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Print the gradient of a scalar formula.

    Example: graphc grad "sum((W @ x - t)**2)" --wrt W --shape W=m,n x=n t=m

    Parameters
    ----------
    formula
        A scalar formula in NumPy notation.
    wrt
        The name to differentiate by.
    shape
        NAME=SIZES for each name, after the formula: W=m,n is a matrix, x=n a vector, c= a scalar.
        Sizes are names or numbers.
    fact
        NAME=FACT for what is known of a name, for example T=one_hot.
    latex
        Print LaTeX.
    steps
        Print the whole derivation, step by step.
    """
    f, names = read(formula, shape, fact)
    x = chosen(f, names, wrt)
    if steps:
        derivation = gc.derive(f, x)
        say(derivation.latex() if latex else str(derivation))
    else:
        result = gc.grad(f, x)
        say(gc.latex(result) if latex else str(result))
    return 0


def check(
    what: Formula,
    /,
    *files: str,
    wrt: Annotated[str | None, Parameter(name=["--wrt", "-w"])] = None,
    claim: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    shape: Annotated[list[str] | None, Parameter(name=["--shape", "-s"], consume_multiple=True, negative="")] = None,
    fact: Facts = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Judge gradients derived by hand: exit code 0 if they are right, 1 if one is wrong, 2 if undecided or unreadable.

    Example: graphc check "sum((W @ x)**2)" --wrt W --claim "2*outer(W @ x, x)" --shape W=m,n x=n

    Example: graphc check notes.md lectures/

    Parameters
    ----------
    what
        A scalar formula in NumPy notation; or, without --claim, a file, a directory or a pattern: the ```graphc
        blocks of Markdown files and notebooks are judged.
    files
        Further files, directories or patterns.
    wrt
        The name that the claim differentiates by.
    claim
        The gradient as you derived it, as a formula of the same names.
    shape
        NAME=SIZES for each name, after the formula: W=m,n is a matrix, x=n a vector, c= a scalar.
        Sizes are names or numbers.
    fact
        NAME=FACT for what is known of a name, for example T=one_hot.
    json
        Print JSON for tools instead of text.
    """
    if claim is None and wrt is None and not shape:
        return check_files([what.strip(), *files], json)
    if claim is None or wrt is None or not shape or files:
        raise SettingError("a formula is checked with --wrt NAME, --claim FORMULA and --shape NAME=SIZES ...")
    f, names = read(what, shape, fact)
    verdict = gc.check(f, chosen(f, names, wrt), claim)
    say(verdict.json() if json else str(verdict))
    return exit_code(verdict)


def check_files(targets: list[str], as_json: bool) -> int:
    """Judge the blocks of files."""
    outcome = Outcome()
    for page in judge_files(targets, outcome):
        if not as_json:
            say(page)
    say(outcome.json() if as_json else outcome.summary())
    return outcome.code


def draw(
    formula: Formula,
    /,
    *,
    shape: Shapes,
    wrt: Names = None,
    fact: Facts = None,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("graph.svg"),
) -> int:
    """Draw the graph of a formula, with its gradients if names are given.

    Example: graphc draw "sum((W @ x)**2)" --wrt W --shape W=m,n x=n --out graph.svg

    Parameters
    ----------
    formula
        A formula in NumPy notation.
    shape
        NAME=SIZES for each name, after the formula: W=m,n is a matrix, x=n a vector, c= a scalar.
        Sizes are names or numbers.
    wrt
        Names whose gradients are drawn too.
    fact
        NAME=FACT for what is known of a name, for example T=one_hot.
    out
        The picture: a file name ending in .svg, .png or .dot.
    """
    kind = out.suffix.lower()
    if kind not in (".svg", ".png", ".dot"):
        raise SettingError(f"--out {str(out)!r}: a picture's name ends in .svg, .png or .dot")
    f, names = read(formula, shape, fact)
    picture = gc.draw(f, wrt=[chosen(f, names, name) for name in wrt or []])
    content = picture.png if kind == ".png" else picture.svg if kind == ".svg" else picture.dot
    say(f"written to {write(out, content)}")
    return 0


def emit(
    formula: Formula,
    /,
    *,
    shape: Shapes,
    wrt: Names = None,
    fact: Facts = None,
    style: Literal["readable", "fast"] = "readable",
    out: Output = None,
) -> int:
    """Print a Python module that computes a formula, and its gradients if names are given, with NumPy alone.

    Example: graphc emit "sum((W @ x)**2)" --wrt W --shape W=m,n x=n --out norm.py

    Parameters
    ----------
    formula
        A formula in NumPy notation.
    shape
        NAME=SIZES for each name, after the formula: W=m,n is a matrix, x=n a vector, c= a scalar.
        Sizes are names or numbers.
    wrt
        Names whose gradients are computed too.
    fact
        NAME=FACT for what is known of a name, for example T=one_hot.
    style
        readable: as a textbook would print it; fast: buffers allocated once and reused.
    out
        A file to write instead of printing.
    """
    f, names = read(formula, shape, fact)
    variables = [chosen(f, names, name) for name in wrt or []]
    outputs = [f, *gc.grad(f, variables)] if variables else [f]
    source = gc.emit(outputs, symbols_of(outputs), style=style)
    say(source.rstrip("\n") if out is None else f"written to {write(out, source)}")
    return 0


def read(formula: str, shapes: list[str], facts: list[str] | None) -> tuple[Expr, dict[str, Any]]:
    """The formula, and its names' symbols."""
    known: dict[str, list[str]] = {}
    for item in facts or []:
        name, fact = assignment(item, "--fact", "T=one_hot")
        known.setdefault(name, []).append(fact)
    names: dict[str, Any] = {}
    for item in shapes:
        name, sizes = assignment(item, "--shape", "W=m,n")
        if name in names:
            raise SettingError(f"--shape gives {name} twice")
        names[name] = gc.symbol(
            name, tuple(part.strip() for part in sizes.split(",") if part.strip()), facts=known.pop(name, [])
        )
    if known:
        raise SettingError(f"--fact names {', '.join(known)}, but no --shape does")
    return gc.parse(formula, **names), names


def assignment(item: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals or not name.strip():
        raise SettingError(f"{option} {item!r}: expected NAME=..., for example {option} {example}")
    return name.strip(), value.strip()


def chosen(formula: Expr, names: dict[str, Any], name: str) -> Any:
    """The symbol, or the named line of the formula, that --wrt names."""
    lines = {str(node.name): node for node in topological([formula]) if node.op is NAMED}
    known = {**lines, **names}
    if name not in known:
        raise FormulaError(f"--wrt {name}: no --shape declares it; declared are {', '.join(known) or 'none'}")
    return known[name]


def say(text: str) -> None:
    """Print to standard output as it is; formulas are not wrapped, so that they can be copied."""
    Console(file=sys.stdout, soft_wrap=True, highlight=False).print(text, markup=False)


def exit_code(verdict: Any) -> int:
    """0 for a claim that is right, 1 for one that is wrong, 2 where neither was found."""
    return {"proved": 0, "equal": 0, "wrong": 1}.get(verdict.status, 2)
