"""Differentiation and simplification together: gradients in closed form and their derivations."""

from graphc.calculus.derivation import Derivation, derive
from graphc.calculus.gradients import grad, node_gradients, raw_gradients
from graphc.calculus.maps import hessian, hvp, jacobian, jvp, vjp

__all__ = [
    "Derivation",
    "derive",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "node_gradients",
    "raw_gradients",
    "vjp",
]
