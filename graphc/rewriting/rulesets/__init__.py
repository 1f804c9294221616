"""The rule sets; importing this package enters them in `graphc.rewriting.rules.rule_sets`."""

from graphc.rewriting.rulesets import functions, reductions

__all__ = ["functions", "reductions"]
