"""The rule sets; importing this package enters them in `graphc.rewriting.rules.rule_sets`."""

from graphc.rewriting.rulesets import functions, matrices, reductions, trigonometric

__all__ = ["functions", "matrices", "reductions", "trigonometric"]
