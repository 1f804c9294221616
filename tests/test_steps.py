"""Derivations are judged step by step: the first wrong one is named, and what rests on it is said to follow."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

import graphc as gc
from graphc.checking.chains import equations
from graphc.errors import FormulaError, GraphcError, NameConflictError, UnsupportedError

WX = {"W": ("m", "n"), "x": ("n",)}
RIGHT: dict[int, str] = {}


class Chain(NamedTuple):
    """A derivation: its steps, what its names are, and the status of each step that is not proved."""

    steps: Any
    names: dict[str, Any]
    others: dict[int, str]
    follow: dict[int, int] = {}  # noqa: RUF012
    given: str | None = None


CHAINS: dict[str, Chain] = {
    "B1, all three": Chain(
        "df/dq = z\ndf/dz = q\ndf/dx = df/dq = z\ndf/dy = z",
        {"x": (), "y": (), "z": ()},
        RIGHT,
        given="q = x + y\nf = q*z",
    ),
    "B1, the wrong variable": Chain(
        "df/dq = q\ndf/dx = df/dq", {"x": (), "y": (), "z": ()}, {0: "wrong"}, {1: 0}, given="q = x + y\nf = q*z"
    ),
    "B2, by pairs": Chain(
        [("grad(f, q)", "2*q"), ("grad(f, W)", "outer(grad(f, q), x)"), ("grad(f, x)", "W.T @ grad(f, q)")],
        WX,
        RIGHT,
        given="q = W @ x\nf = sum(q**2)",
    ),
    "B2, as a chain": Chain(["grad(sum((W @ x)**2), W)", "2*outer(W @ x, x)", "2*W @ outer(x, x)"], WX, RIGHT),
    "B2, the factor lost on the way": Chain(
        ["grad(sum((W @ x)**2), W)", "2*outer(W @ x, x)", "outer(W @ x, x)", "W @ outer(x, x)"],
        WX,
        {1: "wrong"},
        {2: 1},
    ),
    "B2, wrong from the start": Chain(
        ["grad(sum((W @ x)**2), x)", "W.T @ W @ x", "(W.T @ W) @ x", "x @ W.T @ W"], WX, {0: "wrong"}, {1: 0, 2: 0}
    ),
    "B2, the same mistake again": Chain(
        [("grad(f, W)", "outer(q, x)"), ("grad(f, W)", "W @ outer(x, x)"), ("grad(f, q)", "2*q")],
        WX,
        {0: "wrong", 1: "wrong"},
        {1: 0},
        given="q = W @ x\nf = sum(q**2)",
    ),
    "a differential": Chain(
        ["D(x @ A @ x, x, dx)", "dx @ A @ x + x @ A @ dx", "(A @ x + A.T @ x) @ dx"],
        {"A": ("n", "n"), "x": ("n",)},
        RIGHT,
    ),
    "a differential, half of it": Chain(
        ["D(x @ A @ x, x, dx)", "dx @ A @ x + x @ A @ dx", "2*dx @ A @ x"],
        {"A": ("n", "n"), "x": ("n",)},
        {1: "wrong"},
    ),
    "ties of a function are left out once it is differentiated": Chain(
        ["grad(sum(relu(x)), x)", "x > 0", "x >= 0"], {"x": ("n",)}, RIGHT
    ),
    "ties count otherwise": Chain(["as_float(x > 0)", "as_float(x >= 0)"], {"x": ("n",)}, {0: "wrong"}),
    "B2, in index notation": Chain(
        "df/dW[i,j] = sum[k](2*q[k]*1[k=i]*x[j]) = 2*q[i]*x[j]\ndf/dx[j] = sum[i](df/dq[i]*W[i,j]) = 2*(W.T @ q)[j]",
        WX,
        RIGHT,
        given="q = W @ x\nf = sum(q**2)",
    ),
    "B2, in index notation, the wrong index": Chain(
        "df/dx[j] = sum[i](2*q[i]*W[i,j])\ndf/dx[j] = 2*sum[i](q[i]*W[i,0])",
        WX,
        {1: "wrong"},
        given="q = W @ x\nf = sum(q**2)",
    ),
    "B4, rewriting the loss": Chain(
        [
            "-sum(t*log(softmax(h)))",
            "-sum(t*(h - logsumexp(h)))",
            "logsumexp(h) - t @ h",
            "log(sum(exp(h))) - sum(t*h)",
        ],
        {"h": ("k",), "t": gc.symbol("t", ("k",), facts=["simplex"])},
        RIGHT,
    ),
    "B4, rewriting the loss of weights that do not sum to one": Chain(
        [
            "-sum(t*log(softmax(h)))",
            "-sum(t*(h - logsumexp(h)))",
            "logsumexp(h) - t @ h",
            "log(sum(exp(h))) - sum(t*h)",
        ],
        {"h": ("k",), "t": ("k",)},
        {1: "wrong"},
        {2: 1},
    ),
    "B4, the gradient through the Jacobian of softmax": Chain(
        "dp[i]/dh[j] = p[i]*(delta[i,j] - p[j])\ndL/dh[j] = sum[i](dL/dp[i]*dp[i]/dh[j])\ndL/dh = p - t",
        {"h": ("k",), "t": gc.symbol("t", ("k",), facts=["simplex"])},
        RIGHT,
        given="p = softmax(h)\nL = -sum(t*log(p))",
    ),
    "B4, off the diagonal forgotten": Chain(
        "dp[i]/dh[j] = p[i]*(1 - p[i])*delta[i,j]\ndL/dh[j] = sum[i](dL/dp[i]*dp[i]/dh[j]) = p[j] - t[j]",
        {"h": ("k",), "t": gc.symbol("t", ("k",), facts=["simplex"])},
        {0: "wrong"},
        {1: 0, 2: 0},
        given="p = softmax(h)\nL = -sum(t*log(p))",
    ),
    "B5, a linear layer": Chain(
        "dL/dh = G\ndL/dW = outer(dL/dh, x)\ndL/db = dL/dh\ndL/dx = W.T @ dL/dh",
        {"W": ("m", "d"), "x": ("d",), "b": ("m",), "G": ("m",)},
        RIGHT,
        given="h = W @ x + b\nL = G @ h",
    ),
    "B5, the transpose forgotten": Chain(
        "dL/dx = W @ dL/dh", {"W": ("m", "m"), "x": ("m",), "G": ("m",)}, {0: "wrong"}, given="h = W @ x\nL = G @ h"
    ),
    "B6, sigmoid by its own value": Chain(
        ["grad(sum(G*sigmoid(x)), x)", "G*exp(-x)/(1 + exp(-x))**2", "G*h*(1 - h)"],
        {"x": ("n",), "G": ("n",)},
        RIGHT,
        given="h = 1/(1 + exp(-x))",
    ),
    "B6, in the wrong variable": Chain(
        ["grad(sum(G*sigmoid(x)), x)", "G*sigmoid(x)*(1 - sigmoid(x))", "G*x*(1 - x)"],
        {"x": ("n",), "G": ("n",)},
        {1: "wrong"},
    ),
    "L3": Chain(["exp(z)/(1 + exp(z))", "1/(1 + exp(-z))", "(1 + tanh(z/2))/2", "1 - sigmoid(-z)"], {"z": ()}, RIGHT),
    "O1, the mean over examples": Chain(
        "g = grad(L, w)\ng = 2/N*X.T @ (X @ w - y)\ng[j] = mean[i](2*(X[i] @ w - y[i])*X[i,j])",
        {"X": ("N", "d"), "w": ("d",), "y": ("N",)},
        RIGHT,
        given="L = mean((X @ w - y)**2)",
    ),
    "O1, the sum for the mean": Chain(
        "g = grad(L, w)\ng = 2*X.T @ (X @ w - y)",
        {"X": ("N", "d"), "w": ("d",), "y": ("N",)},
        {1: "wrong"},
        given="L = mean((X @ w - y)**2)",
    ),
    "O4, linear decay": Chain(
        ["(1 - a)*e0 + a*etau", "e0 - k/tau*(e0 - etau)"],
        {"e0": (), "etau": (), "k": (), "tau": ()},
        RIGHT,
        given="a = k/tau",
    ),
    "O5, momentum under a constant gradient": Chain(
        "v2 = alpha*v1 - eps*g\nv2 = -eps*g*(1 + alpha)\nv2*(1 - alpha) = -eps*g*(1 - alpha**2)",
        {"alpha": (), "eps": (), "g": ("n",)},
        RIGHT,
        given="v1 = -eps*g",
    ),
    "O5, an exponent": Chain(
        "v2 = alpha*v1 - eps*g\nv2*(1 - alpha) = -eps*g*(1 - alpha)",
        {"alpha": (), "eps": (), "g": ("n",)},
        {1: "wrong"},
        given="v1 = -eps*g",
    ),
    "O8, the first step of Adam": Chain(
        "s = (1 - r1)*g\nr = (1 - r2)*g**2\nshat = s/(1 - r1) = g\nrhat = r/(1 - r2) = g*g\n"
        "shat/(sqrt(rhat) + delta) = g/(abs(g) + delta)",
        {"r1": (), "r2": (), "g": ("n",), "delta": gc.symbol("delta", facts=["positive"])},
        RIGHT,
    ),
    "O12, the slope along the gradient": Chain(
        "D(J, theta, -eps*g) = -eps*g @ g\nD(D(J, theta, -eps*g0), theta, -eps*g0) = eps**2*g0 @ H @ g0",
        {"theta": ("n",), "H": gc.symbol("H", ("n", "n"), facts=["symmetric"]), "eps": (), "g0": ("n",)},
        RIGHT,
        given="J = theta @ H @ theta/2\ng = H @ theta",
    ),
    "O12, the best step": Chain(
        "phi = J - eps*g @ g + eps**2/2*g @ H @ g\ndphi/deps = -g @ g + eps*g @ H @ g\nd2phi/deps2 = g @ H @ g",
        {"J": (), "g": ("n",), "H": ("n", "n"), "eps": ()},
        RIGHT,
    ),
    "O12, the half forgotten": Chain(
        "phi = J - eps*g @ g + eps**2/2*g @ H @ g\ndphi/deps = -g @ g + eps/2*g @ H @ g",
        {"J": (), "g": ("n",), "H": ("n", "n"), "eps": ()},
        {1: "wrong"},
    ),
    "O13, terms by order": Chain(
        "yhat = x*(w1 - eps*g1)*(w2 - eps*g2)\nyhat = x*w1*w2 - eps*x*(g1*w2 + g2*w1) + eps**2*x*g1*g2\n"
        "dyhat/deps = -x*(g1*w2 + g2*w1) + 2*eps*x*g1*g2",
        {"x": (), "w1": (), "w2": (), "g1": (), "g2": (), "eps": ()},
        RIGHT,
    ),
    "R1, weight decay": Chain(
        "LR = sum((X @ w - y)**2) + alpha/2*sum(w**2)\ndLR/dw = 2*X.T @ (X @ w - y) + alpha*w\n"
        "w - eta*dLR/dw = (1 - eta*alpha)*w - 2*eta*X.T @ (X @ w - y)",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",), "alpha": (), "eta": ()},
        RIGHT,
    ),
    "R1, alpha for alpha/2": Chain(
        "LR = sum((X @ w - y)**2) + alpha/2*sum(w**2)\ndLR/dw = 2*X.T @ (X @ w - y) + 2*alpha*w\n"
        "w - eta*dLR/dw = (1 - 2*eta*alpha)*w - 2*eta*X.T @ (X @ w - y)",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",), "alpha": (), "eta": ()},
        {1: "wrong", 2: "wrong"},
        {2: 1},
    ),
    "R3, the sign away from zero": Chain(
        "LR = L0 + alpha*sum(abs(w))\ndLR/dw = alpha*sign(w) = alpha*((w > 0) - (w < 0)) = alpha*(2*(w >= 0) - 1)",
        {"w": ("d",), "alpha": (), "L0": ()},
        RIGHT,
    ),
    "differentials of an inverse": Chain(
        "D(inv(X), X, dX) = -inv(X) @ dX @ inv(X)\nD(logdet(X), X, dX) = trace(inv(X) @ dX)\n"
        "D(trace(A @ inv(X)), X, dX) = -trace(inv(X) @ A @ inv(X) @ dX)",
        {"X": ("n", "n"), "A": ("n", "n")},
        RIGHT,
    ),
    "total differentials": Chain(
        "dq = dW @ x + W @ dx\ndf = 2*q @ dq = 2*q @ W @ dx + 2*q @ dW @ x",
        WX,
        RIGHT,
        given="q = W @ x\nf = q @ q",
    ),
    "total differentials, one path forgotten": Chain(
        "dq = dW @ x + W @ dx\ndf = q @ dq", WX, {1: "wrong"}, given="q = W @ x\nf = q @ q"
    ),
    "differentials of an inverse, the order lost": Chain(
        "D(inv(X), X, dX) = -inv(X) @ inv(X) @ dX", {"X": ("n", "n")}, {0: "wrong"}
    ),
    "the normal equations": Chain(
        "df/dw = 2*X.T @ r = 2*(X.T @ X @ w - X.T @ y)\njacobian(2*X.T @ (X @ w - y), w) = hessian(f, w) = 2*X.T @ X",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
        RIGHT,
        given="r = X @ w - y\nf = sum(r**2)",
    ),
    "second derivatives": Chain(
        "∂²f/∂x² = d2f/dx2 = hessian(f, x) = jacobian(grad(f, x), x) = A + A.T",
        {"A": ("n", "n"), "x": ("n",)},
        RIGHT,
        given="f = x @ A @ x",
    ),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_chains(chain: Chain) -> None:
    found = gc.check_steps(chain.steps, given=chain.given, **chain.names)
    statuses = {i: str(step.status) for i, step in enumerate(found.steps) if step.status != "proved"}
    assert statuses == chain.others, str(found)
    assert {i: step.follows for i, step in enumerate(found.steps) if step.follows is not None} == chain.follow
    assert found.first_wrong == min(chain.others, default=None)
    assert bool(found) == (not chain.others)
    assert all(step.counterexample is not None for step in found.steps if step.status == "wrong")


def test_a_page_names_the_first_wrong_step() -> None:
    found = gc.check_steps(["grad(sum(x**2), x)", "x", "x*1"], x=("n",))
    lines = str(found).splitlines()
    assert lines[0] == "WRONG: step 0 is the first that does not hold"
    assert lines[1] == "  [0] wrong: grad(sum(x**2), x) = x"
    assert "        what is wrong: the factor 2 is missing" in lines
    assert lines[-1] == "  [1] proved, follows from the wrong step 0: x = x*1"


def test_a_derivation_as_data_and_as_html() -> None:
    found = gc.check_steps(["grad(sum(x**2), x)", "x", "x*1"], x=("n",))
    data = json.loads(found.json())
    assert (data["right"], data["first_wrong"]) == (False, 0)
    assert [(s["status"], s["follows"]) for s in data["steps"]] == [("wrong", None), ("proved", 0)]
    assert data["steps"][1]["stated"] == "x = x*1"
    assert found.html().count("<mark>") > 0
    assert "follows from the wrong step 0: x = x*1" in found.html()


def test_sides_may_be_expressions() -> None:
    x = gc.symbol("x", ("n",))
    f = gc.sum(gc.exp(x))
    assert gc.check_steps([gc.grad(f, x), "exp(x)"])
    assert gc.check_steps([("grad(f, x)", gc.exp(x)), (gc.exp(x), "exp(x)")], f=f, x=x)
    assert gc.check_steps([("df/dx", "exp(x)")], f=f).first_wrong is None


def test_a_gradient_is_named_by_its_variable_where_one_function_is_in_play() -> None:
    assert gc.check_steps("q = W @ x\nf = sum(q**2)\ndW = 2*outer(q, x)\ndx = 2*W.T @ q", **WX)
    assert gc.check_steps("dx = x", given="f = sum(x**2)", x=("n",)).first_wrong == 0
    for step, given, reason in (
        ("dx = 2*x", "f = sum(x**2)\ng = sum(x)", "dx: of which function"),
        ("df = 2*x", "f = sum(x**2)", "df: write D(f, x, dx) for its change along dx"),
        ("D(f, x) = 2*x", "f = sum(x**2)", "D(f, x, dx): missing a required argument"),
    ):
        (verdict,) = gc.check_steps(step, given=given, x=("n",)).steps
        assert (verdict.status, reason in verdict.reason) == ("incomparable", True)


def test_a_side_that_cannot_be_read_leaves_the_other_steps_to_be_judged() -> None:
    found = gc.check_steps("df/dW = 2*outer(W @ x x)\ndf/dx = 2*W.T @ W @ x", given="f = sum((W @ x)**2)", **WX)
    assert [step.status for step in found.steps] == ["incomparable", "proved"]
    assert found.first_wrong == 0
    assert "an operator is missing before x" in str(found)
    assert "line 1, column 15" in str(found)
    pairs = [("grad(sum((W @ x)**2), W)", "2*outer(W @ x, x"), ("grad(sum((W @ x)**2), x)", "2*W.T @ W @ x")]
    assert [step.status for step in gc.check_steps(pairs, **WX).steps] == ["incomparable", "proved"]
    entries = {"dL/dq": "2*(q", "dL/dW": "outer(dL/dq, x)"}
    steps = gc.check_backprop("q = W @ x\nsum(q**2)", entries, **WX).steps
    assert [step.status for step in steps] == ["incomparable", "proved"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("a", "b"), ("c", "d")], [("a", "b"), ("c", "d")]),
        (["a", "b", "c"], [("a", "b"), ("b", "c")]),
        ("a = b = c", [("a", "b"), ("b", "c")]),
        ("a = b\n  = c  # why\n\nd = sum(x, axis=0)", [("a", "b"), ("b", "c"), ("d", "sum(x, axis=0)")]),
        ("a = (b +\n c)\na =\n d", [("a", "(b +\n c)"), ("a", "d")]),
        (["a = b", "= c"], [("a", "b"), ("b", "c")]),
        ({"a": "b"}, [("a", "b")]),
        ("a == b = c <= d", [("a == b", "c <= d")]),
    ],
)
def test_forms_of_a_derivation(steps: Any, expected: list[tuple[str, str]]) -> None:
    assert [(s.left, s.right) for s in equations(steps)] == expected


@pytest.mark.parametrize(
    ("steps", "given", "error", "message"),
    [
        ("a + b", None, FormulaError, "this line is no equation"),
        ("= a", None, FormulaError, "nothing before the first line"),
        ("a = ", None, FormulaError, "a side is missing"),
        ("", None, FormulaError, "there are no steps"),
        ([], None, UnsupportedError, "steps are pairs"),
        (["a"], None, UnsupportedError, "a chain has two members"),
        (["a", ("b", "c")], None, UnsupportedError, "either all pairs"),
        ("a = a", "a = 2", NameConflictError, "a has a meaning already"),
    ],
)
def test_what_is_no_derivation(steps: Any, given: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error, match=message):
        gc.check_steps(steps, given=given, a=())


def test_a_step_that_makes_no_sense_is_the_first_wrong_one() -> None:
    found = gc.check_steps([("x", "x"), ("x", "y"), ("x", "z")], x=("n",), y=("m",))
    assert [step.status for step in found.steps] == ["proved", "incomparable", "incomparable"]
    assert found.first_wrong == 1
    assert "unknown name 'z'" in found.steps[2].reason


class Backprop(NamedTuple):
    """Entries of a dictionary of gradients: a loss with its intermediates, and what is wrong, or rests on it."""

    given: str
    names: dict[str, Any]
    entries: dict[str, str]
    others: dict[str, str]
    follow: dict[str, str]


B3 = (
    "h = tanh(w @ x + b)\nthat = theta @ h + c\nL = (that - t)**2",
    {"w": ("m", "d"), "b": ("m",), "x": ("d",), "theta": ("m",), "c": (), "t": ()},
)
B4 = (
    "h = tanh(w @ x + b)\np = softmax(h)\nL = -sum(t*log(p))",
    {"w": ("m", "d"), "b": ("m",), "x": ("d",), "t": gc.symbol("t", ("m",), facts=["simplex"])},
)
B7 = (
    "h1 = sigmoid(W1 @ x + b1)\nh2 = relu(W2 @ h1 + b2)\nL = sum((h2 - t)**2)",
    {"W1": ("m", "d"), "b1": ("m",), "W2": ("k", "m"), "b2": ("k",), "x": ("d",), "t": ("k",)},
)
O10 = (
    "mu = mean(x)\nv = mean((x - mu)**2)\nxhat = (x - mu)/sqrt(v + eps)\ny = gamma*xhat + beta\nL = sum(g*y)",
    {"x": ("m",), "gamma": (), "beta": (), "g": ("m",), "eps": gc.symbol("eps", (), facts=["positive"])},
)
XHAT, VAR, MU = "g*gamma", "sum(dL/dxhat*(x - mu)*(-1/2)*(v + eps)**(-3/2))", "sum(dL/dxhat*(-1/sqrt(v + eps)))"
X10 = "dL/dxhat/sqrt(v + eps) + dL/dv*2*(x - mu)/m + dL/dmu/m"

BACKPROPS: dict[str, Backprop] = {
    "B3": Backprop(
        *B3,
        {
            "dL/dthat": "2*(that - t)",
            "dL/dtheta": "h*dL/dthat",
            "dL/dc": "dL/dthat",
            "dL/dh": "theta*dL/dthat",
            "dL/db": "dL/dh*(1 - h**2)",
            "dL/dw": "outer(dL/db, x)",
        },
        {},
        {},
    ),
    "B3, short and with indices": Backprop(
        *B3,
        {
            "dthat": "2*(that - t)",
            "dtheta[j]": "h[j]*dthat",
            "∂L/∂h[j]": "theta[j]*∂L/∂that",
            "dL/db[j]": "dh[j]*(1 - h[j]**2)",
            "dL/dw[j,i]": "db[j]*x[i]",
        },
        {},
        {},
    ),
    "B3, the 2 is missing": Backprop(
        *B3,
        {"dL/dthat": "that - t", "dL/dh": "theta*dL/dthat", "dL/db": "dL/dh*(1 - h**2)", "dL/dtheta": "2*(that - t)*h"},
        {"dL/dthat": "wrong"},
        {"dL/dh": "dL/dthat", "dL/db": "dL/dthat"},
    ),
    "B3, the wrong activation's derivative, and a transpose": Backprop(
        *B3,
        {
            "dL/dthat": "2*(that - t)",
            "dL/dh": "theta*dL/dthat",
            "dL/db": "dL/dh*h*(1 - h)",
            "dL/dw": "outer(x, dL/db)",
        },
        {"dL/db": "wrong", "dL/dw": "wrong"},
        {},
    ),
    "B3, a local derivative; two mistakes make up for each other": Backprop(
        *B3,
        {"dthat/dh": "theta", "dL/dthat": "that - t", "dL/dh": "2*dthat/dh*dL/dthat"},
        {"dL/dthat": "wrong", "dL/dh": "wrong"},
        {},
    ),
    "B4": Backprop(*B4, {"dL/dp": "-t/p", "dL/dh": "p - t", "dL/dw": "outer((1 - h**2)*dL/dh, x)"}, {}, {}),
    "B4, by indices": Backprop(
        *B4, {"dL/dh[j]": "sum[k](dL/dp[k]*p[k]*(delta[j,k] - p[j]))", "dL/dw[j,i]": "(1 - h[j]**2)*x[i]*dh[j]"}, {}, {}
    ),
    "B4, the sign": Backprop(
        *B4, {"dL/dh": "t - p", "dL/db": "dL/dh*(1 - h**2)"}, {"dL/dh": "wrong"}, {"dL/db": "dL/dh"}
    ),
    "B7": Backprop(
        *B7,
        {
            "dh2": "2*(h2 - t)",
            "db2": "dh2*(h2 > 0)",
            "dW2": "outer(db2, h1)",
            "dh1": "W2.T @ db2",
            "db1": "dh1*h1*(1 - h1)",
            "dW1": "outer(db1, x)",
            "dx": "W1.T @ db1",
        },
        {},
        {},
    ),
    "B7, the transpose forgotten on the way": Backprop(
        *B7,
        {
            "dh2": "2*(h2 - t)",
            "db2": "dh2*(h2 > 0)",
            "dh1": "2*W2.T @ db2",
            "db1": "dh1*h1*(1 - h1)",
            "dW1": "outer(db1, x)",
        },
        {"dh1": "wrong"},
        {"db1": "dh1", "dW1": "dh1"},
    ),
    "O10": Backprop(
        *O10,
        {
            "dL/dxhat": XHAT,
            "dL/dv": VAR,
            "dL/dmu": MU,
            "dL/dx": X10,
            "dL/dgamma": "sum(g*xhat)",
            "dL/dbeta": "sum(g)",
        },
        {},
        {},
    ),
    "O10, the sign": Backprop(
        *O10,
        {"dL/dxhat": XHAT, "dL/dv": VAR.replace("-1/2", "1/2"), "dL/dx": X10},
        {"dL/dv": "wrong"},
        {"dL/dx": "dL/dv"},
    ),
}


@pytest.mark.parametrize("case", BACKPROPS.values(), ids=BACKPROPS)
def test_backpropagation(case: Backprop) -> None:
    found = gc.check_backprop("L", case.entries, given=case.given, **case.names)
    keys = list(case.entries)
    assert {k: str(s.status) for k, s in zip(keys, found.steps, strict=True) if s.status != "proved"} == case.others
    follow = {k: keys[s.follows] for k, s in zip(keys, found.steps, strict=True) if s.follows is not None}
    assert follow == case.follow, str(found)
    assert all(s.whole is not None and not s.whole for s in found.steps if s.follows is not None and s)
    assert found.first_wrong == min((keys.index(k) for k in case.others), default=None)


def test_two_mistakes_that_make_up_for_each_other() -> None:
    case = BACKPROPS["B3, a local derivative; two mistakes make up for each other"]
    last = gc.check_backprop("L", case.entries, given=case.given, **case.names).steps[-1]
    assert not last
    assert last.whole is not None
    assert last.whole.status == "proved"
    assert last.repair is not None
    assert "dL/dthat" in last.repair


def test_a_loss_that_is_an_expression() -> None:
    x, w, t = gc.symbol("x", ("n",)), gc.symbol("w", ("n",)), gc.symbol("t")
    z = (w @ x).named("z")
    loss = (gc.sigmoid(z).named("y") - t) ** 2
    entries = {"dE/dy": "2*(y - t)", "dE/dz": "dE/dy*y*(1 - y)", "dE/dw": "dE/dz*x"}
    assert gc.check_backprop(loss, entries)
    assert gc.check_backprop("sum(a**2)", {"dL/da": "2*a"}, given="a = W @ x", W=("m", "n"), x=("n",))
    assert gc.check_steps(entries, E=loss)
    found = gc.check_backprop(loss, {"dE/dq": "y"})
    assert found.first_wrong == 0
    assert "nothing in play is called q; give the intermediate its name" in found.steps[0].reason
