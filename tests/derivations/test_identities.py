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
