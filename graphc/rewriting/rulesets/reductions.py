"""Identities along an axis: softmax and its relatives, sums of distributions."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.expr import Expr
from graphc.ops.defined import log_softmax, logsumexp, softmax
from graphc.ops.elementwise import exp, log
from graphc.ops.leaving_out import prod, prod_except
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import ones
from graphc.ops.scans import cumprod, reverse_cumsum, reverse_recurrence, shift
from graphc.rewriting.rules import Rule, nonzero, positive, rewrite, ruleset, sums_to_one, unit_norm


@ruleset
def softmaxes(x: Expr, *, axis: int) -> Iterator[Rule]:
    """The softmax family from its formulas."""
    total = sum_(exp(x), axis=axis, keepdims=True)
    yield rewrite(exp(x) / total).to(softmax(x, axis=axis)).because("softmax(x) = exp(x)/sum(exp(x))")
    yield (
        rewrite(log(softmax(x, axis=axis)))
        .to(log_softmax(x, axis=axis))
        .because("log softmax(x) = x - log(sum(exp(x)))")
    )
    yield (rewrite(log(sum_(exp(x), axis=axis))).to(logsumexp(x, axis=axis)).because("logsumexp(x) = log(sum(exp(x)))"))
    yield (
        rewrite(x - logsumexp(x, axis=axis, keepdims=True))
        .to(log_softmax(x, axis=axis))
        .because("log softmax(x) = x - log(sum(exp(x)))")
    )
    yield (
        rewrite(exp(log_softmax(x, axis=axis))).to(softmax(x, axis=axis)).because("exp undoes the logarithm of softmax")
    )
    yield (
        rewrite(softmax(log_softmax(x, axis=axis), axis=axis))
        .to(softmax(x, axis=axis))
        .because("softmax does not change when a constant is added along its axis")
    )


@ruleset(ranks=(2, 3))
def joint_softmax(x: Expr) -> Iterator[Rule]:
    """A softmax over all entries of a matrix or a stack, through its logarithm: nothing overflows."""
    joint = exp(x - logsumexp(x))
    yield rewrite(exp(x) / sum_(exp(x))).to(joint).because("exp(x)/sum(exp(x)) = exp(x - logsumexp(x))")
    yield rewrite(log(sum_(exp(x)))).to(logsumexp(x)).because("logsumexp(x) = log(sum(exp(x)))")


@ruleset
def distributions(x: Expr, *, axis: int) -> Iterator[Rule]:
    """Entries that sum to one."""
    total = sum_(x, axis=axis)
    yield rewrite(total).to(ones(total.shape)).when(sums_to_one(x, axis)).because("the entries sum to one")


@ruleset
def products(x: Expr, *, axis: int) -> Iterator[Rule]:
    """Products along an axis through sums of logarithms."""
    yield rewrite(prod(exp(x), axis=axis)).to(exp(sum_(x, axis=axis))).because("a product of exponentials adds up")
    yield (
        rewrite(log(prod(x, axis=axis)))
        .to(sum_(log(x), axis=axis))
        .when(positive(x))
        .because("the logarithm of a product is the sum of the logarithms, for x > 0")
    )


@ruleset(ranks=(1, 2, 3))
def products_of_others(x: Expr) -> Iterator[Rule]:
    """Products that leave an entry out, where no entry is 0."""
    yield (
        rewrite(prod_except(x))
        .to(prod(x, axis=-1, keepdims=True) / x)
        .when(nonzero(x))
        .because("the product of the other entries is that of all over the entry, for x not 0")
    )


@ruleset(ranks=(1, 2, 3))
def running_products(x: Expr, y: Expr, *, axis: int) -> Iterator[Rule]:
    """The derivative of a running product, where no entry is 0."""
    before = shift(cumprod(x, axis=axis), 1, axis=axis, fill=1)
    yield (
        rewrite(reverse_recurrence(y, shift(x, -1, axis=axis), axis=axis) * before)
        .to(reverse_cumsum(y * cumprod(x, axis=axis), axis=axis) / x)
        .when(nonzero(x))
        .because("the product of all entries before t but s is cumprod(x)[t]/x[s], for x not 0")
    )


@ruleset
def unit_vectors(x: Expr, *, axis: int) -> Iterator[Rule]:
    """Vectors of length one."""
    total = sum_(x**2, axis=axis)
    yield rewrite(total).to(ones(total.shape)).when(unit_norm(x, axis)).because("the squares sum to one")
