"""Every name of the notation is a function, in text and in Python; what is missing says so with a suggestion."""

from __future__ import annotations

import os
import random
from typing import Any

import generate
import pytest
from cases import CASES
from checks import check_latex, check_text
from drawing import SIZES
from references import called

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops.notation import functions

LONG = os.environ.get("GRAPHC_LONG") == "1"
NAMES = """
sum mean max min prod var std exp log log1p expm1 sqrt abs sign sin cos tan tanh sinh cosh arctan arcsin arccos
erf lgamma digamma sigmoid softplus relu gelu softmax log_softmax logsumexp norm maximum minimum where clip
trace det logdet inv solve cholesky matrix_power expm kron outer diag einsum transpose reshape concat stack flip
take cumsum tril triu eye ones zeros eigvalsh windows conv2d maxpool2d polygamma pad argmax scatter_add fold
eigh_vectors svd eigh slogdet split matmul
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_of_the_notation_is_read_or_missed(name: str) -> None:
    if name in functions:
        assert any(name in called(case.text) for case in CASES)
        assert callable(getattr(gc, name)), f"gc.{name} is missing"
        return
    with pytest.raises(gc.UnknownNameError, match=f"there is no function '{name}'"):
        gc.parse(f"{name}(x)", x=("n",))


def test_every_function_of_the_notation_is_public() -> None:
    internal = {"rnn_cell", "gru_cell", "lstm_cell", "tril_half", "reciprocal_gaps", "expm_frechet", "conj"}
    assert not {name for name in functions if not hasattr(gc, name)} - internal


@pytest.mark.parametrize(
    ("wrong", "right"), [("tanhh", "tanh"), ("soft_max", "softmax"), ("log_det", "logdet"), ("Exp", "exp")]
)
def test_a_misspelt_function_is_suggested(wrong: str, right: str) -> None:
    with pytest.raises(gc.UnknownNameError, match=f"did you mean '{right}'"):
        gc.parse(f"{wrong}(x)", x=("n",))


def composed(seed: int, steps: int = 5) -> Expr:
    """Examples of the records as parts of a random expression."""
    rng = random.Random(seed)
    parts = [case.node for case in rng.sample(CASES, 4) if case.node.dtype == "float64" and not case.node.weak]
    pool: list[Expr] = [*parts, *parts]
    clash = {str(x.name) for part in parts for x in symbols_in(part)}
    pool += [leaf for leaf in generate.LEAVES if leaf.name not in clash and leaf.name not in SIZES]
    for _ in range(rng.randrange(1, steps)):
        made = generate.step(rng, pool, False)
        pool += [made] * 3 if made is not None else []
    return pool[-1]


def symbols_in(expr: Expr) -> list[Any]:
    return [value for value in gc.names(expr).values() if isinstance(value, Expr)]


@pytest.mark.parametrize("seed", range(400 if LONG else 30))
def test_random_expressions_and_their_derivatives_read_back(seed: int) -> None:
    try:
        expr = composed(seed + (1000 if LONG else 0))
        inputs = [x for x in symbols_in(expr) if x.dtype == "float64" and x.op.name in ("symbol", "parameter")]
    except (gc.NameConflictError, gc.ShapeError):
        pytest.skip("parts with different arrays of one name")
    loss = gc.sum(expr**2)
    found = [expr, gc.simplify(expr), loss]
    for x in inputs[:2]:
        found += [gc.grad(loss, x), gc.jacobian(expr, x), gc.hessian(loss, x)]
    for e in found:
        check_text(e)
        check_latex(e)
