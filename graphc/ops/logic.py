"""Truth values joined: and, or, exclusive or, not. Numbers count as true where they are not 0, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import DTypeError
from graphc.ir.expr import Expr, behaviour
from graphc.ir.op import Op, register
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import brief, declared_at, one_shape
from graphc.ops.elementwise import TWO, apply, equal, flat, greater, infer_bool, not_equal
from graphc.ops.forms import strip_broadcasts
from graphc.ops.leaves import as_expr
from graphc.ops.notation import notation


def truth(x: Expr) -> Expr:
    """Whether `x` is not 0."""
    return x if x.dtype == "bool" else not_equal(x, 0)


def connective(name: str, formula: str, latex: str, body: Callable[..., Expr], summary: str) -> Op:
    """Register a function of truth values by its body over them; it is flat, as comparisons are."""
    count = body.__code__.co_argcount
    given = ", ".join(f"{x} > 0" for x in "xy"[:count])
    return register(
        Op(
            name,
            infer_bool,
            kernel=getattr(np, name),
            vjp=flat,
            formula=formula,
            body=lambda node: broadcast(body(*map(truth, strip_broadcasts(node.operands, node.shape))), node.shape),
            conditions=one_shape,
            latex=latex,
            domain=TWO[:count],
            examples=((f"{name}({given})*1", {"x": ("m", "n"), "y": ("n",)}),),
            summary=summary,
        )
    )


AND = connective(
    "logical_and",
    "And(Ne(x, 0), Ne(y, 0))",
    r"[{0} \land {1}]",
    lambda a, b: not_equal(a * b, 0),
    "True where both are.",
)
OR = connective(
    "logical_or",
    "Or(Ne(x, 0), Ne(y, 0))",
    r"[{0} \lor {1}]",
    lambda a, b: greater(a + b, 0),
    "True where one of both is.",
)
XOR = connective(
    "logical_xor",
    "Xor(Ne(x, 0), Ne(y, 0))",
    r"[{0} \oplus {1}]",
    not_equal,
    "True where exactly one of both is.",
)
NOT = connective("logical_not", "Eq(x, 0)", r"[\lnot {0}]", lambda a: equal(a, 0), "True where an entry is not.")
CONNECTIVES = (AND, OR, XOR, NOT)


@notation
def logical_and(x: Any, y: Any) -> Expr:
    """Whether neither of both is 0; ``(x > 0) & (y > 0)`` of truth values."""
    return apply(AND, (x, y))


@notation
def logical_or(x: Any, y: Any) -> Expr:
    """Whether one of both is not 0; ``(x > 0) | (y > 0)`` of truth values."""
    return apply(OR, (x, y))


@notation
def logical_xor(x: Any, y: Any) -> Expr:
    """Whether exactly one of both is not 0."""
    return apply(XOR, (x, y))


@notation
def logical_not(x: Any) -> Expr:
    """Whether an entry is 0; ``~(x > 0)`` of a truth value."""
    return apply(NOT, (x,))


def _of_truth_values(sign: str, function: Callable[..., Expr]) -> Callable[..., Expr]:
    """An operator that NumPy has for truth values (and, bit by bit, for whole numbers)."""

    def operator(*given: Any) -> Expr:
        for x in map(as_expr, given):
            if x.dtype != "bool":
                raise DTypeError(
                    f"{sign} joins truth values, such as comparisons, but {brief(x)} has dtype {x.dtype}; put "
                    f"comparisons in brackets, as in (x > 0) {sign} (x < 1){declared_at()}"
                )
        return function(*given)

    return operator


both, either = _of_truth_values("&", logical_and), _of_truth_values("|", logical_or)
one_alone, opposite = _of_truth_values("^", logical_xor), _of_truth_values("~", logical_not)
behaviour.update({"and": both, "or": either, "xor": one_alone, "invert": opposite})
