"""Claims as SymPy expressions: scalars, matrix expressions, indexed sums; functions and variables too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import graphc as gc
from graphc.errors import FormulaError, GraphcError, ShapeError, UnknownNameError, UnsupportedError
from graphc.frontend.fromsympy import from_sympy
from graphc.frontend.sympytext import notation

m, n = sp.symbols("m n", positive=True, integer=True)
W, A, B, X = (sp.MatrixSymbol("W", m, n), *(sp.MatrixSymbol(name, n, n) for name in "ABX"))
x, q = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("q", m, 1)
i, j, k = sp.symbols("i j k", integer=True)
z, a = sp.symbols("z a")
x_, W_, A_, GRAD = (sp.IndexedBase(name) for name in ("x", "W", "A", "dW"))
WX = {"W": ("m", "n"), "x": ("n",)}
XA = {"x": ("n",), "A": ("n", "n")}
MATS = {"A": ("n", "n"), "B": ("n", "n"), "X": ("n", "n"), "x": ("n",)}
Z, ZA = {"z": ()}, {"z": (), "a": ()}
POSITIVE = {"z": (), "a": gc.symbol("a", facts=["positive"])}
SQUARE = "sum((W @ x)**2)"
WX_I = sp.Sum(W_[i, k] * x_[k], (k, 0, n - 1))
EXP = sp.Sum(sp.exp(x_[k]), (k, 0, n - 1))


def slope(u: Any) -> Any:
    return 1 - sp.tanh(u) ** 2


CLAIMS: list[tuple[str, str, Any, dict[str, Any], str]] = [
    (SQUARE, "W", 2 * W * x * x.T, WX, "proved"),
    (SQUARE, "W", W * x * x.T, WX, "wrong"),
    (SQUARE, "W", 2 * x * x.T * W.T, WX, "wrong"),
    (SQUARE, "x", 2 * W.T * W * x, WX, "proved"),
    (SQUARE, "x", 2 * x.T * W.T * W, WX, "proved"),
    (SQUARE, "x", W.T * W * x, WX, "wrong"),
    ("x @ A @ x", "x", (A + A.T) * x, XA, "proved"),
    ("x @ A @ x", "x", sp.diff(x.T * A * x, x), XA, "proved"),
    ("x @ A @ x", "x", 2 * A * x, XA, "wrong"),
    ("x @ A @ x", "A", x * x.T, XA, "proved"),
    ("trace(A @ X @ B)", "X", A.T * B.T, MATS, "proved"),
    ("trace(A @ X @ B)", "X", sp.diff(sp.Trace(A * X * B), X), MATS, "proved"),
    ("trace(A @ X @ B)", "X", B * A, MATS, "wrong"),
    ("logdet(X)", "X", sp.Inverse(X).T, MATS, "proved"),
    ("det(X)", "X", sp.Determinant(X) * sp.Inverse(X).T, MATS, "proved"),
    ("trace(inv(X) @ A)", "X", -((X**-1 * A * X**-1).T), MATS, "proved"),
    ("trace(X @ X @ X)", "X", 3 * (X**2).T, MATS, "proved"),
    ("sum(A**2*B)", "A", 2 * sp.hadamard_product(A, B), MATS, "proved"),
    ("sum(exp(A)**2)", "A", 2 * sp.HadamardPower(A.applyfunc(sp.exp), 2), MATS, "proved"),
    ("sum(tanh(W @ x))", "W", (W * x).applyfunc(slope) * x.T, WX, "proved"),
    ("sum(tanh(W @ x))", "W", (W * x).applyfunc(sp.tanh) * x.T, WX, "wrong"),
    ("tanh(x)", "x", sp.DiagMatrix(x.applyfunc(slope)), XA, "proved"),
    ("sum(x)**2", "x", 2 * sp.OneMatrix(n, n) * x, XA, "proved"),
    ("norm(x)", "x", x / sp.sqrt((x.T * x)[0, 0]), XA, "proved"),
    ("W @ x", "x", W, WX, "proved"),
    ("sum(a*z**2)", "z", 2 * a * z, ZA, "proved"),
    ("sum(a*z**2)", "z", a * z, ZA, "wrong"),
    ("log(1 + exp(z))", "z", 1 / (1 + sp.exp(-z)), Z, "proved"),
    ("sqrt(1 + z**2)", "z", sp.diff(sp.sqrt(1 + z**2), z), Z, "proved"),
    ("sin(z)/z", "z", sp.cos(z) / z - sp.sin(z) / z**2, Z, "proved"),
    ("erf(z)", "z", 2 * sp.exp(-(z**2)) / sp.sqrt(sp.pi), Z, "proved"),
    ("a**z", "z", a**z * sp.log(a), POSITIVE, "proved"),
    ("relu(z)", "z", sp.Heaviside(z), Z, "proved"),
    ("relu(z)", "z", sp.Piecewise((1, z > 0), (0, True)), Z, "proved"),
    ("maximum(z, a)", "z", sp.Piecewise((1, z > a), (0, True)), ZA, "proved"),
    ("abs(z)", "z", sp.sign(z), Z, "proved"),
    ("maximum(z, 0)**2", "z", 2 * sp.Max(z, 0), Z, "proved"),
    (SQUARE, "W", sp.Eq(GRAD[i, j], 2 * WX_I * x_[j]), WX, "proved"),
    (SQUARE, "W", sp.Eq(GRAD[i, j], 2 * sp.Sum(W_[i, k] * x_[k], (k, 1, n)) * x_[j]), WX, "proved"),
    (SQUARE, "W", sp.Eq(GRAD[i, j], WX_I * x_[j]), WX, "wrong"),
    (SQUARE, "W", sp.Lambda((i, j), 2 * WX_I * x_[j]), WX, "proved"),
    (SQUARE, "W", sp.FunctionMatrix(m, n, sp.Lambda((i, j), 2 * WX_I * x_[j])), WX, "proved"),
    (SQUARE, "x", 2 * sp.Sum(W_[k, i] * sp.Sum(W_[k, j] * x_[j], (j, 0, n - 1)), (k, 0, m - 1)), WX, "proved"),
    ("x @ A @ x", "x", sp.Sum((A_[i, j] + A_[j, i]) * x_[j], (j, 0, n - 1)), XA, "proved"),
    (
        "softmax(x)",
        "x",
        sp.Lambda((i, j), sp.exp(x_[i]) / EXP * (sp.KroneckerDelta(i, j) - sp.exp(x_[j]) / EXP)),
        XA,
        "proved",
    ),
    ("sum(x)", "x", sp.Lambda(i, 1), XA, "proved"),
    ("x @ x", "x", 2 * x, {"x": (3,)}, "proved"),
    (SQUARE, "W", 2 * W * sp.MatrixSymbol("y", n, 1) * x.T, WX, "incomparable"),
    (SQUARE, "W", 2 * sp.MatrixSymbol("W", n, n) * x * x.T, WX, "incomparable"),
]


@pytest.mark.parametrize(("f", "by", "claim", "names", "status"), CLAIMS, ids=[f"{c[0]}: {c[2]}" for c in CLAIMS])
def test_claims(f: str, by: str, claim: Any, names: dict[str, Any], status: str) -> None:
    verdict = gc.check(f, by, claim, **names)
    assert verdict.status == status, str(verdict)
    assert (verdict.counterexample is not None) == (status == "wrong")


def test_functions_and_variables_may_be_of_sympy() -> None:
    assert gc.check(x.T * A * x, x, (A + A.T) * x).status == "proved"
    assert gc.check(x.T * A * x, x, "(A + A.T) @ x").status == "proved"
    assert gc.check(x.T * A * x, x, "2*A @ x").status == "wrong"
    assert gc.check(sp.Trace(A * X * B), X, A.T * B.T).status == "proved"
    assert gc.check(a * z**2, z, 2 * a * z).status == "proved"
    assert gc.check(sp.Sum(x_[i] ** 2, (i, 0, n - 1)), "x", "2*x", x=("n",)).status == "proved"


def test_equations() -> None:
    assert gc.check((a + z) ** 2, a**2 + 2 * a * z + z**2).status == "proved"
    assert gc.check(sp.Trace(A * B), sp.Trace(B * A)).status == "proved"
    assert gc.check(A * B, B * A).status == "wrong"
    assert gc.check(W * x, "W @ x", **WX).status == "proved"
    assert gc.check("W @ x", W * x, **WX).status == "proved"
    steps = [("grad(f, W)", 2 * W * x * x.T), (2 * W * x * x.T, "2*outer(W @ x, x)")]
    assert gc.check_steps(steps, given=f"f = {SQUARE}", **WX)
    assert gc.check_steps([W * x, 2 * W * x], **WX).first_wrong == 0


VALUES: list[tuple[Any, Any]] = [
    (sp.kronecker_product(A, B), lambda v: np.kron(v["A"], v["B"])),
    (sp.DiagonalMatrix(A), lambda v: np.diag(np.diag(v["A"]))),
    (sp.DiagonalOf(A) * x.T, lambda v: np.outer(np.diag(v["A"]), v["x"])),
    (A[0, 1] * A[n - 1, 0], lambda v: v["A"][0, 1] * v["A"][-1, 0]),
    (sp.Identity(n) - A, lambda v: np.eye(3) - v["A"]),
    (sp.ZeroMatrix(n, n) + A**-2, lambda v: np.linalg.matrix_power(np.linalg.inv(v["A"]), 2)),
    (sp.Product(x_[i], (i, 0, n - 1)) + n, lambda v: np.prod(v["x"]) + 3),
    (sp.Sum(i * x_[i], (i, 1, n)), lambda v: np.arange(1, 4) @ v["x"]),
    (sp.Sum(i * x_[i], (i, 0, n - 1)) + x_[0], lambda v: np.arange(3) @ v["x"] + v["x"][0]),
    (sp.Min(z, 2, sp.Rational(1, 3)) * sp.E, lambda v: min(v["z"], 1 / 3) * np.e),
    (sp.Matrix([[1, z], [z**2, 0]]), lambda v: np.array([[1, v["z"]], [v["z"] ** 2, 0]])),
    (sp.Derivative(z**3, z), lambda v: 3 * v["z"] ** 2),
    (sp.Sum(sp.KroneckerDelta(i, j) * A_[i, j], (i, 0, n - 1), (j, 0, n - 1)), lambda v: np.trace(v["A"])),
]


@pytest.mark.parametrize(("expr", "meaning"), VALUES, ids=[str(v[0]) for v in VALUES])
def test_values(expr: Any, meaning: Any) -> None:
    names = {"A": ("n", "n"), "B": ("n", "n"), "x": ("n",), "z": ()}
    rng = np.random.default_rng(1)
    values = {"A": rng.normal(size=(3, 3)), "B": rng.normal(size=(3, 3)), "x": rng.normal(size=3), "z": 0.7}
    found, _ = from_sympy(expr, names)
    np.testing.assert_allclose(gc.evaluate(found, {**values, "n": 3}), meaning(values), rtol=1e-10)


ERRORS: list[tuple[Any, type[GraphcError], str]] = [
    (2 * WX_I * x_[j], FormulaError, "the order of the indices i,j is not given"),
    (sp.Sum(x_[k], (k, 0, m - 1)), UnsupportedError, "which is not the whole of the axis, which has size n"),
    (sp.Sum(x_[k], (k, 2, n)), UnsupportedError, "sums go over whole axes"),
    (sp.Symbol("unknown"), UnknownNameError, "unknown name 'unknown' in the SymPy expression; known names: W, m, n, x"),
    (sp.MatrixSymbol("x", n, n), ShapeError, "x has shape (n,), the MatrixSymbol (n, n)"),
    (sp.zeta(sp.Symbol("n")), UnsupportedError, "graphc has nothing for SymPy's zeta"),
    (sp.Piecewise((1, sp.Symbol("n") > 0)), UnsupportedError, "needs a last case"),
    (sp.diff(sp.Abs(sp.Function("f")(z)), z), UnsupportedError, ""),
]


@pytest.mark.parametrize(("expr", "error", "message"), ERRORS, ids=[str(e[0]) for e in ERRORS])
def test_errors_explain(expr: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error) as found:
        from_sympy(expr, {"W": ("m", "n"), "x": ("n",), "m": gc.dims("m"), "n": gc.dims("n")})
    assert message in str(found.value)


def test_claims_are_shown_as_sympy_writes_them_and_mended_in_the_notation() -> None:
    r = W * x - sp.MatrixSymbol("b", m, 1)
    verdict = gc.check(r.T * r, x, W.T * r)
    assert (str(verdict).splitlines()[0], verdict.repair) == ("WRONG: W.T*(W*x - b)", "2*W.T @ (W @ x - b)")
    claim = sp.Eq(GRAD[i, j], 2 * sp.Sum(W_[j, k] * x_[k], (k, 0, n - 1)) * x_[i])
    verdict = gc.check(SQUARE, "W", claim, **WX)
    assert verdict.kind == "transpose"
    assert verdict.repair == "dW[i, j] = 2*x[j]*sum[k](W[i, k]*x[k])"


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (A * x, "A @ x"),
        (x.T * A, "x @ A"),
        (3 * x * x.T, "3*outer(x, x)"),
        (A * x * x.T, "outer(A @ x, x)"),
        (x.T * x * x.T, "(x @ x)*x"),
        (-(A.T) * x, "-A.T @ x"),
        (A.inv().T, "inv(A.T)"),
        (sp.Trace(A * A) * A, "trace(A @ A)*A"),
        (sp.HadamardProduct(A, A + A.T), "A*(A + A.T)"),
        (sp.sqrt(z) / (1 + sp.exp(z)), "sqrt(z)/(exp(z) + 1)"),
        (sp.Piecewise((z, z > 0), (0, True)), "where(z > 0, z, 0)"),
        (sp.Heaviside(z), None),
    ],
)
def test_text_of_sympy_expressions(expr: Any, text: str | None) -> None:
    assert notation(expr) == text
