"""Reductions with and without ``keepdims`` are computed once, and code divides by a norm, not by 1/(1/norm)."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

n, d, m = gc.dims("n d m")
X, G = gc.symbol("X", (n, d)), gc.symbol("G", (n, d))
gain, tau = gc.symbol("gain", (d,)), gc.symbol("tau", facts=["positive"])


def rms_norm() -> tuple[list[gc.Expr], list[gc.Expr]]:
    loss = gc.sum(G * gc.rms_norm(X, gain))
    return [loss, *gc.grad(loss, [X, gain])], [X, gain, G]


def cosine_attention() -> tuple[list[gc.Expr], list[gc.Expr]]:
    unit = X / gc.norm(X, axis=1, keepdims=True)
    loss = gc.mean(gc.logsumexp(unit @ unit.T / tau, axis=1))
    return [loss, gc.grad(loss, X)], [X, tau]


@pytest.mark.parametrize("style", ["readable", "fast"])
@pytest.mark.parametrize(("case", "reduction", "count"), [(rms_norm, "np.mean(", 1), (cosine_attention, "X**2", 1)])
def test_a_reduction_is_computed_once(case: object, reduction: str, count: int, style: str) -> None:
    outputs, inputs = case()  # type: ignore[operator]
    source = gc.emit(outputs, inputs, style=style)
    code = "\n".join(line for line in source.splitlines() if not line.strip().startswith("#"))
    if style == "readable":
        assert code.count(reduction) == count, code
    assert code.count("sqrt(") == 1, code
    assert "1 / (1" not in code


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("style", ["readable", "fast"])
@pytest.mark.parametrize("case", [rms_norm, cosine_attention])
def test_values_are_those_of_each_output_alone(case: object, style: str, dtype: str) -> None:
    outputs, inputs = case()  # type: ignore[operator]
    rng = np.random.default_rng(1)
    sizes = {n: 4, d: 3}
    values = {str(x.name): rng.uniform(0.5, 1.5, [sizes[s] for s in x.shape]).astype(dtype) for x in inputs}
    together = gc.compile(outputs, inputs, style=style)(*values.values())
    for output, found in zip(outputs, together, strict=True):
        alone = gc.evaluate(output, {k: v.astype("float64") for k, v in values.items()})
        assert found.dtype == dtype
        assert np.allclose(found, alone, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6)


def test_axes_of_size_one_that_were_declared_stay() -> None:
    y = gc.symbol("y", (n, 1))
    f = [gc.sum(y, axis=1), gc.sum(y, axis=1, keepdims=True) * y, gc.max(X, axis=1, keepdims=True), gc.max(X, axis=1)]
    values = {"y": np.array([[1.0], [2.0]]), "X": np.array([[1.0, 3.0], [5.0, 4.0]])}
    found = gc.compile(f, [y, X])(values["y"], values["X"])
    assert [a.tolist() for a in found] == [[1, 2], [[1], [4]], [[3], [5]], [3, 5]]


def test_sums_over_exponentials_are_matrix_products() -> None:
    C, v, a = gc.symbol("C", (n, m)), gc.symbol("v", (m,)), gc.symbol("a", (n,), facts=["positive"])
    source = gc.emit([a / (gc.exp(-C / tau) @ v)], [a, C, v, tau])
    assert "einsum" not in source
    assert "@ v" in source
