"""Every op of the registry and every function of the notation, on every example, against NumPy.

The records carry the examples; `cases.py` those of functions that build on other records; `references.py` what each
function means in NumPy. A new op needs a line there, and nothing else here. GRAPHC_LONG=1 looks at more: second
and third derivatives, Jacobians and Hessians of every example, all pairs of broadcast shapes, more random sizes.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from cases import CASES, DECLARED, FIRST, Case
from checks import (
    check_code,
    check_first,
    check_hessian,
    check_jacobian,
    check_latex,
    check_second,
    check_sizes,
    check_text,
    check_third,
    check_to_the_last_digit,
    check_value,
    derivatives_of,
)
from references import NUMPY, called

import graphc as gc
from graphc.ir.op import registry
from graphc.ops.notation import functions

LONG = os.environ.get("GRAPHC_LONG") == "1"
SMOOTH = [case for case in CASES if case.variables]
THIRD = SMOOTH if LONG else SMOOTH[::8]
SECOND = SMOOTH if LONG else [case for case in FIRST if case.variables]
SOME = SMOOTH if LONG else SMOOTH[1::4]
examples = pytest.mark.parametrize("case", CASES, ids=str)
variable = pytest.mark.parametrize("case", SMOOTH, ids=str)


def test_every_op_and_every_function_has_an_example_and_a_reference() -> None:
    shown = {case.node.op for case in CASES} | {case.op for case in CASES}
    silent = [op.name for op in registry.values() if not {op, op.name} & shown and op not in DECLARED]
    assert not silent, f"ops without an example: {silent}; give their records examples"
    words = set().union(*(called(case.text) for case in CASES))
    assert not functions.keys() - words, f"no example calls {functions.keys() - words}: add one to cases.py"
    assert not functions.keys() - NUMPY.keys(), f"no reference for {functions.keys() - NUMPY.keys()}: references.py"
    assert not NUMPY.keys() - functions.keys() - {"floor", "ceiling", "Max", "Min", "Mod"}


@examples
def test_values(case: Case) -> None:
    for seed in range(4 if LONG else 1):
        check_value(case, seed)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the mean of nothing
@examples
def test_sizes_from_zero(case: Case) -> None:
    rng = random.Random(case.text)
    names = "nmkdcfhwtNCHW"
    mixed = [{name: rng.choice([0, 1, 1, 2, 5]) for name in names} for _ in range(12 if LONG else 2)]
    computed = [check_sizes(case, sizes) for sizes in (*(dict.fromkeys(names, s) for s in (0, 1, 2)), *mixed)]
    assert any(computed)


@variable
def test_first_derivatives(case: Case) -> None:
    check_first(case)
    assert check_to_the_last_digit(case) or called(case.text)


@pytest.mark.parametrize("case", SECOND, ids=str)
def test_second_derivatives(case: Case) -> None:
    check_second(case)


@pytest.mark.parametrize("case", THIRD, ids=str)
def test_third_derivatives(case: Case) -> None:
    check_third(case)


@pytest.mark.parametrize("case", SOME, ids=str)
def test_jacobians_and_hessians(case: Case) -> None:
    check_jacobian(case)
    check_hessian(case)


@examples
def test_text_and_latex(case: Case) -> None:
    for expr in derivatives_of(case, second=case in SECOND[::2] or LONG):
        check_text(expr)
        check_latex(expr)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the spread of one number
@pytest.mark.parametrize("style", ["readable", "fast"])
@examples
def test_emitted_code(case: Case, style: str) -> None:
    check_code(case, style)
    if LONG or len(case.text) % 4 == 0:
        check_code(case, style, dict.fromkeys("nmkdcfhwt", 1))


@pytest.mark.parametrize("case", CASES if LONG else CASES[::6], ids=str)
def test_pictures(case: Case) -> None:
    loss = gc.sum(case.node)
    svg = gc.draw(loss, wrt=case.variables[:1]).svg
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")


SHAPES: list[tuple[Any, ...]] = [
    (),
    ("n",),
    (1,),
    ("m", "n"),
    ("m", 1),
    (1, "n"),
    ("k", "m", "n"),
    ("k", 1, "n"),
    (1, "m", 1),
]
BINARY = [op.name for op in registry.values() if op.formula and len(op.domain) == 2 and op.name in functions]
CHOOSY = ("polygamma", "prelu", "log_cosh", "xlogy")  # do not stretch both operands, or have a domain
OPERATORS = ["x + y", "x - y", "x*y", "x/(2 + y**2)", "(2 + x**2)**y", "x > y"]
THREE = ["where(z > 0, x, y)", "clip(x, y, z)", "x*y + z"]


def broadcast_cases(text: str) -> list[Case]:
    names = "xyz" if "z" in text else "xy"
    rng = random.Random(text)
    pairs = [(a, b) for a in SHAPES for b in SHAPES]
    chosen = pairs if LONG else rng.sample(pairs, 10)
    return [Case(text, text, dict(zip(names, (*pair, rng.choice(SHAPES)), strict=False))) for pair in chosen]


@pytest.mark.parametrize("text", [f"{name}(x, y)" for name in BINARY if name not in CHOOSY] + OPERATORS + THREE)
def test_broadcasting_in_every_position(text: str) -> None:
    for case in broadcast_cases(text):
        check_value(case)
        check_first(case)
        check_sizes(case, {"n": 0, "m": 1, "k": 2})


@pytest.mark.parametrize("text", [*OPERATORS, "maximum(x, y)", "log_softmax(x) + y", "where(y > 0, x, y)"])
@pytest.mark.parametrize("size", ["m*n", "2*n", "n + 1", "n - 1"])
def test_one_is_stretched_to_sizes_that_may_be_one(text: str, size: str) -> None:
    for shape in ((1,), (2, 1)):
        case = Case(text, text, {"x": (size,), "y": shape})
        check_value(case)
        check_first(case)
        for expr in derivatives_of(case):
            check_text(expr)


STACKS = [
    (("n",), ("n",)),
    (("m", "n"), ("n",)),
    (("n",), ("n", "d")),
    (("k", "m", "n"), ("n",)),
    (("n",), ("k", "n", "d")),
]
STACKS += [((1, "m", "n"), ("k", "n", "d")), (("t", 1, "m", "n"), ("k", "n", "d")), (("m", "n"), ("k", "n", 1))]


@pytest.mark.parametrize("shapes", STACKS, ids=str)
def test_products_of_stacks(shapes: tuple[Any, Any]) -> None:
    case = Case("A @ B", "A @ B", {"A": shapes[0], "B": shapes[1]})
    check_value(case)
    check_first(case)
    check_second(case)
    check_code(case, "fast")
    check_sizes(case, {"n": 0, "m": 1})
