"""An op is one record, kept in one registry that every stage of the pipeline enumerates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from graphc.errors import UnsupportedError
from graphc.ir.dims import Dim, Shape
from graphc.ir.facts import Fact

if TYPE_CHECKING:
    from graphc.ir.expr import Expr

Attributes: TypeAlias = Mapping[str, Any]
Inference: TypeAlias = "tuple[Shape, str]"


Examples: TypeAlias = "tuple[tuple[str, Mapping[str, Any]], ...]"


def _no_facts(node: Expr) -> frozenset[Fact]:
    return frozenset()


def once(facts: Callable[[Expr], frozenset[Fact]]) -> Callable[[Expr], frozenset[Fact]]:
    """`facts`, asked once for each node, and of what is below a node before the node: no recursion into the graph."""

    def known(node: Expr) -> frozenset[Fact]:
        stack = [] if "facts" in node.cache else [node]
        while stack:
            top = stack[-1]
            missing = [o for o in top.operands if "facts" not in o.cache and o.op.facts is not _no_facts]
            stack += missing
            if not missing:
                stack.pop()
                if "facts" not in top.cache:
                    top.cache["facts"] = top.op.own_facts(top)
        found: frozenset[Fact] = node.cache["facts"]
        return found

    return known


class Acts(NamedTuple):
    """The axes `ins` of the first operand that a linear op mixes, and the axes `outs` of the result they become.

    The other axes pass through in order; they are `tied` if other operands have them too.
    """

    ins: tuple[int, ...]
    outs: tuple[int, ...]
    tied: bool = False


def _nonlinear(node: Expr) -> Acts | None:
    return None


def _unconditional(node: Expr) -> Iterable[tuple[Dim, Dim]]:
    return ()


def _owns(node: Expr) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Op:
    """What graphc knows of one operation.

    Attributes
    ----------
    name : the function's name in formulas, Python and pictures.
    infer : operands and attributes to (shape, dtype); raises ShapeError or DTypeError.
    kernel : the NumPy meaning, ``kernel(*arrays, **attributes)``; a ufunc, or a function whose source is emitted.
    vjp : node and cotangent to the operands' cotangents, in order (None where the op is locally constant). The
        cotangent may have leading axes beyond the node's own (a stack of cotangents, for Jacobians); they lead the
        results as well.
    derivative : for elementwise ops, the partial derivatives as expressions in the operands and the output.
    custom : a user's derivative rule, which may differ from the derivative of the value: node and a cotangent of the
        node's own shape to the operands' cotangents. It goes before `vjp`; stacks are taken care of.
    formula : for elementwise ops, the scalar formula as text, in the notation (read by SymPy in tests).
    body : for defined ops, the formula in other ops.
    opens : whether simplification works on the body (mean, mse) or keeps the op (softmax).
    facts : what is known of the output's entries.
    latex : a format string with one field for each operand, for example ``\\tanh({0})``.
    domain : an interval (low, high) of each operand in which tests may sample.
    summary : one line for the documentation.
    conditions : pairs of sizes that the node takes to be equal, checked when sizes are bound.
    examples : calls for tests and documentation: a formula, and the shapes or symbols of its names. Sizes are drawn,
        entries follow the facts of the symbols; integer symbols hold indices below the smallest size.
    literal : whether the op without operands is a literal number, which takes the dtype of what it meets.
    keeps : the places of operands that keep their own dtype (conditions, indices); the others share the result's.
    acts : for ops that are linear in their first operand, the axes that they mix; None for others.
    views : whether the kernel's result looks at the memory of the first operand instead of having its own.
    positional : attributes that are written as arguments after the operands; those with a star, as in
        ``*size``, one argument for each of their values.
    mirror : what transposing the last two axes of the only operand does: "turns" for f(x.T) = f(x).T, "stays" for
        f(x.T) = f(x).
    degrees : for each operand (the last entry stands for all that follow) the power in which a scalar factor of it
        comes out: f(c*x) = c**degree f(x); None where it does not.
    diagonal : the value for the diagonal matrix of a vector v, ``diagonal(node, v)``.
    defaults : for ops whose attributes are the keyword arguments of a function: their default values, in order
        (``inspect.Parameter.empty`` where there is none). Printing leaves out what is the default.
    replaceable : whether a user's op may take the name, as for layers, losses and activations. No rule, and no body
        or derivative of another record, may bring such an op in: what graphc prints then reads back as it was meant.
    """

    name: str
    infer: Callable[[tuple[Expr, ...], Attributes], Inference]
    kernel: Callable[..., Any] | None = None
    vjp: Callable[[Expr, Expr], tuple[Expr | None, ...]] | None = None
    derivative: Callable[..., tuple[Expr | None, ...]] | None = None
    custom: Callable[[Expr, Expr], tuple[Expr | None, ...]] | None = None
    formula: str | None = None
    body: Callable[[Expr], Expr] | None = None
    opens: bool = False
    facts: Callable[[Expr], frozenset[Fact]] = field(default=_no_facts)
    latex: str | None = None
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    summary: str = ""
    conditions: Callable[[Expr], Iterable[tuple[Dim, Dim]]] = field(default=_unconditional)
    examples: Examples = ()
    literal: bool = False
    keeps: tuple[int, ...] = ()
    acts: Callable[[Expr], Acts | None] = field(default=_nonlinear)
    views: Callable[[Expr], bool] = field(default=_owns)
    positional: tuple[str, ...] = ()
    mirror: str = ""
    degrees: tuple[int | None, ...] = ()
    diagonal: Callable[[Expr, Expr], Expr] | None = None
    defaults: Attributes | None = None
    replaceable: bool = False

    own_facts: Callable[[Expr], frozenset[Fact]] = field(default=_no_facts, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own_facts", self.facts)
        if self.facts is not _no_facts:
            object.__setattr__(self, "facts", once(self.facts))

    def __repr__(self) -> str:
        return f"Op({self.name})"


registry: dict[str, Op] = {}
replaced: dict[str, Op] = {}  # records whose name a user's op has taken: nodes made before keep them


def register(op: Op) -> Op:
    """Enter `op` in the registry; a name can be taken once, or once more from a replaceable record."""
    present = registry.get(op.name)
    if present is not None:
        if op.replaceable or not present.replaceable:
            raise UnsupportedError(f"an op named {op.name!r} exists already; choose another name")
        replaced[op.name] = present
    registry[op.name] = op
    return op


def record(name: str, replaceable: bool) -> Op:
    """The record of `name` that is replaceable or not: the library's or the user's where both exist.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    for table in (registry, replaced):
        op = table.get(name)
        if op is not None and op.replaceable == replaceable:
            return op
    raise UnsupportedError(f"the expression holds the op {name}, which is not defined here; define it first")
