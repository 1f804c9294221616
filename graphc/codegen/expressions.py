"""Instructions as NumPy expressions: one piece of text with its binding strength."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from graphc.codegen.sources import numpy_name
from graphc.ir.dims import Shape, dim_names
from graphc.ops.padding import shortest_widths
from graphc.ops.ranges import entry_written, written
from graphc.scheduling.plan import Instruction, Plan
from graphc.scheduling.scales import Scale, dim_code, number_text
from graphc.scheduling.sizing import flat

COMPARE, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)
INFIX = {
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT),
    "matmul": ("@", PRODUCT),
    "greater": (">", COMPARE),
    "greater_equal": (">=", COMPARE),
    "less": ("<", COMPARE),
    "less_equal": ("<=", COMPARE),
    "equal": ("==", COMPARE),
    "not_equal": ("!=", COMPARE),
}
WORDS = frozenset(("np", "float", "int", "max", "min", "LOG_MAX"))  # in scalars, what is no size
IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


class Piece(NamedTuple):
    """Text, how strongly it binds, the values and sizes named in it, whether it names the dtype and makes an array."""

    text: str
    level: int = ATOM
    needs: frozenset[int] = frozenset()
    sizes: frozenset[str] = frozenset()
    typed: bool = False
    fresh: bool = False


def wrapped(piece: Piece, level: int) -> str:
    return piece.text if piece.level >= level else f"({piece.text})"


@dataclass
class Writer:
    """Writes instructions as expressions.

    Attributes
    ----------
    renamed : size names that are called otherwise in the code
    views : whether an entry picked out of an array must stay a view of it
    sizes, typed : the size names that the last piece used, and whether it used the variable ``dtype``
    """

    functions: Mapping[str, Any]
    renamed: Mapping[str, str] = field(default_factory=dict)
    views: bool = False
    sizes: set[str] = field(default_factory=set)
    typed: bool = False

    def size_code(self, text: str) -> str:
        """Code over size names, in the names the module gives them."""

        def rename(match: re.Match[str]) -> str:
            word = match.group()
            if word in WORDS or word in self.functions:
                return word
            self.sizes.add(word)
            return self.renamed.get(word, word)

        return IDENTIFIER.sub(rename, text)

    def shape(self, shape: Shape) -> str:
        parts = ", ".join(self.size_code(unwrapped(dim_code(d))) for d in shape)
        return f"({parts},)" if len(shape) == 1 else f"({parts})"

    def number(self, scale: Scale) -> Piece:
        sign, above, below = scale.parts()
        if scale.downs:
            return Piece(self.size_code(spaced(scale.code)))
        level = PRODUCT if below or len(above) > 1 else UNARY if sign else POWER if above and "**" in above[0] else ATOM
        return Piece(self.size_code(spaced(scale.text)), level)

    def piece(self, inst: Instruction, args: Sequence[Piece]) -> Piece:
        """The instruction over its operands' texts."""
        self.sizes, self.typed = set(), False
        text, level = self._written(inst, args)
        needs = frozenset[int]().union(*(a.needs for a in args))
        sizes = frozenset(self.sizes).union(*(a.sizes for a in args))
        typed = self.typed or any(a.typed for a in args)
        return Piece(text, level, needs, sizes, typed, fresh=inst.kind in ("full", "eye", "array"))

    def _written(self, inst: Instruction, args: Sequence[Piece]) -> tuple[str, int]:
        kind, detail = inst.kind, inst.detail
        if kind in INFIX and len(args) == 2:
            symbol, level = INFIX[kind]
            first = wrapped(args[0], level + (level == COMPARE))
            return f"{first} {symbol} {wrapped(args[1], level + 1)}", level
        if kind == "number":
            piece = self.number(detail)
            return piece.text, piece.level
        if kind == "scale":
            return self._scaled(detail, args[0])
        if kind == "square":
            return self._power(args[0], "2")
        if kind == "power":
            return self._power(args[0], wrapped(args[1], POWER))
        if kind == "reciprocal":
            return f"1 / {wrapped(args[0], UNARY)}", PRODUCT
        if kind == "negative":
            return f"-{wrapped(args[0], POWER)}", UNARY
        if kind in ("full", "eye", "array", "cast", "copy"):
            divided = (kind == "full" and detail.downs) or (kind == "copy" and args[0].fresh)
            return self._made(inst, args), PRODUCT if divided else ATOM
        if kind == "peak":  # a maximum that exists of nothing too
            return f"np.max({self._reduced(args[0].text, inst, *detail)}, initial=-np.inf)", ATOM
        if kind in ("sum", "mean", "prod", "max", "min"):
            return f"np.{kind}({self._reduced(args[0].text, inst, *detail)})", ATOM
        if kind == "sumproduct":
            a, b = args
            same = inst.operands[0] == inst.operands[1]
            product = self._power(a, "2")[0] if same else f"{wrapped(a, PRODUCT)} * {wrapped(b, UNARY)}"
            return f"np.sum({self._reduced(product, inst, *detail)})", ATOM
        if kind == "einsum":
            optimized = ", optimize=True" if len(args) > 1 else ""
            return f'np.einsum("{detail}", {", ".join(a.text for a in args)}{optimized})', ATOM
        if kind == "spread":
            plain = detail == "ii->i"
            return f"np.diag({args[0].text})" if plain else f'on_diagonal({args[0].text}, "{detail}")', ATOM
        if kind in ("call", "view"):
            name, attributes = detail
            called = numpy_name(self.functions[name]) or name
            keywords = [f"{k}={self._attribute(v)}" if k else self._attribute(v) for k, v in attributes]
            return f"{called}({', '.join([a.text for a in args] + keywords)})", ATOM
        if kind in ("concat", "stack"):
            name = {"concat": "concatenate", "stack": "stack"}[kind]
            axis = f", axis={detail}" if detail else ""
            return f"np.{name}([{', '.join(a.text for a in args)}]{axis})", ATOM
        if kind == "triangle":
            name, k = detail
            return f"np.{name}({args[0].text}{'' if k == 0 else f', {self.bound(k)}'})", ATOM
        if kind == "place":
            return self._framed(inst, args[0].text), ATOM
        return self._view(inst, args), ATOM

    def _view(self, inst: Instruction, args: Sequence[Piece]) -> str:
        kind, detail = inst.kind, inst.detail
        if kind == "transpose":
            if detail == tuple(reversed(range(len(detail)))):
                return f"{wrapped(args[0], ATOM)}.T"
            return f"np.transpose({args[0].text}, {detail})"
        if kind == "index":
            scalar = self.views and all(p == 0 or (p and len(p) == 3) for p in detail)  # NumPy copies an entry out
            return f"{wrapped(args[0], ATOM)}[{self.key(detail)}{', ...' if scalar else ''}]"
        if kind in ("broadcast_to", "reshape"):
            return f"np.{kind}({args[0].text}, {self.shape(detail)})"
        return f"np.{kind}({', '.join(a.text for a in args)})"

    def key(self, parts: Sequence[Any]) -> str:
        """The parts of an index between brackets; whole axes at the end are left out."""
        texts = [self._part(p) for p in parts]
        while len(texts) > 1 and texts[-1] == ":":
            texts.pop()
        return ", ".join(texts)

    def _part(self, part: Any) -> str:
        if part is None or isinstance(part, (str, int)):
            return str(part)
        if len(part) == 3:
            return entry_written(part[1], part[0], self.bound, code=True)
        return written(part[1], part[0], self.bound, code=True)

    def bound(self, dim: Any) -> str:
        """A size as code."""
        return self.size_code(unwrapped(dim_code(dim)))

    def _framed(self, inst: Instruction, x: str) -> str:
        """A block put into zeros: np.pad, or the function `placed` with an index."""
        key, value, widths = inst.detail
        number = self.number(value).text
        if widths is not None:
            given = "" if number == "0" else f", constant_values={number}"
            return f"np.pad({x}, {self._attribute(shortest_widths(list(widths)))}{given})"
        rest = "" if number == "0" else f", {number}"
        return f"placed({x}, np.s_[{self.key(key)}], {self.shape(inst.shape)}{rest})"

    def _power(self, base: Piece, exponent: str) -> tuple[str, int]:
        simple = re.fullmatch(r"[\w.]+", base.text) and re.fullmatch(r"-?[\w.]+", exponent)
        return f"{wrapped(base, ATOM)}{'**' if simple else ' ** '}{exponent}", POWER

    def _scaled(self, scale: Scale, x: Piece) -> tuple[str, int]:
        sign, above, below = scale.parts()
        if sign and not above and not below:
            return f"-{wrapped(x, POWER)}", UNARY
        factors = [self.size_code(a) for a in above]
        first = " * ".join([*factors, wrapped(x, UNARY if factors else POWER if sign else PRODUCT)])
        if not below:
            return sign + first, PRODUCT
        under = " * ".join(self.size_code(b) for b in below)
        return f"{sign}{first} / {under if len(below) == 1 else f'({under})'}", PRODUCT

    def _reduced(self, text: str, inst: Instruction, axes: tuple[int, ...], keepdims: bool) -> str:
        every = not keepdims and not inst.shape
        axis = [] if every else [f"axis={axes[0] if len(axes) == 1 else axes}"]
        return ", ".join([text, *axis, *(["keepdims=True"] if keepdims else [])])

    def dtype(self, inst: Instruction) -> str:
        if inst.dtype == "float":
            self.typed = True
            return "dtype"
        return "np.int64" if inst.dtype == "int64" else "bool"

    def _made(self, inst: Instruction, args: Sequence[Piece]) -> str:
        if inst.kind == "cast":
            return f"{wrapped(args[0], ATOM)}.astype({self.dtype(inst)})"
        if inst.kind == "copy":
            if args[0].fresh:
                return args[0].text
            typed = f", {self.dtype(inst)}" if args[0].level != ATOM or not args[0].needs else ""
            return f"np.array({args[0].text}{typed})"
        if inst.kind == "eye":
            return f"np.eye({self.size_code(unwrapped(dim_code(inst.detail)))}, dtype={self.dtype(inst)})"
        if inst.kind == "array":
            return f"np.array({array_text(inst.detail, inst.shape)}, {self.dtype(inst)})"
        return self._full(inst)

    def _full(self, inst: Instruction) -> str:
        """An array of one number, divided by its sizes as arrays are."""
        scale: Scale = inst.detail
        value = self.number(Scale(scale.coefficient, scale.ups)).text
        under = " * ".join(map(self.size_code, scale.downs))
        divided = "" if not under else f" / {under}" if len(scale.downs) == 1 else f" / ({under})"
        if value in ("0", "1"):
            made = f"np.{'zeros' if value == '0' else 'ones'}({self.shape(inst.shape)}, {self.dtype(inst)})"
        else:
            made = f"np.full({self.shape(inst.shape)}, {value}, {self.dtype(inst)})"
        return made + divided

    def _attribute(self, value: Any) -> str:
        if isinstance(value, tuple):
            parts = ", ".join(map(self._attribute, value))
            return f"({parts},)" if len(value) == 1 else f"({parts})"
        if hasattr(value, "free_symbols"):
            return self.size_code(unwrapped(dim_code(value)))
        return number_text(value) if isinstance(value, Fraction) else repr(value)


def size_names(plan: Plan) -> set[str]:
    """The names of the sizes of a plan: those of shapes, of details, and in scales."""
    found = {n for inst in plan.instructions for n in inst.sizes}
    found |= dim_names(d for s in plan.inputs for d in s.shape) | {s.name for s in plan.whole.fresh.values()}
    scales = {v for inst in plan.instructions for v in flat(inst.detail) if isinstance(v, Scale)}
    words = {word for scale in scales for word in IDENTIFIER.findall(scale.code)}
    return found | words - WORDS - plan.functions.keys()


def array_text(values: tuple[Fraction, ...], shape: Any) -> str:
    """A constant array as nested lists."""
    if not shape:
        return number_text(values[0])
    step = len(values) // shape[0] if shape[0] else 0
    return "[" + ", ".join(array_text(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"


def unwrapped(text: str) -> str:
    """`text` without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1]


def spaced(text: str) -> str:
    """Blanks around the operators of a scalar, as formatters set them."""
    return re.sub(r"(?<=[\w)])\s*(\*\*|//|\*|/)\s*(?=[\w(])", lambda m: m[1] if m[1] == "**" else f" {m[1]} ", text)
