r"""Products of pieces of LaTeX: side by side, entry by entry, and with the rows or columns of a matrix scaled."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from graphc.ir.expr import Expr
from graphc.ops.contraction import CONTRACT, aligned, factors_of, summed
from graphc.visualize.chains import Factor
from graphc.visualize.letters import ATOM, HADAMARD, OPEN, POWER, PRODUCT, Piece, number_latex, wrap

Power = tuple[Piece, Fraction]
HALF = Fraction(1, 2)
_SQUARED_NORM = re.compile(r"(\\left\\lVert (?:(?!\\lVert).)* \\right\\rVert(?:_\{F\})?)\^\{2\}")
WORDS = (r"\mathit", r"\operatorname", r"{\operatorname")


def chain(pieces: list[Piece], last: int = OPEN) -> Piece:
    """Factors side by side; the last one stands without brackets from the level `last` on."""
    if len(pieces) < 2:
        return pieces[0] if pieces else ("1", ATOM)
    texts = [wrap(p, PRODUCT) for p in pieces[:-1]] + [wrap(pieces[-1], last)]
    return juxtapose(texts), min(pieces[-1][1], PRODUCT) if pieces[-1][1] >= last else PRODUCT


def juxtapose(texts: list[str]) -> str:
    r"""Texts side by side, with a dot before digits and a thin space around words."""
    out = texts[0]
    for text in texts[1:]:
        word = text.startswith(WORDS) or out.rpartition(" ")[2].startswith(WORDS[0])
        out += (r" \cdot " if text[0].isdigit() else r" \, " if word else " ") + text
    return out


def power(base: Piece, exponent: Fraction, mark: str = "") -> Piece:
    r"""``base ** exponent`` with a root for 1/2; `mark` is ``\odot`` for powers of entries of an array."""
    if exponent == 1:
        return base
    squared_norm = _SQUARED_NORM.fullmatch(base[0])
    if squared_norm:
        return power((squared_norm[1], ATOM), 2 * exponent, mark)
    if exponent == HALF:
        return rf"\sqrt{{{base[0]}}}", ATOM
    text = str(exponent) if exponent.denominator > 1 else number_latex(exponent)[0]
    return f"{wrap(base, ATOM)}^{{{mark}{text}}}", POWER


def hadamard(factors: list[Power]) -> Piece:
    r"""An entry-by-entry product: ``\odot``, ``\oslash`` and powers."""
    odot = r"\odot "
    above = [power(p, e, odot) for p, e in factors if e > 0]
    below = [power(p, -e, odot) for p, e in factors if e < 0]
    if not above:
        if len(below) == 1 and factors[0][1].denominator == 1 and factors[0][0][1] != POWER:  # 1/x**2 is no (x^2)^{-1}
            return power(factors[0][0], factors[0][1], odot)
        above = [(r"\mathbf{1}", ATOM)]
    if len(above) + len(below) == 1:
        return above[0]
    text = wrap(above[0], HADAMARD if above[0][1] != OPEN else PRODUCT)
    for i, piece in enumerate(above[1:], 2):
        text += r" \odot " + wrap(piece, OPEN if i == len(above) and not below else PRODUCT)
    for piece in below:
        text += r" \oslash " + wrap(piece, POWER)
    return text, HADAMARD


def is_column(x: Expr, node: Expr) -> bool:
    """Whether `x` stands as a column beside a matrix of the shape of `node`."""
    return node.ndim == x.ndim == 2 and x.shape[1] == 1 != node.shape[1] and x.shape[0] != 1


def is_row(x: Expr, node: Expr) -> bool:
    """Whether `x` stands as a row beside a matrix of the shape of `node`."""
    return node.ndim == 2 and node.shape[0] != 1 and x.shape in ((node.shape[1],), (1, node.shape[1]))


def rows_scaled(piece: Callable[[Expr], Piece], arrays: list[Factor], columns: list[Factor]) -> Piece:
    r"""``\operatorname{diag}(v) X``: the rows of a matrix times the entries of a vector."""
    scales = hadamard([(piece(f), e) for f, _, e in columns])
    rest = [x for x in arrays if x not in columns]
    product = hadamard([(piece(f), e) for f, _, e in rest])
    return chain([(rf"\operatorname{{diag}}\left({scales[0]}\right)", ATOM), (wrap(product, PRODUCT), PRODUCT)])


def columns_scaled(piece: Callable[[Expr], Piece], x: Expr) -> tuple[Piece, Piece] | None:
    r"""``X \operatorname{diag}(v)``, the columns of a matrix times the entries of a vector: X and the diagonal."""
    if x.op is not CONTRACT or x.ndim != 2 or summed(x) or x.attributes["coefficient"] != 1:
        return None
    arrays = factors_of(x)
    rows = [f for f in arrays if f[0].ndim == 1 and x.shape[0] != 1 != x.shape[1]]
    rest = [f for f in arrays if f not in rows]
    if not rows or not rest or any(f.shape != x.shape or ls != aligned(f.shape, x.shape) for f, ls, _ in rest):
        return None
    product, scales = (hadamard([(piece(f), e) for f, _, e in side]) for side in (rest, rows))
    return product, (rf"\operatorname{{diag}}\left({scales[0]}\right)", ATOM)
