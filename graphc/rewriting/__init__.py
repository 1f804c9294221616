"""Simplification: normal forms, rewrite rules as data, and the way back to matrix notation."""

from graphc.rewriting.cost import count_ops
from graphc.rewriting.simplify import expand, simplify

__all__ = ["count_ops", "expand", "simplify"]
