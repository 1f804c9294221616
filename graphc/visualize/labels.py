"""What an operation is called in a picture: a symbol such as ``@``, with folded constants such as ``× 2``."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from graphc.ir.expr import Expr, make, rebuild
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.forms import form, is_implicit
from graphc.ops.leaves import NAMED, SYMBOL, constant
from graphc.ops.padding import pad_widths
from graphc.ops.slicing import PLACE, SLICE, Part
from graphc.visualize.latex import latex
from graphc.visualize.letters import escape, number_latex, shape_latex, word_latex
from graphc.visualize.text import COMPARISONS, arguments, index_text, keywords, number_piece

LETTERS = "abcdefgh"
SLOT = "□"
SHORT = 24  # characters of a number that is written into a label


class Label(NamedTuple):
    """A node's label as text and as LaTeX; `ordered` where it matters which operand is which."""

    text: str
    latex: str
    ordered: bool = False


SYMBOLS = {
    "matmul": Label("@", "@", True),
    "multiply": Label("×", r"\times"),
    "divide": Label("÷", r"\div", True),
    "outer": Label("⊗", r"\otimes", True),
    "transpose": Label("ᵀ", r"\top"),
    "trace": Label("trace", r"\operatorname{tr}"),
    "diag": Label("diag", r"\operatorname{diag}"),
}
RELATIONS = {">": ">", ">=": r"\ge", "<": "<", "<=": r"\le", "==": "=", "!=": r"\ne"}


def stretched(node: Expr) -> tuple[Expr, ...]:
    """The operands, without the broadcasts that the operation implies."""
    return node.operands if node.op is CONTRACT else arguments(node)


def literal(expr: Expr) -> bool:
    """Whether `expr` is a number that is written into labels: a constant, a size, or a formula of these."""
    while expr.op is NAMED or (is_implicit(expr) and expr.operands):
        expr = expr.operands[0]
    return is_implicit(expr) or (expr.ndim == 0 and expr.weak and len(str(expr)) <= SHORT)


def shown(node: Expr) -> list[int]:
    """The positions of the operands that are nodes of a picture; all of them if all are numbers."""
    found = [i for i, o in enumerate(stretched(node)) if not literal(o)]
    return found or list(range(len(node.operands)))


def label(node: Expr) -> Label:
    """The label of an operation."""
    at = shown(node)
    if node.op is CONTRACT:
        return _contraction(node, at)
    if node.op is ADD:
        return _sum(node, at)
    if node.op.name in COMPARISONS and at != [1]:
        sign = COMPARISONS[node.op.name]
        return Label(sign, RELATIONS[sign], True) if len(at) == 2 else _after(sign, RELATIONS[sign], node.operands[1])
    if len(at) < len(node.operands) or node.op.name == "general_power":
        return _template(node, at)
    if node.op is SLICE:
        text = f"[{index_text(single_entries(node))}]"
        return Label(text, rf"\text{{{escape(text)}}}")
    if node.op is PLACE:
        text = "pad" if pad_widths(node) is not None else "place"
        return Label(text, rf"\text{{{text}}}")
    words = [w for w in keywords(node) if not w.startswith("keepdims")]
    text = " ".join([node.op.name, *words])
    return Label(text, rf"\text{{{escape(text.replace('_', ' '))}}}", len(at) > 1)


def single_entries(node: Expr) -> list[Part]:
    """The parts of a slice; a single entry as its index."""
    pairs = zip(node.operands[0].shape, node.attributes["ranges"], strict=True)
    return [(d, r[0], None) if r is not None and r[1] == 1 else (d, r) for d, r in pairs]


def _after(text: str, symbol: str, number: Expr) -> Label:
    """A symbol with the number that is its second operand, such as ``÷ n``."""
    while number.op is NAMED or (is_implicit(number) and number.operands):
        number = number.operands[0]
    value = constant(number.attributes["coefficient"]) if is_implicit(number) else number
    return Label(f"{text} {value}", f"{symbol} {_signed(latex(value))}")


def _signed(number: str) -> str:
    """A number after an operator: its sign is not a difference."""
    return f"{{-}}{number[1:]}" if number.startswith("-") else number


def _sum(node: Expr, at: list[int]) -> Label:
    coefficients: tuple[int | Fraction, ...] = node.attributes["coefficients"]
    if len(at) == len(coefficients):
        if all(c == 1 for c in coefficients):
            return Label("+", "+")
        if coefficients == (1, -1):
            return Label("−", "-", True)
    elif at == [0] and len(coefficients) == 2 and coefficients[0] == 1 and abs(coefficients[1]) == 1:
        return _after(*("+", r"{+}\;") if coefficients[1] == 1 else ("−", r"{-}\;"), node.operands[1])
    return _template(node, at)


def _contraction(node: Expr, at: list[int]) -> Label:
    kind, detail = form(node)
    if kind == "scale":
        return _scale(detail)
    if kind == "power":
        if detail == Fraction(1, 2):
            return Label("√", r"\sqrt{\square}")
        exponent = number_piece(detail)[0]
        return Label(f"**{exponent}", rf"\square^{{{exponent}}}") if detail != -1 else _template(node, at)
    if (kind in SYMBOLS and len(at) == len(node.operands)) or kind == "diag":
        return SYMBOLS[kind]
    if kind in ("multiply", "divide") and at == [0]:
        return _after(SYMBOLS[kind].text, SYMBOLS[kind].latex, node.operands[1])
    if kind == "sum":
        axes = detail[0]
        words = [] if len(axes) == node.operands[0].ndim else [f"axis={axes[0] if len(axes) == 1 else axes}"]
        return Label(" ".join(["Σ", *words]), " ".join([r"\Sigma", *(rf"\;\text{{{w}}}" for w in words)]))
    if kind in ("broadcast_to", "index"):
        return Label(f"to {'×'.join(map(str, node.shape)) or '()'}", rf"\text{{to }} {shape_latex(node.shape)}")
    return _template(node, at) if kind != "contract" else _general(node, at)


def _scale(coefficient: Fraction) -> Label:
    if coefficient == -1:
        return Label("−", "-")
    if abs(coefficient.numerator) == 1 and coefficient > 0:
        return Label(f"÷ {coefficient.denominator}", rf"\div {coefficient.denominator}")
    return Label(f"× {number_piece(coefficient)[0]}", rf"\times {_signed(number_latex(coefficient)[0])}")


def _general(node: Expr, at: list[int]) -> Label:
    """An n-ary product: its formula, and in plain text its core with the number in front."""
    every = factors_of(node)
    rest = contract([f for i, f in enumerate(every) if i not in at], (), node.attributes["coefficient"])
    core = contract([every[i] for i in at], node.shape)
    if core.op is not CONTRACT:
        return _times(rest)
    kind = form(core).kind
    text = SYMBOLS[kind].text if kind in SYMBOLS else "Σ" if kind == "sum" else kind
    number = f" × {rest}" if str(rest) != "1" else ""
    found = _template(node, at)
    return found if "contract[" not in found.text else found._replace(text=f"{text}{number}")


def _times(number: Expr) -> Label:
    """A product with a number, or a quotient by one."""
    if number.op is CONTRACT:
        powers = factors_of(number)
        if number.attributes["coefficient"] == 1 and powers and all(e < 0 for _, _, e in powers):
            return _after("÷", r"\div", contract([(f, ls, -e) for f, ls, e in powers], ()))
    return _after("×", r"\times", number)


def _template(node: Expr, at: list[int]) -> Label:
    """The operation's formula over letters that the arrows carry, or over a box if there is one operand."""
    names = dict(zip(at, LETTERS if len(at) > 1 else SLOT, strict=False))
    if len(names) < len(at):
        return Label(node.op.name, word_latex(node.op.name))
    operands = tuple(
        make(SYMBOL, (), name=names[i], shape=o.shape, dtype=o.dtype) if i in names else o
        for i, o in enumerate(node.operands)
    )
    formula = rebuild(node, operands)
    box = latex(formula).replace(rf"\mathbf{{{SLOT}}}", r"\square").replace(SLOT, r"\square")
    return Label(str(formula), box, len(at) > 1)
