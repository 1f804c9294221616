"""The graph that pictures are drawn from, as a networkx ``DiGraph``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphc.errors import DrawingError
from graphc.ir.dims import dim_text
from graphc.ir.expr import Expr, substitute, topological
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import form
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL
from graphc.visualize.labels import LETTERS, label, literal, shown, stretched
from graphc.visualize.latex import latex
from graphc.visualize.letters import name_latex, shape_latex

if TYPE_CHECKING:
    import networkx

FORWARD, BACKWARD = "forward", "backward"


def view(
    outputs: Expr | Sequence[Expr],
    wrt: Expr | Iterable[Expr] | None = None,
    gradients: Mapping[Expr, Expr] | None = None,
    values: Mapping[Expr, Any] | None = None,
) -> networkx.DiGraph:
    """The graph of `outputs`, and of `gradients` beside it, as pictures show it.

    Implied broadcasts, new axes of size 1, sizes and constants are folded into the operations that use them.

    Parameters
    ----------
    outputs : Expr or sequence of Expr
    wrt : Expr or iterable of Expr, optional
        The nodes whose gradient is shown; by default all of `gradients`.
    gradients : mapping of Expr to Expr, optional
        From a node of the forward graph to its gradient.
    values : mapping of Expr to array, optional
        Values of forward nodes and of gradients.

    Returns
    -------
    networkx.DiGraph
        Node attributes: ``kind`` (symbol, parameter, constant, operation, output, gradient), ``side`` (forward,
        backward), ``expr``, ``label`` and ``latex``, ``name`` and ``name_latex``, ``shape`` and ``shape_latex``,
        ``value``, ``gradient`` (the value of the node's gradient; None where unknown). Edge attributes: ``kind``
        (operand, result, gradient), ``shape``, ``positions`` (of the operand) and ``mark`` (a letter of the label).
        A gradient node is linked to its forward node by an edge of kind gradient.

    Raises
    ------
    DrawingError
        If a gradient that `wrt` asks for is not in `gradients`.
    """
    roots = [outputs] if isinstance(outputs, Expr) else list(outputs)
    if not roots:
        raise DrawingError("there is nothing to draw: give an expression or a list of expressions")
    builder = _Builder(values or {})
    chosen = _chosen(wrt, gradients or {})
    builder.add(roots, FORWARD)
    for i, root in enumerate(roots):
        builder.output(root, i, len(roots))
    if wrt is not None:
        builder.add(list(chosen), FORWARD)
    chosen = _with_forward_names(roots, chosen, builder.values)
    wanted = {builder.place[bare(k)]: (k, g) for k, g in reversed(list(chosen.items())) if bare(k) in builder.place}
    ordered = [wanted[n] for n in builder.graph if n in wanted]
    seeds = [t for t, g in ordered if literal(g) and any(bare(t) is bare(r) for r in roots)]
    builder.add([g for t, g in ordered if t not in seeds], BACKWARD)
    for target, gradient in ordered:
        builder.graph.nodes[builder.place[bare(target)]]["gradient"] = builder.values.get(bare(gradient))
        if target not in seeds:
            builder.gradient(target, gradient, roots)
    return builder.graph


def _chosen(wrt: Expr | Iterable[Expr] | None, gradients: Mapping[Expr, Expr]) -> Mapping[Expr, Expr]:
    if wrt is None:
        return gradients
    wanted = [wrt] if isinstance(wrt, Expr) else list(wrt)
    for node in wanted:
        if node not in gradients:
            raise DrawingError(f"the gradient with respect to {node} is not among the gradients that were given")
    return {node: gradients[node] for node in wanted}


def _with_forward_names(roots: list[Expr], gradients: Mapping[Expr, Expr], values: dict[Expr, Any]) -> dict[Expr, Expr]:
    """`gradients` over the named intermediates of the forward graph, where they have simplified copies of these."""
    named = {n.name: n for n in topological(roots) if n.op is NAMED}
    copies = {
        n: named[n.name]
        for n in topological(gradients.values())
        if n.op is NAMED and n.name in named and n.shape == named[n.name].shape
    }
    found = substitute(gradients.values(), copies)
    for old, new in zip(gradients.values(), found, strict=True):
        if bare(old) in values:
            values.setdefault(bare(new), values[bare(old)])
    return dict(zip(gradients, found, strict=True))


def bare(expr: Expr) -> Expr:
    """`expr` without its name."""
    return expr.operands[0] if expr.op is NAMED else expr


def _source(expr: Expr) -> Expr:
    """The node that a picture shows for an operand: names and new axes of size 1 are seen through."""
    while expr.op is NAMED or (expr.op is CONTRACT and expr.operands and form(expr).kind == "index"):
        expr = expr.operands[0]
    return expr


def operands(node: Expr) -> list[tuple[Expr, int]]:
    """The operands that a picture shows, with their positions."""
    inputs = stretched(node)
    return [(_source(inputs[i]), i) for i in shown(node)] if inputs and not _number(node) else []


def _number(node: Expr) -> bool:
    return node.ndim == 0 and literal(node)


def shape_label(expr: Expr) -> str:
    """A shape as ``n×d``, a scalar's as ``()``."""
    texts = (dim_text(d) for d in expr.shape)
    return "×".join(f"({t})" if " " in t else t for t in texts) or "()"


class _Builder:
    def __init__(self, values: Mapping[Expr, Any]) -> None:
        import networkx  # noqa: PLC0415 - a heavy import, needed for pictures only

        self.graph = networkx.DiGraph()
        self.place: dict[Expr, str] = {}
        self.names: dict[Expr, list[str]] = {}
        self.values = {bare(k): v for k, v in reversed(list(values.items()))}

    def add(self, roots: list[Expr], side: str) -> None:
        """The nodes below `roots` that are not there yet, operands first."""
        stack = [(bare(r), False) for r in reversed(roots)]
        self._note_names(roots)
        while stack:
            node, ready = stack.pop()
            if node in self.place:
                continue
            if ready:
                self._insert(node, side)
                continue
            stack.append((node, True))
            below = [o for o, _ in operands(node)]
            self._note_names(stretched(node))
            stack += [(o, False) for o in reversed(below) if o not in self.place]

    def _note_names(self, nodes: Iterable[Expr]) -> None:
        for found in nodes:
            node = found
            while node.op is NAMED or (node.op is CONTRACT and node.operands and _source(node) is not node):
                if node.op is NAMED:
                    self._note_name(node)
                node = node.operands[0]

    def _note_name(self, node: Expr) -> None:
        names = self.names.setdefault(bare(node), [])
        if node.name and node.name not in names:
            names.append(node.name)
            if bare(node) in self.place:
                self._write_name(bare(node))

    def _write_name(self, node: Expr) -> None:
        names = self.names.get(node, [])
        self.graph.nodes[self.place[node]].update(
            name=", ".join(names) or None, name_latex=",".join(name_latex(n, node.ndim) for n in names) or None
        )

    def _insert(self, node: Expr, side: str) -> None:
        key = self.place[node] = f"n{len(self.place)}"
        below = operands(node)
        if node.op in (SYMBOL, PARAMETER):
            kind, text, math, ordered = node.op.name, node.name, latex(node), False
        elif below:
            kind = "operation"
            text, math, ordered = label(node)
        else:
            kind, text, math, ordered = "constant", str(node), latex(node), False
        self.graph.add_node(
            key,
            kind=kind,
            side=side,
            expr=node,
            label=text,
            latex=math,
            shape=shape_label(node),
            shape_latex=shape_latex(node.shape),
            value=self.values.get(node),
            gradient=None,
        )
        self._write_name(node)
        for (source, position), mark in zip(below, _marks(len(below)), strict=True):
            self._edge(self.place[source], key, position, mark if ordered or _repeated(below, source) else "")

    def _edge(self, tail: str, head: str, position: int, mark: str) -> None:
        found = self.graph.get_edge_data(tail, head)
        if found:
            found["positions"] += (position,)
            found["mark"] = f"{found['mark']},{mark}"
        else:
            shape = self.graph.nodes[tail]["shape"]
            self.graph.add_edge(tail, head, kind="operand", shape=shape, positions=(position,), mark=mark)

    def output(self, root: Expr, index: int, count: int) -> None:
        """A terminal that shows where a result leaves the graph."""
        tail = self.place[bare(root)]
        node = self.graph.nodes[tail]
        key = f"out{index}"
        text = node["name"] or ("output" if count == 1 else f"output {index + 1}")
        math = node["name_latex"] or rf"\text{{{text}}}"
        self.graph.add_node(key, **{**node, "kind": "output", "side": FORWARD, "label": text, "latex": math})
        self.graph.add_edge(tail, key, kind="result", shape=node["shape"], positions=(0,), mark="")

    def gradient(self, target: Expr, gradient: Expr, roots: list[Expr]) -> None:
        """A tag that names the gradient, fed by it and linked to the forward node it belongs to."""
        tail, head = self.place[bare(gradient)], self.place[bare(target)]
        of, by = self.graph.nodes[tail], self.graph.nodes[head]
        of_latex = latex(bare(target)) if by["kind"] != "operation" else by["name_latex"] or ""
        by_name = by["label"] if by["kind"] != "operation" else by["name"] or ""
        root = roots[0].name if len(roots) == 1 and roots[0].op is NAMED else None
        if root and by_name:
            text, math = f"∂{root}/∂{by_name}", rf"\partial {name_latex(root)} / \partial {of_latex}"
        else:
            text, math = f"∇{by_name}", rf"\nabla_{{{of_latex}}}" if of_latex else r"\nabla"
        key = f"g{head[1:]}"
        fields = {"kind": "gradient", "side": BACKWARD, "expr": gradient, "label": text, "latex": math, "name": None}
        self.graph.add_node(key, **{**of, **fields, "name_latex": None})
        self.graph.add_edge(tail, key, kind="result", shape=of["shape"], positions=(0,), mark="")
        self.graph.add_edge(key, head, kind="gradient", shape=of["shape"], positions=(), mark="")


def _marks(count: int) -> Sequence[str]:
    return LETTERS[:count] if count <= len(LETTERS) else [str(i + 1) for i in range(count)]


def _repeated(below: list[tuple[Expr, int]], source: Expr) -> bool:
    return sum(s is source for s, _ in below) > 1
