"""Forward and backward functions as courses and old code bases write them, right and wrong in one place each.

They are judged by tests/test_check_code.py. Those that are right are named plainly; a name says what is wrong.
"""

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# -- dense layers and losses -------------------------------------------------------------------------------------------


def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_no_sum(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, dout


def affine_backward_mean(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw / dout.shape[0], db


def affine_backward_transposed(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.T, db


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, x):
    return dout * (x > 0)


def relu_backward_in_place(dout, cache):
    dx = dout
    dx[cache <= 0] = 0
    return dx


def relu_backward_no_mask(dout, x):
    return dout


def relu_backward_no_upstream(dout, x):
    return (x > 0) * 1.0


def sigmoid_backward(dh, h):
    return dh * h * (1 - h)


def sigmoid_backward_wrong_variable(dh, x):
    return dh * x * (1 - x)


def tanh_backward_as_sigmoid(dout, out):
    return dout * out * (1 - out)


def mse(X, w, y):
    return np.mean((X @ w - y) ** 2)


def mse_backward(X, w, y):
    r = X @ w - y
    return {"w": 2 * X.T @ r / len(y), "X": 2 * np.outer(r, w) / len(y)}


def mse_backward_no_two(X, w, y):
    return {"w": X.T @ (X @ w - y) / len(y)}


def mse_backward_sign(X, w, y):
    return {"dw": 2 * X.T @ (y - X @ w) / len(y)}


def ridge(X, w, y, lam):
    r = X @ w - y
    return 0.5 * r @ r + 0.5 * lam * w @ w


def ridge_gradient(X, w, y, lam):
    return X.T @ (X @ w - y) + lam * w


def ridge_gradient_no_decay(X, w, y, lam):
    return X.T @ (X @ w - y)


def softmax_loss(X, W, b, y):
    """Integer labels, in-place steps: the gradients come with the loss."""
    n = X.shape[0]
    p = softmax(X @ W + b)
    loss = -np.log(p[np.arange(n), y]).mean()
    dz = p.copy()
    dz[np.arange(n), y] -= 1
    dz /= n
    return loss, {"dW": X.T @ dz, "db": dz.sum(axis=0), "dX": dz @ W.T}


def softmax_loss_no_mean(X, W, b, y):
    n = X.shape[0]
    p = softmax(X @ W + b)
    loss = -np.log(p[np.arange(n), y]).mean()
    dz = p.copy()
    dz[np.arange(n), y] -= 1
    return loss, {"dW": X.T @ dz, "db": dz.sum(axis=0) / n, "dX": dz @ W.T / n}


def cross_entropy(X, W, T):
    p = softmax(X @ W)
    return -np.sum(T * np.log(p)) / len(X), p


def cross_entropy_backward(X, W, T, p):
    return {"W": X.T @ (p - T) / len(X)}


def svm_loss_naive(W, X, y, reg):
    """Loops, as an exercise asks for."""
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            margin = scores[j] - scores[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return loss / X.shape[0] + reg * np.sum(W * W), dW / X.shape[0] + 2 * reg * W


def svm_loss_half_decay(W, X, y, reg):
    loss, dW = svm_loss_naive(W, X, y, reg)
    return loss, dW - reg * W


def logistic(w, X, t):
    z = X @ w
    return np.sum(np.logaddexp(0, z) - t * z)


def logistic_gradient(w, X, t):
    return X.T @ (sigmoid(X @ w) - t)


def logistic_gradient_extra_factor(w, X, t):
    p = sigmoid(X @ w)
    return X.T @ ((p - t) * p * (1 - p))


# -- networks ----------------------------------------------------------------------------------------------------------


def two_layers(X, W1, b1, W2, b2, T):
    h = np.maximum(X @ W1 + b1, 0)
    p = softmax(h @ W2 + b2)
    return -np.mean(np.sum(T * np.log(p), axis=1)), (X, h, p, W2, T)


def two_layers_backward(cache):
    X, h, p, W2, T = cache
    dz = (p - T) / len(X)
    dh = dz @ W2.T
    dh[h <= 0] = 0
    return {"W1": X.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}


def two_layers_backward_no_mask(cache):
    X, h, p, W2, T = cache
    dz = (p - T) / len(X)
    dh = dz @ W2.T
    return {"W1": X.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}


def hidden_regression(w, b, theta, c, x, t):
    h = np.tanh(w @ x + b)
    that = theta @ h + c
    return (that - t) ** 2, h, that


def hidden_regression_backward(w, b, theta, c, x, t, h, that):
    dthat = 2 * (that - t)
    dc = dthat
    dtheta = dthat * h
    da = dthat * theta * (1 - h**2)
    return {"w": np.outer(da, x), "b": da, "theta": dtheta, "c": dc}


def hidden_regression_backward_no_activation(w, b, theta, c, x, t, h, that):
    dthat = 2 * (that - t)
    da = dthat * theta
    return {"w": np.outer(da, x), "b": da, "theta": dthat * h, "c": dthat}


# -- normalization -----------------------------------------------------------------------------------------------------


def batchnorm_forward(x, gamma, beta, bn_param):
    """Running averages are kept in the dictionary of options."""
    eps = bn_param.get("eps", 1e-5)
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    bn_param["running_mean"] = 0.9 * bn_param.get("running_mean", np.zeros(x.shape[1])) + 0.1 * mu
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (x, mu, var, std, xhat, gamma, eps)


def batchnorm_backward(dout, cache):
    """Through every node of the graph."""
    x, mu, var, std, xhat, gamma, eps = cache
    n = x.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
    dmu = np.sum(-dxhat / std, axis=0) + dvar * np.mean(-2 * (x - mu), axis=0)
    dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n
    return dx, dgamma, dbeta


def batchnorm_backward_short(dout, cache):
    _, _, _, std, xhat, gamma, _ = cache
    n = dout.shape[0]
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    dx = gamma / (n * std) * (n * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_no_variance(dout, cache):
    _, _, _, std, _, gamma, _ = cache
    _, dgamma, dbeta = batchnorm_backward(dout, cache)
    dxhat = dout * gamma
    return (dxhat - dxhat.mean(axis=0)) / std, dgamma, dbeta


def batchnorm_backward_constants(dout, cache):
    """Mean and variance taken for constants."""
    _, _, _, std, _, gamma, _ = cache
    _, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dout * gamma / std, dgamma, dbeta


def layernorm_forward(x, g, b):
    mu = x.mean(axis=1, keepdims=True)
    s = np.sqrt(((x - mu) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    xhat = (x - mu) / s
    return g * xhat + b, (xhat, s, g)


def layernorm_backward(dout, cache):
    xhat, s, g = cache
    d = dout * g
    dx = (d - d.mean(axis=1, keepdims=True) - xhat * (d * xhat).mean(axis=1, keepdims=True)) / s
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def layernorm_backward_wrong_axis(dout, cache):
    xhat, s, g = cache
    d = dout * g
    dx = (d - d.mean(axis=0, keepdims=True) - xhat * (d * xhat).mean(axis=1, keepdims=True)) / s
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def dropout_forward(x, mask, p):
    return x * mask / (1 - p), (mask, p)


def dropout_backward(dout, cache):
    mask, p = cache
    return {"x": dout * mask / (1 - p)}


def dropout_backward_no_scale(dout, cache):
    mask, _ = cache
    return {"x": dout * mask}


# -- images ------------------------------------------------------------------------------------------------------------


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, rows, columns), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(rows):
                for j in range(columns):
                    window = padded[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, F, rows, columns = dout.shape
    HH, WW = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(rows):
                for j in range(columns):
                    window = np.s_[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    dw[f] += padded[window] * dout[n, f, i, j]
                    dpadded[window] += w[f] * dout[n, f, i, j]
    dx = dpadded[:, :, pad : dpadded.shape[2] - pad, pad : dpadded.shape[3] - pad]
    return dx, dw, db


def conv_backward_flipped(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


def max_pool_forward(x, size):
    N, C, H, W = x.shape
    tiles = x.reshape(N, C, H // size, size, W // size, size)
    return tiles.max(axis=3).max(axis=4), x


def max_pool_backward(dout, cache, size=2):
    dx = np.zeros_like(cache)
    for n, c, i, j in np.ndindex(dout.shape):
        tile = np.s_[n, c, i * size : (i + 1) * size, j * size : (j + 1) * size]
        dx[tile] = dout[n, c, i, j] * (cache[tile] == cache[tile].max())
    return dx


def max_pool_backward_spread(dout, cache, size=2):
    """The gradient of average pooling."""
    return np.repeat(np.repeat(dout, size, axis=2), size, axis=3) / size**2


# -- sequences ---------------------------------------------------------------------------------------------------------


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o, g = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    gates = dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dnext_h * t * o * (1 - o), dc * i * (1 - g**2)
    da = np.concatenate(gates, axis=1)
    dx, dprev_h, dprev_c = da @ Wx.T, da @ Wh.T, dc * f
    dWx, dWh, db = x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_step_backward_one_path(dnext_h, dnext_c, cache):
    """The path of the cell through the hidden state is forgotten."""
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    gates = (
        dnext_c * g * i * (1 - i),
        dnext_c * prev_c * f * (1 - f),
        dnext_h * np.tanh(next_c) * o * (1 - o),
        dnext_c * i * (1 - g**2),
    )
    da = np.concatenate(gates, axis=1)
    return da @ Wx.T, da @ Wh.T, dnext_c * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def rnn_step(x, h, Wx, Wh, b):
    return np.tanh(x @ Wx + h @ Wh + b)


def rnn_step_vjp(dout, x, h, Wx, Wh, b):
    da = dout * (1 - rnn_step(x, h, Wx, Wh, b) ** 2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, h.T @ da, da.sum(0)


def attention(Q, K, V):
    p = softmax(Q @ K.T / np.sqrt(Q.shape[1]))
    return p @ V, p


def attention_backward(dout, Q, K, V, p):
    dV = p.T @ dout
    dp = dout @ V.T
    ds = p * (dp - np.sum(dp * p, axis=1, keepdims=True)) / np.sqrt(Q.shape[1])
    dQ, dK = ds @ K, ds.T @ Q
    return dQ, dK, dV


def attention_backward_diagonal(dout, Q, K, V, p):
    """The softmax differentiated entry by entry, as if it were a sigmoid."""
    dV = p.T @ dout
    ds = (dout @ V.T) * p * (1 - p) / np.sqrt(Q.shape[1])
    dQ, dK = ds @ K, ds.T @ Q
    return dQ, dK, dV


def attention_backward_unscaled(dout, Q, K, V, p):
    dQ, dK, dV = attention_backward(dout, Q, K, V, p)
    return dQ * np.sqrt(Q.shape[1]), dK * np.sqrt(Q.shape[1]), dV


def embedding_forward(W, ids):
    return W[ids], (W, ids)


def embedding_backward(dout, cache):
    W, ids = cache
    dW = np.zeros_like(W)
    np.add.at(dW, ids, dout)
    return dW


def embedding_backward_overwrites(dout, cache):
    """A word that comes twice gets the gradient of its last place alone."""
    W, ids = cache
    dW = np.zeros_like(W)
    dW[ids] = dout
    return dW
