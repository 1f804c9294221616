"""Formulas in LaTeX, as a paper would print them: ``gc.latex(e)``."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sympy

from graphc.ir.expr import Expr, behaviour
from graphc.ops.arguments import expression
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.defined import NORM
from graphc.ops.forms import form
from graphc.ops.layout import CONCAT
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, NAMED, PARAMETER, PI, SIZE, SYMBOL
from graphc.ops.logic import CONNECTIVES
from graphc.ops.reductions import WHERE
from graphc.ops.slicing import PLACE, SLICE, indexed
from graphc.visualize.contractions import (
    contraction,
    contraction_entry,
    is_spelled,
    norm_entry,
    reduction,
    spelled_out,
)
from graphc.visualize.hoisting import hoisted
from graphc.visualize.letters import (
    ATOM,
    HADAMARD,
    OPEN,
    POWER,
    SUM,
    Piece,
    dim_latex,
    escape,
    name_latex,
    number_latex,
    shape_latex,
    subscripted,
    word_latex,
    wrap,
)
from graphc.visualize.mathml import mathml
from graphc.visualize.scales import juxtapose
from graphc.visualize.subscripts import in_zeros, side_by_side, sliced
from graphc.visualize.text import COMPARISONS, arguments, keywords, printed, shared_parts, value_text

LETTERS = "ijklpqrstuvw"
LARGE = 36  # entries beyond which a constant array is printed as a letter
DEEP = 3  # operations through which an index is carried to the atoms
TEXT = r"\text"
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?(/\d+)?")
TALL = (r"\frac", r"\sqrt", r"\begin", r"\left")
STRETCHING = 4  # nested growing brackets, fractions and roots beyond which a part gets a line of its own
_BRACKETS = re.compile(r"(\\left(?:\\[a-zA-Z]+|.)|\\right(?:\\[a-zA-Z]+|.)|\\(?:sum|prod)_\{[^{}]*\})")
_NESTING = re.compile(r"\\left(?:\\[a-zA-Z]+|.)|\\right(?:\\[a-zA-Z]+|.)|\\frac\{|\\sqrt\{|\}\{|[{}]")
_INVERTED = re.compile(r"\\left\((\\mathbf\{\w+\})\^\{\\top\}\\right\)\^\{-1\}")  # (A^T)^{-1}
REDUCTIONS = {"max": r"\max", "min": r"\min", "prod": r"\prod"}


def latex(expr: Expr) -> str:
    r"""`expr` as LaTeX: one formula, or aligned lines where one would be very long.

    Matrices and vectors are bold, ``\odot`` and ``\oslash`` act entry by entry, comparisons are Iverson brackets, and
    a broadcast that an operator implies is not written. A named intermediate prints as its name; one that is asked
    for itself as ``p = ...``.

    Returns
    -------
    str
        LaTeX for math mode; long formulas are an ``array`` environment.
    """
    left = ""
    expr = expression(expr, "latex")
    if expr.op is NAMED:
        left, expr = name_latex(expr.attributes["name"], expr.ndim), expr.operands[0]
    expr = hoisted(expr)
    order = printed(expr)
    printer = Printer(order, shared_parts([expr], order))
    result = set_brackets(printer.pieces[expr][0])
    if not printer.named:
        return f"{left} = {result}" if left else result
    lines = [(name_latex(name, n.ndim), set_brackets(printer.pieces[n][0])) for n, name in printer.named.items()]
    body = r" \\ ".join(f"{name} &= {formula}" for name, formula in [*lines, (left, result)])
    return rf"\begin{{array}}{{rl}} {body} \end{{array}}"


def set_brackets(text: str) -> str:
    r"""`text` with ``\left`` and ``\right`` only where something tall is between, and with small sums in brackets.

    ziamath needs twice the time for each level of stretching, and stretches brackets around a large sum without bound.
    """
    out: list[str] = [""]
    for token in _BRACKETS.split(text):
        if token.startswith(r"\left"):
            out += [token, ""]
        elif token.startswith(r"\right"):
            inside, opening = out.pop(), out.pop()
            stretch = any(t in inside for t in TALL) or opening == r"\left|"
            out[-1] += opening + inside + token if stretch else f"{opening[5:]}{inside}{token[6:]}"
        else:
            out[-1] += (
                rf"{{\textstyle{token}}} \," if len(out) > 1 and token.startswith((r"\sum_", r"\prod_")) else token
            )
    return "".join(out)


def stretching(text: str) -> int:
    """How deep brackets, fractions and roots that grow with their content are nested in `text`."""
    deepest = 0
    stack: list[bool] = []
    for token in _NESTING.findall(text):
        if token.startswith(r"\right") or token == "}":
            stack.pop()
        elif token == "}{":  # the second half of a fraction
            continue
        else:
            stack.append(token != "{")
            deepest = max(deepest, sum(stack))
    return deepest


class Printer:
    """The pieces of one formula, and the index letters that they use."""

    def __init__(self, order: list[Expr], parts: list[Expr]) -> None:
        taken = {node.name for node in order if node.name}
        bases = {name.split("_")[0].rstrip(string.digits) for name in taken if name}
        self.letters = [c for c in LETTERS if c not in taken] or list(LETTERS)
        base = next((c for c in "uvwabcefgh" if c not in bases), "part")
        self.named: dict[Expr, str] = {}
        self.pieces: dict[Expr, Piece] = {}
        self.used: dict[Expr, int] = {}
        self.meets: dict[Expr, bool] = {}
        self.busy: frozenset[str] = frozenset()
        lines = set(parts)
        for node in order:
            self.pieces[node] = self._build(node)
            if node in lines or (node is not order[-1] and self._stretches(self.pieces[node][0])):
                self.named[node] = f"{base}_{len(self.named) + 1}"

    def _stretches(self, text: str) -> bool:
        return sum(map(text.count, TALL)) >= STRETCHING and stretching(set_brackets(text)) >= STRETCHING

    def piece(self, node: Expr) -> Piece:
        """`node` where it is an operand."""
        if node in self.named:
            return name_latex(self.named[node], node.ndim), ATOM
        if node not in self.pieces:  # a constant under a broadcast that is not written
            self.pieces[node] = self._build(node)
        return self.pieces[node]

    def mixed(self, node: Expr) -> bool:
        """Whether entries of arrays over different axes meet in `node`, which then needs index notation."""
        if node not in self.meets:
            self.meets[node] = self._mixed(node)
        return self.meets[node]

    def _mixed(self, node: Expr) -> bool:
        arrays = [o for o in arguments(node) if o.ndim and o not in self.named]
        if node.op is CONTRACT and summed(node):
            return len(arrays) == 1 and self.mixed(arrays[0])
        if not arrays or not (node.op is CONTRACT or node.op is ADD or node.op.formula is not None):
            return False
        if node.ndim < 3 and inserts(node):
            return False
        if node.ndim < 3 or len(arrays) == 1:
            return len(arrays) == 1 and (self.mixed(arrays[0]) or _thin(node))
        return any(self.mixed(o) or inserts(o) or (o.ndim < node.ndim and o.ndim > 1) for o in arrays)

    def inside(self, node: Expr) -> int:
        """How many letters the pieces of the operands of `node` use."""
        below = [o for o in node.operands if o not in self.named]
        return max((self.inside(o) if self.mixed(o) else self.used.get(o, 0) for o in below), default=0)

    def fresh(self, node: Expr, count: int) -> list[str]:
        """`count` index letters for `node` that no operand's piece uses."""
        first = self.inside(node)
        self.used[node] = first + count
        return [self.letters[(first + i) % len(self.letters)] for i in range(count)]

    def entry(self, node: Expr, indices: tuple[str, ...], deep: int = DEEP) -> Piece:
        """The entry of `node` at `indices`, carried down to the atoms; ``:`` stands for a whole axis."""
        rank = indices.count(":")
        if rank == node.ndim:
            return self.piece(node)
        place = joined(indices)
        name = self.named.get(node, node.name)
        if name:
            return name_latex(name, rank, place), ATOM
        if node.op is EYE and not rank:
            return rf"\delta_{{{place}}}", ATOM
        if node.op is SLICE:
            return sliced(self, node, indices, deep)
        deep -= not self.mixed(node)
        if deep >= 0 and node.op is NORM and ":" not in indices:
            return norm_entry(self, node, indices)
        if deep >= 0 and node.op is CONTRACT:
            found = contraction_entry(self, node, indices, deep)
            if found:
                return found
        elif deep >= 0 and (node.op is ADD or node.op.formula or node.op.name == "where"):
            args = arguments(node)
            return _compose(node, [self.entry(o, _placed(o, node, indices), deep) for o in args], rank)
        return subscripted(self.piece(node), place), ATOM

    def _build(self, node: Expr) -> Piece:
        args = arguments(node)
        self.used[node] = max((self.used.get(o, 0) for o in args if o not in self.named), default=0)
        if indexed(node) is not None:
            return sliced(self, node)
        if node.op is PLACE:
            return in_zeros(self, node)
        if node.op is CONCAT:
            return side_by_side(self, node)
        if node.op is CONTRACT:
            return contraction(self, node)
        if self.mixed(node):
            return self.bracketed(node)
        axes = node.attributes.get("axis")
        if isinstance(axes, tuple) and node.op.name in REDUCTIONS:
            return reduction(self, node, REDUCTIONS[node.op.name], axes)
        return _compose(node, [self._beside(o, node) for o in args], node.ndim)

    def bracketed(self, node: Expr) -> Piece:
        """An array by its entries: ``[entry]_{ijk}``."""
        letters = self.fresh(node, node.ndim)
        with self.using(letters):
            body = self.entry(node, tuple(letters))
        return rf"\left[{body[0]}\right]_{{{joined(letters)}}}", ATOM

    @contextmanager
    def using(self, letters: list[str]) -> Iterator[None]:
        """While a formula with these index letters is written, no sum in it takes one of them."""
        before, self.busy = self.busy, self.busy | frozenset(letters)
        try:
            yield
        finally:
            self.busy = before

    def _beside(self, x: Expr, node: Expr) -> Piece:
        r"""An operand; what stands beside a matrix as a column is repeated, ``v 1^{\top}``, and rows beside vectors."""
        entrywise = node.op is ADD or node.op.formula is not None
        return spelled_out(self, x, node) if entrywise and is_spelled(x, node) else self.piece(x)


def inserts(x: Expr) -> bool:
    """Whether `x` is an array with axes of size 1 put in."""
    return x.op is CONTRACT and form(x).kind == "index" and None in form(x).detail


def _thin(node: Expr) -> bool:
    """Whether `node` repeats an array along axes that it has put in."""
    return node.op is CONTRACT and node.ndim > 2 and form(node).kind == "broadcast_to" and node.operands[0].ndim > 1


def joined(indices: Sequence[str]) -> str:
    return ("," if any(len(i) > 1 for i in indices) else "").join(indices)


def _placed(operand: Expr, node: Expr, indices: tuple[str, ...]) -> tuple[str, ...]:
    """The indices of an operand that NumPy would broadcast to `node`; an axis of size 1 has the index 1."""
    tail = indices[node.ndim - operand.ndim :]
    sizes = node.shape[node.ndim - operand.ndim :]
    return tuple("1" if a == 1 != b and i != ":" else i for a, b, i in zip(operand.shape, sizes, tail, strict=True))


def _compose(node: Expr, args: list[Piece], rank: int) -> Piece:
    """An operation that is no product, over the pieces of its operands; `rank` is that of the printed value."""
    op = node.op
    if op in (SYMBOL, PARAMETER, NAMED):
        return name_latex(node.attributes["name"], rank), ATOM
    if op is CONSTANT:
        return number_latex(node.attributes["value"])
    if op is SIZE:
        return dim_latex(node.attributes["dim"])
    if op is PI:
        return r"\pi", ATOM
    if op is EYE:
        return rf"\mathbf{{I}}_{{{dim_latex(node.attributes['dim'])[0]}}}", ATOM
    if op is ARRAY:
        return _array(node), ATOM
    if op is ADD:
        return _add(node, args), SUM
    if op is WHERE or op in CONNECTIVES:
        inner = [*COMPARISONS, *(c.name for c in CONNECTIVES if op is WHERE)]
        args = [_bare(o, a, inner) for o, a in zip(arguments(node), args, strict=True)]
    if op.name == "general_power":
        mark = r"\odot " if rank else ""
        return f"{wrap(args[0], ATOM)}^{{{mark}{args[1][0]}}}", POWER
    if op is NORM and node.operands[0].ndim == len(node.attributes["axis"]) > 1:
        return rf"\left\lVert {args[0][0]} \right\rVert_{{F}}", ATOM
    if op.latex:
        return _filled(node, op.latex, args)
    inside = [a[0] for a in args] + _keywords(node)
    return (rf"{word_latex(op.name)}\left({', '.join(inside)}\right)" if inside else word_latex(op.name)), ATOM


def _bare(node: Expr, piece: Piece, inner: Container[str]) -> Piece:
    """A truth value without its Iverson brackets, if it is one of the ops `inner`."""
    text = piece[0]
    bracketed = text.startswith(r"\left[") and text.endswith(r"\right]")
    return (text[6:-7], SUM) if bracketed and node.op.name in inner else piece


def _keywords(node: Expr) -> list[str]:
    given = [(key, node.attributes[key.removeprefix("*")]) for key in node.op.positional]
    out = [_argument(v) for key, value in given for v in (value if key.startswith("*") else (value,))]
    for text in keywords(node):
        key, equals, value = text.partition("=")
        if not equals:
            out.append(shape_latex(node.attributes["shape"]))
            continue
        if key == "axis" and value.startswith("-"):
            value = str(int(value) + node.operands[0].ndim)
        plain = PLAIN_NUMBER.fullmatch(value)
        out.append(rf"\mathrm{{{escape(key)}}} = {value if plain else rf'{TEXT}{{{escape(value)}}}'}")
    return out


def _argument(value: Any) -> str:
    """An attribute that is written as an argument: sizes as such."""
    if isinstance(value, (int, sympy.Expr)):
        return dim_latex(value)[0]
    return rf"{TEXT}{{{escape(value_text(value))}}}"


def _array(node: Expr) -> str:
    shape = node.shape
    values = [number_latex(v)[0] for v in node.attributes["values"]]
    if node.ndim > 2 or len(values) > LARGE or not values:
        return rf"\mathbf{{C}}_{{{shape_latex(shape)}}}"
    width = int(shape[-1]) if node.ndim == 2 else 1
    rows = r" \\ ".join(" & ".join(values[i : i + width]) for i in range(0, len(values), width))
    return rf"\left[\begin{{matrix}} {rows} \end{{matrix}}\right]"  # bmatrix cannot carry an exponent in latex2mathml


def _add(node: Expr, args: list[Piece]) -> str:
    text = ""
    for i, (c, arg) in enumerate(zip(node.attributes["coefficients"], args, strict=True)):
        head = "" if i == 0 and c > 0 else "-" if i == 0 else " + " if c > 0 else " - "
        if abs(c) == 1:
            text += head + wrap(arg, SUM if i == 0 and c > 0 else HADAMARD)
        else:
            text += head + juxtapose([number_latex(abs(c))[0], wrap(arg, HADAMARD)])
    return text


def _filled(node: Expr, template: str, args: list[Piece]) -> Piece:
    r"""The op's own format string, its brackets growing with what they hold, bare arguments in brackets if need be."""
    template = re.sub(r"(?<!\\left)\(", r"\\left(", template)
    template = re.sub(r"(?<!\\right)\)", r"\\right)", template)
    template = re.sub(r"^\[(.*)\]$", r"\\left[\1\\right]", template)
    texts = [
        a[0] if _enclosed(template, f"{{{i}}}") else wrap(a, ATOM if f"{{{i}}}^" in template else POWER)
        for i, a in enumerate(args)
    ]
    fields = {key: value_text(value) for key, value in node.attributes.items()}
    text = _INVERTED.sub(r"\1^{-\\top}", template.format(*texts, **fields))
    bare = template.endswith(f" {{{len(args) - 1}}}") and not texts[-1].endswith(r"\right)")
    level = OPEN if bare else ATOM if template.endswith(("|", "Vert", "]", ")")) else POWER
    written = any(f"{{{key}}}" in template for key in fields)
    extra = [] if written else [k for k in _keywords(node) if "keepdims" not in k]
    return (f"{{{text}}}_{{{', '.join(extra)}}}", POWER) if extra else (text, level)


def _enclosed(template: str, field: str) -> bool:
    """Whether brackets, commas or relation signs stand on both sides of each occurrence of `field`."""
    before = re.compile(r"(\(|\[|\{|\||,|<|>|=|\\ge|\\le|\\ne|Vert)\s*$")
    after = re.compile(r"^\s*(\)|\]|\}|\||,|<|>|=|\\right|\\ge|\\le|\\ne)")
    parts = template.split(field)
    return all(before.search(a) and after.search(b) for a, b in itertools.pairwise(parts))


behaviour.update(latex=latex, mathml=mathml)
