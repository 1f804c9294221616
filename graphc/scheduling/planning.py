"""``plan``: expressions to an ordered program with lifetimes and buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.errors import NameConflictError, UnsupportedError
from graphc.ir.expr import Expr, make, rebuild, topological
from graphc.ir.op import registry
from graphc.ops.arguments import assumed_sizes
from graphc.ops.defined import MEAN
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL
from graphc.ops.symbols import symbols_of
from graphc.rewriting.terms import is_zero
from graphc.scheduling.buffers import assign
from graphc.scheduling.builder import dtype_class, without_dead
from graphc.scheduling.decompose import decomposed
from graphc.scheduling.lower import Lowering
from graphc.scheduling.missing import missing_error
from graphc.scheduling.opening import opened
from graphc.scheduling.plan import LEAVES, UNALLOCATED, VIEWS, Plan
from graphc.scheduling.sizing import wholes
from graphc.scheduling.stable import stabilized
from graphc.scheduling.twins import shared_reductions

RELU, GREATER = registry["relu"], registry["greater"]


def plan(
    outputs: Sequence[Expr],
    inputs: Sequence[Expr],
    *,
    stepwise: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> Plan:
    """Schedule `outputs` as a program over `inputs`.

    Parameters
    ----------
    outputs : sequence of Expr
        Taken as they are; simplify them jointly first.
    inputs : sequence of symbols and parameters
        The arguments, in order; those that no output needs are accepted.
    stepwise : bool
        Whether softmax and its like become ufunc steps that run in place, or stay calls that read well.
    sizes : mapping from size names to int, optional
        Sizes to assume when the cheaper of two orders is chosen; the program takes any sizes.

    Raises
    ------
    ValueMissingError
        If an output needs a symbol that is not among `inputs`.
    NameConflictError
        If two different symbols carry one name.
    UnsupportedError
        If an input is no symbol, or an op cannot be computed.
    """
    checked_inputs(inputs)
    assumed = assumed_sizes(sizes, "plan")
    keep = frozenset() if stepwise else frozenset((MEAN,))
    roots = decomposed(masked(stabilized(shared_reductions(opened(outputs, keep)))), assumed)
    roots, names = unnamed(roots) if stepwise else (roots, {})
    absent = [s for s in symbols_of([*inputs, *roots]) if s not in set(inputs)]
    if absent:
        raise missing_error([(str(s.name), s.shape) for s in absent], ())
    by_depth = sorted(roots[1:], key=lambda e: e.depth)  # gradients of the last layers first, as backpropagation goes
    order = topological([*inputs, *roots[:1], *by_depth])
    lowering = Lowering(order, roots, assumed, stepwise, names, wholes(inputs, order))
    wanted = set(roots)
    for node in order:
        lowering.lower(node)
        if node in wanted:
            lowering.full(node)
    return _finished(lowering, list(inputs), roots, list(outputs))


def masked(roots: list[Expr]) -> list[Expr]:
    """`roots` with ``relu(z) > 0`` for z > 0 where relu(z) is computed: z may then be overwritten by it."""
    order = topological(roots)
    ramps = {node.operands[0] for node in order if node.op is RELU}
    done: dict[Expr, Expr] = {}
    for node in order:
        over = done[node] = rebuild(node, tuple(done[o] for o in node.operands))
        if node.op is GREATER and node.operands[0] in ramps and is_zero(node.operands[1]):
            done[node] = make(GREATER, (make(RELU, over.operands[:1]), over.operands[1]))
    return [done[root] for root in roots]


def unnamed(roots: list[Expr]) -> tuple[list[Expr], dict[Expr, str]]:
    """`roots` without wrappers of names, which would keep products apart; and the names of what was wrapped."""
    bare: dict[Expr, Expr] = {}
    names: dict[Expr, str] = {}
    for node in topological(roots):
        bare[node] = (
            bare[node.operands[0]] if node.op is NAMED else rebuild(node, tuple(bare[o] for o in node.operands))
        )
        if node.op is NAMED:
            names.setdefault(bare[node], str(node.name))
    return [bare[root] for root in roots], names


def checked_inputs(inputs: Sequence[Expr]) -> None:
    """Inputs must be symbols or parameters, each given once."""
    for i, symbol in enumerate(inputs):
        if not isinstance(symbol, Expr) or symbol.op not in (SYMBOL, PARAMETER):
            raise UnsupportedError(f"inputs are symbols and parameters, got {symbol!r}")
        if symbol in inputs[:i]:
            raise NameConflictError(f"{symbol.name} is given twice among the inputs")


def _finished(lowering: Lowering, inputs: list[Expr], roots: list[Expr], outputs: list[Expr]) -> Plan:
    """Outputs get memory of their own, dead instructions go, slots are assigned; `outputs` are as they were given."""
    build = lowering.build
    places: list[int] = []
    real = any(s.dtype.startswith("float") for s in inputs)  # beside real arrays a literal is real
    for i, root in enumerate(roots):
        place = lowering.full(root)
        if (root.weak and real) or root.dtype.startswith("float"):
            place = build.cast(place, "float")  # a mask that counts as 0 and 1 is real, too
        inst = build[place]
        if inst.kind in LEAVES | VIEWS | UNALLOCATED or inst.static or place in places:
            name = lowering.names.get(place) if inst.kind not in LEAVES else None
            dtype = inst.dtype if inst.dtype != "number" else "float" if real else dtype_class(root.dtype)
            place = build.emit("copy", (place,), inst.shape, dtype, i)
            if name is not None:
                lowering.names.setdefault(place, name)
        places.append(place)
    instructions, moved = without_dead(build, places)
    whole = lowering.whole
    if whole.fresh:
        instructions = [replace(i, shape=whole.within(i.shape), detail=whole.within(i.detail)) for i in instructions]
    names = {moved[p]: name for p, name in lowering.names.items() if p in moved}
    sources = {moved[p]: output for p, output in zip(places, outputs, strict=True)}
    given = {str(node.name): node.operands[0] for node in topological(outputs) if node.op is NAMED}
    sources.update({p: given[name] for p, name in names.items() if name in given})
    ends = [moved[p] for p in places]
    result = Plan(instructions, inputs, ends, names, sources, functions=build.functions, whole=whole)
    assign(result)
    return result
