"""LaTeX as papers set it, readable by ziamath and latex2mathml for every op of the registry."""

from __future__ import annotations

import collections
import functools
import itertools
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import ziamath
from generate import expression

import graphc as gc
from graphc.errors import DrawingError
from graphc.ir.expr import Expr
from graphc.ir.op import registry
from graphc.ops.contraction import CONTRACT, contract, factors_of
from graphc.ops.leaves import size
from graphc.ops.notation import functions
from graphc.visualize.chains import chained
from graphc.visualize.latex import set_brackets, stretching
from graphc.visualize.letters import dim_latex, name_latex, number_latex
from graphc.visualize.mathml import mathml

n, d, k = gc.dims("n d k")
X, Y = gc.symbol("X", (n, d)), gc.symbol("Y", (n, d))
A = gc.symbol("A", (d, d))
W, W1 = gc.parameter("W", (d, k)), gc.parameter("W1", (k, d))
T = gc.symbol("T", (n, k))
b = gc.parameter("b", (k,))
x, y = gc.symbol("x", (d,)), gc.symbol("y", (d,))
s, c, alpha = gc.symbol("s"), gc.symbol("c"), gc.symbol("alpha")
b0 = gc.symbol("b0", (n,))
p = gc.softmax(X @ W + b).named("p")
gamma, eps = gc.symbol("gamma", (d,)), gc.symbol("eps")

GOLDENS: list[tuple[Expr, str]] = [
    (p, r"\mathbf{p} = \operatorname{softmax}(\mathbf{X} \mathbf{W} + \mathbf{b})"),
    (X.T @ (p - T) / n, r"\frac{1}{n} \mathbf{X}^{\top} (\mathbf{p} - \mathbf{T})"),
    (
        contract([(X, (2, 0), 1), (p - T, (2, 1), 1), (size(n), (), -1)], (d, k), 2),
        r"\frac{2}{n} \mathbf{X}^{\top} (\mathbf{p} - \mathbf{T})",
    ),
    (gc.mean(gc.cross_entropy(p, T)), r"\frac{1}{n} \sum_{i} \operatorname{H}(\mathbf{T}, \mathbf{p})_{i}"),
    (W1 @ x, r"\mathbf{W}_{1} \mathbf{x}"),
    (x @ W, r"\mathbf{W}^{\top} \mathbf{x}"),
    (x @ W1.T, r"\mathbf{W}_{1} \mathbf{x}"),
    (x @ y, r"\mathbf{x}^{\top} \mathbf{y}"),
    (x @ A @ y, r"\mathbf{x}^{\top} \mathbf{A} \mathbf{y}"),
    (A @ (X.T * X.T) @ Y, r"\mathbf{A} (\mathbf{X}^{\top})^{\odot 2} \mathbf{Y}"),
    (A @ (x * y), r"\mathbf{A} (\mathbf{x} \odot \mathbf{y})"),
    (gc.outer(2 * x, y), r"2 \mathbf{x} \mathbf{y}^{\top}"),
    (gc.diag(x), r"\operatorname{diag}(\mathbf{x})"),
    (gc.trace(A), r"\operatorname{tr}(\mathbf{A})"),
    (gc.eye(n), r"\mathbf{I}_{n}"),
    (gc.zeros(n, d), r"\mathbf{0}_{n \times d}"),
    (gc.broadcast_to(x, (n, d)), r"\mathbf{1}_{n} \mathbf{x}^{\top}"),
    (gc.sum(X * gc.log(Y)), r"\sum_{i,j} X_{ij} \log Y_{ij}"),
    (gc.sum(X, axis=0), r"\sum_{i} \mathbf{X}_{i:}"),
    (gc.mean(X, axis=1), r"\frac{1}{d} \sum_{j} \mathbf{X}_{:j}"),
    (gc.max(X, axis=0), r"\max_{i} \mathbf{X}_{i:}"),
    (gc.sum((W1 @ x - b) ** 2), r"\lVert \mathbf{W}_{1} \mathbf{x} - \mathbf{b} \rVert^{2}"),
    (gc.einsum("ij,jk,kl->il", X, A, A), r"\mathbf{X} \mathbf{A} \mathbf{A}"),
    (gc.einsum("ij,kj,kl->li", A, X, X), r"\mathbf{X}^{\top} \mathbf{X} \mathbf{A}^{\top}"),
    (gc.einsum("ij,j,k->ik", A, x, b0), r"\mathbf{A} \mathbf{x} \mathbf{b}_{0}^{\top}"),
    (gc.einsum("ij,j,kl,l->ik", X, x, T, b), r"\mathbf{X} \mathbf{x} \mathbf{b}^{\top} \mathbf{T}^{\top}"),
    (gc.einsum("i,ij,j->", x, A, y), r"\mathbf{x}^{\top} \mathbf{A} \mathbf{y}"),
    (gc.einsum("i,ji,j->", x, A, y), r"\mathbf{y}^{\top} \mathbf{A} \mathbf{x}"),
    (gc.einsum("ij,ji", A, A), r"\operatorname{tr}(\mathbf{A} \mathbf{A})"),
    (gc.simplify(gc.trace(A @ A @ A)), r"\operatorname{tr}(\mathbf{A}^{3})"),
    (gc.simplify(gc.trace(X.T @ Y @ A)), r"\operatorname{tr}(\mathbf{Y}^{\top} \mathbf{X} \mathbf{A}^{\top})"),
    (gc.simplify(gc.trace(X @ A @ X.T)), r"\operatorname{tr}(\mathbf{X}^{\top} \mathbf{X} \mathbf{A}^{\top})"),
    (
        gc.simplify(3 * gc.trace(gc.inv(A) @ X.T @ Y)),
        r"3 \, \operatorname{tr}(\mathbf{X}^{\top} \mathbf{Y} \mathbf{A}^{-1})",
    ),
    (gc.sum(X * Y), r"\sum_{i,j} X_{ij} Y_{ij}"),
    (gc.symbol("x_", (d,)) + x, r"\mathbf{x}_{\_} + \mathbf{x}"),
    (gc.norm(x - y) ** 2, r"\lVert \mathbf{x} - \mathbf{y} \rVert^{2}"),
    ((x > 0) * y, r"[\mathbf{x} > 0] \odot \mathbf{y}"),
    (gc.maximum(s, 0), r"\max(s, 0)"),
    (s / (s + c), r"\frac{s}{s + c}"),
    (alpha * x / c, r"\frac{\alpha}{c} \mathbf{x}"),
    (x / y, r"\mathbf{x} \oslash \mathbf{y}"),
    (1 / x, r"\mathbf{x}^{\odot -1}"),
    (s * s, r"s^{2}"),
    (x**2 / 2, r"\frac{1}{2} \mathbf{x}^{\odot 2}"),
    (gc.exp(-(s**2) / 2), r"e^{-\frac{s^{2}}{2}}"),
    (gc.sqrt(s + 1e-5), r"\sqrt{s + 10^{-5}}"),
    (gc.tanh(x + y) * gc.log(x), r"\tanh (\mathbf{x} + \mathbf{y}) \odot \log \mathbf{x}"),
    (gc.log(x) * y, r"(\log \mathbf{x}) \odot \mathbf{y}"),
    (-x * y, r"-\mathbf{x} \odot \mathbf{y}"),
    (x - 2 * (x - y) * c, r"\mathbf{x} - 2 c (\mathbf{x} - \mathbf{y})"),
    ((s - c) * (s + c) / 3, r"\frac{(s - c) (s + c)}{3}"),
    (gc.softmax(X, axis=0), r"{\operatorname{softmax}(\mathbf{X})}_{\mathrm{axis} = 0}"),
    (gc.dense(X, W, b), r"\mathbf{X} \mathbf{W} + \mathbf{b}"),
    (gc.constant([[1, 2], [0.5, -1]]), r"\left[\begin{matrix} 1 & 2 \\ \frac{1}{2} & -1 \end{matrix}\right]"),
    (gc.sum(X**2), r"\lVert \mathbf{X} \rVert_{F}^{2}"),
    (gc.norm(X) ** 2, r"\lVert \mathbf{X} \rVert_{F}^{2}"),
    (x / (A @ y), r"\mathbf{x} \oslash (\mathbf{A} \mathbf{y})"),
    (gc.inv(A.T) @ x, r"\mathbf{A}^{-\top} \mathbf{x}"),
    (gc.inv(A).T @ x, r"\mathbf{A}^{-\top} \mathbf{x}"),
    (X + b0[:, None], r"\mathbf{X} + \mathbf{b}_{0} \mathbf{1}^{\top}"),
    (X.T @ (b0[:, None] * X), r"\mathbf{X}^{\top} \, \operatorname{diag}(\mathbf{b}_{0}) \mathbf{X}"),
    (gc.where(x > 0, x, y), r"\operatorname{where}(\mathbf{x} > 0, \mathbf{x}, \mathbf{y})"),
    (c * gc.where(s > 0, s, c), r"c \, \operatorname{where}(s > 0, s, c)"),
    (
        gc.exp(-gc.sum((X[:, None, :] - X) ** 2, axis=2)),
        r"[e^{-{\textstyle\sum_{k}} \, (X_{ik} - X_{jk})^{2}}]_{ij}",
    ),
    (
        gc.jacobian(gc.softmax(X), X),
        r"[(\delta_{jl} - \operatorname{softmax}(\mathbf{X})_{ij}) \delta_{ik} \, "
        r"\operatorname{softmax}(\mathbf{X})_{il}]_{ijkl}",
    ),
    (
        gc.jacobian(X / gc.norm(X, axis=1, keepdims=True), X),
        r"\left[\frac{1}{\lVert \mathbf{X}_{i:} \rVert} \left(\delta_{jl} - "
        r"\frac{X_{ij}}{\lVert \mathbf{X}_{i:} \rVert^{2}} X_{il}\right) \delta_{ik}\right]_{ijkl}",
    ),
    (gc.jacobian(gc.log_softmax(x), x), r"\mathbf{I}_{d} - \mathbf{1} \, \operatorname{softmax}(\mathbf{x})^{\top}"),
    (gc.jacobian(x - gc.mean(x), x), r"\mathbf{I}_{d} - \frac{1}{d} \mathbf{1} \mathbf{1}^{\top}"),
    (
        gc.jacobian(x / gc.sum(x), x),
        r"\frac{1}{\sum_{i} x_{i}} \left(\mathbf{I}_{d} - "
        r"\frac{1}{{\textstyle\sum_{i}} \, x_{i}} \mathbf{x} \mathbf{1}^{\top}\right)",
    ),
    (
        gc.hessian(gc.mean(x) * gc.norm(x) ** 2, x),
        r"\frac{2}{d} (({\textstyle\sum_{i}} \, x_{i}) \mathbf{I}_{d} + "
        r"\mathbf{1} \mathbf{x}^{\top} + \mathbf{x} \mathbf{1}^{\top})",
    ),
    (
        gc.jacobian(gc.softmax(W1 @ x), x),
        r"\operatorname{diag}(\operatorname{softmax}(\mathbf{W}_{1} \mathbf{x})) (\mathbf{W}_{1} - "
        r"\mathbf{1} \, \operatorname{softmax}(\mathbf{W}_{1} \mathbf{x})^{\top} \mathbf{W}_{1})",
    ),
    (gc.eye(n)[:, ::-1], r"(\mathbf{I}_{n})_{:,n:-1:1}"),
    (1 / gc.sum(x**2) ** 2, r"\frac{1}{\lVert \mathbf{x} \rVert^{4}}"),
    (
        X - gc.mean(X, axis=1, keepdims=True),
        r"\mathbf{X} - \left(\frac{1}{d} {\textstyle\sum_{j}} \, \mathbf{X}_{:j}\right) \mathbf{1}^{\top}",
    ),
    (
        gc.jacobian(x**2 / gc.norm(x), x),
        r"\frac{1}{\lVert \mathbf{x} \rVert} \, \operatorname{diag}(\mathbf{x}) "
        r"\left(2 \mathbf{I}_{d} - \frac{1}{\lVert \mathbf{x} \rVert^{2}} \mathbf{x} \mathbf{x}^{\top}\right)",
    ),
    (
        gamma * (X - gc.mean(X, axis=0)) / gc.sqrt(s + eps),
        r"\frac{1}{\sqrt{s + \varepsilon}} \boldsymbol{\gamma} \odot "
        r"\left(\mathbf{X} - \frac{1}{n} {\textstyle\sum_{i}} \, \mathbf{X}_{i:}\right)",
    ),
]


@pytest.mark.parametrize(("expr", "golden"), GOLDENS, ids=[g for _, g in GOLDENS])
def test_formulas(expr: Expr, golden: str) -> None:
    assert gc.latex(expr) == golden
    readable(golden)


def has_two_scripts(text: str) -> bool:
    """Whether something has two subscripts or two superscripts, which LaTeX refuses and the renderers do not."""
    used: list[set[str]] = [set()]
    is_script = False
    for token in re.findall(r"\\[a-zA-Z]+|\\.|[^\s]", text):
        if token in "_^":
            if token in used[-1]:
                return True
            used[-1].add(token)
            is_script = True
        elif token == "}":
            used.pop()
        else:
            if not is_script:
                used[-1].clear()
            is_script = False
            if token == "{":
                used.append(set())
    return False


def readable(text: str) -> None:
    """Both renderers accept `text` and make a picture of sane size, and so does LaTeX."""
    assert not has_two_scripts(text)
    ET.fromstring(mathml(text))
    width, height = ziamath.Latex(text).getsize()
    assert 0 < width < 20000
    assert 0 < height < 900


@pytest.mark.parametrize(
    ("name", "ndim", "indices", "golden"),
    [
        ("x", 0, "", "x"),
        ("loss", 0, "", r"\mathit{loss}"),
        ("W1", 2, "", r"\mathbf{W}_{1}"),
        ("W_1", 2, "ij", r"\mathbf{W}_{1,ij}"),
        ("W1", 0, "ij", "W_{1,ij}"),
        ("dW_out", 2, "", r"\mathrm{d}\mathbf{W}_{\mathrm{out}}"),
        ("lambda_1", 0, "", r"\lambda_{1}"),
        ("alpha", 1, "", r"\boldsymbol{\alpha}"),
        ("eps", 0, "", r"\varepsilon"),
        ("xhat", 2, "", r"\hat{\mathbf{x}}"),
        ("mu_bar", 0, "", r"\bar{\mu}"),
        ("x_i_2", 0, "", "x_{i,2}"),
        ("_x", 1, "", r"\mathbf{x}"),
        ("__", 0, "", r"\mathit{\_\_}"),
    ],
)
def test_names(name: str, ndim: int, indices: str, golden: str) -> None:
    assert name_latex(name, ndim, indices) == golden
    readable(golden)


@pytest.mark.parametrize(
    ("value", "golden"),
    [
        ("1/10", "0.1"),
        ("1/3", r"\frac{1}{3}"),
        ("-3", "-3"),
        ("1/100000", "10^{-5}"),
        ("1/4000", r"\frac{1}{4000}"),
        ("3/100000", r"3 \cdot 10^{-5}"),
        ("1/2", r"\frac{1}{2}"),
        ("100000000000000000000000", "100000000000000000000000"),
    ],
)
def test_numbers(value: str, golden: str) -> None:
    assert number_latex(Fraction(value))[0] == golden
    readable(golden)


def test_sizes() -> None:
    assert dim_latex(2 * n)[0] == "2 n"
    readable(dim_latex((n - k) // 2 + 1)[0])


SAMPLES: dict[str, Callable[[], Expr]] = {
    "symbol": lambda: X,
    "parameter": lambda: W,
    "constant": lambda: gc.constant(0.1),
    "size": lambda: size(n * d),
    "pi": lambda: gc.pi,
    "array": lambda: gc.constant([[1, 2], [3, 4]]),
    "eye": lambda: gc.eye(n),
    "named": lambda: p + 1,
    "contract": lambda: contract([(X, (2, 0), 1), (gc.exp(Y), (2, 1), -2), (s, (), Fraction(1, 2))], (d, d), -3),
    "add": lambda: X - 2 * Y + s,
    "general_power": lambda: X**s,
    "abs": lambda: gc.abs(X),
    "reshape": lambda: gc.reshape(X, (n * d,)),
    "cross_entropy": lambda: gc.cross_entropy(p, T),
    "where": lambda: gc.where(X > 0, X, Y),
    "dense": lambda: gc.dense(X, W, b),
    "polygamma": lambda: gc.polygamma(2, X),
    "inv": lambda: gc.inv(X.T @ X),
    "det": lambda: gc.det(X.T @ X),
    "logdet": lambda: gc.logdet((X.T @ X).T),
    "solve": lambda: gc.solve((X.T @ X).T, X.T),
}
OPERATIONS = sorted(registry)


def sample(name: str) -> Expr:
    """An expression with the op `name`: written above, or its function over matrices."""
    if name in SAMPLES:
        return SAMPLES[name]()
    if registry[name].examples:
        text, names = registry[name].examples[0]
        return gc.parse(text, **names)
    function, arity = functions.get(name), len(registry[name].domain)
    assert function is not None, f"test_latex needs a sample for the op {name}: add one to SAMPLES"
    operands = (X, Y, gc.symbol("Z", (n, d)))[:arity]
    return function(*operands)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_op_is_set_and_read_by_both_renderers(name: str) -> None:
    expr = sample(name)
    for variant in (expr, gc.sum(expr), -2 * expr / n, gc.exp(expr), expr**2 if expr.weak else (expr**2).named("v")):
        readable(gc.latex(variant))


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_are_read_by_both_renderers(seed: int) -> None:
    rng = random.Random(seed)
    readable(gc.latex(expression(rng, rng.randrange(3, 20))))


def test_a_long_formula_is_a_listing_of_lines() -> None:
    h = s
    for _ in range(60):
        h = gc.tanh(h * h + c)
    text = gc.latex(h.named("h"))
    assert text.startswith(r"\begin{array}{rl} u_{1} &= ")
    assert r"\\ h &= " in text
    assert all(stretching(line) <= 5 for line in text.split(r"\\"))
    readable(text)


def test_fractions_that_nest_deeply_become_lines() -> None:
    h = s
    for _ in range(12):
        h = 1 / (1 + h)
    text = gc.latex(h)
    assert text.count(r"\\") >= 2
    readable(text)


def test_names_of_lines_avoid_names_in_use() -> None:
    h = gc.symbol("u")
    for _ in range(60):
        h = gc.tanh(h * h + c)
    assert r"v_{1} &= " in gc.latex(h)


def test_a_deep_network_prints_a_line_a_layer() -> None:
    def deep(layers: int) -> Expr:
        h = X
        for i in range(layers):
            h = gc.tanh(gc.dense(h, gc.parameter(f"W{i}", (d, d)), gc.parameter(f"b{i}", (d,))))
        return h

    short, long = gc.latex(deep(100)), gc.latex(deep(200))
    assert r"\mathbf{W}_{199}" in long
    assert len(long) < 2.2 * len(short)


def test_brackets_grow_only_around_tall_contents() -> None:
    assert set_brackets(r"\left(x\right)") == "(x)"
    assert set_brackets(r"\left[\frac{a}{b}\right]") == r"\left[\frac{a}{b}\right]"
    assert set_brackets(r"\left\lVert x\right\rVert") == r"\lVert x\rVert"
    assert set_brackets(r"\sum_{i} \left(\sum_{j} x\right)") == r"\sum_{i} ({\textstyle\sum_{j}} \, x)"


def test_a_notebook_shows_the_formula() -> None:
    assert (x + y)._repr_latex_() == r"$\displaystyle \mathbf{x} + \mathbf{y}$"


def test_latex_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(DrawingError, match="cannot read the LaTeX"):
        mathml(r"\left(x")


def test_a_reciprocal_of_a_power_is_a_quotient() -> None:
    x = gc.symbol("x", ("n",))
    text = gc.latex(1 / (gc.abs(x) + 1) ** 2)
    assert text.startswith(r"\mathbf{1} \oslash") and r"^{\odot 2}" in text and "-1" not in text


@pytest.mark.parametrize("seed", range(60))
def test_chains_of_matrices_have_the_value_of_their_contraction(seed: int) -> None:
    rng = random.Random(seed)
    labels = [chr(97 + i) for i in range(rng.randint(2, 5))]
    pairs = list(itertools.pairwise([*labels, labels[0]] if rng.random() < 0.4 else labels))
    pairs += [(rng.choice(labels),)] if rng.random() < 0.4 else []
    pairs = [p if rng.random() < 0.5 else p[::-1] for p in rng.sample(pairs, len(pairs))]
    counts = collections.Counter(c for p in pairs for c in p)
    out = "".join(c for c in rng.sample(labels, len(labels)) if counts[c] == 1)
    arrays = [gc.symbol(f"M{i}", (2,) * len(p)) for i, p in enumerate(pairs)]
    node = gc.einsum(f"{','.join(map(''.join, pairs))}->{out}", *arrays)
    if node.op is not CONTRACT:
        return
    walk = chained(node, [f for f in factors_of(node) if f[0].ndim], ())
    if walk is None:
        assert len(pairs) < 2 or len(out) > 2 or max(counts.values()) > 2 or (len(pairs) == 2 and not out)
        return
    draws = np.random.default_rng(seed)
    values = {str(a.name): draws.normal(size=(2,) * a.ndim) for a in arrays}
    factors = [np.atleast_2d(values[str(x.name)]) if x.ndim == 2 else values[str(x.name)][:, None] for x, _ in walk]
    product = functools.reduce(np.matmul, [f.T if turned else f for f, (_, turned) in zip(factors, walk, strict=True)])
    found = product if node.ndim == 2 else product[:, 0] if node.ndim else np.trace(product)
    assert np.allclose(found, gc.evaluate(node, values))
