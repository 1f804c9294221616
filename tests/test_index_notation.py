"""Index notation: sums over named indices, deltas, entries; held against NumPy, and against what is no formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import graphc as gc
from graphc.errors import FormulaError, GraphcError, ShapeError
from graphc.frontend.parse import read_lines

NAMES: dict[str, Any] = {
    "A": ("m", "k"),
    "B": ("k", "n"),
    "W": ("m", "n"),
    "M": ("n", "n"),
    "X": ("N", "n"),
    "P": ("N", "c"),
    "T3": ("m", "k", "n"),
    "x": ("n",),
    "y": ("n",),
    "q": ("m",),
    "s": (),
    "label": gc.symbol("label", ("N",), dtype="int64"),
}
SIZES = {"m": 3, "k": 2, "n": 4, "N": 5, "c": 3}
_RNG = np.random.default_rng(0)
V: dict[str, Any] = {
    name: _RNG.uniform(0.3, 1.7, tuple(SIZES[d] for d in shape)) for name, shape in NAMES.items() if name != "label"
}
V["label"] = np.array([0, 2, 1, 1, 0])
A, B, W, M, X, P, T3, x, y, q, label = (V[n] for n in ("A", "B", "W", "M", "X", "P", "T3", "x", "y", "q", "label"))
I4 = np.eye(4)

FORMULAS: list[tuple[str, Any]] = [
    ("[i,j] = sum[l](A[i,l]*B[l,j])", A @ B),
    ("[i,j] sum[l](A[i,l]*B[l,j])", A @ B),
    ("[j,i]: sum[l](A[i,l]*B[l,j])", (A @ B).T),
    ("dW[i,j] = 2*q[i]*x[j]", 2 * np.outer(q, x)),
    ("df/dW[i,j] = 2*q[i]*x[j]", 2 * np.outer(q, x)),
    ("∂f/∂W[i,j] = 2*q[i]*x[j]", 2 * np.outer(q, x)),
    ("dL / dW[r, s] = q[r] * x[s]", np.outer(q, x)),
    ("dy[i]/dx[j] = W[i,j]*x[j]", W * x),
    ("d2f/dx[i]dx[j] = M[i,j] + M[j,i]", M + M.T),
    ("2*q[i]", 2 * q),
    ("-x[a]", -x),
    ("(W @ x)[i]*q[i]", W @ x * q),
    ("sum[i](x[i]*y[i])", x @ y),
    ("sum[i,j](q[i]*W[i,j]*x[j])", q @ W @ x),
    ("sum[i](q[i]*sum[j](W[i,j]*x[j]))", q @ W @ x),
    ("sum[i](sum[j](q[i]*W[i,j]*x[j])**2)", np.sum((q * (W @ x)) ** 2)),
    ("sum[i](x[i]) + sum[i](q[i])", x.sum() + q.sum()),
    ("sum[i](x[i]*sum[i](q[i]))", x.sum() * q.sum()),
    ("sum[i](x[i])*y[j]", x.sum() * y),
    ("mean[i](x[i]**2)", np.mean(x**2)),
    ("mean[i,l](A[i,l])*x[j]", A.mean() * x),
    ("max[l](A[i,l])", A.max(1)),
    ("min[i,l](A[i,l]*q[i])", (A * q[:, None]).min()),
    ("prod[l](x[l])", x.prod()),
    ("logsumexp[j](W[i,j])", logsumexp(W, axis=1)),
    ("norm[j](W[i,j])", np.linalg.norm(W, axis=1)),
    ("var[j](W[i,j]) + std[j](W[i,j])", W.var(1) + W.std(1)),
    ("sum[j](delta[i,j]*y[j])", y),
    ("[i] = sum[j]((i == j)*y[j])", y),
    ("sum[j](1[i == j]*y[j]) + sum[j](1[j=i]*x[j])", y + x),
    ("sum[j]((i != j)*y[j]) + x[i]", y.sum() - y + x),
    ("[i,j] = softmax(x)[i]*(delta[i,j] - softmax(x)[j])", np.diag(softmax(x)) - np.outer(*[softmax(x)] * 2)),
    ("[i,j] = δ[i,j]*x[i]", np.diag(x)),
    ("[i,j] = where(i == j, x[i], M[i,j])", np.where(I4 > 0, x[:, None], M)),
    ("[i,j] = (j <= i)*M[i,j]", np.tril(M)),
    ("[i,j,p] = delta[i,j]*W[p,i]", np.einsum("ij,pi->ijp", I4, W)),
    ("[i] exp(x[i])/sum[l](exp(x[l]))", softmax(x)),
    ("exp(x[j] - max[l](x[l]))", np.exp(x - x.max())),
    ("sum[i](i*x[i])", np.arange(4) @ x),
    ("sum[i,j](M[i,j]/(1 + i + 2*j))", np.sum(M / (1 + np.arange(4)[:, None] + 2 * np.arange(4)))),
    ("sum[i](x[i]*x[n - 1 - i])", x @ x[::-1]),
    ("M[i,i]", np.diag(M)),
    ("sum[i](M[i,i])", np.trace(M)),
    ("sum[i,j](M[i,j]*M[j,i])", np.sum(M * M.T)),
    ("x[0]*q[i] + W[i,-1]", x[0] * q + W[:, -1]),
    ("W[i,1:] @ x[1:]", W[:, 1:] @ x[1:]),
    ("X[a] @ x", X @ x),
    ("sum[a](log(1 + exp(-(x @ X[a]))))", np.log1p(np.exp(-X @ x)).sum()),
    ("sum[a,b](norm(X[a] - X[b])**2)", np.sum((X[:, None] - X) ** 2)),
    ("sum[a](outer(X[a], X[a]))/N", X.T @ X / 5),
    ("mean[a](X[a])", X.mean(0)),
    ("sum[a](softmax(X[a]))", softmax(X, axis=1).sum(0)),
    ("sum[a](huber(X[a], y))", np.where(abs(X - y) <= 1, (X - y) ** 2 / 2, abs(X - y) - 0.5).sum(0)),
    ("-mean[a](log(P[a,label[a]]))", -np.log(P[np.arange(5), label]).mean()),
    ("-sum[a](log(softmax(P[a])[label[a]]))", -np.log(softmax(P, axis=1)[np.arange(5), label]).sum()),
    ("[j,i] = sum[l](T3[i,l,j]*A[i,l])", np.einsum("ilj,il->ji", T3, A)),
    ("sum[l](T3[i,l])*q[i]", T3.sum(1) * q[:, None]),
    ("[i,j] = tanh(W[i,j])*maximum(W[i,j], q[i])**x[j]", np.tanh(W) * np.maximum(W, q[:, None]) ** x),
    ("sqrt(x[i])/(y[i] + 1/x[i])", np.sqrt(x) / (y + 1 / x)),
    ("p[i] = exp(W[i,0])\nz[i] = p[i]/sum[j](p[j])\n-sum[i](q[i]*log(z[i]))", -q @ np.log(softmax(W[:, 0]))),
    ("h[i,j] = sum[l](A[i,l]*B[l,j])\nsum(h**2)", np.sum((A @ B) ** 2)),
    ("sum[k](A[0,k]*B[k,1])", A[0] @ B[:, 1]),  # k is the name of a size too
    ("[m,n] = q[m]*x[n]", np.outer(q, x)),
    ("solve(M, x)[i]*y[i]", np.linalg.solve(M, x) * y),
]


@pytest.mark.parametrize(("text", "expected"), FORMULAS, ids=[text for text, _ in FORMULAS])
def test_meanings(text: str, expected: Any) -> None:
    e = gc.parse(text, **NAMES)
    assert gc.evaluate(e, {**V, **SIZES}).shape == np.shape(expected)
    np.testing.assert_allclose(gc.evaluate(e, {**V, **SIZES}), expected, rtol=1e-10)
    np.testing.assert_allclose(gc.evaluate(gc.simplify(e), {**V, **SIZES}), expected, rtol=1e-10)
    assert gc.parse(str(e), **gc.names(e)) is e


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("[i,j] = sum[k](A[i,k]*B[k,j])", "A @ B"),
        ("[i,j] = sum[k](A[i,k]*(B[k,j] + B[k,j]))", "2*A @ B"),
        ("[i,j] = 2*q[i]*x[j]", "2*outer(q, x)"),
        ("sum[j](delta[i,j]*x[j])", "x"),
        ("[i,j] = softmax(x)[i]*((i == j) - softmax(x)[j])", "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
        ("exp(x[i])/sum[k](exp(x[k]))", "softmax(x)"),
        ("sum[i](sum[j](W[i,j]*x[j])**2)", "sum((W @ x)**2)"),
        ("mean[i](x[i]*y[i])", "mean(x*y)"),
    ],
)
def test_the_matrix_form_is_the_same_node(text: str, matrix: str) -> None:
    assert gc.simplify(gc.parse(text, **NAMES)) is gc.simplify(gc.parse(matrix, **NAMES))


def test_a_product_is_summed_as_one_contraction() -> None:
    assert str(gc.parse("[i,j] = sum[k](A[i,k]*B[k,j])", **NAMES)) == "A @ B"
    assert str(gc.parse("sum[i,j](q[i]*W[i,j]*x[j])", **NAMES)) == "einsum('i,j,ji->', x, q, W)"


def test_lines_give_names() -> None:
    e = gc.parse("r[i] = sum[j](W[i,j]*x[j])\nf = sum[i](r[i]**2)", **NAMES)
    assert str(e) == "f = sum(r**2)\n" or "r" in gc.names(e)
    assert gc.parse("dW[i,j] = q[i]*x[j]", **NAMES).name == "dW"
    assert gc.parse("df/dW[i,j] = q[i]*x[j]", **NAMES).name is None


def test_sizes_come_from_the_result() -> None:
    def read(text: str, shape: Any, free: Any = None) -> gc.Expr:
        names = {name: gc.parse(name, **NAMES) for name in NAMES}
        return read_lines(text, names, free=free, shape=gc.symbol("_", shape).shape).result()

    assert read("dW[i,j] = x[j]", ("m", "n")).shape == gc.symbol("W", ("m", "n")).shape
    assert str(gc.simplify(read("dy[i]/dx[j] = delta[i,j]", ("n", "n")))) == "eye(n)"
    assert str(gc.simplify(read("q[i]*x[j]", ("m", "n"), ["i", "j"]))) == "outer(q, x)"
    assert str(gc.simplify(read("[i] = 1  # a comment\n# another", ("n",)))) == "ones(n)"


ERRORS: list[tuple[str, type[GraphcError], str]] = [
    ("2*q[i]*x[j]", FormulaError, "the order of the indices i,j is not given: write them on the left, as in dW[i,j]"),
    ("[i,j] = A[i,l]*B[l,j]", FormulaError, "the index l is neither on the left nor summed: write sum[l](...)"),
    ("[i,j] = A[i,k]*B[k,j]", FormulaError, "k is the size of this axis: where it is an index, write sum[k](...)"),
    ("x[i] + q[i]", ShapeError, "the index i runs along axes of different sizes: n and m"),
    ("delta[i,j]*x[i]*q[j]", ShapeError, "different sizes"),
    ("[i] = sum[i](x[i])", FormulaError, "i is an index of the left side; call the index of the sum another name"),
    ("[i,i] = x[i]", FormulaError, "i is named twice"),
    ("[i,0] = x[i]", FormulaError, "0 is no name"),
    ("[i,j] = x[j]", FormulaError, "the index i runs along no array here, so that its size is not known"),
    ("[i] = x", FormulaError, "the left side is an entry, this is a whole array: write (...)[i]"),
    ("sum[i](s)", FormulaError, "the index i runs along no array here"),
    ("sum[n](x[n]/n)", FormulaError, "n is an index here, and also a size or an array"),
    ("sum[x](x[x])", FormulaError, "x is an index here, and also a size or an array"),
    ("softmax[j](x[j])", FormulaError, "softmax[...] is not in the notation; over an index go sum[i](...), mean[i]"),
    ("sum[i=0:3](x[i])", FormulaError, "the brackets hold names of indices, each of a whole axis"),
    ("sum[](x[i])", FormulaError, "the brackets hold names of indices"),
    ("sum[i,i](x[i])", FormulaError, "the index i is named twice"),
    ("sum[i]*x[i]", FormulaError, "sum[i] takes its value in brackets"),
    ("sum[i](x[i], y[i])", FormulaError, "takes one value, got 2"),
    ("sum[i](x[i], axis=0)", FormulaError, "sum[...](...) takes no options"),
    ("sum[i](x[i]", FormulaError, "the bracket ( is not closed"),
    ("delta[i,j,l]*x[i]", FormulaError, "delta[i, j] takes two indices, got 3"),
    ("x[i,j]", ShapeError, "has 1 axes to index, but 2 indices were given"),
    ("x[:i]", FormulaError, "a slice cannot end at an index"),
    ("[j] = i*x[j]", GraphcError, "unknown name 'i'"),
    ("cumsum(X[a])[b]*sum[b](x[b])*x[b]", FormulaError, "the order of the indices"),
    ("sum[a](sort(X[a])[0] @ y)", GraphcError, ""),
    ("x[q[i]]", GraphcError, "must be whole numbers"),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS, ids=[e[0] for e in ERRORS])
def test_errors_explain(text: str, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error) as found:
        gc.parse(text, **NAMES)
    assert message in str(found.value)
    assert "column" in str(found.value)
