"""What the losses and likelihoods mean in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy

Function = Callable[..., Any]


def lgamma(x: Any) -> Any:
    return numpy.vectorize(lambda v: float(mpmath.re(mpmath.loggamma(float(v)))), otypes=[float])(x)


def targets(x: Any, t: Any, axis: int) -> Any:
    """One-hot rows along the axis for labels."""
    if numpy.ndim(t) == numpy.ndim(x):
        return t
    return numpy.moveaxis(numpy.eye(x.shape[axis])[numpy.array(t)], -1, axis)


def table(np: Any) -> dict[str, Function]:
    families = (regression, classification, divergences, embeddings, overlap, likelihoods)
    return {f.__name__: f for family in families for f in family(np)}


def regression(np: Any) -> tuple[Function, ...]:
    def mae(x: Any, t: Any) -> Any:
        return np.mean(np.abs(x - t))

    def huber(x: Any, t: Any, delta: Any = 1.0) -> Any:
        r = np.abs(x - t)
        near = np.minimum(r, delta)
        return near * (r - near / 2)

    def smooth_l1(x: Any, t: Any, beta: Any = 1.0) -> Any:
        return huber(x, t, beta) / beta if beta else np.abs(x - t)

    def pinball(x: Any, t: Any, quantile: Any = 0.5) -> Any:
        return np.maximum(quantile * (t - x), (quantile - 1) * (t - x))

    def epsilon_insensitive(x: Any, t: Any, epsilon: Any = 0.1) -> Any:
        return np.maximum(np.abs(x - t) - epsilon, 0.0)

    def log_cosh(x: Any, t: Any) -> Any:
        return np.log(np.cosh(x - t))

    return mae, huber, smooth_l1, pinball, epsilon_insensitive, log_cosh


def classification(np: Any) -> tuple[Function, ...]:
    def softplus(x: Any) -> Any:
        return np.log(1 + np.exp(x))

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def xlogy(x: Any, y: Any) -> Any:
        return x * np.log(y)

    def binary_cross_entropy(p: Any, t: Any) -> Any:
        return -(t * np.log(p) + (1 - t) * np.log(1 - p))

    def binary_cross_entropy_with_logits(z: Any, t: Any, pos_weight: Any = 1.0) -> Any:
        return -(pos_weight * t * np.log(sigmoid(z)) + (1 - t) * np.log(1 - sigmoid(z)))

    def hinge(s: Any, t: Any, margin: Any = 1.0) -> Any:
        return np.maximum(margin - t * s, 0.0)

    def squared_hinge(s: Any, t: Any, margin: Any = 1.0) -> Any:
        return np.maximum(margin - t * s, 0.0) ** 2

    def soft_margin(s: Any, t: Any) -> Any:
        return softplus(-t * s)

    def multiclass_hinge(x: Any, t: Any, margin: Any = 1.0, axis: int = -1) -> Any:
        t = targets(x, t, axis)
        own = np.sum(t * x, axis=axis, keepdims=True)
        return np.sum(np.maximum(margin * (1 - t) + x - own, 0.0), axis=axis)

    def nll(x: Any, t: Any, axis: int = -1) -> Any:
        return -np.sum(targets(x, t, axis) * x, axis=axis)

    def focal(p: Any, t: Any, gamma: Any = 2.0, axis: int = -1) -> Any:
        return -np.sum(targets(p, t, axis) * (1 - p) ** gamma * np.log(p), axis=axis)

    def focal_with_logits(z: Any, t: Any, gamma: Any = 2.0, alpha: Any = None) -> Any:
        p = sigmoid(z)
        a, b = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
        return -a * t * (1 - p) ** gamma * np.log(p) - b * (1 - t) * p**gamma * np.log(1 - p)

    losses = (binary_cross_entropy, binary_cross_entropy_with_logits, hinge, squared_hinge, soft_margin)
    return (xlogy, *losses, multiclass_hinge, nll, focal, focal_with_logits)


def divergences(np: Any) -> tuple[Function, ...]:
    def entropy(p: Any, axis: int = -1) -> Any:
        return -np.sum(p * np.log(p), axis=axis)

    def kl_divergence(p: Any, q: Any, axis: int = -1) -> Any:
        return np.sum(p * np.log(p / q), axis=axis)

    def js_divergence(p: Any, q: Any, axis: int = -1) -> Any:
        m = (p + q) / 2
        return (kl_divergence(p, m, axis) + kl_divergence(q, m, axis)) / 2

    return entropy, kl_divergence, js_divergence


def embeddings(np: Any) -> tuple[Function, ...]:
    def norm(x: Any, axis: int) -> Any:
        return np.sqrt(np.sum(x * x, axis=axis))

    def cosine_similarity(a: Any, b: Any, axis: int = -1, eps: float = 0.0) -> Any:
        sizes = [np.maximum(norm(v, axis), eps) if eps else norm(v, axis) for v in (a, b)]
        return np.sum(a * b, axis=axis) / (sizes[0] * sizes[1])

    def cosine_loss(a: Any, b: Any, axis: int = -1, eps: float = 0.0) -> Any:
        return 1 - cosine_similarity(a, b, axis, eps)

    def cosine_embedding(a: Any, b: Any, y: Any, margin: Any = 0.0, axis: int = -1, eps: float = 0.0) -> Any:
        cos = cosine_similarity(a, b, axis, eps)
        return np.where(y == 1, 1 - cos, np.maximum(cos - margin, 0.0))

    def triplet(
        a: Any, p: Any, n: Any, margin: Any = 1.0, squared: bool = False, axis: int = -1, eps: Any = 0.0
    ) -> Any:
        power = 2 if squared else 1
        near, far = norm(a - p + eps, axis), norm(a - n + eps, axis)
        return np.maximum(near**power - far**power + margin, 0.0)

    def contrastive(a: Any, b: Any, y: Any, margin: Any = 1.0, axis: int = -1, eps: Any = 0.0) -> Any:
        distance = norm(a - b + eps, axis)
        return (1 - y) * distance**2 / 2 + y * np.maximum(margin - distance, 0.0) ** 2 / 2

    def margin_ranking(a: Any, b: Any, y: Any, margin: Any = 0.0) -> Any:
        return np.maximum(margin - y * (a - b), 0.0)

    def infonce(a: Any, b: Any, temperature: Any = 1.0) -> Any:
        scores = a @ b.T / temperature
        return np.log(np.sum(np.exp(scores), axis=1)) - np.diag(scores)

    return cosine_similarity, cosine_loss, cosine_embedding, triplet, contrastive, margin_ranking, infonce


def overlap(np: Any) -> tuple[Function, ...]:
    def dice(p: Any, t: Any, smooth: Any = 1.0, axis: Any = None) -> Any:
        both = np.sum(p, axis=axis) + np.sum(t, axis=axis)
        return 1 - (2 * np.sum(p * t, axis=axis) + smooth) / (both + smooth)

    def tversky(p: Any, t: Any, alpha: Any = 0.5, beta: Any = 0.5, smooth: Any = 1.0, axis: Any = None) -> Any:
        hits, more, less = (np.sum(v, axis=axis) for v in (p * t, p * (1 - t), (1 - p) * t))
        return 1 - (hits + smooth) / (hits + alpha * more + beta * less + smooth)

    return dice, tversky


def likelihoods(np: Any) -> tuple[Function, ...]:
    def gaussian_nll(m: Any, t: Any, v: Any, full: bool = False) -> Any:
        return -np.log(np.exp(-((t - m) ** 2) / (2 * v)) / np.sqrt((2 * numpy.pi if full else 1) * v))

    def poisson_nll(r: Any, t: Any, log_input: bool = True, full: bool = False) -> Any:
        rate = np.exp(r) if log_input else r
        return rate - t * np.log(rate) + (lgamma(t + 1) if full else 0.0)

    def laplace_nll(m: Any, t: Any, b: Any) -> Any:
        return -np.log(np.exp(-np.abs(t - m) / b) / (2 * b))

    def exponential_nll(r: Any, t: Any) -> Any:
        return -np.log(r * np.exp(-r * t))

    def gamma_nll(a: Any, t: Any, b: Any) -> Any:
        return -np.log(b**a * t ** (a - 1) * np.exp(-b * t)) + lgamma(a)

    def beta_nll(a: Any, t: Any, b: Any) -> Any:
        return -np.log(t ** (a - 1) * (1 - t) ** (b - 1)) + lgamma(a) + lgamma(b) - lgamma(a + b)

    def student_t_nll(m: Any, t: Any, s: Any, v: Any) -> Any:
        kernel = (1 + ((t - m) / s) ** 2 / v) ** (-(v + 1) / 2)
        return -np.log(kernel / (np.sqrt(numpy.pi * v) * s)) + lgamma(v / 2) - lgamma((v + 1) / 2)

    def negative_binomial_nll(m: Any, t: Any, r: Any) -> Any:
        mass = (r / (r + m)) ** r * (m / (r + m)) ** t
        return -np.log(mass) + lgamma(r) + lgamma(t + 1) - lgamma(t + r)

    first = (gaussian_nll, poisson_nll, laplace_nll, exponential_nll)
    return (*first, gamma_nll, beta_nll, student_t_nll, negative_binomial_nll)


NOT_AUTOGRAD = {"gamma_nll", "beta_nll", "student_t_nll", "negative_binomial_nll", "poisson_nll", "infonce"}
NOT_COMPLEX = NOT_AUTOGRAD | {"mae", "huber", "smooth_l1", "pinball", "epsilon_insensitive", "hinge", "squared_hinge"}
NOT_COMPLEX |= {"multiclass_hinge", "cosine_similarity", "cosine_loss", "cosine_embedding", "triplet", "contrastive"}
NOT_COMPLEX |= {"margin_ranking", "laplace_nll"}
