"""Differentiation: expressions to expressions, by one rule for each op."""

from graphc.autodiff.reverse import Simplifier, pullback, vjp

__all__ = ["Simplifier", "pullback", "vjp"]
