r"""Slices in LaTeX: subscripts counted from 1, with colons for ranges: ``\mathbf{x}_{2:n}``, ``\mathbf{X}_{1,:}``.

Blocks in zeros and arrays side by side, too.
"""

from __future__ import annotations

from typing import Any, Protocol

from graphc.ir.dims import Dim
from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT
from graphc.ops.layout import stacked, without_axis
from graphc.ops.padding import pad_widths
from graphc.ops.ranges import Span, last_of, plain, surely
from graphc.ops.slicing import indexed
from graphc.visualize.letters import ATOM, Piece, dim_latex, name_latex, number_latex, subscripted, wrap


class Printer(Protocol):
    """What is needed of the formula around a slice."""

    named: dict[Expr, str]

    def piece(self, node: Expr) -> Piece: ...
    def entry(self, node: Expr, indices: tuple[str, ...], deep: int = ...) -> Piece: ...


def size(value: Any) -> str:
    """A size in a subscript."""
    return dim_latex(value)[0].replace(" + ", "+").replace(" - ", "-")


def range_latex(span: Span, dim: Dim) -> str:
    """A range from its first to its last entry, both counted from 1."""
    if span is None:
        return ":"
    start, count, step = span
    last = last_of(span)
    if count == 1:
        return size(plain(start + 1))
    if step > 0:
        end = dim if surely(plain(last + step - dim)) else plain(last + 1)
    else:
        end = 1 if surely(plain(-step - 1 - last)) else plain(last + 1)
    between = "" if step == 1 else f"{step}:"
    return f"{size(plain(start + 1))}:{between}{size(end)}"


def sliced(printer: Printer, node: Expr, indices: tuple[str, ...] | None = None, deep: int = 3) -> Piece:
    """A slice, or its entry at `indices`: the array it is of, with subscripts."""
    found = indexed(node)
    assert found is not None
    base, parts = found
    given = iter(indices or (":",) * node.ndim)
    tokens: list[str] = []
    for part in parts:
        if part is None:
            next(given)
        elif len(part) == 3:
            tokens.append(size(plain(part[1] + 1)))
        else:
            dim, span = part
            index = next(given)
            tokens.append(range_latex(span, dim) if index == ":" else shifted(index, span))
    plain_tokens = all(t == ":" or ":" not in t for t in tokens)
    if plain_tokens and (tokens.count(":") in (0, base.ndim)) and not (base.name or base in printer.named):
        return printer.entry(base, tuple(tokens), deep - 1)
    rank = (indices or (":",) * node.ndim).count(":")
    joined = ",".join(tokens)
    name = printer.named.get(base, base.name)
    if name:
        return name_latex(name, max(rank, int(base.ndim > 1 and rank > 0)), joined), ATOM
    return subscripted(printer.piece(base), joined), ATOM


def shifted(index: str, span: Span) -> str:
    """The index, counted from 1, of the array for the index of its slice."""
    if span is None:
        return index
    start, _, step = span
    if index.isdigit():
        return size(plain(start + step * (int(index) - 1) + 1))
    offset = plain(start + 1 - step)
    scaled = index if step == 1 else f"-{index}" if step == -1 else f"{step} {index}"
    if offset == 0:
        return scaled
    text = size(offset)
    if step == -1:
        return f"{text}{scaled}"
    return f"{scaled}{text}" if text.startswith("-") else f"{scaled}+{text}"


def in_zeros(printer: Printer, node: Expr) -> Piece:
    """A block in zeros: its margins, or the ranges it is at, as subscripts."""
    (x,) = node.operands
    widths = pad_widths(node)
    if widths is None:
        at = ",".join(range_latex(r, d) for r, d in zip(node.attributes["ranges"], node.shape, strict=True))
        name = "place"
    else:
        name = "pad"
        pairs = [f"{size(a)},{size(b)}" for a, b in widths]
        at = pairs[0] if len(pairs) == 1 else ",".join(f"({p})" for p in pairs)
        if len({w for pair in widths for w in pair}) == 1:
            at = size(widths[0][0])
    value = node.attributes.get("value")
    above = f"^{{{number_latex(value)[0]}}}" if value else ""
    return rf"\operatorname{{{name}}}_{{{at}}}{above}\left({printer.piece(x)[0]}\right)", ATOM


def side_by_side(printer: Printer, node: Expr) -> Piece:
    """Arrays in brackets: below each other with semicolons, beside each other with commas."""
    axis: int = node.attributes["axis"]
    rows = stacked(node)
    if rows is None and all(o.shape[axis] == 1 and o.op is CONTRACT for o in node.operands):
        rows = [without_axis(o, axis) for o in node.operands]
    texts = [printer.piece(o)[0] for o in rows or node.operands]
    if node.ndim > 2:
        name = "concat" if rows is None else "stack"
        return rf"\operatorname{{{name}}}_{{{axis + 1}}}\left({', '.join(texts)}\right)", ATOM
    if rows is not None and node.ndim == 2 and axis == 0:
        texts = [f"{wrap(printer.piece(o), ATOM)}^{{\\top}}" for o in rows]
    mark = r";\; " if axis == 0 else r",\; "
    return rf"\left[{mark.join(texts)}\right]", ATOM
