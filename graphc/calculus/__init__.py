"""Differentiation and simplification together: gradients in closed form and their derivations."""

from graphc.calculus.derivation import Derivation, derive
from graphc.calculus.gradients import grad, node_gradients, raw_gradients

__all__ = ["Derivation", "derive", "grad", "node_gradients", "raw_gradients"]
