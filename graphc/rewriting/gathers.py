"""Products and sums with entries added up along an axis.

    sum over k of scatter_add_along_axis(u, i, K)[n, k]*x[n, k]  =  sum over m of u[n, m]*x[n, i[n, m]]
    sum over k of scatter_add(u, i, K)[k]                        =  sum over m of u[m]
    p*scatter_add_along_axis(u/take_along_axis(p, i), i, K)      =  scatter_add_along_axis(u, i, K)
    one_hot(i, K)/take_along_axis(p, i[:, None])                 =  one_hot(i, K)/p

so that the gradient of a logarithm picked from a softmax is ``p - one_hot(i, K)``.
"""

from __future__ import annotations

from graphc.ir.dims import Dim
from graphc.ir.expr import Expr, make
from graphc.ops.contraction import ONE, aligned, factors_of
from graphc.ops.gather import SCATTER_ADD, SCATTER_ADD_ALONG_AXIS, TAKE_ALONG_AXIS
from graphc.ops.labels import ONE_HOT
from graphc.rewriting.engine import Engine, Step, law
from graphc.rewriting.linear import factored
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.terms import unit_label

ADJOINT = law("gather", "a sum over entries that were added up at indices is the sum over what was added")
SAME = law("gather", "the entry that a one-hot array picks")
CANCELS = law("gather", "p[i]/p[i] = 1 where it was added up")


def gathered(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A contraction with a factor that adds entries up along a summed axis, without that factor."""
    factors = factors_of(node)
    for k, (f, labels, e) in enumerate(factors):
        acts = f.op.acts(f)
        if f.op not in (SCATTER_ADD, SCATTER_ADD_ALONG_AXIS) or e != 1 or acts is None:
            continue
        at = labels[acts.outs[0]]
        rest = factors[:k] + factors[k + 1 :]
        meeting = [x for x in rest if at in x[1]]
        if at < 0 or labels.count(at) > 1 or not all(set(x[1]) <= {*labels, -1} for x in meeting):
            continue
        found = None
        if f.op is SCATTER_ADD_ALONG_AXIS:
            found = _absorbed(engine, f, labels, meeting, at >= node.ndim)
        elif at >= node.ndim and not meeting:
            found = [(f.operands[0], _added(f, labels, node), ONE)]
        if found is not None:
            others = [x for x in rest if x not in meeting]
            result = engine.product(node.attributes["coefficient"], [*found, *others], node.shape)
            return result, (ADJOINT if at >= node.ndim else CANCELS).step(node, result)
    return None


def _added(f: Expr, labels: Labels, node: Expr) -> Labels:
    """The labels of what was added up: new ones, to be summed, for the axes of the index."""
    i = f.operands[1]
    axis = f.attributes["axis"]
    fresh = 1 + max(max(ls, default=0) for ls in (*node.attributes["labels"], range(node.ndim)))
    summed = tuple(unit_label(fresh + k, d) for k, d in enumerate(i.shape))
    return (*labels[:axis], *summed, *labels[axis + 1 :])


def _absorbed(engine: Engine, f: Expr, labels: Labels, meeting: list[Factor], bound: bool) -> list[Factor] | None:
    """The factors that meet the axis, picked at the index before entries are added up."""
    (u, i), axis = f.operands, f.attributes["axis"]
    along = axis % f.ndim
    place = {x: k for k, x in enumerate(labels)} | {-1: -1}
    inside: list[Factor] = [(u, aligned(u.shape, u.shape), ONE)]
    cancels = False
    for g, ls, e in meeting:
        full = engine.product(ONE, [(g, tuple(place[x] for x in ls), ONE)], f.shape)
        entry = engine.rewritten(make(TAKE_ALONG_AXIS, (full, i), axis=axis))
        cancels = cancels or any(h is entry for h, _, _ in factored(u)[1])
        inside.append((entry, aligned(entry.shape, u.shape), e))
    if not bound and not cancels:
        return None
    inner = engine.product(ONE, inside, u.shape)
    if not bound:
        again = engine.rewritten(make(SCATTER_ADD_ALONG_AXIS, (inner, i), size=f.shape[along], axis=axis))
        return [(again, labels, ONE)]
    size: Dim = u.shape[along]
    return [(inner, tuple(-1 if k == along and size == 1 else x for k, x in enumerate(labels)), ONE)]


def beside(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """A product with an entry of an array beside the one-hot array that picks it, or beside the sum that is it."""
    factors = factors_of(node)
    for k, (f, labels, e) in enumerate(factors):
        if f.op is not TAKE_ALONG_AXIS or f.shape[f.attributes["axis"]] != 1:
            continue
        along = f.attributes["axis"] % f.ndim
        hot, entry = _picking(engine, f)
        outer = (*labels[:along], *labels[along + 1 :])
        for g, ls, p in factors:
            if g is hot and p == 1 and ls[:-1] == outer:
                new: Factor = (f.operands[0], (*labels[:along], ls[-1], *labels[along + 1 :]), e)
            elif g is entry and ls == outer:
                new = (entry, ls, e)
            else:
                continue
            result = engine.product(node.attributes["coefficient"], [*factors[:k], new, *factors[k + 1 :]], node.shape)
            return result, SAME.step(node, result)
    return None


def _picking(engine: Engine, f: Expr) -> tuple[Expr, Expr]:
    """The one-hot array that picks the entries `f`, and its sum with the array, which is equal to them."""
    (x, i), along = f.operands, f.attributes["axis"] % f.ndim
    rest = [a for a in range(f.ndim) if a != along]
    squeezed = tuple(-1 if a == along else unit_label(rest.index(a), i.shape[a]) for a in range(f.ndim))
    index = engine.product(ONE, [(i, squeezed, ONE)], tuple(i.shape[a] for a in rest))
    hot = make(ONE_HOT, (index,), size=x.shape[along])
    place = {a: b for b, a in enumerate([*rest, along])}
    at = tuple(unit_label(place[a], x.shape[a]) for a in range(f.ndim))
    under = tuple(unit_label(b, d) for b, d in enumerate(hot.shape))
    return hot, engine.product(ONE, [(x, at, ONE), (hot, under, ONE)], index.shape)
