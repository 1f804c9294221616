# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Check your derivation
#
# You have worked out a gradient by hand. Is it right? If not, where is the mistake, and what would mend it?
# We take three derivations of a lecture through right and wrong versions: a hidden layer with squared loss, softmax
# with cross entropy, and batch normalization.

# %%
import tempfile
from pathlib import Path

import numpy as np

import graphc as gc
from graphc.cli.main import run

# %% [markdown]
# ## One hidden layer, squared loss
#
# $h = \tanh(Wx + b)$, $\hat t = \theta^\top h + c$, $L = (\hat t - t)^2$. Names given to intermediates may be used in
# claims.

# %%
W, b = gc.parameter("W", ("m", "d")), gc.parameter("b", ("m",))
theta, c = gc.parameter("theta", ("m",)), gc.parameter("c", ())
x, t = gc.symbol("x", ("d",)), gc.symbol("t", ())

h = gc.tanh(W @ x + b).named("h")
that = (theta @ h + c).named("that")
L = ((that - t) ** 2).named("L")

# %% [markdown]
# A right claim is proved, for all sizes, in whatever form it is written: in matrix notation, or entry by entry.

# %%
right = gc.check(L, W, "dL/dW = 2*(that - t)*outer(theta*(1 - h**2), x)")
print(right)
assert right.status == "proved"

# %%
entries = gc.check(L, W, "dL/dW[j,i] = 2*(that - t)*theta[j]*(1 - h[j]**2)*x[i]")
print(entries)
assert entries.status == "proved"

# %% [markdown]
# A wrong claim comes back with what is wrong, the edit that mends it, and a small counterexample. Here the derivative
# of the activation is forgotten. In a notebook, a verdict shows itself with the formulas set.

# %%
gc.check(L, W, "2*(that - t)*outer(theta, x)")

# %% [markdown]
# Another classic: the derivative of the sigmoid where that of tanh belongs.

# %%
print(gc.check(L, b, "2*(that - t)*theta*h*(1 - h)"))

# %% [markdown]
# `reproduce()` prints the counterexample as a script that needs NumPy alone.

# %%
forgotten = gc.check(L, W, "2*(that - t)*outer(theta, x)")
assert forgotten.status == "wrong" and forgotten.repair
print(forgotten.reproduce())

# %% [markdown]
# ### Step by step, as on the blackboard
#
# In backpropagation each gradient is written with the ones before it. Each is judged on its own, given the right
# incoming gradient, so that one mistake does not condemn everything after it. Here $\partial L/\partial \hat t$ lacks
# its factor 2; what follows uses it rightly, and says what it rests on.

# %%
steps = gc.check_backprop(
    L,
    {
        "dL/dthat": "that - t",
        "dL/dtheta": "h*dL/dthat",
        "dL/dh": "theta*dL/dthat",
        "dL/db": "(1 - h**2)*dL/dh",
        "dL/dW": "outer(dL/db, x)",
    },
)
print(steps)
assert steps.first_wrong == 0 and all(steps.steps[1:])

# %% [markdown]
# ## Softmax and cross entropy
#
# $p = \mathrm{softmax}(z)$, $L = -\sum_i t_i \log p_i$. The famous $p - t$ is right only if the targets sum to one:
# without that, graphc says which assumption is missing; with it, the proof says that it used it.

# %%
z, free = gc.symbol("z", ("k",)), gc.symbol("t", ("k",))
print(gc.check(-gc.sum(free * gc.log(gc.softmax(z))), z, "softmax(z) - t"))

# %%
target = gc.symbol("t", ("k",), facts=["one_hot"])
proved = gc.check(-gc.sum(target * gc.log(gc.softmax(z))), z, "softmax(z) - t")
print(proved)
assert proved.facts

# %% [markdown]
# A chain of equations: the loss is rewritten first, then differentiated. `=` at the start of a line goes on from the
# line before.

# %%
chain = gc.check_steps(
    """
    L = logsumexp(z) - sum(t*z)
    grad(L, z) = exp(z)/sum(exp(z)) - t
               = softmax(z) - t
               = t - softmax(z)
    """,
    z=("k",),
    t=target,
)
print(chain)
assert chain.first_wrong == 3

# %% [markdown]
# ## Batch normalization
#
# $\mu$ and $v$ are the mean and the variance over the batch, $\hat x = (x - \mu)/\sqrt{v + \epsilon}$,
# $y = \gamma \hat x + \beta$. The lecture goes backward through every node; $G$ stands for the incoming gradient.

# %%
forward = """
    mu = mean(X, axis=0)
    v = mean((X - mu)**2, axis=0)
    xhat = (X - mu)/sqrt(v + eps)
    L = sum(G*(gamma*xhat + beta))
"""
shapes = {
    "X": ("n", "d"),
    "G": ("n", "d"),
    "gamma": ("d",),
    "beta": ("d",),
    "eps": gc.symbol("eps", facts=["positive"]),
}
backward = {
    "dL/dxhat": "G*gamma",
    "dL/dgamma": "sum(G*xhat, axis=0)",
    "dL/dbeta": "sum(G, axis=0)",
    "dL/dX": "gamma/sqrt(v + eps)*(G - mean(G, axis=0) - xhat*mean(G*xhat, axis=0))",
}
print(gc.check_steps(backward, given=forward, **shapes))

# %% [markdown]
# Who forgets that the variance depends on $X$ gets two of the three terms:

# %%
two_terms = gc.check_steps({"dL/dX": "gamma/sqrt(v + eps)*(G - mean(G, axis=0))"}, given=forward, **shapes)
print(two_terms)
assert two_terms.first_wrong == 0


# %% [markdown]
# ### The code itself
#
# `check_code` takes the NumPy functions as courses write them. They are judged by numbers, at random shapes and
# points; and where the code can be traced to formulas, it is proved.


# %%
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    return gamma * xhat + beta, (x, mu, var, xhat, gamma, eps)


def batchnorm_backward(dout, cache):
    x, mu, var, xhat, gamma, eps = cache
    m = x.shape[0]
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
    dmu = np.sum(-dxhat / np.sqrt(var + eps), axis=0)
    dx = dxhat / np.sqrt(var + eps) + dvar * 2 * (x - mu) / m + dmu / m
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


report = gc.check_code(batchnorm_forward, batchnorm_backward, x=("m", "d"), gamma=("d",), beta=("d",))
print(report)
assert report.status == "proved"


# %%
def without_variance(dout, cache):
    _, _, var, xhat, gamma, eps = cache
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0)) / np.sqrt(var + eps)
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


report = gc.check_code(batchnorm_forward, without_variance, x=("m", "d"), gamma=("d",), beta=("d",))
print(report)
assert report.wrong == ("x",)

# %% [markdown]
# ## Notes that stay right
#
# Derivations in Markdown files and notebooks stand in fenced `graphc` blocks. `graphc check notes.md` judges them at
# the command line; `pytest --graphc notes.md` makes each claim a test.

# %%
notes = Path(tempfile.mkdtemp()) / "notes.md"
notes.write_text(
    """
# Least squares

```graphc
X: (n, d); w: (d,); y: (n,)
r = X @ w - y
f = sum(r**2)/n
df/dw = 2*X.T @ r/n
df/dw[j] = 2/n*sum[i](r[i]*X[i,j])
df/dr = 2*r
expect wrong: df/dw = 2*X @ r/n
```
"""
)


# %%
code = run(["check", str(notes)])  # what the command `graphc check notes.md` calls
print("exit code", code)
assert code == 1  # df/dr lacks the factor 1/n
