"""Formulas as text in NumPy notation; what is printed here, `parse` reads back to the identical expression."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy

from graphc.errors import NameConflictError
from graphc.ir.dims import Dim, dim_names, dim_text, shape_text
from graphc.ir.expr import Expr, behaviour
from graphc.ir.op import Op
from graphc.ops import ranges
from graphc.ops.arguments import expression
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import form, strip_broadcasts
from graphc.ops.layout import CONCAT, stacked
from graphc.ops.leaves import ARRAY, CONSTANT, EYE, NAMED, PARAMETER, SIZE, SYMBOL, decimal_text, is_long, number
from graphc.ops.logic import AND, NOT, OR
from graphc.ops.padding import pad_widths, shortest_widths
from graphc.ops.reductions import WHERE
from graphc.ops.slicing import PLACE, SLICE, Part, indexed

COMPARE, EITHER, BOTH, SUM, PRODUCT, UNARY, POWER, ATOM = range(8)
CONNECTIVES = {AND: ("&", BOTH), OR: ("|", EITHER), NOT: ("~", UNARY)}
COMPARISONS = {
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "not_equal": "!=",
}
ONE_PIECE = 400  # characters beyond which a formula is printed as a listing
DEEP = 24  # nesting beyond which a listing starts a new line

Piece = tuple[str, int]


def to_text(expr: Expr) -> str:
    """`expr` in the formula notation: one formula, or a listing with shared parts named once."""
    prefix = ""
    if expr.op is NAMED:
        prefix, expr = f"{expr.name} = ", expr.operands[0]
    order = printed(expr)
    taken = {prefix.partition(" ")[0], *(node.name for node in order if not node.operands or node.op is NAMED)}
    free = (name for i in itertools.count(1) if (name := f"_{i}") not in taken)
    named = dict(zip(shared_parts([expr], order), free, strict=False))
    pieces = written_pieces(order, named)
    return "\n".join([*(f"{name} = {pieces[node][0]}" for node, name in named.items()), prefix + pieces[expr][0]])


def arguments(node: Expr) -> tuple[Expr, ...]:
    """The operands that are written, broadcasts left out where the notation implies them."""
    found: tuple[Expr, ...] | None = node.cache.get("arguments")
    if found is None:
        found = node.cache["arguments"] = _arguments(node)
    return found


def _arguments(node: Expr) -> tuple[Expr, ...]:
    if node.op is NAMED:
        return ()
    if node.op is CONCAT:
        return tuple(stacked(node) or node.operands)
    if node.op is SLICE or (node.op is CONTRACT and len(node.operands) == 1 and node.operands[0].op is SLICE):
        found = indexed(node)
        if found is not None:
            return found[:1]
    if node.op is CONTRACT:
        return node.operands[:1] if form(node).kind == "diag" else node.operands
    if not _stretches(node):
        return node.operands
    if (clip := clipped(node)) is not None:
        return clip
    bare = strip_broadcasts(node.operands, node.shape)
    if node.op.name == "general_power" and number(bare[1]) is not None:
        return bare[0], node.operands[1]  # x**2 is the product, not the power with an exponent of the same shape
    return bare


def clipped(node: Expr) -> tuple[Expr, ...] | None:
    """The arguments of ``clip(x, lo, hi)``, as which ``minimum(maximum(x, lo), hi)`` is written for scalar bounds."""
    if node.op.name != "minimum":
        return None
    inner, hi = strip_broadcasts(node.operands, node.shape)
    if inner.op.name != "maximum" or hi.ndim or not inner.ndim:
        return None
    x, lo = strip_broadcasts(inner.operands, inner.shape)
    return None if lo.ndim or not x.ndim else (x, lo, hi)


def printed(
    root: Expr, below: Callable[[Expr], tuple[Expr, ...]] = arguments, known: Container[Expr] = ()
) -> list[Expr]:
    """The nodes that a formula of `root` is written from, operands first: nothing below a named intermediate.

    Parameters
    ----------
    below : gives the operands that are followed
    known : nodes that are left out, with what only they need
    """
    order: list[Expr] = []
    done: set[Expr] = set()
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in done and node not in known:
            done.add(node)
            stack.append((node, True))
            stack += [(o, False) for o in reversed(below(node)) if o not in done]
    return order


def _stretches(node: Expr) -> bool:
    """Whether the op broadcasts its operands, as entry-by-entry functions do, and here they have one shape."""
    broadcasts = node.op in (ADD, WHERE) or node.op.formula is not None
    return broadcasts and len(node.operands) > 1 and all(o.shape == node.shape for o in node.operands)


def _lengths(order: list[Expr]) -> dict[Expr, int]:
    lengths: dict[Expr, int] = {}
    for node in order:
        lengths[node] = min(10**9, len(node.name or node.op.name) + sum(lengths[o] + 3 for o in arguments(node)))
    return lengths


def _depth(order: list[Expr]) -> dict[Expr, int]:
    depth: dict[Expr, int] = {}
    for node in order:
        depth[node] = 1 + max((depth[o] for o in arguments(node)), default=0)
    return depth


def shared_parts(roots: Sequence[Expr], order: list[Expr]) -> list[Expr]:
    """The parts that a listing names on lines of their own, in order; none where the formulas are short enough."""
    if len(order) < ONE_PIECE // 4:
        lengths, depths = _lengths(order), _depth(order)
        if all(lengths[root] <= ONE_PIECE and depths[root] <= 3 * DEEP for root in roots):
            return []
    written = [arguments(node) for node in order]
    uses = Counter(itertools.chain.from_iterable(written))
    parts: list[Expr] = []
    depth: dict[Expr, int] = {}
    size: dict[Expr, int] = {}
    asked = set(roots)
    for node, below in zip(order, written, strict=True):
        deep, long = 0, 4
        for o in below:
            deep, long = max(deep, depth[o]), long + size[o]
        if below and node in asked:
            deep, long = -1, 4
        elif below:
            shared = uses[node] > 1 and not is_short(node)
            if shared or deep >= DEEP - 1 or long >= ONE_PIECE // 2:
                parts.append(node)
                deep, long = -1, 4
        depth[node], size[node] = deep + 1, long
    return parts


def is_short(node: Expr) -> bool:
    """Whether a part is as short as a name for it would be: ``W.T``, ``-x``, ``sqrt(d)``."""
    return len(node.operands) == 1 and (not node.operands[0].operands or node.operands[0].op is NAMED)


def written_pieces(order: list[Expr], named: dict[Expr, str]) -> dict[Expr, Piece]:
    """How the nodes of formulas are written, with names for some of them."""
    pieces: dict[Expr, Piece] = {}
    references: dict[Expr, Piece] = {node: (name, ATOM) for node, name in named.items()}
    for node in order:
        args = [references[o] for o in arguments(node)]
        known = node.cache.get("piece")  # the one of the last formula that the node stood in
        if known is None or known[0] != args:
            known = node.cache["piece"] = args, _piece(node, args)
        pieces[node] = known[1]
        references.setdefault(node, known[1])
    return pieces


def _wrap(piece: Piece, level: int) -> str:
    return piece[0] if piece[1] >= level else f"({piece[0]})"


def _piece(node: Expr, args: list[Piece]) -> Piece:
    op = node.op
    if op in (SYMBOL, PARAMETER, NAMED):
        return node.attributes["name"], ATOM
    if op is CONSTANT:
        return number_piece(node.attributes["value"])
    if op is SIZE:
        return size_piece(node.attributes["dim"])
    if op is EYE:
        return f"eye({dim_text(node.attributes['dim'])})", ATOM
    if op is ARRAY:
        return array_text(node.attributes["values"], node.shape), ATOM
    if op is ADD:
        return _add(node.attributes["coefficients"], args), SUM
    found = indexed(node)
    if found is not None:
        return f"{_wrap(args[0], ATOM)}[{index_text(found[1])}]", ATOM
    if op is CONTRACT:
        return _contraction(node, args)
    if op is CONCAT:
        return _side_by_side(node, args), ATOM
    if op is PLACE:
        return _placed(node, args[0][0]), ATOM
    if op.name in COMPARISONS:
        return f"{_wrap(args[0], SUM)} {COMPARISONS[op.name]} {_wrap(args[1], SUM)}", COMPARE
    if op in CONNECTIVES and all(o.dtype == "bool" for o in arguments(node)):  # the signs stand for truth values alone
        return _connected(op, args)
    if op.name == "general_power":
        return f"{_wrap(args[0], ATOM)}**{_wrap(args[1], UNARY)}", POWER
    inside = ", ".join([a[0] for a in args] + positional(node) + keywords(node))
    if op.name == "minimum" and len(args) == 3:
        return f"clip({inside})", ATOM
    return f"{op.name}({inside})" if inside else op.name, ATOM


def _connected(op: Op, args: list[Piece]) -> Piece:
    sign, level = CONNECTIVES[op]
    if len(args) == 1:
        return f"{sign}{_wrap(args[0], POWER)}", UNARY
    return f"{_wrap(args[0], level)} {sign} {_wrap(args[1], level + 1)}", level


def index_text(parts: Iterable[Part]) -> str:
    """The parts of an index between brackets; whole axes at the end are left out."""
    written = ["None" if p is None else part_text(p) for p in parts]
    while len(written) > 1 and written[-1] == ":":
        written.pop()
    return ", ".join(written)


def part_text(part: tuple[Any, ...]) -> str:
    return ranges.entry_written(part[1], part[0]) if len(part) == 3 else ranges.written(part[1], part[0])


def _side_by_side(node: Expr, args: list[Piece]) -> str:
    axis: int = node.attributes["axis"]
    name = "concat" if stacked(node) is None else "stack"
    inside = ", ".join(a[0] for a in args)
    return f"{name}([{inside}]{f', axis={axis}' if axis else ''})"


def _placed(node: Expr, x: str) -> str:
    """A place as pad, where it is one."""
    widths = pad_widths(node)
    value = node.attributes.get("value")
    if widths is not None:
        given = f", constant_values={number_piece(value)[0]}" if value else ""
        return f"pad({x}, {value_text(shortest_widths(widths))}{given})"
    spans = [(0, 0, 1) if r is None else r for r in node.attributes["ranges"]]
    columns = [tuple(r[i] for r in spans) for i in (0, 2)]
    start, step = (value_text(c[0] if len(set(c)) == 1 else c) for c in columns)
    return f"place({x}, {shape_text(node.shape)}, {start}, {step})"


def positional(node: Expr) -> list[str]:
    """The attributes that are written as arguments after the operands."""
    out: list[str] = []
    for key in node.op.positional:
        value = node.attributes[key.removeprefix("*")]
        out += map(value_text, value if key.startswith("*") else (value,))
    return out


def keywords(node: Expr) -> list[str]:
    """The attributes as keyword arguments, defaults left out."""
    defaults = node.op.defaults
    if defaults is not None:
        given = {key: node.attributes.get(key) for key in defaults}
        return [f"{key}={value_text(counted(node, key, v))}" for key, v in given.items() if v != defaults[key]]
    out = []
    for key, value in sorted(node.attributes.items()):
        if key == "axis" and isinstance(value, tuple):
            if len(value) < node.operands[0].ndim:
                out.append(f"axis={value[0] if len(value) == 1 else value}")
        elif key == "axis":
            if value != -1:
                out.append(f"axis={counted(node, key, value)}")
        elif key == "keepdims":
            if value:
                out.append("keepdims=True")
        elif key == "shape":
            out.append(shape_text(value))
        else:
            out.append(f"{key}={value_text(value)}")
    return out


def counted(node: Expr, key: str, value: Any) -> Any:
    """An axis counted from the front, where the operand and the result have the same ones."""
    rank = node.operands[0].ndim if node.operands else 0
    from_end = key == "axis" and isinstance(value, int) and value < 0 and node.ndim == rank
    return value + rank if from_end else value


def value_text(value: Any) -> str:
    """An attribute as it is written after ``key=``."""
    if isinstance(value, Fraction):
        return number_piece(value)[0]
    if isinstance(value, tuple):
        inner = ", ".join(map(value_text, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value) if isinstance(value, str) else str(value)


def number_piece(value: Fraction) -> Piece:
    """A rational as the shorter of ``p/q`` and its decimal, if that is exact."""
    fraction = str(value)
    decimal = repr(float(value)) if abs(value) < 1e15 else fraction
    text = decimal if len(decimal) <= len(fraction) and Fraction(decimal) == value else fraction
    if is_long(value):  # its terms would not be read
        text = decimal_text(value) or text
    if "/" in text:
        return text, PRODUCT
    return text, UNARY if value < 0 else ATOM


def size_piece(dim: Dim) -> Piece:
    text = dim_text(dim)
    if isinstance(dim, (int, sympy.Symbol)):
        return text, ATOM
    return text, SUM if isinstance(dim, sympy.Add) else POWER if isinstance(dim, sympy.Pow) else PRODUCT


def array_text(values: tuple[Fraction, ...], shape: Any) -> str:
    """A constant array as nested lists."""
    if not shape:
        return number_piece(values[0])[0]
    step = len(values) // shape[0] if shape[0] else 0
    return "[" + ", ".join(array_text(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"


def _add(coefficients: tuple[Fraction, ...], args: list[Piece]) -> str:
    text = ""
    for i, (c, arg) in enumerate(zip(coefficients, args, strict=True)):
        head = "" if i == 0 and c > 0 else "-" if i == 0 else " + " if c > 0 else " - "
        if abs(c) == 1:
            text += head + _wrap(arg, SUM if i == 0 and c > 0 else PRODUCT if i else POWER)
        else:
            text += f"{head}{_wrap(number_piece(abs(c)), PRODUCT)}*{_wrap(arg, UNARY)}"
    return text


def _contraction(node: Expr, args: list[Piece]) -> Piece:
    kind, detail = form(node)
    if kind == "fill":
        if detail in (0, 1):
            return f"{'ones' if detail else 'zeros'}({', '.join(map(dim_text, node.shape))})", ATOM
        return f"broadcast_to({number_piece(detail)[0]}, {shape_text(node.shape)})", ATOM
    if kind == "scale":
        if detail == -1:
            return f"-{_wrap(args[0], UNARY)}", UNARY
        if detail.numerator == 1 and (detail.denominator < 10 or "/" in number_piece(detail)[0]):
            return f"{_wrap(args[0], PRODUCT)}/{detail.denominator}", PRODUCT
        return f"{number_piece(detail)[0]}*{_wrap(args[0], UNARY)}", PRODUCT
    if kind == "over":
        return f"{_wrap(number_piece(detail), PRODUCT)}/{_wrap(args[0], UNARY)}", PRODUCT
    if kind == "power":
        if detail == Fraction(1, 2):
            return f"sqrt({args[0][0]})", ATOM
        if detail == -1:
            return f"1/{_wrap(args[0], UNARY)}", PRODUCT
        exponent = number_piece(detail)
        return f"{_wrap(args[0], ATOM)}**{_wrap(exponent, UNARY)}", POWER
    if kind in ("multiply", "divide", "matmul"):
        symbol = {"multiply": "*", "divide": "/", "matmul": " @ "}[kind]
        return f"{_wrap(args[0], PRODUCT)}{symbol}{_wrap(args[1], UNARY)}", PRODUCT
    if kind == "transpose":
        if node.ndim == 2:
            return f"{_wrap(args[0], ATOM)}.T", ATOM
        return f"transpose({args[0][0]}, {detail})", ATOM
    if kind == "sum":
        axes, keepdims = detail
        every = len(axes) == node.operands[0].ndim
        axis = [] if every else [f"axis={axes[0] if len(axes) == 1 else axes}"]
        return f"sum({', '.join([args[0][0], *axis, *(['keepdims=True'] if keepdims else [])])})", ATOM
    if kind == "index":
        parts = ", ".join(":" if isinstance(k, slice) else str(k) for k in detail)
        return f"{_wrap(args[0], ATOM)}[{parts}]", ATOM
    if kind == "broadcast_to":
        return f"broadcast_to({args[0][0]}, {shape_text(node.shape)})", ATOM
    if kind == "einsum":
        return f"einsum('{detail}', {', '.join(a[0] for a in args)})", ATOM
    if kind == "contract":
        powers = ", ".join(f"{a[0]}^{e}" for a, e in zip(args, node.attributes["exponents"], strict=True))
        return f"contract[{detail}; {node.attributes['coefficient']}; {powers}]", ATOM
    return f"{kind}({', '.join(a[0] for a in args)})", ATOM


def names(expr: Expr) -> dict[str, Any]:
    """The symbols, named intermediates and sizes that `str(expr)` uses, by name, as `parse` takes them.

    Raises
    ------
    NameConflictError
        If one name stands for two things in the formula.
    """
    root = expression(expr, "names")
    body = root.operands[0] if root.op is NAMED else root
    found: dict[str, Any] = {}
    sizes: dict[str, Any] = {}
    counted: set[str] = set()
    for node in printed(body):
        if node.op in (SYMBOL, PARAMETER, NAMED) and found.setdefault(node.attributes["name"], node) is not node:
            raise NameConflictError(f"two different arrays of the expression are called {node.name}; rename one")
        index = indexed(node)
        bounds = list(_dims_in(index[1])) if index else []
        for dim in (*node.shape, *_dims_in(node.attributes.values()), *bounds):
            if isinstance(dim, sympy.Expr):
                sizes.update((s.name, s) for s in dim.free_symbols)
        if node.op in (SIZE, EYE):
            counted |= dim_names((node.attributes["dim"],))
        counted |= dim_names(d for d in bounds if d is not None)
        if node.op is PLACE:
            counted |= dim_names(d for d in _dims_in(node.attributes.values()) if d is not None)
        counted |= dim_names(_dims_in(node.attributes[key.removeprefix("*")] for key in node.op.positional))
    if counted & set(found):
        name = min(counted & set(found))
        raise NameConflictError(f"{name} is an array and a size of the expression; rename one of them")
    return sizes | found


def _dims_in(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _dims_in(value)
        else:
            yield value


behaviour["str"] = to_text
