"""One step of training: loss and gradients compiled jointly, then the optimizer's update of one flat vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.calculus import grad
from graphc.ir.dims import bind
from graphc.ir.expr import Expr, substitute, topological
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief
from graphc.ops.conditions import conditions
from graphc.ops.leaves import PARAMETER, SYMBOL, constant
from graphc.rewriting.simplify import closed_forms
from graphc.runtime.compile import compile
from graphc.runtime.evaluate import evaluate_all
from graphc.runtime.optim import Optimizer, update_rule
from graphc.runtime.problem import Problem, is_mask
from graphc.runtime.regularize import dropout_mask


class Gradients:
    """The loss and its gradients, as one compiled function of a batch."""

    def __init__(
        self, loss: Expr, problem: Problem, trained: Sequence[Expr], style: str, sizes: Mapping[str, int]
    ) -> None:
        self.problem = problem
        self.outputs = closed_forms([loss, *grad(loss, list(trained))], regrouped=False)  # jointly: shared parts once
        self.run = compile(self.outputs, list(problem.leaves), style=style, copy=False, equal=conditions([loss]))
        self.sizes = self.run.untold(sizes)

    def __call__(self, batch: Mapping[str, Any], masks: Sequence[Any], values: Mapping[str, Any]) -> Any:
        problem = self.problem
        given = [batch[str(x.name)] for x in problem.inputs]
        return self.run(*given, *masks, *(values[str(p.name)] for p in problem.parameters), **self.sizes)


class Update:
    """The parameters as views of one flat vector, which the compiled optimizer moves."""

    def __init__(self, optimizer: Optimizer, values: Mapping[str, Any], trained: Sequence[str], style: str) -> None:
        rule = update_rule(optimizer)
        parts = [values[name] for name in trained]
        self.flat = np.concatenate([p.reshape(-1) for p in parts])
        self.gradient = np.zeros_like(self.flat)
        self.states = [np.zeros_like(self.flat) for _ in rule.states]
        self.gradient_views = views(self.gradient, [p.shape for p in parts])
        self.values = dict(values) | dict(zip(trained, views(self.flat, [p.shape for p in parts]), strict=True))
        self.number = 0
        self.needs_number = rule.t is not None
        scalars = [p for p in topological([rule.new_parameter, *rule.new_states]) if p.name in rule.hyper]
        self.hyper = [self.flat.dtype.type(rule.hyper[str(s.name)]) for s in scalars]
        arguments = [rule.parameter, rule.gradient, *rule.states, *([rule.t] if rule.t is not None else []), *scalars]
        self.run = compile([rule.new_parameter, *rule.new_states], arguments, style=style, copy=False)

    def __call__(self, gradients: Sequence[Any]) -> None:
        for view, g in zip(self.gradient_views, gradients, strict=True):
            view[...] = g
        self.number += 1
        step = [self.flat.dtype.type(self.number)] if self.needs_number else []
        results = self.run(self.flat, self.gradient, *self.states, *step, *self.hyper)
        for target, new in zip((self.flat, *self.states), results, strict=True):
            target[...] = new


def views(flat: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Consecutive parts of `flat`, with the given shapes."""
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    starts = [0, *ends[:-1]]
    return [flat[a:b].reshape(s) for a, b, s in zip(starts, ends, shapes, strict=True)]


class Masks:
    """The dropout masks of each update."""

    def __init__(self, problem: Problem, sizes: Mapping[str, int], random: Any, dtype: Any) -> None:
        self.problem, self.random, self.dtype = problem, random, dtype
        self.sizes = dict(sizes)

    def draw(self, count: int) -> list[Any]:
        """Fresh masks for a batch of `count` examples."""
        sizes = self.sizes | {self.problem.batch.name: count}
        return [
            dropout_mask(self.random, tuple(bind(d, sizes) for d in mask.shape), mask.attributes["dropout"], self.dtype)
            for mask in self.problem.masks
        ]


def without_dropout(exprs: Sequence[Expr]) -> list[Expr]:
    """`exprs` as they are evaluated: in their closed and stable form, every dropout mask all ones."""
    masks = {leaf: broadcast(constant(1), leaf.shape) for leaf in topological(exprs) if is_mask(leaf)}
    return closed_forms(substitute(exprs, masks), regrouped=False)


def first_not_finite(loss: Expr, values: Mapping[str, Any]) -> str:
    """A sentence on the first value on the way to `loss` that is infinite or NaN."""
    order = [node for node in topological([loss]) if node.dtype.startswith("float") and not node.weak]
    order.sort(key=lambda node: node.depth > 0)  # inputs and parameters first; the sort keeps the rest in order
    with np.errstate(all="ignore"):
        arrays = evaluate_all(order, values)
    for node, array in zip(order, arrays, strict=True):
        if not np.isfinite(array).all():
            if node.op is PARAMETER:
                return f"the parameter {node.name} is not finite since the update before"
            if node.op is SYMBOL:
                return f"the input {node.name} holds values that are not finite"
            what = "NaN" if np.isnan(array).any() else "infinite"
            return f"the first value that is not finite is {brief(node)} ({what})"
    return "every intermediate value is finite when computed one by one"
