"""Normal forms depend neither on the order and grouping of operands, nor on names of indices, nor on rule order."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import numpy as np
import published
import pytest
import spellings
from generate import wide_expression
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ops.arithmetic import ADD
from graphc.ops.contraction import CONTRACT
from graphc.rewriting.normal import Rewriter

simplification = sys.modules["graphc.rewriting.simplify"]  # the package has a function of that name
SEEDS = st.integers(0, 10**6)


def drawn(rng: random.Random, size: int) -> Expr:
    """A random expression: facts, linear algebra, reductions, selections; some of it sliced, reversed or repeated."""
    e = wide_expression(rng, size)
    ways = [lambda: e[1:], lambda: e[..., :2], lambda: gc.flip(e), lambda: gc.concat([e, e])[1:], lambda: e[::-1].T]
    if e.ndim and rng.random() < 0.4:
        try:
            return gc.sin(rng.choice(ways)()) + rng.choice([0, 1])
        except (ValueError, TypeError):  # the axis is too short
            return e
    return e


def permuted(e: Expr, rng: random.Random) -> Expr:
    """`e` with the operands of sums and products in another order, sums grouped, summed labels renamed."""
    done: dict[Expr, Expr] = {}
    for node in topological([e]):
        operands = tuple(done[o] for o in node.operands)
        order = rng.sample(range(len(operands)), len(operands))
        if node.op is ADD:
            terms = [(node.attributes["coefficients"][i], operands[i]) for i in order]
            cut = rng.randint(1, len(terms))
            first = added(terms[:cut])
            done[node] = first if cut == len(terms) else added([(1, first), *terms[cut:]])
        elif node.op is CONTRACT and operands:
            labels, exponents = node.attributes["labels"], node.attributes["exponents"]
            bound = sorted({x for ls in labels for x in ls if x >= node.ndim})
            rename = dict(zip(bound, rng.sample(bound, len(bound)), strict=True))
            moved = tuple(tuple(rename.get(x, x) for x in labels[i]) for i in order)
            attributes = {**node.attributes, "labels": moved, "exponents": tuple(exponents[i] for i in order)}
            done[node] = make(CONTRACT, tuple(operands[i] for i in order), **attributes)
        else:
            done[node] = rebuild(node, operands)
    return done[e]


def added(terms: list[tuple[object, Expr]]) -> Expr:
    return make(ADD, tuple(t for _, t in terms), coefficients=tuple(c for c, _ in terms))


def regrouped(parts: list[Expr], rng: random.Random, *, product: bool) -> Expr:
    """The sum or product of `parts` in some order and grouping, as a user writes it."""
    left = rng.sample(parts, len(parts))
    while len(left) > 1:
        i = rng.randrange(len(left) - 1)
        a, b = rng.sample(left[i : i + 2], 2)
        left[i : i + 2] = [a * b if product else a + b]
    return left[0]


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_order_of_operands_and_names_of_indices_leave_no_trace(seed: int) -> None:
    rng = random.Random(seed)
    e = drawn(rng, rng.randint(3, 8))
    form = gc.simplify(e)
    assert gc.simplify(permuted(e, rng)) is form, f"seed {seed}: {e}"
    assert gc.simplify(form) is form, f"seed {seed}: {form}"


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.booleans())
def test_grouping_leaves_no_trace(seed: int, product: bool) -> None:
    rng = random.Random(seed)
    made = (drawn(rng, rng.randint(1, 4)) for _ in range(4))
    parts = [p for p in made if all(str(size) in "1nm" for size in p.shape) and p.ndim <= 2]
    try:
        ways = [regrouped(parts, rng, product=product) for _ in range(3)] if parts else []
    except (ValueError, TypeError):  # shapes that do not fit, in some grouping
        return
    forms = {gc.simplify(way) for way in ways}
    assert len(forms) <= 1, f"seed {seed}: {[str(f) for f in forms]}"


N, M = gc.dims("n m")
OVER_SOME_AXES = [
    *(gc.symbol(name) for name in "pq"),
    *(gc.symbol(name, (N,)) for name in "xy"),
    *(gc.symbol(name, (M, N)) for name in "AB"),
    gc.sum(gc.symbol("x", (N,)) ** 2),
    gc.symbol("u", (M,))[:, None],
]


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_grouping_of_sums_over_some_of_the_axes_leaves_no_trace(seed: int) -> None:
    rng = random.Random(seed)
    monomials = [rng.choices(OVER_SOME_AXES, k=rng.randint(1, 3)) for _ in range(rng.choice([2, 3, 4, 5, 12]))]
    scales = [rng.choice([1, 1, 2, -1, -3]) for _ in monomials]

    def way() -> Expr:
        products = [c * regrouped(parts, rng, product=True) for c, parts in zip(scales, monomials, strict=True)]
        return regrouped(products, rng, product=False)

    ways = [way() for _ in range(3)]
    forms = {gc.simplify(way) for way in ways}
    assert len(forms) == 1, f"seed {seed}: {[str(f) for f in forms]}"
    (form,) = forms
    assert gc.simplify(form) is form


def chain(rng: random.Random) -> list[Expr]:
    """Matrices, some of them transposed, inverted or beside their inverse, between vectors or not.

    Between vectors they come again and again; without, each comes once: a product that is used twice is computed once.
    """
    square = [gc.symbol(name, ("n", "n"), facts=["symmetric"] if name == "S" else []) for name in "ABCS"]
    ways = [lambda x: [x], lambda x: [x.T], lambda x: [gc.inv(x)], lambda x: [gc.tanh(x)], lambda x: [x, gc.inv(x)]]
    x, y = gc.symbol("x", ("n",)), gc.symbol("y", ("n",))
    first, last = rng.choice(([], [x])), rng.choice(([], [y]))
    count = rng.randint(2, 4)
    drawn = rng.choices(square, k=count) if first or last else rng.sample(square, count)
    return [*first, *(link for matrix in drawn for link in rng.choice(ways)(matrix)), *last]


def multiplied(links: list[Expr], rng: random.Random) -> Expr:
    """The product of a chain, grouped at random; a part now and then as the transpose of the transposed chain."""
    if len(links) == 1:
        return links[0]
    cut = rng.randint(1, len(links) - 1)
    if all(x.ndim == 2 for x in links) and rng.random() < 0.2:
        return multiplied([x.T for x in reversed(links)], rng).T
    return multiplied(links[:cut], rng) @ multiplied(links[cut:], rng)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_the_grouping_of_matrix_products_leaves_no_trace(seed: int) -> None:
    rng = random.Random(seed)
    links = chain(rng)
    function = rng.choice([lambda e: e, lambda e: gc.tanh(e) + 1, lambda e: 2 * e / gc.sum(e**2), lambda e: e * e])
    ways = [function(multiplied(links, rng)) for _ in range(4)]
    forms = {gc.simplify(way) for way in ways}
    assert len(forms) == 1, f"seed {seed}: {[str(f) for f in forms]}"
    (form,) = forms
    assert gc.simplify(form) is form
    generator = np.random.default_rng(seed)
    given = {name: generator.normal(size=(3, 3)) + 3 * np.eye(3) for name in "ABC"}
    given |= {"S": given["A"] + given["A"].T, "x": generator.normal(size=3), "y": generator.normal(size=3), "n": 3}
    np.testing.assert_allclose(gc.evaluate(form, given), gc.evaluate(ways[0], given), rtol=1e-7, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.sampled_from("mvs"))
def test_spelling_leaves_no_trace(seed: int, kind: str) -> None:
    rng = random.Random(seed)
    tree = spellings.drawn(rng, kind, 2)
    forms = set()
    for _ in range(4):
        forms.add(gc.simplify(spellings.spelled(tree, rng)))
        tree = spellings.regrouped(tree, rng)
    assert len(forms) == 1, f"seed {seed}: {[str(f) for f in forms]}"
    (form,) = forms
    assert gc.simplify(form) is form


CHAINS = [
    ("A @ B @ (x*y)", "A @ (B @ (x*y))"),
    ("(A*B) @ C @ x", "A*B @ (C @ x)"),
    ("sum(A @ B @ C, axis=1)", "A @ (B @ sum(C, axis=1))"),
    ("A @ diag(x) @ B @ y", "A @ (x*(B @ y))"),
    ("x @ diag(A @ B)", "x @ sum(A*B.T, axis=1)"),
    ("diag(A + outer(x, y))", "x*y + diag(A)"),
    ("trace(outer(x, x) - A)", "sum(x**2) - trace(A)"),
]


@pytest.mark.parametrize(("declared", "form"), CHAINS)
def test_chains_of_elementwise_products_and_diagonals(declared: str, form: str) -> None:
    names = {**dict.fromkeys("ABC", ("n", "n")), **dict.fromkeys("xy", ("n",))}
    assert str(gc.simplify(gc.parse(declared, **names))) == form


SHARED = [
    (["A @ B @ C + (B @ C) @ S", "A @ (B @ C) + B @ (C @ S)"], "A @ (B @ C) + B @ C @ S"),
    (["tanh(A @ B) + (A @ B) @ C", "tanh(A @ B) + A @ (B @ C)"], "A @ B @ C + tanh(A @ B)"),
    (["exp(A @ B) @ x + (A @ B) @ x", "A @ (B @ x) + exp(A @ B) @ x"], "(exp(A @ B) + A @ B) @ x"),
    (["2*A @ (C @ C) + (C @ C) @ S", "2*(A @ C) @ C + C @ (C @ S)"], "2*(A @ (C @ C)) + C @ C @ S"),
    (["A @ (A @ (A @ B)) + A @ (A @ C)", "(A @ A) @ (A @ B) + (A @ A) @ C"], "A @ A @ C + matrix_power(A, 3) @ B"),
    (["x @ y - (y @ A) @ x", "y @ x - y @ (A @ x)", "y @ x - x @ (A.T @ y)"], "x @ (y - A.T @ y)"),
    (["sum(A @ B)", "sum(sum(A, axis=0) @ B)", "sum(A, axis=0) @ sum(B, axis=1)"], "sum(A @ B)"),
]


EXTREMA = [
    (["maximum(y, x)", "maximum(x, y)", "where(x > y, x, y)", "where(x >= y, x, y)"], "maximum(x, y)"),
    (
        ["maximum(a, maximum(x, b))", "maximum(maximum(x, a), b)", "maximum(b, maximum(a, x))"],
        "maximum(maximum(a, b), x)",
    ),
    (["minimum(A, minimum(x, y))", "minimum(x, minimum(A, y))"], "minimum(minimum(x, y), A)"),
    (["maximum(relu(x), y)", "maximum(x, maximum(0, y))", "relu(maximum(y, x))"], "relu(maximum(x, y))"),
    (["maximum(2, maximum(x, 3))", "maximum(maximum(3, x), 3)"], "maximum(x, 3)"),
    (["max(A)", "max(max(A, axis=0))", "max(max(A, axis=1))"], "max(A)"),
    (["logsumexp(A)", "logsumexp(logsumexp(A, axis=0))"], "logsumexp(A)"),
    (["minimum(x, y)", "-maximum(-y, -x)"], "minimum(x, y)"),
    (["maximum(2*x, 2*y)", "-2*minimum(-x, -y)"], "2*maximum(x, y)"),
    (["max(x)", "-min(-x)", "max(3*x)/3"], "max(x)"),
    (["-max(-A/2, axis=0)", "min(A, axis=0)/2"], "min(A, axis=0)/2"),
]


FRACTIONS = [
    (["x/y - 1", "(x - y)/y", "-(y - x)/y"], "(x - y)/y"),
    (["x/y**2 - 1/y", "(x/y - 1)/y"], "(x - y)/y**2"),
    (["a/b/2 - 1/2", "(a - b)/(2*b)"], "(a - b)/(2*b)"),
    (["x/b + y/b - 1", "(x + y)/b - 1"], "(x + y - b)/b"),
    (["1/a - 1", "(1 - a)/a"], "1/a - 1"),
    (["x/y + 1", "(x + y)/y"], "x/y + 1"),
    (["a/b - 2", "(a - 2*b)/b"], "a/b - 2"),
    (["A/x[:, None] - 1", "(A - x[:, None])/x[:, None]"], "A/x[:, None] - 1"),
    (["x/norm(x) - 1", "(x - norm(x))/norm(x)"], "x/norm(x) - 1"),
]


EQUAL = SHARED + EXTREMA + FRACTIONS


@pytest.mark.parametrize(("declared", "form"), EQUAL, ids=[form for _, form in EQUAL])
def test_equal_expressions_have_one_form(declared: list[str], form: str) -> None:
    names = {**dict.fromkeys("ABCS", ("n", "n")), **dict.fromkeys("xy", ("n",)), **dict.fromkeys("ab", ())}
    assert {str(gc.simplify(gc.parse(text, **names))) for text in declared} == {form}


def test_vectors_are_multiplied_first_and_shared_products_once() -> None:
    A, B, x = gc.symbol("A", ("n", "n")), gc.symbol("B", ("n", "n")), gc.symbol("x", ("n",))
    assert str(gc.simplify((A @ B) @ x)) == "A @ (B @ x)"
    assert str(gc.simplify(x @ (A @ A.T) @ x)) == "sum((A.T @ x)**2)"
    assert str(gc.simplify(gc.einsum("ij,jk,kl->il", A, B, A))) == "A @ B @ A"
    product, applied = gc.simplify([A @ B, (A @ B) @ x])
    assert applied.operands[0] is product
    named = (A @ B).named("P")
    assert str(gc.simplify(named @ x)) == "P @ x"
    W, X = gc.parameter("W", ("d", "k")), gc.symbol("X", ("n", "d"))
    step = gc.emit([gc.sum((X @ W) ** 2), gc.grad(gc.sum((X @ W) ** 2), W)], [X, W])
    assert step.count("X @ W") - step.count("# ") <= 2
    assert "X.T @ X" not in step


def shuffled(seed: int) -> object:
    original = simplification.rewriters

    def rewriters(node: Expr) -> Iterator[Rewriter]:
        found = list(original(node))
        random.Random(f"{seed} {node.op.name} {len(found)}").shuffle(found)
        return iter(found)

    return rewriters


def random_forms() -> list[Expr]:
    return [gc.simplify(drawn(random.Random(seed), 7)) for seed in range(60)]


def published_forms() -> list[Expr]:
    rows = published.PUBLISHED[::3]
    return [gc.grad(gc.parse(f, **published.NAMES), published.NAMES[by]) for f, by, *_ in rows]


@pytest.mark.parametrize("forms", [random_forms, published_forms])
def test_the_order_of_rules_leaves_no_trace(forms: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(forms)
    before = forms()
    for seed in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(simplification, "rewriters", shuffled(seed))
            after = forms()
        for one, other in zip(before, after, strict=True):
            assert one is other, f"order {seed}: {one} and {other}"


def test_a_summed_product_of_matrices_is_made_of_their_sums() -> None:
    n, m, k = gc.dims("n m k")
    A, B = gc.symbol("A", (n, m)), gc.symbol("B", (m, k))
    assert "return np.sum(A, axis=0) @ np.sum(B, axis=1)\n" in gc.emit(gc.sum(A @ B), [A, B])
    assert "return A @ np.sum(B, axis=1)\n" in gc.emit(gc.sum(A @ B, axis=1), [A, B])
    assert str(gc.grad(gc.sum((A @ B)[:, None]) ** 2, A)) == (
        "broadcast_to(2*sum(A, axis=0) @ sum(B, axis=1)*sum(B, axis=1), (n, m))"
    )
