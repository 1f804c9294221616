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
# # From a formula to a trained network
#
# A network is a formula. Here we declare one with symbolic sizes, derive its gradients, look at the derivation and the
# graphs, read the NumPy code that comes out, check a gradient by hand, and train.

# %%
import numpy as np

import graphc as gc
from graphc.data import load_digits

# %% [markdown]
# ## A blackboard example first
#
# $f = (x + y)\,z$ at $x=-2$, $y=5$, $z=-4$: above each edge the value, below it the gradient.

# %%
x, y, z = gc.symbol("x"), gc.symbol("y"), gc.symbol("z")
q = (x + y).named("q")
f = q * z
gc.draw(f, wrt=[x, y, z], values={"x": -2.0, "y": 5.0, "z": -4.0})

# %% [markdown]
# ## A classifier
#
# Sizes are names: $n$ examples, $d$ inputs, $m$ hidden units, $k$ classes.

# %%
n, d, m, k = gc.dims("n d m k")
X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
W1, b1 = gc.parameter("W1", (d, m), init="he_normal"), gc.parameter("b1", (m,))
W2, b2 = gc.parameter("W2", (m, k)), gc.parameter("b2", (k,))

h = gc.relu(X @ W1 + b1).named("h")
p = gc.softmax(h @ W2 + b2).named("p")
loss = gc.mean(gc.cross_entropy(p, T))
gc.draw(loss)

# %% [markdown]
# Mistakes in shapes are found where they are written:

# %%
try:
    X @ W2
except gc.ShapeError as error:
    print(error)

# %% [markdown]
# ## Gradients in closed form

# %%
gradients = gc.grad(loss, [W1, b1, W2, b2])
for name, gradient in zip(["W1", "b1", "W2", "b2"], gradients, strict=True):
    print(f"dL/d{name} = {gradient}")

# %% [markdown]
# Each is an expression like any other. The derivation shows the chain rule along the graph, and under each step the
# rewrites with their reasons.

# %%
print(gc.derive(loss, b2))

# %%
gc.draw(loss, wrt=[W1, W2])

# %% [markdown]
# ## A derivation made by hand
#
# Someone claims that the gradient by $W_2$ is $h^\top (p - T)$.

# %%
print(gc.check(loss, W2, "h.T @ (p - T)"))

# %%
print(gc.check(loss, W2, "h.T @ (p - T)/n"))

# %% [markdown]
# ## The code
#
# Readable, standalone NumPy; `style="fast"` emits the same with preallocated buffers.

# %%
print(gc.emit([loss, *gradients], [X, T, W1, b1, W2, b2]))

# %% [markdown]
# ## Training
#
# The handwritten digits come with the package. `train.fit` compiles the fast version of the code above.

# %%
digits = load_digits().split(seed=0)


def arrays(part):
    return {"X": part.features / 16, "T": np.eye(10)[part.labels]}


result = gc.train.fit(
    loss + gc.regularize.L2(1e-4)([W1, W2]),
    arrays(digits.train),
    optimizer=gc.optim.Adam(lr=0.003),
    sizes={"m": 64},
    validation=arrays(digits.validation),
    early_stopping=gc.regularize.EarlyStopping(patience=8),
    epochs=60,
    seed=0,
)
test = arrays(digits.test)
predicted = gc.train.predict(p, result.parameters, {"X": test["X"]})
accuracy = (predicted.argmax(axis=1) == digits.test.labels).mean()
print(f"test accuracy {accuracy:.1%} after {result.stopped_epoch} epochs")
assert accuracy > 0.95
