"""A loss with all its gradients takes no more operations than by hand, values of the forward pass used again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from generate import wide_arrays
from published_spellings import SPELLING_NAMES

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import SYMBOL

SIZES = {"n": 3, "d": 2, "k": 4, "m": 5}

# a loss and its variables; if there are more operations than by hand, how many; and a program by hand: L is the loss,
# d1, d2, ... are the gradients
PROGRAMS = """
norm(A @ x - b)**2/2 by x
    r = A @ x - b
    L = norm(r)**2/2
    d1 = A.T @ r
mean((D @ w - y)**2) + lam*sum(w**2) by w
    r = D @ w - y
    L = mean(r**2) + lam*sum(w**2)
    d1 = 2*(D.T @ r/n + lam*w)
-sum(T*log(softmax(D @ W + h)))/n by W h
    z = D @ W + h
    p = softmax(z)
    L = -sum(T*log_softmax(z))/n
    e = (p - T)/n
    d1 = D.T @ e
    d2 = sum(e, axis=0)
sum(log(1 + exp(-g*(D @ w)))) by w +2
    z = g*(D @ w)
    L = sum(softplus(-z))
    d1 = -D.T @ (g*sigmoid(-z))
sum(tanh(D @ W + h)**2)/2 by W h D
    a = tanh(D @ W + h)
    L = sum(a**2)/2
    e = a*(1 - a**2)
    d1 = D.T @ e
    d2 = sum(e, axis=0)
    d3 = e @ W.T
sum((relu(D @ W) @ G - Y)**2)/2 by W G
    z = D @ W
    a = relu(z)
    r = a @ G - Y
    L = sum(r**2)/2
    d2 = a.T @ r
    d1 = D.T @ (r @ G.T*(z > 0))
sum(Y*(sigmoid(D @ W)*(D @ V))) by W V
    s = sigmoid(D @ W)
    v = D @ V
    L = sum(Y*s*v)
    d2 = D.T @ (Y*s)
    d1 = D.T @ (Y*v*s*(1 - s))
sum(Y*((D @ W)*sigmoid(D @ W)*(D @ V))) by W V
    z = D @ W
    s = sigmoid(z)
    v = D @ V
    h1 = z*s
    L = sum(Y*h1*v)
    d2 = D.T @ (Y*h1)
    d1 = D.T @ (Y*v*s*(1 + z*(1 - s)))
sum(E*(D - mean(D, axis=1, keepdims=True))/sqrt(var(D, axis=1, keepdims=True) + eps)) by D
    c = D - mean(D, axis=1, keepdims=True)
    s = sqrt(mean(c**2, axis=1, keepdims=True) + eps)
    L = sum(E*c/s)
    d1 = (E - mean(E, axis=1, keepdims=True) - c*mean(E*c, axis=1, keepdims=True)/s**2)/s
sum(E*(gain*(D - mean(D, axis=0))/std(D, axis=0) + bias)) by D gain bias +2
    c = D - mean(D, axis=0)
    s = sqrt(mean(c**2, axis=0))
    xh = c/s
    L = sum(E*(gain*xh + bias))
    d3 = sum(E, axis=0)
    d2 = sum(E*xh, axis=0)
    d1 = gain*(E - d3/n - xh*d2/n)/s
sum(E*(gain*D/sqrt(mean(D**2, axis=1, keepdims=True) + eps))) by D gain +1
    s = sqrt(mean(D**2, axis=1, keepdims=True) + eps)
    xh = D/s
    L = sum(E*gain*xh)
    d2 = sum(E*xh, axis=0)
    d1 = (gain*E - xh*mean(gain*E*xh, axis=1, keepdims=True))/s
sum(E*(softmax(D @ Ky.T/sqrt(d)) @ Vl)) by D Ky Vl
    P = softmax(D @ Ky.T/sqrt(d))
    O = P @ Vl
    L = sum(E*O)
    d3 = P.T @ E
    e = P*(E @ Vl.T - sum(E*O, axis=1, keepdims=True))
    d1 = e @ Ky/sqrt(d)
    d2 = e.T @ D/sqrt(d)
logdet(P)/2 + (x - mu) @ inv(P) @ (x - mu)/2 by x P +1
    r = x - mu
    Pi = inv(P)
    q = Pi @ r
    L = logdet(P)/2 + r @ q/2
    d1 = q
    d2 = Pi.T/2 - outer(Pi.T @ r, Pi.T @ r)/2
y @ inv(sf*K1 + sn*eye(n)) @ y/2 + logdet(sf*K1 + sn*eye(n))/2 by sf sn
    K = sf*K1 + sn*eye(n)
    Ki = inv(K)
    a = Ki @ y
    L = y @ a/2 + logdet(K)/2
    d1 = (sum(Ki*K1) - a @ K1 @ a)/2
    d2 = (trace(Ki) - sum(a**2))/2
norm(D - Y @ W.T)**2/2 + lam*(norm(Y)**2 + norm(W)**2)/2 by Y W
    r = Y @ W.T - D
    L = norm(r)**2/2 + lam*(norm(Y)**2 + norm(W)**2)/2
    d1 = r @ W + lam*Y
    d2 = r.T @ Y + lam*W
sum(Msk*(D - Y @ W.T)**2)/2 by Y W
    r = Msk*(Y @ W.T - D)
    L = sum(r*(Y @ W.T - D))/2
    d1 = r @ W
    d2 = r.T @ Y
sum(exp(D @ w) - y*(D @ w)) by w
    z = D @ w
    m = exp(z)
    L = sum(m - y*z)
    d1 = D.T @ (m - y)
-sum(log(exp(-(y[:, None] - h)**2/2) @ prior)) by h prior
    r = y[:, None] - h
    K = exp(-r**2/2)
    s = K @ prior
    L = -sum(log(s))
    d2 = -(1/s) @ K
    d1 = -prior*((1/s) @ (r*K))
-mean(diag(log_softmax(D @ E.T/tau))) by D E +1
    z = D @ E.T/tau
    L = -mean(diag(log_softmax(z)))
    e = (softmax(z) - eye(n))/(n*tau)
    d1 = e @ E
    d2 = e.T @ D
x @ S @ x/(x @ x) by x
    q = S @ x
    s = x @ x
    f = x @ q/s
    L = f
    d1 = 2*(q - f*x)/s
x @ y/(norm(x)*norm(y)) by x y
    a = norm(x)
    b1 = norm(y)
    c1 = x @ y/(a*b1)
    L = c1
    d1 = (y/b1 - c1*x/a)/a
    d2 = (x/a - c1*y/b1)/b1
-log(sigmoid(x @ y)) - sum(log(sigmoid(-A @ x))) by x y +1
    u1 = x @ y
    v1 = A @ x
    L = softplus(-u1) + sum(softplus(v1))
    s = sigmoid(u1) - 1
    d1 = s*y + A.T @ sigmoid(v1)
    d2 = s*x
sum(a*sigmoid(x)*tanh(sigmoid(y)*c + sigmoid(z)*tanh(v))) by x y z v
    i1 = sigmoid(x)
    f1 = sigmoid(y)
    o1 = sigmoid(z)
    t1 = tanh(v)
    cc = tanh(f1*c + o1*t1)
    L = sum(a*i1*cc)
    d1 = a*cc*i1*(1 - i1)
    e = a*i1*(1 - cc**2)
    d2 = e*c*f1*(1 - f1)
    d3 = e*t1*o1*(1 - o1)
    d4 = e*o1*(1 - t1**2)
sum(a*((1 - sigmoid(x))*b + sigmoid(x)*tanh(y))) by x y b
    s = sigmoid(x)
    t1 = tanh(y)
    L = sum(a*((1 - s)*b + s*t1))
    d1 = a*s*(1 - s)*(t1 - b)
    d2 = a*s*(1 - t1**2)
    d3 = a*(1 - s)
sum(mu**2 + exp(v) - v - 1)/2 + norm(x - mu - exp(v/2)*z)**2/2 by mu v
    s = exp(v/2)
    r = mu + s*z - x
    L = sum(mu**2 + s**2 - v - 1)/2 + norm(r)**2/2
    d1 = mu + r
    d2 = (s**2 - 1 + r*s*z)/2
trace(D.T @ Lap @ D)/2 + norm(D - E)**2/2 by D
    q = Lap @ D
    r = D - E
    L = sum(D*q)/2 + norm(r)**2/2
    d1 = q + r
sum(Pnd*log(Pnd/(Pnk @ Pdk.T)) - Pnd + Pnk @ Pdk.T) by Pnk Pdk
    m = Pnk @ Pdk.T
    q = Pnd/m
    L = sum(Pnd*log(q) - Pnd + m)
    e = 1 - q
    d1 = e @ Pdk
    d2 = e.T @ Pnk
norm(X @ x)**2/2 - logdet(X) by X x
    u1 = X @ x
    L = norm(u1)**2/2 - logdet(X)
    d1 = outer(u1, x) - inv(X).T
    d2 = X.T @ u1
logsumexp(D @ W, axis=1) @ y by W
    z = D @ W
    L = logsumexp(z, axis=1) @ y
    d1 = D.T @ (y[:, None]*softmax(z))
-mean(exp(lp - lpold)*adv) + lam*mean(exp(lp - lpold) - 1 - (lp - lpold)) by lp
    u1 = lp - lpold
    r = exp(u1)
    L = -mean(r*adv) + lam*mean(r - 1 - u1)
    d1 = (lam*(r - 1) - adv*r)/n
norm(y - D @ w)/norm(y) by w
    r = D @ w - y
    a = norm(r)
    b1 = norm(y)
    L = a/b1
    d1 = D.T @ r/(a*b1)
log(x @ S @ x) - log(x @ P @ x) by x
    p1 = S @ x
    q1 = P @ x
    s = x @ p1
    t1 = x @ q1
    L = log(s) - log(t1)
    d1 = 2*(p1/s - q1/t1)
sum((softmax(D @ W) - Y)**2)/2 by W
    p = softmax(D @ W)
    r = p - Y
    L = sum(r**2)/2
    d1 = D.T @ (p*(r - sum(p*r, axis=1, keepdims=True)))
sum(log(1 + (y - D @ w)**2/nu)) by w +1
    r = D @ w - y
    q1 = r**2 + nu
    L = sum(log(q1/nu))
    d1 = 2*D.T @ (r/q1)
"""


def rows() -> list[tuple[str, list[str], int, list[str]]]:
    found: list[tuple[str, list[str], int, list[str]]] = []
    for line in PROGRAMS.strip().splitlines():
        if line.startswith("    "):
            found[-1][3].append(line.strip())
        else:
            loss, _, wrt = line.rpartition(" by ")
            names, _, more = wrt.partition(" +")
            found.append((loss, names.split(), int(more or 0), []))
    return found


def by_hand(program: list[str]) -> list[Expr]:
    """The loss and the gradients of a program."""
    names: dict[str, Any] = dict(SPELLING_NAMES)
    for line in program:
        name, formula = line.split(" = ", 1)
        names[name] = gc.parse(formula, **names)
    return [names["L"], *(names[f"d{i}"] for i in range(1, 6) if f"d{i}" in names)]


@pytest.mark.parametrize(("loss", "wrt", "more", "program"), rows(), ids=[row[0] for row in rows()])
def test_joint_graph(loss: str, wrt: list[str], more: int, program: list[str]) -> None:
    f = gc.parse(loss, **SPELLING_NAMES)
    joint = gc.simplify([f, *gc.grad(f, [SPELLING_NAMES[x] for x in wrt])])
    hand = by_hand(program)
    assert gc.count_ops(joint) <= gc.count_ops(hand) + more
    symbols = [s for s in topological([*joint, *hand]) if s.op is SYMBOL]
    values = {**wide_arrays(symbols, SIZES, 3), **SIZES}  # type: ignore[arg-type]
    for ours, theirs in zip(joint, hand, strict=True):
        np.testing.assert_allclose(gc.evaluate(ours, values), gc.evaluate(theirs, values), rtol=1e-8, atol=1e-9)
