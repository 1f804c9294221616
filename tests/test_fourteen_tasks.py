"""Fourteen tasks that compare differentiators, each from several naive declarations.

Node counts are those of `count_ops` on the joint graph; forms are compared as text, values with finite differences.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generate import wide_arrays

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.forms import form

n, d, k, m = gc.dims("n d k m")
SIZES = {"n": 5, "d": 3, "k": 4, "m": 2}


def follows(loss: Expr, wrt: list[Expr], gradients: list[Expr]) -> None:
    """Compiled together with the loss, the gradients are its slopes."""
    inputs = [s for s in topological([loss]) if s.op.name in ("symbol", "parameter")]
    at = wide_arrays(inputs, SIZES, 0)
    names = [str(s.name) for s in inputs]
    run = gc.compile([loss, *gradients], inputs)
    _, *found = run(*(at[name] for name in names))
    for x, g in zip(wrt, found, strict=True):
        way = np.random.default_rng(1).normal(size=np.shape(at[str(x.name)]))
        up, down = (run(*({**at, str(x.name): at[str(x.name)] + h * way}[s] for s in names))[0] for h in (1e-6, -1e-6))
        assert np.isclose((up - down) / 2e-6, np.sum(g * way), rtol=1e-5, atol=1e-7), f"{loss} by {x.name}"


# 1


@pytest.mark.parametrize("text", ["(x + y)*z", "z*(y + x)", "x*z + y*z", "(x + y + x - x)*z", "-(x + y)*(-z)"])
def test_1_a_product(text: str) -> None:
    x, y, z = gc.symbol("x"), gc.symbol("y"), gc.symbol("z")
    f = gc.parse(text, x=x, y=y, z=z)
    gradients = gc.grad(f, [x, y, z])
    assert [str(g) for g in gradients] == ["z", "z", "x + y"]
    assert gc.count_ops(gc.simplify([f, *gradients])) <= 3


# 2

W, x = gc.symbol("W", (m, d)), gc.symbol("x", (d,))
SQUARED_NORMS = [
    "norm(W @ x)**2",
    "norm(W @ x)*norm(W @ x)",
    "sum((W @ x)**2)",
    "sum((W @ x)*(W @ x))",
    "(W @ x) @ (W @ x)",
    "sum(abs(W @ x)**2)",
    "trace(outer(W @ x, W @ x))",
    "trace(W @ outer(x, x) @ W.T)",
    "einsum('ij,j,ik,k->', W, x, W, x)",
]


@pytest.mark.parametrize("text", SQUARED_NORMS)
def test_2_the_squared_norm_of_a_product(text: str) -> None:
    f = gc.parse(text, W=W, x=x)
    gradients = gc.grad(f, [W, x])
    assert [str(g) for g in gradients] == ["2*outer(W @ x, x)", "2*W.T @ (W @ x)"]
    assert gc.count_ops(gradients) == 3
    follows(f, [W, x], gradients)


@pytest.mark.parametrize("text", ["x @ W.T @ W @ x", "x @ (W.T @ W) @ x", "(x @ W.T) @ (W @ x)"])
def test_2_as_a_quadratic_form(text: str) -> None:
    f = gc.parse(text, W=W, x=x)
    gradients = gc.grad(f, [W, x])
    assert str(gradients[0]) == "2*outer(W @ x, x)"
    assert str(gradients[1]).replace("(", "").replace(")", "") == "2*W.T @ W @ x"
    follows(f, [W, x], gradients)


# 3

ACTIVATIONS: dict[str, Callable[[Expr], Expr]] = {
    "sigmoid": gc.sigmoid,
    "tanh": gc.tanh,
    "relu": gc.relu,
    "1/(1 + exp(-z))": lambda z: 1 / (1 + gc.exp(-z)),
    "exp(z)/(1 + exp(z))": lambda z: gc.exp(z) / (1 + gc.exp(z)),
}
LOSSES: dict[str, Callable[[Expr, Expr], Expr]] = {
    "sum((y - t)**2)": lambda y, t: gc.sum((y - t) ** 2),
    "mean((y - t)**2)": lambda y, t: gc.mean((y - t) ** 2),
    "norm(t - y)**2": lambda y, t: gc.norm(t - y) ** 2,
    "sum((t - y)*(t - y))/2": lambda y, t: gc.sum((t - y) * (t - y)) / 2,
    "mean over the batch": lambda y, t: gc.mean(gc.sum((y - t) ** 2, axis=-1)),
}


@pytest.mark.parametrize("batch", [True, False], ids=["batch", "one example"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_3_one_hidden_layer(activation: str, loss: str, batch: bool) -> None:
    lead = (n,) if batch else ()
    X, T = gc.symbol("X", (*lead, d)), gc.symbol("T", (*lead, k))
    W, b, V, c = (gc.parameter(name, s) for name, s in {"W": (d, m), "b": (m,), "V": (m, k), "c": (k,)}.items())
    L = LOSSES[loss](ACTIVATIONS[activation](X @ W + b) @ V + c, T)
    gradients = gc.grad(L, [W, b, V, c])
    joint = gc.simplify([L, *gradients])
    assert gc.count_ops(joint) <= 16
    error = gc.simplify(ACTIVATIONS[activation](X @ W + b) @ V + c - T)
    above = [node for node in topological(joint[1:]) if error in node.operands]
    assert above, "the error term is one node, shared"
    follows(L, [W, b, V, c], gradients)


# 4

Z = gc.symbol("Z", (n, k))
CROSS_ENTROPIES = [
    "-sum(T*log(exp(Z)/sum(exp(Z), axis=1, keepdims=True)))/n",
    "mean(-sum(T*log(exp(Z)/sum(exp(Z), axis=1)[:, None]), axis=1))",
    "-mean(sum(T*(Z - log(sum(exp(Z), axis=1, keepdims=True))), axis=1))",
    "mean(log(sum(exp(Z), axis=1)) - sum(T*Z, axis=1))",
    "-sum(T*log(softmax(Z)))/n",
    "-sum(T*log_softmax(Z))/n",
    "mean(logsumexp(Z, axis=1) - sum(T*Z, axis=1))",
    "mean(cross_entropy(softmax(Z), T))",
    "mean(-sum(T*log(exp(Z - max(Z, axis=1, keepdims=True))"
    "/sum(exp(Z - max(Z, axis=1, keepdims=True)), axis=1, keepdims=True)), axis=1))",
]


@pytest.mark.parametrize("fact", ["one_hot", "simplex", "sums_to_one"])
@pytest.mark.parametrize("text", CROSS_ENTROPIES)
def test_4_softmax_and_cross_entropy(text: str, fact: str) -> None:
    T = gc.symbol("T", (n, k), facts=[fact])
    L = gc.parse(text, Z=Z, T=T)
    g = gc.grad(L, Z)
    assert str(g) == "(softmax(Z) - T)/n"
    for dtype in (np.float32, np.float64):
        logits = np.array([[1e4, -1e4, 0], [1000, 0, 999], [-1e4, -1e4, -1e4]], dtype)
        labels = np.eye(3, dtype=dtype)
        loss, gradient = gc.compile([L, g], [Z, T])(logits, labels)
        assert np.isclose(loss, (0 + 1000 + np.log1p(np.exp(-1)) + np.log(3)) / 3, rtol=1e-6)
        expected = np.array([[0, 0, 0], [1 / (1 + np.exp(-1)), -1, 1 / (1 + np.e)], [1 / 3, 1 / 3, -2 / 3]]) / 3
        assert np.allclose(gradient, expected, atol=1e-6)


# 5

SIGMOIDS = ["1/(1 + exp(-z))", "exp(z)/(1 + exp(z))", "1 - 1/(1 + exp(z))", "(1 + exp(-z))**(-1)", "sigmoid(z)"]
TANHS = ["(exp(z) - exp(-z))/(exp(z) + exp(-z))", "2/(1 + exp(-2*z)) - 1", "sinh(z)/cosh(z)", "tanh(z)"]


@pytest.mark.parametrize(
    ("text", "form", "bare"),
    [*((s, "g*h*(1 - h)", "g*s*(1 - s)") for s in SIGMOIDS), *((t, "g*(1 - h**2)", "g*(1 - s**2)") for t in TANHS)],
)
def test_5_layers_reuse_their_output(text: str, form: str, bare: str) -> None:
    g, b = gc.symbol("g", (m,)), gc.parameter("b", (m,))
    z = W @ x + b
    named = gc.parse(text, z=z).named("h")
    assert str(gc.grad(gc.sum(g * named), b)) == form
    f = gc.sum(g * gc.parse(text, z=z))
    gradient = gc.grad(f, b)
    function = "sigmoid" if "(1 - h)" in form else "tanh"
    assert str(gradient) == bare.replace("s", f"{function}(W @ x + b)")
    far = np.array([-800.0, 800.0])
    run = gc.compile(gradient, [g, W, x, b])
    assert np.allclose(run(np.ones(2), np.zeros((2, 3)), np.zeros(3), far), [0, 0], atol=1e-300)


# 6

VARIANCES = {
    "mean of squared differences": lambda X, mu: gc.mean((X - mu) ** 2, axis=0),
    "sum of products": lambda X, mu: gc.sum((X - mu) * (X - mu), axis=0) / n,
    "mean square minus squared mean": lambda X, mu: gc.mean(X**2, axis=0) - mu**2,
    "var": lambda X, mu: gc.var(X, axis=0),
}
ROOTS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "quotient": lambda c, v: c / gc.sqrt(v),
    "power": lambda c, v: c * v**-0.5,
    "product": lambda c, v: c * (1 / gc.sqrt(v)),
}


@pytest.mark.parametrize("named", [True, False], ids=["named", "bare"])
@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_6_batch_normalization_in_three_terms(variance: str, root: str, named: bool) -> None:
    X, G = gc.symbol("X", (n, d)), gc.symbol("G", (n, d))
    gamma, beta = gc.parameter("gamma", (d,)), gc.parameter("beta", (d,))
    eps = gc.symbol("eps", facts=["positive"])

    def name(e: Expr, text: str) -> Expr:
        return e.named(text) if named else e

    mu = name(gc.mean(X, axis=0), "mu")
    v = name(VARIANCES[variance](X, mu), "v")
    xhat = name(ROOTS[root](X - mu, v + eps), "xhat")
    L = gc.sum(G * (gamma * xhat + beta))
    gradients = gc.grad(L, [X, gamma, beta])
    assert gc.count_ops(gradients[0]) <= 15
    assert gc.count_ops(gc.simplify([L, gradients[0]])) <= 15
    if named:
        assert str(gradients[0]) == "gamma*(G - xhat*mean(G*xhat, axis=0) - mean(G, axis=0))/sqrt(v + eps)"
        assert str(gradients[1]) == "sum(G*xhat, axis=0)"
    assert str(gradients[2]) == "sum(G, axis=0)"
    follows(L, [X, gamma, beta], gradients)


# 7

PENALTIES = [
    ("alpha*sum(W**2)/2", "alpha*W"),
    ("alpha/2*norm(W)**2", "alpha*W"),
    ("alpha/2*trace(W.T @ W)", "alpha*W"),
    ("alpha*sum(W*W)", "2*alpha*W"),
    ("alpha*sum(abs(W))", "alpha*sign(W)"),
    ("alpha*sum(sqrt(W**2))", "alpha*sign(W)"),
    ("alpha*sum(maximum(W, -W))", "alpha*sign(W)"),
    ("alpha*(rho*sum(abs(W)) + (1 - rho)*sum(W**2)/2)", "alpha*((1 - rho)*W + rho*sign(W))"),
]


@pytest.mark.parametrize(("text", "form"), PENALTIES)
def test_7_penalties(text: str, form: str) -> None:
    names = {"W": W, "alpha": gc.symbol("alpha", facts=["positive"]), "rho": gc.symbol("rho")}
    assert str(gc.grad(gc.parse(text, **names), W)) == form


def test_7_weight_decay() -> None:
    """A step down the gradient of the penalty is one that shrinks the weights."""
    g, eta, alpha = gc.symbol("g", (m, d)), gc.symbol("eta"), gc.symbol("alpha")
    step = gc.simplify(W - eta * (g + gc.grad(alpha * gc.sum(W**2) / 2, W)))
    assert str(step) == "W - eta*(alpha*W + g)"
    assert gc.check(step, (1 - eta * alpha) * W - eta * g).status == "proved"


# 8

REGRESSIONS = [
    "-mean(y*log(sigmoid(X @ w)) + (1 - y)*log(1 - sigmoid(X @ w)))",
    "-sum(y*log(1/(1 + exp(-X @ w))) + (1 - y)*log(1 - 1/(1 + exp(-X @ w))))/n",
    "mean(softplus(X @ w) - y*(X @ w))",
    "mean(log(1 + exp(X @ w)) - y*(X @ w))",
    "mean(binary_cross_entropy(sigmoid(X @ w), y))",
    "mean(binary_cross_entropy_with_logits(X @ w, y))",
]


@pytest.mark.parametrize("text", REGRESSIONS)
def test_8_the_hessian_of_logistic_regression(text: str) -> None:
    X, y = gc.symbol("X", (n, d)), gc.symbol("y", (n,), facts=["binary"])
    w = gc.parameter("w", (d,))
    f = gc.parse(text, X=X, y=y, w=w)
    s = "sigmoid(X @ w)"
    assert str(gc.grad(f, w)) == f"X.T @ ({s} - y)/n"
    hessian = gc.hessian(f, w)
    assert str(hessian) == f"X.T*({s}*(1 - {s})) @ X/n"
    assert all(node.ndim <= 2 and node.op.name != "eye" for node in topological([hessian]))


# 9

FLAT = gc.symbol("v", (n,))


@pytest.mark.parametrize(
    ("text", "form", "value", "slope"),
    [
        ("log(sum(exp(v)))", "softmax(v)", [1e4], [1, 0, 0]),
        ("log(sum(exp(v - 3))) + 3", "softmax(v)", [1e4], [1, 0, 0]),
        ("sum(log(1 + exp(v)))", "sigmoid(v)", [1e4], [1, 0, 0]),
        ("sum(log(exp(v) + 1))", "sigmoid(v)", [1e4], [1, 0, 0]),
        ("sum(log1p(exp(v)))", "sigmoid(v)", [1e4], [1, 0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_9_logarithms_of_sums_of_exponentials(text: str, form: str, value: float, slope: list, dtype: type) -> None:
    f = gc.parse(text, v=FLAT)
    g = gc.grad(f, FLAT)
    assert str(g) == form
    for style in ("readable", "fast"):
        found = gc.compile([f, g], [FLAT], style=style)(np.array([1e4, -1e4, -800], dtype))
        assert np.allclose(found[0], value)
        assert np.allclose(found[1], slope, atol=1e-37)


# 10


def of_its_formula(v: Expr) -> Expr:
    return gc.elementwise("mish_of_its_formula", "x * tanh(log(1 + exp(x)))")(v)


MISHES = {
    "elementwise": of_its_formula,
    "naive": lambda v: v * gc.tanh(gc.log(1 + gc.exp(v))),
    "softplus": lambda v: v * gc.tanh(gc.softplus(v)),
    "mish": gc.mish,
}


@pytest.mark.usefixtures("own_ops")
@pytest.mark.parametrize("mish", MISHES.values(), ids=MISHES)
def test_10_a_new_op_from_its_formula(mish: Callable[[Expr], Expr]) -> None:
    f = mish(FLAT)
    g = gc.symbol("g", (n,))
    L = gc.sum(g * f)
    gradient = gc.grad(L, FLAT)
    assert str(gradient) == "g*(v*sigmoid(v)*(1 - tanh(softplus(v))**2) + tanh(softplus(v)))"
    source = gc.emit([L, gradient], [FLAT, g])
    assert source.count("np.tanh") == 1, "forward and backward share h"
    far = np.array([800.0, -800.0, 1e4, -1e4, 0.0])
    loss, slopes = gc.compile([L, gradient], [FLAT, g])(far, np.ones(5))
    assert np.allclose(slopes, [1, 0, 1, 0, 0.6], atol=1e-300)
    assert np.isclose(loss, 10800)


# 11


def test_11_convolution_and_pooling() -> None:
    N, C, H, Wd, F = gc.dims("N C H W F")
    image, kernel = gc.symbol("I", (N, C, H, Wd)), gc.parameter("K", (F, C, 3, 3))
    L = gc.sum(gc.tanh(gc.maxpool2d(gc.conv2d(image, kernel, pad=1), 2)))
    gradients = gc.grad(L, [image, kernel])
    source = gc.emit([L, *gradients], [image, kernel])
    assert "for i in range" not in source
    rng = np.random.default_rng(0)
    at = {"I": rng.normal(size=(2, 3, 6, 4)), "K": rng.normal(size=(5, 3, 3, 3))}
    run = gc.compile([L, *gradients], [image, kernel])
    _, *found = run(at["I"], at["K"])
    for name, g in zip(at, found, strict=True):
        way = rng.normal(size=g.shape)
        up, down = (run(*{**at, name: at[name] + h * way}.values())[0] for h in (1e-6, -1e-6))
        assert np.isclose((up - down) / 2e-6, np.sum(g * way), rtol=1e-4)


# 12

ATTENTIONS = [
    "softmax(Q @ K.T/sqrt(d)) @ V",
    "softmax(Q @ K.T*d**(-0.5)) @ V",
    "(exp(Q @ K.T/sqrt(d))/sum(exp(Q @ K.T/sqrt(d)), axis=1, keepdims=True)) @ V",
    "(exp(Q @ K.T/sqrt(d)) @ V)/sum(exp(Q @ K.T/sqrt(d)), axis=1)[:, None]",
    "attention(Q, K, V)",
]


@pytest.mark.parametrize("text", ATTENTIONS)
def test_12_attention(text: str) -> None:
    Q, K, V, G = (gc.symbol(name, shape) for name, shape in zip("QKVG", [(n, d), (m, d), (m, k), (n, k)], strict=True))
    L = gc.sum(G * gc.parse(text, Q=Q, K=K, V=V, n=n, d=d))
    gradients = gc.grad(L, [Q, K, V])
    joint = gc.simplify([L, *gradients])
    assert gc.count_ops(joint) <= 16
    assert sum(node.op.name == "softmax" for node in topological(joint)) == 1
    products = [x for x in topological(joint[1:]) if x.op.name == "contract" and form(x).kind == "matmul"]
    assert len(products) == 5, [str(x) for x in products]
    follows(L, [Q, K, V], gradients)


# 13


def test_13_a_module_that_stands_alone(tmp_path: Path) -> None:
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
    V, b = gc.parameter("V", (d, k)), gc.parameter("b", (k,))
    L = gc.mean(-gc.sum(T * gc.log(gc.softmax(X @ V + b)), axis=1))
    source = gc.emit([L, *gc.grad(L, [V, b])], [X, T, V, b])
    assert "graphc" not in source.split("\n", 1)[1]
    (tmp_path / "alone.py").write_text(source)
    program = (
        "import sys, numpy as np, alone\n"
        "for rows, columns in ((4, 3), (7, 2)):\n"
        "    X, T = np.ones((rows, columns)), np.eye(2)[[0] * rows]\n"
        "    loss, dV, db = alone.step(X, T, np.zeros((columns, 2)), np.zeros(2))\n"
        "    assert np.isclose(loss, np.log(2)) and dV.shape == (columns, 2) and np.allclose(db, [-.5, .5])\n"
        "assert not [name for name in sys.modules if name.startswith(('graphc', 'sympy'))]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# 14


@pytest.mark.parametrize(
    ("claim", "status", "words"),
    [
        ("X.T @ (softmax(X @ V) - T)/n", "proved", ""),
        ("X.T @ (softmax(X @ V) - T)", "wrong", "factor 1/n"),
        ("X.T @ (T - softmax(X @ V))/n", "wrong", "sign"),
        ("(softmax(X @ V) - T).T @ X/n", "wrong", "transpose"),
    ],
)
def test_14_judging_a_hand_derivation(claim: str, status: str, words: str) -> None:
    X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
    V = gc.parameter("V", (d, k))
    L = gc.mean(-gc.sum(T * gc.log(gc.softmax(X @ V)), axis=1))
    verdict = gc.check(L, V, claim)
    assert verdict.status == status
    if words:
        assert words in str(verdict)
        assert verdict.repair is not None
        assert gc.check(L, V, verdict.repair).status == "proved"
