r"""Contractions in LaTeX: products, quotients, matrix products, sums; index notation where nothing else fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Protocol

from graphc.ir.expr import Expr
from graphc.ops.arithmetic import ADD
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.contraction import CONTRACT, aligned, factors_of, summed
from graphc.ops.forms import form
from graphc.ops.leaves import EYE
from graphc.visualize.chains import Factor, chained
from graphc.visualize.letters import (
    ATOM,
    HADAMARD,
    OPEN,
    POWER,
    SUM,
    Piece,
    dim_latex,
    number_latex,
    shape_latex,
    wrap,
)
from graphc.visualize.scales import (
    Power,
    chain,
    columns_scaled,
    hadamard,
    is_column,
    is_row,
    power,
    rows_scaled,
)

ONES, ONES_ROW = (r"\mathbf{1}", ATOM), (r"\mathbf{1}^{\top}", POWER)
_BY_ENTRIES = re.compile(r"\\left\[.*\\right\]_\{[\w,]+\}")


class Printer(Protocol):
    """What is needed of the formula around a contraction."""

    named: dict[Expr, str]
    letters: list[str]

    busy: frozenset[str]

    def mixed(self, node: Expr) -> bool: ...
    def using(self, letters: list[str]) -> AbstractContextManager[None]: ...
    def bracketed(self, node: Expr) -> Piece: ...
    def piece(self, node: Expr) -> Piece: ...
    def entry(self, node: Expr, indices: tuple[str, ...], deep: int = ...) -> Piece: ...
    def fresh(self, node: Expr, count: int) -> list[str]: ...


def contraction(printer: Printer, node: Expr) -> Piece:
    """A contraction: its coefficient and scalars as a fraction before its product of arrays."""
    coefficient: Fraction = node.attributes["coefficient"]
    factors = factors_of(node)
    scalars = [(printer.piece(f), e) for f, _, e in factors if f.ndim == 0]
    arrays = [f for f in factors if f[0].ndim]
    if arrays:
        return scaled(coefficient, scalars, _core(printer, node, arrays), scalar=node.ndim == 0)
    if node.ndim == 0:
        total = next(((p, e) for p, e in scalars if p[1] == OPEN and e == 1), None)  # a sum stands last
        if total:
            scalars.remove(total)
        return scaled(coefficient, scalars, total[0] if total else None, scalar=True)
    digit = "0" if coefficient == 0 else "1"
    ones = rf"\mathbf{{{digit}}}_{{{shape_latex(node.shape)}}}", ATOM
    return scaled(coefficient or Fraction(1), scalars, ones)


def scaled(coefficient: Fraction, scalars: list[Power], core: Piece | None, scalar: bool = False) -> Piece:
    """``coefficient * scalars * core``; a scalar core that is no sum joins the numerator."""
    sign = "-" if coefficient < 0 else ""
    number = number_latex(abs(coefficient))
    above = [power(p, e) for p, e in scalars if e > 0]
    below = [power(p, -e) for p, e in scalars if e < 0]
    if number[1] == ATOM and (coefficient.denominator == 1 or not below):
        above = ([number] if abs(coefficient) != 1 else []) + above
    else:
        size = abs(coefficient)
        above = ([number_latex(Fraction(size.numerator))] if size.numerator != 1 else []) + above
        below = [number_latex(Fraction(size.denominator)), *below]
    if core and (not (above or below)):
        return (sign + wrap(core, HADAMARD), SUM) if sign else core
    if core and scalar and core[1] != OPEN:
        above, core = [*above, core], None
    head = rf"\frac{{{chain(above)[0]}}}{{{chain(below)[0]}}}", POWER
    pieces = ([head] if below else above) + ([core] if core else [])
    text, level = chain(pieces, HADAMARD)
    return (sign + text, SUM) if sign else (text, level)


def reduction(
    printer: Printer, node: Expr, symbol: str, axes: Iterable[int], exponent: Fraction = Fraction(1)
) -> Piece:
    r"""``\sum_{i} x_{i:}``, or another reduction, of the node's operand over `axes`."""
    x = next(o for o in node.operands if o.ndim)
    axes = tuple(axes)
    squares = squared(x, exponent) if symbol == r"\sum" and len(axes) == x.ndim else None
    if squares is not None:
        frobenius = "_{F}" if x.ndim > 1 else ""
        return rf"\left\lVert {printer.piece(squares)[0]} \right\rVert{frobenius}^{{2}}", POWER
    every = printer.fresh(node, x.ndim)
    letters = {i: every[i] for i in axes}
    entry = printer.entry(x, tuple(letters.get(i, ":") for i in range(x.ndim)))
    body = power(entry, exponent, r"\odot " if len(axes) < x.ndim else "")
    return f"{symbol}_{{{','.join(letters.values())}}} {wrap(body, HADAMARD)}", OPEN


def squared(x: Expr, exponent: Fraction) -> Expr | None:
    """The real array of whose entries `x` to a power is the square."""
    if exponent == 2:
        return x
    if exponent == 1 and x.op is CONTRACT and form(x) == ("power", 2):
        return x.operands[0]
    return None


def _core(printer: Printer, node: Expr, arrays: list[Factor]) -> Piece:
    """The product of the factors that are arrays."""
    total = summed(node)
    if printer.mixed(node) and node.ndim:
        return _indexed(printer, node, arrays)
    if not total and all(ls == aligned(f.shape, node.shape) for f, ls, _ in arrays):
        columns = [x for x in arrays if is_column(x[0], node)]
        if columns and any(f.shape == node.shape for f, _, _ in arrays):
            return rows_scaled(printer.piece, arrays, columns)
        product = hadamard([(printer.piece(f), e) for f, _, e in arrays])
        if broadcast_shapes([f.shape for f, _, _ in arrays], []) == node.shape:
            return product
        return _spread(printer, node, arrays[0][0] if len(arrays) == 1 and arrays[0][2] == 1 else None, product)
    if len(arrays) == 1:
        found = _product(printer, node, arrays) or _single(printer, node, *arrays[0])
    elif all(e == 1 for _, _, e in arrays):
        found = (_pair(printer, node, arrays) if len(arrays) == 2 else None) or _product(printer, node, arrays)
    else:
        found = None
    return found or _indexed(printer, node, arrays)


def _product(printer: Printer, node: Expr, arrays: list[Factor]) -> Piece | None:
    """Several matrices and vectors as one matrix product, or as a trace."""
    walk = chained(node, arrays, printer.named)
    if walk is None:
        return None
    product = chain([p for x, turned in walk for p in sides(printer, x, turned)])
    if node.ndim or any(x.ndim == 1 for x, _ in walk):
        return product
    return rf"\operatorname{{tr}}\left({product[0]}\right)", ATOM


def of_vectors(x: Expr) -> bool:
    """Whether a matrix is an identity, diagonal, or an outer product: a formula of linear algebra, no batch of rows."""
    for t in topological_sums(x):
        t.cache["of_vectors"] = any(o.cache["of_vectors"] if o.op is ADD else is_outer(o) for o in t.operands)
    found: bool = x.cache["of_vectors"] if x.op is ADD else is_outer(x)
    return found


def topological_sums(x: Expr) -> list[Expr]:
    """The sums that `x` is made of, inner ones first, without those that were looked at before."""
    found: set[Expr] = set()
    stack = [x]
    while stack:
        t = stack.pop()
        if t.op is ADD and t not in found and "of_vectors" not in t.cache:
            found.add(t)
            stack += t.operands
    return sorted(found, key=lambda t: t.depth)


def is_outer(x: Expr) -> bool:
    """An identity, a diagonal matrix, or an outer product."""
    if x.op is not CONTRACT or summed(x):
        return x.op is EYE
    factors = [f for f in factors_of(x) if f[0].ndim]
    dyad = all(f.ndim == 1 for f, _, _ in factors) and len({ls for _, ls, _ in factors}) == x.ndim
    return x.ndim == 2 and (dyad or any(f.op is EYE or form(x).kind == "diag" for f, _, _ in factors))


def is_spelled(x: Expr, node: Expr) -> bool:
    """Whether the broadcast of an operand is written: a column's, and what stands beside, or is, linear algebra.

    Rows beside a batch, ``X W + b``, are not: papers leave that out.
    """
    if is_column(x, node):
        return True
    product = x.ndim == 1 and any(f.op is CONTRACT and form(f).kind == "matmul" for f in (x, *x.operands))
    return node.op is ADD and (any(map(of_vectors, node.operands)) or (product and is_row(x, node)))


def spelled_out(printer: Printer, x: Expr, node: Expr) -> Piece:
    r"""A term beside a matrix with its broadcast: ``v 1^{\top}``, ``1 v^{\top}``, ``c 1 1^{\top}``."""
    if is_column(x, node):
        return chain([printer.piece(x), ONES_ROW])
    if is_row(x, node):
        return chain([ONES, transposed(printer, x) if x.ndim == 1 else printer.piece(x)])
    return chain([printer.piece(x), ONES, ONES_ROW]) if not x.ndim else printer.piece(x)


def _spread(printer: Printer, node: Expr, x: Expr | None, product: Piece) -> Piece:
    """A broadcast that no operator implies; a vector repeated as rows is an outer product with ones."""
    if x is not None and x.ndim == 1 and node.ndim == 2:
        row = transposed(printer, x)
        return row if node.shape[0] == 1 else chain([(rf"\mathbf{{1}}_{{{dim_latex(node.shape[0])[0]}}}", ATOM), row])
    return rf"\operatorname{{broadcast}}_{{{shape_latex(node.shape)}}}\left({product[0]}\right)", ATOM


def _single(printer: Printer, node: Expr, x: Expr, labels: tuple[int, ...], exponent: Fraction) -> Piece | None:
    """One array, rearranged or summed, where that has a notation."""
    named = [a for a in labels if a >= 0]
    if len(set(named)) == len(named):
        if summed(node) and [a for a in named if a < node.ndim] == sorted(a for a in named if a < node.ndim):
            over = [i for i, a in enumerate(labels) if a >= node.ndim]
            kept = {a for a in named if a < node.ndim}
            if all(d == 1 or i in kept for i, d in enumerate(node.shape)):
                return reduction(printer, node, r"\sum", over, exponent)
        if exponent != 1:
            return None
        if x.ndim == node.ndim == 2 and labels == tuple(a if a < 0 else 1 - i for i, a in enumerate(labels)):
            return transposed(printer, x)
    if exponent != 1 or len(node.operands) > 1 or node.attributes["coefficient"] != 1:
        return None
    kind, detail = form(node)
    if kind == "index":
        return transposed(printer, x) if detail[0] == 0 and x.ndim == 2 else printer.piece(x)
    if kind == "broadcast_to":
        return _spread(printer, node, x, printer.piece(x))
    if kind in ("diag", "trace"):
        return rf"\operatorname{{{'tr' if kind == 'trace' else 'diag'}}}\left({printer.piece(x)[0]}\right)", ATOM
    if kind == "transpose":
        axes = ",".join(str(a + 1) for a in detail)
        return f"{wrap(printer.piece(x), ATOM)}^{{\\top({axes})}}", POWER
    return None


def transposed(printer: Printer, x: Expr) -> Piece:
    r"""``x^{\top}``; the transpose of a transpose is the matrix itself."""
    if x.op is CONTRACT and x not in printer.named:
        if form(x).kind == "transpose":
            return printer.piece(x.operands[0])
        if x.ndim == 1 and form(x).kind == "matmul":  # (A.T @ v).T is v.T @ A
            (left, turned), (right, _) = _oriented(factors_of(x), x.ndim)
            if turned:
                return chain([transposed(printer, right), printer.piece(left)])
            if left not in printer.named and left.op is CONTRACT and form(left).kind == "transpose":
                return chain([transposed(printer, right), transposed(printer, left)])
    base = printer.piece(x)
    if re.fullmatch(r"\\mathbf\{\w+\}\^\{-1\}", base[0]):
        return base[0].replace("-1", r"-\top"), POWER
    return wrap(base, ATOM) + r"^{\top}", POWER


def _pair(printer: Printer, node: Expr, arrays: list[Factor]) -> Piece | None:
    """Two arrays as a matrix product, an outer product or a diagonal matrix."""
    (a, la, _), (b, lb, _) = arrays
    if b.op is EYE and a.ndim == 1 and lb == (0, 1) and la == (0,):
        return rf"\operatorname{{diag}}\left({printer.piece(a)[0]}\right)", ATOM
    total = summed(node)
    own = [set(la) - set(total), set(lb) - set(total)]
    plain = all(len(set(ls)) == len(ls) <= 2 and -1 not in ls for ls in (la, lb))
    if plain and not own[0] & own[1] and set().union(*own) == set(range(node.ndim)):
        if set(la) & set(lb) == set(total) and len(total) == 1:
            return _matmul(printer, arrays, total[0])
        if not total and a.ndim == b.ndim == 1:
            left, right = (a, b) if la == (0,) else (b, a)
            return chain([printer.piece(left), transposed(printer, right)])
    scaled_too = len(node.operands) > 2 or node.attributes["coefficient"] != 1
    return None if scaled_too or form(node).kind != "matmul" else chain([printer.piece(a), printer.piece(b)])


def _matmul(printer: Printer, arrays: list[Factor], inner: int) -> Piece:
    """The product over the label `inner`, with vectors as columns and transposes where the labels ask for them."""
    return chain([p for x, turned in _oriented(arrays, inner) for p in sides(printer, x, turned)])


def sides(printer: Printer, x: Expr, turned: bool) -> list[Piece]:
    r"""A factor of a matrix product: one piece, or ``X \operatorname{diag}(v)`` for a matrix with scaled columns."""
    found = None if x in printer.named or turned else columns_scaled(printer.piece, x)
    if found is None:
        return [transposed(printer, x) if turned else printer.piece(x)]
    return list(found)


def _oriented(arrays: list[Factor], inner: int) -> list[tuple[Expr, bool]]:
    """The two factors in the order of a matrix product over the label `inner`, and whether each is transposed."""
    (a, la, _), (b, lb, _) = arrays
    if a.ndim < b.ndim or (a.ndim == b.ndim == 2 and 0 in lb):
        a, la, b, lb = b, lb, a, la
    return [(a, la[0] == inner), (b, b.ndim == 2 and lb[1] == inner)]


def _indexed(printer: Printer, node: Expr, arrays: list[Factor]) -> Piece:
    """Index notation: the entry as a sum of products, in square brackets if it is an array's."""
    total = summed(node)
    letters = printer.fresh(node, node.ndim + len(total))
    names = dict(zip([*range(node.ndim), *total], letters, strict=True)) | {-1: "1"}
    free = ",".join(letters[: node.ndim]) if max(map(len, letters)) > 1 else "".join(letters[: node.ndim])
    with printer.using(letters):
        body = _summand(printer, arrays, names)
    if total:
        body = rf"\sum_{{{','.join(names[a] for a in total)}}} {wrap(body, HADAMARD)}", OPEN
    return (rf"\left[{body[0]}\right]_{{{free}}}", ATOM) if node.ndim else body


def _summand(printer: Printer, arrays: list[Factor], names: dict[int, str]) -> Piece:
    entries = [(printer.entry(f, tuple(names[a] for a in ls)), e) for f, ls, e in arrays]
    return scaled(Fraction(1), entries, None)


def _sum_entry(printer: Printer, node: Expr, indices: tuple[str, ...]) -> Piece | None:
    """The entry of a sum over axes, or of a contraction that is in index notation anyway."""
    factors = factors_of(node)
    arrays = [f for f in factors if f[0].ndim]
    if ":" in indices or not (
        len(factors) == 1 or printer.mixed(node) or _BY_ENTRIES.fullmatch(printer.piece(node)[0])
    ):
        return None
    total = summed(node)
    free = [c for c in printer.letters if c not in indices and c not in printer.busy] or printer.letters
    letters = [free[i % len(free)] for i in range(len(total))]
    names = dict(zip([*range(node.ndim), *total], [*indices, *letters], strict=True)) | {-1: "1"}
    with printer.using(letters):
        body = _summand(printer, arrays, names)
    whole = rf"\sum_{{{','.join(letters)}}} {wrap(body, HADAMARD)}", OPEN
    scalars = [(printer.piece(f), e) for f, _, e in factors if not f.ndim]
    return scaled(node.attributes["coefficient"], scalars, whole, scalar=True)


def norm_entry(printer: Printer, node: Expr, indices: tuple[str, ...]) -> Piece:
    """An entry of the norms along some axes: the norm of a row or column."""
    x, axes = node.operands[0], node.attributes["axis"]
    if node.attributes["keepdims"]:
        indices = tuple(a for i, a in enumerate(indices) if i not in axes)
    kept = iter(indices)
    row = printer.entry(x, tuple(":" if i in axes else next(kept) for i in range(x.ndim)))
    return rf"\left\lVert {row[0]} \right\rVert", ATOM


def contraction_entry(printer: Printer, node: Expr, indices: tuple[str, ...], deep: int) -> Piece | None:
    """The entry of a contraction without sums: the product of its factors' entries."""
    if summed(node):
        return _sum_entry(printer, node, indices)
    placed = []
    for f, ls, e in factors_of(node):
        place = tuple("1" if a < 0 else indices[a] for a in ls)
        if place.count(":") > 1:
            return None
        placed.append((printer.entry(f, place, deep), e, ":" in place))
    scalars = [(p, e) for p, e, colon in placed if not colon]
    arrays = [(p, e) for p, e, colon in placed if colon]
    if ":" in indices and not arrays:
        return None
    return scaled(node.attributes["coefficient"], scalars, hadamard(arrays) if arrays else None)
