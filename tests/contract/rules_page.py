"""The list of rules, docs/rules.md, from the rule sets and the laws of the normal form; run this file to write it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import graphc as gc
from graphc.ir.expr import Expr, make
from graphc.ops.leaves import SYMBOL
from graphc.rewriting.engine import laws
from graphc.rewriting.rules import Needs, Rule, RuleSet, rule_sets, wildcard

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
HEAD = """# The rules

What simplification may use, written by `python tests/contract/rules_page.py` from the rules themselves. A step of
`gc.derive(f, x)` names the rule and gives its reason:

```python
>>> import graphc as gc
>>> x = gc.symbol("x", ("n",))
>>> derivation = gc.derive(gc.log(gc.sum(gc.exp(x))), x)
>>> for step in derivation.steps:
...     if step.kind == "rewrite":
...         print(f"{step.rule}: {step.before} = {step.after}, because {step.reason}")
softmaxes: log(sum(exp(x))) = logsumexp(x), because logsumexp(x) = log(sum(exp(x)))
softmaxes: exp(x)/sum(exp(x)) = softmax(x), because softmax(x) = exp(x)/sum(exp(x))

```

There are three kinds of step. The **chain rule** gives the derivative by a part of the function from those by what it
feeds: its name lists the operations that it goes through, its reason is that the paths add up. **Rules** are equations
over wildcards, applied from left to right, modulo the order of factors and terms and the names of summed indices.
Letters stand for any expression; where the rule is about arrays, capital ones are matrices, and the axis shown stands
for any axis. **Laws** are what the normal form itself does: n-ary sums and products, common factors, exponents, deltas.
"""
CHAIN = """## The chain rule

- `start`: $\\partial L/\\partial L = 1$.
- `chain rule through` ...: $\\partial L/\\partial x = \\sum_u \\partial L/\\partial u \\cdot \\partial u/\\partial x$
  over all $u$ that x feeds, the ops of which are named. [The vocabulary](ops.md) gives the derivative of each.
- `chain rule` alone: $\\partial L/\\partial x = 0$, where no way from x to L has a derivative other than 0.
"""


def page() -> str:
    """The whole page."""
    count = sum(len(list(shown_rules(rules))) for rules in rule_sets.values())
    parts = [HEAD, f"At present there are {count} rules in {len(rule_sets)} sets, and {len(laws)} laws.\n", CHAIN]
    parts += [
        "## Rules\n",
        *(section(rules) for rules in rule_sets.values()),
        "## Laws of the normal form\n",
        listing(),
    ]
    return "\n".join(parts)


def section(rules: RuleSet) -> str:
    lines = [f"### `{rules.name}`\n", f"{rules.summary}\n"]
    return "\n".join([*lines, *(entry(rule) for rule in shown_rules(rules)), ""])


def shown_rules(rules: RuleSet) -> Iterator[Rule]:
    """The rules over symbols of the lowest rank, for the last axis."""
    rank = min(rules.ranks)
    marks = [letter(name, wildcard(name, rank, rules.square)) for name in rules.wildcards]
    yield from rules.rules(marks, -1 if rules.axial else None)


def letter(name: str, mark: Expr) -> Expr:
    sizes = dict(zip([d for i, d in enumerate(mark.shape) if d not in mark.shape[:i]], "nmk", strict=False))
    shown = name.upper() if mark.ndim > 1 else name
    return make(SYMBOL, (), name=shown, shape=gc.zeros(tuple(sizes[d] for d in mark.shape)).shape, dtype="float64")


def entry(rule: Rule) -> str:
    """``- $formula$, `as text`, with facts: reason.``"""
    needs = [f"`{c.fact.name}` of `{c.expr}`" for c in rule.conditions if isinstance(c, Needs)]
    where = f", with {' and '.join(needs)}" if needs else ""
    text = f"`{rule.lhs}` = `{rule.rhs}`"
    return f"- ${gc.latex(rule.lhs)} = {gc.latex(rule.rhs)}$, {text}{where}: {rule.reason}."


def listing() -> str:
    """The laws, one line each, those of one name together."""
    ordered = sorted(laws, key=lambda x: (x.name, x.reason))
    return "\n".join([*(f"- `{x.name}`: {x.reason}." for x in ordered), ""])


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` say whether it is up to date."""
    written = page()
    if "--check" not in arguments:
        PAGE.write_text(written)
        return 0
    if PAGE.read_text() == written:
        return 0
    sys.stderr.write("docs/rules.md is not what the rules say: run python tests/contract/rules_page.py\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
