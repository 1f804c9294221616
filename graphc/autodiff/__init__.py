"""Differentiation: expressions to expressions, by one rule for each op."""

from graphc.autodiff.protocol import Simplifier
from graphc.autodiff.reverse import pullback, vjp

__all__ = ["Simplifier", "pullback", "vjp"]
