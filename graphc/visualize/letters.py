"""Names, numbers and sizes in LaTeX: what an atom of a formula looks like."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

import sympy

from graphc.ir.dims import Dim, Shape

# How tightly a piece holds together; OPEN pieces end in an argument without a bracket, as log x and sums do.
SUM, HADAMARD, OPEN, PRODUCT, POWER, ATOM = range(6)
Piece = tuple[str, int]

_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
GREEK = frozenset(_GREEK.split())
SPELLED = {"eps": r"\varepsilon"}
ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde"}


def wrap(piece: Piece, level: int) -> str:
    """The piece, in parentheses where it would fall apart at `level`."""
    return piece[0] if piece[1] >= level else rf"\left({piece[0]}\right)"


def subscripted(piece: Piece, place: str) -> str:
    """The piece with a subscript; in parentheses where it may have one already."""
    base, level = piece
    return f"{wrap((base, SUM if base.endswith('}') else level), ATOM)}_{{{place}}}"


@functools.lru_cache(maxsize=4096)
def name_latex(name: str, ndim: int = 0, indices: str = "") -> str:
    r"""A name as papers set it: bold for arrays, digits and what follows ``_`` as subscripts, Greek letters.

    Parameters
    ----------
    name : str
        An identifier: ``W1`` gives ``\mathbf{W}_{1}``, ``x_hat`` gives ``\hat{x}``, ``dW`` a differential.
    ndim : int
        The number of axes; 0 is set plain.
    indices : str
        Index letters, set after the subscripts of the name.
    """
    first, *rest = [part for part in name.split("_") if part] or [name.replace("_", r"\_")]
    ends = [r"\_"] if name.endswith("_") and first.strip(r"\_") else []  # x_ is not x
    letters, digits = _split(first)
    accent = ""
    if len(letters) == 4 and letters.endswith("hat"):
        letters, accent = letters[0], ACCENTS["hat"]
    for word in [r for r in rest if r in ACCENTS][:1]:
        rest.remove(word)
        accent = ACCENTS[word]
    differential = ""
    if len(letters) > 1 and letters[0] == "d" and (len(letters) == 2 or letters[1:] in GREEK) and letters not in GREEK:
        differential, letters = r"\mathrm{d}", letters[1:]
    subscripts = ([digits] if digits else []) + [_subscript(part) for part in rest]
    text = _face(letters, ndim)
    text = differential + (f"{accent}{{{text}}}" if accent else text)
    below = ",".join(subscripts + ends + ([indices] if indices else []))
    return f"{text}_{{{below}}}" if below else text


def _split(word: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?\D)(\d+)", word)
    return (found[1], found[2]) if found else (word, "")


def _face(letters: str, ndim: int) -> str:
    greek = letters in GREEK or letters in SPELLED
    text = SPELLED.get(letters, f"\\{letters}") if greek else letters
    if ndim:
        return rf"\boldsymbol{{{text}}}" if greek else rf"\mathbf{{{text}}}"
    return text if greek or len(letters) == 1 else rf"\mathit{{{text}}}"


def _subscript(part: str) -> str:
    letters, digits = _split(part)
    if letters in GREEK:
        return f"\\{letters}{' ' if digits else ''}{digits}"
    return part if part.isdigit() or len(part) == 1 else rf"\mathrm{{{part}}}"


def number_latex(value: Fraction) -> Piece:
    r"""A rational as a whole number, a short exact decimal, a power of ten, or a ``\frac``."""
    size = abs(value)
    text, level = str(size), ATOM
    if size.denominator != 1:
        decimal = repr(float(size))
        mantissa, _, exponent = decimal.partition("e")
        if len(decimal) >= len(text) or Fraction(decimal) != size:
            text, level = rf"\frac{{{size.numerator}}}{{{size.denominator}}}", POWER
        elif exponent:
            text, level = rf"{mantissa} \cdot 10^{{{int(exponent)}}}".removeprefix(r"1 \cdot "), POWER
        else:
            text = decimal
    return (f"-{text}", SUM) if value < 0 else (text, level)


@functools.lru_cache(maxsize=4096)
def dim_latex(dim: Dim) -> Piece:
    """A size."""
    if isinstance(dim, int):
        return str(dim), ATOM
    if isinstance(dim, sympy.Symbol):
        return name_latex(dim.name), ATOM
    text = sympy.latex(dim, symbol_names={s: name_latex(s.name) for s in dim.free_symbols})
    return text, SUM if isinstance(dim, sympy.Add) else POWER if isinstance(dim, sympy.Pow) else PRODUCT


def shape_latex(shape: Shape) -> str:
    r"""A shape as ``n \times d``; a scalar's as ``()``."""
    return r" \times ".join(wrap(dim_latex(d), PRODUCT) for d in shape) or "()"


def word_latex(name: str) -> str:
    r"""The name of a function, upright; ``\operatorname`` where both renderers accept its letters."""
    if name.isascii() and name.isalpha():
        return rf"\operatorname{{{name}}}"
    return rf"\mathrm{{{escape(name)}}}"


def escape(text: str) -> str:
    """Plain text between LaTeX braces."""
    return re.sub(r"([#$%&_{}])", r"\\\1", text.replace("\\", "").replace("~", " ").replace("^", ""))
