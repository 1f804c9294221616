"""n-ary contractions as trees of products of two, in the order that costs least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphc.ir.dims import Dim, bind, dim_names
from graphc.ir.expr import Expr, rebuild, topological
from graphc.ops.arithmetic import rational_power
from graphc.ops.contraction import CONTRACT, ONE, Labels, contract, factors_of, summed
from graphc.ops.diagonals import diagonal_of, has_identity

ASSUMED = 128  # the size taken for a name of which nothing is known
Term = tuple[Expr, Labels]


def assumed_size(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The value of a size for cost decisions; unknown names count as `ASSUMED`."""
    return max(1, bind(dim, {name: sizes.get(name, ASSUMED) for name in dim_names([dim])}))


def decomposed(roots: Iterable[Expr], sizes: Mapping[str, int]) -> list[Expr]:
    """`roots` with every summing contraction brought to at most two factors without powers."""
    roots = list(roots)
    done: dict[Expr, Expr] = {}
    for node in topological(roots):
        rebuilt = rebuild(node, tuple(done[o] for o in node.operands))
        done[node] = _decompose(rebuilt, sizes) if rebuilt.op is CONTRACT else rebuilt
    return [done[root] for root in roots]


def _decompose(node: Expr, sizes: Mapping[str, int]) -> Expr:
    factors = factors_of(node)
    if has_identity(node):
        return _on_diagonal(node)
    if not summed(node):
        return _without_diagonals(node) if any(_repeats(labels) for _, labels, _ in factors) else node
    if all(e == 1 for _, _, e in factors) and len(factors) <= 2 and not any(map(_repeats, (f[1] for f in factors))):
        return node
    terms: list[Term] = []
    for factor, labels, exponent in factors:
        base = rational_power(factor, exponent)
        terms.append(_diagonal(base, labels) if _repeats(labels) and len(factors) > 1 else (base, labels))
    if len(terms) > 1:
        for pair in _path(terms, node, sizes)[:-1]:
            chosen = [terms[i] for i in pair]
            terms = [t for i, t in enumerate(terms) if i not in pair]
            terms.append(_product(chosen, terms, node.ndim))
    return contract([(f, labels, ONE) for f, labels in terms], node.shape, node.attributes["coefficient"])


def _without_diagonals(node: Expr) -> Expr:
    """A product without sums whose factors carry no label twice; powers are taken of the diagonals."""
    factors = factors_of(node)
    if factors == [(node.operands[0], factors[0][1], ONE)] and node.attributes["coefficient"] == 1:
        return node
    terms = [(*(_diagonal(f, labels) if _repeats(labels) else (f, labels)), e) for f, labels, e in factors]
    return contract(terms, node.shape, node.attributes["coefficient"])


def _on_diagonal(node: Expr) -> Expr:
    """A product with identities as one array, over those of the axes that are left which it has, times identities."""
    parts = diagonal_of(node)
    carried = sorted({x for _, labels, _ in parts.factors for x in labels if x >= 0})
    place = {x: i for i, x in enumerate(carried)} | {-1: -1}
    moved = [(f, tuple(place[x] for x in labels), e) for f, labels, e in parts.factors]
    rest = contract(moved, tuple(parts.shape[x] for x in carried), node.attributes["coefficient"])
    if rest.op is CONTRACT and not summed(rest) and any(_repeats(ls) for _, ls, _ in factors_of(rest)):
        rest = _without_diagonals(rest)
    return contract([(rest, tuple(parts.places[x] for x in carried), ONE), *parts.identities], node.shape)


def _repeats(labels: Labels) -> bool:
    named = [x for x in labels if x >= 0]
    return len(set(named)) < len(named)


def _diagonal(x: Expr, labels: Labels) -> Term:
    """A factor that carries a label twice, as its diagonal."""
    kept = tuple(dict.fromkeys(label for label in labels if label >= 0))
    shape = tuple(x.shape[labels.index(label)] for label in kept)
    place = {label: i for i, label in enumerate(kept)} | {-1: -1}
    return contract([(x, tuple(place[label] for label in labels), ONE)], shape), kept


def _path(terms: list[Term], node: Expr, sizes: Mapping[str, int]) -> list[tuple[int, ...]]:
    """Which terms to multiply, step by step, places counted among those that are left."""
    if len(terms) == 2:
        return [(0, 1)]
    import opt_einsum  # noqa: PLC0415 - most expressions never need a path

    carried = {x for _, labels in terms for x in labels}
    groups = ["".join(opt_einsum.get_symbol(x) for x in labels if x >= 0) for _, labels in terms]
    output = "".join(opt_einsum.get_symbol(x) for x in range(node.ndim) if x in carried)
    shapes = [
        tuple(assumed_size(d, sizes) for d, x in zip(f.shape, labels, strict=True) if x >= 0) for f, labels in terms
    ]
    path, _ = opt_einsum.contract_path(f"{','.join(groups)}->{output}", *shapes, shapes=True)
    return [tuple(step) for step in path]


def _product(chosen: list[Term], others: list[Term], rank: int) -> Term:
    """The product of `chosen` over the labels that the output or the other terms still need."""
    needed = set(range(rank)) | {x for _, labels in others for x in labels}
    dims: dict[int, Dim] = {}
    for x, labels in chosen:
        dims.update({label: d for label, d in zip(labels, x.shape, strict=True) if label >= 0})
    shared = set.intersection(*(set(labels) for _, labels in chosen)) if len(chosen) > 1 else set()
    kept = sorted((x for x in dims if x in needed), key=lambda x: x not in shared)
    place = {label: i for i, label in enumerate(kept)} | {-1: -1}
    summed_away = [x for x in dims if x not in place]
    place |= {label: len(kept) + i for i, label in enumerate(summed_away)}
    factors = [(x, tuple(place[label] for label in labels), ONE) for x, labels in chosen]
    return contract(factors, tuple(dims[x] for x in kept)), tuple(kept)
