"""The expression: one immutable, interned node type."""

from __future__ import annotations

import functools
import hashlib
import weakref
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import sympy

from graphc.errors import UnsupportedError
from graphc.ir.dims import Shape, dim_text, shape_text
from graphc.ir.methods import ArrayMethods
from graphc.ir.op import Op, record

# Python operators, methods and printing are defined by higher layers, which enter their functions here on import.
behaviour: dict[str, Callable[..., Any]] = {}
Result = TypeVar("Result")
_nodes: weakref.WeakValueDictionary[tuple[Any, ...], Expr] = weakref.WeakValueDictionary()


class Expr(ArrayMethods):
    """A node of a symbolic tensor graph; equal expressions are the same object.

    Attributes
    ----------
    op : Op
    operands : tuple of Expr
    attributes : read-only mapping
    shape : tuple of int or SymPy expression
    dtype : str, one of "float64", "float32", "int64", "bool"
    digest : int, a structural hash that is the same in every process
    """

    __slots__ = ("__weakref__", "attributes", "cache", "depth", "digest", "dtype", "op", "operands", "shape", "weak")

    op: Op
    operands: tuple[Expr, ...]
    attributes: Mapping[str, Any]
    shape: Shape
    dtype: str
    digest: int
    depth: int  # 0 for a leaf
    cache: dict[str, Any]  # what was found out about the node, and holds for as long as it is there
    weak: bool  # a literal number: it takes the dtype of what it meets, as Python numbers do in NumPy

    def __new__(cls) -> Expr:
        raise UnsupportedError("expressions are built with symbol(), parameter(), operators and functions, not Expr()")

    @property
    def name(self) -> str | None:
        """The name of a symbol, a parameter or a named intermediate; None otherwise."""
        name = self.attributes.get("name")
        return name if isinstance(name, str) else None

    def named(self, name: str) -> Expr:
        """The same value under a name of its own, shown in formulas, pictures and emitted code."""
        return self._apply("named", name)

    def _apply(self, function: str, *args: Any, **kwargs: Any) -> Expr:
        result: Expr = behaviour[function](self, *args, **kwargs)
        return result

    def __getattr__(self, name: str) -> Any:
        """What an expression has not, with what to write instead."""
        instead = "" if name.startswith("_") else behaviour["instead"](name)
        raise AttributeError(f"an expression has no attribute {name!r}{instead}", name=name, obj=self)

    def __add__(self, other: Any) -> Expr:
        return self._apply("add", other)

    def __radd__(self, other: Any) -> Expr:
        result: Expr = behaviour["add"](other, self)
        return result

    def __sub__(self, other: Any) -> Expr:
        return self._apply("subtract", other)

    def __rsub__(self, other: Any) -> Expr:
        result: Expr = behaviour["subtract"](other, self)
        return result

    def __mul__(self, other: Any) -> Expr:
        return self._apply("multiply", other)

    def __rmul__(self, other: Any) -> Expr:
        result: Expr = behaviour["multiply"](other, self)
        return result

    def __truediv__(self, other: Any) -> Expr:
        return self._apply("divide", other)

    def __rtruediv__(self, other: Any) -> Expr:
        result: Expr = behaviour["divide"](other, self)
        return result

    def __pow__(self, other: Any) -> Expr:
        return self._apply("power", other)

    def __rpow__(self, other: Any) -> Expr:
        result: Expr = behaviour["power"](other, self)
        return result

    def __matmul__(self, other: Any) -> Expr:
        return self._apply("matmul", other)

    def __rmatmul__(self, other: Any) -> Expr:
        result: Expr = behaviour["matmul"](other, self)
        return result

    def __neg__(self) -> Expr:
        return self._apply("negative")

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return self._apply("abs")

    def __gt__(self, other: Any) -> Expr:
        return self._apply("greater", other)

    def __ge__(self, other: Any) -> Expr:
        return self._apply("greater_equal", other)

    def __lt__(self, other: Any) -> Expr:
        return self._apply("less", other)

    def __le__(self, other: Any) -> Expr:
        return self._apply("less_equal", other)

    def __and__(self, other: Any) -> Expr:
        return self._apply("and", other)

    def __or__(self, other: Any) -> Expr:
        return self._apply("or", other)

    def __xor__(self, other: Any) -> Expr:
        return self._apply("xor", other)

    def __invert__(self) -> Expr:
        return self._apply("invert")

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __round__(self, digits: None = None) -> Expr:
        return self._apply("round") if digits is None else self._apply("round", digits)

    def __getitem__(self, key: Any) -> Expr:
        return self._apply("index", key)

    def __bool__(self) -> bool:
        raise UnsupportedError(
            "a symbolic expression has no truth value; use gc.where(condition, a, b) instead of if, "
            "and `is` or `is not None` to compare expressions as objects"
        )

    def __iter__(self) -> Any:
        """The rows of an array whose first size is a number."""
        if self.shape and isinstance(self.shape[0], int):
            return iter([self[i] for i in range(self.shape[0])])
        raise UnsupportedError(
            f"a symbolic expression of shape {shape_text(self.shape)} cannot be iterated over; use axis= arguments for "
            "sums, and a Python loop over a whole number of arrays to unroll a recurrent network"
        )

    def __len__(self) -> int:
        if self.shape and isinstance(self.shape[0], int):
            return self.shape[0]
        raise UnsupportedError(
            f"a symbolic expression of shape {shape_text(self.shape)} has no len(); its sizes are in .shape"
        )

    def __float__(self) -> float:
        raise UnsupportedError("a symbolic expression is no number; gc.evaluate(expr, values) computes its value")

    def __int__(self) -> int:
        raise UnsupportedError("a symbolic expression is no number; gc.evaluate(expr, values) computes its value")

    def _sympy_(self) -> Any:
        raise sympy.SympifyError(self)  # a dimension on the left of an operator defers to Expr

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnsupportedError("a symbolic expression is no NumPy array; gc.evaluate(expr, values) computes one")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Expr:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self._traced(name, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Expr:
        return self._traced(function.__name__, arguments, options)

    def _traced(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Expr:
        result: Expr = behaviour["traced"](name, arguments, options)
        return result

    def __floordiv__(self, other: Any) -> Expr:
        raise UnsupportedError("expressions have no //; use / for a quotient (sizes in a shape may use //)")

    def __mod__(self, other: Any) -> Expr:
        raise UnsupportedError("expressions have no %; use where(), sin() or cos() for what repeats")

    __rfloordiv__ = __floordiv__
    __rmod__ = __mod__

    def __str__(self) -> str:
        return str(behaviour["str"](self))

    def __repr__(self) -> str:
        text = str(self)
        short = text if len(text) <= 120 else text[:117] + "..."
        return f"<{short} : {shape_text(self.shape)} {self.dtype}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {behaviour['latex'](self)}$"

    def __reduce__(self) -> Any:
        return _rebuild, (_flatten(self),)


def make(op: Op, operands: Iterable[Expr] = (), **attributes: Any) -> Expr:
    """The node of `op` over `operands`: verified by the op's shape rule, and the same object each time.

    `attributes` are hashable; those that are None are left out.
    """
    operands = tuple(operands)
    items = tuple(sorted((k, v) for k, v in attributes.items() if v is not None))
    key = (op, tuple(map(id, operands)), items)
    node = _nodes.get(key)
    if node is not None:
        return node
    mapping = MappingProxyType(dict(items))
    shape, dtype = op.infer(operands, mapping)
    node = object.__new__(Expr)
    node.op, node.operands, node.attributes = op, operands, mapping
    node.shape, node.dtype = shape, dtype
    node.weak = all(o.weak for o in operands) if operands else op.literal
    node.depth = 1 + max(o.depth for o in operands) if operands else 0
    node.digest = _digest(op, operands, items)
    node.cache = {}
    _nodes[key] = node
    return node


def of_node(function: Callable[[Expr], Result]) -> Callable[[Expr], Result]:
    """`function` of one node, called once for as long as the node is there."""
    key = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def found(node: Expr) -> Result:
        if key not in node.cache:
            node.cache[key] = function(node)
        result: Result = node.cache[key]
        return result

    return found


def _digest(op: Op, operands: tuple[Expr, ...], items: tuple[tuple[str, Any], ...]) -> int:
    name = f"graphc.{op.name}" if op.replaceable else op.name  # a user's op of the same name is another
    parts = [name, *(f"{k}={stable_text(v)}" for k, v in items), *(format(o.digest, "x") for o in operands)]
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big")


def stable_text(value: Any) -> str:
    """`value` of an attribute as text that does not depend on the process."""
    if isinstance(value, sympy.Basic):
        return dim_text(value)
    if isinstance(value, tuple):
        return "(" + ",".join(map(stable_text, value)) + ")"
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(stable_text, value))) + "}"
    return str(value)


def topological(roots: Iterable[Expr], known: Container[Expr] = ()) -> list[Expr]:
    """Every node below `roots`, operands before their users, each once; iterative, in a stable order.

    Nodes in `known`, and what only they use, are left out.
    """
    order: list[Expr] = []
    done: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if node in done or node in known:
            continue
        if ready:
            done.add(node)
            order.append(node)
        else:
            stack.append((node, True))
            stack.extend((o, False) for o in reversed(node.operands) if o not in done)
    return order


def users_in(order: Iterable[Expr]) -> dict[Expr, list[Expr]]:
    """The nodes in `order` that use each node, once for each use."""
    users: dict[Expr, list[Expr]] = defaultdict(list)
    for node in order:
        for f in node.operands:
            users[f].append(node)
    return users


def rebuild(node: Expr, operands: tuple[Expr, ...]) -> Expr:
    """`node` over other operands."""
    return node if operands == node.operands else make(node.op, operands, **node.attributes)


def substitute(roots: Iterable[Expr], replacements: Mapping[Expr, Expr]) -> list[Expr]:
    """`roots` with nodes replaced; a replaced node is not looked into."""
    return refilled(roots, dict(replacements)) if replacements else list(roots)


def refilled(roots: Iterable[Expr], done: dict[Expr, Expr]) -> list[Expr]:
    """`roots` with nodes replaced as `done` says, which then holds what has become of every node below."""
    roots = list(roots)
    for node in topological(roots, done):
        done[node] = rebuild(node, tuple(done[o] for o in node.operands))
    return [done[root] for root in roots]


Row: TypeAlias = tuple[tuple[str, bool], tuple[int, ...], dict[str, Any]]


def _flatten(root: Expr) -> list[Row]:
    order = topological([root])
    place = {node: i for i, node in enumerate(order)}
    return [((n.op.name, n.op.replaceable), tuple(place[o] for o in n.operands), dict(n.attributes)) for n in order]


def _rebuild(rows: list[Row]) -> Expr:
    nodes: list[Expr] = []
    for op, operands, attributes in rows:
        nodes.append(make(record(*op), tuple(nodes[i] for i in operands), **attributes))
    return nodes[-1]
