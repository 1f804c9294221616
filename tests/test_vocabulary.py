"""Special functions, inverses of trigonometric ones, statistics, linear algebra: values, derivatives, printed forms."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import graphc as gc
from graphc.ops import kernels

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["erf", "lgamma", "digamma"])
def test_special_functions_are_precise_everywhere(name: str) -> None:
    exact = {
        "erf": mpmath.erf,
        "lgamma": lambda v: mpmath.log(abs(mpmath.gamma(v))),
        "digamma": mpmath.digamma,
    }[name]
    points = np.array([-30.5, -3.3, -0.5, -1e-8, 1e-8, 0.1, 0.5, 1.5, 2.4, 2.5, 2.6, 3.7, 9.9, 10, 30, 1e4])
    wanted = np.array([float(exact(mpmath.mpf(float(v)))) for v in points])
    kernel = getattr(kernels, name)
    np.testing.assert_allclose(kernel(points), wanted, rtol=5e-14)
    single = kernel(points.astype(np.float32)[3:])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted[3:], rtol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_polygamma_is_precise(order: int) -> None:
    points = np.array([-3.3, -0.5, 0.1, 1, 2.5, 30, 1e4])
    wanted = [float(mpmath.polygamma(order, mpmath.mpf(float(v)))) for v in points]
    np.testing.assert_allclose(kernels.polygamma(order, points), wanted, rtol=1e-13)


def test_textbook_forms() -> None:
    n = gc.dims("n")
    X, A, a, b = (gc.symbol(name, shape) for name, shape in (("X", (n, n)), ("A", (n, n)), ("a", (n,)), ("b", (n,))))
    forms = {
        "inv(X).T": gc.logdet(X),  # Petersen and Pedersen, The Matrix Cookbook, (57)
        "det(X)*inv(X).T": gc.det(X),  # (49)
        "-outer(a @ inv(X), inv(X) @ b)": a @ gc.inv(X) @ b,  # (61)
        "-(inv(X) @ A @ inv(X)).T": gc.trace(gc.inv(X) @ A),  # (63) for B = I
        "-outer(solve(X.T, a), solve(X, b))": a @ gc.solve(X, b),
    }
    for text, f in forms.items():
        assert str(gc.grad(f, X)) == text
        assert gc.check(f, X, text).status == "proved"
    assert gc.check(gc.logdet(X), X, "inv(X)").status == "wrong"
    x = gc.symbol("x", (n,))
    assert gc.check(gc.sum(gc.erf(x)), x, "2/sqrt(pi)*exp(-x**2)").status == "proved"
    assert gc.grad(gc.sum(gc.lgamma(x)), x) is gc.digamma(x)
    assert gc.latex(gc.inv(X.T)) == r"\mathbf{X}^{-\top}"


def test_wrong_uses_are_explained() -> None:
    X, x = gc.symbol("X", ("n", "m")), gc.symbol("x", ("n",))
    for use, text in [
        (lambda: gc.inv(X), r"inv\(X\): needs a square matrix, got \(n, m\)"),
        (lambda: gc.solve(X, x), r"solve\(X\): needs a square matrix"),
        (lambda: gc.solve(gc.eye(3), x), "the right side must be"),
        (lambda: gc.kron(X, x), "both must be vectors or both matrices"),
        (lambda: gc.einsum("..i->i", x), "an ellipsis is three dots"),
        (lambda: gc.einsum("...ijk->i", X), "names more axes than its array has"),
        (lambda: gc.var(x, ddof=0.5), "ddof must be a whole number"),  # type: ignore[arg-type]
        (lambda: gc.polygamma(x, x), "polygamma needs a whole number from 0 up"),
    ]:
        with pytest.raises(gc.GraphcError, match=text):
            use()
