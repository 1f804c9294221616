"""stop_gradient, and derivatives that a user gives for an op: values, gradients, stacks, checks, refusals."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr

pytestmark = pytest.mark.usefixtures("own_ops")
n, d = gc.dims("n d")
x, X = gc.symbol("x", (n,)), gc.symbol("X", (n, d))
v = gc.symbol("v", (n,))
stop = gc.stop_gradient
RNG = np.random.default_rng(5)
VALUES = {"x": RNG.normal(size=3), "X": RNG.normal(size=(3, 2)), "v": RNG.normal(size=3)}


def test_a_stopped_value_is_constant_for_every_derivative() -> None:
    e = gc.sum(x * stop(1 / x))
    assert str(gc.simplify(e)) == "x @ stop_gradient(1/x)"
    slope = gc.grad(e, x)
    assert str(slope) == "stop_gradient(1/x)"
    assert gc.grad(gc.sum(slope), x) is gc.zeros(n)
    assert gc.hessian(e, x) is gc.zeros(n, n)
    assert str(gc.jvp(x * stop(x), x, v)) == "v*stop_gradient(x)"
    assert str(gc.jacobian(x * stop(x), x)) == "diag(stop_gradient(x))"
    np.testing.assert_allclose(gc.evaluate(e, VALUES), 3)
    for shown in (e, slope):
        assert gc.parse(str(shown), x=x) is shown
        assert pickle.loads(pickle.dumps(shown)) is shown
    assert gc.latex(stop(x)) == r"\operatorname{sg}(\mathbf{x})"


def test_only_what_varies_is_marked_and_only_once() -> None:
    assert stop(2) is gc.constant(2)
    assert stop(gc.ones(n)) is gc.ones(n)
    assert stop(stop(x) + 1) is stop(x + 1)
    assert gc.simplify(stop(X.T) - stop(X).T) is gc.zeros(d, n)
    assert gc.simplify(stop(2 * x) - stop(x + x) + stop(-x / 3)) is gc.simplify(-stop(x) / 3)
    p = gc.softmax(X)
    assert str(gc.grad(gc.sum(stop(p) * gc.log(p)), X)) == "stop_gradient(softmax(X)) - softmax(X)"


def test_emitted_code_does_not_know_of_it() -> None:
    e = gc.sum((x + stop(gc.exp(x) - x)) ** 2)
    outputs = [e, gc.grad(e, x)]
    for style in ("readable", "fast"):
        assert "stop" not in gc.emit(outputs, [x], style=style)
        for dtype in (np.float64, np.float32):
            value, slope = gc.compile(outputs, [x], style=style)(VALUES["x"].astype(dtype))
            assert value.dtype == slope.dtype == dtype
            np.testing.assert_allclose(value, np.sum(np.exp(2 * VALUES["x"])), rtol=1e-5)
            np.testing.assert_allclose(slope, 2 * np.exp(VALUES["x"]), rtol=1e-5)
    assert "stop_gradient" in gc.draw(e).svg


def test_a_check_knows_that_the_difference_is_meant() -> None:
    e = gc.sum((x + stop(gc.exp(x) - x)) ** 2)
    assert gc.check(e, x, "2*exp(x)").status == "proved"
    assert gc.check(e, x, "2*exp(2*x)").status == "wrong"
    assert gc.check(stop(x) * x, "x**2").status == "proved"


def test_a_scalar_function_with_a_derivative_of_its_own() -> None:
    step = gc.elementwise("step_c", "sign(x)", derivative="abs(x) < 1")
    assert str(gc.grad(gc.sum(step(x) ** 2), x)) == "2*step_c(x)*(abs(x) < 1)"
    assert str(gc.jacobian(step(x), x)).startswith("diag(")
    logistic = gc.elementwise("logistic_c", "1/(1 + exp(-x))", derivative="y*(1 - y)")
    assert str(gc.grad(gc.sum(logistic(X)), X)) == "logistic_c(X)*(1 - logistic_c(X))"
    length = gc.elementwise("length_c", "sqrt(a**2 + b**2)", derivative=("a/y", "b/y"))
    assert str(gc.grad(gc.sum(length(x, 2)), x)) == "x/length_c(x, 2)"
    through = gc.elementwise("through_c", "round(x)", derivative="1")
    assert gc.grad(gc.sum(through(x) * v), x) is v
    estimator = gc.elementwise("estimator_c", "x + stop_gradient(round(x) - x)")
    assert gc.grad(gc.sum(estimator(x) * v), x) is v
    np.testing.assert_array_equal(gc.evaluate(estimator(x), VALUES), np.round(VALUES["x"]))
    assert gc.elementwise("through_c", "round(x)", derivative="1") is through
    with pytest.raises(gc.NameConflictError):
        gc.elementwise("through_c", "round(x)", derivative="2")


def test_rules_for_ops_of_arrays() -> None:
    @gc.op(vjp=lambda x, y, g, *, strength: -strength * g)
    def reversal_c(x, *, strength=1):  # type: ignore[no-untyped-def]
        return x

    @gc.op(vjp=lambda x, y, g: gc.clip(g, -1, 1))
    def clipped_c(x):  # type: ignore[no-untyped-def]
        return x

    @gc.op(vjp=lambda x, w, y, g: (w * g, None))
    def weighted_c(x, w):  # type: ignore[no-untyped-def]
        return x * w

    assert str(gc.grad(gc.sum(reversal_c(x, strength=2) ** 2), x)) == "-4*reversal_c(x, strength=2)"
    assert gc.grad(gc.sum(reversal_c(x) * v), x) is gc.simplify(-v)
    slope = gc.grad(gc.sum(clipped_c(x) ** 2), x)
    np.testing.assert_allclose(gc.evaluate(slope, VALUES), np.clip(2 * VALUES["x"], -1, 1))
    for result in (slope, gc.grad(gc.sum(reversal_c(x) ** 3), x)):
        assert gc.parse(str(result), x=x) is result
    assert gc.grad(gc.sum(weighted_c(x, v)), v) is gc.zeros(n)
    for style in ("readable", "fast"):
        np.testing.assert_allclose(gc.compile(slope, [x], style=style)(VALUES["x"]), np.clip(2 * VALUES["x"], -1, 1))


def matrix_op(name: str, rule: Callable[..., Any], body: Callable[..., Any]) -> Callable[..., Expr]:
    def function(*operands: Expr) -> Any:
        return body(*operands)

    function.__name__ = name
    return gc.op(function, vjp=rule)


# body, rule, shapes of the operands; each rule is the body's own derivative in another writing
LINEAR: list[tuple[Callable[..., Any], Callable[..., Any], list[tuple[Any, ...]]]] = [
    (lambda A, B: A @ B, lambda A, B, y, g: (g @ B.T, A.T @ g), [("n", "d"), ("d", "k")]),
    (gc.exp, lambda x, y, g: g * y, [("n", "d")]),
    (
        lambda x: gc.exp(x) / gc.sum(gc.exp(x), axis=-1, keepdims=True),
        lambda x, y, g: y * (g - gc.sum(g * y, axis=-1, keepdims=True)),
        [("n", "d")],
    ),
    (lambda x: x - gc.mean(x), lambda x, y, g: g - gc.mean(g), [("n",)]),
    (lambda x: gc.sum(x, axis=0), lambda x, y, g: gc.broadcast_to(g, x.shape), [("n", "d")]),
    (lambda x: x.T, lambda x, y, g: g.T, [("n", "d")]),
    (lambda x: gc.reshape(x, (6,)), lambda x, y, g: gc.reshape(g, (2, 3)), [(2, 3)]),
    (lambda x: gc.sum(x * x), lambda x, y, g: 2 * g * x, [("n", "d")]),
    (
        gc.solve,
        lambda A, b, y, g: (-gc.outer(gc.solve(A.T, g), y), gc.solve(A.T, g)),
        [("n", "n"), ("n",)],
    ),
    (gc.relu, lambda x, y, g: gc.where(y > 0, g, 0), [("n", 1)]),
]


@pytest.mark.parametrize("row", range(len(LINEAR)))
def test_a_linear_rule_serves_jacobians_and_second_derivatives(row: int) -> None:
    body, rule, shapes = LINEAR[row]
    ours = matrix_op(f"linear_c{row}", rule, body)
    arguments = [gc.symbol(f"a{i}", shape) for i, shape in enumerate(shapes)]
    sizes = {"n": 3, "d": 2, "k": 4}
    arrays = {str(a.name): RNG.normal(size=[sizes.get(str(s), s) for s in a.shape]) for a in arguments}
    values = arrays | sizes
    plain, custom = body(*arguments), ours(*arguments)
    for a in arguments:
        pairs = [
            (gc.jacobian(custom, a), gc.jacobian(plain, a)),
            (gc.grad(gc.sum(custom**3), a), gc.grad(gc.sum(plain**3), a)),
            (gc.hessian(gc.sum(custom**3), a), gc.hessian(gc.sum(plain**3), a)),
        ]
        for found, wanted in pairs:
            np.testing.assert_allclose(gc.evaluate(found, values), gc.evaluate(wanted, values), atol=1e-12)
    assert gc.check_derivative(ours, *arguments)


def test_a_rule_that_is_not_linear_has_no_jacobian() -> None:
    nonlinear = matrix_op("nonlinear_c", lambda x, y, g: gc.tanh(g), lambda x: 2 * x)
    shifted = matrix_op("shifted_c", lambda x, y, g: g + 1, lambda x: x)
    assert str(gc.grad(gc.sum(nonlinear(x) * v), x)) == "tanh(v)"
    for function, name in ((nonlinear, "nonlinear_c"), (shifted, "shifted_c")):
        with pytest.raises(gc.DifferentiationError, match=f"the derivative rule of {name} is not linear in the cotang"):
            gc.jacobian(function(x), x)
    with pytest.raises(gc.DifferentiationError, match="jvp: a derivative rule on the way is not linear"):
        gc.jvp(nonlinear(x), x, v)


def test_planted_wrong_derivatives_are_caught() -> None:
    square = gc.elementwise("square_c", "x**2", derivative="2*x")
    verdict = gc.check_derivative(square)
    assert (verdict.status, str(verdict.claim)) == ("proved", "2*G*x")
    cube = gc.elementwise("cube_c", "x**3", derivative="2*x**2")
    verdict = gc.check_derivative(cube, X)
    assert (verdict.status, verdict.repair) == ("wrong", "3*G*X**2")
    pair = gc.elementwise("pair_c", "a*b**2", derivative=("b**2", "a*b"))
    verdict = gc.check_derivative(pair)
    assert not verdict
    assert verdict.reason.startswith("by b: ")
    assert verdict.diagnosis == "the factor 2 is missing"
    product = matrix_op("product_c", lambda A, B, y, g: (g @ B, g @ A), lambda A, B: A @ B)
    A, B = gc.symbol("A", (n, n)), gc.symbol("B", (n, n))
    assert gc.check_derivative(product, A, B).status == "wrong"
    inner = matrix_op("inner_c", lambda x, y, g: 3 * g, lambda x: x)
    assert not gc.check_derivative(lambda x: gc.tanh(inner(x)) ** 2, x)
    through = gc.elementwise("through_d", "round(x)", derivative="1")
    assert gc.check_derivative(through).status == "wrong"
    assert gc.check(gc.sum(through(x)), x, "ones(n)").status == "proved"
    assert gc.check(gc.sum(through(x)), x, "zeros(n)").status == "wrong"


def test_wrong_uses_are_explained() -> None:
    two = matrix_op("two_c", lambda x, y, g: (g, g), lambda x: x)
    wide = matrix_op("wide_c", lambda x, y, g: g.T, lambda x: x)
    short = matrix_op("short_c", lambda x, g: g, lambda x: x)
    uses: list[tuple[Callable[[], Any], str]] = [
        (lambda: gc.grad(gc.sum(two(x)), x), "the vjp of two_c must give a cotangent for each of 1 operands .*, got 2"),
        (lambda: gc.grad(gc.sum(wide(X) * X), X), r"the vjp of wide_c gives a cotangent of shape \(d, n\) for an oper"),
        (lambda: gc.grad(gc.sum(short(x)), x), "the vjp of short_c takes 1 operand, the output and the cotangent"),
        (lambda: gc.op(lambda_named("rule_c"), vjp=3), "vjp is a function of the operands, the output and the cotan"),
        (lambda: gc.elementwise("bad_c", "x**2", derivative="2*z"), "unknown name 'z'; known names: x, y"),
        (
            lambda: gc.elementwise("bad_c", "a*b", derivative="b"),
            "derivative needs a formula for each of a, b, got 'b'",
        ),
        (lambda: gc.elementwise("bad_c", "x", derivative="sum(x)"), "sum does not act entry by entry"),
        (lambda: gc.check_derivative(gc.tanh, x), "uses no op that a derivative was given for"),
        (lambda: gc.check_derivative(two), r"needs the operands of two_c, as in check_derivative\(two_c, gc.symbol"),
        (lambda: gc.check_derivative(two, 3), "applies the function to symbols, got 3"),
        (lambda: gc.check_derivative("two"), "check_derivative needs a function of expressions, got 'two'"),
    ]
    for use, text in uses:
        with pytest.raises(gc.GraphcError, match=text):
            use()


def lambda_named(name: str) -> Callable[..., Any]:
    def function(x: Expr) -> Expr:
        return x

    function.__name__ = name
    return function


def bell(x: Any) -> Any:
    return np.exp(-(x**2))


def test_a_scalar_function_as_numpy_code() -> None:
    bump = gc.elementwise("bump_c", bell, derivative="-2*x*y")
    assert str(gc.grad(gc.sum(bump(X)), X)) == "-2*X*bump_c(X)"
    outputs = [gc.sum(bump(x)), gc.grad(gc.sum(bump(x)), x), gc.hessian(gc.sum(bump(x)), x)]
    point = VALUES["x"]
    slope, bend = -2 * point * bell(point), (4 * point**2 - 2) * bell(point)
    for style in ("readable", "fast"):
        assert "def bell(x):" in gc.emit(outputs, [x], style=style)
        for dtype in (np.float64, np.float32):
            found = gc.compile(outputs, [x], style=style)(point.astype(dtype))
            assert all(f.dtype == dtype for f in found)
            for f, wanted in zip(found, (np.sum(bell(point)), slope, np.diag(bend)), strict=True):
                np.testing.assert_allclose(f, wanted, rtol=1e-4, atol=1e-6)
    assert gc.check_derivative(bump).status == "equal"
    wrong = gc.check_derivative(gc.elementwise("bump_d", bell, derivative="-x*y"), X)
    assert wrong.status == "wrong"
    assert wrong.reason.startswith("the derivative that was given differs from differences")
    length = gc.elementwise("hypot_c", np.hypot, derivative=("x0/y", "x1/y"))
    assert str(gc.grad(gc.sum(length(x, 2)), x)) == "x/hypot_c(x, 2)"
    assert gc.check_derivative(length)
    plain = gc.elementwise("sinc_c", np.sinc)
    np.testing.assert_allclose(gc.evaluate(plain(x), VALUES), np.sinc(point))
    with pytest.raises(gc.DifferentiationError, match=r"sinc_c of shape .* has no derivative rule"):
        gc.grad(gc.sum(plain(x)), x)
    with pytest.raises(gc.UnsupportedError, match="takes arrays, each with a name of its own"):
        gc.elementwise("bad_c", lambda *arrays: arrays[0])
