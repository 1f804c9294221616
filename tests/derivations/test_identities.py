"""Identities of functions and matrices that a derivation may lean on are proved, and their near misses are not."""

from __future__ import annotations

from typing import Any

import pytest
from kinds_of_claims import MN, NN, K, M, N, S

import graphc as gc
from graphc.checking.prove import Equation, prove

NK, KN, NM = ("n", "k"), ("k", "n"), ("n", "m")
POSITIVE = gc.symbol("c", (), facts=["positive"])
SHARE = gc.symbol("a", (), facts=["unit_interval"])
ORTHOGONAL = gc.symbol("Q", NN, facts=["orthogonal"])

IDENTITIES: list[tuple[str, str, dict[str, Any]]] = [
    ("inv(A) @ B @ A @ inv(A)", "inv(A) @ B", {"A": NN, "B": NN}),
    ("inv(A + B)", "inv(A) @ inv(inv(A) + inv(B)) @ inv(B)", {"A": NN, "B": NN}),
    ("inv(eye(n) + A @ B) @ A", "A @ inv(eye(m) + B @ A)", {"A": NM, "B": MN}),
    ("inv(c*eye(n) + X.T @ X) @ X.T", "X.T @ inv(c*eye(m) + X @ X.T)", {"X": MN, "c": POSITIVE}),
    (
        "inv(A + U @ V)",
        "inv(A) - inv(A) @ U @ inv(eye(k) + V @ inv(A) @ U) @ V @ inv(A)",
        {"A": NN, "U": NK, "V": KN},
    ),
    (
        "inv(Q @ diag(l) @ Q.T + c*eye(n)) @ Q @ diag(l) @ Q.T @ t",
        "Q @ (l/(l + c)*(Q.T @ t))",
        {"Q": ORTHOGONAL, "l": gc.symbol("l", N, facts=["positive"]), "c": POSITIVE, "t": N},
    ),
    ("kron(A, B) @ kron(C, D)", "kron(A @ C, B @ D)", {"A": NM, "B": ("p", "q"), "C": ("m", "k"), "D": ("q", "r")}),
    ("ravel(A @ X @ B)", "kron(A, B.T) @ ravel(X)", {"A": NM, "B": ("p", "q"), "X": ("m", "p")}),
    ("reshape(a - b, (n, m))", "reshape(a, (n, m)) - reshape(b, (n, m))", {"a": ("n*m",), "b": ("n*m",)}),
    ("trace(A @ B @ C)", "trace(B @ C @ A)", {"A": NM, "B": ("m", "k"), "C": KN}),
    ("norm(Q @ x)", "norm(x)", {"Q": ORTHOGONAL, "x": N}),
    ("log(1 + exp(-abs(x))) + relu(x)", "log(1 + exp(x))", {"x": N}),
    ("exp(minimum(x, 0))", "exp(x - relu(x))", {"x": N}),
    ("sigmoid(abs(x)) - 1/2", "abs(sigmoid(x) - 1/2)", {"x": N}),
    ("maximum(x, a*x)", "where(x > 0, x, a*x)", {"x": N, "a": SHARE}),
    ("sigmoid(y*z) + sigmoid(-y*z)", "ones(n)", {"y": gc.symbol("y", N, facts=["sign"]), "z": N}),
    ("exp(b*x)", "1 - b + b*exp(x)", {"b": gc.symbol("b", N, facts=["binary"]), "x": N}),
    ("log(abs(x))", "log(x**2)/2", {"x": N}),
    ("1 - tanh(x)**2", "1/cosh(x)**2", {"x": N}),
    ("exp(x)*sinh(x)", "(exp(2*x) - 1)/2", {"x": N}),
    ("prod(x)/x", "prod_except(x)", {"x": N}),
    ("max(x)", "-min(-x)", {"x": N}),
    ("x[argmax(y)]", "one_hot(argmax(y), n) @ x", {"x": N, "y": N}),
    ("cumsum(x)", "tril(ones(n, n)) @ x", {"x": N}),
    ("reverse_cumsum(x)", "sum(x) - cumsum(x) + x", {"x": N}),
    ("tril(A) + triu(A)", "A + diag(diag(A))", {"A": NN}),
    ("tril(A).T", "triu(A.T)", {"A": NN}),
    ("maximum(maximum(x, y), z)", "maximum(x, maximum(y, z))", {"x": N, "y": N, "z": N}),
    ("clip(x, -c, c)", "maximum(minimum(x, c), -c)", {"x": N, "c": POSITIVE}),
    ("clip(x, -c, c)", "where(abs(x) <= c, x, c*sign(x))", {"x": N, "c": POSITIVE}),
    ("minimum(maximum(x, y), z)", "maximum(minimum(x, z), minimum(y, z))", {"x": N, "y": N, "z": N}),
    ("abs(abs(x) - abs(y))", "minimum(abs(x - y), abs(x + y))", {"x": N, "y": N}),
    ("sum(clip(x, 0, c))", "sum(relu(x) - relu(x - c))", {"x": N, "c": POSITIVE}),
    ("cos(2*x)", "1 - 2*sin(x)**2", {"x": N}),
    ("sin(x + y)", "sin(x)*cos(y) + cos(x)*sin(y)", {"x": N, "y": N}),
    ("sin(3*x)", "3*sin(x) - 4*sin(x)**3", {"x": N}),
    ("1 + tan(x)**2", "1/cos(x)**2", {"x": N}),
    ("tan(2*x)", "2*tan(x)/(1 - tan(x)**2)", {"x": N}),
    ("tan(x/2)", "sin(x)/(1 + cos(x))", {"x": N}),
    ("sin(x)*sin(y)", "(cos(x - y) - cos(x + y))/2", {"x": N, "y": N}),
    ("sin(x + pi/2)", "cos(x)", {"x": N}),
    ("cos(x + pi/3)", "cos(x)/2 - sqrt(3)/2*sin(x)", {"x": N}),
    ("cos(arctan(x))", "1/sqrt(1 + x**2)", {"x": N}),
    ("cos(arcsin(x))", "sqrt(1 - x**2)", {"x": N}),
    ("arcsin(x) + arccos(x)", "pi/2*ones(n)", {"x": N}),
    ("cosh(2*x)", "1 + 2*sinh(x)**2", {"x": N}),
    ("arctanh(tanh(x))", "x", {"x": N}),
    ("abs(det(P))", "det(P)", {"P": gc.symbol("P", NN, facts=["spd"])}),
    ("kron(A, B).T", "kron(A.T, B.T)", {"A": NM, "B": ("p", "q")}),
    ("kron(A, B) @ z", "ravel(A @ reshape(z, (m, q)) @ B.T)", {"A": NM, "B": ("p", "q"), "z": ("m*q",)}),
    ("ravel(exp(reshape(z, (n, m)) + A))", "exp(z)*ravel(exp(A))", {"A": NM, "z": ("n*m",)}),
    ("inv(kron(A, B)) @ ravel(X)", "ravel(inv(A) @ X @ inv(B).T)", {"A": NN, "B": ("m", "m"), "X": NM}),
    ("flip(cumsum(flip(x)))", "reverse_cumsum(x)", {"x": N}),
    ("flip(exp(flip(x)) + y)", "exp(x) + flip(y)", {"x": N, "y": N}),
    ("flip(x) @ flip(y)", "x @ y", {"x": N, "y": N}),
    ("[i] = g[i]*sum[j]((j <= i)*x[j])", "g*cumsum(x)", {"g": N, "x": N}),
    ("[i] = g[i]*sum[j]((j > i - 1)*x[j])", "g*reverse_cumsum(x)", {"g": N, "x": N}),
    ("[i] = x[i]*prod[j](where(i == j, 1, x[j]))", "prod(x)*ones(n)", {"x": N}),
    ("exp(sum(log(x)))", "prod(x)", {"x": gc.symbol("x", N, facts=["positive"])}),
    ("prod(x*y)", "prod(x)*prod(y)", {"x": N, "y": N}),
    ("prod(exp(x))", "exp(sum(x))", {"x": N}),
    ("prod(2*x)", "2**n*prod(x)", {"x": N}),
    ("det(eye(n) + outer(u, v))", "1 + u @ v", {"u": N, "v": N}),
    ("det(A + outer(u, v))", "det(A)*(1 + v @ inv(A) @ u)", {"A": NN, "u": N, "v": N}),
    ("inv(A + outer(u, v)) @ u", "inv(A) @ u/(1 + v @ inv(A) @ u)", {"A": NN, "u": N, "v": N}),
    ("inv(c*eye(n) + outer(u, u))", "eye(n)/c - outer(u, u)/(c*(c + u @ u))", {"u": N, "c": POSITIVE}),
    (
        "det(eye(n) + outer(u, v) + outer(a, b))",
        "(1 + u @ v)*(1 + a @ b) - (v @ a)*(b @ u)",
        {"u": N, "v": N, "a": N, "b": N},
    ),
    ("det(eye(n) + A @ B)", "det(eye(m) + B @ A)", {"A": NM, "B": MN}),
    ("det(eye(n) + A @ B)", "det(eye(n) + B @ A)", {"A": NN, "B": NN}),
    ("logdet(c*eye(n) + A @ A.T)", "logdet(c*eye(m) + A.T @ A) + (n - m)*log(c)", {"A": NM, "c": POSITIVE}),
    ("abs(x @ P @ x)", "x @ P @ x", {"P": gc.symbol("P", NN, facts=["spd"]), "x": N}),
    ("abs(trace(W.T @ W @ inv(P)))", "trace(W.T @ W @ inv(P))", {"P": gc.symbol("P", NN, facts=["spd"]), "W": MN}),
    ("sqrt(sum(w*(W @ x)**2)**2)", "sum(w*(W @ x)**2)", {"w": gc.symbol("w", M, facts=["positive"]), "W": MN, "x": N}),
]

NEAR: list[tuple[str, str, dict[str, Any]]] = [
    ("inv(eye(n) + A @ B) @ A", "A @ inv(eye(n) + A @ B)", {"A": NN, "B": NN}),
    ("inv(A + B)", "inv(A) + inv(B)", {"A": NN, "B": NN}),
    ("inv(A + B)", "inv(A) @ inv(inv(A) + inv(B))", {"A": NN, "B": NN}),
    ("inv(A) @ B @ A", "B", {"A": NN, "B": NN}),
    ("inv(A + A.T) @ A", "eye(n)/2", {"A": NN}),
    ("inv(A + U @ V)", "inv(A) - inv(A) @ U @ V @ inv(A)", {"A": NN, "U": NK, "V": KN}),
    ("exp(abs(x))", "exp(x)", {"x": N}),
    ("log(1 + exp(-abs(x)))", "log(1 + exp(x))", {"x": N}),
    ("abs(x - y)", "abs(x) - abs(y)", {"x": N, "y": N}),
    ("sum(exp(abs(x)))", "sum(where(x > 0, exp(x), 1))", {"x": N}),
    ("maximum(x, b*x)", "where(x > 0, x, b*x)", {"x": N, "b": S}),
    ("abs(2*a - 1)", "1 - 2*a", {"a": SHARE}),
    ("abs(1 - a)", "a - 1", {"a": SHARE}),
    ("exp(b*x)", "1 - b + b*exp(x)", {"b": N, "x": N}),
    ("1/cosh(x)", "1 - tanh(x)**2", {"x": N}),
    ("cumsum(x)", "reverse_cumsum(x)", {"x": N}),
    ("tril(A).T", "tril(A.T)", {"A": NN}),
    ("tril(A) + triu(A)", "A", {"A": NN}),
    ("tril(A @ B)", "tril(A) @ tril(B)", {"A": NN, "B": NN}),
    ("max(x)", "min(x)", {"x": N}),
    ("x[argmax(y)]", "x[argmin(y)]", {"x": N, "y": N}),
    ("x[argmax(y)]", "max(x)", {"x": N, "y": N}),
    ("reshape(A, (m, n))", "A.T", {"A": NM}),
    ("max(x + y)", "max(x) + max(y)", {"x": K, "y": K}),
    ("log(abs(x))", "log(x**2)", {"x": M}),
    ("maximum(maximum(x, y), z)", "maximum(x, z)", {"x": N, "y": N, "z": N}),
    ("clip(x, -c, c)", "maximum(minimum(x, c), -c)", {"x": N, "c": S}),
    ("clip(x, -c, c)", "where(abs(x) <= c, x, c)", {"x": N, "c": POSITIVE}),
    ("minimum(maximum(x, y), z)", "maximum(minimum(x, z), y)", {"x": N, "y": N, "z": N}),
    ("abs(abs(x) - abs(y))", "abs(x - y)", {"x": N, "y": N}),
    ("sum(clip(x, 0, c))", "sum(relu(x) - relu(x - c)) + c", {"x": N, "c": POSITIVE}),
    ("(x > y)*(y > z)", "x > z", {"x": N, "y": N, "z": N}),
    ("cos(2*x)", "1 - sin(x)**2", {"x": N}),
    ("sin(x + y)", "sin(x) + sin(y)", {"x": N, "y": N}),
    ("sin(3*x)", "3*sin(x) - 3*sin(x)**3", {"x": N}),
    ("tan(x/2)", "sin(x)/(1 - cos(x))", {"x": N}),
    ("sin(x + pi/2)", "-cos(x)", {"x": N}),
    ("cos(x + pi/3)", "cos(x)/2 + sqrt(3)/2*sin(x)", {"x": N}),
    ("arcsin(sin(x))", "x", {"x": N}),
    ("arccos(cos(x))", "x", {"x": N}),
    ("arctan(tan(x))", "x", {"x": N}),
    ("sqrt(1 - sin(x)**2)", "cos(x)", {"x": N}),
    ("cos(arctan(x))", "sqrt(1 + x**2)", {"x": N}),
    ("arctanh(x)", "x", {"x": N}),
    ("abs(det(P))", "det(P)", {"P": gc.symbol("P", NN, facts=["symmetric"])}),
    ("kron(A, B)", "kron(B, A)", {"A": NN, "B": NN}),
    ("kron(A, B) @ z", "ravel(B @ reshape(z, (n, n)) @ A.T)", {"A": NN, "B": NN, "z": ("n*n",)}),
    ("flip(cumsum(flip(x)))", "cumsum(x)", {"x": N}),
    ("flip(x) @ y", "x @ y", {"x": N, "y": N}),
    ("flip(x)*x", "x*x", {"x": N}),
    ("[i] = g[i]*sum[j]((j < i)*x[j])", "g*cumsum(x)", {"g": N, "x": N}),
    ("[i] = g[i]*sum[j]((j >= i - 1)*x[j])", "g*reverse_cumsum(x)", {"g": N, "x": N}),
    ("prod(x + y)", "prod(x) + prod(y)", {"x": N, "y": N}),
    ("prod(2*x)", "2*prod(x)", {"x": N}),
    ("exp(sum(log(abs(x))))", "prod(x)", {"x": N}),
    ("sum(x == max(x))", "sum(y == max(y))", {"x": N, "y": N}),
    ("inv(A + outer(u, v)) @ u", "inv(A) @ u/(1 - v @ inv(A) @ u)", {"A": NN, "u": N, "v": N}),
    ("det(eye(n) + A @ B)", "det(eye(n) + A.T @ B)", {"A": NN, "B": NN}),
    ("det(c*eye(n) + A @ B)", "det(c*eye(m) + B @ A)", {"A": NM, "B": MN, "c": S}),
    ("abs(x @ P @ y)", "x @ P @ y", {"P": gc.symbol("P", NN, facts=["spd"]), "x": N, "y": N}),
    ("abs(x @ K @ x)", "x @ K @ x", {"K": gc.symbol("K", NN, facts=["positive", "symmetric"]), "x": N}),
    ("abs(x @ A @ A @ x)", "x @ A @ A @ x", {"A": NN, "x": N}),
]


def pair(left: str, right: str, names: dict[str, Any]) -> tuple[gc.Expr, gc.Expr]:
    return gc.parse(left, **names), gc.parse(right, **names)


@pytest.mark.parametrize(("left", "right", "names"), IDENTITIES, ids=[f"{a} is {b}" for a, b, _ in IDENTITIES])
def test_identities(left: str, right: str, names: dict[str, Any]) -> None:
    assert gc.check(*pair(left, right, names)).status == "proved"


@pytest.mark.parametrize(("left", "right", "names"), NEAR, ids=[f"{a} is not {b}" for a, b, _ in NEAR])
def test_near_misses(left: str, right: str, names: dict[str, Any]) -> None:
    a, b = pair(left, right, names)
    assert a.shape != b.shape or prove(Equation(a, b)) is None
    assert not gc.check(a, b)
