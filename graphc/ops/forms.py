"""What a contraction is called: the constructor that would build the node, found and verified by building it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from graphc.ir.dims import compare
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import broadcast_to, computed
from graphc.ops.broadcasting import broadcast_shapes
from graphc.ops.contraction import CONTRACT, ONE, aligned, describe, summed
from graphc.ops.leaves import EYE, constant, number
from graphc.ops.products import diag, matmul, outer, trace, transpose
from graphc.ops.products import sum as sum_
from graphc.ops.slicing import index


class Form(NamedTuple):
    """`kind` names a constructor; `detail` holds its arguments beside the operands.

    ``fill`` c, ``scale`` c, ``power`` e, ``over`` c (c/x), ``multiply``, ``divide``, ``matmul``, ``outer``,
    ``transpose`` axes, ``sum`` (axes, keepdims), ``index`` key, ``broadcast_to``, ``diag``, ``trace``,
    ``einsum`` text, and ``contract`` for the general n-ary node, which has no notation of its own.
    """

    kind: str
    detail: Any = None


_forms: weakref.WeakKeyDictionary[Expr, Form] = weakref.WeakKeyDictionary()


def form(node: Expr) -> Form:
    """The named form of a contraction."""
    found = _forms.get(node)
    if found is None:
        found = _forms[node] = _classify(node)
    return found


def _classify(node: Expr) -> Form:
    coefficient: Fraction = node.attributes["coefficient"]
    exponents: tuple[Fraction, ...] = node.attributes["exponents"]
    if not node.operands:
        return Form("fill", coefficient)
    if len(node.operands) == 1:
        return _single(node, node.operands[0], coefficient, exponents[0])
    if coefficient != 1:
        return Form("contract", describe(node))
    if len(node.operands) == 2:
        pair = _pair(node, *node.operands, exponents)
        if pair is not None:
            return pair
    if any(e != 1 for e in exponents):
        return Form("contract", describe(node))
    text = einsum_text(node)
    return Form("einsum", text) if text is not None else Form("contract", describe(node))


def _single(node: Expr, x: Expr, coefficient: Fraction, exponent: Fraction) -> Form:
    labels = node.attributes["labels"][0]
    if x.shape == node.shape and labels == aligned(x.shape, node.shape):
        if exponent == 1:
            return Form("scale", coefficient)
        if coefficient == 1:
            return Form("power", exponent)
        if exponent == -1:
            return Form("over", coefficient)
    if coefficient != 1 or exponent != 1:
        return Form("contract", describe(node))
    named = [x_ for x_ in labels if x_ >= 0]
    if len(set(named)) < len(named):
        if x.ndim == 2 and node.ndim == 1 and diag(x) is node:
            return Form("diag")
        if labels[-1] == labels[-2] and node.ndim == x.ndim - 2 and trace(x) is node:
            return Form("trace")
        return _einsum_or_contract(node)
    for candidate in _rearrangements(node, x, labels):
        if candidate is not None:
            return candidate
    return _einsum_or_contract(node)


def _rearrangements(node: Expr, x: Expr, labels: tuple[int, ...]) -> Iterator[Form | None]:
    if summed(node):
        axes = tuple(i for i, lab in enumerate(labels) if lab >= node.ndim)
        units = tuple(i for i, lab in enumerate(labels) if lab == -1)
        for chosen in (axes, tuple(sorted(axes + units))):
            for keepdims in (False, True):
                if sum_(x, axis=chosen, keepdims=keepdims) is node:
                    yield Form("sum", (chosen, keepdims))
        return
    if node.ndim == x.ndim:
        free = iter(i for i in range(x.ndim) if labels[i] == -1)
        place = {lab: i for i, lab in enumerate(labels) if lab >= 0}
        order = [place[i] if i in place else next(free, -1) for i in range(x.ndim)]
        for axes in (tuple(reversed(range(x.ndim))), tuple(order)):
            if sorted(axes) == list(range(x.ndim)) and transpose(x, axes) is node:
                yield Form("transpose", axes)
    key = _key(node, labels)
    if key is not None and index(x, key) is node:
        yield Form("index", key)
    if x.ndim <= node.ndim and broadcast_shapes([node.shape, x.shape], []) == node.shape:
        yield Form("broadcast_to", node.shape) if broadcast_to(x, node.shape) is node else None


def _key(node: Expr, labels: tuple[int, ...]) -> tuple[Any, ...] | None:
    """An index of `:`, None and 0 that gives `node`, if there is one."""
    key: list[Any] = []
    position = 0
    for label in labels:
        if label == -1:
            key.append(0)
            continue
        if label < position or any(node.shape[i] != 1 for i in range(position, label)):
            return None
        key += [None] * (label - position) + [slice(None)]
        position = label + 1
    if any(node.shape[i] != 1 for i in range(position, node.ndim)):
        return None
    return tuple(key + [None] * (node.ndim - position))


def _pair(node: Expr, a: Expr, b: Expr, exponents: tuple[Fraction, ...]) -> Form | None:
    la, lb = node.attributes["labels"]
    bound = bool(summed(node))
    entrywise = not bound and (la, lb) == (aligned(a.shape, node.shape), aligned(b.shape, node.shape))
    if entrywise and exponents[0] == 1 and broadcast_shapes([a.shape, b.shape], []) == node.shape:
        if exponents[1] == 1 and not computed(a, b):
            return Form("multiply")
        if exponents[1] == -1 and number(a) is None and number(b) is None:
            return Form("divide")
    if exponents != (ONE, ONE):
        return None
    if b.op is EYE and a.ndim == 1 and (la, lb) == ((0,), (0, 1)) and a.shape == b.shape[:1]:
        return Form("diag")
    if not bound and a.ndim == b.ndim == 1 and outer(a, b) is node:
        return Form("outer")
    if a.ndim and b.ndim and (bound or -1 in la) and fits_matmul(a, b) and matmul(a, b) is node:
        return Form("matmul")
    return None


def fits_matmul(a: Expr, b: Expr) -> bool:
    """Whether ``a @ b`` has a shape at all."""
    inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
    return compare(a.shape[-1], inner) != "different" and broadcast_shapes([a.shape[:-2], b.shape[:-2]], []) is not None


def _einsum_or_contract(node: Expr) -> Form:
    text = einsum_text(node)
    return Form("einsum", text) if text is not None else Form("contract", describe(node))


def einsum_text(node: Expr) -> str | None:
    """The index text of ``numpy.einsum`` for a contraction without powers, if it has one."""
    letters: dict[int, str] = {}
    alphabet = iter("ijklmnopqrstuvwxyzabcdefgh")
    carried = {x for ls in node.attributes["labels"] for x in ls}
    out = []
    unit_of: list[str] = []
    for i, d in enumerate(node.shape):
        letters[i] = next(alphabet)
        out.append(letters[i])
        if i not in carried:
            if d != 1:
                return None
            unit_of.append(letters[i])
    groups = []
    for labels in node.attributes["labels"]:
        group = ""
        for label in labels:
            if label == -1:
                group += unit_of.pop(0) if unit_of else next(alphabet, "")
            else:
                if label not in letters:
                    letters[label] = next(alphabet, "")
                group += letters[label]
        groups.append(group)
    if unit_of:
        return None
    return f"{','.join(groups)}->{''.join(out)}"


def is_implicit(node: Expr) -> bool:
    """Whether a node is a broadcast that an operator with a larger operand repeats by itself."""
    return node.op is CONTRACT and form(node).kind in ("broadcast_to", "fill") and node.ndim > 0


def strip_broadcasts(operands: tuple[Expr, ...], shape: Any) -> tuple[Expr, ...]:
    """The operands without the broadcasts that NumPy's rules imply again."""
    bare = tuple(_stretched(o) if is_implicit(o) else o for o in operands)
    if broadcast_shapes([o.shape for o in bare], []) == shape:
        return bare
    kept = list(operands)  # some broadcast must stay: drop as many as possible, from the right
    for i in reversed(range(len(kept))):
        trial = [*kept[:i], bare[i], *kept[i + 1 :]]
        if broadcast_shapes([o.shape for o in trial], []) == shape:
            kept = trial
    return tuple(kept)


def _stretched(node: Expr) -> Expr:
    return node.operands[0] if node.operands else constant(node.attributes["coefficient"])
