"""What the contract is checked on: the examples of every record, and examples of what the records leave out."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import graphc as gc
from graphc.ir.expr import Expr, topological
from graphc.ir.op import Op, registry
from graphc.ops.leaves import NAMED, PARAMETER, SYMBOL
from graphc.ops.symbols import symbols_of

N = gc.dims("n")
X: dict[str, Any] = {"x": ("n",)}
XY: dict[str, Any] = {"x": ("m", "n"), "y": ("n",)}
MATRIX: dict[str, Any] = {"X": ("m", "n")}
PRODUCT: dict[str, Any] = {"A": ("m", "n"), "B": ("n", "k")}
POSITIVE = {"x": gc.symbol("x", ("n",), facts=["positive"])}
CELL: dict[str, Any] = {
    **{"x": ("n", 3), "h": ("n", 2), "k": ("n", 2), "b": (2,), "c": (2,)},
    **{"W": (3, 2), "V": (3, 2), "U": (2, 2), "A": (2, 2)},
}

# Functions that build on the records of other ops, and records whose function is written as an operator.
MORE: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "parameter": (("W", {"W": gc.parameter("W", ("m", "n"))}),),
    "symbol": (("x", X),),
    "constant": (("3/7", {}),),
    "size": (("(n - 1)/2", {"n": N}),),
    "pi": (("2*pi", {}),),
    "array": (("[[1, 1/2], [-3, 0.1]]", {}),),
    "eye": (("eye(n)", {"n": N}), ("X @ eye(n) - eye(n)", {"X": ("n", "n")})),
    "named": (("h = exp(x)\nh*h + h", X),),
    "add": (("x - 2*y + 1/3", XY), ("x + y + X", {"x": (), "y": ("n", 1), "X": ("n", "n")})),
    "contract": (
        *(("x*y", XY), ("x/(2 + y**2)", {"x": ("m", 1), "y": ("n",)}), ("-x**3*2/5", X)),
        *(("x**2.5", POSITIVE), ("x**-1", POSITIVE), ("A @ B", PRODUCT), ("A @ b", {"A": ("m", "n"), "b": ("n",)})),
        *(("a @ b", {"a": ("n",), "b": ("n",)}), ("a @ B", {"a": ("n",), "B": ("k", "n", "m")})),
        *(("A @ B", {"A": ("k", "m", "n"), "B": ("n", "d")}), ("A.T @ A", MATRIX | {"A": ("m", "n")})),
    ),
    "sum": (
        ("sum(X)", MATRIX),
        ("sum(X, axis=0)", MATRIX),
        ("sum(X, axis=(0, -1), keepdims=True)", {"X": ("m", "n", "k")}),
    ),
    "sqrt": (("sqrt(x)", POSITIVE),),
    "general_power": (("x**y", {"x": gc.symbol("x", ("m", "n"), facts=["positive"]), "y": ("n",)}), ("2**x", X)),
    "transpose": (("X.T", MATRIX), ("transpose(X, (1, 2, 0))", {"X": ("m", "n", "k")})),
    "trace": (("trace(X)", {"X": ("n", "n")}), ("trace(X, -1)", {"X": (3, 3)})),
    "diag": (("diag(x)", X), ("diag(X)", {"X": ("n", "n")}), ("diag(x, -1)", X), ("diag(X, 1)", {"X": (3, 3)})),
    "outer": (("outer(x, y)", {"x": ("m",), "y": ("n",)}), ("outer(X, y)", {"X": ("m", "k"), "y": ("n",)})),
    "kron": (("kron(A, B)", {"A": ("m", "n"), "B": ("k", "d")}), ("kron(a, b)", {"a": ("m",), "b": ("n",)})),
    "einsum": (
        ("einsum('...i,i', P, x)", {"P": ("m", "k", "n"), "x": ("n",)}),
        ("einsum('i...->...', P)", {"P": ("m", "k", "n")}),
        ("einsum('ij,jk,ik->ij', X, Y, Z)", {"X": ("m", "n"), "Y": ("n", "k"), "Z": ("m", "k")}),
        ("einsum('iij->j', X)", {"X": ("n", "n", "m")}),
        ("einsum('...ij,jk->...ik', X, Y)", {"X": ("d", "m", "n"), "Y": ("n", "k")}),
    ),
    "broadcast_to": (("broadcast_to(x, (m, n))", {"x": ("n",), "y": ("m",)}),),
    "reshape": (("reshape(X, (n*m,))", MATRIX), ("reshape(X, (-1, 2))", {"X": ("n", "m", 2)})),
    "index": (("x[:, None]", X), ("X[:, 0]", {"X": ("m", 1)})),
    "flip": (("flip(X)", MATRIX), ("flip(X, axis=1)", MATRIX)),
    "roll": (("roll(x, 2)", {"x": (5,)}), ("roll(X, -1, axis=1)", {"X": ("m", 3)})),
    "expand_dims": (("expand_dims(X, 1)", MATRIX),),
    "squeeze": (("squeeze(X, axis=1)", {"X": ("n", 1)}),),
    "swapaxes": (("swapaxes(X, 0, 2)", {"X": ("n", "m", "k")}),),
    "moveaxis": (("moveaxis(X, 0, -1)", {"X": ("n", "m", "k")}),),
    "ravel": (("ravel(X)", MATRIX),),
    "repeat": (("repeat(X, 2)", MATRIX), ("repeat(X, 3, axis=0)", MATRIX)),
    "tile": (("tile(X, (2, 3))", MATRIX),),
    "ones": (("ones(m, n)", {"m": gc.dims("m"), "n": N}),),
    "zeros": (("zeros((m, n))", {"m": gc.dims("m"), "n": N}),),
    **{
        name: ((f"{name}(x)", {"x": gc.symbol("x", ("n", "d"), facts=["positive"])}),)
        for name in ("square", "reciprocal", "exp2", "log2", "log10")
    },
    **{name: ((f"{name}(x, y)", XY),) for name in ("hypot", "logaddexp", "heaviside")},
    "dot": (("dot(A, B)", PRODUCT), ("dot(a, b)", {"a": ("n",), "b": ("n",)}), ("dot(x, y)", {"x": (), "y": ("n",)})),
    "inner": (("inner(A, B)", {"A": ("m", "n"), "B": ("k", "n")}), ("inner(a, b)", {"a": ("n",), "b": ("n",)})),
    "vdot": (("vdot(A, B)", {"A": ("m", "n"), "B": ("m", "n")}),),
    "tensordot": (
        ("tensordot(P, Q)", {"P": ("k", "m", "n"), "Q": ("m", "n")}),
        ("tensordot(P, Q, axes=((0, -1), (1, 0)))", {"P": ("k", "m", "n"), "Q": ("n", "k", "m")}),
    ),
    "cross": (("cross(a, b)", {"a": (3,), "b": (3,)}), ("cross(a, b, axis=0)", {"a": (3, "n"), "b": (3, "n")})),
    "ptp": (("ptp(x)", X), ("ptp(X, axis=1, keepdims=True)", MATRIX)),
    "average": (
        ("average(X, axis=0, weights=w)", MATRIX | {"w": gc.symbol("w", ("m",), facts=["positive"])}),
        ("average(x)", X),
    ),
    "cov": (("cov(X)", {"X": (2, 4)}), ("cov(X, rowvar=False, bias=True)", {"X": ("n", 3)})),
    "corrcoef": (("corrcoef(X)", {"X": (3, 4)}),),
    "diff": (("diff(X)", {"X": ("n", 3)}), ("diff(X, 2, axis=0)", {"X": (4, "n")})),
    "lstsq": (("lstsq(A, b)", {"A": (4, 2), "b": (4,)}),),
    "full": (("full((m, n), x)", {"x": (), "m": gc.dims("m"), "n": N}),),
    "ones_like": (("x + ones_like(x)", X),),
    "zeros_like": (("x + zeros_like(x)", X),),
    "identity": (("X @ identity(n)", {"X": ("n", "n")}),),
    "linspace": (("linspace(a, b, 5)", {"a": (), "b": ()}), ("x*linspace(0, 1, n)", X)),
    "as_float": (("as_float(x > 0)", X), ("x*as_float(i)", X | {"i": gc.symbol("i", ("n",), dtype="int64")})),
    "where": (("where(c > 0, x, y)", {"c": ("n",), "x": ("m", "n"), "y": ()}),),
    "greater": (("x > y", XY), ("greater(x, y)", XY), ("(x > y)*x", XY)),
    "equal": (("x == y", XY), ("equal(x, y)", XY)),
    "max": (
        ("max(X)", MATRIX),
        ("max(X, axis=0)", MATRIX),
        ("max(X, axis=(0, 2), keepdims=True)", {"X": ("m", "n", "k")}),
    ),
    "min": (("min(X)", MATRIX), ("min(X, axis=-1, keepdims=True)", MATRIX)),
    "clip": (("clip(x, -1/2, 1/4)", X), ("clip(x, a, b)", {"x": ("m", "n"), "a": (), "b": ("n",)})),
    "var": (("var(X, axis=1, ddof=1)", MATRIX),),
    "polygamma": (("polygamma(2, x)", POSITIVE),),
    "softmax": (("softmax(X)", MATRIX), ("softmax(X, axis=0)", {"X": ("n", "m", "k")})),
    "log_softmax": (("log_softmax(X)", MATRIX), ("log_softmax(X, axis=0)", MATRIX)),
    "logsumexp": (("logsumexp(X)", MATRIX), ("logsumexp(X, axis=0, keepdims=True)", MATRIX)),
    "mean": (("mean(X)", MATRIX), ("mean(X, axis=(0, 1), keepdims=True)", {"X": ("m", "n", "k")})),
    "norm": (("norm(X)", MATRIX), ("norm(X, axis=1, keepdims=True)", MATRIX)),
    "cross_entropy": (
        ("cross_entropy(p, t)", {"p": gc.symbol("p", ("n", "k"), facts=["simplex"]), "t": ("n", "k")}),
        (
            "cross_entropy(softmax(z), t, axis=0)",
            {"z": ("k", "n"), "t": gc.symbol("t", ("k", "n"), facts=[gc.facts.one_hot(0)])},
        ),
    ),
    "mse": (("mse(x, y)", {"x": ("m", "n"), "y": ("m", "n")}),),
    "dense": (
        ("dense(x, W, b)", {"x": ("n", "d"), "W": ("d", "k"), "b": ("k",)}),
        ("dense(x, W)", {"x": ("d",), "W": ("d", "k")}),
    ),
    "embedding": (("embedding(E, i)", {"E": ("n", "d"), "i": gc.symbol("i", ("m", 2), dtype="int64")}),),
    "all": (("x*all(x > 0)", X),),
    "any": (("x*any(x > 1, keepdims=True)", X),),
    "count_nonzero": (("x*count_nonzero(x)", X),),
    "swish": (("swish(x)", X),),
    "rnn_cell": (("rnn_cell(x, h, W, U, b)", CELL),),
    "gru_cell": (("gru_cell(x, h, (W, V, W), (U, U, A), (b, c, b, c))", CELL),),
    "lstm_cell": (
        ("lstm_cell(x, h, k, (W, V, W, V), (U, A, U, A), (b, c, c, b))[0]", CELL),
        ("p, q = lstm_cell(x, h, k, (W, V, W, V), (U, A, A, U), (b, b, c, b))\np*q", CELL),
    ),
    "matmul": (("matmul(A, B)", PRODUCT),),
    "split": (
        ("split(X, 2, axis=1)[1]", {"X": ("n", 4)}),
        ("a, _, b = split(x, (1, 3))\nouter(a, b)", {"x": (6,)}),
    ),
    "slogdet": (("slogdet(X)[0]*X", {"X": (3, 3)}), ("s, l = slogdet(X)\nl*X", {"X": (3, 3)})),
    "eigh": (("eigh(X)[1]", {"X": ("n", "n")}), ("w, V = eigh(X)\nV*exp(w) @ V.T", {"X": (3, 3)})),
    "svd": (("svd(X)[1]", {"X": (3, 2)}), ("U, s, Vt = svd(X)\nU*log(s) @ Vt", {"X": (3, 2)})),
}


@dataclass(frozen=True)
class Case:
    """One example: the op or function it is about, its text, and what its names stand for."""

    op: str
    text: str
    names: Mapping[str, Any] = field(hash=False, compare=False)

    def __str__(self) -> str:
        return f"{self.op}: {self.text}".replace("\n", "; ")

    @functools.cached_property
    def node(self) -> Expr:
        return gc.parse(self.text, **self.names)

    @functools.cached_property
    def inputs(self) -> list[Expr]:
        """The symbols, in the order of their names."""
        return sorted(symbols_of([self.node]), key=lambda s: str(s.name))

    @functools.cached_property
    def variables(self) -> list[Expr]:
        """Those inputs that are real numbers."""
        return [s for s in self.inputs if s.dtype.startswith("float")]

    @functools.cached_property
    def pulled(self) -> list[Expr]:
        """What the cotangent ``G_`` becomes for each variable."""
        return gc.vjp(self.node, self.variables, gc.symbol("G_", self.node.shape))

    def domain(self, symbol: Expr) -> tuple[float, float]:
        """Where the record allows the entries of `symbol`: by the operand that it is part of."""
        root = self.node.operands[0] if self.node.op is NAMED else self.node
        if root.op.name != self.op:
            return (-2.0, 2.0)
        allowed = root.op.domain
        for i, operand in enumerate(root.operands):
            if symbol in topological([operand]):
                return allowed[min(i, len(allowed) - 1)]
        return allowed[0]


def default_examples(op: Op) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """One call, over matrices; further operands over their last axis."""
    names = "xyz"[: len(op.domain)]
    shapes = {name: ("m", "n") if name == "x" else ("n",) for name in names}
    return ((f"{op.name}({', '.join(names)})", shapes),)


def cases() -> list[Case]:
    found = {}
    for op in registry.values():
        examples = MORE.get(op.name, ()) + op.examples or default_examples(op)
        found.update((Case(op.name, *example), None) for example in examples)
    for name, examples in MORE.items():
        found.update((Case(name, *example), None) for example in examples)
    return list(found)


CASES = cases()
DECLARED = (SYMBOL, PARAMETER)  # not called by name
FIRST = list({case.op: case for case in reversed(CASES)}.values())[::-1]  # one example of each op
