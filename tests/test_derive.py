"""Derivations: every step holds numerically, rules have names and reasons, and all three forms can be read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from xml.dom import minidom

import numpy as np
import published_more
import pytest
from generate import arrays, expression, wide_arrays

import graphc as gc
from graphc.calculus.derivation import Derivation
from graphc.ir.expr import Expr, rebuild, substitute, topological
from graphc.ops.elementwise import cos, sin
from graphc.ops.leaves import NAMED, SYMBOL
from graphc.rewriting import matching
from graphc.rewriting.rules import Rule, RuleSet, rewrite, rule_sets

n, d, k = gc.dims("n d k")
X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
W, b = gc.parameter("W", (d, k)), gc.parameter("b", (k,))
p = gc.softmax(X @ W + b).named("p")
loss = gc.mean(-gc.sum(T * gc.log(p), axis=1))


def check_replay(derivation: Derivation, values: dict[str, np.ndarray]) -> None:
    """Each step keeps the value; each derivative is that of central differences."""
    for step in derivation.steps:
        assert step.rule
        assert step.reason
        before, after = gc.evaluate(step.before, values), gc.evaluate(step.after, values)
        assert np.allclose(before, after, rtol=1e-7, atol=1e-9), f"{step.before} = {step.after} by {step.rule}"
        if step.kind == "rewrite":
            assert step.node is None
            continue
        assert step.node is not None
        assert step.after.shape == step.node.shape
        if step.node.op.name not in ("constant", "size"):
            moved(derivation.f, step.node, step.after, values)


def moved(f: Expr, node: Expr, derivative: Expr, values: dict[str, np.ndarray]) -> None:
    """``f`` changes along a direction at `node` as `derivative` says."""
    at = gc.evaluate(node, values)
    direction = np.random.default_rng(1).normal(size=at.shape)
    free = gc.symbol("free", node.shape)
    replaced = without_names(substitute([without_names(f)], {without_names(node): free})[0])
    up, down = (gc.evaluate(replaced, {**values, "free": at + h * direction}) for h in (1e-6, -1e-6))
    slope = (gc.evaluate(derivative, values) * direction).sum()
    assert np.isclose((up - down) / 2e-6, slope, rtol=1e-4, atol=1e-6), str(node)


def without_names(e: Expr) -> Expr:
    """`e` with the names of its intermediates taken off: a derivation gives long ones names of its own."""
    done: dict[Expr, Expr] = {}
    for node in topological([e]):
        over = rebuild(node, tuple(done[o] for o in node.operands))
        done[node] = over.operands[0] if over.op is NAMED else over
    return done[e]


def test_the_steps_of_softmax_cross_entropy_hold() -> None:
    derivation = gc.derive(loss, W)
    assert derivation.result is gc.grad(loss, W)
    values = {
        name: np.random.default_rng(0).normal(size=s) for name, s in {"X": (3, 2), "W": (2, 4), "b": (4,)}.items()
    }
    values |= {"T": np.eye(4)[[0, 2, 1]], "n": 3, "d": 2, "k": 4}
    check_replay(derivation, values)
    assert [s.kind for s in derivation.steps].count("start") == 1
    assert any(s.rule == "distributions" and s.facts == ("sums_to_one of T",) for s in derivation.steps)
    assert derivation.facts == ("sums_to_one of T",)


@pytest.mark.parametrize("seed", range(12))
def test_random_derivations_replay(seed: int) -> None:
    f = gc.sum(gc.tanh(expression(random.Random(seed), 6, smooth=True)))
    symbols = [s for s in gc.names(f).values() if isinstance(s, Expr)]
    derivation = gc.derive(f, symbols[-1])
    check_replay(derivation, arrays([f], seed))


def test_text_names_the_rules() -> None:
    text = str(gc.derive(loss, W))
    assert text.startswith("L = mean(-sum(T*log(p), axis=1))\n    with p = softmax(X @ W + b)")
    assert "dL/dp = dL/d(log(p))/p = -T/(n*p)   [chain rule through log]" in text
    assert "dL/d(X @ W + b) = p*(dL/dp - sum(dL/dp*p, axis=1, keepdims=True)) = (p - T)/n" in text
    assert "sum(T, axis=1) = 1   [distributions: the entries sum to one, with sums_to_one of T]" in text
    assert "Result: dL/dW = X.T @ (p - T)/n" in text


def test_a_derivative_of_0_is_a_step_of_its_own() -> None:
    q, g = gc.symbol("q"), gc.symbol("g", (n,))
    for f, x in ((gc.sign(q), q), (2 * q, b), (gc.sum(gc.where(X[:, 0] > 0, g, g**2)), X)):
        derivation = gc.derive(f, x)
        check_replay(
            derivation,
            {"q": np.array(3.0), "g": np.arange(3.0), "X": np.eye(3) + 1, "b": np.ones(4), "n": 3} | {"d": 3, "k": 4},
        )
        assert [s.kind for s in derivation.steps].count("start") == 1
        assert derivation.steps[-1].after is derivation.result
        assert f"dL/d{x.name} = 0   [chain rule]" in str(derivation)


def test_numbers_stand_in_front_of_the_products_they_are_filled_into() -> None:
    P = gc.symbol("P", (n, n))
    befores = [str(s.before) for s in gc.derive(gc.logdet(P) / 2 + gc.sum(P), P).steps]
    assert befores[-1] == "inv(P).T/2 + 1"


def test_steps_there_and_back_are_left_out() -> None:
    D, w, y = gc.symbol("D", (n, d)), gc.symbol("w", (d,)), gc.symbol("y", (n,))
    pairs = {(s.before, s.after) for s in gc.derive(gc.sum(y * gc.exp(-D @ w) + D @ w), w).steps}
    assert not any((after, before) in pairs for before, after in pairs if before is not after)


def test_latex_and_html() -> None:
    derivation = gc.derive(loss, W)
    assert derivation.latex().startswith("\\begin{align*}\nL &= ")
    assert r"\frac{\partial L}{\partial \mathbf{W}}" in derivation.latex()
    reason = r"\text{(distributions: the entries sum to one, with sums\_to\_one of T)}"
    assert rf"&\quad \sum_{{j}} \mathbf{{T}}_{{:j}} = 1 \quad {reason}" in derivation.latex()
    page = minidom.parseString(derivation.html())
    assert len(page.getElementsByTagName("math")) > len(derivation.steps)


def test_bold_greek_letters_are_characters_of_their_own() -> None:
    alpha = gc.parameter("alpha", (k,))
    page = gc.derive(gc.sum(X @ W * alpha), alpha).html()
    assert "𝜶" in page
    assert "mathvariant" not in page  # browsers show no bold by it


def test_an_intermediate_and_a_symbol_with_facts() -> None:
    z = (X @ W + b).named("z")
    f = -gc.sum(T * gc.log(gc.softmax(z)))
    assert str(gc.derive(f, z).result) == "softmax(z) - T"
    by_target = gc.derive(f, T)
    assert by_target.result is gc.grad(f, T)
    assert by_target.facts == ()


def test_long_derivations_fold() -> None:
    h = X
    for i in range(60):
        h = (h + gc.symbol(f"v{i}", (d,))).named(f"h{i}")
    derivation = gc.derive(gc.sum(h), X)
    text = str(derivation)
    assert "22 steps more: text(full=True) shows them" in text
    assert "dL/dh30" not in text
    assert text.count("\n") < 300
    full = derivation.text(full=True)
    assert "steps more" not in full
    assert all(f"\n{i}. dL/d" in full for i in range(1, 63))
    assert r"\vdots" in derivation.latex()
    assert r"\vdots" not in derivation.latex(full=True)
    page = minidom.parseString(derivation.html())
    folded = page.getElementsByTagName("details")
    assert "22 steps more" in [d.firstChild.firstChild.nodeValue for d in folded]  # type: ignore[union-attr]
    with pytest.raises(gc.GraphcError, match="full"):
        derivation.text(full="yes")  # type: ignore[arg-type]


def test_long_intermediates_get_names() -> None:
    h = X
    weights = [gc.parameter(f"W{i}", (d, d)) for i in range(4)]
    for w in weights:
        h = gc.tanh(h @ w)
    derivation = gc.derive(gc.sum(h**2), weights[0])
    assert [str(z.name) for z in derivation.definitions] == ["z1"]
    assert "with z1 = tanh(tanh(tanh(X @ W0) @ W1) @ W2)\n" in str(derivation)
    assert "dL/dz1 = " in str(derivation)
    assert derivation.result is gc.grad(derivation.f, weights[0])


def declared(name: str, shape: tuple[object, ...] = (), *facts: str) -> tuple[str, Expr]:
    return name, gc.symbol(name, shape, facts=list(facts))


NAMES = dict(
    [
        *(declared(name, (n, d)) for name in "XE"),
        *(declared(name, (n, n)) for name in "ABC"),
        *(declared(name, (n,)) for name in "xya"),
        declared("T", (n, k), "one_hot"),
        declared("W", (d, k)),
        declared("V", (k, d)),
        declared("b", (k,)),
        declared("w", (d,)),
        declared("P", (n, n), "spd"),
        declared("Q", (n, n), "symmetric"),
        declared("O", (n, n), "orthogonal"),
        declared("t", (n,), "binary"),
        declared("u", (n,), "positive"),
        declared("p", (n,), "simplex"),
        declared("r", (), "positive"),
    ]
)
FUNCTIONS = [
    ("mean(-sum(T*log(softmax(X @ W + b)), axis=1))", "W"),
    ("mean(-sum(T*log(exp(X @ W)/sum(exp(X @ W), axis=1, keepdims=True)), axis=1))", "W"),
    ("sum((tanh(X @ W + b) @ V - E)**2)/2", "W"),
    ("sum((1/(1 + exp(-(X @ W + b))) @ V - E)**2)/2", "W"),
    ("mean(relu(X @ W + b) @ V)", "X"),
    ("-mean(t*log(sigmoid(X @ w)) + (1 - t)*log(1 - sigmoid(X @ w)))", "w"),
    ("mean(log(1 + exp(-(2*t - 1)*(X @ w))))", "w"),
    ("norm(X @ w - y)**2 + r*norm(w)**2", "w"),
    ("norm(X @ w - y)", "w"),
    ("sum(E*(X - mean(X, axis=0))/sqrt(mean((X - mean(X, axis=0))**2, axis=0) + r))", "X"),
    ("sum(E*(X - mean(X, axis=1, keepdims=True))/sqrt(var(X, axis=1, keepdims=True) + r))", "X"),
    ("sum(softmax(X @ E.T/sqrt(d)) @ X)", "E"),
    ("logdet(P)", "P"),
    ("trace(A @ B @ A.T)", "A"),
    ("x @ inv(A) @ y", "A"),
    ("x @ P @ x", "x"),
    ("x @ Q @ x + a @ x", "x"),
    ("det(A)", "A"),
    ("log(det(P)) + x @ inv(P) @ x", "P"),
    ("trace(inv(A) @ B)", "A"),
    ("x @ A @ x/(x @ x)", "x"),
    ("trace(A.T @ B @ A @ C)", "A"),
    ("norm(A @ A.T - eye(n))**2", "A"),
    ("trace(kron(A, B) @ kron(A, B).T)", "A"),
    ("norm(A @ O @ x)**2", "x"),
    ("trace(O.T @ A @ O)", "A"),
    ("norm(A - outer(x, y))**2", "x"),
    ("sum(exp(-u*x) + log(u))", "u"),
    ("sum(lgamma(u)) - lgamma(sum(u))", "u"),
    ("logsumexp(x) - a @ x", "x"),
    ("-sum(softmax(x)*log(softmax(x)))", "x"),
    ("log(sum(exp(x)))", "x"),
    ("sum(p*log(p/softmax(x)))", "x"),
    ("sum(x*tanh(log(1 + exp(x))))", "x"),
    ("sum(abs(x)**3)", "x"),
    ("sum(where(abs(x) < 1, x**2/2, abs(x) - 1/2))", "x"),
    ("sum(maximum(0, 1 - y*(X @ w)))", "w"),
    ("norm(x)/sum(x)", "x"),
    ("x @ y/(norm(x)*norm(y))", "x"),
    ("sum(cumsum(x)**2)", "x"),
    ("std(x)", "x"),
    ("max(x)*sum(x)", "x"),
    ("prod(u)", "u"),
]


def derived(text: str, by: str) -> Derivation:
    return gc.derive(gc.parse(text, **NAMES, n=n, d=d), NAMES[by])


@pytest.mark.parametrize(("text", "by"), FUNCTIONS, ids=[f"{f} by {x}" for f, x in FUNCTIONS])
def test_every_step_holds_at_random_points(text: str, by: str) -> None:
    derivation = derived(text, by)
    assert derivation.result is gc.grad(derivation.f, derivation.x)
    symbols = [s for s in topological([derivation.f]) if s.op is SYMBOL]
    for seed in range(2):
        rng = random.Random(f"{text} {seed}")
        sizes = dict(zip("ndk", rng.sample(range(2, 6), 3), strict=True))
        check_replay(derivation, {**wide_arrays(symbols, sizes, seed), **sizes})  # type: ignore[dict-item]
    gaps = [step for step in derivation.steps if step.rule == "simplified function"]
    assert not gaps or text == "sum(maximum(0, 1 - y*(X @ w)))", "rules lead from the last step to the result"
    for shown in (derivation.text(full=True), derivation.latex(full=True)):
        assert "?" not in shown, "a stand-in is left"
    assert minidom.parseString(derivation.html())


def test_a_wrong_rule_is_caught_by_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(x: Expr) -> Iterator[Rule]:
        yield rewrite(sin(x) * cos(x)).to(sin(x) ** 2).because("planted")

    monkeypatch.setitem(rule_sets, "planted", RuleSet("planted", planted, ("x",), False, (1,), "A wrong rule."))
    matching.table.cache_clear()
    try:
        derivation = derived("sum(sin(x)**2)", "x")
        assert any(step.rule == "planted" for step in derivation.steps)
        with pytest.raises(AssertionError, match="sin"):
            check_replay(derivation, {"x": np.array([0.3, 1.0]), "n": 2})
    finally:
        monkeypatch.undo()
        matching.table.cache_clear()
    check_replay(derived("sum(sin(x)**2)", "x"), {"x": np.array([0.3, 1.0]), "n": 2})


def test_facts_are_those_that_were_declared() -> None:
    assert derived("x @ Q @ x", "x").facts == ("symmetric of Q",)
    assert derived("x @ inv(P) @ x", "x").facts == ("spd of P",)
    assert derived("x @ (A @ A.T) @ x", "x").facts == ()
    assert derived("log(sum(exp(x)))", "x").facts == ()


PUBLISHED = [(f, by) for kind, f, by, *_ in published_more.MORE[::3] if kind == "gradient"]


@pytest.mark.parametrize(("function", "by"), PUBLISHED, ids=[f"{f} by {x}" for f, x in PUBLISHED])
def test_every_step_of_a_published_derivation_holds_and_has_a_reason(function: str, by: str) -> None:
    names = published_more.MORE_NAMES
    d = gc.derive(gc.parse(function, **names), names[by])
    sizes = {"n": 3, "d": 2, "k": 4, "m": 5}
    symbols = [s for s in topological([e for step in d.steps for e in (step.before, step.after)]) if s.op is SYMBOL]
    values = {**wide_arrays(symbols, sizes, 3), **sizes}  # type: ignore[arg-type]
    for step in d.steps:
        assert step.rule
        assert step.reason
        with np.errstate(all="ignore"):
            left, right = gc.evaluate(step.before, values), gc.evaluate(step.after, values)
        ok = np.isfinite(left) & np.isfinite(right)
        assert np.allclose(np.where(ok, left, 0), np.where(ok, right, 0), rtol=1e-6, atol=1e-8), f"{step.rule}: {step}"


def test_a_last_step_names_the_law_by_which_the_forms_agree() -> None:
    x, y = gc.symbol("x", ("n",), facts=["positive"]), gc.symbol("y", ("n",), facts=["positive"])
    d = gc.derive(gc.sum(x / y - gc.log(x / y) - 1), x)
    assert str(d.result) == "1/y - 1/x"
    assert d.steps[-1].rule != "simplified function"


def test_gradients_by_several_variables_print_as_one_listing() -> None:
    x = gc.symbol("x", (n, d))
    wrt = []
    for i in range(2):
        wrt += [gc.parameter(f"W{i}", (d, d)), gc.parameter(f"b{i}", (d,))]
        x = gc.tanh(x @ wrt[-2] + wrt[-1])
    gradients = gc.grad(gc.mean(x**2), wrt)
    lines = str(gradients).splitlines()
    read = {**gc.names(gc.mean(x**2))}
    for line in lines:  # in an order in which each line can be computed
        name, _, formula = line.partition(" = ")
        read[name] = gc.parse(formula, **read)
    assert [name for name in read if name.startswith("d")] == ["d", "dW0", "db0", "dW1", "db1"]
    rng = np.random.default_rng(0)
    values = {"n": 2, "d": 3, "x": rng.normal(size=(2, 3))}
    values |= {str(p.name): rng.normal(size=(3,) * p.ndim) for p in wrt}
    for p, g in zip(wrt, gradients, strict=True):
        np.testing.assert_allclose(gc.evaluate(read[f"d{p.name}"], values), gc.evaluate(g, values), rtol=1e-12)


def test_short_gradients_print_as_formulas() -> None:
    a, b = gc.symbol("a", (n,)), gc.symbol("b", (n,))
    assert str(gc.grad(gc.sum(a * gc.sin(b)), [a, b, a])) == "da = sin(b)\ndb = a*cos(b)\nda_3 = sin(b)"
    assert [str(g) for g in gc.grad(gc.sum(a * b), [a, b])] == ["b", "a"]
