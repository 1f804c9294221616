"""Losses and negative log likelihoods: each is a Python function of expressions, which is its definition.

Losses of single numbers (`huber`, `binary_cross_entropy`, the likelihoods) act entry by entry and have the shape of
their arguments; losses of vectors (`kl_divergence`, `triplet`) take them along `axis` and give one value for each. The
mean or the sum over examples is written by the user. `mse` and `mae` are means by name, `dice` and `tversky` sums over
whole images by definition.
"""

from graphc.ops.losses import classification, divergences, embeddings, likelihoods, overlap, regression

__all__ = ["classification", "divergences", "embeddings", "likelihoods", "overlap", "regression"]
