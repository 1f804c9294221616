"""Ops of the user's own: scalar formulas with SymPy's derivative, and Python functions as bodies."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc
from graphc.errors import (
    DifferentiationError,
    FormulaError,
    GraphcError,
    NameConflictError,
    ShapeError,
    UnknownNameError,
    UnsupportedError,
)
from graphc.frontend import userops
from graphc.frontend.userops import elementwise, op
from graphc.ir.expr import Expr, topological
from graphc.ir.op import registry
from graphc.ops.defined import body_of

pytestmark = pytest.mark.usefixtures("own_ops")
n, d = gc.dims("n d")
x, y = gc.symbol("x", (n,)), gc.symbol("y", (n,))
X, g = gc.symbol("X", (n, d)), gc.symbol("g", (d,))


def partials(e: Expr) -> list[str]:
    assert e.op.derivative is not None
    return [str(p) for p in e.op.derivative(*e.operands, e)]


DERIVATIVES = [
    ("mish_t", "x * tanh(log(1 + exp(x)))", ["x*(1 - tanh(softplus(x))**2)*sigmoid(x) + tanh(softplus(x))"]),
    ("logistic_t", "1/(1 + exp(-x))", ["logistic_t(x)*(1 - logistic_t(x))"]),
    ("tanh_t", "(exp(x) - exp(-x))/(exp(x) + exp(-x))", ["1 - tanh_t(x)**2"]),
    ("silu_t", "x/(1 + exp(-x))", ["silu_t(x)*(1 - sigmoid(x)) + sigmoid(x)"]),
    ("gauss_t", "exp(-x**2)", ["-2*x*gauss_t(x)"]),
    ("softplus_t", "log(1 + exp(x))", ["sigmoid(x)"]),
    ("root_t", "sqrt(1 + x**2)", ["x/root_t(x)"]),
    ("leaky_t", "where(x > 0, x, 0.01*x)", ["where(x > 0, 1, 0.01)"]),
    ("elu_t", "where(x > 0, x, exp(x) - 1)", ["where(x > 0, 1, exp(x))"]),
    ("huber_t", "where(abs(x) < 1, x**2/2, abs(x) - 1/2)", ["where(abs(x) < 1, x, sign(x))"]),
    ("ramp_t", "maximum(x, 0)", ["x >= 0"]),
    ("cube_t", "x**3", ["3*x**2"]),
    ("two_to_t", "2**x", ["two_to_t(x)*log(2)"]),
    ("power_t", "a**b", ["y*power_t(x, y)/x", "power_t(x, y)*log(x)"]),
    ("lines_t", "z = x*x\nz*exp(z)", ["2*x*(lines_t(x) + exp(x**2))"]),
    ("first_t", "b + 0*a", ["1", "0"]),
    ("circle_t", "pi*x**2", ["2*pi*x"]),
]


@pytest.mark.parametrize(("name", "formula", "shown"), DERIVATIVES, ids=[row[0] for row in DERIVATIVES])
def test_derivatives_are_sympys_in_short_form(name: str, formula: str, shown: list[str]) -> None:
    function = elementwise(name, formula)
    e = function(*(x, y)[: len(shown)])
    found = partials(e)
    if name == "first_t":
        assert e.op.derivative is not None
        assert [gc.simplify(p) for p in e.op.derivative(*e.operands, e)] == [gc.ones(n), gc.zeros(n)]
    else:
        assert found == shown


@pytest.mark.parametrize(("name", "formula"), [row[:2] for row in DERIVATIVES], ids=[row[0] for row in DERIVATIVES])
def test_derivatives_agree_with_differences(name: str, formula: str) -> None:
    function = elementwise(name, formula)
    arity = len(userops.arguments(formula))
    values: dict[str, Any] = {"x": np.array([0.3, 0.8, 1.7]), "y": np.array([0.4, -1.1, 0.6]), "n": 3}
    e = function(*(x, y)[:arity])
    assert e.op.derivative is not None
    for by, partial in zip((x, y)[:arity], e.op.derivative(*e.operands, e), strict=True):
        up, down = ({**values, str(by.name): values[str(by.name)] + s * 1e-6} for s in (1, -1))
        slope = (gc.evaluate(e, up) - gc.evaluate(e, down)) / 2e-6
        assert partial is not None
        np.testing.assert_allclose(gc.evaluate(partial, values), slope, rtol=1e-6, atol=1e-8)


def test_a_users_function_is_a_function_of_the_notation() -> None:
    mish = elementwise("mish_u", "x * tanh(log(1 + exp(x)))")
    e = mish(X)
    assert (e.shape, e.dtype, str(e)) == ((n, d), "float64", "mish_u(X)")
    assert gc.parse(str(e), X=X) is e
    assert str(gc.expand(e)) == "X*tanh(softplus(X))"
    assert elementwise("pair_u", "a*exp(b)")(X, g).shape == (n, d)
    assert str(elementwise("twice_u", "mish_u(x) + mish_u(2*x)")(x)) == "twice_u(x)"
    assert mish.__doc__ == "X * tanh(log(1 + exp(x))), entry by entry."


def test_gradients_through_a_users_function() -> None:
    mish = elementwise("mish_v", "x * tanh(log(1 + exp(x)))")
    values = {"X": np.array([[-1e4, -1.0, 0.5, 1e4]])}
    found = gc.evaluate(gc.grad(gc.sum(mish(X)), X), values)
    s = sympy.Symbol("s")
    mish_s = s * sympy.tanh(sympy.log(1 + sympy.exp(s)))
    middle = [float(mish_s.diff(s).subs(s, v)) for v in (-1.0, 0.5)]
    np.testing.assert_allclose(found, [[0, *middle, 1]], atol=1e-12)
    twice = elementwise("twice_v", "mish_v(x)**2")
    slope = gc.grad(gc.sum(twice(x)), x)
    v = 0.7
    exact = (mish_s**2).diff(s).subs(s, v)
    np.testing.assert_allclose(gc.evaluate(slope, {"x": np.array([v])}), [float(exact)])


def test_the_same_definition_again_is_the_same_function() -> None:
    assert elementwise("again_t", "x**2") is elementwise("again_t", "x**2")
    with pytest.raises(NameConflictError, match="again_t is a function or op of graphc already"):
        elementwise("again_t", "x**3")
    made = []
    for _ in range(2):

        def again_op(x: Expr) -> Expr:
            return 2 * x  # type: ignore[no-any-return]

        made.append(op(again_op))
    assert made[0] is made[1]


@pytest.mark.parametrize(
    ("name", "formula", "error", "message"),
    [
        ("exp", "x", NameConflictError, "exp is a function or op of graphc already; choose another name"),
        ("sum", "x", NameConflictError, "sum is a function or op"),
        ("contract", "x", NameConflictError, "contract is a function or op"),
        ("pi", "x", NameConflictError, "pi is a function or op"),
        ("a b", "x", NameConflictError, "a name must be a Python identifier"),
        ("bad_t", "tnah(x)", UnknownNameError, "there is no function 'tnah'; did you mean 'tanh'?"),
        ("bad_t", "softmax(x)", FormulaError, "softmax does not act entry by entry; use @gc.op"),
        ("bad_t", "sum(x)", FormulaError, "sum does not act entry by entry"),
        ("bad_t", "x @ y", FormulaError, "@ does not act entry by entry"),
        ("bad_t", "x.T", FormulaError, ". does not act entry by entry"),
        ("bad_t", "x[None]", FormulaError, "[ does not act entry by entry"),
        ("bad_t", "1 + 2", FormulaError, "the formula '1 + 2' has no names"),
        ("bad_t", "x +", FormulaError, "the formula ends where a value is expected"),
        ("bad_t", 3, FormulaError, "a formula is a text, got int"),
    ],
)
def test_formulas_that_are_no_scalar_functions(name: str, formula: str, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error) as found:
        elementwise(name, formula)
    assert message in str(found.value)
    assert name in ("exp", "sum", "contract", "pi") or name not in registry


def test_the_number_of_arrays_is_checked() -> None:
    pair = elementwise("pair_t", "a*exp(b)")
    with pytest.raises(UnsupportedError, match=r"pair_t\(a, b\) takes 2 arrays, got 1"):
        pair(x)
    with pytest.raises(ShapeError, match="do not broadcast"):
        pair(x, g)


def test_a_derivative_that_is_not_real_is_an_error() -> None:
    function = elementwise("bad_log_t", "log(-1)*x")
    with pytest.raises(DifferentiationError, match="which has no meaning"):
        gc.grad(gc.sum(function(x)), x)


def scaled_norm(x: Expr, gain: Expr, *, axis: int = -1, eps: float = 1e-6) -> Expr:
    """Root mean square norm."""
    return gain * x / gc.sqrt(gc.mean(x * x, axis=axis, keepdims=True) + eps)  # type: ignore[no-any-return]


def test_an_op_is_its_body() -> None:
    norm = op(scaled_norm)
    e = norm(X, g)
    assert (e.shape, str(e)) == ((n, d), "scaled_norm(X, g)")
    assert e.op.body is not None
    assert e.op.body(e) is scaled_norm(X, g, eps=1e-6)
    assert (norm.__doc__, registry["scaled_norm"].summary) == ("Root mean square norm.",) * 2
    values = {"X": np.array([[3.0, 4.0]]), "g": np.array([1.0, 2.0])}
    np.testing.assert_allclose(gc.evaluate(e, values), np.array([[3.0, 8.0]]) / math.sqrt(12.5 + 1e-6))
    direct = gc.grad(gc.sum(scaled_norm(X, g) ** 2), X)
    np.testing.assert_allclose(gc.evaluate(gc.grad(gc.sum(e**2), X), values), gc.evaluate(direct, values))


def test_options_print_where_they_are_not_the_default_and_read_back() -> None:
    norm = op(scaled_norm)
    shown = {
        "scaled_norm(X, g)": norm(X, gain=g, axis=-1),
        "scaled_norm(X, g, eps=0.01)": norm(X, g, eps=0.01),
        "scaled_norm(X, g, axis=0, eps=1/3)": norm(X, g, axis=0, eps=sympy.Rational(1, 3)),
        "scaled_norm(X, g, axis=None)": norm(X, g, axis=None),
    }
    for text, e in shown.items():
        assert str(e) == text
        assert gc.parse(text, **gc.names(e)) is e
    assert gc.parse("scaled_norm(X, g, eps=1e-6)", X=X, g=g) is norm(X, g)


def test_options_of_every_kind() -> None:
    @op
    def options(x, *, units, axes=(0, 1), mode="same", flag=False):  # type: ignore[no-untyped-def]
        return gc.broadcast_to(gc.sum(x), (units, 2)) if flag else x

    for e in (
        options(X, units=d, flag=True),
        options(X, units=np.int64(3), axes=[0, n], mode="it's"),
        options(X, units=2 * n + 1, axes=((1, 2), (n,))),
    ):
        assert gc.parse(str(e), **gc.names(e)) is e, str(e)
    assert str(options(X, units="n" and n)) == "options(X, units=n)"


def test_operands_may_be_optional_or_any_number() -> None:
    @op
    def shifted(x, b=None):  # type: ignore[no-untyped-def]
        return x if b is None else x + b

    @op
    def total(*xs, weight=1):  # type: ignore[no-untyped-def]
        return weight * sum(xs[1:], xs[0])

    assert [str(e) for e in (shifted(x), shifted(x, 1), total(x, y, x, weight=2))] == [
        "shifted(x)",
        "shifted(x, 1)",
        "total(x, y, x, weight=2)",
    ]
    assert gc.parse("total(x, y, x, weight=2)", x=x, y=y) is total(x, y, x, weight=2)


def test_what_cannot_be_an_op() -> None:
    with pytest.raises(UnsupportedError, match="needs an operand"):
        op(lambda_named("no_operands", lambda *, k=1: k))
    with pytest.raises(UnsupportedError, match=r"name each option of an op after \*"):
        op(lambda_named("any_options", lambda x, **kw: x))
    with pytest.raises(NameConflictError, match="softmax is a function or op"):
        op(lambda_named("softmax", lambda x: x))
    with pytest.raises(NameConflictError, match="identifier"):
        op(lambda x: x)


def test_calls_of_an_op_are_checked() -> None:
    norm = op(scaled_norm)
    nothing = op(lambda_named("nothing_t", lambda x: None))
    with pytest.raises(UnsupportedError, match="the body of nothing_t returns nothing; end it with a return"):
        nothing(x)
    with pytest.raises(UnsupportedError, match="missing a required argument: 'gain'"):
        norm(X)
    with pytest.raises(UnsupportedError, match=r"eps=<x .*>: options are numbers, sizes, texts or tuples of them"):
        norm(X, g, eps=x)
    with pytest.raises(UnsupportedError, match="a text is short and has no quotes"):
        norm(X, g, eps="a'b\"c")
    with pytest.raises(ShapeError, match="do not broadcast"):
        norm(X, X.T)
    with pytest.raises(UnsupportedError, match=r"scaled_norm\(x, gain, axis=-1, eps=1e-06\): got an unexpected"):
        gc.parse("scaled_norm(X, g, epsilon=1)", X=X, g=g)


def lambda_named(name: str, function):  # type: ignore[no-untyped-def]
    function.__name__ = name
    return function


def test_a_formula_op_is_made_from_two_texts() -> None:
    with pytest.raises(gc.UnsupportedError, match="elementwise needs a name, got 3 of type int"):
        gc.elementwise(3, "x**2")  # type: ignore[arg-type]
    with pytest.raises(gc.FormulaError, match="a formula is a text, got Expr"):
        gc.elementwise("bowl", gc.symbol("x") ** 2)  # type: ignore[arg-type]
    with pytest.raises(gc.UnsupportedError, match="cannot use None"):
        gc.dense(None, None)


def rms_norm(x: Expr, gain: Expr, *, axis: int = -1, eps: float = 1e-6) -> Expr:
    return gain * x / gc.sqrt(gc.mean(x * x, axis=axis, keepdims=True) + eps)  # type: ignore[no-any-return]


def test_a_users_layer_takes_the_name_of_the_librarys() -> None:
    before = gc.rms_norm(X, g)
    mine = op(rms_norm)
    e = mine(X, g)
    assert e is not before
    assert (str(e), e.op.defaults) == ("rms_norm(X, g)", {"axis": -1, "eps": Fraction(1, 1_000_000)})
    assert gc.parse("rms_norm(X, g)", X=X, g=g) is e
    assert gc.parse("rms_norm(X, g, eps=1e-6)", X=X, g=g) is e
    values = {"X": np.array([[3e-3, 4e-3]]), "g": np.array([1.0, 2.0])}
    for node, eps in ((e, 1e-6), (before, 1e-5)):
        expected = np.array([[3e-3, 8e-3]]) / math.sqrt(12.5e-6 + eps)
        np.testing.assert_allclose(gc.evaluate(node, values), expected)
        np.testing.assert_allclose(gc.compile(node, [X, g])(*values.values()), expected)
        slope = gc.evaluate(gc.grad(gc.sum(node), g), values)
        np.testing.assert_allclose(slope, expected[0] / [1, 2])
    assert gc.rms_norm(X, g) is before
    assert pickle.loads(pickle.dumps((before, e))) == (before, e)
    assert gc.simplify(e - before).operands
    assert op(rms_norm) is mine
    with pytest.raises(NameConflictError, match="rms_norm is a function or op of graphc already"):
        elementwise("rms_norm", "x**2")


def test_an_op_that_is_not_defined_here_cannot_be_unpickled() -> None:
    data = pickle.dumps(elementwise("gone_t", "x**2")(x))
    del registry["gone_t"]
    with pytest.raises(UnsupportedError, match="holds the op gone_t, which is not defined here; define it first"):
        pickle.loads(data)


@pytest.mark.parametrize("name", [name for name, op in registry.items() if op.replaceable])
def test_nothing_brings_a_replaceable_op_in(name: str) -> None:
    record = registry[name]
    for text, names in record.examples:
        e = gc.parse(text, **names)
        assert not any(node.op.replaceable for node in topological([gc.expand(e)]))
        wrt = [s for s in topological([e]) if s.op.name == "symbol" and s.dtype.startswith("float")]
        for result in [gc.simplify(e), *gc.grad(gc.sum(e), wrt)]:
            assert {node.op for node in topological([result]) if node.op.replaceable} <= {record}
    for other in registry.values():
        for text, names in other.examples if other is not record and other.body is not None else ():
            node = gc.parse(text, **names)
            if node.op is other:
                assert record not in {n.op for n in topological([body_of(node)])}


def test_options_of_a_users_formula_are_kept() -> None:
    y = gc.parse("elu(x, alpha=0.5)**2 + silu(x) + leaky_relu(x, negative_slope=0.1)", x=x)
    mine = gc.elementwise("blend_t", "elu(x, alpha=0.5)**2 + silu(x) + leaky_relu(x, negative_slope=0.1)")(x)
    values = {"x": np.array([-1.3, 0.4, 2.0])}
    for a, b in ((y, mine), (gc.grad(gc.sum(y), x), gc.grad(gc.sum(mine), x))):
        np.testing.assert_allclose(gc.evaluate(a, values), gc.evaluate(b, values), rtol=1e-13)
