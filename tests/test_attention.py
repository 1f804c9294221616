"""Attention: values against a loop over queries, gradients against differences, masks, heads, a transformer block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_maps import differences

import graphc as gc
from graphc import nn
from graphc.calculus.gradients import raw_gradients
from graphc.ir.dims import bind
from graphc.ir.expr import Expr, topological
from graphc.ops.contraction import CONTRACT, summed
from graphc.ops.forms import form

N, L, S, d, v, k = gc.dims("N L S d v k")
SIZES = {"N": 2, "L": 3, "S": 4, "d": 2, "v": 3, "k": 2}
RNG = np.random.default_rng(7)
Q, K, V, G = (gc.symbol(name, shape) for name, shape in zip("QKVG", [(L, d), (S, d), (S, v), (L, v)], strict=True))


def arrays(symbols: list[Expr], **sizes: int) -> dict[str, Any]:
    known = SIZES | sizes
    found = {}
    for s in symbols:
        draw = RNG.normal(size=[bind(x, known) for x in s.shape])
        found[str(s.name)] = draw > 0 if s.dtype == "bool" else draw
    return found


def by_hand(q: Any, k: Any, v: Any, kept: Any = None, added: Any = 0, scale: float | None = None) -> Any:
    """Each query by itself."""
    stack = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (np.broadcast_to(x, stack + x.shape[-2:]) for x in (q, k, v))
    out = np.zeros((*stack, q.shape[-2], v.shape[-1]))
    shape = (*stack, q.shape[-2], k.shape[-2])
    kept = np.broadcast_to(True if kept is None else kept, shape)
    added = np.broadcast_to(added, shape)
    for i in np.ndindex(*stack, q.shape[-2]):
        scores = k[i[:-1]] @ q[i] * (q.shape[-1] ** -0.5 if scale is None else scale) + added[i]
        chosen = np.flatnonzero(kept[i])
        if chosen.size:
            e = np.exp(scores[chosen] - scores[chosen].max())
            out[i] = e / e.sum() @ v[i[:-1]][chosen]
    return out


def test_the_gradients_are_compact() -> None:
    f = gc.sum(G * gc.attention(Q, K, V))
    slopes = gc.grad(f, [Q, K, V])
    assert [str(s) for s in slopes[2:]] == ["softmax(Q @ K.T/sqrt(d)).T @ G"]
    assert gc.count_ops(slopes) <= 8
    order = topological(slopes)
    assert sum(node.op.name == "softmax" for node in order) == 1
    products = [node for node in order if node.op is CONTRACT and summed(node) and len(node.operands) == 2]
    backward = [p for p in products if any(G in topological([o]) for o in p.operands)]
    assert len(backward) <= 5
    naive = gc.softmax(Q @ K.T / gc.sqrt(gc.constant(1) * d)) @ V
    assert gc.simplify(naive) is gc.simplify(gc.attention(Q, K, V))


def test_projections_are_computed_once_for_both_passes() -> None:
    x, weights = gc.symbol("x", (L, d)), [gc.parameter(f"W{key}", (d, k)) for key in "qkv"]
    loss = gc.sum(gc.symbol("g", (L, k)) * gc.attention(*(x @ W for W in weights)))
    slopes = gc.grad(loss, weights)
    assert str(slopes[2]) == "x.T @ (softmax(x @ Wq @ (x @ Wk).T/sqrt(k)).T @ g)"
    together = gc.simplify([loss, *slopes])
    products = [n for n in topological(together) if n.op is CONTRACT and form(n).kind == "matmul"]
    # projections, scores, their adjoints, the weights'; the loss tr(g^T P V) is the sum of P times its adjoint g V^T
    assert len(products) == 3 + 1 + 4 + 3
    for slope in slopes:
        assert gc.parse(str(slope), **gc.names(slope)) is slope


MASKED = gc.symbol("M", (L, S), dtype="bool")
ROWS: list[tuple[str, list[Expr], Callable[..., Any]]] = [
    ("attention(Q, K, V)", [Q, K, V], by_hand),
    ("attention(Q, K, V, scale=1/2)", [Q, K, V], lambda q, k, v: by_hand(q, k, v, scale=0.5)),
    ("attention(Q, K, V, M)", [Q, K, V, MASKED], by_hand),
    ("attention(Q, K, V, A)", [Q, K, V, gc.symbol("A", (L, S))], lambda q, k, v, a: by_hand(q, k, v, None, a)),
    ("attention(Q, K, V, A)", [Q, K, V, gc.symbol("A", (S,))], lambda q, k, v, a: by_hand(q, k, v, None, a)),
    ("attention(Q, K, V, causal=True)", [Q, K, V], lambda q, k, v: by_hand(q, k, v, np.tri(len(q), len(k)))),
    (
        "attention(Q, K, V, M, causal=True)",
        [Q, K, V, MASKED],
        lambda q, k, v, m: by_hand(q, k, v, m * np.tri(len(q), len(k))),
    ),
    (
        "attention(Q, K, V, A, causal=True)",
        [Q, K, V, gc.symbol("A", (L, 1))],
        lambda q, k, v, a: by_hand(q, k, v, np.tri(len(q), len(k)), a),
    ),
    (
        "attention(Q, K, V)",
        [gc.symbol("Q", (N, 2, L, d)), gc.symbol("K", (N, 1, S, d)), gc.symbol("V", (S, v))],
        by_hand,
    ),
    (
        "attention(Q, K, V, M)",
        [gc.symbol("Q", (N, L, d)), gc.symbol("K", (N, S, d)), gc.symbol("V", (N, S, v)), MASKED],
        by_hand,
    ),
    (
        "attention(Q, K, V, M)",
        [
            gc.symbol("Q", (N, L, d)),
            gc.symbol("K", (S, d)),
            gc.symbol("V", (N, S, v)),
            gc.symbol("M", (N, 1, S), dtype="bool"),
        ],
        by_hand,
    ),
]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_values_and_derivatives(row: int) -> None:
    text, symbols, reference = ROWS[row]
    e = gc.parse(text, **{str(s.name): s for s in symbols})
    assert gc.parse(str(e), **gc.names(e)) is e
    given = arrays(symbols)
    values = given | SIZES
    expected = reference(*given.values())
    np.testing.assert_allclose(gc.evaluate(e, values), expected, rtol=1e-12, atol=1e-14)
    loss = gc.sum(e**2 / 2 + gc.sin(e))
    wrt = [s for s in symbols if s.dtype == "float64"]
    slopes = gc.grad(loss, wrt)
    for x, slope in zip(wrt, slopes, strict=True):
        moved = differences(lambda at: gc.evaluate(loss, at), values, str(x.name))
        np.testing.assert_allclose(gc.evaluate(slope, values), moved, rtol=1e-6, atol=1e-8)
        assert gc.parse(str(slope), **gc.names(slope)) is slope
    for style in ("readable", "fast"):
        step = gc.compile([loss, *slopes], symbols, style=style)
        for dtype in (np.float64, np.float32):
            results = step(*(a if a.dtype == bool else a.astype(dtype) for a in given.values()))
            assert all(r.dtype == dtype for r in results)
            for found, x in zip(results, [loss, *slopes], strict=True):
                np.testing.assert_allclose(found, gc.evaluate(x, values), rtol=2e-4, atol=2e-5)


def test_second_derivatives_and_jacobians_with_a_mask() -> None:
    e = gc.attention(Q, K, V, MASKED, causal=True)
    values = arrays([Q, K, V, MASKED]) | SIZES
    for x in (Q, K, V):
        moved = differences(lambda at: gc.evaluate(e, at), values, str(x.name))
        np.testing.assert_allclose(gc.evaluate(gc.jacobian(e, x), values), moved, rtol=1e-6, atol=1e-8)
    loss = gc.sum(e**2)
    slope = gc.grad(loss, Q)
    moved = differences(lambda at: gc.evaluate(slope, at), values, "K")
    np.testing.assert_allclose(gc.evaluate(gc.hessian(loss, Q, K), values), moved, rtol=1e-6, atol=1e-8)


def test_a_query_that_may_look_at_nothing_gives_zero() -> None:
    given = arrays([Q, K, V, MASKED])
    given["M"][1] = False
    e = gc.attention(Q, K, V, MASKED)
    slopes = gc.grad(gc.sum(e**2), [Q, K, V])
    with np.errstate(all="raise"):
        for style in ("readable", "fast"):
            out, dQ, dK, dV = gc.compile([e, *slopes], [Q, K, V, MASKED], style=style)(*given.values())
            assert np.all(out[1] == 0)
            assert np.all(dQ[1] == 0)
            assert all(np.all(np.isfinite(x)) for x in (out, dQ, dK, dV))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_are_finite_and_dropped_keys_weigh_nothing(dtype: Any) -> None:
    q, k, v = (np.array(x, dtype=dtype) for x in ([[1e2]], [[1e2], [-1e2], [3e2]], [[1.0], [2.0], [4.0]]))
    kept = np.array([[True, True, False]])
    e = gc.attention(Q, K, V, MASKED)
    slopes = gc.grad(gc.sum(e), [Q, K, V])
    for style in ("readable", "fast"):
        out, dQ, dK, dV = gc.compile([e, *slopes], [Q, K, V, MASKED], style=style)(q, k, v, kept)
        np.testing.assert_array_equal(out, [[1.0]])
        np.testing.assert_array_equal(dV, [[1.0], [0.0], [0.0]])
        assert np.all(np.isfinite(dQ))
        assert dK[2, 0] == 0


@pytest.mark.parametrize("sizes", [{"L": 0}, {"L": 1, "S": 1, "d": 1, "v": 1}, {"v": 0}, {"N": 0}])
def test_sizes_of_zero_and_one(sizes: dict[str, int]) -> None:
    stacked = [gc.symbol(name, (N, *s.shape)) for name, s in zip("QKV", (Q, K, V), strict=True)]
    e = gc.attention(*stacked)
    given = arrays(stacked, **sizes)
    np.testing.assert_allclose(gc.evaluate(e, given), by_hand(*given.values()))
    for style in ("readable", "fast"):
        outputs = gc.compile([e, *gc.grad(gc.sum(e**2), stacked)], stacked, style=style)(*given.values())
        assert [o.shape for o in outputs[1:]] == [given[name].shape for name in "QKV"]


@pytest.mark.parametrize("causal", [False, True])
def test_heads_are_attention_in_groups_of_columns(causal: bool) -> None:
    symbols = [gc.symbol("Q", (N, L, 2 * k)), gc.symbol("K", (N, S, 2 * k)), gc.symbol("V", (N, S, 2 * v)), MASKED]
    e = gc.multi_head_attention(*symbols[:3], symbols[3], heads=2, causal=causal)
    assert e.shape == (N, L, 2 * v)
    assert gc.parse(str(e), **gc.names(e)) is e
    given = arrays(symbols, N=1, S=2)
    values = given | SIZES | {"N": 1, "S": 2}
    q, kk, vv, m = given.values()
    kept = m * np.tri(*m.shape) if causal else m
    parts = [by_hand(q[..., i], kk[..., i], vv[..., j], kept) for i, j in zip(halves(q), halves(vv), strict=True)]
    np.testing.assert_allclose(gc.evaluate(e, values), np.concatenate(parts, axis=-1), rtol=1e-12)
    loss = gc.sum(e**2)
    compact = gc.simplify(loss)
    for x, slope in zip(symbols[:3], gc.grad(loss, symbols[:3]), strict=True):
        moved = differences(lambda at: gc.evaluate(compact, at), values, str(x.name))
        np.testing.assert_allclose(gc.evaluate(slope, values), moved, rtol=1e-6, atol=1e-8)
        assert gc.parse(str(slope), **gc.names(slope)) is slope


def halves(x: Any) -> list[slice]:
    middle = x.shape[-1] // 2
    return [slice(0, middle), slice(middle, None)]


def test_the_layer_follows_the_paper() -> None:
    x, memory = gc.symbol("x", (L, 4)), gc.symbol("z", (S, 3))
    y = nn.multi_head_attention(x, 2, "1", context=memory)
    shapes = {str(p.name): p.shape for p in nn.parameters(y)}
    assert shapes == {f"W{key}1": (rows, 4) for key, rows in zip("qkvo", (4, 3, 3, 4), strict=True)} | {
        f"b{key}1": (4,) for key in "qkvo"
    }
    g = arrays([x, memory, *nn.parameters(y)])
    q, kk, vv = (g[source] @ g[f"W{key}1"] + g[f"b{key}1"] for source, key in (("x", "q"), ("z", "k"), ("z", "v")))
    heads = [by_hand(q[:, i], kk[:, i], vv[:, i]) for i in (slice(0, 2), slice(2, 4))]
    np.testing.assert_allclose(gc.evaluate(y, g), np.concatenate(heads, axis=1) @ g["Wo1"] + g["bo1"], rtol=1e-12)
    assert len(nn.parameters(nn.multi_head_attention(x, 2, bias=False))) == 4


def transformer(x: Expr, name: str) -> Expr:
    """Pre-norm block: attention and a two-layer network, each with a layer norm before and a path around it."""
    x = x + nn.multi_head_attention(nn.layer_norm(x, f"a{name}"), 2, name, causal=True)
    hidden = nn.dense(nn.layer_norm(x, f"b{name}"), 8, f"1{name}", activation="relu")
    return x + nn.dense(hidden, x.shape[-1], f"2{name}")


def test_a_transformer_block_is_derived_rightly() -> None:
    x, y = gc.symbol("x", (N, L, 4)), gc.symbol("y", (N, L, 4))
    loss = gc.mse(transformer(x, "_1"), y)
    weights = nn.parameters(loss)
    assert len(weights) == 16
    slopes = gc.grad(loss, weights)
    given = arrays([x, y, *weights])
    compiled = gc.compile([loss, *slopes], [x, y, *weights])(*given.values())
    direction = {str(w.name): RNG.normal(size=given[str(w.name)].shape) for w in weights}
    for name, slope in zip(direction, compiled[1:], strict=True):
        up, down = (gc.evaluate(loss, {**given, name: given[name] + h * direction[name]}) for h in (1e-5, -1e-5))
        np.testing.assert_allclose(np.sum(slope * direction[name]), (up - down) / 2e-5, rtol=1e-5, atol=1e-8)


def test_a_small_language_model_learns_to_count() -> None:
    letters = 7
    words, following = gc.symbol("w", (N, L), dtype="int64"), gc.symbol("f", (N, L, letters), facts=["one_hot"])
    x = transformer(nn.embedding(words, letters, 4), "_1")
    p = gc.softmax(nn.dense(nn.layer_norm(x, "c"), letters, "3")).named("p")
    loss = gc.mean(gc.cross_entropy(p, following))
    weights = nn.parameters(loss)
    step = gc.compile([loss, *gc.grad(loss, weights)], [words, following, *weights])
    begin = {"ones": np.ones, "zeros": np.zeros}
    state = [begin.get(w.attributes["init"], lambda shape: RNG.normal(size=shape) / 2)(w.shape) for w in weights]
    text = np.add.outer(np.arange(letters), np.arange(6)) % letters
    given = text[:, :-1], np.eye(letters)[text[:, 1:]]
    first, *slopes = step(*given, *state)
    along = [RNG.normal(size=s.shape) for s in state]
    ends = [step(*given, *(s + h * a for s, a in zip(state, along, strict=True)))[0] for h in (1e-5, -1e-5)]
    slope = sum(np.sum(g * a) for g, a in zip(slopes, along, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-5)
    for _ in range(150):
        last, *slopes = step(*given, *state)
        state = [s - 0.5 * g for s, g in zip(state, slopes, strict=True)]
    assert last < 0.1
    assert first > 1


def test_no_array_larger_than_needed_is_built_for_weights_of_a_stack() -> None:
    x, W = gc.symbol("x", (N, L, d)), gc.parameter("W", (d, v))
    slope = gc.grad(gc.sum(gc.tanh(x @ W)), W)
    assert all(node.ndim <= 3 for node in topological([slope]))
    assert not any(node.shape in ((L, d, v), (N, d, v)) for node in topological([slope]))


def test_wrong_uses_are_explained() -> None:
    uses: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: gc.attention(Q, V, V),
            r"attention: Q and K need the same last axis: Q is \(L, d\), V is \(S, v\), so",
        ),
        (lambda: gc.attention(Q, K, G), r"K and V need as many rows: K is \(S, d\), G is \(L, v\), so S must equal L"),
        (lambda: gc.attention(gc.symbol("q", (d,)), K, V), r"Q needs rows and columns as its last axes, got q of sha"),
        (lambda: gc.attention(Q, K, V, gc.symbol("A", (S, L))), r"the mask of shape \(S, L\) does not broadcast to th"),
        (lambda: gc.attention(Q, K, V, scale=gc.symbol("s")), "expected a real number"),
        (lambda: gc.multi_head_attention(Q, K, V, heads=2), "the last axis of Q, d, is not provably divisible into 2"),
        (lambda: nn.multi_head_attention(gc.symbol("x", (4,)), 2), "needs positions and features as its last axes"),
        (
            lambda: gc.masked_softmax(gc.symbol("x", (L,)), MASKED),
            r"masked_softmax: the mask of shape \(L, S\) does not",
        ),
    ]
    for use, text in uses:
        with pytest.raises(gc.GraphcError, match=text):
            use()


def test_shared_parameters_collect_the_gradients_of_all_their_uses() -> None:
    x, W, other = gc.symbol("x", (N, 3)), gc.parameter("W", (3, 3)), gc.parameter("U", (3, 3))
    tied = gc.sum(gc.tanh(gc.tanh(x @ W) @ W + x) ** 2)
    apart = gc.sum(gc.tanh(gc.tanh(x @ W) @ other + x) ** 2)
    given = arrays([x, W])
    first, second = (gc.evaluate(g, {**given, "U": given["W"]}) for g in gc.grad(apart, [W, other]))
    np.testing.assert_allclose(gc.evaluate(gc.grad(tied, W), given), first + second, rtol=1e-12)
    codes, embedding = gc.symbol("c", (N, 5)), gc.parameter("E", (5, 3))
    loss = gc.mean(gc.cross_entropy(gc.softmax(gc.tanh(codes @ embedding) @ embedding.T), codes))
    given = arrays([codes, embedding])
    moved = differences(lambda at: gc.evaluate(loss, at), given, "E")
    np.testing.assert_allclose(gc.evaluate(gc.grad(loss, embedding), given), moved, rtol=1e-6, atol=1e-9)


def test_heads_in_index_notation_beside_layer_norm() -> None:
    """A minus sign stays in front of what is written in index notation."""
    H, T, N = gc.dims("H T N")
    X = gc.symbol("X", (N, T, d))
    heads = [gc.parameter(name, (d, H, k)) for name in ("WQ", "WK", "WV")]
    O, gain, shift = gc.parameter("O", (H, k, d)), gc.parameter("gain", (d,)), gc.parameter("shift", (d,))  # noqa: E741
    y = gc.layer_norm(X, gain, shift)
    q, r, u = (gc.einsum("btd,dhk->bhtk", y, w) for w in heads)
    weights = gc.softmax(gc.einsum("bhtk,bhsk->bhts", q, r) / gc.sqrt(k), axis=-1)
    f = gc.mean((X + gc.einsum("bhts,bhsk,hkd->btd", weights, u, O)) ** 2)
    wrt = [*heads, O, gain, shift]
    values = arrays([X, *wrt], H=2, T=3, N=2)
    for g, plain in zip(gc.grad(f, wrt), raw_gradients(f, wrt), strict=True):
        np.testing.assert_allclose(gc.evaluate(g, values), gc.evaluate(plain, values), rtol=1e-9, atol=1e-12)
