"""Pictures: the graph they show, its DOT, its layout, and files of it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest

import graphc as gc
from graphc.errors import DrawingError
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import combine
from graphc.ops.contraction import contract
from graphc.ops.leaves import constant, size
from graphc.visualize import layout
from graphc.visualize.draw import Drawing, draw
from graphc.visualize.graph import view
from graphc.visualize.labels import label
from graphc.visualize.picture import Painter
from graphc.visualize.values import line_latex, value_lines

n, d, k = gc.dims("n d k")
X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
W, b = gc.parameter("W", (d, k)), gc.parameter("b", (k,))
x, y, z = gc.symbol("x"), gc.symbol("y"), gc.symbol("z")
v = gc.symbol("v", (d,))
SVG = "{http://www.w3.org/2000/svg}"


def lecture() -> tuple[Expr, dict[Expr, Expr], dict[Expr, Any]]:
    """f = (x + y) z at x = -2, y = 5, z = -4."""
    q = (x + y).named("q")
    f = (q * z).named("f")
    one = constant(1)
    return f, {x: z, y: z, q: z, z: q, f: one}, {x: -2.0, y: 5.0, z: -4.0, q: 3.0, f: -12.0, one: 1.0}


def network() -> tuple[Expr, dict[Expr, Expr]]:
    """A linear layer with softmax and cross entropy, and its gradients by hand."""
    p = gc.softmax(X @ W + b).named("p")
    loss = gc.mean(gc.cross_entropy(p, T)).named("loss")
    return loss, {W: X.T @ (p - T) / n, b: gc.sum(p - T, axis=0) / n}


def perceptron(depth: int, *, dropout: bool = True) -> Expr:
    h = gc.symbol("X", (n, d))
    for i in range(depth):
        h = gc.relu(gc.dense(h, gc.parameter(f"W{i}", (d, d)), gc.parameter(f"b{i}", (d,)))).named(f"h{i}")
        if dropout:
            h = h * gc.symbol(f"mask_{i}", (n, d)) / 0.5
    return gc.mean(h**2).named("loss")


def at(graph: networkx.DiGraph, text: str, side: str = "forward") -> str:
    """The node with a label."""
    found = [key for key, node in graph.nodes(data=True) if node["label"] == text and node["side"] == side]
    assert len(found) == 1, (text, found)
    return found[0]


def test_the_forward_graph_of_a_network() -> None:
    graph = view(network()[0])
    kinds = {node["label"]: node["kind"] for _, node in graph.nodes(data=True)}
    assert kinds == {
        "X": "symbol",
        "W": "parameter",
        "@": "operation",
        "b": "parameter",
        "+": "operation",
        "softmax": "operation",
        "T": "symbol",
        "cross_entropy": "operation",
        "mean": "operation",
        "loss": "output",
    }
    shapes = {(graph.nodes[t]["label"], graph.nodes[h]["label"]): s for t, h, s in graph.edges(data="shape")}
    assert shapes == {
        ("X", "@"): "n×d",
        ("W", "@"): "d×k",
        ("@", "+"): "n×k",
        ("b", "+"): "k",
        ("+", "softmax"): "n×k",
        ("softmax", "cross_entropy"): "n×k",
        ("T", "cross_entropy"): "n×k",
        ("cross_entropy", "mean"): "n",
        ("mean", "loss"): "()",
    }
    assert graph.nodes[at(graph, "softmax")]["name"] == "p"
    assert networkx.is_directed_acyclic_graph(graph)


def test_the_backward_graph_uses_forward_nodes_and_belongs_to_the_parameters() -> None:
    loss, gradients = network()
    graph = view(loss, gradients=gradients)
    for text in ("W", "b"):
        tag = at(graph, f"∂loss/∂{text}", "backward")
        assert graph.edges[tag, at(graph, text)]["kind"] == "gradient"
        assert graph.nodes[tag]["shape"] == graph.nodes[at(graph, text)]["shape"]
    difference = at(graph, "−", "backward")
    assert set(graph.predecessors(difference)) == {at(graph, "softmax"), at(graph, "T")}
    assert graph.edges[at(graph, "softmax"), difference]["mark"] == "a"
    assert set(graph.predecessors(at(graph, "ᵀ", "backward"))) == {at(graph, "X")}
    assert all(node["side"] == "forward" for _, node in view(loss).nodes(data=True))


def test_wrt_chooses_among_the_gradients() -> None:
    loss, gradients = network()
    graph = view(loss, wrt=[b], gradients=gradients)
    assert [n for n, kind in graph.nodes(data="kind") if kind == "gradient"] == [at(graph, "∂loss/∂b", "backward")]
    with pytest.raises(DrawingError, match="with respect to X is not among"):
        view(loss, wrt=X, gradients=gradients)


def test_a_gradient_that_is_a_forward_node_is_linked_to_it() -> None:
    square = x**2 / 2
    graph = view(square, gradients={x: x})
    assert graph.edges["n0", "g0"]["kind"] == "result"
    assert graph.edges["g0", "n0"]["kind"] == "gradient"
    ET.fromstring(draw(square, gradients={x: x}).svg)


def test_simplified_copies_of_named_intermediates_are_the_forward_nodes() -> None:
    h = gc.tanh(x + x).named("h")
    copy = gc.tanh(2 * x).named("h")
    graph = view(h, gradients={x: 2 * (1 - copy**2)})
    square = next(key for key, node in graph.nodes(data=True) if node["label"] == "**2")
    assert list(graph.predecessors(square)) == [at(graph, "tanh")]


def test_a_variable_that_the_output_lacks_is_shown_with_its_gradient() -> None:
    graph = view(x * y, wrt=[z], gradients={z: constant(0)})
    assert graph.nodes[at(graph, "z")]["kind"] == "symbol"
    assert graph.nodes[at(graph, "0", "backward")]["kind"] == "constant"


LABELS: Mapping[str, Expr] = {
    "+": X + X * X,
    "−": x - y,
    "× 2": 2 * X,
    "÷ 3": X / 3,
    "÷ n": X / n,
    "÷ 2*n": X / (2 * n),
    "× -0.5": X / -2,
    "+ 1": X + 1,
    "− 1": X - 1,
    "1 - □": 1 - X,
    "**2": X**2,
    "**-0.5": X**-0.5,
    "√": gc.sqrt(X),
    "1/□": 1 / X,
    "×": X * X,
    "÷": x / y,
    "@": X @ W,
    "⊗": gc.outer(v, v),
    "ᵀ": X.T,
    "Σ": gc.sum(X),
    "Σ axis=0": gc.sum(X, axis=0),
    "mean axis=1": gc.mean(X, axis=1),
    "> 0": X > 0,
    ">": x > y,
    "maximum(□, 0)": gc.maximum(X, 0),
    "2*a - b": combine([(Fraction(2), x), (Fraction(-1), y)]),
    "softmax": gc.softmax(X),
    "softmax axis=0": gc.softmax(X, axis=0),
    "diag": gc.diag(v),
    "trace": gc.trace(X.T @ X),
    "to n×d": gc.broadcast_to(v, (n, d)),
    "log_softmax": gc.log_softmax(X),
    "where": gc.where(x > 0, x, y),
    "a**b": X**x,
    "2**□": 2**X,
    "+ pi/n": X + gc.pi / n,
}


@pytest.mark.parametrize("text", LABELS)
def test_labels(text: str) -> None:
    found = label(LABELS[text])
    assert found.text == text
    ET.fromstring(draw(LABELS[text]).svg)


def test_general_products_are_labelled_by_their_formula() -> None:
    a, c = gc.symbol("A", (n, d)), gc.symbol("C", (n, k))
    product = contract([(a, (2, 0), 1), (c, (2, 1), 1), (size(n), (), -1)], (d, k), 2)
    found = label(product)
    assert found.latex == r"\frac{2}{n} \mathbf{a}^{\top} \mathbf{b}"
    assert found.text == "einsum × 2/n"
    assert found.ordered
    graph = view(product)
    assert [node["label"] for _, node in graph.nodes(data=True)] == ["A", "C", "einsum × 2/n", "output"]


def test_plumbing_is_folded() -> None:
    graph = view(X / (1 + gc.sum(X, axis=1, keepdims=True)) * v[None, :] + gc.broadcast_to(3, (n, d)))
    kinds = [node["kind"] for _, node in graph.nodes(data=True)]
    assert "constant" not in kinds
    assert not any(node["label"].startswith("to ") for _, node in graph.nodes(data=True))


def test_constants_that_are_everything_are_shown() -> None:
    assert [node["label"] for _, node in view(constant(2)).nodes(data=True)] == ["2", "output"]
    graph = view(gc.ones(n) @ X)
    assert graph.nodes[at(graph, "ones(n) @ □")]["kind"] == "operation"
    assert [node["label"] for _, node in view(gc.eye(d) @ v).nodes(data=True)] == ["eye(d)", "v", "@", "output"]


def test_an_operand_used_twice_carries_both_letters() -> None:
    graph = view(X * X)
    (edge,) = [e for e in graph.edges(data=True) if e[2]["kind"] == "operand"]
    assert edge[2]["positions"] == (0, 1)
    assert edge[2]["mark"] == "a,b"


def test_the_lecture_picture_has_values_above_and_gradients_below_each_edge() -> None:
    f, gradients, values = lecture()
    drawing = draw(f, gradients=gradients, values=values)
    assert {node["side"] for _, node in drawing.graph.nodes(data=True)} == {"forward"}
    edges = re.findall(
        r'-> \w+ \[label=<\(\)<BR/><FONT COLOR="#1e7d34">(.*?)</FONT><BR/><FONT COLOR="#c0392b">(.*?)</FONT>>',
        drawing.dot,
    )
    assert edges == [("-2", "-4"), ("5", "-4"), ("3", "-4"), ("-4", "3"), ("-12", "1")]
    titles = [t.text for t in ET.fromstring(drawing.svg).iter(f"{SVG}title")]
    assert "q*z : ()\nvalue -12\ngradient 1" in titles
    painter = Painter(drawing.graph, True)
    wire = painter.wires[at(drawing.graph, "x")]
    assert (len(wire.above), len(wire.below)) == (1, 1)


def test_values_with_the_backward_graph() -> None:
    f, gradients, values = lecture()
    both = draw(f, gradients=gradients, values=values, backward=True)
    assert at(both.graph, "∂f/∂q", "backward")
    some = draw(f, gradients={x: z}, values=values)
    assert at(some.graph, "∂f/∂x", "backward")
    assert some.graph.nodes[at(some.graph, "x")]["gradient"] == -4.0


def test_the_public_draw_gives_the_lecture_picture() -> None:
    f, _, _ = lecture()
    drawing = gc.draw(f, wrt=[x, y, z], values={"x": -2, "y": 5, "z": -4})
    numbers = {
        d["label"]: (float(d["value"]), float(d["gradient"]))
        for _, d in drawing.graph.nodes(data=True)
        if d["gradient"] is not None
    }
    assert numbers == {"x": (-2, -4), "y": (5, -4), "+": (3, -4), "z": (-4, 3), "×": (-12, 1)}


def test_value_lines() -> None:
    assert value_lines(-0.0) == ["0"]
    assert value_lines(2 / 3) == ["0.6667"]
    assert value_lines([1.5, -2]) == ["[1.5, -2]"]
    assert value_lines(np.eye(2)) == ["[[1, 0],", "[0, 1]]"]
    assert value_lines(np.arange(5)) == ["mean 2", "min 0, max 4"]
    assert value_lines(np.zeros((0, 3))) == ["empty"]
    assert value_lines([np.nan, np.inf]) == ["[nan, inf]"]
    assert line_latex("mean -1.2e-05") == r"\text{mean}~{-}1.2 \cdot 10^{-5}"


def boxes(drawing: Drawing) -> list[tuple[str, float, float, float, float]]:
    """Left, top, right and bottom of each node with its wire's label."""
    painter = Painter(drawing.graph, False)
    placed = layout.arrange(drawing.graph, painter.boxes)
    found = []
    for key, (cx, cy) in placed.centres.items():
        if key in painter.boxes:
            mark, wire, height = painter.boxes[key]
            found.append((key, cx - (mark + wire) / 2, cy - height / 2, cx + (mark + wire) / 2, cy + height / 2))
    return found


PICTURES = {
    "lecture": lambda: draw(lecture()[0], gradients=lecture()[1], values=lecture()[2]),
    "lecture, backward": lambda: draw(lecture()[0], gradients=lecture()[1], values=lecture()[2], backward=True),
    "network": lambda: draw(network()[0]),
    "network, backward": lambda: draw(network()[0], gradients=network()[1]),
    "perceptron": lambda: draw(perceptron(3)),
    "perceptron, backward": lambda: gc.draw(perceptron(3), wrt=[gc.parameter(f"W{i}", (d, d)) for i in range(3)]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_whole(name: str) -> None:
    drawing = PICTURES[name]()
    root = ET.fromstring(drawing.svg)
    assert not list(root.iter(f"{SVG}text")), "letters are paths, so that no font is needed"
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    groups = [g for g in root.iter(f"{SVG}g") if g.attrib.get("class", "").startswith("node")]
    assert len(groups) == len(drawing.graph)
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(set(ids)) == len(ids)
    used = {u.attrib["href"][1:] for u in root.iter(f"{SVG}use")}
    assert used == set(ids)
    for (_, l1, t1, r1, b1), (_, l2, t2, r2, b2) in itertools.combinations(boxes(drawing), 2):
        assert r1 <= l2 + 1 or r2 <= l1 + 1 or b1 <= t2 + 1 or b2 <= t1 + 1, "nodes or labels overlap"
    for _, left, top, right, bottom in boxes(drawing):
        assert min(left, top) >= 0
        assert right <= width
        assert bottom <= height
    png = drawing.png
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) > 3000
    assert int.from_bytes(png[16:20], "big") == pytest.approx(2 * width, abs=2)


def test_forward_is_above_backward() -> None:
    for name in ("network, backward", "perceptron, backward"):
        drawing = PICTURES[name]()
        placed = layout.arrange(drawing.graph, Painter(drawing.graph, False).boxes)
        lowest = max(placed.centres[key][1] for key, side in drawing.graph.nodes(data="side") if side == "forward")
        highest = min(placed.centres[key][1] for key, side in drawing.graph.nodes(data="side") if side == "backward")
        assert lowest < highest


def test_dot_is_what_it_was() -> None:
    assert draw((x * 2 + y).named("f"), gradients={x: constant(2)}).dot == (
        "digraph {\n"
        "\tgraph [rankdir=LR]\n"
        '\tnode [fontname=Helvetica fontsize=12 style="filled,rounded"]\n'
        '\tedge [color="#52606d" fontcolor="#7b8794" fontname=Helvetica fontsize=10]\n'
        '\tn0 [label=x color="#2f6fb5" fillcolor="#e3effc" fontcolor="#12365c" shape=box]\n'
        '\tn1 [label="× 2" color="#52606d" fillcolor="#ffffff" fontcolor="#1f2933" shape=ellipse]\n'
        '\tn2 [label=y color="#2f6fb5" fillcolor="#e3effc" fontcolor="#12365c" shape=box]\n'
        '\tn3 [label="f = +" color="#52606d" fillcolor="#ffffff" fontcolor="#1f2933" shape=ellipse]\n'
        '\tout0 [label=f color="#323f4b" fillcolor="#323f4b" fontcolor="#ffffff" shape=ellipse]\n'
        '\tn4 [label=2 color="#9aa5b1" fillcolor="#f1f3f5" fontcolor="#3e4c59" shape=box]\n'
        '\tg0 [label="∂f/∂x" color="#c0392b" fillcolor="#c0392b" fontcolor="#ffffff" shape=ellipse]\n'
        '\tn0 -> n1 [label="()"]\n'
        '\tn1 -> n3 [label="()"]\n'
        '\tn2 -> n3 [label="()"]\n'
        '\tn3 -> out0 [label="()"]\n'
        '\tn4 -> g0 [label="()" color="#c0392b"]\n'
        '\tg0 -> n0 [label="()" color="#d97b70" constraint=false style=dashed]\n'
        "}\n"
    )


def test_pictures_do_not_depend_on_the_process() -> None:
    code = (
        "import graphc as gc, hashlib; X = gc.symbol('X', ('n', 'd')); W = gc.parameter('W', ('d', 'd'));"
        "d = gc.draw(gc.mean(gc.tanh(X @ W) ** 2), wrt=W); print(hashlib.sha1((d.dot + d.svg).encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] != ""


def test_saving(tmp_path: Path) -> None:
    drawing = draw(x * y)
    assert drawing.save(tmp_path / "a.dot").read_text() == drawing.dot
    assert drawing.save(tmp_path / "a.gv").read_text() == drawing.dot
    assert drawing.save(tmp_path / "a.svg").read_text() == drawing.svg
    assert drawing.save(str(tmp_path / "a.PNG")).read_bytes() == drawing.png
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.PNG", "a.dot", "a.gv", "a.svg"]
    with pytest.raises(DrawingError, match=r"'a.pdf': the name must end in .dot, .gv, .svg or .png"):
        drawing.save(tmp_path / "a.pdf")
    with pytest.raises(DrawingError, match="cannot write"):
        drawing.save(tmp_path / "nowhere" / "a.dot")


def test_an_interrupted_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw(x * y).save(tmp_path / "a.dot")
    before = path.read_text()

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(KeyboardInterrupt):
        draw(x + y).save(path)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.dot"]


def test_notebooks_show_the_picture() -> None:
    drawing = draw(x * y)
    assert drawing._repr_mimebundle_()["image/svg+xml"] == drawing._repr_svg_() == drawing.svg
    assert repr(drawing) == "<Drawing of 4 nodes; .svg .png .dot .save(path)>"


def test_a_missing_layout_program_is_an_error_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    layout.engine.cache_clear()
    monkeypatch.setattr(layout, "_candidates", lambda: iter([None, "/nonexistent/graphviz-pure"]))
    try:
        drawing = draw(x * y)
        assert "digraph" in drawing.dot
        with pytest.raises(DrawingError, match="pip install graphviz-pure"):
            _ = drawing.svg
    finally:
        layout.engine.cache_clear()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.stderr.write('no memory'); sys.exit(3)", r"failed \(exit code 3\): no memory"),
        ("print('{}')", "gave no layout"),
        ("import time; time.sleep(60)", "more than 0.5 seconds"),
    ],
)
def test_a_failing_layout_program_is_an_error_that_helps(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "layout"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(layout, "engine", lambda: str(program))
    monkeypatch.setattr(layout, "SECONDS", 0.5)
    with pytest.raises(DrawingError, match=message):
        _ = draw(x * y).svg


def test_nothing_to_draw() -> None:
    with pytest.raises(DrawingError, match="nothing to draw"):
        draw([])


def test_several_outputs() -> None:
    graph = view([(x * y).named("f"), x + y, y])
    assert [node["label"] for _, node in graph.nodes(data=True) if node["kind"] == "output"] == [
        "f",
        "output 2",
        "output 3",
    ]


def test_a_deep_network_is_written_as_dot_and_too_large_a_layout_is_refused() -> None:
    drawing = draw(perceptron(200), max_nodes=500)
    assert drawing.dot.count(" -> ") > 1000
    with pytest.raises(DrawingError, match=r"nodes, more than max_nodes=500.*\.dot"):
        _ = drawing.svg
