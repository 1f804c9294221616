"""Chains of matrices as a person writes them: from the left, with few transposes, scales without inserted axes."""

from __future__ import annotations

import random

import numpy as np
import pytest

import graphc as gc

n, d, k = gc.dims("n d k")
A, B, C, X = (gc.symbol(name, (n, n)) for name in "ABCX")
D, E = (gc.symbol(name, (n, d)) for name in "DE")
W = gc.symbol("W", (n, k))
x, v, q = gc.symbol("x", (n,)), gc.symbol("v", (n,)), gc.symbol("q", (n,), facts=["positive"])
TIMES = r"\mathbf{D}^{\top} \, \operatorname{diag}(\mathbf{v}) \mathbf{W}"

TURNED = [
    ("trace(A @ X @ B)", "A.T @ B.T"),  # two transposes stay inside
    ("trace(A @ inv(X) @ B)", "-(inv(X) @ B @ A @ inv(X)).T"),
    ("trace(inv(X) @ A)", "-(inv(X) @ A @ inv(X)).T"),
    ("trace(X @ A @ B @ X)", "(A @ B @ X + X @ A @ B).T"),
    ("trace(A @ X @ B @ X @ C)", "(B @ X @ C @ A + C @ (A @ X @ B)).T"),
    ("logdet(X) - trace(A @ inv(X) @ B)", "(inv(X) @ B @ A @ inv(X) + inv(X)).T"),
    ("norm(A @ X @ B - C)**2", "2*A.T @ (A @ X @ B - C) @ B.T"),
    ("x @ inv(X) @ v", "-outer(x @ inv(X), inv(X) @ v)"),
]


@pytest.mark.parametrize(("text", "form"), TURNED)
def test_a_chain_that_is_all_transposed_is_turned_as_a_whole(text: str, form: str) -> None:
    f = gc.parse(text, A=A, B=B, C=C, X=X, x=x, v=v)
    g = gc.grad(f, X)
    assert str(g) == form
    assert gc.parse(str(g), **gc.names(g)) is g


def test_closed_forms_do_not_depend_on_the_grouping_of_square_chains() -> None:
    rng = random.Random(0)
    for _ in range(10):
        links = [A, X, B, C.T, A]
        while len(links) > 1:
            i = rng.randrange(len(links) - 1)
            links[i : i + 2] = [links[i] @ links[i + 1]]
        whole = A @ X @ B @ C.T @ A
        assert gc.simplify(links[0]) is gc.simplify(whole)


def test_what_is_computed_anyway_keeps_its_brackets() -> None:
    assert str(gc.grad(gc.trace(A @ X @ B @ X.T @ C), X)) == "A.T @ C.T @ X @ B.T + C @ (A @ X @ B)"
    shared = gc.simplify([A @ (B @ C), X @ (B @ C)])
    assert list(map(str, shared)) == ["A @ (B @ C)", "X @ (B @ C)"]
    assert gc.count_ops(shared) == 3


SCALED = [
    ("einsum('ni,n,nj->ij', D, v, W)", "D.T*v @ W"),
    ("D.T @ (v[:, None]*W)", "D.T*v @ W"),
    ("D.T @ diag(v*x) @ W", "D.T*(v*x) @ W"),
    ("D.T @ (W/q[:, None])", "D.T/q @ W"),
    ("A @ diag(v) @ B", "A*v @ B"),
    ("(A @ diag(v) @ B).T", "B.T*v @ A.T"),
    ("v[:, None]*W", "v[:, None]*W"),
]


@pytest.mark.parametrize(("text", "form"), SCALED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_scale_between_matrices_takes_no_axis(text: str, form: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    e = gc.parse(text, A=A, B=B, D=D, W=W, v=v, x=x, q=q)
    shown = gc.simplify(e)
    assert str(shown) == form
    for sizes in ({"n": 4, "d": 2, "k": 3}, {"n": 1, "d": 3, "k": 2}):
        values: dict[str, object] = dict(sizes)
        for s in (A, B, D, W, v, x, q):
            values[str(s.name)] = rng.uniform(0.5, 2, [sizes[str(z)] for z in s.shape]).astype(dtype)
        assert np.allclose(gc.evaluate(shown, values), gc.evaluate(e, values), rtol=1e-5)


def test_a_scale_between_matrices_is_a_diagonal_matrix_in_latex() -> None:
    assert gc.latex(gc.simplify(gc.einsum("ni,n,nj->ij", D, v, W))) == TIMES
