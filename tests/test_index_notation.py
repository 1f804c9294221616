"""Index notation: sums over named indices, deltas, entries; held against NumPy, and against what is no formula."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

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


def softmax(z: Any, axis: int = -1) -> Any:
    return np.exp(z) / np.exp(z).sum(axis, keepdims=True)


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
    ("logsumexp[j](W[i,j])", np.log(np.exp(W).sum(1))),
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
    ("[i] = W", FormulaError, "the left side is an entry, this is an array with 2 axes: write (...)[i]"),
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


WX = {"W": ("m", "n"), "x": ("n",)}
ZN = {"z": ("n",)}
XA = {"x": ("n",), "A": ("n", "n")}
XYW = {"X": ("N", "d"), "w": ("d",), "y": ("N",)}
# A function, its variable, a claim in index notation, the names, and what is to be found.
CLAIMS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("sum((W @ x)**2)", "W", "df/dW[i,j] = 2*(W @ x)[i]*x[j]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[i,j] = 2*sum[k](W[i,k]*x[k])*x[j]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[i,j] = sum[k](2*(W @ x)[k]*1[k=i]*x[j])", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[k,l] = 2*(W @ x)[k]*x[l]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "[i,j] 2*(W @ x)[i]*x[j]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "q[i] = sum[j](W[i,j]*x[j])\ndW[i,j] = 2*q[i]*x[j]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[0,j] = 2*(W @ x)[0]*x[j]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[0,1] = 2*(W @ x)[0]*x[1]", WX, "proved"),
    ("sum((W @ x)**2)", "W", "dW[0,1] = (W @ x)[0]*x[1]", WX, "wrong"),
    ("sum((W @ x)**2)", "W", "dW[i,j] = (W @ x)[i]*x[j]", WX, "wrong"),
    ("sum((W @ x)**2)", "W", "dW[i,j] = 2*(W @ x)[j]*x[i]", WX, "wrong"),
    ("sum((W @ x)**2)", "W", "dW[j,i] = 2*(W @ x)[i]*x[j]", WX, "wrong"),
    ("sum((W @ x)**2)", "W", "dW[i,j] = 2*sum[k](W[i,k]*x[k])", WX, "wrong"),
    ("sum((W @ x)**2)", "x", "2*sum[i](W[i,j]*(W @ x)[i])", WX, "proved"),
    ("sum((W @ x)**2)", "x", "d2f/dx[i]dx[j] = 2*sum[k](W[k,i]*W[k,j])", WX, "proved"),
    ("sum((W @ x)**2)", "x", "d2f/dx2 = W.T @ W", WX, "wrong"),
    ("sum((W @ x)**2)", "x", "∂²f/∂x² = 2*W.T @ W", WX, "proved"),
    ("sum((W @ x)**2)", "x", "∂²f/∂x[i]∂x[j] = 2*sum[k](W[k,i]*W[k,j])", WX, "proved"),
    ("W @ x", "x", "dy[i]/dx[j] = W[i,j]", WX, "proved"),
    ("W @ x", "W", "dy[i]/dW[j,k] = delta[i,j]*x[k]", WX, "proved"),
    ("W @ x", "W", "dy[i]/dW[j,k] = x[k]", WX, "wrong"),
    ("softmax(z)", "z", "dp[i]/dz[j] = softmax(z)[i]*(delta[i,j] - softmax(z)[j])", ZN, "proved"),
    (
        "softmax(z)",
        "z",
        "dp[i]/dz[j] = where(i == j, softmax(z)[i]*(1 - softmax(z)[i]), -softmax(z)[i]*softmax(z)[j])",
        ZN,
        "proved",
    ),
    ("softmax(z)", "z", "dp[i]/dz[j] = softmax(z)[i]*(1 - softmax(z)[i])*delta[i,j]", ZN, "wrong"),
    ("tanh(z)", "z", "dh[i]/dz[j] = delta[i,j]*(1 - tanh(z[i])**2)", ZN, "proved"),
    ("z/norm(z)", "z", "dy[i]/dz[j] = delta[i,j]/norm(z) - z[i]*z[j]/norm(z)**3", ZN, "proved"),
    ("logsumexp(z)", "z", "exp(z[i])/sum[k](exp(z[k]))", ZN, "proved"),
    ("logsumexp(z)", "z", "exp(z[i])/sum[k](z[k])", ZN, "wrong"),
    ("sum(z)", "z", "dz[i] = 1", ZN, "proved"),
    ("sum[i,j]((z[i] - z[j])**2)", "z", "dz[i] = 4*(n*z[i] - sum[j](z[j]))", ZN, "proved"),
    ("x @ A @ x", "x", "df/dx[i] = sum[j]((A[i,j] + A[j,i])*x[j])", XA, "proved"),
    ("x @ A @ x", "x", "df/dx[i] = 2*sum[j](A[i,j]*x[j])", XA, "wrong"),
    ("inv(A)", "A", "dB[i,j]/dA[k,l] = -inv(A)[i,k]*inv(A)[l,j]", XA, "proved"),
    ("logdet(A)", "A", "dA[i,j] = inv(A)[j,i]", XA, "proved"),
    ("logdet(A)", "A", "dA[i,j] = inv(A)[i,j]", XA, "wrong"),
    ("sum((X @ w - y)**2)/N", "w", "2/N*sum[i]((sum[l](X[i,l]*w[l]) - y[i])*X[i,j])", XYW, "proved"),
    ("sum(log(1 + exp(-y*(X @ w))))", "w", "-sum[i](y[i]*X[i]/(1 + exp(y[i]*(w @ X[i]))))", XYW, "proved"),
    ("sum(log(1 + exp(-y*(X @ w))))", "w", "sum[i](y[i]*X[i]/(1 + exp(y[i]*(w @ X[i]))))", XYW, "wrong"),
    ("sum(relu(X @ w))", "w", "dw[j] = sum[i](1[i == i]*(X[i] @ w > 0)*X[i,j])", XYW, "proved"),
    ("sum((X @ w - y)**2)", "w", "df/dy = -2*(X @ w - y)", XYW, "incomparable"),
]


@pytest.mark.parametrize(("f", "by", "claim", "names", "status"), CLAIMS, ids=[c[2] for c in CLAIMS])
def test_claims(f: str, by: str, claim: str, names: dict[str, Any], status: str) -> None:
    verdict = gc.check(f, by, claim, **names)
    assert verdict.status == status, str(verdict)
    assert (verdict.counterexample is not None) == (status == "wrong")
    if verdict.repair is not None and not claim.startswith(("d2", "∂²", "dW[0")):
        assert gc.check(f, by, verdict.repair, **names).status == "proved"


def test_a_claim_over_several_indices_says_their_order() -> None:
    with pytest.raises(FormulaError, match=r"the order of the indices i,j is not given: write them on the left"):
        gc.check("sum((W @ x)**2)", "W", "2*(W @ x)[i]*x[j]", **WX)
    verdict = gc.check("sum((W @ x)**2)", "W", "dW[i,j] = 2*W[i,l]*x[l]*x[j]", **WX)
    assert "the index l is neither on the left nor summed: write sum[l]" in verdict.reason
    assert (verdict.status, verdict.kind) == ("incomparable", "sum or mean")
    assert verdict.repair == "dW[i,j] = sum[l](2*W[i,l]*x[l]*x[j])"
    with pytest.raises(FormulaError, match="a claim has one ="):
        gc.check("sum(z)", "z", "dz = f = 1", **ZN)


def test_equations_in_index_notation() -> None:
    assert gc.check("sum[i](x[i]*y[i])", "x @ y", **NAMES).status == "proved"
    assert gc.check("[i,j] = sum[l](A[i,l]*B[l,j])", "A @ B", **NAMES).status == "proved"
    assert gc.check("(A @ B)[i,j]", "sum[l](B[l,j]*A[i,l])", **NAMES).status == "proved"
    assert gc.check("(M @ M)[i,j]", "sum[l](M[l,j]*M[l,i])", **NAMES).status == "wrong"
    assert gc.check_steps("(W @ x)[i] = sum[j](W[i,j]*x[j]) = sum[l](x[l]*W[i,l])", **WX)
    assert gc.check_steps("dy[i]/dx[j] = W[i,j]\ndy/dx = W", given="y = W @ x", **WX)


@pytest.mark.parametrize(
    ("claim", "status", "kind"),
    [
        ([[0.088, 0.176], [0.104, 0.208]], "equal", None),
        ([[0.09, 0.18], [0.1, 0.21]], "equal", None),  # rounded
        (np.array([[0.088, 0.176], [0.104, 0.208]], dtype=np.float32), "equal", None),
        ([[0.044, 0.088], [0.052, 0.104]], "wrong", "constant factor"),
        ([[0.088, 0.104], [0.176, 0.208]], "wrong", "transpose"),
        ([[-0.088, -0.176], [-0.104, -0.208]], "wrong", "sign"),
        ([0.088, 0.176], "wrong", None),
        ([[0.088, 0.176], [0.104, 0.2]], "wrong", None),
    ],
)
def test_arrays_at_given_inputs(claim: Any, status: str, kind: str | None) -> None:
    inputs = {"W": [[0.1, 0.5], [-0.3, 0.8]], "x": [0.2, 0.4]}  # B2 of the lecture
    verdict = gc.check("sum((W @ x)**2)", "W", claim, values=inputs, **WX)
    assert (verdict.status, verdict.kind) == (status, kind), str(verdict)
    assert (verdict.counterexample is not None) == (status == "wrong")


def test_what_is_no_array_at_given_inputs() -> None:
    assert gc.check("sum(abs(z))", "z", [1.0, 0.0], values={"z": [2.0, 0.0]}, **ZN).status == "undecided"
    with pytest.raises(gc.ValueMissingError, match="give them, as in values="):
        gc.check("sum(z)", "z", [1, 1], **ZN)
    with pytest.raises(gc.UnsupportedError, match="the claim is an array"):
        gc.check("sum(z)", "z", "ones(n)", values={"z": [1, 1]}, **ZN)
    assert gc.check("sum(values)", "values", "ones(n)", values=("n",)).status == "proved"


Entry = tuple[str, Any]  # a formula, and its value for given values of the indices
FUNCTIONS: dict[str, Any] = {"tanh": np.tanh, "exp": np.exp, "abs": abs, "relu": lambda v: max(v, 0.0)}
FOLDS: dict[str, Any] = {"sum": sum, "mean": np.mean, "max": max, "prod": np.prod}
ARRAYS = {name: NAMES[name] for name in ("x", "q", "M", "W", "T3", "s")}


def entry(rng: random.Random, scope: dict[str, str], depth: int) -> Entry:
    """A random formula over the indices of `scope`, evaluated entry by entry."""
    choice = rng.random() if depth else 1.0
    free = [letter for letter in "ijab" if letter not in scope]
    if choice < 0.35:
        (a, va), (b, vb) = entry(rng, scope, depth - 1), entry(rng, scope, depth - 1)
        return rng.choice(
            [
                (f"({a} + {b})", lambda e: va(e) + vb(e)),
                (f"({a} - {b})", lambda e: va(e) - vb(e)),
                (f"({a})*({b})", lambda e: va(e) * vb(e)),
                (f"({a})/(1 + ({b})**2)", lambda e: va(e) / (1 + vb(e) ** 2)),
            ]
        )
    if choice < 0.5:
        name = rng.choice(sorted(FUNCTIONS))
        a, va = entry(rng, scope, depth - 1)
        return f"{name}(({a})/3)", lambda e: FUNCTIONS[name](va(e) / 3)
    if choice < 0.85 and free:
        name, letter, dim = rng.choice(sorted(FOLDS)), rng.choice(free), rng.choice("nmk")
        (a, va), (b, vb) = entry(rng, {**scope, letter: dim}, depth - 1), picked(rng, {letter: dim}, sure=True)
        places = range(SIZES[dim])
        return f"{name}[{letter}](({a})*{b})", lambda e: FOLDS[name](
            [va(e | {letter: t}) * vb({letter: t}) for t in places]
        )
    if choice < 0.95 and scope:
        a, b = rng.choice(list(scope)), rng.choice(list(scope))
        if scope[a] == scope[b]:
            return rng.choice([f"delta[{a},{b}]", f"({a} == {b})"]), lambda e: float(e[a] == e[b])
    return picked(rng, scope)


def picked(rng: random.Random, scope: dict[str, str], *, sure: bool = False) -> Entry:
    """An entry of an array; one that uses an index for sure, if asked for."""
    axes = {"n": "x", "m": "q", "k": "A[0,{}]"}
    if sure:
        ((letter, dim),) = scope.items()
        text = axes[dim].format(letter) if dim == "k" else f"{axes[dim]}[{letter}]"
        return text, lambda e: float(V["A"][0, e[letter]] if dim == "k" else V[axes[dim]][e[letter]])
    name = rng.choice(sorted(ARRAYS))
    at = [rng.choice([*[i for i, d in scope.items() if d == dim], "0"]) for dim in ARRAYS[name]]
    return f"{name}[{','.join(at)}]" if at else name, lambda e: float(V[name][tuple(e.get(i, 0) for i in at)])


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_random_formulas_have_the_value_of_their_entries(start: int) -> None:
    for seed in range(start, start + 50):
        rng = random.Random(seed)
        scope = {letter: rng.choice("nm") for letter in "ij"[: rng.choice([0, 1, 2])]}
        text, value = entry(rng, scope, rng.choice([2, 3, 4]))
        shape = [SIZES[d] for d in scope.values()]
        expected = np.array([value(dict(zip(scope, at, strict=True))) for at in np.ndindex(*shape)]).reshape(shape)
        names = {name: gc.parse(name, **NAMES) for name in NAMES}
        wanted = gc.symbol("_", tuple(scope.values())).shape
        e = read_lines(text, names, free=list(scope) or None, shape=wanted).result()
        np.testing.assert_allclose(gc.evaluate(e, {**V, **SIZES}), expected, rtol=1e-9, err_msg=f"{seed}: {text}")
        assert gc.parse(str(e), **gc.names(e)) is e, f"{seed}: {text}"
